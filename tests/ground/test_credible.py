"""Credible intervals over draws: analysis of variance, coverage of known draws, width where draws agree or differ."""

from __future__ import annotations

import functools
import math

import numpy as np
import pytest
from scipy.stats import beta

from homing.ground.credible import Credible, Moments, credible


def one_column_a_draw(draw: np.ndarray, draws: int) -> tuple[np.ndarray, np.ndarray]:
    return draw, np.eye(draws)


def beta_binomial(
    seed: int, draws: int, patients: int, a: float, b: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """True shares of the draws, the draw of each patient, and who met the rule."""
    rng = np.random.default_rng(seed)
    true = rng.beta(a, b, draws)
    draw = np.arange(draws * patients) % draws
    return true, draw, (rng.random(draw.size) < true[draw]).astype(float)


def test_equal_groups_give_the_analysis_of_variance() -> None:
    """With many patients a group the variance is that of the moments, and every mean is drawn in by its root."""
    _, draw, met = beta_binomial(4, 12, 400, 2, 3)
    found = credible(met, *one_column_a_draw(draw, 12))
    groups = np.stack([met[draw == d] for d in range(12)])
    means, within = groups.mean(axis=1), groups.var(axis=1, ddof=1).mean()
    between = means.var() - within / 400 * (1 - 1 / 12)
    assert found.mean == pytest.approx(met.mean())
    assert found.between == pytest.approx(between, rel=0.02)
    expected = met.mean() + (means - met.mean()) * math.sqrt(found.between / means.var())
    np.testing.assert_allclose(found.means, expected)
    assert (found.low, found.high) == pytest.approx(tuple(np.quantile(found.means, [0.025, 0.975])), abs=0.01)
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


@functools.lru_cache(maxsize=256)
def logistic(seed: int, width: float, columns: int = 9, draws: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Design (draw, column) of a posterior's factors, and true shares about 0.3 whose central 95 % are so wide."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal((draws, columns))
    z = (z - z.mean(axis=0)) / z.std(axis=0)
    line = z @ (rng.standard_normal(columns) * (rng.random(columns) < 0.6) + 0.1)
    shares = [1 / (1 + np.exp(0.85 - size * line / line.std())) for size in np.linspace(0, 2, 201)]
    ends = np.quantile(shares, [0.025, 0.975], axis=1)
    return z, shares[int(np.searchsorted(ends[1] - ends[0], width))]


def simulated(seed: int, patients: int, width: float) -> tuple[Credible, np.ndarray]:
    """An interval from so many patients, squares in the design where they are many, and the true shares."""
    z, true = logistic(seed, width)
    design = np.hstack([z, z**2 - 1]) if patients >= 450 else z
    draw = np.arange(patients) % len(true)
    met = (np.random.default_rng(1000 + seed).random(patients) < true[draw]).astype(float)
    return credible(met, draw, design), true


@pytest.mark.parametrize("width", [0.0, 0.04, 0.08, 0.16])
@pytest.mark.parametrize("patients", [60, 120, 300, 2000])
def test_the_interval_holds_the_true_means_of_the_draws(patients: int, width: float) -> None:
    """About 95 % of them on average, more where patients are too few to tell that draws differ little."""
    found = [simulated(seed, patients, width) for seed in range(60)]
    inside = [np.mean((true >= f.low) & (true <= f.high)) for f, true in found]
    assert np.mean(inside) > 0.91
    assert all(f.high > f.low for f, _ in found)


def test_no_run_pretends_that_draws_agree() -> None:
    """Chance lets the fitted means spread less than errors alone would in about half of all runs without a difference;
    the width then is still what so many patients leave open, at least the interval of the mean alone."""
    for patients in (60, 300, 2000):
        for seed in range(40):
            found, _ = simulated(seed, patients, 0.0)
            assert found.between > 0
            assert np.ptp(found.means) > 0
            assert found.high - found.low > 2 * 1.9 * found.error


def test_where_draws_agree_the_interval_shrinks_as_the_root_of_patients() -> None:
    sizes = np.array([500, 2000, 8000, 32000])
    widths = [np.mean([f.high - f.low for f, _ in (simulated(s, int(n), 0.0) for s in range(20))]) for n in sizes]
    slope, _ = np.polyfit(np.log(sizes), np.log(widths), 1)
    assert slope == pytest.approx(-0.5, abs=0.06)


def test_with_many_patients_the_interval_is_that_of_the_draws() -> None:
    """The draws are all that there are: what is left of the width is theirs, not an allowance for unseen ones."""
    for seed in range(5):
        z, true = logistic(seed, 0.16)
        draw = np.arange(200_000) % len(true)
        met = (np.random.default_rng(seed).random(draw.size) < true[draw]).astype(float)
        design = np.hstack([z, z**2 - 1])
        found = credible(met, draw, design)
        assert (found.low, found.high) == pytest.approx(tuple(np.quantile(true, [0.025, 0.975])), abs=0.015)


@pytest.mark.parametrize("value", [0.0, 0.25, 1.0])
def test_outcomes_that_are_all_the_same_give_a_point(value: float) -> None:
    found = credible(np.full(2000, value), *one_column_a_draw(np.arange(2000) % 50, 50))
    assert found.is_point
    assert found.low == found.high == found.mean == pytest.approx(value)
    assert np.ptp(found.means) == 0.0


@pytest.mark.parametrize(("each", "over"), [(2, 0.5), (40, 0.1)])
def test_few_patients_a_draw_are_enough_for_a_smooth_design(each: int, over: float) -> None:
    """Shares that follow one factor: where the draws' own means could not tell, a line can. That a line is all there is
    two patients a draw don't show, so the variance may be half as much again; forty do."""
    rng = np.random.default_rng(2)
    z = rng.standard_normal(400)
    true = 0.4 + 0.1 * z.clip(-3, 3)
    found = []
    for _ in range(30):
        met = (rng.random(400 * each) < np.tile(true, each)).astype(float)
        found.append(credible(met, np.arange(met.size) % 400, z[:, None]))
    assert 0.9 < np.mean([f.between for f in found]) / true.var() < 1 + over
    low, high = np.mean([(f.low, f.high) for f in found], axis=0) - np.quantile(true, [0.025, 0.975])
    assert -0.2 * over < low < 0.02
    assert -0.02 < high < 0.2 * over


def test_parts_add_up_to_the_whole() -> None:
    _, draw, met = beta_binomial(5, 10, 20, 2, 2)
    of, at = one_column_a_draw(draw, 10)
    weights = np.random.default_rng(3).random(met.size)
    parts = Moments(10)
    for some in (slice(0, 50), slice(50, 51), slice(51, None)):
        parts.add(met[some], of[some], weights[some])
    whole = credible(met, of, at, weights)
    np.testing.assert_allclose(parts.credible(at).means, whole.means)
    assert parts.credible(at).error == pytest.approx(whole.error)


def test_a_weight_of_nothing_leaves_a_patient_out_and_so_does_a_failure() -> None:
    _, draw, met = beta_binomial(6, 8, 30, 2, 2)
    of, at = one_column_a_draw(draw, 8)
    kept = np.random.default_rng(4).random(met.size) < 0.7
    without = credible(met[kept], of[kept], at)
    for again in (credible(met, of, at, kept.astype(float)), credible(np.where(kept, met, np.nan), of, at)):
        np.testing.assert_allclose(again.means, without.means)
        assert again.error == pytest.approx(without.error)
    np.testing.assert_allclose(credible(met, of, at, np.full(met.size, 3.0)).means, credible(met, of, at).means)


def test_uneven_weights_cost_patients() -> None:
    """Means vary more when patients weigh unevenly, and that excess is taken off as well."""
    rng = np.random.default_rng(7)
    draw = np.arange(3000) % 60
    of, at = one_column_a_draw(draw, 60)
    between = []
    for _ in range(40):
        true = rng.beta(4, 8, 60)
        met = (rng.random(3000) < true[draw]).astype(float)
        between.append(credible(met, of, at, rng.exponential(size=3000)).between)
    assert np.mean(between) == pytest.approx(beta.var(4, 8), rel=0.12)


def test_too_few_patients_give_a_mean_without_interval() -> None:
    found = credible(np.array([0.0, 1.0, 1.0]), *one_column_a_draw(np.array([0, 1, 2]), 3))
    assert found.mean == pytest.approx(2 / 3)
    assert math.isnan(found.low) and math.isnan(found.high) and np.isnan(found.means).all()
    nobody = credible(np.array([np.nan]), *one_column_a_draw(np.array([0]), 3))
    assert math.isnan(nobody.mean) and math.isnan(nobody.error)
