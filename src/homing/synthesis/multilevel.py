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
from homing.ground.nearest import did_you_mean
from homing.synthesis.binomial import polished
from homing.synthesis.heterogeneity import inverse

Array = NDArray[np.float64]
Structure = Literal["CS", "HCS", "UN", "AR", "HAR", "CAR", "DIAG", "ID"]
STRUCTURES: tuple[Structure, ...] = ("CS", "HCS", "UN", "AR", "HAR", "CAR", "DIAG", "ID")
_STARTS = (0.0, -2.0, 2.0)
_LOWEST = -30.0


@dataclass(frozen=True)
class Term:
    """A variance on top of sampling: how effects of one `outer` group vary over `inner` levels.

    Without `inner` a shared value for each group (a random intercept). `structure` as in metafor: CS one variance and
    one correlation, HCS variances by level, UN everything free, AR and HAR autoregressive in the order of levels, CAR
    in the distance of numeric levels, DIAG variances by level without correlation, ID one variance. `rho` fixes it.
    """

    outer: tuple[Any, ...]
    inner: tuple[Any, ...] = ()
    structure: Structure = "CS"
    rho: float | None = None

    def __post_init__(self) -> None:
        if self.structure not in STRUCTURES:
            raise StudyError(f"'{self.structure}' is no structure. {did_you_mean(self.structure, STRUCTURES)}")
        if self.inner and len(self.inner) != len(self.outer):
            raise StudyError(f"{len(self.inner)} inner levels for {len(self.outer)} effects.")

    @property
    def levels(self) -> list[Any]:
        """The inner levels in order."""
        return sorted(set(self.inner))

    @property
    def variances(self) -> int:
        """How many variances are estimated."""
        return len(self.levels) if self.inner and self.structure in ("HCS", "UN", "HAR", "DIAG") else 1

    @property
    def correlations(self) -> int:
        """How many correlations are estimated."""
        if not self.inner or self.rho is not None or self.structure in ("DIAG", "ID"):
            return 0
        n = len(self.levels)
        return n * (n - 1) // 2 if self.structure == "UN" else 1

    def matrix(self, theta: Array) -> Array:
        """The covariance (effect, effect) at unbounded parameters: log variances, then transformed correlations."""
        same = np.equal.outer(np.array(self.outer, dtype=object), np.array(self.outer, dtype=object)).astype(float)
        if not self.inner:
            return same * math.exp(theta[0])
        between, _, _ = self.parts(theta)
        position = {level: i for i, level in enumerate(self.levels)}
        where = [position[level] for level in self.inner]
        return same * between[np.ix_(where, where)]

    def parts(self, theta: Array) -> tuple[Array, Array, Array]:
        """The covariance of the levels, their variances and the correlations."""
        n = max(len(self.levels), 1)
        variances = np.exp(theta[: self.variances])
        spread = np.sqrt(np.broadcast_to(variances, n) if self.variances == 1 else variances)
        free = theta[self.variances : self.variances + self.correlations]
        correlation, rho = self._correlation(n, free)
        return correlation * np.outer(spread, spread), variances, rho

    def _correlation(self, n: int, free: Array) -> tuple[Array, Array]:
        if self.structure in ("DIAG", "ID") or not self.inner:
            return np.eye(n), np.empty(0)
        if self.structure == "UN" and self.rho is None:
            return _unstructured(n, free)
        if self.rho is not None:
            rho = self.rho
        elif self.structure in ("CS", "HCS"):  # positive definite for n levels: above -1/(n - 1)
            low = -1 / (n - 1) if n > 1 else -1.0
            rho = low + (1 - low) / (1 + math.exp(-free[0]))
        elif self.structure == "CAR":
            rho = 1 / (1 + math.exp(-free[0]))
        else:
            rho = math.tanh(free[0])
        if self.structure in ("AR", "HAR"):
            return rho ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))).astype(float), np.array([rho])
        if self.structure == "CAR":
            at = np.array(self.levels, dtype=float)
            return rho ** np.abs(np.subtract.outer(at, at)), np.array([rho])
        return np.where(np.eye(n) > 0, 1.0, rho), np.array([rho])


def _unstructured(n: int, free: Array) -> tuple[Array, Array]:
    """A correlation matrix from partial correlations on the Cholesky factor's rows."""
    factor, used = np.zeros((n, n)), 0
    for i in range(n):
        left = 1.0
        for j in range(i):
            z = math.tanh(free[used])
            factor[i, j], used = z * math.sqrt(left), used + 1
            left -= factor[i, j] ** 2
        factor[i, i] = math.sqrt(max(left, 0.0))
    correlation = factor @ factor.T
    return correlation, np.array([correlation[i, j] for j in range(n) for i in range(j + 1, n)])


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
    """
    v = np.asarray(variance, dtype=float)
    if not -1 < rho < 1:
        raise StudyError(f"the correlation must be between -1 and 1, and is {rho:g}.")
    if time is None:
        correlation = np.where(np.eye(len(v)) > 0, 1.0, rho)
    else:
        at = np.asarray(time, dtype=float)
        correlation = rho ** np.abs(np.subtract.outer(at, at))
    c = np.array(cluster, dtype=object)
    return np.where(np.equal.outer(c, c), correlation * np.sqrt(np.outer(v, v)), 0.0)


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

    Raises: StudyError for shapes that do not fit, a covariance that is not positive definite, too few effects.
    """
    from scipy.stats import chi2, norm

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
    """The profile-likelihood interval of one variance, counted through all terms' variances, others refitted."""
    from scipy.optimize import brentq, minimize
    from scipy.stats import chi2

    x = np.ones((len(np.asarray(y)), 1)) if design is None else np.asarray(design, dtype=float)
    obs, v, x = _arranged(y, covariance, x, terms, tuple(str(i) for i in range(x.shape[1])))
    best, top, _ = _optimum(obs, v, x, terms, method)
    starts = np.cumsum([0, *(t.variances + t.correlations for t in terms)])
    places = [int(s) + i for s, t in zip(starts, terms, strict=False) for i in range(t.variances)]
    at = places[which]
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
    does; 'CR2' takes out the bias of small numbers of clusters, with Satterthwaite's degrees of freedom.
    Raises: StudyError where there are no more clusters than coefficients.
    """
    from scipy.stats import t

    names = list(dict.fromkeys(cluster))
    m, p = len(names), len(fit.names)
    if len(cluster) != fit.k or m <= p:
        raise StudyError(f"{m} clusters are too few for {p} coefficients, or do not fit the {fit.k} effects.")
    w = inverse(fit.marginal)
    bread = inverse(fit.design.T @ w @ fit.design)
    members = [np.flatnonzero([c == name for c in cluster]) for name in names]
    if kind == "CR1":
        scores = [fit.design[i].T @ w[np.ix_(i, i)] @ fit.residuals[i] for i in members]
        meat = m / (m - p) * sum(np.outer(s, s) for s in scores)
        df = np.full(p, float(m - p))
    else:
        weights = _reduced(fit, members, w, bread)
        scores = [g @ fit.residuals[i] for g, i in zip(weights, members, strict=True)]
        meat = sum(np.outer(s, s) for s in scores)
        df = _satterthwaite(fit, members, weights, w, bread)
    error = np.sqrt(np.diag(bread @ meat @ bread))
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


def _satterthwaite(fit: MixedFit, members: list[Any], weights: list[Array], w: Array, bread: Array) -> Array:
    x, k = fit.design, fit.k
    residual = np.eye(k) - x @ bread @ x.T @ w
    df = []
    for j in range(len(fit.names)):
        rows = np.stack([(bread[j] @ g) @ residual[i] for g, i in zip(weights, members, strict=True)])
        spread = rows @ fit.marginal @ rows.T
        df.append(float(np.trace(spread) ** 2 / (spread**2).sum()))
    return np.array(df)
