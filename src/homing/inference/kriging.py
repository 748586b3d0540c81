"""The Gaussian process behind an emulator: its restricted likelihood, its weights and its leave-one-out errors.

Observations z (point,) have mean H b, H a basis (point, term) with a flat prior on b, and covariance
K = s2 R + diag(noise), with R the squared-exponential kernel with a length for each direction. With
Q = K^-1 - K^-1 H (H' K^-1 H)^-1 H' K^-1 the restricted log likelihood is
-(log|K| + log|H' K^-1 H| + z' Q z) / 2 up to a constant (Rasmussen and Williams 2006, section 2.7, ISBN 026218253X),
and leaving point i out leaves the error (Q z)_i / Q_ii with variance 1 / Q_ii (Dubrule 1983, doi:10.1007/BF01033232).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import NumericsError

Array = NDArray[np.float64]
#: Bounds of a length on the box from -1 to 1, of the process variance on the logit scale, of the part of the binomial
#: noise that differs between points, and of the nugget: wider than any curve that a design of hundreds can tell apart.
LENGTHS, SIGNAL, PART, NUGGET = (0.15, 30.0), (1e-4, 100.0), (1e-2, 1.0), (1e-6, 1.0)
_STARTS = (1.0, 3.0)
#: Relative change of the log likelihood at which a search ends: far below what parameters can be told apart by.
_ENOUGH = 1e-7
_JITTER = 1e-9
_REFUSED = 1e25


def basis(u: Any, degree: int, xp: Any = np) -> Any:
    """The terms of the mean at points u (..., d) of the box: 1, u, and for degree 2 all products; (..., term)."""
    parts = [xp.ones_like(u[..., :1]), u]
    if degree == 2:
        first, second = np.triu_indices(u.shape[-1])
        parts.append(u[..., first] * u[..., second])
    return xp.concatenate(parts, axis=-1)


def terms(d: int, degree: int) -> int:
    """How many terms the mean has."""
    return 1 + d + (d * (d + 1) // 2 if degree == 2 else 0)


def square_distances(u: Array) -> Array:
    """Squared distances of all pairs of points in each direction, (d, point, point)."""
    columns = u.T
    return np.asarray((columns[:, :, None] - columns[:, None, :]) ** 2)


@dataclass(frozen=True)
class Solved:
    """A process conditioned on its observations.

    `lengths` (d,); `signal` the process variance; `part` and `nugget` of the noise; `noise` (point,) its variance;
    `weights` (point,) of the kernel s2 R and `coefficients` (term,) of the mean; `left_out` and `left_out_variance`
    (point,) the leave-one-out errors; `likelihood` the restricted log likelihood up to a constant.
    """

    lengths: Array
    signal: float
    part: float
    nugget: float
    noise: Array
    weights: Array
    coefficients: Array
    left_out: Array
    left_out_variance: Array
    likelihood: float

    @property
    def logarithms(self) -> Array:
        """Of lengths, signal, part and nugget, (d + 3,): where another fit may start."""
        return np.log(np.append(self.lengths, [self.signal, self.part, self.nugget]))


@dataclass(frozen=True)
class _Factors:
    inverse: Array
    fitted: Array
    projected: Array
    log_determinants: float


def _factors(kernel: Array, noise: Array, h: Array) -> _Factors:
    """K^-1, the map from z to the coefficients, and Q; raises LinAlgError where K is not positive definite."""
    covariance = kernel + np.diag(noise + _JITTER * kernel[0, 0])
    lower = np.asarray(np.linalg.cholesky(covariance), dtype=float)
    inverse = _inverse(lower)
    across = inverse @ h
    gram = h.T @ across
    gram_lower = np.linalg.cholesky(gram)
    fitted = np.linalg.solve(gram, across.T)
    determinants = 2 * float(np.log(np.diag(lower)).sum() + np.log(np.diag(gram_lower)).sum())
    return _Factors(np.asarray(inverse), np.asarray(fitted), np.asarray(inverse - across @ fitted), determinants)


def _inverse(lower: Array) -> Array:
    """The inverse of lower @ lower.T, by LAPACK's own routine for it, several times quicker than a general inverse."""
    from scipy.linalg.lapack import dpotri

    half, failed = dpotri(lower, lower=1)
    if failed:
        raise np.linalg.LinAlgError("the covariance is singular")
    half = np.tril(half)
    return np.asarray(half + np.tril(half, -1).T)


def _kernel(lengths: Array, signal: float, distances: Array) -> Array:
    return np.asarray(signal * np.exp(-0.5 * np.tensordot(lengths**-2, distances, axes=1)))


def solve(
    z: Array, h: Array, distances: Array, binomial: Array, lengths: Array, signal: float, part: float, nugget: float
) -> Solved:
    """Condition the process with these lengths, variance and noise `part` * `binomial` + `nugget` on z (point,)."""
    noise = part * binomial + nugget
    f = _factors(_kernel(lengths, signal, distances), noise, h)
    coefficients = f.fitted @ z
    weights = f.projected @ z
    spread = 1 / np.diag(f.projected)
    likelihood = -0.5 * (f.log_determinants + float(z @ weights))
    return Solved(lengths, signal, part, nugget, noise, weights, coefficients, weights * spread, spread, likelihood)


def spread(process: Any, u: Array) -> Array:
    """The standard deviation (place,) of the process at places u (place, d) of the box, given the observations.

    `process` has `points`, `lengths`, `signal`, `noise` and `degree`, as an `emulator.Emulator` has.
    """
    h = basis(process.points, process.degree)
    f = _factors(_kernel(process.lengths, process.signal, square_distances(process.points)), process.noise, h)
    apart = (u[:, None, :] - process.points) ** 2 @ process.lengths**-2
    k = process.signal * np.exp(-0.5 * apart)
    rest = basis(u, process.degree) - k @ f.inverse @ h
    gram = h.T @ f.inverse @ h
    variance = process.signal - ((k @ f.inverse) * k).sum(axis=1) + (rest * np.linalg.solve(gram, rest.T).T).sum(axis=1)
    return np.sqrt(np.maximum(variance, 0.0))


def _loss(log_values: Array, z: Array, h: Array, distances: Array, binomial: Array) -> tuple[float, Array]:
    """Minus the restricted log likelihood and its gradient in the logarithms of (lengths, signal, part, nugget)."""
    d = len(distances)
    lengths, (signal, part, nugget) = np.exp(log_values[:d]), np.exp(log_values[d:])
    kernel = _kernel(lengths, float(signal), distances)
    try:
        f = _factors(kernel, part * binomial + nugget, h)
    except np.linalg.LinAlgError:
        return _REFUSED, np.zeros_like(log_values)
    a = f.projected @ z
    slope = 0.5 * (f.projected - np.outer(a, a))
    along = slope * kernel
    diagonal = np.diag(slope)
    gradient = np.concatenate(
        [
            np.tensordot(distances, along, axes=2) * lengths**-2,
            [float(along.sum()), part * float(diagonal @ binomial), nugget * float(diagonal.sum())],
        ]
    )
    return 0.5 * (f.log_determinants + float(z @ a)), gradient


def fit(z: Array, h: Array, distances: Array, binomial: Array, starts: Sequence[Array] = ()) -> Solved:
    """The process of highest restricted likelihood, by L-BFGS-B from `starts` (`Solved.logarithms`) or fixed ones.

    Arguments: `z` (point,); `h` (point, term); `distances` (d, point, point); `binomial` (point,) sampling variance.
    Raises: NumericsError where no start leads to a likelihood.
    """
    from scipy.optimize import minimize

    d = len(distances)
    bounds = [tuple(np.log(b)) for b in [LENGTHS] * d + [SIGNAL, PART, NUGGET]]
    found = [
        minimize(
            _loss, x, (z, h, distances, binomial), jac=True, method="L-BFGS-B", bounds=bounds, options={"ftol": _ENOUGH}
        )
        for x in starts or fixed_starts(z, d)
    ]
    best = min(found, key=lambda result: float(result.fun))
    if best.fun >= _REFUSED:
        raise NumericsError("the Gaussian process has no likelihood. Are design points repeated many times?")
    values = np.exp(best.x)
    return solve(z, h, distances, binomial, values[:d], *(float(v) for v in values[d:]))


def fixed_starts(z: Array, d: int) -> list[Array]:
    """Logarithms to start from, a rough and a smooth surface: the likelihood can have an optimum of each kind."""
    about = max(float(np.var(z)), SIGNAL[0])
    return [np.log([length] * d + [about, 0.5, 1e-3]) for length in _STARTS]
