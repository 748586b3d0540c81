"""When patients are read: at times shared by all, or at their own, before, after or between the events of a time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import NumericsError

Side = Literal["left", "right"]


@dataclass(frozen=True)
class Readouts:
    """Readings of n patients, sorted by patient and time; those of patient i are `first[i]` to `last[i]`.

    Arrays: `first`, `last` (patient); `time` in days; `after` how many of the patient's events must have happened
    (those of earlier times always have); `side` 1 for a reading when all that happens at its time has happened,
    triggers included. `rows` the number of readings of all patients together.
    """

    first: NDArray[np.int64]
    last: NDArray[np.int64]
    time: NDArray[np.float64]
    after: NDArray[np.int64]
    side: NDArray[np.int64]

    @staticmethod
    def shared(patients: int, times: NDArray[np.float64], sides: NDArray[np.int64]) -> Readouts:
        """The same times for every patient."""
        none, k = np.zeros(patients, dtype=np.int64), len(times)
        return Readouts(none, np.full(patients, k, dtype=np.int64), times, np.zeros(k, dtype=np.int64), sides)

    @staticmethod
    def own(
        start: NDArray[np.int64], time: NDArray[np.float64], after: NDArray[np.int64], side: NDArray[np.int64]
    ) -> Readouts:
        """Times of their own; those of patient i are `start[i]:start[i+1]`, in order of time and events.

        Raises: NumericsError where the times of a patient are not finite or not in order.
        """
        inner = np.ones(max(len(time) - 1, 0), dtype=bool)
        inner[start[(start > 0) & (start < len(time))] - 1] = False  # between patients
        if not np.isfinite(time).all() or (np.diff(time) < 0)[inner].any():
            raise NumericsError("the times at which a patient is read must be finite and sorted.")
        return Readouts(start[:-1].copy(), start[1:].copy(), time, after, side)

    @property
    def rows(self) -> int:
        """Readings of all patients together."""
        return int((self.last - self.first).sum())

    def columns(self, rows: slice, event_start: NDArray[np.int64]) -> dict[str, NDArray]:
        """The columns that the loop takes for some patients; `event_start` is theirs, counted from 0.

        Where all patients share their times, `after` asks for none, so that no column grows with the patients.
        """
        counts = self.last - self.first
        row = np.concatenate([[0], np.cumsum(counts)])[:-1].astype(np.int64)
        first, last = self.first[rows], self.last[rows]
        low, high = (int(first.min()), int(last.max())) if len(first) else (0, 0)
        after = self.after[low:high].copy()
        if after.any():
            owner = np.repeat(np.arange(len(first)), last - first)
            after += event_start[owner]
        return {
            "output_first": first - low,
            "output_last": last - low,
            "output_row": row[rows],
            "output_time": np.require(self.time[low:high], np.float64, ["C", "W"]),
            "output_after": after,
            "output_side": np.require(self.side[low:high], np.int64, ["C", "W"]),
        }


def checked_sides(side: Side | Sequence[Side], times: NDArray[np.float64]) -> NDArray[np.int64]:
    """One side for all times, or one for each, as numbers. At one time, "left" comes before "right"."""
    sides = [side] * len(times) if isinstance(side, str) else list(side)
    for one in sides:
        if one not in ("left", "right"):
            raise NumericsError(f"side is 'left' or 'right', not '{one}'.")
    if len(sides) != len(times):
        raise NumericsError(f"{len(sides)} sides were given for {len(times)} times.")
    numbers = np.array([one == "right" for one in sides], dtype=np.int64)
    if ((np.diff(times) == 0) & (np.diff(numbers) < 0)).any():
        raise NumericsError("where a time stands twice, its left side comes first.")
    return numbers
