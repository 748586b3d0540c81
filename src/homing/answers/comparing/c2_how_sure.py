"""How sure is the order? The probability of being best, over what is not known and over cohorts of patients."""

from __future__ import annotations

import numpy as np

from homing.answers.case import name_of
from homing.answers.comparing.base import DRAWS, Comparison, listed
from homing.answers.content import Block, Chapter, Dots, Estimate, Finding, Message, Table, Text
from homing.patients.scenario import scenario
from homing.trials.ranking import TIE, mean_rank, probability_of_best

#: A probability below it is told as none.
SELDOM = 0.0005


def answer(c: Comparison) -> Chapter:
    """Who is best how often: at the primary visit, and lastingly."""
    drawn = c.drawn(c.met)
    together = np.concatenate([drawn[key] for key in c.case.judged])
    best = probability_of_best(together)
    blocks: list[Block] = [_finding(c, best), _of_what(c), _figure(c, drawn, best), _table(c, drawn, together, best)]
    return Chapter(2, "how_sure", blocks, Message("compare.c2.certainty"), exploratory=True)


def _finding(c: Comparison, best: np.ndarray) -> Finding:
    ranked = _shown(c, best)
    first, second = ranked[0], ranked[min(1, len(ranked) - 1)]
    values: dict[str, object] = {
        "first": c.name(first),
        "p": Estimate(float(best[first]), kind="percent", spread="none"),
        "second": c.name(second),
        "q": Estimate(float(best[second]), kind="percent", spread="none"),
        "n": c.size,
        "under": c.under,
    }
    shared = [i for i in ranked if best[i] >= best[first] - TIE]
    if len(shared) > 1:
        values["names"] = listed([c.name(i) for i in shared])
        return Finding(Message("compare.c2.best-shared", values), "assumed", ["run"], exploratory=True)
    key = "compare.c2.best" if best[second] >= SELDOM else "compare.c2.best-alone"
    return Finding(Message(key, values), "assumed", ["run"], exploratory=True)


def _of_what(c: Comparison) -> Message:
    return Message("compare.c2.of-what", {"draws": DRAWS, "n": c.size, "under": c.under})


def _shown(c: Comparison, best: np.ndarray) -> list[int]:
    return sorted(range(len(c.arms)), key=lambda i: (-round(float(best[i]), 12), c.arms[i]))


def _figure(c: Comparison, drawn: dict[str, np.ndarray], best: np.ndarray) -> Dots:
    by_scenario = [probability_of_best(drawn[key]) for key in c.scenarios]
    columns = [*by_scenario, best] if len(c.case.judged) > 1 else by_scenario
    ranked = _shown(c, best)
    shown = [i for i in ranked if i in ranked[:2] or any(column[i] >= SELDOM for column in columns)]
    values = np.full((len(shown), len(columns), 3), np.nan)
    values[:, :, 0] = np.array([[column[i] for column in columns] for i in shown])
    groups: list[Text] = [name_of(scenario(key).name) for key in c.scenarios]
    if len(c.case.judged) > 1:
        groups.append(Message("compare.c2.together"))
    return Dots(
        Message("compare.c2.figure"),
        [c.name(i) for i in shown],
        groups,
        values,
        Message("compare.c2.axis"),
        percent=True,
        note=Message("compare.c2.figure-note", {"n": c.size}),
    )


def _table(c: Comparison, drawn: dict[str, np.ndarray], together: np.ndarray, best: np.ndarray) -> Table:
    rank = mean_rank(together)
    long = c.drawn(c.lasting)
    lasting = probability_of_best(np.concatenate([long[key] for key in c.case.judged]))
    reference = together[:, [c.reference]]
    beats = np.nanmean(together - reference > c.told.matters, axis=0)
    rows: list[list[object]] = []
    for i in _shown(c, best):
        found = [best[i], *([lasting[i]] if c.is_followed else []), beats[i]]
        shares = [Estimate(float(x), kind="percent", spread="none") for x in found]
        if i == c.reference:
            shares[-1] = Estimate(float("nan"), kind="percent", spread="none")
        rows.append([c.name(i), *shares, Estimate(float(rank[i]), spread="none")])
    heads: list[Text] = [Message("head.arm"), Message("compare.c2.p-best")]
    heads += [Message("compare.c2.p-lasting")] if c.is_followed else []
    heads += [Message("compare.c2.p-matters", {"matters": c.matters})]
    heads += [Message("compare.c2.rank")]
    return Table(
        Message("compare.c2.table", {"under": c.under}), heads, rows, Message("compare.c2.table-note", {"n": c.size})
    )
