"""Funnel plot: effects against their standard errors, over the regions of significance."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import ArrayLike
from scipy.special import ndtri

from homing.ground.errors import StudyError
from homing.report.evidence_figures.data import Array, numbers
from homing.report.evidence_figures.page import BLUE, Item, Written, save
from homing.report.evidence_figures.plot import Axis, Points, number_axis, open_plot
from homing.report.evidence_figures.scale import Scale, pooling_ticks, scale_of
from homing.report.evidence_figures.texts import Texts
from homing.report.figures.style import INK, MUTED, set_ticks

_RADIUS = 0.045
#: Shades of the regions of p, from the middle outwards: each differs from its neighbour in grey too.
_SHADES = (("p-above", "#ffffff"), ("p-10", "#9dbad3"), ("p-5", "#c8d9e7"), ("p-1", "#eef3f7"))
_BOUNDS = tuple(float(ndtri(1 - p / 2)) for p in (0.10, 0.05, 0.01))


def funnel_plot(
    estimates: ArrayLike,
    standard_errors: ArrayLike,
    stem: Path | str,
    *,
    pooled: float = math.nan,
    filled: tuple[ArrayLike, ArrayLike] | None = None,
    names: Sequence[str] = (),
    measure: str = "risk-difference",
    level: float = 0.95,
    language: str = "en",
    title: str = "",
) -> Written:
    """Draw a funnel plot, contour-enhanced where the measure has a value of no effect.

    Arguments: `estimates`, `standard_errors` (study,) and `pooled` on the scale of pooling (`Effects.estimate`, roots
    of `Effects.variance`, `Pooled.estimate`: logarithms for ratios; the axis shows ratios). `filled` are estimates and
    standard errors that trim and fill adds, drawn hollow. `names` label the points where given.
    Raises: StudyError for lists of different lengths, errors not above 0, or an unknown measure.
    """
    texts = Texts(language)
    scale = scale_of(measure, texts)
    y = numbers("estimates", estimates)
    error = numbers("standard errors", standard_errors, len(y), positive=True)
    added = _added(filled)
    if names and len(names) != len(y):
        raise StudyError(f"{len(names)} names for {len(y)} studies; give one each.", "names")
    if not 0 < level < 1:
        raise StudyError(f"the level must be between 0 and 1, such as 0.95, and is {level:g}.", "level")
    radii = np.full(len(y) + len(added[0]), _RADIUS)
    both = (np.concatenate([y, added[0]]), np.concatenate([error, added[1]]))
    lines = _funnel(pooled, level, 1.06 * float(both[1].max()))
    points = Points([*names, *[""] * len(added[0])], *both, radii, lines) if names else None

    def draw() -> Figure:
        x_axis, y_axis = _axes(y, error, added, pooled, level, scale)
        items = _items(scale, texts, pooled, level, bool(len(added[0])))
        plot = open_plot(x_axis, y_axis, title=title, items=items, height=4.2, points=points)
        _regions(plot.ax, scale, y_axis.ends[0])
        _lines(plot.ax, scale, pooled, level, y_axis.ends[0])
        side = 2 * _RADIUS * 72
        plot.ax.plot(y, error, "o", color=BLUE, markersize=side, markeredgecolor="white", markeredgewidth=0.5, zorder=4)
        plot.ax.plot(
            *added, "o", markersize=side, markerfacecolor="white", markeredgecolor=INK, markeredgewidth=1.1, zorder=4
        )
        return plot.fig

    return save(draw, stem, texts, title=title or scale.label)


def _added(filled: tuple[ArrayLike, ArrayLike] | None) -> tuple[Array, Array]:
    if filled is None or not np.size(filled[0]):
        return np.empty(0), np.empty(0)
    y = numbers("filled estimates", filled[0])
    return y, numbers("filled standard errors", filled[1], len(y), positive=True)


def _axes(
    y: Array, error: Array, added: tuple[Array, Array], pooled: float, level: float, scale: Scale
) -> tuple[Axis, Axis]:
    """The effect across, the standard error downwards, with room for the funnel."""
    texts = scale.texts
    deepest = 1.06 * float(max(error.max(), *added[1], 0.0))
    reach = float(ndtri(0.5 + level / 2)) * deepest
    centre = pooled if math.isfinite(pooled) else float(np.median(y))
    shown = np.concatenate([y, added[0], [centre - reach, centre + reach]])
    pad = 0.04 * float(np.ptp(shown))
    ends = (float(shown.min()) - pad, float(shown.max()) + pad)

    def ticks(ax: Axes, room: float) -> None:
        set_ticks(ax.xaxis, *pooling_ticks(scale, ends, room))

    has_log = scale.ratio or scale.measure in ("logit", "log-proportion", "log-rate")
    plain = scale.measure in ("risk-difference", "proportion", "rate", "mean") or "difference" in scale.measure
    word = "standard-error-log" if has_log else "standard-error" if plain else "standard-error-pooling"
    return Axis(scale.label, ends, ticks), number_axis("y", texts(word), (deepest, 0.0), texts)


def _funnel(pooled: float, level: float, deepest: float) -> Array:
    """Points along the lines of the pooled effect and its funnel, for names to keep off."""
    if not math.isfinite(pooled):
        return np.empty((0, 2))
    error = np.linspace(0, deepest, 200)
    reach = float(ndtri(0.5 + level / 2)) * error
    return np.vstack([np.column_stack([pooled + side * reach, error]) for side in (-1, 0, 1)])


def _items(scale: Scale, texts: Texts, pooled: float, level: float, has_added: bool) -> list[Item]:
    items = [Item(texts("filled"), "o", INK, hollow=True)] if has_added else []
    if math.isfinite(pooled):
        items.append(Item(texts("pooled-level", level=texts.level(level)), "dashed", INK))
    if math.isfinite(scale.null):
        items += [Item(texts(word), "block", shade) for word, shade in _SHADES]
    return items


def _regions(ax: Axes, scale: Scale, deepest: float) -> None:
    """Wedges about no effect, the widest below, so that each shows what the next leaves free."""
    if math.isnan(scale.null):
        return
    ax.set_facecolor(_SHADES[-1][1])
    for bound, (_, shade) in reversed(list(zip(_BOUNDS, _SHADES, strict=False))):
        ax.fill([0, -bound * deepest, bound * deepest], [0, deepest, deepest], color=shade, linewidth=0, zorder=0.2)
    for bound in _BOUNDS:
        for side in (-1, 1):
            ax.plot([0, side * bound * deepest], [0, deepest], color="#7f98ad", linewidth=0.5, zorder=0.3)
    ax.axvline(0, color=MUTED, linewidth=0.9, zorder=1)


def _lines(ax: Axes, scale: Scale, pooled: float, level: float, deepest: float) -> None:
    if not math.isfinite(pooled):
        return
    reach = float(ndtri(0.5 + level / 2)) * deepest
    for end in (pooled, pooled - reach, pooled + reach):
        ax.plot([pooled, end], [0, deepest], color=INK, linewidth=1.0, linestyle=(0, (4, 2)), zorder=2)
