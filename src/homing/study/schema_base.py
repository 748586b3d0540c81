"""What every mapping of a study file shares, and the `credibility` section, which no result depends on."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from homing.study.scalars import Date, Level, Matters, Words


class Part(BaseModel):
    """A mapping of the study file. Unknown keys are refused."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, field_title_generator=lambda name, info: str(info.alias or name)
    )


class DeviationPart(Part):
    """One departure from the plan, and why."""

    on: Date = Field(description="The day on which it was decided.", examples=["2024-03-14"])
    what: Words = Field(description="What was done otherwise.", examples=["week 52 left out of the visits"])
    why: Words = Field(description="Why.", examples=["the registry stops at week 24"])


class CredibilityPart(Part):
    """What the model is relied on for, and how much: the start of its credibility record."""

    question: Words = Field(
        description="The decision that the model helps with, as a question.",
        examples=["Is a confirmatory trial of this size worth starting?"],
    )
    influence: Level = Field(
        description="Weight of the model beside other evidence: low, medium or high.", examples=["medium"]
    )
    consequence: Level = Field(
        description="How bad a wrong decision would be: low, medium or high.", examples=["medium"]
    )
    because: Words = Field(
        description="Why influence and consequence are so high and no higher.",
        examples=["two trials are looked at beside it; a wrong yes costs a trial, not patients' safety"],
    )
    impact: Level | None = Field(
        default=None,
        description="How far the model stands in for what regulators usually ask for: low, medium or high.",
        examples=["low"],
    )
    matters: Matters | None = Field(
        default=None,
        description="The difference in the primary endpoint from which the answer is yes; that of `compare`, or 5 %.",
        examples=["10 %"],
    )
    deviations: Annotated[tuple[DeviationPart, ...], Field(max_length=100)] = Field(
        default=(), description="Departures from the plan, beside those that Homing sees for itself."
    )
