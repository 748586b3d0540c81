"""Write docs/explanation/drugs-beside-trials.md: each drug's simulated remission beside what trials report.

    PYTHONPATH=src python tools/drugs_beside_trials.py [--patients 4000] [--out FILE]

Nothing is fitted here. The page is written anew whenever a drug, a population or the evidence changes.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from homing.evidence.records import Outcome, Trial
from homing.evidence.store import load_store
from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.protocol import catalogue
from homing.protocol.course import Protocol
from homing.protocol.product import Drug
from homing.protocol.regimen import usual_courses
from homing.study.simulator import Simulator
from homing.synthesis.effect import effect_of_counts
from homing.synthesis.pool import pool

PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "drugs-beside-trials.md"
SEED = 2026
POPULATIONS = {"crohn": "luminal-cd-moderate-severe", "ulcerative-colitis": "uc-moderate-severe"}
ENDPOINTS = {"crohn": ("cdai-remission", "cdai-response"), "ulcerative-colitis": ("mayo-remission",)}
WORDS = {"crohn": "Crohn's disease", "ulcerative-colitis": "ulcerative colitis"}
INDUCTION, YEAR = (3.0, 16.0), (17.0, 60.0)


@dataclass(frozen=True)
class Pair:
    """A drug arm and the placebo arm of one trial at one visit: events and patients of each."""

    trial: str
    week: float
    drug: tuple[int, int]
    placebo: tuple[int, int]


@dataclass(frozen=True)
class Row:
    """One drug in one disease: simulated and reported shares of remission, and their differences from placebo."""

    drug: Drug
    disease: str
    endpoint: str
    week: float
    simulated: float
    untreated: float
    difference: tuple[float, float, float]
    pairs: tuple[Pair, ...]
    reported: tuple[float, float, float]
    share: float
    placebo: float

    @property
    def verdict(self) -> str:
        """Where the simulated difference from no treatment lies in the trials' interval."""
        _, low, high = self.reported
        if self.difference[0] < low:
            return "**too small**"
        return "**too large**" if self.difference[0] > high else "within"


def pairs_of(drug: str, disease: str, endpoint: str, weeks: tuple[float, float]) -> list[Pair]:
    """The randomised trials that set a drug beside placebo, each at its latest visit within the weeks."""
    found = []
    for trial in load_store().trials.values():
        if trial.disease == disease and trial.randomised:
            rows = [o for o in trial.outcomes if _counts(trial, o, endpoint) and weeks[0] <= o.week <= weeks[1]]
            for week in sorted({o.week for o in rows}, reverse=True):
                mine = [o for o in rows if o.week == week and _treatment(trial, o) == drug]
                theirs = [o for o in rows if o.week == week and _treatment(trial, o) == "placebo"]
                if mine and theirs:
                    found.append(Pair(trial.key, week, _sum(mine), _sum(theirs)))
                    break
    return found


def _counts(trial: Trial, o: Outcome, endpoint: str) -> bool:
    chosen = "responders to induction" in o.differs or "responders only" in o.differs
    re_randomised = "after" in trial.arms[o.arm].label["en"]
    counted = o.endpoint == endpoint and o.events is not None and bool(o.n)
    usable = not (o.contradicts or o.is_subgroup or chosen or re_randomised)
    return counted and usable and trial.arms[o.arm].role != "other"


def _treatment(trial: Trial, o: Outcome) -> str:
    return trial.arms[o.arm].treatment


def _sum(rows: list[Outcome]) -> tuple[int, int]:
    first: dict[str, Outcome] = {}
    for o in rows:
        first.setdefault(o.arm, o)
    return sum(o.events or 0 for o in first.values()), sum(o.n or 0 for o in first.values())


def rows(patients: int) -> Iterator[Row]:
    """Every drug in both diseases for which the store has a trial against placebo."""
    for disease, name in POPULATIONS.items():
        simulator = Simulator(population(name), SEED, threads=2)
        cohort = simulator.cohort(np.arange(patients))
        for drug in catalogue.drugs():
            for endpoint in ENDPOINTS[disease]:
                pairs = pairs_of(drug.key, disease, endpoint, INDUCTION)
                pairs = pairs or pairs_of(drug.key, disease, endpoint, YEAR)
                if pairs:
                    yield _row(simulator, cohort, drug, disease, endpoint, pairs)
                    break


def _row(simulator, cohort, drug: Drug, disease: str, endpoint: str, pairs: list[Pair]) -> Row:  # type: ignore[no-untyped-def]
    week = float(np.median([pair.week for pair in pairs]))
    day = 7 * week
    arms = [Protocol("none"), Protocol(drug.key, (), usual_courses(drug, day, disease), drug.name)]
    none, given = (simulator.run(cohort, arm, scenario("pooled"), [0.0, day]).outcome(endpoint, day) for arm in arms)
    change = given - none
    error = 1.96 * float(np.std(change)) / np.sqrt(len(change))
    mean = float(change.mean())
    reported, share, placebo = _pooled(pairs)
    return Row(
        drug,
        disease,
        endpoint,
        week,
        float(given.mean()),
        float(none.mean()),
        (mean, mean - error, mean + error),
        tuple(pairs),
        reported,
        share,
        placebo,
    )


def _pooled(pairs: list[Pair]) -> tuple[tuple[float, float, float], float, float]:
    """Risk difference (REML), and the shares of all patients with drug and placebo."""
    a, n = [p.drug[0] for p in pairs], [p.drug[1] for p in pairs]
    b, m = [p.placebo[0] for p in pairs], [p.placebo[1] for p in pairs]
    found = pool(effect_of_counts(a, n, b, m, "risk-difference"), adjust="none")
    shares = [sum(x) / sum(y) for x, y in ((a, n), (b, m))]
    return (found.estimate, found.low, found.high), float(shares[0]), float(shares[1])


def table(found: list[Row]) -> Iterator[str]:
    """The rows as a table."""
    yield (
        "| disease | drug | endpoint, week | simulated: drug / nothing | simulated difference (Monte Carlo 95 %) | "
        "trials: drug / placebo | trials' difference (95 %) | trials | simulated difference is |"
    )
    yield "|" + "---|" * 9
    for r in found:
        cells = [
            WORDS[r.disease],
            r.drug.name["en"],
            f"{r.endpoint}, {r.week:g}",
            f"{r.simulated:.0%} / {r.untreated:.0%}",
            _points(r.difference),
            f"{r.share:.0%} / {r.placebo:.0%}",
            _points(r.reported),
            ", ".join(p.trial for p in r.pairs),
            r.verdict,
        ]
        yield "| " + " | ".join(cells) + " |"


def _points(of: tuple[float, float, float]) -> str:
    mid, low, high = (100 * x for x in of)
    return f"{mid:+.0f} ({low:+.0f} to {high:+.0f})"


def control_table(patients: int) -> Iterator[str]:
    """What recombinant IL-10 would do at other strengths, at week 4 of 8 microgram/kg a day."""
    simulator = Simulator(population(POPULATIONS["crohn"]), SEED, threads=2)
    cohort, drug = simulator.cohort(np.arange(patients)), catalogue.drug("recombinant-il-10")
    none = simulator.run(cohort, Protocol("none"), scenario("pooled"), [0.0, 28.0, 84.0])
    arm = Protocol(drug.key, (), usual_courses(drug, 84.0), drug.name)
    yield "| tone at most | half of it at | remission beyond no treatment, week 4 | the same, week 12 |"
    yield "|---|---|---|---|"
    for most in (0.5, 1.0, 2.0):
        for half in (3e-5, 3e-4, 3e-3, 3e-2):
            changes = {"drug.most_tone": most, "drug.half_tone": half / 3e-3}
            run = simulator.run(cohort, arm, scenario("pooled"), [0.0, 28.0, 84.0], changes=changes)
            more = [
                100 * float((run.outcome("cdai-remission", d) - none.outcome("cdai-remission", d)).mean())
                for d in (28.0, 84.0)
            ]
            chosen = " (in the catalogue)" if most == 1.0 and half == 3e-3 else ""
            yield f"| {most:g} | {1e6 * half:g} ng/L{chosen} | {more[0]:+.0f} points | {more[1]:+.0f} points |"


def page(patients: int) -> str:
    """The whole page."""
    found = list(rows(patients))
    missed = [r for r in found if r.verdict != "within"]
    text = (Path(__file__).parent / "drugs_beside_trials.md").read_text(encoding="utf-8")
    summary = (
        f"Of {len(found)} comparisons the simulated difference lies outside the trials' interval in {len(missed)}."
    )
    return (
        text.replace("{{patients}}", f"{patients:,}")
        .replace("{{summary}}", summary)
        .replace("{{table}}", "\n".join(table(found)))
        .replace("{{control}}", "\n".join(control_table(patients)))
    )


def main() -> None:
    """Write the page."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--patients", type=int, default=4000)
    options.add_argument("--out", type=Path, default=PAGE)
    chosen = options.parse_args()
    chosen.out.write_text(page(chosen.patients), encoding="utf-8")
    sys.stdout.write(f"{chosen.out}\n")


if __name__ == "__main__":
    main()
