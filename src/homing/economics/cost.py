"""Cost of a course and of one more patient in remission, from stated prices."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class CostPerRemission:
    """Extra cost for each extra patient in remission; `low` and `high` are its 95 % range over the draws.

    `value` is infinite-free: it is NaN ("undefined") where treatment does not add remissions on average, and
    `share_without_gain` is the share of draws in which it doesn't.
    """

    value: float
    low: float
    high: float
    share_without_gain: float


def cost_per_extra_remission(cost: NDArray[np.float64], gain: NDArray[np.float64]) -> CostPerRemission:
    """Cost per extra remission over paired draws.

    Arguments: `cost` extra cost per patient (one currency) and `gain` extra share in remission, one entry a draw.
    A draw without gain has no finite ratio; it counts as infinitely dear in the range and is reported as a share.
    """
    without = float(np.mean(gain <= 0))
    mean_gain = float(np.mean(gain))
    value = float(np.mean(cost)) / mean_gain if mean_gain > 0 else math.nan
    ratio = np.sort(np.where(gain > 0, cost / np.where(gain > 0, gain, 1.0), math.inf))
    low, high = (float(np.quantile(ratio, q, method="inverted_cdf")) for q in (0.025, 0.975))
    return CostPerRemission(value, low, high, without)


def probability_worthwhile(
    cost: NDArray[np.float64], gain: NDArray[np.float64], worth: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Share of draws in which one remission's worth times the gain exceeds the cost, for each `worth`."""
    return np.array([float(np.mean(w * gain - cost > 0)) for w in np.asarray(worth)])
