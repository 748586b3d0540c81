"""What calibration may inform: factors on values of the mechanism, and terms of how trials observe it, with priors.

A file of catalogue/unknowns/ has, for one domain, `factors` (name, multiplies, prior, box, summary) and `terms` (name,
kind, centre, spread, scale, because).
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration.factors import Factor
from homing.evidence.catalogue import Entry, entry, names
from homing.ground.errors import EvidenceError

FOLDER = "unknowns"
#: Which way is optimistic: more of it, less of it, or neither.
SUMMARIES = ("up", "down", "none")
KINDS = ("normal", "half-normal")


@dataclass(frozen=True)
class Term:
    """A term of the observation: normal about `centre`, or half-normal from 0, with `spread`; `name` by language."""

    key: str
    kind: str
    centre: float
    spread: float
    scale: str
    because: str
    name: Mapping[str, str]


@dataclass(frozen=True)
class Unknowns:
    """The factors and terms of one domain, in the order of the file."""

    domain: str
    factors: Mapping[str, Factor]
    terms: Mapping[str, Term]

    @property
    def low(self) -> NDArray[np.float64]:
        """(factor,) logarithms of the lower bounds of emulation."""
        return np.log([f.design[0] for f in self.factors.values()])

    @property
    def high(self) -> NDArray[np.float64]:
        """(factor,) logarithms of the upper bounds of emulation."""
        return np.log([f.design[1] for f in self.factors.values()])

    def changes(self, factors: Mapping[str, float]) -> dict[str, float]:
        """Factors on parameters of the mechanism by full name, from factors by key; those not given are 1."""
        return {name: factors[key] for key, f in self.factors.items() if key in factors for name in f.multiplies}


def domains() -> list[str]:
    """The domains that have a file."""
    return names(FOLDER)


@functools.lru_cache(maxsize=16)
def unknowns(domain: str) -> Unknowns:
    """The unknowns of a domain. Raises StudyError for an unknown one, EvidenceError for a faulty file.

    Example:
        >>> unknowns("fistula").factors["cell_effect"].median
        0.3
    """
    from homing.credibility.calibration import relapse, reset

    given = {f.key: f for f in (*relapse.factors(), *reset.factors())}
    return read_unknowns(entry(FOLDER, domain), given)


def read_unknowns(e: Entry, given: Mapping[str, Factor]) -> Unknowns:
    """The unknowns of one file. Raises EvidenceError with file, line and key for a faulty one.

    Arguments: `given` factors whose prior is made from ranges of the catalogue; the file names them without a prior.
    """
    e.fields("domain", "factors", "terms", required=("domain", "factors"))
    return Unknowns(
        e.text("domain"),
        {str(p.path[-1]): _factor(p, given) for p in e.parts("factors")},
        {str(p.path[-1]): _term(p) for p in e.parts("terms")},
    )


def _factor(e: Entry, given: Mapping[str, Factor]) -> Factor:
    key = str(e.path[-1])
    if key in given:
        e.fields("name", "summary", required=("name",))
        return replace(given[key], name=e.both_languages("name"), summary=e.one_of("summary", SUMMARIES, "none"))
    e.fields("name", "multiplies", "prior", "box", "summary", required=("name", "multiplies", "prior"))
    prior = e.part("prior").fields("median", "spread", "because", "again", required=("median", "spread", "because"))
    found = Factor(
        key,
        e.texts("multiplies"),
        _positive(prior, "spread"),
        prior.text("because"),
        _positive(prior, "median"),
        e.both_languages("name"),
        e.one_of("summary", SUMMARIES, "none"),
        again=tuple(_number(text, prior.part("again", i)) for i, text in enumerate(prior.texts("again"))),
    )
    if "box" in e.data:
        box = e.part("box").fields("low", "high", required=("low", "high"))
        found = replace(found, box=(_positive(box, "low"), _positive(box, "high")))
    if not found.design[0] < found.median < found.design[1]:
        raise EvidenceError("the prior's median is between the bounds of the box.", e.part("box").where)
    return found


def _term(e: Entry) -> Term:
    required = ("name", "kind", "spread", "scale", "because")
    e.fields(*required, "centre", required=required)
    return Term(
        str(e.path[-1]),
        e.one_of("kind", KINDS),
        float(e.text("centre", "0")),
        _positive(e, "spread"),
        e.text("scale"),
        e.text("because"),
        e.both_languages("name"),
    )


def _positive(e: Entry, name: str) -> float:
    return _number(e.text(name), e.part(name))


def _number(text: str, place: Entry) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 < number < math.inf:
        raise EvidenceError("must be a number above 0.", place.where)
    return number
