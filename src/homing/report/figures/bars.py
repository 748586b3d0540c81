"""Bars with intervals, lying down so that their labels can be read: the dose ladder above all."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from homing.answers.content import Bars
from homing.report.figures.dots import describe_values
from homing.report.figures.legend import Entry
from homing.report.figures.printed import printed
from homing.report.figures.rows import Frame, row_frame, write_beside
from homing.report.figures.scales import finite, limits, scale_axis
from homing.report.figures.style import INK, MUTED, SMALL, clean, colour, text_width
from homing.report.words import Words

_BAR = 0.15  # inches


def draw_bars(figure: Bars, words: Words) -> Figure:
    """The figure: bars of a category lie under each other in the order of the groups, values at their ends."""
    groups = len(figure.groups)
    values = np.asarray(figure.values, dtype=np.float64)
    texts = [[printed(cell, words, percent=figure.percent, interval=False) for cell in row] for row in values]
    right = max((text_width(text, SMALL) for row in texts for text in row), default=0.0) + 0.12
    entries = [Entry(clean(words(label)), colour(k), "block") for k, label in enumerate(figure.groups)]
    frame = row_frame(
        [clean(words(label)) for label in figure.categories],
        _BAR * groups + 0.12,
        entries=entries if groups > 1 else [],
        x_label=clean(words(figure.y_label)),
        right=right,
    )
    low, high = _limits(figure, values)
    scale_axis(frame.ax, "x", (low, high), words, log=figure.log, percent=figure.percent, room=frame.width)
    if not figure.log and low < 0:
        frame.ax.axvline(0, color=MUTED, linewidth=0.8)
    for k in range(groups):
        y = frame.middles + _BAR * ((groups - 1) / 2 - k)
        _draw_group(frame, values[:, k, :], y, k, low, figure.log)
        for row, height in zip(range(len(values)), y, strict=True):
            ends = [x for x in values[row, k] if math.isfinite(x) and (x > 0 or not figure.log)]
            at = max([low if figure.log else max(0.0, low), *ends])
            is_missing = not math.isfinite(values[row, k, 0])
            write_beside(frame, float(height), texts[row][k], x=min(at, high), ink=MUTED if is_missing else INK)
    return frame.fig


def describe_bars(figure: Bars, words: Words) -> list[str]:
    """What is shown, for a screen reader: each value with its category and group."""
    return describe_values(figure, words)


def _limits(figure: Bars, values: np.ndarray) -> tuple[float, float]:
    """From zero, or on a logarithmic axis from the decade below the smallest value."""
    shown = finite([values], log=figure.log)
    if figure.log and shown.size:
        low = 10.0 ** math.floor(math.log10(shown.min()) - 1e-9)
        return low, float(shown.max()) * 1.05
    low, high = limits(shown, log=figure.log, from_zero=True)
    return min(low, 0.0) if not figure.log else low, high


def _draw_group(frame: Frame, values: np.ndarray, y: np.ndarray, position: int, low: float, log: bool) -> None:
    size = values[:, 0]
    drawn = np.isfinite(size) & ((size > 0) | (not log))
    base = low if log else 0.0
    frame.ax.barh(y[drawn], size[drawn] - base, _BAR * 0.84, left=base, color=colour(position), linewidth=0)
    has_interval = np.isfinite(values[:, 1]) & np.isfinite(values[:, 2]) & drawn
    ends = np.maximum(values[has_interval, 1:], low) if log else values[has_interval, 1:]
    frame.ax.hlines(y[has_interval], ends[:, 0], ends[:, 1], color=INK, linewidth=1.0)
