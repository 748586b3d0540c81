"""What cannot be in the store (faults), and what must be known to read it (remarks)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

from homing.evidence.records import AdverseEvent, Outcome, Trial
from homing.evidence.sources import load_sources
from homing.evidence.store import REGISTRATIONS, Store
from homing.ground.errors import EvidenceError

#: A printed percentage and the counts beside it may differ by so many points of rounding.
ROUNDING = 0.6
#: What a number of each registry looks like.
REGISTRIES = {
    "nct": r"NCT\d{8}",
    "euct": r"20\d{2}-5\d{5}-\d{2}-\d{2}",
    "actrn": r"ACTRN\d{14}",
    "eudract": r"\d{4}-\d{6}-\d{2}",
    "euctr": r"\d{4}-\d{6}-\d{2}(-\d{2})?",
    "chictr": r"ChiCTR[-A-Za-z]*\d{8,10}",
    "isrctn": r"ISRCTN\d{8}",
    "jprn": r"(JPRN-)?(UMIN\d{9}|jRCT[s]?\d{10}|JapicCTI-?\d{6})",
    "pmid": r"\d{1,8}",
    "pmcid": r"PMC\d+",
    "doi": r"10\.\d{4,9}/\S+",
    "eupas": r"EUPAS\d+",
}


@dataclass(frozen=True)
class Finding:
    """One thing found: what it is of, a sentence, and whether it can't be ('fault') or must be known ('remark')."""

    kind: str
    where: str
    what: str


def check_store(store: Store) -> list[Finding]:
    """Everything found in a store, faults first."""
    found = [f for trial in store.trials.values() for f in _of_trial(trial, store)]
    found += _twice(store)
    found += _of_questions(store)
    found += _of_meta_analyses(store)
    return sorted(found, key=lambda f: (f.kind != "fault", f.where))


def faults(store: Store) -> list[str]:
    """The faults of a store as sentences."""
    return [f"{f.where}: {f.what}" for f in check_store(store) if f.kind == "fault"]


def _of_trial(trial: Trial, store: Store) -> Iterator[Finding]:
    for row in trial.rows:
        what = row.endpoint if isinstance(row, Outcome) else row.event
        place = f"{trial.key}, {row.arm}, {what}" + ("" if math.isnan(row.week) else f" at week {row.week:g}")
        yield from _of_counts(place, row, trial)
        yield from _of_percentage(place, row)
        yield from _of_source(place, row.source, row.at)
    yield from _of_arms(trial)
    yield from _of_identifiers(trial)
    for kinetic in trial.kinetics:
        place = f"{trial.key}, {kinetic.arm}, {kinetic.what}"
        if None not in (kinetic.low, kinetic.high) and kinetic.low > kinetic.high:  # type: ignore[operator]
            yield Finding("fault", place, f"low {kinetic.low:g} is above high {kinetic.high:g}.")
        yield from _of_source(place, kinetic.source, kinetic.at)
    for other in (*trial.shares_patients_with, *trial.registered_with):
        if other not in store.trials:
            yield Finding("fault", trial.key, f"is said to be related to '{other}', which is not in the store.")
    if not trial.outcomes and not trial.adverse_events and not trial.kinetics and not trial.notes:
        yield Finding("fault", trial.key, "has neither results nor a note of what was looked for.")


def _of_counts(place: str, row: Outcome | AdverseEvent, trial: Trial) -> Iterator[Finding]:
    arm = trial.arms[row.arm]
    if row.n is None:
        yield Finding("remark", place, "the number of patients it is of is not printed.")
    elif row.n == 0:
        yield Finding("fault", place, "is of no patient.")
    else:
        if row.events is not None and row.events > row.n:
            yield Finding("fault", place, f"{row.events} events of {row.n} patients.")
        if row.n > arm.n:
            yield Finding("fault", place, f"{row.n} patients, and the arm had {arm.n}.")
    if row.events is not None and not row.printed and not row.derived:
        yield Finding("fault", place, "neither what the source prints nor how the count was derived is said.")
    if isinstance(row, Outcome):
        if row.share is not None and not 0 <= row.share <= 1:
            yield Finding("fault", place, f"a share of {row.share:g} is not between 0 and 1.")
        if (row.sd is not None and row.sd < 0) or (row.se is not None and row.se < 0):
            yield Finding("fault", place, "a standard deviation or error below 0.")
        if row.low is not None and row.high is not None and row.low > row.high:
            yield Finding("fault", place, f"low {row.low:g} is above high {row.high:g}.")
    if math.isnan(row.week):
        yield Finding("remark", place, "the week is not printed.")


def _of_percentage(place: str, row: Outcome | AdverseEvent) -> Iterator[Finding]:
    """A printed percentage must be that of the counts, within its rounding."""
    percents = [p.replace(",", ".") for p in re.findall(r"(\d+(?:[.,]\d+)?)\s*%", row.printed)]
    if row.events is None or not row.n or len(percents) != 1 or "CI" in row.printed:
        return
    counted = 100 * row.events / row.n
    printed_counts = re.findall(r"(\d+)\s*/\s*(\d+)", row.printed)
    if printed_counts and (int(printed_counts[0][0]), int(printed_counts[0][1])) != (row.events, row.n):
        return  # the percentage is of other counts, which are printed beside it
    if abs(counted - float(percents[0])) > ROUNDING:
        yield Finding("fault", place, f"{row.events} of {row.n} is {counted:.1f} %, and {percents[0]} % is printed.")


def _of_source(place: str, key: str, at: str) -> Iterator[Finding]:
    source = load_sources()[key]
    if source.retracted:
        yield Finding("fault", place, f"rests on {key}, which was retracted ({source.retracted}).")
    if source.corrected:
        yield Finding("remark", place, f"rests on {key}, which was corrected ({source.corrected}).")
    if not at:
        yield Finding("remark", place, f"where in {key} it stands is not said.")


def _of_arms(trial: Trial) -> Iterator[Finding]:
    if trial.registered_n and trial.randomised and trial.patients > 1.2 * trial.registered_n + 5:
        text = f"its arms have {trial.patients} patients, and {trial.registered_n} were registered."
        yield Finding("remark", trial.key, text)
    for arm in trial.arms.values():
        for name, n in (("treated", arm.treated), ("analysed", arm.analysed)):
            if n is not None and n > arm.n:
                yield Finding("fault", f"{trial.key}, {arm.key}", f"{n} {name} of {arm.n} patients.")
        if not arm.treatment:
            yield Finding("remark", f"{trial.key}, {arm.key}", "what was given is not in the vocabulary of treatments.")
    yield from _of_sums(trial)
    if trial.blinded and trial.blinding in ("none", "single"):
        yield Finding("fault", trial.key, f"is said to be blinded, and its blinding is '{trial.blinding}'.")


def _of_sums(trial: Trial) -> Iterator[Finding]:
    """An arm as large as the others of its treatment together may be their sum, and counts their patients again."""
    once = [trial.arms[key] for key in trial.once(trial.arms) if trial.arms[key].treatment]
    for arm in once:
        others = [other for other in once if other.treatment == arm.treatment and other is not arm]
        if len(others) > 1 and sum(other.n for other in others) == arm.n:
            text = "has as many patients as the other arms of its treatment: say `part of` where it is their sum."
            yield Finding("remark", f"{trial.key}, {arm.key}", text)


def _of_identifiers(trial: Trial) -> Iterator[Finding]:
    for kind, number in trial.ids.items():
        form = REGISTRIES.get(kind)
        if form and not re.fullmatch(form, number):
            yield Finding("fault", trial.key, f"'{number}' is no {kind.upper()} number.")


def _twice(store: Store) -> Iterator[Finding]:
    """One trial under two names: the same registration, with no word of how the entries are related."""
    seen: dict[tuple[str, str], list[Trial]] = {}
    for trial in store.trials.values():
        for kind in REGISTRATIONS:
            if kind in trial.ids:
                seen.setdefault((kind, trial.ids[kind]), []).append(trial)
    for (kind, number), trials in seen.items():
        for i, one in enumerate(trials):
            for other in trials[i + 1 :]:
                known = {*one.shares_patients_with, *one.registered_with}
                if other.key not in known and one.key not in {*other.shares_patients_with, *other.registered_with}:
                    yield Finding("fault", one.key, f"{kind.upper()} {number} is that of {other.key} too.")


def _of_questions(store: Store) -> Iterator[Finding]:
    for question in store.questions.values():
        for read in (store.comparisons, store.single_arms):
            try:
                read(question.key)
            except EvidenceError as error:
                yield Finding("fault", f"question {question.key}", error.message)


def _of_meta_analyses(store: Store) -> Iterator[Finding]:
    for meta in store.meta_analyses.values():
        for study in meta.studies:
            pairs = [(study.events_1, study.n_1), (study.events_2, study.n_2)]
            if any(x is not None and n is not None and x > n for x, n in pairs):
                yield Finding("fault", f"meta-analysis {meta.key}, {study.study}", "more events than patients.")
