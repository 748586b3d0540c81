"""Each measured value of the catalogue is entered twice from what its source prints, and the two are compared."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from homing.evidence.root import catalogue_root
from homing.ground.text_yaml import read_yaml
from homing.ground.units import read_quantity, split_quantity

SECOND = read_yaml(Path(__file__).parents[1] / "files" / "second-reading.yaml").tree
#: Trials are records of what was printed and have their own checks.
FOLDERS = ("products", "profiles", "drugs", "populations", "procedures", "routes", "carriers", "endpoints", "prices")
#: The fields under which an entry writes its number.
NUMBERS = ("value", "centre", "size")


def measured(node: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, dict[str, str]]]:
    """Every measured value below a place, with its key path."""
    if isinstance(node, dict):
        if node.get("basis") == "measured":
            yield ".".join(path), node
        for key, child in node.items():
            yield from measured(child, (*path, key))
    elif isinstance(node, list):
        for i, child in enumerate(node):
            yield from measured(child, (*path, str(i)))


def all_measured() -> dict[tuple[str, str], dict[str, str]]:
    """Every measured value of the catalogue by entry and key path."""
    found = {}
    for folder in FOLDERS:
        for file in sorted((catalogue_root() / folder).glob("*.yaml")):
            for path, node in measured(read_yaml(file).tree):
                found[f"{folder}/{file.stem}", path] = node
    return found


FIRST = all_measured()
TWICE = {(entry, path): read for entry, values in SECOND["values"].items() for path, read in values.items()}
COMPARED = [key for key, read in TWICE.items() if "read" in read]


def test_every_measured_value_is_read_a_second_time_or_says_why_not() -> None:
    missing = [key for key in FIRST if key not in TWICE and key[0] not in SECOND["pending"]]
    assert missing == [], "enter them in tests/files/second-reading.yaml, read again from the source"


def test_no_second_reading_is_left_of_a_value_that_is_gone() -> None:
    assert [key for key in TWICE if key not in FIRST] == []
    assert [entry for entry in SECOND["pending"] if entry not in {e for e, _ in FIRST}] == []


def test_most_measured_values_were_found_again() -> None:
    assert len(COMPARED) >= 0.75 * len(TWICE)


def digits(text: str) -> int:
    """Significant digits of a number as written; trailing zeros of a whole number count."""
    return len(Decimal(text.split()[0]).as_tuple().digits)


def rounded(x: float, to: int) -> float:
    return float(f"{x:.{to - 1}e}")


@pytest.mark.parametrize(("entry", "path"), COMPARED)
def test_both_readings_agree(entry: str, path: str) -> None:
    first, second = FIRST[entry, path], TWICE[entry, path]
    written = next(first[field] for field in NUMBERS if field in first)
    number, unit = split_quantity(written)
    again = read_quantity(second["read"], unit or "1")
    assert number == rounded(again, digits(written)), f"{written} against {second['read']} ({second['where']})"
    if "range" in second:
        assert ends(first["range"], unit) == pytest.approx(ends(second["range"], unit), rel=1e-9)


def ends(text: str, unit: str) -> tuple[float, float]:
    """A range's ends in a unit."""
    low, _, high = text.partition(" to ")
    other = split_quantity(high)[1]
    return read_quantity(low if split_quantity(low)[1] else f"{low} {other}", unit or "1"), read_quantity(
        high, unit or "1"
    )


@pytest.mark.parametrize(("entry", "path"), list(TWICE))
def test_a_second_reading_says_what_was_read_and_where(entry: str, path: str) -> None:
    second = TWICE[entry, path]
    known = {"blind", "read", "range", "printed", "from", "where", "not found again"}
    assert set(second) <= known
    assert ("read" in second) != ("not found again" in second)
    assert "read" not in second or {"printed", "where"} <= set(second)
