"""What stands on the axis of a forest plot: squares, intervals with arrows, diamonds, the bar of a prediction."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Polygon, Rectangle

from homing.report.evidence_figures.page import BLUE
from homing.report.evidence_figures.scale import Scale
from homing.report.figures.style import INK

Mark = tuple[float, float, float]  # estimate, low, high
_LARGEST = 9.5  # points, the side of the heaviest square
_SMALLEST = 2.8
_HALF = 0.075  # inches, half the height of a diamond
_FLAT = 0.035  # and of the bar of a prediction


def axis_limits(marks: Sequence[tuple[str, Mark]], scale: Scale, reference: float = math.nan) -> tuple[float, float]:
    """Limits that hold every estimate and the diamonds, and all intervals but the ones that would dwarf the rest."""
    shown = [scale.null, reference, *(m[0] for _, m in marks)]
    centres = [scale.forward(x) for x in shown if math.isfinite(x) and math.isfinite(scale.forward(x))] or [0.0]
    spans = [(scale.forward(m[1]), scale.forward(m[2])) for _, m in marks]
    widths = [b - a for a, b in spans if math.isfinite(a) and math.isfinite(b)]
    room = 1.3 * float(np.median(widths)) if widths else (max(centres) - min(centres)) or 1.0
    low, high = min(centres), max(centres)
    for (kind, _), (a, b) in zip(marks, spans, strict=True):
        most = room if kind == "study" else 3 * room
        low = min(low, max(a, min(centres) - most)) if math.isfinite(a) else min(low, min(centres) - room / 2)
        high = max(high, min(b, max(centres) + most)) if math.isfinite(b) else high
        if b == math.inf:
            high = max(high, max(centres) + room / 2)
    pad = 0.05 * (high - low) or 0.5
    return scale.back(low - pad), scale.back(high + pad)


def draw_marks(
    ax: Axes, marks: Sequence[tuple[str, Mark, float]], middles: np.ndarray, scale: Scale, *, round_marks: bool = False
) -> None:
    """Draw each (kind, mark, share) at its height; y is in inches. `round_marks` for sums of studies, of one size."""
    for (kind, mark, share), y in zip(marks, middles, strict=True):
        if kind == "pooled":
            _diamond(ax, mark, float(y), scale)
        elif kind == "prediction":
            _bar(ax, mark, float(y), scale)
        elif kind == "study":
            _study(ax, mark, float(y), share, scale, round_marks)


def _study(ax: Axes, mark: Mark, y: float, share: float, scale: Scale, is_round: bool) -> None:
    estimate, low, high = mark
    left, right = ax.get_xlim()
    if not (math.isnan(low) or math.isnan(high)) and max(low, left) < min(high, right):
        ax.plot([max(low, left), min(high, right)], [y, y], color=INK, linewidth=1.0, solid_capstyle="butt", zorder=2)
    _arrows(ax, mark, y, INK)
    if not (math.isfinite(estimate) and left <= estimate <= right):
        return
    size = 5.0 if is_round else max(_SMALLEST, _LARGEST * math.sqrt(min(max(share, 0.0), 1.0)))
    marker = "o" if is_round else "s"
    ax.plot(estimate, y, marker, color=BLUE, markersize=size, markeredgewidth=0, zorder=3)
    if size > 5.5:  # the estimate itself, in squares wide enough to hide the interval
        ax.plot(estimate, y, "|", color="white", markersize=size * 0.55, markeredgewidth=0.9, zorder=4)


def _arrows(ax: Axes, mark: Mark, y: float, ink: str) -> None:
    """A head at each end of the axis that an interval leaves."""
    left, right = ax.get_xlim()
    if math.isnan(mark[1]) or math.isnan(mark[2]):
        return
    if mark[1] < left:
        ax.plot(left, y, "<", color=ink, markersize=5, markeredgewidth=0, clip_on=False, zorder=3)
    if mark[2] > right:
        ax.plot(right, y, ">", color=ink, markersize=5, markeredgewidth=0, clip_on=False, zorder=3)


def _diamond(ax: Axes, mark: Mark, y: float, scale: Scale) -> None:
    """From low to high, its height at the estimate; an end beyond the axis is cut and gets an arrow."""
    estimate, low, high = mark
    if not math.isfinite(estimate):
        return
    left, right = (scale.forward(x) for x in ax.get_xlim())
    low, high = (estimate if math.isnan(x) else x for x in (low, high))
    a, e, b = scale.forward(low), scale.forward(estimate), scale.forward(high)
    a, b = max(a, left - 5 * (right - left)), min(b, right + 5 * (right - left))
    corners = [(scale.back(x), h) for x, h in ((a, y), (e, y + _HALF), (b, y), (e, y - _HALF))]
    ax.add_patch(Polygon(corners, closed=True, facecolor=INK, edgecolor=INK, linewidth=0.5, zorder=3))
    _arrows(ax, mark, y, INK)


def _bar(ax: Axes, mark: Mark, y: float, scale: Scale) -> None:
    left, right = ax.get_xlim()
    low, high = max(mark[1], left), min(mark[2], right)
    if math.isnan(mark[1]) or math.isnan(mark[2]) or not low < high:
        return
    box = Rectangle((low, y - _FLAT), high - low, 2 * _FLAT, facecolor="#b9c0c6", edgecolor=INK, linewidth=0.7)
    box.set_zorder(2)
    ax.add_patch(box)
    _arrows(ax, mark, y, INK)
