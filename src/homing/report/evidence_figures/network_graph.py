"""Network graph: treatments as circles by patients, direct comparisons as lines by studies."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Circle

from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean
from homing.report.evidence_figures.data import Array, Edge, Node, numbers
from homing.report.evidence_figures.page import BLUE, Item, Written, draw_legend, legend_rows, new_page, save
from homing.report.evidence_figures.texts import Texts
from homing.report.figures.style import GAP, INK, LINE, MUTED, SMALL, WIDTH, clean, text_width, wrap, write

_LARGEST, _SMALLEST = 0.3, 0.06  # inches, radii
_THICKEST, _THINNEST = 9.0, 1.0  # points
_EDGE = "#9aa5ae"
_LABEL = 1.45  # inches
_TALLEST = 4.0
_BESIDE = 0.35  # labels of circles farther from the middle than this stand beside them
_TIGHT = LINE * 0.8


def network_graph(
    nodes: Sequence[Node], edges: Sequence[Edge], stem: Path | str, *, language: str = "en", title: str = ""
) -> Written:
    """Draw a network of treatments in a circle, in the order given from the top, clockwise.

    Raises: StudyError for no treatment, one named twice, patients not above 0, or a line to a treatment not there.
    """
    texts = Texts(language)
    names = [node.name for node in nodes]
    if not nodes or len(set(names)) < len(names):
        raise StudyError("a network needs treatments, each named once.", "nodes")
    patients = numbers("patients", [node.patients for node in nodes], positive=True)
    for edge in edges:
        for end in (edge.one, edge.other):
            if end not in names:
                raise StudyError(f"'{end}' is not among the treatments. {did_you_mean(end, names)}", "edges")
        if edge.one == edge.other or edge.studies < 1:
            raise StudyError("a line joins two treatments by one study at least.", f"{edge.one} - {edge.other}")
    radii = np.maximum(_LARGEST * np.sqrt(patients / patients.max()), _SMALLEST)

    def draw() -> Figure:
        return _draw(nodes, edges, radii, texts, title)

    return save(draw, stem, texts, title=title or texts("node-size"))


def _draw(nodes: Sequence[Node], edges: Sequence[Edge], radii: Array, texts: Texts, title: str) -> Figure:
    legend = legend_rows(
        [Item(texts("node-size"), "o", BLUE), Item(texts("edge-width"), "line", _EDGE)], WIDTH - 2 * GAP
    )
    labels = [_label(node, texts) for node in nodes]
    angles = math.pi / 2 - 2 * math.pi * np.arange(len(nodes)) / len(nodes)
    places, height = _ring(angles, radii, labels)
    fig = new_page(WIDTH, height + LINE * len(legend) + 0.1, title)
    draw_legend(fig, legend, GAP, height + LINE * len(legend) + 0.05)
    at = {node.name: place for node, place in zip(nodes, places, strict=True)}
    most = max((edge.studies for edge in edges), default=1)
    for edge in edges:
        ends = np.array([at[edge.one], at[edge.other]])
        width = max(_THINNEST, _THICKEST * edge.studies / most)
        line = Line2D(*ends.T, transform=fig.dpi_scale_trans, color=_EDGE, linewidth=width, solid_capstyle="butt")
        line.set_zorder(1)
        fig.add_artist(line)
    _edge_numbers(fig, edges, at, radii, places)
    for place, radius, lines, angle in zip(places, radii, labels, angles, strict=True):
        disc = Circle(tuple(place), radius, transform=fig.dpi_scale_trans, facecolor=BLUE, edgecolor="white")
        disc.set(linewidth=1.2, zorder=3)
        fig.add_artist(disc)
        _write_label(fig, place, float(radius), lines, float(angle))
    return fig


def _ring(angles: Array, radii: Array, labels: Sequence[Sequence[str]]) -> tuple[Array, float]:
    """Where the circles stand, (node, 2), and the height of all: a ring just tall enough to keep labels apart."""
    room = [
        (WIDTH / 2 - GAP - radius - 0.1 - max(text_width(line, SMALL, bold=True) for line in lines)) / abs(math.cos(a))
        for a, radius, lines in zip(angles, radii, labels, strict=True)
        if abs(math.cos(a)) > _BESIDE
    ]
    tall = 0.0 if len(angles) == 1 else min(2.1, max(1.25, 0.22 * len(angles)))
    while True:
        wide = min([tall * 1.3, *room])
        places = np.column_stack([WIDTH / 2 + wide * np.cos(angles), tall * np.sin(angles)])
        boxes = [_label_box(*each) for each in zip(places, radii, labels, angles, strict=True)]
        if tall > _TALLEST or len(angles) == 1 or not _collide(boxes, places, radii):
            break
        tall += 0.15
    low = min(min(box[1] for box in boxes), float((places[:, 1] - radii).min())) - 0.1
    high = max(max(box[3] for box in boxes), float((places[:, 1] + radii).max())) + 0.12
    return places - [0.0, low], high - low


def _collide(boxes: Sequence[tuple[float, float, float, float]], places: Array, radii: Array) -> bool:
    """Whether a label touches another or a circle."""
    for i, (left, low, right, high) in enumerate(boxes):
        if any(left < c and a < right and low < d and b < high for a, b, c, d in boxes[i + 1 :]):
            return True
        dx = places[:, 0] - np.clip(places[:, 0], left, right)
        dy = places[:, 1] - np.clip(places[:, 1], low, high)
        if (np.hypot(dx, dy) < radii).any():
            return True
    return bool((np.hypot(*np.diff(places, axis=0).T) < radii[1:] + radii[:-1]).any())


def _label(node: Node, texts: Texts) -> list[str]:
    count = texts("n-patients", n=texts.words.value(round(node.patients)))
    return [*wrap(clean(node.name), _LABEL, SMALL, most=3, bold=True), count]


def _label_box(
    place: Array, radius: float, lines: Sequence[str], angle: float
) -> tuple[float, float, float, float]:  # fmt: skip
    """Left, low, right and high of a label: outside the ring, beside its circle or above or below it."""
    out_x, out_y = math.cos(angle), math.sin(angle)
    wide, tall = max(text_width(line, SMALL, bold=True) for line in lines), _TIGHT * len(lines)
    gap = radius + 0.07
    if abs(out_x) > _BESIDE:
        left = place[0] + gap if out_x > 0 else place[0] - gap - wide
        return left, place[1] - tall / 2, left + wide, place[1] + tall / 2
    left = place[0] - wide / 2 if abs(out_x) < 0.05 else place[0] - (0.1 if out_x > 0 else wide - 0.1)
    low = place[1] + gap if out_y > 0 else place[1] - gap - tall
    return left, low, left + wide, low + tall


def _write_label(fig: Figure, place: Array, radius: float, lines: Sequence[str], angle: float) -> None:
    left, _, right, high = _label_box(place, radius, lines, angle)
    out_x = math.cos(angle)
    ha = "center" if abs(out_x) < 0.05 else "left" if out_x > 0 else "right"
    x = {"center": (left + right) / 2, "left": left, "right": right}[ha]
    for k, line in enumerate(lines):
        last = k == len(lines) - 1
        y = high - _TIGHT * (k + 0.5)
        write(fig, x, y, line, size=SMALL, ha=ha, middle=True, bold=not last, ink=MUTED if last else INK)


def _edge_numbers(fig: Figure, edges: Sequence[Edge], at: dict[str, Array], radii: Array, places: Array) -> None:
    """The number of studies on each line, moved along it where another number, line or circle is in the way."""
    taken: list[Array] = []
    segments = [(at[e.one], at[e.other]) for e in edges]
    for i, edge in enumerate(edges):
        a, b = segments[i]
        others = segments[:i] + segments[i + 1 :]
        tries = [a + t * (b - a) for t in (0.5, 0.42, 0.58, 0.35, 0.65, 0.28, 0.72, 0.22, 0.78)]
        room = [min([_clear(p, taken), _off(p, others), _outside(p, places, radii)]) for p in tries]
        good = [p for p, r in zip(tries, room, strict=True) if r > 0.13]
        p = good[0] if good else tries[int(np.argmax(room))]
        taken.append(p)
        text = str(edge.studies)
        half = max(text_width(text, SMALL, bold=True) / 2 + 0.03, 0.085)
        disc = Circle(tuple(p), half, transform=fig.dpi_scale_trans, facecolor="white", edgecolor=MUTED)
        disc.set(linewidth=0.6, zorder=4)
        fig.add_artist(disc)
        fig.text(
            p[0], p[1] - 0.36 * SMALL / 72, text, transform=fig.dpi_scale_trans, size=SMALL, color=INK, ha="center",
            va="baseline", weight="bold", zorder=5, parse_math=False,
        )  # fmt: skip


def _clear(p: Array, taken: Sequence[Array]) -> float:
    return min((float(np.hypot(*(p - q))) / 1.6 for q in taken), default=math.inf)


def _off(p: Array, segments: Sequence[tuple[Array, Array]]) -> float:
    """How far a point is from the nearest of the other lines."""
    found = [math.inf]
    for a, b in segments:
        along = b - a
        t = float(np.clip((p - a) @ along / (along @ along), 0, 1))
        found.append(float(np.hypot(*(p - a - t * along))))
    return min(found)


def _outside(p: Array, places: Array, radii: Array) -> float:
    return float((np.hypot(*(places - p).T) - radii).min())
