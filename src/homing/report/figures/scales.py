"""Limits and tick labels of an axis: linear or logarithmic, plain or in per cent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from homing.report.figures.style import SMALL, linear_ticks, log_ticks, set_ticks, text_width
from homing.report.numbers import fixed, scientific, significant
from homing.report.words import Words


def finite(parts: Iterable[object], *, log: bool = False) -> NDArray[np.float64]:
    """All finite numbers (positive ones for a logarithmic axis) of some arrays, as one array."""
    arrays = [np.asarray(part, dtype=np.float64).ravel() for part in parts if part is not None]
    all_values = np.concatenate(arrays) if arrays else np.empty(0)
    keep = np.isfinite(all_values) & ((all_values > 0) if log else True)
    return all_values[keep]


def limits(
    values: NDArray[np.float64], *, log: bool, from_zero: bool = False, margin: float = 0.04
) -> tuple[float, float]:
    """Limits that hold all values with a margin; from zero where values are near it and none is negative."""
    if values.size == 0:
        return (1.0, 10.0) if log else (0.0, 1.0)
    low, high = float(values.min()), float(values.max())
    if log:
        room = max(10 ** (margin * math.log10(high / low)), 1.05)
        return max(low / room, 1e-300), min(high * room, 1e300)
    if high == low:
        room = abs(high) * 0.5 or 0.5
        low, high = low - room, high + room
    room = margin * (high - low)
    starts_at_zero = low >= 0 and (from_zero or low < 0.35 * high)
    ends_at_zero = high <= 0 and from_zero
    return (0.0 if starts_at_zero else low - room), (0.0 if ends_at_zero else high + room)


def scale_axis(
    ax: Axes,
    which: Literal["x", "y"],
    ends: tuple[float, float],
    words: Words,
    *,
    log: bool = False,
    percent: bool = False,
    room: float = 0.0,
    steps: Sequence[float] = (),
) -> list[str]:
    """Give an axis its scale, limits and ticks. Returns the tick labels, so that space can be made for them.

    `room` is the length of an x axis in inches: there are as many ticks as have room for their labels. `steps` are
    the distances between ticks to choose from, where the unit has its own (weeks).
    """
    low, high = ends
    if log:
        (ax.set_xscale if which == "x" else ax.set_yscale)("log")
    (ax.set_xlim if which == "x" else ax.set_ylim)(low, high)
    for most in (7, 6, 5, 4, 3, 2):
        ticks = _ticks(low, high, most, log=log, percent=percent, steps=steps)
        labels = tick_labels(ticks, percent=percent, words=words)
        need = max(text_width(label, SMALL) for label in labels) + 0.12 if labels else 0.0
        if which == "y" or need * len(labels) <= room + need:
            break
    set_ticks(ax.xaxis if which == "x" else ax.yaxis, ticks, labels)
    return labels


def _ticks(low: float, high: float, most: int, *, log: bool, percent: bool, steps: Sequence[float]) -> list[float]:
    unit = 100.0 if percent else 1.0
    low, high = low * unit, high * unit
    return [t / unit for t in (log_ticks(low, high, most) if log else linear_ticks(low, high, most, steps=steps))]


def tick_labels(ticks: Sequence[float], *, percent: bool, words: Words) -> list[str]:
    """Labels with as many decimals as the steps between ticks need; large numbers by name, tiny ones as powers."""
    if percent:
        shown = [100 * t for t in ticks]
        decimals = max((_decimals(t) for t in shown), default=0)
        return [words.key("number.percent", number=fixed(t, decimals)) for t in shown]
    size = max((abs(t) for t in ticks), default=0.0)
    smallest = min((abs(t) for t in ticks if t), default=1.0)
    if smallest < 1e-3:
        return [scientific(t) for t in ticks]
    if size >= 1e5:
        return [words.count(t, 4) for t in ticks]
    if size / smallest > 100:
        return [significant(t) for t in ticks]
    decimals = max((_decimals(t) for t in ticks), default=0)
    return [fixed(t, decimals) for t in ticks]


def _decimals(x: float) -> int:
    text = f"{x:.6f}".rstrip("0")
    return len(text.partition(".")[2])
