"""Maps of rows and columns as small multiples, coloured on one logarithmic scale."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from homing.answers.content import Heat, HeatPanel
from homing.report.figures.style import GAP, INK, LINE, MUTED, SMALL, WIDTH, canvas, clean, text_width, wrap, write
from homing.report.words import Words

_CELL, _HEAD, _FOOT, _KEY = 0.19, 0.5, 0.55, 0.42
#: From pale to dark, readable without colour: lightness falls all the way.
_COLOURS = LinearSegmentedColormap.from_list("cells", ["#eef3f6", "#b9d6e6", "#5aa5cf", "#0072b2", "#08306b"])


def draw_heat(figure: Heat, words: Words) -> Figure:
    """The maps, two in a row, the names of rows on the left, those of columns below, the scale at the bottom."""
    columns = 1 if len(figure.panels) == 1 else 2
    rows = math.ceil(len(figure.panels) / columns)
    tall = _CELL * len(figure.rows)
    height = rows * (_HEAD + tall + _FOOT) + _KEY + GAP
    fig = canvas(height)
    left = max((text_width(clean(words(row)), SMALL) for row in figure.rows), default=0.0) + 0.15
    cell = (WIDTH - 2 * GAP) / columns
    for k, panel in enumerate(figure.panels):
        row, column = divmod(k, columns)
        top = height - row * (_HEAD + tall + _FOOT) - _HEAD
        _draw_map(fig, figure, panel, words, GAP + column * cell, left, top, cell)
    _draw_scale(fig, figure, words)
    return fig


def describe_heat(figure: Heat, words: Words) -> list[str]:
    """What is shown, for a screen reader: of each map the column in which each row is highest."""
    shown = []
    for panel in figure.panels:
        for row, values in zip(figure.rows, panel.values, strict=True):
            seen = np.nan_to_num(values)
            if seen.max() >= figure.least:
                at = int(seen.argmax())
                most = words.percent(float(seen[at]))
                shown.append(f"{words(panel.title)}: {words(row)}: {most}, {words(figure.columns[at])}")
    return shown


def _shade(value: float, least: float) -> tuple[float, float, float, float] | None:
    if not math.isfinite(value) or value < least:
        return None
    return _COLOURS(min(max(1 - math.log(value) / math.log(least), 0.0), 1.0))


def _draw_map(
    fig: Figure, figure: Heat, panel: HeatPanel, words: Words, x0: float, left: float, top: float, width: float
) -> None:
    lines = wrap(clean(words(panel.title)), width - GAP, most=2, bold=True)
    for k, line in enumerate(reversed(lines)):
        write(fig, x0, top + 0.08 + k * LINE, line, bold=True)
    across = (width - left - 0.15) / max(len(figure.columns), 1)
    for r, row in enumerate(figure.rows):
        y = top - (r + 1) * _CELL
        write(fig, x0 + left - 0.07, y + _CELL / 2, clean(words(row)), size=SMALL, ha="right", middle=True)
        for c in range(len(figure.columns)):
            shade = _shade(float(panel.values[r, c]), figure.least)
            box = Rectangle((x0 + left + c * across, y), across - 0.015, _CELL - 0.015, transform=fig.dpi_scale_trans)
            box.set(facecolor=shade or "white", edgecolor="#dfe4e8", linewidth=0.0 if shade else 0.5)
            fig.add_artist(box)
    bottom = top - len(figure.rows) * _CELL
    for c, column in enumerate(figure.columns):
        x = x0 + left + (c + 0.5) * across
        fig.text(
            x,
            bottom - 0.05,
            clean(words(column)),
            transform=fig.dpi_scale_trans,
            size=SMALL - 1,
            color=MUTED,
            ha="right",
            va="top",
            rotation=40,
            rotation_mode="anchor",
            parse_math=False,
        )


def _draw_scale(fig: Figure, figure: Heat, words: Words) -> None:
    label = clean(words(figure.scale_label))
    write(fig, GAP, 0.22, label, size=SMALL)
    start = GAP + text_width(label, SMALL) + 0.2
    decades = round(-math.log10(figure.least))
    step = min(0.5, (WIDTH - start - 0.5) / (decades + 1))
    for k in range(decades + 1):
        value = figure.least * 10.0**k
        box = Rectangle((start + k * step, 0.2), step, 0.14, transform=fig.dpi_scale_trans)
        box.set(facecolor=_shade(value, figure.least), edgecolor="none")
        fig.add_artist(box)
        shown = words.percent(value, max(0, -math.floor(math.log10(100 * value) + 1e-9)))
        if k % 2 == decades % 2:
            write(fig, start + (k + 0.5) * step, 0.06, shown, size=SMALL - 1, ink=INK, ha="center")
