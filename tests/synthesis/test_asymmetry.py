"""Asymmetry of the funnel: metafor's numbers, symmetric funnels, statements about few studies, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_reference import cases, column, counts, effects_of, near

from homing.ground.errors import StudyError
from homing.synthesis.asymmetry import begg, egger, egger_mixed, peters, trim_and_fill
from homing.synthesis.effect import Effects, effect_of_counts
from homing.synthesis.heterogeneity import log_likelihood

METHODS: dict[str, Any] = {"EE": "common", "DL": "DL", "REML": "REML"}


def effects(y: Any, v: Any) -> Effects:
    return Effects("mean", np.array(y, dtype=float), np.array(v, dtype=float), tuple(range(len(y))))


@pytest.mark.parametrize("case", cases("asymmetry", "regtest"))
def test_regression_tests_are_metafors(case: dict[str, Any]) -> None:
    value = case["value"]
    found = (egger if ".lm." in case["id"] else egger_mixed)(effects_of(case["data"]))
    pairs = {"statistic": "zval", "p": "pval", "limit": "est", "limit_low": "ci.lb", "limit_high": "ci.ub"}
    for ours, theirs in pairs.items():
        near(getattr(found, ours), value[theirs], 1e-6, theirs, 1e-9)
    assert found.df == (value["dfs"] if ".lm." in case["id"] else math.inf)


@pytest.mark.parametrize("case", cases("asymmetry", "ranktest"))
def test_rank_tests_are_metafors(case: dict[str, Any]) -> None:
    found = begg(effects_of(case["data"]))
    near([found.statistic, found.p], [case["value"]["tau"], case["value"]["pval"]], 1e-6, "rank test", 1e-12)


@pytest.mark.parametrize("case", cases("asymmetry", "trimfill"))
def test_trim_and_fill_is_metafors(case: dict[str, Any]) -> None:
    _, _, rule, method, side = case["id"].split(".")
    given: Any = (effects_of(case["data"]), rule, METHODS[method])
    if "error" in case:
        with pytest.raises(StudyError, match=r"Q0 does not exist.*take L0"):
            trim_and_fill(*given, side=None if side == "auto" else side)
        return
    value, found = case["value"], trim_and_fill(*given, side=None if side == "auto" else side)
    assert (found.missing, found.side) == (value["k0"], value["side"])
    near(found.missing_error, math.nan if value["se.k0"] is None else value["se.k0"], 1e-6, "error of k0")
    assert len(found.filled) == len(effects_of(case["data"])) + found.missing
    if method == "REML" and found.missing:
        # metafor fits the filled set with its default step of 1e-5; what is found here is at least as likely
        y, v = found.filled.estimate, found.filled.variance
        ours, theirs = (log_likelihood(t, y, v, np.ones((len(y), 1)), True) for t in (found.pooled.tau2, value["tau2"]))
        assert ours >= theirs - 1e-9
        near(found.pooled.tau2, value["tau2"], 5e-3, "tau2", 1e-5)
        near([found.pooled.estimate, found.pooled.standard_error], [value["beta"], value["se"]], 1e-3, "pooled")
        return
    for ours, theirs in {"estimate": "beta", "standard_error": "se", "low": "ci.lb", "high": "ci.ub"}.items():
        near(getattr(found.pooled, ours), value[theirs], 1e-6, theirs, 1e-9)
    near([found.pooled.tau2, found.pooled.q], [value["tau2"], value["QE"]], 1e-6, "spread", 1e-9)


#: Eight studies about 0.3, at distances of 1 to 8, so that no two are tied, whose ranks balance within each size.
SYMMETRIC = effects(0.3 + 0.05 * np.array([1, -2, -3, 4, 5, -6, -7, 8]), [0.01] * 4 + [0.1] * 4)
MIRRORED = effects([0.3, 0.2, 0.4, 0.1, 0.5, 0.0, 0.6], [0.01, 0.02, 0.02, 0.05, 0.05, 0.1, 0.1])


@pytest.mark.parametrize("rule", ["L0", "R0", "Q0"])
@pytest.mark.parametrize("side", ["left", "right", None])
def test_a_symmetric_funnel_lacks_nothing(rule: Any, side: Any) -> None:
    found = trim_and_fill(SYMMETRIC, rule, side=side)
    assert found.missing == 0 and len(found.filled) == 8
    near(found.pooled.estimate, 0.3, 1e-9, "mean")
    assert found.pooled.tau2 == pytest.approx(found.before.tau2)


def test_a_symmetric_funnel_has_no_slope() -> None:
    for test in (egger, egger_mixed, begg):
        found = test(MIRRORED)
        assert found.statistic == pytest.approx(0, abs=1e-6) and found.p == pytest.approx(1, abs=1e-6)
    assert egger(MIRRORED).limit == pytest.approx(0.3)


def test_studies_taken_from_one_side_are_missed_there() -> None:
    """Of 25 studies about 0 the five lowest small ones are held back."""
    random = np.random.default_rng(11)
    error = np.linspace(0.05, 0.6, 25)
    y = error * random.normal(size=25)
    keep = ~np.isin(np.arange(25), np.argsort(y)[:5])
    found = trim_and_fill(effects(y[keep], error[keep] ** 2), method="common")
    assert found.side == "left" and found.missing >= 3
    assert found.pooled.estimate < found.before.estimate
    turned = trim_and_fill(effects(-y[keep], error[keep] ** 2), method="common")
    assert (turned.side, turned.missing) == ("right", found.missing)
    near(turned.pooled.estimate, -found.pooled.estimate, 1e-9, "turned")


rows = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.02, 3)), min_size=4, max_size=12, unique_by=lambda r: r[1])


@settings(max_examples=40, deadline=None)
@given(rows, st.floats(-4, 4), st.floats(0.2, 5))
def test_tests_know_neither_origin_nor_unit(data: list[tuple[float, float]], origin: float, unit: float) -> None:
    y, v = (np.array(c) for c in zip(*data, strict=True))
    if np.ptp(y) < 1e-3 or np.ptp(v) < 1e-3:
        return
    one, other = effects(y, v), effects(unit * y + origin, unit**2 * v)
    assert egger(other).statistic == pytest.approx(egger(one).statistic, rel=1e-4, abs=1e-5)
    assert egger(other).limit == pytest.approx(unit * egger(one).limit + origin, rel=1e-5, abs=1e-5)
    turned, plain = egger(effects(-y, v)), egger(one)
    assert turned.statistic == pytest.approx(-plain.statistic, rel=1e-6, abs=1e-6)
    assert turned.p == pytest.approx(plain.p, abs=1e-9)


def test_peters_test_is_the_weighted_line_on_one_over_n() -> None:
    a, n1, c, n2 = counts("dat.bcg")
    x, n = a + c, n1 + n2
    found = peters(effect_of_counts(a, n1, c, n2, "odds-ratio"), x, n)
    y, w = effect_of_counts(a, n1, c, n2, "odds-ratio").estimate, x * (n - x) / n
    design = np.column_stack([np.ones(13), 1 / n]) * w[:, None] ** 0.5
    beta, squares, _, _ = np.linalg.lstsq(design, y * w**0.5, rcond=None)
    error = np.sqrt(squares[0] / 11 * np.diag(np.linalg.inv(design.T @ design)))
    near([found.limit, found.statistic], [beta[0], beta[1] / error[1]], 1e-8, "line")
    assert found.df == 11 and not found.notes


def test_few_studies_are_said_to_be_few() -> None:
    few = effects_of("es_homog")
    for test in (egger, egger_mixed, begg):
        assert "hardly ever finds" in test(few).notes[0]
    assert not egger(effects_of("es_bcg_RR")).notes


TWO = effects([0.1, 0.2], [0.1, 0.2])


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        (lambda: egger(TWO), "three studies at least, and there are 2"),
        (lambda: egger_mixed(TWO), "three studies at least"),
        (lambda: begg(TWO), "three studies at least"),
        (lambda: peters(TWO, [1, 2], [9, 9]), "three studies at least"),
        (lambda: trim_and_fill(TWO), "three studies at least"),
        (lambda: egger(effects([1, 2, 3], [1, 1, 1])), "of one size"),
        (lambda: egger_mixed(effects([1, 2, 3], [1, 1, 1])), "do not differ enough|of one size"),
        (lambda: peters(effects([1, 2, 3], [1, 2, 3]), [0, 2, 3], [9, 8, 7]), "events and patients without"),
        (lambda: trim_and_fill(SYMMETRIC, "L1"), "no rule of trim and fill"),  # type: ignore[arg-type]
        (lambda: trim_and_fill(SYMMETRIC, "L0", "REM"), "Did you mean 'REML'"),  # type: ignore[arg-type]
        (lambda: trim_and_fill(SYMMETRIC, adjust="non"), "Did you mean 'none'"),
    ],
)
def test_refusals_say_what_is_wrong(attempt: Any, says: str) -> None:
    with pytest.raises(StudyError, match=says):
        attempt()


def test_with_studies_of_one_size_the_side_is_the_left() -> None:
    found = trim_and_fill(effects([0.1, 0.2, 0.3, 0.9], [0.1] * 4))
    assert found.side == "left" and column("es_homog", "yi").size == 5
