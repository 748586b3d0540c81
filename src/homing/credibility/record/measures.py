"""What acceptance rules measure: from facts and a factor to a number, or the reason why there is none.

Reasons are keys: 'run' (no finished run), 'checkout' (an installed package, no source), 'posterior', 'hold-outs',
'field', 'like', 'observed', 'tipping', 'calibration', 'diagnostics'.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from homing.credibility.record.checkout import Checkout
from homing.credibility.record.facts import Facts
from homing.credibility.record.held_out import domain_of
from homing.credibility.record.outcomes import Tally


@dataclass(frozen=True)
class Measured:
    """A number; or None with the reason, `is_outside` where the rule does not apply to the study at all.

    `remark` is the key of what must be told beside the number, with the numbers `told` in it; a number that is
    `refuted` passes no rule, however large it is.
    """

    value: float | None
    why: str = ""
    is_outside: bool = False
    remark: str = ""
    told: Mapping[str, object] = field(default_factory=dict)
    refuted: bool = False


Measure = Callable[[Facts, str], Measured]


def _missing(why: str) -> Measured:
    return Measured(None, why)


def _known(value: float | None, why: str) -> Measured:
    return _missing(why) if value is None or math.isnan(value) else Measured(float(value))


def _share(k: int, n: int) -> Measured:
    """A share, with what it is a share of."""
    return Measured(k / n, remark="of", told={"k": k, "n": n})


def _of_run(read: Callable[[Mapping[str, Any]], float]) -> Measure:
    """A number from run.json; an older record that lacks it is as good as none."""

    def measure(facts: Facts, factor: str) -> Measured:
        if facts.record is None:
            return _missing("run")
        try:
            return _known(read(facts.record), "run")
        except KeyError:
            return _missing("run")

    return measure


def _failed(record: Mapping[str, Any]) -> float:
    pairs = [text.split("/") for text in record["numerics"]["complete"].values()]
    every = sum(int(n) for _, n in pairs)
    return 1 - sum(int(done) for done, _ in pairs) / every if every else math.nan


def _outcomes_changed(record: Mapping[str, Any]) -> float:
    tolerance = record["numerics"]["tolerance"]
    return tolerance["outcomes changed"] / tolerance["patients"] if tolerance["patients"] else math.nan


def _declared_tests(facts: Facts, factor: str) -> Measured:
    if facts.checkout is None:
        return _missing("checkout")
    run = facts.checkout.run
    return _with_outcome(facts.checkout.share_present, facts.checkout, None if run is None else run.of())


def _tests_of_factor(facts: Facts, factor: str) -> Measured:
    if facts.checkout is None:
        return _missing("checkout")
    return _with_outcome(facts.checkout.tests[factor], facts.checkout, facts.checkout.came_out.get(factor))


def _with_outcome(number: float, found: Checkout, tally: Tally | None) -> Measured:
    """What was counted, with how it came out; one test that failed refutes it, even where the result is stale."""
    if found.run is None or tally is None:
        return Measured(float(number), remark="tests-not-run")
    told = {"ran": len(tally.functions), "passed": tally.passed, "failed": tally.failed, "skipped": tally.skipped}
    remark = "tests-stale" if found.run.is_stale else "tests-run"
    return Measured(float(number), remark=remark, told=told | {"on": found.run.on}, refuted=tally.failed > 0)


def _refused_inputs(facts: Facts, factor: str) -> Measured:
    return _missing("checkout") if facts.checkout is None else Measured(float(facts.checkout.refused))


def _same_version(facts: Facts, factor: str) -> Measured:
    return _missing("run") if facts.record is None else Measured(float(facts.record.get("homing") == facts.version))


def _effective_patients(facts: Facts, factor: str) -> Measured:
    if facts.study.like is None:
        return Measured(None, "like", is_outside=True)
    return _of_run(lambda record: record["weighting"]["effective"] / record["weighting"]["patients"])(facts, factor)


def _observed_patients(facts: Facts, factor: str) -> Measured:
    return _missing("run") if facts.observed is None else Measured(float(sum(arm.n for arm in facts.observed)))


def _observed_trials(facts: Facts, factor: str) -> Measured:
    return _missing("run") if facts.observed is None else Measured(float(len({arm.trial for arm in facts.observed})))


def _observed_arms(facts: Facts, factor: str) -> Measured:
    if facts.observed is None:
        return _missing("run")
    beside = [arm for arm in facts.observed if arm.simulated is not None]
    return _share(sum(arm.reached for arm in beside), len(beside)) if beside else _missing("observed")


def _hold_out(facts: Facts, factor: str) -> Measured:
    """The binomial probability of as few rows inside their interval as there are, or fewer, were the interval right."""
    if facts.hold_outs is None:
        return _missing("hold-outs")
    found = facts.hold_outs.of(domain_of(facts.study))
    if not found.counted:
        return _missing("field")
    told = {"covered": found.covered, "n": len(found.counted)}
    return Measured(found.chance, remark="hold-outs", told=told)


def _hold_out_endpoint(facts: Facts, factor: str) -> Measured:
    if facts.hold_outs is None:
        return _missing("hold-outs")
    rows = facts.hold_outs.of(domain_of(facts.study)).counted
    return Measured(float(sum(row.endpoint == facts.study.primary.key for row in rows)))


def _informed(facts: Facts, factor: str) -> Measured:
    if facts.posterior is None:
        return _missing("posterior")
    bearing = [p for p in facts.posterior.parameters.values() if set(p.multiplies) & set(facts.bears_on)]
    if not bearing:
        return Measured(None, "calibration", True)
    return _share(sum(p.informed for p in bearing), len(bearing))


def _diagnostic(name: str) -> Measure:
    def measure(facts: Facts, factor: str) -> Measured:
        if facts.posterior is None:
            return _missing("posterior")
        return _known(facts.posterior.diagnostics.get(name), "diagnostics")

    return measure


def _tipping(facts: Facts, factor: str) -> Measured:
    return _missing("tipping") if facts.tips is None else Measured(float(sum(tip.tips for tip in facts.tips)))


def _assumed_share(facts: Facts, factor: str) -> Measured:
    return _known(facts.moved_by_assumed, "run")


def _known_misses(facts: Facts, factor: str) -> Measured:
    return _missing("run") if facts.misses is None else Measured(float(len(facts.misses)))


#: Every measure by the name that rules give it.
MEASURES: Mapping[str, Measure] = {
    "declared-tests": _declared_tests,
    "tests-of-factor": _tests_of_factor,
    "refused-inputs": _refused_inputs,
    "files-intact": lambda facts, factor: _known(facts.intact, "run"),
    "same-version": _same_version,
    "tolerance-shift": _of_run(lambda record: record["numerics"]["tolerance"]["shift"]),
    "tolerance-outcomes": _of_run(_outcomes_changed),
    "imbalance": _of_run(lambda record: record["numerics"]["cells in and out, relative error"]),
    "failed-patients": _of_run(_failed),
    "monte-carlo": lambda facts, factor: _known(facts.error, "run"),
    "unstated-choices": lambda facts, factor: Measured(float(len(facts.study.notes))),
    "known-misses": _known_misses,
    "assumed-share": _assumed_share,
    "informed-parameters": _informed,
    "convergence": _diagnostic("r_hat"),
    "divergences": _diagnostic("divergences"),
    "tipping-assumptions": _tipping,
    "observed-patients": _observed_patients,
    "observed-trials": _observed_trials,
    "effective-patients": _effective_patients,
    "observed-arms": _observed_arms,
    "hold-out": _hold_out,
    "hold-out-endpoint": _hold_out_endpoint,
    "context-warnings": lambda facts, factor: Measured(float(len(facts.study.limits))),
}
