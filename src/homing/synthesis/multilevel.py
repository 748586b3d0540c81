"""Dependent effects: several outcomes, times or arms of one study, and studies within groups.

A linear mixed model with known sampling covariance V and variance terms on top, as metafor's rma.mv fits it
(Viechtbauer 2010, doi:10.18637/jss.v036.i03), by (restricted) maximum likelihood from several starts. Cluster-robust
errors are those of its `robust()` and the bias-reduced ones of Pustejovsky and Tipton 2018
(doi:10.1080/07350015.2016.1247004).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.synthesis.binomial import polished
from homing.synthesis.checks import arrays, check_lengths, check_level, check_word, same_label
from homing.synthesis.heterogeneity import inverse
from homing.synthesis.terms import STRUCTURES, Structure, Term

__all__ = [
    "STRUCTURES",
    "MixedFit",
    "Robust",
    "Structure",
    "Term",
    "fit_mixed",
    "profile_interval",
    "robust_errors",
    "sampling_covariance",
]

Array = NDArray[np.float64]
_STARTS = (0.0, -2.0, 2.0)
_LOWEST = -30.0


@dataclass(frozen=True)
class MixedFit:
    """A fitted mixed model. Coefficients (coefficient,); `variances` and `correlations` by term.

    `q` tests residual heterogeneity against sampling alone; `converged` says that several starts agreed.
    """

    names: tuple[str, ...]
    k: int
    estimate: Array
    standard_error: Array
    low: Array
    high: Array
    covariance: Array
    variances: tuple[Array, ...]
    correlations: tuple[Array, ...]
    q: float
    q_p: float
    log_likelihood: float
    method: Literal["REML", "ML"]
    converged: bool
    marginal: Array
    residuals: Array
    design: Array
    theta: Array


def sampling_covariance(
    variance: ArrayLike, cluster: Sequence[Any], rho: float, time: ArrayLike | None = None
) -> Array:
    """V (effect, effect) of dependent effects: correlation `rho` within a cluster, or rho**|t - s| at times given.

    The correlation of two times of one study is hardly ever printed: choose one, say it, and try others.
    Raises: StudyError for different lengths, or a correlation that is none: beyond 1, or below 0 between times that are
    not whole numbers apart.
    """
    (v,) = arrays(variance)
    check_lengths(v, cluster)
    if not (np.isfinite(v) & (v >= 0)).all():
        raise StudyError("variances must be finite and not below 0.")
    if not -1 < rho < 1:
        raise StudyError(f"the correlation must be between -1 and 1, and is {rho:g}.")
    if time is None:
        correlation = np.where(np.eye(len(v)) > 0, 1.0, rho)
    else:
        (at,) = arrays(time)
        check_lengths(v, at)
        apart = np.abs(np.subtract.outer(at, at))
        if not np.isfinite(at).all() or (rho < 0 and (apart != np.round(apart)).any()):
            raise StudyError("times must be finite, and whole numbers where the correlation is below 0.")
        correlation = rho**apart
    return np.where(same_label(cluster), correlation * np.sqrt(np.outer(v, v)), 0.0)


def fit_mixed(
    y: ArrayLike,
    covariance: ArrayLike,
    terms: Sequence[Term],
    design: ArrayLike | None = None,
    names: Sequence[str] = ("intercept",),
    method: Literal["REML", "ML"] = "REML",
    level: float = 0.95,
) -> MixedFit:
    """Fit y (effect,) with sampling variances (effect,) or covariance (effect, effect), a design and variance terms.

    Raises: StudyError for shapes that do not fit, numbers that are not finite, a covariance that is not positive
    definite, columns that say the same, too few effects, an unknown method.
    """
    from scipy.stats import chi2, norm

    check_level(level)
    check_word(method, ("REML", "ML"), "is no method of a mixed model")
    obs, v, x = _arranged(y, covariance, design, terms, names)
    k, p = x.shape
    theta, best, converged = _optimum(obs, v, x, terms, method)
    marginal = v + _sum_of_terms(terms, theta, k)
    beta, vb, _, _ = _gls(obs, marginal, x)
    error = np.sqrt(np.diag(vb))
    reach = float(norm.ppf(0.5 + level / 2))
    q = _gls(obs, v, x)[2]
    parts = [term.parts(part) for term, part in zip(terms, _split(terms, theta), strict=True)]
    return MixedFit(
        names=tuple(names),
        k=k,
        estimate=beta,
        standard_error=error,
        low=beta - reach * error,
        high=beta + reach * error,
        covariance=vb,
        variances=tuple(part[1] for part in parts),
        correlations=tuple(part[2] for part in parts),
        q=q,
        q_p=float(chi2.sf(q, k - p)),
        log_likelihood=best,
        method=method,
        converged=converged,
        marginal=marginal,
        residuals=obs - x @ beta,
        design=x,
        theta=theta,
    )


def _arranged(
    y: ArrayLike, covariance: ArrayLike, design: ArrayLike | None, terms: Sequence[Term], names: Sequence[str]
) -> tuple[Array, Array, Array]:
    obs, v = np.asarray(y, dtype=float), np.asarray(covariance, dtype=float)
    v = np.diag(v) if v.ndim == 1 else v
    x = np.ones((len(obs), 1)) if design is None else np.asarray(design, dtype=float)
    if v.shape != (len(obs), len(obs)) or len(x) != len(obs) or any(len(t.outer) != len(obs) for t in terms):
        raise StudyError(f"effects, covariance, design and terms must be of one length; there are {len(obs)} effects.")
    if len(names) != x.shape[1]:
        raise StudyError(f"{len(names)} names are given for {x.shape[1]} coefficients.")
    if len(obs) <= x.shape[1]:
        raise StudyError(f"{len(obs)} effects are too few for {x.shape[1]} coefficients.")
    if not (np.isfinite(obs).all() and np.isfinite(v).all() and np.isfinite(x).all()):
        raise StudyError("effects, covariance and design must be finite numbers; leave out what lacks one.")
    if np.linalg.matrix_rank(x) < x.shape[1]:
        raise StudyError(f"the columns {', '.join(names)} do not differ enough to be told apart.")
    if np.linalg.eigvalsh(v).min() <= 0:
        raise StudyError("the sampling covariance is not positive definite: a variance is 0 or a correlation too high.")
    return obs, v, x


def _split(terms: Sequence[Term], theta: Array) -> list[Array]:
    ends = np.cumsum([t.variances + t.correlations for t in terms])
    return list(np.split(theta, ends[:-1])) if len(ends) else []


def _sum_of_terms(terms: Sequence[Term], theta: Array, k: int) -> Array:
    total = np.zeros((k, k))
    for term, part in zip(terms, _split(terms, theta), strict=True):
        total += term.matrix(part)
    return total


def _gls(y: Array, m: Array, x: Array) -> tuple[Array, Array, float, float]:
    """Coefficients, their covariance, the weighted sum of squares and log|M|."""
    factor = np.linalg.cholesky(m)
    wx, wy = np.linalg.solve(factor, x), np.linalg.solve(factor, y)
    vb = np.linalg.inv(wx.T @ wx)
    beta = vb @ (wx.T @ wy)
    return beta, vb, float(((wy - wx @ beta) ** 2).sum()), 2 * float(np.log(np.diag(factor)).sum())


def _likelihood(theta: Array, y: Array, v: Array, x: Array, terms: Sequence[Term], method: str) -> float:
    k, p = x.shape
    try:
        _, vb, squares, log_det = _gls(y, v + _sum_of_terms(terms, np.clip(theta, _LOWEST, 30), k), x)
    except np.linalg.LinAlgError:
        return -math.inf
    if method == "ML":
        return -0.5 * (k * math.log(2 * math.pi) + log_det + squares)
    plain, own = np.linalg.slogdet(x.T @ x)[1], -np.linalg.slogdet(vb)[1]
    return float(-0.5 * ((k - p) * math.log(2 * math.pi) + log_det + squares - plain + own))


def _optimum(y: Array, v: Array, x: Array, terms: Sequence[Term], method: str) -> tuple[Array, float, bool]:
    from scipy.optimize import minimize

    size = sum(t.variances + t.correlations for t in terms)

    def loss(theta: Array) -> float:
        found = -_likelihood(theta, y, v, x, terms, method)
        return found if math.isfinite(found) else 1e10

    if not size:
        return np.empty(0), -loss(np.empty(0)), True
    scale = math.log(max(float(np.var(y)), 1e-8))
    found = []
    for shift in _STARTS:
        start = np.concatenate([np.r_[np.full(t.variances, scale + shift), np.zeros(t.correlations)] for t in terms])
        fit = minimize(loss, start, method="BFGS", options={"gtol": 1e-8})
        found.append(minimize(loss, fit.x, method="BFGS", options={"gtol": 1e-9}))
    found.sort(key=lambda f: f.fun)
    best = np.clip(polished(loss, np.asarray(found[0].x)), _LOWEST, 30)
    return best, -loss(best), bool(found[1].fun - found[0].fun < 1e-4)


def profile_interval(
    y: ArrayLike,
    covariance: ArrayLike,
    terms: Sequence[Term],
    which: int,
    design: ArrayLike | None = None,
    method: Literal["REML", "ML"] = "REML",
    level: float = 0.95,
) -> tuple[float, float]:
    """The profile-likelihood interval of one variance, counted through all terms' variances, others refitted.

    Raises: StudyError as `fit_mixed` does, and where there is no such variance.
    """
    from scipy.optimize import brentq, minimize
    from scipy.stats import chi2

    check_level(level)
    check_word(method, ("REML", "ML"), "is no method of a mixed model")
    x = np.ones((len(np.asarray(y)), 1)) if design is None else np.asarray(design, dtype=float)
    obs, v, x = _arranged(y, covariance, x, terms, tuple(str(i) for i in range(x.shape[1])))
    starts = np.cumsum([0, *(t.variances + t.correlations for t in terms)])
    places = [int(s) + i for s, t in zip(starts, terms, strict=False) for i in range(t.variances)]
    if not 0 <= which < len(places):
        raise StudyError(f"there are {len(places)} variances, counted from 0, and {which} is asked for.")
    at = places[which]
    best, top, _ = _optimum(obs, v, x, terms, method)
    rest = np.delete(best, at)

    def above(value: float) -> float:
        def loss(free: Array) -> float:
            found = -_likelihood(np.insert(free, at, math.log(max(value, 1e-13))), obs, v, x, terms, method)
            return found if math.isfinite(found) else 1e10

        highest = -loss(rest)
        if len(rest):
            highest = -float(minimize(loss, rest, method="BFGS", options={"gtol": 1e-8}).fun)
        return highest - top + 0.5 * float(chi2.ppf(level, 1))

    middle = math.exp(float(best[at]))
    low = 0.0 if above(0.0) >= 0 else float(brentq(above, 0.0, middle, xtol=1e-12, rtol=1e-9))
    high = 4 * middle + float(np.diag(v).max())
    while above(high) > 0:
        high *= 4
    return low, float(brentq(above, middle, high, xtol=1e-12, rtol=1e-9))


@dataclass(frozen=True)
class Robust:
    """Cluster-robust errors of a mixed model's coefficients, each (coefficient,), with degrees of freedom."""

    standard_error: Array
    low: Array
    high: Array
    p: Array
    df: Array
    clusters: int
    kind: Literal["CR1", "CR2"]


def robust_errors(
    fit: MixedFit, cluster: Sequence[Any], kind: Literal["CR1", "CR2"] = "CR2", level: float = 0.95
) -> Robust:
    """Errors that hold whatever the dependence within clusters.

    'CR1' scales by clusters/(clusters - coefficients) and counts so many degrees of freedom, as metafor's `robust()`
    does; 'CR2' takes out the bias of small numbers of clusters, with Satterthwaite's degrees of freedom. A coefficient
    that is known from one cluster alone has no such error: its numbers are NaN.
    Raises: StudyError for an unknown kind, or where there are no more clusters than coefficients.
    """
    from scipy.stats import t

    check_level(level)
    check_word(kind, ("CR1", "CR2"), "is no kind of error")
    names = list(dict.fromkeys(cluster))
    m, p = len(names), len(fit.names)
    if len(cluster) != fit.k or m <= p:
        raise StudyError(f"{m} clusters are too few for {p} coefficients, or do not fit the {fit.k} effects.")
    w = inverse(fit.marginal)
    bread = inverse(fit.design.T @ w @ fit.design)
    members = [np.flatnonzero([c == name for c in cluster]) for name in names]
    if kind == "CR1":
        weights, scale = [fit.design[i].T @ w[np.ix_(i, i)] for i in members], m / (m - p)
    else:
        weights, scale = _reduced(fit, members, w, bread), 1.0
    scores = [g @ fit.residuals[i] for g, i in zip(weights, members, strict=True)]
    meat = scale * sum(np.outer(s, s) for s in scores)
    own = _satterthwaite(fit, members, weights, w, bread)
    df = own if kind == "CR2" else np.where(np.isnan(own), math.nan, float(m - p))
    error = np.where(np.isnan(df), math.nan, np.sqrt(np.diag(bread @ meat @ bread)))
    reach = t.ppf(0.5 + level / 2, df)
    b = fit.estimate
    return Robust(error, b - reach * error, b + reach * error, 2 * t.sf(np.abs(b / error), df), df, m, kind)


def _reduced(fit: MixedFit, members: list[Any], w: Array, bread: Array) -> list[Array]:
    """X'W A for each cluster, A such that the errors are unbiased if the model's covariance is right."""
    x, found = fit.design, []
    for i in members:
        factor = np.linalg.cholesky(fit.marginal[np.ix_(i, i)])
        inner = factor.T @ (fit.marginal[np.ix_(i, i)] - x[i] @ bread @ x[i].T) @ factor
        values, vectors = np.linalg.eigh(inner)
        root = vectors @ np.diag([1 / math.sqrt(e) if e > 1e-12 else 0.0 for e in values]) @ vectors.T
        found.append(x[i].T @ w[np.ix_(i, i)] @ factor @ root @ factor.T)
    return found


def _known_without_each(x: Array, members: list[Any], j: int) -> bool:
    """Whether a coefficient could be told without any one of the clusters."""
    for i in members:
        rest = np.delete(x, i, axis=0)
        if not math.isclose(float((np.linalg.pinv(rest) @ rest)[j, j]), 1.0, abs_tol=1e-8):
            return False
    return True


def _satterthwaite(fit: MixedFit, members: list[Any], weights: list[Array], w: Array, bread: Array) -> Array:
    """Degrees of freedom; NaN for a coefficient known from one cluster, whose residuals say nothing of its error."""
    x, k = fit.design, fit.k
    residual = np.eye(k) - x @ bread @ x.T @ w
    df = []
    for j in range(len(fit.names)):
        rows = np.stack([(bread[j] @ g) @ residual[i] for g, i in zip(weights, members, strict=True)])
        spread = rows @ fit.marginal @ rows.T
        known = float(np.trace(spread)) > 1e-10 * float(bread[j, j]) and _known_without_each(x, members, j)
        df.append(float(np.trace(spread) ** 2 / (spread**2).sum()) if known else math.nan)
    return np.array(df)
