"""Levels of CAR-T cells in blood: exponential growth to a peak, then a fast and a slow decline.

The closed form is that of Stein et al. 2019 (figure 2 and equation 1; parameters of table 1), the store's record of
which holds the typical values and the variances of their logarithms between patients.

    compare:
      - {ours: half-life-fast, trial: Stein-2019, arm: cells, what: half-life of the first decline, label: {en:, zh:}}
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from homing.credibility.replays.allowed import kinetic_bounds, middle_of
from homing.credibility.replays.content import Array, Compared, Curve, Picture, Point, Replay, Replayed
from homing.credibility.replays.read import tolerance_of, used_for
from homing.credibility.replays.uses import use_of
from homing.evidence.records import Kinetic
from homing.evidence.store import Store
from homing.ground.calendar import DAYS_PER_WEEK
from homing.ground.errors import EvidenceError
from homing.ground.keys import normals

MODEL, ARM = "Stein-2019", "cells"
#: What the store calls the typical value and the variance of each parameter.
TYPICAL = {
    "fold": "fold expansion to the peak (typical value)",
    "day": "day of the peak (typical value)",
    "peak": "peak level (typical value)",
    "fast": "rate of the first decline",
    "slow_share": "fraction that goes over to the slow decline",
    "slow": "rate of the slow decline",
}
VARIANCE = {
    "fold": "fold expansion",
    "day": "the day of the peak",
    "peak": "the peak level",
    "fast": "the rate of the first decline",
    "slow_share": "the fraction that goes over",
    "slow": "the rate of the slow decline",
}
#: A closed form costs nothing, so that at least as many patients are drawn.
LEAST_DRAWN = 20_000
_MONTH = 28.0
_SHOWN_UNTIL = 400.0
#: The standard error of a median is this many times that of a mean, of normal numbers: sqrt(pi / 2).
MEDIAN = math.sqrt(math.pi / 2)


@dataclass(frozen=True)
class Levels:
    """Parameters of one patient, or (patient,) arrays: `fold` of the first level at the peak, `day` and height of the
    `peak`, rates (1/d) of the `fast` and `slow` decline, and the share of the peak that declines slowly."""

    fold: ArrayLike
    day: ArrayLike
    peak: ArrayLike
    fast: ArrayLike
    slow_share: ArrayLike
    slow: ArrayLike

    def at(self, t: ArrayLike) -> Array:
        """Levels at days t >= 0; continuous at the peak."""
        time = np.asarray(t, dtype=float)
        since = np.maximum(time - self.day, 0.0)
        rising = np.asarray(self.peak / np.asarray(self.fold)) * np.exp(self.growth * np.minimum(time, self.day))
        fast = (1 - np.asarray(self.slow_share)) * np.exp(-np.asarray(self.fast) * since)
        falling = self.peak * (fast + self.slow_share * np.exp(-np.asarray(self.slow) * since))
        return np.where(time < self.day, rising, falling)

    @property
    def growth(self) -> Array:
        """The rate of growth until the peak, 1/d."""
        return np.log(self.fold) / np.asarray(self.day)

    def area(self, until: float) -> Array:
        """The area under the levels from day 0 to a day."""
        end = np.minimum(until, self.day)
        first = np.asarray(self.peak / np.asarray(self.fold))
        rising = first * np.expm1(self.growth * end) / self.growth
        since = np.maximum(until - np.asarray(self.day), 0.0)
        fast = (1 - np.asarray(self.slow_share)) * -np.expm1(-np.asarray(self.fast) * since) / self.fast
        slow = np.asarray(self.slow_share) * -np.expm1(-np.asarray(self.slow) * since) / self.slow
        return np.asarray(rising + self.peak * (fast + slow))


def typical(store: Store) -> Levels:
    """The typical patient of the published model."""
    return Levels(**{name: middle_of(reading(store, MODEL, ARM, what)) for name, what in TYPICAL.items()})


def sample(store: Store, patients: int, seed: int) -> Levels:
    """(patient,) parameters drawn as published: log-normal about the typical values, without correlation."""
    ids, drawn = np.arange(patients), {}
    for name, what in TYPICAL.items():
        spread = math.sqrt(_variance(store, name))
        luck = normals(seed, f"replay of CAR-T levels: {name}", ids)[:, 0]
        drawn[name] = middle_of(reading(store, MODEL, ARM, what)) * np.exp(spread * luck)
    return Levels(**drawn)


def reading(store: Store, trial: str, arm: str, what: str) -> Kinetic:
    """A kinetic reading of the store by what it is of. Raises EvidenceError where there is none."""
    for kinetic in store.trial(trial).kinetics:
        if kinetic.arm == arm and kinetic.what == what and not kinetic.contradicts:
            return kinetic
    raise EvidenceError(f"the store has no '{what}' of {trial}, arm '{arm}'.", "catalogue/replays")


def _variance(store: Store, name: str) -> float:
    what = f"variance between patients of the logarithm of {VARIANCE[name]}"
    return middle_of(reading(store, MODEL, ARM, what))


#: Of the typical patient, by the word that a file uses.
CLOSED: Mapping[str, Callable[[Levels], float]] = {
    "doubling-time": lambda one: math.log(2) / float(one.growth),
    "half-life-fast": lambda one: math.log(2) / float(np.asarray(one.fast)),
    "half-life-slow": lambda one: math.log(2) / float(np.asarray(one.slow)),
}
#: Of virtual patients: (patient,) values, and how they are summed up.
DRAWN: Mapping[str, tuple[Callable[[Levels], Array], str]] = {
    "peak": (lambda all_: np.asarray(all_.peak), "geometric mean"),
    "peak-day": (lambda all_: np.asarray(all_.day), "median"),
    "area-28": (lambda all_: all_.area(_MONTH), "geometric mean"),
}


def run_cellular_kinetics(replay: Replay, store: Store, patients: int, seed: int) -> Replayed:
    """The published model's numbers from its parameters, beside those printed."""
    drawn = max(patients, LEAST_DRAWN)
    one, all_ = typical(store), sample(store, drawn, seed)
    rows = []
    for e in replay.entry.parts("compare"):
        required = ("ours", "trial", "arm", "what", "label")
        e.fields(*required, "tolerance", "used for", required=required)
        ours = e.one_of("ours", (*CLOSED, *DRAWN))
        trial = store.trial(e.one_of("trial", replay.trials))
        found = reading(store, trial.key, e.text("arm"), e.text("what"))
        tolerance = tolerance_of(replay, e)
        value, error, spread = (CLOSED[ours](one), 0.0, 0.0) if ours in CLOSED else _summed(all_, ours, found.n or 1)
        low, high = kinetic_bounds(found, tolerance, spread)
        rows.append(
            Compared(
                label=e.both_languages("label"),
                unit=found.unit,
                printed=middle_of(found),
                as_printed=found.printed,
                low=low,
                high=high,
                ours=value,
                source=found.source,
                at=found.at,
                error=error,
                used_for=use_of(trial.key, found.arm, found.what, found.day / DAYS_PER_WEEK, used_for(replay, e)),
                tolerance=tolerance,
            )
        )
    return Replayed(replay, tuple(rows), (_picture(replay, rows, one, all_),), drawn, seed)


def _summed(all_: Levels, ours: str, n: int) -> tuple[float, float, float]:
    """The geometric mean or median over virtual patients, its Monte Carlo standard error, and the standard error of the
    logarithm of the same from n patients."""
    values, how = DRAWN[ours][0](all_), DRAWN[ours][1]
    times = MEDIAN if how == "median" else 1.0
    logs = np.log(values)
    middle = float(np.exp(np.median(logs) if how == "median" else logs.mean()))
    each = times * float(logs.std(ddof=1))
    return middle, middle * each / math.sqrt(len(values)), each / math.sqrt(n)


def _picture(replay: Replay, rows: list[Compared], one: Levels, all_: Levels) -> Picture:
    days = np.unique(np.concatenate([np.linspace(0.0, _MONTH, 57), np.linspace(_MONTH, _SHOWN_UNTIL, 63)]))
    over = np.stack([all_.at(day) for day in days])
    low, high = np.quantile(over, [0.05, 0.95], axis=1)
    by = {e.text("ours"): row for e, row in zip(replay.entry.parts("compare"), rows, strict=True)}
    points: tuple[Point, ...] = ()
    if "peak" in by and "peak-day" in by:
        peak = by["peak"]
        points = (Point(by["peak-day"].printed, peak.printed, peak.low, peak.high),)
    return Picture(
        replay.name,
        "days",
        "copies/µg DNA",
        "patients",
        (Curve(replay.name, days, one.at(days), low, high, points),),
        log=True,
    )
