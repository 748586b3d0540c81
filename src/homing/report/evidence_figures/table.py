"""A table with a plot in its middle: the frame of forest, cumulative and leave-one-out plots. Sizes are inches."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import blended_transform_factory

from homing.report.evidence_figures.lights import Lights, draw_lights, lights_legend, lights_width
from homing.report.evidence_figures.marks import axis_limits, draw_marks
from homing.report.evidence_figures.page import new_page, page_width
from homing.report.evidence_figures.scale import Scale, set_scale
from homing.report.figures.style import (
    GAP,
    INK,
    LINE,
    MUTED,
    RULE,
    SMALL,
    axes_at,
    clean,
    text_width,
    wrap,
    write,
)

ROW = 0.225
_TIGHT = LINE * 0.8  # between lines of one cell
_PLOT = 2.5  # the least width of the plot
_LABEL = 2.3  # the greatest of the labels
_NOTE = 2.7  # what a note has at least before it is broken into lines
_HEAD = 1.15  # the greatest of a head over a column
_PAD = 0.16
_INDENT = 0.12
Kind = Literal["heading", "study", "pooled", "prediction", "note"]


@dataclass(frozen=True)
class Row:
    """One row: what it says, and what the plot shows of it, from the same numbers (`mark`: estimate, low, high).

    `share` is the weight against the heaviest, for the area of the square. `deep` rows are indented.
    """

    kind: Kind
    label: str
    mark: tuple[float, float, float] = (math.nan, math.nan, math.nan)
    cells: tuple[str, ...] = ()
    right: tuple[str, ...] = ()
    share: float = 0.4
    bias: tuple[str, ...] = ()
    deep: bool = False


@dataclass(frozen=True)
class Table:
    """The rows, what stands over the columns left and right of the plot, the axis, and the words under it."""

    rows: Sequence[Row]
    head: str
    cell_heads: Sequence[tuple[str, str]]
    right_heads: Sequence[tuple[str, str]]
    scale: Scale
    title: str = ""
    favours: tuple[str, str] = ("", "")
    reference: float = math.nan
    lights: Lights | None = None
    limits: tuple[float, float] | None = None
    round_marks: bool = False


@dataclass(frozen=True)
class _Layout:
    labels: list[list[str]]
    heads: list[list[str]]
    centres: list[float]  # of the columns left, then right of the plot: their right edges
    plot: tuple[float, float]  # left, width
    lights: float
    width: float


def draw_table(table: Table) -> Figure:
    """The table as a figure."""
    lay = _layout(table)
    tall = np.array([_height(row, lines) for row, lines in zip(table.rows, lay.labels, strict=True)])
    total = float(tall.sum())
    middles = -(np.cumsum(tall) - tall / 2)
    head = _TIGHT * max(len(lines) for lines in lay.heads) + 0.12
    favours = _favours(table, lay.plot[1])
    legend = lights_legend(table.lights, lay.width - 2 * GAP) if table.lights else []
    under = 0.3 + LINE * max((len(lines) for lines in favours), default=0) + LINE + 0.05
    bottom = under + LINE * 1.15 * len(legend) + (0.12 if legend else 0.0)
    fig = new_page(lay.width, bottom + total + head + 0.08, table.title)
    ax = axes_at(fig, lay.plot[0], bottom, lay.plot[1], total)
    ax.set_ylim(-total, 0)
    ax.spines["left"].set_visible(False)
    ax.yaxis.set_visible(False)
    ends = table.limits or axis_limits([(r.kind, r.mark) for r in table.rows], table.scale, table.reference)
    set_scale(ax, "x", ends, table.scale, lay.plot[1])
    draw_marks(ax, [(r.kind, r.mark, r.share) for r in table.rows], middles, table.scale, round_marks=table.round_marks)
    _lines(ax, table, middles)
    _write_cells(fig, ax, table, lay, middles)
    _write_heads(fig, lay, table, bottom + total)
    _write_under(fig, table, lay, favours, bottom)
    if table.lights:
        bias = [row.bias for row in table.rows]
        draw_lights(fig, table.lights, lay.lights, bias, middles, bottom + total, legend)
    return fig


def _height(row: Row, lines: Sequence[str]) -> float:
    if row.kind == "note":
        return _TIGHT * len(lines) + 0.04
    return ROW + _TIGHT * (len(lines) - 1) + (0.06 if row.kind == "heading" else 0.0)


def _layout(table: Table) -> _Layout:
    columns = [[row.cells[k] if row.cells else "" for row in table.rows] for k in range(len(table.cell_heads))]
    beyond = [[row.right[k] if row.right else "" for row in table.rows] for k in range(len(table.right_heads))]
    heads = [
        [line for text in pair if text for line in wrap(clean(text), _HEAD, SMALL, most=3)]
        for pair in (*table.cell_heads, *table.right_heads)
    ]
    bold = [row.kind == "pooled" for row in table.rows]
    rooms = [
        max(_widest(cells, bold), max((text_width(line, SMALL, bold=True) for line in lines), default=0.0)) + _PAD
        for cells, lines in zip([*columns, *beyond], heads, strict=True)
    ]
    left_room, right_room = sum(rooms[: len(columns)]), sum(rooms[len(columns) :])
    labels = [_wrapped(row, _LABEL + (left_room if row.kind == "note" else 0.0)) for row in table.rows]
    label_room = max(
        (text_width(line, SMALL, bold=r.kind in ("pooled", "heading")) + _INDENT * r.deep + 0.02
         for r, lines in zip(table.rows, labels, strict=True) if r.kind != "note" for line in lines),
        default=0.5,
    )  # fmt: skip
    label_room = max(label_room, text_width(table.head, SMALL, bold=True))
    notes = max((text_width(row.label, SMALL) for row in table.rows if row.kind == "note"), default=0.0)
    label_room = max(label_room, min(notes + _INDENT, _NOTE) - left_room)
    labels = [
        _wrapped(row, label_room + left_room) if row.kind == "note" else lines
        for row, lines in zip(table.rows, labels, strict=True)
    ]
    lights = lights_width(table.lights) if table.lights else 0.0
    fixed = 2 * GAP + label_room + left_room + right_room + lights + 0.22
    width = page_width(fixed + _PLOT)
    plot_left = GAP + label_room + left_room + 0.16
    plot = (plot_left, width - fixed)
    edges = list(GAP + label_room + np.cumsum(rooms[: len(columns)]))
    edges += list(plot_left + plot[1] + 0.02 + np.cumsum(rooms[len(columns) :]))
    every = [wrap(clean(table.head), _LABEL, SMALL, most=2), *heads]
    return _Layout(labels, every, [float(x) for x in edges], plot, width - GAP - lights, width)


def _wrapped(row: Row, room: float) -> list[str]:
    bold = row.kind in ("pooled", "heading")
    text = row.label if row.kind == "note" else clean(row.label)  # notes hold spaces that must not break
    return wrap(text, room - _INDENT * row.deep, SMALL, most=8 if row.kind == "note" else 4, bold=bold)


def _widest(cells: Sequence[str], bold: Sequence[bool]) -> float:
    return max((text_width(text, SMALL, bold=b) for text, b in zip(cells, bold, strict=True)), default=0.0)


def _lines(ax: Axes, table: Table, middles: np.ndarray) -> None:
    """The line over the rows, that of no effect, and that of the pooled effect down to its diamond."""
    ax.axhline(0, color=RULE, linewidth=1.4)
    if math.isfinite(table.scale.null):
        ax.axvline(table.scale.null, color=MUTED, linewidth=0.9, zorder=0.5)
    if math.isfinite(table.reference):
        pooled = [m for row, m in zip(table.rows, middles, strict=True) if row.kind == "pooled"]
        end = float(pooled[-1]) if pooled else ax.get_ylim()[0]
        ax.plot([table.reference] * 2, [end, 0], color=INK, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0.6)


def _write_cells(fig: Figure, ax: Axes, table: Table, lay: _Layout, middles: np.ndarray) -> None:
    place = blended_transform_factory(fig.dpi_scale_trans, ax.transData)
    for row, lines, y in zip(table.rows, lay.labels, middles, strict=True):
        bold, ink = row.kind in ("pooled", "heading"), MUTED if row.kind == "note" else INK
        for k, line in enumerate(lines):
            at = float(y) + _TIGHT * ((len(lines) - 1) / 2 - k)
            x = GAP + (_INDENT if row.deep else 0.0)
            write(fig, x, at, line, transform=place, size=SMALL, bold=bold, middle=True, ink=ink)
        cells = [*(row.cells or [""] * len(table.cell_heads)), *(row.right or [""] * len(table.right_heads))]
        for x, text in zip(lay.centres, cells, strict=True):
            if text:
                write(
                    fig, x, float(y), clean(text), transform=place, size=SMALL, ha="right", middle=True,
                    bold=row.kind == "pooled",
                )  # fmt: skip


def _write_heads(fig: Figure, lay: _Layout, table: Table, top: float) -> None:
    for k, lines in enumerate(lay.heads):
        for i, line in enumerate(reversed(lines)):
            x, ha = (GAP, "left") if k == 0 else (lay.centres[k - 1], "right")
            write(fig, x, top + 0.08 + _TIGHT * i, line, size=SMALL, ha=ha, ink=MUTED, bold=True)


def _favours(table: Table, room: float) -> list[list[str]]:
    if not any(table.favours):
        return []
    signs: tuple[Callable[[str], str], ...] = (lambda t: f"← {t}", lambda t: f"{t} →")
    return [
        wrap(sign(clean(text)), max(room / 2 + 0.3, 1.0), SMALL, most=2) if text else []
        for sign, text in zip(signs, table.favours, strict=True)
    ]


def _write_under(fig: Figure, table: Table, lay: _Layout, favours: Sequence[Sequence[str]], bottom: float) -> None:
    left, width = lay.plot
    y = bottom - 0.3
    for lines, x, ha in zip(favours, (left - 0.1, left + width + 0.1), ("left", "right"), strict=False):
        for k, line in enumerate(lines):
            write(fig, x, y - LINE * (k + 0.45), line, size=SMALL, ha=ha)
    y -= LINE * max((len(lines) for lines in favours), default=0)
    label = wrap(table.scale.label, lay.width - 2 * GAP, SMALL, most=1)[0]
    half = text_width(label, SMALL) / 2
    centre = min(max(left + width / 2, GAP + half), lay.width - GAP - half)
    write(fig, centre, y - LINE * 0.6, label, size=SMALL, ink=MUTED, ha="center")
