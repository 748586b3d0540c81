"""Hold-outs of CAR-T kinetics that are no counts: predictive intervals, and whether what was seen lies in them.

They are not scored beside the rules, which say nothing of them. The published kinetics are taken as they are and
nothing is fitted, so that the prediction owes nothing to the posterior.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration import car_t
from homing.credibility.split import Row, rows_of
from homing.evidence.store import Store
from homing.ground.errors import EvidenceError
from homing.inference.scores import LEVELS

Array = NDArray[np.float64]
#: Trials that are drawn, and patients whose B cells are simulated.
TRIALS, PATIENTS = 1000, 1000
#: What a row is: a test of the prediction, or of consistency only, where a value was set in view of it or follow-up cut
#: it off.
TEST, CONSISTENCY = "test", "consistency"


@dataclass(frozen=True)
class KineticHoldOut:
    """One reading in days beside the draws (draw,) of what a trial of its size would see.

    `of` names the statistic; `bound` is 'at least' where follow-up cut off what was seen, so that only a prediction
    wholly below it would be refuted; `role` is TEST or CONSISTENCY, which a bound is too: hardly anything refutes it.
    """

    row: Row
    of: str
    observed: float
    draws: Array
    role: str
    bound: str = ""

    def interval(self, level: float) -> tuple[float, float]:
        """The central interval that holds a share `level` of the draws."""
        low, high = np.quantile(self.draws, [(1 - level) / 2, (1 + level) / 2])
        return float(low), float(high)

    def inside(self, level: float) -> bool:
        """Whether what was seen lies in the interval; a lower bound is in it where it is not above its upper end."""
        low, high = self.interval(level)
        return bool(self.observed <= high and (self.bound == "at least" or self.observed >= low))


def kinetic_hold_outs(store: Store, seed: int, threads: int = 1) -> tuple[KineticHoldOut, ...]:
    """The longest persistence of CAR-T cells in blood, and the mean and spread of the return of B cells."""
    rows = {row.output: row for row in rows_of("holdout", "kinetics").rows if row.how == "kinetic"}
    longest, back = rows["longest-persistence"], rows["b-cell-return"]
    seen = car_t.persistence(TRIALS, _n(longest), [car_t.UNTIL], seed)["longest"]
    days = car_t.b_cell_return(PATIENTS, seed, threads)
    means, spreads = of_trials(days, _n(back), TRIALS, seed)
    read = store.reading(back.trial, back.arm, back.endpoint, back.where)
    found = [KineticHoldOut(longest, "longest", _value(store, longest), seen, CONSISTENCY, "at least")]
    found.append(KineticHoldOut(back, "mean", _value(store, back), means, CONSISTENCY))
    if read.sd is not None:
        found.append(KineticHoldOut(back, "sd", read.sd, spreads, TEST))
    return tuple(found)


def of_trials(days: Array, n: int, trials: int, seed: int) -> tuple[Array, Array]:
    """Mean and standard deviation (trial,) of n patients drawn from `days` (patient,), without those who have none."""
    known = days[np.isfinite(days)]
    drawn = np.random.default_rng(seed).choice(known, (trials, n))
    return drawn.mean(axis=1), drawn.std(axis=1, ddof=1)


def kinetics_plain(found: Sequence[KineticHoldOut]) -> list[Mapping[str, object]]:
    """The hold-outs as plain data, in days."""
    return [
        {
            "key": k.row.key,
            "trial": k.row.trial,
            "what": k.row.endpoint,
            "of": k.of,
            "n": _n(k.row),
            "observed": k.observed,
            "bound": k.bound,
            "role": k.role,
            "predicted": float(f"{np.median(k.draws):.4g}"),
            "intervals": {f"{level:g}": [float(f"{x:.4g}") for x in k.interval(level)] for level in LEVELS},
            "inside": {f"{level:g}": k.inside(level) for level in LEVELS},
            "because": k.row.because,
        }
        for k in found
    ]


def _n(row: Row) -> int:
    if row.n is None:
        raise EvidenceError(f"'{row.key}' has no denominator; give `n` with the reason in `how`.", row.where)
    return row.n


def _value(store: Store, row: Row) -> float:
    found = store.reading(row.trial, row.arm, row.endpoint, row.where).value
    if found is None:
        raise EvidenceError(f"the store has no value of '{row.key}'.", row.where)
    return found
