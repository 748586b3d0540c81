"""Effects of single studies from rates, means and hazards, with the large-sample variances of metafor's escalc."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.synthesis.checks import (
    arrays,
    check_effects,
    check_lengths,
    check_level,
    check_rates,
    check_word,
    two_rates,
)
from homing.synthesis.effect import Effects, Measure

Array = NDArray[np.float64]
TWO_RATES: tuple[Measure, ...] = ("rate-ratio", "rate-difference", "root-rate-difference")
ONE_RATE: tuple[Measure, ...] = ("log-rate", "rate", "root-rate", "freeman-tukey-rate")
MEANS: tuple[Measure, ...] = (
    *("mean-difference", "standardised-mean-difference", "standardised-mean-difference-unequal", "ratio-of-means"),
)


def effect_of_rates(
    events_1: ArrayLike, time_1: ArrayLike, events_2: ArrayLike, time_2: ArrayLike, measure: Measure = "rate-ratio"
) -> Effects:
    """Effects of arm 1 against arm 2 from events (study,) and times at risk (study,), patient-years for instance.

    Raises: StudyError for impossible numbers, an unknown measure, or no event in an arm where a ratio needs one
    (`counts.mantel_haenszel_rates` pools such studies).
    """
    check_word(measure, TWO_RATES, "is no measure of two rates")
    x1, t1, x2, t2 = two_rates(events_1, time_1, events_2, time_2)
    if measure == "rate-ratio":
        _refuse_zeros((x1 == 0) | (x2 == 0))
        estimate, variance = np.log(x1 / t1) - np.log(x2 / t2), 1 / x1 + 1 / x2
    elif measure == "rate-difference":
        estimate, variance = x1 / t1 - x2 / t2, x1 / t1**2 + x2 / t2**2
        _refuse_zeros(variance == 0)
    else:
        estimate, variance = np.sqrt(x1 / t1) - np.sqrt(x2 / t2), 1 / (4 * t1) + 1 / (4 * t2)
    return _effects(measure, estimate, variance)


def effect_of_rate(events: ArrayLike, time: ArrayLike, measure: Measure = "log-rate") -> Effects:
    """Single rates from events (study,) and times at risk (study,). Raises StudyError as `effect_of_rates`."""
    check_word(measure, ONE_RATE, "is no measure of one rate")
    x, t = arrays(events, time)
    check_lengths(x, t)
    check_rates(x, t)
    if measure in ("log-rate", "rate"):
        _refuse_zeros(x == 0)
    found = {
        "log-rate": lambda: (np.log(x / t), 1 / x),
        "rate": lambda: (x / t, x / t**2),
        "root-rate": lambda: (np.sqrt(x / t), 1 / (4 * t)),
        "freeman-tukey-rate": lambda: (0.5 * (np.sqrt(x / t) + np.sqrt((x + 1) / t)), 1 / (4 * t)),
    }[measure]()
    return _effects(measure, *found)


def effect_of_means(
    mean_1: ArrayLike,
    sd_1: ArrayLike,
    n_1: ArrayLike,
    mean_2: ArrayLike,
    sd_2: ArrayLike,
    n_2: ArrayLike,
    measure: Measure = "mean-difference",
) -> Effects:
    """Effects of arm 1 against arm 2 from means, standard deviations and numbers of patients, each (study,).

    The standardised difference is Hedges' g with the exact correction (Hedges 1981); '-unequal' does not take the two
    arms to be equally spread (Bonett 2009).
    Raises: StudyError for an unknown measure, a standard deviation not above zero, fewer than two patients in an arm,
    means of a ratio that differ in sign.
    """
    check_word(measure, MEANS, "is no measure of two means")
    m1, s1, n1, m2, s2, n2 = arrays(mean_1, sd_1, n_1, mean_2, sd_2, n_2)
    check_lengths(m1, s1, n1, m2, s2, n2)
    if not (np.isfinite(m1 + m2 + s1 + s2 + n1 + n2) & (s1 > 0) & (s2 > 0) & (n1 >= 2) & (n2 >= 2)).all():
        raise StudyError("every study needs two finite means, standard deviations above 0, two patients an arm.")
    if measure == "mean-difference":
        return _effects(measure, m1 - m2, s1**2 / n1 + s2**2 / n2)
    if measure == "ratio-of-means":
        if (m1 * m2 <= 0).any():
            raise StudyError("a ratio of means needs means of one sign; take the difference.")
        return _effects(measure, np.log(m1 / m2), s1**2 / (n1 * m1**2) + s2**2 / (n2 * m2**2))
    return _effects(measure, *_standardised(m1, s1, n1, m2, s2, n2, measure))


def _standardised(
    m1: Array, s1: Array, n1: Array, m2: Array, s2: Array, n2: Array, measure: Measure
) -> tuple[Array, Array]:
    df = n1 + n2 - 2
    if measure == "standardised-mean-difference":
        pooled = np.sqrt(((n1 - 1) * s1**2 + (n2 - 1) * s2**2) / df)
        g = _small_sample(df) * (m1 - m2) / pooled
        return g, 1 / n1 + 1 / n2 + g**2 / (2 * (n1 + n2))
    mean_sd = np.sqrt((s1**2 + s2**2) / 2)
    d, correction = (m1 - m2) / mean_sd, _small_sample(df)
    own = (correction * d) ** 2 * (s1**4 / (n1 - 1) + s2**4 / (n2 - 1)) / (8 * mean_sd**4)
    return correction * d, correction**2 * (own + (s1**2 / (n1 - 1) + s2**2 / (n2 - 1)) / mean_sd**2)


def _small_sample(df: Array) -> Array:
    """Hedges' exact correction of a standardised difference."""
    from scipy.special import gammaln

    return np.exp(gammaln(df / 2) - 0.5 * np.log(df / 2) - gammaln((df - 1) / 2))


def effect_of_hazard_ratios(ratio: ArrayLike, low: ArrayLike, high: ArrayLike, level: float = 0.95) -> Effects:
    """Log hazard ratios from ratios printed with an interval (study,), symmetric on the log scale.

    Raises: StudyError where low < ratio < high does not hold, or where the ratio lies so far from the middle of its
    interval that one of the three must be misprinted (by more than a tenth of the interval's log width).
    """
    from scipy.special import ndtri

    check_level(level)
    r, a, b = arrays(ratio, low, high)
    check_lengths(r, a, b)
    if not ((a > 0) & (a < r) & (r < b) & np.isfinite(b)).all():
        raise StudyError("a hazard ratio must lie between its limits, all above zero.")
    width = np.log(b) - np.log(a)
    if (np.abs(np.log(r) - 0.5 * (np.log(a) + np.log(b))) > 0.1 * width).any():
        raise StudyError("a hazard ratio is far from the middle of its interval (on the log scale); check the three.")
    return _effects("hazard-ratio", np.log(r), (width / (2 * float(ndtri(0.5 + level / 2)))) ** 2)


def effect_of_estimates(estimate: ArrayLike, variance: ArrayLike, measure: Measure = "mean") -> Effects:
    """Effects known as estimates with sampling variances (study,), on the scale on which they are to be pooled."""
    y, v = arrays(estimate, variance)
    check_effects(y, v, "estimate")
    return _effects(measure, y, v)


def _effects(measure: Measure, estimate: Array, variance: Array) -> Effects:
    return Effects(measure, estimate, variance, tuple(range(len(estimate))))


def _refuse_zeros(lacking: Any) -> None:
    if lacking.any():
        named = ", ".join(str(i + 1) for i in np.flatnonzero(lacking))
        raise StudyError(f"the measure does not exist for study {named} (no event). Choose another measure.")
