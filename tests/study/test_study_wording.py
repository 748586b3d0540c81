"""What Homing writes into a study file reads back as the very same number."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.ground.errors import HomingError
from homing.ground.units import read_quantity
from homing.study.scalars import Amount, read_amount, read_day, read_dropout, read_release
from homing.study.wording import amount_text, day_text, share_text

doses = st.floats(1e-6, 1e15).map(lambda x: float(f"{x:.12g}"))


@given(doses, st.sampled_from(["cell", "mg", "mL"]), st.booleans())
def test_a_dose_reads_back(number, of, per_kg):
    amount = Amount(number, of, per_kg and of != "mL")
    assert read_amount(amount_text(amount)) == amount


@given(st.floats(1e-6, 1).map(lambda x: float(f"{x:.12g}")))
def test_a_share_reads_back(share):
    assert read_release(share_text(share)) == share
    assert read_amount(amount_text(Amount(share, "fraction"))).number == pytest.approx(share, rel=1e-14)


@given(st.floats(0, 10_000))
def test_a_time_reads_back(day):
    assert read_day(day_text(day)) == day


@pytest.mark.parametrize(
    ("text", "number"), [("week 24", 168.0), ("24 weeks", 168.0), ("day 3", 3.0), ("year 1", 365.25), ("12 h", 0.5)]
)
def test_times_as_clinicians_write_them(text, number):
    assert read_day(text) == number


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("120000000 cells", "120e6 cells"),
        ("1e9 cells", "1000e6 cells"),
        ("5000 cells", "5000 cells"),
        ("2e6 cells/kg", "2e6 cells/kg"),
        ("0.3 g", "300 mg"),
        ("5 mg / kg", "5 mg/kg"),
        ("24 mL", "24 mL"),
        ("2 %", "2 %"),
    ],
)
def test_doses_have_one_spelling(text, written):
    assert amount_text(read_amount(text)) == written


def test_weight_by_weight_is_no_share_and_a_share_no_dose_by_weight():
    assert read_amount("5 mg/kg") == Amount(5.0, "mg", per_kg=True)
    assert read_amount("5 %") == Amount(0.05, "fraction")
    with pytest.raises(HomingError, match="per 'g'"):
        read_amount("5 mg/g")


@pytest.mark.parametrize("text", ["100 %", "1", "-1 %", "1e999"])
def test_a_share_lost_is_less_than_all(text):
    with pytest.raises(HomingError):
        read_dropout(text)


@pytest.mark.parametrize("unit", ["10**10**10", "10²²²²²²²²²", "m**9e9", "9" * 4000])
def test_no_unit_keeps_the_program_busy(unit):
    with pytest.raises(HomingError):
        read_quantity(f"1 {unit}", "cell")
