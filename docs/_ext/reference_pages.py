"""Write the reference pages that follow from code and catalogue, before Sphinx reads them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import model_pages
from markdown_tables import row, table

FOLDER = Path(__file__).parent.parent / "reference" / "generated"


def setup(app: Any) -> dict[str, bool]:
    """Called by Sphinx."""
    app.connect("builder-inited", lambda _: write())
    return {"parallel_read_safe": True}


def write() -> None:
    """Write every page."""
    FOLDER.mkdir(exist_ok=True)
    pages = {
        **model_pages.pages(),
        "catalogue": _catalogue(),
        "command-line": _commands(),
        "trials": _trials(),
        "evidence": _evidence(),
    }
    for name, lines in pages.items():
        (FOLDER / f"{name}.md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    for name, svg in model_pages.pictures().items():
        (FOLDER / f"{name}.svg").write_text(svg, encoding="utf-8")


def _catalogue() -> Iterator[str]:
    from homing.evidence.catalogue import folders, names, read_entry

    yield "# What the catalogue holds"
    yield ""
    yield "`homing catalog show KIND KEY` prints an entry with every value, its basis and its source."
    for kind in folders():
        if kind in ("profiles", "terms", "trials", "questions"):
            continue
        yield f"\n## {kind}\n"
        yield from table("key", "name", "名称")
        for key in names(kind):
            name = read_entry(kind, key).tree.get("name") or {}
            yield row(f"`{key}`", name.get("en", ""), name.get("zh", ""))


def _commands() -> Iterator[str]:
    import typer.main

    from homing.cli.main import app

    yield "# The command line"
    yield ""
    yield "Exit codes: 0 done, 2 bad input, 3 a failed run, 130 stopped by Ctrl-C."
    yield from _command(typer.main.get_command(app), "homing", 2)


def _command(command: Any, name: str, level: int) -> Iterator[str]:
    for key, sub in getattr(command, "commands", {}).items():
        full = f"{name} {key}"
        yield f"\n{'#' * level} {full}\n"
        yield from ("```text", (sub.help or "").strip(), "```", "")
        if getattr(sub, "commands", None):
            yield from _command(sub, full, level + 1)
            continue
        options = [p for p in sub.params if p.name != "help"]
        if options:
            yield from table("argument or option", "meaning")
            for p in options:
                shown = ", ".join(p.opts) if p.param_type_name == "option" else p.name.upper()
                yield row(f"`{shown}`", getattr(p, "help", "") or "")


def _trials() -> Iterator[str]:
    from homing.evidence.store import load_store

    store = load_store()
    yield "# Trials and questions of the evidence store"
    yield ""
    yield "`homing evidence show TRIAL` prints every number with its source."
    yield "\n## Questions\n"
    yield from table("key", "question")
    yield from (row(f"`{q.key}`", f"{q.title['en']}. {q.about['en']}") for q in store.questions.values())
    yield "\n## Trials\n"
    yield from table("key", "year", "design", "patients were")
    for t in sorted(store.trials.values(), key=lambda t: (t.year or 9999, t.key)):
        yield row(f"`{t.key}`", t.when, t.design["en"], t.phenotype["en"])


def _evidence() -> Iterator[str]:
    """What the store adds up to: questions pooled, claims, meta-analyses computed again, gaps."""
    from homing.evidence.store import load_store

    store = load_store()
    trials = store.trials.values()
    yield "# What the evidence adds up to"
    yield ""
    yield (
        f"Computed at every build from {len(trials)} trials, cohorts and reports with "
        f"{sum(len(t.outcomes) for t in trials)} outcomes, {sum(len(t.adverse_events) for t in trials)} counts of "
        f"adverse events and {sum(len(t.kinetics) for t in trials)} kinetic readings."
    )
    yield from _questions(store)
    yield "\n## Claims\n"
    yield from table("claim", "what the source says", "so", "sources")
    yield from (row(c.claim["en"], c.says["en"], c.verdict, ", ".join(c.sources)) for c in store.claims)
    yield from _meta_analyses(store)
    yield "\n## Looked for and not found\n"
    yield from table("topic", "looked for", "found")
    yield from (row(g.topic, g.looked_for, g.found) for g in store.gaps)


def _questions(store: Any) -> Iterator[str]:
    from homing.synthesis.battery import of_one_arm, of_two_arms
    from homing.synthesis.question import counts_of

    yield "\n## Questions\n"
    yield from table("question", "arms", "measure", "estimate (95 % interval)", "the next one", "method")
    for question in store.questions.values():
        trials, singles = store.comparisons(question.key), store.single_arms(question.key)
        if trials:
            for a in of_two_arms(*counts_of(trials)):
                if a.method in ("REML and Knapp-Hartung", "mixed model, unconditional-random", "Mantel-Haenszel"):
                    yield row(question.title["en"], f"{a.k} controlled", a.measure, _ends(a), _next(a), a.method)
        if singles:
            counts = [s.counts.events for s in singles], [s.counts.n for s in singles]
            a = of_one_arm(*counts)[0]
            yield row(question.title["en"], f"{a.k} uncontrolled", a.measure, _ends(a), _next(a), a.method)


def _ends(a: Any) -> str:
    return "-" if a.estimate != a.estimate else f"{a.estimate:.3f} ({a.low:.3f} to {a.high:.3f})"


def _next(a: Any) -> str:
    return "-" if a.prediction_low != a.prediction_low else f"{a.prediction_low:.3f} to {a.prediction_high:.3f}"


def _meta_analyses(store: Any) -> Iterator[str]:
    from homing.synthesis.reproduce import reproduce

    yield "\n## Published meta-analyses, computed again\n"
    yield from table("meta-analysis", "question", "printed", "here", "so")
    for meta in store.meta_analyses.values():
        found = reproduce(meta)
        p = meta.printed
        printed = f"{p['estimate']:g}" if "estimate" in p else "-"
        if "low" in p:
            printed += f" ({p['low']:g} to {p['high']:g})"
        verdict = {True: "comes out", False: f"does not: {found.why}", None: meta.missing or found.why}[found.agrees]
        here = f"{found.estimate:.2f} ({found.low:.2f} to {found.high:.2f})"
        yield row(meta.title, meta.question, printed, here, verdict)
