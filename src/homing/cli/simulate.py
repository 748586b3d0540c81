"""`homing simulate MODEL`: any model on any event table, or many patients of it on a grid of times."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homing.cli.models import HELP, assignments, find_model, numbers
from homing.cli.options import place, seed_option
from homing.ground.errors import StudyError
from homing.ground.whole_files import make_folder

if TYPE_CHECKING:
    from homing.engine.population import Bolus
    from homing.mechanism.model import Model


def simulate(
    model: Annotated[str, typer.Argument(help=HELP)],
    events: Annotated[Path | None, typer.Option(help="Event table (CSV; ID, TIME, AMT, ... as for NONMEM).")] = None,
    outputs: Annotated[str, typer.Option(help="States and signals, separated by commas.")] = "",
    set_: Annotated[list[str], typer.Option("--set", help="PARAMETER=VALUE, instead of the model's.")] = [],  # noqa: B006
    covariates: Annotated[str, typer.Option(help="Between records: locf (the last), nocb (the next) or linear.")] = (
        "locf"
    ),
    covariate: Annotated[list[str], typer.Option(help="COLUMN=locf|nocb|linear, for one covariate.")] = [],  # noqa: B006
    keep_infusion: Annotated[bool, typer.Option(help="An SS infusion without AMT runs on after its record.")] = False,
    until: Annotated[float | None, typer.Option(help="Without a table: the last time.")] = None,
    every: Annotated[float, typer.Option(help="Without a table: the time between readings.")] = 1.0,
    dose: Annotated[list[str], typer.Option(help="Without a table: STATE=AMOUNT@TIME,TIME,... for all.")] = [],  # noqa: B006
    patients: Annotated[int, typer.Option(help="Without a table: virtual patients.")] = 1,
    spread: Annotated[list[str], typer.Option(help="PARAMETER=SD of its logarithm between patients.")] = [],  # noqa: B006
    seed: Annotated[int | None, seed_option("Seed of the patients; drawn and told when not given.")] = None,
    rtol: Annotated[float, typer.Option(help="Relative tolerance.")] = 1e-6,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; the result doesn't depend on it.")] = None,
    out: Annotated[Path | None, place("Folder to write to.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Simulate a model on an event table, or for a number of virtual patients.

    With a table it writes results.csv (every record with the outputs right after it) and ledger.csv (the doses as they
    were really given); without one, results.parquet (patient, time, outputs). run.json says what was done.

    Examples:

        homing simulate model.ant --events doses.csv --outputs C --covariates nocb

        homing simulate pk.ant --until 24 --dose depot=100@0,12 --patients 1000 --spread CL=0.3 --spread V=0.2
    """
    from homing.study.run import available_threads

    found = find_model(model)
    options = {
        "outputs": [name.strip() for name in outputs.split(",") if name.strip()],
        "changes": numbers(set_, "--set"),
        "rtol": rtol,
        "threads": threads or available_threads(),
    }
    if events is not None:
        if until is not None or dose or spread or patients != 1:
            raise StudyError("--until, --dose, --spread and --patients are for runs without --events.")
        methods = {"covariates": assignments(covariate, "--covariate"), "otherwise": covariates}
        record = _on_table(found, events, out, options | methods | {"keep_constant": keep_infusion})
    else:
        if until is None:
            raise StudyError("give --events TABLE, or --until TIME for a run without a table.")
        doses = [bolus(found, text) for text in dose]
        grid = {"until": until, "every": every, "patients": patients, "seed": seed}
        spreads = numbers(spread, "--spread")
        record = _on_grid(found, out, options | grid | {"boluses": doses, "spread": spreads}, not quiet and not as_json)
    typer.echo(json.dumps(record, ensure_ascii=False, indent=1) if as_json else _told(record))
    if record["failed"]:
        raise typer.Exit(3)


def _on_table(model: Model, events: Path, out: Path | None, options: dict[str, Any]) -> dict[str, Any]:
    from homing.engine.tables import METHODS, simulate_table
    from homing.engine.trajectories import Status
    from homing.formats.event_table import ledger_table, read_event_table, results_table
    from homing.study import folder as folders

    for name, method in {"--covariates": options["otherwise"], **options["covariates"]}.items():
        if method not in METHODS:
            raise StudyError(f"{name}: no method '{method}'. It is one of {', '.join(METHODS)}.")
    began = time.perf_counter()
    table = read_event_table(events, model)
    run = simulate_table(model, table.records, **options)
    folder = out or Path("simulations") / events.stem
    make_folder(folder)
    folders.write_text(folder / "results.csv", results_table(table, run))
    folders.write_text(folder / "ledger.csv", ledger_table(run.ledger))
    failed = {p: Status(s) for p, s in zip(run.patients, run.status.tolist(), strict=True) if s}
    record = _record(model, folder, options, time.perf_counter() - began) | {
        "events": str(events),
        "outputs": list(run.outputs),
        "patients": len(run.patients),
        "complete": sum(not s.has_failed for s in failed.values()) + len(run.patients) - len(failed),
        "failed": {p: f"{s.sentence} {s.remedy}" for p, s in failed.items() if s.has_failed},
        "warned": {p: f"{s.sentence} {s.remedy}" for p, s in failed.items() if not s.has_failed},
        "notes": [*model.notes, *table.notes, *run.notes],
    }
    folders.write_json(folder / "run.json", record)
    return record


def _on_grid(model: Model, out: Path | None, options: dict[str, Any], show: bool) -> dict[str, Any]:
    import numpy as np

    from homing.cli.progress import SIMULATE, progress
    from homing.engine.population import PopulationRun, to_files
    from homing.ground.keys import draw_seed
    from homing.study import folder as folders
    from homing.study.tables import parquet_file

    until, every, patients = options.pop("until"), options.pop("every"), options.pop("patients")
    if not every > 0 or not until >= 0:
        raise StudyError("--every is above 0 and --until is not negative.")
    if until / every > 1e6:
        raise StudyError("more than a million readings of each patient. Give a larger --every.")
    seed = draw_seed() if options["seed"] is None else options["seed"]
    times = np.append(np.arange(0.0, until, every), until)
    names = model.names(options["outputs"] or model.outputs)
    run = PopulationRun(
        model, names, patients, times, seed, options["changes"], options["spread"], options["boluses"], options["rtol"]
    )
    folder = out or Path("simulations") / model.name.replace(" ", "-")
    make_folder(folder)
    began, failed = time.perf_counter(), 0
    with progress(show) as bar, parquet_file(folder / "results.parquet") as write:
        for done, failed in to_files(run, write, options["threads"]):  # noqa: B007
            bar(SIMULATE, done, patients)
    options.pop("boluses")
    record = _record(model, folder, options, time.perf_counter() - began) | {
        "seed": seed,
        "outputs": list(names),
        "patients": patients,
        "complete": patients - failed,
        "failed": {"patients": f"{failed} could not be integrated; their values are missing from then on."}
        if failed
        else {},
        "notes": list(model.notes),
    }
    folders.write_json(folder / "run.json", record)
    return record


def _record(model: Model, folder: Path, options: dict[str, Any], seconds: float) -> dict[str, Any]:
    from homing import __version__

    return {
        "homing": __version__,
        "model": model.name,
        "fingerprint": model.system.fingerprint,
        "folder": str(folder),
        "options": {name: value for name, value in options.items() if name not in ("outputs", "threads", "seed")},
        "seconds": round(seconds, 3),
    }


def bolus(model: Model, text: str) -> Bolus:
    """A dose as the command line writes it. Raises: StudyError for another form; WiringError for an unknown state."""
    from homing.engine.population import Bolus

    name, _, rest = text.partition("=")
    amount, at, times = rest.partition("@")
    try:
        if not at:
            raise ValueError
        model.system.state_index(name)
        return Bolus(name, float(amount), tuple(float(t) for t in times.split(",")))
    except ValueError:
        raise StudyError(f"--dose takes STATE=AMOUNT@TIME,TIME,..., not '{text}'.") from None


def _told(record: dict[str, Any]) -> str:
    lines = [f"homing: {note}" for note in record["notes"]]
    lines += [f"homing: patient {p}: {why}" for p, why in {**record.get("warned", {}), **record["failed"]}.items()]
    seed = f", seed {record['seed']}" if "seed" in record else ""
    lines.append(
        f"{record['model']}: {record['complete']}/{record['patients']} patients in {record['seconds']:.2f} s{seed}; "
        f"{record['folder']}"
    )
    return "\n".join(lines)
