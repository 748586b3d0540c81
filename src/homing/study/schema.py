"""The study file, format 1, as pydantic models: which keys it has, what each takes, what is required.

The models say what one value may be; `study/consistency.py` says what goes together and `study/resolve.py` what the
catalogue knows. Keys are words as a clinician writes them, so some hold spaces (`patients per arm`).
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, ConfigDict, Discriminator, Field, Tag

from homing.study.decision_text import Condition
from homing.study.scalars import (
    Accept,
    Alpha,
    Day,
    Dosage,
    Dropout,
    Format,
    Interval,
    Language,
    Matters,
    Name,
    Patients,
    Potency,
    Rate,
    Release,
    Repeats,
    Seed,
    Share,
    TrialSize,
    Words,
    Yes,
    refuse,
)
from homing.study.schema_base import CredibilityPart, Part

MOST_ARMS = 20
MOST_TIMES = 1000
DEFAULT_PATIENTS = 1000
DEFAULT_SCENARIOS = ("posterior",)
DEFAULT_PATIENTS_PER_ARM = 100
DEFAULT_ALPHA = 0.05
DEFAULT_MATTERS = 0.05

#: Tags of a choice between shapes start with this; they are no part of the path in the file.
SHAPE = "~"


def _shape(value: Any) -> str:
    if isinstance(value, dict):
        return f"{SHAPE}mapping"
    return f"{SHAPE}list" if isinstance(value, list | tuple) else f"{SHAPE}text"


def _shape_in_list(value: Any) -> str:
    return f"{SHAPE}mapping" if isinstance(value, dict) else f"{SHAPE}text"


class Repeated(Part):
    """Doses at a fixed interval: {from: week 0, every: 4 weeks, times: 4}."""

    start: Day = Field(alias="from", description="Time of the first dose.", examples=["week 0"])
    every: Interval = Field(description="Time from one dose to the next.", examples=["4 weeks"])
    times: Repeats = Field(description="How many doses in all.", examples=[4])

    @property
    def days(self) -> tuple[float, ...]:
        """The times, in days from the start."""
        return tuple(self.start + i * self.every for i in range(self.times))


Moment = Annotated[
    Annotated[Repeated, Tag(f"{SHAPE}mapping")] | Annotated[Day, Tag(f"{SHAPE}text")], Discriminator(_shape_in_list)
]


def _few(moments: tuple[Repeated | float, ...]) -> tuple[Repeated | float, ...]:
    """A list of times, once it is known to stand for no more doses than a schedule may have."""
    count = sum(moment.times if isinstance(moment, Repeated) else 1 for moment in moments)
    if count > MOST_TIMES:
        raise refuse(f"{count} doses: a schedule has 1 to {MOST_TIMES}.")
    return moments


_Moments = Annotated[tuple[Moment, ...], Field(min_length=1, max_length=MOST_TIMES), AfterValidator(_few)]
At = Annotated[
    Annotated[Repeated, Tag(f"{SHAPE}mapping")]
    | Annotated[_Moments, Tag(f"{SHAPE}list")]
    | Annotated[Day, Tag(f"{SHAPE}text")],
    Discriminator(_shape),
]


def days_of(at: Any) -> tuple[float, ...]:
    """All times that an `at` names, in days, in the order written."""
    if isinstance(at, Repeated):
        return at.days
    if isinstance(at, tuple):
        return tuple(day for moment in at for day in days_of(moment))
    return (float(at),)


class InLanguages(Part):
    """A text in English and Chinese."""

    en: Words = Field(description="In English.", examples=["Darvadstrocel 120 million cells"])
    zh: Words | None = Field(default=None, description="In Chinese.", examples=["达伐司特罗 1.2亿细胞"])


Label = Annotated[
    Annotated[InLanguages, Tag(f"{SHAPE}mapping")] | Annotated[Words, Tag(f"{SHAPE}text")],
    Discriminator(_shape_in_list),
]


def label_of(label: InLanguages | str | None, otherwise: str) -> dict[str, str]:
    """A label as a mapping from language to text."""
    if label is None:
        return {"en": otherwise}
    if isinstance(label, InLanguages):
        return {"en": label.en} | ({"zh": label.zh} if label.zh else {})
    return {"en": label}


class LotPart(Part):
    """One manufactured batch with its release data."""

    id: Words = Field(description="The batch number.", examples=["24-017"])
    viability: Release = Field(description="Living cells, as a share of those counted.", examples=["88 %"])
    potency: Potency | None = Field(
        default=None, description="Potency against the reference; the catalogue's when left out.", examples=["90 %"]
    )
    source: Words = Field(description="Where the release data stand.", examples=["release certificate 24-017"])
    out_of_specification: Accept | None = Field(
        default=None,
        alias="out of specification",
        description="'accept' to simulate a lot whose viability is below the product's release limit.",
        examples=["accept"],
    )


class ProductPart(Part):
    """A product of your own, based on one of the catalogue."""

    like: Name = Field(description="The catalogue's product that it resembles.", examples=["umbilical-cord-msc"])
    name: Label | None = Field(default=None, description="Its name in reports.", examples=[{"en": "Our MSC"}])
    lot: LotPart | None = Field(default=None, description="The batch that is given.")


class ReleasePart(Part):
    """A measured release curve: times and fractions written here, or in a CSV file beside the study."""

    times: _Moments | None = Field(
        default=None, description="Times after the carrier is placed.", examples=[["day 0", "day 2", "day 14"]]
    )
    released: Annotated[tuple[Share, ...], Field(min_length=1, max_length=MOST_TIMES)] | None = Field(
        default=None, description="The share of cells released by each time.", examples=[["0 %", "30 %", "95 %"]]
    )
    file: Words | None = Field(
        default=None, description="A CSV file with the columns day and released.", examples=["release.csv"]
    )
    source: Words = Field(description="Where the curve was measured.", examples=["release assay 24-017"])


class CarrierPart(Part):
    """A carrier of your own, based on one of the catalogue."""

    like: Name = Field(description="The catalogue's carrier that it resembles.", examples=["microspheres"])
    name: Label | None = Field(default=None, description="Its name in reports.", examples=[{"en": "Our beads"}])
    retention: Release | None = Field(
        default=None, description="Share of cells still in it once it is in place.", examples=["90 %"]
    )
    release: ReleasePart | None = Field(default=None, description="Its measured release curve.")


class CoursePart(Part):
    """One product or drug, by one route, at one dose, on one schedule."""

    give: Name = Field(
        description="A product or drug of the catalogue, one of `products`, or saline, vehicle or placebo.",
        examples=["darvadstrocel"],
    )
    route: Name = Field(description="Where and how it enters.", examples=["intralesional"])
    carrier: Name | None = Field(default=None, description="What the cells come in.", examples=["suspension"])
    dose: Dosage = Field(
        description="Each dose, with its unit: nominal cells, cells/kg, mg, mg/kg, or mL of placebo.",
        examples=["120e6 cells", "2e6 cells/kg"],
    )
    cap: Dosage | None = Field(
        default=None, description="The most that one patient gets of a dose by weight.", examples=["200e6 cells"]
    )
    at: At = Field(
        description="When: one time, a list of times, or {from: week 0, every: 4 weeks, times: 4}.",
        examples=["week 0", ["week 0", "week 12"]],
    )


class RulePart(CoursePart):
    """A course whose doses are decided at visits, from what is read there."""

    when: Annotated[tuple[Condition, ...], Field(min_length=1, max_length=20)] = Field(
        description="What must hold, all of it: an endpoint compared with a value, met, or not met.",
        examples=[["calprotectin above 250 ug/g", "donor-antibody below 0.5"]],
    )
    most: Repeats = Field(default=1, description="How often one patient gets it at most.", examples=[1])


class ProcedurePart(Part):
    """An act that is not a dose."""

    do: Name = Field(description="A procedure of the catalogue.", examples=["curettage-and-seton-removal"])
    at: At = Field(description="When.", examples=["week 0"])


Procedures = Annotated[tuple[ProcedurePart, ...], Field(max_length=100)]
Courses = Annotated[tuple[CoursePart, ...], Field(max_length=100)]
Rules = Annotated[tuple[RulePart, ...], Field(max_length=20)]


class ArmPart(Part):
    """All that is planned for the patients of one arm: any number of products and drugs, in any number of courses."""

    label: Label | None = Field(
        default=None, description="Its name in reports.", examples=[{"en": "120 million cells"}]
    )
    untreated: Yes = Field(
        default=False, description="'yes' for an arm that stays on usual care alone.", examples=["yes"]
    )
    procedures: Procedures = Field(default=(), description="Acts that are not doses.")
    courses: Courses = Field(default=(), description="What is given.")
    rules: Rules = Field(default=(), description="What is given if it is called for at a visit.")


class PrimaryPart(Part):
    """The primary endpoint and its visit."""

    endpoint: Name = Field(description="An endpoint of the catalogue.", examples=["combined-remission"])
    at: Day = Field(description="One of the visits.", examples=["week 24"])


class TrialPart(Part):
    """The real trial that the study would be."""

    patients_per_arm: TrialSize = Field(
        default=DEFAULT_PATIENTS_PER_ARM,
        alias="patients per arm",
        description="Patients randomised to each arm.",
        examples=[106],
    )
    alpha: Alpha = Field(default=DEFAULT_ALPHA, description="Two-sided level of significance.", examples=[0.05])
    dropout: Dropout = Field(
        default=0.0, description="Share lost to follow-up, counted as failures.", examples=["10 %"]
    )


Written = Annotated[dict[Name, Words], Field(min_length=2, max_length=10)]


class LikePart(Part):
    """The baseline table that the virtual patients are weighted to: one of three ways to name it."""

    baseline: Name | None = Field(default=None, description="A table of the catalogue.", examples=["CHARM"])
    table: Words | None = Field(
        default=None, description="A file of your own beside the study, YAML or CSV.", examples=["our-trial.csv"]
    )
    lines: Annotated[tuple[Written, ...], Field(max_length=100)] = Field(
        default=(),
        description="The lines themselves.",
        examples=[[{"of": "age", "mean": "37 years", "sd": "12 years"}]],
    )
    leave_out: Annotated[tuple[Name, ...], Field(max_length=100)] = Field(
        default=(), alias="leave out", description="Covariates whose lines are not asked for.", examples=[["crp"]]
    )


Like = Annotated[
    Annotated[LikePart, Tag(f"{SHAPE}mapping")] | Annotated[Name, Tag(f"{SHAPE}text")],
    Discriminator(_shape_in_list),
]


_Few = Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)]


class CrossPart(Part):
    """Every product by every route, carrier and dose: each combination that can be given becomes an arm."""

    give: _Few = Field(description="Products.", examples=[["darvadstrocel", "bone-marrow-msc"]])
    route: _Few = Field(description="Routes.", examples=[["intralesional", "intravenous"]])
    carrier: Annotated[tuple[Name, ...], Field(max_length=20)] = Field(
        default=(), description="What the cells come in.", examples=[["suspension", "fibrin-glue"]]
    )
    dose: Annotated[tuple[Dosage, ...], Field(min_length=1, max_length=20)] = Field(
        description="Each dose, with its unit.", examples=[["30e6 cells", "120e6 cells"]]
    )
    at: At = Field(description="When, for all of them.", examples=["week 0"])
    procedures: Procedures = Field(default=(), description="Acts that are not doses, the same in each arm.")


class ComparePart(Part):
    """What `homing compare` is told beside the arms, which are its candidates; the control is what they differ from."""

    cross: CrossPart | None = Field(
        default=None, description="Products by routes, carriers and doses, as further arms."
    )
    matters: Matters = Field(
        default=DEFAULT_MATTERS, description="The smallest difference of shares that matters.", examples=["5 %"]
    )
    exchange: dict[Name, Rate] = Field(
        default_factory=dict,
        description="Your rates of exchange into one currency, so that costs can be compared.",
        examples=[{"GBP": "9 CNY"}],
    )


class ReportPart(Part):
    """How the report is written."""

    language: Language = Field(default="en", description="en (English) or zh (Chinese).", examples=["zh"])


_Arms = Annotated[dict[Name, ArmPart], Field(min_length=1, max_length=MOST_ARMS)]
_Visits = Annotated[tuple[Day, ...], Field(min_length=1, max_length=MOST_TIMES)]
_Scenarios = Annotated[tuple[Name, ...], Field(min_length=1, max_length=20)]
_Names = Annotated[tuple[Name, ...], Field(max_length=100)]


class StudyContent(Part):
    """A Homing study file, format 1: the question, the patients, the arms and what is measured."""

    model_config = ConfigDict(title="Homing study", extra="forbid", frozen=True)

    homing: Format = Field(description="The format of this file: 1.", examples=[1])
    study: Words = Field(description="The title.", examples=["ADMIRE-CD in virtual patients"])
    question: Words = Field(default="", description="What the study is to answer.")
    population: Name = Field(
        description="The patients, by a key of the catalogue.", examples=["perianal-fistula-refractory-cd"]
    )
    eligibility: Annotated[tuple[Words, ...], Field(max_length=50)] = Field(
        default=(),
        description="Who is meant beyond the population, in words; what the model must not be asked is refused.",
        examples=[["adults", "no abscess at baseline"]],
    )
    patients: Patients = Field(default=DEFAULT_PATIENTS, description="Virtual patients in each arm.", examples=[1000])
    like: Like | None = Field(
        default=None,
        description="The trial whose patients these are weighted to: a baseline table of the catalogue, or your own.",
        examples=["CHARM"],
    )
    seed: Seed | None = Field(
        default=None, description="Seed of the random numbers; drawn when left out.", examples=[2016]
    )
    scenarios: _Scenarios = Field(
        default=DEFAULT_SCENARIOS,
        description="Sets of assumptions to run.",
        examples=[["posterior", "sceptical", "optimistic"]],
    )
    visits: _Visits = Field(description="When patients are measured.", examples=[["week 0", "week 24", "week 52"]])
    arms: _Arms = Field(description="The arms by name.", examples=[{"observation": {"untreated": "yes"}}])
    candidate: Name = Field(description="The arm that is judged.", examples=["darvadstrocel"])
    control: Name = Field(description="The arm that it is judged against.", examples=["placebo"])
    primary: PrimaryPart = Field(
        description="What decides the trial.", examples=[{"endpoint": "combined-remission", "at": "week 24"}]
    )
    secondary: _Names = Field(default=(), description="Further endpoints, at every visit.", examples=[["crp", "pdai"]])
    observed: _Names = Field(default=(), description="Real trials of this design.", examples=[["ADMIRE-CD"]])
    evidence: Name | None = Field(
        default=None,
        description="The question of the evidence store that this study bears on.",
        examples=["perianal-fistula-msc"],
    )
    trial: TrialPart = Field(default=TrialPart(), description="Size, level and losses of the real trial.")
    alternatives: _Names = Field(
        default=(), description="Other products, given to the same patients.", examples=[["bone-marrow-msc"]]
    )
    comparator: Name | None = Field(
        default=None, description="A drug that is not cells, given to the same patients.", examples=["infliximab"]
    )
    compare: ComparePart | None = Field(
        default=None, description="Further arms, and what a comparison of all arms is told."
    )
    credibility: CredibilityPart | None = Field(
        default=None, description="What the model is relied on for: the start of its credibility record."
    )
    report: ReportPart = Field(default=ReportPart(), description="The language of the report.")
    products: dict[Name, ProductPart] = Field(
        default_factory=dict, description="Your own products.", examples=[{"ours": {"like": "umbilical-cord-msc"}}]
    )
    carriers: dict[Name, CarrierPart] = Field(
        default_factory=dict, description="Your own carriers.", examples=[{"beads": {"like": "microspheres"}}]
    )
    resolved: dict[str, Any] | None = Field(
        default=None, description="Written by Homing: the values and sources behind the study. Compared, never used."
    )
