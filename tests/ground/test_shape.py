"""Data from a file is found to lack a field at the place where it does."""

import pytest

from homing.ground.shape import NUMBER, PERHAPS, lacking

WANTED = {"rows": [{"n": int, "x": NUMBER}], "by": {"*": PERHAPS}, "note?": str}
WHOLE = {"rows": [{"n": 1, "x": 0.5}], "by": {"a": None, "b": 2.0}}


def test_whole_data_lacks_nothing_and_more_than_is_wanted_does_no_harm() -> None:
    assert lacking(WHOLE, WANTED) == ""
    assert lacking(WHOLE | {"note": "so", "more": []}, WANTED) == ""


@pytest.mark.parametrize(
    ("data", "place"),
    [
        ({}, "rows"),
        ([], "a mapping"),
        (None, "a mapping"),
        (WHOLE | {"rows": {}}, "rows"),
        (WHOLE | {"rows": [{"n": 1, "x": 1}, {"n": 1}]}, "rows[1].x"),
        (WHOLE | {"by": {"a": "many"}}, "by.a"),
        (WHOLE | {"note": 3}, "note"),
    ],
)
def test_the_first_place_that_is_wrong_is_named(data: object, place: str) -> None:
    assert lacking(data, WANTED) == place
