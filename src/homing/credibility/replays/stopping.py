"""Relapse after a drug is stopped: virtual patients who are well on it are followed without it.

simulate:
  population: luminal-cd-moderate-severe
  drug: infliximab
  last dose: week 54             # the usual regimen from week 0 until then
  well from: week 26             # no active inflammation from then until the last dose
compare:
  - {trial: STORI, arm: stop, endpoint: relapse, week: '52'}     # weeks after the last dose
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from homing.credibility.replays.allowed import counts_of, share_bounds, share_of
from homing.credibility.replays.content import SHARE, Compared, Curve, Picture, Point, Replay, Replayed
from homing.credibility.replays.read import tolerance_of, used_for
from homing.credibility.replays.scenarios import replay_scenarios
from homing.credibility.replays.shares import INFLAMED
from homing.credibility.replays.trial import Asked, Step, patients_of, printed
from homing.credibility.replays.uses import use_of
from homing.evidence.catalogue import Entry
from homing.evidence.store import Store
from homing.ground.calendar import DAYS_PER_WEEK, read_time
from homing.ground.errors import EvidenceError
from homing.ground.proportions import monte_carlo_error
from homing.protocol import catalogue
from homing.protocol.course import Protocol
from homing.protocol.regimen import usual_courses

#: Days between two looks for a relapse.
EVERY = 7.0


def run_stopping(replay: Replay, store: Store, patients: int, seed: int, threads: int, step: Step) -> Replayed:
    """The share who relapse within the printed weeks after the last dose, of those who were well on the drug."""
    plan = replay.entry.part("simulate")
    required = ("population", "drug", "last dose", "well from")
    plan.fields(*required, required=required)
    asked = [(e.text("arm"), float(e.text("week")), _asked(replay, store, e)) for e in replay.entry.parts("compare")]
    stop, well = read_time(plan.text("last dose")), read_time(plan.text("well from"))
    end = stop + DAYS_PER_WEEK * max(week for _, week, _ in asked)
    simulator, cohort = patients_of(plan.name_of("population", "populations"), patients, seed, threads)
    drug = catalogue.drug(plan.name_of("drug", "drugs"))
    arm = Protocol("stop", (), usual_courses(drug, stop, simulator.population.disease), drug.name)
    days = np.unique([*np.arange(0.0, end, EVERY), stop, end])
    after = days[days >= stop]
    runs, followed = [], 0
    for scenario in replay_scenarios():
        run = simulator.run(cohort, arm, scenario, days)
        step()
        course, n = _relapsed(run.course_of(INFLAMED), run.times, well, stop)
        runs.append(course)
        followed = followed or n
    rows, points = [], []
    for key, week, a in asked:
        found = printed(store, a, key, week)
        at = int(np.flatnonzero(after == stop + DAYS_PER_WEEK * week)[0])
        ours = [float(course[at]) for course in runs]
        low, high = share_bounds(found)
        points.append(Point(week, share_of(found), low, high))
        term = store.outcome_terms[a.endpoint]
        rows.append(
            Compared(
                label={"en": f"{term['en']}, week {week:g}", "zh": f"{term['zh']}，第{week:g}周"},
                unit=SHARE,
                printed=share_of(found),
                as_printed=counts_of(found),
                low=low,
                high=high,
                ours=ours[0],
                source=found.source,
                at=found.at,
                ours_low=min(ours),
                ours_high=max(ours),
                error=monte_carlo_error(ours[0], followed),
                used_for=use_of(a.trial.key, key, a.endpoint, week, a.used_for),
                tolerance=a.tolerance,
            )
        )
    over = np.stack(runs)
    label = asked[0][2].trial.arms[asked[0][0]].label
    curve = Curve(label, (after - stop) / DAYS_PER_WEEK, over[0], over.min(axis=0), over.max(axis=0), tuple(points))
    return Replayed(
        replay,
        tuple(rows),
        (Picture(term, "weeks", SHARE, "scenarios", (curve,)),),
        followed,
        seed,
        replay_scenarios()[0].key,
    )


def _asked(replay: Replay, store: Store, e: Entry) -> Asked:
    required = ("trial", "arm", "endpoint", "week")
    e.fields(*required, "tolerance", "used for", required=required)
    trial = store.trial(e.one_of("trial", replay.trials))
    arm = e.one_of("arm", trial.arms)
    week = float(e.text("week"))
    return Asked(trial, e.text("endpoint"), "", "", (arm,), (week,), (), tolerance_of(replay, e), used_for(replay, e))


def _relapsed(
    ill: NDArray[np.float64], times: NDArray[np.float64], well: float, stop: float
) -> tuple[NDArray[np.float64], int]:
    """The share relapsed at each day from the stop on, and of how many who were well before it."""
    quiet = ~(ill[:, (times >= well) & (times <= stop)] == 1).any(axis=1)
    if not quiet.any():
        raise EvidenceError("no virtual patient is well on the drug; simulate more.")
    later = np.maximum.accumulate(ill[quiet][:, times >= stop] == 1, axis=1)
    return later.mean(axis=0), int(quiet.sum())
