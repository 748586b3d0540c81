"""What acceptance rules measure: from facts and a factor to a number, or the reason why there is none.

Reasons are keys: 'run' (no finished run), 'checkout' (an installed package, no source), 'posterior', 'hold-outs',
'like', 'observed', 'tipping', 'calibration', 'diagnostics'.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from homing.credibility.record.facts import Facts


@dataclass(frozen=True)
class Measured:
    """A number; or None with the reason, `is_outside` where the rule does not apply to the study at all."""

    value: float | None
    why: str = ""
    is_outside: bool = False


Measure = Callable[[Facts, str], Measured]


def _missing(why: str) -> Measured:
    return Measured(None, why)


def _known(value: float | None, why: str) -> Measured:
    return _missing(why) if value is None or math.isnan(value) else Measured(float(value))


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
    return _missing("checkout") if facts.checkout is None else Measured(facts.checkout.share_present)


def _tests_of_factor(facts: Facts, factor: str) -> Measured:
    return _missing("checkout") if facts.checkout is None else Measured(float(facts.checkout.tests[factor]))


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
    return Measured(sum(arm.reached for arm in beside) / len(beside)) if beside else _missing("observed")


def _hold_out(facts: Facts, factor: str) -> Measured:
    return _missing("hold-outs") if facts.hold_outs is None else _known(facts.hold_outs.coverage, "hold-outs")


def _hold_out_endpoint(facts: Facts, factor: str) -> Measured:
    if facts.hold_outs is None:
        return _missing("hold-outs")
    return Measured(float(sum(row.endpoint == facts.study.primary.key for row in facts.hold_outs.rows)))


def _informed(facts: Facts, factor: str) -> Measured:
    if facts.posterior is None:
        return _missing("posterior")
    bearing = [p for p in facts.posterior.parameters.values() if set(p.multiplies) & set(facts.bears_on)]
    return Measured(sum(p.informed for p in bearing) / len(bearing)) if bearing else Measured(None, "calibration", True)


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
