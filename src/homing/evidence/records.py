"""What trials reported: arms, outcomes, safety, kinetics and costs as they were printed, each with its source.

A count that a source prints as a percentage only is derived from it and says so. Reports that contradict each other
stand side by side: one outcome is used, the others are kept as `contradicts`. A week that no source prints is NaN.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from homing.ground.errors import EvidenceError

Analysis = Literal["itt", "mitt", "treated", "evaluable", "per-protocol"]
Role = Literal["candidate", "control", "other"]
Blinding = Literal["none", "single", "double", ""]
Status = Literal["published", "registry-results", "unpublished", "terminated", "withdrawn", "ongoing"]
#: What an import of a registry's record notes of a group of its results that is no arm of the protocol.
LOOSE = "a group of the results that is no arm of the protocol; its patients may be those of other arms, added up"


@dataclass(frozen=True)
class Arm:
    """One group of a trial.

    `treatment` is a word of the vocabulary of treatments (a kind of cell, a drug, a control) or ''; `product` is a key
    of the catalogue or ''; `cells` says in words what was given. `dose` is nominal cells (per kg:
    `dose_per_kg`). `n` counts those randomised (or enrolled), `treated` and `analysed` those that remained.
    `part_of` names the arms of the trial whose patients these are again: doses of a sum, a subset, a later period.
    """

    key: str
    label: Mapping[str, str]
    role: Role
    n: int
    product: str = ""
    dose: float | None = None
    dose_per_kg: bool = False
    note: str = ""
    treatment: str = ""
    drug: str = ""
    cells: str = ""
    route: str = ""
    carrier: str = ""
    schedule: str = ""
    co_intervention: str = ""
    treated: int | None = None
    analysed: int | None = None
    part_of: tuple[str, ...] = ()

    @property
    def is_loose(self) -> bool:
        """Whether it is a group of a registry's results whose patients may be those of its other arms."""
        return LOOSE in self.note


@dataclass(frozen=True)
class Outcome:
    """What one arm reached at one time: `events` of `n`, a `share` (Kaplan-Meier, or of an unknown n), or a `mean`
    or `median` with `sd` or `se`; `low` and `high` are what `printed` says they are.

    `printed` is what the source says, `derived` how the numbers were got from it where it doesn't print them, `differs`
    how the endpoint's definition departs from the catalogue's. An outcome that `contradicts` another is not used.
    """

    arm: str
    endpoint: str
    week: float
    n: int | None
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
    median: float | None = None
    low: float | None = None
    high: float | None = None
    se: float | None = None
    effect: str = ""

    @property
    def is_subgroup(self) -> bool:
        """Whether it is of a part of the arm's patients only, chosen by what they were before."""
        return self.differs.startswith("subgroup")

    @property
    def result(self) -> str:
        """The result in figures: '53/107 (49.5 %)', '91.0 % of 24', 'mean -62.5 (SD 23.2), n 41'."""
        of = f", n {self.n}" if self.n else ""
        if self.events is not None and self.n:
            return f"{self.events}/{self.n} ({100 * self.events / self.n:.1f} %)"
        if self.share is not None:
            return f"{100 * self.share:.1f} %" + (f" of {self.n}" if self.n else "")
        if self.median is not None:
            around = f" ({self.low:g} to {self.high:g})" if self.low is not None and self.high is not None else ""
            return f"median {self.median:g}{around}{of}"
        spread = f" (SD {self.sd:g})" if self.sd is not None else f" (SE {self.se:g})" if self.se is not None else ""
        return f"mean {self.mean:g}{spread}{of}"


@dataclass(frozen=True)
class Kinetic:
    """Where cells or their traces were at a day: labelled cells, donor DNA, CAR-T copies, antibodies, cell counts."""

    arm: str
    what: str
    day: float
    n: int | None
    value: float | None
    low: float | None
    high: float | None
    sd: float | None
    unit: str
    printed: str
    source: str
    at: str
    note: str = ""
    contradicts: str = ""

    @property
    def middle(self) -> float:
        """The printed value, or the middle of the printed range. Raises EvidenceError where it has neither."""
        if self.value is not None:
            return self.value
        if self.low is None or self.high is None:
            raise EvidenceError(f"'{self.what}' has neither a value nor a whole range.")
        return (self.low + self.high) / 2


@dataclass(frozen=True)
class Economic:
    """A price, cost or utility that a trial or an appraisal of its product reports."""

    what: str
    value: float
    unit: str
    year: str
    country: str
    printed: str
    source: str
    at: str


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
    """One trial, registry or series, with all that is used of it.

    `year` is that of the main report, None where there is none yet. `shares_patients_with` names other entries that
    report the same patients (a follow-up, a subset): never pool both; `registered_with` names those of other patients
    under one registration. `layer` says whose entry it is: 'homing' or the
    folder of a user.
    """

    key: str
    name: str
    ids: Mapping[str, str]
    year: int | None
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
    blinding: Blinding = ""
    status: Status = "published"
    sites: int | None = None
    countries: tuple[str, ...] = ()
    start: str = ""
    end: str = ""
    registered_n: int | None = None
    criteria: str = ""
    kinetics: tuple[Kinetic, ...] = ()
    economics: tuple[Economic, ...] = ()
    shares_patients_with: tuple[str, ...] = ()
    registered_with: tuple[str, ...] = ()
    risk_of_bias: Mapping[str, str] = field(default_factory=dict)
    layer: str = "homing"

    @property
    def when(self) -> str:
        """The year, or the status of a trial without a report."""
        return str(self.year) if self.year else self.status

    @property
    def titled(self) -> str:
        """The name with its year, which many names hold already."""
        return self.name if self.when in self.name else f"{self.name} ({self.when})"

    @property
    def patients(self) -> int:
        """Patients of all arms, each once."""
        return sum(self.arms[key].n for key in self.once(self.arms))

    def once(self, arms: Iterable[str]) -> list[str]:
        """Those of some arms that together hold no patient twice: a part goes where its whole is there.

        So does a group of a registry's results that is no arm of the protocol (`is_loose`), beside any other.
        """
        keys = list(dict.fromkeys(arms))
        kept = [key for key in keys if not set(self.arms[key].part_of) & set(keys)]
        return [key for key in kept if not self.arms[key].is_loose] or kept

    @property
    def rows(self) -> tuple[Outcome | AdverseEvent, ...]:
        """Outcomes, then adverse events."""
        return (*self.outcomes, *self.adverse_events)

    @property
    def sources(self) -> tuple[str, ...]:
        """Every source of its numbers, design and notes, each once."""
        named = [row.source for row in (*self.rows, *self.kinetics, *self.economics)]
        return tuple(dict.fromkeys([*named, *self.design_sources]))


@dataclass(frozen=True)
class Pair:
    """Two arms of a trial that answer a question, at an endpoint and week.

    `control` is '' for a single arm; `group` names the subgroup that it belongs to where the question has any.
    """

    trial: str
    candidate: str
    control: str
    endpoint: str
    week: float
    group: str = ""


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
    """One arm by itself (or several added up, `parts`), with the source of its count."""

    trial: Trial
    pair: Pair
    parts: tuple[tuple[Arm, Counts], ...]
    counts: Counts
    source: str

    @property
    def arm(self) -> Arm:
        """The arm, or the first of those added up."""
        return self.parts[0][0]

    @property
    def label(self) -> Mapping[str, str]:
        """What was given, in both languages; of all arms that were added up."""
        return label_of([arm for arm, _ in self.parts])


def label_of(arms: Sequence[Arm]) -> Mapping[str, str]:
    """What arms that are added up were given, in both languages."""
    return {language: " + ".join(arm.label[language] for arm in arms) for language in arms[0].label}


def weeks(week: float) -> str:
    """A week as text; a dash where the source prints none."""
    return "-" if math.isnan(week) else f"{week:g}"


@dataclass(frozen=True)
class Claim:
    """A claim that is often repeated, and what its sources say."""

    key: str
    claim: Mapping[str, str]
    says: Mapping[str, str]
    verdict: Literal["true, but", "misleading", "wrong", "no source found"]
    sources: tuple[str, ...]


@dataclass(frozen=True)
class Gap:
    """What was looked for and not found, and where it was looked for."""

    topic: str
    looked_for: str
    found: str


@dataclass(frozen=True)
class MetaStudy:
    """One study as a meta-analysis prints it: events and patients of both arms, or of one (n_2 None)."""

    study: str
    events_1: float
    n_1: float
    events_2: float | None
    n_2: float | None
    derived: str = ""


@dataclass(frozen=True)
class MetaAnalysis:
    """A published meta-analysis with its inputs and its printed answer, for being computed again.

    `printed` are the numbers of the answer and `printed_texts` the same as they stand there ('3.00').
    """

    key: str
    title: str
    ids: Mapping[str, str]
    question: str
    measure: str
    model: str
    method: str
    as_printed: str
    printed: Mapping[str, float]
    studies: tuple[MetaStudy, ...]
    sources: tuple[str, ...]
    missing: str
    notes: tuple[Mapping[str, str], ...] = ()
    printed_texts: Mapping[str, str] = field(default_factory=dict)
