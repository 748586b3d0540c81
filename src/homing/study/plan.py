"""Study: a resolved study file, every default made explicit. `study/resolve.py` makes it; `study/run.py` runs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from homing.patients.baseline_table import Table
from homing.protocol.course import Protocol


class Note(str):
    """A sentence in English that knows its Chinese wording, `zh`."""

    zh: str

    def __new__(cls, en: str, zh: str) -> Note:
        """Make one from both wordings."""
        note = super().__new__(cls, en)
        note.zh = zh
        return note

    def __getnewargs__(self) -> tuple[str, str]:  # type: ignore[override]
        """What pickle makes it from."""
        return str(self), self.zh


@dataclass(frozen=True)
class Endpoint:
    """An endpoint of the catalogue at one visit, by key ('combined-remission') and day."""

    key: str
    time: float


@dataclass(frozen=True)
class TrialDesign:
    """The real trial that the study would be: patients per arm, two-sided alpha, share lost to follow-up."""

    patients_per_arm: int
    alpha: float
    dropout: float


@dataclass(frozen=True)
class Comparing:
    """What a comparison of all arms is told: the smallest difference of shares that matters, and rates of exchange.

    `exchange` maps a currency to what one of it buys: an amount and its currency.
    """

    matters: float
    exchange: Mapping[str, tuple[float, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Deviation:
    """A departure from the plan that a person wrote down: the day (ISO), what was done otherwise, and why."""

    on: str
    what: str
    why: str


@dataclass(frozen=True)
class Relied:
    """What the model is relied on for. Levels are 'low', 'medium' or 'high'; `impact` is '' where it isn't stated.

    `matters` is the difference of shares in the primary endpoint from which the answer is yes.
    """

    question: str
    influence: str
    consequence: str
    because: str
    impact: str
    matters: float
    deviations: tuple[Deviation, ...] = ()


@dataclass(frozen=True)
class Study:
    """A resolved study. Times in days, sorted; `candidate` and `control` are names of arms.

    `explicit` is the resolved study as plain data, ready to be written as `study.resolved.yaml`, with the values and
    sources of everything it names; `notes` are choices made for the user, as sentences (defaults, warnings).
    """

    file: str
    title: str
    question: str
    arms: Mapping[str, Protocol]
    candidate: str
    control: str
    population: str
    patients: int
    seed: int
    scenarios: tuple[str, ...]
    visits: tuple[float, ...]
    primary: Endpoint
    secondary: tuple[str, ...]
    trials: tuple[str, ...]  # records of the evidence store that observed this design
    evidence: str  # key of the evidence question for chapter 5
    design: TrialDesign
    alternatives: tuple[str, ...]  # products for chapter 2
    comparator: str  # drug for chapter 1
    language: str
    seed_drawn: bool = False
    comparing: Comparing | None = None  # where the file has a `compare` section
    relied: Relied | None = None  # where the file has a `credibility` section
    explicit: Mapping[str, object] = field(default_factory=dict)
    notes: tuple[Note, ...] = ()
    eligibility: tuple[str, ...] = ()
    limits: tuple[Note, ...] = ()  # where the study is only in part within the model's context of use
    like: Table | None = None  # the baseline table that the patients are weighted to
