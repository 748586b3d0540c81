"""What each domain's model is given: the rows of a set as a table, with the events that the trials saw."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration import fistula, fistula_model, luminal_model
from homing.credibility.split import Count, Row, count, rows_of
from homing.evidence.store import Store

#: Domains of rows that the luminal model takes together.
LUMINAL = ("relapse", "reset")
#: Simulated for the luminal rows but by a cohort of its own.
OUTSIDE = ("treatment-related-death",)


@dataclass(frozen=True)
class FistulaData:
    """The fistula rows: their table, the events (row,) seen, and the counts with their sources."""

    table: fistula_model.Table
    events: NDArray[np.int64]
    counts: tuple[Count, ...]


@dataclass(frozen=True)
class LuminalData:
    """The rows of stopping and of a reset: their table, the events (row,) seen, and the counts with their sources."""

    table: luminal_model.Table
    events: NDArray[np.int64]
    counts: tuple[Count, ...]


def fistula_data(store: Store, which: str, outputs: Sequence[str]) -> FistulaData:
    """The fistula rows of 'calibration' or 'holdout' from a store; for calibration a sealed one."""
    counts = tuple(count(store, row) for row in rows_of(which, fistula.DOMAIN).rows)
    seen = [fistula.observed(c.row, store.trial(c.row.trial), getattr(c.result, "analysis", "itt")) for c in counts]
    table = fistula_model.table([c.row.key for c in counts], seen, [c.n for c in counts], outputs)
    return FistulaData(table, np.array([c.events for c in counts]), counts)


def luminal_data(store: Store, which: str, outputs: Sequence[str]) -> LuminalData:
    """The rows of stopping anti-TNF and of a reset, of 'calibration' or 'holdout'."""
    rows: list[Row] = [row for d in LUMINAL for row in rows_of(which, d).rows if row.output not in OUTSIDE]
    counts = tuple(count(store, row) for row in rows)
    table = luminal_model.table(rows, [c.n for c in counts], outputs)
    return LuminalData(table, np.array([c.events for c in counts]), counts)
