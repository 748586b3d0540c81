"""The hold-out scores that ship, as far as a record tells them: Homing's own 95 % predictive interval and scores.

catalogue/posterior/holdout-scores.json is written by `homing calibrate` (see `credibility.files`). Where it is absent,
the rows of a record that rest on it are not assessed.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from homing.credibility.files import SCORES
from homing.evidence.root import catalogue_root
from homing.ground.errors import EvidenceError

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
    mean: float
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


def hold_outs(file: Path | None = None) -> HoldOuts | None:
    """The hold-out scores that ship; None where there are none. Raises EvidenceError naming a file that is faulty."""
    place = catalogue_root() / "posterior" / SCORES if file is None else file
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
        mean=float(mine["predicted"]),
        high=high,
        crps=math.nan if mine["crps"] is None else float(mine["crps"]),
        log_score=math.nan if mine["log score"] is None else float(mine["log score"]),
    )
