"""Odds and rate ratios by generalised linear mixed models: metafor's numbers, agreement with simpler ways, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from metafor_reference import cases, counts, near

from homing.ground.errors import StudyError
from homing.synthesis.binomial_two_arms import MODELS, pool_odds_ratios, pool_rate_ratios
from homing.synthesis.counts import exact_odds_ratio, mantel_haenszel, mantel_haenszel_rates
from homing.synthesis.effect import effect_of_counts
from homing.synthesis.pool import pool

NAMES: dict[str, Any] = {
    "UM.FS": "unconditional-fixed",
    "UM.RS": "unconditional-random",
    "CM.AL": "conditional-approximate",
    "CM.EL": "conditional-exact",
}
#: Where numbers differ by more than 1e-4, and why.
KNOWN = {
    "UM.RS": 5e-2,  # Laplace's approximation in lme4, quadrature here
    "dat.nielweise2007.OR.UM.FS.ML": 1e-3,  # sparse data: lme4's own stopping error
    "collins1985a_d.OR.UM.FS.ML": 1e-3,
    "edge_zerocells.OR.CM.EL.ML": 2e-2,  # tau2 of 3 from five studies, three with an empty cell: a flat likelihood
    "CM.EL": 5e-4,  # numerical derivatives of a likelihood with BiasedUrn's precision
}
#: tau2 of 0 here; metafor stops at 1.6e-4 with an error of 5e-7 (its issue 45), so only the estimate is compared.
STOPPED = ("edge_k2.OR.CM.EL.ML", "edge_missing.OR.CM.EL.ML")


def tolerance(name: str) -> float:
    return next((t for key, t in KNOWN.items() if key in name), 1e-4)


def parts(name: str) -> tuple[Any, bool]:
    (model,) = (ours for theirs, ours in NAMES.items() if theirs in name)
    return model, name.endswith("EE")


def slowly(case: Any) -> Any:
    """Thirteen large trials take seconds with the exact conditional likelihood."""
    name = case.values[0]["id"]
    return pytest.param(*case.values, id=case.id, marks=pytest.mark.slow) if name == "dat.bcg.OR.CM.EL.ML" else case


@pytest.mark.parametrize("case", [slowly(c) for c in cases("binomial", ".OR.")])
def test_pooled_odds_ratios_are_metafors(case: dict[str, Any]) -> None:
    name, value = case["id"], case["value"]
    model, common = parts(name)
    given = counts(case["data"])
    if "onearmzero" in name:  # metafor runs off to minus 23 or 26 with an error of thousands
        assert value["beta"] < -20 and value["se"] > 1000
        with pytest.raises(StudyError, match=r"first arm has no events.*exact interval"):
            pool_odds_ratios(*given, model)
        return
    points = 11 if "UM.RS" in name else 7  # metafor's 7
    found, near_to = pool_odds_ratios(*given, model, points=points, common=common), tolerance(name)
    if name in STOPPED:
        near(found.estimate[0], value["beta"], 2e-4, "estimate")
        assert found.tau2 < 1e-8 and value["se"] < 1e-5
        return
    # five studies with empty cells: differences by Laplace's approximation are of the errors' size, a fiftieth of them
    least = value["se"] / 50 if "UM.RS" in name else 1e-2 * near_to
    near(found.estimate[0], value["beta"], near_to, "estimate", least)
    if name == "edge_zerocells.OR.CM.EL.EE":  # the curvature printed is not that of the likelihood (issue 45)
        near(found.standard_error[0], exact_odds_ratio(*given).standard_error, 1e-5, "error")
    else:
        near(found.standard_error[0], value["se"], near_to, "error")
    if "edge_zerocells.OR.UM.RS" not in name:  # 0.37 against Laplace's 0.47
        near(found.tau2, value.get("tau2", 0), near_to, "tau2", 1e-2 * near_to)
    if not common and name != "edge_zerocells.OR.UM.RS.ML":
        near(
            [found.prediction_low, found.prediction_high],
            [value["pi.lb"], value["pi.ub"]],
            near_to,
            "next",
            value["se"] * near_to,
        )


def plainly(given: list[np.ndarray], theta: float, level: float, sigma: float, tau: float) -> float:
    """The likelihood of UM.RS by adding up a square of 161 by 161 points, without any of the package's quadrature."""
    from scipy.special import gammaln

    z = np.linspace(-6.5, 6.5, 161)
    w = np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi) * (z[1] - z[0])
    u, total = theta + tau * z[None, :], 0.0
    for a, n1, c, n2 in zip(*given, strict=True):
        eta = [level + sigma * z[:, None] + half * u for half in (0.5, -0.5)]
        log = sum(
            x * e - n * np.logaddexp(0, e) + gammaln(n + 1) - gammaln(x + 1) - gammaln(n - x + 1)
            for x, n, e in zip((a, c), (n1, n2), eta, strict=True)
        )
        total += math.log(w @ np.exp(log) @ w)
    return total


@pytest.mark.parametrize("data", ["edge_zerocells", "edge_doublezero"])
def test_random_levels_are_what_a_plain_sum_over_two_random_effects_finds(data: str) -> None:
    """Where Laplace's approximation is a quarter off in tau2."""
    from scipy.optimize import minimize

    given = counts(data)
    found = pool_odds_ratios(*given, "unconditional-random")
    best = minimize(
        lambda q: -plainly(given, q[0], q[1], math.exp(q[2]), math.exp(q[3])),
        [0, -3, -0.5, -0.5],
        method="Nelder-Mead",
        options={"xatol": 1e-5, "fatol": 1e-8, "maxiter": 1500},
    )
    near(found.log_likelihood, -best.fun, 0, "log-likelihood", 1e-5)
    near(found.estimate[0], best.x[0], 1e-3, "estimate", 1e-3)
    near(found.tau2, math.exp(2 * best.x[3]), 1e-3, "tau2", 1e-3)


@pytest.mark.parametrize("model", [m for m in MODELS if m != "unconditional-random"])
def test_two_trials_that_say_the_opposite_entirely_are_not_known_without_error(model: Any) -> None:
    """Tau2 runs off; an error of 0, with limits that are the estimate, is no answer."""
    found = pool_odds_ratios([0, 5], [5, 9], [4, 0], [5, 9], model)
    assert not found.standard_error[0] <= 1e-6


def test_pooled_rate_ratios_are_metafors() -> None:
    (parameter,) = cases("binomial", "IRR")
    value = parameter.values[0]["value"]
    found = pool_rate_ratios(*counts("dat.nielweise2008", "x1i", "t1i", "x2i", "t2i"), points=7)
    near(found.estimate[0], value["beta"], 1e-4, "estimate")
    near(found.standard_error[0], value["se"], 1e-4, "error")
    near(found.tau2, value["tau2"], 2e-4, "tau2")


@pytest.mark.parametrize("model", MODELS)
def test_neither_the_order_of_studies_nor_the_names_of_arms_matter(model: Any) -> None:
    given = [np.array(c) for c in ([8, 12, 3, 5], [20, 40, 25, 30], [3, 11, 4, 9], [21, 39, 26, 28])]
    one = pool_odds_ratios(*given, model, points=7)
    other = pool_odds_ratios(*(c[[2, 0, 3, 1]] for c in given), model, points=7)
    turned = pool_odds_ratios(*(given[i] for i in (2, 3, 0, 1)), model, points=7)
    near(other.estimate, one.estimate, 1e-4, "order", 1e-5)
    near(other.tau2, one.tau2, 1e-3, "order", 1e-5)
    if model != "conditional-approximate":  # which takes events to be rare, and so is not the same both ways
        near(turned.estimate, -one.estimate, 1e-4, "arms", 1e-5)
        near(turned.standard_error, one.standard_error, 1e-3, "arms")


@pytest.mark.parametrize("model", [m for m in MODELS if m != "conditional-approximate"])
def test_with_many_patients_every_model_is_inverse_variance_and_mantel_haenszel(model: Any) -> None:
    p, n = np.array([0.2, 0.3, 0.4]), np.array([900, 1200, 1000])
    q = 1 / (1 + np.exp(-(np.log(p / (1 - p)) - 0.25)))
    given = (np.round(n * p), n, np.round(n * q), n)
    found = pool_odds_ratios(*given, model, common=True)
    inverse, plain = pool(effect_of_counts(*given, "odds-ratio"), "common"), mantel_haenszel(*given)
    near(found.estimate[0], inverse.estimate, 5e-3, "inverse variance")
    near(found.estimate[0], plain.estimate, 5e-3, "Mantel-Haenszel")
    near(found.standard_error[0], inverse.standard_error, 1e-2, "error")


def test_the_exact_model_without_spread_is_the_exact_odds_ratio() -> None:
    given = counts("dat.nielweise2007")
    found, exact = pool_odds_ratios(*given, "conditional-exact", common=True), exact_odds_ratio(*given)
    near(found.estimate[0], exact.estimate, 1e-6, "estimate")
    near(found.standard_error[0], exact.standard_error, 1e-4, "error")


@pytest.mark.parametrize("model", MODELS)
def test_one_study_has_no_spread_and_the_same_study_often_none_either(model: Any) -> None:
    one = pool_odds_ratios([8], [20], [3], [21], model, points=7)
    many = pool_odds_ratios([8] * 4, [20] * 4, [3] * 4, [21] * 4, model, points=7)
    assert one.tau2 == 0 and many.tau2 == pytest.approx(0, abs=1e-5)
    near(many.estimate, one.estimate, 1e-3, "estimate")
    if "unconditional-random" != model:
        near(many.standard_error, one.standard_error / 2, 1e-3, "error")
    if model.startswith("unconditional"):
        near(one.estimate[0], math.log(8 * 18 / (12 * 3)), 1e-4, "its own")


@pytest.mark.parametrize("model", MODELS)
def test_studies_without_events_are_counted_where_they_tell_nothing(model: Any) -> None:
    given = [np.array(c) for c in ([8, 12, 3], [20, 40, 25], [3, 11, 4], [21, 39, 26])]
    more = [np.append(c, v) for c, v in zip(given, (0, 20, 0, 22), strict=True)]
    plain, silent = pool_odds_ratios(*given, model, points=7), pool_odds_ratios(*more, model, points=7)
    if model == "unconditional-random":  # they say something of the levels there
        assert silent.k == 4
    else:
        near(silent.estimate, plain.estimate, 1e-6, "estimate", 1e-7)
        assert "1 of 4 studies carry no information" in silent.notes[0]


def test_rates_without_spread_are_those_of_mantel_and_haenszel_for_like_times() -> None:
    given = ([7, 9, 4], [100.0, 120.0, 80.0], [11, 14, 8], [100.0, 120.0, 80.0])
    found = pool_rate_ratios(*given, common=True)
    near(found.natural().estimate[0], mantel_haenszel_rates(*given).natural().estimate, 1e-6, "ratio")
    assert pool_rate_ratios(*given).tau2 == pytest.approx(0, abs=1e-4)
    silent = pool_rate_ratios([7, 0], [100.0, 90.0], [11, 0], [120.0, 90.0])
    assert any("no information" in note for note in silent.notes)
    one = pool_rate_ratios([7], [100.0], [11], [120.0])
    near(one.estimate[0], math.log(7 * 120 / (11 * 100)), 1e-6, "one study")


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        (lambda: pool_odds_ratios([1], [9], [1], [9], "conditional-exac"), "Did you mean 'conditional-exact'"),  # type: ignore[arg-type]
        (lambda: pool_odds_ratios([10], [9], [1], [9]), "10 events of 9"),
        (lambda: pool_odds_ratios([1, 2], [9, 9], [0, 0], [9, 9]), "second arm has no events"),
        (lambda: pool_odds_ratios([9, 9], [9, 9], [1, 2], [9, 9]), "first arm has only events"),
        (lambda: pool_rate_ratios([0], [9], [1], [9]), "no event in any study"),
        (lambda: pool_rate_ratios([1], [0], [1], [9]), "times at risk above 0"),
    ],
)
def test_refusals_say_what_is_wrong(attempt: Any, says: str) -> None:
    with pytest.raises(StudyError, match=says):
        attempt()
