"""The weights of a run whose study has `like`: found before anything is simulated, kept beside the results."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from homing.study.baseline import weigh_cohort
from homing.study.plan import Note, Study
from homing.study.results import WEIGHTS
from homing.study.simulator import Simulator
from homing.study.tables import parquet_file

#: A note is due where fewer of the patients than this are effective.
FEW = 0.2


def weights_of(study: Study, simulator: Simulator, folder: Path) -> dict[str, Any]:
    """Weigh a study's patients and write `weights.parquet`; returns what run.json says, nothing without `like`.

    The file has a row for each patient: `patient`, `weighting` (mean 1) and the baseline, where `weight` is in kg.
    Raises: StudyError when the table is outside what the patients can reach.
    """
    import pyarrow as pa

    if study.like is None:
        return {}
    columns, found = weigh_cohort(simulator, study.patients, study.like)
    table = pa.table({"patient": np.arange(study.patients), "weighting": found.weights, **columns})
    with parquet_file(folder / WEIGHTS) as write:
        write(table)
    return {
        "table": study.like.key,
        "patients": study.patients,
        "effective": found.effective,
        "design effect": found.design_effect,
        "lines": [
            {"line": m.line.label, "asked": m.asked, "unweighted": m.unweighted, "weighted": m.weighted}
            for m in found.lines
        ],
    }


def notes_on_weights(weighting: Mapping[str, Any]) -> tuple[Note, ...]:
    """What a reader of weighted results has to know, as sentences."""
    if not weighting:
        return ()
    n, effective = weighting["patients"], weighting["effective"]
    notes = [
        Note(
            f"Results by arm are weighted to the baseline table '{weighting['table']}': {n} virtual patients are worth "
            f"{effective:.0f}. What the chapters simulate beyond its arms is asked of patients drawn by weight.",
            f"各组结果已按基线表'{weighting['table']}'加权：{n}名虚拟患者的有效样本量为{effective:.0f}。"
            f"各章另行模拟的内容取自按权重抽取的患者。",
        )
    ]
    if effective < FEW * n:
        notes.append(
            Note(
                f"Weighting leaves {100 * effective / n:.0f} % of the patients: they differ much from the table's. "
                f"Look at it with: homing patients match.",
                f"加权后仅余{100 * effective / n:.0f}%的有效患者：虚拟患者与该表差异较大。"
                f"可用 homing patients match 查看。",
            )
        )
    return tuple(notes)
