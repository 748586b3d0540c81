"""The chapters of a record that rest on evidence: what was compared, what data inform, which assumptions decide."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

from homing.answers.case import endpoint_name, label_of, name_of
from homing.answers.content import Block, Estimate, Message, Table, Verbatim, three_decimals
from homing.answers.held_out import called
from homing.answers.misses import misses
from homing.answers.posterior import posterior_table
from homing.answers.recording.gather import Recorded
from homing.answers.spans import KINDS, over
from homing.credibility.counted import Counted, Slope
from homing.credibility.identifiability import Missing
from homing.credibility.record.held_out import HeldOut, HoldOuts, domain_of
from homing.credibility.tipping import Tip
from homing.engine.information import NAMED, UNKNOWN, Direction, Information
from homing.evidence.store import Store, load_store
from homing.ground.calendar import DAYS_PER_WEEK
from homing.protocol.instances import written_name

#: A standard error of a logarithm from which no factor is named: one of 150 either way.
_HOPELESS = 5.0
#: By how much more of a value the movement of a share is told.
MORE = 0.1


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
    yield from _hold_outs(recorded)


def _hold_outs(recorded: Recorded) -> Iterator[Block]:
    every = recorded.record.facts.hold_outs
    if every is None:
        yield Message("record.no-hold-outs")
        return
    domain = domain_of(recorded.study)
    found = every.of(domain)
    others = [_of_domain(key, n) for key, n in every.domains.items() if key != domain]
    if found.rows:
        values = {
            "domain": Message(f"credibility.domain.{domain}"),
            "covered": found.covered,
            "n": len(found.counted),
            "level": _whole(found.level),
        }
        yield Message("record.hold-outs", values)
        yield hold_out_table(found, load_store())
    else:
        yield Message("record.no-hold-outs-of")
    if others:
        yield Message("record.other-hold-outs", {"others": others})


def _whole(share: float) -> Message:
    """A share that is a whole number of per cent, as one."""
    return Message("number.percent", {"number": round(100 * share)})


def _of_domain(domain: str, n: int) -> Message:
    return Message("record.of-domain", {"domain": Message(f"credibility.domain.{domain}"), "n": n})


def hold_out_table(found: HoldOuts, store: Store) -> Table:
    """Every held-out result with its predictive interval, by the names of the evidence store."""
    heads = ("result", "observed", "predicted", "inside", "judges", "crps")
    title = Message("record.table-hold-outs", {"level": _whole(found.level)})
    rows = [_held_out(row, store) for row in found.rows]
    return Table(title, [Message(f"record.head-{key}") for key in heads], rows, Message("record.hold-outs-note"))


def _held_out(row: HeldOut, store: Store) -> list[object]:
    observed = Estimate(row.observed, kind="percent", spread="none")
    predicted = Estimate(row.mean, row.low, row.high, "percent", spread="posterior")
    name = called(store, row.trial, row.arm, row.endpoint, row.week, row.how)
    return [name, observed, predicted, row.covered, row.is_counted, three_decimals(row.crps)]


def informed(recorded: Recorded) -> Iterator[Block]:
    """What the planned trial's counts and readings would tell, and what the posterior learnt."""
    facts = recorded.record.facts
    yield from _counts(recorded)
    yield from _readings(recorded)
    if facts.posterior is None:
        yield Message("record.no-posterior")
    else:
        title = Message("record.table-posterior", {"version": facts.posterior.version})
        bearing = facts.bears_on if recorded.record.is_report else None
        yield posterior_table(facts.posterior, load_store(), title, bearing=bearing)


def _counts(recorded: Recorded) -> Iterator[Block]:
    found = recorded.record.counted
    if found is None:
        yield Message("record.after-run")
    elif isinstance(found, Missing):
        yield Message(f"record.counts-{found.why}", {"because": Verbatim(found.because)})
    else:
        yield _count_table(recorded, found)
        yield _directions(found.information)


def _count_table(recorded: Recorded, found: Counted) -> Table:
    study = recorded.study
    at = {name: i for i, name in enumerate(found.information.parameters)}
    rows = []
    for name, alone, together in found.information.known:
        moved = [_moved(arm.slopes[at[name]]) for arm in found.arms]
        rows.append([Message(f"parameter.{written_name(name)}"), Verbatim(name), *moved, *_known(alone, together)])
    more = {"more": _whole(MORE)}
    heads = [Message(f"record.head-{key}") for key in ("value", "parameter")]
    heads += [Message("record.head-moves", {"arm": label_of(study.arms[arm.name]), **more}) for arm in found.arms]
    heads += [Message(f"record.head-{key}") for key in ("alone", "together", "told")]
    values = {
        "endpoint": endpoint_name(study.primary.key),
        "week": study.primary.time / DAYS_PER_WEEK,
        "n": found.arms[0].n,
    }
    counted = {"arms": len(found.arms), "patients": found.patients}
    return Table(Message("record.table-counts", values), heads, rows, Message("record.counts-note", counted))


def _moved(slope: Slope) -> Estimate | Message:
    """What a little more of a value does to an arm's share, in points, with its simulation error."""
    if slope.value == slope.error == 0:
        return Message("record.moves-nothing")
    return Estimate(*slope.moved(MORE), "points", 0.95, "monte-carlo")


def _readings(recorded: Recorded) -> Iterator[Block]:
    found = recorded.record.identified
    if found is None:
        return
    if isinstance(found, Missing):
        yield Message(f"record.readings-{found.why}", {"because": Verbatim(found.because)})
        return
    values = {
        "markers": [endpoint_name(key) for key in found.markers],
        "weeks": [day / DAYS_PER_WEEK for day in found.days],
        "n": found.patients,
    }
    told = [row for row in found.information.known if row[1] < UNKNOWN]
    if not told:
        yield Message("record.readings-nothing", values)
        return
    rows = [[Message(f"parameter.{written_name(name)}"), Verbatim(name), *_known(a, t)] for name, a, t in told]
    heads = [Message(f"record.head-{key}") for key in ("value", "parameter", "alone", "together", "told")]
    yield Table(Message("record.table-readings", values), heads, rows, Message("record.readings-note"))


def _directions(found: Information) -> Message:
    told = [d for d in found.directions if d.sd < UNKNOWN]
    values = {"told": len(told), "n": len(found.directions), "factor": math.exp(UNKNOWN)}
    if not told:
        return Message("record.no-direction", values)
    return Message("record.directions", values | {"best": Verbatim(_names(told[0]))})


def _names(direction: Direction) -> str:
    """The parameters of a direction that have a share in it, the largest first."""
    weights = sorted(direction.weights.items(), key=lambda pair: -abs(pair[1]))
    return ", ".join(name for name, weight in weights if abs(weight) >= NAMED)


def _known(alone: float, together: float) -> list[object]:
    return [_error(alone), _error(together), _told(alone, together)]


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
