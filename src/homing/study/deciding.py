"""Rules: what is decided at a visit from what was read there.

The run stops at every visit at which something is decided, reads the patients as an endpoint is read (with the noise of
readings), adds the doses, and goes on. Every patient stops there, dosed or not, so that the same doses given without
rules lead through the same numbers.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from homing.engine.trajectories import Status, Trajectories
from homing.protocol.course import Protocol, Rule
from homing.protocol.events import Events, Op
from homing.protocol.instances import instances
from homing.protocol.ledger import GivenDose, give
from homing.protocol.timeline import EventRows, add_dose

if TYPE_CHECKING:
    from homing.mechanism import System

_COMPARE: Mapping[str, Callable[..., NDArray[np.bool_]]] = {
    "above": operator.gt,
    "below": operator.lt,
    "at least": operator.ge,
    "at most": operator.le,
}
#: The outcome of an endpoint at a day for every patient, from the trajectories so far.
Read = Callable[[Trajectories, str, float], NDArray[np.float64]]
#: Run all patients from a start to some times: (initial, events, begin, times) -> trajectories with final states.
Go = Callable[[NDArray[np.float64], Events, float, NDArray[np.float64]], Trajectories]


def decision_days(protocol: Protocol, last: float) -> tuple[float, ...]:
    """The days on which a protocol decides something, up to the last (at which a dose would come too late)."""
    return tuple(sorted({day for rule in protocol.rules for day in rule.course.times if day < last}))


def stop_at(days: Sequence[float], rows: EventRows) -> None:
    """Have every patient's integration stop on these days, by an event that changes nothing."""
    for day in days:
        rows.add(day, Op.MULTIPLY, 0, 1.0)


def with_doses(system: System, protocol: Protocol, base: Events, doses: Sequence[GivenDose]) -> Events:
    """Events with doses of a protocol's rules after all others of their day."""
    rows, found = EventRows(base.patients), instances(protocol)
    for dose in doses:
        add_dose(system, dose, rows, found)
    return base.followed_by(rows.events()) if doses else base


def decide_and_go(
    system: System,
    protocol: Protocol,
    weights: NDArray[np.float64],
    initial: NDArray[np.float64],
    base: Events,
    grid: NDArray[np.float64],
    go: Go,
    read: Read,
) -> tuple[Trajectories, tuple[GivenDose, ...]]:
    """Run a protocol with rules over a grid of times; returns the trajectories and what the rules have given.

    Arguments: `base` the events without the rules' doses, with stops on the days of decision.
    """
    days = decision_days(protocol, grid[-1])
    edges = [*days, float(grid[-1])]
    doses: list[GivenDose] = []
    seen: Trajectories | None = None
    begin, states = 0.0, initial
    for end in edges:
        times = grid[(grid > begin) & (grid <= end)] if seen is not None else grid[grid <= end]
        events = with_doses(system, protocol, base, doses).between(begin, end)
        part = go(states, events, begin, times)
        seen = part if seen is None else _joined(seen, part)
        if end in days:
            doses += _decided(protocol, weights, end, seen, doses, read)
            begin = end
            states = part.final if part.final is not None else states
    if seen is None:
        raise ValueError("a run needs at least one time")
    return seen, tuple(doses)


def _decided(
    protocol: Protocol,
    weights: NDArray[np.float64],
    day: float,
    seen: Trajectories,
    doses: Sequence[GivenDose],
    read: Read,
) -> list[GivenDose]:
    """The doses that the rules give on a day; 0 for patients who get none."""
    found = []
    for rule in protocol.rules:
        if day not in rule.course.times:
            continue
        had = np.sum([d.nominal > 0 for d in doses if d.course is rule.course], axis=0)
        chosen = _holds(rule, seen, day, read) & (had < rule.most)
        dose = give(rule.course, day, weights)
        amounts: dict[str, Any] = {s: np.where(chosen, amount, 0.0) for s, amount in dose.amounts().items()}
        found.append(replace(dose, **amounts))
    return found


def _holds(rule: Rule, seen: Trajectories, day: float, read: Read) -> NDArray[np.bool_]:
    """Whether all conditions of a rule hold in each patient; a missing reading holds nowhere."""
    holds = np.ones(seen.patients, dtype=bool)
    for condition in rule.when:
        outcome = read(seen, condition.of, day)
        if condition.how in _COMPARE:
            holds &= _COMPARE[condition.how](outcome, condition.number)
        else:
            holds &= outcome == (1.0 if condition.how == "met" else 0.0)
    return holds


def _joined(first: Trajectories, second: Trajectories) -> Trajectories:
    """Two stretches of the same patients as one; a patient who failed in the first stays so."""
    failed = first.status > Status.NEGATIVE_STATE
    return Trajectories(
        times=np.concatenate([first.times, second.times]),
        outputs=first.outputs,
        values=np.concatenate([first.values, second.values], axis=1),
        status=np.where(failed, first.status, np.maximum(first.status, second.status)).astype(np.int8),
        steps=first.steps + second.steps,
        rejected=first.rejected + second.rejected,
        final=second.final,
    )
