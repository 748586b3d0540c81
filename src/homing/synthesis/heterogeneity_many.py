"""tau2 and weighted fits of many sets of effects of the same studies at once, as permutations need them.

Sets are rows: y (set, study) and X (set, study, coefficient), of which either may have one row for all sets; the
variances v (study,) are those of all. The numbers are those of `heterogeneity`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.synthesis.heterogeneity import Estimator, grid_of, inverse, tau2_of

Array = NDArray[np.float64]
#: Halvings of an interval of the grid, which leave nothing of it beside the highest value.
_HALVINGS = 70


@dataclass(frozen=True)
class WeightedSets:
    """Fits of each set: coefficients (set, coefficient), covariance for known weights, residuals, their squares."""

    coefficients: Array
    covariance: Array
    residuals: Array
    squares: Array


def weighted_fits(y: Array, x: Array, w: Array) -> WeightedSets:
    """Fit each set with weights w (set, study). Raises numpy's LinAlgError for a design without full rank."""
    wx = w[..., None] * x
    covariance = inverse(np.swapaxes(wx, 1, 2) @ x)
    beta = np.einsum("spq,sq->sp", covariance, np.einsum("skp,sk->sp", wx, np.broadcast_to(y, w.shape)))
    residuals = y - (x @ beta[..., None])[..., 0]
    return WeightedSets(beta, covariance, residuals, (w * residuals**2).sum(axis=1))


def tau2_of_many(y: Array, v: Array, x: Array, method: Estimator) -> Array:
    """The estimate of tau2 of each set, as `heterogeneity.tau2_of` has it."""
    sets = max(len(y), len(x))
    ys, xs = np.broadcast_to(y, (sets, *y.shape[1:])), np.broadcast_to(x, (sets, *x.shape[1:]))
    if method in ("REML", "ML"):
        return _highest(ys, v, xs, method == "REML")
    return np.array([tau2_of(one, v, design, method)[0] for one, design in zip(ys, xs, strict=True)])


def _highest(y: Array, v: Array, x: Array, restricted: bool) -> Array:
    """The tau2 of the highest likelihood: on the grid first, then by halving where the slope changes its sign."""
    grid = np.array([grid_of(one, v) for one in y])
    height = np.stack([_likelihood(grid[:, i], y, v, x, restricted) for i in range(grid.shape[1])], axis=1)
    best, all_ = np.argmax(height, axis=1), np.arange(len(y))
    low, high = grid[all_, np.maximum(best - 1, 0)], grid[all_, np.minimum(best + 1, grid.shape[1] - 1)]
    at_end = _slope(low, y, v, x, restricted) <= 0
    start = low.copy()
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        rises = _slope(middle, y, v, x, restricted) > 0
        low, high = np.where(rises, middle, low), np.where(rises, high, middle)
    return np.where(at_end, start, (low + high) / 2)


def _likelihood(tau2: Array, y: Array, v: Array, x: Array, restricted: bool) -> Array:
    """Twice the (restricted) log-likelihood of each set at its tau2, without its constant."""
    w = 1 / (v + tau2[:, None])
    fit = weighted_fits(y, x, w)
    found = np.log(w).sum(axis=1) - fit.squares
    return np.asarray(found + np.linalg.slogdet(fit.covariance)[1] if restricted else found)


def _slope(tau2: Array, y: Array, v: Array, x: Array, restricted: bool) -> Array:
    """The derivative of twice the log-likelihood of each set."""
    w = 1 / (v + tau2[:, None])
    fit = weighted_fits(y, x, w)
    lost = w.sum(axis=1)
    if restricted:
        lost = lost - np.einsum("spq,skq,sk,skp->s", fit.covariance, x, w**2, x, optimize=True)
    return np.asarray((w**2 * fit.residuals**2).sum(axis=1) - lost)
