"""Curves in one or more panels: trajectories, survival steps, bands, observed points with intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from homing.answers.content import Lines, Message, Panel, Series
from homing.report.figures.legend import Entry, draw_legend, legend_lines
from homing.report.figures.scales import finite, limits, scale_axis
from homing.report.figures.style import (
    GAP,
    LINE,
    MARKERS,
    MUTED,
    RULE,
    SMALL,
    TYPE,
    WIDTH,
    axes_at,
    canvas,
    clean,
    colour,
    text_width,
    wrap,
    write,
)
from homing.report.words import Words

_ALONE = 2.9  # inches, the height of the plot of a single panel
_AMONG = 1.75
_BELOW = 0.45  # tick labels and the x label
#: Distances between ticks of time that a clinician expects, by the label of the axis.
_TIME_STEPS = {
    "head.time-weeks": (1.0, 2.0, 4.0, 12.0, 24.0, 52.0, 104.0, 260.0),
    "head.time-days": (1.0, 7.0, 14.0, 28.0, 84.0, 168.0, 364.0, 728.0),
}


@dataclass(frozen=True)
class _Cell:
    """Where one panel goes, in inches, and its lines of text."""

    panel: Panel
    left: float
    width: float
    title: Sequence[str]
    y_label: Sequence[str]


def draw_lines(figure: Lines, words: Words) -> Figure:
    """The figure, as wide as the page. Two panels stand beside each other; more go on in the next rows."""
    colours = _colours(figure, words)
    entries = _entries(figure, words, colours)
    ends = _end_labels(figure, words) if len(figure.panels) == 1 else {}
    legend = [] if ends or len(entries) == 0 else legend_lines(entries, WIDTH - 2 * GAP)
    columns = 1 if len(figure.panels) == 1 else 2
    tall = _ALONE if columns == 1 else _AMONG
    right = max((text_width(label, SMALL) for label in ends), default=0.0)
    rows = _rows(figure, words, columns, right + (0.2 if ends else 0.0))
    heads = [max(LINE * (len(c.title) + len(c.y_label)) for c in row) + 0.1 for row in rows]
    height = sum(heads) + len(rows) * (tall + _BELOW + GAP) + LINE * len(legend) + GAP
    fig = canvas(height)
    draw_legend(fig, legend, GAP, height - 0.05, WIDTH - 2 * GAP)
    top = height - LINE * len(legend) - GAP
    for row, head in zip(rows, heads, strict=True):
        for cell in row:
            ax = _draw_panel(fig, cell, top, top - head - tall, tall, colours, words)
            _write_end_labels(fig, ax, cell, ends, colours, words)
        top -= head + tall + _BELOW + GAP
    return fig


def describe_lines(figure: Lines, words: Words) -> list[str]:
    """What is shown, for a screen reader: each panel with its curves."""
    shown = []
    for panel in figure.panels:
        curves = "; ".join(dict.fromkeys(words(series.label) for series in panel.series))
        shown.append(f"{words(panel.title)} ({words(panel.y_label)} / {words(panel.x_label)}): {curves}")
    return shown


def _colours(figure: Lines, words: Words) -> Mapping[str, int]:
    """One colour for one label throughout the figure: the one asked for, else the next that nobody has."""
    chosen: dict[str, int] = {}
    labelled = [(clean(words(s.label)), s.colour) for panel in figure.panels for s in panel.series]
    chosen.update({label: wanted for label, wanted in labelled if wanted is not None})
    for label, _ in labelled:
        if label not in chosen:
            taken = set(chosen.values())
            chosen[label] = next(k for k in range(len(labelled) + len(taken) + 1) if k not in taken)
    return chosen


def _entries(figure: Lines, words: Words, colours: Mapping[str, int]) -> list[Entry]:
    entries: dict[tuple[str, str], Entry] = {}
    for panel in figure.panels:
        for s in panel.series:
            label = clean(words(s.label))
            if label:
                mark = s.style if s.style == "points" or s.style == "dashed" else "line"
                k = colours[label]
                band = mark != "points" and s.low is not None
                entry = Entry(label, colour(k), mark, MARKERS[k % len(MARKERS)], band)
                entries.setdefault((label, mark), entry)
    return list(entries.values())


def _end_labels(figure: Lines, words: Words) -> dict[str, float]:
    """Labels at the ends of the curves and their y, where every curve ends at the right edge and there is room."""
    panel = figure.panels[0]
    if not 1 <= len(panel.series) <= 6 or any(s.style == "points" for s in panel.series):
        return {}
    edge = finite([s.x for s in panel.series])
    ends: dict[str, float] = {}
    for s in panel.series:
        good = np.flatnonzero(np.isfinite(s.y) & (np.asarray(s.y) > (0 if panel.y_scale == "log" else -np.inf)))
        label = clean(words(s.label))
        if good.size < 2 or not label or label in ends or s.x[good[-1]] < edge.max() - 0.01 * np.ptp(edge):
            return {}
        if panel.y_range and not panel.y_range[0] <= s.y[good[-1]] <= panel.y_range[1]:
            return {}
        ends[label] = float(s.y[good[-1]])
    return ends if max(text_width(label, SMALL) for label in ends) < 0.3 * WIDTH else {}


def _rows(figure: Lines, words: Words, columns: int, right: float) -> list[list[_Cell]]:
    """The panels in rows, each with room for its tick labels, title and y label."""
    span = (WIDTH - GAP * columns) / columns
    cells = []
    for k, panel in enumerate(figure.panels):
        title = clean(words(panel.title))
        is_caption = len(figure.panels) == 1 and title == clean(words(figure.title))
        margin = _tick_room(panel, words)
        cells.append(
            _Cell(
                panel=panel,
                left=GAP + (k % columns) * (span + GAP) + margin,
                width=span - margin - max(0.15, right),
                title=wrap(title, span - 0.1, TYPE, bold=True) if title and not is_caption else [],
                y_label=wrap(clean(words(panel.y_label)), span - 0.1, SMALL),
            )
        )
    return [cells[k : k + columns] for k in range(0, len(cells), columns)]


def _tick_room(panel: Panel, words: Words) -> float:
    """Inches that the labels of the y ticks need, found on axes that nobody sees."""
    ax = axes_at(canvas(1.0), 0, 0, 1, 1)
    labels = _scale(ax, panel, words, 1.0)
    return max((text_width(label, SMALL) for label in labels), default=0.0) + 0.12


def _scale(ax: Axes, panel: Panel, words: Words, width: float) -> list[str]:
    """Scale both axes of a panel. Returns the labels of the y ticks."""
    x_log, y_log = panel.x_scale == "log", panel.y_scale == "log"
    x = finite([s.x for s in panel.series], log=x_log)
    reference = [] if panel.reference is None else [panel.reference]
    lines = finite([*(s.y for s in panel.series), reference], log=y_log)
    y = finite([lines, *(s.low for s in panel.series), *(s.high for s in panel.series)], log=y_log)
    if y_log and lines.size:  # a band may reach towards zero without end; the curves decide how far down to look
        y = y[y >= lines.min() / 10]
    x_low, x_high = limits(x, log=x_log, margin=0.0) if x.size and np.ptp(x) > 0 else limits(x, log=x_log)
    if any(s.style == "points" for s in panel.series) and not x_log:
        x_low, x_high = x_low - 0.015 * (x_high - x_low), x_high + 0.015 * (x_high - x_low)
    steps = _TIME_STEPS.get(panel.x_label.key, ()) if isinstance(panel.x_label, Message) else ()
    scale_axis(ax, "x", (x_low, x_high), words, log=x_log, room=width, steps=steps)
    ends = limits(y, log=y_log) if panel.y_range is None else panel.y_range
    if panel.y_range and not y_log and ends[1] > 0:  # a curve along the upper end is not to be cut in half
        ends = (ends[0], ends[1] + 0.02 * (ends[1] - ends[0]))
    return scale_axis(ax, "y", ends, words, log=y_log, percent=panel.percent)


def _draw_panel(
    fig: Figure, cell: _Cell, top: float, bottom: float, tall: float, colours: Mapping[str, int], words: Words
) -> Axes:
    ax = axes_at(fig, cell.left, bottom, cell.width, tall)
    panel = cell.panel
    _scale(ax, panel, words, cell.width)
    ax.grid(axis="y", color=RULE, linewidth=0.5)
    ax.set_axisbelow(True)
    if panel.reference is not None:
        ax.axhline(panel.reference, color=MUTED, linewidth=0.9, linestyle=(0, (2, 2)))
    for s in panel.series:
        _draw_series(ax, s, colours[clean(words(s.label))])
    if finite([s.y for s in panel.series]).size == 0:
        write(fig, 0.5, 0.5, words.key("figure.no-data"), transform=ax.transAxes, ink=MUTED, ha="center")
    x = cell.left - _tick_room(panel, words)
    for k, line in enumerate(cell.title):
        write(fig, x, top - LINE * (k + 1) + 0.03, line, bold=True)
    for k, line in enumerate(cell.y_label):
        write(fig, x, top - LINE * (len(cell.title) + k + 1) + 0.03, line, size=SMALL, ink=MUTED)
    label = wrap(clean(words(panel.x_label)), cell.width, SMALL, most=1)[0]
    write(fig, cell.left + cell.width / 2, bottom - 0.36, label, size=SMALL, ink=MUTED, ha="center")
    return ax


def _draw_series(ax: Axes, s: Series, position: int) -> None:
    ink = colour(position)
    if s.style == "points":
        marker = MARKERS[position % len(MARKERS)]
        if s.low is not None and s.high is not None:
            ax.vlines(s.x, s.low, s.high, color=ink, linewidth=1.1)
        ax.plot(s.x, s.y, marker, color=ink, markersize=5, markeredgecolor="white", markeredgewidth=0.6)
        return
    if s.low is not None and s.high is not None:
        ax.fill_between(
            s.x, s.low, s.high, step="post" if s.style == "step" else None, color=ink, alpha=0.15, linewidth=0
        )
    draw_style = "steps-post" if s.style == "step" else "default"
    dashes = (0, (4, 2)) if s.style == "dashed" else "-"
    is_point = int(np.isfinite(s.y).sum()) == 1
    ax.plot(s.x, s.y, color=ink, linewidth=1.6, drawstyle=draw_style, linestyle=dashes, marker="o" if is_point else "")


def _write_end_labels(
    fig: Figure, ax: Axes, cell: _Cell, ends: Mapping[str, float], colours: Mapping[str, int], words: Words
) -> None:
    """The labels right of the axes, moved apart where curves end close together, with a thin line to their curve."""
    if not ends:
        return
    inches = fig.dpi_scale_trans.inverted()
    wanted = {label: float(inches.transform(ax.transData.transform((1.0, y)))[1]) for label, y in ends.items()}
    placed = _apart(wanted, LINE * 0.85)
    edge = cell.left + cell.width
    for label, y in placed.items():
        ink = colour(colours[label])
        line = ax.plot([edge + 0.02, edge + 0.13], [wanted[label], y], color=ink, linewidth=0.7, clip_on=False)[0]
        line.set_transform(fig.dpi_scale_trans)
        write(fig, edge + 0.16, y, label, size=SMALL, ink=ink, middle=True)


def _apart(wanted: Mapping[str, float], least: float) -> dict[str, float]:
    """Heights at least so far apart, in the same order and as near to those wanted as neighbours allow."""
    order = sorted(wanted, key=lambda label: wanted[label])
    groups: list[tuple[list[str], float]] = []  # labels that touch, and the height of their middle
    for label in order:
        groups.append(([label], wanted[label]))
        while len(groups) > 1:
            (below, low), (above, high) = groups[-2:]
            if high - low >= least * (len(below) + len(above)) / 2 - 1e-9:
                break
            both = below + above
            groups[-2:] = [(both, float(np.mean([wanted[each] for each in both])))]
    return {
        label: middle + least * (k - (len(labels) - 1) / 2)
        for labels, middle in groups
        for k, label in enumerate(labels)
    }
