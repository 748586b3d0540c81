"""Which harms? Deaths by conditioning, infection, cytokines, sensitisation, and exposure, on which late harms rest."""

from __future__ import annotations

import math

import numpy as np

from homing.answers.case import alive
from homing.answers.comparing.base import Comparison
from homing.answers.content import Block, Chapter, Dots, Estimate, Finding, Message, Table, Text
from homing.evidence.store import Store
from homing.ground.calendar import DAYS_PER_YEAR
from homing.ground.proportions import upper_bound
from homing.protocol.product import Product
from homing.study.simulator import Simulated

MALIGNANT, CYTOKINES = "malignancy", ("cytokine-release", "severe-cytokine-release")


def answer(c: Comparison) -> Chapter:
    """What the mechanism expects of each arm in the first year, and what trials of its product counted."""
    runs = [c.first_year(i) for i in range(len(c.arms))]
    blocks: list[Block] = [_finding(c), _figure(c), _table(c, runs), *_sensitised(c, runs), *_exposure(c, runs)]
    blocks.append(Message("compare.c7.no-point"))
    return Chapter(7, "which_harms", blocks, Message("compare.c7.certainty"), exploratory=True)


def _patients(values: np.ndarray, kind: str = "number", unit: str = "") -> Estimate:
    seen = values[np.isfinite(values)]
    if not seen.size:
        return Estimate(math.nan, spread="none")
    low, high = (float(q) for q in np.percentile(seen, [5, 95]))
    ends = (low, high) if high - low > 1e-2 * abs(high) else (math.nan, math.nan)
    return Estimate(float(seen.mean()), *ends, kind, 0.9, "patients", unit)  # type: ignore[arg-type]


def _finding(c: Comparison) -> Finding:
    excess = {i: c.infections[i] - c.infections[c.reference] for i in c.others}
    most = max(c.others, key=lambda i: (round(float(np.nanmean(excess[i])), 6), c.arms[i]))
    values = {
        "arm": c.name(most),
        "control": c.name(c.reference),
        "excess": _patients(100 * excess[most]),
    }
    key = "compare.c7.most" if float(np.nanmean(excess[most])) >= 0.005 else "compare.c7.alike"
    return Finding(Message(key, values), "assumed", ["run"], exploratory=True)


def _figure(c: Comparison) -> Dots:
    values = [[_three(_patients(100 * c.infections[i]))] for i in range(len(c.arms))]
    return Dots(
        Message("compare.c7.figure"),
        [c.name(i) for i in range(len(c.arms))],
        [Message("q7.expected")],
        np.array(values),
        Message("q7.expected"),
        note=Message("compare.c7.figure-note", {"n": len(c.case.cohort)}),
    )


def _three(e: Estimate) -> tuple[float, float, float]:
    return e.value, e.low, e.high


def _table(c: Comparison, runs: list[Simulated]) -> Table:
    rows: list[list[object]] = []
    for i, run in enumerate(runs):
        rows.append(
            [
                c.name(i),
                c.deaths(i) or Message("compare.c3.no-deadly"),
                _patients(run["marrow.neutrophils"].min(axis=1), "percent"),
                _patients(100 * c.infections[i]),
                _patients(run["il6"].max(axis=1), "number", "pg/mL"),
                _counted(c, i, CYTOKINES),
            ]
        )
    heads = ("head.arm", "compare.c3.h-deaths", "q7.lowest", "compare.c3.h-infections", "q7.il6", "compare.c7.h-crs")
    columns: list[Text] = [Message(key) for key in heads]
    return Table(Message("compare.c7.table"), columns, rows, Message("compare.c7.table-note"))


def _counted(c: Comparison, i: int, events: tuple[str, ...]) -> object:
    """Events that trials of the arm's products counted with cells, as a sentence of counts; a dash where none did."""
    found: list[Message] = []
    for product in c.protocol(i).products:
        for trial, event in c.case.store.safety(product.catalogue_key):
            if event.event in events and trial.arms[event.arm].role != "control":
                found.append(Message("compare.c7.count", {"trial": trial.name, "events": event.events, "n": event.n}))
    return found or None


def _sensitised(c: Comparison, runs: list[Simulated]) -> list[Block]:
    """Antibodies against the donor after a year: single and repeated doses, foreign and own cells."""
    rows: list[list[object]] = []
    for i, run in enumerate(runs):
        given = c.protocol(i).cell_courses
        if not given:
            continue
        year = run["alloimmunity.antibody"][:, np.searchsorted(run.times, DAYS_PER_YEAR * 0.999) - 1]
        origins = [Message(f"compare.c7.{k.give.origin}") for k in given if isinstance(k.give, Product)]
        peak = run["alloimmunity.antibody"].max(axis=1)
        doses = sum(len(k.times) for k in given)
        rows.append([c.name(i), origins[0], doses, _patients(peak, "percent"), _patients(year, "percent")])
    if not rows:
        return []
    heads = ("head.arm", "compare.c7.h-origin", "compare.c7.h-doses", "compare.c7.h-peak", "compare.c7.h-year")
    columns: list[Text] = [Message(key) for key in heads]
    return [Table(Message("compare.c7.sensitised"), columns, rows, Message("compare.c7.sensitised-note"))]


def _exposure(c: Comparison, runs: list[Simulated]) -> list[Block]:
    """Living cells times days, and the largest rate of malignancy that the trials' count is compatible with."""
    rows: list[list[object]] = []
    for i, run in enumerate(runs):
        products = c.protocol(i).cells
        if not products:
            continue
        within = run.times <= DAYS_PER_YEAR
        cells = np.sum([alive(run, product) for product in products], axis=0)[:, within]
        days = np.trapezoid(cells, run.times[within], axis=1)
        events, n, is_counted = malignancies(c.case.store, products[0])
        bound = Estimate(upper_bound(events, n), kind="percent", spread="none") if n else None
        key = "compare.c7.seen" if is_counted else "compare.c7.not-listed"
        counted = Message(key, {"events": events, "n": n})
        exposure = Estimate(float(np.nanmean(days)), kind="cells", spread="none")
        rows.append([c.name(i), exposure, _patients(cells[:, -1], "cells"), counted if n else None, bound])
    if not rows:
        return []
    heads = ("head.arm", "compare.c7.h-exposure", "compare.c7.h-left", "compare.c7.h-malignant", "q7.at-most")
    columns: list[Text] = [Message(key) for key in heads]
    return [Table(Message("compare.c7.exposure"), columns, rows, Message("compare.c7.exposure-note"))]


def malignancies(store: Store, product: Product) -> tuple[int, int, bool]:
    """Malignancies among patients treated with a product, and whether any trial listed them at all.

    Where none lists them, the patients of all trials that list adverse events stand as those in whom none was told of.
    Each patient counts once: of trials that share patients the one with most events (of equals, most patients) stands
    for all, of an arm its largest count; arms that did not give the product have none.
    """
    rows = [(t, e) for t, e in store.safety(product.catalogue_key) if t.arms[e.arm].product == product.catalogue_key]
    listed = [(trial, event) for trial, event in rows if event.event == MALIGNANT]
    found: dict[str, dict[str, tuple[int, int]]] = {}
    for trial, event in sorted(listed or rows, key=lambda row: (-row[1].events if listed else 0, -row[1].n)):
        if any(store.share_patients(trial.key, other) for other in found if other != trial.key):
            continue
        arms = found.setdefault(trial.key, {})
        events = event.events if listed else 0
        arms[event.arm] = max(arms.get(event.arm, (0, 0)), (events, event.n))
    counts = [arms[arm] for key, arms in found.items() for arm in store.trial(key).once(arms)]
    return sum(events for events, _ in counts), sum(n for _, n in counts), bool(listed)
