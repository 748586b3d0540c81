"""Relapse after infliximab is stopped: what the design changes and what a simulated cohort reports.

Patients with active luminal Crohn's disease are given infliximab for a year. Those without active inflammation in the
last half year stop, as cohorts of stopping ask for half a year without steroids; they relapse when inflammation is
active again. What such cohorts call a relapse is clinical (symptoms that need treatment), what is read here is the
mucosa; bias and centre are the hierarchical model's. An antimetabolite that some went on with is not modelled.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homing.biology.profiles import profile_values
from homing.credibility.calibration.factors import Factor, factor_of
from homing.evidence.records import Counts
from homing.ground.calendar import DAYS_PER_WEEK
from homing.patients.population import Population, population
from homing.patients.scenario import PLAIN
from homing.protocol import catalogue
from homing.protocol.course import Protocol
from homing.protocol.regimen import usual_courses
from homing.study.machines import DISEASE, NO_DRUG, NO_PRODUCT, common
from homing.study.simulator import Simulated, Simulator

POPULATION, DRUG = "luminal-cd-moderate-severe", "infliximab"
#: The week at which infliximab is stopped: an infusion is due and not given.
STOPPED = 54
#: Weeks without active inflammation that are asked for before.
WELL_FOR = 26
#: Weeks after the stop at which cohorts report, and from which to which they are followed on.
WEEKS = (13, 26, 52, 68, 97, 104)
BETWEEN = ((13, 26), (26, 52), (52, 97), (52, 104))
#: Days between looks at the mucosa.
EVERY = 14.0
Arm = Literal["stopped", "continued"]


def factors() -> tuple[Factor, ...]:
    """What the design changes: how fast memory forms anew, and how often the gut is challenged."""
    return memory_priming(), gut_flares()


@functools.lru_cache(maxsize=1)
def memory_priming() -> Factor:
    """The factor on new pathogenic memory from naive cells."""
    value = profile_values(common().system, DISEASE, NO_PRODUCT, NO_DRUG)["tcells.k_priming"]
    because = "range of the rate in the profile of the disease, which was set by hand"
    return factor_of("memory_priming", ("tcells.k_priming",), value, because)


@functools.lru_cache(maxsize=1)
def gut_flares() -> Factor:
    """The factor on the rate of random challenges to the gut."""
    because = "range of the rate in the population; its value was set in view of STORI, its range was not"
    return factor_of("gut_flares", ("flares.rate",), population(POPULATION).flares.rate, because)


def outputs(arm: Arm = "stopped") -> tuple[str, ...]:
    """The names of what `simulate` returns.

    `relapsed-WEEK` of all who were well, by that week after the stop; `relapsed-FROM-to-WEEK` of those who had not
    relapsed by the earlier week; with infliximab continued, `relapsed-on-drug-WEEK` and so on.
    """
    begin = "relapsed" if arm == "stopped" else "relapsed-on-drug"
    return (*(f"{begin}-{week}" for week in WEEKS), *(f"{begin}-{a}-to-{b}" for a, b in BETWEEN))


def simulate(
    theta: Mapping[str, float], patients: int, seed: int, threads: int = 1, *, arm: Arm = "stopped"
) -> dict[str, Counts]:
    """A cohort that stops (or goes on with) infliximab: how many of those who were well have relapsed by each week.

    Arguments:
        theta: factors by key (see `factors`); 1 for one that isn't named.
        patients: how many are given infliximab; under half of them are well a year later and are counted.
        seed: who the patients are and when the gut is challenged; the same for every theta.

    Returns: counts by the names of `outputs`.
    """
    simulator = Simulator(with_flares(population(POPULATION), theta.get("gut_flares", 1.0)), seed, threads)
    cohort = simulator.cohort(np.arange(patients))
    stop = STOPPED * DAYS_PER_WEEK
    end = stop + WEEKS[-1] * DAYS_PER_WEEK
    courses = usual_courses(catalogue.drug(DRUG), stop - 1 if arm == "stopped" else end)
    looks = {week: stop + week * DAYS_PER_WEEK for week in WEEKS}
    days = np.unique([*np.arange(stop - WELL_FOR * DAYS_PER_WEEK, end, EVERY), stop, *looks.values()])
    changes = {name: theta.get("memory_priming", 1.0) for name in memory_priming().multiplies}
    run = simulator.run(cohort, Protocol(arm, (), courses), PLAIN, days, changes=changes)
    course = relapsed(run, stop - WELL_FOR * DAYS_PER_WEEK, stop)
    well = np.isfinite(course[:, 0])
    by = {week: course[well, run.at(day)] == 1 for week, day in looks.items()}
    found = [Counts(int(by[week].sum()), int(well.sum())) for week in WEEKS]
    found += [Counts(int((by[b] & ~by[a]).sum()), int((~by[a]).sum())) for a, b in BETWEEN]
    return dict(zip(outputs(arm), found, strict=True))


def relapsed(run: Simulated, well_from: float, stop: float) -> NDArray[np.float64]:
    """(patient, time) 1 from the first active inflammation after the stop on, 0 before; NaN throughout for who was not
    without active inflammation from day `well_from` to the stop, or whose simulation failed."""
    active = run.course_of("active-inflammation") == 1
    before = (run.times >= well_from) & (run.times <= stop)
    well = ~active[:, before].any(axis=1) & ~np.isnan(run["innate.activation"]).any(axis=1)
    course = np.maximum.accumulate(active & (run.times > stop), axis=1).astype(float)
    course[~well] = np.nan
    return course


def with_flares(found: Population, factor: float) -> Population:
    """The population with its rate of flares multiplied."""
    rate = found.flares.rate
    return replace(found, flares=replace(found.flares, rate=replace(rate, number=rate.number * factor)))
