"""Emulators of simulated shares: a Gaussian process on the logit scale through cohorts at the points of a design.

A cohort of n patients with e events gives the empirical logit log((e + 1/2) / (n - e + 1/2)), finite for e = 0 and
e = n (Haldane 1956, doi:10.1111/j.1469-1809.1955.tb01285.x), with sampling variance 1/(np + 1/2) + 1/(n(1-p) + 1/2),
where p is the share fitted in a first pass: with the counts themselves, luck would decide what weighs most. Cohorts
that share their random
numbers share part of this noise; only the part that differs between points is fitted as noise, and the common part,
which no design can show, is told as `EmulatorError.common`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from homing.ground.errors import StudyError
from homing.inference import kriging

Array = NDArray[np.float64]
_FIELDS = ("low", "high", "points", "observed", "noise", "lengths", "weights", "coefficients", "scalars", "error")
#: Standardised leave-one-out errors are called calibrated with a spread in this range and this share within 1.96.
_SPREAD, _WITHIN = (0.8, 1.25), 0.90


def sobol_design(low: ArrayLike, high: ArrayLike, n: int, seed: int) -> Array:
    """A scrambled Sobol design of n points in the box from `low` to `high` (d,), (n, d); balanced for n = 2**k."""
    from scipy.stats import qmc

    low, high = _box(low, high)
    if n < 1:
        raise StudyError(f"a design has at least one point, and {n} are asked for.")
    sampler = qmc.Sobol(len(low), scramble=True, rng=np.random.default_rng(seed))
    unit = sampler.random_base2(max(n - 1, 0).bit_length())[:n]
    return np.asarray(low + (high - low) * unit)


@dataclass(frozen=True)
class EmulatorError:
    """Leave-one-out errors of an emulator, each point predicted from all others with the same lengths and variances.

    `rmse` and `largest` on the logit scale, `rmse_share` and `largest_share` as fractions of 1; they include the noise
    of the left-out cohort, whose root mean square on the logit scale is `noise`; `beyond_noise` is what is left of
    `rmse` without it. `common` is the root mean square of the noise that all cohorts share (common random numbers), on
    the logit scale.
    `spread` is the root mean square of the standardised errors (1 when calibrated), `within` the share within 1.96.
    """

    rmse: float
    largest: float
    rmse_share: float
    largest_share: float
    noise: float
    beyond_noise: float
    common: float
    spread: float
    within: float

    @property
    def calibrated(self) -> bool:
        """Whether the spread is between 0.8 and 1.25 and at least 90 % of the standardised errors are within 1.96."""
        return _SPREAD[0] <= self.spread <= _SPREAD[1] and self.within >= _WITHIN


@dataclass(frozen=True)
class Emulator:
    """A share as a function of d parameters in a box; everything precomputed.

    `low`, `high` (d,) the box; `points` (point, d) the design on the box from -1 to 1; `observed` (point,) empirical
    logits; `noise` (point,) their noise variance; `lengths` (d,) of the kernel on that box; `weights` (point,) of the
    kernel, process variance included; `coefficients` (term,) of the mean, of degree `degree`; `signal` the process
    variance; `part` the fitted part of the binomial noise that differs between points; `nugget` the rest; `error` what
    leaving one point out shows.
    """

    low: Array
    high: Array
    points: Array
    observed: Array
    noise: Array
    lengths: Array
    weights: Array
    coefficients: Array
    degree: int
    signal: float
    part: float
    nugget: float
    error: EmulatorError

    def logit(self, x: Any, xp: Any = np) -> Any:
        """The logit of the share at x (..., d), shape (...). `xp` is numpy, or jax.numpy within jax."""
        return _evaluate(x, self.low, self.high, self, xp)

    def share(self, x: ArrayLike) -> Array:
        """The share at x (..., d) as a fraction of 1, shape (...)."""
        return np.asarray(expit(self.logit(np.asarray(x, dtype=float))))

    def sd(self, x: ArrayLike) -> Array:
        """The emulator's own standard deviation of the logit at x (..., d), shape (...); no sampling noise in it."""
        u = _scaled(np.asarray(x, dtype=float), self.low, self.high).reshape(-1, len(self.low))
        return kriging.spread(self, u).reshape(np.shape(x)[:-1])

    def arrays(self) -> dict[str, Array]:
        """Everything as plain arrays, for np.savez; `from_arrays` reads it."""
        scalars = np.array([self.degree, self.signal, self.part, self.nugget])
        error = np.array([getattr(self.error, name) for name in EmulatorError.__dataclass_fields__])
        made = {name: getattr(self, name) for name in _FIELDS[:-2]}
        return {**made, "scalars": scalars, "error": error}

    @staticmethod
    def from_arrays(arrays: Mapping[str, Array]) -> Emulator:
        """The emulator that `arrays()` wrote. Raises: StudyError where an array is missing."""
        missing = [name for name in _FIELDS if name not in arrays]
        if missing:
            raise StudyError(f"a saved emulator lacks {', '.join(missing)}. Fit it again.")
        degree, signal, part, nugget = (float(v) for v in arrays["scalars"])
        error = EmulatorError(*(float(v) for v in arrays["error"]))
        plain = {name: np.asarray(arrays[name], dtype=float) for name in _FIELDS[:-2]}
        return Emulator(**plain, degree=int(degree), signal=signal, part=part, nugget=nugget, error=error)


@dataclass(frozen=True)
class Emulators:
    """Several shares over one design, evaluated together. `each` holds them in the order of the outputs."""

    each: tuple[Emulator, ...]
    lengths: Array
    weights: Array
    coefficients: Array

    @staticmethod
    def of(each: Sequence[Emulator]) -> Emulators:
        """Emulators of one design and one degree as one. Raises: StudyError where they differ."""
        first = each[0]
        if any(e.degree != first.degree or not np.array_equal(e.points, first.points) for e in each):
            raise StudyError(
                "emulators of different designs or degrees can't be evaluated together. Fit them in one call."
            )
        stacked = (np.stack([getattr(e, name) for e in each]) for name in ("lengths", "weights", "coefficients"))
        return Emulators(tuple(each), *stacked)

    def logit(self, x: Any, xp: Any = np) -> Any:
        """The logits of all outputs at x (..., d), shape (..., output)."""
        first = self.each[0]
        u = _scaled(x, first.low, first.high)
        apart = (u[..., None, :] - first.points) ** 2
        kernel = xp.exp(-0.5 * (apart @ (self.lengths**-2).T))
        return (kernel * self.weights.T).sum(axis=-2) + kriging.basis(u, first.degree, xp) @ self.coefficients.T

    def logit_each(self, x: Any, outputs: Sequence[int] | NDArray[np.int64], xp: Any = np) -> Any:
        """The logit of output outputs[i] at x[i], for x (row, d), shape (row,): the quick way for many trial arms."""
        first, chosen = self.each[0], np.asarray(outputs, dtype=int)
        u = _scaled(x, first.low, first.high)
        scale = 1 / self.lengths[chosen]
        design = first.points * scale[:, None, :]
        here = u * scale
        crossed = xp.einsum("rd,rpd->rp", here, design)
        apart = (here**2).sum(axis=-1)[:, None] + (design**2).sum(axis=-1) - 2 * crossed
        kernel = xp.exp(-0.5 * apart)
        mean = (kriging.basis(u, first.degree, xp) * self.coefficients[chosen]).sum(axis=-1)
        return (kernel * self.weights[chosen]).sum(axis=-1) + mean

    def arrays(self) -> dict[str, Array]:
        """Everything as plain arrays with a leading axis of outputs, for np.savez."""
        all_of = [e.arrays() for e in self.each]
        return {name: np.stack([a[name] for a in all_of]) for name in _FIELDS}

    @staticmethod
    def from_arrays(arrays: Mapping[str, Array]) -> Emulators:
        """The emulators that `arrays()` wrote."""
        missing = [name for name in _FIELDS if name not in arrays]
        if missing:
            raise StudyError(f"saved emulators lack {', '.join(missing)}. Fit them again.")
        read = {name: np.asarray(arrays[name]) for name in _FIELDS}
        count = len(read["scalars"])
        return Emulators.of([Emulator.from_arrays({name: read[name][i] for name in _FIELDS}) for i in range(count)])


def fit_emulator(
    design: ArrayLike, events: ArrayLike, patients: ArrayLike, low: ArrayLike, high: ArrayLike, degree: int = 1
) -> Emulator:
    """Fit a share over a design.

    Arguments: `design` (point, d) within the box from `low` to `high` (d,); `events` (point,) of `patients`, one number
    or (point,); `degree` 1 for a linear, 2 for a quadratic mean on the logit scale.
    Raises: StudyError where shapes, counts or the box don't fit, or the points are too few for the mean.
    """
    counted = np.asarray(events, dtype=float)
    if counted.ndim != 1:
        raise StudyError(f"events of one share have the shape (point,), and {counted.shape} is given.")
    if np.ndim(patients) == 1:
        patients = np.asarray(patients)[:, None]
    return fit_emulators(design, counted[:, None], patients, low, high, degree).each[0]


def fit_emulators(
    design: ArrayLike, events: ArrayLike, patients: ArrayLike, low: ArrayLike, high: ArrayLike, degree: int = 1
) -> Emulators:
    """Fit several shares over one design.

    `events` is (point, output); `patients` one number or of a shape that fits it. Otherwise as `fit_emulator`.
    """
    low, high = _box(low, high)
    x, counted = np.asarray(design, dtype=float), np.asarray(events, dtype=float)
    _check(x, counted, len(low), degree)
    of = np.broadcast_to(np.asarray(patients, dtype=float), counted.shape)
    if not (np.all(of > 0) and np.all(counted >= 0) and np.all(counted <= of)):
        raise StudyError("events lie between 0 and the number of patients, which is above 0; some of these don't.")
    if np.any(x < low) or np.any(x > high):
        raise StudyError("a design point lies outside the box. Widen the box or leave the point out.")
    u = _scaled(x, low, high)
    h, distances = kriging.basis(u, degree), kriging.square_distances(u)
    each, start = [], None
    for e, n in zip(counted.T, of.T, strict=True):
        made, start = _fit_one(u, e, n, low, high, h, distances, degree, start)
        each.append(made)
    return Emulators.of(each)


def _fit_one(
    u: Array, e: Array, n: Array, low: Array, high: Array, h: Array, distances: Array, degree: int, start: Array | None
) -> tuple[Emulator, Array]:
    """One output, twice: with the variances that the counts give, then with those of the shares so fitted."""
    z = np.log((e + 0.5) / (n - e + 0.5))
    starts = [] if start is None else [start, kriging.fixed_starts(z, len(low))[0]]
    first = kriging.fit(z, h, distances, 1 / (e + 0.5) + 1 / (n - e + 0.5), starts)
    smooth = expit(z - first.noise * first.weights)
    binomial = 1 / (n * smooth + 0.5) + 1 / (n * (1 - smooth) + 0.5)
    s = kriging.fit(z, h, distances, binomial, [first.logarithms])
    error = _error(z, s, binomial)
    made = Emulator(
        low,
        high,
        u,
        z,
        s.noise,
        s.lengths,
        s.signal * s.weights,
        s.coefficients,
        degree,
        s.signal,
        s.part,
        s.nugget,
        error,
    )
    return made, s.logarithms


def _error(z: Array, s: kriging.Solved, binomial: Array) -> EmulatorError:
    predicted = z - s.left_out
    share = expit(z) - expit(predicted)
    standard = s.left_out / np.sqrt(s.left_out_variance)
    rmse, noise = float(np.sqrt(np.mean(s.left_out**2))), float(np.sqrt(np.mean(s.noise)))
    return EmulatorError(
        rmse=rmse,
        largest=float(np.abs(s.left_out).max()),
        rmse_share=float(np.sqrt(np.mean(share**2))),
        largest_share=float(np.abs(share).max()),
        noise=noise,
        beyond_noise=float(np.sqrt(max(rmse**2 - noise**2, 0.0))),
        common=float(np.sqrt((1 - s.part) * np.mean(binomial))),
        spread=float(np.sqrt(np.mean(standard**2))),
        within=float(np.mean(np.abs(standard) <= 1.96)),
    )


def _evaluate(x: Any, low: Array, high: Array, e: Emulator, xp: Any) -> Any:
    u = _scaled(x, low, high)
    apart = (u[..., None, :] - e.points) ** 2
    return xp.exp(-0.5 * (apart @ e.lengths**-2)) @ e.weights + kriging.basis(u, e.degree, xp) @ e.coefficients


def _scaled(x: Any, low: Array, high: Array) -> Any:
    return 2 * (x - low) / (high - low) - 1


def _box(low: ArrayLike, high: ArrayLike) -> tuple[Array, Array]:
    a, b = np.atleast_1d(np.asarray(low, dtype=float)), np.atleast_1d(np.asarray(high, dtype=float))
    if a.shape != b.shape or a.ndim != 1 or not np.all(np.isfinite(a) & np.isfinite(b) & (a < b)):
        raise StudyError("a box needs as many low as high bounds, finite, each low one below its high one.")
    return a, b


def _check(x: Array, events: Array, d: int, degree: int) -> None:
    if degree not in (1, 2):
        raise StudyError(f"the mean is linear (degree 1) or quadratic (degree 2), not of degree {degree}.")
    if x.ndim != 2 or x.shape[1] != d or events.ndim != 2 or len(events) != len(x):
        raise StudyError(
            f"design (point, {d}) and events (point, output) are needed; given are {x.shape} and {events.shape}."
        )
    fewest = kriging.terms(d, degree) + 2
    if len(x) < fewest:
        raise StudyError(
            f"{len(x)} design points are too few for this mean in {d} directions; at least {fewest} are needed."
        )
