"""Input that no other test of this folder gives: whatever cannot be is refused in a sentence, never computed on."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from metafor_reference import near

from homing.ground.errors import StudyError
from homing.synthesis.asymmetry import begg, egger, egger_mixed, peters, trim_and_fill
from homing.synthesis.bayes import BetaMixture, bayes_pool, meta_analytic_prior
from homing.synthesis.beta_binomial import beta_binomial_odds_ratio, beta_binomial_proportion
from homing.synthesis.binomial import pool_proportions
from homing.synthesis.binomial_two_arms import pool_odds_ratios, pool_rate_ratios
from homing.synthesis.counts import exact_odds_ratio, mantel_haenszel, mantel_haenszel_rates, peto
from homing.synthesis.effect import Effects, effect_of_counts
from homing.synthesis.effect_continuous import effect_of_hazard_ratios
from homing.synthesis.multilevel import Term, fit_mixed, profile_interval, robust_errors, sampling_covariance
from homing.synthesis.network import StudyArm, contrasts_of, fit_network
from homing.synthesis.permutation import permutation_test
from homing.synthesis.pool import pool_subgroups
from homing.synthesis.regression import likelihood_ratio, regress
from homing.synthesis.selection import selection_model
from homing.synthesis.sensitivity import leave_one_out, shrunken, tipping_events
from homing.synthesis.time_course import dose_response, fit_time_course


def effects(y: Any, v: Any) -> Effects:
    return Effects("mean", np.array(y, dtype=float), np.array(v, dtype=float), tuple(range(len(y))))


GOOD = effects([0.1, 0.2, 0.4], [0.1, 0.2, 0.3])
FLAT = effects([0.1, 0.2, 0.4], [0.0, 0.1, 0.1])
HOLE = effects([0.1, np.nan, 0.4], [0.1, 0.2, 0.3])
TWO: Any = ([3, 5], [20, 20], [4, 6], [21, 22])
MIXED = fit_mixed([1, 2, 3], [1, 1, 1], [])
ARMS = [StudyArm(s, t, 9, x) for s, t, x in (("1", "a", 3), ("1", "b", 4), ("2", "a", 3), ("2", "b", 5))]
COURSE: Any = (["a", "a", "b", "b"], [4, 8, 4, 8], [3, 5, 4, 6], [20] * 4)
FLAT_PRIOR = BetaMixture((1.0,), (1.0,), (1.0,))

LEVELS: dict[str, Any] = {
    "mantel_haenszel": lambda level: mantel_haenszel(*TWO, level=level),
    "mantel_haenszel_rates": lambda level: mantel_haenszel_rates([3], [9], [4], [9], level=level),
    "peto": lambda level: peto(*TWO, level=level),
    "exact_odds_ratio": lambda level: exact_odds_ratio(*TWO, level=level),
    "pool_proportions": lambda level: pool_proportions([3, 4], [9, 9], level=level),
    "pool_odds_ratios": lambda level: pool_odds_ratios(*TWO, "conditional-approximate", level=level),
    "pool_rate_ratios": lambda level: pool_rate_ratios([3, 4], [9, 9], [4, 5], [9, 9], level=level),
    "beta_binomial": lambda level: beta_binomial_proportion([3, 4], [9, 9], level=level),
    "regress": lambda level: regress(GOOD, level=level),
    "pool_subgroups": lambda level: pool_subgroups(GOOD, ["a", "a", "b"], level=level),
    "leave_one_out": lambda level: leave_one_out(GOOD, level=level),
    "shrunken": lambda level: shrunken(GOOD, level=level),
    "egger": lambda level: egger(GOOD, level),
    "egger_mixed": lambda level: egger_mixed(GOOD, level),
    "selection_model": lambda level: selection_model(GOOD, weights=(1, 1), level=level),
    "fit_mixed": lambda level: fit_mixed([1, 2, 3], [1, 1, 1], [], level=level),
    "robust_errors": lambda level: robust_errors(MIXED, [1, 2, 3], level=level),
    "profile_interval": lambda level: profile_interval([1, 2, 4], [1, 1, 1], [Term((1, 2, 3))], 0, level=level),
    "network": lambda level: fit_network(contrasts_of(ARMS), method="common").interval("a", "b", level),
    "hazard_ratios": lambda level: effect_of_hazard_ratios([1], [0.5], [2], level),
    "bayes": lambda level: bayes_pool(GOOD).natural(level),
    "dose_response": lambda level: dose_response(GOOD, [1, 10, 100], level=level),
}


@pytest.mark.parametrize("level", [95, 0])
@pytest.mark.parametrize("name", sorted(LEVELS))
def test_a_level_that_is_no_probability_is_refused(name: str, level: float) -> None:
    """95 for 0.95 is the commonest slip; an interval of NaN is no answer to it."""
    with pytest.raises(StudyError, match="between 0 and 1"):
        LEVELS[name](level)


LENGTHS: dict[str, Any] = {
    "effect_of_counts": lambda: effect_of_counts([1, 2], [9, 9], [1], [9]),
    "mantel_haenszel": lambda: mantel_haenszel([1, 2], [9, 9], [1], [9]),
    "mantel_haenszel_rates": lambda: mantel_haenszel_rates([1, 2], [9, 9], [1], [9]),
    "peto": lambda: peto([1, 2], [9, 9], [1], [9]),
    "exact_odds_ratio": lambda: exact_odds_ratio([1, 2], [9, 9], [1], [9]),
    "pool_odds_ratios": lambda: pool_odds_ratios([1, 2], [9, 9], [1], [9]),
    "pool_rate_ratios": lambda: pool_rate_ratios([1, 2], [9], [1, 2], [9]),
    "beta_binomial_odds_ratio": lambda: beta_binomial_odds_ratio([1, 2], [9, 9], [1], [9]),
    "peters": lambda: peters(GOOD, [1, 2], [9, 10]),
    "time course, arms": lambda: fit_time_course(COURSE[0][:3], *COURSE[1:]),
    "time course, weeks": lambda: fit_time_course(COURSE[0], [4, 8, 4, 8, 12], *COURSE[2:]),
    "dose_response": lambda: dose_response(GOOD, [1, 10, 100, 1000]),
    "fit_mixed": lambda: fit_mixed([1, 2], [1, 1], [Term((1, 2, 3))]),
    "sampling_covariance": lambda: sampling_covariance([1, 1], ["a", "b", "b"], 0.5),
}


@pytest.mark.parametrize("name", sorted(LENGTHS))
def test_numbers_of_different_length_are_refused(name: str) -> None:
    with pytest.raises(StudyError):
        LENGTHS[name]()


WORDS: dict[str, Any] = {
    "better": (lambda: selection_model(GOOD, better="hihger"), "higher"),  # type: ignore[arg-type]
    "side": (lambda: trim_and_fill(GOOD, side="lft"), "left"),  # type: ignore[arg-type]
    "network measure": (lambda: contrasts_of(ARMS, "odd-ratio"), "odds-ratio"),  # type: ignore[arg-type]
    "network method": (lambda: fit_network(contrasts_of(ARMS), method="REM"), "REML"),  # type: ignore[arg-type]
    "mixed method": (lambda: fit_mixed([1, 2, 3], [1, 1, 1], [], method="REM"), "REML"),  # type: ignore[arg-type]
    "kind of error": (lambda: robust_errors(MIXED, [1, 2, 3], "CR22"), "CR2"),  # type: ignore[arg-type]
    "double zeros": (lambda: effect_of_counts([1], [9], [1], [9], double_zeros="drp"), "drop"),  # type: ignore[arg-type]
}


@pytest.mark.parametrize("name", sorted(WORDS))
def test_an_unknown_word_is_refused_with_the_nearest_and_not_taken_for_another(name: str) -> None:
    attempt, nearest = WORDS[name]
    with pytest.raises(StudyError, match=nearest):
        attempt()


VALUES: dict[str, Any] = {
    "regress, variance 0": lambda: regress(FLAT),
    "regress, NaN": lambda: regress(HOLE),
    "permutation test, variance 0": lambda: permutation_test(FLAT),
    "egger, variance 0": lambda: egger(FLAT),
    "egger_mixed, NaN": lambda: egger_mixed(HOLE),
    "selection model, variance 0": lambda: selection_model(FLAT, weights=(1, 1)),
    "begg, studies of one size": lambda: begg(effects([0.1, 0.2, 0.4], [0.1, 0.1, 0.1])),
    "likelihood ratio of nothing": lambda: likelihood_ratio(GOOD, {}),
    "a root of a negative correlation": lambda: sampling_covariance([1, 1], ["a", "a"], -0.5, [0, 0.5]),
    "correlation of 2": lambda: Term(("a", "a", "b"), (1, 2, 1), "CS", rho=2.0),
    "bayes, variance 0": lambda: bayes_pool(FLAT),
    "bayes, NaN": lambda: bayes_pool(HOLE),
    "mixed, NaN": lambda: fit_mixed([1, np.nan, 3], [1, 1, 1], []),
    "mixed, columns alike": lambda: fit_mixed([1, 2, 3], [1, 1, 1], [], np.ones((3, 2)), ("a", "b")),
    "profile of a variance that is not": lambda: profile_interval([1, 2, 3], [1, 1, 1], [Term((1, 2, 3))], 5),
    "network, no patients": lambda: contrasts_of([StudyArm("1", "a", 0, 0), StudyArm("1", "b", 9, 4)]),
    "fragility": lambda: tipping_events(5, 4, 1, 4),
    "updated": lambda: FLAT_PRIOR.updated(5, 4),
    "quantile": lambda: FLAT_PRIOR.quantile(1.5),
    "no components": lambda: meta_analytic_prior([3, 4], [9, 9], components=()),
    "no half-times": lambda: fit_time_course(*COURSE, half_times=()),
    "weeks below 0": lambda: fit_time_course(COURSE[0], [4, -8, 4, 8], *COURSE[2:], half_times=(8.0,)),
    "weeks of NaN": lambda: fit_time_course(COURSE[0], [4, np.nan, 4, 8], *COURSE[2:], half_times=(8.0,)),
    "doses of infinity": lambda: dose_response(GOOD, [1, np.inf, 100]),
    "exact, parts of patients": lambda: exact_odds_ratio([1.5], [9], [2], [9]),
    "times of infinity": lambda: mantel_haenszel_rates([1, 2], [np.inf, 9], [1, 2], [9, 9]),
}


@pytest.mark.parametrize("name", sorted(VALUES))
def test_values_that_cannot_be_are_refused(name: str) -> None:
    with pytest.raises(StudyError):
        VALUES[name]()


def test_a_group_may_be_named_by_a_pair() -> None:
    y, v, pairs = [0.1, 0.3, 0.2, 0.6], [0.1, 0.2, 0.1, 0.2], (("a", 1), ("a", 2), ("b", 1), ("b", 1))
    names = tuple(f"{one}{other}" for one, other in pairs)
    near(fit_mixed(y, v, [Term(pairs)]).estimate, fit_mixed(y, v, [Term(names)]).estimate, 1e-9, "term")
    near(sampling_covariance(v, pairs, 0.5), sampling_covariance(v, names, 0.5), 1e-12, "covariance")
