"""Scores of predictions: closed forms, brute force, propriety and calibrated coverage."""

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import betabinom, binom, kstest

from homing.ground.errors import StudyError
from homing.inference.scores import arm_share, difference_of_shares, joint_log_score, score

probabilities = st.lists(st.floats(0.0, 1.0), min_size=1, max_size=5)
patients = st.integers(1, 12)


def of_binomial(k, n, p):
    """By whole-number coefficients; SciPy's own overflows where p is 1e-308."""
    return math.comb(n, k) * p**k * (1 - p) ** (n - k)


def brute_difference(active, control, a, c):
    """Every pair of counts, one by one: {difference: mass}."""
    found = {}
    for p, q in zip(active, control, strict=True):
        for i, j in itertools.product(range(a + 1), range(c + 1)):
            key = round(i / a - j / c, 9)
            found[key] = found.get(key, 0.0) + of_binomial(i, a, p) * of_binomial(j, c, q) / len(active)
    return found


def test_a_certain_prediction_has_the_distance_as_crps():
    certain = arm_share([1.0], 10)
    for events in range(11):
        assert certain.crps(events / 10) == pytest.approx(1 - events / 10, abs=1e-12)
    assert certain.log_score(1.0) == pytest.approx(0.0)
    assert certain.log_score(0.5) == -math.inf
    assert certain.interval(0.95) == (1.0, 1.0)


def test_masses_are_the_binomial_ones_down_to_the_smallest_probability():
    np.testing.assert_allclose(arm_share([0.3], 60).masses, binom.pmf(np.arange(61), 60, 0.3), rtol=1e-10)
    assert arm_share([np.nextafter(0, 1)], 4).masses.tolist() == [1, 4 * np.nextafter(0, 1), 0, 0, 0]
    assert joint_log_score([[0.0, 0.0], [1.0, 1.0]], (1, 4), (4, 4)).log == -math.inf


def test_one_fair_coin_has_its_crps_by_hand():
    # F is 1/2 between 0 and 1; the integral of 1/4 over it, whichever side came up.
    assert arm_share([0.5], 1).crps(0.0) == pytest.approx(0.25)
    assert arm_share([0.5], 1).crps(1.0) == pytest.approx(0.25)
    assert arm_share([0.5], 1).crps(2.0) == pytest.approx(1.25)  # beyond the support: all of the way there
    assert arm_share([0.5], 1).crps(-1.0) == pytest.approx(1.25)


@given(probabilities, patients, st.floats(-0.5, 1.5))
def test_crps_is_the_mean_distance_less_half_the_spread(p, n, observed):
    d = arm_share(p, n)
    to = d.masses @ np.abs(d.values - observed)
    spread = d.masses @ np.abs(d.values[:, None] - d.values) @ d.masses
    assert d.crps(observed) == pytest.approx(to - spread / 2, abs=1e-10)


def test_draws_of_a_beta_give_the_beta_binomial():
    p = np.random.default_rng(0).beta(3, 5, size=20000)
    d, exact = arm_share(p, 30), betabinom(30, 3, 5)
    np.testing.assert_allclose(d.masses, exact.pmf(np.arange(31)), atol=1.5e-3)
    assert abs(d.log_score(0.5) - exact.logpmf(15)) < 4 * d.log_score_error(0.5)
    assert d.mean == pytest.approx(3 / 8, abs=5e-3)


def test_the_monte_carlo_error_is_the_scatter_of_repeated_draws():
    rng = np.random.default_rng(1)
    predictions = [arm_share(rng.beta(3, 5, size=200), 30) for _ in range(300)]
    scatter = np.std([d.log_score(0.7) for d in predictions])
    assert np.mean([d.log_score_error(0.7) for d in predictions]) == pytest.approx(scatter, rel=0.15)
    assert arm_share([0.4], 30).log_score_error(0.5) == math.inf  # one draw tells nothing of its error


@given(
    st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=1, max_size=3), st.integers(1, 6), st.integers(1, 6)
)
def test_a_difference_is_every_pair_of_counts(pairs, a, c):
    active, control = zip(*pairs, strict=True)
    d, brute = difference_of_shares(active, control, a, c), brute_difference(active, control, a, c)
    assert d.masses.sum() == pytest.approx(1.0)
    assert np.all(np.diff(d.values) > 0)
    for value, mass in zip(d.values, d.masses, strict=True):
        assert brute[round(float(value), 9)] == pytest.approx(mass, abs=1e-12)
    observed = 1 / a - 1 / c
    if brute[round(observed, 9)] > 1e-290:  # below, the mass itself is rounded
        assert d.log_score(observed) == pytest.approx(math.log(brute[round(observed, 9)]))
    assert d.mean == pytest.approx(np.mean(np.subtract(active, control)), abs=1e-12)


def test_the_error_of_a_difference_is_at_least_its_scatter():
    rng = np.random.default_rng(2)
    predictions = [difference_of_shares(*rng.beta(3, 5, size=(2, 100)), 20, 17) for _ in range(300)]
    observed = 8 / 20 - 5 / 17
    scatter = np.std([d.log_score(observed) for d in predictions])
    assert 0.85 * scatter < np.mean([d.log_score_error(observed) for d in predictions]) < 1.5 * scatter


def test_both_counts_together_are_the_mean_of_products():
    active, control = np.array([0.2, 0.5, 0.6]), np.array([0.3, 0.4, 0.5])
    together = np.mean(binom.pmf(4, 10, active) * binom.pmf(3, 9, control))
    found = joint_log_score([active, control], (4, 3), (10, 9))
    assert found.log == pytest.approx(math.log(together))
    assert found.error > 0
    # Independent arms: the joint score is the sum of both.
    alone = joint_log_score([[0.2], [0.3]], (4, 3), (10, 9)).log
    assert alone == pytest.approx(arm_share([0.2], 10).log_score(0.4) + arm_share([0.3], 9).log_score(3 / 9))


def test_three_counts_of_one_world_are_the_mean_of_products_and_one_alone_is_its_own():
    draws = np.array([[0.2, 0.5, 0.6], [0.3, 0.4, 0.5], [0.9, 0.1, 0.5]])
    together = np.mean(binom.pmf(4, 10, draws[0]) * binom.pmf(3, 9, draws[1]) * binom.pmf(1, 2, draws[2]))
    assert joint_log_score(draws, (4, 3, 1), (10, 9, 2)).log == pytest.approx(math.log(together))
    assert joint_log_score(draws[:1], (4,), (10,)).log == pytest.approx(arm_share(draws[0], 10).log_score(0.4))


def test_draws_that_carry_a_score_are_counted_and_its_error_is_the_scatter_between_runs():
    assert joint_log_score([[0.3] * 50], (4,), (10,)).effective == pytest.approx(50), "all draws alike"
    one = joint_log_score([[0.5, *[1e-9] * 49]], (5,), (10,))
    assert one.effective == pytest.approx(1), "one of them says what was seen"
    rng = np.random.default_rng(8)
    runs = [joint_log_score([rng.beta(2, 5, 400), rng.beta(3, 3, 400)], (7, 2), (10, 9)) for _ in range(300)]
    assert np.mean([r.error for r in runs]) == pytest.approx(np.std([r.log for r in runs]), rel=0.15)


def test_what_was_held_impossible_is_inside_no_interval():
    """Nearly all or nobody by draw: the interval spans 0 to 1, and 4 of 9 was foretold by none of the draws."""
    found = score(arm_share([0.0] * 19 + [1.0], 9), 4 / 9)
    assert found.intervals[0.95] == (0.0, 1.0) and found.log_score == -math.inf
    assert not any(found.inside.values())
    assert score(arm_share([0.0] * 19 + [1.0], 9), 0.0).inside[0.5]


@given(st.floats(0.02, 0.98), st.floats(0.02, 0.98), patients)
def test_the_truth_has_the_best_expected_scores(truth, other, n):
    right, wrong = arm_share([truth], n), arm_share([other], n)
    logs, distances = (
        [sum(m * f(d, x) for x, m in zip(right.values, right.masses, strict=True)) for d in (right, wrong)]
        for f in (lambda d, x: d.log_score(x), lambda d, x: d.crps(x))
    )
    assert logs[0] >= logs[1] - 1e-9
    assert distances[0] <= distances[1] + 1e-12


def test_overconfidence_and_vagueness_both_score_worse_than_the_truth_for_a_difference():
    rng = np.random.default_rng(3)

    def draws(width):
        return 1 / (1 + np.exp(-rng.normal(0.3, width, 800))), 1 / (1 + np.exp(-rng.normal(-0.2, width, 800)))

    right, narrow, wide = (difference_of_shares(*draws(width), 40, 40) for width in (0.4, 0.02, 2.0))
    for wrong in (narrow, wide):
        at = np.flatnonzero(right.masses > 1e-12)
        mass, values = right.masses[at], right.values[at]
        assert mass @ [right.log_score(x) - wrong.log_score(x) for x in values] > 0.02
        assert mass @ [right.crps(x) - wrong.crps(x) for x in values] < 0


def test_intervals_hold_at_least_their_level_and_the_transform_is_uniform():
    rng = np.random.default_rng(4)
    transforms, inside = [], {0.5: 0, 0.8: 0, 0.95: 0}
    for _ in range(400):
        active, control = rng.beta(4, 4, size=(2, 100))
        world = rng.integers(100)
        observed = rng.binomial(25, active[world]) / 25 - rng.binomial(20, control[world]) / 20
        s = score(difference_of_shares(active, control, 25, 20), observed, rng.uniform())
        transforms.append(s.pit)
        for level, held in s.inside.items():
            inside[level] += held
    assert kstest(transforms, "uniform").pvalue > 0.01
    for level, held in inside.items():
        assert level - 3 * math.sqrt(level * (1 - level) / 400) < held / 400 < level + 0.08


@given(probabilities, patients, st.floats(0.01, 0.99))
def test_a_central_interval_leaves_at_most_its_tails(p, n, level):
    d = arm_share(p, n)
    low, high = d.interval(level)
    tail = (1 - level) / 2
    assert d.masses[d.values < low].sum() <= tail + 1e-9
    assert d.masses[d.values > high].sum() <= tail + 1e-9
    assert d.cdf(high) - d.cdf(low) + d.masses[d.values == low].sum() >= level - 1e-9


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: arm_share([1.2], 5),
        lambda: arm_share([], 5),
        lambda: arm_share([float("nan")], 5),
        lambda: arm_share([0.5], 0),
        lambda: difference_of_shares([0.5], [0.5, 0.6], 5, 5),
        lambda: joint_log_score([[0.5], [0.5]], (6, 0), (5, 5)),
        lambda: arm_share([0.5], 5).interval(0.0 - 1),
    ],
)
def test_what_cannot_be_scored_is_refused(wrong):
    with pytest.raises(StudyError):
        wrong()
