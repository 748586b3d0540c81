"""Meta-regression, subgroups and permutation tests: metafor's numbers, identities, refusals."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_reference import DATA, case, cases, column, counts, effects_of, near

from homing.ground.errors import StudyError
from homing.synthesis.effect import Effects, effect_of_counts
from homing.synthesis.heterogeneity import q_profile
from homing.synthesis.permutation import permutation_test
from homing.synthesis.pool import pool, pool_subgroups
from homing.synthesis.regression import ADJUST, METHODS, Adjust, Method, likelihood_ratio, regress

PRINTED = {
    "beta": "estimate",
    "se": "standard_error",
    "pval": "p",
    "ci.lb": "low",
    "ci.ub": "high",
    "tau2": "tau2",
    "se.tau2": "tau2_error",
    "H2": "h2",
    "QE": "q",
    "QEp": "q_p",
    "QM": "omnibus",
    "QMp": "omnibus_p",
    "ll.ML": "log_likelihood",
    "ll.REML": "restricted_log_likelihood",
    "vb": "covariance",
}
ALLOCATION = np.array(DATA["dat.bcg"]["alloc"])


def bcg() -> Effects:
    return effect_of_counts(*counts("dat.bcg"), "risk-ratio")


def part(effects: Effects, first: int) -> Effects:
    return Effects(effects.measure, effects.estimate[:first], effects.variance[:first], tuple(range(first)))


def moderators_of(name: str) -> tuple[Effects, dict[str, Any]]:
    if name.startswith("raudenbush"):
        return effects_of("dat.raudenbush1985"), {"weeks": np.minimum(column("dat.raudenbush1985", "weeks"), 3)}
    ablat, year = column("dat.bcg", "ablat"), column("dat.bcg", "year")
    known = {
        "ablat": {"ablat": ablat},
        "ablat_year_alloc": {"ablat": ablat, "year": year, "alloc": ALLOCATION},
        "alloc": {"alloc": ALLOCATION},
    }
    return bcg(), known[name.split(".")[1]]


@pytest.mark.parametrize("case", [*cases("regression", ".tight"), *cases("regression", "omnibus")])
def test_regressions_are_metafors(case: dict[str, Any]) -> None:
    words = case["id"].split(".")
    method = "REML" if "omnibus" in words else "common" if words[2] == "EE" else words[2]
    effects, moderators = moderators_of(case["id"])
    found = regress(effects, moderators, method, adjust="none" if "z" in words else "knapp-hartung")
    value = case["value"]
    # the year of a trial is far from 0 against its spread, which costs the intercept digits in both programs
    tolerance = 1e-5 if "year" in case["id"] else 1e-6
    for theirs, ours in PRINTED.items():
        if theirs in value:
            near(getattr(found, ours), value[theirs], tolerance, theirs, 1e-9)
    near(100 * found.i2, value["I2"], tolerance, "I2", 1e-7)
    if "R2" in value and method != "common":
        near(100 * found.r2, value["R2"], tolerance, "R2", 1e-4)
    assert found.k == value["k"] and len(found.names) == len(value["beta"])


@pytest.mark.parametrize("case", cases("regression", "predict"))
def test_predictions_are_metafors(case: dict[str, Any]) -> None:
    value, adjust = case["value"], "none" if case["value"]["test"] == "z" else "knapp-hartung"
    found = regress(bcg(), {"ablat": column("dat.bcg", "ablat")}, adjust=adjust).predict([[1, 10], [1, 30], [1, 50]])
    expected = np.column_stack([value[k] for k in ("pred", "ci.lb", "ci.ub", "pi.lb", "pi.ub")])
    near(found, expected, 1e-6, "predictions")


def test_the_likelihood_ratio_test_is_metafors() -> None:
    value = case("regression", "bcg_RR.LRT_ablat")["value"]
    gain, p = likelihood_ratio(bcg(), {"ablat": column("dat.bcg", "ablat")})
    near([gain, p], [value["LRT"], value["pval"]], 1e-6, "likelihood ratio")


def test_the_q_profile_interval_of_what_a_moderator_leaves_is_metafors() -> None:
    value = case("regression", "bcg_RR.confint_QP_ablat")["value"]["tau^2"]
    effects, ablat = bcg(), column("dat.bcg", "ablat")
    fit = regress(effects, {"ablat": ablat})
    near([fit.tau2, fit.tau2_low, fit.tau2_high], value, 1e-6, "tau2")
    near(q_profile(effects.estimate, effects.variance, x=fit.design), value[1:], 1e-6, "interval")


def test_groups_with_a_tau2_each_are_metafors() -> None:
    value = case("regression", "bcg_RR.subgroup_separate_tau2")["value"]
    found = pool_subgroups(bcg(), ALLOCATION, adjust="none")
    groups = [found.groups[name] for name in value["groups"]]
    for ours, theirs in (("k", "k"), ("estimate", "beta"), ("standard_error", "se"), ("tau2", "tau2")):
        near([getattr(g, ours) for g in groups], value[theirs], 1e-6, theirs)
    near([found.q_between, found.p], [value["QB"], value["QBp"]], 1e-6, "between")
    assert found.df == 2 and not found.common_tau2


@pytest.mark.parametrize("adjust", ["none", "knapp-hartung"])
def test_groups_with_one_tau2_are_the_regression_on_the_group(adjust: Any) -> None:
    test = "z" if adjust == "none" else "knha"
    value = case("regression", f"bcg_RR.alloc.omnibus.{test}")["value"]
    found = pool_subgroups(bcg(), ALLOCATION, adjust=adjust, common_tau2=True)
    near(found.p, value["QMp"], 1e-6, "p")
    near(found.q_between, value["QM"] * (1 if adjust == "none" else 2), 1e-6, "between")
    assert found.common_tau2


def test_permutation_tests_are_metafors_where_all_ways_are_tried() -> None:
    signs = permutation_test(part(bcg(), 8), None, "DL")
    value = case("regression", "permutest.exact.k8")["value"]
    assert signs.exact and signs.permutations == 2**8
    assert signs.p[0] == pytest.approx(value["pval"], abs=1e-12)
    dealt = permutation_test(part(bcg(), 6), {"ablat": column("dat.bcg", "ablat")[:6]}, "DL")
    value = case("regression", "permutest.exact.k6.ablat")["value"]
    assert dealt.exact and dealt.permutations == 720
    np.testing.assert_allclose(dealt.p, value["pval"], atol=1e-12)
    assert dealt.omnibus_p == pytest.approx(value["QMp"], abs=1e-12)


def test_drawn_permutations_come_near_to_all_of_them_and_repeat_with_the_seed() -> None:
    effects, given = part(bcg(), 6), {"ablat": column("dat.bcg", "ablat")[:6]}
    every = permutation_test(effects, given, "DL")
    drawn = [permutation_test(effects, given, "DL", most=300, seed=s) for s in (3, 3)]
    assert not drawn[0].exact and drawn[0].permutations == 300
    np.testing.assert_array_equal(drawn[0].p, drawn[1].p)
    np.testing.assert_allclose(drawn[0].p, every.p, atol=0.08)


rows = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.05, 4), st.integers(0, 6)), min_size=5, max_size=10)
some = settings(max_examples=40, deadline=None)


def three(data: list[tuple[float, float, int]]) -> tuple[Effects, np.ndarray]:
    y, v, x = (np.array(c, dtype=float) for c in zip(*data, strict=True))
    x[:2] = 0, 7  # so that the moderator differs
    return Effects("mean", y, v, tuple(range(len(y)))), x


@some
@given(rows, st.sampled_from(METHODS), st.floats(0.2, 5), st.floats(-3, 3))
def test_a_moderator_in_another_unit_has_another_slope_and_the_same_fit(
    data: list[tuple[float, float, int]], method: Method, unit: float, origin: float
) -> None:
    effects, x = three(data)
    one, other = regress(effects, {"x": x}, method), regress(effects, {"x": unit * x + origin}, method)
    assert one.estimate[1] == pytest.approx(unit * other.estimate[1], rel=1e-4, abs=1e-6)
    assert one.q == pytest.approx(other.q, rel=1e-6, abs=1e-8)
    # Sidik and Jonkman's start does not look at moderators, so it too stays the same
    assert one.tau2 == pytest.approx(other.tau2, rel=1e-4, abs=1e-6)


@some
@given(rows, st.sampled_from(METHODS))
def test_without_an_intercept_groups_have_their_own_means(data: list[tuple[float, float, int]], method: Method) -> None:
    effects, x = three(data)
    groups = np.where(x > 3, "high", "low")
    apart = regress(effects, {"group": groups}, method, intercept=False)
    against = regress(effects, {"group": groups}, method)
    assert apart.names == ("group: high", "group: low") and against.names == ("intercept", "group: low")
    assert against.estimate[1] == pytest.approx(apart.estimate[1] - apart.estimate[0], rel=1e-4, abs=1e-6)


def test_without_moderators_regression_is_pooling() -> None:
    fit, pooled = regress(bcg()), pool(bcg())
    near(fit.predict([[1]])[0], [getattr(pooled, n) for n in _INTERVALS], 1e-12, "pooling")
    assert np.isnan(fit.r2)


_INTERVALS = ("estimate", "low", "high", "prediction_low", "prediction_high")


def test_a_moderator_that_explains_all_leaves_nothing() -> None:
    x = np.arange(6.0)
    fit = regress(Effects("mean", 1 + 0.5 * x, np.full(6, 0.01), tuple(range(6))), {"x": x}, adjust="none")
    near(fit.estimate, [1, 0.5], 1e-9, "line")
    assert fit.tau2 == 0 and fit.r2 == pytest.approx(1) and fit.q == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize(
    ("moderators", "says"),
    [
        ({"x": [1, 2]}, "'x' has 2 values for 3 studies"),
        ({"x": [1, 2, np.nan]}, "'x' lacks a value"),
        ({"x": [1, 1, 1]}, "do not differ enough"),
        ({"x": [1, 2, 3], "z": [2, 4, 6]}, "x, z do not differ enough"),
        ({"x": [1, 2, 3], "z": [2, 4, 1]}, "3 studies are too few for 3 coefficients"),
        ({"g": ["a", "b", "c"]}, "too few for 3"),
    ],
)
def test_moderators_that_cannot_be_fitted_are_refused(moderators: dict[str, Any], says: str) -> None:
    with pytest.raises(StudyError, match=says):
        regress(Effects("mean", np.array([0.1, 0.2, 0.4]), np.full(3, 0.1), (0, 1, 2)), moderators)


def test_unknown_words_are_refused_with_the_nearest() -> None:
    effects = Effects("mean", np.array([0.1, 0.2, 0.4]), np.full(3, 0.1), (0, 1, 2))
    with pytest.raises(StudyError, match="Did you mean 'REML'"):
        regress(effects, None, "REM")  # type: ignore[arg-type]
    with pytest.raises(StudyError, match="Did you mean 'conservative'"):
        permutation_test(effects, adjust="conservativ")  # type: ignore[arg-type]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("adjust", ADJUST)
def test_permutations_all_at_once_are_the_regressions_one_by_one(method: Method, adjust: Adjust) -> None:
    """The p-values counted from `regress` on each way, signs turned and moderators dealt."""
    random = np.random.default_rng(5)
    y, v, year = random.normal(0.3, 0.5, 5), random.uniform(0.02, 0.4, 5), np.array([1.0, 4.0, 2.0, 7.0, 5.0])

    def statistic(y: Any, year: Any) -> float:
        effects = Effects("odds-ratio", y, v, tuple(range(5)))
        fit = regress(effects, None if year is None else {"year": year}, method, adjust=adjust)
        return float(abs(fit.estimate[-1] / fit.standard_error[-1]))

    signs = [statistic(y * np.array(way), None) for way in itertools.product((1.0, -1.0), repeat=5)]
    dealt = [statistic(y, year[list(way)]) for way in itertools.permutations(range(5))]
    effects = Effects("odds-ratio", y, v, tuple(range(5)))
    for ways, moderators in ((signs, None), (dealt, {"year": year})):
        found = permutation_test(effects, moderators, method, adjust=adjust)
        assert found.exact and found.permutations == len(ways)
        assert found.p[-1] == pytest.approx(np.mean(np.array(ways) >= ways[0] - 1e-8))
