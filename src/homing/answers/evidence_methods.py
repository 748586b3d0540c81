"""How far the pooled answer depends on the method and on bias, and what is often claimed of these trials."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from homing.answers.case import Case, name_of
from homing.answers.content import Block, Estimate, Finding, Message, Table, Text, Verbatim
from homing.evidence.records import Comparison
from homing.synthesis.battery import Answer, of_two_arms
from homing.synthesis.question import counts_of

#: Of the methods in `synthesis.battery`, those that the report prints; `homing evidence pool --battery` prints all.
SHOWN = {
    "REML and Knapp-Hartung": "reml",
    "DL and Knapp-Hartung": "dl",
    "PM and Knapp-Hartung": "pm",
    "common, inverse variance": "common",
    "Mantel-Haenszel": "mh",
    "Peto": "peto",
    "exact, common": "exact",
    "mixed model, unconditional-random": "glmm",
    "mixed model, conditional-exact": "hypergeometric",
    "beta-binomial": "betabinomial",
    "Bayes, tau half-normal(0.5)": "bayes",
}


def methods(trials: Sequence[Comparison]) -> Iterator[Block]:
    """The odds ratio by each method, and how far they go apart."""
    if len(trials) < 2:
        return
    answers = [a for a in of_two_arms(*counts_of(trials)) if a.measure == "odds-ratio" and a.method in SHOWN]
    told = [a for a in answers if math.isfinite(a.estimate)]
    if not told:
        return
    first = next((a for a in told if a.method.startswith("REML")), told[0])
    values = {
        "effect": _estimate(first),
        "k": len(told),
        "low": Estimate(min(a.estimate for a in told), spread="none"),
        "high": Estimate(max(a.estimate for a in told), spread="none"),
        "sure": sum(a.low > 1 or a.high < 1 for a in told),
    }
    sources = list(dict.fromkeys(source for c in trials for source in c.sources))
    yield Finding(Message("q5.odds", values), "estimated", sources)
    rows: list[list[object]] = [
        [Message(f"q5.method-{SHOWN[a.method]}"), _estimate(a), _next(a)] for a in answers if math.isfinite(a.low)
    ]
    columns: list[Text] = [Message("q5.method"), Message("q5.odds-ratio"), Message("q5.next")]
    yield Table(Message("q5.methods"), columns, rows, Message("q5.methods-note"))


def _estimate(a: Answer) -> Estimate:
    return Estimate(a.estimate, a.low, a.high, "number", 0.95, "sampling")


def _next(a: Answer) -> Verbatim:
    if not math.isfinite(a.prediction_low):
        return Verbatim("–")
    return Verbatim(f"{a.prediction_low:.2f} – {a.prediction_high:.2f}")


def bias(trial: object) -> Text:
    """The overall judgement of a trial's risk of bias, as words."""
    judgement = getattr(trial, "risk_of_bias", {}).get("overall", "")
    return Message(f"q5.bias-{judgement.replace(' ', '-')}") if judgement else Verbatim("–")


def claims(case: Case, trials: Sequence[Comparison]) -> Iterator[Table]:
    """Claims that rest on a source of these trials, and what it says."""
    near = {source for c in trials for source in c.trial.sources}
    found = [claim for claim in case.store.claims if near & set(claim.sources)]
    if not found:
        return
    rows: list[list[object]] = [
        [name_of(c.claim), name_of(c.says), Message(f"q5.claim-{c.verdict.replace(',', '').replace(' ', '-')}")]
        for c in found
    ]
    columns: list[Text] = [Message("q5.claim"), Message("q5.says"), Message("q5.claim-verdict")]
    yield Table(Message("q5.claims"), columns, rows, Message("q5.claims-note"))
