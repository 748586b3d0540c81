"""A protocol becomes each patient's events, and the doses of the ledger.

On one day procedures come first, then courses in the order of the protocol: cells are injected after the curettage.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import StudyError
from homing.mechanism import System
from homing.protocol.course import Course, PlannedProcedure, Protocol
from homing.protocol.events import Events, Op
from homing.protocol.instances import Instances, instances
from homing.protocol.ledger import GivenDose, give
from homing.protocol.product import Deposit
from homing.protocol.releasing import at_once_of

#: The state of a product's cells that every dose renews.
COMPETENCE = "competence"
_VERBS = {
    "multiply": Op.MULTIPLY,
    "raise-to": Op.RAISE_TO,
    "lower-to": Op.LOWER_TO,
    "add": Op.ADD,
    "set": Op.SET,
}

#: What a deposit calls the share of cells that is still in its carrier once the carrier is in place.
RETENTION = "retention"


@dataclass(frozen=True)
class Timeline:
    """The events of n patients under one protocol, and the doses behind them in order of time."""

    events: Events
    doses: tuple[GivenDose, ...]


@dataclass
class EventRows:
    """Events as they are collected, column by column; one call adds a row for each of the patients concerned."""

    patients: int
    columns: list[tuple[NDArray, ...]] = field(default_factory=list)

    def add(
        self,
        time: float | NDArray[np.float64],
        op: Op,
        target: int,
        value: float | NDArray[np.float64],
        *,
        who: NDArray[np.int64] | None = None,
        source: int = -1,
    ) -> None:
        """One event for each patient of `who` (all when None); `time` and `value` are numbers or (who,) arrays."""
        ids = np.arange(self.patients) if who is None else who
        n = len(ids)
        self.columns.append(
            (
                ids,
                np.broadcast_to(np.asarray(time, dtype=float), n),
                np.full(n, int(op)),
                np.full(n, target),
                np.broadcast_to(np.asarray(value, dtype=float), n),
                np.full(n, source),
            )
        )

    def events(self) -> Events:
        """All rows as Events; rows of one patient and time keep the order in which they were added."""
        if not self.columns:
            return Events.none(self.patients)
        patient, time, op, target, value, source = (np.concatenate(part) for part in zip(*self.columns, strict=True))
        return Events.from_rows(self.patients, patient, time, op, target, value, source)


def build_timeline(
    system: System,
    protocol: Protocol,
    values: Mapping[str, NDArray[np.float64]],
    patients: int,
    *,
    also: Callable[[EventRows], None] | None = None,
) -> Timeline:
    """The events of a protocol.

    Arguments:
        values: what differs between patients, by name; must hold `weight` (kg) where a dose is per kg.
        also: adds further events, such as random flares.
    """
    rows = EventRows(patients)
    if also is not None:
        also(rows)
    for procedure in sorted(protocol.procedures, key=lambda planned: planned.time):
        _act(system, procedure, values, rows)
    doses: list[GivenDose] = []
    found = instances(protocol)
    planned = ((time, course) for course in protocol.courses for time in course.times)
    for time, course in sorted(planned, key=lambda pair: pair[0]):
        weights = _weights(course, values, patients)
        dose = give(course, time, weights)
        doses.append(dose)
        if course.give is not None:
            add_dose(system, dose, rows, found)
    return Timeline(rows.events(), tuple(doses))


def _weights(course: Course, values: Mapping[str, NDArray[np.float64]], patients: int) -> NDArray[np.float64]:
    if "weight" in values:
        return values["weight"]
    if course.dose.per_kg:
        raise StudyError(
            f"{course.name} is dosed per kg and the population has no weights. Give the dose in cells or mg in all."
        )
    return np.full(patients, np.nan)


def _act(system: System, planned: PlannedProcedure, values: Mapping[str, NDArray[np.float64]], rows: EventRows) -> None:
    for change in planned.procedure.changes:
        size: float | NDArray[np.float64] = change.value.number
        if change.vary and change.vary in values:
            size = values[change.vary]
        rows.add(planned.time, _VERBS[change.verb], system.state_index(change.state), size)


def add_dose(system: System, dose: GivenDose, rows: EventRows, found: Instances) -> None:
    """Add what was delivered to the states where it lands, in the instance that it is of.

    Fresh cells can divide: a dose sets the competence of its product to 1 in the patients who get it. What can't be
    more than a whole, as the share of the flora that bacteria hold, is filled by a dose and no further.
    """
    give = dose.course.give
    fresh = f"{found.name_of(give)}.{COMPETENCE}"
    if fresh in system.index:
        rows.add(dose.time, Op.SET, system.state_index(fresh), 1.0, who=np.flatnonzero(dose.delivered > 0))
    for deposit in deposits_of(dose.course):
        for name, share in at_once(deposit, dose.course):
            full = found.full(name, give)
            rows.add(dose.time, Op.ADD, system.state_index(full), dose.delivered * share)
            whole = system.states[full].high
            if math.isfinite(whole):
                rows.add(dose.time, Op.LOWER_TO, system.state_index(full), whole)


def deposits_of(course: Course) -> tuple[Deposit, ...]:
    """Where a course's dose lands: as its carrier says, or else its route."""
    carrier = course.carrier
    return carrier.deposits if carrier is not None and carrier.deposits else course.route.deposits


def landed(deposit: Deposit, course: Course) -> float:
    """The amount that a deposit adds for one delivered cell (or mg)."""
    share = deposit.share.replace(" ", "")
    complement = share.startswith("1-")
    number = _share(share[2:] if complement else share, course)
    return (1 - number if complement else number) * _share(deposit.times or "1", course)


def at_once(deposit: Deposit, course: Course) -> list[tuple[str, float]]:
    """The states that a deposit adds to and how much for one delivered cell, a burst of release included."""
    return at_once_of(deposit.state, landed(deposit, course), course.carrier)


def _share(name: str, course: Course) -> float:
    if name == "1" or course.give is None:
        return 1.0
    if name == RETENTION:
        kept = course.carrier.retention if course.carrier is not None else None
        return 1.0 if kept is None else kept.number
    return course.give.share(name)
