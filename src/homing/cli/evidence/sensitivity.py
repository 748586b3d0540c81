"""How far an answer hangs on single trials, small trials and the years: sensitivity."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homing.cli.evidence.options import FOLDER, JSON, finite, open_store, print_json, print_rows, shown

if TYPE_CHECKING:
    from homing.evidence.records import Comparison
    from homing.synthesis.effect import Effects
    from homing.synthesis.pool import Pooled


def sensitivity(
    question: Annotated[str, typer.Argument(help="The question's key: homing evidence list --questions")],
    measure: Annotated[str, typer.Option(help="risk-difference, risk-ratio, odds-ratio, arcsine-difference.")] = (
        "odds-ratio"
    ),
    method: Annotated[str, typer.Option(help="REML, ML, DL, HE, HS, HSk, SJ, EB, PM, PMM or common.")] = "REML",
    zeros: Annotated[str, typer.Option(help="Empty cells: refuse, drop, add-half, ...")] = "refuse",
    folder: FOLDER = None,
    as_json: JSON = False,
) -> None:
    """What single trials, small trials and the years do to a question's pooled effect.

    Leave-one-out, pooling in the order of time, influence, the fragility of each trial, tests of the funnel's
    asymmetry, trim and fill, a selection model, and a regression on the year with its permutation test.

    Examples: homing evidence sensitivity perianal-fistula-msc

              homing evidence sensitivity uc-iv-msc --measure risk-ratio --json
    """
    from homing.cli.evidence.pooling import check_known
    from homing.ground.errors import StudyError
    from homing.synthesis.effect import TWO_ARM, ZEROS
    from homing.synthesis.question import better_of, effects_of
    from homing.synthesis.regression import METHODS

    store = open_store(folder)
    check_known((("--measure", measure, TWO_ARM), ("--method", method, METHODS), ("--zeros", zeros, ZEROS)))
    trials, better = store.comparisons(question), better_of(store, question)
    if len(trials) < 2:
        raise StudyError(
            f"{len(trials)} controlled trials: with fewer than two there is nothing to compare. "
            "`homing evidence pool` shows what the question has.",
            question,
        )
    effects = effects_of(trials, measure, zeros)  # type: ignore[arg-type]
    content: dict[str, Any] = {
        "question": question,
        "measure": measure,
        "method": method,
        "trials": _trials(trials, effects, method),
        "better": better,
        "tests": _tests(trials, effects, method, better),
    }
    if as_json:
        print_json(content)
        return
    typer.echo(f"{store.question(question).title['en']} ({measure}, {method})")
    print_rows([{k: _cell(v) for k, v in row.items()} for row in content["trials"]])
    for row in content["tests"]:
        typer.echo(f"{row['test']}: {row['said']}")


def _trials(trials: Sequence[Comparison], effects: Effects, method: str) -> list[dict[str, Any]]:
    """One row for each trial, oldest first: what all up to it and all but it say, its influence and fragility."""
    from homing.synthesis.sensitivity import cumulative, influence, leave_one_out, tipping_events

    up_to = cumulative(effects, None, method)  # type: ignore[arg-type]
    without = leave_one_out(effects, method)  # type: ignore[arg-type]
    moves = influence(effects, method) if len(effects) > 2 else None  # type: ignore[arg-type]
    rows = []
    for place, i in enumerate(effects.kept):
        c = trials[i]
        row: dict[str, Any] = {
            "trial": c.trial.key,
            "year": c.trial.when,
            "up to it": _ends(up_to[place]),
            "without it": _ends(without[place]),
            "tau2 without it": without[place].tau2,
            "stands out": None if moves is None else float(moves.studentised[place]),
            "Cook": None if moves is None else float(moves.cook[place]),
            "fragility": tipping_events(c.candidate.events, c.candidate.n, c.control.events, c.control.n),
        }
        rows.append(finite(row))
    return rows


def _tests(trials: Sequence[Comparison], effects: Effects, method: str, better: str) -> list[dict[str, Any]]:
    """Each test of what the trials' sizes and years do, in words and numbers; a refusal where there are too few."""
    from homing.synthesis import asymmetry
    from homing.synthesis.permutation import permutation_test
    from homing.synthesis.pool import pool
    from homing.synthesis.selection import selection_model

    kept = [trials[i] for i in effects.kept]
    before = pool(effects, method)  # type: ignore[arg-type]

    def test(found: asymmetry.Asymmetry) -> dict[str, Any]:
        return {"statistic": found.statistic, "p": found.p, "said": f"p {found.p:.3f}", "notes": list(found.notes)}

    def peters() -> dict[str, Any]:
        events = [c.candidate.events + c.control.events for c in kept]
        return test(asymmetry.peters(effects, events, [c.candidate.n + c.control.n for c in kept]))

    def filled() -> dict[str, Any]:
        found = asymmetry.trim_and_fill(effects, method=method, adjust="knapp-hartung")  # type: ignore[arg-type]
        ends = _ends(found.pooled)
        said = f"{found.missing} trials would be missing on the {found.side}; with them {_words(ends)}"
        return {"missing": found.missing, "side": found.side, "pooled": ends, "said": said}

    def selected() -> dict[str, Any]:
        found = selection_model(effects, better=better)  # type: ignore[arg-type]
        low, middle, high = effects.natural([found.low, found.estimate, found.high])
        ends = {"estimate": float(middle), "low": float(low), "high": float(high)}
        weight = found.weights[-1]
        said = (
            f"results that aren't significant are {weight:.2f} times as likely to be published (p of any selection "
            f"{found.p:.3f}); allowing for it {_words(ends)}"
        )
        return {"weight": weight, "p": found.p, "pooled": ends, "said": said, "notes": list(found.notes)}

    def signs() -> dict[str, Any]:
        dealt = permutation_test(effects, None, method)  # type: ignore[arg-type]
        return {"p": float(dealt.p[0]), "said": f"p {dealt.p[0]:.3f} ({dealt.permutations} permutations)"}

    tests: tuple[tuple[str, Callable[[], dict[str, Any]]], ...] = (
        ("all trials", lambda: {"pooled": _ends(before), "said": _words(_ends(before))}),
        ("mean by turning signs", signs),
        ("Egger's test", lambda: test(asymmetry.egger(effects))),
        ("Peters' test", peters),
        ("Begg's test", lambda: test(asymmetry.begg(effects))),
        ("trim and fill", filled),
        ("selection model", selected),
        ("change by year", lambda: _years(kept, effects, method)),
    )
    return [{"test": name} | _try(run) for name, run in tests]


def _years(trials: Sequence[Comparison], effects: Effects, method: str) -> dict[str, Any]:
    """Whether effects change with the years, by regression and by dealing the years anew."""
    from homing.ground.errors import StudyError
    from homing.synthesis.permutation import permutation_test
    from homing.synthesis.regression import regress

    unknown = [c.trial.key for c in trials if c.trial.year is None]
    if unknown:
        raise StudyError(f"no year is known of {', '.join(unknown)}.")
    when = {"year": [float(c.trial.year or 0) for c in trials]}
    found = regress(effects, when, method)  # type: ignore[arg-type]
    dealt = permutation_test(effects, when, method)  # type: ignore[arg-type]
    ends = {"estimate": float(found.estimate[1]), "low": float(found.low[1]), "high": float(found.high[1])}
    said = (
        f"{_words(ends)} a year on the analysis' scale, p {found.p[1]:.3f}; by "
        f"{'all' if dealt.exact else dealt.permutations} permutations p {dealt.p[1]:.3f}"
    )
    return {"slope": ends, "p": float(found.p[1]), "permutation p": float(dealt.p[1]), "said": said}


def _try(run: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What a test found, its notes said too; or why it can't be done."""
    from homing.ground.errors import StudyError

    try:
        found = run()
    except StudyError as error:
        return {"said": f"not done: {error}"}
    if found.get("notes"):
        found["said"] += f" ({'; '.join(found['notes'])})"
    return finite(found)


def _ends(found: Pooled) -> dict[str, Any]:
    there = found.natural()
    return finite({"estimate": there.estimate, "low": there.low, "high": there.high})


def _words(ends: dict[str, Any]) -> str:
    low, high = (float("nan") if ends[k] is None else ends[k] for k in ("low", "high"))
    return shown(ends["estimate"], low, high)


def _cell(value: Any) -> str:
    """A cell for reading: an interval, a number with three digits, or the text itself."""
    if isinstance(value, dict):
        return _words(value)
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)
