"""The outcomes of every patient of a run, read back from its results: what comparing within patients needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import cast

import numpy as np
from numpy.typing import NDArray

from homing.study.parts import plain, study_endpoints
from homing.study.plan import Study

Array = NDArray[np.float64]


@dataclass(frozen=True)
class PatientTable:
    """Outcomes by (scenario, arm, endpoint, day), each (patient,) by patients' numbers; NaN for a failure."""

    study: Study
    patients: NDArray[np.int64]
    columns: Mapping[tuple[str, str, str, float], Array] = field(repr=False)

    def outcome(self, scenario: str, arm: str, key: str, day: float) -> Array:
        """(patient,) one endpoint at one visit."""
        return self.columns[scenario, arm, key, day]

    def primary(self, scenario: str) -> Array:
        """(arm, patient) the primary endpoint at its visit, arms in the study's order."""
        end = self.study.primary
        return np.stack([self.outcome(scenario, arm, end.key, end.time) for arm in self.study.arms])

    def lasting(self, scenario: str) -> Array:
        """(arm, patient) whether the primary endpoint is met at its visit and at every later one."""
        end = self.study.primary
        later = [day for day in self.study.visits if day >= end.time]
        rows = [np.min([self.outcome(scenario, arm, end.key, day) for day in later], axis=0) for arm in self.study.arms]
        return np.stack(rows)


def read_patients(study: Study, file: Path) -> PatientTable:
    """Read results.parquet whole: some megabytes for each thousand patients."""
    import pyarrow.parquet as pq

    frame = pq.read_table(file).to_pandas()
    columns: dict[tuple[str, str, str, float], Array] = {}
    patients = np.unique(frame["patient"].to_numpy())
    for place, rows in frame.groupby(["scenario", "arm", "day"], observed=True, sort=False):
        scenario, arm, day = cast(tuple[str, str, float], place)
        ordered = rows.sort_values("patient")
        for key in study_endpoints(study):
            columns[scenario, arm, key, day] = ordered[plain(key)].to_numpy(dtype=float, na_value=np.nan)
    return PatientTable(study, patients, columns)
