"""Every invalid file is refused once, at the right file, line and key, in words that hold the fix."""

import time

import pytest
from study_corpus import INVALID

from homing.ground.errors import HomingError, StudyError
from homing.study.read import parse_study, read_study_file
from homing.study.resolve import read_study, resolve
from homing.study.scalars import read_patients


def test_a_faulty_file_is_refused_at_its_line_and_key(faulty, expected):
    refusal = expected[faulty.stem]
    start = time.monotonic()
    with pytest.raises(StudyError) as caught:
        read_study(faulty)
    assert time.monotonic() - start < 10
    text = str(caught.value)
    place = f"{faulty}:{refusal['line']}" if "line" in refusal else str(faulty)
    if "key" in refusal:
        place += f": {refusal['key']}: "
    assert text.startswith(place)
    assert refusal.get("says", "") in text
    assert len(text.splitlines()) == 1, "one fault is told once"
    assert text.endswith((".", "?"))
    assert caught.value.exit_code == 2


def test_every_file_has_its_expectation_and_the_corpus_is_large(expected):
    assert {path.stem for path in INVALID} == set(expected)
    assert len(INVALID) >= 200


def test_all_faults_are_told_in_the_order_of_the_file(admire):
    text = admire.replace("120e6 cells", "120e6").replace("seed: 2016", "seed: -1").replace("alpha:", "alfa:")
    with pytest.raises(StudyError) as caught:
        parse_study(text)
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[1] for line in lines] == ["seed", "arms.darvadstrocel.courses[0].dose", "trial.alfa"]
    numbers = [int(line.split(":")[1]) for line in lines]
    written = text.splitlines()
    assert "seed: -1" in written[numbers[0] - 1]
    assert "dose: 120e6" in written[numbers[1] - 1]
    assert "alfa" in written[numbers[2] - 1]


def test_all_unknown_names_are_told_at_once(admire):
    text = admire.replace("give: darvadstrocel", "give: darva").replace("comparator: infliximab", "comparator: x")
    text = text.replace("observed: [ADMIRE-CD]", "observed: [ADMIRE]").replace("control: placebo", "control: nobody")
    with pytest.raises(StudyError) as caught:
        resolve(parse_study(text))
    keys = [line.split(": ")[1] for line in str(caught.value).splitlines()]
    assert keys == ["arms.darvadstrocel.courses[0].give", "control", "observed[0]", "comparator"]


@pytest.mark.parametrize(("text", "remedy"), [("05", "5"), ("+05", "5"), ("-05", "-5"), ("-0_007", "-7"), ("00", "0")])
def test_a_count_that_begins_with_0_is_refused_with_the_same_number(text, remedy):
    with pytest.raises(HomingError, match=f"Write '{remedy}'"):
        read_patients(text)


def test_many_faults_are_cut_short(admire):
    text = admire.replace("secondary: [crp,", f"secondary: [{', '.join(f'x{i}' for i in range(80))},")
    with pytest.raises(StudyError) as caught:
        resolve(parse_study(text))
    lines = str(caught.value).splitlines()
    assert len(lines) == 51
    assert lines[-1].endswith("and 30 more faults.")


def test_a_missing_file_names_the_nearest(tmp_path):
    (tmp_path / "study.yaml").write_text("homing: 1\n")
    with pytest.raises(StudyError, match=r"stuby\.yaml: there is no such file\. Did you mean '.*study\.yaml'\?"):
        read_study_file(tmp_path / "stuby.yaml")


def test_a_folder_is_no_study(tmp_path):
    with pytest.raises(StudyError, match="this is a folder"):
        read_study_file(tmp_path)


def test_a_hundred_megabytes_are_refused_without_being_read(tmp_path):
    path = tmp_path / "large.yaml"
    with path.open("wb") as stream:
        stream.write(b"homing: 1\n")
        stream.truncate(100_000_000)
    start = time.monotonic()
    with pytest.raises(StudyError, match="larger than 2 MB"):
        read_study_file(path)
    assert time.monotonic() - start < 1


def test_a_file_that_may_not_be_read(tmp_path, monkeypatch):
    path = tmp_path / "study.yaml"
    path.write_text("homing: 1\n")

    def denied(*args, **kwargs):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("pathlib.Path.open", denied)
    with pytest.raises(StudyError, match=r"can't be read \(Permission denied\)"):
        read_study_file(path)
