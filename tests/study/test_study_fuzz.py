"""Whatever is written, a study file is taken or refused in words: nothing else ever comes out."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from study_corpus import EXAMPLES, VALID

from homing.ground.errors import StudyError
from homing.study.read import parse_study
from homing.study.resolve import resolve

TEXTS = [path.read_text(encoding="utf-8-sig") for path in (*VALID, *EXAMPLES)]
JUNK = [
    *(
        "",
        " ",
        "\t",
        "\n",
        ":",
        "-",
        "{}",
        "[]",
        "{",
        "}",
        "[",
        "]",
        "~",
        "null",
        "yes",
        "no",
        "nan",
        "-1",
        "0",
        "1e999",
    ),
    *("1e308 cells", "1e-320 cells", "week -1", "week 1e9", "120", "cells", "mg", "%", "5 mg/kg", "120e6 cells/kg"),
    *("&a x", "*a", "!!int 3", "!!python/name:os.system ", "'", '"', "#", "|", ">", "? ", "<<: 1", "---", "\u0000"),
    *(
        "\ufeff",
        "\u2028",
        "١٢",
        "１２０",
        "²",
        "∞",
        "细胞",
        "1:30",
        "0x10",
        "1_000",
        "10**10",
        "placebo",
        "untreated: yes",
    ),
    *("week 0", "at: week 0", "{from: week 0, every: 0 days, times: 3}", "car-t", "intralesional", "oral", "crp"),
]
quiet = settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def taken_or_refused(text):
    """Resolve a text; anything but a Study or a StudyError is a failure."""
    try:
        study = resolve(parse_study(text))
    except StudyError as refusal:
        assert str(refusal).startswith("study.yaml")
        return
    assert study.explicit["homing"] == 1


@quiet
@given(st.text(max_size=300))
def test_any_text(text):
    taken_or_refused(text)


@quiet
@given(
    st.sampled_from(TEXTS),
    st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), st.sampled_from(JUNK)), min_size=1, max_size=3),
)
def test_a_valid_file_with_pieces_replaced(text, edits):
    for place, length, junk in edits:
        at = int(place * len(text))
        text = text[:at] + junk + text[at + length :]
    taken_or_refused(text)


@quiet
@given(st.sampled_from(TEXTS), st.data())
def test_a_valid_file_with_words_exchanged(text, data):
    words = text.split(" ")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(words) - 1))
        words[at] = data.draw(st.sampled_from([*JUNK, *words]))
    taken_or_refused(" ".join(words))


@quiet
@given(st.sampled_from(TEXTS), st.data())
def test_a_valid_file_with_lines_lost_doubled_or_moved(text, data):
    lines = text.splitlines(keepends=True)
    for _ in range(data.draw(st.integers(1, 4))):
        at, to = data.draw(st.integers(0, len(lines) - 1)), data.draw(st.integers(0, len(lines) - 1))
        lines[at : at + 1] = data.draw(st.sampled_from([[], [lines[at]] * 2, [lines[to]], ["  " + lines[at]]]))
        if not lines:
            return
    taken_or_refused("".join(lines))


_leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(JUNK) | st.text(max_size=8)
_tree = st.recursive(
    _leaf, lambda inside: st.lists(inside, max_size=3) | st.dictionaries(st.text(), inside, max_size=3)
)


@quiet
@given(st.sampled_from(TEXTS), st.data())
def test_a_valid_file_with_any_value_in_any_place(text, data):
    import yaml

    tree = yaml.safe_load(text)
    node = tree
    while True:
        key = data.draw(st.sampled_from(list(node) if isinstance(node, dict) else list(range(len(node)))))
        if not (isinstance(node[key], dict | list) and node[key]) or data.draw(st.booleans()):
            node[key] = data.draw(_tree)
            break
        node = node[key]
    try:
        taken_or_refused(yaml.safe_dump(tree, allow_unicode=True))
    except yaml.YAMLError:
        return  # what PyYAML can't write is no file
