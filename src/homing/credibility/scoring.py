"""Hold-outs scored: each row and each difference, Homing beside the rules, and the totals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from homing.credibility.predicting import RULES, Array, Predicted
from homing.credibility.split import rows_of
from homing.inference.scores import Score, arm_share, difference_of_shares, joint_log_score, score

#: Draws of which a prediction is scored; the differences of large arms are exact sums over all pairs of counts.
SCORED = 2000
HOMING = "homing"


@dataclass(frozen=True)
class Scored:
    """One hold-out row: what was predicted and seen, by Homing and by each rule that says anything of it."""

    predicted: Predicted
    scores: Mapping[str, Score]


@dataclass(frozen=True)
class ScoredDifference:
    """Cells less control of one trial at one visit: scores of the difference, log scores of both counts together."""

    name: str
    cells: Predicted
    control: Predicted
    scores: Mapping[str, Score]
    joint: Mapping[str, float]


@dataclass(frozen=True)
class Total:
    """Sums over the rows on which a rule says anything: its log score and CRPS beside Homing's on the same rows.

    `domain` '' for all of them.
    """

    rule: str
    domain: str
    rows: int
    rule_log: float
    homing_log: float
    rule_crps: float
    homing_crps: float

    @property
    def homing_wins(self) -> bool:
        """Whether Homing's log score is the higher."""
        return self.homing_log > self.rule_log


@dataclass(frozen=True)
class Verdict:
    """All hold-outs scored."""

    rows: tuple[Scored, ...]
    differences: tuple[ScoredDifference, ...]
    totals: tuple[Total, ...]

    def coverage(self, level: float) -> tuple[int, int]:
        """How many rows are inside Homing's interval of a level, of how many."""
        return sum(r.scores[HOMING].inside[level] for r in self.rows), len(self.rows)


def judge(predicted: Sequence[Predicted]) -> Verdict:
    """Score every prediction, and the differences that the hold-out files name."""
    rows = tuple(_scored(p) for p in predicted)
    by_key = {p.count.row.key: p for p in predicted}
    differences = tuple(
        _difference(name, by_key[cells], by_key[control])
        for name, (cells, control) in (rows_of("holdout", "fistula").comparisons or {}).items()
    )
    domains = ("", *dict.fromkeys(p.domain for p in predicted))
    totals = [_total(rule, domain, rows, differences) for rule in RULES for domain in domains]
    return Verdict(rows, differences, tuple(t for t in totals if t.rows))


def _scored(p: Predicted) -> Scored:
    each = {HOMING: p.draws, **p.rules}
    return Scored(p, {name: score(arm_share(thin(x), p.count.n), p.count.share) for name, x in each.items()})


def _difference(name: str, cells: Predicted, control: Predicted) -> ScoredDifference:
    scores, joint = {}, {}
    seen = cells.count.share - control.count.share
    for rule, (a, b) in _pairs(cells, control).items():
        of = difference_of_shares(thin(a), thin(b), cells.count.n, control.count.n)
        scores[rule] = score(of, seen)
        events, patients = (cells.count.events, control.count.events), (cells.count.n, control.count.n)
        joint[rule] = joint_log_score(a, b, events, patients)[0]
    return ScoredDifference(name, cells, control, scores, joint)


def _pairs(cells: Predicted, control: Predicted) -> dict[str, tuple[Array, Array]]:
    """Draws of both arms by Homing and each rule; with nothing added, cells are one more control of the same world."""
    found = {HOMING: (cells.draws, control.draws)}
    found |= {
        rule: (cells.rules[rule], control.rules[rule])
        for rule in RULES
        if rule in cells.rules and rule in control.rules
    }
    return found


def _total(rule: str, domain: str, rows: Sequence[Scored], differences: Sequence[ScoredDifference]) -> Total:
    """Sums of a rule: two arms of one trial count once, together; the others each by itself."""
    paired = {p.count.row.key for d in differences for p in (d.cells, d.control)}
    alone = [r for r in rows if rule in r.scores and r.predicted.count.row.key not in paired]
    alone = [r for r in alone if domain in ("", r.predicted.domain)]
    both = [d for d in differences if rule in d.joint and domain in ("", d.cells.domain)]
    logs = [(r.scores[rule].log_score, r.scores[HOMING].log_score) for r in alone]
    logs += [(d.joint[rule], d.joint[HOMING]) for d in both]
    crps = [(r.scores[rule].crps, r.scores[HOMING].crps) for r in alone]
    crps += [(d.scores[rule].crps, d.scores[HOMING].crps) for d in both]
    sums = np.sum(logs, axis=0) if logs else np.zeros(2)
    distances = np.sum(crps, axis=0) if crps else np.zeros(2)
    return Total(rule, domain, len(logs), float(sums[0]), float(sums[1]), float(distances[0]), float(distances[1]))


def thin(x: Array) -> Array:
    """At most SCORED of the draws (draw, ...), evenly spread."""
    return x[np.linspace(0, len(x) - 1, min(SCORED, len(x))).astype(int)]
