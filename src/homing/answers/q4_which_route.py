"""By which route? The same patients by each feasible route and carrier; where the cells are over time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from homing.answers.case import (
    Case,
    endpoint_name,
    label_of,
    name_of,
    simulated_difference,
)
from homing.answers.content import Block, Chapter, Estimate, Finding, Lines, Message, Panel, Series, Table, Text
from homing.evidence.catalogue import names
from homing.ground.calendar import DAYS_PER_WEEK
from homing.patients.scenario import scenario
from homing.protocol import catalogue
from homing.protocol.course import Course, Protocol
from homing.protocol.product import Carrier, Product, Route
from homing.study.simulator import Simulated

#: The first month in detail: cells move within hours.
MONTH = 28.0
#: The places and their colours: those where cells act are easiest to tell apart.
COLOURS = {"carried": 0, "fistula": 1, "gut": 2, "lung": 3, "blood": 4, "peripheral": 5, "memory": 6}
#: A place is drawn where it ever holds so large a share of the cells.
VISIBLE = 1e-5


@dataclass(frozen=True)
class Way:
    """One route with one carrier: its name, and the candidate's protocol by it."""

    name: Text
    route: Route
    carrier: Carrier | None
    protocol: Protocol
    is_candidate: bool


def answer(case: Case) -> Chapter:
    """Where cells go by each route, what share reaches the target, and what it does to the primary endpoint."""
    if case.course is None or case.product is None:
        blocks: list[Block] = [Message("q4.no-cells", {"candidate": label_of(case.candidate)})]
        return Chapter(4, "which_route", blocks, Message("q4.certainty-none"), exploratory=True)
    ways = list(_ways(case, case.course))
    runs = [case.simulate(way.protocol, times=_days(case)) for way in ways]
    blocks = [
        *case.about_one(),
        _arrival(ways, runs, case.product),
        _where(case, ways, runs, case.product),
        _table(case, ways, runs, case.product),
        _difference(case, ways),
        *_closed(case, ways),
    ]
    return Chapter(4, "which_route", blocks, Message("q4.certainty"), exploratory=True)


def _days(case: Case) -> NDArray[np.float64]:
    """Hours and days of the first month from the first dose on, then weeks to the primary visit."""
    first = case.course.times[0] if case.course is not None else 0.0
    early = first + np.concatenate([np.geomspace(0.02, 3, 25), np.arange(4, MONTH + 1)])
    return np.unique([0.0, *early, *case.weeks(max(case.primary_day, first + MONTH))])


def _ways(case: Case, course: Course) -> Iterator[Way]:
    """Every route that the product can take in these patients, with every carrier that suits it."""
    product = case.product
    if product is None:
        return
    for key in product.routes:
        route = catalogue.route(key)
        if route.site == "fistula" and not case.has_fistula:
            continue
        for carrier in _carriers(route, course.carrier):
            changed = replace(course, route=route, carrier=carrier)
            courses = tuple(changed if c is course else c for c in case.candidate.courses)
            same = route.key == course.route.key and _key(carrier) == _key(course.carrier)
            name = name_of(route.name)
            full = (
                name
                if _key(carrier) == "suspension"
                else Message("q4.way", {"route": name, "carrier": name_of(carrier.name) if carrier is not None else ""})
            )
            yield Way(full, route, carrier, replace(case.candidate, courses=courses), same)


def _key(carrier: Carrier | None) -> str:
    return "suspension" if carrier is None else carrier.key


def _carriers(route: Route, own: Carrier | None) -> list[Carrier | None]:
    """Cells in suspension, and every carrier of the catalogue that is made for the route, with the user's own."""
    found = [catalogue.carrier(key) for key in names("carriers")]
    if own is not None and own.like:
        found.append(own)
    suited = [c for c in found if c.key != "suspension" and route.key in c.routes]
    return [None, *suited]


def _arrived(run: Simulated, product: Product) -> NDArray[np.float64]:
    """(patient,) cells of a product that arrived alive in the target tissue, as a share of those delivered."""
    delivered = np.sum([dose.delivered for dose in run.doses if dose.course.give == product], axis=0)
    return run.cells(product.key, "arrived")[:, -1] / np.maximum(delivered, 1e-12)


def _spread(values: NDArray[np.float64]) -> Estimate:
    seen = values[np.isfinite(values)]
    low, high = (float(q) for q in np.percentile(seen, [5, 95]))
    ends = (low, high) if high - low > 1e-3 * high else (float("nan"), float("nan"))
    return Estimate(float(seen.mean()), *ends, "percent", 0.9, "patients")


def _arrival(ways: list[Way], runs: list[Simulated], product: Product) -> Finding:
    share = [float(np.nanmean(_arrived(run, product))) for run in runs]
    best = int(np.argmax(share))
    mine = next((i for i, way in enumerate(ways) if way.is_candidate), 0)
    values = {
        "mine": ways[mine].name,
        "mine_share": _spread(_arrived(runs[mine], product)),
        "best": ways[best].name,
        "best_share": _spread(_arrived(runs[best], product)),
        "product": name_of(product.name),
    }
    key = "q4.arrival-best" if best == mine else "q4.arrival"
    sources = ["run", *dict.fromkeys(s for way in ways for s in way.route.sources)]
    return Finding(Message(key, values), "assumed", sources, exploratory=True)


def _where(case: Case, ways: list[Way], runs: list[Simulated], product: Product) -> Lines:
    """Cells in each place over the first month, one panel for each way of giving them."""
    first = case.course.times[0] if case.course is not None else 0.0
    panels = []
    for way, run in zip(ways[:6], runs[:6], strict=True):
        window = (run.times > first) & (run.times <= first + MONTH)
        last = [dose for dose in run.doses if dose.course.give == product][-1]
        total = float(np.nanmean(last.delivered)) or 1.0
        series = []
        for place, colour in COLOURS.items():
            mean = np.nanmean(run.cells(product.key, place)[:, window], axis=0)
            if mean.max() > VISIBLE * total:
                label = Message(f"place.{place}")
                series.append(Series(label, run.times[window] - first, np.maximum(mean, 1e-6 * total), colour=colour))
        panels.append(
            Panel(way.name, series, Message("head.time-days"), Message("q4.cells-axis"), x_scale="log", y_scale="log")
        )
    return Lines(Message("q4.figure"), panels, Message("q4.figure-note", {"n": len(case.cohort)}))


def _table(case: Case, ways: list[Way], runs: list[Simulated], product: Product) -> Table:
    rows = []
    for way, run in zip(ways, runs, strict=True):
        target = run.cells(product.key, "fistula" if way.route.site == "fistula" else "gut")
        peak = np.nanmean(target, axis=0)
        at = int(np.argmax(peak))
        shares = [case.share(case.primary(case.simulate(way.protocol, key)), key) for key in case.study.scenarios]
        rows.append(
            [
                way.name,
                _spread(_arrived(run, product)),
                Estimate(float(peak[at]), kind="cells", spread="none"),
                Estimate(float(run.times[at]), kind="days", spread="none"),
                *shares,
            ]
        )
    heads = ("head.route", "q4.reached", "q4.peak", "q4.peak-day")
    columns: list[Text] = [*(Message(key) for key in heads), *(name_of(scenario(k).name) for k in case.study.scenarios)]
    values = {"endpoint": endpoint_name(case.study.primary.key), "week": case.primary_day / DAYS_PER_WEEK}
    return Table(Message("q4.table", values), columns, rows, Message("q4.table-note"))


def _difference(case: Case, ways: list[Way]) -> Finding:
    """What the way of giving the cells changes in the primary endpoint."""
    met = [case.primary(case.simulate(way.protocol)) for way in ways]
    shares = [float(np.nanmean(m)) for m in met]
    best, worst = int(np.argmax(shares)), len(shares) - 1 - int(np.argmin(shares[::-1]))
    apart = simulated_difference(met[best], met[worst])
    values = {
        "best": ways[best].name,
        "worst": ways[worst].name,
        "apart": apart,
        "endpoint": endpoint_name(case.study.primary.key),
        "scenario": name_of(case.scenario().name),
    }
    if len(ways) == 1:
        only = {**values, "way": ways[0].name, "share": case.share(met[0])}
        return Finding(Message("q4.one-way", only), "assumed", ["run"], exploratory=True)
    key = "q4.differ" if apart.low > 0 else "q4.same"
    return Finding(Message(key, values), "assumed", ["run"], exploratory=True)


def _closed(case: Case, ways: list[Way]) -> Iterator[Block]:
    """Routes of the catalogue that are not open, and why."""
    product = case.product
    if product is None:
        return
    open_ = {way.route.key for way in ways}
    shut = [catalogue.route(key) for key in names("routes") if not key.startswith("drug-") and key not in open_]
    not_taken = [name_of(route.name) for route in shut if route.key not in product.routes]
    no_site = [name_of(route.name) for route in shut if route.key in product.routes]
    if not_taken:
        yield Message("q4.not-taken", {"routes": not_taken, "product": name_of(product.name)})
    if no_site:
        yield Message("q4.no-site", {"routes": no_site})
