"""The frame of a record: the rows of ICH M15's assessment, the factors of ASME V&V 40, and model risk.

Files of catalogue/credibility-frame/: `assessment.yaml`, `factors.yaml` and `risk.yaml`. A factor names the tests that
bear on it, as paths from the root of a source checkout.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from homing.evidence.catalogue import Entry, entry
from homing.ground.errors import EvidenceError
from homing.study.scalars import LEVELS

FOLDER = "credibility-frame"
#: The parts into which V&V 40 groups its factors, in its order.
GROUPS = ("code", "calculation", "model", "comparator", "assessment", "applicability")


@dataclass(frozen=True)
class Row:
    """A row of the assessment: its name, and what it asks."""

    key: str
    name: Mapping[str, str]
    asks: Mapping[str, str]


@dataclass(frozen=True)
class Factor:
    """A credibility factor: the part that it belongs to, its name, what it asks, and the tests that bear on it."""

    key: str
    group: str
    name: Mapping[str, str]
    asks: Mapping[str, str]
    tests: tuple[str, ...]


@dataclass(frozen=True)
class Frame:
    """All rows and factors in order, and model risk by influence and consequence."""

    rows: tuple[Row, ...]
    factors: Mapping[str, Factor]
    risk: Mapping[tuple[str, str], str]
    because: str
    sources: tuple[str, ...]

    def risk_of(self, influence: str, consequence: str) -> str:
        """Model risk, 'low', 'medium' or 'high'."""
        return self.risk[influence, consequence]


@functools.lru_cache(maxsize=1)
def frame() -> Frame:
    """The frame that ships. Raises EvidenceError with file, line and key for a faulty file.

    Example:
        >>> frame().risk_of("high", "high")
        'high'
    """
    assessment, factors, risk = (entry(FOLDER, key) for key in ("assessment", "factors", "risk"))
    return read_frame(assessment, factors, risk)


def read_frame(assessment: Entry, factors: Entry, risk: Entry) -> Frame:
    """A frame from its three entries. Raises EvidenceError with file, line and key."""
    assessment.fields("name", "rows", "sources", required=("rows",))
    factors.fields("name", "factors", "sources", required=("factors",))
    sources = (*assessment.sources(), *factors.sources(), *risk.sources())
    return Frame(
        rows=tuple(_row(e) for e in assessment.parts("rows")),
        factors={f.key: f for f in (_factor(e) for e in factors.parts("factors"))},
        risk=_risk(risk),
        because=risk.text("because"),
        sources=tuple(dict.fromkeys(sources)),
    )


def _row(e: Entry) -> Row:
    e.fields("name", "asks", required=("name", "asks"))
    return Row(str(e.path[-1]), e.both_languages("name"), e.both_languages("asks"))


def _factor(e: Entry) -> Factor:
    e.fields("group", "name", "asks", "tests", required=("group", "name", "asks", "tests"))
    names = e.both_languages("name"), e.both_languages("asks")
    return Factor(str(e.path[-1]), e.one_of("group", GROUPS), *names, e.texts("tests"))


def _risk(e: Entry) -> dict[tuple[str, str], str]:
    e.fields("name", "risk", "basis", "because", "sources", required=("risk", "because"))
    table = e.part("risk").fields(*LEVELS, required=LEVELS)
    found = {}
    for influence in LEVELS:
        row = table.part(influence).fields(*LEVELS, required=LEVELS)
        for consequence in LEVELS:
            found[influence, consequence] = row.one_of(consequence, LEVELS)
    for (influence, consequence), level in found.items():
        for other in ((_above(influence), consequence), (influence, _above(consequence))):
            if LEVELS.index(found[other]) < LEVELS.index(level):
                raise EvidenceError("model risk can't fall where influence or consequence rises.", e.part("risk").where)
    return found


def _above(level: str) -> str:
    return LEVELS[min(LEVELS.index(level) + 1, len(LEVELS) - 1)]
