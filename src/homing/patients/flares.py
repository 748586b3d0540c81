"""Random flares: events at each patient's own times that break the barrier and kindle inflammation, or that reopen a
closed tract.

They follow Poisson processes; what they do depends on the patient and the flare's number alone, so that a patient has
the same flares in every arm and scenario.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from homing.ground.calendar import DAYS_PER_YEAR
from homing.ground.keys import exponentials
from homing.mechanism import System
from homing.patients.population import Flares, Population, TractFlares
from homing.protocol.events import Op
from homing.protocol.timeline import EventRows

#: The states that a flare of the gut changes, and one of the tract.
FLARED = ("barrier.integrity", "innate.activation")
TRACT_FLARED = ("tract.closure", "tract.sepsis")
_AT_A_TIME = 8  # flares drawn in one go; more are drawn until every patient is past the end


def flare_times(
    rate: float, seed: int, ids: NDArray[np.int64], begin: float, end: float, of: str = ""
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Rows of (position of the patient in `ids`, day, number of the flare) with begin < day < end.

    Arguments: `rate` a year; `of` what flares where it isn't the gut.
    """
    rate = rate / DAYS_PER_YEAR  # per day
    patients, days, numbers = [], [], []
    reached = np.full(len(ids), begin)
    first = 0
    while rate > 0 and (reached < end).any():
        gaps = exponentials(seed, f"time to the next flare{of}", ids, _AT_A_TIME, first) / rate
        when = reached[:, None] + np.cumsum(gaps, axis=1)
        who, which = np.nonzero(when < end)
        patients.append(who)
        days.append(when[who, which])
        numbers.append(which + first)
        reached, first = when[:, -1], first + _AT_A_TIME
    if not patients:
        return np.empty(0, np.int64), np.empty(0), np.empty(0, np.int64)
    return np.concatenate(patients), np.concatenate(days), np.concatenate(numbers)


def add_flares(
    rows: EventRows, system: System, population: Population, seed: int, ids: NDArray[np.int64], begin: float, end: float
) -> None:
    """Add every flare of a population's patients between two days: of the gut, and of the tract where it has one."""
    _add_gut_flares(rows, system, population.flares, seed, ids, begin, end)
    if population.tract_flares is not None:
        _add_tract_flares(rows, system, population.tract_flares, seed, ids, begin, end)


def _add_gut_flares(
    rows: EventRows, system: System, flares: Flares, seed: int, ids: NDArray[np.int64], begin: float, end: float
) -> None:
    """Add every flare between two days: the barrier loses a random share, and inflammation rises with what is lost."""
    who, day, number = flare_times(flares.rate.number, seed, ids, begin, end)
    if not who.size:
        return
    draws = exponentials(seed, "barrier lost in a flare", ids, int(number.max()) + 1)
    loss = np.minimum(flares.barrier_loss.number * draws[who, number], flares.most_loss.number)
    barrier, activation = (system.state_index(name) for name in FLARED)
    kindled = flares.inflammation.number
    rows.add(day, Op.MULTIPLY, barrier, 1 - loss, who=who)
    rows.add(day, Op.ADD, activation, kindled, who=who)  # + kindled * (1 - integrity), in two steps
    rows.add(day, Op.ADD_MULTIPLE_OF, activation, -kindled, who=who, source=barrier)


def _add_tract_flares(
    rows: EventRows, system: System, flares: TractFlares, seed: int, ids: NDArray[np.int64], begin: float, end: float
) -> None:
    """Add every reopening between two days: a random share of what is closed opens, and sepsis rises with that share.

    An open tract has nothing to lose, so these decide how long a closure lasts and hardly whether it comes.
    """
    who, day, number = flare_times(flares.rate.number, seed, ids, begin, end, " of the tract")
    if not who.size:
        return
    draws = exponentials(seed, "closure lost in a flare", ids, int(number.max()) + 1)
    loss = np.minimum(flares.closure_loss.number * draws[who, number], flares.most_loss.number)
    closure, sepsis = (system.state_index(name) for name in TRACT_FLARED)
    rows.add(day, Op.ADD_MULTIPLE_OF, sepsis, flares.sepsis.number * loss, who=who, source=closure)
    rows.add(day, Op.MULTIPLY, closure, 1 - loss, who=who)
