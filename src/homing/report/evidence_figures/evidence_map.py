"""Evidence map: where there is evidence, endpoints down and treatments across, controlled and uncontrolled apart."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle, Rectangle

from homing.ground.errors import StudyError
from homing.report.evidence_figures.data import MapCell, numbers
from homing.report.evidence_figures.page import (
    BLUE,
    Item,
    Written,
    draw_legend,
    legend_rows,
    new_page,
    page_width,
    save,
)
from homing.report.evidence_figures.texts import Texts
from homing.report.figures.style import GAP, INK, LINE, RULE, SMALL, WIDTH, clean, text_width, wrap, write

_LARGEST, _SMALLEST = 0.21, 0.085  # inches, half the height of a mark
_COLUMN, _NARROW = 0.98, 0.56
_MOST_WIDE = 5  # columns whose heads lie; more stand upright
_LABEL = 2.1
_TIGHT = LINE * 0.8
_UPRIGHT = 1.7


def evidence_map(
    cells: Sequence[MapCell],
    stem: Path | str,
    *,
    endpoints: Sequence[str] = (),
    treatments: Sequence[str] = (),
    language: str = "en",
    title: str = "",
) -> Written:
    """Draw how much evidence there is on each endpoint of each treatment.

    A filled circle is controlled evidence, a hollow square uncontrolled; areas are as patients, the number inside
    counts studies. Arguments: `endpoints` and `treatments` order rows and columns, and may name ones without evidence.
    Raises: StudyError for nothing to draw, a cell given twice, studies or patients below 1.
    """
    texts = Texts(language)
    if not cells:
        raise StudyError("there is no evidence to map; give one cell at least.")
    numbers("patients", [c.patients for c in cells], positive=True)
    keys = [(c.endpoint, c.treatment, c.controlled) for c in cells]
    for cell, key in zip(cells, keys, strict=True):
        if cell.studies < 1 or keys.count(key) > 1:
            raise StudyError("a cell has one study at least and is given once.", f"{cell.endpoint} / {cell.treatment}")
    rows = list(dict.fromkeys([*endpoints, *(c.endpoint for c in cells)]))
    columns = list(dict.fromkeys([*treatments, *(c.treatment for c in cells)]))

    def draw() -> Figure:
        return _draw(cells, rows, columns, texts, title)

    return save(draw, stem, texts, title=title or texts("controlled"))


def _draw(
    cells: Sequence[MapCell], rows: Sequence[str], columns: Sequence[str], texts: Texts, title: str
) -> Figure:  # fmt: skip
    both = {(c.endpoint, c.treatment) for c in cells if c.controlled} & {
        (c.endpoint, c.treatment) for c in cells if not c.controlled
    }
    labels = [wrap(clean(row), _LABEL, SMALL, most=3) for row in rows]
    label = max(text_width(line, SMALL) for lines in labels for line in lines) + 0.14
    upright = len(columns) > _MOST_WIDE and not _fit(columns, (WIDTH - 2 * GAP - label) / len(columns) - 0.08)
    step = (_NARROW if upright else _COLUMN) + (0.22 if both and upright else 0.0)
    step = step if upright or len(columns) <= _MOST_WIDE else _NARROW
    width = page_width(2 * GAP + label + step * len(columns))
    step = max(step, min((width - 2 * GAP - label) / len(columns), 1.9))
    heads = [
        wrap(clean(c), _UPRIGHT if upright else step - 0.08, SMALL, most=2 if upright else 4, bold=True)
        for c in columns
    ]
    tall = _head_height(heads, upright)
    items = [
        *([Item(texts("controlled"), "o", BLUE)] if any(c.controlled for c in cells) else []),
        *([Item(texts("uncontrolled"), "s", INK, hollow=True)] if not all(c.controlled for c in cells) else []),
    ]
    legend = legend_rows([*items, _sizes(cells, texts)], width - 2 * GAP)
    heights = [max(2 * _LARGEST + 0.06, _TIGHT * len(lines) + 0.08) for lines in labels]
    body = sum(heights)
    page = body + tall + LINE * len(legend) + 0.3
    fig = new_page(width, page, title)
    draw_legend(fig, legend, GAP, page - 0.06)
    left, y = GAP + label, 0.1 + body
    _heads(fig, heads, left, step, y, upright)
    _grid(fig, left, step, len(columns), y, heights)
    most, largest = max(c.patients for c in cells), min(_LARGEST, step / (4 if both else 2) - 0.035)
    for row, lines, height in zip(rows, labels, heights, strict=True):
        middle = y - height / 2
        for k, line in enumerate(lines):
            write(fig, GAP, middle + _TIGHT * ((len(lines) - 1) / 2 - k), line, size=SMALL, middle=True)
        for cell in (c for c in cells if c.endpoint == row):
            x = left + step * (columns.index(cell.treatment) + 0.5)
            if (cell.endpoint, cell.treatment) in both:
                x += step * (-0.25 if cell.controlled else 0.25)
            _mark(fig, x, middle, cell, largest * math.sqrt(cell.patients / most))
        y -= height
    return fig


def _fit(columns: Sequence[str], width: float) -> bool:
    """Whether heads lying down find room in columns so wide."""
    if width < _NARROW:
        return False
    lines = [wrap(clean(column), width, SMALL, most=9, bold=True) for column in columns]
    return all(len(each) <= 3 and not any(line.endswith("…") for line in each) for each in lines)


def _sizes(cells: Sequence[MapCell], texts: Texts) -> Item:
    return Item(texts("at-most", n=texts.words.value(round(max(c.patients for c in cells)))), "")


def _head_height(heads: Sequence[Sequence[str]], upright: bool) -> float:
    if upright:
        return max(text_width(line, SMALL, bold=True) for lines in heads for line in lines) + 0.14
    return _TIGHT * max(len(lines) for lines in heads) + 0.1


def _heads(fig: Figure, heads: Sequence[Sequence[str]], left: float, step: float, bottom: float, upright: bool) -> None:
    for k, lines in enumerate(heads):
        middle = left + step * (k + 0.5)
        for i, line in enumerate(lines):
            if not upright:
                at = bottom + 0.08 + _TIGHT * (len(lines) - 1 - i)
                write(fig, middle, at, line, size=SMALL, ha="center", bold=True)
                continue
            x = middle + 0.04 + _TIGHT * (i - (len(lines) - 1) / 2)
            fig.text(
                x, bottom + 0.08, line, transform=fig.dpi_scale_trans, size=SMALL, color=INK, rotation=90,
                rotation_mode="anchor", ha="left", va="baseline", weight="bold", parse_math=False,
            )  # fmt: skip


def _grid(fig: Figure, left: float, step: float, columns: int, top: float, heights: Sequence[float]) -> None:
    right, bottom = left + step * columns, top - sum(heights)
    y = top
    for height in (0.0, *heights):
        y -= height
        fig.add_artist(Line2D([GAP, right], [y, y], transform=fig.dpi_scale_trans, color=RULE, lw=0.7, zorder=0.5))
    for k in range(columns + 1):
        x = left + step * k
        fig.add_artist(Line2D([x, x], [bottom, top], transform=fig.dpi_scale_trans, color=RULE, lw=0.7, zorder=0.5))


def _mark(fig: Figure, x: float, y: float, cell: MapCell, radius: float) -> None:
    """A circle or a square of equal area for equal patients, never too small for its number."""
    radius = max(radius, _SMALLEST)
    shape: Circle | Rectangle
    if cell.controlled:
        shape = Circle((x, y), radius, transform=fig.dpi_scale_trans, facecolor=BLUE, edgecolor=INK)
    else:
        half = radius * math.sqrt(math.pi) / 2
        shape = Rectangle(
            (x - half, y - half), 2 * half, 2 * half, transform=fig.dpi_scale_trans, facecolor="white", edgecolor=INK
        )
    shape.set(linewidth=0.9, zorder=2)
    fig.add_artist(shape)
    write(
        fig, x, y, str(cell.studies), size=SMALL - 1, ha="center", middle=True, bold=True,
        ink="white" if cell.controlled else INK,
    )  # fmt: skip
