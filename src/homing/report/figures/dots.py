"""Points with intervals: one row a category, one colour a group."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from homing.answers.content import Bars, Dots
from homing.report.figures.legend import Entry
from homing.report.figures.printed import printed
from homing.report.figures.rows import row_frame, write_beside
from homing.report.figures.scales import finite, limits, scale_axis
from homing.report.figures.style import MARKERS, MUTED, SMALL, clean, colour, text_width
from homing.report.words import Words

_BETWEEN = 0.13  # inches between the groups of a row


def draw_dots(figure: Dots, words: Words) -> Figure:
    """The figure. With a single group the values stand beside the axes; with more, colours and markers tell them."""
    groups = len(figure.groups)
    entries = [
        Entry(clean(words(label)), colour(k), "points", MARKERS[k % len(MARKERS)])
        for k, label in enumerate(figure.groups)
    ]
    beside = [printed(row[0], words, percent=figure.percent) for row in figure.values] if groups == 1 else []
    right = max((text_width(text, SMALL) for text in beside), default=0.0) + 0.15
    frame = row_frame(
        [clean(words(label)) for label in figure.categories],
        max(0.24, _BETWEEN * groups + 0.12),
        entries=entries if groups > 1 else [],
        x_label=clean(words(figure.x_label)),
        right=right,
    )
    reference = [] if figure.reference is None else [figure.reference]
    low, high = limits(finite([figure.values, reference], log=figure.log), log=figure.log)
    scale_axis(frame.ax, "x", (low, high), words, log=figure.log, percent=figure.percent, room=frame.width)
    if figure.reference is not None:
        frame.ax.axvline(figure.reference, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
    for k in range(groups):
        offset = _BETWEEN * ((groups - 1) / 2 - k)
        _draw_group(frame.ax, np.asarray(figure.values)[:, k, :], frame.middles + offset, k, low, high)
    for text, y in zip(beside, frame.middles, strict=False):
        write_beside(frame, float(y), text)
    return frame.fig


def describe_dots(figure: Dots, words: Words) -> list[str]:
    """What is shown, for a screen reader: each value with its category and group."""
    return describe_values(figure, words)


def describe_values(figure: Dots | Bars, words: Words) -> list[str]:
    """The values of a figure of categories and groups, one phrase each."""
    shown = []
    for category, row in zip(figure.categories, figure.values, strict=True):
        for group, values in zip(figure.groups, row, strict=True):
            label = " / ".join(part for part in (words(category), words(group)) if part)
            shown.append(f"{label}: {printed(values, words, percent=figure.percent)}")
    return shown


def _draw_group(ax: Axes, values: np.ndarray, y: np.ndarray, position: int, low: float, high: float) -> None:
    ink = colour(position)
    has_interval = np.isfinite(values[:, 1]) & np.isfinite(values[:, 2])
    shown = np.clip(values[has_interval], low, high)
    ax.hlines(y[has_interval], shown[:, 1], shown[:, 2], color=ink, linewidth=1.2)
    marker = MARKERS[position % len(MARKERS)]
    ax.plot(values[:, 0], y, marker, color=ink, markersize=5, markeredgecolor="white", markeredgewidth=0.6)
