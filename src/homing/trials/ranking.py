"""Candidates beside each other in the same patients: differences, how often each is best, who is dominated.

Every function takes outcomes as (candidate, patient) with one column a patient, the same one in every row, so that
candidates are compared within patients. Nothing here depends on the order of the candidates.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.ground.keys import uniforms
from homing.ground.proportions import paired_difference

Array = NDArray[np.float64]
#: Two means of outcomes that differ by no more are a tie.
TIE = 1e-12


@dataclass(frozen=True)
class Difference:
    """A candidate's share minus the reference's, three times over.

    `monte_carlo` is the interval of simulation error: it shrinks with more virtual patients. `cohort` holds 95 % of
    the differences that cohorts of `size` patients would show if each patient could be given both. `trial` holds
    95 % of the differences that a trial with two arms of `size` patients each would observe.
    """

    value: float
    monte_carlo: tuple[float, float]
    cohort: tuple[float, float]
    trial: tuple[float, float]
    size: int


def difference(a: Array, b: Array, size: int, level: float = 0.95) -> Difference:
    """The difference of two rows of outcomes (patient,), 1 or 0; pairs with NaN are left out.

    A row minus itself is exactly 0, with intervals of no width except that of a trial, whose arms are other patients.
    """
    from scipy.special import ndtri

    value, low, high = paired_difference(a, b, level)
    seen = np.isfinite(a) & np.isfinite(b)
    if seen.sum() < 2:
        nothing = (math.nan, math.nan)
        return Difference(value, nothing, nothing, nothing, size)
    x, y = np.asarray(a)[seen], np.asarray(b)[seen]
    z = float(ndtri(0.5 + level / 2))
    paired = z * float((x - y).std(ddof=1)) / math.sqrt(size)
    apart = z * math.sqrt((x.var() + y.var()) / size)
    trial = (max(value - apart, -1.0), min(value + apart, 1.0))
    return Difference(value, (low, high), (value - paired, value + paired), trial, size)


def cohorts(seed: int, patients: int, size: int, draws: int, purpose: str = "cohort drawn from patients") -> NDArray:
    """(draw, size) positions of patients: cohorts drawn with replacement, the same for every candidate and scenario."""
    u = uniforms(seed, purpose, np.arange(draws), size)
    return np.minimum((u * patients).astype(np.int64), patients - 1)


def cohort_means(outcomes: Array, picks: NDArray) -> Array:
    """(draw, candidate) means over each cohort; a patient whose simulation failed anywhere is left out everywhere.

    Arguments: `outcomes` (candidate, patient), `picks` (draw, size) as `cohorts` gives them.
    """
    whole = np.isfinite(outcomes).all(axis=0)
    weight = np.zeros((len(picks), outcomes.shape[1]))
    for row, pick in zip(weight, picks, strict=True):
        np.add.at(row, pick, 1.0)
    weight *= whole
    total = weight.sum(axis=1, keepdims=True)
    means = np.stack([(weight * np.where(whole, row, 0.0)).sum(axis=1) for row in outcomes], axis=1)
    return np.asarray(np.divide(means, total, out=np.full_like(means, np.nan), where=total > 0))


def probability_of_best(scores: Array) -> Array:
    """(candidate,) share of draws in which each has the largest score; a tie is shared out evenly. They add up to 1.

    Arguments: `scores` (draw, candidate); draws with NaN are left out. NaN for all where no draw is left.
    """
    scores = scores[np.isfinite(scores).all(axis=1)]
    if not len(scores):
        return np.full(scores.shape[1], math.nan)
    best = scores >= scores.max(axis=1, keepdims=True) - TIE
    return np.asarray((best / best.sum(axis=1, keepdims=True)).mean(axis=0))


def mean_rank(scores: Array) -> Array:
    """(candidate,) mean rank over draws, 1 for the best; ties share the mean of their ranks."""
    from scipy.stats import rankdata

    scores = scores[np.isfinite(scores).all(axis=1)]
    if not len(scores):
        return np.full(scores.shape[1], math.nan)
    return np.asarray(rankdata(-np.round(scores, 12), axis=1).mean(axis=0))


def dominates(one: Array, other: Array) -> bool:
    """Whether one candidate is at least as good by every criterion, and better by one.

    Arguments: (criterion,) each, larger is better, NaN where not known. A criterion known of one alone can't be shown
    to be no worse, so that neither dominates the other; one known of neither is left out.
    """
    both = np.isfinite(one) & np.isfinite(other)
    if not both.any() or (np.isfinite(one) != np.isfinite(other)).any():
        return False
    gap = one[both] - other[both]
    return bool((gap >= -TIE).all() and (gap > TIE).any())


def front(criteria: Array) -> NDArray[np.bool_]:
    """(candidate,) whether no other candidate dominates it.

    Arguments: `criteria` (candidate, criterion), larger is better, NaN where not known; see `dominates`.
    """
    rows = range(len(criteria))
    return np.array([not any(dominates(criteria[k], criteria[i]) for k in rows if k != i) for i in rows], dtype=bool)


def front_share(criteria: Array) -> Array:
    """(candidate,) share of draws in which it is on the front. `criteria` (draw, candidate, criterion)."""
    return np.asarray(np.mean([front(draw) for draw in criteria], axis=0))
