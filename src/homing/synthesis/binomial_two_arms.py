"""Odds ratios of two arms pooled from the counts by generalised linear mixed models.

The models are those of metafor's rma.glmm (Stijnen, Hamza and Ozdemir 2010, doi:10.1002/sim.4040; Jackson and others
2018, doi:10.1002/sim.7588). Integrals are done by adaptive Gauss-Hermite quadrature; with 7 points the model of fixed
levels is that of metafor's default.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.synthesis.binomial import LogisticStudies, PooledBinomial, log_sum, maximise
from homing.synthesis.checks import check_level, check_whole, check_word, silent_note, two_arms, two_rates

Array = NDArray[np.float64]
Model = Literal["conditional-exact", "conditional-approximate", "unconditional-fixed", "unconditional-random"]
MODELS: tuple[Model, ...] = (
    *("unconditional-fixed", "unconditional-random", "conditional-exact", "conditional-approximate"),
)
#: Quadrature points.
POINTS_OF_TWO = 11


def pool_odds_ratios(
    events_1: ArrayLike,
    n_1: ArrayLike,
    events_2: ArrayLike,
    n_2: ArrayLike,
    model: Model = "unconditional-random",
    *,
    level: float = 0.95,
    points: int = POINTS_OF_TWO,
    common: bool = False,
) -> PooledBinomial:
    """Pool odds ratios from counts (study,) by a generalised linear mixed model (maximum likelihood).

    Arguments:
        model: 'unconditional-fixed' with a free level for each study (metafor's UM.FS), 'unconditional-random' with
            normally distributed levels (UM.RS; studies without any event count), 'conditional-exact' given the total
            events of each study (CM.EL, non-central hypergeometric), 'conditional-approximate' (CM.AL, binomial).
        common: no variance of the odds ratio between studies.
    The random effect of a study is split evenly between its arms, as in metafor. UM.RS is fitted by two-dimensional
    quadrature where metafor takes Laplace's approximation, so that its numbers differ a little.
    Raises: StudyError for impossible counts, an unknown model, or an arm without any event (the estimate is infinite).
    """
    check_level(level)
    check_word(model, MODELS, "is no model here")
    a, n1, c, n2 = two_arms(events_1, n_1, events_2, n_2)
    if model == "conditional-exact":
        check_whole(a, n1, c, n2)
    k = len(a)
    for x, n, arm in ((a, n1, "first"), (c, n2, "second")):
        if x.sum() in (0, n.sum()):
            raise StudyError(
                f"the {arm} arm has {'no' if x.sum() == 0 else 'only'} events in all studies: the odds ratio has no "
                f"finite estimate. Take the exact interval, or the risk difference."
            )
    informative = (a + c > 0) & (a + c < n1 + n2)
    silent = int((~informative).sum()) if model != "unconditional-random" else 0
    if silent:
        a, n1, c, n2 = (v[informative] for v in (a, n1, c, n2))
    fit = _TWO_ARM[model](a, n1, c, n2, points, common or len(a) < 2, level)
    return replace(fit, k=k, silent=silent, notes=(*silent_note(silent, k), *fit.notes))


def pool_rate_ratios(
    events_1: ArrayLike,
    time_1: ArrayLike,
    events_2: ArrayLike,
    time_2: ArrayLike,
    *,
    level: float = 0.95,
    points: int = POINTS_OF_TWO,
    common: bool = False,
) -> PooledBinomial:
    """Pool ratios of rates from events and times at risk (study,), given the total events of each study.

    Poisson counts given their sum are binomial, so that no approximation is made (Stijnen 2010). The answer's measure
    is printed as an odds ratio would be: it is the log of a ratio. Raises: StudyError where an arm has no event.
    """
    check_level(level)
    x1, t1, x2, t2 = two_rates(events_1, time_1, events_2, time_2)
    if not (x1.sum() and x2.sum()):
        raise StudyError("an arm has no event in any study: the ratio of rates has no finite estimate.")
    has = x1 + x2 > 0
    study = LogisticStudies(x1[has], (x1 + x2)[has], np.log(t1 / t2)[has], points)
    ones, start = np.ones(int(has.sum())), math.log(x1.sum() / t1.sum()) - math.log(x2.sum() / t2.sum())
    fit = maximise(
        lambda beta, tau: study.total(beta[0] * ones, tau),
        np.array([start]),
        0.0 if common or has.sum() < 2 else 0.5,
        *(("log rate ratio",), "odds-ratio", "conditional-exact", len(x1), level),
    )
    silent = int((~has).sum())
    return replace(fit, silent=silent, notes=(*silent_note(silent, len(x1)), *fit.notes))


def _start(a: Array, n1: Array, c: Array, n2: Array) -> float:
    return float(np.log(((a + 0.5) / (n1 - a + 0.5)).sum() / ((c + 0.5) / (n2 - c + 0.5)).sum()))


def _approximate(a: Array, n1: Array, c: Array, n2: Array, points: int, common: bool, level: float) -> PooledBinomial:
    study = LogisticStudies(a, a + c, np.log(n1 / n2), points)
    ones = np.ones_like(a)
    return maximise(
        lambda beta, tau: study.total(beta[0] * ones, tau),
        np.array([_start(a, n1, c, n2)]),
        0.0 if common else 0.5,
        *(("log odds ratio",), "odds-ratio", "conditional-approximate", len(a), level),
    )


def _exact(a: Array, n1: Array, c: Array, n2: Array, points: int, common: bool, level: float) -> PooledBinomial:
    from scipy.special import gammaln, roots_hermite

    total = a + c
    low = np.maximum(0, total - n2)
    width = int((np.minimum(total, n1) - low).max()) + 1
    x = low[:, None] + np.arange(width)
    s, o, t = n1[:, None], n2[:, None], total[:, None]
    inside = x <= np.minimum(t, s)
    with np.errstate(invalid="ignore"):
        log = -(gammaln(x + 1) + gammaln(s - x + 1) + gammaln(t - x + 1) + gammaln(o - t + x + 1))
    log = np.where(inside, log, -np.inf)
    seen = (a - low).astype(int)
    nodes, weights = roots_hermite(points)
    log_weights = np.log(weights) + nodes**2

    def moments(theta: Array) -> tuple[Array, Array]:
        """Mean and variance of each study's events in arm 1, counted from the fewest possible."""
        tilted = log + theta[:, None] * (x - low[:, None])
        share = np.exp(tilted - log_sum(tilted)[:, None])
        mean = (share * (x - low[:, None])).sum(axis=1)
        return mean, (share * (x - low[:, None]) ** 2).sum(axis=1) - mean**2

    def given(theta: Array) -> Array:
        """(study, node) log-likelihoods at log odds ratios of that shape."""
        tilted = log[:, None, :] + theta[:, :, None] * (x - low[:, None])[:, None, :]
        own = log[np.arange(len(a)), seen][:, None] + theta * seen[:, None]
        return own - log_sum(tilted)

    def likelihood(beta: Array, tau: float) -> float:
        if tau < 1e-9:
            return float(given(np.full((len(a), 1), beta[0])).sum())
        u = np.zeros(len(a))
        for _ in range(60):
            mean, variance = moments(beta[0] + tau * u)
            step = (tau * (seen - mean) - u) / (tau**2 * variance + 1)
            u = u + np.clip(step, -min(3, 2 / tau), min(3, 2 / tau))
            if np.abs(step).max() < 1e-11:
                break
        wide = 1 / np.sqrt(tau**2 * moments(beta[0] + tau * u)[1] + 1)
        at = u[:, None] + math.sqrt(2) * wide[:, None] * nodes
        value = given(beta[0] + tau * at) - 0.5 * at**2 - 0.5 * math.log(2 * math.pi) + log_weights
        return float((log_sum(value) + np.log(math.sqrt(2) * wide)).sum())

    return maximise(
        likelihood,
        np.array([_start(a, n1, c, n2)]),
        0.0 if common else 0.5,
        *(("log odds ratio",), "odds-ratio", "conditional-exact", len(a), level),
    )


class _TwoArms:
    """Log-likelihoods of studies of two arms: logits a + theta/2 + u/2 and a - theta/2 - u/2, u normal."""

    def __init__(self, a: Array, n1: Array, c: Array, n2: Array, points: int) -> None:
        from scipy.special import roots_hermite

        self.first, self.second = (
            LogisticStudies(a, n1, np.zeros_like(a), points),
            LogisticStudies(c, n2, np.zeros_like(c), points),
        )
        self.nodes, weights = roots_hermite(points)
        self.log_weights = np.log(weights) + self.nodes**2
        self.last = np.zeros_like(a)  # where the last call found the modes: the next ones are near

    def marginal(self, level: Array, theta: float, tau: float) -> tuple[Array, Array, Array]:
        """The log marginal likelihood of each study at its level, and its first two derivatives in the level."""
        first, second = self.first, self.second

        def rates(u: Array) -> tuple[Array, Array]:
            half = 0.5 * (theta + tau * u)
            shape = level if u.ndim == 1 else level[:, None]
            return 1 / (1 + np.exp(-(shape + half))), 1 / (1 + np.exp(-(shape - half)))

        u = self.last if tau > 1e-9 else np.zeros_like(level)
        for _ in range(60 if tau > 1e-9 else 0):
            p, q = rates(u)
            slope = 0.5 * tau * ((first.x - first.m * p) - (second.x - second.m * q)) - u
            curve = 0.25 * tau**2 * (first.m * p * (1 - p) + second.m * q * (1 - q)) + 1
            step = slope / curve
            u = u + np.clip(step, -min(3, 4 / tau), min(3, 4 / tau))
            if np.abs(step).max() < 1e-9:
                break
        self.last = u
        p, q = rates(u)
        width = 1 / np.sqrt(0.25 * tau**2 * (first.m * p * (1 - p) + second.m * q * (1 - q)) + 1)
        at = u[:, None] + math.sqrt(2) * width[:, None] * self.nodes
        half = 0.5 * (theta + tau * at)
        log = first.given(level[:, None] + half) + second.given(level[:, None] - half)
        log = log - 0.5 * at**2 - 0.5 * math.log(2 * math.pi) + self.log_weights
        total = log_sum(log)
        share = np.exp(log - total[:, None])
        p, q = rates(at)
        slope = (first.x + second.x)[:, None] - first.m[:, None] * p - second.m[:, None] * q
        curve = -(first.m[:, None] * p * (1 - p) + second.m[:, None] * q * (1 - q))
        mean = (share * slope).sum(axis=1)
        second_order = (share * (curve + slope**2)).sum(axis=1) - mean**2
        return total + np.log(math.sqrt(2) * width), mean, second_order


def _fixed_levels(a: Array, n1: Array, c: Array, n2: Array, points: int, common: bool, level: float) -> PooledBinomial:
    arms = _TwoArms(a, n1, c, n2, points)
    kept = np.log((a + c + 0.5) / (n1 + n2 - a - c + 0.5))

    def likelihood(beta: Array, tau: float) -> float:
        """Profiled over the level of each study, found by Newton's method from where the last call left off."""
        nonlocal kept
        at = kept
        for _ in range(80):
            value, slope, curve = arms.marginal(at, float(beta[0]), tau)
            step = np.where(curve < 0, slope / -np.minimum(curve, -1e-12), np.sign(slope) * 0.1)
            if np.abs(step).max() < 1e-9:
                break
            at = at + np.clip(step, -2, 2)
        kept = at
        return float(value.sum())

    return maximise(
        likelihood,
        np.array([_start(a, n1, c, n2)]),
        0.0 if common else 0.5,
        *(("log odds ratio",), "odds-ratio", "unconditional-fixed", len(a), level),
    )


def _random_levels(a: Array, n1: Array, c: Array, n2: Array, points: int, common: bool, level: float) -> PooledBinomial:
    from scipy.special import roots_hermite

    arms = _TwoArms(a, n1, c, n2, points)
    nodes, weights = roots_hermite(points)
    many = [np.repeat(v, len(nodes)) for v in (a, n1, c, n2)]
    every = _TwoArms(many[0], many[1], many[2], many[3], points)
    log_weights = np.log(weights) + nodes**2
    kept = np.log((a + c + 0.5) / (n1 + n2 - a - c + 0.5))

    def likelihood(beta: Array, tau: float) -> float:
        """Coefficients: log odds ratio, mean level, log of the levels' standard deviation."""
        spread = math.exp(min(max(float(beta[2]), -12.0), 4.0))
        nonlocal kept
        at = kept
        for _ in range(60):
            _, slope, curve = arms.marginal(at, float(beta[0]), tau)
            gradient = slope - (at - beta[1]) / spread**2
            step = gradient / (np.maximum(-curve, 1e-9) + 1 / spread**2)
            at = at + np.clip(step, -2, 2)
            if np.abs(step).max() < 1e-8:
                break
        kept = at
        _, _, curve = arms.marginal(at, float(beta[0]), tau)
        width = 1 / np.sqrt(np.maximum(-curve, 0) + 1 / spread**2)
        here = at[:, None] + math.sqrt(2) * width[:, None] * nodes
        value = every.marginal(here.ravel(), float(beta[0]), tau)[0].reshape(here.shape)
        log = value - 0.5 * ((here - beta[1]) / spread) ** 2 - math.log(spread) + log_weights
        return float((log_sum(log) + np.log(width) - 0.5 * math.log(math.pi)).sum())

    base = float(np.log((a.sum() + c.sum() + 0.5) / (n1.sum() + n2.sum() - a.sum() - c.sum() + 0.5)))
    return maximise(
        likelihood,
        np.array([_start(a, n1, c, n2), base, -0.5]),
        0.0 if common else 0.5,
        *(("log odds ratio",), "odds-ratio", "unconditional-random", len(a), level),
        extra=2,
    )


_TWO_ARM: dict[Model, Callable[[Array, Array, Array, Array, int, bool, float], PooledBinomial]] = {
    "conditional-approximate": _approximate,
    "conditional-exact": _exact,
    "unconditional-fixed": _fixed_levels,
    "unconditional-random": _random_levels,
}
