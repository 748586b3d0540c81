"""Acceptance rules: what is measured for a credibility factor, and what passes at each model risk.

A file of catalogue/credibility/ has

    name: {en: ..., zh: ...}
    factor: numerical-solver              # of catalogue/credibility-frame/factors.yaml
    measure: imbalance                    # of credibility/record/measures.py
    passes: at-most                       # at-most | at-least
    kind: number                          # how it is printed: number | decimals | percent | points | count | yes
    thresholds: {low: '1e-6', medium: '1e-8', high: '1e-8'}
    basis: assumed
    because: {en: ..., zh: ...}
    how: {en: ..., zh: ...}
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from homing.credibility.record.facts import Facts
from homing.credibility.record.frame import frame
from homing.credibility.record.measures import MEASURES, Measured
from homing.evidence.catalogue import Entry, entry, names
from homing.ground.errors import EvidenceError
from homing.study.scalars import LEVELS

FOLDER = "credibility"
KINDS = ("number", "decimals", "percent", "points", "count", "yes")
#: What may come of a rule.
PASS, FAIL, NOT_APPLICABLE, NOT_ASSESSED = "pass", "fail", "not applicable", "not assessed"
OUTCOMES = (PASS, FAIL, NOT_APPLICABLE, NOT_ASSESSED)


@dataclass(frozen=True)
class Rule:
    """One acceptance rule. `thresholds` by model risk."""

    key: str
    name: Mapping[str, str]
    factor: str
    measure: str
    passes: str
    kind: str
    thresholds: Mapping[str, float]
    because: Mapping[str, str]
    how: Mapping[str, str]

    def holds(self, value: float, risk: str) -> bool:
        """Whether a value passes at a model risk; NaN never does."""
        threshold = self.thresholds[risk]
        return value <= threshold if self.passes == "at-most" else value >= threshold

    def declared(self, risk: str) -> dict[str, Any]:
        """What a plan declares of it, as plain data."""
        return {
            "factor": self.factor,
            "measure": self.measure,
            "passes": self.passes,
            "threshold": self.thresholds[risk],
        }


@dataclass(frozen=True)
class Outcome:
    """What came of a rule: one of OUTCOMES, with the number behind it (NaN where there is none).

    `why` is a key of the reason where it was not assessed or does not apply; `remark` one of what must be told beside
    the number, with the numbers `told` in it.
    """

    rule: Rule
    risk: str
    outcome: str
    value: float = math.nan
    why: str = ""
    remark: str = ""
    told: Mapping[str, object] = field(default_factory=dict)

    @property
    def threshold(self) -> float:
        """The threshold at this model risk."""
        return self.rule.thresholds[self.risk]


@functools.lru_cache(maxsize=1)
def rules() -> tuple[Rule, ...]:
    """Every rule of the catalogue in the order of the factors. Raises EvidenceError for a faulty file.

    Example:
        >>> "cell-balance" in [rule.key for rule in rules()]
        True
    """
    order = list(frame().factors)
    found = [read_rule(entry(FOLDER, key)) for key in names(FOLDER)]
    return tuple(sorted(found, key=lambda rule: (order.index(rule.factor), rule.key)))


def read_rule(e: Entry) -> Rule:
    """A rule from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    required = ("name", "factor", "measure", "passes", "kind", "thresholds", "basis", "because", "how")
    e.fields(*required, required=required)
    e.one_of("basis", ("assumed",))
    limits = e.part("thresholds").fields(*LEVELS, required=LEVELS)
    thresholds = {level: _number(limits, level) for level in LEVELS}
    passes = e.one_of("passes", ("at-most", "at-least"))
    ordered = [thresholds[level] for level in LEVELS]
    if ordered != sorted(ordered, reverse=passes == "at-most"):
        raise EvidenceError("a higher risk can't ask for less.", limits.where)
    return Rule(
        key=e.key,
        name=e.both_languages("name"),
        factor=e.one_of("factor", frame().factors),
        measure=e.one_of("measure", MEASURES),
        passes=passes,
        kind=e.one_of("kind", KINDS),
        thresholds=thresholds,
        because=e.both_languages("because"),
        how=e.both_languages("how"),
    )


def _number(e: Entry, name: str) -> float:
    try:
        number = float(e.text(name))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise EvidenceError(f"'{e.text(name)}' is no number.", e.part(name).where)
    return number


def assess(rule: Rule, facts: Facts, risk: str) -> Outcome:
    """What comes of a rule, given what is known of a run."""
    found: Measured = MEASURES[rule.measure](facts, rule.factor)
    if found.value is None:
        return Outcome(rule, risk, NOT_APPLICABLE if found.is_outside else NOT_ASSESSED, why=found.why)
    holds = rule.holds(found.value, risk) and not found.refuted
    return Outcome(rule, risk, PASS if holds else FAIL, found.value, remark=found.remark, told=found.told)
