"""Diagnostics and hold-out scores as text for the terminal, from the files that a calibration leaves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import typer

from homing.cli.tables import print_table


def print_diagnostics(told: Mapping[str, Any]) -> None:
    """Print convergence, emulators, shrinkage, what stayed at its prior, and ranks where they were checked."""
    for name, d in told["domains"].items():
        typer.echo(
            f"{name}: {d['chains']} chains of {d['draws']} draws, {sum(d['divergences'])} divergences, R-hat at most "
            f"{d['largest R-hat']['value']} ({d['largest R-hat']['name']}), effective sample size at least "
            f"{min(d['smallest bulk ESS'], d['smallest tail ESS']):.0f}: "
            + ("converged." if d["converged"] else "NOT converged; draw more, or see diagnostics.json.")
        )
        typer.echo(_emulators(d["emulators"]))
    kinetics = told["kinetics"]
    typer.echo(f"kinetics: {kinetics['method']}, {kinetics['effective draws']:.0f} effective draws.")
    rows = [[name, f"{value:.2f}"] for name, value in told["shrinkage"].items()]
    print_table(["factor", "shrinkage, prior to posterior"], rows)
    typer.echo("Stayed at the prior: " + (", ".join(told["at the prior"]) or "none") + ".")
    if "ranks" in told:
        ranks = told["ranks"]
        failing = ", ".join(ranks["failing"]) or "none"
        typer.echo(f"Ranks in {ranks['replicates']} replicates: outside their band: {failing}.")


def _emulators(each: Mapping[str, Any]) -> str:
    name, worst = max(each.items(), key=lambda item: item[1]["error in points"])
    return (
        f"  {len(each)} emulators: leave-one-out error at most {worst['error in points']:.1f} points ({name}), "
        f"{sorted(e['error in points'] for e in each.values())[len(each) // 2]:.1f} in the middle."
    )


def print_verdict(told: Mapping[str, Any], language: str = "en") -> None:
    """Print the hold-outs: each row and difference with its interval, coverage, and the totals against the rules."""
    from homing.report.words import Words

    words = Words(language)
    yes, no = words.key("credibility.yes"), words.key("credibility.no")
    rows = [_row(r["key"], r["scores"]["homing"], "%", yes, no) for r in told["rows"]]
    for d in told["differences"]:
        name = words.key("credibility.difference-of", name=d["name"])
        rows.append(_row(name, d["scores"]["homing"], "", yes, no))
    print_table([words.key(f"credibility.head.{head}") for head in HEADS], rows)
    covered = [f"{float(level):.0%}: {inside}/{n}" for level, (inside, n) in told["coverage"].items()]
    typer.echo(words.key("credibility.covered", levels="; ".join(covered)))
    totals = []
    for t in told["totals"]:
        better = words.key("credibility.is-better" if t["homing wins"] else "credibility.is-worse")
        rule, domain = (words.key(f"credibility.{kind}.{t[kind]}".replace(" ", "-")) for kind in ("rule", "domain"))
        log = t["log score"]
        totals.append([rule, domain, str(t["rows"]), f"{log['homing']:.1f}", f"{log['rule']:.1f}", better])
    typer.echo(words.key("credibility.totals"))
    print_table([words.key(f"credibility.head.{head}") for head in TOTALS], totals)


HEADS = ("held-out", "seen", "predicted", "interval", "inside", "log-score", "crps")
TOTALS = ("rule", "of", "units", "homing", "the-rule", "better")


def _row(name: str, s: Mapping[str, Any], unit: str, yes: str, no: str) -> list[str]:
    sign = "" if unit == "%" else "+"
    low, high = s["intervals"]["0.95"]
    inside = "/".join(yes if s["inside"][level] else no for level in ("0.5", "0.8", "0.95"))
    shown = [format(100 * x, f"{sign}.1f") for x in (s["observed"], s["predicted"], low, high)]
    log = "-inf" if s["log score"] is None else f"{s['log score']:.2f}"
    return [name, f"{shown[0]} {unit}".rstrip(), shown[1], f"{shown[2]} / {shown[3]}", inside, log, f"{s['crps']:.3f}"]
