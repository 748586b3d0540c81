"""Draw any figure: the way in to the drawings of this folder."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib import figure as mpl

from homing.answers.content import Bars, Dots, Figure, Forest, Heat, Lines, Scatter, Spans, Tornado
from homing.report.figures.bars import describe_bars, draw_bars
from homing.report.figures.dots import describe_dots, draw_dots
from homing.report.figures.forest import describe_forest, draw_forest
from homing.report.figures.heat import describe_heat, draw_heat
from homing.report.figures.lines import describe_lines, draw_lines
from homing.report.figures.scatter import describe_scatter, draw_scatter
from homing.report.figures.spans import describe_spans, draw_spans
from homing.report.figures.style import clean
from homing.report.figures.svg import drawing, to_png, to_svg
from homing.report.figures.tornado import describe_tornado, draw_tornado
from homing.report.files import write_whole
from homing.report.words import Words

_KINDS: dict[type, tuple[Callable[[Any, Words], mpl.Figure], Callable[[Any, Words], list[str]]]] = {
    Lines: (draw_lines, describe_lines),
    Forest: (draw_forest, describe_forest),
    Dots: (draw_dots, describe_dots),
    Spans: (draw_spans, describe_spans),
    Bars: (draw_bars, describe_bars),
    Tornado: (draw_tornado, describe_tornado),
    Scatter: (draw_scatter, describe_scatter),
    Heat: (draw_heat, describe_heat),
}


def draw(figure: Figure, words: Words, *, name: str = "") -> str:
    """The figure as an `<svg>` element, without its title and note: they are for the caption.

    The same figure gives the same text. Ids in it start with `name` (or with a hash of the drawing), so that many
    figures can stand in one page. A screen reader finds the title, the note and the numbers or curves shown.
    """
    make, describe = _KINDS[type(figure)]
    title = clean(words(figure.title))
    content = words.key("figure.aria", title=title, content="; ".join(describe(figure, words)))
    description = words.sentences(words(figure.note) if figure.note else "", content)
    with drawing():
        return to_svg(make(figure, words), title=title, description=clean(description), name=name)


def draw_png(figure: Figure, words: Words, path: Path | str) -> Path:
    """The figure with its title as a PNG file. Returns its path.

    Raises: StudyError naming the file when it can't be written.
    """
    make, _ = _KINDS[type(figure)]
    with drawing(picture=True):
        picture = make(figure, words)
        title = clean(words(figure.title))
        return write_whole(Path(path), lambda file: to_png(picture, file, title=title))
