"""Sensitivity: how far the answer moves between the ends of each uncertain value's range, one value at a time.

The answer is the candidate's gain over the control in the primary endpoint, without the noise of readings, in the same
patients under the central scenario. A value that bears on the gut at rest moves the patients' week 0 too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from homing.answers.case import Case, simulated_difference
from homing.answers.content import Text
from homing.answers.uncertain import Trial, Uncertain, effects, uncertain
from homing.credibility.record.plan import relied_of
from homing.credibility.tipping import Tip, tipping_point
from homing.endpoints.definitions import endpoint
from homing.evidence.values import Basis, Value
from homing.patients.cohort import Cohort

#: Patients in whom every value is tried: a swing of a point or two is what they can show.
PATIENTS = 200
#: Modules whose values bear on the gut at rest.
AT_REST = ("innate", "tolerance", "tcells", "bcells", "barrier", "marrow")


@dataclass(frozen=True)
class Swing:
    """One uncertain value: its range and the gain (share of 1) at each end."""

    name: str
    meaning: Text
    basis: Basis
    source: str
    unit: str
    low: float
    high: float
    gain_low: float
    gain_high: float

    @property
    def size(self) -> float:
        """How far the gain moves between the ends."""
        return abs(self.gain_high - self.gain_low)


@dataclass(frozen=True)
class Sensitivity:
    """All swings, the largest first, about the `centre` (the gain at central values, with its Monte Carlo interval)."""

    centre: tuple[float, float, float]
    patients: int
    swings: tuple[Swing, ...]

    @property
    def share_assumed(self) -> float:
        """The part of the sum of squared swings that stems from assumed values; NaN where nothing moves the answer."""
        total = math.fsum(s.size**2 for s in self.swings)
        return math.fsum(s.size**2 for s in self.swings if s.basis == "assumed") / total if total else math.nan

    @property
    def exploratory(self) -> bool:
        """Whether the answer is dominated by assumed values; so it is where nothing is known to move it."""
        return not self.share_assumed <= 0.5


def sensitivity(case: Case) -> Sensitivity:
    """The sensitivity of a case's answer. Computed once for a case."""
    if not case.memory.get("sensitivity"):
        case.memory["sensitivity"] = _compute(case)
    found = case.memory["sensitivity"]
    if not isinstance(found, Sensitivity):
        raise TypeError("the case's memory holds something else under 'sensitivity'")
    return found


def _compute(case: Case) -> Sensitivity:
    cohort = case.cohort.first(PATIENTS)
    items = list(uncertain(case))
    centre = _gain(case, cohort, Trial())
    swings = []
    for done, item in enumerate(items):
        case.progress("sensitivity", done, len(items))
        low, high = (_gain(case, cohort, end)[0] for end in item.ends)
        value = item.value
        ends = (value.number if value.low is None else value.low, value.number if value.high is None else value.high)
        swings.append(Swing(item.name, item.meaning, value.basis, value.source, value.unit, *ends, low, high))
    case.progress("sensitivity", len(items), len(items))
    return Sensitivity(centre, len(cohort), tuple(sorted(swings, key=lambda s: -s.size)))


def _gain(case: Case, cohort: Cohort, trial: Trial) -> tuple[float, float, float]:
    """Candidate minus control in the primary endpoint: mean and Monte Carlo interval."""
    if any(name.partition(".")[0] in AT_REST for name in trial.changes):
        states, _ = case.simulator.settle(cohort.values, trial.changes)
        cohort = replace(cohort, initial=states)
    definition = trial.endpoint or endpoint(case.study.primary.key)
    met = []
    mine = case.simulator.machine(case.candidate)
    for protocol in (trial.candidate or case.candidate, trial.control or case.control):
        days = [0.0, case.primary_day]
        changes = mine.translated(trial.changes, case.simulator.machine(protocol), case.cohort.values)
        run = case.simulator.run(cohort, protocol, case.scenario(), days, changes=changes)
        now, start = (run.readings(definition.needs, day, noise=False) for day in (run.times[-1], run.times[0]))
        failed = np.isnan(np.array([now[name] for name in definition.needs])).any(axis=0)
        met.append(np.where(failed, np.nan, definition.met(now, start)))
    found = simulated_difference(met[0], met[1])
    return (found.value, found.low, found.high) if math.isfinite(found.value) else (0.0, 0.0, 0.0)


def _factors(value: Value) -> tuple[float, float]:
    return (value.low or 0.0) / value.number, (value.high or 0.0) / value.number


def tipping(case: Case, most: int = 5) -> tuple[tuple[Text, Tip], ...]:
    """How wrong the assumed values that move the answer most would have to be to change the decision, with what each
    means: the size of the cells' effect first, then `most` others by their swing.

    The decision is whether the gain is above what the study's `credibility` section says matters.
    Raises: StudyError where the study has no such section.
    """
    threshold = relied_of(case.study).matters
    cohort = case.cohort.first(PATIENTS)
    known = {item.name: item for item in uncertain(case)}
    moving = {s.name: s.basis for s in sensitivity(case).swings if s.size > 0}
    strength = [item for item in effects(case) if item.name in moving]
    assumed = [name for name, basis in moving.items() if basis == "assumed" and name not in {e.name for e in strength}]
    chosen = [item for name in assumed if (item := known[name]).at is not None and item.value.number][:most]
    found: list[tuple[Text, Tip]] = []
    for done, item in enumerate([*strength, *chosen]):
        case.progress("tipping", done, len(strength) + len(chosen))
        low, high = _factors(item.value)

        def gain(factor: float, item: Uncertain = item) -> tuple[float, float, float]:
            return _gain(case, cohort, item.with_factor(factor))

        found.append((item.meaning, tipping_point(item.name, gain, low, high, threshold)))
    case.progress("tipping", len(strength) + len(chosen), len(strength) + len(chosen))
    return tuple(found)
