"""What calibration and prediction ship, as far as a record tells it: the posterior's summary and the hold-out scores.

catalogue/posterior/holdout-scores.json is written by `homing calibrate` (see `credibility.files`); of each row the
record tells Homing's own 95 % predictive interval and scores.

Either file may be absent: then the rows that rest on it are not assessed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homing.evidence.catalogue import Entry, entry_of_file
from homing.evidence.root import catalogue_root
from homing.ground.errors import EvidenceError

FOLDER = "posterior"
POSTERIOR, SCORES = "posterior.yaml", "holdout-scores.json"
#: What the predictive intervals mean to cover.
LEVEL = 0.95


@dataclass(frozen=True)
class HeldOut:
    """One result that calibration never saw, and its predictive interval; scores are NaN where none was shipped."""

    trial: str
    arm: str
    endpoint: str
    week: float
    observed: float
    low: float
    median: float
    high: float
    crps: float
    log_score: float

    @property
    def covered(self) -> bool:
        """Whether the observed result lies inside."""
        return self.low <= self.observed <= self.high


@dataclass(frozen=True)
class HoldOuts:
    """All held-out results. `level` is what the predictive intervals mean to cover."""

    level: float
    rows: tuple[HeldOut, ...]

    @property
    def coverage(self) -> float:
        """The share of results inside their interval; NaN where there are none."""
        return sum(row.covered for row in self.rows) / len(self.rows) if self.rows else math.nan


@dataclass(frozen=True)
class Calibrated:
    """One parameter of the posterior: what it multiplies, before and after the trials, and how far they moved it.

    `prior` and `posterior` are median, low and high of factors; `shrinkage` 1 - var(posterior)/var(prior) of logs.
    """

    key: str
    name: Mapping[str, str]
    multiplies: tuple[str, ...]
    informed: bool
    prior: tuple[float, float, float]
    posterior: tuple[float, float, float]
    shrinkage: float
    trials: tuple[str, ...]


@dataclass(frozen=True)
class Posterior:
    """The posterior's summary. `diagnostics` by name ('r_hat', 'ess', 'divergences'), as far as they were shipped."""

    version: str
    parameters: tuple[Calibrated, ...]
    diagnostics: Mapping[str, float]


def hold_outs(file: Path | None = None) -> HoldOuts | None:
    """The hold-out scores that ship; None where there are none. Raises EvidenceError naming a file that is faulty."""
    place = catalogue_root() / FOLDER / SCORES if file is None else file
    if not place.is_file():
        return None
    try:
        content = json.loads(place.read_text(encoding="utf-8"))
        return HoldOuts(LEVEL, tuple(_held_out(row) for row in content["rows"]))
    except (ValueError, KeyError, TypeError) as e:
        fault = f"'{e.args[0]}' is missing" if isinstance(e, KeyError) else str(e)
        raise EvidenceError(
            f"is no file of hold-out scores: {fault}. Predict the hold-outs again.", str(place)
        ) from None


def _held_out(row: Mapping[str, Any]) -> HeldOut:
    mine = row["scores"]["homing"]
    low, high = (float(x) for x in mine["intervals"][f"{LEVEL:g}"])
    return HeldOut(
        trial=str(row["trial"]),
        arm=str(row["arm"]),
        endpoint=str(row["endpoint"]),
        week=float(row["week"]),
        observed=float(mine["observed"]),
        low=low,
        median=float(mine["predicted"]),
        high=high,
        crps=math.nan if mine["crps"] is None else float(mine["crps"]),
        log_score=math.nan if mine["log score"] is None else float(mine["log score"]),
    )


def posterior(file: Path | None = None) -> Posterior | None:
    """The posterior's summary; None where none ships. Raises EvidenceError with file, line and key."""
    place = catalogue_root() / FOLDER / POSTERIOR if file is None else file
    if not place.is_file():
        return None
    e = entry_of_file(place)
    if not isinstance(e.data, dict) or "parameters" not in e.data:
        raise EvidenceError("needs the field 'parameters'.", e.where)
    measured = e.data.get("diagnostics") or {}
    diagnostics = {name: _number(e.part("diagnostics"), name) for name in measured}
    return Posterior(e.text("version"), tuple(_calibrated(p) for p in e.parts("parameters")), diagnostics)


def _calibrated(e: Entry) -> Calibrated:
    def spread(name: str) -> tuple[float, float, float]:
        part = e.part(name)
        return _number(part, "median"), _number(part, "low"), _number(part, "high")

    return Calibrated(
        key=str(e.path[-1]),
        name=e.both_languages("name"),
        multiplies=e.texts("multiplies"),
        informed=e.one_of("informed", ("yes", "no")) == "yes",
        prior=spread("prior"),
        posterior=spread("posterior"),
        shrinkage=_number(e, "shrinkage"),
        trials=e.texts("from"),
    )


def _number(e: Entry, name: str) -> float:
    try:
        return float(e.text(name))
    except (ValueError, AttributeError):
        raise EvidenceError(f"needs a number under '{name}'.", e.where) from None
