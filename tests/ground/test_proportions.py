"""Exact intervals and Monte Carlo errors."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from homing.ground.proportions import exact_interval, monte_carlo_error, paired_difference, upper_bound


def test_no_events_in_fifty():
    assert exact_interval(0, 50)[1] == pytest.approx(0.0711, abs=5e-5)
    assert upper_bound(0, 50) == pytest.approx(0.0582, abs=5e-5)
    assert upper_bound(0, 3000) == pytest.approx(3 / 3000, rel=2e-3)  # the rule of three


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_is_scipys_exact_interval(case):
    events, n = case
    low, high = exact_interval(events, n)
    theirs = stats.binomtest(events, n).proportion_ci(method="exact")
    assert (low, high) == pytest.approx((theirs.low, theirs.high), abs=1e-9)


@pytest.mark.parametrize(("events", "n"), [(1, 0), (-1, 5), (6, 5)])
def test_refuses(events, n):
    with pytest.raises(ValueError, match="not a proportion"):
        exact_interval(events, n)


def test_monte_carlo_error():
    assert monte_carlo_error(0.8, 1000) == pytest.approx(0.01265, abs=5e-6)
    assert np.isnan(monte_carlo_error(0.5, 0))


def test_paired_difference_is_narrower_than_independent():
    rng = np.random.default_rng(1)
    control = rng.random(2000) < 0.4
    treated = control | (rng.random(2000) < 0.05)
    mean, low, high = paired_difference(treated, control)
    assert low < mean < high
    assert mean == pytest.approx(treated.mean() - control.mean())
    independent = 2 * 1.96 * np.hypot(monte_carlo_error(treated.mean(), 2000), monte_carlo_error(control.mean(), 2000))
    assert high - low < independent / 2
    assert np.isnan(paired_difference(np.array([1.0]), np.array([np.nan]))[0])
