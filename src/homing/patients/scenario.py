"""Scenario: a named set of assumptions about what the trials leave open, as factors on values of the mechanism.

A file of catalogue/scenarios/ has

    name: {en: ..., zh: ...}
    note: {en: ..., zh: ...}
    multiply:                                   # parameters by full name, and covariates of the population
      tract.efferocytosis_clearance: {value: '0.15', basis: assumed, because: ...}

A scenario holds for every product alike, so that products are compared under the same assumptions: what a factor bears
on (healing by MSC, suppression by Treg, memory that outlives conditioning) tells them apart.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.evidence.catalogue import Entry, entry, names
from homing.evidence.values import Value
from homing.ground.errors import EvidenceError


@dataclass(frozen=True)
class Scenario:
    """A named set of factors, by parameter full name ('tract.secretome_closure') or covariate ('memory_survival')."""

    key: str
    name: Mapping[str, str]
    note: Mapping[str, str]
    multiply: Mapping[str, Value]
    sources: tuple[str, ...] = ()

    def factor(self, name: str) -> float:
        """The factor on a parameter or covariate; 1 where the scenario says nothing of it."""
        return self.multiply[name].number if name in self.multiply else 1.0

    def apply(self, values: Mapping[str, NDArray[np.float64]]) -> dict[str, NDArray[np.float64]]:
        """Values of patients by name with the factors applied; names that it does not multiply stay as they are."""
        return {name: column * self.factor(name) for name, column in values.items()}


@functools.lru_cache(maxsize=64)
def scenario(key: str) -> Scenario:
    """A scenario of the catalogue. Raises StudyError for an unknown key, EvidenceError for a faulty entry."""
    return read_scenario(entry("scenarios", key))


def scenarios() -> tuple[Scenario, ...]:
    """Every scenario of the catalogue, by key."""
    return tuple(scenario(key) for key in names("scenarios"))


def read_scenario(e: Entry) -> Scenario:
    """A scenario from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    e.fields("name", "note", "multiply", "sources", required=("name", "multiply"))
    multiply = e.values("multiply", "1")
    for name, value in multiply.items():
        if value.number < 0:
            raise EvidenceError("a factor is zero or more.", e.part("multiply", name).where)
    return Scenario(
        key=e.key,
        name=e.both_languages("name"),
        note=e.both_languages("note") if "note" in e.data else {},
        multiply=multiply,
        sources=e.sources(),
    )
