"""Pooling of two-armed counts without large-sample variances of each study: Mantel-Haenszel, Peto, exact.

These take studies with empty cells as they are. A study without any event carries no information on a ratio and is
counted as such; it does carry some on a difference. Definitions are those of metafor's rma.mh and rma.peto; the
variances are those of Robins, Breslow and Greenland 1986 (odds ratio), Greenland and Robins 1985 (risk ratio,
doi:10.2307/2530643) and Sato, Greenland and Robins 1989 (risk difference).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.synthesis.checks import check_level, check_whole, check_word, silent_note, two_arms, two_rates
from homing.synthesis.effect import Measure, effect_of_counts, natural

Array = NDArray[np.float64]
MH: tuple[Measure, ...] = ("odds-ratio", "risk-ratio", "risk-difference")


@dataclass(frozen=True)
class PooledCounts:
    """A common effect from counts, on the scale of pooling (logs for ratios); `natural()` on that of reading.

    `q` and `q_p` test whether the studies differ (from their own effects, a half added where these don't exist; Q is
    NaN with a single study). `score` is the Cochran-Mantel-Haenszel chi-squared, `informative` the number of studies
    that carry information, of `k`; `q_df` are Q's degrees of freedom, those of the studies with an effect of their own.
    """

    measure: Measure
    method: str
    k: int
    informative: int
    estimate: float
    standard_error: float
    low: float
    high: float
    p: float
    q: float
    q_p: float
    score: float
    score_p: float
    notes: tuple[str, ...] = ()
    q_df: int = 0

    @property
    def i2(self) -> float:
        """The share of Q beyond its degrees of freedom (Higgins and Thompson 2002, doi:10.1002/sim.1186)."""
        return max(0.0, 1 - self.q_df / self.q) if self.q > 0 else 0.0

    def natural(self) -> PooledCounts:
        """Estimate and interval on the natural scale."""
        back = {name: float(natural(self.measure, getattr(self, name))) for name in ("estimate", "low", "high")}
        return replace(self, **back)  # type: ignore[arg-type]


def mantel_haenszel(
    events_1: ArrayLike,
    n_1: ArrayLike,
    events_2: ArrayLike,
    n_2: ArrayLike,
    measure: Measure = "odds-ratio",
    *,
    level: float = 0.95,
    continuity: bool = False,
) -> PooledCounts:
    """The Mantel-Haenszel estimate of a common odds ratio, risk ratio or risk difference from counts (study,).

    `continuity` takes a half off the score statistic's numerator, as older programs do.
    Raises: StudyError for impossible counts, an unknown measure, or data that leave the ratio without a value.

    Example:
        >>> found = mantel_haenszel([53, 139], [107, 284], [36, 132], [105, 284]).natural()
        >>> round(found.estimate, 2)
        1.27
    """
    check_level(level)
    check_word(measure, MH, "has no Mantel-Haenszel estimate here")
    a, n1, c, n2 = two_arms(events_1, n_1, events_2, n_2)
    b, d, n = n1 - a, n2 - c, n1 + n2
    if measure == "odds-ratio":
        up, down = a * d / n, b * c / n
        r, s = _sums(up, down, measure)
        same, cross = (a + d) / n, (b + c) / n
        variance = float(
            (same @ up) / (2 * r**2) + (same @ down + cross @ up) / (2 * r * s) + (cross @ down) / (2 * s**2)
        )
        estimate, informative = math.log(r / s), (up + down) > 0
    elif measure == "risk-ratio":
        r, s = _sums(a * n2 / n, c * n1 / n, measure)
        variance = float(((n1 * n2 * (a + c) - a * c * n) / n**2).sum()) / (r * s)
        estimate, informative = math.log(r / s), (a + c) > 0
    else:
        weight = float((n1 * n2 / n).sum())
        estimate = float(((a * n2 - c * n1) / n).sum()) / weight
        first = float(((c * n1**2 - a * n2**2 + n1 * n2 * (n2 - n1) / 2) / n**2).sum())
        variance = (estimate * first + float(((a * d + c * b) / n).sum()) / 2) / weight**2
        informative = n > 0
    score = _score(a, n1, c, n2, continuity)
    return _found(measure, "Mantel-Haenszel", (a, n1, c, n2), informative, estimate, variance, score, level)


def _sums(up: Array, down: Array, measure: Measure) -> tuple[float, float]:
    r, s = float(up.sum()), float(down.sum())
    if r <= 0 or s <= 0:
        raise StudyError(
            f"the {measure} has no Mantel-Haenszel estimate: one arm has no event in any study. "
            f"Take the risk difference, or the exact interval."
        )
    return r, s


def peto(
    events_1: ArrayLike, n_1: ArrayLike, events_2: ArrayLike, n_2: ArrayLike, *, level: float = 0.95
) -> PooledCounts:
    """Peto's one-step odds ratio (Yusuf 1985, doi:10.1016/S0033-0620(85)80003-7), for rare events and equal arms.

    Far from an odds ratio of 1, or with unequal arms, it is biased (Greenland and Salvan 1990).
    Raises: StudyError for impossible counts or where no study has both events and non-events.
    """
    check_level(level)
    a, n1, c, n2 = two_arms(events_1, n_1, events_2, n_2)
    difference, spread = _observed_less_expected(a, n1, c, n2)
    total = float(spread.sum())
    if total <= 0:
        raise StudyError("Peto's odds ratio needs a study with events and patients without.")
    estimate, informative = float(difference.sum()) / total, spread > 0
    found = _found("odds-ratio", "Peto", (a, n1, c, n2), informative, estimate, 1 / total, _score(a, n1, c, n2), level)
    y = difference[informative] / spread[informative]
    q = float(spread[informative] @ (y - estimate) ** 2)
    q, q_p, df = _q(q, int(informative.sum()))
    return replace(found, q=q, q_p=q_p, q_df=df)


def _observed_less_expected(a: Array, n1: Array, c: Array, n2: Array) -> tuple[Array, Array]:
    """Events in arm 1 beyond those expected without an effect, and their hypergeometric variance."""
    n, events = n1 + n2, a + c
    return a - n1 * events / n, n1 * n2 * events * (n - events) / (n**2 * np.maximum(n - 1, 1))


def _score(a: Array, n1: Array, c: Array, n2: Array, continuity: bool = False) -> float:
    difference, spread = _observed_less_expected(a, n1, c, n2)
    if spread.sum() <= 0:
        return math.nan
    off = 0.5 if continuity else 0.0
    return float((abs(difference.sum()) - off) ** 2 / spread.sum())


def _found(
    measure: Measure,
    method: str,
    counts: tuple[Array, Array, Array, Array],
    informative: NDArray[np.bool_],
    estimate: float,
    variance: float,
    score: float,
    level: float,
) -> PooledCounts:
    k = len(counts[0])
    own = effect_of_counts(*counts, measure, zeros="add-half-any-zero", double_zeros="drop")
    q = float(((own.estimate - estimate) ** 2 / own.variance).sum()) if len(own) else math.nan
    silent = k - int(informative.sum())
    return _pooled(measure, method, (k, silent), estimate, variance, score, _q(q, len(own)), level)


def _pooled(
    measure: Measure,
    method: str,
    studies: tuple[int, int],
    estimate: float,
    variance: float,
    score: float,
    spread: tuple[float, float, int],
    level: float,
) -> PooledCounts:
    """An estimate with its normal interval; `studies` are all and the silent ones, `spread` is what `_q` gives."""
    from scipy.special import ndtr, ndtri
    from scipy.stats import chi2

    (k, silent), error = studies, math.sqrt(variance)
    half = float(ndtri(0.5 + level / 2)) * error
    return PooledCounts(
        measure=measure,
        method=method,
        k=k,
        informative=k - silent,
        estimate=estimate,
        standard_error=error,
        low=estimate - half,
        high=estimate + half,
        p=float(2 * ndtr(-abs(estimate) / error)) if error > 0 else math.nan,
        q=spread[0],
        q_p=spread[1],
        score=score,
        score_p=float(chi2.sf(score, 1)),
        notes=silent_note(silent, k),
        q_df=spread[2],
    )


def _q(q: float, k: int) -> tuple[float, float, int]:
    """Q of k studies with its p-value and degrees of freedom."""
    from scipy.stats import chi2

    return (q, float(chi2.sf(q, k - 1)), k - 1) if k >= 2 else (math.nan, math.nan, 0)


def mantel_haenszel_rates(
    events_1: ArrayLike,
    time_1: ArrayLike,
    events_2: ArrayLike,
    time_2: ArrayLike,
    measure: Measure = "rate-ratio",
    *,
    level: float = 0.95,
) -> PooledCounts:
    """The Mantel-Haenszel ratio or difference of rates from events and times at risk (study,) (Rothman 2008).

    Raises: StudyError for impossible numbers, or a ratio where an arm has no event in any study.
    """
    check_level(level)
    check_word(measure, ("rate-ratio", "rate-difference"), "has no estimate here")
    x1, t1, x2, t2 = two_rates(events_1, time_1, events_2, time_2)
    t, silent = t1 + t2, 0
    if measure == "rate-ratio":
        r, s = _sums(x1 * t2 / t, x2 * t1 / t, measure)
        estimate, variance = math.log(r / s), float((t1 * t2 * (x1 + x2) / t**2).sum()) / (r * s)
        silent = int((x1 + x2 == 0).sum())
    else:
        weight = float((t1 * t2 / t).sum())
        estimate = float(((x1 * t2 - x2 * t1) / t).sum()) / weight
        variance = float(((t1 * t2 / t) ** 2 * (x1 / t1**2 + x2 / t2**2)).sum()) / weight**2
    spread = float((t1 * t2 * (x1 + x2) / t**2).sum())
    score = float((x1 - t1 * (x1 + x2) / t).sum() ** 2) / spread if spread > 0 else math.nan
    own = _spread_of_rates(x1, t1, x2, t2, measure, estimate)
    return _pooled(measure, "Mantel-Haenszel", (len(x1), silent), estimate, variance, score, own, level)


def _spread_of_rates(
    x1: Array, t1: Array, x2: Array, t2: Array, measure: Measure, estimate: float
) -> tuple[float, float, int]:
    """Q, its p-value and degrees of freedom, of the studies with an event."""
    from homing.synthesis.effect_continuous import effect_of_rates

    x1, t1, x2, t2 = (v[x1 + x2 > 0] for v in (x1, t1, x2, t2))
    half = 0.5 * ((x1 == 0) | (x2 == 0))
    own = effect_of_rates(x1 + half, t1, x2 + half, t2, measure)
    return _q(float(((own.estimate - estimate) ** 2 / own.variance).sum()), len(own))


def exact_odds_ratio(
    events_1: ArrayLike, n_1: ArrayLike, events_2: ArrayLike, n_2: ArrayLike, *, level: float = 0.95
) -> PooledCounts:
    """The common odds ratio by conditional likelihood, with its exact interval.

    (Gart 1970, doi:10.1093/biomet/57.3.471.) The events of each study are taken as given, so that only how they fell to
    the arms counts; nothing is added to empty cells, and where one arm has no event at all the estimate is 0 or
    infinite with one finite limit.
    Raises: StudyError for impossible counts, parts of patients, or where no study tells anything.
    """
    from scipy.stats import chi2

    check_level(level)
    a, n1, c, n2 = two_arms(events_1, n_1, events_2, n_2)
    check_whole(a, n1, c, n2)
    informative = (a + c > 0) & (a + c < n1 + n2)
    if not informative.any():
        raise StudyError("no study has both events and patients without; there is no odds ratio.")
    support, weights = _sum_given_margins(a[informative], n1[informative], c[informative], n2[informative])
    seen, tail = float(a[informative].sum()), (1 - level) / 2
    if seen in (support[0], support[-1]):  # all events in one arm
        estimate = -math.inf if seen == support[0] else math.inf
    else:
        estimate = _solve(support, weights, lambda p: float(p @ support) - seen, seen, support)
    low = _solve(support, weights, lambda p: float(p[support >= seen].sum()) - tail, seen - 1, support)
    high = _solve(support, weights, lambda p: tail - float(p[support <= seen].sum()), seen + 1, support)
    none = _tilted(weights, support, 0.0)
    p = min(1.0, 2 * min(float(none[support >= seen].sum()), float(none[support <= seen].sum())))
    plain = _score(a, n1, c, n2)
    found = _tilted(weights, support, estimate) if math.isfinite(estimate) else None
    error = math.nan if found is None else 1 / math.sqrt(float(found @ support**2) - float(found @ support) ** 2)
    silent = len(a) - int(informative.sum())
    return PooledCounts(
        *("odds-ratio", "exact", len(a), len(a) - silent, estimate, error, low, high, p),
        *(math.nan, math.nan, plain, float(chi2.sf(plain, 1)), silent_note(silent, len(a))),
    )


def _sum_given_margins(a: Array, n1: Array, c: Array, n2: Array) -> tuple[Array, Array]:
    """The support of the events in arm 1, over studies, given all margins, and log weights without an effect."""
    from scipy.special import gammaln

    first, weights = 0.0, np.ones(1)
    for size, other, total in zip(n1, n2, a + c, strict=True):
        lowest, highest = max(0.0, total - other), min(total, size)
        x = np.arange(lowest, highest + 1)
        log = -gammaln(x + 1) - gammaln(size - x + 1) - gammaln(total - x + 1) - gammaln(other - total + x + 1)
        own = np.exp(log - log.max())
        weights = np.convolve(weights, own)
        weights /= weights.max()
        first += lowest
    with np.errstate(divide="ignore"):
        return np.asarray(first + np.arange(len(weights)), dtype=np.float64), np.asarray(np.log(weights))


def _tilted(weights: Array, support: Array, log_ratio: float) -> Array:
    log = weights + log_ratio * (support - support[0])
    p = np.exp(log - log.max())
    return p / p.sum()


def _solve(support: Array, weights: Array, f: Any, at: float, bounds: Array) -> float:
    """The log odds ratio at which f of the tilted distribution is 0, f rising; infinite beyond the support."""
    from scipy.optimize import brentq

    if at < bounds[0] or (f(_tilted(weights, support, -60.0)) > 0):
        return -math.inf
    if at > bounds[-1] or (f(_tilted(weights, support, 60.0)) < 0):
        return math.inf
    return float(brentq(lambda t: f(_tilted(weights, support, t)), -60.0, 60.0, xtol=1e-13))
