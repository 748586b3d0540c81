"""A chapter for each patient: the field's rule of thumb, what the evidence says of it, what the model ranks."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from homing.answers.case import endpoint_name, name_of
from homing.answers.comparing.c8_what_evidence import bias_words, effect, verdict
from homing.answers.content import Block, Chapter, Dots, Estimate, Finding, Message, Table, Text, Verbatim
from homing.answers.matching import CENTRAL, ENDPOINTS, KEPT, SCENARIOS, Match, Option, burden, no_option_left
from homing.patients.population import population
from homing.protocol import catalogue
from homing.trials.ranking import difference

#: Options in a figure and table, the head of the ranking; doing nothing more is always among them.
SHOWN, REASONS = 10, 3


def chapter(number: int, match: Match) -> Chapter:
    """One patient's answer."""
    blocks: list[Block] = [
        _who(match),
        rule_of_thumb(match),
        answer(match),
        *_tied(match),
        *_model_alone(match),
        *_antibodies(match),
    ]
    blocks += [_table(match), _figure(match), *_reasons(match), *_regulatory(match), *_near(match)]
    if match.left_out:
        names: list[Text] = [name_of(catalogue.product(key).name) for key in match.left_out]
        blocks.append(Message("match.left-out", {"names": names}))
    sure = Message(f"match.certainty-{sureness(match.best)}")
    question = Verbatim(match.case.remark) if match.case.remark else Message("match.question")
    title = Message("match.title", {"patient": match.case.name})
    return Chapter(number, match.case.name, blocks, sure, sureness(match.best) != "fair", title, question)


def option_name(option: Option) -> Text:
    """What is given and by which route."""
    if option.product is None:
        surgical = bool(option.protocol.procedures)
        return Message("match.none-surgery" if surgical else "match.none")
    route = option.protocol.courses[0].route
    return Message("match.option", {"product": name_of(option.product.name), "route": name_of(route.name)})


def sureness(option: Option) -> str:
    """'fair' where pooled controlled trials support it, 'low' where they leave it open, 'exploratory' without any."""
    if option.known is None:
        return "low"
    return {"supports": "fair", "uncontrolled": "exploratory", "none": "exploratory"}.get(option.known.verdict, "low")


def _who(match: Match) -> Message:
    case = match.case
    failed: object = [Verbatim(name) for name in case.failed] or Message("match.no-medicine")
    values = {
        "age": case.age,
        "weight": case.weight,
        "disease": Message(f"match.{case.disease}"),
        "fistula": Message(f"match.fistula-{case.fistula}"),
        "activity": Message(f"match.activity-{case.activity}"),
        "failed": failed,
        "immune": Message("match.deranged" if case.deranged else "match.not-deranged"),
        "population": name_of(population(match.population).name),
    }
    return Message("match.who", values)


def _of(match: Match, product: str) -> Option | None:
    """The best option of a product, by the model."""
    return next((o for o in match.options if o.product is not None and o.product.key == product), None)


def _local(match: Match) -> Option | None:
    """The local option with the most controlled evidence."""
    local = [o for o in match.options if o.known is not None and o.protocol.courses[0].route.site == "fistula"]
    return max(local, key=lambda o: (o.known.patients if o.known else 0, o.key), default=None)


def rule_of_thumb(match: Match) -> Finding | Message:
    """What the field would say of such a patient, and whether the evidence bears it out."""
    case = match.case
    if match.phenotype == "fistula":
        local = _local(match)
        if local is None or local.known is None or local.product is None:
            return Message("match.thumb-none")
        tried = bool(case.failed) and case.fistula == "complex"
        key = f"match.thumb-local-{local.known.verdict}" if tried else "match.thumb-too-early"
        values = {
            "product": name_of(local.product.name),
            "k": len(local.known.controlled),
            "n": local.known.patients,
            "effect": effect(local.known) or "",
            "trials": [Message("match.trial", _counts(c)) for c in local.known.controlled],
        }
        return Finding(Message(key, values), "estimated", local.known.sources)
    hsct = _of(match, "autologous-hsct")
    if match.phenotype == "luminal-crohn" and hsct is not None and hsct.known is not None and hsct.deaths is not None:
        last = no_option_left(case)
        values = {
            "deaths": hsct.deaths,
            "k": len(hsct.known.controlled),
            "n": hsct.known.patients,
            "effect": effect(hsct.known) or "",
            "failed": len(case.failed),
        }
        said = f"match.thumb-hsct-{hsct.known.verdict}" if last else "match.thumb-options-left"
        return Finding(Message(said, values), "estimated", hsct.known.sources)
    backed = [o for o in match.options if o.known is not None and o.known.controlled]
    names: list[Text] = list(dict.fromkeys(name_of(o.product.name) for o in backed if o.product is not None))
    return Message("match.thumb-colitis" if names else "match.thumb-none", {"names": names})


def _counts(c: object) -> dict[str, object]:
    from homing.evidence.records import Comparison

    if not isinstance(c, Comparison):
        raise TypeError("a comparison of the store is wanted")
    a, b = c.candidate, c.control
    points = Estimate(a.events / a.n - b.events / b.n, kind="points", spread="none")
    return {"trial": c.trial.titled, "points": points}


def answer(match: Match) -> Finding:
    """What the model ranks first, how sure that is, and whether it beats doing nothing more in every scenario."""
    best = match.best
    values = {
        "best": option_name(best),
        "net": Estimate(100 * best.net[CENTRAL], 100 * best.low, 100 * best.high, "number", spread="scenarios"),
        "p": Estimate(best.probability, kind="percent", spread="none"),
        "none": option_name(match.none),
        "sure": Message(f"match.sure-{sureness(best)}"),
    }
    if best.product is None:
        key = "match.answer-none"
    elif best.low <= 0:
        key = "match.answer-open"
    else:
        key = "match.answer-exploratory" if best.is_exploratory else "match.answer-best"
    sources = ["run", *(best.known.sources if best.known is not None else [])]
    return Finding(Message(key, values), "assumed", sources, exploratory=True)


def _model_alone(match: Match) -> list[Block]:
    """What the model would put first among what was never tried in such patients, or is not for them."""
    found: list[Block] = []
    for standing in ("untested", "not-eligible"):
        rest = [o for o in match.options if o.standing == standing]
        if rest and rest[0].net[CENTRAL] > match.best.net[CENTRAL]:
            first = rest[0]
            net = Estimate(100 * first.net[CENTRAL], 100 * first.low, 100 * first.high, "number", spread="scenarios")
            values = {"option": option_name(first), "net": net}
            found.append(Finding(Message(f"match.alone-{standing}", values), "assumed", ["run"], exploratory=True))
    return found


def _regulatory(match: Match) -> list[Block]:
    """Where the leading products stand with the authorities."""
    products = {o.product.key: o.product for o in match.options if o.product is not None and o.standing == "tested"}
    found: list[Block] = []
    for product in list(products.values())[:REASONS]:
        for statement in product.regulatory:
            text = Verbatim(statement.en, statement.zh)
            message = Message("match.regulatory", {"product": name_of(product.name), "text": text})
            found.append(Finding(message, "measured", statement.sources) if statement.sources else message)
    return found


def _antibodies(match: Match) -> list[Block]:
    if not match.case.dsa:
        return []
    tested = [o for o in match.options if o.standing == "tested" and o.deaths is None]
    own = [o.product for o in tested if o.product is not None and o.product.origin == "autologous"]
    names: object = list(dict.fromkeys(name_of(p.name) for p in own)) or Message("compare.nobody")
    return [Finding(Message("match.dsa", {"names": names}), "assumed", ["run"], exploratory=True)]


def _shown(match: Match) -> list[Option]:
    tested = [o for o in match.options if o.standing == "tested"]
    kept = tested[:SHOWN] if match.none in tested[:SHOWN] else [*tested[: SHOWN - 1], match.none]
    return [*kept, *[o for o in match.options if o.standing != "tested"][: SHOWN // 2]]


def _table(match: Match) -> Table:
    none = match.none
    rows: list[list[object]] = []
    for option in _shown(match):
        gains = [
            difference(getattr(option, part)[CENTRAL], getattr(none, part)[CENTRAL], KEPT)
            for part in ("first", "lasting")
        ]
        shown = [Estimate(g.value, *g.monte_carlo, "points", spread="monte-carlo") for g in gains]
        net = Estimate(100 * option.net[CENTRAL], 100 * option.low, 100 * option.high, "number", spread="scenarios")
        rows.append(
            [
                _rank(match, option),
                option_name(option),
                *(shown if option is not none else [None, None]),
                Estimate(100 * burden(option, none), spread="none") if option is not none else None,
                option.deaths,
                net if option is not none else Estimate(0.0, spread="none"),
                Estimate(option.probability, kind="percent", spread="none"),
                *_evidence(option),
                Message(f"match.standing-{option.standing}"),
                Message(f"match.sure-{sureness(option)}") if option is not none else None,
            ]
        )
    heads = ("rank", "option", "first", "lasting", "taken", "deaths", "net", "p", "trials", "effect", "bias")
    columns: list[Text] = [Message(f"match.h-{key}") for key in (*heads, "standing", "sure")]
    values = {"endpoint": endpoint_name(ENDPOINTS[match.phenotype]), "n": KEPT}
    return Table(Message("match.table", values), columns, rows, Message("match.table-note", values))


def _rank(match: Match, option: Option) -> str:
    """'3', '3=' where others share the place, a dash for what is not ranked."""
    if option.standing != "tested":
        return "–"
    return f"{match.rank(option)}{'=' if match.alongside(option) else ''}"


def _tied(match: Match) -> list[Block]:
    """What shares the first place, where anything does."""
    others: list[Text] = [option_name(o) for o in match.alongside(match.best)]
    return [Message("match.tied", {"best": option_name(match.best), "names": others})] if others else []


def _evidence(option: Option) -> list[object]:
    if option.known is None:
        return [None, None, None]
    return [len(option.known.controlled), effect(option.known), bias_words(option.known)]


def _figure(match: Match) -> Dots:
    shown = _shown(match)
    values = [[(100 * o.net[CENTRAL], 100 * o.low, 100 * o.high)] for o in shown]
    return Dots(
        Message("match.figure", {"patient": match.case.name}),
        [option_name(o) for o in shown],
        [Message("match.h-net")],
        np.array(values),
        Message("match.axis"),
        reference=0.0,
        note=Message("match.figure-note", {"k": len(SCENARIOS)}),
    )


def _reasons(match: Match) -> list[Block]:
    """What the trials of the leading products say."""
    found: list[Block] = []
    seen: set[str] = set()
    for option in match.options:
        if option.product is None or option.known is None or option.product.key in seen:
            continue
        seen.add(option.product.key)
        found.append(verdict(option.product, option.known))
        if len(seen) == REASONS:
            break
    return found


def _near(match: Match) -> list[Block]:
    """How near the virtual patients come to what was measured."""
    found: list[Block] = []
    for marker, (mine, low, middle, high) in match.readings.items():
        values = {
            "marker": endpoint_name(marker),
            "mine": mine,
            "low": low,
            "middle": middle,
            "high": high,
        }
        inside = low <= mine <= high
        found.append(Message("match.near" if inside else "match.far", values))
    return found


def summary(matches: Sequence[Match]) -> Table:
    """One row for each patient."""
    rows: list[list[object]] = []
    for m in matches:
        best = m.best
        net = Estimate(100 * best.net[CENTRAL], 100 * best.low, 100 * best.high, "number", spread="scenarios")
        rows.append(
            [
                Verbatim(m.case.name),
                option_name(best),
                net if best.product is not None else Estimate(math.nan, spread="none"),
                Estimate(best.probability, kind="percent", spread="none"),
                Message(f"match.sure-{sureness(best)}") if best.product is not None else None,
                Message(f"match.short-{_short(m)}"),
            ]
        )
    heads = ("patient", "option", "net", "p", "sure", "thumb")
    columns: list[Text] = [Message(f"match.h-{key}") for key in heads]
    return Table(Message("match.summary"), columns, rows, Message("match.summary-note"))


def _short(match: Match) -> str:
    case = match.case
    if match.phenotype == "fistula":
        return "local" if case.failed and case.fistula == "complex" else "too-early"
    if match.phenotype == "luminal-crohn":
        return "hsct" if no_option_left(case) else "options-left"
    return "colitis"
