"""What single studies do to a pooled effect: leave-one-out, cumulative pooling, influence, shrunken effects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import StudyError
from homing.synthesis.effect import Effects
from homing.synthesis.pool import Adjust, Method, Pooled, pool

Array = NDArray[np.float64]


def leave_one_out(
    effects: Effects, method: Method = "REML", *, adjust: Adjust = "knapp-hartung", level: float = 0.95
) -> list[Pooled]:
    """What the others add up to without each study in turn, in their order. Raises StudyError for one study."""
    if len(effects) < 2:
        raise StudyError("with one study there is nothing left to pool without it.")
    return [pool(effects.without(i), method, adjust=adjust, level=level) for i in range(len(effects))]


def cumulative(
    effects: Effects,
    order: Sequence[int] | None = None,
    method: Method = "REML",
    *,
    adjust: Adjust = "knapp-hartung",
    level: float = 0.95,
) -> list[Pooled]:
    """What the first studies add up to, one more each time, in an order of positions (that given where none is).

    An interval of two or three studies by Knapp-Hartung is wide; that is what is known at that time.
    """
    places = list(range(len(effects))) if order is None else list(order)
    if sorted(places) != list(range(len(effects))):
        raise StudyError("the order must name each study once.")
    found = []
    for k in range(1, len(places) + 1):
        first = places[:k]
        part = Effects(
            *(effects.measure, effects.estimate[first], effects.variance[first]),
            tuple(effects.kept[i] for i in first),
        )
        found.append(pool(part, method, adjust=adjust, level=level))
    return found


@dataclass(frozen=True)
class Influence:
    """How far each study stands out and how much it moves the answer; each (study,), as metafor's influence().

    `baujat_x` is a study's share of Q and `baujat_y` its pull on the pooled effect (Baujat 2002, doi:10.1002/sim.1221).
    """

    studentised: Array
    dffits: Array
    cook: Array
    covariance_ratio: Array
    tau2_without: Array
    q_without: Array
    hat: Array
    baujat_x: Array
    baujat_y: Array


def influence(effects: Effects, method: Method = "REML") -> Influence:
    """The influence of each study on a pooled effect. Raises StudyError for fewer than three studies."""
    k = len(effects)
    if k < 3:
        raise StudyError(f"influence needs three studies at least, and there are {k}.")
    y, v = effects.estimate, effects.variance
    whole = pool(effects, method, adjust="none")
    others = leave_one_out(effects, method, adjust="none")
    mean = np.array([o.estimate for o in others])
    tau2 = np.array([o.tau2 for o in others])
    error = np.array([o.standard_error for o in others])
    hat = whole.weights
    x = (y - whole.estimate) ** 2 / (v + whole.tau2)
    return Influence(
        studentised=(y - mean) / np.sqrt(v + error**2 + tau2),
        dffits=(whole.estimate - mean) / np.sqrt(hat * (tau2 + v)),
        cook=(whole.estimate - mean) ** 2 / whole.standard_error**2,
        covariance_ratio=error**2 / whole.standard_error**2,
        tau2_without=tau2,
        q_without=np.array([o.q for o in others]),
        hat=hat,
        baujat_x=x,
        baujat_y=(whole.estimate - mean) ** 2 / error**2,
    )


def shrunken(effects: Effects, method: Method = "REML", level: float = 0.95) -> Array:
    """Each study's own effect drawn to the mean (best linear unbiased): (study, 4), estimate, error, low, high."""
    from scipy.special import ndtri

    found = pool(effects, method, adjust="none", level=level)
    share = found.tau2 / (found.tau2 + effects.variance)
    estimate = share * effects.estimate + (1 - share) * found.estimate
    error = np.sqrt(share * effects.variance + (1 - share) ** 2 * found.standard_error**2)
    half = float(ndtri(0.5 + level / 2)) * error
    return np.column_stack([estimate, error, estimate - half, estimate + half])


def tipping_events(events_1: int, n_1: int, events_2: int, n_2: int) -> int | None:
    """The fragility index: how many patients of the arm with the lower share must change for p (Fisher) to cross 0.05.

    Negative where the trial isn't significant: as many must change for it to become so, in that arm until it has no
    event left, then in the other until all have one; None where even that isn't significant.
    (Walsh 2014, doi:10.1016/j.jclinepi.2013.10.019) Raises: StudyError for impossible counts.
    """
    from scipy.stats import fisher_exact

    for x, n in ((events_1, n_1), (events_2, n_2)):
        if n <= 0 or not 0 <= x <= n:
            raise StudyError(f"{x:g} events of {n:g} patients can't be.")

    def p(a: int, c: int) -> float:
        return float(fisher_exact([[a, n_1 - a], [c, n_2 - c]])[1])

    if events_1 * n_2 > events_2 * n_1:
        events_1, n_1, events_2, n_2 = events_2, n_2, events_1, n_1
    if p(events_1, events_2) < 0.05:
        return next(moved for moved in range(1, n_1 - events_1 + 1) if p(events_1 + moved, events_2) >= 0.05)
    apart = [(events_1 - moved, events_2) for moved in range(1, events_1 + 1)]
    apart += [(0, events_2 + moved) for moved in range(1, n_2 - events_2 + 1)]
    return next((-moved for moved, (a, c) in enumerate(apart, 1) if p(a, c) < 0.05), None)
