"""Adding up: pool, placebo, network, reproduce."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homing.cli.evidence.options import FOLDER, JSON, finite, open_store, print_json, print_rows, shown

if TYPE_CHECKING:
    from homing.evidence.records import Comparison, SingleArm
    from homing.evidence.store import Store
    from homing.synthesis.pool import Pooled


def pool_question(
    context: typer.Context,
    question: Annotated[str, typer.Argument(help="The question's key: homing evidence list --questions")],
    measure: Annotated[str, typer.Option(help="risk-difference, risk-ratio, odds-ratio, arcsine-difference.")] = (
        "risk-difference"
    ),
    method: Annotated[str, typer.Option(help="REML, ML, DL, HE, HS, HSk, SJ, EB, PM, PMM or common.")] = "REML",
    adjust: Annotated[str, typer.Option(help="knapp-hartung, conservative, t or none.")] = "knapp-hartung",
    zeros: Annotated[str, typer.Option(help="Empty cells: refuse, drop, add-half, ...")] = "refuse",
    without: Annotated[list[str] | None, typer.Option(help="Leave a trial out; may be given several times.")] = None,
    bias: Annotated[str, typer.Option(help="ignore, discount, or the worst risk of bias that is kept.")] = "ignore",
    contradicting: Annotated[bool, typer.Option("--contradicting", help="Take the reports not chosen.")] = False,
    battery: Annotated[bool, typer.Option("--battery", help="Every method, side by side.")] = False,
    by: Annotated[str, typer.Option(help="group, dose or time: compare arms by themselves so.")] = "",
    correlation: Annotated[float, typer.Option(help="Of two times of one arm, with --by time.")] = 0.7,
    folder: FOLDER = None,
    as_json: JSON = False,
) -> None:
    """Pool the controlled trials of a question, and arms of it by themselves.

    Examples: homing evidence pool perianal-fistula-darvadstrocel --measure odds-ratio

              homing evidence pool perianal-fistula-msc --measure odds-ratio --without ADMIRE-CD-II

              homing evidence pool perianal-fistula-adipose-or-marrow --by group

              homing evidence pool uc-iv-msc --measure odds-ratio --bias discount
    """
    store = open_store(folder)
    _check_options(store, measure, method, adjust, zeros, without, by, bias)
    _check_together(context, by, battery)
    trials = store.comparisons(question, contradicting=contradicting)
    trials = [c for c in trials if c.trial.key not in (without or ())]
    singles = [s for s in store.single_arms(question) if s.trial.key not in (without or ())]
    content: dict[str, Any] = {"question": question}
    if by:
        _by(store, question, by, singles, correlation, without or (), content)
    elif battery:
        _battery(trials, singles, content)
    else:
        _pooled(trials, measure, method, adjust, zeros, bias, content)
        _uncontrolled(singles, content)
    if as_json:
        print_json(content)
        return
    typer.echo(store.question(question).title["en"] + (f" ({measure})" if "pooled" in content else ""))
    _tell(content)


#: Options that say how controlled trials are pooled.
_OF_POOLING = ("measure", "method", "adjust", "zeros", "bias")


def _check_together(context: typer.Context, by: str, battery: bool) -> None:
    """Refuse options that would do nothing beside --by or --battery, and --correlation without --by time."""
    from homing.ground.errors import StudyError

    idle: tuple[str, ...] = () if by == "time" else ("correlation",)
    if by:
        idle += (*_OF_POOLING, "contradicting", "battery")
    elif battery:
        idle += _OF_POOLING
    given = [n for n in idle if (where := context.get_parameter_source(n)) and where.name == "COMMANDLINE"]
    if given:
        beside = f"--by {by}" if by else "--battery" if battery else "no --by time"
        raise StudyError(f"does nothing with {beside}; leave it out.", ", ".join(f"--{name}" for name in given))


def check_known(options: Sequence[tuple[str, str, Sequence[str]]]) -> None:
    """Raise StudyError for an option whose value is not among those known."""
    from homing.ground.errors import StudyError
    from homing.ground.nearest import did_you_mean

    for option, given, known in options:
        if given not in known:
            raise StudyError(f"'{given}' is not known. {did_you_mean(given, [k for k in known if k])}", option)


def _check_options(
    store: Store,
    measure: str,
    method: str,
    adjust: str,
    zeros: str,
    without: list[str] | None,
    by: str,
    bias: str,
) -> None:
    from homing.synthesis.bias import ORDER
    from homing.synthesis.effect import TWO_ARM, ZEROS
    from homing.synthesis.regression import ADJUST, METHODS

    for name in without or ():
        store.trial(name)
    check_known(
        (
            ("--measure", measure, TWO_ARM),
            ("--method", method, METHODS),
            ("--adjust", adjust, ADJUST),
            ("--zeros", zeros, ZEROS),
            ("--by", by, ("", "group", "dose", "time")),
            ("--bias", bias, ("ignore", "discount", *ORDER)),
        )
    )


def _pooled(
    trials: Sequence[Comparison], measure: str, method: str, adjust: str, zeros: str, bias: str, content: dict[str, Any]
) -> None:
    from homing.synthesis.pool import pool
    from homing.synthesis.question import effects_of

    if not trials:
        content["note"] = (
            "No controlled trial of this question, with counts in both arms, is in the store or left after --without."
        )
        return
    effects = effects_of(trials, measure, zeros, bias)  # type: ignore[arg-type]
    pooled = pool(effects, method, adjust=adjust)  # type: ignore[arg-type]
    content["trials"] = _rows(trials, effects, pooled)
    found = pooled.natural()
    names = ("estimate", "low", "high", "prediction_low", "prediction_high", "tau2", "tau2_low", "tau2_high")
    numbers = {name: getattr(found, name) for name in (*names, "i2", "h2", "q", "q_p", "p")}
    content["also"] = _also(effects)
    beyond = effects.measure == "risk-difference" and any(
        abs(x) > 1 for x in (found.low, found.high, found.prediction_low, found.prediction_high)
    )
    more = ["limits beyond -1 and 1, which no difference can reach: too few trials to know it"] if beyond else []
    content["pooled"] = finite(numbers) | {
        "k": found.k,
        "patients": sum(trials[i].candidate.n + trials[i].control.n for i in effects.kept),
        "measure": found.measure,
        "method": found.method,
        "adjust": found.adjust,
        "notes": [*found.notes, *more],
    }


def _also(effects: Any) -> dict[str, Any]:
    """The same effects without a variance between studies, and with a prior of it."""
    from homing.synthesis.bayes import TAU_SCALE, bayes_pool
    from homing.synthesis.pool import pool

    common = pool(effects, "common", adjust="none").natural()
    also: dict[str, Any] = {"common effect": {n: getattr(common, n) for n in ("estimate", "low", "high")}}
    if effects.is_ratio:
        found = bayes_pool(effects).natural()
        names = {"estimate": "median", "low": "low", "high": "high"}
        also[f"Bayes, tau half-normal({TAU_SCALE:g})"] = {name: found[key] for name, key in names.items()}
    return also


def _rows(trials: Sequence[Comparison], effects: Any, pooled: Pooled) -> list[dict[str, Any]]:
    """Each trial pooled: counts, effect with its own interval, weight."""
    rows = []
    for position, i in enumerate(effects.kept):
        c, y, error = trials[i], effects.estimate[position], effects.variance[position] ** 0.5
        low, middle, high = effects.natural([y - 1.959964 * error, y, y + 1.959964 * error])
        rows.append(
            {
                "trial": c.trial.key,
                "year": c.trial.when,
                "cells": f"{c.candidate.events}/{c.candidate.n}",
                "control": f"{c.control.events}/{c.control.n}",
                "effect": shown(middle, low, high),
                "weight": f"{100 * pooled.weights[position]:.1f} %",
                "risk of bias": c.trial.risk_of_bias.get("overall", ""),
                "sources": ", ".join(c.sources),
            }
        )
    return rows


def _uncontrolled(singles: Sequence[SingleArm], content: dict[str, Any]) -> None:
    from homing.ground.proportions import exact_interval
    from homing.synthesis.binomial import pool_proportions

    if not singles:
        return
    content["uncontrolled"] = [
        {
            "trial": s.trial.key,
            "year": s.trial.when,
            "arm": s.label["en"],
            "of": "a randomised trial" if s.trial.randomised else "no randomised trial",
            "what": f"{s.pair.endpoint}, week {s.pair.week:g}",
            "events": f"{s.counts.events}/{s.counts.n}",
            "share": shown(s.counts.events / s.counts.n, *exact_interval(s.counts.events, s.counts.n)),
            "source": s.source,
        }
        for s in singles
    ]
    if len(singles) > 1:
        found = pool_proportions([s.counts.events for s in singles], [s.counts.n for s in singles]).natural()
        content["uncontrolled pooled"] = _binomial(found)


def _binomial(found: Any) -> dict[str, Any]:
    ends = {
        "estimate": float(found.estimate[0]),
        "low": float(found.low[0]),
        "high": float(found.high[0]),
        "prediction_low": found.prediction_low,
        "prediction_high": found.prediction_high,
        "tau2": found.tau2,
    }
    return finite(ends) | {"k": found.k, "method": found.model, "notes": list(found.notes)}


def _battery(trials: Sequence[Comparison], singles: Sequence[SingleArm], content: dict[str, Any]) -> None:
    from homing.synthesis.battery import of_one_arm, of_two_arms
    from homing.synthesis.question import counts_of

    if trials:
        content["battery"] = [finite(asdict(a)) for a in of_two_arms(*counts_of(trials))]
    if singles:
        x, n = [s.counts.events for s in singles], [s.counts.n for s in singles]
        content["battery of uncontrolled arms"] = [finite(asdict(a)) for a in of_one_arm(x, n)]


def _by(
    store: Store,
    question: str,
    by: str,
    singles: Sequence[SingleArm],
    correlation: float,
    without: Sequence[str],
    content: dict[str, Any],
) -> None:
    from homing.synthesis import question as pooled

    if by == "group":
        groups = pooled.group_singles(singles)
        content["groups"] = [
            {"group": name, "arms": groups.arms[name], "patients": groups.patients[name]} | _binomial(part.natural())
            for name, part in groups.groups.items()
        ]
        content["test"] = {"statistic": groups.statistic, "df": groups.df, "p": groups.p}
    elif by == "dose":
        trend = pooled.dose_trend(singles)
        content["dose"] = finite({k: v for k, v in asdict(trend).items() if k != "doses"})
        content["dose"]["doses"] = [float(d) for d in trend.doses]
        _uncontrolled(singles, content)
    else:
        readings = [r for r in pooled.readings_over_time(store, question) if r.arm.split("/")[0] not in without]
        course = pooled.course_over_time(readings, correlation)
        weeks = [4, 8, 12, 24, 52, 104]
        curve = course.curve(weeks)
        content["readings"] = [asdict(r) for r in readings]
        content["course"] = [
            {"week": w, "estimate": float(e), "low": float(a), "high": float(b)}
            for w, (e, a, b) in zip(weeks, curve, strict=True)
        ]
        content["half-time"] = dict(zip(("weeks", "low", "high"), course.half_time(), strict=True))
        content["rise"] = dict(zip(("logit", "low", "high"), course.rise(), strict=True))
        content["correlation"] = correlation


def _tell(content: dict[str, Any]) -> None:
    """Print what was found, for reading."""
    print_rows(content.get("trials", []))
    if "note" in content:
        typer.echo(content["note"])
    if "pooled" in content:
        _tell_pooled(content["pooled"])
        for name, ends in content["also"].items():
            typer.echo(f"{name}: {_ends(ends)}")
    for key in ("battery", "battery of uncontrolled arms"):
        if key in content:
            print_rows([_battery_row(a) for a in content[key]])
    if "groups" in content:
        print_rows([{k: g[k] for k in ("group", "arms", "patients")} | {"share": _ends(g)} for g in content["groups"]])
        test = content["test"]
        typer.echo(f"groups differ? chi2 {test['statistic']:.2f}, df {test['df']}, p {test['p']:.3f}")
    print_rows(content.get("uncontrolled", []))
    if "uncontrolled pooled" in content:
        found = content["uncontrolled pooled"]
        typer.echo(
            f"these arms by themselves ({found['method']}, {found['k']}): {_ends(found)}; the next one {_next(found)}"
        )
    if "dose" in content:
        d = content["dose"]
        typer.echo(
            f"change of the logit for each tenfold dose over {d['arms']} arms: "
            f"{shown(d['slope'], d['low'], d['high'], 2)}, p {d['p']:.3f}"
            + ("" if d["bend_p"] is None else f"; a bend: p {d['bend_p']:.3f}")
        )
        typer.echo("note: over arms of different trials, so that doses and trials can't be told apart")
        if d["within_p"] is not None:
            typer.echo(
                f"within the trials that gave several doses ({d['within_trials']}): exact trend p {d['within_p']:.3f}"
            )
    if "course" in content:
        print_rows([{"week": c["week"], "share": _ends(c)} for c in content["course"]])
        h, r = content["half-time"], content["rise"]
        if r["low"] < 0 < r["high"]:
            typer.echo("no rise or fall over time can be told from chance")
        typer.echo(
            f"half of the change at week {h['weeks']:.0f} ({h['low']:.0f} to {h['high']:.0f}); "
            f"the change on the logit scale {shown(r['logit'], r['low'], r['high'], 2)}"
        )
        typer.echo(f"{len(content['readings'])} readings; two times of one arm correlate by {content['correlation']:g}")


def _ends(found: dict[str, Any]) -> str:
    low, high = (found[k] if found[k] is not None else float("nan") for k in ("low", "high"))
    return shown(found["estimate"] if found["estimate"] is not None else float("nan"), low, high)


def _next(found: dict[str, Any]) -> str:
    low, high = found["prediction_low"], found["prediction_high"]
    return "-" if low is None else f"{low:.3f} to {high:.3f}"


def _battery_row(a: dict[str, Any]) -> dict[str, str]:
    return {
        "measure": a["measure"],
        "method": a["method"],
        "estimate": _ends(a),
        "next trial": _next(a),
        "tau2": "-" if a["tau2"] is None else f"{a['tau2']:.3f}",
        "note": a["note"],
    }


def _tell_pooled(found: dict[str, Any]) -> None:
    typer.echo(
        f"pooled ({found['method']}, {found['adjust']}, {found['k']} trials, {found['patients']} patients): "
        f"{found['estimate']:.3f} (95 % interval {found['low']:.3f} to {found['high']:.3f})"
    )
    if found["k"] > 1:
        between = "" if found["tau2_low"] is None else f" ({found['tau2_low']:.4f} to {found['tau2_high']:.4f})"
        typer.echo(
            f"heterogeneity: tau2 {found['tau2']:.4f}{between}, I2 {100 * found['i2']:.0f} %, "
            f"Q {found['q']:.2f}, p {found['q_p']:.3f}"
        )
        if found["prediction_low"] is not None:
            low, high = found["prediction_low"], found["prediction_high"]
            typer.echo(f"the next trial's effect (95 %): {low:.3f} to {high:.3f}")
    for note in found["notes"]:
        typer.echo(f"note: {note}")
