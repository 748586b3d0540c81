"""What is the evidence? For each product of the comparison: controlled trials in such patients, effect and bias."""

from __future__ import annotations

import math

from homing.answers.case import name_of
from homing.answers.comparing.base import Comparison
from homing.answers.content import Block, Chapter, Estimate, Finding, Forest, ForestRow, Message, Table, Text, Verbatim
from homing.answers.evidence_of import Known
from homing.protocol.product import Product
from homing.synthesis.question import effects_of


def answer(c: Comparison) -> Chapter:
    """Trials of each product in patients of this kind, set beside what was simulated."""
    products = _products(c)
    blocks: list[Block] = [_finding(c, products)]
    blocks += [verdict(product, c.known(product)) for product in products]
    blocks.append(_table(c, products))
    blocks += _forest(c, products)
    return Chapter(8, "what_evidence", blocks, Message("compare.c8.certainty"), exploratory=False)


def _products(c: Comparison) -> list[Product]:
    found: dict[str, Product] = {}
    for i in range(len(c.arms)):
        for product in c.protocol(i).products:
            found.setdefault(product.catalogue_key, product)
    return list(found.values())


def _finding(c: Comparison, products: list[Product]) -> Block:
    backed = [p for p in products if c.known(p).controlled]
    values = {
        "k": len(backed),
        "of": len(products),
        "who": Message(f"compare.phenotype.{c.phenotype}"),
        "without": [name_of(p.name) for p in products if not c.known(p).controlled] or Message("compare.nobody"),
    }
    sources = list(dict.fromkeys(s for p in backed for s in c.known(p).sources))
    message = Message("compare.c8.backed", values)
    return Finding(message, "estimated", sources) if sources else message


def effect(known: Known) -> Estimate | None:
    """The pooled difference of shares, or None without a controlled trial."""
    if known.pooled is None:
        return None
    p = known.pooled
    low, high = (max(p.low, -1.0), min(p.high, 1.0)) if math.isfinite(p.low) else (math.nan, math.nan)
    return Estimate(p.estimate, low, high, "points")


def bias_words(known: Known) -> list[Message] | None:
    """'2 low, 1 some concerns': controlled trials by their judged risk of bias."""
    found = [
        Message("compare.bias", {"n": n, "judgement": Message(f"compare.bias.{key.replace(' ', '-')}")})
        for key, n in sorted(known.bias.items())
    ]
    return list(found) or None


def verdict(product: Product, known: Known) -> Block:
    """What the trials of a product in these patients say, in one sentence."""
    values: dict[str, object] = {
        "product": name_of(product.name),
        "k": len(known.controlled),
        "n": known.patients,
        "effect": effect(known) or "",
        "alone": len(known.alone),
        "trials": [Verbatim(t.trial.name) for t in known.controlled],
    }
    one = "-one" if len(known.controlled) == 1 else ""
    message = Message(f"compare.verdict.{known.verdict}{one}", values)
    return Finding(message, "estimated", known.sources) if known.sources else message


def _table(c: Comparison, products: list[Product]) -> Table:
    rows: list[list[object]] = []
    for product in products:
        known = c.known(product)
        rows.append(
            [
                name_of(product.name),
                len(known.randomised),
                len(known.controlled),
                known.patients or None,
                effect(known),
                bias_words(known),
                len(known.alone),
            ]
        )
    heads = ("head.product", "compare.c8.h-randomised", "compare.c8.h-controlled", "compare.c8.h-patients")
    more = ("compare.c8.h-effect", "q5.bias", "compare.c8.h-alone")
    columns: list[Text] = [Message(key) for key in (*heads, *more)]
    return Table(Message("compare.c8.table"), columns, rows, Message("compare.c8.table-note"))


def _forest(c: Comparison, products: list[Product]) -> list[Block]:
    rows = []
    for product in products:
        known = c.known(product)
        if not known.controlled or known.pooled is None:
            continue
        effects = effects_of(known.controlled, zeros="add-half")
        for i, comparison in enumerate(known.controlled):
            half = 1.959963984540054 * float(effects.variance[i]) ** 0.5
            y = float(effects.estimate[i])
            a, b = comparison.candidate, comparison.control
            detail = f"{a.events}/{a.n} v {b.events}/{b.n}"
            label = Verbatim(comparison.trial.titled)
            rows.append(ForestRow(label, y, y - half, y + half, float(known.pooled.weights[i]), detail))
        p = known.pooled
        if p.k > 1:
            name = Message("compare.c8.pooled", {"product": name_of(product.name)})
            rows.append(ForestRow(name, p.estimate, max(p.low, -1.0), min(p.high, 1.0), kind="pooled"))
    if not rows:
        return []
    return [Forest(Message("compare.c8.forest"), rows, Message("q5.difference"), percent=True)]
