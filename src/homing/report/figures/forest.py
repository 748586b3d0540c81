"""Forest plot: studies with their weights, pooled effect, prediction interval and simulated trials."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.transforms import blended_transform_factory
from numpy.typing import NDArray

from homing.answers.content import Forest, ForestRow
from homing.ground.errors import WiringError
from homing.report.figures.scales import finite, scale_axis
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
from homing.report.numbers import fixed, significant
from homing.report.words import Words

_ROW = 0.23  # inches
_PLOT = 2.25  # the least width of the plot, unless the numbers beside it need the place
_LABEL = (1.3, 2.3)  # the width of the labels lies between
_DETAIL = 1.4  # at most so wide
_BELOW = 0.5
_STUDY, _POOLED, _SIMULATED = PALETTE[0], "#1d2730", PALETTE[1]


@dataclass(frozen=True)
class _Columns:
    """The texts beside the plot, a list of lines per row, and where the plot stands, in inches."""

    labels: Sequence[Sequence[str]]
    details: Sequence[str]
    weights: Sequence[str]
    printed: Sequence[str]
    left: float
    width: float
    weight_room: float


def draw_forest(figure: Forest, words: Words) -> Figure:
    """The figure. With `log` the estimates are ratios on a logarithmic axis and `null` is the ratio of no effect.

    Raises: WiringError for a logarithmic axis with a null that is not positive.
    """
    if figure.log and figure.null <= 0:
        title = words(figure.title)
        raise WiringError("a logarithmic forest plot shows ratios; its null is 1, not 0.", f"forest '{title}'")
    columns = _columns(figure, words)
    tall = np.array([_ROW + LINE * 0.8 * (len(lines) - 1) for lines in columns.labels])
    middles = -(np.cumsum(tall) - tall / 2)
    total = float(tall.sum()) or _ROW
    fig = canvas(total + LINE + 0.1 + _BELOW)
    ax = axes_at(fig, columns.left, _BELOW, columns.width, total)
    ax.set_ylim(-total, 0)
    ax.spines["left"].set_visible(False)
    ax.yaxis.set_visible(False)
    _scale(ax, figure, words, columns.width)
    ax.axhline(0, color=RULE, linewidth=1.4)
    ax.axvline(figure.null, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)), zorder=0.5)
    _draw_rows(ax, figure, middles)
    if not figure.rows:
        write(fig, 0.5, 0.4, words.key("figure.no-data"), transform=ax.transAxes, ink=MUTED, ha="center")
    _write_columns(fig, ax, columns, figure, middles, words)
    label = wrap(clean(words(figure.x_label)), WIDTH - 2 * GAP, SMALL, most=1)[0]
    half = text_width(label, SMALL) / 2
    centre = min(max(columns.left + columns.width / 2, GAP + half), WIDTH - GAP - half)
    write(fig, centre, 0.12, label, size=SMALL, ink=MUTED, ha="center")
    return fig


def _columns(figure: Forest, words: Words) -> _Columns:
    """Word the columns and share the width of the page between them and the plot."""
    printed = [_printed(row, figure, words) for row in figure.rows]
    details = [wrap(clean(row.detail), _DETAIL, SMALL, most=1)[0] for row in figure.rows]
    weights = [words.percent(row.weight) if math.isfinite(row.weight) else "" for row in figure.rows]
    study, detail, weight, interval = _heads(words)
    detail_room = _widest([*details, detail]) + 0.15 if any(details) else 0.0
    weight_room = _widest([*weights, weight]) + 0.15 if any(weights) else 0.0
    pooled = [text for text, row in zip(printed, figure.rows, strict=True) if row.kind == "pooled"]
    interval_room = max(_widest([*printed, interval]), _widest(pooled, bold=True)) + 0.1
    taken = detail_room + weight_room + interval_room + 2 * GAP + 0.3
    label_limit = min(max(WIDTH - taken - _PLOT, _LABEL[0]), _LABEL[1])
    labels = [
        wrap(clean(words(row.label)), label_limit, SMALL, most=3, bold=row.kind == "pooled") for row in figure.rows
    ]
    bold = [line for lines, row in zip(labels, figure.rows, strict=True) if row.kind == "pooled" for line in lines]
    label_room = max(_widest([study, *(line for lines in labels for line in lines)]), _widest(bold, bold=True))
    left = GAP + label_room + detail_room + 0.2
    width = WIDTH - left - weight_room - interval_room - GAP - 0.1
    return _Columns(labels, details, weights, printed, left, width, weight_room)


def _heads(words: Words) -> list[str]:
    return [words.key(f"figure.{key}") for key in ("study", "detail", "weight", "interval")]


def _write_columns(
    fig: Figure, ax: Axes, columns: _Columns, figure: Forest, middles: NDArray[np.float64], words: Words
) -> None:
    place = blended_transform_factory(fig.dpi_scale_trans, ax.transData)
    right = columns.left + columns.width
    sides: tuple[tuple[float, str, Sequence[Sequence[str]]], ...] = (
        (GAP, "left", columns.labels),
        (columns.left - 0.15, "right", [[text] for text in columns.details]),
        (right + columns.weight_room + 0.02, "right", [[text] for text in columns.weights]),
        (WIDTH - GAP, "right", [[text] for text in columns.printed]),
    )
    for (x, ha, cells), head in zip(sides, _heads(words), strict=True):
        if any(cell[0] for cell in cells):
            write(fig, x, 0.08, head, transform=place, size=SMALL, ink=MUTED, ha=ha)
        for cell, y, row in zip(cells, middles, figure.rows, strict=True):
            bold = row.kind == "pooled"
            for k, line in enumerate(cell):
                at = float(y) + LINE * 0.8 * ((len(cell) - 1) / 2 - k)
                write(fig, x, at, line, transform=place, size=SMALL, ha=ha, bold=bold, middle=True)


def describe_forest(figure: Forest, words: Words) -> list[str]:
    """What is shown, for a screen reader: each row with its numbers."""
    return [f"{words(row.label)}: {_printed(row, figure, words)}" for row in figure.rows]


def _widest(texts: Sequence[str], *, bold: bool = False) -> float:
    return max((text_width(text, SMALL, bold=bold) for text in texts), default=0.0)


def _printed(row: ForestRow, figure: Forest, words: Words) -> str:
    """'15.2 (0.2 to 30.3)': points of per cent, ratios with two decimals, else three digits."""
    form: Callable[[float], str]
    if figure.percent:
        form = lambda x: fixed(100 * x, 1)  # noqa: E731
    elif figure.log:
        form = lambda x: fixed(x, 2) if x < 100 else significant(x)  # noqa: E731
    else:
        form = significant
    shown = [form(x) if math.isfinite(x) else words.number(x) for x in (row.estimate, row.low, row.high)]
    if row.kind == "prediction" or math.isnan(row.estimate):
        return words.key("number.range", low=shown[1], high=shown[2]) if math.isfinite(row.low) else shown[0]
    if math.isnan(row.low) and math.isnan(row.high):
        return shown[0]
    return words.key("number.interval", value=shown[0], low=shown[1], high=shown[2])


def _scale(ax: Axes, figure: Forest, words: Words, width: float) -> None:
    """Limits that hold every estimate and all intervals but the ones that would dwarf the rest."""
    log = figure.log
    forward = np.log10 if log else np.asarray
    estimates = forward(finite([[r.estimate for r in figure.rows], [figure.null]], log=log))
    ends = forward(finite([[r.low for r in figure.rows], [r.high for r in figure.rows]], log=log))
    widths = [float(forward(r.high) - forward(r.low)) for r in figure.rows if _has_interval(r, log)]
    room = 1.4 * float(np.median(widths)) if widths else float(np.ptp(estimates)) or 1.0
    low = max(float(np.min([*ends, *estimates])), float(estimates.min()) - room)
    high = min(float(np.max([*ends, *estimates])), float(estimates.max()) + room)
    pad = 0.04 * (high - low) or 0.5
    low, high = low - pad, high + pad
    if log:
        low, high = 10**low, 10**high
    scale_axis(ax, "x", (low, high), words, log=log, percent=figure.percent, room=width)


def _has_interval(row: ForestRow, log: bool) -> bool:
    return math.isfinite(row.low) and math.isfinite(row.high) and (not log or row.low > 0)


def _draw_rows(ax: Axes, figure: Forest, middles: NDArray[np.float64]) -> None:
    weights = [row.weight for row in figure.rows if math.isfinite(row.weight)]
    heaviest = max(weights, default=1.0) or 1.0
    for row, y in zip(figure.rows, middles, strict=True):
        if row.kind == "pooled" and _has_interval(row, figure.log):
            _diamond(ax, row, y)
            continue
        ink = {"study": _STUDY, "simulated": _SIMULATED}.get(row.kind, _POOLED)
        _interval(ax, row, y, ink, heavy=row.kind == "prediction", log=figure.log)
        if row.kind == "prediction" or not math.isfinite(row.estimate):
            continue
        if row.kind == "simulated":
            ax.plot(row.estimate, y, "o", color=ink, markersize=6, markerfacecolor="white", markeredgewidth=1.4)
        else:  # the area of a square is the weight of its study
            share = row.weight / heaviest if math.isfinite(row.weight) else 0.4
            ax.plot(row.estimate, y, "s", color=ink, markersize=max(2.5, 9.0 * math.sqrt(share)), markeredgewidth=0)


def _interval(ax: Axes, row: ForestRow, y: float, ink: str, *, heavy: bool, log: bool) -> None:
    """The line of an interval, with an arrow at an end that lies outside the axes."""
    if math.isnan(row.low) or math.isnan(row.high):
        return
    left, right = ax.get_xlim()
    low = max(row.low, left) if not log or row.low > 0 else left
    high = min(row.high, right)
    ax.hlines(y, low, high, color=ink, linewidth=2.6 if heavy else 1.2)
    for end, edge, arrow in ((row.low, left, "<"), (row.high, right, ">")):
        if (end < edge) if arrow == "<" else (end > edge):
            ax.plot(edge, y, arrow, color=ink, markersize=5, markeredgewidth=0, clip_on=False)


def _diamond(ax: Axes, row: ForestRow, y: float) -> None:
    half = _ROW * 0.3
    corners = [(row.low, y), (row.estimate, y + half), (row.high, y), (row.estimate, y - half)]
    ax.add_patch(Polygon(corners, closed=True, facecolor=_POOLED, edgecolor="none"))
