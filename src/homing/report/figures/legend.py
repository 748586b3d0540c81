"""Legends that stand above the data: a swatch and its label, flowing over as many lines as they need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle

from homing.report.figures.style import LINE, SMALL, text_width, wrap, write

_SWATCH = 0.3  # inches
_BETWEEN = 0.22


@dataclass(frozen=True)
class Entry:
    """One line of a legend. `mark`: 'line', 'dashed', 'points', 'block'; `band` adds a pale band to a line."""

    label: str
    colour: str
    mark: Literal["line", "dashed", "points", "block"] = "line"
    marker: str = "o"
    band: bool = False


def legend_lines(entries: Sequence[Entry], width: float) -> list[list[Entry]]:
    """The entries broken into lines no wider than `width` inches."""
    lines: list[list[Entry]] = []
    used = width + 1
    for entry in entries:
        need = _SWATCH + text_width(_label(entry, width), SMALL) + _BETWEEN
        if used + need > width + _BETWEEN:
            lines.append([])
            used = 0.0
        lines[-1].append(entry)
        used += need
    return lines


def _label(entry: Entry, width: float) -> str:
    return wrap(entry.label, width - _SWATCH, SMALL, most=1)[0]


def draw_legend(fig: Figure, lines: Sequence[Sequence[Entry]], left: float, top: float, width: float) -> None:
    """Draw the lines from `top` inches downwards, LINE inches each."""
    for row, entries in enumerate(lines):
        x, y = left, top - (row + 1) * LINE + 0.05
        for entry in entries:
            _swatch(fig, entry, x, y + 0.035)
            label = _label(entry, width)
            write(fig, x + _SWATCH, y, label, size=SMALL)
            x += _SWATCH + text_width(label, SMALL) + _BETWEEN


def _swatch(fig: Figure, entry: Entry, x: float, y: float) -> None:
    inches = fig.dpi_scale_trans
    right = x + _SWATCH - 0.08
    if entry.band or entry.mark == "block":
        tall, alpha = (0.09, 1.0) if entry.mark == "block" else (0.11, 0.18)
        box = Rectangle((x, y - tall / 2), right - x, tall, transform=inches, facecolor=entry.colour, alpha=alpha)
        box.set_edgecolor("none")
        fig.add_artist(box)
    if entry.mark in {"line", "dashed"}:
        style = "-" if entry.mark == "line" else (0, (4, 2))
        fig.add_artist(Line2D([x, right], [y, y], transform=inches, color=entry.colour, lw=1.6, ls=style))
    elif entry.mark == "points":
        dot = Line2D([(x + right) / 2], [y], transform=inches, color=entry.colour, marker=entry.marker, ms=5, ls="none")
        fig.add_artist(dot)
