"""Mantel-Haenszel, Peto and exact odds ratios: metafor's and scipy's numbers, closed forms, empty cells."""

from __future__ import annotations

import math
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_reference import cases, counts, near

from homing.ground.errors import StudyError
from homing.synthesis.counts import MH, PooledCounts, exact_odds_ratio, mantel_haenszel, mantel_haenszel_rates, peto
from homing.synthesis.effect import effect_of_counts
from homing.synthesis.pool import pool

MEASURES = {"OR": "odds-ratio", "RR": "risk-ratio", "RD": "risk-difference"}
PRINTED = {
    "k": "k",
    "beta": "estimate",
    "se": "standard_error",
    "ci.lb": "low",
    "ci.ub": "high",
    "pval": "p",
    "QE": "q",
    "QEp": "q_p",
    "MH": "score",
    "MHp": "score_p",
}
Four = tuple[list[float], list[float], list[float], list[float]]


def pooled_as(case: dict[str, Any]) -> PooledCounts:
    words, data = case["id"].split("."), case["data"]
    if words[0] == "nielweise2008":
        measure: Any = "rate-ratio" if words[-1] == "IRR" else "rate-difference"
        return mantel_haenszel_rates(*counts(data, "x1i", "t1i", "x2i", "t2i"), measure)
    if words[-1] == "PETO":
        return peto(*counts(data))
    continuity = words[-1] == "correct"
    return mantel_haenszel(*counts(data), MEASURES[words[-2]], continuity=continuity)  # type: ignore[arg-type]


@pytest.mark.parametrize("case", [*cases("counts", "MH"), *cases("counts", "PETO")])
def test_pooled_counts_are_metafors(case: dict[str, Any]) -> None:
    value = dict(case.get("value", {}))
    if "beta" not in value:  # where metafor has no number, a sentence says why
        with pytest.raises(StudyError, match=r"no Mantel-Haenszel estimate|needs a study with events"):
            pooled_as(case)
        return
    found = pooled_as(case)
    if math.isnan(found.q):  # one study, or none with events: metafor prints Q = 0 with p = 1, which says nothing
        assert (value.pop("QE"), value.pop("QEp")) == (0, 1)
    if case["id"].endswith("IRR"):  # metafor takes a half off here even where it is told not to
        value.pop("MH", None), value.pop("MHp", None)
    if case["id"].split(".")[0] == "edge_missing":
        value.pop("k")
    for theirs, ours in PRINTED.items():
        if theirs in value:
            near(getattr(found, ours), value[theirs], 1e-9, theirs, 1e-12)


@pytest.mark.parametrize("case", cases("counts", "exact"))
def test_the_conditional_estimate_is_that_of_metafors_conditional_model(case: dict[str, Any]) -> None:
    value = case["value"]
    found = exact_odds_ratio(*counts(case["data"]))
    if "onearmzero" in case["id"]:  # metafor stops at -24 with an error of 14 071; it is minus infinity
        assert found.estimate == -math.inf and math.isnan(found.standard_error) and math.isfinite(found.high)
        assert value["beta"] < -20
        return
    near(found.estimate, value["beta"], 1e-5, "estimate")
    if "edge_zerocells" not in case["id"]:  # the curvature there is not that of the likelihood (metafor issue 45)
        near(found.standard_error, value["se"], 5e-4, "error")


table = st.tuples(st.integers(0, 12), st.integers(1, 12), st.integers(0, 12), st.integers(1, 12))
some = settings(max_examples=40, deadline=None)


@some
@given(table, st.sampled_from([0.8, 0.9, 0.95]))
def test_one_study_exactly_is_scipys_conditional_odds_ratio(cells: tuple[int, int, int, int], level: float) -> None:
    from scipy.stats import fisher_exact
    from scipy.stats.contingency import odds_ratio

    a, b, c, d = cells
    if a + c == 0:
        return
    theirs = odds_ratio([[a, b], [c, d]], kind="conditional")
    found = exact_odds_ratio([a], [a + b], [c], [c + d], level=level).natural()
    low, high = theirs.confidence_interval(level)
    near([found.estimate, found.low, found.high], [theirs.statistic, low, high], 1e-6, cells, 1e-9)
    one_sided = [fisher_exact([[a, b], [c, d]], alternative=s)[1] for s in ("less", "greater")]
    assert found.p == pytest.approx(min(1.0, 2 * min(one_sided)))


@some
@given(st.tuples(*[st.integers(1, 30)] * 4))
def test_one_study_by_mantel_and_haenszel_is_its_own_effect(cells: tuple[int, int, int, int]) -> None:
    a, b, c, d = cells
    given = ([a], [a + b], [c], [c + d])
    for measure in MH:
        found, own = mantel_haenszel(*given, measure), effect_of_counts(*given, measure)
        near(found.estimate, own.estimate[0], 1e-9, measure, 1e-12)
        if measure != "risk-difference":  # Sato's variance of a difference is that of a common one, not Wald's
            near(found.standard_error, own.variance[0] ** 0.5, 1e-9, measure)
    n, n1, n2, events = a + b + c + d, a + b, c + d, a + c
    expected, variance = n1 * events / n, n1 * n2 * events * (b + d) / (n**2 * (n - 1))
    near(peto(*given).estimate, (a - expected) / variance, 1e-9, "Peto", 1e-12)
    near(mantel_haenszel(*given).score, (a - expected) ** 2 / variance, 1e-9, "score", 1e-12)


study = st.tuples(st.integers(0, 9), st.integers(10, 40), st.integers(0, 9), st.integers(10, 40))
several = st.lists(study, min_size=2, max_size=6).filter(lambda s: sum(r[0] for r in s) and sum(r[2] for r in s))
WAYS: dict[str, Callable[..., PooledCounts]] = {"mh": mantel_haenszel, "peto": peto, "exact": exact_odds_ratio}


@some
@given(several, st.sampled_from(sorted(WAYS)), st.integers(0, 99))
def test_the_order_of_studies_and_the_names_of_arms_do_not_matter(rows: Any, way: str, seed: int) -> None:
    shuffled = list(rows)
    Random(seed).shuffle(shuffled)
    one, other = (WAYS[way](*zip(*r, strict=True)) for r in (rows, shuffled))
    turned = WAYS[way](*zip(*[(c, n2, a, n1) for a, n1, c, n2 in rows], strict=True))
    near([other.estimate, other.low, other.high], [one.estimate, one.low, one.high], 1e-7, way, 1e-9)
    near([turned.estimate, turned.low, turned.high], [-one.estimate, -one.high, -one.low], 1e-7, way, 1e-9)
    near(turned.standard_error, one.standard_error, 1e-6, way)


@some
@given(several, st.sampled_from(sorted(WAYS)))
def test_a_study_without_events_changes_no_ratio_and_is_counted(rows: Any, way: str) -> None:
    plain = WAYS[way](*zip(*rows, strict=True))
    more = WAYS[way](*zip(*[*rows, (0, 20, 0, 20)], strict=True))
    near([more.estimate, more.low, more.high], [plain.estimate, plain.low, plain.high], 1e-9, way, 1e-9)
    assert (more.k, more.informative) == (plain.k + 1, plain.informative)
    assert any("no information" in note for note in more.notes)


def test_a_study_without_events_does_count_for_a_difference() -> None:
    plain = mantel_haenszel([4, 6], [20, 30], [2, 3], [21, 29], "risk-difference")
    more = mantel_haenszel([4, 6, 0], [20, 30, 25], [2, 3, 0], [21, 29, 25], "risk-difference")
    assert abs(more.estimate) < abs(plain.estimate) and (more.k, more.informative) == (3, 3) and not more.notes


@pytest.mark.parametrize("k", [1, 2, 5])
def test_the_same_study_many_times_shows_no_heterogeneity(k: int) -> None:
    given = ([7] * k, [20] * k, [4] * k, [22] * k)
    for found in (*(mantel_haenszel(*given, m) for m in MH), peto(*given)):
        assert found.q == pytest.approx(0, abs=1e-9) if k > 1 else math.isnan(found.q)
    one = mantel_haenszel([7], [20], [4], [22])
    near(mantel_haenszel(*given).standard_error, one.standard_error / k**0.5, 1e-9, k)


def test_near_an_odds_ratio_of_one_peto_is_mantel_and_haenszel() -> None:
    given = ([500, 251], [10000, 5000], [495, 249], [10000, 5000])
    one, other = peto(*given), mantel_haenszel(*given)
    near(one.estimate, other.estimate, 1e-4, "estimate")
    near(one.standard_error, other.standard_error, 1e-3, "error")
    far = ([50, 40], [1000, 500], [500, 250], [1000, 500])
    assert abs(peto(*far).estimate) < 0.9 * abs(mantel_haenszel(*far).estimate)  # and far from it is biased to 1


def test_with_many_patients_all_ways_agree() -> None:
    p, n = np.array([0.2, 0.3, 0.4]), np.array([4000, 6000, 5000])
    q = 1 / (1 + np.exp(-(np.log(p / (1 - p)) - 0.2)))
    given = (np.round(n * p), n, np.round(n * q), n)
    inverse = pool(effect_of_counts(*given, "odds-ratio"), "common")
    for found in (mantel_haenszel(*given), exact_odds_ratio(*given)):
        near(found.estimate, inverse.estimate, 1e-3, found.method)
        near(found.standard_error, inverse.standard_error, 1e-2, found.method)
    near(inverse.estimate, 0.2, 5e-3, "truth")


def test_one_arm_without_events_has_an_exact_limit_and_no_ratio() -> None:
    given = ([0, 0], [20, 30], [4, 3], [21, 29])
    found = exact_odds_ratio(*given).natural()
    assert found.estimate == 0 and found.low == 0 and 0 < found.high < 1
    turned = exact_odds_ratio(given[2], given[3], given[0], given[1]).natural()
    assert turned.estimate == math.inf == turned.high and turned.low == pytest.approx(1 / found.high)
    for measure in ("odds-ratio", "risk-ratio"):
        with pytest.raises(StudyError, match="Take the risk difference, or the exact interval"):
            mantel_haenszel(*given, measure)  # type: ignore[arg-type]
    assert mantel_haenszel(*given, "risk-difference").estimate < 0
    assert peto(*given).high < math.inf


@pytest.mark.parametrize("events", [0, 20])
def test_nothing_or_everything_in_every_patient_says_nothing_of_a_ratio(events: int) -> None:
    given = ([events] * 2, [20] * 2, [events] * 2, [20] * 2)
    for way in (peto, exact_odds_ratio, mantel_haenszel):
        with pytest.raises(StudyError):
            way(*given)
    found = mantel_haenszel(*given, "risk-difference")
    assert found.estimate == 0 and math.isnan(found.q) and math.isnan(found.score)


def test_rates_of_one_study_are_its_own_and_of_the_same_times_those_of_all_together() -> None:
    found = mantel_haenszel_rates([7], [100.0], [11], [120.0])
    near([found.estimate, found.standard_error], [math.log(7 / 100 / (11 / 120)), (1 / 7 + 1 / 11) ** 0.5], 1e-9, "one")
    both = mantel_haenszel_rates([7, 3], [100.0, 100.0], [11, 5], [100.0, 100.0]).natural()
    assert both.estimate == pytest.approx(10 / 16)
    difference = mantel_haenszel_rates([7, 3], [100.0, 100.0], [11, 5], [100.0, 100.0], "rate-difference")
    assert difference.estimate == pytest.approx(-0.03)


def test_the_score_test_is_the_same_whatever_is_pooled() -> None:
    given = counts("dat.nielweise2007")
    one, other, third = mantel_haenszel(*given), exact_odds_ratio(*given), peto(*given)
    near([other.score, third.score], [one.score] * 2, 1e-12, "score")
    near([other.score_p, third.score_p], [one.score_p] * 2, 1e-9, "its p")


def test_rates_without_events_are_counted_and_it_is_said() -> None:
    found = mantel_haenszel_rates([7, 0], [100.0, 90.0], [11, 0], [120.0, 90.0])
    assert (found.k, found.informative) == (2, 1)
    assert any("no information" in note for note in found.notes)


BAD: Four = ([5], [4], [1], [4])


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        (lambda: mantel_haenszel(*BAD), "5 events of 4"),
        (lambda: peto(*BAD), "5 events of 4"),
        (lambda: exact_odds_ratio(*BAD), "5 events of 4"),
        (lambda: mantel_haenszel([1], [4], [1], [4], "odd-ratio"), "Did you mean 'odds-ratio'"),  # type: ignore[arg-type]
        (lambda: mantel_haenszel([1], [4], [1], [4], "logit"), "no Mantel-Haenszel estimate here"),
        (lambda: mantel_haenszel_rates([1], [0], [1], [4]), "times at risk above 0"),
        (lambda: mantel_haenszel_rates([-1], [4], [1], [4]), "0 or more"),
        (lambda: mantel_haenszel_rates([0], [4], [1], [4]), "no event in any study"),
        (lambda: mantel_haenszel_rates([1], [4], [1], [4], "rate-ratios"), "Did you mean 'rate-ratio'"),  # type: ignore[arg-type]
        (lambda: exact_odds_ratio([0], [4], [0], [4]), "no odds ratio"),
    ],
)
def test_refusals_say_what_is_wrong(attempt: Callable[[], object], says: str) -> None:
    with pytest.raises(StudyError, match=says):
        attempt()
