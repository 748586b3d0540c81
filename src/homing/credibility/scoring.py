"""Hold-outs scored: each row, each difference and each trial, Homing beside the rules, and the totals."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from homing.credibility.predicting import Predicted
from homing.credibility.rules import RULES
from homing.credibility.split import Row, row_sets
from homing.credibility.units import Weight, looks, weight
from homing.ground.errors import NumericsError
from homing.inference.scores import JointScore, Score, arm_share, difference_of_shares, joint_log_score, score

HOMING = "homing"
#: A log score that fewer effective draws carry is told to rest on few: its error is itself uncertain then.
FEW = 20


@dataclass(frozen=True)
class Scored:
    """One hold-out row: what was predicted and seen, by Homing and by each rule that says anything of it."""

    predicted: Predicted
    scores: Mapping[str, Score]
    weight: Weight

    @property
    def counts(self) -> bool:
        """Whether it is part of coverage: a result that the model predicted."""
        return self.predicted.by_model


@dataclass(frozen=True)
class ScoredDifference:
    """One arm (`of`) less another (`less`) of a trial at one visit: scores of the difference of their shares."""

    name: str
    of: Predicted
    less: Predicted
    scores: Mapping[str, Score]
    weight: Weight


@dataclass(frozen=True)
class Beside:
    """A rule beside Homing on those of a trial's rows of which the rule says anything."""

    rows: tuple[str, ...]
    rule: JointScore
    homing: JointScore
    rule_crps: float
    homing_crps: float

    @property
    def difference(self) -> float:
        """Homing's log score less the rule's."""
        return self.homing.log - self.rule.log

    @property
    def error(self) -> float:
        """The Monte Carlo standard error of the difference: the draws of both are apart."""
        return math.hypot(self.homing.error, self.rule.error)

    @property
    def is_carried_by_few(self) -> bool:
        """Whether fewer than FEW effective draws carry Homing's log score or the rule's."""
        return min(self.homing.effective, self.rule.effective) < FEW


@dataclass(frozen=True)
class TrialScore:
    """One trial, its patients counted once: the mean over looks of the log score of all rows of a look together.

    `log` with its Monte Carlo error and the effective draws of the look that fewest carry; `unsaid` is what of it, with
    its error, belongs to rows that no rule speaks of, given the others; `crps` that of the difference where one is
    named, else the mean over the rows; `beside` each rule that says anything.
    """

    trial: str
    domain: str
    looks: tuple[tuple[str, ...], ...]
    log: JointScore
    unsaid: float
    unsaid_error: float
    unsaid_rows: int
    crps: float
    beside: Mapping[str, Beside]


@dataclass(frozen=True)
class Total:
    """Sums over the trials of which a rule says anything: its log score and CRPS beside Homing's on the same rows.

    `domain` '' for all of them; `fewest` and `most` the smallest and largest difference of log scores (Homing less the
    rule) when one trial is left out, with its name; None of a single one. Errors are Monte Carlo standard errors of the
    log scores, trials apart; `few` the trials whose term is carried by fewer than FEW effective draws.
    """

    rule: str
    domain: str
    trials: int
    rows: int
    rule_log: float
    homing_log: float
    rule_crps: float
    homing_crps: float
    fewest: tuple[str, float] | None
    most: tuple[str, float] | None
    rule_error: float
    homing_error: float
    few: tuple[str, ...]

    @property
    def difference(self) -> float:
        """Homing's log score less the rule's."""
        return self.homing_log - self.rule_log

    @property
    def error(self) -> float:
        """The Monte Carlo standard error of the difference."""
        return math.hypot(self.homing_error, self.rule_error)

    @property
    def homing_wins(self) -> bool:
        """Whether Homing's log score is the higher."""
        return self.homing_log > self.rule_log


@dataclass(frozen=True)
class Verdict:
    """All hold-outs scored; `stretched` are totals beside rules that speak of what is unlike, too (see `rules`)."""

    rows: tuple[Scored, ...]
    differences: tuple[ScoredDifference, ...]
    trials: tuple[TrialScore, ...]
    totals: tuple[Total, ...]
    stretched: tuple[Total, ...]

    def coverage(self, level: float) -> tuple[int, int]:
        """How many rows are inside Homing's interval of a level, of how many that the model predicted."""
        mine = [r for r in self.rows if r.counts]
        return sum(r.scores[HOMING].inside[level] for r in mine), len(mine)


def judge(predicted: Sequence[Predicted]) -> Verdict:
    """Score every prediction, and the differences that the hold-out files name; each patient counts once in totals.

    Raises: NumericsError naming a row or difference of which what was seen is impossible by all draws, which then has
    no log score.
    """
    rows, differences, trials = _scored_by_trial(predicted)
    further = [replace(p, rules=p.stretched) for p in predicted]
    return Verdict(rows, differences, trials, tuple(_totals(trials)), tuple(_totals(_scored_by_trial(further)[2])))


def _scored_by_trial(
    predicted: Sequence[Predicted],
) -> tuple[tuple[Scored, ...], tuple[ScoredDifference, ...], tuple[TrialScore, ...]]:
    by_key = {p.count.row.key: p for p in predicted}
    named = [pair for s in row_sets() if s.set == "holdout" for pair in (s.comparisons or {}).items()]
    weights = {key: weight(p.count.row, _rows_of_trial(p, predicted)) for key, p in by_key.items()}
    rows = tuple(_scored(p, weights[key]) for key, p in by_key.items())
    differences = tuple(
        _difference(name, by_key[of], by_key[less], weights[of])
        for name, (of, less) in named
        if of in by_key and less in by_key
    )
    trials = tuple(
        _trial([p for p in predicted if p.by_model and p.count.row.trial == key], rows, differences)
        for key in dict.fromkeys(p.count.row.trial for p in predicted if p.by_model)
    )
    return rows, differences, trials


def _finite(scores: Mapping[str, Score], name: str, of: Predicted) -> Mapping[str, Score]:
    """The scores, none of which may be minus infinity: no draw is 0 or 1, so that no count is impossible."""
    for who, found in scores.items():
        if not math.isfinite(found.log_score):
            raise NumericsError(
                f"'{name}' has no log score by {who}: by all of its draws what was seen is impossible. See what draws "
                "its shares; none may be 0 or 1.",
                of.count.row.where,
            )
    return scores


def _rows_of_trial(p: Predicted, predicted: Sequence[Predicted]) -> list[Row]:
    return [o.count.row for o in predicted if o.by_model and o.count.row.trial == p.count.row.trial]


def _scored(p: Predicted, of_row: Weight) -> Scored:
    each = {HOMING: p.draws, **p.rules}
    scores = {name: score(arm_share(x, p.count.n), p.count.share) for name, x in each.items()}
    return Scored(p, _finite(scores, p.count.row.key, p), of_row)


def _difference(name: str, of: Predicted, less: Predicted, of_rows: Weight) -> ScoredDifference:
    """With nothing added, the treated are one more control of the same world."""
    pairs = {HOMING: (of.draws, less.draws)}
    pairs |= {rule: (of.rules[rule], less.rules[rule]) for rule in RULES if rule in of.rules and rule in less.rules}
    seen = of.count.share - less.count.share
    scores = {rule: score(difference_of_shares(a, b, of.count.n, less.count.n), seen) for rule, (a, b) in pairs.items()}
    return ScoredDifference(name, of, less, _finite(scores, name, of), of_rows)


def _trial(mine: Sequence[Predicted], rows: Sequence[Scored], differences: Sequence[ScoredDifference]) -> TrialScore:
    each = {p.count.row.key: p for p in mine}
    found = [tuple(row.key for row in look) for look in looks([p.count.row for p in mine])]
    said = {key for key, p in each.items() if p.rules}
    whole = _mean([_log([each[key] for key in look], HOMING) for look in found])
    spoken = _mean([_log([each[key] for key in look if key in said], HOMING) for look in found])
    unsaid_rows = sum(key not in said for look in found for key in look)
    distance = _distances(rows, differences)
    return TrialScore(
        mine[0].count.row.trial,
        mine[0].domain,
        tuple(found),
        whole,
        whole.log - spoken.log,
        math.hypot(whole.error, spoken.error) if unsaid_rows else 0.0,
        unsaid_rows,
        float(np.mean([distance(look, HOMING) for look in found])),
        {rule: beside for rule in RULES if (beside := _beside(rule, found, each, distance)) is not None},
    )


def _beside(
    rule: str,
    found: Sequence[tuple[str, ...]],
    each: Mapping[str, Predicted],
    distance: Callable[[Sequence[str], str], float],
) -> Beside | None:
    said = [kept for look in found if (kept := tuple(key for key in look if rule in each[key].rules))]
    if not said:
        return None
    of = [[each[key] for key in look] for look in said]
    by_rule, by_homing = (_mean([_log(look, who) for look in of]) for who in (rule, HOMING))
    distances = (float(np.mean([distance(look, who) for look in said])) for who in (rule, HOMING))
    keys = tuple(key for look in said for key in look)
    return Beside(keys, by_rule, by_homing, *distances)


def _log(look: Sequence[Predicted], who: str) -> JointScore:
    """The log score of some rows together, of all draws; 0 of none."""
    if not look:
        return JointScore(0.0, 0.0, math.inf)
    draws = [p.draws if who == HOMING else p.rules[who] for p in look]
    return joint_log_score(draws, [p.count.events for p in look], [p.count.n for p in look])


def _mean(looks: Sequence[JointScore]) -> JointScore:
    """The mean over looks. They are of the same draws, so that the error is at most the mean of theirs."""
    log, error = (float(np.mean(x)) for x in ([s.log for s in looks], [s.error for s in looks]))
    return JointScore(log, error, min(s.effective for s in looks))


def _distances(
    rows: Sequence[Scored], differences: Sequence[ScoredDifference]
) -> Callable[[Sequence[str], str], float]:
    """The CRPS of a look: that of its difference where one is named, else the mean of its rows'."""
    alone = {r.predicted.count.row.key: r.scores for r in rows}
    pairs = {frozenset((d.of.count.row.key, d.less.count.row.key)): d.scores for d in differences}

    def distance(look: Sequence[str], who: str) -> float:
        pair = pairs.get(frozenset(look), {})
        return pair[who].crps if who in pair else float(np.mean([alone[key][who].crps for key in look]))

    return distance


def _totals(trials: Sequence[TrialScore]) -> Iterable[Total]:
    """Of each rule all trials, and those of each domain where that is not the same."""
    for rule in RULES:
        said = [t for t in trials if rule in t.beside]
        domains = list(dict.fromkeys(t.domain for t in said))
        if len(domains) > 1:
            yield _total(rule, "", said)
        for domain in domains:
            yield _total(rule, domain, [t for t in said if t.domain == domain])


def _total(rule: str, domain: str, said: Sequence[TrialScore]) -> Total:
    each = {t.trial: t.beside[rule] for t in said}
    each_sum = np.sum([[b.rule.log, b.homing.log, b.rule_crps, b.homing_crps] for b in each.values()], axis=0)
    rule_log, homing_log, rule_crps, homing_crps = (float(x) for x in each_sum)
    rows = sum(len(b.rows) for b in each.values())
    without = {left: sum(b.difference for trial, b in each.items() if trial != left) for left in each}
    order = sorted(without, key=lambda left: without[left]) if len(each) > 1 else []
    fewest, most = ((left, without[left]) for left in (order[0], order[-1])) if order else (None, None)
    sums = (rule_log, homing_log, rule_crps, homing_crps)
    errors = (math.hypot(*(b.rule.error for b in each.values())), math.hypot(*(b.homing.error for b in each.values())))
    few = tuple(trial for trial, b in each.items() if b.is_carried_by_few)
    return Total(rule, domain, len(each), rows, *sums, fewest, most, *errors, few)
