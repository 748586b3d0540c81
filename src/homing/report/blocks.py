"""Blocks of an answer made ready for the page: texts worded, figures drawn, everything numbered."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from numbers import Real
from typing import Literal

from markupsafe import Markup

from homing.answers.content import Block, Estimate, Figure, Finding, Message, Table
from homing.ground.errors import WiringError
from homing.report.document import THIS_RUN
from homing.report.words import Words

_TOGETHER = re.compile(r"(?<=\d) (?=%|至 )|(?<=\d 至) (?=[\d+−])")


@dataclass
class Numbering:
    """Counts the tables and figures of one chapter. `place` starts the ids of its figures ('c3')."""

    chapter: int
    place: str
    counts: dict[str, int] = field(default_factory=dict)

    def next(self, kind: Literal["figure", "table"]) -> int:
        """The next number of its kind."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        return self.counts[kind]


@dataclass(frozen=True)
class BlockView:
    """What the template shows of a block. `kind`: 'finding', 'text', 'table' or 'figure'."""

    kind: Literal["finding", "text", "table", "figure"]
    text: str = ""
    label: str = ""  # 'Figure 3.1'
    note: str = ""
    intervals: str = ""
    basis: str = ""
    exploratory: bool = False
    marks: Sequence[int] = ()
    is_this_run: bool = False
    columns: Sequence[tuple[str, bool]] = ()  # head, and whether the column holds numbers
    rows: Sequence[Sequence[str]] = ()
    svg: Markup | None = None


def view_block(block: Block, count: Numbering, sources: Mapping[str, int], words: Words) -> BlockView:
    """One block ready for the template. `sources` gives the number of each cited source."""
    if isinstance(block, Finding):
        return BlockView(
            "finding",
            text=sentence(words(block.message)),
            intervals=words.intervals(_estimates(block.message)),
            basis=block.basis,
            exploratory=block.exploratory,
            marks=sorted({sources[key] for key in block.sources if key != THIS_RUN}),
            is_this_run=THIS_RUN in block.sources,
        )
    if isinstance(block, Message):
        return BlockView("text", text=sentence(words(block)), intervals=words.intervals(_estimates(block)))
    if isinstance(block, Table):
        return _view_table(block, count, words)
    return _view_figure(block, count, words)


def sentence(text: str) -> str:
    """A text that begins with a capital letter and whose numbers stay together."""
    return unbroken(text[:1].upper() + text[1:])


def unbroken(text: str) -> str:
    """A text whose numbers stay on one line with their sign of per cent, and with the other end of their range."""
    return _TOGETHER.sub("\u00a0", text)


def _view_table(table: Table, count: Numbering, words: Words) -> BlockView:
    for position, row in enumerate(table.rows):
        if len(row) != len(table.columns):
            problem = f"row {position} has {len(row)} cells for {len(table.columns)} columns."
            raise WiringError(problem, f"table '{words(table.title)}'")
    numeric = [all(_is_numeric(row[k]) for row in table.rows) for k in range(len(table.columns))]
    return BlockView(
        "table",
        text=sentence(words(table.title)),
        label=_label("table", count, words),
        note=words(table.note) if table.note else "",
        intervals=words.intervals(cell for row in table.rows for cell in row if isinstance(cell, Estimate)),
        columns=[(words(head), is_number) for head, is_number in zip(table.columns, numeric, strict=True)],
        rows=[[words.value(cell) for cell in row] for row in table.rows],
    )


def _view_figure(figure: Figure, count: Numbering, words: Words) -> BlockView:
    from homing.report.figures import draw  # Matplotlib is loaded when something is drawn

    label = _label("figure", count, words)
    svg = draw(figure, words, name=f"{count.place}f{count.counts['figure']}")
    note = words(figure.note) if figure.note else ""
    return BlockView("figure", text=sentence(words(figure.title)), label=label, note=note, svg=Markup(svg))


def _label(kind: Literal["figure", "table"], count: Numbering, words: Words) -> str:
    """'Figure 3.1'; in the headline, which is no chapter, none."""
    number = count.next(kind)
    return words.key(f"{kind}.number", chapter=count.chapter, number=number) if count.chapter else ""


def _is_numeric(cell: object) -> bool:
    return cell is None or isinstance(cell, Estimate) or (isinstance(cell, Real) and not isinstance(cell, bool))


def _estimates(value: object) -> Iterator[Estimate]:
    """Every Estimate in a message, in those that it holds too."""
    if isinstance(value, Estimate):
        yield value
    elif isinstance(value, Message):
        for part in value.values.values():
            yield from _estimates(part)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for part in value:
            yield from _estimates(part)
