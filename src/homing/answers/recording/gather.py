"""What is known of a study when its record is written: before a run from the study alone, after it from the run."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homing import __version__
from homing.answers.case import Case, observed_outcome
from homing.answers.content import Text
from homing.answers.headline import NEAR_WEEKS
from homing.answers.headline import share as simulated_share
from homing.answers.misses import misses
from homing.answers.recording.bearing import at_one_point, bearing
from homing.answers.sensitivity import sensitivity, tipping
from homing.answers.spans import joined
from homing.credibility.counted import count_information
from homing.credibility.identifiability import identify
from homing.credibility.record.checkout import checkout
from homing.credibility.record.facts import Facts, ObservedArm
from homing.credibility.record.held_out import hold_outs
from homing.credibility.record.plan import Plan
from homing.credibility.record.record import Record, make_record
from homing.evidence.records import Outcome
from homing.ground.calendar import DAYS_PER_WEEK
from homing.patients.posterior import posterior
from homing.study.plan import Study

#: Of how many of the values that move the answer most the study's own trial is asked.
ASKED = 6


@dataclass(frozen=True)
class Recorded:
    """A record with what its chapters need beside it: the case (None before a run) and what assumptions are called."""

    record: Record
    study: Study
    case: Case | None = None
    meanings: Mapping[str, Text] | None = None


def before(study: Study, plan: Plan | None) -> Recorded:
    """The record before a run: what is known without one. Raises: StudyError where the study states nothing."""
    facts = Facts(study, __version__, checkout=checkout(), hold_outs=hold_outs(), posterior=posterior())
    return Recorded(make_record(facts, plan), study)


def after(case: Case, plan: Plan | None) -> Recorded:
    """The record after a run: rules measured, tipping points and information computed."""
    study = case.study
    moved = sensitivity(case)
    tips = tipping(case)
    errors = [case.results.difference(key).interval() for key in study.scenarios]
    facts = Facts(
        study,
        __version__,
        record=case.run.record,
        intact=case.run.intact,
        altered=case.run.altered,
        checkout=checkout(),
        error=max((high - low) / 2 for low, high in errors),
        moved_by_assumed=moved.share_assumed,
        misses=tuple(miss.key for miss in misses() if miss.concerns(case)),
        observed=tuple(observed_arms(case)),
        hold_outs=hold_outs(),
        posterior=posterior(),
        bears_on=bearing(case),
        tips=tuple(tip for _, tip in tips),
    )
    names = [s.name for s in moved.swings if s.size > 0 and "." in s.name]
    asked = _parameters(case, names)
    counted = count_information(study, case.simulator, at_one_point(case), case.cohort, asked)
    identified = identify(study, case.simulator, asked)
    meanings = {s.name: s.meaning for s in moved.swings} | {tip.name: meaning for meaning, tip in tips}
    return Recorded(make_record(facts, plan, counted, identified), study, case, meanings)


def _parameters(case: Case, names: list[str]) -> list[str]:
    known = case.simulator.machine(case.candidate).system.parameters
    return [name for name in names if name in known][:ASKED]


def observed_arms(case: Case) -> Iterator[ObservedArm]:
    """The primary endpoint in every arm of the trials that the study names, at the report nearest to its visit.

    A trial's arm stands beside the study's candidate or control arm where both give the same: the arm with the study's
    product beside the candidate, one without any product beside the control.
    """
    primary = case.study.primary
    week = primary.time / DAYS_PER_WEEK
    for key in case.study.trials:
        told = [
            outcome
            for outcome in case.store.outcomes(key, primary.key)
            if outcome.n and _has_share(outcome) and abs(outcome.week - week) <= NEAR_WEEKS
        ]
        nearest = min((abs(outcome.week - week) for outcome in told), default=0.0)
        seen: set[str] = set()
        for outcome in told:
            if abs(outcome.week - week) > nearest or outcome.arm in seen:
                continue
            seen.add(outcome.arm)
            share = observed_outcome(outcome)
            arm = _arm_beside(case, key, outcome.arm)
            observed = key, outcome.arm, outcome.n or 0, share.value, share.low, share.high
            if not arm:
                yield ObservedArm(*observed)
                continue
            shares = {s: simulated_share(case.results.primary(s, arm)) for s in case.study.scenarios}
            span = joined(shares, case.central)
            yield ObservedArm(*observed, (span.low, span.high), span.kind)


def _has_share(outcome: Outcome) -> bool:
    return outcome.events is not None or outcome.share is not None


def _arm_beside(case: Case, trial: str, arm: str) -> str:
    """The study's arm that a trial's arm is set beside; '' where there is none."""
    product = case.store.trial(trial).arms[arm].product
    if product and product in {p.catalogue_key for p in case.candidate.products}:
        return case.study.candidate
    return "" if product else case.study.control
