"""Random flares: events that break the barrier and kindle inflammation, at each patient's own times.

They follow a Poisson process; what they do depends on the patient and the flare's number alone, so that a patient has
the same flares in every arm. A scenario that multiplies the rate brings the same flares sooner or later.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.calendar import DAYS_PER_YEAR
from homing.ground.keys import exponentials
from homing.mechanism import System
from homing.patients.population import Flares
from homing.protocol.events import Op
from homing.protocol.timeline import EventRows

#: What a scenario multiplies of random events: how often each kind comes.
FLARE_RATE, TRACT_FLARE_RATE = RATES = ("flares.rate", "tract_flares.rate")
#: The states that a flare changes.
FLARED = ("barrier.integrity", "innate.activation")
_AT_A_TIME = 8  # flares drawn in one go; more are drawn until every patient is past the end


def flare_times(
    flares: Flares, seed: int, ids: NDArray[np.int64], begin: float, end: float, factor: ArrayLike = 1.0
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Rows of (position of the patient in `ids`, day, number of the flare) with begin < day < end.

    Arguments: `factor` on the rate, one for all or (patient,). The waits of two factors are in proportion.
    """
    rate = np.broadcast_to(flares.rate.number / DAYS_PER_YEAR * np.asarray(factor), len(ids))[:, None]  # per day
    patients, days, numbers = [], [], []
    reached = np.where(rate[:, 0] > 0, begin, np.inf)
    first = 0
    while (reached < end).any():
        waits = exponentials(seed, "time to the next flare", ids, _AT_A_TIME, first)
        gaps = np.divide(waits, rate, out=np.full_like(waits, np.inf), where=rate > 0)
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
    rows: EventRows,
    system: System,
    flares: Flares,
    seed: int,
    ids: NDArray[np.int64],
    begin: float,
    end: float,
    factor: ArrayLike = 1.0,
) -> None:
    """Add every flare between two days: the barrier loses a random share, and inflammation rises with what is lost.

    Arguments: `factor` on the rate, one for all or (patient,).
    """
    who, day, number = flare_times(flares, seed, ids, begin, end, factor)
    if not who.size:
        return
    draws = exponentials(seed, "barrier lost in a flare", ids, int(number.max()) + 1)
    loss = np.minimum(flares.barrier_loss.number * draws[who, number], flares.most_loss.number)
    barrier, activation = (system.state_index(name) for name in FLARED)
    kindled = flares.inflammation.number
    rows.add(day, Op.MULTIPLY, barrier, 1 - loss, who=who)
    rows.add(day, Op.ADD, activation, kindled, who=who)  # + kindled * (1 - integrity), in two steps
    rows.add(day, Op.ADD_MULTIPLE_OF, activation, -kindled, who=who, source=barrier)
