"""YAML as text, with lines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.ground.errors import HomingError, StudyError
from homing.ground.text_yaml import parse_yaml, read_yaml


def test_nothing_is_guessed():
    tree = parse_yaml("a: no\nb: 1:30\nc: 120e6\nd: 1.2e+8\ne: 2016-01-01\nf: ~\n", "f.yaml").tree
    assert tree == {"a": "no", "b": "1:30", "c": "120e6", "d": "1.2e+8", "e": "2016-01-01", "f": None}


def test_places():
    tree = parse_yaml("arms:\n  one:\n    courses:\n      - dose: 1\n", "f.yaml")
    assert tree.where(("arms", "one", "courses", 0, "dose")) == "f.yaml:4: arms.one.courses[0].dose"
    assert tree.where(("arms", "one", "missing")) == "f.yaml:2: arms.one.missing"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: 1\na: 2\n", r"f.yaml:2: a: the key 'a' stands twice"),
        ("a: &x 1\nb: *x\n", "anchors"),
        ("a: [1\n", "broken YAML"),
        ("", "is empty"),
        ("a:\n\t- b", "broken YAML"),
        ("[" * 2000, "broken YAML|nested too deeply"),
        ("? [a]\n: b", "plain text"),
        ("a: 1\n---\nb: 2\n", "broken YAML"),
        ("a: \x00", "broken YAML"),
    ],
)
def test_refusals(text, says):
    with pytest.raises(HomingError, match=says):
        parse_yaml(text, "f.yaml")


def test_files(tmp_path):
    (tmp_path / "study.yaml").write_text("a: 1")
    with pytest.raises(StudyError, match="Did you mean"):
        read_yaml(tmp_path / "studi.yaml", kind=StudyError)
    with pytest.raises(StudyError, match="folder"):
        read_yaml(tmp_path, kind=StudyError)
    (tmp_path / "latin.yaml").write_bytes("a: 1\nb: é\n".encode("latin-1"))
    with pytest.raises(StudyError, match=r"latin.yaml:2: is not UTF-8"):
        read_yaml(tmp_path / "latin.yaml", kind=StudyError)
    (tmp_path / "bom.yaml").write_text("a: 1", encoding="utf-8-sig")
    assert read_yaml(tmp_path / "bom.yaml").tree == {"a": "1"}


@given(st.text(max_size=200))
def test_any_text_is_read_or_refused(text):
    try:
        parse_yaml(text, "f.yaml")
    except HomingError:
        pass
