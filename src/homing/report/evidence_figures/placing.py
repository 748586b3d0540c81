"""Names beside points so that none covers another: near its point, else with a thin line, else numbers with a key."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from homing.report.evidence_figures.data import Array
from homing.report.figures.style import GAP, INK, MUTED, clean, text_width, wrap, write

TYPE = 7.0
_STEP = 0.145  # inches between lines of the key
_TALL = 0.115  # inches, a line of TYPE
_ANGLES = tuple(math.radians(a) for a in (0, 180, 90, 270, 45, 135, 315, 225, 20, 160, 200, 340, 65, 115, 245, 295))
_NEAR = (0.03, 0.08, 0.15, 0.25, 0.38)
_FAR = (*_NEAR, 0.5, 0.65, 0.8, 1.0, 1.3, 1.7, 2.2)
_LONGEST = 1.7
_MOST_NAMES = 16

Box = tuple[float, float, float, float]
_NOWHERE: Box = (-9.0, -9.0, -9.0, -9.0)


@dataclass(frozen=True)
class Placed:
    """Where texts stand (their boxes, inches within the plot), and whether they are numbers with a key."""

    texts: tuple[str, ...]
    boxes: tuple[Box, ...]
    points: Array
    radii: Array
    key: tuple[str, ...] = ()


def place(
    names: Sequence[str], points: Array, radii: Array, size: tuple[float, float], lines: Array | None = None
) -> Placed:
    """Find a place for each name.

    Arguments: `points` (study, 2) and `radii` (study,) in inches within a plot of `size` inches; those without a name
    are only kept free, and `lines` (point, 2) where that can be. Where names are many or find no place near their
    points, numbers take their place and `key` says whose they are.
    """
    short = [clean(name) for name in names]
    named = [i for i, name in enumerate(short) if name]
    avoid = np.empty((0, 2)) if lines is None else lines
    if len(named) <= _MOST_NAMES and all(text_width(name, TYPE) <= _LONGEST for name in short):
        for lines_too in (avoid, np.empty((0, 2))):
            boxes = _boxes(short, points, radii, size, _NEAR, lines_too)
            if boxes is not None:
                return Placed(tuple(short), tuple(boxes), points, radii)
    numbers = [str(named.index(i) + 1) if name else "" for i, name in enumerate(short)]
    found = _boxes(numbers, points, radii, size, _FAR, avoid, must=True) or []
    key = tuple(f"{k + 1} {clean(names[i])}" for k, i in enumerate(named))
    return Placed(tuple(numbers), tuple(found), points, radii, key)


def _boxes(
    texts: Sequence[str], points: Array, radii: Array, size: tuple[float, float], reach: Sequence[float], lines: Array,
    *, must: bool = False,
) -> list[Box] | None:  # fmt: skip
    """A free box for each text; None where one finds none (its first place instead, where it `must` have one)."""
    found: dict[int, Box] = {}
    crowd = [int(np.sum(np.hypot(*(points - p).T) < 0.6)) for p in points]
    for i in sorted(range(len(texts)), key=lambda k: (-crowd[k], k)):
        if not texts[i]:
            found[i] = _NOWHERE
            continue
        wide = text_width(texts[i], TYPE)
        candidates = [_box(points[i], radii[i] + d, a, wide) for d in reach for a in _ANGLES]
        open_ = [b for b in candidates if _is_free(b, list(found.values()), points, radii, size)]
        off = next((b for b in open_ if not _touches(b, lines)), None)
        free = off if off or not must else next(iter(open_), None)
        if free is None and not must:
            return None
        found[i] = free or candidates[0]
    return [found[i] for i in range(len(texts))]


def _box(point: Array, distance: float, angle: float, wide: float) -> Box:
    """The box whose nearest side is so far from the point in a direction."""
    x, y = point[0] + distance * math.cos(angle), point[1] + distance * math.sin(angle)
    left = x - wide * (1 - math.cos(angle)) / 2
    low = y - _TALL * (1 - math.sin(angle)) / 2
    return (left, low, left + wide, low + _TALL)


def _is_free(box: Box, taken: Sequence[Box], points: Array, radii: Array, size: tuple[float, float]) -> bool:
    left, low, right, high = box
    if left < 0.02 or low < 0.02 or right > size[0] - 0.02 or high > size[1] - 0.02:
        return False
    for a, b, c, d in taken:
        if left < c + 0.03 and right > a - 0.03 and low < d + 0.01 and high > b - 0.01:
            return False
    dx = points[:, 0] - np.clip(points[:, 0], left, right)
    dy = points[:, 1] - np.clip(points[:, 1], low, high)
    return not bool((np.hypot(dx, dy) < radii + 0.01).any())


def _touches(box: Box, lines: Array) -> bool:
    left, low, right, high = box
    inside = (lines[:, 0] > left) & (lines[:, 0] < right) & (lines[:, 1] > low) & (lines[:, 1] < high)
    return bool(inside.any())


def draw_placed(fig: Figure, placed: Placed, corner: tuple[float, float]) -> None:
    """The texts, with a thin line to the point where it is not near; `corner` is the plot's, in inches."""
    x0, y0 = corner
    for text, (left, low, right, high), point, radius in zip(
        placed.texts, placed.boxes, placed.points, placed.radii, strict=True
    ):
        if not text:
            continue
        near = (min(max(point[0], left), right), min(max(point[1], low), high))
        apart = math.hypot(near[0] - point[0], near[1] - point[1])
        if apart > radius + 0.1:
            xs, ys = [x0 + point[0], x0 + near[0]], [y0 + point[1], y0 + near[1]]
            fig.add_artist(Line2D(xs, ys, transform=fig.dpi_scale_trans, color=MUTED, linewidth=0.5))
        write(fig, x0 + left, y0 + (low + high) / 2, text, size=TYPE, ink=INK, middle=True)


def key_columns(key: Sequence[str], width: float) -> list[list[str]]:
    """The key as columns of lines, read downwards; a long entry goes on in a second and third line."""
    if not key:
        return []
    widest = max(text_width(text, TYPE) for text in key)
    columns = min(3 if widest > 1.6 else 4, len(key))
    each = width / columns - 0.15
    entries = [wrap(text, each, TYPE, most=3) for text in key]
    total = sum(len(lines) for lines in entries)
    found: list[list[str]] = [[]]
    for lines in entries:
        full = len(found[-1]) + len(lines) / 2 > total / columns
        if found[-1] and full and len(found) < columns:
            found.append([])
        found[-1] += [lines[0], *(f"    {line}" for line in lines[1:])]
    return found


def key_height(columns: Sequence[Sequence[str]]) -> float:
    """How tall the key is, in inches, with the space over it."""
    return _STEP * max(len(lines) for lines in columns) + 0.14 if columns else 0.0


def draw_key(fig: Figure, columns: Sequence[Sequence[str]], width: float) -> None:
    """The key at the foot of a page so wide."""
    top = key_height(columns) - 0.14
    for k, lines in enumerate(columns):
        x = GAP + k * (width - 2 * GAP) / len(columns)
        for row, text in enumerate(lines):
            indent = 0.14 if text.startswith("    ") else 0.0
            write(fig, x + indent, 0.06 + top - _STEP * (row + 0.7), text.strip(), size=TYPE)
