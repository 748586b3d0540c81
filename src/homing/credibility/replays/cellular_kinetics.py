"""Levels of CAR-T cells in blood: exponential growth to a peak, then a fast and a slow decline.

The closed form is that of Stein et al. 2019 (figure 2 and equation 1; parameters of table 1), with patients drawn about
the typical values: `calibration.car_t` has both.

    compare:
      - {ours: half-life-fast, trial: Stein-2019, arm: cells, what: half-life of the first decline, label: {en:, zh:}}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from homing.credibility.calibration import car_t
from homing.credibility.replays.asked import AskedReading, read_asked_readings
from homing.credibility.replays.compared import reading_row
from homing.credibility.replays.content import Array, Compared, Curve, Picture, Point, Replay, Replayed
from homing.evidence.catalogue import entry
from homing.evidence.store import Store
from homing.ground.errors import EvidenceError

#: A closed form costs nothing, so that at least as many patients are drawn.
LEAST_DRAWN = 20_000
_MONTH = 28.0
_SHOWN_UNTIL = 400.0
#: The standard error of a median is this many times that of a mean, of normal numbers: sqrt(pi / 2).
MEDIAN = math.sqrt(math.pi / 2)

#: Of the typical patient, by the word that a file uses.
CLOSED: Mapping[str, Callable[[Mapping[str, float]], float]] = {
    "doubling-time": lambda one: math.log(2) / float(car_t.growth(one)),
    "half-life-fast": lambda one: math.log(2) / one["first_decline"],
    "half-life-slow": lambda one: math.log(2) / one["slow_decline"],
}
#: Of virtual patients: (patient,) values, and how they are summed up.
DRAWN: Mapping[str, tuple[Callable[[Mapping[str, Array]], Array], str]] = {
    "peak": (lambda all_: all_["peak"], "geometric mean"),
    "peak-day": (lambda all_: all_["day_of_peak"], "median"),
    "area-28": (lambda all_: car_t.area(all_, _MONTH), "geometric mean"),
}


def run_cellular_kinetics(replay: Replay, store: Store, patients: int, seed: int) -> Replayed:
    """The published model's numbers from its parameters, beside those printed."""
    drawn = max(patients, LEAST_DRAWN)
    one, all_ = car_t.typical(), car_t.patients(drawn, seed)
    asked = read_asked_readings(replay, store, (*CLOSED, *DRAWN))
    rows = [_row(a, one, all_) for a in asked]
    return Replayed(replay, tuple(rows), (_picture(asked, rows, one, all_),), drawn, seed)


def _row(asked: AskedReading, one: Mapping[str, float], all_: Mapping[str, Array]) -> Compared:
    if asked.ours in CLOSED:
        return reading_row(asked, CLOSED[asked.ours](one), is_arithmetic=True)
    n = asked.reading.n
    if not n:
        text = f"'{asked.reading.what}' has no number of patients, so no sampling error; give `n` in the store."
        raise EvidenceError(text, asked.part.where)
    return reading_row(asked, *_summed(all_, asked.ours, n), is_arithmetic=True)


def _summed(all_: Mapping[str, Array], ours: str, n: int) -> tuple[float, float, float]:
    """The geometric mean or median over virtual patients, its Monte Carlo standard error, and the standard error of the
    logarithm of the same from n patients."""
    values, how = DRAWN[ours][0](all_), DRAWN[ours][1]
    times = MEDIAN if how == "median" else 1.0
    logs = np.log(values)
    middle = float(np.exp(np.median(logs) if how == "median" else logs.mean()))
    each = times * float(logs.std(ddof=1))
    return middle, middle * each / math.sqrt(len(values)), each / math.sqrt(n)


def _picture(
    asked: Sequence[AskedReading],
    rows: Sequence[Compared],
    one: Mapping[str, float],
    all_: Mapping[str, Array],
) -> Picture:
    days = np.unique(np.concatenate([np.linspace(0.0, _MONTH, 57), np.linspace(_MONTH, _SHOWN_UNTIL, 63)]))
    over = np.stack([car_t.level(all_, day) for day in days])
    low, high = np.quantile(over, [0.05, 0.95], axis=1)
    by = {a.ours: row for a, row in zip(asked, rows, strict=True)}
    points: tuple[Point, ...] = ()
    if "peak" in by and "peak-day" in by:
        peak = by["peak"]
        points = (Point(by["peak-day"].against, peak.against, peak.low, peak.high),)
    name = entry("kinetics", car_t.ENTRY).both_languages("name")
    curve = Curve(name, days, car_t.level(one, days), low, high, points)
    return Picture(name, "days", "copies/µg DNA", "patients", (curve,), log=True)
