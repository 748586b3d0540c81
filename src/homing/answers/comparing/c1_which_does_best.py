"""Which does best? Shares by scenario, and differences from the control, simulation error and sampling told apart."""

from __future__ import annotations

import numpy as np

from homing.answers.case import endpoint_name, name_of, simulated_difference
from homing.answers.comparing.base import Comparison, listed
from homing.answers.content import Block, Chapter, Dots, Estimate, Finding, Message, Table, Text
from homing.answers.spans import Span, over_all
from homing.ground.calendar import DAYS_PER_WEEK
from homing.patients.scenario import scenario
from homing.protocol.course import Course
from homing.protocol.product import Drug, Product
from homing.trials.ranking import difference


def answer(c: Comparison) -> Chapter:
    """The primary endpoint of every arm in every scenario, and its difference from the control."""
    blocks: list[Block] = [_best(c), *_mattering(c), *_alike(c), _dots(c), _differences(c), _pair(c)]
    blocks += _combinations(c)
    return Chapter(1, "which_does_best", blocks, Message("compare.c1.certainty"), exploratory=True)


def _when(c: Comparison) -> dict[str, object]:
    study = c.case.study
    return {"endpoint": endpoint_name(study.primary.key), "week": study.primary.time / DAYS_PER_WEEK}


def order(c: Comparison, key: str) -> list[int]:
    """Arms from the largest share to the smallest; equals in the order of their names."""
    shares = np.nanmean(c.met[key], axis=1)
    return sorted(range(len(c.arms)), key=lambda i: (-round(float(shares[i]), 12), c.arms[i]))


def _best(c: Comparison) -> Finding:
    """The leader, how far it is ahead of the second and of the control."""
    key = c.case.central
    met, ranked = c.met[key], order(c, key)
    first, second = ranked[0], ranked[min(1, len(ranked) - 1)]
    ahead = simulated_difference(met[first], met[second])
    values = {
        **_when(c),
        "first": c.name(first),
        "share": c.share(met[first]),
        "second": c.name(second),
        "ahead": ahead,
        "control": c.name(c.reference),
        "gain": c.gain(met[first], met[c.reference]),
        "scenario": name_of(scenario(key).name),
    }
    if first == c.reference:
        return Finding(Message("compare.c1.control-leads", values), "assumed", ["run"], exploratory=True)
    said = "compare.c1.leads" if ahead.low > 0 else "compare.c1.tied"
    return Finding(Message(said, values), "assumed", ["run"], exploratory=True)


def _mattering(c: Comparison) -> list[Block]:
    """In which scenarios which arms gain more than what matters, beyond simulation error."""
    found: list[Block] = []
    matters = c.matters
    for key in c.scenarios:
        better = []
        for i in c.others:
            gain = simulated_difference(c.met[key][i], c.met[key][c.reference])
            if gain.low > c.told.matters:
                better.append(i)
        ranked = [c.name(i) for i in order(c, key) if i in better]
        values = {"scenario": name_of(scenario(key).name), "matters": matters, "control": c.name(c.reference)}
        more = {"names": listed(ranked), "n": len(ranked), "of": len(c.others)}
        message = Message("compare.c1.matter", values | more) if ranked else Message("compare.c1.none-matters", values)
        found.append(Finding(message, "assumed", ["run"], exploratory=True))
    return found


def _alike(c: Comparison) -> list[Block]:
    """Arms that the model can't tell apart: equal by construction, not by evidence."""
    found: list[Block] = []
    for members in c.alike:
        others = [c.name(i) for i in members if i != c.reference]
        if len(members) > 1:
            with_control = c.reference in members
            values = {"names": listed(others), "control": c.name(c.reference)}
            key = "compare.c1.like-control" if with_control else "compare.c1.alike"
            found.append(Finding(Message(key, values), "assumed", ["run"], exploratory=True))
    return found


def _combinations(c: Comparison) -> list[Block]:
    """Arms of cells and a drug beside the arms of the cells alone and of the drug alone, where the study has both."""
    key = c.case.central
    rows: list[list[object]] = []
    for i in range(len(c.arms)):
        both = c.protocol(i)
        if not both.products or not both.drugs:
            continue
        cells = _alone(c, i, [k for k in both.courses if isinstance(k.give, Product)])
        drug = _alone(c, i, [k for k in both.courses if isinstance(k.give, Drug)])
        if cells is None or drug is None:
            continue
        met, base = c.met[key], c.met[key][c.reference]
        sums = met[cells] + met[drug] - base
        gains = [simulated_difference(met[k], base) for k in (cells, drug, i)]
        rows.append([c.name(i), *gains, simulated_difference(met[i], met[drug]), simulated_difference(met[i], sums)])
    if not rows:
        return []
    heads = ("head.arm", "compare.c1.h-cells", "compare.c1.h-drug", "compare.c1.h-both", "compare.c1.h-added")
    columns: list[Text] = [*(Message(k) for k in heads), Message("compare.c1.h-synergy")]
    values = {"control": c.name(c.reference), "scenario": name_of(scenario(key).name)}
    return [Table(Message("compare.c1.combinations", values), columns, rows, Message("compare.c1.combinations-note"))]


def _alone(c: Comparison, whole: int, courses: list[Course]) -> int | None:
    """The arm that gives these courses and nothing else that acts, after the same procedures."""
    for i in range(len(c.arms)):
        mine = [k for k in c.protocol(i).courses if k.give is not None]
        if repr(mine) == repr(courses) and c.protocol(i).procedures == c.protocol(whole).procedures:
            return i
    return None


def _dots(c: Comparison) -> Dots:
    ranked = order(c, c.case.central)
    shares = [[c.share(c.met[key][i], key) for key in c.scenarios] for i in ranked]
    control = float(np.nanmean(c.met[c.case.central][c.reference]))
    return Dots(
        title=Message("compare.c1.figure", _when(c)),
        categories=[c.name(i) for i in ranked],
        groups=[name_of(scenario(key).name) for key in c.scenarios],
        values=np.array([[(e.value, e.low, e.high) for e in row] for row in shares]),
        x_label=Message("q2.share"),
        percent=True,
        reference=control,
        note=Message("compare.c1.figure-note", {"n": len(c.table.patients), "control": c.name(c.reference)}),
    )


def _differences(c: Comparison) -> Table:
    """Every arm against the control in the central scenario with its three intervals, and what is not known."""
    key = c.case.central
    rows: list[list[object]] = []
    spans: list[Span] = []
    for i in (i for i in order(c, key) if i != c.reference):
        found = difference(c.met[key][i], c.met[key][c.reference], c.size)
        spans.append(c.case.span({s: c.gain(c.met[s][i], c.met[s][c.reference], s) for s in c.scenarios}))
        rows.append(
            [
                c.name(i),
                Estimate(found.value, *found.monte_carlo, "points", spread="monte-carlo"),
                _range(found.cohort),
                _range(found.trial),
                _range((spans[-1].low, spans[-1].high)),
            ]
        )
    heads: list[Text] = [
        Message("head.arm"),
        Message("compare.c1.simulated"),
        Message("compare.c1.cohort", {"n": c.size}),
    ]
    heads += [Message("compare.c1.trial", {"n": c.size}), Message("compare.c1.over", {"over": over_all(spans)})]
    values = {"control": c.name(c.reference), "scenario": name_of(scenario(key).name)}
    return Table(Message("compare.c1.table", values | _when(c)), heads, rows, Message("compare.c1.table-note"))


def _range(ends: tuple[float, float]) -> Message:
    low, high = (Estimate(round(x, 3) + 0.0, kind="points", spread="none") for x in ends)
    return Message("number.range", {"low": low, "high": high})


def _pair(c: Comparison) -> Table:
    """Every leading arm against every other: rows minus columns."""
    key = c.case.central
    ranked = c.first_alike(order(c, key))[:6]
    met = c.met[key]
    rows: list[list[object]] = []
    for i in ranked:
        cells = [None if i == k else simulated_difference(met[i], met[k]) for k in ranked]
        rows.append([c.name(i), *cells])
    columns: list[Text] = [Message("head.arm"), *(c.name(i) for i in ranked)]
    return Table(Message("compare.c1.pairs", {"n": len(ranked)}), columns, rows, Message("compare.c1.pairs-note"))
