"""Credible intervals over draws: analysis of variance, coverage of known draws, and no interval where draws agree."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import beta

from homing.ground.credible import Moments, credible


def one_column_a_draw(draw: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray]:
    return np.eye(draws)[draw], np.eye(draws)


def beta_binomial(
    seed: int, draws: int, patients: int, a: float, b: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True shares of the draws, the draw of each patient, and who met the rule."""
    rng = np.random.default_rng(seed)
    true = rng.beta(a, b, draws)
    draw = np.arange(draws * patients) % draws
    return true, draw, (rng.random(draw.size) < true[draw]).astype(float)


def test_equal_groups_give_the_analysis_of_variance() -> None:
    _, draw, met = beta_binomial(4, 12, 9, 2, 3)
    found = credible(met, *one_column_a_draw(draw, 12))
    groups = np.stack([met[draw == d] for d in range(12)])
    means, within = groups.mean(axis=1), groups.var(axis=1, ddof=1).mean()
    between = means.var() - within / 9 * (1 - 1 / 12)
    assert between > 0
    assert found.mean == pytest.approx(met.mean())
    assert found.between == pytest.approx(between)
    np.testing.assert_allclose(found.means, met.mean() + (means - met.mean()) * math.sqrt(between / means.var()))
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(found.means, [0.025, 0.975])))
    assert found.error == pytest.approx(met.std(ddof=1) / math.sqrt(met.size))


def test_the_interval_is_that_of_the_draws_and_holds_most_of_them() -> None:
    inside, ends = [], []
    for seed in range(40):
        true, draw, met = beta_binomial(seed, 60, 25, 4, 8)
        found = credible(met, *one_column_a_draw(draw, 60))
        inside.append(np.mean((true >= found.low) & (true <= found.high)))
        ends.append((found.low, found.high))
    assert 0.92 < np.mean(inside) < 0.98
    np.testing.assert_allclose(np.mean(ends, axis=0), beta.ppf([0.025, 0.975], 4, 8), atol=0.03)


def test_means_vary_as_the_draws_do_and_not_more() -> None:
    found = [
        credible(met, *one_column_a_draw(draw, 60))
        for _, draw, met in (beta_binomial(s, 60, 25, 4, 8) for s in range(40))
    ]
    assert np.mean([f.between for f in found]) == pytest.approx(beta.var(4, 8), rel=0.1)
    for f in found:
        assert f.means.var() == pytest.approx(f.between)


def test_where_draws_agree_the_interval_collapses() -> None:
    rng = np.random.default_rng(1)
    draw = np.arange(2000) % 50
    found = [credible((rng.random(2000) < 0.3).astype(float), *one_column_a_draw(draw, 50)) for _ in range(40)]
    assert sum(f.low == f.high == pytest.approx(f.mean) for f in found) >= 10
    assert np.mean([f.between for f in found]) < 0.1 * 0.21 / 40  # a tenth of what sampling alone gives the means
    shown = [np.ptp(credible(np.full(2000, 0.25), *one_column_a_draw(draw, 50)).means)]
    assert shown == [0.0]


def test_few_patients_a_draw_are_enough_for_a_smooth_design() -> None:
    """Shares that follow one factor, two patients a draw: the draws' own means could not tell, a line can."""
    rng = np.random.default_rng(2)
    z = rng.standard_normal(400)
    true = 0.4 + 0.1 * z.clip(-3, 3)
    found = []
    for _ in range(30):
        met = (rng.random(800) < np.tile(true, 2)).astype(float)
        found.append(credible(met, np.tile(z, 2)[:, None], z[:, None]))
    assert np.mean([f.between for f in found]) == pytest.approx(true.var(), rel=0.1)
    ends = np.mean([(f.low, f.high) for f in found], axis=0)
    np.testing.assert_allclose(ends, np.quantile(true, [0.025, 0.975]), atol=0.02)


def test_parts_add_up_to_the_whole() -> None:
    _, draw, met = beta_binomial(5, 10, 20, 2, 2)
    design, at = one_column_a_draw(draw, 10)
    weights = np.random.default_rng(3).random(met.size)
    parts = Moments(10)
    for some in (slice(0, 50), slice(50, 51), slice(51, None)):
        parts.add(met[some], design[some], weights[some])
    whole = credible(met, design, at, weights)
    np.testing.assert_allclose(parts.credible(at).means, whole.means)
    assert parts.credible(at).error == pytest.approx(whole.error)


def test_a_weight_of_nothing_leaves_a_patient_out_and_so_does_a_failure() -> None:
    _, draw, met = beta_binomial(6, 8, 30, 2, 2)
    design, at = one_column_a_draw(draw, 8)
    kept = np.random.default_rng(4).random(met.size) < 0.7
    without = credible(met[kept], design[kept], at)
    for again in (credible(met, design, at, kept.astype(float)), credible(np.where(kept, met, np.nan), design, at)):
        np.testing.assert_allclose(again.means, without.means)
        assert again.error == pytest.approx(without.error)
    np.testing.assert_allclose(credible(met, design, at, np.full(met.size, 3.0)).means, credible(met, design, at).means)


def test_uneven_weights_cost_patients() -> None:
    """Means vary more when patients weigh unevenly, and that excess is taken off as well."""
    rng = np.random.default_rng(7)
    draw = np.arange(3000) % 60
    design, at = one_column_a_draw(draw, 60)
    between = []
    for _ in range(40):
        true = rng.beta(4, 8, 60)
        met = (rng.random(3000) < true[draw]).astype(float)
        between.append(credible(met, design, at, rng.exponential(size=3000)).between)
    assert np.mean(between) == pytest.approx(beta.var(4, 8), rel=0.12)


def test_too_few_patients_give_a_mean_without_interval() -> None:
    found = credible(np.array([0.0, 1.0, 1.0]), *one_column_a_draw(np.array([0, 1, 2]), 3))
    assert found.mean == pytest.approx(2 / 3)
    assert math.isnan(found.low) and math.isnan(found.high) and np.isnan(found.means).all()
    nobody = credible(np.array([np.nan]), *one_column_a_draw(np.array([0]), 3))
    assert math.isnan(nobody.mean) and math.isnan(nobody.error)
