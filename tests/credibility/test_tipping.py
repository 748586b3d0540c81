"""Tipping points of gains whose crossing is known in closed form."""

from __future__ import annotations

import math

import pytest

from homing.credibility.tipping import HALVED, SCANNED, tipping_point


def linear(slope: float, level: float, error: float = 0.0):
    """A gain that is linear in the logarithm of the factor: `level` at 1."""

    def gain(factor: float) -> tuple[float, float, float]:
        mean = level + slope * math.log(factor)
        return mean, mean - error, mean + error

    return gain


@pytest.mark.parametrize("slope", [0.05, -0.05, 0.2])
@pytest.mark.parametrize("level", [0.02, 0.08])
def test_the_crossing_is_where_algebra_puts_it(slope: float, level: float) -> None:
    expected = math.exp((0.05 - level) / slope)
    tip = tipping_point("x", linear(slope, level), 0.1, 10.0, 0.05)
    cell = math.log(10) / SCANNED / 2**HALVED
    assert tip.tips
    assert abs(math.log(tip.factor / expected)) <= cell
    assert tip.gains == pytest.approx((level - slope * math.log(10), level + slope * math.log(10)))


def test_the_interval_of_the_gain_becomes_one_of_the_factor() -> None:
    slope, level, error = 0.1, 0.0, 0.02
    tip = tipping_point("x", linear(slope, level, error), 0.1, 10.0, 0.05)
    low, high = math.exp((0.05 - error) / slope), math.exp((0.05 + error) / slope)
    cell = math.log(10) / SCANNED / 2**HALVED
    assert math.log(tip.between[0]) == pytest.approx(math.log(low), abs=cell)
    assert math.log(tip.between[1]) == pytest.approx(math.log(high), abs=cell)


def test_an_interval_that_holds_the_threshold_from_the_start_to_the_end_is_open_over_the_whole_way() -> None:
    tip = tipping_point("x", linear(0.1, 0.0, 1.0), 0.1, 10.0, 0.05)
    assert tip.between == (1.0, 10.0)


def test_what_does_not_cross_within_its_range_does_not_tip() -> None:
    tip = tipping_point("x", linear(0.1, 0.0), 0.5, 1.5, 0.05)
    assert not tip.tips
    assert math.isnan(tip.factor)
    assert tipping_point("x", linear(0.1, 0.0), 0.5, 1.7, 0.05).tips, "the same a little further does"


def test_a_crossing_between_ends_on_the_same_side_is_found() -> None:
    def bump(factor: float) -> tuple[float, float, float]:
        mean = 0.1 if 2.5 < factor < 4.5 else 0.0
        return mean, mean, mean

    assert tipping_point("x", bump, 0.5, 10.0, 0.05).factor == pytest.approx(2.5, rel=0.05)


def test_the_nearer_of_two_crossings_is_told() -> None:
    def valley(factor: float) -> tuple[float, float, float]:
        mean = abs(math.log(factor)) if factor < 1 else 2 * math.log(factor)
        return mean, mean, mean

    tip = tipping_point("x", valley, 0.1, 10.0, 0.8)
    assert tip.factor == pytest.approx(math.exp(0.4), rel=0.05)


def test_a_range_down_to_nothing_is_asked_down_to_a_thousandth() -> None:
    tip = tipping_point("x", linear(0.05, 0.1), 0.0, 1.0, 0.0)
    assert tip.low == 1e-3
    assert tip.factor == pytest.approx(math.exp(-2), rel=0.1)
