"""Pictures of replays: printed numbers and ours side by side, and over time."""

from __future__ import annotations

import numpy as np

from homing.answers.content import Dots, Figure, Lines, Message, Panel, Series, Verbatim
from homing.credibility.replays.content import CERTAIN, DIFFERENCE, SHARE, Compared, Curve, Picture, Replayed, Texts

#: Up to this many curves share one panel; more get a panel each.
MOST_TOGETHER = 2
#: How far the points of a second curve are moved, as a share of the axis.
APART = 0.012
_OURS, _PRINTED = Message("replay.ours-alone"), Message("replay.printed")


def figures(found: Replayed) -> list[Figure]:
    """The number of every row as printed and ours; then the curves, if it has any."""
    return [beside(found), over_time(found)] if found.pictures else [beside(found)]


def beside(found: Replayed) -> Dots:
    """Rows with two points each: printed with what is near enough, ours with its range; in shares, or in per cent of
    the printed value where the rows have units of their own."""
    shares = all(row.unit in (SHARE, DIFFERENCE) for row in found.rows)
    values = np.array([[_printed(row, shares), _ours(row, shares)] for row in found.rows])
    ranged = any(np.isfinite(row.ours_low) for row in found.rows)
    return Dots(
        title=Message("replay.figure", {"name": _text(found.replay.name)}),
        categories=[_text(row.label) for row in found.rows],
        groups=[Message("replay.printed"), Message("replay.ours" if ranged else "replay.ours-alone")],
        values=values,
        x_label=Message("replay.share" if shares else "replay.relative"),
        percent=True,
        reference=1.0 if not shares else 0.0 if any(row.unit == DIFFERENCE for row in found.rows) else None,
    )


def over_time(found: Replayed) -> Lines:
    """Ours as curves with a band, printed numbers as points with what is near enough."""
    panels = []
    for picture in found.pictures:
        together = len(picture.curves) <= MOST_TOGETHER
        groups = [picture.curves] if together else [(curve,) for curve in picture.curves]
        panels += [_panel(picture, curves, picture.title if together else curves[0].label) for curves in groups]
    bands = {picture.band for picture in found.pictures}
    title = Message("replay.over-time", {"name": _text(found.replay.name)})
    return Lines(title, panels, Message(f"replay.band.{bands.pop()}"))


def _panel(picture: Picture, curves: tuple[Curve, ...], title: Texts) -> Panel:
    percent = picture.y == SHARE
    y_label = Message("replay.share") if percent else Message("replay.level", {"unit": Verbatim(picture.y)})
    series = []
    for k, curve in enumerate(curves):
        label = Message("replay.ours-of", {"label": _text(curve.label)}) if len(curves) > 1 else _OURS
        series.append(Series(label, curve.x, curve.middle, curve.low, curve.high, colour=k))
        if curve.points:
            at = np.array([[p.x, p.y, p.low, p.high] for p in curve.points]).T
            apart = APART * float(np.ptp(curve.x)) * k  # so that points of two arms don't hide each other
            printed = Message("replay.printed-of", {"label": _text(curve.label)}) if len(curves) > 1 else _PRINTED
            series.append(Series(printed, at[0] - apart, at[1], at[2], at[3], style="points", colour=k))
    return Panel(
        _text(title),
        series,
        Message(f"head.time-{picture.x}"),
        y_label,
        y_scale="log" if picture.log else "linear",
        y_range=(0.0, 1.0) if percent else None,
        percent=percent,
    )


def _printed(row: Compared, shares: bool) -> tuple[float, float, float]:
    by = 1.0 if shares else row.printed
    return row.printed / by, row.low / by, row.high / by


def _ours(row: Compared, shares: bool) -> tuple[float, float, float]:
    by = 1.0 if shares else row.printed
    room = CERTAIN * row.error if row.error else float("nan")
    low = row.ours_low if np.isfinite(row.ours_low) else row.ours - room
    high = row.ours_high if np.isfinite(row.ours_high) else row.ours + room
    return row.ours / by, low / by, high / by


def _text(texts: Texts) -> Verbatim:
    return Verbatim(texts["en"], texts["zh"])
