"""Bayesian pooling by quadrature: exact posteriors computed apart, limits, conjugate priors, predictions of arms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_reference import cases, counts, effects_of, near

from homing.ground.errors import StudyError
from homing.synthesis.bayes import BetaMixture, Posterior, bayes_pool, bayes_proportions, meta_analytic_prior
from homing.synthesis.effect import Effects, effect_of_proportions
from homing.synthesis.pool import pool


def effects(y: Any, v: Any, measure: Any = "mean") -> Effects:
    return Effects(measure, np.array(y, dtype=float), np.array(v, dtype=float), tuple(range(len(y))))


def numbers(posterior: Posterior) -> dict[str, float]:
    return {
        "mu_mean": posterior.mean,
        "mu_sd": posterior.sd,
        "mu_q025": posterior.quantile(0.025),
        "mu_median": posterior.quantile(0.5),
        "mu_q975": posterior.quantile(0.975),
        "tau_mean": posterior.tau,
        "pred_q025": posterior.predictive_quantile(0.025),
        "pred_q975": posterior.predictive_quantile(0.975),
    }


@pytest.mark.parametrize("case", cases("bayes", ".NN."))
def test_posteriors_of_effects_are_exact(case: dict[str, Any]) -> None:
    found = numbers(bayes_pool(effects_of(case["data"]), float(case["id"].split("HN")[1])))
    for name, value in case["value"].items():
        near(found[name], value, 1e-6, name, 1e-8)


@pytest.mark.parametrize("case", [c for c in cases("bayes", ".BN.") if "allzero" not in str(c.id)])
def test_posteriors_of_proportions_are_those_of_a_fine_grid(case: dict[str, Any]) -> None:
    """No event at all is left out: the reference's grid ends at a logit of -8 and cuts its posterior off."""
    found = numbers(bayes_proportions(*counts(case["data"], "xi", "ni")))
    for name, value in case["value"].items():
        near(found[name], value, 5e-3, name, 5e-3 * case["value"]["mu_sd"])


def test_no_event_at_all_leaves_a_long_tail_and_an_upper_end() -> None:
    found = bayes_proportions([0, 0, 0], [10, 12, 8])
    assert found.quantile(0.025) < -10 and 0 < found.natural()["high"] < 0.15
    turned = bayes_proportions([10, 12, 8], [10, 12, 8])
    near(turned.quantile(0.5), -found.quantile(0.5), 1e-3, "only events")
    near(turned.mean, -found.mean, 1e-3, "only events")


def test_without_heterogeneity_it_is_the_normal_posterior() -> None:
    given = effects([0.3, 0.5, 0.1], [0.04, 0.09, 0.02])
    found, common = bayes_pool(given, 1e-5, prior_mean=0.2, prior_sd=0.5), pool(given, "common")
    precision = common.standard_error**-2 + 0.5**-2
    near(found.mean, (common.estimate * common.standard_error**-2 + 0.2 * 0.5**-2) / precision, 1e-6, "mean")
    near(found.sd, precision**-0.5, 1e-6, "sd")
    from scipy.stats import multivariate_normal

    spread = np.diag(given.variance) + 0.5**2
    evidence = multivariate_normal([0.2] * 3, spread).logpdf(given.estimate)
    assert found.log_evidence == pytest.approx(float(evidence), abs=1e-6)


def test_with_many_studies_it_agrees_with_restricted_likelihood() -> None:
    random = np.random.default_rng(8)
    v = random.uniform(0.01, 0.1, 300)
    given = effects(0.4 + random.normal(0, 0.3, 300) + v**0.5 * random.normal(size=300), v)
    found, plain = bayes_pool(given), pool(given, adjust="none")
    near([found.mean, found.sd, found.tau], [plain.estimate, plain.standard_error, plain.tau2**0.5], 2e-2, "limit")


@settings(max_examples=12, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-2, 2), st.floats(0.02, 2)), min_size=1, max_size=6),
    st.floats(0.2, 1),
    st.floats(-2, 2),
)
def test_a_posterior_is_a_distribution_and_moves_with_its_origin(
    rows: list[tuple[float, float]], scale: float, origin: float
) -> None:
    y, v = (np.array(c) for c in zip(*rows, strict=True))
    found, moved = bayes_pool(effects(y, v), scale), bayes_pool(effects(y + origin, v), scale, prior_mean=origin)
    assert found.weights.sum() == pytest.approx(1) and found.weights.min() >= 0
    for p in (0.025, 0.5, 0.9):
        assert found.probability_above(found.quantile(p)) == pytest.approx(1 - p, abs=1e-9)
        assert moved.quantile(p) == pytest.approx(found.quantile(p) + origin, abs=1e-6)
    assert found.predictive_quantile(0.025) <= found.quantile(0.025) + 1e-9
    assert moved.log_evidence == pytest.approx(found.log_evidence, abs=1e-7)


def test_the_order_of_studies_does_not_matter_and_a_doubled_scale_is_less_sure() -> None:
    given = effects_of("es_celltx_PLO")
    turned = effects(given.estimate[::-1], given.variance[::-1])
    near(bayes_pool(turned).mean, bayes_pool(given).mean, 1e-12, "order", 1e-12)
    assert bayes_pool(given, 1.0).sd > bayes_pool(given, 0.5).sd
    one, other = bayes_proportions([3, 8], [20, 25]), bayes_proportions([8, 3], [25, 20])
    near(one.mean, other.mean, 1e-9, "order")


def test_one_study_is_enough_and_leaves_the_heterogeneity_to_the_prior() -> None:
    found = bayes_pool(effects([0.4], [0.01]), 0.5)
    assert found.sd > 0.1 and found.tau == pytest.approx(0.5 * math.sqrt(2 / math.pi), rel=0.02)


@pytest.mark.parametrize("n", [200, 2000, 20000])
def test_with_many_patients_counts_and_their_logits_have_one_posterior(n: int) -> None:
    x, sizes = np.round(n * np.array([0.25, 0.3, 0.255, 0.35, 0.2])), np.full(5, n)
    counted, normal = bayes_proportions(x, sizes), bayes_pool(effect_of_proportions(x, sizes))
    near([counted.mean, counted.sd, counted.tau], [normal.mean, normal.sd, normal.tau], 2e-2, "posterior")
    near(counted.quantile(0.025), normal.quantile(0.025), 2e-2, "lower limit")


def test_ratios_and_proportions_are_read_on_their_own_scale() -> None:
    ratio = bayes_pool(effects([0.4, 0.6], [0.01, 0.02], "odds-ratio")).natural()
    assert 0 < ratio["low"] < 1.4 < ratio["median"] < ratio["high"] < ratio["prediction_high"]
    share = bayes_proportions([6, 9], [15, 20]).natural(0.8)
    assert 0 < share["prediction_low"] < share["low"] < share["median"] < share["high"] < share["prediction_high"] < 1


mixture = st.lists(st.tuples(st.floats(0.1, 1), st.floats(0.5, 30), st.floats(0.5, 30)), min_size=1, max_size=3)


def mixed(parts: list[tuple[float, float, float]]) -> BetaMixture:
    w, a, b = zip(*parts, strict=True)
    return BetaMixture(tuple(x / sum(w) for x in w), a, b)


@settings(max_examples=30, deadline=None)
@given(mixture, st.integers(0, 20), st.integers(0, 20))
def test_an_updated_mixture_is_bayes_rule(parts: list[tuple[float, float, float]], events: int, rest: int) -> None:
    from scipy.stats import beta, betabinom

    prior, n = mixed(parts), events + rest
    found = prior.updated(events, n)
    seen = [w * betabinom.pmf(events, n, a, b) for w, a, b in zip(prior.weights, prior.a, prior.b, strict=True)]
    near(found.weights, np.array(seen) / sum(seen), 1e-7, "weights", 1e-12)
    near(found.a, np.array(prior.a) + events, 1e-12, "a")
    near(found.b, np.array(prior.b) + rest, 1e-12, "b")
    first = prior.updated(events, events).updated(0, rest)
    near(first.weights, found.weights, 1e-7, "one after the other", 1e-12)
    x = found.quantile(0.3)
    cdf = sum(w * beta.cdf(x, a, b) for w, a, b in zip(found.weights, found.a, found.b, strict=True))
    assert cdf == pytest.approx(0.3, abs=1e-9)


def test_one_beta_is_updated_by_counting() -> None:
    prior = BetaMixture((1.0,), (2.0,), (6.0,))
    assert prior.mean == 0.25 and prior.effective_size == pytest.approx(8)
    assert prior.sd == pytest.approx(math.sqrt(0.25 * 0.75 / 9))
    found = prior.updated(3, 4)
    assert (found.weights, found.a, found.b) == ((1.0,), (5.0,), (7.0,))


def test_a_robust_prior_is_overruled_where_the_arm_is_unlike_the_others() -> None:
    prior = BetaMixture((1.0,), (20.0,), (80.0,))
    robust = prior.robust(0.2)
    assert robust.weights == (0.8, 0.2) and robust.a[-1] == robust.b[-1] == 1
    assert robust.mean == pytest.approx(0.8 * 0.2 + 0.2 * 0.5)
    assert robust.effective_size < prior.effective_size
    like, unlike = robust.updated(20, 100), robust.updated(70, 100)
    assert like.weights[1] < 0.1 and unlike.weights[1] > 0.99
    assert abs(unlike.mean - 0.7) < 0.01 < abs(prior.updated(70, 100).mean - 0.7)
    assert prior.robust(0).mean == prior.mean and prior.robust(1).mean == 0.5


def test_what_arms_so_far_predict_is_found_again() -> None:
    """Forty arms drawn about a logit of -1 with a spread of 0.3: the next is predicted as the truth says."""
    random = np.random.default_rng(12)
    n = random.integers(80, 200, 40)
    x = random.binomial(n, 1 / (1 + np.exp(-random.normal(-1, 0.3, 40))))
    found = meta_analytic_prior(x, n)
    truth = 1 / (1 + np.exp(-random.normal(-1, 0.3, 200_000)))
    near([found.mean, found.sd], [truth.mean(), truth.std()], 0.15, "next arm")
    near([found.quantile(p) for p in (0.1, 0.9)], np.quantile(truth, [0.1, 0.9]), 0.1, "quantiles")


def test_the_mixture_is_near_to_the_predictive_distribution_it_stands_for() -> None:
    x, n = [23, 12, 19, 9, 39, 6, 9, 10], [107, 44, 51, 39, 139, 20, 78, 35]
    found, exact = meta_analytic_prior(x, n), bayes_proportions(x, n)
    for p in (0.05, 0.25, 0.5, 0.75, 0.95):
        assert found.quantile(p) == pytest.approx(1 / (1 + math.exp(-exact.predictive_quantile(p))), abs=0.01)
    assert sum(found.weights) == pytest.approx(1) and len(found.weights) <= 3
    assert 5 < found.effective_size < sum(n)
    one = meta_analytic_prior(x, n, components=(1,))
    assert len(one.weights) == 1 and one.mean == pytest.approx(found.mean, abs=0.01)


ONE = effects([0.1], [0.1])


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        (lambda: bayes_pool(effects([], [])), "no study to pool"),
        (lambda: bayes_pool(ONE, 0), "scale of tau"),
        (lambda: bayes_pool(ONE, 0.5, 0, 0), "standard deviation of the prior"),
        (lambda: bayes_pool(ONE).quantile(1), "between 0 and 1, and 1 is given"),
        (lambda: bayes_pool(ONE).predictive_quantile(0), "between 0 and 1"),
        (lambda: bayes_proportions([5], [4]), "5 events of 4"),
        (lambda: bayes_proportions([1], [4], -1), "scale of tau"),
        (lambda: bayes_proportions([], []), "no study to pool"),
        (lambda: BetaMixture((1.0,), (1.0,), (1.0,)).robust(1.5), "between 0 and 1, and is 1.5"),
        (lambda: meta_analytic_prior([5], [4]), "5 events of 4"),
    ],
)
def test_refusals_say_what_is_wrong(attempt: Any, says: str) -> None:
    with pytest.raises(StudyError, match=says):
        attempt()
