"""Units at the door."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.ground.calendar import read_time, week_label
from homing.ground.errors import HomingError
from homing.ground.units import factor, read_quantity, split_quantity


@pytest.mark.parametrize(
    ("text", "unit", "number"),
    [
        ("120e6 cells", "cell", 1.2e8),
        ("1.2E+8 cells", "cell", 1.2e8),
        ("120_000_000 cells", "cell", 1.2e8),
        ("2e6 cells/kg", "cell/kg", 2e6),
        ("88 %", "1", 0.88),
        ("0.88", "1", 0.88),
        ("24 weeks", "d", 168.0),
        ("12 h", "d", 0.5),
        ("300000 RMB", "CNY", 3e5),
        ("0.113 1/d", "1/d", 0.113),
        ("1.4 1/week", "1/d", 0.2),
        ("350 mg", "mg", 350.0),
        ("5 mg/kg", "mg/kg", 5.0),
        ("250 µg/g", "ug/g", 250.0),
    ],
)
def test_reads(text, unit, number):
    assert read_quantity(text, unit) == pytest.approx(number, rel=1e-14)


@pytest.mark.parametrize(
    ("text", "unit", "says"),
    [
        ("120", "cell", "has no unit. Write '120 cells'"),
        ("5 mg", "cell", "different things"),
        ("5 cellz", "cell", "unknown unit"),
        ("many cells", "cell", "not a number"),
        ("", "cell", "not a number"),
        ("1:30", "d", "unknown unit|not a unit"),
        ("120e6 cells", "cell/kg", "different things"),
    ],
)
def test_refuses(text, unit, says):
    with pytest.raises(HomingError, match=says):
        read_quantity(text, unit)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused(text):
    for unit in ("cell", "d", "1"):
        try:
            assert isinstance(read_quantity(text, unit), float)
        except HomingError:
            pass


@given(st.floats(1e-12, 1e12))
def test_conversion_there_and_back(x):
    assert x * factor("week", "d") * factor("d", "week") == pytest.approx(x, rel=1e-12)


def test_times():
    assert read_time("week 24") == 168
    assert read_time("day -7") == -7
    assert read_time("5 years") == pytest.approx(1826.25)
    assert week_label(168.0) == "24"
    with pytest.raises(HomingError, match="is not a time"):
        read_time("24")


def test_split():
    assert split_quantity(" -3.5e2 mg/L ") == (-350.0, "mg/L")
