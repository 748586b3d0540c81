"""`homing match PATIENTS.csv`: which cell product for which patient, and how sure."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from homing.cli.notes import provisional
from homing.cli.options import place, seed_option


def match(
    patients: Annotated[Path, typer.Argument(help="Patients with their features (CSV).")],
    seed: Annotated[int | None, seed_option("Seed; drawn when left out.")] = None,
    lang: Annotated[str, typer.Option(help="Language of the report: en or zh.")] = "en",
    out: Annotated[Path, place("Folder in which the report's own is made.")] = Path("matches"),
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; the result doesn't depend on it.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print every ranking as JSON.")] = False,
) -> None:
    """Rank cell products for each patient of a table, 'none' among them, beside what trials say of each.

    Columns: patient, disease, age, weight; and fistula, activity, crp, calprotectin, failed, dsa, immune, remark.
    For research: it ranks what a model expects, and says where no controlled trial stands behind it.

    Example: homing match examples/patients.csv --lang zh
    """
    from homing.cli.progress import progress
    from homing.report.publish_match import match_patients

    for note in provisional(lang):
        typer.echo(f"homing: {note}", err=True)
    with progress(show=not quiet and not as_json) as bar:
        found = match_patients(patients, out, seed=seed, language=lang, threads=threads, progress=bar)
    if seed is None:
        typer.echo(f"homing: no seed is given: {found.seed} was drawn.", err=True)
    typer.echo(found.as_json() if as_json else found.as_text())
