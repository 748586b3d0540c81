"""Where do the cells go? Each way of giving them in the same patients, and what an edit or carrier must achieve."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from homing.answers.case import name_of
from homing.answers.comparing.base import Comparison
from homing.answers.comparing.targets import LARGEST, PATIENTS, Target, find, levers
from homing.answers.content import Block, Chapter, Estimate, Finding, Heat, HeatPanel, Message, Table, Text
from homing.study.simulator import Simulated

#: Days after the first dose at which the map looks, with the words for them.
MOMENTS = (
    (1 / 24, "hour"),
    (0.25, "hours-6"),
    (1.0, "day"),
    (3.0, "days-3"),
    (7.0, "week"),
    (14.0, "weeks-2"),
    (28.0, "weeks-4"),
    (84.0, "weeks-12"),
    (168.0, "weeks-24"),
    (364.0, "year"),
)
PLACES = ("carried", "fistula", "gut", "lung", "blood", "peripheral", "memory")
#: Ways that are drawn, and ways whose targets are looked for.
DRAWN, SEARCHED = 8, 4
#: Cells whose effect hangs on how many act where; stem cells work by the marrow that they restore.
MOVABLE = ("msc", "treg")


def answer(c: Comparison) -> Chapter:
    """A map of places and times for each way of giving the cells; then targets for the chief ways."""
    ways = _ways(c)
    if not ways:
        blocks: list[Block] = [Message("compare.c5.no-cells")]
        return Chapter(5, "where_cells_go", blocks, Message("compare.c5.certainty"), exploratory=True)
    runs = {i: _early(c, i) for i in ways}
    blocks = [_arrival(c, ways, runs), _map(c, ways, runs), _shares(c, ways, runs), *_targets(c, ways)]
    return Chapter(5, "where_cells_go", blocks, Message("compare.c5.certainty"), exploratory=True)


def _ways(c: Comparison) -> list[int]:
    """Arms that differ in kind of cell, route or carrier; the first of each (doses and schedules aside)."""
    seen: dict[str, int] = {}
    for i in range(len(c.arms)):
        protocol = c.protocol(i)
        given = protocol.cell_courses
        if not given or protocol.drugs:
            continue
        way = tuple((k.give, k.route.key, "" if k.carrier is None else k.carrier.key) for k in given)
        seen.setdefault(repr(way), i)
    return list(seen.values())


def _first(c: Comparison, i: int) -> float:
    return min(t for k in c.protocol(i).cell_courses for t in k.times)


def _early(c: Comparison, i: int) -> Simulated:
    """The first dose alone, at the map's moments."""
    protocol = c.protocol(i)
    first = _first(c, i)
    days = [0.0, first, *(first + after for after, _ in MOMENTS)]
    kept = tuple(replace(k, times=(first,)) for k in protocol.courses if first in k.times)
    return c.case.simulate(replace(protocol, courses=kept, rules=()), times=np.unique(days))


def _delivered(c: Comparison, run: Simulated, i: int) -> np.ndarray:
    """(patient,) cells of the doses given until the first moment."""
    first = _first(c, i)
    cells = c.protocol(i).cells
    given = [d.delivered for d in run.doses if d.time <= first and d.course.give in cells]
    return np.asarray(np.sum(given, axis=0))


def _share(c: Comparison, run: Simulated, i: int, place: str, day: float) -> np.ndarray:
    return np.asarray(run[f"product.{place}"][:, run.at(day)] / np.maximum(_delivered(c, run, i), 1e-12))


def _on_target(c: Comparison, run: Simulated, i: int) -> np.ndarray:
    """(patient,) cells that arrived alive at their target within a week of the first dose, as a share of it."""
    week = _first(c, i) + 7.0
    return np.asarray(run["product.arrived"][:, run.at(week)] / np.maximum(_delivered(c, run, i), 1e-12))


def _patients(values: np.ndarray) -> Estimate:
    seen = values[np.isfinite(values)]
    low, high = (float(q) for q in np.percentile(seen, [5, 95]))
    ends = (low, high) if high - low > 1e-3 * abs(high) else (math.nan, math.nan)
    return Estimate(float(seen.mean()), *ends, "percent", 0.9, "patients")


def _arrival(c: Comparison, ways: list[int], runs: dict[int, Simulated]) -> Finding:
    arrived = {i: _on_target(c, runs[i], i) for i in ways}
    ranked = sorted(ways, key=lambda i: (-float(np.nanmean(arrived[i])), c.arms[i]))
    values = {
        "best": c.name(ranked[0]),
        "most": _patients(arrived[ranked[0]]),
        "worst": c.name(ranked[-1]),
        "least": _patients(arrived[ranked[-1]]),
    }
    key = "compare.c5.arrival" if len(ways) > 1 else "compare.c5.arrival-one"
    return Finding(Message(key, values), "assumed", ["run"], exploratory=True)


def _map(c: Comparison, ways: list[int], runs: dict[int, Simulated]) -> Heat:
    panels, places = [], []
    for place in PLACES:
        shares = (_share(c, runs[i], i, place, _first(c, i) + after) for i in ways for after, _ in MOMENTS)
        if any(np.nanmean(share) > 1e-6 for share in shares):
            places.append(place)
    seen: list[np.ndarray] = []
    for i in ways:
        first = _first(c, i)
        values = [
            [float(np.nanmean(_share(c, runs[i], i, place, first + after))) for after, _ in MOMENTS] for place in places
        ]
        if not any(np.allclose(values, other, rtol=1e-3, atol=1e-7) for other in seen):  # alike to the model
            panels.append(HeatPanel(c.name(i), np.array(values)))
            seen.append(np.array(values))
    return Heat(
        Message("compare.c5.map"),
        [Message(f"place.{place}") for place in places],
        [Message(f"compare.c5.{word}") for _, word in MOMENTS],
        panels[:DRAWN],
        Message("compare.c5.scale"),
        note=Message("compare.c5.map-note", {"n": len(c.case.cohort)}),
    )


def _shares(c: Comparison, ways: list[int], runs: dict[int, Simulated]) -> Table:
    rows: list[list[object]] = []
    for i in ways:
        first, run = _first(c, i), runs[i]
        target = "fistula" if any(k.route.site == "fistula" for k in c.protocol(i).cell_courses) else "gut"
        lung = _patients(_share(c, run, i, "lung", first + 1 / 24))
        here = [_patients(_share(c, run, i, target, first + after)) for after in (1.0, 7.0, 28.0)]
        rows.append([c.name(i), Message(f"place.{target}"), lung, _patients(_on_target(c, run, i)), *here])
    heads = ("head.arm", "compare.c5.h-target", "compare.c5.h-lung", "compare.c5.h-arrived")
    more = ("compare.c5.h-day", "compare.c5.h-week", "compare.c5.h-month")
    columns: list[Text] = [Message(key) for key in (*heads, *more)]
    return Table(Message("compare.c5.table"), columns, rows, Message("compare.c5.table-note"))


def _targets(c: Comparison, ways: list[int]) -> list[Block]:
    """For the chief ways and each property: the factor at which the gain over the control matters, by scenario."""
    rows: list[list[object]] = []
    reached, asked = 0, 0
    kinds: dict[tuple[str, ...], int] = {}
    movable = [i for i in ways if all(p.kind in MOVABLE for p in c.protocol(i).products)]
    for i in movable:  # one of each set of routes first, so that every route is asked
        kinds.setdefault(tuple(sorted(k.route.key for k in c.protocol(i).courses)), i)
    chosen = list(dict.fromkeys([*kinds.values(), *movable]))[:SEARCHED]
    for i in chosen:
        for lever in levers(c.protocol(i)):
            found = [find(c.case, c.protocol(i), lever, key, c.told.matters) for key in c.scenarios]
            asked += 1
            reached += all(not math.isnan(t.factor) for t in found)
            rows.append([c.name(i), Message(f"compare.lever.{lever.key}"), *(_factor(t) for t in found), _most(found)])
    columns: list[Text] = [Message("head.arm"), Message("compare.c5.h-property")]
    columns += [name_of(c.case.scenario(key).name) for key in c.scenarios]
    columns += [Message("compare.c5.h-most")]
    values = {
        "matters": c.matters,
        "control": c.name(c.reference),
        "k": asked,
        "reached": reached,
        "largest": LARGEST,
        "n": PATIENTS,
    }
    return [
        Finding(Message("compare.c5.targets", values), "assumed", ["run"], exploratory=True),
        Table(Message("compare.c5.target-table", values), columns, rows, Message("compare.c5.target-note", values)),
    ]


def _factor(target: Target) -> Message:
    if math.isnan(target.factor):
        return Message("compare.c5.not-reached")
    if target.factor <= 1:
        return Message("compare.c5.now")
    return Message("compare.c5.factor", {"factor": Estimate(target.factor, spread="none")})


def _most(found: list[Target]) -> Message:
    low, high = min(t.gain_at_most for t in found), max(t.gain_at_most for t in found)
    ends = (Estimate(x, kind="points", spread="none") for x in (low, high))
    return Message("number.range", dict(zip(("low", "high"), ends, strict=True)))
