"""Pooling by inverse variance, with common or random effects.

Definitions are metafor's (Viechtbauer 2010, doi:10.18637/jss.v036.i03): I2 and H2 from tau2 and the typical variance,
Q-profile intervals of tau2, prediction intervals from the same distribution as the interval of the mean.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean
from homing.synthesis.effect import Effects, Measure, natural

Method = Literal["REML", "DL", "PM", "common"]
Adjust = Literal["knapp-hartung", "none"]
METHODS: tuple[Method, ...] = ("REML", "DL", "PM", "common")
ADJUST: tuple[Adjust, ...] = ("knapp-hartung", "none")


@dataclass(frozen=True)
class Pooled:
    """What studies add up to, on the scale of pooling; `natural()` is the same on the scale of reading.

    `low` and `high` bound the mean effect, `prediction_low` and `prediction_high` that of the next study, NaN where
    there is none. `weights` (study,) add up to 1. `notes` say what must be known to read the numbers.
    """

    measure: Measure
    k: int
    estimate: float
    standard_error: float
    low: float
    high: float
    prediction_low: float
    prediction_high: float
    tau2: float
    tau2_low: float
    tau2_high: float
    i2: float
    h2: float
    q: float
    q_p: float
    weights: NDArray[np.float64]
    method: Method
    adjust: Adjust
    level: float
    notes: tuple[str, ...] = ()

    def natural(self) -> Pooled:
        """Estimate and intervals on the natural scale; tau2 and the rest stay as they are."""

        def back(x: float) -> float:
            return float(natural(self.measure, x))

        return replace(
            self,
            estimate=back(self.estimate),
            low=back(self.low),
            high=back(self.high),
            prediction_low=back(self.prediction_low),
            prediction_high=back(self.prediction_high),
        )


def pool(effects: Effects, method: Method = "REML", *, adjust: Adjust = "knapp-hartung", level: float = 0.95) -> Pooled:
    """Pool effects.

    Arguments:
        method: 'common' effect, or random effects with tau2 by 'REML', 'DL' (DerSimonian-Laird) or 'PM'
            (Paule-Mandel).
        adjust: 'knapp-hartung' takes the spread that the studies show and a t distribution with k - 1 degrees of
            freedom for the interval of the mean (random effects only); 'none' the normal distribution.
    One study is given back as it is, with the normal distribution and without heterogeneity.
    Raises: StudyError for no study, an unknown method, or a variance that is not above zero.

    Example:
        >>> from homing.synthesis.effect import effect_of_counts
        >>> pooled = pool(effect_of_counts([53, 139], [107, 284], [36, 132], [105, 284]))
        >>> pooled.k, round(pooled.estimate, 3)
        (2, 0.074)
    """
    if method not in METHODS:
        raise StudyError(f"'{method}' is no method of pooling. {did_you_mean(method, METHODS)}")
    if adjust not in ADJUST:
        raise StudyError(f"'{adjust}' is no adjustment. {did_you_mean(adjust, ADJUST)}")
    y, v = effects.estimate, effects.variance
    if not len(y):
        raise StudyError("there is no study to pool.")
    if not (np.isfinite(y).all() and np.isfinite(v).all() and (v > 0).all()):
        raise StudyError("every study needs a finite effect and a variance above zero.")
    if len(y) == 1:
        return _single(effects, method, level)
    return _several(effects, method, adjust if method != "common" else "none", level)


def _single(effects: Effects, method: Method, level: float) -> Pooled:
    from scipy.special import ndtri

    y, error = float(effects.estimate[0]), math.sqrt(float(effects.variance[0]))
    half = float(ndtri(0.5 + level / 2)) * error
    nothing = math.nan
    return Pooled(
        *(effects.measure, 1, y, error, y - half, y + half, nothing, nothing),
        *(0.0, nothing, nothing, 0.0, 1.0, 0.0, 1.0),
        *(np.ones(1), method, "none", level),
        (*effects.notes, "one study: its own interval, and nothing on heterogeneity"),
    )


def _several(effects: Effects, method: Method, adjust: Adjust, level: float) -> Pooled:
    from scipy.stats import chi2, norm, t

    y, v = effects.estimate, effects.variance
    k = len(y)
    tau2 = _TAU2[method](y, v)
    w = 1 / (v + tau2)
    mean = float(w @ y / w.sum())
    q = _q(0.0, y, v)
    error = math.sqrt(1 / w.sum())
    notes = list(effects.notes)
    spread = t(k - 1) if adjust == "knapp-hartung" else norm()
    if adjust == "knapp-hartung":
        factor = float(w @ (y - mean) ** 2) / (k - 1)
        error *= math.sqrt(factor)
        if factor < 1:
            notes.append("the studies agree better than their own errors: the adjusted interval is a narrow one")
    critical = float(spread.ppf(0.5 + level / 2))
    reach = math.nan if method == "common" else critical * math.sqrt(tau2 + error**2)
    if k == 2:
        notes.append("two studies: heterogeneity can hardly be known from them")
    i2, h2 = _heterogeneity(tau2, v, q, method)
    low, high = q_profile(y, v, level) if method != "common" else (math.nan, math.nan)
    return Pooled(
        *(
            effects.measure,
            k,
            mean,
            error,
            mean - critical * error,
            mean + critical * error,
            mean - reach,
            mean + reach,
        ),
        *(tau2, low, high, i2, h2, q, float(chi2.sf(q, k - 1))),
        *(w / w.sum(), method, adjust, level, tuple(notes)),
    )


def _q(tau2: float, y: NDArray[np.float64], v: NDArray[np.float64]) -> float:
    """The weighted sum of squares about the mean, with weights 1/(v + tau2)."""
    w = 1 / (v + tau2)
    return float(w @ (y - w @ y / w.sum()) ** 2)


def _heterogeneity(tau2: float, v: NDArray[np.float64], q: float, method: Method) -> tuple[float, float]:
    """I2 (share of 1) and H2: from tau2 and the typical variance; from Q for a common effect."""
    df = len(v) - 1
    if method == "common":
        h2 = q / df
        return max(0.0, 1 - 1 / h2) if h2 > 0 else 0.0, h2
    w = 1 / v
    typical = df * w.sum() / (w.sum() ** 2 - (w**2).sum())
    return float(tau2 / (tau2 + typical)), float(tau2 / typical + 1)


def _common(y: NDArray[np.float64], v: NDArray[np.float64]) -> float:
    return 0.0


def _dersimonian_laird(y: NDArray[np.float64], v: NDArray[np.float64]) -> float:
    w = 1 / v
    return float(max(0.0, (_q(0.0, y, v) - (len(y) - 1)) / (w.sum() - (w**2).sum() / w.sum())))


def _paule_mandel(y: NDArray[np.float64], v: NDArray[np.float64]) -> float:
    return _where_q_is(len(y) - 1, y, v)


def _where_q_is(wanted: float, y: NDArray[np.float64], v: NDArray[np.float64]) -> float:
    """The tau2 at which Q falls to a value; 0 where it starts below. Q falls as tau2 rises."""
    from scipy.optimize import brentq

    if _q(0.0, y, v) <= wanted:
        return 0.0
    high = float(np.ptp(y) ** 2 + v.max())
    while _q(high, y, v) > wanted:
        high *= 4
    return float(brentq(lambda tau2: _q(tau2, y, v) - wanted, 0.0, high, xtol=1e-300, rtol=1e-14, maxiter=500))


def _restricted_maximum_likelihood(y: NDArray[np.float64], v: NDArray[np.float64]) -> float:
    """The tau2 of the highest restricted likelihood: on a grid first, since there may be two peaks, then exactly."""
    from scipy.optimize import brentq

    scale = float(y.var() + v.mean())
    grid = np.array([0.0, *scale * np.geomspace(1e-6, 100, 61)])
    best = int(np.argmax(_restricted_likelihood(grid, y, v)))
    low, high = float(grid[max(best - 1, 0)]), float(grid[min(best + 1, len(grid) - 1)])

    def slope(tau2: float) -> float:
        w = 1 / (v + tau2)
        mean = w @ y / w.sum()
        return float((w**2) @ (y - mean) ** 2 - w.sum() + (w**2).sum() / w.sum())

    if slope(low) <= 0:
        return low
    return float(brentq(slope, low, high, xtol=1e-300, rtol=1e-14, maxiter=500))


def _restricted_likelihood(
    tau2: NDArray[np.float64], y: NDArray[np.float64], v: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Twice the restricted log-likelihood at each tau2, without its constant."""
    w = 1 / (v + tau2[:, None])
    total = w.sum(axis=1)
    mean = (w @ y) / total
    return np.log(w).sum(axis=1) - np.log(total) - (w * (y - mean[:, None]) ** 2).sum(axis=1)


_TAU2: dict[Method, Callable[[NDArray[np.float64], NDArray[np.float64]], float]] = {
    "REML": _restricted_maximum_likelihood,
    "DL": _dersimonian_laird,
    "PM": _paule_mandel,
    "common": _common,
}


def q_profile(y: NDArray[np.float64], v: NDArray[np.float64], level: float = 0.95) -> tuple[float, float]:
    """The Q-profile interval of tau2 (Viechtbauer 2007, doi:10.1002/sim.2514)."""
    from scipy.stats import chi2

    tail = (1 - level) / 2
    df = len(y) - 1
    return _where_q_is(float(chi2.ppf(1 - tail, df)), y, v), _where_q_is(float(chi2.ppf(tail, df)), y, v)
