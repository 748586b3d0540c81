"""`homing evidence`: the trials that the store holds, what they reported, and what they add up to."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from homing.evidence.records import Comparison, SingleArm
    from homing.synthesis.pool import Pooled

app = typer.Typer(help="Trials, what they reported, and what they add up to.", no_args_is_help=True)
JSON = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command("list")
def list_trials(
    question: Annotated[str | None, typer.Option(help="Only the trials of one question.")] = None,
    questions: Annotated[bool, typer.Option("--questions", help="List the questions instead.")] = False,
    as_json: JSON = False,
) -> None:
    """The trials of the store, or the questions that they bear on.

    Example: homing evidence list --question perianal-fistula-msc
    """
    from homing.evidence.store import load_store

    store = load_store()
    if questions:
        rows = [{"key": q.key, "title": q.title["en"], "标题": q.title["zh"]} for q in store.questions.values()]
    else:
        wanted = set(store.trials)
        if question is not None:
            found = store.question(question)
            wanted = {pair.trial for pair in (*found.comparisons, *found.singles)}
        rows = [
            {
                "key": t.key,
                "year": str(t.year),
                "design": t.design["en"],
                "phenotype": t.phenotype["en"],
                "patients": str(sum(arm.n for arm in t.arms.values() if "added up" not in arm.note)),
            }
            for t in sorted(store.trials.values(), key=lambda t: t.year)
            if t.key in wanted
        ]
    _print(rows, as_json)


@app.command("show")
def show_trial(
    trial: Annotated[str, typer.Argument(help="The trial's key, as `list` prints it.")],
    as_json: JSON = False,
) -> None:
    """One trial: arms, outcomes and adverse events, each with its source.

    Example: homing evidence show ADMIRE-CD
    """
    from dataclasses import asdict

    from homing.evidence.sources import load_sources
    from homing.evidence.store import load_store

    found = load_store().trial(trial)
    sources = load_sources()
    if as_json:
        typer.echo(json.dumps(asdict(found), ensure_ascii=False, indent=1, default=dict))
        return
    ids = ", ".join(f"{kind} {number}" for kind, number in found.ids.items())
    typer.echo(f"{found.name} ({found.year}): {found.design['en']}; {found.phenotype['en']}. {ids}")
    rows = [
        {
            "arm": o.arm,
            "what": o.endpoint,
            "week": f"{o.week:g}",
            "result": _result(o),
            "how got": o.derived or o.printed,
            "remark": (o.contradicts and f"not used: {o.contradicts}") or o.differs,
            "source": o.source,
        }
        for o in found.outcomes
    ]
    rows += [
        {
            "arm": event.arm,
            "what": event.event,
            "week": f"{event.week:g}",
            "result": f"{event.events}/{event.n}",
            "how got": event.derived or event.printed,
            "remark": "",
            "source": event.source,
        }
        for event in found.adverse_events
    ]
    _print(rows, False)
    for note in found.notes:
        typer.echo(f"- {note['en']}")
    for key in found.sources:
        typer.echo(f"[{key}] {sources[key].citation} (read: {sources[key].read})")


def _result(outcome: Any) -> str:
    if outcome.events is not None:
        return f"{outcome.events}/{outcome.n} ({100 * outcome.events / outcome.n:.1f} %)"
    if outcome.share is not None:
        return f"{100 * outcome.share:.1f} % of {outcome.n}"
    return f"{outcome.mean:g} (SD {outcome.sd:g}), n {outcome.n}" if outcome.sd is not None else f"{outcome.mean:g}"


@app.command("check")
def check() -> None:
    """Look for what cannot be: impossible counts, percentages that don't match, trials told twice. Exit code 2 if any.

    Example: homing evidence check
    """
    from homing.evidence.store import check_store, load_store

    store = load_store()
    faults = check_store(store)
    for fault in faults:
        typer.echo(fault)
    outcomes = sum(len(t.outcomes) for t in store.trials.values())
    events = sum(len(t.adverse_events) for t in store.trials.values())
    typer.echo(f"{len(store.trials)} trials, {outcomes} outcomes, {events} adverse events: {len(faults)} faults.")
    if faults:
        raise typer.Exit(2)


@app.command("pool")
def pool_question(
    question: Annotated[str, typer.Argument(help="The question's key: homing evidence list --questions")],
    measure: Annotated[str, typer.Option(help="risk-difference, risk-ratio or odds-ratio.")] = "risk-difference",
    method: Annotated[str, typer.Option(help="REML, DL, PM or common.")] = "REML",
    adjust: Annotated[str, typer.Option(help="knapp-hartung or none.")] = "knapp-hartung",
    zeros: Annotated[str, typer.Option(help="Empty cells: refuse, drop or add-half.")] = "refuse",
    without: Annotated[list[str] | None, typer.Option(help="Leave a trial out; may be given several times.")] = None,
    as_json: JSON = False,
) -> None:
    """Pool the controlled trials of a question, and list its uncontrolled arms with exact intervals.

    Examples: homing evidence pool perianal-fistula-msc --measure odds-ratio

              homing evidence pool perianal-fistula-msc --without ADMIRE-CD-II
    """
    from homing.evidence.store import load_store
    from homing.ground.errors import StudyError
    from homing.ground.nearest import did_you_mean
    from homing.synthesis.effect import TWO_ARM, effect_of_counts
    from homing.synthesis.pool import METHODS, pool

    store = load_store()
    for name in without or ():
        store.trial(name)
    for option, given, known in (("--measure", measure, TWO_ARM), ("--method", method, METHODS)):
        if given not in known:
            raise StudyError(f"'{given}' is not known. {did_you_mean(given, known)}", option)
    trials = [c for c in store.comparisons(question) if c.trial.key not in (without or ())]
    singles = store.single_arms(question)
    rows: list[dict[str, Any]] = []
    pooled: Pooled | None = None
    if trials:
        a, b = [c.candidate for c in trials], [c.control for c in trials]
        counts = ([x.events for x in a], [x.n for x in a], [x.events for x in b], [x.n for x in b])
        effects = effect_of_counts(*counts, measure, zeros=zeros)  # type: ignore[arg-type]
        pooled = pool(effects, method, adjust=adjust)  # type: ignore[arg-type]
        rows = _rows(trials, effects, pooled)
    if as_json:
        typer.echo(json.dumps(_plain(question, rows, pooled, singles), ensure_ascii=False, indent=1))
        return
    typer.echo(store.question(question).title["en"] + f" ({measure})")
    if pooled is None:
        typer.echo("No controlled trial of this question is in the store.")
    else:
        _print(rows, False)
        _tell(pooled)
    for row in _alone(singles):
        typer.echo(f"without control: {row}")


def _rows(trials: Sequence[Comparison], effects: Any, pooled: Pooled) -> list[dict[str, Any]]:
    """Each trial pooled: counts, effect with its own interval, weight."""
    from scipy.special import ndtri

    z = float(ndtri(0.975))
    rows = []
    for position, i in enumerate(effects.kept):
        c, y, error = trials[i], effects.estimate[position], effects.variance[position] ** 0.5
        low, middle, high = effects.natural([y - z * error, y, y + z * error])
        rows.append(
            {
                "trial": c.trial.key,
                "year": str(c.trial.year),
                "cells": f"{c.candidate.events}/{c.candidate.n}",
                "control": f"{c.control.events}/{c.control.n}",
                "effect": f"{middle:.3f} ({low:.3f} to {high:.3f})",
                "weight": f"{100 * pooled.weights[position]:.1f} %",
                "sources": ", ".join(c.sources),
            }
        )
    return rows


def _tell(pooled: Pooled) -> None:
    found = pooled.natural()
    typer.echo(
        f"pooled ({found.method}, {found.adjust}, {found.k} trials): {found.estimate:.3f} "
        f"(95 % interval {found.low:.3f} to {found.high:.3f})"
    )
    if found.k > 1:
        typer.echo(
            f"heterogeneity: tau2 {found.tau2:.4f} ({found.tau2_low:.4f} to {found.tau2_high:.4f}), "
            f"I2 {100 * found.i2:.0f} %, Q {found.q:.2f}, p {found.q_p:.3f}"
        )
        if found.method != "common":
            typer.echo(f"the next trial's effect (95 %): {found.prediction_low:.3f} to {found.prediction_high:.3f}")
    for note in found.notes:
        typer.echo(f"note: {note}")


def _alone(singles: Sequence[SingleArm]) -> list[str]:
    from homing.ground.proportions import exact_interval

    found = []
    for s in singles:
        low, high = exact_interval(s.counts.events, s.counts.n)
        share = s.counts.events / s.counts.n
        found.append(
            f"{s.trial.key} ({s.trial.year}), {s.arm.label['en']}, {s.pair.endpoint} at week {s.pair.week:g}: "
            f"{s.counts.events}/{s.counts.n}, {100 * share:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
        )
    return found


def _plain(question: str, rows: list[dict[str, Any]], pooled: Pooled | None, singles: Sequence[SingleArm]) -> Any:
    content: dict[str, Any] = {"question": question, "trials": rows, "uncontrolled": _alone(singles)}
    if pooled is not None:
        found = pooled.natural()
        names = ("estimate", "low", "high", "prediction_low", "prediction_high", "tau2", "i2", "q", "q_p")
        numbers = {name: getattr(found, name) for name in names}
        content["pooled"] = {name: x if x == x else None for name, x in numbers.items()}
        content["pooled"] |= {"k": found.k, "measure": found.measure, "method": found.method, "notes": found.notes}
    return content


def _print(rows: list[dict[str, Any]], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    if not rows:
        return
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row.values()))
    Console().print(table)
