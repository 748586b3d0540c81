"""Kinetics of drugs: the published two-compartment models of catalogue/drugs beside printed half-lives and levels.

simulate:
  drug: vedolizumab
  populations: {colitis: uc-moderate-severe, crohn: luminal-cd-moderate-severe}     # by arm of the store
  until: week 46
compare:
  - {ours: half-life, trial: ..., arm: colitis, what: terminal half-life, label: {en:, zh:}}
  - {ours: mean-before-dose, ...}        # at the day of the store's record, before what is given that day
  - {ours: median-peak, simulated as: colitis, ...}     # after the first dose; of another arm's patients than its own
"""

from __future__ import annotations

import math
from collections.abc import Container, Iterable, Mapping

import numpy as np

from homing.credibility.replays.asked import AskedReading, read_asked_readings
from homing.credibility.replays.cellular_kinetics import MEDIAN
from homing.credibility.replays.compared import reading_row
from homing.credibility.replays.content import Compared, Curve, Picture, Point, Replay, Replayed
from homing.credibility.replays.trial import Step, patients_of
from homing.evidence.profiles import read_profile
from homing.evidence.store import Store
from homing.ground.calendar import DAYS_PER_WEEK, read_time
from homing.ground.errors import EvidenceError
from homing.patients.cohort import Cohort
from homing.patients.scenario import POSTERIOR, scenario
from homing.protocol import catalogue
from homing.protocol.course import Protocol
from homing.protocol.product import Drug
from homing.protocol.regimen import usual_courses
from homing.study.simulator import Simulated, Simulator

#: The field that says of which arm's population the patients are, where that isn't the reading's own.
SIMULATED_AS = "simulated as"
OURS = ("half-life", "mean-before-dose", "median-peak")
#: Days after a dose at which the level is read as its peak; hardly anything has left plasma by then.
JUST_AFTER = 1e-3
#: Days between the points of a curve, and days after each dose that are among them: a drug leaves plasma fast at first.
EVERY, AFTER_DOSE = 3.5, (JUST_AFTER, 0.5, 1.0, 2.0)
_PARAMETERS = {
    "clearance": ("clearance", "L/d"),
    "central": ("volume_central", "L"),
    "peripheral": ("volume_peripheral", "L"),
    "flow": ("flow", "L/d"),
}


def terminal_half_life(clearance: float, central: float, peripheral: float, flow: float) -> float:
    """The terminal half-life (d) of two compartments with linear clearance (L/d), volumes (L) and exchange (L/d).

    The slow root of s^2 - (CL/V1 + Q/V1 + Q/V2) s + CL Q / (V1 V2) = 0.

    Example:
        >>> round(terminal_half_life(1.0, 1.0, 1e-9, 0.0), 4)
        0.6931
    """
    total = clearance / central + flow / central + flow / peripheral
    product = clearance * flow / (central * peripheral)
    if product == 0:
        return math.log(2) * central / clearance
    fast = (total + math.sqrt(total**2 - 4 * product)) / 2
    return math.log(2) * fast / product


def published(drug: Drug) -> dict[str, float]:
    """The typical clearance (L/d), volumes (L) and exchange (L/d) of a drug, as `terminal_half_life` takes them."""
    values = read_profile(drug.profile).values
    return {name: values[f"drug.{parameter}"].to(unit).number for name, (parameter, unit) in _PARAMETERS.items()}


def run_drug_kinetics(replay: Replay, store: Store, patients: int, seed: int, threads: int, step: Step) -> Replayed:
    """Half-life from the published parameters; levels in virtual patients of the populations named."""
    plan = replay.entry.part("simulate")
    required = ("drug", "populations", "until")
    plan.fields(*required, required=required)
    drug, until = catalogue.drug(plan.name_of("drug", "drugs")), read_time(plan.text("until"))
    asked = read_asked_readings(replay, store, OURS, SIMULATED_AS)
    for a in asked:
        _check(a, plan.data["populations"])
    runs = {}
    for e in plan.part("populations").each():
        arm = str(e.path[-1])
        name = plan.part("populations").name_of(arm, "populations")
        runs[arm] = _levels(drug, *patients_of(name, patients, seed, threads), until)
        step()
    rows = [_row(a, drug, runs) for a in asked]
    pictures = tuple(
        _picture(replay, store, arm, drug, run, zip(asked, rows, strict=True)) for arm, run in runs.items()
    )
    return Replayed(replay, tuple(rows), pictures, patients, seed, POSTERIOR)


def steps_of(replay: Replay) -> int:
    """How many runs `run_drug_kinetics` makes."""
    return len(replay.entry.data["simulate"]["populations"])


def _levels(drug: Drug, simulator: Simulator, cohort: Cohort, until: float) -> Simulated:
    arm = Protocol(drug.key, (), usual_courses(drug, until, simulator.population.disease), drug.name)
    given = [day for course in arm.courses for day in course.times]
    soon = [day + after for day in given for after in AFTER_DOSE if day + after < until]
    days = np.unique([*np.arange(0.0, until, EVERY), *soon, until])
    return simulator.run(cohort, arm, scenario(POSTERIOR), days)


def _patients_of(asked: AskedReading) -> str:
    """The arm whose virtual patients give ours: its own, or the one that the file names; '' for a closed form."""
    return "" if asked.ours == "half-life" else asked.part.text(SIMULATED_AS, asked.reading.arm)


def _check(asked: AskedReading, arms: Container[str]) -> None:
    arm = _patients_of(asked)
    if arm and arm not in arms:
        text = (
            f"no population is named for arm '{arm}' under `simulate`; name one, or say in `{SIMULATED_AS}` whose it is"
        )
        raise EvidenceError(f"{text}.", asked.part.where)
    if not arm and SIMULATED_AS in asked.part.data:
        raise EvidenceError("a half-life follows from parameters; no patients are simulated for it.", asked.part.where)


def _row(asked: AskedReading, drug: Drug, runs: Mapping[str, Simulated]) -> Compared:
    arm = _patients_of(asked)
    if not arm:
        return reading_row(asked, terminal_half_life(**published(drug)), is_arithmetic=True)
    is_peak = asked.ours == "median-peak"
    levels = runs[arm].concentration(drug.key)[:, runs[arm].at(JUST_AFTER if is_peak else asked.reading.day)]
    known = levels[np.isfinite(levels)]
    each = float(known.std(ddof=1)) / math.sqrt(len(known))
    if is_peak:
        return reading_row(asked, float(np.median(known)), each * MEDIAN, is_arithmetic=False)
    return reading_row(asked, float(known.mean()), each, is_arithmetic=False)


def _picture(
    replay: Replay,
    store: Store,
    arm: str,
    drug: Drug,
    run: Simulated,
    compared: Iterable[tuple[AskedReading, Compared]],
) -> Picture:
    low, middle, high = np.nanquantile(run.concentration(drug.key), [0.05, 0.5, 0.95], axis=0)
    points = []
    for asked, row in compared:
        if _patients_of(asked) == arm:
            day = 0.0 if asked.ours == "median-peak" else asked.reading.day
            points.append(Point(day / DAYS_PER_WEEK, row.against, row.low, row.high))
    label = next(store.trial(t).arms[arm].label for t in replay.trials if arm in store.trial(t).arms)
    curve = Curve(label, run.times / DAYS_PER_WEEK, middle, low, high, tuple(points))
    return Picture(label, "weeks", "mg/L", "patients", (curve,))
