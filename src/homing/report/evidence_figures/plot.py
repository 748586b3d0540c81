"""A page with one plot: axes in inches, labels of both axes, a legend above, names beside points, a key below."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from homing.report.evidence_figures.data import Array
from homing.report.evidence_figures.page import Item, draw_legend, legend_rows, new_page
from homing.report.evidence_figures.placing import Placed, draw_key, draw_placed, key_columns, key_height, place
from homing.report.evidence_figures.scale import Scale, set_scale
from homing.report.evidence_figures.texts import Texts
from homing.report.figures.scales import limits, scale_axis
from homing.report.figures.style import GAP, LINE, MUTED, SMALL, WIDTH, axes_at, clean, text_width, wrap, write

LARGEST, SMALLEST = 0.2, 0.035  # inches, radii of bubbles
LEFT, BELOW = 0.78, 0.56


@dataclass(frozen=True)
class Axis:
    """One axis: its label, limits, and how its ticks are set (axes, room in inches)."""

    label: str
    ends: tuple[float, float]
    ticks: Callable[[Axes, float], None]
    log: bool = False

    def inches(self, values: Array, room: float) -> Array:
        """Places along the axis; its ends are 0 and `room`."""
        forward = np.log if self.log else np.asarray
        a, b = (float(forward(x)) for x in self.ends)
        return np.asarray((forward(values) - a) / (b - a) * room, dtype=float)


@dataclass(frozen=True)
class Points:
    """Points to be named: (study,) values of both axes, radii in inches. `lines` (point, 2) are kept free."""

    names: Sequence[str]
    x: Array
    y: Array
    radii: Array
    lines: Array = field(default_factory=lambda: np.empty((0, 2)))


@dataclass(frozen=True)
class Plot:
    """The figure and its axes with their size in inches."""

    fig: Figure
    ax: Axes
    width: float
    height: float


def effect_axis(which: str, scale: Scale, ends: tuple[float, float], label: str = "") -> Axis:
    """An axis of effects on the scale of reading."""
    return Axis(label or scale.label, ends, lambda ax, room: set_scale(ax, which, ends, scale, room), scale.ratio)


def number_axis(which: str, label: str, ends: tuple[float, float], texts: Texts, log: bool = False) -> Axis:
    """An axis of plain numbers."""

    def ticks(ax: Axes, room: float) -> None:
        rising = (min(ends), max(ends))  # the caller turns the axis round where its limits fall
        scale_axis(ax, "x" if which == "x" else "y", rising, texts.words, log=log, room=room)

    return Axis(label, ends, ticks, log)


def spread(values: Array, scale: Scale, margin: float = 0.08) -> tuple[float, float]:
    """Limits that hold all values of an effect, and that of no effect where it is near."""
    shown = values[np.isfinite(values) & ((values > 0) if scale.ratio else True)]
    if not shown.size:
        shown = np.array([scale.null if np.isfinite(scale.null) else 1.0])
    places = np.array([scale.forward(float(x)) for x in shown])
    wide = float(np.ptp(places)) or (0.3 if scale.ratio else abs(float(places[0])) * 0.5 or 1.0)
    null = scale.forward(scale.null) if np.isfinite(scale.null) else places[0]
    if places.min() - 0.4 * wide <= null <= places.max() + 0.4 * wide:
        places = np.append(places, null)
    pad = margin * wide
    return scale.back(float(places.min()) - pad), scale.back(float(places.max()) + pad)


def bubbles(size: Array) -> Array:
    """Radii whose areas are as the sizes, the largest LARGEST; smaller where there are many."""
    largest = LARGEST if len(size) <= 15 else LARGEST * 0.75
    return np.maximum(largest * np.sqrt(size / size.max()), SMALLEST)


def points_in_type(radii: Array) -> Array:
    """Marker areas, as Matplotlib's scatter wants them, of radii in inches."""
    return np.asarray((2 * radii * 72) ** 2)


def open_plot(
    x: Axis,
    y: Axis,
    *,
    title: str = "",
    items: Sequence[Item] = (),
    height: float = 4.0,
    width: float = 0.0,
    points: Points | None = None,
) -> Plot:
    """A page with the axes and everything about them; what is drawn in them is the caller's. `width` of the plot."""
    wide = width or WIDTH - LEFT - 2 * GAP
    placed: Placed | None = None
    if points is not None:
        at = np.column_stack([x.inches(points.x, wide), y.inches(points.y, height)])
        lines = np.column_stack([x.inches(points.lines[:, 0], wide), y.inches(points.lines[:, 1], height)])
        placed = place(points.names, at, points.radii, (wide, height), lines)
    key = key_columns(placed.key, WIDTH - 2 * GAP) if placed else []
    legend = legend_rows(items, WIDTH - 2 * GAP)
    foot = key_height(key)
    top = LINE * len(legend) + (0.2 if legend else 0.1)
    fig = new_page(WIDTH, foot + BELOW + height + top, title)
    left = LEFT + (WIDTH - LEFT - 2 * GAP - wide) / 2
    ax = axes_at(fig, left, foot + BELOW, wide, height)
    x.ticks(ax, wide)
    y.ticks(ax, height)
    ax.set_xlim(*x.ends)
    ax.set_ylim(*y.ends)
    draw_legend(fig, legend, GAP, foot + BELOW + height + top - 0.05)
    draw_key(fig, key, WIDTH)
    _axis_labels(fig, x.label, y.label, (left, foot + BELOW), (wide, height))
    if placed:
        draw_placed(fig, placed, (left, foot + BELOW))
    return Plot(fig, ax, wide, height)


def _axis_labels(
    fig: Figure, x: str, y: str, corner: tuple[float, float], size: tuple[float, float]
) -> None:  # fmt: skip
    label = wrap(clean(x), WIDTH - 2 * GAP, SMALL, most=1)[0]
    half = text_width(label, SMALL) / 2
    centre = min(max(corner[0] + size[0] / 2, GAP + half), WIDTH - GAP - half)
    write(fig, centre, corner[1] - 0.42, label, size=SMALL, ink=MUTED, ha="center")
    lines = wrap(clean(y), size[1], SMALL, most=2)
    for k, line in enumerate(reversed(lines)):
        fig.text(
            corner[0] - 0.56 - 0.13 * k, corner[1] + size[1] / 2, line, transform=fig.dpi_scale_trans, size=SMALL,
            color=MUTED, rotation=90, rotation_mode="anchor", ha="center", va="baseline", parse_math=False,
        )  # fmt: skip


def plain_limits(values: Array, *, from_zero: bool = True) -> tuple[float, float]:
    """Limits of plain numbers, from zero where none is below."""
    return limits(values[np.isfinite(values)], log=False, from_zero=from_zero, margin=0.08)
