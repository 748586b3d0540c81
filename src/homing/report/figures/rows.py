"""The frame that dots, bars and tornado share: one labelled row after the other, a legend above, an axis below."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from homing.report.figures.legend import Entry, draw_legend, legend_lines
from homing.report.figures.style import (
    GAP,
    LINE,
    MUTED,
    RULE,
    SMALL,
    WIDTH,
    axes_at,
    canvas,
    text_width,
    wrap,
    write,
)

_BELOW = 0.5  # inches for tick labels and the label of the axis
_WIDEST_LABEL = 2.4
_MOST_LINES = 5  # what tells two rows apart may be the end of their labels


@dataclass(frozen=True)
class Frame:
    """A figure with axes whose y is in inches below the top of the first row; `middles` are the rows' heights."""

    fig: Figure
    ax: Axes
    middles: NDArray[np.float64]
    left: float
    width: float


def row_frame(
    labels: Sequence[str], row: float, *, entries: Sequence[Entry], x_label: str, right: float = 0.1
) -> Frame:
    """A frame with rows `row` inches tall (more where a label needs it) and `right` inches free beside the axes."""
    wrapped = [wrap(label, _WIDEST_LABEL, SMALL, most=_MOST_LINES) for label in labels]
    tall = np.array([max(row, LINE * 0.8 * len(lines) + 0.08) for lines in wrapped])
    middles = -(np.cumsum(tall) - tall / 2)
    legend = legend_lines(entries, WIDTH - 2 * GAP)
    top = LINE * len(legend) + GAP
    total = float(tall.sum()) or row
    height = total + _BELOW + top
    fig = canvas(height)
    draw_legend(fig, legend, GAP, height - 0.02, WIDTH - 2 * GAP)
    left = GAP + max((text_width(line, SMALL) for lines in wrapped for line in lines), default=0.0) + 0.12
    width = WIDTH - left - right - GAP
    ax = axes_at(fig, left, _BELOW, width, total)
    ax.set_ylim(-total, 0)
    ax.yaxis.set_visible(False)
    ax.grid(axis="x", color=RULE, linewidth=0.5)
    ax.set_axisbelow(True)
    place = blended_transform_factory(fig.dpi_scale_trans, ax.transData)
    for lines, y in zip(wrapped, middles, strict=True):
        for k, line in enumerate(lines):
            shift = LINE * 0.8 * ((len(lines) - 1) / 2 - k)
            write(fig, left - 0.1, y + shift, line, transform=place, size=SMALL, ha="right", middle=True)
    shown = wrap(x_label, WIDTH - 2 * GAP, SMALL, most=1)[0]
    half = text_width(shown, SMALL) / 2
    centre = min(max(left + width / 2, GAP + half), WIDTH - GAP - half)
    write(fig, centre, 0.12, shown, size=SMALL, ink=MUTED, ha="center")
    return Frame(fig, ax, middles, left, width)


def write_beside(frame: Frame, y: float, text: str, *, x: float | None = None, ink: str = "#1d2730") -> None:
    """A text at a height of the axes: right of them, or a little right of the point `x` of their axis."""
    if x is None:
        place = blended_transform_factory(frame.fig.dpi_scale_trans, frame.ax.transData)
        write(frame.fig, WIDTH - GAP, y, text, transform=place, size=SMALL, ink=ink, ha="right", middle=True)
        return
    at = float(frame.fig.dpi_scale_trans.inverted().transform(frame.ax.transData.transform((x, y)))[0])
    place = blended_transform_factory(frame.fig.dpi_scale_trans, frame.ax.transData)
    write(frame.fig, at + 0.06, y, text, transform=place, size=SMALL, ink=ink, middle=True)
