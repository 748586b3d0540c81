"""Beta-binomial models: proportions that vary between studies as a beta distribution, and odds ratios of two arms.

An alternative to the binomial-normal model that needs no quadrature, keeps studies without any event, and does not run
off where tau2 is hard to find (Kuss 2015, doi:10.1002/sim.6383, for studies with no events in either arm). The logit of
the mean is modelled; `rho` is the correlation of two patients of one study, 1/(1 + phi).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.synthesis.binomial import curvature
from homing.synthesis.checks import check_lengths, check_level, one_arm

Array = NDArray[np.float64]
#: Beyond this log of phi the beta-binomial is the binomial to the last digits that its functions give.
_ALIKE = 14.0


@dataclass(frozen=True)
class BetaBinomial:
    """A logit (of one arm) or log odds ratio (of two) with its interval, `phi` and `rho`, by maximum likelihood."""

    k: int
    estimate: float
    standard_error: float
    low: float
    high: float
    phi: float
    rho: float
    log_likelihood: float


def beta_binomial_proportion(events: ArrayLike, n: ArrayLike, *, level: float = 0.95) -> BetaBinomial:
    """The mean proportion, on the logit scale, from counts (study,).

    Raises: StudyError for impossible counts, or no event (or only events) in all studies.
    """
    check_level(level)
    x, m = _counts(events, n)
    return _fit(x, m, np.zeros_like(x), len(x), level)


def beta_binomial_odds_ratio(
    events_1: ArrayLike, n_1: ArrayLike, events_2: ArrayLike, n_2: ArrayLike, *, level: float = 0.95
) -> BetaBinomial:
    """The log odds ratio of the mean proportions of two arms, with one `phi`; studies without events count.

    Arms of one study are taken as independent given their means, which gives the pairing away; for rare events only.
    Raises: StudyError as `beta_binomial_proportion`, for either arm.
    """
    check_level(level)
    a, n1 = _counts(events_1, n_1)
    c, n2 = _counts(events_2, n_2)
    check_lengths(a, c)
    arm = np.concatenate([np.ones_like(a), np.zeros_like(c)])
    return _fit(np.concatenate([a, c]), np.concatenate([n1, n2]), arm, len(a), level)


def _counts(events: ArrayLike, n: ArrayLike) -> tuple[Array, Array]:
    x, m = one_arm(events, n)
    if x.sum() in (0, m.sum()):
        raise StudyError("an arm has no event, or only events, in all studies: its logit is infinite.")
    return x, m


def _fit(x: Array, m: Array, arm: Array, k: int, level: float) -> BetaBinomial:
    from scipy.optimize import minimize
    from scipy.special import betaln, expit, gammaln, ndtri

    two = bool(arm.any())
    constant = float((gammaln(m + 1) - gammaln(x + 1) - gammaln(m - x + 1)).sum())

    def loss(theta: Array) -> float:
        mean = expit(theta[0] + (theta[1] * arm if two else 0.0))
        if theta[-1] > _ALIKE:
            return -float((x * np.log(mean) + (m - x) * np.log1p(-mean)).sum()) - constant
        phi = math.exp(theta[-1])
        a, b = np.maximum(mean * phi, 1e-300), np.maximum((1 - mean) * phi, 1e-300)
        return -float((betaln(x + a, m - x + b) - betaln(a, b)).sum()) - constant

    base = math.log((x.sum() + 0.5) / (m.sum() - x.sum() + 0.5))
    starts = [np.array([base, *([0.0] if two else []), log_phi]) for log_phi in (1.0, 4.0)]
    best = min((minimize(loss, s, method="BFGS", options={"gtol": 1e-9}) for s in starts), key=lambda f: f.fun)
    best = minimize(loss, best.x, method="Nelder-Mead", options={"xatol": 1e-10, "fatol": 1e-13, "maxiter": 4000})
    where, at = 1 if two else 0, np.asarray(best.x)
    if at[-1] > _ALIKE - 2:  # no spread between studies beyond that of the binomial: its likelihood and errors
        at[-1] = _ALIKE + 1
        free = minimize(lambda b: loss(np.append(b, _ALIKE + 1)), at[:-1], method="BFGS", options={"gtol": 1e-9})
        at[:-1] = free.x
    alike = at[-1] > _ALIKE
    shape = curvature(lambda b: loss(np.append(b, at[-1])), at[:-1]) if alike else curvature(loss, at)
    estimate, variance = float(at[where]), float(np.linalg.pinv(shape)[where, where])
    error = math.sqrt(variance) if variance > 0 else math.nan
    half, phi = float(ndtri(0.5 + level / 2)) * error, math.inf if alike else math.exp(float(at[-1]))
    return BetaBinomial(k, estimate, error, estimate - half, estimate + half, phi, 1 / (1 + phi), -float(loss(at)))
