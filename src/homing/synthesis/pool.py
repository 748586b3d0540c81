"""Pooling by inverse variance, with a common effect or random effects.

Definitions are metafor's (Viechtbauer 2010, doi:10.18637/jss.v036.i03): I2 and H2 from tau2 and the typical variance,
Q-profile intervals of tau2, prediction intervals from the same distribution as the interval of the mean.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.synthesis.checks import check_effects, check_level
from homing.synthesis.effect import Effects, Measure, natural
from homing.synthesis.heterogeneity import q_profile
from homing.synthesis.regression import ADJUST, METHODS, Adjust, Method, check_methods, regress

__all__ = ["ADJUST", "METHODS", "Adjust", "Method", "Pooled", "Subgroups", "pool", "pool_subgroups", "q_profile"]


@dataclass(frozen=True)
class Pooled:
    """What studies add up to, on the scale of pooling; `natural()` is the same on the scale of reading.

    `low` and `high` bound the mean effect, `prediction_low` and `prediction_high` that of the next study, NaN where
    there is none. `weights` (study,) add up to 1. `notes` say what must be known to read the numbers.
    """

    measure: Measure
    k: int
    estimate: float
    standard_error: float
    low: float
    high: float
    prediction_low: float
    prediction_high: float
    tau2: float
    tau2_low: float
    tau2_high: float
    i2: float
    h2: float
    q: float
    q_p: float
    weights: NDArray[np.float64]
    method: Method
    adjust: Adjust
    level: float
    notes: tuple[str, ...] = ()
    #: against no effect
    p: float = math.nan
    tau2_error: float = math.nan

    def natural(self, n: float | None = None) -> Pooled:
        """Estimate and intervals on the natural scale; tau2 and the rest stay as they are. `n` as in `natural`."""

        def back(x: float) -> float:
            return float(natural(self.measure, x, n))

        return replace(
            self,
            estimate=back(self.estimate),
            low=back(self.low),
            high=back(self.high),
            prediction_low=back(self.prediction_low),
            prediction_high=back(self.prediction_high),
        )


def pool(effects: Effects, method: Method = "REML", *, adjust: Adjust = "knapp-hartung", level: float = 0.95) -> Pooled:
    """Pool effects.

    Arguments:
        method: 'common' effect, or random effects with tau2 by one of `heterogeneity.ESTIMATORS`.
        adjust: as in `regression.regress` ('knapp-hartung' for random effects only).
    One study is given back as it is, with the normal distribution and without heterogeneity.
    Raises: StudyError for no study, an unknown method, or a variance that is not above zero.

    Example:
        >>> from homing.synthesis.effect import effect_of_counts
        >>> pooled = pool(effect_of_counts([53, 139], [107, 284], [36, 132], [105, 284]))
        >>> pooled.k, round(pooled.estimate, 3)
        (2, 0.078)
    """
    check_methods(method, adjust)
    check_level(level)
    check_effects(effects.estimate, effects.variance)
    if len(effects) == 1:
        return _single(effects, method, level)
    return _several(effects, method, "none" if method == "common" and adjust != "t" else adjust, level)


def _single(effects: Effects, method: Method, level: float) -> Pooled:
    from scipy.special import ndtr, ndtri

    y, error = float(effects.estimate[0]), math.sqrt(float(effects.variance[0]))
    half = float(ndtri(0.5 + level / 2)) * error
    nothing = math.nan
    return Pooled(
        *(effects.measure, 1, y, error, y - half, y + half, nothing, nothing),
        *(0.0, nothing, nothing, 0.0, 1.0, 0.0, 1.0),
        *(np.ones(1), method, "none", level),
        (*effects.notes, "one study: its own interval, and nothing on heterogeneity"),
        float(2 * ndtr(-abs(y) / error)),
    )


def _several(effects: Effects, method: Method, adjust: Adjust, level: float) -> Pooled:
    fit = regress(effects, None, method, adjust=adjust, level=level)
    mean, low, high, next_low, next_high = fit.predict([[1.0]])[0]
    notes = list(effects.notes)
    if adjust == "knapp-hartung" and fit.standard_error[0] ** 2 < (1 - 1e-12) / fit.weights.sum():
        notes.append("the studies agree better than errors and tau2 let expect: the adjusted interval is a narrow one")
    if fit.k == 2:
        notes.append("two studies: heterogeneity can hardly be known from them")
    if method == "common":
        next_low = next_high = math.nan
    return Pooled(
        measure=effects.measure,
        k=fit.k,
        estimate=float(mean),
        standard_error=float(fit.standard_error[0]),
        low=float(low),
        high=float(high),
        prediction_low=float(next_low),
        prediction_high=float(next_high),
        tau2=fit.tau2,
        tau2_low=fit.tau2_low,
        tau2_high=fit.tau2_high,
        i2=fit.i2,
        h2=fit.h2,
        q=fit.q,
        q_p=fit.q_p,
        weights=fit.weights / fit.weights.sum(),
        method=method,
        adjust=adjust,
        level=level,
        notes=tuple(notes),
        p=float(fit.p[0]),
        tau2_error=fit.tau2_error,
    )


@dataclass(frozen=True)
class Subgroups:
    """Groups pooled apart, and the test of whether they differ; `common_tau2` says which of the two ways was taken."""

    groups: Mapping[str, Pooled]
    q_between: float
    df: int
    p: float
    common_tau2: bool


def pool_subgroups(
    effects: Effects,
    groups: ArrayLike,
    method: Method = "REML",
    *,
    adjust: Adjust = "knapp-hartung",
    level: float = 0.95,
    common_tau2: bool = False,
) -> Subgroups:
    """Pool each group of studies and test whether the groups differ.

    Arguments:
        groups: (study,), the group of each study kept.
        common_tau2: one tau2 for all groups (a regression on the group) rather than one for each, whose means are then
            compared by their errors. With groups of few studies the first is the steadier one.
    Raises: StudyError as `pool` does, and where all studies are of one group.
    """
    from scipy.stats import chi2

    labels = np.asarray(groups, dtype=str)
    if labels.shape != effects.estimate.shape:
        raise StudyError(f"{labels.size} groups are given for {len(effects)} studies.")
    names = sorted(set(labels.tolist()))
    if len(names) < 2:
        raise StudyError("all studies are of one group; there is nothing to compare.")
    parts = {name: pool(_part(effects, labels == name), method, adjust=adjust, level=level) for name in names}
    df = len(names) - 1
    if common_tau2:
        fit = regress(effects, {"group": labels}, method, adjust=adjust, level=level)
        return Subgroups(parts, fit.omnibus * (1 if adjust == "none" else df), df, fit.omnibus_p, True)
    # The errors of the normal distribution: those of Knapp and Hartung can be all but nothing in a group of two.
    plain = [pool(_part(effects, labels == name), method, adjust="none") for name in names]
    means = np.array([p.estimate for p in plain])
    w = np.array([1 / p.standard_error**2 for p in plain])
    between = float(w @ (means - w @ means / w.sum()) ** 2)
    return Subgroups(parts, between, df, float(chi2.sf(between, df)), False)


def _part(effects: Effects, keep: NDArray[np.bool_]) -> Effects:
    kept = tuple(k for k, here in zip(effects.kept, keep, strict=True) if here)
    return Effects(effects.measure, effects.estimate[keep], effects.variance[keep], kept, effects.notes)
