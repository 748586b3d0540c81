"""Pictures of replays: printed numbers and ours side by side, and over time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from homing.answers.content import Dots, Figure, Lines, Message, Panel, Series, Verbatim
from homing.credibility.replays.content import CERTAIN, DIFFERENCE, SHARE, Compared, Curve, Picture, Replayed, Texts
from homing.report.figures.apart import set_apart, share_a_place

#: Up to this many curves share one panel; more get a panel each.
MOST_TOGETHER = 2
_OURS, _PUBLISHED = Message("replay.ours-alone"), Message("replay.published")


def figures(found: Replayed) -> list[Figure]:
    """The number of every row as printed and ours; then the curves, if it has any."""
    return [beside(found), over_time(found)] if found.pictures else [beside(found)]


def beside(found: Replayed) -> Dots:
    """Rows with two points each: published with what is near enough, ours with its range; in shares, or in per cent of
    the published value where the rows have units of their own."""
    shares = all(row.unit in (SHARE, DIFFERENCE) for row in found.rows)
    differences = any(row.unit == DIFFERENCE for row in found.rows)
    values = np.array([[_published(row, shares), _ours(row, shares)] for row in found.rows])
    ranged = any(np.isfinite(row.ours_low) for row in found.rows)
    x_label = "relative" if not shares else "share-or-difference" if differences else "share"
    return Dots(
        title=Message("replay.figure", {"name": _text(found.replay.name)}),
        categories=[_text(row.label) for row in found.rows],
        groups=[_PUBLISHED, Message("replay.ours" if ranged else "replay.ours-alone")],
        values=values,
        x_label=Message(f"replay.{x_label}"),
        percent=True,
        reference=1.0 if not shares else 0.0 if differences else None,
    )


def over_time(found: Replayed) -> Lines:
    """Ours as curves with a band, published numbers as points with what is near enough."""
    panels = []
    for picture in found.pictures:
        together = len(picture.curves) <= MOST_TOGETHER
        groups = [picture.curves] if together else [(curve,) for curve in picture.curves]
        panels += [_panel(picture, curves, picture.title if together else curves[0].label) for curves in groups]
    bands = {picture.band for picture in found.pictures}
    title = Message("replay.over-time", {"name": _text(found.replay.name)})
    band = Message(f"replay.band.{bands.pop()}")
    is_apart = any(share_a_place(panel.series) for panel in panels)
    panels = [replace(panel, series=set_apart(panel.series)) for panel in panels]
    return Lines(title, panels, Message("replay.apart", {"band": band}) if is_apart else band)


def _panel(picture: Picture, curves: tuple[Curve, ...], title: Texts) -> Panel:
    percent = picture.y == SHARE
    y_label = Message("replay.share") if percent else Message("replay.level", {"unit": Verbatim(picture.y)})
    series = []
    for k, curve in enumerate(curves):
        label = Message("replay.ours-of", {"label": _text(curve.label)}) if len(curves) > 1 else _OURS
        series.append(Series(label, curve.x, curve.middle, curve.low, curve.high, colour=k))
        if curve.points:
            at = np.array([[p.x, p.y, p.low, p.high] for p in curve.points]).T
            label = Message("replay.published-of", {"label": _text(curve.label)}) if len(curves) > 1 else _PUBLISHED
            series.append(Series(label, at[0], at[1], at[2], at[3], style="points", colour=k))
    return Panel(
        _text(title),
        series,
        Message(f"head.time-{picture.x}"),
        y_label,
        y_scale="log" if picture.log else "linear",
        y_range=(0.0, 1.0) if percent else None,
        percent=percent,
    )


def _published(row: Compared, shares: bool) -> tuple[float, float, float]:
    by = 1.0 if shares else row.against
    return row.against / by, row.low / by, row.high / by


def _ours(row: Compared, shares: bool) -> tuple[float, float, float]:
    by = 1.0 if shares else row.against
    room = CERTAIN * row.error if row.error else float("nan")
    low = row.ours_low if np.isfinite(row.ours_low) else row.ours - room
    high = row.ours_high if np.isfinite(row.ours_high) else row.ours + room
    return row.ours / by, low / by, high / by


def _text(texts: Texts) -> Verbatim:
    return Verbatim(texts["en"], texts["zh"])
