"""Random flares: events at each patient's own times that break the barrier and kindle inflammation, or that reopen a
closed tract.

They follow Poisson processes; what they do depends on the patient and the flare's number alone, so that a patient has
the same flares in every arm. A scenario that multiplies a rate brings the same flares sooner or later.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.calendar import DAYS_PER_YEAR
from homing.ground.keys import exponentials
from homing.mechanism import System
from homing.patients.population import Flares, Population, TractFlares
from homing.protocol.events import Op
from homing.protocol.timeline import EventRows

#: What a scenario multiplies of random events: how often each kind comes, of the gut and of the tract.
RATES = ("flares.rate", "tract_flares.rate")
#: The states that a flare of the gut changes, and one of the tract.
FLARED = ("barrier.integrity", "innate.activation")
TRACT_FLARED = ("tract.closure", "tract.sepsis")
_AT_A_TIME = 8  # flares drawn in one go; more are drawn until every patient is past the end


def flare_times(
    rate: ArrayLike, seed: int, ids: NDArray[np.int64], begin: float, end: float, of: str = ""
) -> tuple[NDArray[np.int64], NDArray[np.float64], NDArray[np.int64]]:
    """Rows of (position of the patient in `ids`, day, number of the flare) with begin < day < end.

    Arguments: `rate` a year, one for all or (patient,); the waits of two rates are in proportion. `of` names what
    flares where it isn't the gut.
    """
    daily = np.broadcast_to(np.asarray(rate) / DAYS_PER_YEAR, len(ids))[:, None]
    patients, days, numbers = [], [], []
    reached = np.where(daily[:, 0] > 0, begin, np.inf)
    first = 0
    while (reached < end).any():
        waits = exponentials(seed, f"time to the next flare{of}", ids, _AT_A_TIME, first)
        gaps = np.divide(waits, daily, out=np.full_like(waits, np.inf), where=daily > 0)
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
    population: Population,
    seed: int,
    ids: NDArray[np.int64],
    begin: float,
    end: float,
    gut: ArrayLike = 1.0,
    tract: ArrayLike = 1.0,
) -> None:
    """Add every flare of a population's patients between two days: of the gut, and of the tract where it has one.

    Arguments: `gut` and `tract` factors on the rates, one for all or (patient,).
    """
    _add_gut_flares(rows, system, population.flares, gut, seed, ids, begin, end)
    if population.tract_flares is not None:
        _add_tract_flares(rows, system, population.tract_flares, tract, seed, ids, begin, end)


def _add_gut_flares(
    rows: EventRows,
    system: System,
    flares: Flares,
    factor: ArrayLike,
    seed: int,
    ids: NDArray[np.int64],
    begin: float,
    end: float,
) -> None:
    """Add every flare between two days: the barrier loses a random share, and inflammation rises with what is lost."""
    who, day, number = flare_times(flares.rate.number * np.asarray(factor), seed, ids, begin, end)
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
    rows: EventRows,
    system: System,
    flares: TractFlares,
    factor: ArrayLike,
    seed: int,
    ids: NDArray[np.int64],
    begin: float,
    end: float,
) -> None:
    """Add every reopening between two days: a random share of what is closed opens, and sepsis rises with that share.

    An open tract has nothing to lose, so these decide how long a closure lasts and hardly whether it comes.
    """
    who, day, number = flare_times(flares.rate.number * np.asarray(factor), seed, ids, begin, end, " of the tract")
    if not who.size:
        return
    draws = exponentials(seed, "closure lost in a flare", ids, int(number.max()) + 1)
    loss = np.minimum(flares.closure_loss.number * draws[who, number], flares.most_loss.number)
    closure, sepsis = (system.state_index(name) for name in TRACT_FLARED)
    rows.add(day, Op.ADD_MULTIPLE_OF, sepsis, flares.sepsis.number * loss, who=who, source=closure)
    rows.add(day, Op.MULTIPLY, closure, 1 - loss, who=who)
