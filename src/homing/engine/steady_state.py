"""The states that a dose repeated without end leads to, for many patients at once.

The model is run dose after dose until what an interval still changes, and by extrapolation all intervals to come, is
within the tolerance; between rounds the start is extrapolated along the last change (Aitken's method).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homing.engine.run import CompiledSystem
from homing.ground.errors import StudyError
from homing.protocol.events import Events, Op

#: What is left to come, as a share of the largest value that a state has had.
NEAR = 1e-9
RTOL = 1e-11
_FIRST_ROUND, _ROUNDS = 8, 40
_MOST_DOSES = 100_000


@dataclass(frozen=True)
class SteadyDose:
    """A dose repeated without end: `amount` into a state at once, or at `rate` for `duration`, every `interval`; asked
    for is the state `phase` after a dose. Without `interval` it is an infusion at `rate` without end.

    `start` (state) and `varying` (varying parameter) are the patient's; `where` is the record's place.
    """

    state: int
    amount: float
    rate: float
    duration: float
    interval: float
    phase: float
    start: NDArray[np.float64]
    varying: NDArray[np.float64]
    where: str = ""


def steady_states(
    compiled: CompiledSystem, doses: Sequence[SteadyDose], parameters: Mapping[str, Any], threads: int = 1
) -> NDArray[np.float64]:
    """The states in steady state, (dose, state).

    Arguments: `compiled` has all states among its outputs, in their order; `parameters` the shared ones.
    Raises: StudyError naming the record where the model reaches no steady state.
    """
    now = np.array([d.start for d in doses])
    largest = np.abs(now)
    waiting = np.arange(len(doses))
    count, stretch = _FIRST_ROUND, 1.0
    for _ in range(_ROUNDS):
        before, last, end = _round(
            compiled, [doses[i] for i in waiting.tolist()], now[waiting], parameters, count, stretch
        )
        largest[waiting] = np.maximum(largest[waiting], np.abs(end))
        step, earlier = end - last, last - before
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(np.abs(earlier) > 0, np.abs(step / earlier), 0.0)
            rest = np.where(ratio < 1, step * ratio / (1 - ratio), np.inf)
        floor = np.array([s.absolute for s in compiled.system.states.values()])
        allowed = NEAR * largest[waiting] + floor
        small = np.abs(step) <= allowed
        done = (small & ((np.abs(rest) <= allowed) | (np.abs(step) <= 1e-3 * allowed))).all(axis=1)
        now[waiting] = np.where(done[:, None] | ~np.isfinite(rest), end, end + np.nan_to_num(rest, posinf=0.0))
        waiting = waiting[~done]
        if not len(waiting):
            return _at_phase(compiled, doses, now, parameters, threads)
        count, stretch = min(2 * count, _MOST_DOSES // 8), 2 * stretch
    raise StudyError(
        "the model reaches no steady state under this dose: it accumulates or oscillates. Write the doses out.",
        doses[waiting[0]].where,
    )


def _period(dose: SteadyDose, stretch: float) -> float:
    return dose.interval or stretch


def _round(
    compiled: CompiledSystem,
    doses: Sequence[SteadyDose],
    start: NDArray[np.float64],
    parameters: Mapping[str, Any],
    count: int,
    stretch: float,
) -> tuple[NDArray[np.float64], ...]:
    """The states at the ends of the last three of `count` intervals, each (dose, state)."""
    ends = [
        _run(compiled, doses, start, parameters, [_period(d, stretch) * n for d in doses])
        for n in (count - 2, count - 1, count)
    ]
    return tuple(ends)


def _at_phase(
    compiled: CompiledSystem,
    doses: Sequence[SteadyDose],
    now: NDArray[np.float64],
    parameters: Mapping[str, Any],
    threads: int,
) -> NDArray[np.float64]:
    """From the ends of intervals (just before a dose) to the phase asked for."""
    if not any(d.phase for d in doses):
        return now
    return _run(compiled, doses, now, parameters, [d.phase for d in doses])


def _run(
    compiled: CompiledSystem,
    doses: Sequence[SteadyDose],
    start: NDArray[np.float64],
    parameters: Mapping[str, Any],
    ends: Sequence[float],
) -> NDArray[np.float64]:
    """The states at an end for each dose, before what happens there; doses at 0, interval, 2 intervals, ..."""
    from homing.engine.readouts import Readouts

    rows: list[tuple[int, float, int, int, float]] = []
    for i, (dose, end) in enumerate(zip(doses, ends, strict=True)):
        rows += _rows(compiled, i, dose, end)
    columns = list(zip(*rows, strict=True)) if rows else [()] * 5
    events = Events.from_rows(len(doses), *columns)
    n = np.arange(len(doses) + 1, dtype=np.int64)
    zero = np.zeros(len(doses), dtype=np.int64)
    values = dict(parameters) | {
        name: np.array([d.varying[j] for d in doses]) for j, name in enumerate(compiled.varying)
    }
    found, status = compiled.read(
        start, values, events, Readouts.own(n, np.array(ends, dtype=float), zero, zero), rtol=RTOL, max_steps=10_000_000
    )
    if (status > 1).any():
        where = doses[int(np.flatnonzero(status > 1)[0])].where
        raise StudyError("the search for the steady state failed: the model could not be integrated.", where)
    return found


def _rows(compiled: CompiledSystem, i: int, dose: SteadyDose, end: float) -> list[tuple[int, float, int, int, float]]:
    """The events of one dose until the end: (patient, time, op, target, value)."""
    if dose.rate <= 0:
        times = [k * dose.interval for k in range(math.ceil(end / dose.interval - 1e-12))]
        return [(i, t, Op.ADD, dose.state, dose.amount) for t in times]
    target = compiled.target(f"input:{list(compiled.system.states)[dose.state]}")
    if not dose.interval:
        return [(i, 0.0, Op.SET_PARAMETER, target, dose.rate)]
    changes: dict[float, int] = {}
    back = math.ceil(dose.duration / dose.interval) - 1
    for k in range(-back, math.ceil(end / dose.interval - 1e-12)):
        begun, stop = max(0.0, k * dose.interval), k * dose.interval + dose.duration
        changes[begun] = changes.get(begun, 0) + 1
        changes[stop] = changes.get(stop, 0) - 1
    running, rows = 0, []
    for t in sorted(changes):
        running += changes[t]
        rows.append((i, t, Op.SET_PARAMETER, target, dose.rate * running))
    return [r for r in rows if r[1] <= end]
