"""Events: what happens to each patient at a point in time, in the form the engine takes.

A jump is made of operations on one state or parameter each; operations at the same time act in the order given.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import ArrayLike, NDArray


class Op(IntEnum):
    """What an event does to its target: on a state, or (with PARAMETER in the name) on a parameter."""

    ADD = 0
    SET = 1
    MULTIPLY = 2
    RAISE_TO = 3  # the state becomes at least the value
    LOWER_TO = 4  # the state becomes at most the value
    ADD_MULTIPLE_OF = 5  # target += value * source state
    SET_PARAMETER = 6
    ADD_TO_PARAMETER = 7  # infusions: +rate when they start, -rate when they end
    CLEAR_IF_BELOW = 8  # target = 0 where the source state is below the value: the derivative of RAISE_TO
    CLEAR_IF_ABOVE = 9  # the same for LOWER_TO


@dataclass(frozen=True)
class Events:
    """The events of n patients, sorted by patient and time; those of patient i are rows start[i]:start[i+1].

    Arrays: `start` (n+1), `time` in days, `op`, `target` (position of a state, or of a parameter in the engine's list
    of varying parameters), `source` (position of a state, for ADD_MULTIPLE_OF and CLEAR_..., else -1), `value`.
    """

    start: NDArray[np.int64]
    time: NDArray[np.float64]
    op: NDArray[np.int32]
    target: NDArray[np.int32]
    source: NDArray[np.int32]
    value: NDArray[np.float64]

    @property
    def patients(self) -> int:
        """The number of patients."""
        return len(self.start) - 1

    @staticmethod
    def none(patients: int) -> Events:
        """No events for n patients."""
        return Events.from_rows(patients, [], [], [], [], [], [])

    @staticmethod
    def from_rows(
        patients: int,
        patient: ArrayLike,
        time: ArrayLike,
        op: ArrayLike,
        target: ArrayLike,
        value: ArrayLike,
        source: ArrayLike | None = None,
    ) -> Events:
        """Events from rows in any order of patients and times. Rows of one patient and time keep their order.

        Raises: ValueError when a patient is out of range or a time or value is not finite.
        """
        who = np.asarray(patient, dtype=np.int64)
        when = np.asarray(time, dtype=np.float64)
        amount = np.asarray(value, dtype=np.float64)
        if who.size and (who.min() < 0 or who.max() >= patients):
            raise ValueError(f"events name patients outside 0..{patients - 1}")
        if not (np.isfinite(when).all() and np.isfinite(amount).all()):
            raise ValueError("event times and values must be finite")
        from_state = np.full(who.shape, -1) if source is None else np.asarray(source)
        order = np.lexsort((when, who))  # stable: ties keep the order of the rows
        start = np.searchsorted(who[order], np.arange(patients + 1)).astype(np.int64)
        return Events(
            start,
            when[order],
            np.asarray(op, dtype=np.int32)[order],
            np.asarray(target, dtype=np.int32)[order],
            from_state.astype(np.int32)[order],
            amount[order],
        )

    def between(self, begin: float, end: float) -> Events:
        """The events from one time to another, both included, and at `begin` the changes of parameters before it.

        A run that starts at `begin` has the states of that time and not its parameters, so what changed them lasts.
        """
        lasting = np.isin(self.op, (int(Op.SET_PARAMETER), int(Op.ADD_TO_PARAMETER)))
        kept = ((self.time >= begin) | lasting) & (self.time <= end)
        who = np.repeat(np.arange(self.patients), np.diff(self.start))[kept]
        columns = [x[kept] for x in (self.op, self.target, self.value, self.source)]
        return Events.from_rows(self.patients, who, np.maximum(self.time, begin)[kept], *columns)

    def followed_by(self, other: Events) -> Events:
        """These events and others of the same patients, which come after these where times are equal."""
        who = [np.repeat(np.arange(e.patients), np.diff(e.start)) for e in (self, other)]
        columns = [
            np.concatenate([getattr(self, name), getattr(other, name)])
            for name in ("time", "op", "target", "value", "source")
        ]
        return Events.from_rows(self.patients, np.concatenate(who), *columns)

    def take(self, first: int, last: int) -> Events:
        """The events of patients first..last-1, renumbered from 0."""
        a, b = self.start[first], self.start[last]
        cut: Sequence[NDArray] = [x[a:b] for x in (self.time, self.op, self.target, self.source, self.value)]
        return Events(self.start[first : last + 1] - a, *cut)
