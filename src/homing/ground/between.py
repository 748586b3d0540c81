"""The standard deviation between draws, from how far their fitted means spread and how far errors alone spread them.

The spread S (variance of fitted means) is a sum of squares of normal errors about the true differences. As a multiple
of one error variance it is noncentral chi-squared:

    S / scale ~ chi2(nu, between / scale),  scale = noise / nu

with `noise` what errors alone give S on average and `nu` how many errors there are in effect (Satterthwaite: the first
two moments are those of the quadratic form). Draws are all that there are, no sample of more: with errors that vanish,
`between` is S itself.

The prior is flat in the standard deviation, from 0 to `most`: a deviation near 0 is possible and nothing is piled up
there. It is what Gelman suggests for the scales of hierarchical models (Bayesian Analysis 2006, 1: 515-533).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

#: Points of the grid of standard deviations.
_GRID = 200
#: From this order on the Bessel function is taken from its expansion for large orders (error below 1e-5).
_LARGE_ORDER = 30.0
#: Noise below this part of the spread is as good as none, and so is a spread below this part of an error variance.
_LEAST = 1e-6


@dataclass(frozen=True)
class Deviation:
    """What is known of a standard deviation: `points` that are equally wide apart, with `weights` that sum to 1."""

    points: Array
    weights: Array

    @property
    def variance(self) -> float:
        """The mean of the variance."""
        return float(self.weights @ self.points**2)

    def quantiles(self, p: ArrayLike) -> Array:
        """The deviations below which shares `p` of the probability lie."""
        return np.interp(np.asarray(p, dtype=float), np.cumsum(self.weights) - self.weights / 2, self.points)


def deviation(spread: float, noise: float, nu: float, most: float) -> Deviation:
    """What a spread of fitted means says of the standard deviation of the true ones.

    Arguments: `spread` the variance of fitted means; `noise` the part of it that errors give on average; `nu` their
    effective number; `most` the largest deviation that is possible, the outcomes' own for one, unless the
    spread less the noise is more. Without noise it is the root of
    the spread.
    """
    if noise <= _LEAST * spread:
        return Deviation(np.array([math.sqrt(spread)]), np.ones(1))
    scale = noise / nu
    x = max(spread / scale, _LEAST)
    # The grid covers, in the noncentrality, eight of its standard errors and the exponential tail where x is small.
    centre = max(x - nu, 0.0)
    reach = 8 * math.sqrt(2 * nu + 4 * centre)
    low, high = math.sqrt(max(centre - reach, 0.0)), math.sqrt(centre + reach + 40)
    high = min(high, max(most / math.sqrt(scale), math.sqrt(centre), math.sqrt(_LEAST)))
    roots = low + (np.arange(_GRID) + 0.5) * (high - low) / _GRID
    logs = log_noncentral(x, nu, roots**2)
    weights = np.exp(logs - logs.max())
    return Deviation(math.sqrt(scale) * roots, weights / weights.sum())


def flat(most: float) -> Deviation:
    """A standard deviation of which nothing is known but that it is at most so large."""
    return Deviation((np.arange(_GRID) + 0.5) * most / _GRID, np.full(_GRID, 1 / _GRID))


def log_noncentral(x: float, nu: float, noncentrality: Array) -> Array:
    """The logarithm of the noncentral chi-squared density at x > 0, for noncentralities above 0.

    SciPy's `ncx2.logpdf` is the same, and minus infinity by underflow where nu is in the hundreds.
    """
    z = np.sqrt(x * noncentrality)
    power = (nu / 4 - 0.5) * (math.log(x) - np.log(noncentrality))
    return np.asarray(-math.log(2) - (x + noncentrality) / 2 + power + _log_bessel(nu / 2 - 1, z))


def _log_bessel(order: float, z: Array) -> Array:
    """The logarithm of the modified Bessel function of the first kind; Debye's expansion for large orders."""
    from scipy.special import ive

    if order < _LARGE_ORDER:
        return np.asarray(np.log(ive(order, z)) + z)
    ratio = z / order
    root = np.sqrt(1 + ratio**2)
    first = (3 / root - 5 / root**3) / (24 * order)
    exponent = root + np.log(ratio / (1 + root))
    return np.asarray(order * exponent - 0.5 * np.log(2 * math.pi * order * root) + np.log1p(first))
