"""What trials reported: arms, outcomes and adverse events as they were printed, each with its source.

A count that a source prints as a percentage only is derived from it and says so. Reports that contradict each other
stand side by side: one outcome is used, the others are kept as `contradicts`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

Analysis = Literal["itt", "mitt", "treated", "evaluable", "per-protocol"]
Role = Literal["candidate", "control", "other"]


@dataclass(frozen=True)
class Arm:
    """One group of a trial. `product` is a key of the catalogue or ''; `dose` nominal cells (per kg: `dose_per_kg`)."""

    key: str
    label: Mapping[str, str]
    role: Role
    n: int
    product: str = ""
    dose: float | None = None
    dose_per_kg: bool = False
    note: str = ""


@dataclass(frozen=True)
class Outcome:
    """What one arm reached at one time: `events` of `n`, or a `mean` change with `sd`.

    `printed` is what the source says, `derived` how the numbers were got from it where it doesn't print them, `differs`
    how the endpoint's definition departs from the catalogue's. An outcome that `contradicts` another is not used.
    """

    arm: str
    endpoint: str
    week: float
    n: int
    events: int | None
    mean: float | None
    sd: float | None
    share: float | None
    analysis: Analysis
    printed: str
    source: str
    at: str
    derived: str = ""
    differs: str = ""
    contradicts: str = ""


@dataclass(frozen=True)
class AdverseEvent:
    """Patients of one arm with an adverse event until a week."""

    arm: str
    event: str
    week: float
    n: int
    events: int
    printed: str
    source: str
    at: str
    derived: str = ""


@dataclass(frozen=True)
class Trial:
    """One trial, registry or series, with all that is used of it."""

    key: str
    name: str
    ids: Mapping[str, str]
    year: int
    design: Mapping[str, str]
    randomised: bool
    blinded: bool
    disease: str
    phenotype: Mapping[str, str]
    arms: Mapping[str, Arm]
    outcomes: tuple[Outcome, ...]
    adverse_events: tuple[AdverseEvent, ...]
    notes: tuple[Mapping[str, str], ...] = field(default=())
    design_sources: tuple[str, ...] = ()

    @property
    def rows(self) -> tuple[Outcome | AdverseEvent, ...]:
        """Outcomes, then adverse events."""
        return (*self.outcomes, *self.adverse_events)

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source of its numbers, design and notes, each once."""
        return tuple(dict.fromkeys([*(row.source for row in self.rows), *self.design_sources]))


@dataclass(frozen=True)
class Pair:
    """Two arms of a trial that answer a question, at an endpoint and week; `control` is '' for a single arm."""

    trial: str
    candidate: str
    control: str
    endpoint: str
    week: float


@dataclass(frozen=True)
class Question:
    """A question that several trials bear on: which arms, endpoints and times are compared."""

    key: str
    title: Mapping[str, str]
    about: Mapping[str, str]
    comparisons: tuple[Pair, ...]
    singles: tuple[Pair, ...]


@dataclass(frozen=True)
class Counts:
    """Events of n patients."""

    events: int
    n: int


@dataclass(frozen=True)
class Comparison:
    """Candidate beside control in one trial, with the sources of both counts."""

    trial: Trial
    pair: Pair
    candidate: Counts
    control: Counts
    sources: tuple[str, ...]


@dataclass(frozen=True)
class SingleArm:
    """One arm without control, with the source of its count."""

    trial: Trial
    pair: Pair
    arm: Arm
    counts: Counts
    source: str
