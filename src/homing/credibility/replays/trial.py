"""Trials again in virtual patients: each arm of the store's record as it was treated, the same endpoint and weeks.

    simulate:
      population: perianal-fistula-refractory-cd
      procedures: [curettage-and-seton-removal]
      doses: {higher: 1e8 cells}          # of arms for which the store has no single dose (optional)
    compare:
      - {trial: ADMIRE-CD, endpoint: combined-remission, how: endpoint, reads: combined-remission,
         arms: [cells, placebo], weeks: ['24', '52'], difference: [cells, placebo]}

Product and dose of an arm are those of the store's record; route, carrier and day those of the usual regimen.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace

import numpy as np

from homing.credibility.replays.allowed import share_bounds, share_of
from homing.credibility.replays.asked import Asked, printed, read_asked
from homing.credibility.replays.compared import difference_row, share_row
from homing.credibility.replays.content import CERTAIN, SHARE, Compared, Curve, Picture, Point, Replay, Replayed
from homing.credibility.replays.scenarios import replay_scenarios
from homing.credibility.replays.shares import SUSTAINED_FROM, counted, course
from homing.evidence.catalogue import Entry
from homing.evidence.records import Arm
from homing.evidence.store import Store
from homing.ground.calendar import DAYS_PER_WEEK
from homing.ground.proportions import paired_difference
from homing.patients.cohort import Cohort
from homing.patients.population import population
from homing.protocol import catalogue
from homing.protocol.course import Dose, PlannedProcedure, Protocol
from homing.protocol.regimen import read_dose, usual_courses
from homing.study.simulator import Simulated, Simulator

#: Days between the points of a curve.
EVERY = 7.0
Step = Callable[[], None]


def run_trial(replay: Replay, store: Store, patients: int, seed: int, threads: int, step: Step) -> Replayed:
    """Simulate every arm under every scenario and set shares and differences beside the printed ones."""
    asked, plan = read_asked(replay, store), replay.entry.part("simulate")
    plan.fields("population", "procedures", "doses", required=("population",))
    simulator, cohort = patients_of(plan.name_of("population", "populations"), patients, seed, threads)
    last = DAYS_PER_WEEK * max(week for a in asked for week in a.weeks)
    visits = [DAYS_PER_WEEK * week for a in asked for week in a.weeks]
    days = np.unique([*np.arange(0.0, last, EVERY), SUSTAINED_FROM, *visits])
    runs: dict[str, list[Simulated]] = {}
    for a in asked:
        for arm in a.arms:
            if arm not in runs:
                protocol = protocol_of(plan, a.trial.arms[arm], last)
                runs[arm] = []
                for scenario in replay_scenarios():
                    runs[arm].append(simulator.run(cohort, protocol, scenario, days[days <= last]))
                    step()
    rows = [row for a in asked for row in _rows(store, a, runs)]
    pictures = [_picture(store, a, runs) for a in asked if a.how != "sustained"]
    return Replayed(replay, tuple(rows), tuple(pictures), patients, seed, replay_scenarios()[0].key)


def steps_of(replay: Replay, store: Store) -> int:
    """How many runs `run_trial` makes."""
    return len({arm for a in read_asked(replay, store) for arm in a.arms}) * len(replay_scenarios())


@functools.lru_cache(maxsize=8)
def patients_of(name: str, patients: int, seed: int, threads: int) -> tuple[Simulator, Cohort]:
    """The simulator of a population with its patients; replays of one population share them."""
    simulator = Simulator(population(name), seed, threads=threads)
    return simulator, simulator.cohort(np.arange(patients))


def protocol_of(plan: Entry, arm: Arm, until: float) -> Protocol:
    """What an arm was given: its procedures, and its product at the dose of the store."""
    procedures = tuple(PlannedProcedure(catalogue.procedure(k), 0.0) for k in plan.names_of("procedures", "procedures"))
    if not arm.product:
        return Protocol(arm.key, procedures)
    courses = usual_courses(catalogue.product(arm.product), until)
    doses = plan.data.get("doses") or {}
    if arm.key in doses:
        courses = tuple(replace(course, dose=read_dose(plan.part("doses").text(arm.key))) for course in courses)
    elif arm.dose is not None:
        given = Dose(arm.dose, "cell", arm.dose_per_kg)
        courses = tuple(replace(course, dose=given) for course in courses)
    return Protocol(arm.key, procedures, courses)


def _label(store: Store, asked: Asked, arm: str, week: float) -> Mapping[str, str]:
    term, said = store.outcome_terms[asked.endpoint], asked.trial.arms[arm].label
    return {
        "en": f"{said['en']}: {term['en']}, week {week:g}",
        "zh": f"{said['zh']}：{term['zh']}，第{week:g}周",
    }


def _rows(store: Store, a: Asked, runs: Mapping[str, list[Simulated]]) -> Iterator[Compared]:
    for week in a.weeks:
        day = week * DAYS_PER_WEEK
        for arm in a.arms:
            each = [counted(run, a.how, a.reads, day) for run in runs[arm]]
            ours = [float(np.nanmean(column)) for column in each]
            yield share_row(store, a, arm, week, ours, int(np.isfinite(each[0]).sum()), _label(store, a, arm, week))
        if a.difference:
            yield _difference(store, a, week, runs)


def _difference(store: Store, a: Asked, week: float, runs: Mapping[str, list[Simulated]]) -> Compared:
    one, other = a.difference
    day = week * DAYS_PER_WEEK
    pairs = [
        paired_difference(counted(x, a.how, a.reads, day), counted(y, a.how, a.reads, day))
        for x, y in zip(runs[one], runs[other], strict=True)
    ]
    error = (pairs[0][2] - pairs[0][0]) / CERTAIN
    term = store.outcome_terms[a.endpoint]
    label = {"en": f"difference: {term['en']}, week {week:g}", "zh": f"差异：{term['zh']}，第{week:g}周"}
    return difference_row(store, a, week, [pair[0] for pair in pairs], error, label)


def _picture(store: Store, a: Asked, runs: Mapping[str, list[Simulated]]) -> Picture:
    curves = []
    for arm in a.arms:
        days = runs[arm][0].times
        days = days[np.isin(days, np.arange(0.0, days[-1] + EVERY, EVERY)) | (days == days[-1])]
        over = np.stack([course(run, a.how, a.reads, days) for run in runs[arm]])
        points = []
        for week in a.weeks:
            found = printed(store, a, arm, week)
            points.append(Point(week, share_of(found), *share_bounds(found)))
        label = a.trial.arms[arm].label
        curves.append(Curve(label, days / DAYS_PER_WEEK, over[0], over.min(axis=0), over.max(axis=0), tuple(points)))
    term, first = store.outcome_terms[a.endpoint], a.trial.arms[a.arms[0]].label
    title = term if len(a.arms) > 1 else {"en": f"{first['en']}: {term['en']}", "zh": f"{first['zh']}：{term['zh']}"}
    return Picture(title, "weeks", SHARE, "scenarios", tuple(curves))
