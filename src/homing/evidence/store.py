"""The evidence store: trials and questions of the catalogue, read strictly, and the checks of their arithmetic."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from homing.evidence.catalogue import Entry, entry, names
from homing.evidence.records import AdverseEvent, Arm, Comparison, Counts, Outcome, Pair, Question, SingleArm, Trial
from homing.evidence.sources import IDS, load_sources
from homing.ground.errors import EvidenceError, HomingError, StudyError
from homing.ground.nearest import did_you_mean
from homing.ground.units import read_quantity, split_quantity

ANALYSES = ("itt", "mitt", "treated", "evaluable", "per-protocol")
ROLES = ("candidate", "control", "other")
#: A printed percentage and the counts beside it may differ by so many points of rounding.
ROUNDING = 0.6
_TRIAL = ("name", "ids", "year", "design", "randomised", "blinded", "disease", "phenotype", "arms")
_OUTCOME = ("arm", "endpoint", "week", "n", "source")
_NUMBERS = ("events", "mean", "sd", "share")
_WORDS = ("analysis", "printed", "at", "derived", "differs", "contradicts")


@dataclass(frozen=True)
class Store:
    """Trials and questions by key, and the words of the controlled vocabularies of outcomes and adverse events."""

    trials: Mapping[str, Trial]
    questions: Mapping[str, Question]
    outcome_terms: Mapping[str, Mapping[str, str]]
    event_terms: Mapping[str, Mapping[str, str]]

    def trial(self, key: str) -> Trial:
        """A trial. Raises StudyError with the nearest key where there is none."""
        if key not in self.trials:
            raise StudyError(f"there is no trial '{key}'. {did_you_mean(key, self.trials)}")
        return self.trials[key]

    def question(self, key: str) -> Question:
        """A question. Raises StudyError with the nearest key where there is none."""
        if key not in self.questions:
            raise StudyError(f"there is no evidence question '{key}'. {did_you_mean(key, self.questions)}")
        return self.questions[key]

    def outcomes(self, trial: str, endpoint: str | None = None) -> list[Outcome]:
        """What a trial reported (on one endpoint), without what contradicts the report chosen, by week and arm."""
        found = [o for o in self.trial(trial).outcomes if not o.contradicts and endpoint in (None, o.endpoint)]
        return sorted(found, key=lambda o: (o.endpoint, o.week))

    def comparisons(self, question: str) -> list[Comparison]:
        """The controlled trials of a question, by year."""
        found = []
        for pair in self.question(question).comparisons:
            a, b = self._outcome(pair, pair.candidate), self._outcome(pair, pair.control)
            sources = tuple(dict.fromkeys((a.source, b.source)))
            found.append(Comparison(self.trials[pair.trial], pair, _counts(a), _counts(b), sources))
        return sorted(found, key=lambda c: (c.trial.year, c.trial.key))

    def single_arms(self, question: str) -> list[SingleArm]:
        """The uncontrolled arms of a question, by year."""
        found = []
        for pair in self.question(question).singles:
            outcome = self._outcome(pair, pair.candidate)
            trial = self.trials[pair.trial]
            found.append(SingleArm(trial, pair, trial.arms[pair.candidate], _counts(outcome), outcome.source))
        return sorted(found, key=lambda c: (c.trial.year, c.trial.key, c.pair.candidate))

    def safety(self, product: str) -> list[tuple[Trial, AdverseEvent]]:
        """The adverse events of every trial with an arm of a product, controls included, by year."""
        trials = [t for t in self.trials.values() if any(arm.product == product for arm in t.arms.values())]
        return [(trial, event) for trial in sorted(trials, key=lambda t: t.year) for event in trial.adverse_events]

    def _outcome(self, pair: Pair, arm: str) -> Outcome:
        found = [o for o in self.outcomes(pair.trial, pair.endpoint) if o.arm == arm and o.week == pair.week]
        if len(found) != 1 or found[0].events is None:
            raise EvidenceError(
                f"{pair.trial} has {len(found)} counts of {pair.endpoint} at week {pair.week:g} in arm '{arm}'; "
                f"a question needs one."
            )
        return found[0]


def _counts(outcome: Outcome) -> Counts:
    return Counts(outcome.events or 0, outcome.n)


@functools.lru_cache(maxsize=1)
def load_store() -> Store:
    """The store that comes with Homing. Raises EvidenceError with file, line and key for a faulty entry.

    Example:
        >>> sorted(load_store().trials)[:2]
        ['ADMIRE-CD', 'ADMIRE-CD-II']
    """
    return Store(
        {key: read_trial(entry("trials", key)) for key in names("trials")},
        {key: read_question(entry("questions", key)) for key in names("questions")},
        _terms("outcomes"),
        _terms("adverse-events"),
    )


@functools.lru_cache(maxsize=4)
def _terms(kind: str) -> Mapping[str, Mapping[str, str]]:
    """A controlled vocabulary: key -> words in each language. Outcomes hold the catalogue's endpoints too."""
    root = entry("terms", kind)
    words = {str(key): root.both_languages(str(key)) for key in root.data}
    if kind == "outcomes":
        words |= {key: entry("endpoints", key).both_languages("name") for key in names("endpoints")}
    return words


def read_trial(e: Entry) -> Trial:
    """A trial from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    e.fields(*_TRIAL, "outcomes", "adverse events", "notes", "sources", required=_TRIAL)
    ids = e.part("ids").fields(*IDS).data
    arms = {str(part.path[-1]): _arm(part) for part in e.parts("arms")}
    return Trial(
        key=e.key,
        name=e.text("name"),
        ids={str(key): str(value) for key, value in ids.items()},
        year=_count(e, "year"),
        design=e.both_languages("design"),
        randomised=e.one_of("randomised", ("yes", "no")) == "yes",
        blinded=e.one_of("blinded", ("yes", "no")) == "yes",
        disease=e.one_of("disease", ("crohn", "ulcerative-colitis")),
        phenotype=e.both_languages("phenotype"),
        arms=arms,
        outcomes=tuple(_read_outcome(part, arms) for part in e.parts("outcomes")),
        adverse_events=tuple(_read_event(part, arms) for part in e.parts("adverse events")),
        notes=tuple(part.both_languages() for part in e.parts("notes")),
        design_sources=e.sources(),
    )


def _arm(e: Entry) -> Arm:
    e.fields("label", "role", "n", "product", "dose", "note", required=("label", "role", "n"))
    product = e.text("product")
    if product:
        e.check_name(product, "products")
    dose, per_kg = _dose(e)
    return Arm(
        key=str(e.path[-1]),
        label=e.both_languages("label"),
        role=cast(Any, e.one_of("role", ROLES)),
        n=_count(e, "n"),
        product=product,
        dose=dose,
        dose_per_kg=per_kg,
        note=e.text("note"),
    )


def _dose(e: Entry) -> tuple[float | None, bool]:
    written = e.text("dose")
    if not written:
        return None, False
    try:
        _, unit = split_quantity(written)
        slash = "/" in unit
        return read_quantity(written.removesuffix("/kg") if slash else written, "cell"), bool(slash)
    except HomingError as error:
        raise EvidenceError(error.message, e.part("dose").where) from None


def _read_outcome(e: Entry, arms: Mapping[str, Arm]) -> Outcome:
    e.fields(*_OUTCOME, *_NUMBERS, *_WORDS, required=_OUTCOME)
    _check_term(e, "endpoint", "outcomes")
    if not any(e.data.get(name) for name in _NUMBERS):
        raise EvidenceError(f"an outcome needs one of {', '.join(_NUMBERS)}.", e.where)
    return Outcome(
        arm=_arm_of(e, arms),
        endpoint=e.text("endpoint"),
        week=_number(e, "week"),
        n=_count(e, "n"),
        events=_count(e, "events") if e.data.get("events") else None,
        mean=_number(e, "mean") if e.data.get("mean") else None,
        sd=_number(e, "sd") if e.data.get("sd") else None,
        share=_number(e, "share") if e.data.get("share") else None,
        analysis=cast(Any, e.one_of("analysis", ANALYSES, "itt")),
        printed=e.text("printed"),
        source=_source(e),
        at=e.text("at"),
        derived=e.text("derived"),
        differs=e.text("differs"),
        contradicts=e.text("contradicts"),
    )


def _read_event(e: Entry, arms: Mapping[str, Arm]) -> AdverseEvent:
    needed = ("arm", "event", "week", "n", "events", "source")
    e.fields(*needed, "printed", "at", "derived", required=needed)
    _check_term(e, "event", "adverse-events")
    return AdverseEvent(
        arm=_arm_of(e, arms),
        event=e.text("event"),
        week=_number(e, "week"),
        n=_count(e, "n"),
        events=_count(e, "events"),
        printed=e.text("printed"),
        source=_source(e),
        at=e.text("at"),
        derived=e.text("derived"),
    )


def read_question(e: Entry) -> Question:
    """A question from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    e.fields("title", "about", "compare", "alone", required=("title", "about"))
    return Question(
        key=e.key,
        title=e.both_languages("title"),
        about=e.both_languages("about"),
        comparisons=tuple(_pair(part, True) for part in e.parts("compare")),
        singles=tuple(_pair(part, False) for part in e.parts("alone")),
    )


def _pair(e: Entry, controlled: bool) -> Pair:
    needed = ("trial", "arm", *(("control",) if controlled else ()), "endpoint", "week")
    e.fields(*needed, required=needed)
    e.check_name(e.text("trial"), "trials")
    _check_term(e, "endpoint", "outcomes")
    return Pair(e.text("trial"), e.text("arm"), e.text("control"), e.text("endpoint"), _number(e, "week"))


def _check_term(e: Entry, field: str, kind: str) -> None:
    e.one_of(field, _terms(kind))


def _arm_of(e: Entry, arms: Mapping[str, Arm]) -> str:
    return e.one_of("arm", arms)


def _source(e: Entry) -> str:
    return e.one_of("source", load_sources())


def _number(e: Entry, name: str) -> float:
    try:
        return read_quantity(e.text(name), "1")
    except HomingError as error:
        raise EvidenceError(error.message, e.part(name).where) from None


def _count(e: Entry, name: str) -> int:
    number = _number(e, name)
    if number < 0 or number != int(number):
        raise EvidenceError(f"'{e.text(name)}' is not a count.", e.part(name).where)
    return int(number)


def check_store(store: Store) -> list[str]:
    """What cannot be in the store, as sentences: impossible counts, percentages that don't match, trials told twice."""
    found = [fault for trial in store.trials.values() for fault in _trial_faults(trial)]
    seen: dict[tuple[str, str], str] = {}
    for trial in store.trials.values():
        for kind, number in trial.ids.items():
            first = seen.setdefault((kind, number), trial.key)
            if first != trial.key and kind != "url":
                found.append(f"{trial.key}: {kind} {number} is that of {first} too.")
    for question in store.questions.values():
        for read in (store.comparisons, store.single_arms):
            try:
                read(question.key)
            except EvidenceError as error:
                found.append(f"question {question.key}: {error.message}")
    return found


def _trial_faults(trial: Trial) -> Iterator[str]:
    for row in trial.rows:
        what = row.endpoint if isinstance(row, Outcome) else row.event
        place = f"{trial.key}, {row.arm}, {what} at week {row.week:g}"
        if row.events is not None and row.events > row.n:
            yield f"{place}: {row.events} events of {row.n} patients."
        if row.n > trial.arms[row.arm].n:
            yield f"{place}: {row.n} patients, and the arm had {trial.arms[row.arm].n}."
        yield from _percentage_faults(place, row)
        if row.events is not None and not row.printed and not row.derived:
            yield f"{place}: neither what the source prints nor how the count was derived is said."


def _percentage_faults(place: str, row: Outcome | AdverseEvent) -> Iterator[str]:
    """A printed percentage must be that of the counts, within its rounding."""
    words = row.printed.replace("%", " % ").split()
    percents = [words[i - 1] for i, word in enumerate(words) if word == "%" and i]
    if row.events is None or len(percents) != 1:
        return
    try:
        printed = float(percents[0])
    except ValueError:
        return
    counted = 100 * row.events / row.n
    if abs(counted - printed) > ROUNDING:
        yield f"{place}: {row.events} of {row.n} is {counted:.1f} %, and {printed:g} % is printed."
