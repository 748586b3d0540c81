"""Effects of single studies from counts: differences and ratios between two arms, proportions of one.

Ratios are on the log scale and proportions on a scale of their own, where they are pooled; `Effects.natural` leads
back. Definitions and large-sample variances are those of metafor's escalc (Viechtbauer 2010,
doi:10.18637/jss.v036.i03); effects of rates, means and hazards are in `effect_continuous`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.synthesis.checks import check_word, one_arm, two_arms

Measure = Literal[
    "risk-difference",
    "risk-ratio",
    "odds-ratio",
    "arcsine-difference",
    "peto-odds-ratio",
    "proportion",
    "log-proportion",
    "logit",
    "arcsine",
    "freeman-tukey",
    "rate-ratio",
    "rate-difference",
    "root-rate-difference",
    "rate",
    "log-rate",
    "root-rate",
    "freeman-tukey-rate",
    "mean-difference",
    "standardised-mean-difference",
    "standardised-mean-difference-unequal",
    "ratio-of-means",
    "hazard-ratio",
    "mean",
]
Zeros = Literal["refuse", "drop", "add-half", "add-half-any-zero", "add-half-all-if-any", "add-half-all"]
TWO_ARM: tuple[Measure, ...] = (
    *("risk-difference", "risk-ratio", "odds-ratio", "arcsine-difference", "peto-odds-ratio"),
)
ONE_ARM: tuple[Measure, ...] = ("logit", "freeman-tukey", "arcsine", "proportion", "log-proportion")
RATIOS: tuple[Measure, ...] = (
    *("risk-ratio", "odds-ratio", "peto-odds-ratio", "rate-ratio", "ratio-of-means", "hazard-ratio"),
)
ZEROS: tuple[Zeros, ...] = (
    *("refuse", "drop", "add-half", "add-half-any-zero", "add-half-all-if-any", "add-half-all"),
)
#: Scales on which empty cells do no harm, so that nothing is ever added to them.
_NEVER_LACKS = ("arcsine-difference", "arcsine", "freeman-tukey")
_ONLY_ADDED: dict[str, str] = {
    "add-half-any-zero": "with an empty or full cell",
    "add-half-all-if-any": "(some study has an empty or full cell)",
    "add-half-all": "(all studies, as asked)",
}


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
        return self.measure in RATIOS

    def natural(self, x: ArrayLike, n: float | None = None) -> NDArray[np.float64]:
        """From the scale on which effects are pooled to that on which they are read; see `natural`."""
        return natural(self.measure, x, n)

    def without(self, position: int) -> Effects:
        """The effects without one study."""
        keep = np.arange(len(self)) != position
        kept = tuple(k for i, k in enumerate(self.kept) if i != position)
        return Effects(self.measure, self.estimate[keep], self.variance[keep], kept, self.notes)


def natural(measure: Measure, x: ArrayLike, n: float | None = None) -> NDArray[np.float64]:
    """The natural value of a pooled one: exp for ratios, proportions and rates as such, itself for differences.

    `n` is the size that the inverse of the Freeman-Tukey transformations needs: the harmonic mean of the studies'
    patients (or times at risk). The value depends on it (Schwarzer 2019, doi:10.1002/jrsm.1348), which is why Homing
    pools proportions by a binomial model (`binomial`) and offers these for comparison only.
    """
    from scipy.special import expit

    values = np.asarray(x, dtype=float)
    if measure in RATIOS or measure in ("log-proportion", "log-rate"):
        return np.exp(values)
    if measure == "logit":
        return expit(values)
    if measure == "arcsine":
        return np.sin(np.clip(values, 0, np.pi / 2)) ** 2
    if measure == "root-rate":
        return np.maximum(values, 0) ** 2
    if measure.startswith("freeman-tukey"):
        if n is None or not n > 0:
            raise StudyError("the Freeman-Tukey transformation needs a size (the harmonic mean) to lead back.")
        return _from_freeman_tukey(values, n) if measure == "freeman-tukey" else _from_freeman_tukey_rate(values, n)
    return values


def _from_freeman_tukey(x: NDArray[np.float64], n: float) -> NDArray[np.float64]:
    """Miller 1978 (doi:10.1080/00031305.1978.10479283); 0 and 1 beyond what no event and n events give."""
    low = 0.5 * (np.arcsin(0.0) + np.arcsin(np.sqrt(1 / (n + 1))))
    inside = np.clip(x, low, np.pi / 2 - low)
    sine = np.sin(2 * inside)
    root = np.sqrt(np.maximum(0.0, 1 - (sine + (sine - 1 / sine) / n) ** 2))
    found = 0.5 * (1 - np.sign(np.cos(2 * inside)) * root)
    return np.where(x <= low, 0.0, np.where(x >= np.pi / 2 - low, 1.0, found))


def _from_freeman_tukey_rate(x: NDArray[np.float64], t: float) -> NDArray[np.float64]:
    lowest = 0.5 * np.sqrt(1 / t)
    inside = np.maximum(x, lowest)
    return np.where(x <= lowest, 0.0, (1 / t - 8 * inside**2 + 16 * t * inside**4) / (16 * inside**2 * t))


def effect_of_counts(
    events_1: ArrayLike,
    n_1: ArrayLike,
    events_2: ArrayLike,
    n_2: ArrayLike,
    measure: Measure = "risk-difference",
    *,
    zeros: Zeros = "refuse",
    double_zeros: Literal["keep", "drop"] = "keep",
) -> Effects:
    """Effects of arm 1 against arm 2, with the large-sample variances of metafor's escalc (RD, RR, OR, AS, PETO).

    Arguments: counts (study,). `zeros` says what becomes of a study for which the measure or its variance doesn't
    exist (an empty or a full cell): 'refuse' it with an error, 'drop' it, or 'add-half' to all four cells of it. Three
    further ways are metafor's: 'add-half-any-zero' to every study with such a cell, whether or not the measure exists
    (its `only0`), 'add-half-all-if-any' (`if0all`) and 'add-half-all' (`all`). `double_zeros` 'drop' leaves out
    studies with no event, or only events, in both arms (`drop00`). Nothing is added in silence: `notes` name it.
    Raises: StudyError for impossible counts, an unknown measure, or a study that is refused.

    Example:
        >>> effects = effect_of_counts([53], [107], [36], [105])
        >>> effects.estimate.round(4), effects.variance.round(5)
        (array([0.1525]), array([0.00448]))
    """
    check_word(measure, TWO_ARM, "is no measure of two arms")
    check_word(double_zeros, ("keep", "drop"), "is no way to treat studies without any event")
    a, n1, c, n2 = two_arms(events_1, n_1, events_2, n_2)
    cells = np.stack([a, n1 - a, c, n2 - c])
    both = ((a == 0) & (c == 0)) | ((a == n1) & (c == n2))
    first = tuple(int(i) for i in np.flatnonzero(~both)) if double_zeros == "drop" else tuple(range(len(a)))
    dropped = tuple(i for i in range(len(a)) if i not in first)
    cells = cells[:, list(first)]
    kept, cells, notes = _without_zeros(measure, cells, zeros, first)
    estimate, variance = _two_arm(measure, cells)
    if dropped:
        notes = (*notes, f"left out for the same in every patient: study {', '.join(str(i + 1) for i in dropped)}")
    return Effects(measure, estimate, variance, kept, notes)


def effect_of_proportions(
    events: ArrayLike, n: ArrayLike, measure: Measure = "logit", *, zeros: Zeros = "refuse"
) -> Effects:
    """Single proportions, as logits (variance 1/events + 1/(n - events)) or on another of the `ONE_ARM` scales.

    Definitions are escalc's (PLO, PR, PLN, PAS, PFT). Arguments and errors as `effect_of_counts`.

    Example:
        >>> float(effect_of_proportions([20], [40]).natural(0.0))
        0.5
    """
    x, m = one_arm(events, n)
    check_word(measure, ONE_ARM, "is no measure of one arm")
    cells = np.stack([x, m - x])
    kept, cells, notes = _without_zeros(measure, cells, zeros, tuple(range(len(x))))
    estimate, variance = _one_arm(measure, *cells)
    return Effects(measure, estimate, variance, kept, notes)


def _lacks(measure: Measure, cells: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where the measure or its variance doesn't exist."""
    if measure in _NEVER_LACKS:
        return np.zeros(cells.shape[1], dtype=bool)
    if measure in ("logit", "proportion", "log-proportion"):
        return (cells == 0).any(axis=0)
    a, b, c, d = cells
    if measure == "peto-odds-ratio":
        return (a + c == 0) | (b + d == 0)
    if measure == "risk-difference":
        return ((a == 0) | (b == 0)) & ((c == 0) | (d == 0))
    if measure == "risk-ratio":
        return (a == 0) | (c == 0) | ((b == 0) & (d == 0))
    return (cells == 0).any(axis=0)


def _without_zeros(
    measure: Measure, cells: NDArray[np.float64], zeros: Zeros, position: tuple[int, ...]
) -> tuple[tuple[int, ...], NDArray[np.float64], tuple[str, ...]]:
    check_word(zeros, ZEROS, "is no way to treat zero cells")
    lacking = _lacks(measure, cells)
    if zeros in _ONLY_ADDED and measure not in _NEVER_LACKS:
        empty = (cells == 0).any(axis=0)
        every = zeros == "add-half-all" or (zeros == "add-half-all-if-any" and empty.any())
        added = np.ones(len(empty), dtype=bool) if every else empty
        named = ", ".join(str(position[i] + 1) for i in np.flatnonzero(added))
        notes = (f"a half added to each cell of study {named} {_ONLY_ADDED[zeros]}",) if added.any() else ()
        return position, cells + 0.5 * added, notes
    which = np.flatnonzero(lacking)
    if not which.size:
        return position, cells, ()
    named = ", ".join(str(position[i] + 1) for i in which)
    if zeros == "refuse":
        raise StudyError(
            f"the measure does not exist for study {named} (an empty or full cell). Choose the risk "
            f"difference, or say what to do with it: `zeros` (--zeros) drop or add-half."
        )
    if zeros == "drop":
        kept = tuple(i for i, out in zip(position, lacking, strict=True) if not out)
        return kept, cells[:, ~lacking], (f"left out for an empty or full cell: study {named}",)
    return position, cells + 0.5 * lacking, (f"a half added to each cell of study {named}",)


def _two_arm(measure: Measure, cells: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    a, b, c, d = cells
    n1, n2 = a + b, c + d
    if measure == "risk-difference":
        return a / n1 - c / n2, a * b / n1**3 + c * d / n2**3
    if measure == "risk-ratio":
        return np.log(a / n1) - np.log(c / n2), 1 / a - 1 / n1 + 1 / c - 1 / n2
    if measure == "arcsine-difference":
        return np.arcsin(np.sqrt(a / n1)) - np.arcsin(np.sqrt(c / n2)), 1 / (4 * n1) + 1 / (4 * n2)
    if measure == "peto-odds-ratio":
        n = n1 + n2
        spread = n1 * n2 * (a + c) * (b + d) / (n**2 * (n - 1))
        return (a - n1 * (a + c) / n) / spread, 1 / spread
    return np.log(a * d / (b * c)), 1 / a + 1 / b + 1 / c + 1 / d


def _one_arm(
    measure: Measure, x: NDArray[np.float64], rest: NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    n = x + rest
    p = x / n
    if measure == "proportion":
        return p, p * (1 - p) / n
    if measure == "log-proportion":
        return np.log(p), 1 / x - 1 / n
    if measure == "arcsine":
        return np.arcsin(np.sqrt(p)), 1 / (4 * n)
    if measure == "freeman-tukey":
        return 0.5 * (np.arcsin(np.sqrt(x / (n + 1))) + np.arcsin(np.sqrt((x + 1) / (n + 1)))), 1 / (4 * n + 2)
    return np.log(x / rest), 1 / x + 1 / rest
