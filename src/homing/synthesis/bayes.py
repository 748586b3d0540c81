"""Bayesian pooling by quadrature: exact up to the grid, the same to the last bit each time, without sampling.

Effects are normal about mu with standard deviation tau; mu has a wide normal prior and tau a half-normal one, weakly
informative on a log or logit scale (Roever 2021, doi:10.1002/jrsm.1475, proposes scales of 0.5 and 1 for log odds
ratios). With so few parameters a grid does what samplers do, in milliseconds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.synthesis.binomial import LogisticStudies
from homing.synthesis.checks import check_effects, check_level, check_probability, one_arm
from homing.synthesis.effect import Effects, Measure, natural

Array = NDArray[np.float64]
TAU_SCALE = 0.5
_NODES = 200
_WIDEST_TAU = 8.0
_BINOMIAL_NODES = 48
#: Adaptive points over a study's own logit.
_QUADRATURE = 15
#: Values of mu at which the likelihood is computed for each tau, and to which it is interpolated.
_MU, _FINE = 129, 481
#: Of the logarithm of the likelihood, by which what is left of it is nothing.
_TAIL = 27.0


@dataclass(frozen=True)
class Posterior:
    """The posterior as a mixture of normals in mu: (component,) weights, means and variances, each with its tau.

    On the scale of pooling; `natural()` gives quantiles on the scale of reading. `log_evidence` is the log probability
    of the data under the model, for comparing models of the same data.
    """

    measure: Measure
    k: int
    weights: Array
    means: Array
    variances: Array
    taus: Array
    tau_scale: float
    log_evidence: float

    @property
    def mean(self) -> float:
        """The posterior mean of mu."""
        return float(self.weights @ self.means)

    @property
    def sd(self) -> float:
        """The posterior standard deviation of mu."""
        return math.sqrt(float(self.weights @ (self.variances + self.means**2)) - self.mean**2)

    @property
    def tau(self) -> float:
        """The posterior mean of tau."""
        return float(self.weights @ self.taus)

    def quantile(self, p: float) -> float:
        """A quantile of mu."""
        return _quantile(p, self.weights, self.means, self.variances)

    def predictive_quantile(self, p: float) -> float:
        """A quantile of the next study's own effect."""
        return _quantile(p, self.weights, self.means, self.variances + self.taus**2)

    def probability_above(self, x: float) -> float:
        """The posterior probability that mu exceeds a value."""
        from scipy.special import ndtr

        return float(self.weights @ ndtr((self.means - x) / np.sqrt(self.variances)))

    def natural(self, level: float = 0.95) -> dict[str, float]:
        """Median, interval and predictive interval on the scale of reading."""
        check_level(level)
        tail = (1 - level) / 2
        found = {
            "median": self.quantile(0.5),
            "low": self.quantile(tail),
            "high": self.quantile(1 - tail),
            "prediction_low": self.predictive_quantile(tail),
            "prediction_high": self.predictive_quantile(1 - tail),
        }
        return {name: float(natural(self.measure, x)) for name, x in found.items()}


def _quantile(p: float, weights: Array, means: Array, variances: Array) -> float:
    from scipy.optimize import brentq
    from scipy.special import ndtr

    check_probability(p)
    spread = np.sqrt(variances)
    low, high = float((means - 40 * spread).min()), float((means + 40 * spread).max())
    return float(brentq(lambda q: float(weights @ ndtr((q - means) / spread)) - p, low, high, xtol=1e-12))


def bayes_pool(
    effects: Effects, tau_scale: float = TAU_SCALE, prior_mean: float = 0.0, prior_sd: float = 10.0
) -> Posterior:
    """Pool effects with half-normal(tau_scale) heterogeneity and a normal prior of mu, on the scale of pooling.

    One study is enough: the prior then says how far it may be from the mean.
    Raises: StudyError for no study, an effect without a finite value and a variance above 0, or a scale not above 0.
    """
    check_effects(effects.estimate, effects.variance)
    _check(len(effects), tau_scale, prior_mean, prior_sd)
    tau, log_weight = _tau_nodes(tau_scale, _NODES)
    y, v = effects.estimate, effects.variance
    total = v + tau[:, None] ** 2
    precision = (1 / total).sum(axis=1) + prior_sd**-2
    mean = ((y / total).sum(axis=1) + prior_mean / prior_sd**2) / precision
    squares = (y**2 / total).sum(axis=1) + (prior_mean / prior_sd) ** 2 - mean**2 * precision
    constant = -0.5 * len(y) * math.log(2 * math.pi) - math.log(prior_sd)
    log = log_weight - 0.5 * (np.log(total).sum(axis=1) + squares + np.log(precision)) + constant
    weights, evidence = _normalised(log)
    return Posterior(effects.measure, len(y), weights, mean, 1 / precision, tau, tau_scale, evidence)


def bayes_proportions(
    events: ArrayLike, n: ArrayLike, tau_scale: float = TAU_SCALE, prior_mean: float = 0.0, prior_sd: float = 10.0
) -> Posterior:
    """Pool proportions by the binomial-normal model with the priors of `bayes_pool`, on the logit scale.

    Studies without any event, or with only events, count in full. Raises: StudyError for impossible counts.
    """
    x, m = one_arm(events, n)
    _check(len(x), tau_scale, prior_mean, prior_sd)
    from scipy.interpolate import CubicSpline

    tau, log_weight = _tau_nodes(tau_scale, _BINOMIAL_NODES)
    low, high = _mu_ranges(x, m, tau, prior_mean, prior_sd)
    part, fine = np.linspace(0, 1, _MU)[:, None], np.linspace(0, 1, _FINE)[:, None]
    likelihood = _log_likelihoods(x, m, low + part * (high - low), tau)
    mu = low + fine * (high - low)
    log = CubicSpline(part[:, 0], likelihood)(fine[:, 0]) + log_weight + np.log((high - low) / (_FINE - 1))
    log += -0.5 * ((mu - prior_mean) / prior_sd) ** 2 - math.log(prior_sd * math.sqrt(2 * math.pi))
    flat, evidence = _normalised(log.ravel())
    taus, steps = (np.broadcast_to(v, log.shape).ravel() for v in (tau, (high - low) / (_FINE - 1)))
    keep = flat > 1e-12
    return Posterior(
        *("logit", len(x), flat[keep] / flat[keep].sum(), mu.ravel()[keep]),
        *(steps[keep] ** 2 / 12, taus[keep], tau_scale, evidence),
    )


def _log_likelihoods(x: Array, m: Array, mu: Array, tau: Array) -> Array:
    """The log-likelihood of all studies at each mu (mu, tau), each study integrated about its own mode."""
    total = np.zeros_like(mu)
    for (events, n), times in zip(*np.unique(np.column_stack([x, m]), axis=0, return_counts=True), strict=True):
        study = LogisticStudies(np.array([events]), np.array([n]), np.zeros(1), _QUADRATURE)
        total += times * study.marginal(mu[None], tau[None, None], 1e-3)[0]
    return total


def _mu_ranges(x: Array, m: Array, tau: Array, prior_mean: float, prior_sd: float) -> tuple[Array, Array]:
    """Where the posterior of mu can be at each tau: about its normal approximation, wide where few had events.

    With X events in all the likelihood falls by a factor of exp(X) a logit towards less, with none not at all.
    """
    own, v = np.log((x + 0.5) / (m - x + 0.5)), 1 / (x + 0.5) + 1 / (m - x + 0.5)
    w = 1 / (v + tau[:, None] ** 2)
    precision = w.sum(axis=1) + prior_sd**-2
    centre, reach = (w @ own + prior_mean / prior_sd**2) / precision, 8 / np.sqrt(precision)
    tails = [_TAIL / s if s else math.inf for s in (x.sum(), (m - x).sum())]
    low = np.maximum(centre - reach - tails[0], np.minimum(centre - reach, prior_mean - 6 * prior_sd))
    high = np.minimum(centre + reach + tails[1], np.maximum(centre + reach, prior_mean + 6 * prior_sd))
    return low, high


def _check(k: int, tau_scale: float, prior_mean: float, prior_sd: float) -> None:
    if not k:
        raise StudyError("there is no study to pool.")
    if not (0 < tau_scale < math.inf and 0 < prior_sd < math.inf and math.isfinite(prior_mean)):
        raise StudyError("the scale of tau and the standard deviation of the prior must be above 0, its mean finite.")


def _tau_nodes(scale: float, count: int) -> tuple[Array, Array]:
    """Nodes of tau, denser towards 0 (Gauss-Legendre in its root), and the log of prior density times weight."""
    nodes, weights = np.polynomial.legendre.leggauss(count)
    root = (nodes + 1) / 2
    tau = _WIDEST_TAU * scale * root**2
    density = math.sqrt(2 / math.pi) / scale * np.exp(-0.5 * (tau / scale) ** 2)
    return tau, np.log(weights * _WIDEST_TAU * scale * root * density)


def _normalised(log: Array) -> tuple[Array, float]:
    top = float(log.max())
    p = np.exp(log - top)
    return p / p.sum(), top + math.log(float(p.sum()))


@dataclass(frozen=True)
class BetaMixture:
    """A distribution of a proportion as a mixture of beta distributions: (component,) weights, a and b.

    What is known of a control arm before it is seen: `meta_analytic_prior`. `updated` is what is known after.
    """

    weights: tuple[float, ...]
    a: tuple[float, ...]
    b: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean proportion."""
        w, a, b = (np.array(v) for v in (self.weights, self.a, self.b))
        return float(w @ (a / (a + b)))

    @property
    def sd(self) -> float:
        """The standard deviation of the proportion."""
        w, a, b = (np.array(v) for v in (self.weights, self.a, self.b))
        mean = a / (a + b)
        return math.sqrt(float(w @ (mean * (1 - mean) / (a + b + 1) + mean**2)) - self.mean**2)

    @property
    def effective_size(self) -> float:
        """How many patients it is worth: a + b of the one beta with the same mean and variance."""
        return self.mean * (1 - self.mean) / self.sd**2 - 1

    def quantile(self, p: float) -> float:
        """A quantile of the proportion."""
        from scipy.optimize import brentq
        from scipy.special import betainc

        check_probability(p)
        w = np.array(self.weights)
        return float(brentq(lambda x: float(w @ betainc(self.a, self.b, x)) - p, 0.0, 1.0, xtol=1e-12))

    def robust(self, weight: float = 0.2) -> BetaMixture:
        """With a part of it replaced by a uniform one, so that a control arm unlike the others can overrule it.

        (Schmidli 2014, doi:10.1111/biom.12242)
        """
        if not 0 <= weight <= 1:
            raise StudyError(f"the weight of the uniform part must be between 0 and 1, and is {weight:g}.")
        kept = tuple(w * (1 - weight) for w in self.weights)
        return BetaMixture((*kept, weight), (*self.a, 1.0), (*self.b, 1.0))

    def updated(self, events: int, n: int) -> BetaMixture:
        """The distribution once `events` of `n` patients are seen. Raises: StudyError for impossible counts."""
        from scipy.special import betaln

        if not 0 <= events <= n < math.inf:
            raise StudyError(f"{events:g} events of {n:g} patients can't be.")
        a, b = np.array(self.a) + events, np.array(self.b) + n - events
        log = np.log(self.weights) + betaln(a, b) - betaln(self.a, self.b)
        w, _ = _normalised(log)
        return BetaMixture(tuple(w.tolist()), tuple(a.tolist()), tuple(b.tolist()))


def meta_analytic_prior(
    events: ArrayLike, n: ArrayLike, tau_scale: float = TAU_SCALE, components: Sequence[int] = (1, 2, 3)
) -> BetaMixture:
    """What control arms so far predict of the next one (MAP prior; Neuenschwander 2010, doi:10.1177/1740774509356002).

    The predictive distribution of the binomial-normal model, written as the mixture of beta distributions closest to it
    (in Kullback-Leibler's sense), of as many components as gain a thousandth of a nat each.
    Raises: StudyError for impossible counts, or no number of components.
    """
    if not len(components) or min(components) < 1:
        raise StudyError("numbers of components are needed, each 1 or more.")
    posterior = bayes_proportions(events, n, tau_scale)
    p, weight = _predictive(posterior)
    best: BetaMixture | None = None
    reached = -math.inf
    for count in components:
        found, value = _fit_mixture(p, weight, count)
        if best is None or value > reached + 1e-3:
            best, reached = found, value
    assert best is not None  # noqa: S101 - components is never empty
    return best


def _predictive(posterior: Posterior) -> tuple[Array, Array]:
    """Proportions of the next study and their weights, as quantiles of equal probability."""
    probabilities = (np.arange(400) + 0.5) / 400
    order = np.linspace(posterior.predictive_quantile(1e-6), posterior.predictive_quantile(1 - 1e-6), 1500)
    from scipy.special import expit, ndtr

    spread = np.sqrt(posterior.variances + posterior.taus**2)
    cumulative = np.array([float(posterior.weights @ ndtr((q - posterior.means) / spread)) for q in order])
    logits = np.interp(probabilities, cumulative, order)
    return np.clip(expit(logits), 1e-9, 1 - 1e-9), np.full(400, 1 / 400)


def _fit_mixture(p: Array, weight: Array, count: int) -> tuple[BetaMixture, float]:
    """Expectation-maximisation on weighted points; components start from quantile bands of the points."""
    from scipy.optimize import minimize
    from scipy.special import betaln

    log_p, log_q = np.log(p), np.log1p(-p)
    bands = np.array_split(np.argsort(p), count)
    a, b = np.empty(count), np.empty(count)
    for j, band in enumerate(bands):
        mean, variance = p[band].mean(), max(float(p[band].var()), 1e-6) * (1 if count == 1 else 3)
        size = max(mean * (1 - mean) / variance - 1, 0.5)
        a[j], b[j] = mean * size, (1 - mean) * size
    w = np.full(count, 1 / count)
    value = last = -math.inf
    for _ in range(200):
        log = np.log(w)[:, None] + (a[:, None] - 1) * log_p + (b[:, None] - 1) * log_q - betaln(a, b)[:, None]
        top = log.max(axis=0)
        each = top + np.log(np.exp(log - top).sum(axis=0))
        value = float(weight @ each)
        share = np.exp(log - each) * weight
        w = np.maximum(share.sum(axis=1), 1e-9)
        w /= w.sum()
        for j in range(count):
            m1, m2 = share[j] @ log_p / share[j].sum(), share[j] @ log_q / share[j].sum()
            found = minimize(
                lambda t, m1=m1, m2=m2: float(betaln(*np.exp(t)) - (np.exp(t[0]) - 1) * m1 - (np.exp(t[1]) - 1) * m2),
                np.log([a[j], b[j]]),
                method="BFGS",
            )
            a[j], b[j] = np.exp(np.clip(found.x, -6, 12))
        if value - last < 1e-7:
            break
        last = value
    return BetaMixture(tuple(w.tolist()), tuple(a.tolist()), tuple(b.tolist())), value
