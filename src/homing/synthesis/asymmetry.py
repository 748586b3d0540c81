"""Whether small studies tell another story: tests of the funnel's asymmetry, and trim and fill.

Asymmetry has more causes than studies left unpublished, and none of these tests is worth much with fewer than ten
studies (Sterne 2011, doi:10.1136/bmj.d4002): the results say so. Definitions are metafor's regtest, ranktest, trimfill.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.synthesis.checks import arrays, check_counts, check_effects, check_lengths, check_level, check_word
from homing.synthesis.effect import Effects
from homing.synthesis.pool import Method, Pooled, pool
from homing.synthesis.regression import regress

Array = NDArray[np.float64]
Side = Literal["left", "right"]
Rule = Literal["L0", "R0", "Q0"]
FEW = 10


@dataclass(frozen=True)
class Asymmetry:
    """A test of asymmetry: its statistic, p-value, and `limit`, the effect as the standard error goes to 0."""

    name: str
    k: int
    statistic: float
    df: float
    p: float
    limit: float
    limit_low: float
    limit_high: float
    notes: tuple[str, ...] = ()


def _few(k: int) -> tuple[str, ...]:
    return (f"{k} studies: with fewer than {FEW} this test hardly ever finds what is there",) if k < FEW else ()


def egger(effects: Effects, level: float = 0.95) -> Asymmetry:
    """Egger's regression of effects on their standard errors, weighted by 1/v (1997, doi:10.1136/bmj.315.7109.629).

    Raises: StudyError for fewer than three studies, or standard errors that are all alike.
    """
    _check(effects, level)
    return _line("Egger", effects.estimate, np.sqrt(effects.variance), 1 / effects.variance, level)


def egger_mixed(effects: Effects, level: float = 0.95) -> Asymmetry:
    """Egger's regression with a variance between studies (REML), as metafor's regtest has it by default."""
    _check(effects, level)
    fit = regress(effects, {"standard error": np.sqrt(effects.variance)}, "REML", adjust="none", level=level)
    z = float(fit.estimate[1] / fit.standard_error[1])
    limit = (float(fit.estimate[0]), float(fit.low[0]), float(fit.high[0]))
    return Asymmetry("Egger, mixed effects", len(effects), z, math.inf, float(fit.p[1]), *limit, _few(len(effects)))


def peters(effects: Effects, events: ArrayLike, n: ArrayLike, level: float = 0.95) -> Asymmetry:
    """Peters' regression of log odds ratios on 1/n (2006, doi:10.1001/jama.295.6.676), free of Egger's false alarms.

    Arguments: events and patients of both arms together, (study,), in the order of the effects.
    """
    _check(effects, level)
    x, m = arrays(events, n)
    check_lengths(effects.estimate, x, m)
    check_counts(x, m)
    weight = x * (m - x) / m
    if (weight <= 0).any():
        raise StudyError("Peters' test needs studies with events and patients without; leave the others out.")
    return _line("Peters", effects.estimate, 1 / m, weight, level)


def _check(effects: Effects, level: float = 0.95) -> None:
    check_level(level)
    check_effects(effects.estimate, effects.variance)
    if len(effects) < 3:
        raise StudyError(f"a test of asymmetry needs three studies at least, and there are {len(effects)}.")


def _check_sizes(x: Array) -> None:
    if np.ptp(x) == 0:
        raise StudyError("all studies are of one size; asymmetry can't be seen.")


def _line(name: str, y: Array, x: Array, w: Array, level: float) -> Asymmetry:
    """A weighted least squares line; its slope is tested, its intercept is the limit."""
    from scipy.stats import t

    k = len(y)
    _check_sizes(x)
    design = np.column_stack([np.ones(k), x])
    inverse = np.linalg.inv((design * w[:, None]).T @ design)
    beta = inverse @ (design.T @ (w * y))
    scale = float(w @ (y - design @ beta) ** 2) / (k - 2)
    error = np.sqrt(scale * np.diag(inverse))
    half = float(t.ppf(0.5 + level / 2, k - 2)) * float(error[0])
    statistic = float(beta[1] / error[1]) if error[1] > 0 else 0.0
    limit = float(beta[0])
    return Asymmetry(
        name, k, statistic, k - 2, float(2 * t.sf(abs(statistic), k - 2)), limit, limit - half, limit + half, _few(k)
    )


def begg(effects: Effects) -> Asymmetry:
    """Begg and Mazumdar's rank correlation of standardised effects and variances (1994, doi:10.2307/2533446).

    Raises: StudyError for fewer than three studies, or variances that are all alike.
    """
    from scipy.stats import kendalltau

    _check(effects)
    y, v = effects.estimate, effects.variance
    _check_sizes(v)
    w = 1 / v
    standardised = (y - w @ y / w.sum()) / np.sqrt(v - 1 / w.sum())
    found = kendalltau(standardised, v)
    nothing = math.nan
    return Asymmetry(
        "Begg", len(y), float(found.statistic), nothing, float(found.pvalue), nothing, nothing, nothing, _few(len(y))
    )


@dataclass(frozen=True)
class Filled:
    """Trim and fill: how many studies would have to be added on which side, and what all then add up to.

    `missing_error` is NaN where the formula of its variance gives one below 0.
    """

    missing: int
    missing_error: float
    side: Side
    rule: Rule
    filled: Effects
    pooled: Pooled
    before: Pooled


def trim_and_fill(
    effects: Effects, rule: Rule = "L0", method: Method = "REML", *, side: Side | None = None, adjust: str = "none"
) -> Filled:
    """Trim and fill (Duval and Tweedie 2000, doi:10.1111/j.0006-341X.2000.00455.x).

    A sensitivity analysis, not a correction: it takes asymmetry to come from missing studies alone.
    Arguments: `side` where studies may be missing; without one it is the side that Egger's line points to.
    Raises: StudyError for fewer than three studies, an unknown rule or side, or where Q0 does not exist.
    """
    _check(effects)
    check_word(rule, ("L0", "R0", "Q0"), "is no rule of trim and fill")
    if side is not None:
        check_word(side, ("left", "right"), "is no side")
    before = pool(effects, method, adjust=adjust)  # type: ignore[arg-type]
    side = side or _side(effects, method)
    sign = -1.0 if side == "right" else 1.0
    order = np.argsort(sign * effects.estimate, kind="stable")
    y, v = sign * effects.estimate[order], effects.variance[order]
    k, missing, error, centre = len(y), 0, math.nan, 0.0
    last = -1
    for _ in range(100):
        if missing == last:
            break
        last = missing
        trimmed = Effects(effects.measure, y[: k - missing], v[: k - missing], tuple(range(k - missing)))
        centre = pool(trimmed, method, adjust="none").estimate
        missing, error = _missing(y - centre, rule)
    if missing:
        tail = slice(k - missing, k)
        y = np.concatenate([y, 2 * centre - y[tail]])
        v = np.concatenate([v, v[tail]])
    filled = replace(effects, estimate=sign * y, variance=v, kept=tuple(range(len(y))))
    return Filled(missing, error, side, rule, filled, pool(filled, method, adjust=adjust), before)  # type: ignore[arg-type]


def _side(effects: Effects, method: Method) -> Side:
    if np.ptp(effects.variance) == 0:
        return "left"
    fit = regress(effects, {"standard error": np.sqrt(effects.variance)}, method, adjust="none")
    return "right" if fit.estimate[1] < 0 else "left"


def _missing(centred: Array, rule: Rule) -> tuple[int, float]:
    k = len(centred)
    ranks = np.empty(k)
    ranks[np.argsort(np.abs(centred), kind="stable")] = np.arange(1, k + 1)
    signed = np.sign(centred) * ranks
    if rule == "R0":
        negative = -signed[signed < 0]
        found = k - (negative.max() if len(negative) else 0.0) - 1
        return _whole(found), math.sqrt(2 * max(0.0, found) + 2)
    total = float(signed[signed > 0].sum())
    if rule == "L0":
        found = (4 * total - k * (k + 1)) / (2 * k - 1)
    else:
        inside = 2 * k**2 - 4 * total + 0.25
        if inside < 0:
            raise StudyError("the rule Q0 does not exist for these studies; take L0.")
        found = k - 0.5 - math.sqrt(inside)
    m = found  # below 0 too, as metafor has it
    spread = (
        k * (k + 1) * (2 * k + 1) + 10 * m**3 + 27 * m**2 + 17 * m - 18 * k * m**2 - 18 * k * m + 6 * k**2 * m
    ) / 24
    error = math.sqrt(spread) if spread >= 0 else math.nan
    if rule == "L0":
        return _whole(found), 4 * error / (2 * k - 1)
    below = (k - 0.5) ** 2 - m * (2 * k - m - 1)
    return _whole(found), 2 * error / math.sqrt(below) if below > 0 else math.nan


def _whole(found: float) -> int:
    return max(0, int(np.round(found)))
