"""Which cells? The candidate beside other products of the catalogue, in the same patients."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.answers.case import (
    Case,
    course_words,
    endpoint_name,
    label_of,
    name_of,
    simulated_difference,
)
from homing.answers.content import Block, Chapter, Dots, Estimate, Finding, Message, Table, Text, Verbatim
from homing.ground.calendar import DAYS_PER_WEEK
from homing.patients.scenario import scenario
from homing.protocol import catalogue
from homing.protocol.course import Protocol
from homing.protocol.product import Product, Statement


@dataclass(frozen=True)
class Option:
    """One product in these patients: who it is, how it is given, the primary endpoint by scenario."""

    name: Text
    product: Product | None
    protocol: Protocol
    met: dict[str, NDArray[np.float64]]


def answer(case: Case) -> Chapter:
    """The primary endpoint by product and scenario, and what is known for and against each product."""
    options = list(_options(case))
    blocks: list[Block] = [*case.about_one(), _ranking(case, options), _dots(case, options), _table(case, options)]
    for option in options:
        blocks += _known(option)
    certainty = Message("q2.certainty", {"n": len(options)})
    return Chapter(2, "which_cells", blocks, certainty, exploratory=True)


def _options(case: Case) -> list[Option]:
    found = [Option(_candidate_name(case), case.product, case.candidate, _met(case, case.candidate))]
    for key in case.alternatives():
        protocol = case.with_product(key)
        product = catalogue.product(key)
        if protocol.courses:
            found.append(Option(name_of(product.name), product, protocol, _met(case, protocol)))
    return found


def _candidate_name(case: Case) -> Text:
    return label_of(case.candidate) if case.product is None else name_of(case.product.name)


def _met(case: Case, protocol: Protocol) -> dict[str, NDArray[np.float64]]:
    return {key: case.primary(case.simulate(protocol, key)) for key in case.study.scenarios}


def _ranking(case: Case, options: list[Option]) -> Finding:
    """Whether products differ by more than what is not known of the size of the effect."""
    shares = {i: float(np.nanmean(option.met[case.central])) for i, option in enumerate(options)}
    best, worst = max(shares, key=shares.__getitem__), min(reversed(shares), key=shares.__getitem__)
    apart = simulated_difference(options[best].met[case.central], options[worst].met[case.central])
    control = _met(case, case.control)
    span = case.span({key: case.difference(met, control[key], key) for key, met in options[0].met.items()})
    open_ = {"spread": Estimate(span.width, kind="points", spread="none"), "over": span.words}
    left = Message("q2.left-open", open_) if span.is_known else Message("q2.left-unknown")
    if apart.value <= 0 or apart.low <= 0:
        key = "q2.none-stands-out"
    else:
        key = "q2.products-differ" if span.is_known and apart.value > span.width else "q2.cannot-rank"
    values = {
        "best": options[best].name,
        "best_share": case.share(options[best].met[case.central]),
        "worst": options[worst].name,
        "worst_share": case.share(options[worst].met[case.central]),
        "apart": apart,
        "left": left,
        "scenario": name_of(case.scenario().name),
        "endpoint": endpoint_name(case.study.primary.key),
        "week": case.primary_day / DAYS_PER_WEEK,
    }
    return Finding(Message(key, values), "assumed", ["run"], exploratory=True)


def _dots(case: Case, options: list[Option]) -> Dots:
    values = np.array(
        [[_three(case.share(option.met[key], key)) for key in case.study.scenarios] for option in options]
    )
    control = case.share(case.primary(case.simulate(case.control)))
    return Dots(
        title=Message(
            "q2.figure",
            {"endpoint": endpoint_name(case.study.primary.key), "week": case.primary_day / DAYS_PER_WEEK},
        ),
        categories=[option.name for option in options],
        groups=[name_of(scenario(key).name) for key in case.study.scenarios],
        values=values,
        x_label=Message("q2.share"),
        percent=True,
        reference=control.value,
        note=Message("q2.figure-note", {"n": len(case.cohort), "control": label_of(case.control)}),
    )


def _three(e: Estimate) -> tuple[float, float, float]:
    return e.value, e.low, e.high


def _table(case: Case, options: list[Option]) -> Table:
    rows = []
    for option in options:
        mine = option.met[case.central]
        course = next((c for c in option.protocol.courses if c.give is option.product), None)
        rows.append(
            [
                option.name,
                Message(f"kind-of-cell.{option.product.kind}") if option.product else None,
                course_words(course) if course is not None else None,
                _stage(option.product),
                case.share(mine),
                None if option is options[0] else case.difference(options[0].met[case.central], mine),
                _meant_for(option.product),
            ]
        )
    heads = ("head.product", "head.cell-type", "q2.given", "head.stage", "head.simulated", "q2.candidate-minus")
    columns: list[Text] = [*(Message(key) for key in heads), Message("q2.for-whom")]
    title = Message("q2.table", {"scenario": name_of(case.scenario().name)})
    return Table(title, columns, rows, Message("q2.table-note"))


def _stage(product: Product | None) -> Text | None:
    return None if product is None or product.stage is None else Verbatim(product.stage.en, product.stage.zh)


def _meant_for(product: Product | None) -> Text | None:
    if product is None:
        return None
    local = product.kind == "msc" and product.routes[:1] == ("intralesional",)
    return Message("q2.for-fistula" if local else f"q2.for-{product.kind}")


def _known(option: Option) -> list[Block]:
    """What sources say for and against a product."""
    product = option.product
    if product is None:
        return []
    found: list[Block] = []
    for key, statements in (("q2.strength", product.strengths), ("q2.weakness", product.weaknesses)):
        sourced = [statement for statement in statements if statement.sources]
        for statement in (sourced or list(statements))[:1]:
            message = Message(key, {"product": option.name, "text": _said(statement)})
            found.append(Finding(message, "measured", statement.sources) if statement.sources else message)
    return found


def _said(statement: Statement) -> Verbatim:
    return Verbatim(statement.en, statement.zh)
