"""What next? The trial's power and assurance, what the course costs, and which value to measure first."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from homing.answers.case import Case, endpoint_name, label_of, name_of
from homing.answers.content import (
    Block,
    Chapter,
    Estimate,
    Finding,
    Lines,
    Message,
    Panel,
    Series,
    Table,
    Text,
    Tornado,
)
from homing.answers.headline import difference
from homing.answers.priced import cost_of
from homing.answers.sensitivity import Sensitivity, sensitivity
from homing.economics.cost import cost_per_extra_remission
from homing.evidence.values import Basis, Value
from homing.ground.calendar import DAYS_PER_WEEK
from homing.patients.scenario import scenario
from homing.study.results import Sums
from homing.synthesis.effect import effect_of_counts
from homing.synthesis.pool import pool
from homing.trials.power import TwoArmDesign, assurance, patients_for_power, power, power_of, predictive_assurance

WANTED = (0.8, 0.9)
DRAWS = 4000
Array = NDArray[np.float64]
SHOWN = 10


def answer(case: Case) -> Chapter:
    """Power by scenario, predictive assurance from the evidence, cost per remission, and the values to measure."""
    found = sensitivity(case)
    blocks: list[Block] = [
        _assurance(case),
        _power_figure(case),
        _power_table(case),
        *_predictive(case),
        *case.about_one(),
        *_cost(case),
        *_measure(case, found),
    ]
    return Chapter(8, "what_next", blocks, Message("q8.certainty"), exploratory=True)


def _design(case: Case) -> TwoArmDesign:
    design = case.study.design
    return TwoArmDesign(design.patients_per_arm, design.alpha, design.dropout)


def _shares(case: Case, key: str) -> tuple[float, float]:
    return (
        case.results.primary(key, case.study.candidate).mean,
        case.results.primary(key, case.study.control).mean,
    )


def _power(case: Case, key: str) -> Estimate:
    """Power at the simulated shares, and at the ends of the interval of their difference."""
    treated, control = _shares(case, key)
    gain = difference(case.results.difference(key))
    worst, best = (power(min(max(control + d, 0.0), 1.0), control, _design(case)) for d in (gain.low, gain.high))
    return Estimate(power(treated, control, _design(case)), worst, best, "percent", 0.95, gain.spread)


def _power_over_draws(case: Case) -> Array | None:
    """(draw,) the power under every draw of the posterior: at the control's share and the difference of that draw.

    None where the study doesn't have the posterior, or has too few patients to tell draws apart.
    """
    control = case.results.primary(case.central, case.study.control).over_draws()
    gain = case.results.difference(case.central).over_draws()
    if control is None or gain is None:
        return None
    shares = np.clip(control.means, 0.0, 1.0)
    return power_of(np.clip(shares + gain.means, 0.0, 1.0), shares, _design(case))


def _assurance(case: Case) -> Finding:
    keys = case.study.scenarios
    drawn = _power_over_draws(case)
    total, each = assurance([_shares(case, key) for key in keys], [1.0] * len(keys), _design(case))
    design = case.study.design
    values = {
        "n": design.patients_per_arm,
        "alpha": Estimate(design.alpha, spread="none"),
        "dropout": Estimate(design.dropout, kind="percent", spread="none"),
        "endpoint": endpoint_name(case.study.primary.key),
        "week": case.study.primary.time / DAYS_PER_WEEK,
        "assurance": Estimate(total, min(each), max(each), "percent", 1.0, "scenarios"),
        "k": len(keys),
    }
    if drawn is None and len(keys) == 1:
        values |= {"assurance": _power(case, keys[0]), "scenario": name_of(scenario(keys[0]).name)}
        return Finding(Message("q8.assurance-one", values), "assumed", ["run"], exploratory=True)
    if drawn is None:
        return Finding(Message("q8.assurance", values), "assumed", ["run"], exploratory=True)
    low, high = (float(q) for q in np.quantile(drawn, [0.025, 0.975]))
    values["assurance"] = Estimate(float(drawn.mean()), low, high, "percent", 0.95, "posterior")
    values["k"] = len(drawn)
    return Finding(Message("q8.assurance-posterior", values), "assumed", ["run"], exploratory=True)


def _power_figure(case: Case) -> Lines:
    planned = case.study.design.patients_per_arm
    sizes = np.unique(np.round(np.geomspace(10, max(1000, 4 * planned), 60)).astype(int))
    series = []
    for colour, key in enumerate(case.study.scenarios):
        treated, control = _shares(case, key)
        y = np.array([power(treated, control, replace(_design(case), patients_per_arm=int(n))) for n in sizes])
        series.append(Series(name_of(scenario(key).name), sizes.astype(float), y, colour=colour))
    mine = np.array([_power(case, key).value for key in case.study.scenarios])
    x = np.full(len(mine), float(planned))
    series.append(Series(Message("q8.this-trial"), x, mine, style="points", colour=len(series)))
    panel = Panel(
        title=Message("q8.power-panel"),
        series=series,
        x_label=Message("q8.per-arm"),
        y_label=Message("head.power"),
        x_scale="log",
        y_range=(0.0, 1.0),
        percent=True,
        reference=WANTED[0],
    )
    return Lines(Message("q8.power-figure"), [panel], Message("q8.power-note"))


def _power_table(case: Case) -> Table:
    rows = []
    for key in case.study.scenarios:
        treated, control = _shares(case, key)
        design = case.study.design
        sizes = [patients_for_power(treated, control, p, design.alpha, design.dropout) for p in WANTED]
        gain = case.results.difference(key)
        rows.append(
            [
                name_of(scenario(key).name),
                Estimate(treated, kind="percent", spread="none"),
                Estimate(control, kind="percent", spread="none"),
                difference(gain),
                _power(case, key),
                *(n if n is not None else Message("q8.no-size") for n in sizes),
            ]
        )
    columns: list[Text] = [
        Message("head.scenario"),
        label_of(case.candidate),
        label_of(case.control),
        Message("head.difference"),
        Message("head.power"),
        *(Message("q8.size-for", {"power": Estimate(p, kind="percent", spread="none")}) for p in WANTED),
    ]
    return Table(Message("q8.power-table"), columns, rows, Message("q8.power-table-note"))


def _predictive(case: Case) -> Iterator[Block]:
    """Assurance from the evidence alone: the next trial's effect as the synthesis predicts it."""
    if not case.study.evidence:
        return
    trials = case.store.comparisons(case.study.evidence)
    if len(trials) < 2:
        return
    a, b = [c.candidate for c in trials], [c.control for c in trials]
    counts = ([x.events for x in a], [x.n for x in a], [x.events for x in b], [x.n for x in b])
    effects = effect_of_counts(*counts, "odds-ratio", zeros="add-half")
    pooled = pool(effects, adjust="none")
    control = sum(x.events for x in b) / sum(x.n for x in b)
    spread = float(np.sqrt(pooled.tau2 + pooled.standard_error**2))
    found = predictive_assurance(pooled.estimate, spread, control, _design(case))
    odds = pooled.natural()
    values = {
        "assurance": Estimate(found, kind="percent", spread="none"),
        "k": pooled.k,
        "ratio": Estimate(odds.estimate, odds.low, odds.high, "ratio"),
        "control": Estimate(control, kind="percent", spread="none"),
    }
    sources = list(dict.fromkeys(source for c in trials for source in c.sources))
    yield Finding(Message("q8.predictive", values), "estimated", sources)


def _cost(case: Case) -> Iterator[Block]:
    """What the course costs, and each further remission, for the product alone: care and the drug are not priced."""
    if case.product is None:
        yield Message("q8.no-price", {"candidate": label_of(case.candidate)})
        return
    cost = cost_of(case, case.candidate, case.product)
    entry, times, key = cost.price, cost.times, "q8.price-own" if cost.is_own else "q8.price-usual"
    money = _money(entry.value, times)
    values: dict[str, object] = {
        "product": name_of(case.product.name),
        "cost": money,
        "of": name_of(entry.of),
        "country": entry.country,
        "year": str(entry.year),
        "name": name_of(entry.name),
    }
    told = Message(key, values)
    yield Finding(told, entry.value.basis, [entry.value.source]) if entry.value.source else told
    rows = []
    for scenario_key in case.study.scenarios:
        rows.append(_cost_row(case, scenario_key, entry.value, times))
    heads = ("head.scenario", "q8.per-responder", "q8.per-extra", "q8.without-gain")
    note = Message("q8.cost-note", {"draws": DRAWS, "country": entry.country, "year": str(entry.year)})
    yield Table(Message("q8.cost-table"), [Message(h) for h in heads], rows, note)


def _money(price: Value, times: float) -> Estimate:
    low = float("nan") if price.low is None else price.low * times
    high = float("nan") if price.high is None else price.high * times
    return Estimate(
        price.number * times, low, high, "money", 0.9, "sampling" if price.low is not None else "none", price.unit
    )


def _cost_row(case: Case, key: str, price: Value, times: float) -> list[object]:
    """Cost per patient in remission and per further remission: the price's range and the outcome's interval drawn."""
    spread = difference(case.results.difference(key)).spread
    u = (np.arange(DRAWS) + 0.5) / DRAWS
    z = ndtri(np.random.default_rng(case.study.seed).permutation(u))
    cell, gain = case.results.primary(key, case.study.candidate), case.results.difference(key)
    low, high = (price.number if price.low is None else price.low), (price.number if price.high is None else price.high)
    cost = times * (low + (high - low) * u)
    extra = cost_per_extra_remission(cost, _drawn(gain, z))
    each: object = Message("q8.no-remission")
    if cell.mean:
        share = np.clip(_drawn(cell, z), 0.5 / cell.n, 1)
        least, most = (float(q) for q in np.percentile(cost / share, [2.5, 97.5]))
        each = Estimate(times * price.number / cell.mean, least, most, "money", 0.95, spread, price.unit)
    return [
        name_of(scenario(key).name),
        each,
        Estimate(extra.value, extra.low, extra.high, "money", 0.95, spread, price.unit)
        if np.isfinite(extra.value)
        else Message("q8.no-gain"),
        Estimate(extra.share_without_gain, kind="percent", spread="none"),
    ]


def _drawn(cell: Sums, z: Array) -> Array:
    """Draws of a mean: those of the posterior where there are any, else of its simulation error, at normal scores."""
    told = cell.over_draws()
    return cell.mean + cell.error * z if told is None else np.quantile(told.means, ndtr(z))


def _measure(case: Case, found: Sensitivity) -> Iterator[Block]:
    """The values whose uncertainty moves the answer most."""
    moving = [s for s in found.swings if s.size > 0]
    if not moving:
        yield Message("q8.nothing-moves", {"k": len(found.swings)})
        return
    parts = [
        Message(
            "q8.mover",
            {
                "name": s.meaning,
                "low": Estimate(s.gain_low, kind="points", spread="none"),
                "high": Estimate(s.gain_high, kind="points", spread="none"),
                "basis": Message(f"basis.{s.basis}"),
            },
        )
        for s in moving[:3]
    ]
    values = {
        "parts": parts,
        "centre": Estimate(found.centre[0], found.centre[1], found.centre[2], "points", 0.95, "monte-carlo"),
        "k": len(found.swings),
        "assumed": Estimate(found.share_assumed, kind="percent", spread="none"),
        "n": found.patients,
    }
    basis: Basis = "assumed" if found.exploratory else "estimated"
    sources = ["run", *dict.fromkeys(s.source for s in moving[:3] if s.source)]
    yield Finding(Message("q8.measure", values), basis, sources, exploratory=found.exploratory)
    top = moving[:SHOWN]
    yield Tornado(
        title=Message("q8.tornado"),
        labels=[s.meaning for s in top],
        low=np.array([s.gain_low for s in top]),
        high=np.array([s.gain_high for s in top]),
        centre=found.centre[0],
        x_label=Message("q5.difference"),
        percent=True,
        note=Message("q8.tornado-note", {"n": found.patients}),
    )
    rows = [
        [
            s.meaning,
            Message("number.range", {"low": s.low, "high": s.high}) if s.low != s.high else None,
            s.unit if s.unit != "1" else "",
            Estimate(s.gain_low, kind="points", spread="none"),
            Estimate(s.gain_high, kind="points", spread="none"),
            Message(f"basis.{s.basis}"),
        ]
        for s in top
    ]
    heads = ("head.parameter", "head.range", "head.unit", "q8.at-low", "q8.at-high", "head.basis")
    yield Table(Message("q8.measure-table"), [Message(h) for h in heads], rows)
