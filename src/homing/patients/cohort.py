"""Cohort: virtual patients drawn from a population and conditioned on their history.

Patient i is drawn again and again, each time from draws of its own (attempt 0, 1, 2, ...), until the history that the
population demands is possible for it: an inflamed state and a remission to go between. So who patient 17 is depends on
the seed and the number 17 alone, and the share of draws accepted is known and reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import NumericsError
from homing.patients.population import Distribution, Population

#: A patient whose history fits in none of so many draws shows that population and mechanism don't go together.
MOST_ATTEMPTS = 200

Values = Mapping[str, NDArray[np.float64]]
#: From the values drawn for some patients: their states at week 0 (patient, state), and whether their history fits.
Settle = Callable[[Values], tuple[NDArray[np.float64], NDArray[np.bool_]]]


@dataclass(frozen=True)
class Cohort:
    """Virtual patients `ids` of one population.

    `values` holds what differs between them, by parameter full name (`tract.k_close`) or covariate name (`weight`),
    each (patient,); `initial` their states at week 0 (patient, state); `attempts` the draws that each took.
    """

    population: Population
    seed: int
    ids: NDArray[np.int64]
    values: Values
    initial: NDArray[np.float64]
    attempts: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def acceptance(self) -> float:
        """The share of draws whose history fitted."""
        return len(self.ids) / float(self.attempts.sum())

    def first(self, most: int) -> Cohort:
        """The first patients of the cohort."""
        return Cohort(
            self.population,
            self.seed,
            self.ids[:most],
            {k: v[:most] for k, v in self.values.items()},
            self.initial[:most],
            self.attempts[:most],
        )


def draw_cohort(population: Population, seed: int, ids: NDArray[np.int64], settle: Settle) -> Cohort:
    """Draw the patients with these numbers.

    Arguments: `settle` runs the mechanism (see `Settle`); it is given only the patients still to be placed.
    Raises: NumericsError when some patient's history fits in none of 200 draws.
    """
    ids = np.asarray(ids, dtype=np.int64)
    attempts = np.zeros(len(ids), dtype=np.int64)
    values: dict[str, NDArray[np.float64]] = {name: np.empty(len(ids)) for name in population.distributions}
    initial: NDArray[np.float64] | None = None
    open_ = np.arange(len(ids))
    for attempt in range(MOST_ATTEMPTS):
        drawn = draw_values(population, seed, ids[open_], attempt)
        states, fits = settle(drawn)
        if initial is None:
            initial = np.empty((len(ids), states.shape[1]))
        attempts[open_] += 1
        placed = open_[fits]
        initial[placed] = states[fits]
        for name, column in drawn.items():
            values[name][placed] = column[fits]
        open_ = open_[~fits]
        if not open_.size:
            return Cohort(population, seed, ids, values, initial, attempts)
    raise NumericsError(
        f"{open_.size} of {len(ids)} patients of '{population.key}' have no possible history in {MOST_ATTEMPTS} draws. "
        f"The population's values and the mechanism don't go together."
    )


def draw_values(population: Population, seed: int, ids: NDArray[np.int64], attempt: int = 0) -> dict[str, NDArray]:
    """One draw of everything that differs between patients, by name; no history asked for."""
    return {
        name: draw(distribution, seed, f"patient value {name}, attempt {attempt}", ids)
        for name, distribution in population.distributions.items()
    }


def draw(distribution: Distribution, seed: int, purpose: str, ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """One number for each patient from a distribution, clipped to its bounds; see `Distribution`."""
    from homing.ground.keys import exponentials, normals, uniforms

    centre = distribution.centre.number
    if distribution.kind == "fixed":
        out = np.full(len(ids), centre)
    elif distribution.kind == "exponential":
        out = centre * exponentials(seed, purpose, ids)[:, 0]
    elif distribution.kind == "bernoulli":
        out = (uniforms(seed, purpose, ids)[:, 0] < centre).astype(float)
    else:
        return of_score(distribution, normals(seed, purpose, ids)[:, 0])
    return within(distribution, out)


def of_score(distribution: Distribution, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values of normal scores, within the bounds, for a distribution that is a normal one's image."""
    centre, spread = distribution.centre.number, distribution.spread.number if distribution.spread else 0.0
    if distribution.kind == "lognormal":
        out = centre * np.exp(np.sqrt(np.log1p(spread**2)) * z)
    elif distribution.kind == "logit-normal":
        out = 1 / (1 + np.exp(-(centre + spread * z)))
    else:
        out = centre + spread * z
    return within(distribution, out)


def within(distribution: Distribution, values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Values clipped to a distribution's bounds."""
    low = -np.inf if distribution.low is None else distribution.low.number
    high = np.inf if distribution.high is None else distribution.high.number
    return np.clip(values, low, high)
