"""What a replay is, and what running it gives; no words but those of the catalogue's files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homing.evidence.catalogue import Entry

Texts = Mapping[str, str]
Array = NDArray[np.float64]
Use = Literal["calibration", "held out", "neither"]
#: In what a row counts: a share of patients, a difference of two shares, or a quantity with a unit.
SHARE, DIFFERENCE = "share", "difference"
#: How many standard errors of a simulation count as its error.
CERTAIN = 1.96
#: A printed share or difference that may be missed by this much either way hardly tests anything.
WEAK = 0.25


@dataclass(frozen=True)
class Tolerance:
    """How far ours may be from the printed number, and why.

    `kind`: 'sampling' (95 % interval of a trial of that size), 'rounding' (half a unit of the last printed digit),
    'factor' (printed value divided and multiplied by `factor`, after sampling error where the row has one),
    'as-printed' (a printed range), 'recomputed' (the rule of `synthesis.reproduce`).
    """

    kind: str
    because: Texts
    factor: float = 1.0


@dataclass(frozen=True)
class Replay:
    """One file of catalogue/replays/: a study, what is simulated of it, and how far apart the two may be.

    `said` is what its rows were used for where no file of catalogue/calibration/ names them, '' where it doesn't say.
    `caveat` says what weakens the word of a row's use: what was set by hand in view of the study. `entry` is the whole
    file, from which the kind's module reads what is its own.
    """

    key: str
    kind: str
    name: Texts
    what: Texts
    note: Texts
    caveat: Texts
    trials: tuple[str, ...]
    said: Use | None
    used_because: Texts
    tolerance: Tolerance
    entry: Entry


@dataclass(frozen=True)
class Compared:
    """One published number and ours.

    `as_printed` is what the source prints, word for word; '' where it prints no such number. `also` is what else is
    printed of the same arm and visit and isn't used. `against` is what ours is compared with, and `counts` what it was
    computed from ('53/107', 'n 24', '53/107 - 36/105'; '' where it is the printed number itself); `derived` says how
    those counts were got where they aren't printed.
    `low` and `high` bound what is near enough to it; `ours_low` and `ours_high` are ours over the scenarios (NaN where
    there is one answer); `error` is the Monte Carlo standard error of ours (0 for a closed form). `is_arithmetic` tells
    what follows from published numbers alone (pooling, closed forms, samples of a published model), so that Homing's
    mechanism has no part in it.
    """

    label: Texts
    unit: str
    as_printed: str
    against: float
    low: float
    high: float
    ours: float
    sources: tuple[str, ...]
    at: str
    counts: str = ""
    derived: str = ""
    also: tuple[str, ...] = ()
    ours_low: float = float("nan")
    ours_high: float = float("nan")
    error: float = 0.0
    used_for: Use = "neither"
    tolerance: Tolerance | None = None
    is_arithmetic: bool = False

    @property
    def is_computed(self) -> bool:
        """Whether what it is compared with was computed: a difference of counts, or counts that aren't printed."""
        return self.unit == DIFFERENCE or not self.as_printed or bool(self.derived)

    @property
    def agrees(self) -> bool:
        """Whether ours lies between `low` and `high`, its own Monte Carlo error allowed for."""
        room = CERTAIN * self.error
        return bool(self.low - room <= self.ours <= self.high + room)

    @property
    def is_weak(self) -> bool:
        """Whether nearly anything would agree: the study was too small to tell."""
        return self.unit in (SHARE, DIFFERENCE) and (self.high - self.low) / 2 > WEAK


@dataclass(frozen=True)
class Point:
    """A printed number at a time, with what is near enough to it."""

    x: float
    y: float
    low: float
    high: float


@dataclass(frozen=True)
class Curve:
    """Ours over time with a band, and the printed numbers that belong to it."""

    label: Texts
    x: Array
    middle: Array
    low: Array
    high: Array
    points: tuple[Point, ...] = ()


@dataclass(frozen=True)
class Picture:
    """Curves that share their axes. `x` is 'weeks' or 'days', `y` the unit ('share', 'mg/L', ...), `band` what the
    bands span: 'scenarios', or the middle 90 % of 'patients'."""

    title: Texts
    x: str
    y: str
    band: Literal["scenarios", "patients"]
    curves: tuple[Curve, ...]
    log: bool = False


@dataclass(frozen=True)
class Replayed:
    """A replay that was run. `patients` is 0 and `scenario` '' where nothing was simulated."""

    replay: Replay
    rows: tuple[Compared, ...]
    pictures: tuple[Picture, ...] = ()
    patients: int = 0
    seed: int = 0
    scenario: str = ""

    @property
    def agreeing(self) -> int:
        """How many rows agree."""
        return sum(row.agrees for row in self.rows)
