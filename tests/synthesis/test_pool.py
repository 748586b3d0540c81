"""Pooling: metafor's numbers, an independent library, properties, and the corners."""

from __future__ import annotations

from dataclasses import replace
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_reference import DATA, cases, column, effects_of, near

from homing.ground.errors import StudyError
from homing.synthesis.effect import Effects, effect_of_counts
from homing.synthesis.heterogeneity import ESTIMATORS, likelihood_profile, log_likelihood, typical_variance
from homing.synthesis.pool import METHODS, Method, pool, pool_subgroups, q_profile

SETS = sorted(name for name in DATA if name.startswith("es_"))
#: Under any name that metafor prints and this package has too.
PRINTED = {
    "beta": "estimate",
    "se": "standard_error",
    "ci.lb": "low",
    "ci.ub": "high",
    "pval": "p",
    "tau2": "tau2",
    "se.tau2": "tau2_error",
    "H2": "h2",
    "QE": "q",
    "QEp": "q_p",
    "pi.lb": "prediction_low",
    "pi.ub": "prediction_high",
}


def effects(y: object, v: object) -> Effects:
    values = np.asarray(y, dtype=float)
    return Effects("risk-difference", values, np.asarray(v, dtype=float), tuple(range(len(values))))


@pytest.mark.parametrize("case", cases("pooled"))
def test_pooled_numbers_are_metafors(case: dict[str, Any]) -> None:
    found = pool(effects_of(case["data"]), case["method"], adjust=case["adjust"])
    alone = case["k"] == 1  # metafor gives a lone study a prediction interval; here it has none, and no tau2 error
    for theirs, ours in PRINTED.items():
        if theirs in case and not (alone and theirs in ("pi.lb", "pi.ub", "se.tau2")):
            near(getattr(found, ours), case[theirs], 1e-6, theirs, 1e-9)
    if case["data"] not in ("k1",):
        near(100 * found.i2, case["I2"], 1e-6, "I2", 1e-7)
    assert found.k == case["k"] and found.method == case["method"]
    assert found.weights.sum() == pytest.approx(1)
    assert np.isnan(found.prediction_low) == (case["method"] == "common" or alone)


@pytest.mark.parametrize("case", cases("pooled"))
def test_log_likelihoods_are_metafors(case: dict[str, Any]) -> None:
    found, ones = effects_of(case["data"]), np.ones((case["k"], 1))
    for name, restricted in (("ll.ML", False), ("ll.REML", True)):
        if name in case:
            value = log_likelihood(case["tau2"], found.estimate, found.variance, ones, restricted)
            near(value, case[name], 1e-9, name, 1e-8)


@pytest.mark.parametrize("case", cases("intervals"))
def test_the_intervals_of_tau2_are_metafors(case: dict[str, Any]) -> None:
    y, v = column(case["data"], "yi"), column(case["data"], "vi")
    found = q_profile(y, v) if case["kind"] == "QP" else likelihood_profile(y, v, restricted="REML" in case["kind"])
    for value, expected in zip(found, (case["low"], case["high"]), strict=True):
        if expected is not None:  # metafor finds no limit for some
            near(value, expected, 1e-6, case["kind"], 1e-9)


@pytest.mark.parametrize("name", SETS)
def test_restricted_likelihood_is_as_high_as_any_that_a_fine_grid_finds(name: str) -> None:
    y, v = column(name, "yi"), column(name, "vi")
    x, grid = np.ones((len(y), 1)), np.concatenate([[0.0], (y.var() + v.mean()) * np.geomspace(1e-8, 1e3, 1500)])
    for method, restricted in (("REML", True), ("ML", False)):
        found = pool(effects(y, v), method).tau2  # type: ignore[arg-type]
        best = max(log_likelihood(tau2, y, v, x, restricted) for tau2 in grid)
        assert log_likelihood(found, y, v, x, restricted) >= best - 1e-9


@pytest.mark.parametrize("name", SETS)
def test_q_at_paule_and_mandels_tau2_is_its_degrees_of_freedom(name: str) -> None:
    y, v = column(name, "yi"), column(name, "vi")
    found = pool(effects(y, v), "PM")
    w = 1 / (v + found.tau2)
    q = float(w @ (y - found.estimate) ** 2)
    assert q == pytest.approx(len(y) - 1) if found.tau2 > 0 else q <= len(y) - 1
    assert found.i2 == pytest.approx(found.tau2 / (found.tau2 + typical_variance(v, np.ones((len(y), 1)))))


studies = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.01, 4)), min_size=2, max_size=12)
some = settings(max_examples=60, deadline=None)
Rows = list[tuple[float, float]]


@some
@given(studies, st.sampled_from(METHODS), st.integers(0, 1000))
def test_the_order_of_studies_does_not_matter(rows: Rows, method: Method, seed: int) -> None:
    shuffled = list(rows)
    Random(seed).shuffle(shuffled)
    one, other = (pool(effects(*zip(*r, strict=True)), method) for r in (rows, shuffled))
    assert one.estimate == pytest.approx(other.estimate, abs=1e-6)
    assert one.tau2 == pytest.approx(other.tau2, abs=1e-6)


@some
@given(studies, st.sampled_from(METHODS), st.floats(0.1, 10), st.floats(-5, 5))
def test_pooling_follows_a_change_of_unit_and_of_origin(rows: Rows, method: Method, unit: float, origin: float) -> None:
    y, v = (np.array(c) for c in zip(*rows, strict=True))
    one = pool(effects(y, v), method)
    other = pool(effects(unit * y + origin, unit**2 * v), method)
    assert other.estimate == pytest.approx(unit * one.estimate + origin, rel=1e-5, abs=1e-5)
    assert other.tau2 == pytest.approx(unit**2 * one.tau2, rel=1e-4, abs=1e-5)
    assert other.q == pytest.approx(one.q, rel=1e-6, abs=1e-6)


@some
@given(studies, st.sampled_from(METHODS))
def test_the_mean_lies_among_the_studies_and_its_interval_within_that_of_the_next_study(
    rows: Rows, method: Method
) -> None:
    y, v = (np.array(c) for c in zip(*rows, strict=True))
    found = pool(effects(y, v), method)
    assert y.min() - 1e-9 <= found.estimate <= y.max() + 1e-9
    assert found.tau2 >= 0 and 0 <= found.i2 <= 1
    if method != "common":
        assert found.prediction_low <= found.low + 1e-9 and found.high <= found.prediction_high + 1e-9


@some
@given(studies, st.sampled_from([m for m in METHODS if m != "common"]))
def test_the_conservative_interval_is_never_narrower_than_either_it_is_made_of(rows: Rows, method: Method) -> None:
    y, v = (np.array(c) for c in zip(*rows, strict=True))
    width = {
        a: (f := pool(effects(y, v), method, adjust=a)).high - f.low for a in ("conservative", "knapp-hartung", "t")
    }  # type: ignore[arg-type]
    assert width["conservative"] == pytest.approx(max(width["knapp-hartung"], width["t"]), rel=1e-9)


@some
@given(studies, st.floats(0.5, 0.999))
def test_q_profile_widens_with_the_level(rows: Rows, level: float) -> None:
    y, v = (np.array(c) for c in zip(*rows, strict=True))
    low, high = q_profile(y, v, level)
    wide_low, wide_high = q_profile(y, v, 0.5 + level / 2)
    assert 0 <= wide_low <= low + 1e-9 and low <= high and high <= wide_high + 1e-9


@pytest.mark.parametrize("method", METHODS)
def test_identical_studies_show_no_heterogeneity(method: Method) -> None:
    found = pool(effects([0.2] * 5, [0.04] * 5), method, adjust="none")
    assert (found.tau2, found.i2, found.q) == (0, 0, 0)
    assert found.estimate == pytest.approx(0.2)
    assert found.standard_error == pytest.approx((0.04 / 5) ** 0.5)


@pytest.mark.parametrize("method", METHODS)
def test_with_equal_variances_the_mean_is_the_plain_one(method: Method) -> None:
    y = [0.1, 0.9, -0.4, 0.35]
    found = pool(effects(y, [0.09] * 4), method)
    assert found.estimate == pytest.approx(np.mean(y))
    if method in ("REML", "DL", "HE", "PM", "EB"):  # unbiased for equal variances: all are the moment estimator
        assert found.tau2 == pytest.approx(np.var(y, ddof=1) - 0.09, rel=1e-9)


def test_one_study_is_given_back_as_it_is() -> None:
    found = pool(effects([0.15], [0.0049]))
    assert (found.k, found.estimate, found.standard_error) == (1, 0.15, pytest.approx(0.07))
    assert found.low == pytest.approx(0.15 - 1.959964 * 0.07, rel=1e-6)
    assert np.isnan(found.prediction_low) and found.adjust == "none" and "one study" in found.notes[-1]


def test_two_studies_are_pooled_and_said_to_be_two() -> None:
    found = pool(effects([0.15, 0.02], [0.0045, 0.0018]))
    assert any("two studies" in note for note in found.notes)
    assert found.high - found.low > 2 * 12.7 * found.standard_error * 0.99


def test_studies_that_agree_too_well_are_said_to_narrow_the_interval() -> None:
    found = pool(effects([0.1, 0.11, 0.09, 0.1], [0.04, 0.05, 0.03, 0.06]))
    assert any("narrow" in note for note in found.notes)
    wide = pool(effects([0.1, 0.11, 0.09, 0.1], [0.04, 0.05, 0.03, 0.06]), adjust="conservative")
    assert wide.high - wide.low > found.high - found.low


def test_what_was_done_to_studies_is_carried_on() -> None:
    counts = effect_of_counts([0, 5, 3], [10, 10, 9], [3, 2, 4], [10, 10, 9], "odds-ratio", zeros="drop")
    assert any("left out" in note for note in pool(counts).notes)


@pytest.mark.parametrize(
    ("y", "v", "how", "says"),
    [
        ([], [], {}, "no study"),
        ([0.1, 0.2], [0.0, 0.1], {}, "variance above zero"),
        ([0.1, np.nan], [0.1, 0.1], {}, "finite effect"),
        ([0.1, 0.2], [0.1, 0.1], {"method": "REM"}, "Did you mean 'REML'"),
        ([0.1, 0.2], [0.1, 0.1], {"adjust": "knapp-hartun"}, "Did you mean 'knapp-hartung'"),
        ([0.1, 0.2], [0.1, 0.1], {"level": 95}, "between 0 and 1"),
    ],
)
def test_what_cannot_be_pooled_is_refused(y: Any, v: Any, how: dict[str, Any], says: str) -> None:
    with pytest.raises(StudyError, match=says):
        pool(effects(y, v), **how)


@pytest.mark.parametrize(("groups", "says"), [(["a"] * 3, "one group"), (["a", "b"], "2 groups are given for 3")])
def test_groups_that_cannot_be_compared_are_refused(groups: list[str], says: str) -> None:
    with pytest.raises(StudyError, match=says):
        pool_subgroups(effects([0.1, 0.2, 0.3], [0.1] * 3), groups)


def test_ratios_are_read_as_ratios() -> None:
    counts = effect_of_counts([53, 139], [107, 284], [36, 132], [105, 284], "odds-ratio")
    found = pool(counts, adjust="none").natural()
    assert 1 < found.estimate < 2 and 0 < found.low < found.estimate < found.high
    assert found == replace(found, estimate=found.estimate)


def test_huge_studies_do_not_upset_it() -> None:
    found = pool(effects([0.1, 0.1000001, 0.3], [1e-12, 1e-12, 1e-2]))
    assert np.isfinite(found.estimate) and np.isfinite(found.low)


def test_every_estimator_has_a_name_to_print() -> None:
    assert set(METHODS) == {*ESTIMATORS, "common"} and all(ESTIMATORS.values())


def test_an_independent_library_agrees() -> None:
    pymare = pytest.importorskip("pymare")
    from pymare.estimators import DerSimonianLaird, VarianceBasedLikelihoodEstimator

    for name in SETS:
        dataset = pymare.Dataset(column(name, "yi"), column(name, "vi"))
        pairs = (("DL", DerSimonianLaird()), ("REML", VarianceBasedLikelihoodEstimator(method="REML")))
        for method, estimator in pairs:
            theirs = float(np.squeeze(estimator.fit_dataset(dataset).params_["fe_params"]))
            assert pool(effects_of(name), method).estimate == pytest.approx(theirs, rel=2e-4, abs=1e-4)  # type: ignore[arg-type]
