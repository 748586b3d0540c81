"""Meta-regression: effects explained by what is known of the studies, with a variance between studies left over.

Plain pooling is the regression on a constant alone (`pool.pool`). Definitions are metafor's (Viechtbauer 2010,
doi:10.18637/jss.v036.i03); the adjustment of Knapp and Hartung is that of 2003 (doi:10.1002/sim.1482).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from homing.ground.errors import StudyError
from homing.synthesis.checks import check_effects, check_level, check_word
from homing.synthesis.effect import Effects
from homing.synthesis.heterogeneity import (
    ESTIMATORS,
    Array,
    log_likelihood,
    q_profile,
    tau2_of,
    typical_variance,
    weighted_fit,
)

Method = Literal["REML", "ML", "DL", "HE", "HS", "HSk", "SJ", "EB", "PM", "PMM", "common"]
Adjust = Literal["knapp-hartung", "conservative", "t", "none"]
METHODS: tuple[Method, ...] = (*ESTIMATORS, "common")
ADJUST: tuple[Adjust, ...] = ("knapp-hartung", "conservative", "t", "none")


@dataclass(frozen=True)
class Regression:
    """A fitted meta-regression. Arrays are (coefficient,), `covariance` (coefficient, coefficient).

    `q` is what the moderators leave unexplained, beyond the sampling errors, `omnibus` the test of all moderators
    together (chi-squared, or F where a t distribution is used), `r2` the share of tau2 that they explain.
    """

    names: tuple[str, ...]
    k: int
    estimate: Array
    standard_error: Array
    low: Array
    high: Array
    p: Array
    covariance: Array
    tau2: float
    tau2_error: float
    tau2_low: float
    tau2_high: float
    i2: float
    h2: float
    r2: float
    q: float
    q_p: float
    omnibus: float
    omnibus_p: float
    log_likelihood: float
    restricted_log_likelihood: float
    method: Method
    adjust: Adjust
    level: float
    #: (study, coefficient), the design fitted, and (study,), its weights
    design: Array
    weights: Array

    @property
    def spread(self) -> Any:
        """The distribution of a coefficient over its standard error: t with k - p degrees of freedom, or normal."""
        return _spread(self.adjust, self.k - len(self.names))

    def predict(self, x: ArrayLike) -> Array:
        """The mean at rows of the design (row, coefficient): columns estimate, low, high, prediction low and high."""
        rows = np.atleast_2d(np.asarray(x, dtype=float))
        mean = rows @ self.estimate
        variance = np.einsum("ij,jk,ik->i", rows, self.covariance, rows)
        reach = float(self.spread.ppf(0.5 + self.level / 2))
        half, wide = reach * np.sqrt(variance), reach * np.sqrt(variance + self.tau2)
        return np.column_stack([mean, mean - half, mean + half, mean - wide, mean + wide])


def regress(
    effects: Effects,
    moderators: Mapping[str, ArrayLike] | None = None,
    method: Method = "REML",
    *,
    adjust: Adjust = "knapp-hartung",
    level: float = 0.95,
    intercept: bool = True,
) -> Regression:
    """Regress effects on moderators: numbers, or texts, of which each but the first (in sorted order) gets a column.

    Arguments:
        moderators: by name, (study,), in the order of the effects kept.
        method: 'common' for no variance between studies, else an estimator of tau2.
        adjust: 'knapp-hartung' scales the errors by what the residuals show and takes a t distribution,
            'conservative' does so but never narrows, 't' takes the distribution alone, 'none' the normal one.
    Raises: StudyError for fewer studies than coefficients and one, moderators that say the same, unknown names,
        effects without a finite value and a variance above 0.
    """
    check_methods(method, adjust)
    check_level(level)
    check_effects(effects.estimate, effects.variance)
    names, x = design_of(len(effects), moderators or {}, intercept)
    return _fit(effects.estimate, effects.variance, names, x, method, adjust, level)


def check_methods(method: str, adjust: str) -> None:
    """Refuse an unknown method or adjustment with the nearest known one."""
    check_word(method, METHODS, "is no method of pooling")
    check_word(adjust, ADJUST, "is no adjustment")


def design_of(k: int, moderators: Mapping[str, ArrayLike], intercept: bool = True) -> tuple[tuple[str, ...], Array]:
    """Names and columns of a design of k studies. Raises StudyError as `regress` does."""
    names, columns = (["intercept"], [np.ones(k)]) if intercept else ([], [])
    for name, given in moderators.items():
        values = np.asarray(given)
        if values.shape != (k,):
            raise StudyError(f"the moderator '{name}' has {values.size} values for {k} studies.")
        if values.dtype.kind in "US":
            groups = sorted(set(values.tolist()))
            for group in groups[1:] if intercept else groups:
                names.append(f"{name}: {group}")
                columns.append((values == group).astype(float))
            continue
        if not np.isfinite(values.astype(float)).all():
            raise StudyError(f"the moderator '{name}' lacks a value for some study; leave that study out.")
        names.append(name)
        columns.append(values.astype(float))
    x = np.column_stack(columns) if columns else np.zeros((k, 0))
    if x.shape[1] == 0 or np.linalg.matrix_rank(x) < x.shape[1]:
        raise StudyError(f"the moderators {', '.join(moderators)} do not differ enough to be told apart.")
    return tuple(names), x


def _spread(adjust: Adjust, df: int) -> Any:
    from scipy.stats import norm, t

    return norm() if adjust == "none" else t(df)


def _fit(
    y: Array, v: Array, names: tuple[str, ...], x: Array, method: Method, adjust: Adjust, level: float
) -> Regression:
    from scipy.stats import chi2

    k, p = x.shape
    if k <= p:
        raise StudyError(f"{k} studies are too few for {p} coefficients; at least {p + 1} are needed.")
    tau2, tau2_error = tau2_of(y, v, x, method) if method != "common" else (0.0, math.nan)
    w = 1 / (v + tau2)
    fit = weighted_fit(y, x, w)
    covariance = fit.covariance * _scale(fit.squares / (k - p), adjust)
    error = np.sqrt(np.diag(covariance))
    spread = _spread(adjust, k - p)
    reach = float(spread.ppf(0.5 + level / 2))
    with np.errstate(divide="ignore", invalid="ignore"):
        statistic = fit.coefficients / error
    q = weighted_fit(y, x, 1 / v).squares
    low, high = q_profile(y, v, level, x) if method != "common" else (math.nan, math.nan)
    i2, h2 = heterogeneity(tau2, v, x, q, method)
    omnibus, omnibus_p = _omnibus(fit.coefficients, covariance, names, adjust, k - p)
    return Regression(
        names=names,
        k=k,
        estimate=fit.coefficients,
        standard_error=error,
        low=fit.coefficients - reach * error,
        high=fit.coefficients + reach * error,
        p=2 * spread.sf(np.abs(statistic)),
        covariance=covariance,
        tau2=tau2,
        tau2_error=tau2_error,
        tau2_low=low,
        tau2_high=high,
        i2=i2,
        h2=h2,
        r2=_explained(y, v, tau2, names, method),
        q=q,
        q_p=float(chi2.sf(q, k - p)),
        omnibus=omnibus,
        omnibus_p=omnibus_p,
        log_likelihood=log_likelihood(tau2, y, v, x, False),
        restricted_log_likelihood=log_likelihood(tau2, y, v, x, True),
        method=method,
        adjust=adjust,
        level=level,
        design=x,
        weights=w,
    )


def _scale(shown: float, adjust: Adjust) -> float:
    """By what the residuals' spread multiplies the covariance."""
    if adjust == "knapp-hartung":
        return shown
    return max(1.0, shown) if adjust == "conservative" else 1.0


def heterogeneity(tau2: float, v: Array, x: Array, q: float, method: Method) -> tuple[float, float]:
    """I2 (share of 1) and H2: from tau2 and the typical variance; from Q for a common effect."""
    df = len(v) - x.shape[1]
    if method == "common":
        h2 = q / df
        return max(0.0, 1 - 1 / h2) if h2 > 0 else 0.0, h2
    typical = typical_variance(v, x)
    return float(tau2 / (tau2 + typical)), float(tau2 / typical + 1)


def _omnibus(beta: Array, covariance: Array, names: Sequence[str], adjust: Adjust, df: int) -> tuple[float, float]:
    from scipy.stats import chi2, f

    at = tested(names)
    b = beta[at]
    found = float(b @ np.linalg.pinv(covariance[np.ix_(at, at)]) @ b)
    if adjust == "none":
        return found, float(chi2.sf(found, len(at)))
    return found / len(at), float(f.sf(found / len(at), len(at), df))


def tested(names: Sequence[str]) -> list[int]:
    """The coefficients that the omnibus test is of."""
    return [i for i, name in enumerate(names) if name != "intercept"] or [0]


def _explained(y: Array, v: Array, tau2: float, names: Sequence[str], method: Method) -> float:
    """The share of the variance between studies that the moderators explain; NaN without moderators."""
    if method == "common" or len(names) < 2 or "intercept" not in names:
        return math.nan
    alone, _ = tau2_of(y, v, np.ones((len(y), 1)), method)
    return max(0.0, (alone - tau2) / alone) if alone > 0 else math.nan


def likelihood_ratio(effects: Effects, moderators: Mapping[str, ArrayLike]) -> tuple[float, float]:
    """Twice the gain in log-likelihood that moderators bring (by ML) and its p-value.

    Raises: StudyError for no moderator, and as `regress` does.
    """
    from scipy.stats import chi2

    if not moderators:
        raise StudyError("a likelihood ratio needs a moderator, and none is given.")
    full = regress(effects, moderators, "ML", adjust="none")
    alone = regress(effects, None, "ML", adjust="none")
    gain = 2 * (full.log_likelihood - alone.log_likelihood)
    return gain, float(chi2.sf(gain, len(full.names) - 1))
