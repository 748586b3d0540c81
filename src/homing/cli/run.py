"""`homing run STUDY`: the main job."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from homing.cli.notes import tell_notes
from homing.cli.options import place, seed_option


def run(
    study: Annotated[Path, typer.Argument(help="The study file (YAML).")],
    patients: Annotated[int | None, typer.Option(help="Virtual patients in each arm, instead of the file's.")] = None,
    seed: Annotated[int | None, seed_option("Seed, instead of the file's.")] = None,
    lang: Annotated[str | None, typer.Option(help="Language of the report: en or zh.")] = None,
    out: Annotated[Path, place("Folder in which the run's folder is made.")] = Path("runs"),
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; the result doesn't depend on it.")] = None,
    cluster: Annotated[str, typer.Option(help="Dask: tcp://host:8786 or local:4; the result is the same.")] = "",
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the headline as JSON.")] = False,
) -> None:
    """Simulate a study, set it beside the evidence and write the report.

    Leaves a folder with report.html, results.parquet, trajectories.parquet, ledger.csv, study.resolved.yaml and
    run.json. Stopped or killed, the same command goes on from what is finished.

    Example: homing run examples/admire-cd.yaml --patients 300 --lang zh
    """
    from homing.cli.progress import progress
    from homing.report.publish import publish
    from homing.study.resolve import read_study

    resolved = read_study(study, patients=patients, seed=seed, language=lang)
    tell_notes(resolved)
    try:
        with progress(show=not quiet and not as_json) as bar:
            published = publish(resolved, out, threads=threads, cluster=cluster, progress=bar)
    except KeyboardInterrupt:
        again = [*sys.argv[1:], *(["--seed", str(resolved.seed)] if resolved.seed_drawn else [])]
        typer.echo(f"Stopped. What is finished is kept; go on with:\n  homing {shlex.join(again)}", err=True)
        raise typer.Exit(130) from None
    typer.echo(published.as_json() if as_json else published.as_text())
