"""How long does it last? Every arm at every visit to the last, and how many of those who reach the endpoint keep it."""

from __future__ import annotations

import numpy as np

from homing.answers.case import endpoint_name, name_of
from homing.answers.comparing.base import Comparison
from homing.answers.content import Block, Chapter, Estimate, Finding, Lines, Message, Panel, Series, Table, Text
from homing.ground.calendar import DAYS_PER_YEAR
from homing.ground.proportions import exact_interval
from homing.patients.scenario import scenario

#: Arms that are drawn beside the control: more curves can't be told apart.
DRAWN = 5


def answer(c: Comparison) -> Chapter:
    """The share that meets the primary endpoint at each visit, lastingly and at the end."""
    if not c.is_followed:
        blocks: list[Block] = [Message("compare.c6.not-followed")]
        return Chapter(6, "how_long", blocks, Message("compare.c6.certainty-none"), exploratory=True)
    blocks = [_finding(c), _figure(c), _table(c)]
    return Chapter(6, "how_long", blocks, Message("compare.c6.certainty"), exploratory=True)


def _years(c: Comparison) -> Estimate:
    return Estimate(c.last_day / DAYS_PER_YEAR, spread="none")


def _ranked(c: Comparison) -> list[int]:
    shares = np.nanmean(c.lasting[c.case.central], axis=1)
    return sorted(range(len(c.arms)), key=lambda i: (-round(float(shares[i]), 12), c.arms[i]))


def _finding(c: Comparison) -> Finding:
    key = c.case.central
    lasting, first = c.lasting[key], _ranked(c)[0]
    values = {
        "years": _years(c),
        "arm": c.name(first),
        "share": c.share(lasting[first]),
        "gain": c.gain(lasting[first], lasting[c.reference]),
        "control": c.name(c.reference),
        "endpoint": endpoint_name(c.case.study.primary.key),
        "scenario": name_of(scenario(key).name),
    }
    said = "compare.c6.control-lasts" if first == c.reference else "compare.c6.lasts"
    return Finding(Message(said, values), "assumed", ["run"], exploratory=True)


def _figure(c: Comparison) -> Lines:
    end = c.case.study.primary
    shown = [*c.first_alike([i for i in _ranked(c) if i != c.reference])[:DRAWN], c.reference]
    days = [day for day in c.case.study.visits if day >= end.time]
    panels = []
    for key in c.scenarios:
        series = []
        for colour, i in enumerate(shown):
            found = [c.share(c.table.outcome(key, c.arms[i], end.key, day), key) for day in days]
            x = np.array(days) / DAYS_PER_YEAR
            y, low, high = (np.array([getattr(e, part) for e in found]) for part in ("value", "low", "high"))
            style = "dashed" if i == c.reference else "line"
            series.append(Series(c.name(i), x, y, low, high, style=style, colour=colour))  # type: ignore[arg-type]
        axes = (Message("head.time-years"), Message("q2.share"))
        panels.append(Panel(name_of(scenario(key).name), series, *axes, y_range=(0.0, 1.0), percent=True))
    values = {"endpoint": endpoint_name(end.key)}
    return Lines(Message("compare.c6.figure", values), panels, Message("compare.c6.figure-note"))


def _table(c: Comparison) -> Table:
    key, end = c.case.central, c.case.study.primary
    rows: list[list[object]] = []
    for i in _ranked(c):
        met, lasting = c.met[key][i], c.lasting[key][i]
        reached = int(np.nansum(met))
        kept = int(np.nansum(lasting))
        ends = exact_interval(kept, reached) if reached else (float("nan"), float("nan"))
        keep = Estimate(kept / reached if reached else float("nan"), *ends, "percent", 0.95, "monte-carlo")
        last = c.share(c.table.outcome(key, c.arms[i], end.key, c.last_day))
        rows.append([c.name(i), c.share(met), last, c.share(lasting), keep])
    heads: list[Text] = [Message("head.arm"), Message("compare.c3.h-efficacy")]
    heads += [Message("compare.c6.h-last", {"years": _years(c)}), Message("compare.c3.h-durability")]
    heads += [Message("compare.c6.h-keep")]
    values = {"scenario": name_of(scenario(key).name)}
    return Table(Message("compare.c6.table", values), heads, rows, Message("compare.c6.table-note"))
