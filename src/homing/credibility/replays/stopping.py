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

from homing.credibility.calibration.relapse import relapsed
from homing.credibility.replays.allowed import share_bounds, share_of
from homing.credibility.replays.asked import printed, read_asked_one
from homing.credibility.replays.compared import share_row
from homing.credibility.replays.content import SHARE, Curve, Picture, Point, Replay, Replayed
from homing.credibility.replays.scenarios import replay_scenarios
from homing.credibility.replays.trial import Step, patients_of
from homing.evidence.store import Store
from homing.ground.calendar import DAYS_PER_WEEK, read_time
from homing.ground.errors import EvidenceError
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
    asked = read_asked_one(replay, store)
    stop, well = read_time(plan.text("last dose")), read_time(plan.text("well from"))
    end = stop + DAYS_PER_WEEK * max(week for a in asked for week in a.weeks)
    simulator, cohort = patients_of(plan.name_of("population", "populations"), patients, seed, threads)
    drug = catalogue.drug(plan.name_of("drug", "drugs"))
    arm = Protocol("stop", (), usual_courses(drug, stop, simulator.population.disease), drug.name)
    days = np.unique([*np.arange(0.0, end, EVERY), stop, end])
    runs = []
    for scenario in replay_scenarios():
        run = simulator.run(cohort, arm, scenario, days)
        step()
        runs.append(relapsed(run, well, stop)[:, run.times >= stop])
    followed = [int(np.isfinite(run[:, 0]).sum()) for run in runs]
    if not all(followed):
        raise EvidenceError("no virtual patient is well on the drug; simulate more.")
    after, over = days[days >= stop] - stop, np.stack([np.nanmean(run, axis=0) for run in runs])
    rows, points = [], []
    for a in asked:
        (key,), (week,) = a.arms, a.weeks
        found, term = printed(store, a, key, week), store.outcome_terms[a.endpoint]
        at = int(np.flatnonzero(after == DAYS_PER_WEEK * week)[0])
        points.append(Point(week, share_of(found), *share_bounds(found)))
        said = {"en": f"{term['en']}, week {week:g}", "zh": f"{term['zh']}，第{week:g}周"}
        rows.append(share_row(store, a, key, week, [float(x) for x in over[:, at]], followed[0], said))
    first = asked[0]
    label, term = first.trial.arms[first.arms[0]].label, store.outcome_terms[first.endpoint]
    curve = Curve(label, after / DAYS_PER_WEEK, over[0], over.min(axis=0), over.max(axis=0), tuple(points))
    picture = Picture(term, "weeks", SHARE, "scenarios", (curve,))
    return Replayed(replay, tuple(rows), (picture,), followed[0], seed, replay_scenarios()[0].key)
