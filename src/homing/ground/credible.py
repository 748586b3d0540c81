"""Credible intervals of means over patients who each carry one draw of what is not known.

A mean over such patients mixes two spreads: patients differ under one draw (simulation error, which more patients
shrink), and draws differ (what is not known, which they don't). Here the second is told alone.

Outcomes are regressed on a design of the draws, `y = X b + e`. A design that has one column a draw gives the draws'
own means; a few smooth functions of the factors borrow strength between draws, which a cohort with few patients a draw
needs. The fitted means of the draws vary more than the true ones, by the error of the fit:

    var(fitted) = found + noise on average,  noise = mean error variance of (fitted - their mean)

How large `found` is, is itself known only so far: its distribution given var(fitted) is in `ground.between`. It can't
be told from 0 where patients are few, which doesn't mean that it is 0. What the design misses of the draws (a step, a
product that has no column) is a second variance, of which patients who share a draw tell (`ground.lack_of_fit`). Hence

    interval = quantiles of  mean + error + sd (fitted_d - mean of fitted) / sqrt(var(fitted)) + missed sd * normal

over all draws d, over the distributions of sd = sqrt(found) and of the missed sd, and over the Monte Carlo error of the
mean under given draws. With few patients it is wide because little is known of the draws' true means; with more it
narrows to the quantiles of the fitted means, with a normal spread for what is missed (which is not the draws' own
distribution where that is far from normal, and can leave 0 to 1), and to a point where draws agree. Where most of what
differs between draws is in functions that have no column, and patients are too few to see so, it holds fewer of them
than it states.

The draws' own `means` have the same variance as the interval without the error of the mean, whose users add that by
themselves: the fitted means in the measure of `found`, and the missed part as normal scores in the order of what is
left of the draws.

With one column a draw nothing is missed, and with equal numbers of patients the moments are those of the analysis of
variance: var(fitted) is that of the groups' means and the error variance is the variance within groups over the number
in a group, times (1 - 1/groups).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.between import Deviation, deviation
from homing.ground.lack_of_fit import Fit, missed_by

Array = NDArray[np.float64]

#: A variance below this part of the squared mean is what adding up leaves of outcomes that are all the same.
_ROUNDING = 1e-12
#: Points by which an interval is found; a lattice in two deviations, draw, error and what is missed, by the roots of
#: x^6 = x + 1.
_POINTS = 4096
_LATTICE = np.mod(np.outer(np.arange(_POINTS) + 0.5, 1.1347241384015194 ** -np.arange(1.0, 6.0)), 1.0)


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
    """Running sums over the patients of each draw: all that a credible interval needs, by whatever design.

    `draws` is how many draws there are. (draw,) arrays: sums of w, w^2, w y and w y^2.
    """

    draws: int
    n: int = 0
    weight: Array = field(init=False)
    weight_squares: Array = field(init=False)
    total: Array = field(init=False)
    squares: Array = field(init=False)

    def __post_init__(self) -> None:
        self.weight, self.weight_squares, self.total, self.squares = np.zeros((4, self.draws))

    def add(self, values: Array, draw: ArrayLike, weights: Array | None = None) -> None:
        """Add patients: `values` (patient,), NaN left out; `draw` (patient,) their draws; `weights` 1 when None."""
        here = ~np.isnan(values)
        y, of = values[here], np.asarray(draw, dtype=np.int64)[here]
        w = np.ones(len(y)) if weights is None else weights[here]
        self.n += len(y)
        sums = (self.weight, self.weight_squares, self.total, self.squares)
        for into, each in zip(sums, (w, w * w, w * y, w * y * y), strict=True):
            into += np.bincount(of, each, minlength=self.draws)

    @property
    def effective(self) -> float:
        """How many equally weighted patients those seen are worth (Kish)."""
        squares = math.fsum(self.weight_squares)
        return math.fsum(self.weight) ** 2 / squares if squares else 0.0

    def credible(self, at: Array, level: float = 0.95) -> Credible:
        """The mean with its interval over draws, whose designs `at` are (draw, column)."""
        unknown = Credible(math.nan, math.nan, math.nan, math.nan, math.nan, np.full(len(at), math.nan))
        weight, effective = math.fsum(self.weight), self.effective
        if not self.n or not weight:
            return unknown
        mean = math.fsum(self.total) / weight
        variance = max(math.fsum(self.squares) / weight - mean**2, 0.0)
        error = math.sqrt(variance / (effective - 1)) if effective > 1 else math.nan
        fit = Fit.of(at, self.weight, self.total, mean)
        spare = effective - fit.rank - 1
        if spare < fit.rank + 1:
            return Credible(mean, math.nan, math.nan, error, math.nan, unknown.means)
        if variance <= _ROUNDING * mean**2:
            return Credible(mean, mean, mean, error, 0.0, np.full(len(at), mean))
        left = max(variance * weight - fit.explained, 0.0)
        unexplained = left / weight * effective / spare
        twice = (self.weight_squares[:, None] * fit.centred).T @ fit.centred
        covariance = unexplained * fit.inverse @ twice @ fit.inverse
        apart = at - at.mean(axis=0)
        fitted = apart @ fit.slope
        spread = float(np.mean(fitted**2))
        errors = (apart.T @ apart / len(at)) @ covariance  # their quadratic form; its trace is the mean error variance
        noise, square = float(np.trace(errors)), float(np.trace(errors @ errors))
        found = deviation(spread, noise, noise**2 / square if square > 0 else 1.0, math.sqrt(variance))
        missed = missed_by(fit, self.weight, self.weight_squares, left, self._within(), math.sqrt(found.variance))
        shape = fitted / math.sqrt(spread) if spread > 0 else fitted
        low, high = _ends(shape, found, missed, math.sqrt(unexplained / effective), level)
        between = found.variance + missed.variance
        means = shape * math.sqrt(found.variance) + self._scores(mean, fit) * math.sqrt(missed.variance)
        means *= math.sqrt(between) / means.std() if means.std() > 0 else 1.0
        return Credible(mean, mean + low, mean + high, error, between, mean + means - means.mean())

    def _within(self) -> float:
        """The sum of squares about the own mean of each draw."""
        seen = self.weight > 0
        return max(math.fsum(self.squares[seen] - self.total[seen] ** 2 / self.weight[seen]), 0.0)

    def _scores(self, mean: float, fit: Fit) -> Array:
        """(draw,) normal scores in the order of what a fit leaves of draws' means (0 of one without patients)."""
        from scipy.special import ndtri

        own = np.divide(self.total, self.weight, out=np.full(self.draws, mean), where=self.weight > 0)
        rest = np.where(self.weight > 0, own - mean - fit.centred @ fit.slope, 0.0)
        rank = np.argsort(np.argsort(rest, kind="stable"), kind="stable")
        return np.asarray(ndtri((rank + 0.5) / self.draws))


def _ends(shape: Array, found: Deviation, missed: Deviation, error: float, level: float) -> tuple[float, float]:
    """The central interval of sd shape_d + missed sd * normal + error, over draws d, over what both deviations can be
    and over a normal error."""
    from scipy.special import ndtri

    first, second, third, fourth, fifth = _LATTICE.T
    together = found.quantiles(first) * np.quantile(shape, second) + error * ndtri(third)
    together += missed.quantiles(fourth) * ndtri(fifth)
    low, high = np.quantile(together, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def credible(values: Array, draw: ArrayLike, at: Array, weights: Array | None = None, level: float = 0.95) -> Credible:
    """The mean of outcomes (patient,) with its interval over draws.

    Arguments: `draw` (patient,) the draw of each; `at` (draw, column) the designs of all draws; see `Moments`.

    Example: two draws with means 0.2 and 0.8, five patients each.
        >>> met = np.array([1, 0, 0, 0, 0, 1, 1, 1, 1, 0.0])
        >>> [round(float(m), 2) for m in credible(met, np.repeat([0, 1], 5), np.eye(2)).means]
        [0.2, 0.8]
    """
    found = Moments(len(at))
    found.add(values, draw, weights)
    return found.credible(at, level)
