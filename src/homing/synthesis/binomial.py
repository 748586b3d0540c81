"""The binomial-normal model: proportions pooled from the counts themselves.

Studies differ by a normal variance tau2 on the logit scale, and the counts of each are binomial given its own value. No
large-sample variance of a study is needed, nothing is added to empty cells, and studies at 0 or 100 % count in full.
It is the model of metafor's rma.glmm (Stijnen, Hamza and Ozdemir 2010, doi:10.1002/sim.4040); integrals over the
studies' values are done by adaptive Gauss-Hermite quadrature. Two arms are in `binomial_two_arms`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.synthesis.checks import check_level, one_arm
from homing.synthesis.effect import natural
from homing.synthesis.regression import design_of

Array = NDArray[np.float64]
#: Quadrature points.
POINTS = 21
#: Coefficients beyond this (on the logit scale) stand for 0 or 100 %, and standard deviations for any.
_BOUND = 30.0
#: This near to the bound an estimate runs off.
_NEAR = 5.0


@dataclass(frozen=True)
class PooledBinomial:
    """A binomial-normal model's answer on the logit scale: of a proportion ('logit') or an odds ratio.

    Arrays are (coefficient,); without moderators there is one. `prediction_low` and `prediction_high` are where the
    next study's own value lies. `k` counts all studies given, those that tell nothing (`silent`) too.
    `at_bound` says that an estimate runs off: to 0 or 100 % (no event, or only events), or tau2 without an end (studies
    at 0 and 100 %). Then it has no error (NaN), its limits exclude nothing, and tau2 is infinite if that is what runs.
    """

    measure: Literal["logit", "odds-ratio"]
    model: str
    names: tuple[str, ...]
    k: int
    estimate: Array
    standard_error: Array
    low: Array
    high: Array
    prediction_low: float
    prediction_high: float
    tau2: float
    log_likelihood: float
    at_bound: bool = False
    notes: tuple[str, ...] = ()
    silent: int = 0

    def natural(self) -> PooledBinomial:
        """Estimate and intervals as proportions or odds ratios."""

        def back(x: Array) -> Array:
            return natural(self.measure, x)

        wide = back(np.array([self.prediction_low, self.prediction_high]))
        return replace(
            self,
            estimate=back(self.estimate),
            low=back(self.low),
            high=back(self.high),
            prediction_low=float(wide[0]),
            prediction_high=float(wide[1]),
        )


def pool_proportions(
    events: ArrayLike,
    n: ArrayLike,
    moderators: dict[str, ArrayLike] | None = None,
    *,
    level: float = 0.95,
    points: int = POINTS,
    common: bool = False,
) -> PooledBinomial:
    """Pool proportions by the binomial-normal model (maximum likelihood).

    Arguments:
        events, n: (study,) counts.
        moderators: as in `regression.regress`.
        common: one proportion for all studies (tau2 = 0).
    Where every study has no event, or only events, the estimate has no finite logit: `at_bound` is set, and the one
    limit that exists is the exact one of all patients together.
    Raises: StudyError for impossible counts or fewer studies than coefficients.

    Example:
        >>> found = pool_proportions([7, 5, 12], [10, 12, 24]).natural()
        >>> round(float(found.estimate[0]), 2)
        0.52
    """
    check_level(level)
    x, m = one_arm(events, n)
    names, design = design_of(len(x), moderators or {})
    if x.sum() in (0, m.sum()) and not moderators:
        return _at_bound(x, m, level)
    study = LogisticStudies(x, m, np.zeros_like(x), points)
    tau0 = 0.0 if common or len(x) < 2 else 0.5
    model = "common" if common else "binomial-normal"
    start = np.zeros(design.shape[1])
    start[0] = float(np.log((x.sum() + 0.5) / (m.sum() - x.sum() + 0.5)))
    return maximise(
        lambda beta, tau: study.total(design @ beta, tau), start, tau0, names, "logit", model, len(x), level
    )


def _at_bound(x: Array, m: Array, level: float) -> PooledBinomial:
    from homing.ground.proportions import exact_interval

    low, high = exact_interval(int(x.sum()), int(m.sum()), level)
    ends = [-math.inf if p <= 0 else math.inf if p >= 1 else math.log(p / (1 - p)) for p in (low, high)]
    at = -math.inf if x.sum() == 0 else math.inf
    what = "no event" if x.sum() == 0 else "only events"
    return PooledBinomial(
        measure="logit",
        model="binomial-normal",
        names=("intercept",),
        k=len(x),
        estimate=np.array([at]),
        standard_error=np.array([math.nan]),
        low=np.array([ends[0]]),
        high=np.array([ends[1]]),
        prediction_low=math.nan,
        prediction_high=math.nan,
        tau2=math.nan,
        log_likelihood=0.0,
        at_bound=True,
        notes=(f"{what} in any study: the interval is the exact one of all patients together, studies taken as alike",),
    )


class LogisticStudies:
    """Log-likelihoods of studies whose events are binomial given a normal logit."""

    def __init__(self, x: Array, m: Array, offset: Array, points: int) -> None:
        from scipy.special import gammaln, roots_hermite

        self.x, self.m, self.offset = x, m, offset
        self.nodes, weights = roots_hermite(points)
        self.log_weights = np.log(weights) + self.nodes**2
        self.constant = gammaln(m + 1) - gammaln(x + 1) - gammaln(m - x + 1)
        self.own = np.log((x + 0.5) / (m - x + 0.5)), 1 / (x + 0.5) + 1 / (m - x + 0.5)

    def given(self, eta: Array) -> Array:
        """The log-likelihood at logits (study, ...) of the same leading shape as the counts."""
        x, m, c = (_lined_up(v, eta) for v in (self.x, self.m, self.constant))
        return x * eta - m * np.logaddexp(0.0, eta) + c

    def total(self, mean: Array, tau: float) -> float:
        """The marginal log-likelihood of all studies, normal about their means with standard deviation tau."""
        eta = self.offset + mean
        if tau < 1e-9:
            return float(self.given(eta).sum())
        return float(self.marginal(eta, tau).sum())

    def marginal(self, eta: Array, tau: float | Array, accuracy: float = 1e-11) -> Array:
        """The marginal log-likelihood of each study about logits (study, ...), for a tau or one for each of these.

        The quadrature is about the mode of each integrand, which is log-concave; `accuracy` is that of the mode.
        """
        from scipy.special import expit

        x, m, own, variance = (_lined_up(v, eta) for v in (self.x, self.m, *self.own))
        u = tau * (own - eta) / (variance + tau**2)  # the mode of the standardised value, were the likelihood normal
        most = np.minimum(3, 2 / np.maximum(tau, 0.1))  # of the logit at most 2, from where Newton's method arrives
        for _ in range(60):
            p = expit(eta + tau * u)
            step = (tau * (x - m * p) - u) / (tau**2 * m * p * (1 - p) + 1)
            u = u + np.clip(step, -most, most)
            if np.abs(step).max() < accuracy:
                break
        p = expit(eta + tau * u)
        width = 1 / np.sqrt(tau**2 * m * p * (1 - p) + 1)
        at = u[..., None] + math.sqrt(2) * width[..., None] * self.nodes
        each = eta[..., None] + np.asarray(tau)[..., None] * at
        log = self.given(each) - 0.5 * at**2 - 0.5 * math.log(2 * math.pi) + self.log_weights
        return log_sum(log) + np.log(math.sqrt(2) * width)


def _lined_up(v: Array, eta: Array) -> Array:
    """Numbers (study,) in the shape (study, 1, ...) of logits."""
    return v.reshape((-1,) + (1,) * (eta.ndim - 1))


def log_sum(log: Array) -> Array:
    """The logarithm of the sum of exponentials over the last axis."""
    top = log.max(axis=-1)
    return np.asarray(top + np.log(np.exp(log - top[..., None]).sum(axis=-1)))


def maximise(
    likelihood: Callable[[Array, float], float],
    start: Array,
    tau0: float,
    names: tuple[str, ...],
    measure: Literal["logit", "odds-ratio"],
    model: str,
    k: int,
    level: float,
    extra: int = 0,
) -> PooledBinomial:
    """Maximise over the coefficients, the last `extra` of which are nuisance, and tau; errors from the curvature."""
    from scipy.optimize import minimize
    from scipy.special import ndtri

    p = len(start)

    def loss(theta: Array) -> float:
        tau = min(abs(float(theta[p])), _BOUND) if len(theta) > p else 0.0
        return -likelihood(np.clip(theta[:p], -_BOUND, _BOUND), tau)

    first = minimize(loss, start, method="BFGS", options={"gtol": 1e-9})
    best = first
    for tau in (tau0, 2 * tau0) if tau0 else ():
        found = minimize(loss, np.append(first.x, tau), method="BFGS", options={"gtol": 1e-9})
        if found.fun < best.fun - 1e-10:
            best = found
    theta = polished(loss, np.asarray(best.x))
    tau = min(abs(float(theta[p])), _BOUND) if len(theta) > p else 0.0
    if len(theta) > p:
        theta[p] = tau
    main = p - extra
    variance = np.diag(np.linalg.pinv(curvature(loss, theta)))[:main]
    beta, endless = theta[:main], tau > _BOUND - _NEAR
    off = (np.abs(beta) > _BOUND - _NEAR) | endless
    off |= off.any() & (variance > _BOUND**2)  # what is told against a coefficient that runs off
    known = ~off & (variance > 0)
    error = np.where(known, np.sqrt(np.where(known, variance, 1.0)), math.nan)
    half = np.where(known, float(ndtri(0.5 + level / 2)) * error, math.inf)
    wide = math.hypot(float(half[0]), float(ndtri(0.5 + level / 2)) * tau) if main == 1 else math.nan
    return PooledBinomial(
        measure=measure,
        model=model,
        names=names,
        k=k,
        estimate=beta,
        standard_error=error,
        low=beta - half,
        high=beta + half,
        prediction_low=float(beta[0]) - wide,
        prediction_high=float(beta[0]) + wide,
        tau2=math.inf if endless else tau**2,
        log_likelihood=-float(loss(theta)),
        at_bound=bool(off.any()),
        notes=_runs_off(names, off, endless),
    )


def _runs_off(names: tuple[str, ...], off: NDArray[np.bool_], endless: bool) -> tuple[str, ...]:
    if endless:
        return ("the variance between studies runs off: nothing is known of their mean",)
    gone = ", ".join(name for name, is_off in zip(names, off, strict=False) if is_off)
    return (f"the estimate runs off and has no error: {gone}",) if gone else ()


def polished(loss: Callable[[Array], float], at: Array) -> Array:
    """Newton's method from where the search stopped, as long as it gains."""
    value = loss(at)
    for _ in range(3):
        h = 1e-5 * np.maximum(np.abs(at), 0.1)
        unit = np.eye(len(at)) * h
        slope = np.array([(loss(at + unit[i]) - loss(at - unit[i])) / (2 * h[i]) for i in range(len(at))])
        new = at - np.linalg.pinv(curvature(loss, at)) @ slope
        if not loss(new) < value:
            break
        at, value = new, loss(new)
    return at


def curvature(loss: Callable[[Array], float], at: Array) -> Array:
    """The Hessian of a function of (parameter,) by central differences, extrapolated from two steps."""
    size = len(at)

    def once(step: float) -> Array:
        h = step * np.maximum(np.abs(at), 0.1)
        found = np.zeros((size, size))
        unit = np.eye(size) * h
        for i in range(size):
            for j in range(i, size):
                f = [loss(at + s * unit[i] + t * unit[j]) for s in (1, -1) for t in (1, -1)]
                found[i, j] = found[j, i] = (f[0] - f[1] - f[2] + f[3]) / (4 * h[i] * h[j])
        return found

    return (4 * once(5e-4) - once(1e-3)) / 3
