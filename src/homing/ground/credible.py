"""Credible intervals of means over patients who each carry one draw of what is not known.

A mean over such patients mixes two spreads: patients differ under one draw (simulation error, which more patients
shrink), and draws differ (what is not known, which they don't). Here the second is told alone.

Outcomes are regressed on a design of the draws, `y = X b + e`. A design that has one column a draw gives the draws'
own means; a few smooth functions of the factors borrow strength between draws, which a cohort with few patients a draw
needs. The fitted means of the draws vary more than the true ones, by the error of the fit:

    var(fitted) = between + noise on average,  noise = mean error variance of (fitted - their mean)

How large `between` is, is itself known only so far: its distribution given var(fitted) is in `ground.between`. It can't
be told from 0 where patients are few, which doesn't mean that it is 0. Hence

    interval = quantiles of  mean + error + sd (fitted_d - mean of fitted) / sqrt(var(fitted))

over all draws d, over the distribution of sd = sqrt(between), and over the Monte Carlo error of the mean under given
draws. The interval thus holds the stated share of the draws' true means: with few patients it is wide because little is
known of them; with more it narrows to the quantiles of the draws' means, and to a point where draws agree. The draws'
own `means` have the same variance as the interval without the error of the mean, whose users add that by themselves:

    mean of draw d = mean + (fitted_d - mean of fitted) sqrt(mean of between / var(fitted))

With one column a draw and equal numbers of patients the moments are those of the analysis of variance: var(fitted) is
that of the groups' means and the error variance is the variance within groups over the number in a group, times
(1 - 1/groups).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from homing.ground.between import Deviation, deviation

Array = NDArray[np.float64]

#: A variance below this part of the squared mean is what adding up leaves of outcomes that are all the same.
_ROUNDING = 1e-12
#: Points by which an interval is found; a lattice in deviation, draw and error, by the roots of x^4 = x + 1.
_POINTS = 4096
_LATTICE = np.mod(np.outer(np.arange(_POINTS) + 0.5, 1.2207440846057596 ** -np.arange(1.0, 4.0)), 1.0)


@dataclass(frozen=True)
class Credible:
    """A mean with the interval of the draws' true means, and its Monte Carlo standard error.

    `means` has the mean outcome under every draw; `between` is the variance over draws, the mean of what is plausible.
    Where there are too few patients to tell draws apart, the interval and the means are NaN. Where all outcomes are
    the same the interval is a point.
    """

    mean: float
    low: float
    high: float
    error: float
    between: float
    means: Array = field(repr=False)

    @property
    def is_point(self) -> bool:
        """Whether no patient differs from another, so that nothing tells how far draws could."""
        return self.low == self.high


@dataclass
class Moments:
    """Running sums over patients of outcomes with their designs and weights: all that a credible interval needs.

    `width` is the number of columns of the design.
    """

    width: int
    n: int = 0
    weight: float = 0.0
    weight_squares: float = 0.0
    total: float = 0.0
    squares: float = 0.0
    x: Array = field(init=False)  # sums of w x, w^2 x, w x x', w^2 x x', w x y
    wx: Array = field(init=False)
    xx: Array = field(init=False)
    wxx: Array = field(init=False)
    xy: Array = field(init=False)

    def __post_init__(self) -> None:
        self.x, self.wx, self.xy = (np.zeros(self.width) for _ in range(3))
        self.xx, self.wxx = np.zeros((self.width, self.width)), np.zeros((self.width, self.width))

    def add(self, values: Array, design: Array, weights: Array | None = None) -> None:
        """Add patients: `values` (patient,), NaN left out; `design` (patient, column); `weights` 1 when None."""
        here = ~np.isnan(values)
        y, x = values[here], design[here]
        w = np.ones(len(y)) if weights is None else weights[here]
        self.n += len(y)
        self.weight += math.fsum(w)
        self.weight_squares += math.fsum(w * w)
        self.total += math.fsum(w * y)
        self.squares += math.fsum(w * y * y)
        self.x += w @ x
        self.wx += (w * w) @ x
        self.xy += (w * y) @ x
        self.xx += (w[:, None] * x).T @ x
        self.wxx += ((w * w)[:, None] * x).T @ x

    def credible(self, at: Array, level: float = 0.95) -> Credible:
        """The mean with its interval over draws, whose designs `at` are (draw, column)."""
        unknown = Credible(math.nan, math.nan, math.nan, math.nan, math.nan, np.full(len(at), math.nan))
        if not self.n or not self.weight:
            return unknown
        mean, effective = self.total / self.weight, self.weight**2 / self.weight_squares
        variance = max(self.squares / self.weight - mean**2, 0.0)
        middle = self.x / self.weight
        # Sums of squares about the means: of the design, of the design weighted twice, and with the outcome.
        inner = self.xx - self.weight * np.outer(middle, middle)
        inverse = np.linalg.pinv(inner, rcond=1e-10, hermitian=True)
        rank = round(float(np.trace(inverse @ inner)))
        spare = effective - rank - 1
        error = math.sqrt(variance / (effective - 1)) if effective > 1 else math.nan
        if spare < rank + 1:
            return Credible(mean, math.nan, math.nan, error, math.nan, unknown.means)
        if variance <= _ROUNDING * mean**2:
            return Credible(mean, mean, mean, error, 0.0, np.full(len(at), mean))
        slope = inverse @ (self.xy - self.total * middle)
        unexplained = max(variance - float(slope @ inner @ slope) / self.weight, 0.0) * effective / spare
        cross = np.outer(self.wx, middle)
        twice = self.wxx - cross - cross.T + self.weight_squares * np.outer(middle, middle)
        covariance = unexplained * inverse @ twice @ inverse
        apart = at - at.mean(axis=0)
        fitted = apart @ slope
        spread = float(np.mean(fitted**2))
        errors = (apart.T @ apart / len(at)) @ covariance  # their quadratic form; its trace is the mean error variance
        noise, square = float(np.trace(errors)), float(np.trace(errors @ errors))
        apart_by = deviation(spread, noise, noise**2 / square if square > 0 else 1.0, math.sqrt(variance))
        shape, between = fitted / math.sqrt(spread) if spread > 0 else fitted, apart_by.variance
        low, high = _ends(shape, apart_by, math.sqrt(unexplained / effective), level)
        return Credible(mean, mean + low, mean + high, error, between, mean + shape * math.sqrt(between))


def _ends(shape: Array, apart: Deviation, error: float, level: float) -> tuple[float, float]:
    """The central interval of sd shape_d + error, over draws d, over what sd can be and over a normal error."""
    from scipy.special import ndtri

    first, second, third = _LATTICE.T
    together = apart.quantiles(first) * np.quantile(shape, second) + error * ndtri(third)
    low, high = np.quantile(together, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def credible(values: Array, design: Array, at: Array, weights: Array | None = None, level: float = 0.95) -> Credible:
    """The mean of outcomes (patient,) with its interval over draws; see `Moments`.

    Example: two draws with means 0.2 and 0.8, five patients each.
        >>> met = np.array([1, 0, 0, 0, 0, 1, 1, 1, 1, 0.0])
        >>> draw = np.repeat(np.eye(2), 5, axis=0)
        >>> [round(float(m), 2) for m in credible(met, draw, np.eye(2)).means]
        [0.2, 0.8]
    """
    found = Moments(design.shape[1])
    found.add(values, design, weights)
    return found.credible(at, level)
