"""Kinetics of drugs: the published two-compartment models of catalogue/drugs beside printed half-lives and levels.

simulate:
  drug: vedolizumab
  populations: {colitis: uc-moderate-severe, crohn: luminal-cd-moderate-severe}     # by arm of the store
  until: week 46
compare:
  - {ours: half-life, trial: ..., arm: colitis, what: terminal half-life, label: {en:, zh:}}
  - {ours: mean-before-dose, ...}        # at the day of the store's record, before what is given that day
  - {ours: median-peak, ...}             # after the first dose
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from homing.credibility.replays.allowed import kinetic_bounds, middle_of
from homing.credibility.replays.cellular_kinetics import MEDIAN, reading
from homing.credibility.replays.content import Compared, Curve, Picture, Point, Replay, Replayed
from homing.credibility.replays.read import tolerance_of, used_for
from homing.credibility.replays.trial import Step, patients_of
from homing.credibility.replays.uses import use_of
from homing.evidence.catalogue import Entry
from homing.evidence.profiles import read_profile
from homing.evidence.records import Kinetic
from homing.evidence.store import Store
from homing.ground.calendar import DAYS_PER_WEEK, read_time
from homing.patients.cohort import Cohort
from homing.patients.scenario import POSTERIOR, scenario
from homing.protocol import catalogue
from homing.protocol.course import Protocol
from homing.protocol.product import Drug
from homing.protocol.regimen import usual_courses
from homing.study.simulator import Simulated, Simulator

OURS = ("half-life", "mean-before-dose", "median-peak")
#: Days after a dose at which the level is read as its peak; hardly anything has left plasma by then.
JUST_AFTER = 1e-3
#: Days between the points of a curve.
EVERY = 3.5
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
    runs = {}
    for e in plan.part("populations").each():
        arm = str(e.path[-1])
        name = plan.part("populations").name_of(arm, "populations")
        runs[arm] = _levels(drug, *patients_of(name, patients, seed, threads), until)
        step()
    rows = [_row(replay, store, e, drug, runs) for e in replay.entry.parts("compare")]
    pictures = tuple(_picture(replay, store, arm, drug, run, rows) for arm, run in runs.items())
    return Replayed(replay, tuple(rows), pictures, patients, seed, POSTERIOR)


def steps_of(replay: Replay) -> int:
    """How many runs `run_drug_kinetics` makes."""
    return len(replay.entry.data["simulate"]["populations"])


def _levels(drug: Drug, simulator: Simulator, cohort: Cohort, until: float) -> Simulated:
    arm = Protocol(drug.key, (), usual_courses(drug, until, simulator.population.disease), drug.name)
    given = [day for course in arm.courses for day in course.times]
    days = np.unique([*np.arange(0.0, until, EVERY), *(day + JUST_AFTER for day in given if day < until), until])
    return simulator.run(cohort, arm, scenario(POSTERIOR), days)


def _row(replay: Replay, store: Store, e: Entry, drug: Drug, runs: Mapping[str, Simulated]) -> Compared:
    required = ("ours", "trial", "arm", "what", "label")
    e.fields(*required, "tolerance", "used for", required=required)
    trial = store.trial(e.one_of("trial", replay.trials))
    found, tolerance = reading(store, trial.key, e.text("arm"), e.text("what")), tolerance_of(replay, e)
    ours, error = _ours(e.one_of("ours", OURS), found, drug, runs)
    low, high = kinetic_bounds(found, tolerance)
    return Compared(
        label=e.both_languages("label"),
        unit=found.unit,
        printed=middle_of(found),
        as_printed=found.printed,
        low=low,
        high=high,
        ours=ours,
        source=found.source,
        at=found.at,
        error=error,
        used_for=use_of(trial.key, found.arm, found.what, found.day / DAYS_PER_WEEK, used_for(replay, e)),
        tolerance=tolerance,
    )


def _ours(how: str, found: Kinetic, drug: Drug, runs: Mapping[str, Simulated]) -> tuple[float, float]:
    """Ours and its Monte Carlo standard error."""
    if how == "half-life":
        return terminal_half_life(**published(drug)), 0.0
    run = runs.get(found.arm) or next(iter(runs.values()))
    day = JUST_AFTER if how == "median-peak" else found.day
    levels = run.concentration(drug.key)[:, run.at(day)]
    each = float(np.nanstd(levels, ddof=1)) / math.sqrt(len(levels))
    if how == "median-peak":
        return float(np.nanmedian(levels)), each * MEDIAN
    return float(np.nanmean(levels)), each


def _picture(replay: Replay, store: Store, arm: str, drug: Drug, run: Simulated, rows: list[Compared]) -> Picture:
    low, middle, high = np.nanquantile(run.concentration(drug.key), [0.05, 0.5, 0.95], axis=0)
    points = []
    for e, row in zip(replay.entry.parts("compare"), rows, strict=True):
        how, found = e.text("ours"), reading(store, e.text("trial"), e.text("arm"), e.text("what"))
        if how == "median-peak" or (how == "mean-before-dose" and found.arm == arm):
            day = 0.0 if how == "median-peak" else found.day
            points.append(Point(day / DAYS_PER_WEEK, row.printed, row.low, row.high))
    label = next(store.trial(t).arms[arm].label for t in replay.trials if arm in store.trial(t).arms)
    curve = Curve(label, run.times / DAYS_PER_WEEK, middle, low, high, tuple(points))
    return Picture(label, "weeks", "mg/L", "patients", (curve,))
