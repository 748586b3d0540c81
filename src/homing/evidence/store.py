"""The evidence store: trials, questions, claims, gaps and meta-analyses of the catalogue, a user's own over them."""

from __future__ import annotations

import functools
import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, cast

from homing.evidence.catalogue import Entry, entry, entry_of_file, names
from homing.evidence.records import (
    AdverseEvent,
    Claim,
    Comparison,
    Counts,
    Gap,
    Kinetic,
    MetaAnalysis,
    MetaStudy,
    Outcome,
    Pair,
    Question,
    SingleArm,
    Trial,
)
from homing.evidence.root import catalogue_root, own_folder
from homing.evidence.trial_entries import ANALYSES, lower_is_better, number_of, read_trial, terms
from homing.ground import cache
from homing.ground.errors import EvidenceError, StudyError
from homing.ground.nearest import did_you_mean

#: Identifiers of which a trial has its own: two entries with one must say how they are related.
REGISTRATIONS = ("nct", "euct", "actrn", "eudract", "euctr", "chictr", "isrctn", "jprn", "eupas")
VERDICTS = ("true, but", "misleading", "wrong", "no source found")
#: Mantel-Haenszel, DerSimonian-Laird, and that with Q about the Mantel-Haenszel estimate (RevMan's random effects).
POOLING = ("MH", "DL", "DL-MH")


@dataclass(frozen=True)
class Store:
    """Trials and questions by key, and the words of the controlled vocabularies of outcomes and adverse events."""

    trials: Mapping[str, Trial]
    questions: Mapping[str, Question]
    outcome_terms: Mapping[str, Mapping[str, str]]
    event_terms: Mapping[str, Mapping[str, str]]
    treatment_terms: Mapping[str, Mapping[str, str]]
    claims: tuple[Claim, ...] = ()
    gaps: tuple[Gap, ...] = ()
    meta_analyses: Mapping[str, MetaAnalysis] = field(default_factory=dict)
    lower_is_better: frozenset[str] = frozenset()

    def __hash__(self) -> int:
        return id(self)

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

    def share_patients(self, one: str, other: str) -> bool:
        """Whether two entries hold the same patients: either says so, or one registration is that of both.

        Entries of other patients under one registration say that they are `registered_with` each other.
        """
        if one == other:
            return True
        a, b = self.trial(one), self.trial(other)
        if other in a.shares_patients_with or one in b.shares_patients_with:
            return True
        apart = other in a.registered_with or one in b.registered_with
        return not apart and any(a.ids.get(kind) == b.ids[kind] for kind in REGISTRATIONS if kind in b.ids)

    def better(self, endpoint: str) -> Literal["higher", "lower"]:
        """Whether more of an endpoint (or adverse event) is better for patients, or less."""
        return "lower" if endpoint in self.lower_is_better else "higher"

    def word(self, endpoint: str) -> Mapping[str, str]:
        """An outcome or adverse event in both languages."""
        return self.outcome_terms[endpoint] if endpoint in self.outcome_terms else self.event_terms[endpoint]

    def outcomes(self, trial: str, endpoint: str | None = None) -> list[Outcome]:
        """What a trial reported (on one endpoint), without what contradicts the report chosen, by week and arm."""
        found = [o for o in self.trial(trial).outcomes if not o.contradicts and endpoint in (None, o.endpoint)]
        return sorted(found, key=lambda o: (o.endpoint, o.week))

    def reading(self, trial: str, arm: str, what: str, where: str = "") -> Kinetic:
        """A kinetic reading by what it is of. Raises EvidenceError, at the place that asks, where there is none."""
        for kinetic in self.trial(trial).kinetics:
            if kinetic.arm == arm and kinetic.what == what and not kinetic.contradicts:
                return kinetic
        raise EvidenceError(f"the store has no '{what}' of {trial}, arm '{arm}'.", where)

    def comparisons(self, question: str, *, contradicting: bool = False) -> list[Comparison]:
        """The controlled trials of a question, by year.

        `contradicting` takes the report that contradicts the chosen one, in the trials that have any.
        """
        found = []
        for pair in self.question(question).comparisons:
            a, b = (self._count(pair, arm, contradicting) for arm in (pair.candidate, pair.control))
            sources = tuple(dict.fromkeys((a.source, b.source)))
            counts = Counts(a.events, a.n), Counts(b.events, b.n)
            found.append(Comparison(self.trials[pair.trial], pair, *counts, sources))
        self._check_once(question, [(c.trial, f"{c.pair.candidate} + {c.pair.control}") for c in found])
        return sorted(found, key=lambda c: (c.trial.year or 9999, c.trial.key))

    def single_arms(self, question: str) -> list[SingleArm]:
        """The uncontrolled arms of a question, by year."""
        found = []
        for pair in self.question(question).singles:
            row, trial = self._count(pair, pair.candidate, False), self.trials[pair.trial]
            each = [(trial.arms[arm], self._count(pair, arm, False)) for arm in joined(pair.candidate)]
            parts = tuple((arm, Counts(part.events, part.n)) for arm, part in each)
            found.append(SingleArm(trial, pair, parts, Counts(row.events, row.n), row.source))
        self._check_once(question, [(s.trial, s.pair.candidate) for s in found])
        return sorted(found, key=lambda c: (c.trial.year or 9999, c.trial.key, c.pair.candidate))

    def safety(self, product: str) -> list[tuple[Trial, AdverseEvent]]:
        """The adverse events of every trial with an arm of a product, controls included, by year."""
        trials = [t for t in self.trials.values() if any(arm.product == product for arm in t.arms.values())]
        return [
            (trial, event) for trial in sorted(trials, key=lambda t: t.year or 9999) for event in trial.adverse_events
        ]

    def meta_analysis(self, key: str) -> MetaAnalysis:
        """A published meta-analysis. Raises StudyError with the nearest key where there is none."""
        if key not in self.meta_analyses:
            raise StudyError(f"there is no meta-analysis '{key}'. {did_you_mean(key, self.meta_analyses)}")
        return self.meta_analyses[key]

    def _check_once(self, question: str, arms: list[tuple[Trial, str]]) -> None:
        """Refuse a question that counts patients twice: arms of one trial that overlap, or trials that share them."""
        for i, (trial, keys) in enumerate(arms):
            own = joined(keys)
            if len(trial.once(own)) < len(own):
                raise EvidenceError(f"{keys} of {trial.key} hold the same patients twice.", f"question {question}")
            for before, others in arms[:i]:
                if before.key == trial.key:
                    theirs = joined(others)
                    if len(trial.once([*own, *theirs])) == len(own) + len(theirs):
                        continue
                    text = f"counts patients of {trial.key} twice: join its arms with +, or name one of them."
                    raise EvidenceError(text, f"question {question}")
                if self.share_patients(before.key, trial.key):
                    text = f"counts the patients of {before.key} and {trial.key}, which are the same."
                    raise EvidenceError(text, f"question {question}")

    def _count(self, pair: Pair, arm: str, contradicting: bool) -> Row:
        """The report of one arm that a question uses; arms joined by '+' are added up."""
        names = joined(arm)
        if len(names) > 1:
            each = [self._count(pair, name, contradicting) for name in names]
            return Row(sum(r.events for r in each), sum(r.n for r in each), each[0].source)
        trial = self.trial(pair.trial)
        if pair.endpoint in self.event_terms:
            told = [e for e in trial.adverse_events if _same(e.event, e.arm, e.week, pair, arm)]
            found = [Row(e.events, e.n, e.source) for e in told]
        else:
            found = _best(trial, pair, arm, contradicting)
        if len(found) != 1:
            raise EvidenceError(
                f"{pair.trial} has {len(found)} counts of {pair.endpoint} at week {pair.week:g} in arm '{arm}'; "
                f"a question needs one."
            )
        return found[0]


@dataclass(frozen=True)
class Row:
    """Events of n patients with their source."""

    events: int
    n: int
    source: str


def joined(arms: str) -> list[str]:
    """The keys of arms joined by '+'."""
    return [name.strip() for name in arms.split("+")]


def _same(word: str, arm: str, week: float, pair: Pair, wanted: str) -> bool:
    return word == pair.endpoint and arm == wanted and week == pair.week


def _best(trial: Trial, pair: Pair, arm: str, contradicting: bool) -> list[Row]:
    """The counts of an arm in the analysis nearest to intention to treat; the contradicting report where asked for."""
    rows = [o for o in trial.outcomes if _same(o.endpoint, o.arm, o.week, pair, arm)]
    rows = [o for o in rows if o.events is not None and o.n and not o.is_subgroup]
    others = [o for o in rows if o.contradicts]
    rows = others if contradicting and others else [o for o in rows if not o.contradicts]
    first = min((ANALYSES.index(o.analysis) for o in rows), default=0)
    return [Row(o.events or 0, o.n or 0, o.source) for o in rows if ANALYSES.index(o.analysis) == first]


def load_store() -> Store:
    """The store that comes with Homing, with the user's own folder over it (`root.own_folder`).

    A trial or question of theirs with the key of a shipped one takes its place; nothing shipped is changed on disk.
    Raises EvidenceError with file, line and key for a faulty entry.

    Example:
        >>> load_store().trial("ADMIRE-CD").year
        2016
    """
    shipped, own = shipped_store(), own_folder()
    return _layered(shipped, own, _stamp(own)) if own.is_dir() else shipped


@functools.lru_cache(maxsize=1)
def shipped_store() -> Store:
    """The store without a user's folder: several hundred files, kept parsed in the cache until one of them changes."""
    made_of = cache.key_of(cache.code_digest("evidence", "ground"), _stamp(catalogue_root()))
    file = cache.cache_folder() / "evidence" / f"{made_of}.pickle"
    kept = cache.read(file)
    if kept is not None:
        try:
            return cast(Store, pickle.loads(kept))
        except Exception:  # of another version of Homing: read it anew
            pass
    store = Store(
        {key: read_trial(entry("trials", key)) for key in names("trials")},
        {key: read_question(entry("questions", key)) for key in names("questions")},
        terms("outcomes"),
        terms("adverse-events"),
        terms("treatments"),
        tuple(_claim(part) for part in entry("claims", "claims").each()),
        tuple(_gap(part) for part in entry("gaps", "gaps").parts("gaps")),
        {key: read_meta_analysis(entry("meta-analyses", key)) for key in names("meta-analyses")},
        frozenset({*terms("adverse-events"), *lower_is_better()}),
    )
    cache.write(file, pickle.dumps(store))
    return store


def _stamp(folder: Path) -> tuple[Any, ...]:
    """What changes when a file of a folder does."""
    found = ((str(f), f.stat().st_mtime_ns, f.stat().st_size) for f in sorted(folder.rglob("*.yaml")))
    return tuple(found)


@functools.lru_cache(maxsize=2)
def _layered(shipped: Store, folder: Path, stamp: tuple[Any, ...]) -> Store:
    trials = {f.stem: read_trial(entry_of_file(f), str(folder)) for f in sorted((folder / "trials").glob("*.yaml"))}
    questions = {f.stem: read_question(entry_of_file(f)) for f in sorted((folder / "questions").glob("*.yaml"))}
    return replace(shipped, trials={**shipped.trials, **trials}, questions={**shipped.questions, **questions})


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
    e.fields(*needed, "group", required=needed)
    own = {f.stem for f in (own_folder() / "trials").glob("*.yaml")}
    if e.text("trial") not in own:
        e.check_name(e.text("trial"), "trials")
    e.one_of("endpoint", [*terms("outcomes"), *terms("adverse-events")])
    return Pair(
        *(e.text("trial"), e.text("arm"), e.text("control"), e.text("endpoint"), number_of(e, "week"), e.text("group")),
    )


def _claim(e: Entry) -> Claim:
    e.fields("claim", "says", "verdict", "sources", required=("claim", "says", "verdict"))
    return Claim(
        key=str(e.path[-1]),
        claim=e.both_languages("claim"),
        says=e.both_languages("says"),
        verdict=cast(Any, e.one_of("verdict", VERDICTS)),
        sources=e.sources(),
    )


def _gap(e: Entry) -> Gap:
    e.fields("topic", "looked for", "found", required=("topic", "looked for"))
    return Gap(e.text("topic"), e.text("looked for"), e.text("found"))


def read_meta_analysis(e: Entry) -> MetaAnalysis:
    """A published meta-analysis from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    needed = ("title", "ids", "question", "measure", "model", "method", "sources")
    e.fields(*needed, "studies", "printed", "as printed", "missing", "notes", required=needed)
    if not e.data.get("studies") and not e.data.get("missing"):
        raise EvidenceError("needs the studies it pools, or `missing`: which of its inputs were not found.", e.where)
    printed = e.part("printed").fields("estimate", "low", "high", "i2") if e.data.get("printed") else None
    return MetaAnalysis(
        key=e.key,
        title=e.text("title"),
        ids={str(k): str(v) for k, v in e.part("ids").data.items()},
        question=e.text("question"),
        measure=e.text("measure"),
        model=e.one_of("model", ("common", "random")),
        method=e.one_of("method", POOLING),
        as_printed=e.text("as printed"),
        printed={str(name): number_of(printed, name) for name in printed.data} if printed else {},
        studies=tuple(_meta_study(part) for part in e.parts("studies")),
        sources=e.sources(),
        missing=e.text("missing"),
        notes=tuple(part.both_languages() for part in e.parts("notes")),
        printed_texts={str(name): printed.text(name) for name in printed.data} if printed else {},
    )


def _meta_study(e: Entry) -> MetaStudy:
    more = ("events2", "n2", "source", "at", "derived")
    e.fields("study", "events1", "n1", *more, required=("study", "events1", "n1"))
    events_2, n_2 = (number_of(e, name) if e.data.get(name) else None for name in ("events2", "n2"))
    return MetaStudy(e.text("study"), number_of(e, "events1"), number_of(e, "n1"), events_2, n_2, e.text("derived"))
