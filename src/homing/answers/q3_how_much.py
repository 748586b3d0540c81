"""How much? The dose from what is ordered to what engrafts, and what more or less of it would do."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from homing.answers.case import (
    Case,
    endpoint_name,
    label_of,
    name_of,
    observed_outcome,
    simulated_difference,
    simulated_share,
)
from homing.answers.content import Bars, Block, Chapter, Estimate, Finding, Lines, Message, Panel, Series, Table, Text
from homing.answers.headline import share
from homing.answers.spans import over_all
from homing.evidence.records import Arm, Outcome, Trial
from homing.ground.calendar import DAYS_PER_WEEK, week_label
from homing.patients.scenario import scenario
from homing.protocol.course import Course
from homing.protocol.ledger import STEPS, GivenDose
from homing.study.simulator import Simulated

#: Doses tried, as factors on the candidate's.
FACTORS = tuple(float(f) for f in 10.0 ** np.linspace(-2, 1, 10))
#: The dose that does so much of what the largest one tried does is called enough.
ENOUGH = 0.9
UNITS = {"cell": "cells", "fraction": ""}


def answer(case: Case) -> Chapter:
    """The ledger of the candidate's doses, the dose-response by scenario, and what trials say of dose."""
    course = case.course
    if course is None:
        blocks: list[Block] = [Message("q3.no-cells", {"candidate": label_of(case.candidate)}), *_arms(case)]
        return Chapter(3, "how_much", blocks, Message("q3.certainty-none"), exploratory=True)
    run = case.simulate(case.candidate)
    doses = [dose for dose in run.ledger() if case.is_of_product(dose.course)]
    curve = {key: _curve(case, key) for key in case.study.scenarios}
    blocks = [
        *case.about_one(),
        _lost(case, doses[0]),
        *_by_weight(course, doses),
        _ladder_figure(case, doses[0]),
        _ledger_table(case, run, doses),
        _enough(case, curve),
        _curve_figure(case, course, doses[0], curve),
        _curve_table(case, doses[0]),
        *_arms(case),
        *_observed(case),
    ]
    return Chapter(3, "how_much", blocks, Message("q3.certainty"), exploratory=True)


def _amount(values: NDArray[np.float64], dose: GivenDose) -> Estimate:
    """The mean over patients; the range that holds 90 % of them where they differ."""
    seen = values[np.isfinite(values)]
    if not seen.size:
        return Estimate(float("nan"))
    low, high = (float(q) for q in np.percentile(seen, [5, 95]))
    differ = high - low > 1e-9 * abs(high)
    kind = "cells" if dose.course.dose.of == "cell" else "number"
    ends = (low, high) if differ else (float("nan"), float("nan"))
    return Estimate(float(seen.mean()), *ends, kind, 0.9, "patients", UNITS.get(dose.course.dose.of, ""))  # type: ignore[arg-type]


def _lost(case: Case, dose: GivenDose) -> Finding:
    """How much of the label arrives."""
    nominal, engrafted = float(np.nanmean(dose.nominal)), float(np.nanmean(dose.engrafted))
    values = {
        "nominal": _amount(dose.nominal, dose),
        "engrafted": _amount(dose.engrafted, dose),
        "share": Estimate(engrafted / nominal if nominal else float("nan"), kind="percent", spread="none"),
        "product": name_of(case.product.name) if case.product else "",
    }
    key = "q3.lost" if engrafted <= nominal else "q3.grown"
    return Finding(Message(key, values), "assumed", ["run", *_ladder_sources(case)], exploratory=True)


def _ladder_sources(case: Case) -> list[str]:
    from homing.evidence.sources import load_sources

    product = case.product
    if product is None:
        return []
    found = [value.source for value in product.delivery.values() if value.source]
    if case.course is not None and case.course.lot is not None:
        found = [case.course.lot.source, *found]
        return [key for key in dict.fromkeys(found) if key in load_sources() or key == case.course.lot.source]
    return list(dict.fromkeys(found))


def _by_weight(course: Course, doses: list[GivenDose]) -> Iterator[Block]:
    """What a dose per kg means in cells, and whom a cap holds back."""
    if not course.dose.per_kg:
        return
    nominal = doses[0].nominal
    values: dict[str, object] = {"amount": _amount(nominal, doses[0])}
    if course.dose.cap is None:
        yield Finding(Message("q3.by-weight", values), "assumed", ["run"])
        return
    held = np.isclose(nominal, course.dose.cap).astype(float)
    values |= {
        "cap": Estimate(course.dose.cap, kind="cells", unit="cells", spread="none"),
        "held": simulated_share(held),
    }
    yield Finding(Message("q3.by-weight-capped", values), "assumed", ["run"])


def _ladder_figure(case: Case, dose: GivenDose) -> Bars:
    rows = []
    for step in STEPS:
        e = _amount(dose.amounts()[step], dose)
        ends = (e.value, e.value) if np.isnan(e.low) else (e.low, e.high)
        rows.append([(max(e.value, 1e-12), max(ends[0], 1e-12), max(ends[1], 1e-12))])
    return Bars(
        title=Message("q3.ladder-figure", {"week": week_label(dose.time)}),
        categories=[Message(f"head.{step}") for step in STEPS],
        groups=[name_of(case.product.name) if case.product else label_of(case.candidate)],
        values=np.array(rows),
        y_label=Message("q3.amount" if dose.course.dose.of == "cell" else "q3.share-of-community"),
        log=True,
        note=Message("q3.ladder-note"),
    )


def _ledger_table(case: Case, run: Simulated, doses: list[GivenDose]) -> Table:
    rows = [[week_label(d.time), *(_amount(d.amounts()[step], d) for step in STEPS)] for d in doses]
    columns: list[Text] = [Message("head.week"), *(Message(f"head.{step}") for step in STEPS)]
    values = {"scenario": name_of(run.scenario.name), "n": len(case.cohort)}
    return Table(Message("q3.ledger"), columns, rows, Message("q3.ledger-note", values))


def _curve(case: Case, key: str) -> list[NDArray[np.float64]]:
    """The primary endpoint, without noise, at each factor on the dose."""
    return [case.primary(case.simulate(case.with_dose(f), key), noise=False) for f in FACTORS]


def _enough(case: Case, curve: dict[str, list[NDArray[np.float64]]]) -> Finding:
    """The least dose tried that does nearly all that the largest does, by scenario; or that the curve is flat."""
    parts = []
    for key, points in curve.items():
        base = case.primary(case.simulate(case.control, key), noise=False)
        gains = np.array([np.nanmean(p) - np.nanmean(base) for p in points])
        top = simulated_difference(points[int(np.argmax(gains))], base)
        values: dict[str, object] = {"scenario": name_of(scenario(key).name), "gain": top}
        if not top.low > 0.01:
            parts.append(Message("q3.flat", values))
            continue
        factor = FACTORS[int(np.flatnonzero(gains >= ENOUGH * gains.max())[0])]
        parts.append(Message("q3.enough-at", {**values, "factor": Estimate(factor, spread="none")}))
    values = {
        "endpoint": endpoint_name(case.study.primary.key),
        "week": case.primary_day / DAYS_PER_WEEK,
        "parts": parts,
        "share": Estimate(ENOUGH, kind="percent", spread="none"),
    }
    return Finding(Message("q3.enough", values), "assumed", ["run"], exploratory=True)


def _curve_figure(case: Case, course: Course, dose: GivenDose, curve: dict[str, list[NDArray[np.float64]]]) -> Lines:
    x = np.array(FACTORS) * float(np.nanmedian(dose.nominal))
    shares = [{key: case.share(points[i], key) for key, points in curve.items()} for i in range(len(FACTORS))]
    spans = [case.span(each) for each in shares]
    over = over_all(spans)
    band = Series(
        Message("q3.curve", {"scenario": name_of(case.scenario().name), "over": over}),
        x,
        np.array([each[case.central].value for each in shares]),
        np.array([span.low for span in spans]),
        np.array([span.high for span in spans]),
        colour=0,
    )
    control = float(np.nanmean(case.primary(case.simulate(case.control), noise=False)))
    line = Series(label_of(case.control), x, np.full(len(x), control), style="dashed", colour=1)
    mine = float(np.nanmean(case.primary(case.simulate(case.candidate), noise=False)))
    typical = np.array([float(np.nanmedian(dose.nominal))])
    point = Series(label_of(case.candidate), typical, np.array([mine]), style="points", colour=0)
    panel = Panel(
        title=Message(
            "q3.curve-panel",
            {"endpoint": endpoint_name(case.study.primary.key), "week": case.primary_day / DAYS_PER_WEEK},
        ),
        series=[band, line, point],
        x_label=Message("q3.dose-axis" if course.dose.of == "cell" else "q3.dose-axis-share"),
        y_label=Message("q2.share"),
        x_scale="log",
        y_range=(0.0, 1.0),
        percent=True,
    )
    return Lines(Message("q3.curve-figure"), [panel], Message("q3.curve-note", {"n": len(case.cohort), "over": over}))


def _curve_table(case: Case, dose: GivenDose) -> Table:
    """Every third dose of the curve with its shares and Monte Carlo intervals, by scenario."""
    rows = []
    typical = float(np.nanmedian(dose.nominal))
    kind = "cells" if dose.course.dose.of == "cell" else "number"
    for factor in FACTORS[::3]:
        amount = Estimate(factor * typical, kind=kind, unit=UNITS.get(dose.course.dose.of, ""), spread="none")  # type: ignore[arg-type]
        arm = case.with_dose(factor)
        runs = {key: case.primary(case.simulate(arm, key), noise=False) for key in case.study.scenarios}
        rows.append([amount, *(case.share(met, key) for key, met in runs.items())])
    columns: list[Text] = [Message("head.dose"), *(name_of(scenario(key).name) for key in case.study.scenarios)]
    return Table(Message("q3.curve-table"), columns, rows)


def _arms(case: Case) -> Iterator[Block]:
    """The study's own arms where it has more than two: its dose groups."""
    if len(case.study.arms) < 3:
        return
    rows = []
    for name, protocol in case.study.arms.items():
        cells = [case.results.primary(key, name) for key in case.study.scenarios]
        rows.append([label_of(protocol), *(share(cell) for cell in cells)])
    columns: list[Text] = [Message("head.arm"), *(name_of(scenario(key).name) for key in case.study.scenarios)]
    values = {"endpoint": endpoint_name(case.study.primary.key), "week": case.primary_day / DAYS_PER_WEEK}
    yield Table(Message("q3.arms", values), columns, rows, Message("q3.arms-note", {"n": case.study.patients}))


def _observed(case: Case) -> Iterator[Block]:
    """What trials of this product at several doses reported."""
    if case.product is None:
        return
    key = case.product.catalogue_key
    groups: list[tuple[Trial, Arm, Outcome]] = []
    for trial in case.store.trials.values():
        arms = [a for a in trial.arms.values() if a.product == key and (a.dose is not None or a.role == "other")]
        if len(arms) < 2:
            continue
        for outcome in case.store.outcomes(trial.key):
            arm = trial.arms[outcome.arm]
            if arm in arms and outcome.events is not None and not math.isnan(outcome.week):
                groups.append((trial, arm, outcome))
    for trial, arm, outcome in groups:
        values = {
            "trial": trial.name,
            "arm": name_of(arm.label),
            "events": outcome.events,
            "n": outcome.n,
            "share": observed_outcome(outcome),
            "endpoint": name_of(case.store.outcome_terms[outcome.endpoint]),
            "week": outcome.week,
        }
        yield Finding(Message("q3.observed", values), "measured", [outcome.source])
    if not groups:
        yield Message("q3.no-dose-trial", {"product": name_of(case.product.name)})
