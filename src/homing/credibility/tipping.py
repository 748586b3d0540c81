"""Tipping point: how wrong an assumption must be to change the decision.

The decision is whether the gain (the primary difference) is above a threshold. The gain is simulated at factors on one
value, in the same patients with the same draws, so that it moves only by what the factor does. A first scan outward
from 1 finds where the decision changes, bisection narrows it down, and the Monte Carlo interval of the gain says how
far the crossing could lie elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

#: Mean and 95 % Monte Carlo interval of the gain at a factor.
Gain = Callable[[float], tuple[float, float, float]]
#: Steps of the scan from 1 to each end of the range, and of the bisection within one of them.
SCANNED, HALVED = 4, 5
#: A value of 0 at the low end of a range stands for a factor so small.
_LEAST = 1e-3


@dataclass(frozen=True)
class Tip:
    """Where one assumption changes the decision.

    `factor` at which the gain crosses the threshold, NaN where it does not within `low` to `high` (factors; the range
    of the value `name`); `between` the factors within which the Monte Carlo interval of the gain holds the threshold;
    `gains` the gain at both ends.
    """

    name: str
    factor: float
    between: tuple[float, float]
    low: float
    high: float
    gains: tuple[float, float]

    @property
    def tips(self) -> bool:
        """Whether the decision changes within the range."""
        return math.isfinite(self.factor)


def tipping_point(name: str, gain: Gain, low: float, high: float, threshold: float) -> Tip:
    """The factor nearest to 1 (by ratio) at which the gain crosses a threshold.

    Arguments: `low` <= 1 <= `high` the ends of the value's range, as factors on it; what lies outside is not asked.
    """
    seen: dict[float, tuple[float, float, float]] = {}

    def at(factor: float) -> tuple[float, float, float]:
        if factor not in seen:
            seen[factor] = gain(factor)
        return seen[factor]

    ends = max(min(low, 1.0), _LEAST), max(high, 1.0)
    found = [f for f in (_crossing(at, end, lambda g: g[0] - threshold) for end in ends) if f is not None]
    factor = min(found, key=lambda f: abs(math.log(f)), default=math.nan)
    between = (math.nan, math.nan)
    if math.isfinite(factor):
        end = ends[0] if factor < 1 else ends[1]
        one, other = (_bound(at, end, k, threshold) for k in (1, 2))
        between = min(one, other, factor), max(one, other, factor)
    return Tip(name, factor, between, ends[0], ends[1], (at(ends[0])[0], at(ends[1])[0]))


def _bound(at: Gain, end: float, k: int, threshold: float) -> float:
    """Where one end of the gain's interval crosses the threshold; 1 where it already has, `end` where it never does."""
    found = _crossing(at, end, lambda gain: gain[k] - threshold)
    if found is not None:
        return found
    return end if (at(1.0)[k] > threshold) == (at(1.0)[0] > threshold) else 1.0


def _crossing(at: Gain, end: float, excess: Callable[[tuple[float, float, float]], float]) -> float | None:
    """The factor nearest to 1, from there to an end, at which the excess changes its sign; None where it doesn't."""
    if end == 1.0:
        return None
    is_above = excess(at(1.0)) > 0
    inside = 1.0
    for step in range(1, SCANNED + 1):
        outside = end ** (step / SCANNED)
        if (excess(at(outside)) > 0) != is_above:
            break
        inside = outside
    else:
        return None
    for _ in range(HALVED):
        middle = math.sqrt(inside * outside)
        if (excess(at(middle)) > 0) != is_above:
            outside = middle
        else:
            inside = middle
    return math.sqrt(inside * outside)
