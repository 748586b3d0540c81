"""Reset by conditioning and transplantation: what the design changes and what a simulated cohort reports.

Patients for whom biologics failed are conditioned and given their own stem cells. They are free of relapse as long as
inflammation is not active from day 120 on, when the gut has had time to heal; a patient whom the reset never healed
counts as relapsed then. Cohorts report medicines restarted, which is read as relapse. Nobody is treated again, so a
cohort that counts remission under later medicines has more of it than is simulated.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from dataclasses import replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from homing.credibility.calibration.factors import INTERVAL_HOLDS, Factor, factor_of
from homing.credibility.calibration.relapse import gut_flares, memory_priming, with_flares
from homing.evidence.records import Counts
from homing.evidence.store import Store
from homing.ground.calendar import DAYS_PER_WEEK, DAYS_PER_YEAR
from homing.ground.keys import normals
from homing.patients.cohort import Cohort
from homing.patients.population import population
from homing.patients.scenario import PLAIN
from homing.protocol import catalogue
from homing.protocol.course import PlannedProcedure, Protocol
from homing.protocol.regimen import usual_courses
from homing.study.simulator import Simulated, Simulator
from homing.synthesis.bayes import TAU_SCALE

POPULATION, PRODUCT, PROCEDURE = "refractory-luminal-cd-hsct", "autologous-hsct", "hsct-conditioning"
#: The published pool of deaths by transplantation.
DEATHS = "qiu-2017-hsct-transplant-related-mortality"
#: From when on inflammation counts as a relapse, in days.
RELAPSE_FROM = 120.0
#: Weeks after conditioning at which cohorts report who is free of relapse, and who is in remission.
FREE_WEEKS = (52, 104, 156, 208, 260)
REMISSION_WEEKS = (26, *FREE_WEEKS)
ENDOSCOPY_WEEKS = (52, 104)
#: Days between looks at the mucosa.
EVERY = 14.0


def factors() -> tuple[Factor, ...]:
    """What the design changes: how much memory outlives conditioning, how fast it forms anew, challenges to the gut."""
    return reset_depth(), memory_priming(), gut_flares()


@functools.lru_cache(maxsize=1)
def reset_depth() -> Factor:
    """The factor on the share of pathogenic T cells that outlives conditioning: below 1 is a deeper reset."""
    changes = catalogue.procedure(PROCEDURE).changes
    value = next(change.value for change in changes if change.state == "tcells.memory")
    because = "range of the share that outlives the regimen in the procedure; no count before and after was found"
    return factor_of("reset_depth", ("memory_survival",), value, because)


def outputs() -> tuple[str, ...]:
    """The names of what `simulate` returns.

    `free-WEEK` of all; `free-FROM-to-WEEK` of those still free at the earlier week; `drug-free-remission-WEEK`,
    `endoscopic-remission-WEEK` and `clinical-remission-WEEK` of all at that visit.
    """
    between = [f"free-{a}-to-{b}" for a, b in itertools.pairwise(FREE_WEEKS)]
    at_visits = [f"drug-free-remission-{week}" for week in REMISSION_WEEKS]
    at_visits += [f"{kind}-remission-{week}" for week in ENDOSCOPY_WEEKS for kind in ("endoscopic", "clinical")]
    return (*(f"free-{week}" for week in FREE_WEEKS), *between, *at_visits)


def simulate(theta: Mapping[str, float], patients: int, seed: int, threads: int = 1) -> dict[str, Counts]:
    """A transplanted cohort followed for five years; see `outputs` for what is counted.

    Arguments:
        theta: factors by key (see `factors`); 1 for one that isn't named.
        seed: who the patients are and when the gut is challenged; the same for every theta.
    """
    run = _run(theta, patients, seed, threads, FREE_WEEKS[-1])
    course = free_of_relapse(run)
    alive = np.isfinite(course[:, 0])
    free = {week: course[:, run.at(week * DAYS_PER_WEEK)] == 1 for week in FREE_WEEKS}
    counted = {f"free-{week}": Counts(int(free[week].sum()), int(alive.sum())) for week in FREE_WEEKS}
    for a, b in itertools.pairwise(FREE_WEEKS):
        counted[f"free-{a}-to-{b}"] = Counts(int(free[b].sum()), int(free[a].sum()))
    for week in REMISSION_WEEKS:
        counted[f"drug-free-remission-{week}"] = _met(run, "drug-free-remission", week)
    for week in ENDOSCOPY_WEEKS:
        counted[f"endoscopic-remission-{week}"] = _met(run, "endoscopic-remission", week)
        counted[f"clinical-remission-{week}"] = _met(run, "cdai-remission", week)
    return {name: counted[name] for name in outputs()}


def free_of_relapse(run: Simulated) -> NDArray[np.float64]:
    """(patient, time) 1 until the first active inflammation from day `RELAPSE_FROM` on, then 0; NaN throughout for a
    patient whose simulation failed."""
    relapsed = (run.course_of("active-inflammation") == 1) & (run.times >= RELAPSE_FROM)
    free = 1.0 - np.maximum.accumulate(relapsed, axis=1)
    free[np.isnan(run["innate.activation"]).any(axis=1)] = np.nan
    return np.asarray(free)


def death_risks(patients: int, seed: int, weeks: float, threads: int = 1) -> NDArray[np.float64]:
    """(patient,) risk to die of the transplantation by a week, from conditioning's hazard; no factor acts on it."""
    run = _run({}, patients, seed, threads, weeks)
    hazard = run["treatment_death_hazard"]
    return np.asarray(-np.expm1(-np.trapezoid(hazard, run.times / DAYS_PER_YEAR, axis=1)))


def death_prior(store: Store, draws: int, seed: int) -> NDArray[np.float64]:
    """(draw,) risk to die of a transplantation in one more series, as older ones have it; normal on the logit.

    The printed interval is that of the pooled mean. Series differ about it by a standard deviation that was not
    printed, nor the counts from which it follows; it is drawn from the half-normal prior that Bayesian pooling has for
    it. Not what the mechanism's hazard says (see `death_risks`), which was set in view of fewer and later deaths.
    """
    printed = store.meta_analysis(DEATHS).printed
    low, middle, high = (np.log(printed[k] / (1 - printed[k])) for k in ("low", "estimate", "high"))
    error = (high - low) / (2 * NormalDist().inv_cdf(0.5 + INTERVAL_HOLDS / 2))
    of_mean, between, series = normals(seed, "risk to die of a transplantation", np.arange(draws), 3).T
    return np.asarray(expit(middle + error * of_mean + TAU_SCALE * np.abs(between) * series))


def _run(theta: Mapping[str, float], patients: int, seed: int, threads: int, weeks: float) -> Simulated:
    simulator = Simulator(with_flares(population(POPULATION), theta.get("gut_flares", 1.0)), seed, threads)
    cohort = _reset(simulator.cohort(np.arange(patients)), theta.get("reset_depth", 1.0))
    end = weeks * DAYS_PER_WEEK
    visits = [week * DAYS_PER_WEEK for week in REMISSION_WEEKS if week <= weeks]
    days = np.unique([*np.arange(0.0, 60.0, 2.0), *np.arange(0.0, end, EVERY), *visits, end])
    procedure = PlannedProcedure(catalogue.procedure(PROCEDURE), 0.0)
    protocol = Protocol("transplantation", (procedure,), usual_courses(catalogue.product(PRODUCT), end))
    changes = {name: theta.get("memory_priming", 1.0) for name in memory_priming().multiplies}
    return simulator.run(cohort, protocol, PLAIN, days, changes=changes)


def _reset(cohort: Cohort, factor: float) -> Cohort:
    """The cohort with the share of memory that outlives conditioning multiplied; no more than all outlives it."""
    values = {
        **cohort.values,
        **{name: np.minimum(cohort.values[name] * factor, 1) for name in reset_depth().multiplies},
    }
    return replace(cohort, values=values)


def _met(run: Simulated, key: str, week: int) -> Counts:
    met = run.outcome(key, week * DAYS_PER_WEEK)
    return Counts(int(np.nansum(met)), int(np.isfinite(met).sum()))
