"""`homing check STUDY`: resolve a study file and print what would be run, without running it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homing.cli.notes import provisional
from homing.cli.options import seed_option

if TYPE_CHECKING:
    from rich.table import Table

    from homing.study.plan import Study

#: Values listed one by one before the rest is only counted.
MOST_VALUES = 400


def check(
    study: Annotated[Path, typer.Argument(help="The study file (YAML).")],
    patients: Annotated[int | None, typer.Option(help="Virtual patients in each arm, instead of the file's.")] = None,
    seed: Annotated[int | None, seed_option("Seed, instead of the file's.")] = None,
    lang: Annotated[str | None, typer.Option(help="Language of the report: en or zh.")] = None,
    values: Annotated[bool, typer.Option("--values", help="List every value with its basis and source.")] = False,
    as_yaml: Annotated[bool, typer.Option("--yaml", help="Print the resolved study file.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the resolved study as JSON.")] = False,
) -> None:
    """Resolve a study file and print it, without running it: arms, doses, values, and what was chosen for you.

    Every fault of the file is named with its line; the exit code is then 2.

    Example: homing check examples/admire-cd.yaml
    """
    from homing.study.resolve import read_study

    resolved = read_study(study, patients=patients, seed=seed, language=lang)
    if as_json:
        import json

        content = {
            "ok": True,
            "file": resolved.file,
            "notes": list(resolved.notes),
            "context": list(resolved.limits),
            "posterior": provisional(resolved.language),
            "study": dict(resolved.explicit),
        }
        typer.echo(json.dumps(content, ensure_ascii=False, indent=1))
    elif as_yaml:
        from homing.study.explicit import to_yaml

        typer.echo(to_yaml(resolved), nl=False)
    else:
        _show(resolved, values)


def _show(study: Study, with_values: bool) -> None:
    from rich.console import Console
    from rich.markup import escape

    console = Console()
    console.print(f"[bold]{escape(study.title)}[/bold]")
    if study.question:
        console.print(escape(study.question))
    for table in (_plan(study), _arms(study), _doses(study)):
        console.print(table)
    if with_values:
        console.print(_values(study))
    console.print(_basis(study))
    console.print(_context(study))
    for note in provisional(study.language):
        console.print(f"[yellow]•[/yellow] {escape(note)}")
    for note in study.notes:
        console.print(f"[yellow]•[/yellow] {escape(note)}")
    console.print(f"{escape(study.file)}: in order. Run it with: homing run {escape(study.file)}")


def _context(study: Study) -> str:
    """Whether the study is within the model's context of use; one that is outside was refused before."""
    from rich.markup import escape

    if not study.limits:
        return "[green]Context of use:[/green] nothing in this study is outside what the model may be asked."
    return "\n".join(f"[yellow]Context of use:[/yellow] {escape(limit)}" for limit in study.limits)


def _table(title: str, *columns: str) -> Table:
    from rich.table import Table

    return Table(*columns, title=title, title_justify="left", title_style="bold", show_lines=False)


def _row(table: Table, *cells: str) -> None:
    from rich.text import Text

    table.add_row(*(Text(cell) for cell in cells))


def _plan(study: Study) -> Table:
    explicit: Any = study.explicit
    table = _table("Plan", "key", "value")
    trial = ", ".join(f"{key} {value}" for key, value in explicit["trial"].items())
    for key, value in (
        ("population", study.population),
        ("patients", f"{study.patients} in each of {len(study.arms)} arms"),
        ("like", "" if study.like is None else f"{study.like.key}: {len(study.like.lines)} numbers of its baseline"),
        ("seed", f"{study.seed}{' (drawn)' if study.seed_drawn else ''}"),
        ("scenarios", ", ".join(study.scenarios)),
        ("visits", ", ".join(explicit["visits"])),
        ("comparison", f"{study.candidate} against {study.control}"),
        ("primary", f"{study.primary.key} at {explicit['primary']['at']}"),
        ("secondary", ", ".join(study.secondary)),
        ("trial", trial),
        ("observed", ", ".join(study.trials)),
        ("evidence", study.evidence),
        ("alternatives", ", ".join(study.alternatives)),
        ("comparator", study.comparator),
        ("language", study.language),
    ):
        _row(table, key, value or "–")
    return table


def _arms(study: Study) -> Table:
    explicit: Any = study.explicit
    table = _table("Arms", "arm", "what", "when", "how")
    for name, arm in explicit["arms"].items():
        if arm.get("untreated"):
            _row(table, name, "usual care alone", "", "")
        for procedure in arm.get("procedures", ()):
            _row(table, name, procedure["do"], _times(procedure["at"]), "procedure")
        for course in arm.get("courses", ()):
            carrier = f" in {course['carrier']}" if "carrier" in course else ""
            cap = f", at most {course['cap']}" if "cap" in course else ""
            what = f"{course['give']} {course['dose']}{cap}"
            _row(table, name, what, _times(course["at"]), course["route"] + carrier)
        for rule in arm.get("rules", ()):
            what = f"{rule['give']} {rule['dose']}, at most {rule['most']} times"
            _row(table, name, what, _times(rule["at"]), f"{rule['route']}, if {' and '.join(rule['when'])}")
    return table


def _times(at: str | list[str] | dict[str, Any]) -> str:
    if isinstance(at, dict):
        return f"{at['times']} times from {at['from']}, every {at['every']}"
    return at if isinstance(at, str) else ", ".join(at)


def _doses(study: Study) -> Table:
    explicit: Any = study.explicit
    steps = ("nominal", "viable", "potent", "delivered")
    table = _table("One dose, step by step (what engrafts is known after the run)", "arm", "given", *steps)
    for name, doses in explicit["resolved"]["doses"].items():
        for dose in doses:
            _row(table, name, dose["give"], *(dose.get(step, "–") for step in steps))
    return table


def _listed(node: Any, place: str = "") -> list[tuple[str, dict[str, str]]]:
    """Every value within the resolved block, with its place."""
    if isinstance(node, dict):
        if "basis" in node:
            return [(place, node)]
        return [found for key, part in node.items() for found in _listed(part, f"{place}.{key}" if place else str(key))]
    if isinstance(node, list):
        return [found for i, part in enumerate(node) for found in _listed(part, f"{place}[{i}]")]
    return []


def _number(value: dict[str, str]) -> str:
    """What a value, a distribution or the size of an error is, in few words."""
    main = next((value[key] for key in ("value", "centre", "size") if key in value), "")
    return f"{main}, spread {value['spread']}" if "spread" in value else main


def _values(study: Study) -> Table:
    explicit: Any = study.explicit
    table = _table("Values", "where", "value", "range", "basis", "source or reason")
    found = _listed(explicit["resolved"])
    for place, value in found[:MOST_VALUES]:
        why = value.get("source") or value.get("because", "")
        _row(table, place, _number(value), value.get("range", ""), value["basis"], why)
    if len(found) > MOST_VALUES:
        _row(table, f"and {len(found) - MOST_VALUES} more (see --yaml)", "", "", "", "")
    return table


def _basis(study: Study) -> str:
    """How many of the values are measured, estimated and assumed."""
    explicit: Any = study.explicit
    from homing.evidence.values import BASES

    found = [value["basis"] for _, value in _listed(explicit["resolved"])]
    counts = ", ".join(f"{found.count(basis)} {basis}" for basis in BASES)
    return f"{len(found)} values stand behind this study: {counts}. List them with --values."
