"""Effects of single studies from counts: differences and ratios between two arms, proportions of one.

Ratios are on the log scale and proportions on the logit scale, where they are pooled; `Effects.natural` leads back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean

Measure = Literal["risk-difference", "risk-ratio", "odds-ratio", "logit"]
Zeros = Literal["refuse", "drop", "add-half"]
TWO_ARM: tuple[Measure, ...] = ("risk-difference", "risk-ratio", "odds-ratio")
ZEROS: tuple[Zeros, ...] = ("refuse", "drop", "add-half")


@dataclass(frozen=True)
class Effects:
    """One effect and its sampling variance for each study, (study,). `kept` are the positions of the studies given.

    `notes` say what was done to studies for which the measure doesn't exist.
    """

    measure: Measure
    estimate: NDArray[np.float64]
    variance: NDArray[np.float64]
    kept: tuple[int, ...]
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.estimate)

    @property
    def is_ratio(self) -> bool:
        """Whether the natural scale is that of a ratio, with 1 as no effect."""
        return self.measure in ("risk-ratio", "odds-ratio")

    def natural(self, x: ArrayLike) -> NDArray[np.float64]:
        """From the scale on which effects are pooled to that on which they are read; see `natural`."""
        return natural(self.measure, x)

    def without(self, position: int) -> Effects:
        """The effects without one study."""
        keep = np.arange(len(self)) != position
        kept = tuple(k for i, k in enumerate(self.kept) if i != position)
        return Effects(self.measure, self.estimate[keep], self.variance[keep], kept, self.notes)


def natural(measure: Measure, x: ArrayLike) -> NDArray[np.float64]:
    """The natural value of a pooled one: exp for ratios, the inverse logit for proportions, itself for differences."""
    from scipy.special import expit

    values = np.asarray(x, dtype=float)
    if measure == "risk-difference":
        return values
    return expit(values) if measure == "logit" else np.exp(values)


def effect_of_counts(
    events_1: ArrayLike,
    n_1: ArrayLike,
    events_2: ArrayLike,
    n_2: ArrayLike,
    measure: Measure = "risk-difference",
    *,
    zeros: Zeros = "refuse",
) -> Effects:
    """Effects of arm 1 against arm 2, with the large-sample variances of metafor's escalc (RD, RR, OR).

    Arguments: counts (study,). `zeros` says what becomes of a study for which the measure or its variance doesn't
    exist (an empty or a full cell): 'refuse' it with an error, 'drop' it, or 'add-half' to all four cells of it.
    Raises: StudyError for impossible counts, an unknown measure, or a study that is refused.

    Example:
        >>> effects = effect_of_counts([53], [107], [36], [105])
        >>> effects.estimate.round(4), effects.variance.round(5)
        (array([0.1525]), array([0.00448]))
    """
    if measure not in TWO_ARM:
        raise StudyError(f"'{measure}' is no measure of two arms. {did_you_mean(measure, TWO_ARM)}")
    a, n1, c, n2 = (np.atleast_1d(np.asarray(x, dtype=float)) for x in (events_1, n_1, events_2, n_2))
    _check_counts(a, n1)
    _check_counts(c, n2)
    cells = np.stack([a, n1 - a, c, n2 - c])
    lacking = _lacks(measure, cells)
    kept, cells, notes = _without_zeros(cells, lacking, zeros)
    estimate, variance = _two_arm(measure, cells)
    return Effects(measure, estimate, variance, kept, notes)


def effect_of_proportions(events: ArrayLike, n: ArrayLike, *, zeros: Zeros = "refuse") -> Effects:
    """Logits of single proportions, variance 1/events + 1/(n - events). Arguments and errors as `effect_of_counts`.

    Example:
        >>> float(effect_of_proportions([20], [40]).natural(0.0))
        0.5
    """
    x, m = (np.atleast_1d(np.asarray(v, dtype=float)) for v in (events, n))
    _check_counts(x, m)
    cells = np.stack([x, m - x])
    kept, cells, notes = _without_zeros(cells, (cells == 0).any(axis=0), zeros)
    return Effects("logit", np.log(cells[0] / cells[1]), (1 / cells).sum(axis=0), kept, notes)


def _check_counts(events: NDArray[np.float64], n: NDArray[np.float64]) -> None:
    if events.shape != n.shape:
        raise StudyError(f"{len(events)} numbers of events and {len(n)} of patients; give one of each per study.")
    wrong = ~(np.isfinite(events) & np.isfinite(n) & (events >= 0) & (n > 0) & (events <= n))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise StudyError(f"study {i + 1} has {events[i]:g} events of {n[i]:g} patients, which can't be.")


def _lacks(measure: Measure, cells: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the measure or its variance doesn't exist."""
    a, b, c, d = cells
    if measure == "risk-difference":
        return ((a == 0) | (b == 0)) & ((c == 0) | (d == 0))
    if measure == "risk-ratio":
        return (a == 0) | (c == 0) | ((b == 0) & (d == 0))
    return (cells == 0).any(axis=0)


def _without_zeros(
    cells: NDArray[np.float64], lacking: NDArray[np.bool_], zeros: Zeros
) -> tuple[tuple[int, ...], NDArray[np.float64], tuple[str, ...]]:
    if zeros not in ZEROS:
        raise StudyError(f"'{zeros}' is no way to treat zero cells. {did_you_mean(zeros, ZEROS)}")
    which = np.flatnonzero(lacking)
    everyone = tuple(range(cells.shape[1]))
    if not which.size:
        return everyone, cells, ()
    named: Sequence[str] = [str(i + 1) for i in which]
    if zeros == "refuse":
        raise StudyError(
            f"the measure does not exist for study {', '.join(named)} (an empty or full cell). Choose the risk "
            f"difference, or say zeros='drop' or zeros='add-half'."
        )
    if zeros == "drop":
        kept = tuple(i for i in everyone if not lacking[i])
        return kept, cells[:, ~lacking], (f"left out for an empty or full cell: study {', '.join(named)}",)
    note = f"a half added to each cell of study {', '.join(named)}"
    return everyone, cells + 0.5 * lacking, (note,)


def _two_arm(measure: Measure, cells: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b, c, d = cells
    n1, n2 = a + b, c + d
    if measure == "risk-difference":
        return a / n1 - c / n2, a * b / n1**3 + c * d / n2**3
    if measure == "risk-ratio":
        return np.log(a / n1) - np.log(c / n2), 1 / a - 1 / n1 + 1 / c - 1 / n2
    return np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d
