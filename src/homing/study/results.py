"""The result of a run, read back from its files and summarised: shares with their denominators, means, differences."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from homing.endpoints.definitions import endpoint
from homing.ground.proportions import exact_interval
from homing.study.parts import plain, study_endpoints
from homing.study.plan import Study

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Sums:
    """Running sums over patients: how many were seen, how many failed, sum and sum of squares of what was seen."""

    n: int = 0
    failed: int = 0
    total: float = 0.0
    squares: float = 0.0

    def add(self, values: np.ndarray) -> None:
        """Add the values of some patients; NaN is a patient whose simulation failed."""
        seen = values[~np.isnan(values)]
        self.n += seen.size
        self.failed += values.size - seen.size
        self.total += math.fsum(seen)
        self.squares += math.fsum(seen * seen)

    @property
    def mean(self) -> float:
        """The mean (of a rule: the share of patients who met it); NaN where nobody was seen."""
        return self.total / self.n if self.n else math.nan

    @property
    def error(self) -> float:
        """The Monte Carlo standard error of the mean."""
        if self.n < 2:
            return math.nan
        variance = max(self.squares / self.n - self.mean**2, 0.0) * self.n / (self.n - 1)
        return math.sqrt(variance / self.n)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The Monte Carlo interval of the mean, by the normal distribution."""
        from scipy.special import ndtri

        half = float(ndtri(0.5 + level / 2)) * self.error
        return self.mean - half, self.mean + half

    def share_interval(self, level: float = 0.95) -> tuple[float, float]:
        """The exact Monte Carlo interval of a share."""
        return exact_interval(round(self.total), self.n, level) if self.n else (math.nan, math.nan)


@dataclass(frozen=True)
class Results:
    """Summaries of a run. Keys: (scenario, arm, endpoint, day); differences from the control are paired by patient."""

    study: Study
    cells: Mapping[tuple[str, str, str, float], Sums]
    paired: Mapping[tuple[str, str, str, float], Sums] = field(repr=False)

    def cell(self, scenario: str, arm: str, key: str, day: float) -> Sums:
        """One endpoint at one visit in one arm."""
        return self.cells[scenario, arm, key, day]

    def primary(self, scenario: str, arm: str) -> Sums:
        """The primary endpoint in one arm."""
        return self.cell(scenario, arm, self.study.primary.key, self.study.primary.time)

    def difference(self, scenario: str, arm: str | None = None) -> Sums:
        """The primary endpoint of an arm (the candidate) minus the control, patient by patient."""
        key = (scenario, arm or self.study.candidate, self.study.primary.key, self.study.primary.time)
        return self.paired[key]


def read_results(study: Study, file: Path) -> Results:
    """Summarise results.parquet, one row group in memory at a time (a row group holds whole patients)."""
    import pyarrow.parquet as pq

    cells: dict[tuple[str, str, str, float], Sums] = {}
    paired: dict[tuple[str, str, str, float], Sums] = {}
    with pq.ParquetFile(file) as parquet:
        for group in range(parquet.num_row_groups):
            _add(study, parquet.read_row_group(group).to_pandas(), cells, paired)
    return Results(study, cells, paired)


def _add(study: Study, frame: pd.DataFrame, cells: dict, paired: dict) -> None:
    values: dict[tuple[str, str, str, float], np.ndarray] = {}
    keys = study_endpoints(study)
    for place, rows in frame.groupby(["scenario", "arm", "day"], observed=True, sort=False):
        scenario, arm, day = cast(tuple[str, str, float], place)
        for key in keys:
            values[scenario, arm, key, day] = rows[plain(key)].to_numpy(dtype=float, na_value=np.nan)
    for place, column in values.items():
        cells.setdefault(place, Sums()).add(column)
        scenario, arm, key, day = place
        if arm != study.control:
            paired.setdefault(place, Sums()).add(column - values[scenario, study.control, key, day])


def is_rule(key: str) -> bool:
    """Whether an endpoint is met or not, so that its mean is a share."""
    return endpoint(key).kind == "rule"
