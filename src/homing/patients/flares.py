"""Random flares: events that break the barrier and kindle inflammation, at each patient's own times.

They follow a Poisson process; what they do depends on the patient and the flare's number alone, so that a patient has
the same flares in every arm and scenario.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from homing.ground.calendar import DAYS_PER_YEAR
from homing.ground.keys import exponentials
from homing.mechanism import System
from homing.patients.population import Flares
from homing.protocol.events import Op
from homing.protocol.timeline import EventRows

#: The states that a flare changes.
FLARED = ("barrier.integrity", "innate.activation")
_AT_A_TIME = 8  # flares drawn in one go; more are drawn until every patient is past the end


def flare_times(
    flares: Flares, seed: int, ids: NDArray[np.int64], begin: float, end: float
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Rows of (position of the patient in `ids`, day, number of the flare) with begin < day < end."""
    rate = flares.rate.number / DAYS_PER_YEAR  # per day
    patients, days, numbers = [], [], []
    reached = np.full(len(ids), begin)
    first = 0
    while rate > 0 and (reached < end).any():
        gaps = exponentials(seed, "time to the next flare", ids, _AT_A_TIME, first) / rate
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
    rows: EventRows, system: System, flares: Flares, seed: int, ids: NDArray[np.int64], begin: float, end: float
) -> None:
    """Add every flare between two days: the barrier loses a random share, and inflammation rises with what is lost."""
    who, day, number = flare_times(flares, seed, ids, begin, end)
    if not who.size:
        return
    draws = exponentials(seed, "barrier lost in a flare", ids, int(number.max()) + 1)
    loss = np.minimum(flares.barrier_loss.number * draws[who, number], flares.most_loss.number)
    barrier, activation = (system.state_index(name) for name in FLARED)
    kindled = flares.inflammation.number
    rows.add(day, Op.MULTIPLY, barrier, 1 - loss, who=who)
    rows.add(day, Op.ADD, activation, kindled, who=who)  # + kindled * (1 - integrity), in two steps
    rows.add(day, Op.ADD_MULTIPLE_OF, activation, -kindled, who=who, source=barrier)
