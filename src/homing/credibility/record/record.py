"""A record: what the model is relied on for, at which risk, what came of every rule, and what departs from the plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from homing.credibility.counted import Counted
from homing.credibility.identifiability import Identified, Missing
from homing.credibility.record.deviations import Seen, deviations
from homing.credibility.record.facts import Facts
from homing.credibility.record.frame import frame
from homing.credibility.record.plan import Plan, relied_of
from homing.credibility.record.rules import FAIL, NOT_ASSESSED, OUTCOMES, PASS, Outcome, assess, rules
from homing.study.plan import Deviation, Relied


@dataclass(frozen=True)
class Record:
    """A plan (`facts.record` is None) or a report. `seen` are departures from the plan, `logged` those written down.

    `counted` and `identified` are what the planned trial's counts and readings would tell, None before a run.
    """

    relied: Relied
    risk: str
    facts: Facts
    plan: Plan | None
    outcomes: tuple[Outcome, ...]
    seen: tuple[Seen, ...]
    counted: Counted | Missing | None = None
    identified: Identified | Missing | None = None

    @property
    def is_report(self) -> bool:
        """Whether a run is behind it."""
        return self.facts.record is not None

    @property
    def logged(self) -> Sequence[Deviation]:
        """Departures that the study file tells."""
        return self.relied.deviations

    @property
    def counts(self) -> Mapping[str, int]:
        """How many rules came to each outcome."""
        found = Counter(outcome.outcome for outcome in self.outcomes)
        return {name: found[name] for name in OUTCOMES}

    @property
    def verdict(self) -> str:
        """'planned' before a run; after it 'shown' where every rule that applies passes, 'not-shown' where one fails,
        'open' where none fails and some are not assessed."""
        if not self.is_report:
            return "planned"
        if self.counts[FAIL]:
            return "not-shown"
        return "open" if self.counts[NOT_ASSESSED] else "shown"

    def of_factor(self, factor: str) -> tuple[Outcome, ...]:
        """What came of the rules of one credibility factor."""
        return tuple(outcome for outcome in self.outcomes if outcome.rule.factor == factor)

    def as_plain(self) -> dict[str, Any]:
        """The record as plain data that JSON can hold."""
        study, run = self.facts.study, self.facts.record
        return {
            "study": study.title,
            "kind": "report" if self.is_report else "plan",
            "plan": None if self.plan is None else {"hash": self.plan.hash, "on": self.plan.on},
            "question": self.relied.question,
            "influence": self.relied.influence,
            "consequence": self.relied.consequence,
            "risk": self.risk,
            "impact": self.relied.impact or None,
            "matters": self.relied.matters,
            "verdict": self.verdict,
            "counts": dict(self.counts),
            "rules": [_plain_outcome(outcome) for outcome in self.outcomes],
            "deviations": {
                "seen": [vars(seen) for seen in self.seen],
                "logged": [vars(deviation) for deviation in self.logged],
            },
            "tipping": None if self.facts.tips is None else [vars(tip) | {"tips": tip.tips} for tip in self.facts.tips],
            "files": None if run is None else dict(run["files"]),
            "altered": dict(self.facts.altered),
        }


def make_record(
    facts: Facts,
    plan: Plan | None,
    counted: Counted | Missing | None = None,
    identified: Identified | Missing | None = None,
) -> Record:
    """The record of a study from what is known. Raises: StudyError where the study states nothing to rely on."""
    relied = relied_of(facts.study)
    risk = frame().risk_of(relied.influence, relied.consequence)
    outcomes = tuple(assess(rule, facts, risk) for rule in rules())
    return Record(relied, risk, facts, plan, outcomes, deviations(facts.study, plan, facts.record), counted, identified)


def _plain_outcome(outcome: Outcome) -> dict[str, Any]:
    value = outcome.value
    return {
        "rule": outcome.rule.key,
        "factor": outcome.rule.factor,
        "passes": outcome.rule.passes,
        "threshold": outcome.threshold,
        "outcome": outcome.outcome,
        "value": value if outcome.outcome in (PASS, FAIL) else None,
        "why": outcome.why or None,
        "remark": {"key": outcome.remark, **outcome.told} if outcome.remark else None,
    }
