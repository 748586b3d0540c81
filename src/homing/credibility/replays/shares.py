"""Shares of virtual patients over time, as trials count them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration.reset import free_of_relapse
from homing.study.simulator import Simulated

#: The visit at which those are counted who are to stay in remission.
SUSTAINED_FROM = 168.0
HOW = ("endpoint", "sustained", "relapse-free")


def counted(run: Simulated, how: str, reads: str, day: float) -> NDArray[np.float64]:
    """(patient,) 1 or 0 at a day, NaN for who isn't counted or whose simulation failed: the share is the mean of the
    rest.

    Arguments: `how` 'endpoint' (meets the endpoint `reads` at the visit), 'sustained' (still meets it, of those who met
    it at day `SUSTAINED_FROM`), 'relapse-free' (see `free_of_relapse`; `reads` isn't used).
    """
    if how == "relapse-free":
        return free_of_relapse(run)[:, run.at(day)]
    now = run.outcome(reads, day)
    return now if how == "endpoint" else np.where(run.outcome(reads, SUSTAINED_FROM) == 1, now, np.nan)


def course(run: Simulated, how: str, reads: str, days: NDArray[np.float64]) -> NDArray[np.float64]:
    """(day,) the share at each day, all of whom must have been simulated."""
    if how == "relapse-free":
        return np.asarray(np.nanmean(free_of_relapse(run), axis=0)[[run.at(day) for day in days]])
    return np.array([np.nanmean(counted(run, how, reads, day)) for day in days])
