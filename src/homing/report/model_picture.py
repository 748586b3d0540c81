"""A picture of a mechanism as SVG: its modules, the states in them, and what flows from which to which.

Boxes are modules, coloured by the part of the body that they are in (the folder of `biology/`). The lines at a box's
foot are the signals that it reads, each with an arrow from the module that emits it, in that module's colour. Nothing
is listed here: the picture follows the System.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from xml.sax.saxutils import escape

from homing.mechanism import Module, System

#: Column and colour of a part of the body; others go to the second column in grey.
PARTS: dict[str, tuple[int, str]] = {
    "cells": (0, "#1b6ca8"),
    "drugs": (0, "#7a4fa3"),
    "microbes": (0, "#6b7f1a"),
    "immunity": (1, "#b3402a"),
    "blood": (2, "#a3246b"),
    "gut": (2, "#0f7f6e"),
    "fistula": (2, "#9a6a00"),
    "markers": (3, "#4a5560"),
}
OTHER = (1, "#666666")
TITLE = "The mechanism: modules, their states, and the signals between them"
_WIDTH, _GAP, _MARGIN, _SPACE = 198, 94, 20, 22
_TITLE, _LINE, _PAD = 30, 18, 8
_FONT = "font-family='Helvetica, Arial, Noto Sans, sans-serif'"


@dataclass
class _Box:
    """A module where it is drawn. `reads` are (signal, writers)."""

    module: Module
    part: str
    column: int
    colour: str
    inside: list[str]
    reads: list[tuple[str, list[str]]]
    y: float = 0.0

    @property
    def x(self) -> float:
        return _MARGIN + self.column * (_WIDTH + _GAP)

    @property
    def height(self) -> float:
        return _TITLE + _LINE * (len(self.inside) + len(self.reads)) + 2 * _PAD

    def port(self, number: int) -> float:
        """Height of the middle of a line of what is read."""
        return self.y + _TITLE + _LINE * (len(self.inside) + number + 0.5) + _PAD


def model_picture(system: System, title: str) -> str:
    """The SVG text. Widths and heights follow from the modules."""
    boxes = {module.name: _box(system, module) for module in system.modules}
    columns = [[b for b in boxes.values() if b.column == c] for c in range(1 + max(b.column for b in boxes.values()))]
    for column in columns:
        column.sort(key=lambda b: list(PARTS).index(b.part) if b.part in PARTS else len(PARTS))
    top = 92.0
    tallest = max(sum(b.height + _SPACE for b in column) for column in columns)
    for column in columns:
        spare = (tallest - sum(b.height + _SPACE for b in column)) / (len(column) + 1)
        y = top + spare
        for box in column:
            box.y = y
            y += box.height + _SPACE + spare
    width = 2 * _MARGIN + len(columns) * _WIDTH + (len(columns) - 1) * _GAP
    height = top + tallest + _MARGIN
    return "\n".join(_drawn(boxes, title, width, height)) + "\n"


def _box(system: System, module: Module) -> _Box:
    part = type(module).__module__.split(".")[-2]
    column, colour = PARTS.get(part, OTHER)
    names = ", ".join(k.replace("_", " ") for k in module.states) or "no states of its own"
    reads = [(name, [w.name for w, _ in system.writers.get(name, ())]) for name in module.reads]
    reads = [(name, [w for w in who if w != module.name]) for name, who in reads]
    return _Box(module, part, column, colour, textwrap.wrap(names, 27), [r for r in reads if r[1]])


def _drawn(boxes: dict[str, _Box], title: str, width: float, height: float) -> Iterator[str]:
    yield (
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height:.0f}' {_FONT} role='img'>"
        f"<title>{escape(title)}</title><rect width='100%' height='100%' fill='#ffffff'/>"
    )
    yield "<defs>"
    for part, (_, colour) in {**PARTS, "other": OTHER}.items():
        yield (
            f"<marker id='to-{part}' viewBox='0 0 8 8' refX='7.4' refY='4' markerWidth='7' markerHeight='7' "
            f"orient='auto'><path d='M0,0.6 L8,4 L0,7.4 z' fill='{colour}'/></marker>"
        )
    yield "</defs>"
    yield f"<text x='{_MARGIN}' y='36' font-size='21' font-weight='600' fill='#222222'>{escape(title)}</text>"
    yield from _legend(boxes)
    for box in boxes.values():
        for i, (signal, writers) in enumerate(box.reads):
            for writer in writers:
                yield _arrow(boxes[writer], box, i, signal)
    for box in boxes.values():  # over the arrows, which pass behind
        yield from _frame(box)
        yield from _texts(box, boxes)
    yield "</svg>"


def _legend(boxes: dict[str, _Box]) -> Iterator[str]:
    x = float(_MARGIN)
    used = dict.fromkeys(b.part for b in boxes.values())
    for part in [p for p in [*PARTS, *(u for u in used if u not in PARTS)] if p in used]:
        colour = PARTS.get(part, OTHER)[1]
        yield f"<rect x='{x:.0f}' y='54' width='13' height='13' rx='2' fill='{colour}'/>"
        yield f"<text x='{x + 19:.0f}' y='65' font-size='14' fill='#333333'>{escape(part)}</text>"
        x += 44 + 7.4 * len(part)


def _frame(box: _Box) -> Iterator[str]:
    yield (
        f"<rect x='{box.x:.0f}' y='{box.y:.1f}' width='{_WIDTH}' height='{box.height:.1f}' rx='7' fill='#fcfcfc' "
        f"stroke='{box.colour}' stroke-width='1.6'/>"
        f"<path d='M{box.x:.0f},{box.y + _TITLE:.1f} v{7 - _TITLE} q0,-7 7,-7 h{_WIDTH - 14} q7,0 7,7 v{_TITLE - 7} z' "
        f"fill='{box.colour}'/>"
    )


def _texts(box: _Box, boxes: dict[str, _Box]) -> Iterator[str]:
    name = box.module.name.replace("_", " ")
    yield (
        f"<text x='{box.x + 12:.0f}' y='{box.y + 20.5:.1f}' font-size='16.5' font-weight='600' fill='#ffffff'>"
        f"{escape(name)}</text>"
    )
    for i, line in enumerate(box.inside):
        y = box.y + _TITLE + _LINE * (i + 0.5) + _PAD - 1
        yield f"<text x='{box.x + 12:.0f}' y='{y + 4:.1f}' font-size='14' fill='#222222'>{escape(line)}</text>"
    for i, (signal, writers) in enumerate(box.reads):
        colour, words = boxes[writers[0]].colour, signal.replace("_", " ")
        right = boxes[writers[0]].column >= box.column
        x, anchor = (box.x + _WIDTH - 12, "end") if right else (box.x + 12, "start")
        yield (
            f"<text x='{x:.0f}' y='{box.port(i) + 4:.1f}' font-size='14' fill='{colour}' text-anchor='{anchor}'>"
            f"{escape(words)}</text>"
        )


def _arrow(writer: _Box, reader: _Box, port: int, signal: str) -> str:
    """From the writer's title to the line of the reader; backwards and within a column on the right side of both."""
    end, start = reader.port(port), writer.y + _TITLE / 2
    part = writer.part if writer.part in PARTS else "other"
    if writer.column < reader.column:
        x1, x2 = writer.x + _WIDTH, reader.x - 1
        reach = max(36.0, 0.45 * (x2 - x1))
        path = f"M{x1:.0f},{start:.1f} C{x1 + reach:.1f},{start:.1f} {x2 - reach:.1f},{end:.1f} {x2:.0f},{end:.1f}"
    elif writer.column == reader.column:
        x = writer.x + _WIDTH
        bulge = 24 + 0.075 * abs(end - start)
        path = f"M{x:.0f},{start:.1f} C{x + bulge:.1f},{start:.1f} {x + bulge:.1f},{end:.1f} {x + 1:.0f},{end:.1f}"
    else:
        x1, x2 = writer.x, reader.x + _WIDTH + 1
        reach = max(36.0, 0.45 * (x1 - x2))
        path = f"M{x1:.0f},{start:.1f} C{x1 - reach:.1f},{start:.1f} {x2 + reach:.1f},{end:.1f} {x2:.0f},{end:.1f}"
    tip = f"{writer.module.name} to {reader.module.name}: {signal.replace('_', ' ')}"
    return (
        f"<path d='{path}' fill='none' stroke='{writer.colour}' stroke-width='1.35' stroke-opacity='0.72' "
        f"marker-end='url(#to-{part})'><title>{escape(tip)}</title></path>"
    )
