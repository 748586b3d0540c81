"""What is the evidence? Trials of the question, what they add up to, the simulated trial beside the observed ones."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from homing.answers import evidence_methods
from homing.answers.case import (
    Case,
    endpoint_name,
    label_of,
    name_of,
    observed_outcome,
    observed_share,
)
from homing.answers.content import (
    Block,
    Chapter,
    Dots,
    Estimate,
    Finding,
    Forest,
    ForestRow,
    Message,
    Table,
    Text,
    Verbatim,
)
from homing.answers.headline import difference, share
from homing.answers.spans import Span, over_all
from homing.endpoints.definitions import endpoint
from homing.evidence import records
from homing.evidence.catalogue import names
from homing.evidence.records import Arm, Comparison, Outcome, Trial, weeks
from homing.evidence.store import joined
from homing.ground.calendar import DAYS_PER_WEEK
from homing.patients.scenario import scenario
from homing.protocol.course import Protocol
from homing.study.results import is_rule
from homing.synthesis.effect import Effects
from homing.synthesis.pool import Pooled, pool
from homing.synthesis.question import effects_of


def answer(case: Case) -> Chapter:
    """The question's trials and their synthesis, and every outcome of the named trials beside its simulation."""
    blocks = [*_question(case), *_beside(case), *_remarks(case), *_secondary(case)]
    return Chapter(5, "what_evidence", blocks, _certainty(case), exploratory=False)


def _certainty(case: Case) -> Message:
    if not case.study.evidence:
        return Message("q5.certainty-none")
    trials = case.store.comparisons(case.study.evidence)
    blinded = sum(c.trial.blinded for c in trials)
    values = {"k": len(trials), "blinded": blinded, "alone": len(case.store.single_arms(case.study.evidence))}
    return Message("q5.certainty" if trials else "q5.certainty-uncontrolled", values)


def _question(case: Case) -> Iterator[Block]:
    if not case.study.evidence:
        yield Message("q5.no-question")
        return
    question = case.store.question(case.study.evidence)
    trials = case.store.comparisons(question.key)
    yield Message("q5.question", {"title": name_of(question.title), "about": name_of(question.about)})
    if trials:
        effects = _effects(trials)
        pooled = pool(effects)
        yield _pooled(case, trials, pooled)
        yield _forest(case, trials, effects, pooled)
        yield _trial_table(case, trials, effects)
        if len(trials) == 2:
            yield Message("q5.two")
        yield from evidence_methods.methods(trials)
        yield from _without_each(trials, effects)
        yield from evidence_methods.claims(case, trials)
    else:
        yield Message("q5.uncontrolled")
    yield from _alone(case)


def _effects(trials: Sequence[Comparison]) -> Effects:
    return effects_of(trials, zeros="add-half")


def _points(pooled: Pooled) -> Estimate:
    low, high = max(pooled.low, -1.0), min(pooled.high, 1.0)  # a difference of shares can be no larger
    return Estimate(pooled.estimate, low, high, "points", pooled.level, "sampling")


def _pooled(case: Case, trials: Sequence[Comparison], pooled: Pooled) -> Finding:
    values: dict[str, object] = {
        "k": pooled.k,
        "n": sum(c.candidate.n + c.control.n for c in trials),
        "effect": _points(pooled),
    }
    sources = list(dict.fromkeys(source for c in trials for source in c.sources))
    if pooled.k == 1:
        return Finding(Message("q5.one-trial", values), "estimated", sources)
    values |= {
        "i2": Estimate(pooled.i2, kind="percent", spread="none"),
        "tau": Estimate(pooled.tau2**0.5, kind="points", spread="none"),
        "q": Estimate(pooled.q, spread="none"),
        "df": pooled.k - 1,
        "p": Estimate(pooled.q_p, spread="none"),
        "next_low": Estimate(max(pooled.prediction_low, -1.0), kind="points", spread="none"),
        "next_high": Estimate(min(pooled.prediction_high, 1.0), kind="points", spread="none"),
    }
    return Finding(Message("q5.pooled", values), "estimated", sources)


def _own_interval(effects: Effects, i: int) -> tuple[float, float, float]:
    half = 1.959963984540054 * float(effects.variance[i]) ** 0.5
    y = float(effects.estimate[i])
    return y, y - half, y + half


def _forest(case: Case, trials: Sequence[Comparison], effects: Effects, pooled: Pooled) -> Forest:
    rows = []
    for i, c in enumerate(trials):
        y, low, high = _own_interval(effects, i)
        label = Verbatim(c.trial.titled)
        detail = f"{c.candidate.events}/{c.candidate.n} v {c.control.events}/{c.control.n}"
        rows.append(ForestRow(label, y, low, high, float(pooled.weights[i]), detail))
    if pooled.k > 1:
        mean = _points(pooled)
        rows.append(ForestRow(Message("figure.pooled"), mean.value, mean.low, mean.high, kind="pooled"))
        ends = (max(pooled.prediction_low, -1.0), min(pooled.prediction_high, 1.0))
        rows.append(ForestRow(Message("figure.prediction"), pooled.estimate, *ends, kind="prediction"))
    for key in case.study.scenarios:
        found = difference(case.results.difference(key))
        label_ = Message("q5.simulated", {"scenario": name_of(scenario(key).name)})
        rows.append(ForestRow(label_, found.value, found.low, found.high, kind="simulated"))
    values = {"endpoint": endpoint_name(case.study.primary.key), "week": case.study.primary.time / DAYS_PER_WEEK}
    return Forest(
        title=Message("q5.forest"),
        rows=rows,
        x_label=Message("q5.difference"),
        percent=True,
        note=Message("q5.forest-note", values),
    )


def _trial_table(case: Case, trials: Sequence[Comparison], effects: Effects) -> Table:
    rows = []
    for i, c in enumerate(trials):
        y, low, high = _own_interval(effects, i)
        arms = [c.trial.arms[key] for key in joined(c.pair.candidate)]
        rows.append(
            [
                Verbatim(c.trial.titled),
                name_of(c.trial.design),
                name_of(records.label_of(arms)),
                _outcome_name(case, c.pair.endpoint),
                Verbatim(f"{c.pair.week:g}"),
                observed_share(c.candidate.events, c.candidate.n),
                observed_share(c.control.events, c.control.n),
                Estimate(y, low, high, "points", 0.95, "sampling"),
                evidence_methods.bias(c.trial),
            ]
        )
    heads = ("head.study", "q5.design", "q5.cells", "head.endpoint", "head.week", "q5.with", "q5.without")
    columns: list[Text] = [*(Message(key) for key in heads), Message("head.difference"), Message("q5.bias")]
    return Table(Message("q5.trials"), columns, rows, Message("q5.trials-note", {"notes": _notes(effects)}))


def _notes(effects: Effects) -> Verbatim:
    return Verbatim("; ".join(effects.notes))


def _outcome_name(case: Case, key: str) -> Verbatim:
    return name_of(case.store.word(key))


def _without_each(trials: Sequence[Comparison], effects: Effects) -> Iterator[Finding]:
    """The pooled effect without each trial that moves it by more than two points."""
    if len(trials) < 3:
        return
    whole = pool(effects).estimate
    for i, c in enumerate(trials):
        rest = pool(effects.without(i))
        if abs(rest.estimate - whole) > 0.02:
            values = {"trial": c.trial.name, "effect": _points(rest), "k": rest.k}
            yield Finding(Message("q5.without-one", values), "estimated", list(c.sources))


def _alone(case: Case) -> Iterator[Block]:
    """Arms by themselves, each with its exact interval."""
    singles = case.store.single_arms(case.study.evidence)
    if not singles:
        return
    rows = [
        [
            Verbatim(s.trial.titled),
            name_of(s.trial.design),
            name_of(s.label),
            _outcome_name(case, s.pair.endpoint),
            Verbatim(f"{s.pair.week:g}"),
            Verbatim(f"{s.counts.events}/{s.counts.n}"),
            observed_share(s.counts.events, s.counts.n),
        ]
        for s in singles
    ]
    heads = ("head.study", "q5.design", "q5.cells", "head.endpoint", "head.week", "head.events", "head.observed")
    yield Table(Message("q5.alone"), [Message(key) for key in heads], rows, Message("q5.alone-note"))
    seen = [observed_share(s.counts.events, s.counts.n) for s in singles]
    yield Dots(
        title=Message("q5.alone"),
        categories=[Message("q5.alone-row", {"trial": s.trial.name, "arm": name_of(s.label)}) for s in singles],
        groups=[Message("head.observed")],
        values=np.array([[(e.value, e.low, e.high)] for e in seen]),
        x_label=Message("q2.share"),
        percent=True,
    )
    sources = list(dict.fromkeys(s.source for s in singles))
    most = max(singles, key=lambda s: s.counts.n)
    values = {
        "k": len(singles),
        "trial": most.trial.name,
        "arm": name_of(most.label),
        "share": observed_share(most.counts.events, most.counts.n),
        "n": most.counts.n,
    }
    yield Finding(Message("q5.alone-found", values), "measured", sources)


def _beside(case: Case) -> Iterator[Block]:
    """Every outcome of the study's trials that the model simulates, beside what it simulates."""
    if not case.study.trials:
        yield Message("q5.no-trial")
        return
    rows: list[list[object]] = []
    hits: list[bool] = []
    spans: list[Span] = []
    sources: list[str] = []
    told_sources: list[str] = []
    unsimulated: list[list[object]] = []
    for key in case.study.trials:
        trial = case.store.trial(key)
        for outcome in case.store.outcomes(key):
            if outcome.endpoint not in names("endpoints") or not _is_share(outcome) or math.isnan(outcome.week):
                unsimulated.append(_told(case, trial, outcome))
                told_sources.append(outcome.source)
                continue
            row, hit, span = _row(case, trial, trial.arms[outcome.arm], outcome)
            rows.append(row)
            hits.append(hit)
            spans.append(span)
            sources.append(outcome.source)
    if rows:
        heads = ("head.study", "head.arm", "head.endpoint", "head.week", "head.observed")
        columns: list[Text] = [
            *(Message(key) for key in heads),
            *(name_of(scenario(k).name) for k in case.study.scenarios),
            Message("q5.verdict"),
        ]
        over = over_all(spans)
        values = {"hits": sum(hits), "of": len(hits), "over": over}
        yield Finding(Message("q5.hits", values), "assumed", ["run", *dict.fromkeys(sources)], exploratory=True)
        yield Table(Message("q5.beside"), columns, rows, Message("q5.beside-note", {"over": over}))
    if unsimulated:
        heads = ("head.study", "head.arm", "head.endpoint", "head.week", "head.observed")
        yield Table(Message("q5.told"), [Message(key) for key in heads], unsimulated, Message("q5.told-note"))
        found = Message("q5.unsimulated", {"k": len(unsimulated)})
        yield Finding(found, "measured", list(dict.fromkeys(told_sources)))


def _is_share(outcome: Outcome) -> bool:
    return endpoint(outcome.endpoint).kind == "rule" and (outcome.events is not None or outcome.share is not None)


def _told(case: Case, trial: Trial, outcome: Outcome) -> list[object]:
    """One line of what is reported and not simulated."""
    return [
        Verbatim(trial.name),
        name_of(trial.arms[outcome.arm].label),
        _outcome_name(case, outcome.endpoint),
        Verbatim(weeks(outcome.week)),
        observed_outcome(outcome),
    ]


def _protocol(case: Case, arm: Arm) -> Protocol:
    """The study's arm that stands for an arm of a trial: of the same dose where there is one, else of its role."""
    if arm.role == "control":
        return case.control
    for protocol in case.study.arms.values():
        doses = [c.dose for c in protocol.courses if c.give is not None]
        if arm.dose is not None and any(d.number == arm.dose and d.per_kg == arm.dose_per_kg for d in doses):
            return protocol
    return case.candidate


def _row(case: Case, trial: Trial, arm: Arm, outcome: Outcome) -> tuple[list[object], bool, Span]:
    """One line of the comparison, whether the simulated span overlaps the trial's interval, and the span."""
    day = outcome.week * DAYS_PER_WEEK
    protocol = _protocol(case, arm)
    shares = {}
    for key in case.study.scenarios:
        run = case.simulate(protocol, key, times=np.unique([0.0, day]))
        shares[key] = case.share(run.outcome(outcome.endpoint, day), key)
    seen = observed_outcome(outcome)
    span = case.span(shares)
    hit = bool(seen.low <= span.high and span.low <= seen.high)
    verdict = "q5.within" if hit else ("q5.too-low" if span.high < seen.low else "q5.too-high")
    row: list[object] = [
        Verbatim(trial.name),
        name_of(arm.label),
        endpoint_name(outcome.endpoint),
        Verbatim(f"{outcome.week:g}"),
        seen,
        *shares.values(),
        Message(verdict),
    ]
    return row, hit, span


def _remarks(case: Case) -> Iterator[Finding]:
    """What must be known to read the study's trials."""
    for key in case.study.trials:
        trial = case.store.trial(key)
        for note in trial.notes:
            values = {"trial": trial.name, "note": name_of(note)}
            yield Finding(Message("q5.remark", values), "measured", list(trial.sources))


def _secondary(case: Case) -> Iterator[Table]:
    """The simulated trial's other endpoints at the primary visit: means of markers, shares of rules."""
    study, results = case.study, case.results
    if not study.secondary:
        return
    rows: list[list[object]] = []
    for key in study.secondary:
        unit = endpoint(key).unit.replace("1", "")
        row: list[object] = [endpoint_name(key)]
        for arm in study.arms:
            cell = results.cell(case.central, arm, key, study.primary.time)
            row.append(share(cell) if is_rule(key) else replace(difference(cell), kind="number", unit=unit))
        rows.append(row)
    columns: list[Text] = [Message("head.endpoint"), *(label_of(protocol) for protocol in study.arms.values())]
    values = {"week": study.primary.time / DAYS_PER_WEEK, "scenario": name_of(scenario(case.central).name)}
    yield Table(Message("q5.secondary", values), columns, rows, Message("q5.secondary-note"))
