"""What is gained for what is risked and paid? Efficacy, durability, hazards and cost, and who is dominated."""

from __future__ import annotations

import math

import numpy as np

from homing.answers.case import endpoint_name, name_of
from homing.answers.comparing.base import Comparison, listed
from homing.answers.content import Block, Chapter, Cloud, Estimate, Finding, Message, Scatter, Table, Text
from homing.answers.deaths import deaths_counted
from homing.ground.calendar import DAYS_PER_WEEK, DAYS_PER_YEAR
from homing.patients.scenario import scenario
from homing.protocol.product import Drug
from homing.trials.ranking import dominates, front, front_share

#: Differences below these are none: infections per patient-year and deaths per patient, as counts of a hundred.
INFECTIONS_TO, DEATHS_TO = 2, 3
#: Cohorts whose fronts are looked for.
FRONTS = 300


def answer(c: Comparison) -> Chapter:
    """Every arm by four criteria, those that no other dominates, and how sure that is."""
    rest = unvaried(c)
    central = criteria(c, c.met[c.case.central], c.lasting[c.case.central], rest)
    on = front(central)
    share = _front_share(c, rest)
    blocks: list[Block] = [_finding(c, on, share), *_dominated(c, central, on), _figure(c, central, on)]
    blocks += [_table(c, on, share), *_deaths(c), *_prices(c)]
    return Chapter(3, "what_for_what", blocks, Message("compare.c3.certainty"), exploratory=True)


def unvaried(c: Comparison) -> np.ndarray:
    """(arm, criterion) minus infections, deaths and costs: what does not change from cohort to cohort.

    The cells' cost stands in one column for each regimen of drugs (none is one too), NaN in the others: arms with
    different drugs can't be compared by cost, since no drug is priced.
    """
    drugs = [repr([k for k in c.protocol(i).courses if isinstance(k.give, Drug)]) for i in range(len(c.arms))]
    regimens = list(dict.fromkeys(drugs))
    rows = []
    for i in range(len(c.arms)):
        deaths, money = c.deaths(i), c.cells_money(i)
        costs = [math.nan] * len(regimens)
        costs[regimens.index(drugs[i])] = -money.value if money is not None else math.nan
        infections = -round(float(np.nanmean(c.infections[i])), INFECTIONS_TO)
        rows.append((infections, -round(deaths.value, DEATHS_TO) if deaths is not None else 0.0, *costs))
    return np.array(rows)


def criteria(c: Comparison, met: np.ndarray, lasting: np.ndarray, rest: np.ndarray) -> np.ndarray:
    """(arm, criterion), larger is better: share at the primary visit, share lastingly, then `rest`."""
    return np.column_stack([np.nanmean(met, axis=1), np.nanmean(lasting, axis=1), rest])


def _front_share(c: Comparison, rest: np.ndarray) -> np.ndarray:
    met, lasting = c.drawn(c.met), c.drawn(c.lasting)
    each = max(FRONTS // len(c.case.judged), 1)
    draws = [
        np.column_stack([met[key][d], lasting[key][d], rest])
        for key in c.case.judged
        for d in range(min(each, len(met[key])))
    ]
    return front_share(np.stack(draws))


def _finding(c: Comparison, on: np.ndarray, share: np.ndarray) -> Finding:
    kept = [i for i in range(len(c.arms)) if on[i]]
    kept.sort(key=lambda i: (-round(float(share[i]), 12), c.arms[i]))
    values = {
        "n": len(kept),
        "of": len(c.arms),
        "names": listed([c.name(i) for i in kept]),
        "scenario": name_of(c.case.scenario().name),
    }
    return Finding(Message("compare.c3.front", values), "assumed", ["run"], exploratory=True)


def _dominated(c: Comparison, central: np.ndarray, on: np.ndarray) -> list[Block]:
    """For each arm that is dominated, one that dominates it."""
    rows: list[list[object]] = []
    for i in range(len(c.arms)):
        by = [k for k in range(len(c.arms)) if dominates(central[k], central[i])]
        if not on[i] and by:
            rows.append([c.name(i), listed([c.name(k) for k in sorted(by, key=lambda k: c.arms[k])])])
    if not rows:
        return []
    return [Table(Message("compare.c3.dominated"), [Message("head.arm"), Message("compare.c3.by")], rows)]


def _three(e: Estimate) -> tuple[float, float, float]:
    return e.value, e.low, e.high


def _figure(c: Comparison, central: np.ndarray, on: np.ndarray) -> Scatter:
    key = c.case.central
    arms = range(len(c.arms))
    y = np.array([_three(c.share(c.met[key][i])) for i in arms])
    share = Message("compare.c3.efficacy", _when(c))
    lasting = np.array([_three(c.share(c.lasting[key][i])) for i in arms])
    infections = 100 * np.nanmean(c.infections, axis=1)
    money = [c.money(i) for i in arms]
    cost = np.array([_three(m) if m is not None else (math.nan,) * 3 for m in money])
    panels = []
    if c.is_followed:
        years = c.last_day / DAYS_PER_YEAR
        title = Message("compare.c3.durability-axis", {"years": Estimate(years, spread="none")})
        panels.append(Cloud(Message("compare.c3.durability"), lasting, y, title, share, x_percent=True, y_percent=True))
    hazard = np.column_stack([infections, np.full((len(infections), 2), math.nan)])
    panels.append(
        Cloud(Message("compare.c3.hazard"), hazard, y, Message("compare.c3.hazard-axis"), share, y_percent=True)
    )
    if np.isfinite(cost[:, 0]).any():
        label = Message("compare.c3.cost-axis", {"currency": c.currency})
        panels.append(Cloud(Message("compare.c3.cost"), cost, y, label, share, y_percent=True))
    return Scatter(
        title=Message("compare.c3.figure", {"scenario": name_of(scenario(key).name)}),
        labels=[c.name(i) for i in arms],
        filled=[bool(x) for x in on],
        panels=panels,
        filled_label=Message("compare.c3.on-front"),
        open_label=Message("compare.c3.off-front"),
        note=Message("compare.c3.figure-note"),
    )


def _when(c: Comparison) -> dict[str, object]:
    study = c.case.study
    return {"endpoint": endpoint_name(study.primary.key), "week": study.primary.time / DAYS_PER_WEEK}


def _table(c: Comparison, on: np.ndarray, share: np.ndarray) -> Table:
    key = c.case.central
    rows: list[list[object]] = []
    for i in sorted(range(len(c.arms)), key=lambda i: (not on[i], -round(float(share[i]), 12), c.arms[i])):
        infections = 100 * c.infections[i]
        low, high = (float(q) for q in np.nanpercentile(infections, [5, 95]))
        mean = float(np.nanmean(infections))
        ends = (low, high) if high - low > 0.01 * mean else (math.nan, math.nan)
        rows.append(
            [
                c.name(i),
                c.share(c.met[key][i]),
                c.share(c.lasting[key][i]) if c.is_followed else None,
                Estimate(mean, *ends, "number", 0.9, "patients"),
                c.deaths(i) or Message("compare.c3.no-deadly"),
                c.money(i) or _own_money(c, i),
                Message("number.yes" if on[i] else "number.no"),
                Estimate(float(share[i]), kind="percent", spread="none"),
            ]
        )
    heads = ("head.arm", "compare.c3.h-efficacy", "compare.c3.h-durability", "compare.c3.h-infections")
    more = ("compare.c3.h-deaths", "compare.c3.h-cost", "compare.c3.h-front", "compare.c3.h-share")
    columns: list[Text] = [Message(key) for key in (*heads, *more)]
    values = {"scenario": name_of(scenario(key).name), "n": c.size, "under": c.under}
    return Table(Message("compare.c3.table", values), columns, rows, Message("compare.c3.table-note", values))


def _own_money(c: Comparison, arm: int) -> object:
    """Costs in their own currencies, where no rate brings them together or a drug is given whose cost is not known."""
    costs: list[object] = [
        Estimate(k.times * k.price.value.number, kind="money", spread="none", unit=k.price.value.unit)
        for k in c.costs(arm)
    ]
    return [*costs, Message("compare.c3.and-drug")] if c.protocol(arm).drugs else costs


def _deaths(c: Comparison) -> list[Block]:
    """What programmes counted of deaths by conditioning, which no point of the figure shows: once for each count."""
    found: dict[tuple[str, ...], Block] = {}
    for i in range(len(c.arms)):
        counted = deaths_counted(c.protocol(i), c.case.store)
        if counted:
            one = "-one" if len(counted) == 1 else ""
            values = {"arm": c.name(i), "deaths": c.deaths(i), "trial": counted[0].trial.name}
            message = Message(f"compare.c3.deaths{one}", values)
            found.setdefault(tuple(s.trial.key for s in counted), Finding(message, "estimated", c.death_sources(i)))
    return list(found.values())


def _prices(c: Comparison) -> list[Block]:
    """Where each price comes from, and at which rates they were brought together."""
    found: list[Block] = []
    entries = {k.price.key: k for i in range(len(c.arms)) for k in c.costs(i)}
    for cost in entries.values():
        value = cost.price.value
        low = math.nan if value.low is None else value.low
        high = math.nan if value.high is None else value.high
        told = {
            "name": name_of(cost.price.name),
            "of": name_of(cost.price.of),
            "cost": Estimate(value.number, low, high, "money", 0.9, "sampling", value.unit),
            "country": cost.price.country,
            "year": str(cost.price.year),
        }
        message = Message("compare.c3.price" if cost.is_own else "compare.c3.price-usual", told)
        found.append(Finding(message, value.basis, [value.source]) if value.source else message)
    for currency, (rate, into) in c.told.exchange.items():
        found.append(Message("compare.c3.exchange", {"currency": currency, "rate": rate, "into": into}))
    return found
