"""Power of a two-arm trial with a binary endpoint, and its average over what is not known of the effect."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri


@dataclass(frozen=True)
class TwoArmDesign:
    """A parallel trial with a two-sided test. `dropout` is the share randomised who are counted as failures."""

    patients_per_arm: int
    alpha: float = 0.05
    dropout: float = 0.0


def power(treated: float, control: float, design: TwoArmDesign) -> float:
    """Probability that the trial shows the treated arm better, for true shares `treated` and `control`.

    Normal approximation with unpooled variance under the alternative and two-sided alpha; only a difference in favour
    of treatment counts. Patients lost are counted as not having reached the endpoint (the analysis of ADMIRE-CD).

    Example:
        >>> round(power(0.50, 0.34, TwoArmDesign(106)), 2)
        0.66
    """
    return float(power_of(np.array([treated]), np.array([control]), design)[0])


def power_of(treated: NDArray[np.float64], control: NDArray[np.float64], design: TwoArmDesign) -> NDArray[np.float64]:
    """`power` for arrays of true shares, elementwise."""
    kept = 1 - design.dropout
    a, b = kept * np.asarray(treated), kept * np.asarray(control)
    variance = (a * (1 - a) + b * (1 - b)) / design.patients_per_arm
    critical = float(ndtri(1 - design.alpha / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        z = (a - b) / np.sqrt(variance)
    sure = np.where(a > b, 1.0, 0.0)
    return np.where(variance > 0, ndtr(z - critical), sure)


def patients_for_power(treated: float, control: float, wanted: float, alpha: float, dropout: float) -> int | None:
    """The smallest number per arm that reaches the wanted power; None when treatment is not better."""
    if treated <= control:
        return None
    low, high = 1, 2
    while power(treated, control, TwoArmDesign(high, alpha, dropout)) < wanted:
        low, high = high, 2 * high
        if high > 10_000_000:
            return None
    while high - low > 1:
        middle = (low + high) // 2
        if power(treated, control, TwoArmDesign(middle, alpha, dropout)) < wanted:
            low = middle
        else:
            high = middle
    return high


def assurance(
    shares: Sequence[tuple[float, float]], weights: Sequence[float], design: TwoArmDesign
) -> tuple[float, list[float]]:
    """Power averaged over scenarios, and the power in each.

    Arguments: `shares` (treated, control) of each scenario; `weights` their weights (made to sum to 1).
    """
    each = [power(a, b, design) for a, b in shares]
    total = math.fsum(weights)
    return math.fsum(w * p for w, p in zip(weights, each, strict=True)) / total, each


def predictive_assurance(
    log_odds_ratio: float, spread: float, control: float, design: TwoArmDesign, points: int = 4001
) -> float:
    """Power averaged over a normal distribution of the log odds ratio, at a given control share.

    `spread` is the standard deviation of the next trial's true effect: sqrt(tau2 + se2) of a random-effects synthesis.
    """
    u = (np.arange(points) + 0.5) / points
    odds = np.exp(log_odds_ratio + spread * ndtri(u)) * control / (1 - control)
    return float(power_of(odds / (1 + odds), np.full(points, control), design).mean())
