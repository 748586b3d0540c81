"""Shares of virtual patients over time, as trials count them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from homing.study.simulator import Simulated

#: From when on inflammation counts as a relapse after a reset: it takes some months to heal the gut.
RELAPSE_FROM = 120.0
#: The visit at which those are counted who are to stay in remission.
SUSTAINED_FROM = 168.0
INFLAMED = "active-inflammation"
HOW = ("endpoint", "sustained", "relapse-free")


def counted(run: Simulated, how: str, reads: str, day: float) -> NDArray[np.float64]:
    """(patient,) 1 or 0 at a day, NaN for who isn't counted: the share is the mean of the rest.

    Arguments: `how` 'endpoint' (meets the endpoint `reads` at the visit), 'sustained' (still meets it, of those who met
    it at day `SUSTAINED_FROM`), 'relapse-free' (no active inflammation from day `RELAPSE_FROM` on; `reads` isn't used).
    """
    if how == "relapse-free":
        seen = (run.times >= RELAPSE_FROM) & (run.times <= day)
        return 1.0 - (run.course_of(INFLAMED)[:, seen] == 1).any(axis=1)
    now = run.outcome(reads, day)
    return now if how == "endpoint" else np.where(run.outcome(reads, SUSTAINED_FROM) == 1, now, np.nan)


def course(run: Simulated, how: str, reads: str, days: NDArray[np.float64]) -> NDArray[np.float64]:
    """(day,) the share at each day, all of whom must have been simulated."""
    if how == "relapse-free":
        ill = run.course_of(INFLAMED) == 1
        ill[:, run.times < RELAPSE_FROM] = False
        free = 1.0 - np.maximum.accumulate(ill, axis=1).mean(axis=0)
        return free[[run.at(day) for day in days]]
    return np.array([np.nanmean(counted(run, how, reads, day)) for day in days])
