"""Numbered points in panels: the same candidates by one pair of criteria after the other, and their names."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from homing.answers.content import Cloud, Scatter
from homing.report.figures.printed import printed
from homing.report.figures.scales import finite, limits, scale_axis
from homing.report.figures.style import (
    GAP,
    LINE,
    MUTED,
    PALETTE,
    RULE,
    SMALL,
    WIDTH,
    axes_at,
    canvas,
    clean,
    text_width,
    wrap,
    write,
)
from homing.report.words import Words

_TALL, _BELOW, _HEAD = 2.3, 0.5, 0.5
_FRONT, _OTHER = PALETTE[0], MUTED
#: Inches between two numbers, below which one is moved.
_APART = 0.12


def draw_scatter(figure: Scatter, words: Words) -> Figure:
    """The panels, two in a row, and below them the numbered names."""
    columns = 1 if len(figure.panels) == 1 else 2
    rows = math.ceil(len(figure.panels) / columns)
    names = [f"{k + 1}  {clean(words(label))}" for k, label in enumerate(figure.labels)]
    side = 2 if all(text_width(name, SMALL) < WIDTH / 2 - 2 * GAP for name in names) else 1
    listed = [wrap(name, WIDTH / side - 2 * GAP, SMALL, most=1)[0] for name in names]
    lines = math.ceil(len(listed) / side) + 1
    height = rows * (_HEAD + _TALL + _BELOW) + lines * LINE + 2 * GAP
    fig = canvas(height)
    for k, panel in enumerate(figure.panels):
        row, column = divmod(k, columns)
        bottom = height - (row + 1) * (_HEAD + _TALL + _BELOW) + _BELOW
        cell = (WIDTH - 2 * GAP) / columns
        _draw_panel(fig, figure, panel, words, GAP + column * cell, bottom, cell)
    _draw_names(fig, figure, listed, words, lines * LINE, side)
    return fig


def describe_scatter(figure: Scatter, words: Words) -> list[str]:
    """What is shown, for a screen reader: each point of each panel by its name."""
    shown = []
    for panel in figure.panels:
        for label, filled, x, y in zip(figure.labels, figure.filled, panel.x, panel.y, strict=True):
            mark = words(figure.filled_label if filled else figure.open_label)
            across = printed(x, words, percent=panel.x_percent, interval=False)
            up = printed(y, words, percent=panel.y_percent, interval=False)
            shown.append(f"{words(panel.title)}: {words(label)} ({mark}): {across} / {up}")
    return shown


def _draw_panel(
    fig: Figure, figure: Scatter, panel: Cloud, words: Words, left: float, bottom: float, cell: float
) -> None:
    room = 0.5
    width = cell - room - 0.15
    ax = axes_at(fig, left + room, bottom, width, _TALL)
    ax.grid(color=RULE, linewidth=0.5)
    ax.set_axisbelow(True)
    for which, values, percent in (("x", panel.x, panel.x_percent), ("y", panel.y, panel.y_percent)):
        low, high = limits(finite([values[_drawn(panel)]]), log=False, margin=0.1)
        scale_axis(ax, which, (low, high), words, percent=percent, room=width)  # type: ignore[arg-type]
    top = bottom + _TALL + 0.08
    write(fig, left, top + LINE, wrap(clean(words(panel.title)), cell - GAP, most=1, bold=True)[0], bold=True)
    write(fig, left, top, wrap(clean(words(panel.y_label)), cell - GAP, SMALL, most=1)[0], size=SMALL, ink=MUTED)
    x_label = wrap(clean(words(panel.x_label)), cell - GAP, SMALL, most=1)[0]
    centre = max(min(left + room + width / 2, left + cell - text_width(x_label, SMALL) / 2), left)
    write(fig, centre, bottom - 0.4, x_label, size=SMALL, ink=MUTED, ha="center")
    _draw_points(fig, ax, figure, panel)


def _draw_points(fig: Figure, ax: Axes, figure: Scatter, panel: Cloud) -> None:
    """Points with pale intervals; each number stands beside its point, where none stands already."""
    to_inches = fig.dpi_scale_trans.inverted()
    drawn = _drawn(panel)
    points = {k: to_inches.transform(ax.transData.transform((panel.x[k, 0], panel.y[k, 0]))) for k in drawn}
    taken: list[tuple[float, float, float]] = []
    for k in drawn:
        ink = _FRONT if figure.filled[k] else _OTHER
        for axis in (0, 1):
            ends = (panel.x, panel.y)[axis][k, 1:]
            if np.isfinite(ends).all():
                other = (panel.y, panel.x)[axis][k, 0]
                lines = ((ends, [other, other]), ([other, other], ends))[axis]
                ax.plot(*lines, color=ink, linewidth=0.9, alpha=0.3, zorder=2)
        face = ink if figure.filled[k] else "white"
        ax.plot(panel.x[k, 0], panel.y[k, 0], "o", color=ink, markerfacecolor=face, markersize=6, zorder=3)
    right = float(to_inches.transform(ax.transAxes.transform((1, 1)))[0])
    for members in _together(points):
        x, y = (float(v) for v in points[members[0]])
        places = [(x + 0.09 + 0.16 * step, y + up) for step in range(6) for up in (0.06, -0.08, 0.2, -0.22)]
        text = ", ".join(str(k + 1) for k in members)
        wide = text_width(text, SMALL)
        places = [p for p in places if p[0] + wide < right + 0.15] or places
        spot = next((p for p in places if not any(_overlap(p, wide, q) for q in taken)), places[0])
        taken.append((*spot, wide))
        front = any(figure.filled[k] for k in members)
        write(fig, spot[0], spot[1], text, size=SMALL, ink=_FRONT if front else _OTHER, middle=True)


def _overlap(place: tuple[float, float], wide: float, other: tuple[float, float, float]) -> bool:
    """Whether a number of some width at a place would run into another (place and width)."""
    x, y, width = other
    beside = place[0] > x + width + 0.04 or place[0] + wide + 0.04 < x
    return not beside and abs(place[1] - y) < _APART


def _drawn(panel: Cloud) -> list[int]:
    """The points that have a place in a panel."""
    return [k for k in range(len(panel.x)) if np.isfinite(panel.x[k, 0]) and np.isfinite(panel.y[k, 0])]


def _together(points: Mapping[int, NDArray[np.float64]]) -> list[list[int]]:
    """Points in groups that lie upon each other, which share one label."""
    groups: list[list[int]] = []
    for k, place in points.items():
        near = next((g for g in groups if np.abs(points[g[0]] - place).max() < 0.02), None)
        if near is None:
            groups.append([k])
        else:
            near.append(k)
    return groups


def _draw_names(fig: Figure, figure: Scatter, names: list[str], words: Words, top: float, side: int) -> None:
    half = math.ceil(len(names) / side)
    for k, name in enumerate(names):
        column, row = divmod(k, half)
        ink = _FRONT if figure.filled[k] else _OTHER
        write(fig, GAP + column * WIDTH / 2, top - (row + 1) * LINE, name, size=SMALL, ink=ink)
    marks = ((clean(words(figure.filled_label)), _FRONT), (clean(words(figure.open_label)), _OTHER))
    x = GAP
    for text, ink in marks:
        face = ink if ink == _FRONT else "white"
        x_axes, y_axes = x + 0.06, top + 0.05
        dot = _dot(fig, x_axes, y_axes, ink, face)
        fig.add_artist(dot)
        write(fig, x + 0.18, top + 0.02, text, size=SMALL)
        x += 0.18 + text_width(text, SMALL) + 0.25


def _dot(fig: Figure, x: float, y: float, ink: str, face: str) -> Line2D:
    return Line2D([x], [y], transform=fig.dpi_scale_trans, color=ink, markerfacecolor=face, marker="o", ms=6, ls="none")
