"""Observed points that share a place on the x axis, set a little apart so that none hides another."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from homing.answers.content import Series

#: The distance between two points of one place, and the most that all of a place may span, as shares of the axis.
STEP, MOST = 0.02, 0.06


def share_a_place(series: Sequence[Series]) -> bool:
    """Whether any two points stand at the same x."""
    return any(n > 1 for n in _places(series).values())


def set_apart(series: Sequence[Series]) -> list[Series]:
    """The series with points of one x spread evenly about it, in their order; every other point stays where it is.

    Arguments: `series` of one panel; those that aren't points are returned as they are.

    Example:
        >>> zeros = np.zeros(2)
        >>> at = [Series("", np.array([0.0, week]), zeros, style="points") for week in (10.0, 9.0)]
        >>> [[round(float(x), 2) for x in s.x] for s in set_apart(at)]
        [[-0.1, 10.0], [0.1, 9.0]]
    """
    places = _places(series)
    if not any(n > 1 for n in places.values()):
        return list(series)
    span = float(np.ptp(np.concatenate([s.x for s in series])))
    met: Counter[float] = Counter()
    moved = []
    for s in series:
        if s.style != "points":
            moved.append(s)
            continue
        x = np.array(s.x, dtype=float)
        for i, place in enumerate(x.tolist()):
            n = places[place]
            step = span * min(STEP, MOST / max(n - 1, 1))
            x[i] += step * (met[place] - (n - 1) / 2)
            met[place] += 1
        moved.append(replace(s, x=x))
    return moved


def _places(series: Sequence[Series]) -> Counter[float]:
    return Counter(float(x) for s in series if s.style == "points" for x in s.x)
