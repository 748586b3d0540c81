"""Nested predictive intervals with what came: one row a prediction, the point marked by the interval that holds it."""

from __future__ import annotations

from matplotlib.figure import Figure

from homing.answers.content import Spans
from homing.report.figures.legend import Entry
from homing.report.figures.rows import row_frame, write_beside
from homing.report.figures.scales import finite, limits, scale_axis
from homing.report.figures.style import INK, MUTED, PALETTE, SMALL, clean, text_width
from homing.report.numbers import fixed, significant
from homing.report.words import Words

_ROW = 0.24
#: Height of an interval's bar in inches, and how dark it is, from the narrowest to the widest.
_BARS = ((6.0, 1.0), (3.4, 0.7), (1.3, 0.55))
_PREDICTED = PALETTE[5]
#: Colour and marker of what was seen: within all but the widest interval, within the widest only, outside.
_HELD, _WIDEST_ONLY, _OUTSIDE = (INK, "o"), (PALETTE[4], "s"), (PALETTE[1], "D")


def draw_spans(figure: Spans, words: Words) -> Figure:
    """The figure. What was seen is printed beside the axes."""
    beside = [_number(float(x), figure, words) for x in figure.seen]
    right = max((text_width(text, SMALL) for text in beside), default=0.0) + 0.15
    frame = row_frame(
        [clean(words(label)) for label in figure.categories],
        _ROW,
        entries=_entries(figure, words),
        x_label=clean(words(figure.x_label)),
        right=right,
    )
    reference = [] if figure.reference is None else [figure.reference]
    ends = limits(finite([figure.intervals, figure.seen, reference]), log=False)
    if figure.percent and ends[0] == 0:  # a point at nothing is not to be cut in half
        ends = (-0.02 * ends[1], ends[1])
    scale_axis(frame.ax, "x", ends, words, percent=figure.percent, room=frame.width)
    if figure.reference is not None:
        frame.ax.axvline(figure.reference, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))
    for k, (width, alpha) in reversed(list(enumerate(_BARS[: len(figure.levels)]))):
        low, high = figure.intervals[:, k, 0], figure.intervals[:, k, 1]
        frame.ax.hlines(frame.middles, low, high, color=_PREDICTED, linewidth=width, alpha=alpha, capstyle="butt")
    for y, x, (ink, marker), text in zip(frame.middles, figure.seen, _marks(figure), beside, strict=True):
        frame.ax.plot(x, y, marker, color=ink, markersize=5.5, markeredgecolor="white", markeredgewidth=0.7, zorder=3)
        write_beside(frame, float(y), text, ink=ink if marker == _OUTSIDE[1] else INK)
    return frame.fig


def describe_spans(figure: Spans, words: Words) -> list[str]:
    """What is shown, for a screen reader: what was seen and the widest interval of each row."""
    shown = []
    for name, x, ends in zip(figure.categories, figure.seen, figure.intervals, strict=True):
        low, high = (_number(float(end), figure, words) for end in ends[-1])
        shown.append(
            f"{words(name)}: {words.key('number.interval', value=_number(float(x), figure, words), low=low, high=high)}"
        )
    return shown


def _marks(figure: Spans) -> list[tuple[str, str]]:
    found = []
    for x, ends in zip(figure.seen, figure.intervals, strict=True):
        held = [bool(low <= x <= high) for low, high in ends]
        found.append(_OUTSIDE if not held[-1] else _WIDEST_ONLY if not all(held[-2:]) else _HELD)
    return found


def _entries(figure: Spans, words: Words) -> list[Entry]:
    levels = [words.percent(level, 0) for level in figure.levels]
    bands = words.key("figure.predicted", levels=" / ".join(levels))
    marks = (
        (_HELD, words.key("figure.held", level=levels[-2])),
        (_WIDEST_ONLY, words.key("figure.held-widest", level=levels[-1])),
        (_OUTSIDE, words.key("figure.outside")),
    )
    used = _marks(figure)
    return [
        Entry(bands, _PREDICTED, "block"),
        *(Entry(label, ink, "points", marker) for (ink, marker), label in marks if (ink, marker) in used),
    ]


def _number(x: float, figure: Spans, words: Words) -> str:
    if figure.reference is not None:  # a difference, in the unit of the axis
        return fixed(x, 1, signed=True)
    return words.key("number.percent", number=fixed(100 * x, 1)) if figure.percent else significant(x)
