"""Tests of pooled effects and moderators by permutation, all ways at once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.synthesis.checks import check_effects
from homing.synthesis.effect import Effects
from homing.synthesis.heterogeneity_many import tau2_of_many, weighted_fits
from homing.synthesis.regression import Adjust, Method, check_methods, design_of, tested

Array = NDArray[np.float64]
#: At most so many permutations are gone through; beyond, so many are drawn.
MOST_PERMUTATIONS = 5000
#: Below this share of a coefficient's error from sampling, an error or an effect is one of rounding.
_NOTHING = 1e-10
#: So many ways are computed together, which bounds the memory.
_AT_ONCE = 256


@dataclass(frozen=True)
class Permuted:
    """p-values of each coefficient and of all moderators together, from permutations; `exact` where all were tried."""

    names: tuple[str, ...]
    p: Array
    omnibus_p: float
    permutations: int
    exact: bool


def permutation_test(
    effects: Effects,
    moderators: Mapping[str, ArrayLike] | None = None,
    method: Method = "REML",
    *,
    adjust: Adjust = "none",
    seed: int = 1,
    most: int = MOST_PERMUTATIONS,
) -> Permuted:
    """Test by permutation (Higgins and Thompson 2004, doi:10.1002/sim.1752; Follmann and Proschan 1999).

    Moderators are dealt anew to the studies; without moderators the signs of the effects are turned. All ways are gone
    through where there are at most `most`, else `most` are drawn with `seed`.
    """
    check_methods(method, adjust)
    check_effects(effects.estimate, effects.variance)
    names, x = design_of(len(effects), moderators or {})
    y, v = effects.estimate, effects.variance
    ways, exact = _ways(len(y), signs=not moderators, most=most, seed=seed)

    def statistics(y: Array, x: Array) -> tuple[Array, Array]:
        return _statistics(y, v, x, names, method, adjust)

    single, together = statistics(y[None], x[None])
    above, above_together = np.zeros(len(names)), 0
    for some in np.array_split(ways, math.ceil(len(ways) / _AT_ONCE)):
        one, all_ = statistics(y * some, x[None]) if not moderators else statistics(y[None], x[some])
        above += (one >= single - 1e-8).sum(axis=0)
        above_together += int((all_ >= together - 1e-8).sum())
    total = len(ways)
    return Permuted(names, above / total, above_together / total, total, exact)


def _statistics(
    y: Array, v: Array, x: Array, names: Sequence[str], method: Method, adjust: Adjust
) -> tuple[Array, Array]:
    """The absolute statistic of each coefficient (way, coefficient) and of all together (way,).

    `y` (way, study) and `x` (way, study, coefficient), one of them the same in all ways; each is fitted as
    `regression.regress` fits it.
    """
    k, p = x.shape[1:]
    if k <= p:
        raise StudyError(f"{k} studies are too few for {p} coefficients; at least {p + 1} are needed.")
    tau2 = np.zeros(max(len(y), len(x))) if method == "common" else tau2_of_many(y, v, x, method)
    fit = weighted_fits(y, x, 1 / (v + tau2[:, None]))
    shown = fit.squares / (k - p)
    scale = shown if adjust == "knapp-hartung" else np.maximum(1.0, shown) if adjust == "conservative" else shown**0
    at = tested(names)
    plain = np.sqrt(np.diagonal(fit.covariance, axis1=1, axis2=2))
    error = plain * np.sqrt(scale)[:, None]
    b = fit.coefficients[:, at]
    inner = np.linalg.pinv(fit.covariance[:, at][:, :, at] * scale[:, None, None])
    with np.errstate(divide="ignore", invalid="ignore"):
        single = np.abs(fit.coefficients / error)
    together = np.einsum("wp,wpq,wq->w", b, inner, b) / (1 if adjust == "none" else len(at))
    # residuals of 0, scaled by which every coefficient that is there at all is infinitely far from none
    flat = error.max(axis=1) <= _NOTHING * plain.max(axis=1)
    single[flat] = np.where(np.abs(fit.coefficients) > _NOTHING * plain, math.inf, 0.0)[flat]
    together[flat] = single[:, at].max(axis=1)[flat]
    return single, together


def _ways(k: int, *, signs: bool, most: int, seed: int) -> tuple[NDArray[Any], bool]:
    """Signs, or places to deal from, (way, study), the given order first; and whether these are all."""
    count = 2**k if signs else math.factorial(k)
    if count <= most:
        every = itertools.product((1.0, -1.0), repeat=k) if signs else itertools.permutations(range(k))
        return np.array(list(every)), True
    random = np.random.default_rng(seed)
    drawn = [random.choice((1.0, -1.0), k) if signs else random.permutation(k) for _ in range(most - 1)]
    return np.array([np.ones(k) if signs else np.arange(k), *drawn]), False
