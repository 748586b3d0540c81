"""The chapters of a record that rest on evidence: what was compared, what data inform, which assumptions decide."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from homing.answers.case import endpoint_name, name_of, signal
from homing.answers.content import Block, Estimate, Message, Table, Verbatim
from homing.answers.misses import misses
from homing.answers.recording.gather import Recorded
from homing.answers.spans import KINDS, over
from homing.credibility.identifiability import Identified
from homing.credibility.record.held_out import HeldOut, HoldOuts
from homing.credibility.tipping import Tip
from homing.endpoints.definitions import endpoints
from homing.engine.information import UNKNOWN
from homing.ground.calendar import DAYS_PER_WEEK
from homing.patients.posterior import Posterior
from homing.protocol.instances import written_name

#: A standard error of a logarithm from which no factor is named: one of 150 either way.
_HOPELESS = 5.0


def compared(recorded: Recorded) -> Iterator[Block]:
    """Observed arms beside the simulated ones, known misses, and held-out results."""
    facts = recorded.record.facts
    case = recorded.case
    if case is not None and facts.observed:
        rows: list[Sequence[object]] = []
        for arm in facts.observed:
            trial = case.store.trial(arm.trial)
            observed = Estimate(arm.share, arm.low, arm.high, "percent")
            span = Message("record.no-arm")
            if arm.simulated is not None:
                ends = [Estimate(x, kind="percent", spread="none") for x in arm.simulated]
                span = Message("record.span", {"low": ends[0], "high": ends[1]})
            reached = arm.reached if arm.simulated is not None else None
            rows.append([Verbatim(trial.name), name_of(trial.arms[arm.arm].label), arm.n, observed, span, reached])
        kinds = [kind for kind in KINDS if any(arm.span == kind for arm in facts.observed)]
        head = Message("record.head-simulated", {"over": over(kinds)}) if kinds else Message("head.simulated")
        heads = [Message(f"record.head-{key}") for key in ("trial", "arm", "n", "observed")]
        title = Message("record.table-observed", {"endpoint": endpoint_name(recorded.study.primary.key)})
        yield Table(title, [*heads, head, Message("record.head-reached")], rows, Message("record.observed-note"))
    elif case is not None:
        yield Message("record.no-observed")
    else:
        yield Message("record.after-run")
    if facts.misses is not None:
        known = [miss for miss in misses() if miss.key in facts.misses]
        for miss in known:
            yield Message("record.miss", {"name": name_of(miss.name), "what": name_of(miss.what)})
        if not known:
            yield Message("record.no-miss")
    yield from _hold_outs(facts.hold_outs)


def hold_out_table(found: HoldOuts) -> Table:
    """Every held-out result with its predictive interval."""
    heads = ("trial", "arm", "endpoint", "week", "observed", "predicted", "inside", "crps")
    rows = [_held_out(row) for row in found.rows]
    level = Estimate(found.level, kind="percent", spread="none")
    title = Message("record.table-hold-outs", {"level": level})
    return Table(title, [Message(f"record.head-{key}") for key in heads], rows)


def _hold_outs(found: HoldOuts | None) -> Iterator[Block]:
    if found is None:
        yield Message("record.no-hold-outs")
        return
    values = {
        "covered": sum(row.covered for row in found.rows),
        "n": len(found.rows),
        "level": Estimate(found.level, kind="percent", spread="none"),
    }
    yield Message("record.hold-outs", values)
    yield hold_out_table(found)


def _held_out(row: HeldOut) -> list[object]:
    observed = Estimate(row.observed, kind="percent", spread="none")
    predicted = Estimate(row.mean, row.low, row.high, "percent", spread="posterior")
    where = [Verbatim(row.trial), Verbatim(row.arm), _endpoint(row.endpoint), row.week]
    return [*where, observed, predicted, row.covered, row.crps]


def _endpoint(key: str) -> Verbatim:
    found = {e.key: e for e in endpoints()}
    return name_of(found[key].name) if key in found else Verbatim(key)


def informed(recorded: Recorded) -> Iterator[Block]:
    """Fisher information of the study's own readings, and what the posterior learnt."""
    record = recorded.record
    if record.identified is not None:
        yield from _fisher(recorded, record.identified)
    else:
        yield Message("record.no-information" if record.is_report else "record.after-run")
    if record.facts.posterior is None:
        yield Message("record.no-posterior")
    else:
        yield _posterior(record.facts.posterior)


def _fisher(recorded: Recorded, found: Identified) -> Iterator[Block]:
    rows = []
    for name, alone, together in found.known:
        meaning = Message(f"parameter.{written_name(name)}")
        rows.append([meaning, Verbatim(name), _error(alone), _error(together), _told(alone, together)])
    heads = [Message(f"record.head-{key}") for key in ("value", "parameter", "alone", "together", "told")]
    values = {
        "outputs": [signal(name) for name in found.outputs],
        "weeks": [day / DAYS_PER_WEEK for day in found.days],
        "n": found.patients,
    }
    yield Table(Message("record.table-information", values), heads, rows, Message("record.information-note"))
    told = sum(d.sd < UNKNOWN for d in found.information.directions)
    directions = {"told": told, "n": len(found.information.directions), "worst": Verbatim(_names(found))}
    yield Message("record.directions", directions)


def _names(found: Identified) -> str:
    """The parameters of the direction that is told least, the largest share first."""
    weights = sorted(found.worst.weights.items(), key=lambda pair: -abs(pair[1]))
    return ", ".join(name for name, weight in weights if abs(weight) >= 0.2)


def _error(se: float) -> object:
    """A standard error of a logarithm as the factor either way that it means."""
    return (
        Message("record.factor-either-way", {"factor": math.exp(se)}) if se < _HOPELESS else Message("record.unknown")
    )


def _told(alone: float, together: float) -> Message:
    """In words: told, told only where the others are known, or not told."""
    return Message(
        "record.told" if together < UNKNOWN else "record.told-alone" if alone < UNKNOWN else "record.not-told"
    )


def _posterior(found: Posterior) -> Table:
    rows = []
    for p in found.parameters.values():
        spreads = (p.prior, p.posterior)
        prior, posterior = (Estimate(s.median, s.low, s.high, "ratio", spread="posterior") for s in spreads)
        shrunk = Estimate(p.shrinkage, kind="percent", spread="none")
        rows.append([name_of(p.name), prior, posterior, shrunk, [Verbatim(t) for t in p.trials] or None])
    heads = [Message(f"record.head-{key}") for key in ("value", "prior", "posterior", "shrinkage", "from")]
    return Table(Message("record.table-posterior", {"version": found.version}), heads, rows)


def decides(recorded: Recorded) -> Iterator[Block]:
    """Tipping points: how wrong an assumption must be to change the decision."""
    tips = recorded.record.facts.tips
    if tips is None:
        yield Message("record.after-run")
        return
    names = recorded.meanings or {}
    matters = Message("record.points", {"number": 100 * recorded.record.relied.matters})
    yield Message("record.decision", {"matters": matters})
    heads = ("value", "range", "tips-at", "gain-low", "gain-high")
    rows = [[names.get(tip.name, Verbatim(tip.name)), *tip_cells(tip)] for tip in tips]
    columns = [Message(f"record.head-{key}") for key in heads]
    yield Table(Message("record.table-tipping"), columns, rows, Message("record.tipping-note"))


def tip_cells(tip: Tip) -> list[object]:
    """Range, tipping point, and the gains at both ends, as cells."""
    gains = [Estimate(gain, kind="points", spread="none") for gain in tip.gains]
    span = Message("record.range", {"low": tip.low, "high": tip.high})
    at: object = Message("record.does-not-tip")
    if tip.tips:
        at = Message("record.tips", {"factor": tip.factor, "low": tip.between[0], "high": tip.between[1]})
    return [span, at, *gains]
