"""Cost per extra remission."""

import numpy as np
import pytest

from homing.economics.cost import cost_per_extra_remission, probability_worthwhile


def test_plain_ratio():
    result = cost_per_extra_remission(np.full(100, 400_000.0), np.full(100, 0.2))
    assert result.value == pytest.approx(2_000_000)
    assert result.low == result.high == pytest.approx(2_000_000)
    assert result.share_without_gain == 0


def test_no_gain_is_undefined_and_never_flips_sign():
    result = cost_per_extra_remission(np.full(10, 1.0), np.full(10, -0.1))
    assert np.isnan(result.value)
    assert result.share_without_gain == 1
    assert result.low == np.inf


def test_draws_without_gain_widen_the_range_upwards():
    gain = np.array([0.1] * 90 + [-0.05] * 10)
    result = cost_per_extra_remission(np.full(100, 100.0), gain)
    assert result.high == np.inf
    assert result.low == pytest.approx(1000)
    assert result.share_without_gain == pytest.approx(0.1)


def test_worthwhile_grows_with_worth():
    share = probability_worthwhile(np.full(4, 10.0), np.array([0.1, 0.2, 0.4, -1.0]), np.array([0.0, 60.0, 1000.0]))
    assert list(share) == [0.0, 0.5, 0.75]
