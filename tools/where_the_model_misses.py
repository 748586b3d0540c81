"""Simulate every row of catalogue/misses and write the shares and the page that shows them beside the evidence.

Run after a change of the mechanism, of a value or of a population: `python tools/where_the_model_misses.py`. It writes
src/homing/catalogue/misses-simulated.yaml and docs/explanation/where-the-model-misses.md; `--page` writes the page
alone.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

from homing.answers.case import simulated_share
from homing.answers.misses import SIMULATED, Miss, Row, misses, side, simulated
from homing.credibility.replays.shares import counted
from homing.evidence.records import Outcome
from homing.evidence.root import catalogue_root
from homing.evidence.store import Store, load_store
from homing.ground.calendar import DAYS_PER_WEEK, DAYS_PER_YEAR
from homing.patients.population import population
from homing.patients.scenario import POSTERIOR, scenario
from homing.protocol import catalogue
from homing.protocol.course import PlannedProcedure, Protocol
from homing.protocol.regimen import read_dose, usual_courses
from homing.report.words import Words
from homing.study.simulator import Simulator

PATIENTS, SEED = 800, 39
WORDS = Words("en")
PAGE = Path(__file__).parent.parent / "docs" / "explanation" / "where-the-model-misses.md"
EVERY = 14.0


def simulate(miss: Miss, row: Row) -> tuple[float, float, float]:
    """Low end, mean and high end of the share over the draws of the posterior (95 % interval); where all patients have
    the same outcome, with the exact interval of simulation error."""
    ids, seen = _outcomes(miss, row)
    found = scenario(POSTERIOR).over_draws(seen, ids)
    if found is None:
        raise ValueError(f"{miss.key}, {row.key}: too few patients to tell draws apart")
    if found.is_point and found.mean in (0.0, 1.0):
        met = simulated_share(seen)
        return met.low, met.value, met.high
    low, high = (min(max(end, 0.0), 1.0) for end in (found.low, found.high))
    return low, found.mean, high


def _outcomes(miss: Miss, row: Row) -> tuple[np.ndarray, np.ndarray]:
    """Patients' numbers and their outcomes: 1 or 0, or the probability of it; NaN for who isn't looked at."""
    asked = miss.simulate
    if asked is None:
        raise ValueError(f"{miss.key} is not simulated")
    simulator = Simulator(population(asked.population), SEED, threads=2)
    cohort = simulator.cohort(np.arange(PATIENTS))
    day = row.week * DAYS_PER_WEEK
    days = np.unique([*np.arange(0.0, day, EVERY), *np.arange(0.0, min(day, 60.0), 1.0), day])
    run = simulator.run(cohort, _protocol(miss, row, day), scenario(POSTERIOR), days)
    if asked.how == "deaths":
        total = np.trapezoid(run["treatment_death_hazard"], run.times / DAYS_PER_YEAR, axis=1)
        return cohort.ids, -np.expm1(-total)
    return cohort.ids, counted(run, asked.how, asked.reads, day)


def _protocol(miss: Miss, row: Row, until: float) -> Protocol:
    asked = miss.simulate
    if asked is None:
        raise ValueError(f"{miss.key} is not simulated")
    procedures = tuple(PlannedProcedure(catalogue.procedure(key), 0.0) for key in asked.procedures)
    if not asked.product:
        return Protocol("untreated", procedures)
    courses = usual_courses(catalogue.product(asked.product), until)
    if row.dose:
        courses = tuple(replace(course, dose=read_dose(row.dose)) for course in courses)
    return Protocol("arm", procedures, courses)


def write_shares() -> None:
    """Simulate all rows and write the file of shares."""
    lines = [
        "# Written by tools/where_the_model_misses.py; never by hand. Shares under the posterior: low, mean, high.",
        f"patients: '{PATIENTS}'",
        f"seed: '{SEED}'",
        "shares:",
    ]
    for miss in misses():
        if miss.simulate is None:
            continue
        lines.append(f"  {miss.key}:")
        for row in miss.rows:
            low, central, high = simulate(miss, row)
            lines.append(f'    "{row.key}": ["{low:.3f}", "{central:.3f}", "{high:.3f}"]')
    (catalogue_root() / SIMULATED).write_text("\n".join(lines) + "\n", encoding="utf-8")
    simulated.cache_clear()


def page() -> str:
    """The page as text, from the list, the store and the file of shares."""
    store = load_store()
    out = [
        "# Where the model misses",
        "",
        "What trials saw and the model does not say, with the trial behind it. Written by",
        f"`tools/where_the_model_misses.py` from {PATIENTS} virtual patients a row (seed {SEED}) and the evidence",
        "store; simulated shares are those under the posterior, with the 95 % interval over its draws. Results that",
        "the calibration was not given and missed have the prediction that is scored in",
        "[Held-out trials](held-out-trials.md).",
        "Simulated intervals are of the mean and have no chance of the trial in them, predicted ones have it: a result",
        "can be outside here and inside there. The report says the same in the chapter that a study of the kind",
        "concerns, where a study can be of it. Nothing here is",
        "tuned away: what a value was set to is in its basis, and a trial that a value was set to is no validation.",
        "",
    ]
    for miss in misses():
        out += [f"## {miss.name['en']}", "", miss.what["en"], ""]
        out += [
            "| trial, arm | outcome | week | observed | simulated | the model says | source |",
            "|---|" + 6 * "---|",
        ]
        out += [_line(store, miss, row) for row in miss.rows]
        out += ["", f"Known since version {miss.since}. What would help: {miss.helps['en']}", ""]
    return "\n".join(out).rstrip("\n") + "\n"


def _line(store: Store, miss: Miss, row: Row) -> str:
    found, trial = row.observed(store), store.trial(row.trial)
    if isinstance(found, Outcome):
        observed, term = found.result, store.outcome_terms[row.endpoint]["en"]
    else:
        observed = f"{found.events}/{found.n} ({100 * found.events / found.n:.1f} %)"
        term = store.event_terms[row.endpoint]["en"]
    shares = miss.shares(row)
    told = "not simulated" if shares is None else "{1:.0%} ({0:.0%} to {2:.0%})".format(*shares).replace("%", " %")
    beside = "" if shares is None else WORDS.key(f"miss.{side(shares, row.share(store).value)}")
    arm = trial.arms[row.arm].label["en"]
    return f"| {trial.name}, {arm} | {term} | {row.week:g} | {observed} | {told} | {beside} | `{found.source}` |"


if __name__ == "__main__":
    if "--page" not in sys.argv:
        write_shares()
    PAGE.write_text(page(), encoding="utf-8")
    sys.stdout.write(f"{PAGE.name}: {sum(len(miss.rows) for miss in misses())} rows of {len(misses())} misfits\n")
