"""Model-based meta-analysis: how an effect rises over time, and whether it rises with the dose.

The time course of a logit is a + b (1 - exp(-k t)): linear once the rate k is given, so that for each k of a grid the
mixed model of `multilevel` is exact; the answer is averaged over k by its likelihood. Times of one arm are of the same
patients: their sampling errors are correlated, by an assumed correlation that the answer depends on and that is
therefore an argument, to be varied. (Mandema 2011, doi:10.1038/clpt.2011.189, for what such models are for.)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.synthesis.checks import arrays, check_lengths, check_level
from homing.synthesis.effect import Effects, effect_of_proportions, natural
from homing.synthesis.multilevel import Term, fit_mixed, sampling_covariance
from homing.synthesis.regression import Regression, regress

Array = NDArray[np.float64]
#: Half-times in weeks that the grid covers.
HALF_TIMES = tuple(float(x) for x in np.geomspace(1, 104, 25))
CORRELATION = 0.7


@dataclass(frozen=True)
class TimeCourse:
    """The course of a proportion over time, averaged over half-times.

    `half_time_weights` (half time,) add up to 1; `curve(weeks)` gives estimate, low and high (proportions) at times;
    `rise` is b on the logit scale with its interval, `rise_p` the share of the posterior on the wrong side of none,
    twice.
    """

    studies: int
    points: int
    half_times: tuple[float, ...]
    half_time_weights: Array
    coefficients: Array
    covariances: Array
    tau2: float
    correlation: float
    notes: tuple[str, ...]

    def curve(self, weeks: ArrayLike, level: float = 0.95) -> Array:
        """Median and limits (time, 3) of the mean proportion at times in weeks."""
        check_level(level)
        (at,) = arrays(weeks)
        _check_weeks(at)
        found = []
        for week in at:
            x = np.array([[1.0, _risen(week, h)] for h in self.half_times])
            means = np.einsum("hc,hc->h", x, self.coefficients)
            variances = np.einsum("hc,hcd,hd->h", x, self.covariances, x)
            found.append([_mixture_quantile(p, self.half_time_weights, means, variances) for p in _tails(level)])
        return natural("logit", np.array(found))

    def rise(self, level: float = 0.95) -> tuple[float, float, float]:
        """The change of the logit from the start to the plateau, with limits."""
        check_level(level)
        variances = self.covariances[:, 1, 1]
        low, middle, high = (
            _mixture_quantile(p, self.half_time_weights, self.coefficients[:, 1], variances)
            for p in ((1 - level) / 2, 0.5, (1 + level) / 2)
        )
        return middle, low, high

    def half_time(self, level: float = 0.95) -> tuple[float, float, float]:
        """The half-time of the rise in weeks, with the limits that the grid and the data leave it."""
        check_level(level)
        cumulative = np.cumsum(self.half_time_weights)
        ends = [self.half_times[int(np.searchsorted(cumulative, p))] for p in (0.5, (1 - level) / 2, (1 + level) / 2)]
        return ends[0], ends[1], ends[2]


def _tails(level: float) -> tuple[float, float, float]:
    return 0.5, (1 - level) / 2, (1 + level) / 2


def _check_weeks(at: Array) -> None:
    if not (np.isfinite(at) & (at >= 0)).all():
        raise StudyError("times must be weeks of 0 or more.")


def _risen(week: ArrayLike, half_time: float) -> Array:
    return np.asarray(1 - 0.5 ** (np.asarray(week, dtype=float) / half_time))


def _mixture_quantile(p: float, weights: Array, means: Array, variances: Array) -> float:
    from scipy.optimize import brentq
    from scipy.special import ndtr

    spread = np.sqrt(variances)
    low, high = float((means - 12 * spread).min()), float((means + 12 * spread).max())
    return float(brentq(lambda q: float(weights @ ndtr((q - means) / spread)) - p, low, high))


def fit_time_course(
    study: Sequence[str],
    week: ArrayLike,
    events: ArrayLike,
    n: ArrayLike,
    *,
    correlation: float = CORRELATION,
    half_times: Sequence[float] = HALF_TIMES,
) -> TimeCourse:
    """Fit the course of a proportion from counts (row,) of studies' arms at times in weeks.

    Arguments: `study` names the arm of a study that a row is of; rows of one arm are taken as correlated by
    `correlation`. A row without event (or with only events) gets a half added, which is noted.
    Raises: StudyError for impossible counts, times or half-times, fewer than two times or than four rows.
    """
    (at,) = arrays(week)
    effects = effect_of_proportions(events, n, zeros="add-half")
    check_lengths(study, at, effects.estimate)
    _check_weeks(at)
    if not len(half_times) or not all(0 < h < math.inf for h in half_times):
        raise StudyError("half-times in weeks are needed, all above 0.")
    if len(set(at.tolist())) < 2 or len(at) < 4:
        raise StudyError(f"a time course needs two times and four rows at least; there are {len(at)} rows.")
    v = sampling_covariance(effects.variance, study, correlation)
    terms = [Term(tuple(study))]
    logs, coefficients, covariances, tau2s = [], [], [], []
    for half in half_times:
        x = np.column_stack([np.ones(len(at)), _risen(at, half)])
        fit = fit_mixed(effects.estimate, v, terms, x, ("start", "rise"), "ML")
        logs.append(fit.log_likelihood)
        coefficients.append(fit.estimate)
        covariances.append(fit.covariance)
        tau2s.append(float(fit.variances[0][0]))
    w = np.exp(np.array(logs) - max(logs))
    w /= w.sum()
    return TimeCourse(
        *(len(set(study)), len(at), tuple(half_times), w, np.array(coefficients), np.array(covariances)),
        *(float(w @ np.array(tau2s)), correlation, effects.notes),
    )


@dataclass(frozen=True)
class DoseResponse:
    """Whether effects change with the dose: the slope per tenfold dose, and a bend.

    `line` and `bend` are regressions on log10 dose (with its square), `aic` compares a flat effect, a line and a bend
    (the lowest is best supported; differences below 2 say nothing). `verdict` says it in a word: 'rises', 'falls',
    'bends', 'not shown'.
    """

    k: int
    line: Regression
    bend: Regression | None
    aic: dict[str, float]
    verdict: str


def dose_response(effects: Effects, dose: ArrayLike, *, level: float = 0.95) -> DoseResponse:
    """Regress effects on log10 dose, both linearly and with a bend.

    Arguments: `dose` (study,) above 0, in the order of the effects kept.
    Raises: StudyError for doses not above 0 or infinite, or fewer than three effects or two doses.
    """
    check_level(level)
    (d,) = arrays(dose)
    check_lengths(effects.estimate, d)
    if not ((d > 0) & np.isfinite(d)).all() or len(set(d.tolist())) < 2 or len(d) < 3:
        raise StudyError("a dose-response needs three effects at two doses above 0 at least.")
    x = np.log10(d) - math.log10(float(np.exp(np.log(d).mean())))
    line = regress(effects, {"per tenfold dose": x}, "REML", level=level)
    flat = regress(effects, None, "ML", adjust="none", level=level)
    straight = regress(effects, {"per tenfold dose": x}, "ML", adjust="none", level=level)
    aic = {"flat": 4 - 2 * flat.log_likelihood, "line": 6 - 2 * straight.log_likelihood}
    bend = None
    if len(set(d.tolist())) > 2 and len(d) > 3:
        moderators = {"per tenfold dose": x, "bend": x**2}
        bend = regress(effects, moderators, "REML", level=level)
        aic["bend"] = 8 - 2 * regress(effects, moderators, "ML", adjust="none", level=level).log_likelihood
    return DoseResponse(len(d), line, bend, aic, _verdict(line, bend, level))


def _verdict(line: Regression, bend: Regression | None, level: float) -> str:
    if line.p[1] < 1 - level:
        return "rises" if line.estimate[1] > 0 else "falls"
    if bend is not None and bend.p[2] < 1 - level:
        return "bends"
    return "not shown"
