"""Release of cells from a carrier along a measured curve.

The engine follows a curve by scheduled changes of the rate of release, the hazard of leaving the carrier for a cell
that is alive in it: between two times it is constant, so that exactly what the curve says has left at the second. A
curve is a straight line between its points, and steps are made so short that what has left is nowhere further from
the line than `CLOSE`. This takes any curve that rises, with a burst, a lag or a plateau, where a sum of first-order
releases takes only those that are steepest at the start. Cells that die in the carrier are not released: with death,
the curve holds for those that live.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from homing.ground.errors import HomingError

#: How far what is released may be from the line between two points of the curve.
CLOSE = 0.002
#: A curve that ends at 1 is followed to within this: a constant rate never releases the last cell.
LAST = 0.001
MOST_STEPS = 60
MOST_POINTS = 500


@dataclass(frozen=True)
class ReleaseCurve:
    """The share of cells released, 0 to 1, at times in days after the carrier is placed; from 0 at time 0 on.

    Made by `release_curve`, which checks it. `source` says where it was measured.
    """

    times: tuple[float, ...]
    released: tuple[float, ...]
    source: str = ""

    @property
    def burst(self) -> float:
        """The share released at once."""
        return self.released[0]

    @property
    def last(self) -> float:
        """The last time of the curve, in days."""
        return self.times[-1]

    def at(self, day: float) -> float:
        """The share released at a day: on the line between two points; after the last one, at its last rate.

        Example:
            >>> release_curve([0, 10], [0, 0.5]).at(5)
            0.25
        """
        if day >= self.last:
            rate = list(self.rates())[-1][1]
            return 1 - max(1 - self.released[-1], LAST) * math.exp(-rate * (day - self.last))
        for (t0, r0), (t1, r1) in itertools.pairwise(zip(self.times, self.released, strict=True)):
            if t0 <= day <= t1:
                return r0 + (r1 - r0) * (day - t0) / (t1 - t0)
        return self.burst

    def rates(self) -> Iterator[tuple[float, float]]:
        """The days from which rates of release hold, and the rates (1/d); the last one holds from then on."""
        points = zip(self.times, self.released, strict=True)
        for (t0, r0), (t1, r1) in itertools.pairwise(points):
            left, leaves = max(1 - r0, LAST), max(1 - r1, LAST)
            steps = _steps(left, leaves)
            ends = [left + (leaves - left) * k / steps for k in range(steps + 1)]
            for k, (before, after) in enumerate(itertools.pairwise(ends)):
                yield t0 + (t1 - t0) * k / steps, math.log(before / after) * steps / (t1 - t0)


def _steps(left: float, leaves: float) -> int:
    """How many equal steps a line needs, so that a constant rate within each stays close to it."""
    for steps in range(1, MOST_STEPS):
        fall = (left - leaves) / steps
        # the worst step is the last: between its ends the exponential is below the line, most near the middle
        if leaves + fall / 2 - math.sqrt(leaves * (leaves + fall)) <= CLOSE:
            return steps
    return MOST_STEPS


def release_curve(times: Sequence[float], released: Sequence[float], source: str = "") -> ReleaseCurve:
    """A curve from its points, days and shares. A first point after day 0 is joined by a line
    to nothing released at day 0.

    Raises: HomingError that names the first point that is wrong: times that don't rise, shares outside 0 to 1 or
    falling, too few or too many points, a curve that releases nothing.
    """
    if len(times) != len(released):
        raise HomingError(f"{len(times)} times and {len(released)} fractions; each time needs one fraction.")
    most = MOST_POINTS + (times[0] == 0 if len(times) else 0)  # a point at day 0 may have been joined before
    if not 2 <= len(times) <= most:
        raise HomingError(f"{len(times)} points; a release curve has 2 to {MOST_POINTS}.")
    for i in range(len(times)):
        problem = point_fault(times[: i + 1], released[: i + 1])
        if problem:
            raise HomingError(f"point {i + 1}: {problem}")
    if released[-1] <= 0:
        raise HomingError("the curve releases nothing; its last fraction is above 0.")
    if times[0] > 0:
        times, released = (0.0, *times), (0.0, *released)
    return ReleaseCurve(tuple(map(float, times)), tuple(map(float, released)), source)


def point_fault(times: Sequence[float], released: Sequence[float]) -> str:
    """What is wrong with the last of some points, or nothing."""
    time, share = times[-1], released[-1]
    if not math.isfinite(time) or time < 0:
        return f"the time {time:g} is before the carrier is placed, day 0."
    if not 0 <= share <= 1:
        return f"the fraction {share:g} is outside 0 to 1 (or 0 to 100 %)."
    if len(times) > 1 and time <= times[-2]:
        return f"the time {time:g} does not come after {times[-2]:g}. Write the points in order of time."
    if len(times) > 1 and share < released[-2]:
        return f"the fraction {share:g} is below {released[-2]:g} before it; what is released can't return."
    return ""
