"""Selection models: effects corrected for results that were less likely to be published when not significant.

A study with a one-sided p-value in a given interval is seen with a relative weight; the weights are estimated with the
effect (Vevea and Hedges 1995, doi:10.1007/BF02294384), or assumed, where there are few studies (Vevea and Woods 2005,
doi:10.1037/1082-989X.10.4.428). Definitions are those of metafor's selmodel(type="stepfun").
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import StudyError
from homing.synthesis.checks import check_effects, check_level, check_word
from homing.synthesis.effect import Effects

Array = NDArray[np.float64]
Better = Literal["higher", "lower"]
#: Weights are sought within a factor of 100 either way, as metafor does; beyond, the data do not say.
_WIDEST = math.log(100)


@dataclass(frozen=True)
class Selected:
    """The effect and tau2 under selection, the weights by interval of p (the first is 1), and the test of selection."""

    k: int
    estimate: float
    standard_error: float
    low: float
    high: float
    tau2: float
    weights: tuple[float, ...]
    weights_estimated: bool
    likelihood_ratio: float
    p: float
    notes: tuple[str, ...] = ()


def selection_model(
    effects: Effects,
    *,
    better: Better = "higher",
    steps: Sequence[float] = (0.025,),
    weights: Sequence[float] | None = None,
    level: float = 0.95,
) -> Selected:
    """Fit a selection model by maximum likelihood.

    Arguments:
        better: the direction whose significant results are thought likelier to be published.
        steps: limits of one-sided p between which the weight is constant.
        weights: assumed weights of the intervals, the first being 1; estimated where none are given.
    Raises: StudyError for steps that do not rise between 0 and 1, wrong numbers of weights, fewer than three studies.
    """
    from scipy.special import ndtri
    from scipy.stats import chi2

    check_level(level)
    check_word(better, ("higher", "lower"), "is no direction of better")
    y, v = effects.estimate, effects.variance
    check_effects(y, v)
    cuts = np.array([*steps, 1.0], dtype=float)
    if len(y) < 3:
        raise StudyError(f"a selection model needs three studies at least, and there are {len(y)}.")
    if not (np.diff(cuts) > 0).all() or cuts[0] <= 0:
        raise StudyError("the steps must rise between 0 and 1, such as 0.025 or 0.025, 0.5.")
    if weights is not None and (
        len(weights) != len(cuts) or weights[0] != 1 or not all(0 < w < math.inf for w in weights)
    ):
        raise StudyError(f"{len(cuts)} weights above 0 are needed, the first of them 1.")
    free = len(cuts) - 1 if weights is None else 0
    sign = 1.0 if better == "higher" else -1.0
    given = np.log(weights) if weights is not None else np.zeros(len(cuts))
    model = _Model(sign * y, v, cuts, given, free)
    best, value, covariance = model.fit()
    error = math.sqrt(float(covariance[0, 0])) if covariance[0, 0] > 0 else math.nan
    half = float(ndtri(0.5 + level / 2)) * error
    estimate = sign * float(best[0])
    without = _Model(sign * y, v, cuts, np.zeros(len(cuts)), 0).fit()[1]
    ratio = max(0.0, 2 * (value - without))
    found = np.exp(np.concatenate([[0.0], np.clip(best[2:], -_WIDEST, _WIDEST)])) if free else np.exp(given)
    empty = [i for i, n in enumerate(np.bincount(model.interval, minlength=len(cuts))) if not n]
    notes = []
    if free and np.abs(best[2:]).max() > _WIDEST - 0.01:
        notes.append("a weight is at the end of its range: the data do not say how strong the selection is")
    if empty and free:
        notes.append(f"no study in {len(empty)} of the intervals of p: its weight cannot be known")
    if len(y) < 10 and free:
        notes.append(f"{len(y)} studies: too few to estimate weights with any certainty; try assumed ones")
    return Selected(
        *(len(y), estimate, error, estimate - half, estimate + half, float(best[1]) ** 2),
        *(tuple(float(w) for w in found), bool(free), ratio if free else math.nan),
        *(float(chi2.sf(ratio, free)) if free else math.nan, tuple(notes)),
    )


class _Model:
    """The likelihood of seen effects in mu, tau and log weights."""

    def __init__(self, y: Array, v: Array, cuts: Array, given: Array, free: int) -> None:
        from scipy.special import ndtr, ndtri

        self.y, self.v, self.given, self.free = y, v, given, free
        error = np.sqrt(v)
        self.interval = np.minimum(np.searchsorted(cuts, ndtr(-y / error)), len(cuts) - 1)
        #: (study, step): the effects at which p takes the values of the steps, falling
        self.limits = -ndtri(cuts[:-1]) * error[:, None]

    def loss(self, theta: Array) -> float:
        from scipy.special import ndtr

        total = self.v + theta[1] ** 2
        log_weight = np.concatenate([[0.0], np.clip(theta[2:], -_WIDEST, _WIDEST)]) if self.free else self.given
        below = ndtr((self.limits - theta[0]) / np.sqrt(total)[:, None])
        edges = np.column_stack([np.ones(len(self.y)), below, np.zeros(len(self.y))])
        seen = (edges[:, :-1] - edges[:, 1:]) @ np.exp(log_weight)
        density = -0.5 * (np.log(2 * math.pi * total) + (self.y - theta[0]) ** 2 / total)
        return -float((density + log_weight[self.interval] - np.log(np.maximum(seen, 1e-300))).sum())

    def fit(self) -> tuple[Array, float, Array]:
        """The best mu, tau and free log weights, the log-likelihood, and the covariance."""
        from scipy.optimize import minimize

        from homing.synthesis.binomial import curvature, polished

        spread = float(np.std(self.y))
        starts = [np.r_[np.average(self.y, weights=1 / self.v), tau, np.zeros(self.free)] for tau in (0.0, spread)]
        fits = [minimize(self.loss, s, method="BFGS", options={"gtol": 1e-8}) for s in starts]
        fits += [minimize(self.loss, f.x, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-12}) for f in fits]
        best = polished(self.loss, np.asarray(min(fits, key=lambda f: f.fun).x))
        best[1] = abs(best[1])
        return best, -self.loss(best), np.asarray(np.linalg.pinv(curvature(self.loss, best)), dtype=np.float64)
