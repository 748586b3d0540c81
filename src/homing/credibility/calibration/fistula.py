"""Fistulas: the trials' arms simulated at any values of the unknowns, and how the trials observe them.

An output is a regimen's share at a visit: in combined or clinical remission; in remission still, of those who were at
week 24; newly in it, of those who were not.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from homing.credibility.split import Row, RowSet, rows_of
from homing.evidence.catalogue import Entry
from homing.evidence.records import Trial
from homing.ground.calendar import DAYS_PER_WEEK, read_time
from homing.patients.cohort import Cohort
from homing.patients.population import Population, population
from homing.patients.scenario import PLAIN
from homing.protocol import catalogue
from homing.protocol.course import Course, PlannedProcedure, Protocol
from homing.protocol.regimen import read_dose
from homing.study.simulator import Simulated, Simulator

DOMAIN = "fistula"
POPULATION = "perianal-fistula-refractory-cd"
#: The product whose cells stand for all; MSC products at equal dose are alike to the model.
PRODUCT = "darvadstrocel"
PROCEDURE = "curettage-and-seton-removal"
#: The visit at which those are counted who keep a remission or come into one later.
FIRST_VISIT = 24.0
#: The model's endpoint for a trial's: healing by a trial's own definition is read as combined remission, with a term.
READ_AS = {
    "combined-remission": "combined-remission",
    "clinical-remission-fistula": "clinical-remission-fistula",
    "fistula-healing": "combined-remission",
    "sustained-remission": "combined-remission",
}


@dataclass(frozen=True)
class Output:
    """A share that is simulated and emulated: of whom, what, when."""

    regimen: str
    endpoint: str
    week: float
    how: str  # binomial | kept | gained

    @property
    def key(self) -> str:
        """Its name: '120-million, combined-remission, week 24'."""
        told = f"{self.regimen}, {self.endpoint}, week {self.week:g}"
        return told if self.how == "binomial" else f"{told}, {self.how}"


@dataclass(frozen=True)
class Observed:
    """How a row's trial observes its output.

    `others` is 1 for fistulas without Crohn's disease, `own` where healing is by the trial's own definition, `open` in
    arms with cells of trials that weren't blinded or had no control, `completers` where only those who completed are
    counted; `decades` from 2014; `centres` that took part.
    """

    trial: str
    output: Output
    others: float
    own: float
    open: float
    completers: float
    decades: float
    centres: float


def output_of(row: Row) -> Output:
    """The output that a row is a sample of."""
    return Output(row.regimen, READ_AS[row.endpoint], row.week, row.how)


def outputs(sets: Sequence[RowSet]) -> tuple[Output, ...]:
    """The outputs of all rows, each once, in the order of the rows."""
    return tuple(dict.fromkeys(output_of(row) for s in sets for row in s.rows))


def all_outputs() -> tuple[Output, ...]:
    """The outputs of calibration and hold-out: what is simulated needs no result of a trial."""
    return outputs([rows_of("calibration", DOMAIN), rows_of("holdout", DOMAIN)])


def observed(row: Row, trial: Trial, analysis: str) -> Observed:
    """How a row's trial observes it, from the store's account of the trial."""
    controlled = any(arm.role == "control" for arm in trial.arms.values())
    cells = trial.arms[row.arm].role == "candidate"
    return Observed(
        row.trial,
        output_of(row),
        others=float(trial.disease != "crohn"),
        own=float(row.endpoint == "fistula-healing"),
        open=float(cells and not (controlled and trial.blinded)),
        completers=float(analysis in ("evaluable", "per-protocol")),
        decades=((trial.year or 2014) - 2014) / 10,
        centres=float(trial.sites or 1),
    )


@functools.lru_cache(maxsize=1)
def regimens() -> Mapping[str, Protocol]:
    """The protocols of both sets' regimens, by name."""
    found: dict[str, Protocol] = {}
    for s in (rows_of("calibration", DOMAIN), rows_of("holdout", DOMAIN)):
        for name, told in (s.regimens or {}).items():
            found[name] = _protocol(name, told)
    return found


def regimens_told() -> dict[str, str]:
    """What the files say of each regimen's doses, by name, by which a design knows its own."""
    sets = (rows_of("calibration", DOMAIN), rows_of("holdout", DOMAIN))
    return {name: repr(told.data.get("doses")) for s in sets for name, told in (s.regimens or {}).items()}


def _protocol(name: str, told: Entry) -> Protocol:
    told.fields("doses", "because", required=("because",))
    product = catalogue.product(PRODUCT)
    courses = []
    for dose in told.parts("doses"):
        dose.fields("at", "dose", required=("at", "dose"))
        route, carrier = catalogue.route("intralesional"), catalogue.carrier("suspension")
        at = read_time(dose.text("at"))
        courses.append(Course(product, PRODUCT, route, read_dose(dose.text("dose")), (at,), carrier))
    return Protocol(name, (PlannedProcedure(catalogue.procedure(PROCEDURE), 0.0),), tuple(courses))


@dataclass(frozen=True)
class Cohorts:
    """Patients who are drawn once and simulated at every point, so that points differ by the unknowns alone."""

    simulator: Simulator
    cohort: Cohort

    def events(
        self, changes: Mapping[str, float], wanted: Sequence[Output]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Events and patients (output,) at factors on the mechanism's values by full name."""
        events, patients = np.zeros(len(wanted), np.int64), np.zeros(len(wanted), np.int64)
        for name in dict.fromkeys(output.regimen for output in wanted):
            mine = [i for i, output in enumerate(wanted) if output.regimen == name]
            weeks = sorted({FIRST_VISIT, *(wanted[i].week for i in mine)})
            run = self.run(regimens()[name], changes, np.array(weeks) * DAYS_PER_WEEK)
            for i in mine:
                met = run.outcome(wanted[i].endpoint, wanted[i].week * DAYS_PER_WEEK)
                first = run.outcome(wanted[i].endpoint, FIRST_VISIT * DAYS_PER_WEEK)
                among = {"kept": first == 1, "gained": first == 0}.get(wanted[i].how, ~np.isnan(met))
                among = among & ~np.isnan(met)
                events[i], patients[i] = int(met[among].sum()), int(among.sum())
        return events, patients

    def run(self, protocol: Protocol, changes: Mapping[str, float], days: NDArray[np.float64]) -> Simulated:
        """The patients under one protocol, observed on `days`, at factors on the mechanism's values by full name."""
        rate = changes.get("tract_flares.rate", 1.0)
        cohort = replace(self.cohort, population=_reopening(self.cohort.population, rate))
        rest = {name: factor for name, factor in changes.items() if name != "tract_flares.rate"}
        return self.simulator.run(cohort, protocol, PLAIN, days, changes=rest)


def cohorts(patients: int, seed: int, threads: int = 1) -> Cohorts:
    """The patients of the design."""
    simulator = Simulator(population(POPULATION), seed, threads)
    return Cohorts(simulator, simulator.cohort(np.arange(patients)))


def _reopening(who: Population, factor: float) -> Population:
    """A population whose closed tracts reopen `factor` times as often."""
    if who.tract_flares is None:
        return who
    rate = who.tract_flares.rate
    return replace(who, tract_flares=replace(who.tract_flares, rate=replace(rate, number=rate.number * factor)))
