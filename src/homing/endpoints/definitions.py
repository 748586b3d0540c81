"""Endpoint definitions: what a clinician records at a visit, and what of the mechanism stands for it.

A file of catalogue/endpoints/ is a rule that a patient meets or not,

    name: {en: ..., zh: ...}
    kind: rule
    version: '1'
    better: higher                              # more patients who meet it are better
    all:                                        # every condition must hold
      - {of: cdai, is: below, threshold: {value: '150', basis: measured, source: ...}}
      - {of: mayo, measure: change, is: at-most, threshold: ...}     # value | change | relative-change since the start
    definition: {en: ..., zh: ...}              # the clinical definition
    stand_in: {en: ..., zh: ...}                # what of the mechanism stands for it
    sources: [...]

or a marker with a value (`kind: marker` with `of`, `unit`, and `least` and `most` where a scale has ends). `of` names a
state or signal of the mechanism. The noise of readings is the population's.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homing.evidence.catalogue import Entry, entry, names
from homing.evidence.values import Value
from homing.ground.errors import EvidenceError, HomingError
from homing.ground.units import read_quantity

Comparator = Literal["below", "at-most", "above", "at-least"]
Measure = Literal["value", "change", "relative-change"]
Readings = Mapping[str, NDArray[np.float64]]

_COMPARE: Mapping[str, Callable] = {
    "below": operator.lt,
    "at-most": operator.le,
    "above": operator.gt,
    "at-least": operator.ge,
}
_MEASURES = ("value", "change", "relative-change")
_COMMON = ("name", "kind", "version", "better", "definition", "stand_in", "sources")


@dataclass(frozen=True)
class Condition:
    """A comparison of one reading with a threshold: its value at the visit, or its change since the start."""

    of: str
    comparator: Comparator
    threshold: Value
    measure: Measure = "value"

    def met(self, now: NDArray[np.float64], start: NDArray[np.float64]) -> NDArray[np.bool_]:
        """Whether each patient meets it; a missing reading (NaN) does not."""
        seen = now
        if self.measure != "value":
            seen = now - start
        if self.measure == "relative-change":
            seen = np.divide(seen, start, out=np.full(np.shape(seen), np.nan), where=start != 0)
        return np.asarray(_COMPARE[self.comparator](seen, self.threshold.number))


@dataclass(frozen=True)
class EndpointDefinition:
    """A rule (`conditions`, all of which must hold) or a marker (`of`, in `unit`, clipped to `least` and `most`)."""

    key: str
    name: Mapping[str, str]
    kind: Literal["rule", "marker"]
    version: str
    better: Literal["higher", "lower"]
    definition: Mapping[str, str]
    conditions: tuple[Condition, ...] = ()
    of: str = ""
    unit: str = ""
    least: float = -np.inf
    most: float = np.inf
    stand_in: Mapping[str, str] = field(default_factory=dict)
    sources: tuple[str, ...] = ()

    @property
    def needs(self) -> tuple[str, ...]:
        """The states and signals that it reads, each once."""
        return tuple(dict.fromkeys(condition.of for condition in self.conditions)) or (self.of,)

    @property
    def needs_start(self) -> bool:
        """Whether it compares with the reading at the start."""
        return any(condition.measure != "value" for condition in self.conditions)

    def met(self, now: Readings, start: Readings) -> NDArray[np.bool_]:
        """Whether each patient meets the rule, from readings by name at the visit and at the start; (patient,).

        Raises: ValueError for a marker, which is not met or missed.
        """
        if self.kind != "rule":
            raise ValueError(f"'{self.key}' is a marker with a value and no rule.")
        return np.logical_and.reduce([c.met(now[c.of], start[c.of]) for c in self.conditions])


@functools.lru_cache(maxsize=128)
def endpoint(key: str) -> EndpointDefinition:
    """An endpoint of the catalogue. Raises StudyError for an unknown key, EvidenceError for a faulty entry.

    Example:
        >>> endpoint("combined-remission").needs
        ('tract.closure', 'tract.sepsis')
    """
    return read_endpoint(entry("endpoints", key))


def endpoints() -> tuple[EndpointDefinition, ...]:
    """Every endpoint of the catalogue, by key."""
    return tuple(endpoint(key) for key in names("endpoints"))


def read_endpoint(e: Entry) -> EndpointDefinition:
    """An endpoint from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    e.fields(
        *_COMMON, "all", "of", "unit", "least", "most", required=("name", "kind", "version", "better", "definition")
    )
    rule = e.one_of("kind", ("rule", "marker")) == "rule"
    e.fields(*_COMMON, *(("all",) if rule else ("of", "unit", "least", "most")))
    e.fields(*e.data, required=("all", "stand_in") if rule else ("of", "unit"))
    return EndpointDefinition(
        key=e.key,
        name=e.both_languages("name"),
        kind="rule" if rule else "marker",
        version=e.text("version"),
        better=e.one_of("better", ("higher", "lower")),  # type: ignore[arg-type]
        definition=e.both_languages("definition"),
        conditions=tuple(_condition(p) for p in e.parts("all")),
        of=e.text("of"),
        unit=e.text("unit"),
        least=_number(e, "least", -np.inf),
        most=_number(e, "most", np.inf),
        stand_in=e.both_languages("stand_in") if "stand_in" in e.data else {},
        sources=e.sources(),
    )


def _condition(e: Entry) -> Condition:
    e.fields("of", "is", "threshold", "measure", required=("of", "is", "threshold"))
    return Condition(
        of=e.text("of"),
        comparator=e.one_of("is", _COMPARE),  # type: ignore[arg-type]
        threshold=e.value("threshold"),
        measure=e.one_of("measure", _MEASURES, "value"),  # type: ignore[arg-type]
    )


def _number(e: Entry, name: str, otherwise: float) -> float:
    text = e.text(name)
    if not text:
        return otherwise
    try:
        return read_quantity(text, "1")
    except HomingError as error:
        raise EvidenceError(error.message, e.part(name).where) from None
