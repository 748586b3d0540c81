"""Exact intervals of proportions, and the Monte Carlo error of simulated ones."""

from __future__ import annotations

import math

import numpy as np


def exact_interval(events: int, n: int, level: float = 0.95) -> tuple[float, float]:
    """The two-sided Clopper-Pearson interval of events/n, as fractions of 1.

    With 0 of n the upper bound at level 0.95 is 1 - 0.025**(1/n). Raises: ValueError unless 0 <= events <= n, n > 0.

    Example:
        >>> low, high = exact_interval(0, 50)
        >>> round(100 * high, 2)
        7.11
    """
    from scipy.special import betaincinv

    if n <= 0 or not 0 <= events <= n:
        raise ValueError(f"{events} events of {n} is not a proportion")
    tail = (1 - level) / 2
    low = 0.0 if events == 0 else float(betaincinv(events, n - events + 1, tail))
    high = 1.0 if events == n else float(betaincinv(events + 1, n - events, 1 - tail))
    return low, high


def effective_interval(share: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """The interval of a weighted share of `n` effective patients: Clopper-Pearson's with counts that needn't be whole.

    Raises: ValueError unless 0 <= share <= 1 and n > 0.

    Example:
        >>> effective_interval(0.25, 20.0) == exact_interval(5, 20)
        True
    """
    from scipy.special import betaincinv

    if n <= 0 or not 0 <= share <= 1:
        raise ValueError(f"{share} of {n} is not a proportion")
    tail, events = (1 - level) / 2, share * n
    low = 0.0 if share == 0 else float(betaincinv(events, n - events + 1, tail))
    high = 1.0 if share == 1 else float(betaincinv(events + 1, n - events, 1 - tail))
    return low, high


def upper_bound(events: int, n: int, level: float = 0.95) -> float:
    """The one-sided exact upper bound of events/n; with no events it is close to 3/n (the rule of three).

    Example:
        >>> round(100 * upper_bound(0, 50), 2)
        5.82
    """
    return exact_interval(events, n, 2 * level - 1)[1]


def monte_carlo_error(share: float, n: int) -> float:
    """The standard error of a simulated share of n patients, sqrt(p(1-p)/n), as a fraction of 1.

    Example:
        >>> round(monte_carlo_error(0.8, 1000), 5)
        0.01265
    """
    return math.sqrt(share * (1 - share) / n) if n else math.nan


def paired_difference(a: np.ndarray, b: np.ndarray, level: float = 0.95) -> tuple[float, float, float]:
    """Mean of a - b over patients seen under both, with its Monte Carlo interval; NaN pairs are left out.

    Under common random numbers the pair is one patient under two protocols, so the interval is that of a mean of
    differences and much narrower than that of two independent shares.
    """
    from scipy.special import ndtri

    difference = np.asarray(a, dtype=float) - np.asarray(b, dtype=float)
    difference = difference[np.isfinite(difference)]
    if difference.size < 2:
        return math.nan, math.nan, math.nan
    half = float(ndtri(0.5 + level / 2)) * float(difference.std(ddof=1)) / math.sqrt(difference.size)
    mean = float(difference.mean())
    return mean, mean - half, mean + half


def unanimous_interval(value: float, n: float, level: float = 0.95) -> tuple[float, float]:
    """The interval of a mean difference of shares where all `n` pairs of patients differ alike, by `value`.

    Their standard error is 0, which says nothing of patients not simulated: of those as many may differ otherwise as an
    exact interval leaves open after 0 of n, by 1 at most.

    Example:
        >>> low, high = unanimous_interval(0.0, 50)
        >>> round(100 * low, 2), round(100 * high, 2)
        (-7.11, 7.11)
    """
    reach = effective_interval(0.0, n, level)[1]
    return max(value - reach, -1.0), min(value + reach, 1.0)
