"""Diagnostics and hold-out scores as text for the terminal, from the files that a calibration leaves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from homing.cli.tables import print_table


def print_diagnostics(told: Mapping[str, Any]) -> None:
    """Print convergence, emulators, shrinkage, what stayed at its prior, and ranks where they were checked."""
    for name, d in told["domains"].items():
        typer.echo(
            f"{name}: {d['chains']} chains of {d['draws']} draws, {sum(d['divergences'])} divergences, R-hat at most "
            f"{d['largest R-hat']['value']} ({d['largest R-hat']['name']}), effective sample size at least "
            f"{min(d['smallest bulk ESS'], d['smallest tail ESS']):.0f}: " + _convergence(d)
        )
        typer.echo(_emulators(d["emulators"]))
    kinetics = told["kinetics"]
    typer.echo(f"kinetics: {kinetics['method']}, {kinetics['effective draws']:.0f} effective draws.")
    rows = [[name, f"{value:.2f}"] for name, value in told["shrinkage"].items()]
    print_table(["factor", "shrinkage, prior to posterior"], rows)
    typer.echo("Stayed at the prior: " + (", ".join(told["at the prior"]) or "none") + ".")
    _print_other_priors(told["other priors"])
    if "ranks" in told:
        ranks = told["ranks"]
        failing = ", ".join(ranks["failing"]) or "none"
        typer.echo(f"Ranks in {ranks['replicates']} replicates: outside their band: {failing}.")


def _print_other_priors(each: Sequence[Mapping[str, Any]]) -> None:
    rows = []
    for u in each:
        of = u["factor"] if u["fitted"] else f"{u['factor']}, no trial fitted"
        for name, d in u["differences"].items():
            low, high = (100 * x for x in d["interval"])
            rows.append(
                [f"{of}, median {u['median']:g}", name, f"{100 * d['predicted']:+.1f}", f"{low:+.1f} to {high:+.1f}"]
            )
    print_table(["prior", "difference", "predicted, points", "95 % interval"], rows)


def _convergence(d: Mapping[str, Any]) -> str:
    if d["converged"]:
        return "converged."
    if d["within limits"]:
        return "not converged, as a rough try may be."
    return "NOT converged; draw more, or see diagnostics.json."


def _emulators(each: Mapping[str, Any]) -> str:
    name, worst = max(each.items(), key=lambda item: item[1]["error in points"])
    return (
        f"  {len(each)} emulators: leave-one-out error at most {worst['error in points']:.1f} points ({name}), "
        f"{sorted(e['error in points'] for e in each.values())[len(each) // 2]:.1f} in the middle."
    )


def print_verdict(told: Mapping[str, Any], language: str = "en") -> None:
    """Print the hold-outs: each result with its interval, coverage, kinetics, and the totals against the rules."""
    from homing.answers.held_out import names_of
    from homing.evidence.store import load_store
    from homing.report import credibility_tables as tables
    from homing.report.words import Words

    words, store = Words(language), load_store()
    names = names_of(told, store)
    for title, heads, rows in (
        ("", tables.HEADS, tables.table(told, names, words)),
        (words.key("credibility.page.older"), tables.HEADS, tables.from_older_series(told, names, words)),
        ("", tables.KINETICS, tables.kinetics(told, store, words)),
        ("", tables.TOTALS, tables.totals(told, names, words)),
        (
            tables.stretched_told(words),
            tables.TOTALS,
            tables.totals(told, names, words, tables.STRETCHED),
        ),
    ):
        if rows and title:
            typer.echo(title)
        if rows:
            print_table([words.key(f"credibility.head.{head}") for head in heads], rows)
    first = tables.first_test(told, store, words)
    own, errors = tables.own(told, names, words), tables.errors_told(words)
    for line in (first, tables.coverage(told, words), own, errors, *tables.plainly(told, names, words)):
        if line:
            typer.echo(line.replace("**", ""))
