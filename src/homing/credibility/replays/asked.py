"""What a replay's file asks to be compared: outcomes of a trial's arms at weeks, or readings of kinetics."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

from homing.credibility.replays.content import Replay, Texts, Tolerance, Use
from homing.credibility.replays.read import said_of, tolerance_of
from homing.credibility.replays.shares import HOW
from homing.credibility.replays.uses import use_of
from homing.evidence.catalogue import Entry
from homing.evidence.records import Kinetic, Outcome, Trial
from homing.evidence.store import Store
from homing.ground.calendar import DAYS_PER_WEEK
from homing.ground.errors import EvidenceError


@dataclass(frozen=True)
class Asked:
    """One line of `compare`: an endpoint of a trial in arms at weeks, how it is counted, and the difference of two."""

    trial: Trial
    endpoint: str
    how: str
    reads: str
    arms: tuple[str, ...]
    weeks: tuple[float, ...]
    difference: tuple[str, ...]
    tolerance: Tolerance
    said: Use | None
    where: str

    def use(self, arm: str, week: float) -> Use:
        """What the result of an arm at a week was used for."""
        return use_of(self.trial.key, arm, self.endpoint, week, self.said, self.where)

    @property
    def uses(self) -> set[Use]:
        """What its results were used for."""
        return {self.use(arm, week) for arm, week in itertools.product(self.arms, self.weeks)}


@dataclass(frozen=True)
class AskedReading:
    """One line of `compare` of kinetics: a reading of the store, which of our numbers stands beside it, and its use."""

    reading: Kinetic
    ours: str
    label: Texts
    tolerance: Tolerance
    use: Use
    part: Entry


def read_asked(replay: Replay, store: Store) -> tuple[Asked, ...]:
    """The comparisons of trials in arms. Raises EvidenceError with file, line and key for a faulty one."""
    found = []
    for e in replay.entry.parts("compare"):
        required = ("trial", "endpoint", "how", "arms", "weeks")
        e.fields(*required, "reads", "difference", "tolerance", "used for", required=required)
        trial = store.trial(e.one_of("trial", replay.trials))
        arms, difference = e.texts("arms"), e.texts("difference")
        for arm in (*arms, *difference):
            if arm not in trial.arms:
                raise EvidenceError(f"{trial.key} has no arm '{arm}': {', '.join(trial.arms)}.", e.where)
        asked = Asked(
            trial=trial,
            endpoint=e.text("endpoint"),
            how=e.one_of("how", HOW),
            reads=e.name_of("reads", "endpoints"),
            arms=arms,
            weeks=tuple(float(week) for week in e.texts("weeks")),
            difference=difference,
            tolerance=tolerance_of(replay, e),
            said=said_of(replay, e),
            where=e.where,
        )
        for arm, week in itertools.product(asked.arms, asked.weeks):
            printed(store, asked, arm, week)
        found.append(asked)
    return tuple(found)


def read_asked_one(replay: Replay, store: Store) -> tuple[Asked, ...]:
    """The comparisons of one arm at one week each, which are counted in one way. Raises as `read_asked`."""
    found = []
    for e in replay.entry.parts("compare"):
        required = ("trial", "arm", "endpoint", "week")
        e.fields(*required, "tolerance", "used for", required=required)
        trial = store.trial(e.one_of("trial", replay.trials))
        arm, week = e.one_of("arm", trial.arms), float(e.text("week"))
        kept = tolerance_of(replay, e), said_of(replay, e), e.where
        found.append(Asked(trial, e.text("endpoint"), "", "", (arm,), (week,), (), *kept))
    return tuple(found)


def read_asked_readings(replay: Replay, store: Store, ours: Iterable[str], *more: str) -> tuple[AskedReading, ...]:
    """The comparisons of kinetics.

    Arguments: `ours` what may stand beside a reading; `more` further fields that the kind knows.

    Raises: EvidenceError with file, line and key for a faulty one, or a reading that the store doesn't have.
    """
    found, known = [], tuple(ours)
    for e in replay.entry.parts("compare"):
        required = ("ours", "trial", "arm", "what", "label")
        e.fields(*required, *more, "tolerance", "used for", required=required)
        which = e.one_of("ours", known)
        trial = store.trial(e.one_of("trial", replay.trials))
        reading = store.reading(trial.key, e.text("arm"), e.text("what"), e.where)
        week = reading.day / DAYS_PER_WEEK
        use = use_of(trial.key, reading.arm, reading.what, week, said_of(replay, e), e.where)
        found.append(AskedReading(reading, which, e.both_languages("label"), tolerance_of(replay, e), use, e))
    return tuple(found)


def printed(store: Store, asked: Asked, arm: str, week: float) -> Outcome:
    """The outcome of the store that is compared. Raises EvidenceError where it has none."""
    for outcome in store.outcomes(asked.trial.key, asked.endpoint):
        if outcome.arm == arm and outcome.week == week and not outcome.contradicts:
            return outcome
    text = f"the store has no {asked.endpoint} of {asked.trial.key}, arm '{arm}', week {week:g}."
    raise EvidenceError(text, asked.where)
