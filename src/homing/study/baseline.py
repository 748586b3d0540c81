"""The baseline of virtual patients, as a trial's table would describe them, and the weights to such a table.

CRP, calprotectin and the clinical scores are what is read of the model's state at week 0, with the noise of readings:
the same numbers that a study's results hold for that visit. What the model lacks is drawn given them. To that end a
reading becomes a normal score by its rank in a reference cohort of the same population, which is always the same, so
that a patient's covariates depend on the seed and the patient's number alone.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.patients.baseline_table import Table
from homing.patients.cohort import Cohort
from homing.patients.covariates import (
    MARKERS,
    OWN_UNITS,
    Covariates,
    covariates,
    draw_covariates,
    score_of_draw,
)
from homing.patients.population import population
from homing.patients.scenario import scenarios
from homing.patients.weighting import Weighted, weigh
from homing.protocol.course import Protocol
from homing.study.simulator import Simulator

#: The reference cohort, and how many patients are settled at a time.
REFERENCE_PATIENTS, REFERENCE_SEED, AT_A_TIME = 2000, 0, 5000

Columns = dict[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Reference:
    """The known quantities of a population's correlations in its reference cohort.

    `sorted` the readings of each marker from low to high; `known` the correlations among the scores of
    `Covariates.known`: of what the population draws none, each being drawn apart; of markers those of the model.
    """

    sorted: Mapping[str, NDArray[np.float64]]
    known: NDArray[np.float64]


def baseline(simulator: Simulator, ids: NDArray[np.int64]) -> Columns:
    """Covariates and markers of patients at week 0, (patient,) each, by name; NaN where a simulation failed."""
    ids = np.asarray(ids, dtype=np.int64)
    parts = [_baseline(simulator, ids[i : i + AT_A_TIME]) for i in range(0, len(ids), AT_A_TIME)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _baseline(simulator: Simulator, ids: NDArray[np.int64]) -> Columns:
    cohort = simulator.cohort(ids)
    seen = readings(simulator, cohort)
    found = covariates(simulator.population.key)
    own: Columns = {name: cohort.values[name] for name in OWN_UNITS if name in cohort.values}
    if not found.covariates:
        return {**own, **seen}
    reference = reference_of(simulator.population.key)
    drawn = draw_covariates(
        found, simulator.seed, ids, own, _scores(found, cohort, seen, reference.sorted), reference.known
    )
    return {**own, **drawn, **seen}


def readings(simulator: Simulator, cohort: Cohort) -> Columns:
    """What is read of the model at week 0, before anything is given: (patient,) each, by marker."""
    run = simulator.run(cohort, Protocol("baseline"), scenarios()[0], [0.0])
    return {name: run.outcome(name, 0.0) for name in MARKERS}


@functools.lru_cache(maxsize=16)
def reference_of(key: str) -> Reference:
    """The reference cohort of a population: its first patients under a seed of its own."""
    simulator = Simulator(population(key), REFERENCE_SEED)
    found = covariates(key)
    cohort = simulator.cohort(np.arange(REFERENCE_PATIENTS))
    seen = readings(simulator, cohort) if set(found.known) & set(MARKERS) else {}
    ranked = {name: np.sort(values[np.isfinite(values)]) for name, values in seen.items()}
    known = np.eye(len(found.known))
    scores = _scores(found, cohort, seen, ranked)
    for i, a in enumerate(found.known):
        for j, b in enumerate(found.known[:i]):
            if a in MARKERS or b in MARKERS:
                known[i, j] = known[j, i] = np.corrcoef(scores[a], scores[b])[0, 1]
    return Reference(ranked, known)


def _scores(of: Covariates, cohort: Cohort, seen: Columns, ranked: Mapping[str, NDArray[np.float64]]) -> Columns:
    """The normal scores of what the correlations join covariates with; a missing reading counts as the median."""
    return {
        name: rank_score(seen[name], ranked[name])
        if name in MARKERS
        else score_of_draw(cohort.population, name, cohort.seed, cohort.ids, cohort.attempts)
        for name in of.known
    }


def rank_score(values: NDArray[np.float64], ranked: NDArray[np.float64]) -> NDArray[np.float64]:
    """Normal scores of values by their rank among sorted ones; a missing value has score 0."""
    from scipy.special import ndtri

    steps = ndtri((np.arange(len(ranked)) + 0.5) / len(ranked))
    return np.where(np.isfinite(values), np.interp(values, ranked, steps), 0.0)


def weigh_cohort(simulator: Simulator, patients: int, table: Table) -> tuple[Columns, Weighted]:
    """The baseline of the first patients of a study and their weights to a table. Raises: as `weigh`."""
    columns = baseline(simulator, np.arange(patients))
    return columns, weigh(columns, table)
