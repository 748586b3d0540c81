"""How far the true means of draws lie from a regression on their design: lack of fit, by analysis of variance.

Patients of one draw differ by chance alone; what the regression leaves of all patients has besides what it misses of
the draws. With y = X b + u_d + e, u_d what is missed of draw d,

    left - within = sum of squares of the draws' means about the fit,  mean  s^2 a + k var(u)

with s^2 the variance within draws, `a` the errors in it and `k` the weight of what is missed (for m patients in every
one of D draws and r columns: a = D - r - 1 and k = m a). What is known of sqrt(var(u)) is then as of any deviation
between draws (`ground.between`), with fewer errors in effect as s^2 is estimated itself.

Without patients who share a draw nothing is seen of it, and with two or three a draw little. The prior therefore
matters: what is missed varies at most as much as what the regression finds, flat in the standard deviation, unless the
patients of a draw show more. Steps, products and bends in a factor rarely come without its slope.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.ground.between import Deviation, deviation, flat

Array = NDArray[np.float64]

#: Sums about means below this part of the sums themselves are what adding up leaves of nothing.
_ROUNDING = 1e-9


@dataclass(frozen=True)
class Fit:
    """A weighted regression on the designs of draws: (draw, column) `centred` designs, the inverse of their sum of
    squares, (column,) `slope`, the number of columns that tell something, and the sum of squares that it explains.
    """

    centred: Array
    inverse: Array
    slope: Array
    rank: int
    explained: float

    @classmethod
    def of(cls, at: Array, weight: Array, total: Array, mean: float) -> Fit:
        """The fit to outcomes. Arguments: `weight` (draw,) and `total` (draw,) sums of weights and weighted outcomes;
        `mean` of all outcomes."""
        centred = at - weight @ at / math.fsum(weight)
        inner = (weight[:, None] * centred).T @ centred
        inverse = np.asarray(np.linalg.pinv(inner, rcond=1e-10, hermitian=True), dtype=float)
        slope: Array = inverse @ (centred.T @ (total - weight * mean))
        return cls(centred, inverse, slope, round(float(np.trace(inverse @ inner))), float(slope @ inner @ slope))


def missed_by(fit: Fit, weight: Array, weight_squares: Array, left: float, within: float, most: float) -> Deviation:
    """What is known of the standard deviation, over draws, of what a fit misses.

    Arguments: `weight` and `weight_squares` (draw,) sums of patients' weights and of their squares; `left` the sum of
    squares that the fit leaves; `within` that within draws; `most` the largest deviation that is thought possible
    unless patients who share draws show more.
    """
    seen = weight > 0
    w, w2 = weight[seen], weight_squares[seen]
    columns = int(np.count_nonzero(seen)) - fit.rank - 1
    if columns < 1:
        return Deviation(np.zeros(1), np.ones(1))
    x = fit.centred[seen]
    leverage = 1 / math.fsum(w) + np.einsum("ij,jk,ik->i", x, fit.inverse, x)
    alone = math.fsum(w - w2 / w)  # errors within draws
    patients = math.fsum(w2 - (w2 / w) ** 2)
    if min(alone / math.fsum(w), patients / math.fsum(w2)) < _ROUNDING:
        return flat(most)
    k = math.fsum(w * (1 - w * leverage))
    if within <= 0:  # the draw alone decides: all that the fit leaves is what it misses
        return flat(max(most, math.sqrt(max(left, 0.0) / k)))
    variance = within / alone
    about = math.fsum(w) - math.fsum(w2 * leverage) - alone
    of_fit = columns * math.fsum(w2 / w) ** 2 / (len(w) * math.fsum((w2 / w) ** 2))
    of_variance = alone**2 / patients
    nu = of_fit * of_variance / (of_fit + of_variance)
    return deviation(max(left - within, 0.0) / k, variance * about / k, nu, most)
