"""Why cells? The mechanism with the cells, without them, and with a drug, in the same patients."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from homing.answers.case import (
    Case,
    alive,
    endpoint_name,
    label_of,
    middle_and_band,
    name_of,
    signal,
)
from homing.answers.content import Block, Chapter, Estimate, Finding, Lines, Message, Panel, Series, Table, Text
from homing.ground.calendar import DAYS_PER_WEEK
from homing.patients.scenario import scenario
from homing.protocol import catalogue
from homing.protocol.course import Protocol
from homing.study.simulator import Simulated

#: What is drawn of a luminal and of a fistula population: mediators first, then cells, tissue and disease.
LUMINAL = (
    *("gut_secretome", "tolerance", "tcells.effector"),
    *("tcells.regulatory", "barrier.integrity", "innate.activation"),
)
FISTULA = (
    *("fistula_secretome", "tcells.effector", "tcells.regulatory"),
    *("barrier.integrity", "tract.sepsis", "tract.closure"),
)
#: At least so many weeks are drawn, if the study is as long.
SHORTEST = 12 * DAYS_PER_WEEK
#: Share of patients that a band holds.
BAND = 0.8


def answer(case: Case) -> Chapter:
    """Trajectories with the candidate, the control and the comparator drug; the primary endpoint of the three."""
    drug = case.with_drug(case.study.comparator, _last(case))
    blocks: list[Block] = [
        _effect(case, drug),
        _trajectories(case, drug),
        *_what_moves(case),
        *case.about_one(),
        *_cells(case),
    ]
    blocks.append(_table(case, drug))
    certainty = Message("q1.certainty", {"population": name_of(case.simulator.population.name)})
    return Chapter(1, "why_cells", blocks, certainty, exploratory=True)


def _last(case: Case) -> float:
    return max(case.primary_day, min(SHORTEST, case.study.visits[-1]))


def _effect(case: Case, drug: Protocol) -> Finding:
    """The primary endpoint under the central scenario, three ways."""
    found = {
        name: case.primary(case.simulate(arm))
        for name, arm in (("candidate", case.candidate), ("control", case.control), ("drug", drug))
    }
    values = {
        "candidate": label_of(case.candidate),
        "control": label_of(case.control),
        "drug": label_of(drug),
        "endpoint": endpoint_name(case.study.primary.key),
        "week": case.primary_day / DAYS_PER_WEEK,
        "scenario": name_of(case.scenario().name),
        **{f"{name}_share": case.share(met) for name, met in found.items()},
        "gain": case.difference(found["candidate"], found["control"]),
        "over_drug": case.difference(found["candidate"], found["drug"]),
    }
    sources = ["run", *catalogue.drug(case.study.comparator).sources]
    return Finding(Message("q1.effect", values), "assumed", sources, exploratory=True)


def _trajectories(case: Case, drug: Protocol) -> Lines:
    weeks = np.unique([*np.arange(0, min(29, _last(case))), *case.weeks(_last(case))])  # cells move within days
    runs: list[tuple[Text, Simulated, int]] = [
        (label_of(arm), case.simulate(arm, times=weeks), colour)
        for colour, arm in enumerate((case.candidate, case.control, drug))
    ]
    names = FISTULA if case.has_fistula else LUMINAL
    panels = [
        Panel(
            title=signal(name),
            series=[_series(label, run, name, colour) for label, run, colour in runs],
            x_label=Message("head.time-weeks"),
            y_label=Message("q1.relative"),
            y_range=(
                0.0,
                max(1.1, 1.05 * max(float(np.nanmax(middle_and_band(run[name], BAND)[2])) for _, run, _ in runs)),
            ),
        )
        for name in names
    ]
    note = Message("q1.figure-note", {"share": Estimate(BAND, kind="percent", spread="none"), "n": len(case.cohort)})
    return Lines(Message("q1.figure", {"scenario": name_of(case.scenario().name)}), panels, note)


def _series(label: Text, run: Simulated, name: str, colour: int) -> Series:
    middle, low, high = middle_and_band(run[name], BAND)
    weeks = run.times / DAYS_PER_WEEK
    if colour == 2:  # the comparator: a line, so that the bands of the two arms can be told apart
        return Series(label, weeks, middle, style="dashed", colour=colour)
    return Series(label, weeks, middle, low, high, colour=colour)


def _what_moves(case: Case) -> list[Block]:
    """What the candidate changes most against the control, in the median patient."""
    weeks = case.weeks(_last(case))
    ours, theirs = (case.simulate(arm, times=weeks) for arm in (case.candidate, case.control))
    best: tuple[float, str, int, float, float] | None = None
    for name in FISTULA if case.has_fistula else LUMINAL:
        a, b = (np.nanmedian(run[name][:, [run.at(day) for day in weeks]], axis=0) for run in (ours, theirs))
        apart = np.abs(a - b) / max(float(np.nanmax(np.abs(np.stack([a, b])))), 1e-9)
        at = int(np.argmax(apart))
        if not name.endswith("secretome") and (best is None or apart[at] > best[0]):
            best = (float(apart[at]), name, at, float(a[at]), float(b[at]))
    if best is None or best[0] < 0.01:
        return [Message("q1.nothing-moves", {"scenario": name_of(case.scenario().name)})]
    _, name, at, with_cells, without = best
    values = {
        "signal": signal(name),
        "week": weeks[at] / DAYS_PER_WEEK,
        "with_cells": Estimate(with_cells, spread="none"),
        "without": Estimate(without, spread="none"),
        "candidate": label_of(case.candidate),
        "control": label_of(case.control),
    }
    return [Finding(Message("q1.moves", values), "assumed", ["run"], exploratory=True)]


def _cells(case: Case) -> list[Block]:
    """How long the given cells live."""
    if case.product is None or case.course is None:
        return [Message("q1.no-cells", {"candidate": label_of(case.candidate)})]
    first = case.course.times[0]
    days = first + np.unique([*np.geomspace(0.05, 28, 60), *np.arange(0, 57, 1.0)])
    run = case.simulate(case.candidate, times=np.unique([0.0, *days]))
    cells = alive(run, case.product)[:, run.times > first]
    times = run.times[run.times > first] - first
    share = cells / np.maximum(cells[:, :1], 1.0)
    half = _first_below(share, times, 0.5)
    at_28 = share[:, int(np.argmin(np.abs(times - 28)))]
    low, high = (float(np.nanpercentile(at_28, q)) for q in (10, 90))
    values = {
        "product": name_of(case.product.name),
        "half": Estimate(half, kind="days", spread="none"),
        "left": Estimate(float(np.nanmedian(at_28)), low, high, "percent", 0.8, "patients"),
    }
    key = "q1.lifetime" if np.isfinite(half) else "q1.lifetime-long"
    return [Finding(Message(key, values), "assumed", ["run"], exploratory=True)]


def _first_below(share: NDArray[np.float64], times: NDArray[np.float64], level: float) -> float:
    """The first time at which the median share is below a level; infinite where it never is."""
    below = np.flatnonzero(np.nanmedian(share, axis=0) < level)
    return float(times[below[0]]) if below.size else float("inf")


def _table(case: Case, drug: Protocol) -> Table:
    rows = []
    for key in case.study.scenarios:
        met = [case.primary(case.simulate(arm, key)) for arm in (case.candidate, case.control, drug)]
        rows.append(
            [
                name_of(scenario(key).name),
                *(case.share(m, key) for m in met),
                case.difference(met[0], met[1], key),
                case.difference(met[0], met[2], key),
            ]
        )
    columns: list[Text] = [
        Message("head.scenario"),
        label_of(case.candidate),
        label_of(case.control),
        label_of(drug),
        Message("q1.over-control"),
        Message("q1.over-drug"),
    ]
    title = Message(
        "q1.table", {"endpoint": endpoint_name(case.study.primary.key), "week": case.primary_day / DAYS_PER_WEEK}
    )
    return Table(title, columns, rows, Message("q1.table-note", {"n": len(case.cohort)}))
