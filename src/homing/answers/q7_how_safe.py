"""Is it safe? What trials reported, what repeat doses meet, and the hazards that belong to what the cells do."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from homing.answers.case import Case, alive, label_of, middle_and_band, name_of, observed_share
from homing.answers.content import (
    Block,
    Chapter,
    Dots,
    Estimate,
    Finding,
    Lines,
    Message,
    Panel,
    Series,
    Table,
    Text,
    Verbatim,
)
from homing.evidence.records import AdverseEvent, Trial, weeks
from homing.evidence.values import Value
from homing.ground.calendar import DAYS_PER_WEEK, DAYS_PER_YEAR
from homing.ground.proportions import upper_bound
from homing.protocol.course import Protocol
from homing.protocol.product import Product
from homing.study.simulator import Simulated

#: Repeat doses that are tried, and how far apart.
REPEATS = (1, 2, 4)
APART = 12 * DAYS_PER_WEEK
#: When after a dose the living cells are counted.
COUNTED_AFTER = 7.0
#: Events per 100 patients below which a hazard is not told.
_WORTH_TELLING = 0.05


def answer(case: Case) -> Chapter:
    """Reported adverse events, sensitisation over repeats, hazards of the kind of cell, what trials can't have seen."""
    blocks: list[Block] = [*case.about_one(), *_reported(case), *_sensitisation(case), *_hazards(case)]
    kind = case.product.kind if case.product is not None else "none"
    return Chapter(7, "how_safe", blocks, Message(f"q7.certainty-{kind}"), exploratory=False)


def _key(case: Case) -> str:
    """The catalogue's product behind the candidate; '' where it gives none."""
    return case.product.catalogue_key if case.product is not None else ""


def _reported(case: Case) -> Iterator[Block]:
    rows = case.store.safety(_key(case)) if _key(case) else []
    product = name_of(case.product.name) if case.product is not None else label_of(case.candidate)
    if not rows:
        yield Message("q7.none-reported", {"product": product})
        return
    yield _worst(case, rows)
    yield _table(case, rows)
    if len(rows) > 1:
        yield _dots(case, rows)
    yield _unseen(case, rows)


def _with_product(case: Case, trial: Trial, event: AdverseEvent) -> bool:
    return trial.arms[event.arm].product == _key(case)


def _worst(case: Case, rows: list[tuple[Trial, AdverseEvent]]) -> Finding:
    """Deaths where any were reported; else the event that most patients had."""
    mine = [(trial, event) for trial, event in rows if _with_product(case, trial, event)]
    trial, event = max(mine, key=lambda row: (row[1].event == "death", row[1].events / row[1].n))
    values = {
        "trial": trial.name,
        "event": name_of(case.store.event_terms[event.event]),
        "events": event.events,
        "n": event.n,
        "share": observed_share(event.events, event.n),
        "week": Verbatim(weeks(event.week)),
        "arm": name_of(trial.arms[event.arm].label),
    }
    return Finding(Message("q7.worst", values), "measured", [event.source])


def _bound(event: AdverseEvent) -> Estimate | None:
    """With no event: the largest rate that is still compatible with none (one-sided, near 3/n)."""
    if event.events:
        return None
    return Estimate(upper_bound(0, event.n), kind="percent", spread="none")


def _table(case: Case, rows: list[tuple[Trial, AdverseEvent]]) -> Table:
    body = [
        [
            Verbatim(trial.titled),
            name_of(trial.arms[event.arm].label),
            name_of(case.store.event_terms[event.event]),
            Verbatim(weeks(event.week)),
            Verbatim(f"{event.events}/{event.n}"),
            observed_share(event.events, event.n),
            _bound(event),
        ]
        for trial, event in rows
    ]
    heads = ("head.study", "head.arm", "q7.event", "q7.until", "head.events", "head.observed", "q7.at-most")
    return Table(Message("q7.table"), [Message(key) for key in heads], body, Message("q7.table-note"))


def _dots(case: Case, rows: list[tuple[Trial, AdverseEvent]]) -> Dots:
    """Events by trial, cells beside control."""
    categories = list(dict.fromkeys((trial.key, event.event, weeks(event.week)) for trial, event in rows))
    values = np.full((len(categories), 2, 3), np.nan)
    for trial, event in rows:
        group = 0 if trial.arms[event.arm].role != "control" else 1
        e = observed_share(event.events, event.n)
        values[categories.index((trial.key, event.event, weeks(event.week))), group] = (e.value, e.low, e.high)
    labels: list[Text] = [
        Message("q7.category", {"trial": case.store.trial(t).name, "event": name_of(case.store.event_terms[e])})
        for t, e, _ in categories
    ]
    controlled = bool(np.isfinite(values[:, 1]).any())
    groups = [Message("q7.cells"), Message("q7.control")][: 2 if controlled else 1]
    return Dots(
        title=Message("q7.figure"),
        categories=labels,
        groups=groups,
        values=values[:, : len(groups)],
        x_label=Message("q2.share"),
        percent=True,
        note=Message("q7.figure-note"),
    )


def _unseen(case: Case, rows: list[tuple[Trial, AdverseEvent]]) -> Finding:
    """The rate that an event may have and yet never have been seen in all patients of the store."""
    seen: dict[tuple[str, str], int] = {}
    for trial, event in rows:
        told = any(key != trial.key and case.store.share_patients(key, trial.key) for key, _ in seen)
        if _with_product(case, trial, event) and not told:
            seen[trial.key, event.arm] = max(seen.get((trial.key, event.arm), 0), event.n)
    n = sum(seen.values())
    values = {"n": n, "rate": Estimate(upper_bound(0, n), kind="percent", spread="none")}
    sources = list(dict.fromkeys(e.source for t, e in rows if _with_product(case, t, e)))
    return Finding(Message("q7.unseen", values), "estimated", sources)


def _repeated(case: Case, times: int) -> Protocol:
    """The candidate's first dose given several times."""
    courses = []
    for course in case.candidate.courses:
        first = course.times[0]
        mine = course is case.course
        days = tuple(first + APART * i for i in range(times)) if mine else course.times
        courses.append(replace(course, times=days))
    return replace(case.candidate, courses=tuple(courses))


def _sensitisation(case: Case) -> Iterator[Block]:
    """Antibodies against foreign cells, and how many cells of each repeat dose are alive after a week."""
    product, course = case.product, case.course
    if product is None or course is None:
        return
    if product.origin == "autologous":
        yield Message("q7.own-cells", {"product": name_of(product.name)})
        return
    last = course.times[0] + APART * max(REPEATS)
    counted = [course.times[0] + APART * i + COUNTED_AFTER for i in range(max(REPEATS))]
    grid = np.unique([*case.weeks(last), *counted])
    runs = {n: case.simulate(_repeated(case, n), times=grid) for n in REPEATS}
    kept = [_kept(runs[max(REPEATS)], product, course.times[0] + APART * i) for i in range(max(REPEATS))]
    values = {
        "product": name_of(product.name),
        "first": _patients(kept[0]),
        "last": _patients(kept[-1]),
        "times": max(REPEATS),
        "weeks": APART / DAYS_PER_WEEK,
    }
    yield Finding(Message("q7.repeats", values), "assumed", ["run"], exploratory=True)
    yield _antibody_figure(case, runs)
    rows = [[i + 1, _patients(k)] for i, k in enumerate(kept)]
    heads: list[Text] = [Message("q7.dose-number"), Message("q7.alive-after")]
    yield Table(Message("q7.repeat-table"), heads, rows, Message("q7.repeat-note", {"n": len(case.cohort)}))


def _kept(run: Simulated, product: Product, day: float) -> NDArray[np.float64]:
    """(patient,) cells alive a week after a dose, as a share of it; what is left of earlier ones is taken off."""
    cells = alive(run, product)
    delivered = next(dose.delivered for dose in run.doses if dose.time == day and dose.course.give == product)
    before, after = cells[:, run.at(day)], cells[:, run.at(day + COUNTED_AFTER)]
    return np.maximum(after - before, 0) / np.maximum(delivered, 1e-12)


def _patients(values: NDArray[np.float64]) -> Estimate:
    seen = values[np.isfinite(values)]
    return Estimate(float(seen.mean()), *_ends(seen), "percent", 0.9, "patients")


def _ends(values: NDArray[np.float64]) -> tuple[float, float]:
    """The range that holds 90 % of patients; none where they are all alike."""
    low, high = (float(q) for q in np.percentile(values, [5, 95]))
    return (low, high) if high - low > 1e-3 * abs(high) else (float("nan"), float("nan"))


def _antibody_figure(case: Case, runs: dict[int, Simulated]) -> Lines:
    panels = []
    for name in ("alloimmunity.antibody", "alloimmunity.memory"):
        series = []
        for colour, (times, run) in enumerate(runs.items()):
            middle, low, high = middle_and_band(run[name])
            label = Message("q7.doses", {"times": times})
            series.append(Series(label, run.times / DAYS_PER_WEEK, middle, low, high, colour=colour))
        title = Message(f"q7.{name.partition('.')[2]}")
        panels.append(Panel(title, series, Message("head.time-weeks"), Message("q1.relative")))
    return Lines(Message("q7.antibody-figure"), panels, Message("q7.antibody-note", {"n": len(case.cohort)}))


def _hazards(case: Case) -> Iterator[Block]:
    """Infection, cytokine release and persistence in the first year, candidate beside control."""
    days = np.unique([*np.arange(0, 61, 1.0), *case.weeks(DAYS_PER_YEAR)])
    runs = [case.simulate(arm, times=days) for arm in (case.candidate, case.control)]
    infections = [_infections(run) for run in runs]
    excess = infections[0] - infections[1]
    low, high = (float(q) for q in np.nanpercentile(excess, [5, 95]))
    values = {
        "excess": Estimate(100 * float(np.nanmean(excess)), 100 * low, 100 * high, "number", 0.9, "patients"),
        "candidate": label_of(case.candidate),
        "control": label_of(case.control),
    }
    key = "q7.infections" if abs(float(np.nanmean(excess))) >= 0.005 else "q7.no-infections"
    yield Finding(Message(key, values), "assumed", ["run"], exploratory=True)
    yield _hazard_table(case, runs, infections)
    if key == "q7.infections":
        yield _hazard_figure(case, runs)
    yield from _conditioning(case, runs)
    if case.product is not None:
        given = np.sum([d.delivered for d in runs[0].doses if case.is_of_product(d.course)], axis=0)
        share = float(np.nanmean(alive(runs[0], case.product)[:, -1] / np.maximum(given, 1e-12)))
        values = {
            "product": name_of(case.product.name),
            "share": Estimate(share if share >= 1e-6 else 0.0, kind="percent", spread="none"),
        }
        yield Finding(Message("q7.persistence", values), "assumed", ["run"], exploratory=True)
        yield _persistence_figure(case, runs[0], case.product)


def _conditioning(case: Case, runs: list[Simulated]) -> Iterator[Block]:
    """Deaths and thrombotic microangiopathies by conditioning in the first year, and what the deaths rest on."""
    arms = zip((case.candidate, case.control), runs, strict=True)
    for label, run in ((label_of(arm), run) for arm, run in arms):
        deaths, clots = (_expected(run, name) for name in ("treatment_death_hazard", "microangiopathy_hazard"))
        if deaths < _WORTH_TELLING and clots < _WORTH_TELLING:
            continue
        known = case.simulator.values(case.candidate)
        values = {
            "arm": label,
            "deaths": _bracketed(deaths, known["conditioning.death_by_injury"]),
            "clots": _bracketed(clots, known["conditioning.microangiopathy_by_injury"]),
        }
        sources = ["run", known["conditioning.death_by_injury"].source]
        yield Finding(Message("q7.conditioning", values), "assumed", sources, exploratory=True)


def _expected(run: Simulated, hazard: str) -> float:
    """Patients in 100 with the event in the first year, by the integral of its hazard."""
    total = np.trapezoid(run[hazard], run.times / DAYS_PER_YEAR, axis=1)
    return 100 * float(np.nanmean(-np.expm1(-total)))


def _bracketed(per_100: float, value: Value) -> Estimate:
    """A rate with the range of the value behind it."""
    low, high = (per_100 * (end or 0.0) / value.number for end in (value.low, value.high))
    return Estimate(per_100, low, high, "number", 0.9, "scenarios")


def _persistence_figure(case: Case, run: Simulated, product: Product) -> Lines:
    """Cells of the product alive over the first year, from the first dose on."""
    cells = np.maximum(alive(run, product), 1.0)
    middle, low, high = middle_and_band(cells)
    given = middle > 1.0
    series = Series(
        label_of(case.candidate), run.times[given] / DAYS_PER_WEEK, middle[given], low[given], high[given], colour=0
    )
    panel = Panel(Message("q7.alive"), [series], Message("head.time-weeks"), Message("head.cells"), y_scale="log")
    return Lines(Message("q7.alive-figure"), [panel], Message("q7.alive-note", {"n": len(case.cohort)}))


def _infections(run: Simulated) -> NDArray[np.float64]:
    """(patient,) expected infections in the first year: the integral of the hazard."""
    return np.asarray(np.trapezoid(run["infection_hazard"], run.times / DAYS_PER_YEAR, axis=1))


def _hazard_table(case: Case, runs: list[Simulated], infections: list[NDArray[np.float64]]) -> Table:
    safe = case.simulator.values(case.candidate)["infection.safe_neutrophils"].number
    rows = []
    for label, run, expected in zip((label_of(case.candidate), label_of(case.control)), runs, infections, strict=True):
        neutrophils, il6 = run["marrow.neutrophils"], run["il6"]
        low = (neutrophils < safe).astype(float)
        days = np.trapezoid(low, run.times, axis=1)
        rows.append(
            [
                label,
                _patients(neutrophils.min(axis=1)),
                _range(days, "days"),
                _range(100 * expected, "number"),
                _range(il6.max(axis=1), "number", "pg/mL"),
            ]
        )
    heads = ("head.arm", "q7.lowest", "q7.days-low", "q7.expected", "q7.il6")
    note = Message("q7.hazard-note", {"safe": Estimate(safe, kind="percent", spread="none")})
    return Table(Message("q7.hazard-table"), [Message(key) for key in heads], rows, note)


def _range(values: NDArray[np.float64], kind: str, unit: str = "") -> Estimate:
    seen = values[np.isfinite(values)]
    return Estimate(float(seen.mean()), *_ends(seen), kind, 0.9, "patients", unit)  # type: ignore[arg-type]


def _hazard_figure(case: Case, runs: list[Simulated]) -> Lines:
    panels = []
    for name, unit in (("marrow.neutrophils", "q7.of-normal"), ("infection_hazard", "q7.per-year")):
        series = []
        for colour, run in enumerate(runs):
            middle, low, high = middle_and_band(run[name])
            label = label_of((case.candidate, case.control)[colour])
            series.append(Series(label, run.times / DAYS_PER_WEEK, middle, low, high, colour=colour))
        panels.append(
            Panel(
                Message(f"q7.{name.replace('.', '-').replace('_', '-')}"),
                series,
                Message("head.time-weeks"),
                Message(unit),
            )
        )
    return Lines(Message("q7.hazard-figure"), panels, Message("q7.antibody-note", {"n": len(case.cohort)}))
