"""Dependent effects: metafor's rma.mv, robust errors against pymare and by their definition, identities, refusals."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from metafor_reference import DATA, case, cases, column, effects_of, near

from homing.ground.errors import StudyError
from homing.synthesis.multilevel import (
    STRUCTURES,
    MixedFit,
    Term,
    fit_mixed,
    profile_interval,
    robust_errors,
    sampling_covariance,
)
from homing.synthesis.pool import pool
from homing.synthesis.regression import regress

Array = np.ndarray


def each_level(levels: list[Any]) -> tuple[Array, tuple[str, ...]]:
    """A column for each level, and their names."""
    names = sorted(set(levels))
    return np.column_stack([[x == n for x in levels] for n in names]).astype(float), tuple(str(n) for n in names)


def schools() -> tuple[Array, Array, list[Term], list[Any]]:
    data = DATA["dat.konstantopoulos2011"]
    within = tuple(f"{d}/{s}" for d, s in zip(data["district"], data["school"], strict=True))
    return np.array(data["yi"]), np.array(data["vi"]), [Term(tuple(data["district"])), Term(within)], data["district"]


def fitted(name: str) -> MixedFit:
    """The model of a case, by its name."""
    words = name.split(".")
    method: Any = "ML" if "ML" in words else "REML"
    if words[0] == "konstantopoulos2011":
        y, v, terms, _ = schools()
        if "year" not in words:
            return fit_mixed(y, v, terms, method=method)
        years = np.array(DATA["dat.konstantopoulos2011"]["year"]) - 1990
        return fit_mixed(y, v, terms, np.column_stack([np.ones(len(y)), years]), ("intercept", "year"), method)
    if words[0] == "berkey1998":
        data = DATA["dat.berkey1998"]
        own = np.array([data["v1i"], data["v2i"]]).T
        v = np.zeros((len(own), len(own)))
        for trial in set(data["trial"]):
            rows = np.flatnonzero(np.array(data["trial"]) == trial)
            v[np.ix_(rows, rows)] = own[rows]
        x, names = each_level(data["outcome"])
        return fit_mixed(data["yi"], v, [Term(tuple(data["trial"]), tuple(data["outcome"]), "UN")], x, names, method)
    if words[0] == "colditz1994":
        data = DATA["colditz1994_long_PLO"]
        x, names = each_level(data["group"])
        terms = [Term(tuple(data["trial"]), tuple(data["group"]), "UN")]
        return fit_mixed(data["yi"], data["vi"], terms, x, names, method)
    if words[0] == "ishak2007":
        data, time, rho = DATA["ishak2007_long"], "time", 0.97
    else:
        data, time, rho = DATA["es_mtp_PLO"], "week", 0.98
    x, names = each_level(data[time])
    v, study = sampling_covariance(data["vi"], data["study"], rho, data[time]), tuple(data["study"])
    if "RI" in words:
        return fit_mixed(data["yi"], v, [Term(study), Term(tuple(range(len(study))))], x, names)
    return fit_mixed(data["yi"], v, [Term(study, tuple(data[time]), words[1])], x, names)  # type: ignore[arg-type]


MODELS = [
    c for c in cases("multilevel") if not any(w in str(c.id) for w in ("confint", "first6", "3level.REML.robust"))
]


@pytest.mark.parametrize("case", MODELS)
def test_mixed_models_are_metafors(case: dict[str, Any]) -> None:
    name, value = case["id"], case["value"]
    found = fitted(name)
    # metafor has the vaccinated first; CS of two levels of one variance is symmetric
    order = [1, 0] if "colditz" in name and value["beta"][0] > value["beta"][1] else slice(None)
    beta, se = np.atleast_1d(value["beta"])[order], np.atleast_1d(value["se"])[order]
    near(found.estimate, beta, 1e-4, "estimate", 1e-7)
    near(found.standard_error, se, 1e-4, "error")
    near(found.low, np.atleast_1d(value["ci.lb"])[order], 1e-4, "low", 1e-5)
    near(found.q, value["QE"], 1e-7, "Q")
    near(found.q_p, value["QEp"], 1e-6, "p of Q", 1e-12)
    near(found.log_likelihood, value[f"ll.{found.method}"], 1e-7, "log-likelihood", 1e-6)
    assert found.converged
    if value.get("sigma2") and value["sigma2"] != 0:
        near(np.concatenate(found.variances), value["sigma2"], 1e-3, "variances", 1e-8)
    else:
        near(found.variances[0], np.atleast_1d(value["tau2"])[order], 2e-4, "variances", 1e-8)
        if "mtp" not in name and "DIAG" not in name:  # a correlation of a variance of 0 is anything
            rho = np.atleast_1d(value["rho"])
            near(np.sort(found.correlations[0]), np.sort(rho), 2e-4, "correlations")


def test_a_profile_interval_is_metafors() -> None:
    value = case("multilevel", "konstantopoulos2011.3level.REML.confint")["value"]
    y, v, terms, _ = schools()
    near(profile_interval(y, v, terms, 0), value["1"]["sigma^2.1"][1:], 1e-4, "districts")
    low, high = profile_interval(y, v, terms, 1)
    near(low, value["2"]["sigma^2.2"][1], 1e-4, "schools")
    assert value["2"]["sigma^2.2"][2] is None and low < 0.0327 < high < 0.2  # metafor finds no upper limit


def test_the_sampling_covariance_of_times_is_metafors() -> None:
    data = DATA["ishak2007_long"]
    found = sampling_covariance(data["vi"], data["study"], 0.97, data["time"])
    near(found[:6, :6], case("multilevel", "ishak2007.V.first6")["value"], 1e-12, "V", 1e-12)
    flat = sampling_covariance([1.0, 4.0, 9.0], ["a", "a", "b"], 0.5)
    near(flat, [[1, 1, 0], [1, 4, 0], [0, 0, 9]], 1e-12, "one correlation")


def test_robust_errors_of_the_first_kind_are_metafors() -> None:
    value = case("multilevel", "konstantopoulos2011.3level.REML.robust")["value"]
    found = robust_errors(fitted("konstantopoulos2011.3level.REML"), schools()[3], "CR1")
    near(found.standard_error, [value["se"]], 1e-5, "error")
    near([found.low[0], found.high[0], found.p[0]], [value["ci.lb"], value["ci.ub"], value["pval"]], 1e-4, "limits")
    assert found.clusters == 11 and found.df[0] == 10
    times = case("multilevel", "mtp.RI.REML.robust")["value"]
    found = robust_errors(fitted("mtp.RI.REML"), DATA["es_mtp_PLO"]["study"], "CR1")
    near(found.standard_error, times["rob.se"], 1e-4, "errors of times")
    near(found.high, times["rob.ci.ub"], 1e-4, "limits of times")


def flat_fit(seed: int, sizes: tuple[int, ...], constant: bool) -> tuple[MixedFit, list[int], Array]:
    """A fit with known variances alone, constant within a cluster or not."""
    random = np.random.default_rng(seed)
    cluster = [i for i, size in enumerate(sizes) for _ in range(size)]
    own = random.uniform(0.05, 0.4, len(sizes))[cluster] if constant else random.uniform(0.05, 0.4, len(cluster))
    x = np.column_stack([np.ones(len(cluster)), random.normal(size=len(cluster))])
    y = x @ [0.3, -0.2] + random.normal(size=len(cluster)) * own**0.5
    return fit_mixed(y, own, [], x, ("intercept", "slope")), cluster, own


@pytest.mark.parametrize(("constant", "tolerance"), [(True, 1e-8), (False, 2e-2)])
def test_bias_reduced_errors_are_pymares_where_weights_are_alike_in_a_cluster(constant: bool, tolerance: float) -> None:
    """Else the two take another root of the same matrix, and differ by a hundredth, as pymare's docstring says."""
    stats = pytest.importorskip("pymare.stats")
    fit, cluster, v = flat_fit(5, (3, 2, 4, 3, 2, 5, 3, 4, 2, 3, 3, 4), constant)
    y = (fit.design @ fit.estimate + fit.residuals)[:, None]
    theirs = stats.cluster_robust_cov(
        y, v[:, None], fit.design, fit.estimate[:, None], np.array(cluster), method="CR2"
    ).reshape(2, 2)
    found = robust_errors(fit, cluster)
    near(found.standard_error, np.sqrt(np.diag(theirs)), tolerance, "error")
    if hasattr(stats, "satterthwaite_dof"):
        df = np.ravel(stats.satterthwaite_dof(fit.design, (1 / v)[:, None], np.array(cluster)))
        near(found.df, df, 10 * tolerance, "degrees of freedom")


@pytest.mark.parametrize("constant", [True, False])
def test_bias_reduced_errors_have_no_bias_if_the_model_is_right(constant: bool) -> None:
    """Their expectation over all residuals that the model can give is the model's own covariance, exactly."""
    fit, cluster, _ = flat_fit(7, (1, 4, 2, 3, 6, 2), constant)
    w = np.linalg.inv(fit.marginal)
    residual = np.eye(fit.k) - fit.design @ fit.covariance @ fit.design.T @ w
    ways = (residual @ np.linalg.cholesky(fit.marginal)).T
    expected = sum(robust_errors(replace(fit, residuals=r), cluster).standard_error ** 2 for r in ways)
    near(expected, np.diag(fit.covariance), 1e-9, "expectation")
    first = sum(robust_errors(replace(fit, residuals=r), cluster, "CR1").standard_error ** 2 for r in ways)
    assert not np.allclose(first, np.diag(fit.covariance), rtol=1e-3)  # which the first kind does not reach


def test_clusters_of_one_with_like_variances_give_the_textbook_error() -> None:
    y = np.array([0.1, 0.5, -0.2, 0.4, 0.9, 0.3])
    fit = fit_mixed(y, np.full(6, 0.1), [])
    found = robust_errors(fit, range(6))
    near(found.standard_error, [np.std(y, ddof=1) / 6**0.5], 1e-9, "error of a mean")
    near(found.df, [5.0], 1e-9, "degrees of freedom")
    slope, cluster, _ = flat_fit(3, (1,) * 9, True)
    found = robust_errors(slope, cluster)
    assert np.isfinite(found.standard_error).all() and (found.df > 1).all() and (found.df <= 9).all()


def test_one_random_intercept_for_each_effect_is_plain_pooling() -> None:
    effects = effects_of("es_bcg_RR")
    k = len(effects)
    for method in ("REML", "ML"):
        found = fit_mixed(effects.estimate, effects.variance, [Term(tuple(range(k)))], method=method)  # type: ignore[arg-type]
        plain = pool(effects, method, adjust="none")  # type: ignore[arg-type]
        near(found.variances[0], [plain.tau2], 1e-5, method)
        near([found.estimate[0], found.standard_error[0]], [plain.estimate, plain.standard_error], 1e-6, method)
        near(found.q, plain.q, 1e-9, "Q")
    ablat = column("dat.bcg", "ablat")
    design = np.column_stack([np.ones(k), ablat])
    found = fit_mixed(effects.estimate, effects.variance, [Term(tuple(range(k)))], design, ("a", "b"))
    near(found.estimate, regress(effects, {"ablat": ablat}, adjust="none").estimate, 1e-5, "slope")
    assert found.log_likelihood == pytest.approx(regress(effects, {"ablat": ablat}).restricted_log_likelihood, abs=1e-7)


@pytest.mark.parametrize("structure", STRUCTURES)
def test_every_structure_is_a_covariance_and_knows_its_size(structure: Any) -> None:
    outer, inner = tuple(i // 3 for i in range(12)), (1, 2, 4) * 4
    term = Term(outer, inner, structure)
    size = term.variances + term.correlations
    for theta in (np.zeros(size), np.linspace(-2, 2, size)):
        m = term.matrix(theta)
        assert np.linalg.eigvalsh(m).min() > -1e-10 and np.allclose(m, m.T)
        assert np.all(m[np.not_equal.outer(outer, outer)] == 0)
    assert Term(outer).matrix(np.zeros(1))[0, 2] == 1 and not Term(outer).correlations
    assert Term(outer, inner, structure, rho=0.5).correlations == 0


def test_two_terms_of_two_levels_agree_with_compound_symmetry() -> None:
    """A variance of the study and one of its effects is one variance with one correlation."""
    data = DATA["ishak2007_long"]
    study, y, v = tuple(data["study"]), data["yi"], data["vi"]
    split = fit_mixed(y, v, [Term(study), Term(tuple(range(len(y))))])
    joint = fit_mixed(y, v, [Term(study, tuple(range(len(y))), "CS")])
    total = sum(float(s[0]) for s in split.variances)
    assert joint.log_likelihood == pytest.approx(split.log_likelihood, abs=1e-5)
    near(joint.variances[0], [total], 1e-3, "variance")
    near(joint.correlations[0], [float(split.variances[0][0]) / total], 1e-3, "correlation")


TWO = ("a", "b")


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        (lambda: Term(TWO, TWO, "CSS"), "Did you mean 'CS'"),  # type: ignore[arg-type]
        (lambda: Term(TWO, ("x",)), "1 inner levels for 2 effects"),
        (lambda: sampling_covariance([1, 1], TWO, 1.0), "between -1 and 1"),
        (lambda: fit_mixed([1, 2, 3], [1, 1], [Term(TWO)]), "of one length"),
        (lambda: fit_mixed([1, 2], [1, 1], [Term(("a", "b", "c"))]), "of one length"),
        (lambda: fit_mixed([1, 2], [1, 1], [], np.ones((2, 1)), ("a", "b")), "2 names are given for 1"),
        (lambda: fit_mixed([1, 2], [1, 1], [], np.eye(2), ("a", "b")), "2 effects are too few for 2"),
        (lambda: fit_mixed([1, 2], [1, 0], []), "not positive definite"),
        (lambda: fit_mixed([1, 2, 3], np.ones((3, 3)), []), "not positive definite"),
        (lambda: robust_errors(fit_mixed([1, 2, 3], [1, 1, 1], []), ["a"] * 3), "1 clusters are too few"),
        (lambda: robust_errors(fit_mixed([1, 2, 3], [1, 1, 1], []), ["a", "b"]), "do not fit the 3 effects"),
    ],
)
def test_refusals_say_what_is_wrong(attempt: Any, says: str) -> None:
    with pytest.raises(StudyError, match=says):
        attempt()
