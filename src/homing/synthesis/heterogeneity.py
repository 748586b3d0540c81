"""The variance between studies, tau2: its estimators, its standard errors and its intervals.

Each estimator takes effects y (study,), their sampling variances v (study,) and a design X (study, coefficient); with a
column of ones alone it is that of plain pooling. Definitions are metafor's (Viechtbauer 2005,
doi:10.3102/10769986030003261; Viechtbauer 2010, doi:10.18637/jss.v036.i03). Nothing here forms a matrix of studies by
studies, so that thousands of them cost milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homing.synthesis.checks import check_level

Array = NDArray[np.float64]
Estimator = Literal["REML", "ML", "DL", "HE", "HS", "HSk", "SJ", "EB", "PM", "PMM"]
#: What each stands for, as `--help` and reports print it.
ESTIMATORS: dict[Estimator, str] = {
    "REML": "restricted maximum likelihood",
    "ML": "maximum likelihood",
    "DL": "DerSimonian-Laird",
    "HE": "Hedges",
    "HS": "Hunter-Schmidt",
    "HSk": "Hunter-Schmidt with small-sample correction",
    "SJ": "Sidik-Jonkman",
    "EB": "empirical Bayes",
    "PM": "Paule-Mandel",
    "PMM": "median-unbiased Paule-Mandel",
}
_GRID = 61


@dataclass(frozen=True)
class Weighted:
    """A weighted least squares fit: coefficients, their covariance for known weights, and residuals."""

    coefficients: Array
    covariance: Array
    residuals: Array
    squares: float  # the weighted sum of squared residuals


def weighted_fit(y: Array, x: Array, w: Array) -> Weighted:
    """Fit y on X with weights w. Raises numpy's LinAlgError for a design without full rank."""
    covariance = inverse(_moment(x, w))
    beta = covariance @ (x.T @ (w * y))
    residuals = y - x @ beta
    return Weighted(beta, covariance, residuals, float(w @ residuals**2))


def inverse(m: Array) -> Array:
    """The inverse of a matrix (or of each of many). Raises numpy's LinAlgError for a singular one."""
    return np.asarray(np.linalg.inv(m), dtype=np.float64)


def _moment(x: Array, w: Array) -> Array:
    return (x * w[:, None]).T @ x


class _Traces:
    """Traces of P = W - WX(X'WX)^-1X'W and its products, from moments of X alone."""

    def __init__(self, x: Array, w: Array) -> None:
        self.x, self.w = x, w
        self.a = inverse(_moment(x, w))

    def p(self) -> float:
        return float(self.w.sum() - np.trace(self.a @ _moment(self.x, self.w**2)))

    def product(self, f: Array, g: Array) -> float:
        """tr(P F P G) for diagonal F and G."""
        x, w, a = self.x, self.w, self.a
        inner = a @ _moment(x, w**2 * f) @ a @ _moment(x, w**2 * g)
        return float((w**2 * f * g).sum() - 2 * np.trace(a @ _moment(x, w**3 * f * g)) + np.trace(inner))


def tau2_of(y: Array, v: Array, x: Array, method: Estimator) -> tuple[float, float]:
    """The estimate of tau2, not below 0, and its large-sample standard error."""
    return _ESTIMATORS[method](y, v, x)


def typical_variance(v: Array, x: Array) -> float:
    """The sampling variance against which tau2 is set in I2 and H2 (Higgins and Thompson 2002)."""
    return (len(v) - x.shape[1]) / _Traces(x, 1 / v).p()


def _hedges(y: Array, v: Array, x: Array) -> tuple[float, float]:
    ones, df = np.ones_like(y), len(y) - x.shape[1]
    fit, traces = weighted_fit(y, x, ones), _Traces(x, ones)
    pv = float(v.sum() - np.trace(traces.a @ _moment(x, v)))
    tau2 = max(0.0, (fit.squares - pv) / df)
    spread = 2 * traces.product(v, v) + 4 * tau2 * traces.product(v, ones) + 2 * tau2**2 * df
    return tau2, math.sqrt(spread) / df


def _moments(y: Array, v: Array, x: Array) -> tuple[float, float, float, float]:
    """Q, tr(P), tr(PP) and the degrees of freedom, with weights 1/v."""
    traces, ones = _Traces(x, 1 / v), np.ones_like(y)
    return weighted_fit(y, x, 1 / v).squares, traces.p(), traces.product(ones, ones), float(len(y) - x.shape[1])


def _dersimonian_laird(y: Array, v: Array, x: Array) -> tuple[float, float]:
    q, p, pp, df = _moments(y, v, x)
    tau2 = max(0.0, (q - df) / p)
    return tau2, math.sqrt(2 * df + 4 * tau2 * p + 2 * tau2**2 * pp) / p


def _hunter_schmidt(y: Array, v: Array, x: Array, corrected: bool = False) -> tuple[float, float]:
    q, p, pp, df = _moments(y, v, x)
    k, total = len(y), float((1 / v).sum())
    factor = k / df if corrected else 1.0
    tau2 = max(0.0, (factor * q - k) / total)
    return tau2, factor * math.sqrt(2 * df + 4 * tau2 * p + 2 * tau2**2 * pp) / total


def _hunter_schmidt_corrected(y: Array, v: Array, x: Array) -> tuple[float, float]:
    return _hunter_schmidt(y, v, x, corrected=True)


def _sidik_jonkman(y: Array, v: Array, x: Array) -> tuple[float, float]:
    df = len(y) - x.shape[1]
    first = float(((y - y.mean()) ** 2).mean())
    if first == 0:  # identical effects: nothing to start from, and nothing between the studies
        return 0.0, math.nan
    w, ones = 1 / (v + first), np.ones_like(y)
    traces = _Traces(x, w)
    tau2 = first * weighted_fit(y, x, w).squares / df
    spread = 2 * traces.product(v, v) + 4 * tau2 * traces.product(v, ones) + 2 * tau2**2 * traces.product(ones, ones)
    return tau2, first / df * math.sqrt(spread)


def _paule_mandel(y: Array, v: Array, x: Array) -> tuple[float, float]:
    return _paule_mandel_at(len(y) - x.shape[1], y, v, x)


def _paule_mandel_median(y: Array, v: Array, x: Array) -> tuple[float, float]:
    from scipy.stats import chi2

    return _paule_mandel_at(float(chi2.ppf(0.5, len(y) - x.shape[1])), y, v, x)


def _paule_mandel_at(wanted: float, y: Array, v: Array, x: Array) -> tuple[float, float]:
    k, df = len(y), len(y) - x.shape[1]
    tau2 = where_q_is(wanted, y, v, x)
    return tau2, k * math.sqrt(2 / df) / float((1 / (v + tau2)).sum())


def where_q_is(wanted: float, y: Array, v: Array, x: Array) -> float:
    """The tau2 at which Q, weighted by 1/(v + tau2), falls to a value; 0 where it starts below it."""
    from scipy.optimize import brentq

    def above(tau2: float) -> float:
        return weighted_fit(y, x, 1 / (v + tau2)).squares - wanted

    if above(0.0) <= 0:
        return 0.0
    high = float(np.ptp(y) ** 2 + v.max())
    while above(high) > 0:
        high *= 4
    return float(brentq(above, 0.0, high, xtol=1e-300, rtol=1e-14, maxiter=500))


def log_likelihood(tau2: float, y: Array, v: Array, x: Array, restricted: bool) -> float:
    """The (restricted) log-likelihood at a tau2, as metafor counts its constants."""
    w = 1 / (v + tau2)
    fit = weighted_fit(y, x, w)
    k, p = x.shape
    found = -0.5 * (np.log(1 / w).sum() + fit.squares)
    if not restricted:
        return float(found - 0.5 * k * math.log(2 * math.pi))
    own, plain = np.linalg.slogdet(_moment(x, w))[1], np.linalg.slogdet(x.T @ x)[1]
    return float(found - 0.5 * (k - p) * math.log(2 * math.pi) + 0.5 * plain - 0.5 * own)


def _slope(tau2: float, y: Array, v: Array, x: Array, restricted: bool) -> float:
    """The derivative of twice the log-likelihood."""
    w = 1 / (v + tau2)
    fit = weighted_fit(y, x, w)
    lost = w.sum() if not restricted else w.sum() - np.trace(fit.covariance @ _moment(x, w**2))
    return float(w**2 @ fit.residuals**2 - lost)


def grid_of(y: Array, v: Array) -> Array:
    """Values of tau2 (value,), from 0, among which the highest likelihood is looked for first."""
    return np.array([0.0, *float(y.var() + v.mean()) * np.geomspace(1e-6, 100, _GRID)])


def _on_grid(tau2: Array, y: Array, v: Array, x: Array, restricted: bool) -> Array:
    """Twice the (restricted) log-likelihood at each tau2, without its constant, all at once."""
    w = 1 / (v + tau2[:, None])
    xwx = np.einsum("gk,kp,kq->gpq", w, x, x, optimize=True)
    xwy = np.einsum("gk,kp->gp", w * y, x)
    beta = np.linalg.solve(xwx, xwy[..., None])[..., 0]
    found = np.log(w).sum(axis=1) - (w * (y - beta @ x.T) ** 2).sum(axis=1)
    return np.asarray(found - np.linalg.slogdet(xwx)[1] if restricted else found)


def _highest(y: Array, v: Array, x: Array, restricted: bool) -> float:
    """The tau2 of the highest likelihood: on a grid first, since there may be two peaks, then exactly."""
    from scipy.optimize import brentq

    grid = grid_of(y, v)
    best = int(np.argmax(_on_grid(grid, y, v, x, restricted)))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])
    if _slope(low, y, v, x, restricted) <= 0:
        return low
    return float(
        brentq(lambda t: _slope(t, y, v, x, restricted), low, high, xtol=1e-300, rtol=1e-14, maxiter=500),
    )


def _restricted_likelihood(y: Array, v: Array, x: Array) -> tuple[float, float]:
    tau2 = _highest(y, v, x, True)
    ones = np.ones_like(y)
    return tau2, math.sqrt(2 / _Traces(x, 1 / (v + tau2)).product(ones, ones))


def _likelihood(y: Array, v: Array, x: Array) -> tuple[float, float]:
    tau2 = _highest(y, v, x, False)
    return tau2, math.sqrt(2 / float((1 / (v + tau2) ** 2).sum()))


_ESTIMATORS: dict[Estimator, Callable[[Array, Array, Array], tuple[float, float]]] = {
    "REML": _restricted_likelihood,
    "ML": _likelihood,
    "DL": _dersimonian_laird,
    "HE": _hedges,
    "HS": _hunter_schmidt,
    "HSk": _hunter_schmidt_corrected,
    "SJ": _sidik_jonkman,
    "EB": _paule_mandel,  # the same equation, reached from another side (Morris 1983)
    "PM": _paule_mandel,
    "PMM": _paule_mandel_median,
}


def q_profile(y: Array, v: Array, level: float = 0.95, x: Array | None = None) -> tuple[float, float]:
    """The Q-profile interval of tau2 (Viechtbauer 2007, doi:10.1002/sim.2514)."""
    from scipy.stats import chi2

    check_level(level)
    x = np.ones((len(y), 1)) if x is None else x
    tail, df = (1 - level) / 2, len(y) - x.shape[1]
    return where_q_is(float(chi2.ppf(1 - tail, df)), y, v, x), where_q_is(float(chi2.ppf(tail, df)), y, v, x)


def likelihood_profile(
    y: Array, v: Array, level: float = 0.95, x: Array | None = None, *, restricted: bool = True
) -> tuple[float, float]:
    """The profile-likelihood interval of tau2 (Hardy and Thompson 1996), for REML or for ML."""
    from scipy.optimize import brentq
    from scipy.stats import chi2

    check_level(level)
    x = np.ones((len(y), 1)) if x is None else x
    best = _highest(y, v, x, restricted)
    floor = log_likelihood(best, y, v, x, restricted) - 0.5 * float(chi2.ppf(level, 1))

    def above(tau2: float) -> float:
        return log_likelihood(tau2, y, v, x, restricted) - floor

    low = 0.0 if above(0.0) >= 0 else float(brentq(above, 0.0, best, xtol=1e-300, rtol=1e-13, maxiter=500))
    high = 2 * best + float(v.max())
    while above(high) > 0:
        high *= 2
    return low, float(brentq(above, best, high, xtol=1e-300, rtol=1e-13, maxiter=500))
