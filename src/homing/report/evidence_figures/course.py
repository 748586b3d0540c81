"""Time course: what studies saw week by week, with the curve fitted to them and its band."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from homing.ground.errors import StudyError
from homing.report.evidence_figures.data import Array, Curve, TimePoint, numbers
from homing.report.evidence_figures.page import Item, Written, save
from homing.report.evidence_figures.plot import (
    Axis,
    Points,
    bubbles,
    effect_axis,
    open_plot,
    plain_limits,
    points_in_type,
)
from homing.report.evidence_figures.scale import scale_of
from homing.report.evidence_figures.scatter import curve_arrays
from homing.report.evidence_figures.texts import Texts
from homing.report.figures.scales import scale_axis
from homing.report.figures.style import INK, MUTED

_FACE, _BAND, _CURVE = "#8cb9dc", "#dbe8f3", "#d55e00"
#: Weeks between ticks that a reader expects: months, quarters, years.
_STEPS = (1.0, 2.0, 4.0, 8.0, 12.0, 24.0, 26.0, 52.0, 104.0, 208.0)


def time_course_plot(
    points: Sequence[TimePoint],
    stem: Path | str,
    *,
    curve: Curve | None = None,
    measure: str = "proportion",
    y_label: str = "",
    language: str = "en",
    title: str = "",
) -> Written:
    """Draw what each study saw over time, areas as patients, points of one study joined, with median curve and band.

    Arguments: values of `points` and `curve` as they are read (proportions of 1); `curve` over weeks, from
    `TimeCourse.curve`.
    Raises: StudyError for no point, weeks below 0, n not above 0, or proportions outside 0 to 1.
    """
    texts = Texts(language)
    scale = scale_of(measure, texts)
    if not points:
        raise StudyError("there is no point to draw; give one at least.")
    week = numbers("weeks", [p.week for p in points])
    value = numbers("values", [p.value for p in points])
    n = numbers("patients", [p.n for p in points], positive=True)
    if (week < 0).any():
        raise StudyError("weeks are counted from the treatment; none is below 0.")
    if scale.percent and ((value < 0) | (value > 1)).any():
        raise StudyError("a proportion lies between 0 and 1; give 0.5, not 50.")
    band = curve_arrays(curve) if curve else None
    radii = 0.8 * bubbles(n)
    items = [Item(texts("bubble-n"), "o", _FACE)]
    if curve:
        items += [
            Item(texts("median"), "line", _CURVE),
            Item(texts("credible", level=texts.level(curve.level)), "band", _BAND),
        ]

    def draw() -> Figure:
        shown = value if band is None else np.concatenate([value, band[:, 1:].ravel()])
        ends = (-0.02, 1.02) if scale.percent else plain_limits(shown)
        x_axis = _weeks(float(max(week.max(), band[-1, 0] if band is not None else 0.0)), texts)
        y_axis = effect_axis("y", scale, ends, y_label or (texts("share") if scale.percent else scale.label))
        lines = _joints(points) if band is None else np.vstack([_joints(points), band[:, :2]])
        named = _last(points, week, value, radii, lines)
        plot = open_plot(x_axis, y_axis, title=title, items=items, points=named)
        if band is not None:
            plot.ax.fill_between(band[:, 0], band[:, 2], band[:, 3], color=_BAND, linewidth=0, zorder=0.4)
            for limit in (2, 3):
                plot.ax.plot(band[:, 0], band[:, limit], color=MUTED, linewidth=0.5, zorder=0.5)
            plot.ax.plot(band[:, 0], band[:, 1], color=_CURVE, linewidth=1.8, zorder=2.5)
        for study in dict.fromkeys(p.study for p in points):
            own = sorted((p.week, p.value) for p in points if p.study == study)
            plot.ax.plot(*zip(*own, strict=True), color=MUTED, linewidth=0.7, zorder=1)
        order = np.argsort(-radii, kind="stable")
        plot.ax.scatter(
            week[order], value[order], s=points_in_type(radii[order]), c=_FACE, edgecolors=INK, linewidths=0.7,
            alpha=0.8, zorder=3, clip_on=False,
        )  # fmt: skip
        return plot.fig

    return save(draw, stem, texts, title=title or texts("weeks"))


def _weeks(last: float, texts: Texts) -> Axis:
    ends = (-0.03 * (last or 1.0), 1.06 * (last or 1.0))

    def ticks(ax: object, room: float) -> None:
        scale_axis(ax, "x", ends, texts.words, room=room, steps=_STEPS)  # type: ignore[arg-type]

    return Axis(texts("weeks"), ends, ticks)


def _joints(points: Sequence[TimePoint]) -> Array:
    """Points along the lines that join those of a study."""
    found = [np.empty((0, 2))]
    for study in dict.fromkeys(p.study for p in points):
        own = np.array(sorted((p.week, p.value) for p in points if p.study == study))
        for a, b in pairwise(own):
            found.append(a + np.linspace(0, 1, 120)[:, None] * (b - a))
    return np.vstack(found)


def _last(points: Sequence[TimePoint], week: Array, value: Array, radii: Array, lines: Array) -> Points:
    """One name a study, at its last point; the other points are kept free of names by having none."""
    last = {p.study: i for i, p in sorted(enumerate(points), key=lambda pair: pair[1].week)}
    names = [p.study if last[p.study] == i else "" for i, p in enumerate(points)]
    return Points(names, week, value, radii, lines)
