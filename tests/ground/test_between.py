"""What a spread says of a standard deviation: the density, its limits, and what the prior allows."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import ncx2

from homing.ground.between import deviation, log_noncentral


@pytest.mark.parametrize("nu", [1.0, 2.3, 9.0, 18.0, 59.0, 80.0, 400.0])
def test_the_density_is_the_noncentral_chi_squared(nu: float) -> None:
    for x in (0.5 * nu, nu, 3 * nu, 40 * nu):
        for noncentrality in (1.0, 10.0, 100.0):
            expected = ncx2.logpdf(x, nu, noncentrality)
            if np.isfinite(expected):
                found = log_noncentral(x, nu, np.array([noncentrality]))[0]
                assert found == pytest.approx(expected, abs=1e-4)


def test_a_spread_that_errors_dwarf_leaves_zero_possible_and_says_no_more_than_the_errors_do() -> None:
    for spread in (0.0, 0.3, 1.0):
        found = deviation(spread, 1.0, 9.0, 100.0)
        assert found.quantiles(0.025) < 0.1
        assert 0.05 < found.variance < 3.0


def test_a_spread_that_dwarfs_errors_is_the_variance_less_the_errors() -> None:
    found = deviation(1.0, 0.01, 9.0, 100.0)
    assert found.variance == pytest.approx(0.99, abs=0.005)
    # The standard error of a noncentral chi-squared, of which a deviation has half on its own scale.
    width = float(np.diff(found.quantiles([0.1587, 0.8413]))[0])
    assert width == pytest.approx(np.sqrt(4 * 0.01 / 9), rel=0.05)


def test_without_errors_the_spread_is_known() -> None:
    found = deviation(0.25, 0.0, 9.0, 1.0)
    assert found.points.tolist() == [0.5]
    assert found.variance == deviation(0.25, 1e-9, 9.0, 1.0).variance == 0.25


def test_draws_do_not_differ_more_than_outcomes() -> None:
    found = deviation(1.0, 1.0, 5.0, 0.4)
    assert found.points.max() <= 0.4
    assert found.quantiles(0.5) == pytest.approx(0.2, abs=0.03), "flat where errors say nothing"
