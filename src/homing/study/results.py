"""The result of a run, read back from its files and summarised: shares with their denominators, means, differences."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np

from homing.endpoints.definitions import endpoint
from homing.ground.credible import Credible, Moments
from homing.ground.errors import StudyError
from homing.ground.proportions import effective_interval, exact_interval
from homing.patients.posterior import Posterior
from homing.patients.scenario import scenario as scenario_of
from homing.study.parts import plain, study_endpoints
from homing.study.plan import Study

if TYPE_CHECKING:
    import pandas as pd


#: The weights of patients, beside results.parquet.
WEIGHTS = "weights.parquet"


@dataclass
class Sums:
    """Running sums over patients: how many were seen, how many failed, sum and sum of squares of what was seen.

    In a cohort that is weighted to a trial's patients the sums are weighted, `weight` and `weight_squares` are those of
    the weights of patients seen, and every error is widened by the design effect (Kish): it is that of as many
    patients as they are worth. Where patients take draws of the posterior, `draws` is the posterior and `moments` the
    sums behind the interval over its draws (see `ground.credible`).
    """

    n: int = 0
    failed: int = 0
    total: float = 0.0
    squares: float = 0.0
    weight: float = 0.0
    weight_squares: float = 0.0
    is_weighted: bool = False
    draws: Posterior | None = field(default=None, repr=False)
    moments: Moments | None = field(default=None, repr=False)

    def add(self, values: np.ndarray, weights: np.ndarray | None = None, ids: np.ndarray | None = None) -> None:
        """Add the values of some patients, with their weights; NaN is a patient whose simulation failed.

        Arguments: `ids` (patient,) their numbers, which tell the draws that they took where `draws` is given.
        """
        if self.draws is not None and ids is not None:
            self.moments = self.moments or Moments(self.draws.size)
            self.moments.add(values, self.draws.draw_of(ids), weights)
        here = ~np.isnan(values)
        seen = values[here]
        self.n += seen.size
        self.failed += values.size - seen.size
        if weights is None:
            self.total += math.fsum(seen)
            self.squares += math.fsum(seen * seen)
            return
        w = weights[here]
        self.is_weighted = True
        self.total += math.fsum(w * seen)
        self.squares += math.fsum(w * seen * seen)
        self.weight += math.fsum(w)
        self.weight_squares += math.fsum(w * w)

    @property
    def effective(self) -> float:
        """How many equally weighted patients those seen are worth; all of them where there are no weights."""
        if not self.is_weighted:
            return float(self.n)
        return self.weight**2 / self.weight_squares if self.weight_squares else 0.0

    @property
    def mean(self) -> float:
        """The mean (of a rule: the share of patients who met it); NaN where nobody was seen."""
        whole = self.weight if self.is_weighted else self.n
        return self.total / whole if whole else math.nan

    @property
    def error(self) -> float:
        """The Monte Carlo standard error of the mean."""
        n, whole = self.effective, self.weight if self.is_weighted else self.n
        if self.n < 2 or n <= 1:
            return math.nan
        variance = max(self.squares / whole - self.mean**2, 0.0) * n / (n - 1)
        return math.sqrt(variance / n)

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """The Monte Carlo interval of the mean, by the normal distribution."""
        from scipy.special import ndtri

        half = float(ndtri(0.5 + level / 2)) * self.error
        return self.mean - half, self.mean + half

    def over_draws(self, level: float = 0.95) -> Credible | None:
        """The mean with its interval over draws; None without draws, or with too few patients to tell them apart."""
        if self.moments is None or self.draws is None:
            return None
        found = self.moments.credible(self.draws.design(self.moments.effective), level)
        return None if math.isnan(found.low) else found

    def share_interval(self, level: float = 0.95) -> tuple[float, float]:
        """The exact Monte Carlo interval of a share."""
        if not self.n or not self.effective:
            return math.nan, math.nan
        if self.is_weighted:
            return effective_interval(min(max(self.mean, 0.0), 1.0), self.effective, level)
        return exact_interval(round(self.total), self.n, level)


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
    """Summarise results.parquet, one row group in memory at a time (a row group holds whole patients).

    Where weights.parquet stands beside it, as for a study with `like`, every summary is weighted.
    Raises: StudyError naming a file that is missing or can't be read.
    """
    import pyarrow.parquet as pq

    weights = read_weights(file.with_name(WEIGHTS)) if study.like is not None else None

    cells: dict[tuple[str, str, str, float], Sums] = {}
    paired: dict[tuple[str, str, str, float], Sums] = {}
    with _readable(file), pq.ParquetFile(file) as parquet:
        for group in range(parquet.num_row_groups):
            _add(study, parquet.read_row_group(group).to_pandas(), weights, cells, paired)
    return Results(study, cells, paired)


def read_weights(file: Path) -> np.ndarray:
    """(patient,) the weights of a run's patients, by patient number, with mean 1. Raises: as `read_results`."""
    import pyarrow.parquet as pq

    with _readable(file):
        table = pq.read_table(file, columns=["patient", "weighting"])
        weights = np.zeros(table.num_rows)
        weights[table["patient"].to_numpy()] = table["weighting"].to_numpy()
    return weights


@contextlib.contextmanager
def _readable(file: Path) -> Iterator[None]:
    """Refuse by its name a file of a run that is missing, or holds something else than was written."""
    import pyarrow as pa

    try:
        yield
    except (OSError, pa.ArrowException, LookupError, ValueError, TypeError):
        raise StudyError("is missing, or was altered and can't be read. Run the study again.", str(file)) from None


def drawn_by_weight(weights: np.ndarray, most: int) -> np.ndarray:
    """Numbers of patients who stand, unweighted, for a weighted cohort: at most as many as it is worth (Kish).

    Systematic: patient i is taken once for every step of the running sum of weights, so that none is taken more often
    than its weight asks, and the same weights always give the same patients.

    Example:
        >>> drawn_by_weight(np.array([1.0, 0.0, 2.0, 1.0]), 4).tolist()
        [0, 2]
    """
    size = max(1, min(most, int(weights.sum() ** 2 / (weights**2).sum())))
    steps = (np.arange(size) + 0.5) / size
    running = np.cumsum(weights) / weights.sum()
    return np.minimum(np.searchsorted(running, steps), len(weights) - 1)


def _add(study: Study, frame: pd.DataFrame, weights: np.ndarray | None, cells: dict, paired: dict) -> None:
    values: dict[tuple[str, str, str, float], np.ndarray] = {}
    about: dict[tuple[str, str, float], tuple[np.ndarray | None, np.ndarray]] = {}
    keys = study_endpoints(study)
    for place, rows in frame.groupby(["scenario", "arm", "day"], observed=True, sort=False):
        scenario, arm, day = cast(tuple[str, str, float], place)
        ids = rows["patient"].to_numpy()
        about[scenario, arm, day] = (None if weights is None else weights[ids], ids)
        for key in keys:
            values[scenario, arm, key, day] = rows[plain(key)].to_numpy(dtype=float, na_value=np.nan)
    for place, column in values.items():
        scenario, arm, key, day = place
        cells.setdefault(place, _empty(scenario)).add(column, *about[scenario, arm, day])
        if arm != study.control:
            difference = column - values[scenario, study.control, key, day]
            paired.setdefault(place, _empty(scenario)).add(difference, *about[scenario, arm, day])


def _empty(scenario: str) -> Sums:
    """Sums of no patient yet, with the posterior where the scenario has draws."""
    return Sums(draws=scenario_of(scenario).draws)


def is_rule(key: str) -> bool:
    """Whether an endpoint is met or not, so that its mean is a share."""
    return endpoint(key).kind == "rule"
