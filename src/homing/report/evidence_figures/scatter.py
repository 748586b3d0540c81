"""Plots of studies as points: Baujat, L'Abbé, and the bubbles of a meta-regression."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import ArrayLike

from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean
from homing.report.evidence_figures.data import Array, Curve, numbers
from homing.report.evidence_figures.page import BLUE, ORANGE, Item, Written, save
from homing.report.evidence_figures.plot import (
    Points,
    bubbles,
    effect_axis,
    number_axis,
    open_plot,
    plain_limits,
    points_in_type,
    spread,
)
from homing.report.evidence_figures.scale import scale_of
from homing.report.evidence_figures.texts import Texts
from homing.report.figures.style import INK, MUTED

_FACE = "#8cb9dc"
_BAND = "#cfe0ee"
_MOST_NAMED = 14
_DASHES = (0, (4, 2))


def baujat_plot(
    names: Sequence[str],
    x: ArrayLike,
    y: ArrayLike,
    stem: Path | str,
    *,
    language: str = "en",
    title: str = "",
) -> Written:
    """Draw each study's share of Q (`Influence.baujat_x`) against its pull on the pooled effect (`baujat_y`).

    Raises: StudyError for lists of different lengths or values below 0.
    """
    texts = Texts(language)
    a, b = _named(names, numbers("share of Q", x)), numbers("influence", y, len(names))
    if (a < 0).any() or (b < 0).any():
        raise StudyError("shares of Q and influences are not below 0.")

    shown, items = list(names), []
    if len(a) > _MOST_NAMED:
        far = np.argsort(-np.hypot(a / (a.max() or 1.0), b / (b.max() or 1.0)), kind="stable")[:_MOST_NAMED]
        shown = [name if i in far else "" for i, name in enumerate(names)]
        items = [Item(texts("farthest", n=str(_MOST_NAMED)), "")]
    points = Points(shown, a, b, np.full(len(a), 0.045))

    def draw() -> Figure:
        x_axis = number_axis("x", texts("baujat-x"), (0.0, plain_limits(a)[1] * 1.04 or 1.0), texts)
        y_axis = number_axis("y", texts("baujat-y"), (0.0, plain_limits(b)[1] or 1.0), texts)
        plot = open_plot(x_axis, y_axis, title=title, items=items, points=points)
        plot.ax.plot(a, b, "o", color=BLUE, markersize=6.5, markeredgecolor="white", markeredgewidth=0.5, clip_on=False)
        return plot.fig

    return save(draw, stem, texts, title=title or texts("baujat-x"))


def labbe_plot(
    names: Sequence[str],
    events_1: ArrayLike,
    n_1: ArrayLike,
    events_2: ArrayLike,
    n_2: ArrayLike,
    stem: Path | str,
    *,
    measure: str = "risk-difference",
    pooled: float = math.nan,
    language: str = "en",
    title: str = "",
    arms: tuple[str, str] | None = None,
) -> Written:
    """Draw the proportion of arm 1 against that of arm 2, areas as patients, with lines of equality and of `pooled`.

    Arguments: counts (study,); `pooled` is the pooled effect of `measure` as it is read (a ratio, a difference of
    proportions); arms are names of the two groups for the axes.
    Raises: StudyError for impossible counts or a measure that is none of two proportions.
    """
    texts = Texts(language)
    scale = scale_of(measure, texts)
    if measure not in _CURVES:
        raise StudyError(f"'{measure}' has no line in this plot. {did_you_mean(measure, _CURVES)}", "measure")
    n1, n2 = (_named(names, numbers("patients", n, positive=True)) for n in (n_1, n_2))
    a, c = numbers("events", events_1, len(names)), numbers("events", events_2, len(names))
    for i, name in enumerate(names):
        if not (0 <= a[i] <= n1[i] and 0 <= c[i] <= n2[i]):
            raise StudyError(f"{a[i]:g} of {n1[i]:g} and {c[i]:g} of {n2[i]:g} can't be.", name)
    radii = bubbles(n1 + n2)
    items = [Item(texts("bubble-n"), "o", _FACE), Item(texts("equality"), "line", MUTED)]
    if math.isfinite(pooled):
        value = texts.words.percent(pooled, 1) if scale.percent else scale.one(pooled)
        items.append(Item(texts("pooled-is", name=scale.short.lower(), value=value), "dashed", ORANGE))
    grid = np.linspace(0, 1, 401)
    curves = [grid, *([_CURVES[measure](grid, pooled)] if math.isfinite(pooled) else [])]
    points = Points(names, c / n2, a / n1, radii, np.vstack([np.column_stack([grid, curve]) for curve in curves]))

    def draw() -> Figure:
        share = scale_of("proportion", texts)
        words = arms or (texts("proportion-cells"), texts("proportion-control"))
        ends = (-0.04, 1.04)
        x_axis, y_axis = (effect_axis(w, share, ends, word) for w, word in (("x", words[1]), ("y", words[0])))
        plot = open_plot(x_axis, y_axis, title=title, items=items, height=4.6, width=4.6, points=points)
        plot.ax.plot([0, 1], [0, 1], color=MUTED, linewidth=1.0, zorder=1)
        if math.isfinite(pooled):
            _labbe_line(plot.ax, measure, pooled)
        _bubbles(plot.ax, c / n2, a / n1, radii)
        return plot.fig

    return save(draw, stem, texts, title=title or scale.label)


_CURVES: dict[str, Callable[[Array, float], Array]] = {
    "risk-difference": lambda p, d: p + d,
    "risk-ratio": lambda p, r: p * r,
    "odds-ratio": lambda p, r: r * p / (1 - p + r * p),
    "peto-odds-ratio": lambda p, r: r * p / (1 - p + r * p),
    "arcsine-difference": lambda p, d: np.sin(np.clip(np.arcsin(np.sqrt(p)) + d, 0, np.pi / 2)) ** 2,
}


def _labbe_line(ax: object, measure: str, pooled: float) -> None:
    p = np.linspace(0, 1, 401)
    line = _CURVES[measure](p, pooled)
    line = np.where((line >= -1e-12) & (line <= 1 + 1e-12), line, np.nan)
    ax.plot(p, line, color=ORANGE, linewidth=1.4, linestyle=_DASHES, zorder=1.5)  # type: ignore[attr-defined]


def regression_bubbles(
    names: Sequence[str],
    x: ArrayLike,
    estimates: ArrayLike,
    sizes: ArrayLike,
    stem: Path | str,
    *,
    x_label: str,
    line: Curve | None = None,
    measure: str = "risk-difference",
    sizes_are: str = "patients",
    log_x: bool = False,
    language: str = "en",
    title: str = "",
) -> Written:
    """Draw effects against a moderator, areas as `sizes` ('patients' or 'weights'), with the regression line and band.

    Arguments: (study,) each, effects and `line` as they are read (ratios, not their logarithms); `line` from
    `Regression.predict` over a grid. `log_x` for doses.
    Raises: StudyError for lists of different lengths, sizes not above 0, or values a logarithmic axis can't show.
    """
    texts = Texts(language)
    scale = scale_of(measure, texts)
    at = _named(names, numbers(x_label, x, positive=log_x))
    y = numbers("estimates", estimates, len(at), positive=scale.ratio)
    radii = bubbles(numbers("sizes", sizes, len(at), positive=True))
    if sizes_are not in ("patients", "weights"):
        raise StudyError(f"'{sizes_are}' is no size. {did_you_mean(sizes_are, ('patients', 'weights'))}", "sizes_are")
    band = curve_arrays(line) if line else None
    items = [Item(texts("bubble-n" if sizes_are == "patients" else "bubble-weight"), "o", _FACE)]
    if line:
        items += [
            Item(texts("line"), "line", ORANGE),
            Item(texts("band", level=texts.level(line.level)), "band", _BAND),
        ]

    points = Points(names, at, y, radii, np.empty((0, 2)) if band is None else _dense(band))

    def draw() -> Figure:
        within = band[:, 1:][(band[:, 0] >= at.min()) & (band[:, 0] <= at.max())] if band is not None else np.empty(0)
        ends = spread(np.concatenate([y, within.ravel()]), scale)
        x_axis = number_axis("x", x_label, moderator_limits(at, log_x), texts, log_x)
        y_axis = effect_axis("y", scale, ends)
        plot = open_plot(x_axis, y_axis, title=title, items=items, points=points)
        if math.isfinite(scale.null):
            plot.ax.axhline(scale.null, color=MUTED, linewidth=0.8, zorder=1)
        if band is not None:
            plot.ax.fill_between(band[:, 0], band[:, 2], band[:, 3], color=_BAND, linewidth=0, zorder=0.4)
            plot.ax.plot(band[:, 0], band[:, 1], color=ORANGE, linewidth=1.6, zorder=1.5)
        _bubbles(plot.ax, at, y, radii)
        return plot.fig

    return save(draw, stem, texts, title=title or f"{scale.label}; {x_label}")


def curve_arrays(curve: Curve) -> Array:
    """A curve as columns x, middle, low, high. Raises StudyError for lists of different lengths or crossed limits."""
    x = numbers("x of the curve", curve.x)
    parts = (("middle", curve.middle), ("low", curve.low), ("high", curve.high))
    found = np.column_stack([x, *(numbers(f"{what} of the curve", v, len(x)) for what, v in parts)])
    if (found[:, 2] > found[:, 3]).any() or (np.diff(x) < 0).any():
        raise StudyError("a curve needs rising x and a low limit that is not above the high one.")
    return found


def _dense(band: Array) -> Array:
    """Points along the middle of a curve, close enough to keep names off it."""
    x = np.linspace(band[0, 0], band[-1, 0], 400)
    return np.column_stack([x, np.interp(x, band[:, 0], band[:, 1])])


def moderator_limits(x: Array, log: bool) -> tuple[float, float]:
    """Limits with room for the bubbles at the ends."""
    forward = np.log10 if log else np.asarray
    places = forward(x)
    pad = 0.09 * float(np.ptp(places)) or (0.3 if log else abs(float(places[0])) * 0.3 or 1.0)
    low, high = float(places.min()) - pad, float(places.max()) + pad
    return (10**low, 10**high) if log else (low, high)


def _bubbles(ax: object, x: Array, y: Array, radii: Array) -> None:
    """The largest first, so that none hides a smaller one."""
    order = np.argsort(-radii, kind="stable")
    ax.scatter(  # type: ignore[attr-defined]
        x[order], y[order], s=points_in_type(radii[order]), c=_FACE, edgecolors=INK, linewidths=0.8, alpha=0.75,
        zorder=3, clip_on=False,
    )  # fmt: skip


def _named(names: Sequence[str], values: Array) -> Array:
    if len(names) != len(values):
        raise StudyError(f"{len(names)} names for {len(values)} values; give one each.", "names")
    return values
