"""Power and assurance."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.trials.power import TwoArmDesign, assurance, patients_for_power, power, predictive_assurance

shares = st.floats(0.02, 0.98)


def test_unpooled_sample_size_for_30_versus_50():
    assert patients_for_power(0.5, 0.3, 0.8, 0.05, 0.0) == 91  # 90.3 with unpooled variance


def test_power_against_simulation():
    rng = np.random.default_rng(7)
    design = TwoArmDesign(106)
    a, b = rng.binomial(106, 0.5, 200_000) / 106, rng.binomial(106, 0.34, 200_000) / 106
    z = (a - b) / np.sqrt((a * (1 - a) + b * (1 - b)) / 106)
    assert power(0.5, 0.34, design) == pytest.approx(np.mean(z > 1.959964), abs=0.01)


@given(shares, shares, st.integers(5, 2000))
def test_power_grows_with_patients_and_is_a_probability(a, b, n):
    p = power(a, b, TwoArmDesign(n))
    assert 0 <= p <= 1
    if a > b:
        assert power(a, b, TwoArmDesign(2 * n)) >= p


@given(shares)
def test_no_effect_gives_half_of_alpha(p):
    assert power(p, p, TwoArmDesign(200, 0.05)) == pytest.approx(0.025, abs=1e-9)


def test_dropout_costs_power():
    assert power(0.5, 0.34, TwoArmDesign(106, dropout=0.2)) < power(0.5, 0.34, TwoArmDesign(106))


def test_no_size_is_enough_for_no_effect():
    assert patients_for_power(0.3, 0.3, 0.8, 0.05, 0.0) is None


def test_certain_outcomes():
    assert power(1.0, 0.0, TwoArmDesign(10)) == 1.0
    assert power(0.0, 0.0, TwoArmDesign(10)) == 0.0


@given(st.lists(st.tuples(shares, shares), min_size=1, max_size=5))
def test_assurance_lies_between_the_powers(cases):
    mean, each = assurance(cases, [1.0] * len(cases), TwoArmDesign(100))
    assert min(each) - 1e-12 <= mean <= max(each) + 1e-12


def test_predictive_assurance_without_spread_is_power():
    odds = np.exp(0.65) * 0.34 / 0.66
    design = TwoArmDesign(106)
    assert predictive_assurance(0.65, 0.0, 0.34, design) == pytest.approx(power(odds / (1 + odds), 0.34, design))
    assert 0.3 < predictive_assurance(0.65, 0.6, 0.34, design) < power(odds / (1 + odds), 0.34, design)
