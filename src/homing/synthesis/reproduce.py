"""Published meta-analyses computed again from their printed inputs, by the method that they name."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from homing.evidence.records import MetaAnalysis
from homing.ground.errors import StudyError
from homing.synthesis.counts import PooledCounts, mantel_haenszel
from homing.synthesis.effect import Effects, Measure, effect_of_counts, effect_of_proportions, natural
from homing.synthesis.pool import Method, Pooled, pool

#: A printed value is met within half a unit of its last digit, and this much of its size for what was rounded before.
SLACK = 0.005


@dataclass(frozen=True)
class Reproduced:
    """A meta-analysis computed again: natural scale, and whether each printed number comes out."""

    meta: MetaAnalysis
    estimate: float
    low: float
    high: float
    i2: float
    agrees: bool | None
    why: str


def reproduce(meta: MetaAnalysis) -> Reproduced:
    """Compute a published meta-analysis again.

    `agrees` is None where it prints nothing to compare with or where inputs are known to be missing.
    """
    if not meta.studies:
        return Reproduced(meta, math.nan, math.nan, math.nan, math.nan, None, f"inputs not found: {meta.missing}")
    try:
        found = _computed(meta)
    except StudyError as error:
        return Reproduced(meta, math.nan, math.nan, math.nan, math.nan, None, error.message)
    names = [name for name in ("estimate", "low", "high") if name in meta.printed]
    close = [abs(found[name] - meta.printed[name]) <= allowed(meta, meta.printed[name]) for name in names]
    agrees = all(close) if names else None
    wrong = [
        f"{n}: printed {meta.printed[n]:g}, here {found[n]:.3g}" for n, ok in zip(names, close, strict=True) if not ok
    ]
    why = "; ".join(wrong) if wrong else ("" if names else "nothing printed was seen to compare with")
    return Reproduced(meta, found["estimate"], found["low"], found["high"], found["i2"], agrees, why)


def allowed(meta: MetaAnalysis, printed: float) -> float:
    """How far a number computed again may be from the printed one: see `SLACK`."""
    half = 0.0051 if meta.measure == "proportion" or abs(printed) < 100 else 0.51
    return half + SLACK * abs(printed)


def _computed(meta: MetaAnalysis) -> dict[str, float]:
    measure: Measure = "logit" if meta.measure == "proportion" else meta.measure  # type: ignore[assignment]
    x = np.array([s.events_1 for s in meta.studies])
    n = np.array([s.n_1 for s in meta.studies])
    way: Method = "common" if meta.model == "common" else "DL"
    if measure == "logit":
        if meta.method != "DL":
            raise StudyError(f"shares of one arm have no Mantel-Haenszel estimate, and {meta.method} is stated.")
        return _ends(pool(effect_of_proportions(x, n, zeros="add-half"), way, adjust="none").natural())
    if any(s.events_2 is None or not s.n_2 for s in meta.studies):
        raise StudyError("the counts of a control arm are missing.")
    c = np.array([s.events_2 for s in meta.studies], dtype=float)
    m = np.array([s.n_2 for s in meta.studies], dtype=float)
    if meta.method == "MH":
        return _ends(mantel_haenszel(x, n, c, m, measure).natural())
    effects = effect_of_counts(x, n, c, m, measure, zeros="add-half", double_zeros="drop")
    if meta.method == "DL":
        return _ends(pool(effects, way, adjust="none").natural())
    return _about_mantel_haenszel(effects, mantel_haenszel(x, n, c, m, measure).estimate, measure)


def _ends(found: Pooled | PooledCounts) -> dict[str, float]:
    return {name: getattr(found, name) for name in ("estimate", "low", "high", "i2")}


def _about_mantel_haenszel(effects: Effects, centre: float, measure: Measure) -> dict[str, float]:
    """DerSimonian and Laird's tau2 with Q about the Mantel-Haenszel estimate, as RevMan's random effects have it."""
    w = 1 / effects.variance
    k = len(effects)
    q = float(w @ (effects.estimate - centre) ** 2)
    tau2 = max(0.0, (q - (k - 1)) / float(w.sum() - (w**2).sum() / w.sum()))
    weight = 1 / (effects.variance + tau2)
    mean, error = float(weight @ effects.estimate / weight.sum()), math.sqrt(1 / float(weight.sum()))
    low, middle, high = natural(measure, [mean - 1.959964 * error, mean, mean + 1.959964 * error])
    return {
        "estimate": float(middle),
        "low": float(low),
        "high": float(high),
        "i2": max(0.0, 1 - (k - 1) / q) if q > 0 else 0.0,
    }
