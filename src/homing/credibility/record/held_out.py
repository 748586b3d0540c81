"""The hold-out scores that ship, as far as a record tells them: Homing's own 95 % predictive interval and scores.

catalogue/posterior/holdout-scores.json is written by `homing calibrate` (see `credibility.files`). Where it is absent,
the rows of a record that rest on it are not assessed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from scipy.stats import binom

from homing.credibility.files import SCORES
from homing.credibility.shipped import shipped_verdict
from homing.evidence.root import catalogue_root
from homing.patients.population import population
from homing.study.plan import Study

#: What the predictive intervals mean to cover.
LEVEL = 0.95


@dataclass(frozen=True)
class HeldOut:
    """One result that calibration never saw, its predictive interval, and whether it was `covered` by it.

    `domain` is what it is of ('fistula', 'relapse', 'reset', 'kinetics'), `how` how it is taken ('kept', 'gained', or
    as it is), `is_counted` whether it judges the model: what a prior of its own predicts doesn't.
    """

    trial: str
    arm: str
    endpoint: str
    week: float
    domain: str
    how: str
    is_counted: bool
    observed: float
    low: float
    mean: float
    high: float
    covered: bool
    crps: float


@dataclass(frozen=True)
class HoldOuts:
    """All held-out results. `level` is what the predictive intervals mean to cover."""

    level: float
    rows: tuple[HeldOut, ...]

    def of(self, domain: str) -> HoldOuts:
        """Those of one domain."""
        return HoldOuts(self.level, tuple(row for row in self.rows if row.domain == domain))

    @property
    def domains(self) -> Mapping[str, int]:
        """How many results there are of each domain."""
        return Counter(row.domain for row in self.rows)

    @property
    def counted(self) -> tuple[HeldOut, ...]:
        """Those that judge the model."""
        return tuple(row for row in self.rows if row.is_counted)

    @property
    def covered(self) -> int:
        """How many of those that judge it are inside their interval."""
        return sum(row.covered for row in self.counted)

    @property
    def chance(self) -> float:
        """The probability that as few or fewer are inside, were the intervals right and the results independent."""
        return float(binom.cdf(self.covered, len(self.counted), self.level))


def domain_of(study: Study) -> str:
    """Which held-out results are of what a study treats; '' where none are.

    A tract that is open at the start is a fistula; stem cells of the blood are a reset; a Crohn's gut that is at rest
    at the start and has no tract is one that may relapse.
    """
    place = population(study.population)
    if "tract.closure" in place.at_start:
        return "fistula"
    if any(product.kind == "hsc" for product in study.arms[study.candidate].products):
        return "reset"
    return "relapse" if place.disease == "crohn" and place.gut == "healthy" else ""


def hold_outs(folder: Path | None = None) -> HoldOuts | None:
    """The hold-out scores that ship, or those of a calibration's folder; None where there are none.

    Raises: EvidenceError naming a file that is faulty.
    """
    if not ((folder or catalogue_root() / "posterior") / SCORES).is_file():
        return None
    return HoldOuts(LEVEL, tuple(_held_out(row) for row in shipped_verdict(folder)["rows"]))


def _held_out(row: Mapping[str, Any]) -> HeldOut:
    mine, level = row["scores"]["homing"], f"{LEVEL:g}"
    low, high = mine["intervals"][level]
    return HeldOut(
        trial=row["trial"],
        arm=row["arm"],
        endpoint=row["endpoint"],
        week=row["week"],
        domain=row["domain"],
        how=row["as"],
        is_counted=row["counts"],
        observed=mine["observed"],
        low=low,
        mean=mine["predicted"],
        high=high,
        covered=mine["inside"][level],
        crps=mine["crps"],
    )
