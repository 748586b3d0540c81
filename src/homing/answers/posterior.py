"""The posterior in a report: which it is, and the table of its parameters."""

from __future__ import annotations

from collections.abc import Iterator

from homing.answers.case import Case, name_of
from homing.answers.content import Block, Estimate, Finding, Message, Table, Verbatim
from homing.patients.posterior import Posterior, PosteriorParameter, Spread
from homing.patients.scenario import POSTERIOR, scenario


def version_of(found: Posterior) -> Message:
    """Which posterior it is, and that it stands in where it does."""
    return Message("posterior.provisional" if found.provisional else "posterior.version", {"version": found.version})


def posterior_blocks(case: Case) -> Iterator[Block]:
    """What the study's scenarios rest on: nothing where none of them is the posterior or a summary of it."""
    chosen = scenario(POSTERIOR).draws
    rests = any(scenario(key).rests_on_posterior for key in case.study.scenarios)
    if chosen is None or not rests:
        return
    sources = [s for key in chosen.trials if key in case.store.trials for s in case.store.trial(key).sources[:1]]
    values = {"version": version_of(chosen), "until": chosen.until, "draws": chosen.size, "k": len(chosen.trials)}
    yield Finding(Message("posterior.about", values), "estimated", list(dict.fromkeys(sources)))
    heads = ("head.parameter", "posterior.multiplies", "posterior.prior", "posterior.after")
    more = ("posterior.shrinkage", "posterior.summary", "posterior.trials")
    rows = [_row(case, parameter) for parameter in chosen.parameters.values()]
    yield Table(
        Message("posterior.table"), [Message(key) for key in (*heads, *more)], rows, Message("posterior.table-note")
    )


def _row(case: Case, p: PosteriorParameter) -> list[object]:
    trials = [case.store.trial(key).name if key in case.store.trials else key for key in p.trials]
    return [
        name_of(p.name),
        Verbatim(", ".join(p.multiplies)) if p.multiplies else Message("posterior.idle"),
        _interval(p.prior),
        _interval(p.posterior),
        Estimate(p.shrinkage, kind="percent", spread="none"),
        Message(f"posterior.summary-{p.summary}"),
        Verbatim(", ".join(trials)) if p.informed else Message("posterior.uninformed"),
    ]


def _interval(spread: Spread) -> Estimate:
    return Estimate(spread.median, spread.low, spread.high, "ratio", 0.95, "posterior")
