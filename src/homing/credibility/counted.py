"""What the planned trial's own counts would tell of the values that move its answer: Fisher information of the share of
patients who meet the primary endpoint, in the candidate's and in the control arm.

A trial of a yes-or-no endpoint learns one count an arm. With a share p of n patients the information on a logarithm is
n (dp / d log value)^2 / (p (1 - p)), and the arms add up; so two arms tell of two combinations of values at most,
whatever the endpoint is judged on. Patients who drop out count as failures, as they do in the trial's power.

The shares are simulated: the same virtual patients with a value raised and lowered (central difference). A patient in
whom nothing changes adds nothing to the error of the difference, which is told beside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from homing.credibility.identifiability import Missing
from homing.engine.information import Information, information_of
from homing.ground.errors import NumericsError, WiringError
from homing.patients.cohort import Cohort
from homing.patients.scenario import Scenario
from homing.study.plan import Study
from homing.study.simulator import Simulator

Array = NDArray[np.float64]
#: Whether each patient (patient,) of an arm meets the endpoint, 1, 0 or NaN, with factors on values.
Met = Callable[[str, Mapping[str, float]], Array]
#: Steps of a logarithm either way, tried in turn until the error of every difference is small beside it.
STEPS = (0.125, 0.25, 0.5)
#: What small is: a fifth of the difference.
_SMALL = 0.2


@dataclass(frozen=True)
class Slope:
    """The change of a share for a change of a logarithm, with its Monte Carlo standard error."""

    value: float
    error: float

    def moved(self, more: float, level: float = 0.95) -> tuple[float, float, float]:
        """What so much `more` of a value (0.1: a tenth) does to the share, with its Monte Carlo interval."""
        step, half = math.log1p(more), NormalDist().inv_cdf((1 + level) / 2) * self.error
        return step * self.value, step * (self.value - half), step * (self.value + half)

    @property
    def is_settled(self) -> bool:
        """Whether the error is small beside it."""
        return self.error <= _SMALL * abs(self.value)


@dataclass(frozen=True)
class CountedArm:
    """One arm of the planned trial: its patients, the share of them that is counted, and its slopes by parameter."""

    name: str
    n: int
    share: float
    slopes: tuple[Slope, ...]


@dataclass(frozen=True)
class Counted:
    """What counting the primary endpoint at its visit would tell; `patients` virtual ones gave the shares."""

    arms: tuple[CountedArm, ...]
    patients: int
    information: Information


def count_information(
    study: Study, simulator: Simulator, scenario: Scenario, cohort: Cohort, names: Sequence[str]
) -> Counted | Missing:
    """What the trial's counts would tell of the parameters with these names, in these patients under a scenario.

    Arguments: `names` full names in the candidate's machine; a control arm without them is not moved by them.
    """
    mine = simulator.machine(study.arms[study.candidate])
    wanted = [name for name in names if name in mine.system.parameters]
    if not wanted:
        return Missing("parameters")

    def met(arm: str, changes: Mapping[str, float]) -> Array:
        protocol = study.arms[arm]
        states, _ = simulator.settle(cohort.values, changes)
        there = mine.translated(changes, simulator.machine(protocol), cohort.values)
        days = [0.0, study.primary.time]
        run = simulator.run(replace(cohort, initial=states), protocol, scenario, days, changes=there)
        return run.outcome(study.primary.key, study.primary.time)

    arms = (study.candidate, study.control)
    try:
        return of_shares(met, arms, wanted, study.design.patients_per_arm, study.design.dropout)
    except (NumericsError, WiringError) as e:
        return Missing("failed", str(e))


def of_shares(met: Met, arms: Sequence[str], names: Sequence[str], n: int, dropout: float = 0.0) -> Counted:
    """The information of counts in `n` patients an arm, of whom a share `dropout` counts as failures.

    Raises: NumericsError where no patient of an arm could be simulated.
    """
    plain = {arm: met(arm, {}) for arm in arms}
    kept = 1 - dropout
    shares = {arm: kept * _mean(column, arm) for arm, column in plain.items()}
    slopes = [_slopes(met, arms, name) for name in names]
    found = tuple(
        CountedArm(arm, n, shares[arm], tuple(Slope(kept * s[i].value, kept * s[i].error) for s in slopes))
        for i, arm in enumerate(arms)
    )
    matrix = np.zeros((len(names), len(names)))
    patients = min(int(np.isfinite(column).sum()) for column in plain.values())
    for arm in found:
        gradient = np.array([slope.value for slope in arm.slopes])
        matrix += arm.n * np.outer(gradient, gradient) / _variance(arm.share, patients)
    return Counted(found, patients, information_of(names, matrix))


def _slopes(met: Met, arms: Sequence[str], name: str) -> list[Slope]:
    """The slope of each arm's share, by the smallest step of which the error is small beside the difference."""
    found: list[Slope] = []
    for step in STEPS:
        found = [_slope(met(arm, {name: math.exp(step)}), met(arm, {name: math.exp(-step)}), step, arm) for arm in arms]
        moved = [slope for slope in found if slope.error > 0]
        if moved and all(slope.is_settled for slope in moved):
            break
    return found


def _slope(up: Array, down: Array, step: float, arm: str) -> Slope:
    change = (up - down) / (2 * step)
    seen = change[np.isfinite(change)]
    error = seen.std(ddof=1) / math.sqrt(seen.size) if seen.size > 1 else math.nan
    return Slope(_mean(change, arm), float(error))


def _mean(column: Array, arm: str) -> float:
    seen = column[np.isfinite(column)]
    if not seen.size:
        raise NumericsError(f"no patient of the arm '{arm}' could be simulated with its values moved.")
    return float(seen.mean())


def _variance(share: float, patients: int) -> float:
    """p (1 - p), of a share that is no nearer to 0 or 1 than half a virtual patient can tell."""
    least = 1 / (2 * patients)
    p = min(max(share, least), 1 - least)
    return p * (1 - p)
