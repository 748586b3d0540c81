"""One question by every method: how far the answer depends on how it is computed.

Each method gives its estimate with interval on the natural scale, or the reason why it has none. Methods that need a
half in empty cells say so; those that do without (Mantel-Haenszel, exact, mixed models, Bayes) take the counts as they
are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.synthesis.bayes import Posterior, bayes_pool, bayes_proportions
from homing.synthesis.beta_binomial import BetaBinomial, beta_binomial_odds_ratio, beta_binomial_proportion
from homing.synthesis.binomial import PooledBinomial, pool_proportions
from homing.synthesis.binomial_two_arms import MODELS, pool_odds_ratios
from homing.synthesis.checks import one_arm, two_arms
from homing.synthesis.counts import PooledCounts, exact_odds_ratio, mantel_haenszel, peto
from homing.synthesis.effect import Effects, Measure, effect_of_counts, effect_of_proportions, natural
from homing.synthesis.heterogeneity import ESTIMATORS
from homing.synthesis.pool import Pooled, pool

Array = NDArray[np.float64]
Counts = tuple[Array, Array, Array, Array]


@dataclass(frozen=True)
class Answer:
    """What one method says, on the natural scale; NaN where it says nothing, with the reason in `note`.

    `k` counts the studies that its answer is of.
    """

    measure: str
    method: str
    k: int
    estimate: float
    low: float
    high: float
    prediction_low: float = math.nan
    prediction_high: float = math.nan
    tau2: float = math.nan
    note: str = ""


def of_two_arms(events_1: ArrayLike, n_1: ArrayLike, events_2: ArrayLike, n_2: ArrayLike) -> list[Answer]:
    """Every method for two-armed counts (study,). Raises StudyError for impossible counts or no study."""
    a, n1, c, n2 = counts = two_arms(events_1, n_1, events_2, n_2)
    k = _some(a)
    effects = {m: _effects(counts, m) for m in ("odds-ratio", "risk-ratio", "risk-difference")}
    rows = [
        _try("odds-ratio", f"{name} and Knapp-Hartung", k, _pool(effects["odds-ratio"], name)) for name in ESTIMATORS
    ]
    rows += [
        _try("odds-ratio", "REML, normal", k, _pool(effects["odds-ratio"], "REML", "none")),
        _try("odds-ratio", "common, inverse variance", k, _pool(effects["odds-ratio"], "common", "none")),
        _try("odds-ratio", "Mantel-Haenszel", k, lambda: mantel_haenszel(a, n1, c, n2)),
        _try("odds-ratio", "Peto", k, lambda: peto(*counts)),
        _try("odds-ratio", "exact, common", k, lambda: exact_odds_ratio(*counts)),
    ]
    rows += [_try("odds-ratio", f"mixed model, {m}", k, _mixed(counts, m)) for m in MODELS]
    rows.append(_try("odds-ratio", "beta-binomial", k, lambda: beta_binomial_odds_ratio(*counts)))
    rows += [
        _try("odds-ratio", f"Bayes, tau half-normal({s:g})", k, _bayes(effects["odds-ratio"], s)) for s in (0.5, 1.0)
    ]
    for measure in ("risk-ratio", "risk-difference"):
        rows.append(_try(measure, "REML and Knapp-Hartung", k, _pool(effects[measure], "REML")))
        rows.append(_try(measure, "Mantel-Haenszel", k, _mantel_haenszel(counts, measure)))
    return rows


def of_one_arm(events: ArrayLike, n: ArrayLike) -> list[Answer]:
    """Every method for single proportions (study,). Raises StudyError for impossible counts or no study."""
    x, m = one_arm(events, n)
    k, size = _some(x), float(1 / np.mean(1 / m))
    rows = [
        _try("proportion", "binomial-normal", k, lambda: pool_proportions(x, m)),
        _try("proportion", "logit, REML and Knapp-Hartung", k, _pool(_proportions(x, m, "logit"), "REML")),
        _try("proportion", "arcsine, REML and Knapp-Hartung", k, _pool(_proportions(x, m, "arcsine"), "REML")),
        _try("proportion", "Freeman-Tukey, DL", k, _pool(_proportions(x, m, "freeman-tukey"), "DL", "none"), size),
        _try("proportion", "beta-binomial", k, lambda: beta_binomial_proportion(x, m)),
        _try("proportion", "Bayes, tau half-normal(0.5)", k, lambda: bayes_proportions(x, m, 0.5)),
        _try("proportion", "Bayes, tau half-normal(1)", k, lambda: bayes_proportions(x, m, 1.0)),
    ]
    return [*rows, _together(x, m)]


def _together(x: Array, m: Array) -> Answer:
    from homing.ground.proportions import exact_interval

    low, high = exact_interval(int(x.sum()), int(m.sum()))
    note = "all patients as of one study: too sure where studies differ"
    return Answer("proportion", "added up, exact", len(x), float(x.sum() / m.sum()), low, high, note=note)


def _some(events: Array) -> int:
    if not len(events):
        raise StudyError("there is no study to pool.")
    return len(events)


def _effects(counts: Counts, measure: Measure) -> Effects | StudyError:
    try:
        a, n1, c, n2 = counts
        # no event in either arm says nothing of a ratio, and is a difference of 0
        both: Literal["keep", "drop"] = "keep" if measure == "risk-difference" else "drop"
        return effect_of_counts(a, n1, c, n2, measure, zeros="add-half", double_zeros=both)
    except StudyError as error:
        return error


def _proportions(x: Array, m: Array, measure: Measure) -> Effects:
    return effect_of_proportions(x, m, measure, zeros="add-half")


def _pool(effects: Effects | StudyError, method: Any, adjust: Any = "knapp-hartung") -> Callable[[], Pooled]:
    def run() -> Pooled:
        if isinstance(effects, StudyError):
            raise effects
        return pool(effects, method, adjust=adjust)

    return run


def _bayes(effects: Effects | StudyError, scale: float) -> Callable[[], Posterior]:
    def run() -> Posterior:
        if isinstance(effects, StudyError):
            raise effects
        return bayes_pool(effects, scale)

    return run


def _mixed(counts: Counts, model: Any) -> Callable[[], PooledBinomial]:
    a, n1, c, n2 = counts
    return lambda: pool_odds_ratios(a, n1, c, n2, model)


def _mantel_haenszel(counts: Counts, measure: Any) -> Callable[[], PooledCounts]:
    a, n1, c, n2 = counts
    return lambda: mantel_haenszel(a, n1, c, n2, measure)


def _told(found: Any) -> int:
    """The studies that an answer is of: without those that tell a method nothing."""
    if isinstance(found, PooledBinomial):
        return found.k - found.silent
    return found.informative if isinstance(found, PooledCounts) else int(found.k)


def _try(measure: str, method: str, k: int, run: Callable[[], Any], size: float | None = None) -> Answer:
    try:
        found = run()
    except StudyError as error:
        return Answer(measure, method, k, math.nan, math.nan, math.nan, note=error.message)
    k = _told(found)
    if isinstance(found, Posterior):
        n = found.natural()
        ends = (n["median"], n["low"], n["high"], n["prediction_low"], n["prediction_high"])
        return Answer(measure, method, k, *ends, found.tau**2, "median; tau2 is the square of the mean tau")
    if isinstance(found, BetaBinomial):
        scale: Measure = "logit" if measure == "proportion" else "odds-ratio"
        e, low, high = natural(scale, [found.estimate, found.low, found.high])
        return Answer(measure, method, k, float(e), float(low), float(high), note=f"rho {found.rho:.3f}")
    if isinstance(found, PooledBinomial):
        b = found.natural()
        ends = (float(b.estimate[0]), float(b.low[0]), float(b.high[0]), b.prediction_low, b.prediction_high)
        return Answer(measure, method, k, *ends, found.tau2, "; ".join(found.notes))
    if isinstance(found, PooledCounts):
        c = found.natural()
        return Answer(measure, method, k, c.estimate, c.low, c.high, note="; ".join(c.notes))
    p = found.natural(size)
    ends = (p.estimate, p.low, p.high, p.prediction_low, p.prediction_high)
    return Answer(measure, method, k, *ends, p.tau2, "; ".join(p.notes))
