"""Bringing in and taking out: add, import, export."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from homing.cli.evidence.options import FOLDER, open_store
from homing.cli.options import place

if TYPE_CHECKING:
    from homing.formats.entry_files import ImportedTrial


def add(
    trial: Annotated[str, typer.Argument(help="The trial's key: one of yours, a shipped one, or a new one.")],
    arm: Annotated[str, typer.Argument(help="The arm's key.")],
    facts: Annotated[list[str], typer.Argument(help="column=value, with the columns of `import --template`.")],
    folder: FOLDER = None,
) -> None:
    """Add one result (or one arm) to a trial in your folder.

    A shipped trial is copied into your folder first, and yours is then used in its place.

    Example: homing evidence add Our-trial cells label="our cells" role=candidate n=12 disease=crohn
    endpoint=fistula-healing week=24 events=7 n_outcome=12 printed=7/12 source=our-report source_id=10.1000/xyz
    """
    from homing.evidence.root import own_folder, use_folder
    from homing.formats.entry_edit import added_to
    from homing.formats.entry_files import new_faults, write_entries
    from homing.ground.errors import EvidenceError

    if folder is not None:
        use_folder(folder)
    root = own_folder()
    given = _row(trial, arm, facts)
    imported, (file, before) = _one_row(given), _present(trial, root)
    merged = added_to(before, str(file), imported, arm, given) if before else imported
    if faults := new_faults(merged, before, root):
        raise EvidenceError(" ".join(faults), "homing evidence add")
    written = write_entries([merged], root, replace=(root / "trials" / f"{trial}.yaml").exists())
    _tell([merged], written)
    _check_again(root, {trial}, refuse=False)


def _row(trial: str, arm: str, facts: list[str]) -> dict[str, str]:
    """The facts as a row of a table: column -> cell."""
    from homing.ground.errors import EvidenceError

    row = {"study": trial, "arm": arm}
    for fact in facts:
        name, equals, value = fact.partition("=")
        if not equals:
            raise EvidenceError(f"'{fact}' is not column=value, such as week=24.", "homing evidence add")
        row[name.strip()] = value
    return row


def _one_row(row: dict[str, str]) -> ImportedTrial:
    """The row as a table of one line, read by the reader of tables."""
    import csv
    import tempfile

    from homing.formats.evidence_table import read_evidence_table
    from homing.ground.errors import EvidenceError

    with tempfile.TemporaryDirectory() as temporary:
        file = Path(temporary) / "row.csv"
        with file.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.DictWriter(stream, list(row))
            writer.writeheader()
            writer.writerow(row)
        try:
            return read_evidence_table(file)[0]
        except EvidenceError as error:  # of the row, which is no file of the user's
            place = error.where.split(":")[2].strip() if error.where.count(":") > 1 else ""
            raise EvidenceError(error.message, f"homing evidence add{': ' + place if place else ''}") from None


def _present(trial: str, root: Path) -> tuple[Path, str]:
    """The trial's file and its text as it stands, the user's before the shipped one; '' where there is none."""
    from homing.evidence.root import catalogue_root

    for folder in (root, catalogue_root()):
        file = folder / "trials" / f"{trial}.yaml"
        if file.exists():
            return file, file.read_text(encoding="utf-8-sig")
    return root / "trials" / f"{trial}.yaml", ""


def import_file(
    file: Annotated[
        Path | None, typer.Argument(help="A record of ClinicalTrials.gov (.json) or a table (.csv).")
    ] = None,
    names: Annotated[
        list[str] | None,
        typer.Option("--name", help="'part of a measure's title=endpoint', for measures that no rule names."),
    ] = None,
    template: Annotated[Path | None, place("Write an empty table here instead.", "--template")] = None,
    replace: Annotated[bool, typer.Option("--replace", help="Replace trials of yours that are there already.")] = False,
    over_shipped: Annotated[
        bool, typer.Option("--over-shipped", help="Take the place of a trial of Homing's with the same key.")
    ] = False,
    folder: FOLDER = None,
) -> None:
    """Bring trials into your folder: a ClinicalTrials.gov record with its results, or a table of your own.

    Examples: homing evidence import NCT02552212.json --name "asas20=clinical-response"

              homing evidence import --template mine.csv
    """
    from homing.evidence.root import own_folder, use_folder
    from homing.evidence.store import load_store
    from homing.formats.ctgov import read_ctgov
    from homing.formats.evidence_table import read_evidence_table, write_entries, write_template
    from homing.ground.errors import EvidenceError

    if folder is not None:
        use_folder(folder)
    if template is not None:
        typer.echo(f"template: {write_template(template)}")
        return
    if file is None:
        raise EvidenceError("name the file to import, or --template FILE for an empty table.", "homing evidence import")
    if file.suffix.lower() == ".json":
        trials = read_ctgov(file, _mapping(names or []), load_store())
    else:
        trials = read_evidence_table(file)
    _check_shadows(trials, over_shipped)
    written = write_entries(trials, own_folder(), replace=replace)
    _tell(list(trials), written)
    _check_again(own_folder(), {trial.key for trial in trials}, refuse=True)


def _check_shadows(trials: Sequence[ImportedTrial], over_shipped: bool) -> None:
    """Refuse trials that would hide one of Homing's unasked, or be one of them again under another key."""
    from homing.evidence.store import REGISTRATIONS, shipped_store
    from homing.ground.errors import EvidenceError

    shipped = shipped_store().trials
    for trial in trials:
        if trial.key in shipped and not over_shipped:
            text = "Homing has a trial of this key, which yours would hide. Rename yours, or say --over-shipped."
            raise EvidenceError(text, trial.key)
        known = {
            *(trial.trial.get("shares patients with") or ()),
            *(trial.trial.get("registered with") or ()),
            trial.key,
        }
        ids = {kind: trial.trial["ids"].get(kind) for kind in REGISTRATIONS}
        for key, other in shipped.items():
            same = next((ids[kind] for kind in REGISTRATIONS if ids[kind] and other.ids.get(kind) == ids[kind]), "")
            if same and key not in known:
                text = f"{same} is '{key}' of Homing's. Name it so, with --over-shipped, to take its place."
                raise EvidenceError(text, trial.key)


def _mapping(names: list[str]) -> dict[str, str]:
    from homing.ground.errors import EvidenceError

    found = {}
    for name in names:
        title, equals, endpoint = name.rpartition("=")
        if not equals or not title.strip():
            raise EvidenceError(f"'{name}' is not 'part of a title=endpoint'.", "--name")
        found[title.strip()] = endpoint.strip()
    return found


def _tell(trials: list[ImportedTrial], files: list[Path]) -> None:
    for trial, file in zip(trials, files, strict=True):
        outcomes, events = (len(trial.trial.get(part) or []) for part in ("outcomes", "adverse events"))
        typer.echo(f"{file}: {len(trial.trial['arms'])} arms, {outcomes} outcomes, {events} adverse events")
        for note in trial.notes:
            typer.echo(f"  note: {note}")
        for value in trial.skipped:
            typer.echo(f"  left out: {value.place}: '{value.printed}': {value.why}")
        for result in trial.unmapped:
            values = ", ".join(f"{arm} {value}" for arm, value in result.values.items())
            typer.echo(f"  no word for: {result.title} ({result.time}): {values}. {result.reason}")
        if trial.unmapped:
            typer.echo("  --name 'part of the title=endpoint' names such a measure.")


def _check_again(root: Path, written: set[str], *, refuse: bool) -> None:
    """Read the store with what was written, and print the faults of the user's own trials.

    With `refuse` the command ends with 2 where the trials written have any; those elsewhere in the folder are told.
    """
    from homing.evidence.check import check_store
    from homing.evidence.store import load_store
    from homing.ground.errors import EvidenceError

    try:
        store = load_store()
    except EvidenceError as error:
        typer.echo(f"elsewhere in your folder: {error}")
        return
    own = {key for key, trial in store.trials.items() if trial.layer == str(root)}
    faults = [f for f in check_store(store) if f.kind == "fault" and f.where.split(",")[0] in own]
    mine = [f for f in faults if f.where.split(",")[0] in written]
    for fault in faults:
        typer.echo(f"{'fault' if fault in mine else 'elsewhere in your folder'}: {fault.where}: {fault.what}")
    if mine and refuse:
        raise typer.Exit(2)


def export(
    out: Annotated[Path, place("The folder that gets the tables.")] = Path("evidence-tables"),
    trials: Annotated[list[str] | None, typer.Option("--trial", help="Only these; may be given several times.")] = None,
    folder: FOLDER = None,
) -> None:
    """Write the store as tables (CSV: studies, arms, outcomes, adverse events, kinetics, sources) and as JSON.

    Example: homing evidence export --out tables
    """
    from homing.formats.evidence_table import export_store

    for file in export_store(open_store(folder), out, trials):
        typer.echo(str(file))
