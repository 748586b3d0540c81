"""Diagnostics of chains: closed forms, properties, and numpyro's as an independent reading."""

import numpy as np
import pytest
from scipy.signal import lfilter

from homing.inference import diagnostics


def autoregressive(phi, chains=4, draws=5000, seed=0):
    """Stationary AR(1) chains (chain, draw) of variance 1."""
    rng = np.random.default_rng(seed)
    noise = rng.normal(size=(chains, draws)) * np.sqrt(1 - phi**2)
    noise[:, 0] = rng.normal(size=chains)
    return lfilter([1.0], [1.0, -phi], noise, axis=1)


@pytest.mark.parametrize("phi", [-0.4, 0.0, 0.5, 0.9])
def test_the_effective_number_of_an_autoregressive_chain_is_its_closed_form(phi):
    x = autoregressive(phi)
    expected = x.size * (1 - phi) / (1 + phi)
    assert diagnostics.plain_ess(x) == pytest.approx(expected, rel=0.12)
    assert diagnostics.bulk_ess(x) == pytest.approx(expected, rel=0.12)


def test_numpyro_finds_the_same_numbers():
    reference = pytest.importorskip("numpyro.diagnostics")
    for phi in (0.0, 0.6, 0.95):
        x = autoregressive(phi, draws=800, seed=4)
        assert diagnostics.plain_ess(x) == pytest.approx(float(reference.effective_sample_size(x)), rel=0.01)
        assert diagnostics.plain_rhat(diagnostics.split(x)) == pytest.approx(
            float(reference.split_gelman_rubin(x)), rel=1e-6
        )


def test_rhat_is_the_ratio_of_variances():
    x = np.array([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]])  # within 1, between the means 1 and 4: 4.5
    assert diagnostics.plain_rhat(x) == pytest.approx(np.sqrt(2 / 3 + 4.5))


def test_mixed_chains_have_rhat_near_one_and_a_shift_a_drift_or_another_width_is_seen():
    x = autoregressive(0.3, seed=2)
    assert diagnostics.rhat(x) < 1.005
    shifted, wider, drifting = x.copy(), x.copy(), x + np.linspace(-1, 1, x.shape[1])
    shifted[0] += 1
    wider[0] *= 3
    assert diagnostics.rhat(shifted) > 1.05
    assert diagnostics.rhat(wider) > 1.03
    assert diagnostics.plain_rhat(wider) < 1.01  # only the folded one sees it
    assert diagnostics.rhat(drifting) > 1.05


def test_ranks_make_all_of_it_blind_to_monotone_scales_and_to_heavy_tails():
    x = autoregressive(0.5, draws=1000)
    assert diagnostics.bulk_ess(np.exp(3 * x)) == pytest.approx(diagnostics.bulk_ess(x), rel=1e-12)
    cauchy = np.random.default_rng(1).standard_cauchy((4, 1000))
    assert diagnostics.bulk_ess(cauchy) == pytest.approx(4000, rel=0.15)


def test_tails_mix_worse_than_the_middle_where_a_chain_sticks_there():
    x = autoregressive(0.0, draws=2000, seed=5)
    x[0, 500:560] = 4.0
    assert diagnostics.tail_ess(x) < 0.5 * diagnostics.bulk_ess(x)
    independent = autoregressive(0.0, draws=2000, seed=6)
    assert diagnostics.tail_ess(independent) == pytest.approx(8000, rel=0.15)


def test_an_odd_chain_loses_its_middle_and_a_constant_has_no_diagnostics():
    assert diagnostics.split(np.arange(5.0)[None]).tolist() == [[0, 1], [3, 4]]
    assert np.isnan(diagnostics.rhat(np.ones((2, 10))))
    assert np.isnan(diagnostics.bulk_ess(np.ones((2, 10))))
    assert diagnostics.plain_rhat(np.array([[0.0, 0.0], [1.0, 1.0]])) == np.inf
