"""Span: from where to where shares by scenario are plausible, with what that is in words.

What is said is what was computed: a study has the posterior's interval only where its patients are enough to tell draws
apart, a range over scenarios only where scenarios differ, and else no more than the simulation's own interval.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Literal

from homing.answers.content import Estimate, Message

Kind = Literal["posterior", "joined", "scenarios", "simulation"]
#: From what tells most of what is not known to what tells least.
KINDS: tuple[Kind, ...] = ("joined", "posterior", "scenarios", "simulation")


@dataclass(frozen=True)
class Span:
    """The least and the largest that is plausible, and of what kind it is.

    'posterior': the posterior's interval; 'joined': that and the scenarios' means; 'scenarios': the range over them;
    'simulation': the interval of simulation error under the central scenario, which tells nothing of what is not known.
    """

    low: float
    high: float
    kind: Kind

    @property
    def width(self) -> float:
        """How far apart the ends are."""
        return self.high - self.low

    @property
    def is_known(self) -> bool:
        """Whether it tells how much is left open, and not only how few patients were simulated."""
        return self.kind != "simulation"

    @property
    def words(self) -> Message:
        """What it is, for a sentence."""
        return over([self.kind])


def span_of(shares: Mapping[str, Estimate], central: str) -> Span:
    """The span of shares by scenario about the central one."""
    told = shares[central]
    if told.spread == "posterior":
        return Span(told.low, told.high, "posterior")
    values = [e.value for e in shares.values() if not math.isnan(e.value)]
    if values and min(values) < max(values):
        return Span(min(values), max(values), "scenarios")
    return Span(told.low, told.high, "simulation")


def joined(shares: Mapping[str, Estimate], central: str) -> Span:
    """The span of shares by scenario, with the scenarios' means in it where it is the posterior's interval."""
    found = span_of(shares, central)
    if found.kind != "posterior" or len(shares) < 2:
        return found
    values = [e.value for e in shares.values()]
    return replace(found, low=min(found.low, *values), high=max(found.high, *values), kind="joined")


def over(kinds: Iterable[Kind]) -> Message:
    """What spans of these kinds are, in words: each kind once, what tells most first."""
    present = set(kinds)
    first, *others = [Message(f"case.over-{kind}") for kind in KINDS if kind in present]
    return Message("case.over-mixed", {"first": first, "others": others}) if others else first


def over_all(spans: Iterable[Span]) -> Message:
    """What some spans are, in words; see `over`."""
    return over(span.kind for span in spans)
