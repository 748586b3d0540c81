"""Tornado: how far the answer moves between the ends of each parameter's range, the widest first."""

from __future__ import annotations

import math

import numpy as np
from matplotlib.figure import Figure

from homing.answers.content import Tornado
from homing.report.figures.legend import Entry
from homing.report.figures.printed import plain
from homing.report.figures.rows import row_frame, write_beside
from homing.report.figures.scales import finite, limits, scale_axis
from homing.report.figures.style import INK, MUTED, PALETTE, SMALL, clean, text_width
from homing.report.words import Words

_BAR = 0.15  # inches
_LOW, _HIGH = PALETTE[5], PALETTE[1]


def draw_tornado(figure: Tornado, words: Words) -> Figure:
    """The figure; rows are sorted by how far the answer moves, and rows without a result come last."""
    order = _order(figure)
    texts = [_printed(figure, k, words) for k in order]
    entries = [
        Entry(words.key("figure.low-end"), _LOW, "block"),
        Entry(words.key("figure.high-end"), _HIGH, "block"),
        Entry(words.key("figure.at-centre", value=_one(figure.centre, figure.percent, words)), MUTED, "dashed"),
    ]
    frame = row_frame(
        [clean(words(figure.labels[k])) for k in order],
        0.24,
        entries=entries,
        x_label=clean(words(figure.x_label)),
        right=max((text_width(text, SMALL) for text in texts), default=0.0) + 0.15,
    )
    low, high = limits(finite([figure.low, figure.high, [figure.centre]]), log=False)
    scale_axis(frame.ax, "x", (low, high), words, log=False, percent=figure.percent, room=frame.width)
    for k, y, text in zip(order, frame.middles, texts, strict=True):
        ends = ((figure.low[k], _LOW), (figure.high[k], _HIGH))
        is_one_sided = all(math.isfinite(x) for x, _ in ends) and _same_side(figure, k)
        if is_one_sided:  # the longer bar first, or it would hide the shorter one
            ends = tuple(sorted(ends, key=lambda end: -abs(end[0] - figure.centre)))  # type: ignore[assignment]
        for end, ink in ends:
            if math.isfinite(end):
                frame.ax.barh(y, end - figure.centre, _BAR, left=figure.centre, color=ink, linewidth=0)
        write_beside(frame, float(y), text, ink=INK if math.isfinite(_span(figure, k)) else MUTED)
    frame.ax.axvline(figure.centre, color=MUTED, linewidth=0.9, linestyle=(0, (4, 2)))
    return frame.fig


def describe_tornado(figure: Tornado, words: Words) -> list[str]:
    """What is shown, for a screen reader: each parameter with the answers at both ends."""
    return [f"{words(figure.labels[k])}: {_printed(figure, k, words)}" for k in _order(figure)]


def _span(figure: Tornado, k: int) -> float:
    return abs(float(figure.high[k]) - float(figure.low[k]))


def _order(figure: Tornado) -> list[int]:
    spans = np.array([_span(figure, k) for k in range(len(figure.labels))])
    return [int(k) for k in np.argsort(-np.where(np.isfinite(spans), spans, -1.0), kind="stable")]


def _same_side(figure: Tornado, k: int) -> bool:
    return bool((figure.low[k] - figure.centre) * (figure.high[k] - figure.centre) > 0)


def _printed(figure: Tornado, k: int, words: Words) -> str:
    ends = [_one(float(x), figure.percent, words) for x in (figure.low[k], figure.high[k])]
    return words.key("number.range", low=ends[0], high=ends[1])


def _one(x: float, percent: bool, words: Words) -> str:
    return words.percent(x) if percent else plain(x, words)
