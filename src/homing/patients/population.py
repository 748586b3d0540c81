"""Population: the distributions that virtual patients are drawn from, and the history they must have.

A file of catalogue/populations/ has

    name: {en: ..., zh: ...}
    disease: crohn                       # crohn | ulcerative-colitis
    gut: healthy                         # the attractor in which the gut is at week 0: healthy | inflamed
    at_start:                            # states set to a Value after the gut has settled
      tract.closure: {value: '0.03', basis: assumed, because: ...}
    history: [can-be-inflamed, can-remit]
    patients:                            # what differs between patients: parameters by full name, and covariates
      tract.k_close: {distribution: lognormal, centre: 0.028 1/d, spread: '0.45', basis: assumed, because: ...}
    flares: {rate: ..., barrier_loss: ..., most_loss: ..., inflammation: ...}
    tract_flares: {rate: ..., closure_loss: ..., most_loss: ..., sepsis: ...}     # of populations with a tract
    noise:
      cdai: {kind: additive, size: '80', basis: assumed, because: ...}
    baseline:                            # what real patients of this kind had at the start of a trial, to compare with
      cdai: {statistic: mean, centre: '315', spread: '65', basis: measured, source: ...}

A number of `patients`, `noise` and `baseline` is either a quantity whose basis and source stand beside it, or a Value
with its own.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from homing.evidence.catalogue import Entry, entry, names
from homing.evidence.values import Value
from homing.ground.errors import EvidenceError
from homing.ground.nearest import did_you_mean

KINDS = ("lognormal", "normal", "logit-normal", "exponential", "bernoulli", "fixed")
DISEASES = ("crohn", "ulcerative-colitis")
HISTORIES = ("can-be-inflamed", "can-remit")
STATISTICS = ("mean", "median", "share")
#: Covariates: names that patients have beside parameters of the mechanism. The last three stand for values of
#: procedures that differ between patients (`StateChange.vary`).
COVARIATES = ("age", "female", "weight", "surgical_sepsis", "surgical_closure", "memory_survival")
#: Covariates that are shares of what was there before.
SURVIVING = ("memory_survival",)
_PROVENANCE = ("basis", "source", "at", "how", "because")


@dataclass(frozen=True)
class Distribution:
    """How a quantity differs between patients.

    `centre` is the median (lognormal), mean (normal, exponential), mean on the logit scale (logit-normal), probability
    (bernoulli) or the value itself (fixed); `spread` the coefficient of variation (lognormal) or standard deviation
    (normal; logit-normal on the logit scale). `low` and `high` clip.
    """

    kind: Literal["lognormal", "normal", "logit-normal", "exponential", "bernoulli", "fixed"]
    centre: Value
    spread: Value | None = None
    low: Value | None = None
    high: Value | None = None


@dataclass(frozen=True)
class Flares:
    """Random flares: rate (1/yr), mean and most of the barrier's share lost, inflammation per barrier missing."""

    rate: Value
    barrier_loss: Value
    most_loss: Value
    inflammation: Value


@dataclass(frozen=True)
class TractFlares:
    """Random reopening of a closed tract: rate (1/yr), mean and most of its closure lost, sepsis per share lost."""

    rate: Value
    closure_loss: Value
    most_loss: Value
    sepsis: Value


@dataclass(frozen=True)
class Noise:
    """What a reading adds to the model's value: `additive` (sd in its unit) or `relative` (CV, lognormal)."""

    kind: Literal["additive", "relative"]
    size: Value


@dataclass(frozen=True)
class Observed:
    """What real patients of this kind had at the start of a trial: a mean with SD, a median, or a share."""

    statistic: Literal["mean", "median", "share"]
    centre: Value
    spread: Value | None = None


@dataclass(frozen=True)
class Population:
    """A population of virtual patients; see the module for the meaning of each field."""

    key: str
    name: Mapping[str, str]
    disease: Literal["crohn", "ulcerative-colitis"]
    gut: Literal["healthy", "inflamed"]
    at_start: Mapping[str, Value]
    history: tuple[str, ...]
    distributions: Mapping[str, Distribution]
    flares: Flares
    noise: Mapping[str, Noise]
    note: Mapping[str, str]
    baseline: Mapping[str, Observed] = field(default_factory=dict)
    sources: tuple[str, ...] = ()
    tract_flares: TractFlares | None = None


@functools.lru_cache(maxsize=64)
def population(key: str) -> Population:
    """A population of the catalogue. Raises StudyError for an unknown key, EvidenceError for a faulty entry.

    Example:
        >>> population("perianal-fistula-refractory-cd").gut
        'healthy'
    """
    return read_population(entry("populations", key))


def populations() -> tuple[Population, ...]:
    """Every population of the catalogue, by key."""
    return tuple(population(key) for key in names("populations"))


def read_population(e: Entry) -> Population:
    """A population from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    required = ("name", "disease", "gut", "history", "patients", "flares", "noise")
    e.fields(*required, "at_start", "note", "baseline", "sources", "tract_flares", required=required)
    history = e.texts("history")
    for i, name in enumerate(history):
        if name not in HISTORIES:
            raise EvidenceError(
                f"unknown history '{name}'. {did_you_mean(name, HISTORIES)}", e.part("history", i).where
            )
    return Population(
        key=e.key,
        name=e.both_languages("name"),
        disease=e.one_of("disease", DISEASES),  # type: ignore[arg-type]
        gut=e.one_of("gut", ("healthy", "inflamed")),  # type: ignore[arg-type]
        at_start=e.values("at_start"),
        history=history,
        distributions={str(p.path[-1]): _named_distribution(p) for p in e.parts("patients")},
        flares=_flares(e.part("flares")),
        noise={str(p.path[-1]): _noise(p) for p in e.parts("noise")},
        note=e.both_languages("note") if "note" in e.data else {},
        baseline={str(p.path[-1]): _observed(p) for p in e.parts("baseline")},
        sources=e.sources(),
        tract_flares=_tract_flares(e.part("tract_flares")) if "tract_flares" in e.data else None,
    )


def _named_distribution(e: Entry) -> Distribution:
    _check_name(e)
    return read_distribution(e)


def read_distribution(e: Entry, more: Iterable[str] = (), of: str = "") -> Distribution:
    """A distribution from a part of an entry.

    Arguments: `more` the names of further fields, which the caller reads; `of` the unit of the quantity, as written
    where none is given. Raises: EvidenceError with file, line and key for a faulty one.
    """
    e.fields(
        "distribution", "centre", "spread", "low", "high", *more, *_PROVENANCE, required=("distribution", "centre")
    )
    kind = e.one_of("distribution", KINDS)
    centre = e.shared_value("centre", of)
    if (kind in ("lognormal", "normal", "logit-normal")) != ("spread" in e.data):
        raise EvidenceError(f"a {kind} distribution {'has no' if 'spread' in e.data else 'needs a'} spread.", e.where)
    unit = "1" if kind in ("lognormal", "logit-normal") else centre.unit
    bounds = "1" if kind == "logit-normal" else centre.unit
    found = Distribution(
        kind,  # type: ignore[arg-type]
        centre,
        e.shared_value("spread", unit) if "spread" in e.data else None,
        e.shared_value("low", bounds) if "low" in e.data else None,
        e.shared_value("high", bounds) if "high" in e.data else None,
    )
    _check_numbers(e, found)
    return found


def _check_name(e: Entry) -> None:
    """A name with a dot is a parameter, which the mechanism checks; one without is a covariate."""
    name = str(e.path[-1])
    if "." not in name and name not in COVARIATES:
        raise EvidenceError(f"unknown covariate '{name}'. {did_you_mean(name, COVARIATES)}", e.where)


def _check_numbers(e: Entry, found: Distribution) -> None:
    centre = found.centre.number
    if found.kind in ("lognormal", "exponential") and centre <= 0:
        raise EvidenceError(f"the centre of a {found.kind} distribution is above zero.", e.part("centre").where)
    if found.kind == "bernoulli" and not 0 <= centre <= 1:
        raise EvidenceError("a probability is from 0 to 1.", e.part("centre").where)
    if found.spread is not None and found.spread.number < 0:
        raise EvidenceError("a spread is zero or more.", e.part("spread").where)
    if found.low is not None and found.high is not None and found.low.number >= found.high.number:
        raise EvidenceError("low must be below high.", e.where)


def _flares(e: Entry) -> Flares:
    needed = ("rate", "barrier_loss", "most_loss", "inflammation")
    e.fields(*needed, required=needed)
    return Flares(e.value("rate", "1/year"), *(e.value(name, "1") for name in needed[1:]))


def _tract_flares(e: Entry) -> TractFlares:
    needed = ("rate", "closure_loss", "most_loss", "sepsis")
    e.fields(*needed, required=needed)
    return TractFlares(e.value("rate", "1/year"), *(e.value(name, "1") for name in needed[1:]))


def _noise(e: Entry) -> Noise:
    e.fields("kind", "size", "range", *_PROVENANCE, required=("kind", "size"))
    kind = e.one_of("kind", ("additive", "relative"))
    return Noise(kind, e.shared_value("size"))  # type: ignore[arg-type]


def _observed(e: Entry) -> Observed:
    e.fields("statistic", "centre", "spread", *_PROVENANCE, required=("statistic", "centre"))
    statistic = e.one_of("statistic", STATISTICS)
    centre = e.shared_value("centre")
    return Observed(
        statistic,  # type: ignore[arg-type]
        centre,
        e.shared_value("spread", centre.unit) if "spread" in e.data else None,
    )
