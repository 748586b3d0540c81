"""Trials as they are written in YAML, read strictly into records.

The fields of a file are those of `records.Trial`, `Arm`, `Outcome`, `AdverseEvent`, `Kinetic` and `Economic`, in words:
`registered n`, `adverse events`, `shares patients with`, `risk of bias`, `with` (an arm's co-intervention). `name`,
`ids`, `design`, `randomised`, `blinded`, `disease`, `phenotype` and `arms` must be there.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from typing import Any, cast

from homing.evidence.catalogue import Entry, entry, names
from homing.evidence.records import AdverseEvent, Arm, Economic, Kinetic, Outcome, Trial
from homing.evidence.sources import IDS
from homing.ground.errors import EvidenceError, HomingError
from homing.ground.nearest import did_you_mean
from homing.ground.units import read_quantity, split_quantity

ANALYSES = ("itt", "mitt", "treated", "evaluable", "per-protocol")
ROLES = ("candidate", "control", "other")
DISEASES = ("crohn", "ulcerative-colitis", "cryptoglandular-fistula", "autoimmune", "other")
STATUS = ("published", "registry-results", "unpublished", "terminated", "withdrawn", "ongoing")
BLINDING = ("none", "single", "double", "")
BIAS = ("low", "some concerns", "moderate", "serious", "high", "critical", "no information")
#: Domains of RoB 2 (randomised) and of ROBINS-I (not), and the overall judgement.
BIAS_DOMAINS = (
    *("tool", "overall", "source", "because"),
    *("randomisation", "deviations", "missing data", "measurement", "selection of the result"),
    *("confounding", "selection of patients", "classification"),
)
_TRIAL = ("name", "ids", "design", "randomised", "blinded", "disease", "phenotype", "arms")
_MORE = (
    *("year", "outcomes", "adverse events", "kinetics", "economics", "notes", "sources", "blinding", "status", "sites"),
    *("countries", "start", "end", "registered n", "criteria", "shares patients with", "registered with"),
    "risk of bias",
)
_OUTCOME = ("arm", "endpoint", "printed", "source")
_NUMBERS = ("events", "mean", "sd", "share", "median", "low", "high", "se")
_WORDS = ("analysis", "at", "derived", "differs", "contradicts", "effect")
_ARM = (
    *("label", "role", "n", "product", "drug", "treatment", "cells", "dose", "note", "route", "carrier", "schedule"),
    *("with", "treated", "analysed", "part of"),
)


def read_trial(e: Entry, layer: str = "homing") -> Trial:
    """A trial from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    e.fields(*_TRIAL, *_MORE, required=_TRIAL)
    arms = {str(part.path[-1]): _arm(part) for part in e.parts("arms")}
    _check_parts(e, arms)
    return Trial(
        key=e.key,
        name=e.text("name"),
        ids={str(key): str(value) for key, value in e.part("ids").fields(*IDS).data.items()},
        year=_count(e, "year") if e.data.get("year") else None,
        design=e.both_languages("design"),
        randomised=e.one_of("randomised", ("yes", "no")) == "yes",
        blinded=e.one_of("blinded", ("yes", "no")) == "yes",
        disease=e.one_of("disease", DISEASES),
        phenotype=e.both_languages("phenotype"),
        arms=arms,
        outcomes=tuple(_read_outcome(part, arms) for part in e.parts("outcomes")),
        adverse_events=tuple(_read_event(part, arms) for part in e.parts("adverse events")),
        kinetics=tuple(_read_kinetic(part, arms) for part in e.parts("kinetics")),
        economics=tuple(_read_economic(part) for part in e.parts("economics")),
        notes=tuple(part.both_languages() for part in e.parts("notes")),
        design_sources=e.sources(),
        blinding=cast(Any, e.one_of("blinding", BLINDING)),
        status=cast(Any, e.one_of("status", STATUS, "published")),
        sites=_count(e, "sites") if e.data.get("sites") else None,
        countries=e.texts("countries"),
        start=e.text("start"),
        end=e.text("end"),
        registered_n=_count(e, "registered n") if e.data.get("registered n") else None,
        criteria=e.text("criteria"),
        shares_patients_with=e.texts("shares patients with"),
        registered_with=e.texts("registered with"),
        risk_of_bias=_bias(e),
        layer=layer,
    )


def _bias(e: Entry) -> Mapping[str, str]:
    if not e.data.get("risk of bias"):
        return {}
    part = e.part("risk of bias").fields(*BIAS_DOMAINS, required=("tool", "overall", "because"))
    part.one_of("tool", ("RoB 2", "ROBINS-I"))
    for domain in part.data:
        if domain not in ("tool", "source", "because"):
            part.one_of(domain, BIAS)
    return {str(name): str(value) for name, value in part.data.items()}


def _arm(e: Entry) -> Arm:
    e.fields(*_ARM, required=("label", "role", "n"))
    product, dose = e.name_of("product", "products"), _dose(e)
    return Arm(
        key=str(e.path[-1]),
        label=e.both_languages("label"),
        role=cast(Any, e.one_of("role", ROLES)),
        n=_count(e, "n"),
        product=product,
        dose=dose[0],
        dose_per_kg=dose[1],
        note=e.text("note"),
        treatment=e.one_of("treatment", terms("treatments")) if e.data.get("treatment") else "",
        drug=e.text("drug"),
        cells=e.text("cells"),
        route=e.text("route"),
        carrier=e.text("carrier"),
        schedule=e.text("schedule"),
        co_intervention=e.text("with"),
        treated=_count(e, "treated") if e.data.get("treated") else None,
        analysed=_count(e, "analysed") if e.data.get("analysed") else None,
        part_of=e.texts("part of"),
    )


def _check_parts(e: Entry, arms: Mapping[str, Arm]) -> None:
    """Arms are parts of other arms of the trial, which aren't parts of them."""
    for key, arm in arms.items():
        for i, whole in enumerate(arm.part_of):
            place = e.part("arms", key, "part of", i)
            if whole not in arms:
                raise EvidenceError(f"there is no arm '{whole}'. {did_you_mean(whole, arms)}", place.where)
            if whole == key or key in arms[whole].part_of:
                raise EvidenceError(f"'{key}' and '{whole}' can't each be a part of the other.", place.where)


def _dose(e: Entry) -> tuple[float | None, bool]:
    written = e.text("dose")
    if not written:
        return None, False
    try:
        _, unit = split_quantity(written)
        slash = "/" in unit
        return read_quantity(written.removesuffix("/kg") if slash else written, "cell"), bool(slash)
    except HomingError as error:
        raise EvidenceError(error.message, e.part("dose").where) from None


def _read_outcome(e: Entry, arms: Mapping[str, Arm]) -> Outcome:
    e.fields(*_OUTCOME, "week", "n", *_NUMBERS, *_WORDS, required=("arm", "endpoint", "source"))
    e.one_of("endpoint", terms("outcomes"))
    if not any(e.data.get(name) for name in ("events", "mean", "share", "median")):
        raise EvidenceError("an outcome needs one of events, share, mean, median.", e.where)
    if e.data.get("events") and not e.data.get("n"):
        raise EvidenceError("events need the n that they are of.", e.where)
    numbers = {name: number_of(e, name) if e.data.get(name) else None for name in _NUMBERS if name != "events"}
    return Outcome(
        arm=e.one_of("arm", arms),
        endpoint=e.text("endpoint"),
        week=number_of(e, "week") if e.data.get("week") else math.nan,
        n=_count(e, "n") if e.data.get("n") else None,
        events=_count(e, "events") if e.data.get("events") else None,
        analysis=cast(Any, e.one_of("analysis", ANALYSES, "itt")),
        printed=e.text("printed"),
        source=e.source("source"),
        at=e.text("at"),
        derived=e.text("derived"),
        differs=e.text("differs"),
        contradicts=e.text("contradicts"),
        effect=e.text("effect"),
        **numbers,
    )


def _read_event(e: Entry, arms: Mapping[str, Arm]) -> AdverseEvent:
    needed = ("arm", "event", "n", "events", "source")
    e.fields(*needed, "week", "printed", "at", "derived", required=needed)
    e.one_of("event", terms("adverse-events"))
    return AdverseEvent(
        arm=e.one_of("arm", arms),
        event=e.text("event"),
        week=number_of(e, "week") if e.data.get("week") else math.nan,
        n=_count(e, "n"),
        events=_count(e, "events"),
        printed=e.text("printed"),
        source=e.source("source"),
        at=e.text("at"),
        derived=e.text("derived"),
    )


def _read_kinetic(e: Entry, arms: Mapping[str, Arm]) -> Kinetic:
    needed = ("arm", "what", "unit", "printed", "source")
    e.fields(*needed, "day", "n", "value", "low", "high", "sd", "at", "note", "contradicts", required=needed)
    if not any(e.data.get(name) for name in ("value", "low", "high")):
        raise EvidenceError("a kinetic reading needs a value, or low and high.", e.where)
    numbers = {name: number_of(e, name) if e.data.get(name) else None for name in ("value", "low", "high", "sd")}
    return Kinetic(
        arm=e.one_of("arm", arms),
        what=e.text("what"),
        day=number_of(e, "day") if e.data.get("day") else math.nan,
        n=_count(e, "n") if e.data.get("n") else None,
        unit=e.text("unit"),
        printed=e.text("printed"),
        source=e.source("source"),
        at=e.text("at"),
        note=e.text("note"),
        contradicts=e.text("contradicts"),
        **numbers,
    )


def _read_economic(e: Entry) -> Economic:
    needed = ("what", "value", "unit", "printed", "source")
    e.fields(*needed, "year", "country", "at", required=needed)
    return Economic(
        what=e.text("what"),
        value=number_of(e, "value"),
        unit=e.text("unit"),
        year=e.text("year"),
        country=e.text("country"),
        printed=e.text("printed"),
        source=e.source("source"),
        at=e.text("at"),
    )


@functools.lru_cache(maxsize=8)
def terms(kind: str) -> Mapping[str, Mapping[str, str]]:
    """A controlled vocabulary: key -> words in each language. Outcomes hold the catalogue's endpoints too."""
    root = entry("terms", kind)
    words = {str(key): root.both_languages(str(key), "better") for key in root.data}
    if kind == "outcomes":
        words |= {key: entry("endpoints", key).both_languages("name") for key in names("endpoints")}
    return words


@functools.lru_cache(maxsize=1)
def lower_is_better() -> frozenset[str]:
    """The outcomes of which less is better for patients: relapse, a score of activity, the loss of a graft."""
    parts = [*entry("terms", "outcomes").each(), *(entry("endpoints", key) for key in names("endpoints"))]
    return frozenset(
        str(part.path[-1]) if part.path else part.key
        for part in parts
        if part.one_of("better", ("higher", "lower"), "higher") == "lower"
    )


def number_of(e: Entry, name: str) -> float:
    """The plain number at a field. Raises EvidenceError with its place for anything else."""
    try:
        return read_quantity(e.text(name), "1")
    except HomingError as error:
        raise EvidenceError(error.message, e.part(name).where) from None


def _count(e: Entry, name: str) -> int:
    number = number_of(e, name)
    if not math.isfinite(number) or number < 0 or number != int(number):
        raise EvidenceError(f"'{e.text(name)}' is not a count.", e.part(name).where)
    return int(number)
