"""`homing compare STUDY`: all arms of a study beside each other, in the same patients."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from homing.cli.notes import tell_notes
from homing.cli.options import place, seed_option


def compare(
    study: Annotated[Path, typer.Argument(help="The study file (YAML); its arms are the candidates.")],
    patients: Annotated[int | None, typer.Option(help="Virtual patients in each arm, instead of the file's.")] = None,
    seed: Annotated[int | None, seed_option("Seed, instead of the file's.")] = None,
    lang: Annotated[str | None, typer.Option(help="Language of the report: en or zh.")] = None,
    out: Annotated[Path, place("Folder in which the run's folder is made.")] = Path("runs"),
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; the result doesn't depend on it.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every arm's numbers as JSON.")] = False,
) -> None:
    """Compare products, routes, doses, carriers and combinations in the same virtual patients.

    The arms of the study are the candidates, and its control is what they differ from; `compare: cross:` in the file
    adds every product by every route, carrier and dose. Leaves a run's folder with comparison.html and differences.csv.

    Example: homing compare examples/routes-and-products.yaml --patients 300 --lang zh
    """
    from homing.cli.progress import progress
    from homing.report.publish_comparison import compare as compare_study
    from homing.study.resolve import read_study

    resolved = read_study(study, patients=patients, seed=seed, language=lang)
    tell_notes(resolved)
    with progress(show=not quiet and not as_json) as bar:
        found = compare_study(resolved, out, threads=threads, progress=bar)
    typer.echo(found.as_json() if as_json else found.as_text())
