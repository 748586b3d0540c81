"""The posterior in a report: which it is, and the table of its parameters."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from homing.answers.case import Case, name_of
from homing.answers.content import Block, Estimate, Finding, Message, Table, Verbatim
from homing.evidence.store import Store
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
    yield posterior_table(chosen, case.store, Message("posterior.table"))


def posterior_table(found: Posterior, store: Store, title: Message, *, bearing: Collection[str] | None = None) -> Table:
    """Every parameter before and after the trials, with the trials by name.

    Arguments: `bearing` what bears on a study's answer, by the names that the parameters multiply; a column says so of
    each parameter then.
    """
    heads = ["head.parameter", "posterior.multiplies", "posterior.prior", "posterior.after"]
    heads += ["posterior.shrinkage", "posterior.summary", "posterior.trials"]
    rows = [_row(store, parameter) for parameter in found.parameters.values()]
    if bearing is not None:
        heads.append("posterior.bears")
        for row, parameter in zip(rows, found.parameters.values(), strict=True):
            row.append(bool(set(parameter.multiplies) & set(bearing)))
    return Table(title, [Message(key) for key in heads], rows, Message("posterior.table-note"))


def _row(store: Store, p: PosteriorParameter) -> list[object]:
    trials = Verbatim(", ".join(store.trial(key).name if key in store.trials else key for key in p.trials))
    taught_nothing = Message("posterior.taught-nothing", {"trials": trials})
    return [
        name_of(p.name),
        Verbatim(", ".join(p.multiplies)) if p.multiplies else Message("posterior.idle"),
        _interval(p.prior),
        _interval(p.posterior),
        Estimate(p.shrinkage, kind="percent", spread="none") if p.shrinkage > 0 else Message("posterior.no-shrinkage"),
        Message(f"posterior.summary-{p.summary}"),
        trials if p.informed else taught_nothing if p.trials else Message("posterior.uninformed"),
    ]


def _interval(spread: Spread) -> Estimate:
    return Estimate(spread.median, spread.low, spread.high, "ratio", 0.95, "posterior")
