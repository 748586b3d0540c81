"""Marginal distributions of a virtual cohort before and after it is weighted to a baseline table."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from homing.patients.baseline_table import Line, Table
from homing.report.figures.legend import Entry, draw_legend, legend_lines
from homing.report.figures.scales import limits, scale_axis
from homing.report.figures.style import GAP, LINE, MUTED, WIDTH, axes_at, canvas, colour, wrap, write
from homing.report.files import write_whole
from homing.report.words import Words

Columns = Mapping[str, NDArray[np.float64]]
ACROSS, BINS = 3, 24
_HIGH, _ABOVE, _BELOW, _LEFT = 1.15, 0.3, 0.42, 0.3
#: More different values than these are drawn as a histogram, fewer as bars.
MOST_LEVELS = 6
#: The share of patients at each end that a histogram leaves out.
_TAIL = 0.002


def draw_marginals(columns: Columns, table: Table, weights: NDArray[np.float64], words: Words) -> Figure:
    """Small multiples, one for each covariate of the table: before, after, and the mean or median asked."""
    names = list(dict.fromkeys(line.of for line in table.lines))
    down = math.ceil(len(names) / ACROSS)
    entries = [
        Entry(words.key("patients.before"), MUTED, "line"),
        Entry(words.key("patients.after"), colour(0), "line"),
        Entry(words.key("patients.asked"), colour(1), "dashed"),
    ]
    legend = legend_lines(entries, WIDTH - 2 * GAP)
    each = _ABOVE + _HIGH + _BELOW
    height = down * each + LINE * len(legend) + 2 * GAP
    fig = canvas(height)
    draw_legend(fig, legend, GAP, height - GAP, WIDTH - 2 * GAP)
    wide = (WIDTH - 2 * GAP) / ACROSS
    for i, name in enumerate(names):
        left = GAP + (i % ACROSS) * wide + _LEFT
        bottom = height - 2 * GAP - LINE * len(legend) - (i // ACROSS + 1) * each + _BELOW
        width = wide - _LEFT - GAP
        write(fig, left, bottom + _HIGH + 0.1, wrap(words.key(f"patients.{name}"), width, most=1)[0], bold=True)
        lines = [line for line in table.lines if line.of == name]
        _draw(axes_at(fig, left, bottom, width, _HIGH), columns[name], weights, lines, width, words)
    return fig


def _draw(
    ax: Axes, values: NDArray[np.float64], weights: NDArray[np.float64], lines: list[Line], width: float, words: Words
) -> None:
    seen = np.isfinite(values)
    values, weights = values[seen], weights[seen]
    levels = np.unique(values)
    if len(levels) <= MOST_LEVELS:
        _draw_levels(ax, values, weights, levels, lines, width, words)
        return
    low, high = np.quantile(values, [_TAIL, 1 - _TAIL])
    edges = np.linspace(low, high, BINS + 1)
    before, _ = np.histogram(values, edges, density=True)
    after, _ = np.histogram(values, edges, weights=weights, density=True)
    ax.stairs(before, edges, color=MUTED, fill=True, alpha=0.25)
    ax.stairs(before, edges, color=MUTED, linewidth=0.9)
    ax.stairs(after, edges, color=colour(0), linewidth=1.4)
    for line in lines:
        if line.kind in ("mean", "quantile"):
            ax.axvline(line.asked, color=colour(1), linewidth=1.0, linestyle=(0, (4, 2)))
    scale_axis(ax, "x", limits(edges, log=False), words, room=width)
    ax.set_yticks([])


def _draw_levels(
    ax: Axes,
    values: NDArray[np.float64],
    weights: NDArray[np.float64],
    levels: NDArray[np.float64],
    lines: list[Line],
    width: float,
    words: Words,
) -> None:
    before = [float(np.mean(values == level)) for level in levels]
    after = [float(weights[values == level].sum() / weights.sum()) for level in levels]
    at = np.arange(len(levels))
    ax.bar(at - 0.2, before, 0.36, color=MUTED, alpha=0.4)
    ax.bar(at + 0.2, after, 0.36, color=colour(0))
    for line in lines:
        if line.kind == "share" and line.at_least is None and line.at_most is None:
            ax.hlines(line.asked, at[-1] - 0.45, at[-1] + 0.45, color=colour(1), linewidth=1.2, linestyle=(0, (4, 2)))
    two = len(levels) <= 2 and set(levels) <= {0.0, 1.0}
    names = {0.0: words.key("number.no"), 1.0: words.key("number.yes")} if two else {}
    ax.set_xticks(at, [names.get(float(level), f"{level:g}") for level in levels])
    scale_axis(ax, "y", (0.0, 1.0), words, percent=True)
    ax.set_yticks([])


def save_marginals(
    columns: Columns, table: Table, weights: NDArray[np.float64], language: str, stem: Path, population: str
) -> list[Path]:
    """Write the figure as SVG and PNG, `stem` with either ending. Returns the files."""
    from homing.report.figures.svg import drawing, to_png, to_svg

    words = Words(language)
    title = words.key("patients.title", population=population, table=table.name[language])
    vector, picture = Path(f"{stem}.svg"), Path(f"{stem}.png")
    with drawing():
        text = to_svg(
            draw_marginals(columns, table, weights, words), title=title, description=words.key("patients.description")
        )
        write_whole(vector, lambda half: half.write_text(text + "\n", encoding="utf-8"))
    with drawing(picture=True):
        figure = draw_marginals(columns, table, weights, words)
        write_whole(picture, lambda half: to_png(figure, half, title=title))
    return [vector, picture]
