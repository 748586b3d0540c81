"""The hold-outs as scored, as plain data for a file: rows, differences, trials, totals and coverage."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from homing.credibility.predicting import Predicted
from homing.credibility.scoring import FEW, Scored, ScoredDifference, Total, TrialScore, Verdict
from homing.credibility.units import Weight
from homing.inference.scores import Score


def verdict_plain(verdict: Verdict) -> dict[str, Any]:
    """The hold-outs as plain data.

    Of a row `counts` says whether it is part of coverage, as a result that the model predicted, and `in totals` what it
    weighs there and why no more. `trials` has one term a trial, `own` Homing's own total with what no rule speaks of.
    Errors are Monte Carlo standard errors; `few draws` the trials whose term few effective draws carry (see `scoring`).
    """
    return {
        "rows": [_row(r) for r in verdict.rows],
        "differences": [_difference(d) for d in verdict.differences],
        "trials": [_trial(t) for t in verdict.trials],
        "own": {
            "trials": len(verdict.trials),
            "rows": sum(len(look) for t in verdict.trials for look in t.looks),
            "log score": rounded(sum(t.log.log for t in verdict.trials)),
            "log score error": rounded(math.hypot(*(t.log.error for t in verdict.trials))),
            "few draws": [t.trial for t in verdict.trials if t.log.effective < FEW],
            "crps": rounded(sum(t.crps for t in verdict.trials)),
            "no rule": {
                "rows": sum(t.unsaid_rows for t in verdict.trials),
                "log score": rounded(sum(t.unsaid for t in verdict.trials)),
                "log score error": rounded(math.hypot(*(t.unsaid_error for t in verdict.trials))),
            },
        },
        "totals": [_total(t) for t in verdict.totals],
        "totals, rules stretched": [_total(t) for t in verdict.stretched],
        "coverage": {f"{level:g}": list(verdict.coverage(level)) for level in (0.5, 0.8, 0.95)},
    }


def _total(t: Total) -> dict[str, Any]:
    return {
        "rule": t.rule,
        "domain": t.domain or "all",
        "trials": t.trials,
        "rows": t.rows,
        "log score": {"homing": rounded(t.homing_log), "rule": rounded(t.rule_log)},
        "log score error": {"homing": rounded(t.homing_error), "rule": rounded(t.rule_error)},
        "crps": {"homing": rounded(t.homing_crps), "rule": rounded(t.rule_crps)},
        "difference": rounded(t.difference),
        "difference error": rounded(t.error),
        "few draws": list(t.few),
        "without one": {
            end: None if found is None else {"trial": found[0], "difference": rounded(found[1])}
            for end, found in (("smallest", t.fewest), ("largest", t.most))
        },
        "homing wins": t.homing_wins,
    }


def _trial(t: TrialScore) -> dict[str, Any]:
    return {
        "trial": t.trial,
        "domain": t.domain,
        "looks": [list(look) for look in t.looks],
        "log score": rounded(t.log.log),
        "log score error": rounded(t.log.error),
        "effective draws": rounded(t.log.effective),
        "crps": rounded(t.crps),
        "beside": {
            rule: {
                "rows": list(b.rows),
                "log score": {"homing": rounded(b.homing.log), "rule": rounded(b.rule.log)},
                "log score error": {"homing": rounded(b.homing.error), "rule": rounded(b.rule.error)},
                "effective draws": {"homing": rounded(b.homing.effective), "rule": rounded(b.rule.effective)},
                "crps": {"homing": rounded(b.homing_crps), "rule": rounded(b.rule_crps)},
                "difference": rounded(b.difference),
                "difference error": rounded(b.error),
                "few draws": b.is_carried_by_few,
            }
            for rule, b in t.beside.items()
        },
    }


def _row(r: Scored) -> dict[str, Any]:
    p = r.predicted
    return {
        **_who(p),
        "events": p.count.events,
        "n": p.count.n,
        "counts": r.counts,
        "in totals": _weight(r.weight),
        "scores": _scores(r.scores),
    }


def _who(p: Predicted) -> dict[str, Any]:
    row = p.count.row
    return {
        "key": row.key,
        "domain": p.domain,
        "trial": row.trial,
        "arm": row.arm,
        "endpoint": row.endpoint,
        "name": row.name,
        "week": row.week,
        "as": row.how,
        "because": row.because,
        "source": p.count.result.source,
    }


def _difference(d: ScoredDifference) -> dict[str, Any]:
    return {
        "name": d.name,
        "domain": d.of.domain,
        "trial": d.of.count.row.trial,
        "week": d.of.count.row.week,
        "of": d.of.count.row.key,
        "less": d.less.count.row.key,
        "in totals": _weight(d.weight),
        "scores": _scores(d.scores),
    }


def _weight(w: Weight) -> dict[str, Any]:
    return {"weight": rounded(w.share), "because": w.because}


def _scores(scores: Mapping[str, Score]) -> dict[str, Any]:
    return {rule: _score(s) for rule, s in scores.items()}


def _score(s: Score) -> dict[str, Any]:
    return {
        "observed": rounded(s.observed),
        "predicted": rounded(s.mean),
        "intervals": {f"{level:g}": [rounded(x) for x in ends] for level, ends in s.intervals.items()},
        "inside": {f"{level:g}": bool(x) for level, x in s.inside.items()},
        "log score": rounded(s.log_score),
        "log score error": rounded(s.log_score_error),
        "crps": rounded(s.crps),
        "pit": rounded(s.pit),
    }


def rounded(x: float) -> float | None:
    """Four significant figures; None for what is no number, as JSON has none."""
    return float(f"{x:.4g}") if np.isfinite(x) else None
