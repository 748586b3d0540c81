"""Credible intervals of means over patients who each carry one draw of what is not known.

A mean over such patients mixes two spreads: patients differ under one draw (simulation error, which more patients
shrink), and draws differ (what is not known, which they don't). Here the second is told alone.

Outcomes are regressed on a design of the draws, `y = X b + e`. A design that has one column a draw gives the draws'
own means; a few smooth functions of the factors borrow strength between draws, which a cohort with few patients a draw
needs. The fitted means of the draws vary more than the true ones, by the error of the fit; that excess is known and is
taken off (method of moments):

    between = var(fitted) - mean error variance of (fitted - their mean), not below 0
    mean of draw d = mean + (fitted_d - mean of fitted) sqrt(between / var(fitted))

so that the means have the variance that draws really have, and the interval is that of their quantiles. With one
column a draw and equal numbers of patients this is the analysis of variance: var(fitted) is that of the groups' means
and the error variance is the variance within groups over the number in a group, times (1 - 1/groups).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Credible:
    """A mean with the interval over draws, and its Monte Carlo standard error.

    `means` has the mean outcome under every draw; `between` is the variance over draws. Where there are too few
    patients to tell draws apart, the interval and the means are NaN.
    """

    mean: float
    low: float
    high: float
    error: float
    between: float
    means: Array = field(repr=False)


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
        slope = inverse @ (self.xy - self.total * middle)
        unexplained = max(variance - float(slope @ inner @ slope) / self.weight, 0.0) * effective / spare
        cross = np.outer(self.wx, middle)
        twice = self.wxx - cross - cross.T + self.weight_squares * np.outer(middle, middle)
        covariance = unexplained * inverse @ twice @ inverse
        apart = at - at.mean(axis=0)
        fitted = apart @ slope
        spread = float(np.mean(fitted**2))
        noise = float(np.mean(np.einsum("ij,jk,ik->i", apart, covariance, apart)))
        between = max(spread - noise, 0.0)
        means = mean + fitted * (math.sqrt(between / spread) if spread > 0 else 0.0)
        low, high = np.quantile(means, [(1 - level) / 2, (1 + level) / 2])
        return Credible(mean, float(low), float(high), error, between, means)


def credible(values: Array, design: Array, at: Array, weights: Array | None = None, level: float = 0.95) -> Credible:
    """The mean of outcomes (patient,) with its interval over draws; see `Moments`.

    Example: two draws with means 0.2 and 0.8, five patients each.
        >>> met = np.array([1, 0, 0, 0, 0, 1, 1, 1, 1, 0.0])
        >>> draw = np.repeat(np.eye(2), 5, axis=0)
        >>> [round(float(m), 2) for m in credible(met, draw, np.eye(2)).means]
        [0.24, 0.76]
    """
    found = Moments(design.shape[1])
    found.add(values, design, weights)
    return found.credible(at, level)
