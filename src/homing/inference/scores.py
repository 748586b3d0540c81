"""Predictive distributions of counts, of shares and of differences of shares, and how well they foretold what came.

A prediction is given as draws of the event probabilities, (draw,) for each arm, the same row being the same world in
both. The chance of the trial itself is added exactly: a share is a mixture of binomials, the difference of two arms a
mixture of differences of binomials, on its true support. Scores are proper (Gneiting and Raftery 2007,
doi:10.1198/016214506000001437): the distribution that nature draws from has the best expected score. A log score is
better when higher, a CRPS when lower.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError

Array = NDArray[np.float64]
LEVELS = (0.5, 0.8, 0.95)
#: Of a sum of masses, by which rounding may keep it from a tail that it equals.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Predictive:
    """A distribution on finitely many values: `values` (k,) increasing, in shares, and their `masses` (k,), sum 1.

    `draws` is the number of draws behind it and `squares` (k,) the mean squares of each draw's own mass, from which the
    Monte Carlo error of a mass follows.
    """

    values: Array
    masses: Array
    squares: Array
    draws: int

    @property
    def mean(self) -> float:
        """The mean."""
        return float(self.values @ self.masses)

    def cdf(self, x: float) -> float:
        """The probability of at most x (with the tolerance of rounding between atoms)."""
        return float(self.masses[: self._after(x)].sum())

    def quantile(self, p: float) -> float:
        """The smallest value whose cumulative probability reaches p. Raises: StudyError unless 0 < p < 1."""
        if not 0 < p < 1:
            raise StudyError(f"a quantile is of a probability between 0 and 1, and {p:g} is given.")
        at = int(np.searchsorted(np.cumsum(self.masses), p - _ROUNDING))
        return float(self.values[min(at, len(self.values) - 1)])

    def interval(self, level: float) -> tuple[float, float]:
        """The central interval: from the (1 - level)/2 to the (1 + level)/2 quantile; it holds at least `level`."""
        return self.quantile((1 - level) / 2), self.quantile((1 + level) / 2)

    def log_score(self, observed: float) -> float:
        """The log probability of what was observed (higher is better); -inf where it was held impossible."""
        mass, _ = self._mass(observed)
        return math.log(mass) if mass > 0 else -math.inf

    def log_score_error(self, observed: float) -> float:
        """The Monte Carlo standard error of `log_score` from the number of draws, by the delta method."""
        mass, square = self._mass(observed)
        if mass == 0 or self.draws < 2:
            return math.inf
        return math.sqrt(max(square - mass**2, 0.0) / (self.draws - 1)) / mass

    def crps(self, observed: float) -> float:
        """The continuous ranked probability score, the integral of (F(x) - 1[x >= observed])^2, exact, in shares."""
        knots = np.sort(np.append(self.values, observed))
        below = np.cumsum(self.masses)[np.searchsorted(self.values, knots[:-1], side="right") - 1]
        below = np.where(knots[:-1] < self.values[0], 0.0, below)
        return float(np.sum((below - (knots[:-1] >= observed)) ** 2 * np.diff(knots)))

    def pit(self, observed: float, u: float) -> float:
        """The randomised probability integral transform F(x-) + u P(x), u between 0 and 1.

        With u uniform it is uniform when predictions are calibrated.
        Czado, Gneiting and Held 2009, doi:10.1111/j.1541-0420.2009.01191.x.
        """
        mass, _ = self._mass(observed)
        return self.cdf(observed) - (1 - u) * mass

    def _after(self, x: float) -> int:
        return int(np.searchsorted(self.values, x + _ROUNDING, side="right"))

    def _mass(self, x: float) -> tuple[float, float]:
        at = self._after(x) - 1
        if at < 0 or abs(self.values[at] - x) > _ROUNDING:
            return 0.0, 0.0
        return float(self.masses[at]), float(self.squares[at])


@dataclass(frozen=True)
class Score:
    """How one prediction did; `observed`, `mean` and `crps` in shares.

    `log_score` (higher is better) with its Monte Carlo error, `crps` (lower is better), `intervals` and whether the
    observation is `inside` by level, which what was held impossible never is; `pit` randomised.
    """

    observed: float
    mean: float
    log_score: float
    log_score_error: float
    crps: float
    intervals: dict[float, tuple[float, float]]
    inside: dict[float, bool]
    pit: float


@dataclass(frozen=True)
class JointScore:
    """The log probability of several counts together, with its Monte Carlo standard error.

    `effective` is the number of draws that carry it: (sum w)^2 / sum w^2 of the probabilities w by draw.
    """

    log: float
    error: float
    effective: float


def arm_share(probabilities: ArrayLike, patients: int) -> Predictive:
    """The predictive distribution of an arm's share of events, from draws (draw,) of its event probability."""
    each = _masses(_probabilities(probabilities), patients)
    return Predictive(_counts(patients) / patients, np.asarray(each.mean(axis=0)), (each**2).mean(axis=0), len(each))


def difference_of_shares(
    active: ArrayLike, control: ArrayLike, active_patients: int, control_patients: int
) -> Predictive:
    """The predictive distribution of the active arm's share minus the control arm's, exact but for the draws.

    Arguments: `active`, `control` (draw,) the event probabilities, row by row of one world; patients of each arm.
    """
    first, second = _same_length([active, control])
    a, c = _masses(first, active_patients), _masses(second, control_patients)
    steps = _counts(active_patients)[:, None] * control_patients - _counts(control_patients) * active_patients
    atoms, where = np.unique(steps.ravel(), return_inverse=True)
    masses = np.bincount(where.ravel(), (a.T @ c).ravel() / len(a), len(atoms)).astype(float)
    # Distinct pairs rarely share an atom; the square of a sum is bounded by treating their masses as fully dependent.
    roots = np.sqrt(((a**2).T @ (c**2)).ravel() / len(a))
    squares = np.bincount(where.ravel(), roots, len(atoms)).astype(float) ** 2
    return Predictive(np.asarray(atoms / (active_patients * control_patients)), masses, squares, len(a))


def joint_log_score(probabilities: Sequence[ArrayLike], events: Sequence[int], patients: Sequence[int]) -> JointScore:
    """The log probability of several counts together, its Monte Carlo standard error, and how many draws carry it.

    The error takes draws as independent.
    Arguments: `probabilities` draws (draw,) of each count's event probability, row by row of one world; `events` and
    `patients` of each count. Raises: StudyError for counts or draws that are not possible or don't belong together.
    """
    from scipy.special import logsumexp

    each = _same_length(probabilities)
    logs = np.zeros(len(each[0]))
    for p, count, n in zip(each, events, patients, strict=True):
        logs = logs + _log_masses(_events(count, n), n, p)
    top = float(logsumexp(logs)) - math.log(len(logs))
    if not math.isfinite(top):
        return JointScore(top, math.inf, 0.0)
    weights = np.exp(logs - top)
    error = float(weights.std(ddof=1)) / math.sqrt(len(logs)) if len(logs) > 1 else math.inf
    return JointScore(top, error, float(weights.sum() ** 2 / (weights**2).sum()))


def score(predictive: Predictive, observed: float, u: float = 0.5, levels: Sequence[float] = LEVELS) -> Score:
    """Every score of one observation: a share or a difference of shares, as a fraction of 1.

    Arguments: `u` the uniform number of the randomised transform (0.5 gives the mid-point, without chance).
    """
    intervals = {level: predictive.interval(level) for level in levels}
    log = predictive.log_score(observed)
    return Score(
        observed=observed,
        mean=predictive.mean,
        log_score=log,
        log_score_error=predictive.log_score_error(observed),
        crps=predictive.crps(observed),
        intervals=intervals,
        inside={
            level: log > -math.inf and low - _ROUNDING <= observed <= high + _ROUNDING
            for level, (low, high) in intervals.items()
        },
        pit=predictive.pit(observed, u),
    )


def _counts(patients: int) -> NDArray[np.int64]:
    return np.arange(patients + 1, dtype=np.int64)


def _masses(p: Array, patients: int) -> Array:
    """Binomial probabilities of every count, (draw, count)."""
    if patients < 1:
        raise StudyError(f"a share is of at least one patient, and {patients} are given.")
    return np.exp(_log_masses(_counts(patients), patients, p[:, None]))


def _log_masses(events: int | NDArray[np.int64], patients: int, p: Array) -> Array:
    """Binomial log probabilities; SciPy's own overflow where p is 1e-308."""
    from scipy.special import gammaln, xlog1py, xlogy

    ways = gammaln(patients + 1) - gammaln(np.add(events, 1)) - gammaln(np.subtract(patients, events) + 1)
    return np.asarray(ways + xlogy(events, p) + xlog1py(np.subtract(patients, events), -p))


def _probabilities(given: ArrayLike) -> Array:
    p = np.asarray(given, dtype=float)
    if p.ndim != 1 or not p.size or not np.all((p >= 0) & (p <= 1)):
        raise StudyError("draws of a probability have the shape (draw,) and lie between 0 and 1; some of these don't.")
    return p


def _same_length(given: Sequence[ArrayLike]) -> list[Array]:
    found = [_probabilities(p) for p in given]
    if len({len(p) for p in found}) != 1:
        raise StudyError(f"counts of one world need the same draws, and {[len(p) for p in found]} are given.")
    return found


def _events(events: int, patients: int) -> int:
    if not 0 <= events <= patients:
        raise StudyError(f"{events} events of {patients} patients is not possible.")
    return events
