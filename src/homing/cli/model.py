"""`homing model`: import a model, look at it, and ask what its parameters do and what data would tell about them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from homing.cli.models import HELP, KEPT, assignments, find_model, numbers
from homing.cli.options import place, seed_option
from homing.ground.errors import StudyError
from homing.ground.whole_files import make_folder

if TYPE_CHECKING:
    from homing.engine.information import Error
    from homing.mechanism.model import Model
    from homing.protocol.events import Events

app = typer.Typer(
    help="Models: import, show, export, picture, sensitivity, information.", no_args_is_help=True, rich_markup_mode=None
)
Named = Annotated[str, typer.Argument(help=HELP)]
Doses = Annotated[list[str], typer.Option(help="STATE=AMOUNT@TIME,TIME,... given to the patient.")]
Sets = Annotated[list[str], typer.Option("--set", help="PARAMETER=VALUE, instead of the model's.")]
Json = Annotated[bool, typer.Option("--json", help="Print as JSON.")]
Chosen = Annotated[str, typer.Option(help="Parameters, separated by commas; all that are not 0 when left out.")]


@app.command("import")
def import_(
    file: Annotated[Path, typer.Argument(help="An SBML (.xml, .sbml) or Antimony (.ant) file.")],
    name: Annotated[str, typer.Option(help="The name to keep it by; the file's when left out.")] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Replace a model of that name.")] = False,
    as_json: Json = False,
) -> None:
    """Read a model, say what is in it, and keep it as models/NAME.xml for `homing simulate NAME`.

    What Homing can't compute (algebraic rules, delays, fast reactions, ...) is refused by name.

    Example: homing model import Dwivedi2014.xml
    """
    from homing.formats.sbml_import import as_sbml, read_model
    from homing.study import folder as folders

    found = read_model(file)
    key = name or file.stem
    if not key.replace("-", "").replace("_", "").replace(".", "").isalnum():
        raise StudyError(f"'{key}' is no name for a model. Use letters, digits, - and _ (--name).")
    kept = KEPT / f"{key}.xml"
    text = as_sbml(file)
    if kept.exists() and not replace and kept.read_text(encoding="utf-8") != text:
        raise StudyError("there is another model of that name. Give --name, or --replace.", str(kept))
    make_folder(KEPT)
    folders.write_text(kept, text)
    _tell(found, as_json, kept=str(kept))


@app.command("show")
def show(model: Named, as_json: Json = False) -> None:
    """States, parameters, signals and events of a model.

    Example: homing model show ibd:allogeneic-msc
    """
    _tell(find_model(model), as_json)


@app.command("export")
def export(
    model: Annotated[str, typer.Argument(help="ibd[:PRODUCT[:DRUG]] (profiles).")],
    out: Annotated[Path, place("The SBML file to write.")],
) -> None:
    """Write Homing's own model as SBML, with units, for any other simulator.

    Example: homing model export ibd:allogeneic-msc --out ibd.xml
    """
    from homing.formats.sbml_export import to_sbml
    from homing.study import folder as folders

    found = find_model(model)
    if not found.system.modules:
        raise StudyError("the model came from SBML already; use its file.")
    folders.write_text(out, to_sbml(found.system, found.values, found.start(found.values)[0].tolist(), name=found.name))
    typer.echo(str(out))


@app.command("picture")
def picture(
    out: Annotated[Path, place("The SVG file to write.")],
    of: Annotated[
        str, typer.Option(help="modules (and the signals between them) or cells (and where they go).")
    ] = "modules",
) -> None:
    """Draw Homing's own model: its modules and what flows between them, or the ways that product cells go.

    Example: homing model picture --of cells --out cells.svg
    """
    from homing.biology.ibd import ibd_system
    from homing.report.model_picture import TITLE, model_picture
    from homing.report.places_picture import places_picture
    from homing.study import folder as folders

    if of not in ("modules", "cells"):
        raise StudyError(f"no picture of '{of}'. It is modules or cells.")
    folders.write_text(out, model_picture(ibd_system(), TITLE) if of == "modules" else places_picture(ibd_system()))
    typer.echo(str(out))


@app.command("sensitivity")
def sensitivity(
    model: Named,
    output: Annotated[str, typer.Option(help="The state or signal that is looked at.")],
    until: Annotated[float, typer.Option(help="The time of the tornado, and the end of the heat map.")],
    method: Annotated[str, typer.Option(help="local (derivatives), morris or sobol.")] = "local",
    parameters: Chosen = "",
    dose: Doses = [],  # noqa: B006
    set_: Sets = [],  # noqa: B006
    span: Annotated[float, typer.Option(help="morris, sobol: from value/SPAN to value*SPAN.")] = 2.0,
    samples: Annotated[int, typer.Option(help="morris: trajectories; sobol: a power of two.")] = 512,
    seed: Annotated[int, seed_option("morris, sobol: seed of the design.")] = 0,
    out: Annotated[Path | None, place("Folder for pictures and table.")] = None,
    as_json: Json = False,
) -> None:
    """What each parameter does to an output, with a tornado and a heat map over time.

    local: per cent of output for one per cent of parameter, by exact derivatives. morris and sobol vary all parameters
    together over their ranges (SALib).

    Examples:

        homing model sensitivity ibd:allogeneic-msc --output tract.closure --until 168 --dose product.fistula=1e7@0

        homing model sensitivity pk.ant --output C --until 24 --dose depot=100@0 --method sobol --parameters KA,CL,V
    """
    found = find_model(model)
    changed = found.parameters(numbers(set_, "--set"))
    found.names([output])
    names = [n.strip() for n in parameters.split(",") if n.strip()] or [n for n, v in changed.items() if v != 0]
    for name in names:
        found.parameters({name: changed.get(name, 0.0)})
    if not until > 0 or not span > 1 or samples < 1:
        raise StudyError("--until is above 0, --span above 1 and --samples at least 1.")
    folder = out or Path("simulations") / f"{found.name.replace(' ', '-')}-sensitivity"
    doses = _events(found, dose)
    if method == "local":
        rows = _local(found, output, names, until, doses, changed, folder)
    elif method in ("morris", "sobol"):
        rows = _global(found, output, names, until, doses, changed, folder, method, span, samples, seed)
    else:
        raise StudyError(f"no method '{method}'. It is local, morris or sobol.")
    _table_out(rows, folder, as_json)


@app.command("information")
def information(
    model: Named,
    measure: Annotated[list[str], typer.Option(help="OUTPUT=ADDITIVE or OUTPUT=ADDITIVE,PROPORTIONAL error (sd).")],
    at: Annotated[str, typer.Option(help="Times of measurement, separated by commas.")],
    parameters: Chosen = "",
    dose: Doses = [],  # noqa: B006
    set_: Sets = [],  # noqa: B006
    patients: Annotated[int, typer.Option(min=1, help="Patients alike who are measured.")] = 1,
    as_json: Json = False,
) -> None:
    """What measurements would tell about the parameters: standard errors, and the combinations that stay unknown.

    Example: homing model information pk.ant --measure C=0.1,0.1 --at 1,2,4,8,24 --dose depot=100@0
    """
    from homing.engine.information import fisher_information
    from homing.engine.sensitivity import sensitivities

    found = find_model(model)
    changes = numbers(set_, "--set")
    changed = found.parameters(changes)
    errors = {name: _error(name, text) for name, text in assignments(measure, "--measure").items()}
    names = [n.strip() for n in parameters.split(",") if n.strip()] or [n for n, v in changed.items() if v != 0]
    try:
        times = sorted(float(t) for t in at.split(","))
    except ValueError:
        raise StudyError(f"--at takes times separated by commas, not '{at}'.") from None
    slopes = sensitivities(found, found.names(list(errors)), names, times, events=_events(found, dose), changes=changes)
    known = fisher_information(slopes, errors, patients)
    if as_json:
        typer.echo(
            json.dumps(
                {
                    "standard_errors": {n: _finite(s) for n, s in zip(names, known.standard_errors, strict=True)},
                    "directions": [{"sd": _finite(d.sd), "weights": dict(d.weights)} for d in known.directions],
                    "sentences": known.sentences(),
                },
                indent=1,
            )
        )
        return
    for name, se in zip(names, known.standard_errors.tolist(), strict=True):
        typer.echo(f"{name:32} {'unknown' if se == float('inf') else f'{100 * se:.3g} %'}")
    typer.echo("\n".join(known.sentences()))


def _finite(x: float) -> float | None:
    return float(x) if x < float("inf") else None


def _error(name: str, text: str) -> Error:
    from homing.engine.information import Error

    try:
        additive, *more = (float(part) for part in text.split(","))
        if len(more) > 1 or min([additive, *more]) < 0:
            raise ValueError
    except ValueError:
        raise StudyError(f"--measure {name} takes ADDITIVE or ADDITIVE,PROPORTIONAL, not '{text}'.") from None
    return Error(additive, more[0] if more else 0.0)


def _events(model: Model, doses: list[str]) -> Events:
    from homing.cli.simulate import bolus
    from homing.protocol.events import Events, Op

    rows = [(0, t, Op.ADD, model.system.state_index(b.state), b.amount) for b in (bolus(model, d) for d in doses)
            for t in b.times]  # fmt: skip
    return Events.from_rows(1, *zip(*rows, strict=True)) if rows else Events.none(1)


def _local(
    model: Model, output: str, names: list[str], until: float, events: Events, changed: Any, folder: Path
) -> dict[str, Any]:
    import numpy as np

    from homing.engine.sensitivity import sensitivities
    from homing.report.model_figures import heat_map, tornado

    times = np.linspace(0, until, 101)
    found = sensitivities(model, [output], names, times, events=events, changes=changed)
    elasticities = found.elasticities[:, 0, :]
    make_folder(folder)
    label = f"% of {output} for 1 % of the parameter"
    tornado(folder / "tornado.png", names, elasticities[-1], label, f"{model.name}, time {until:g}")
    heat_map(
        folder / "heat-map.png", names, times, elasticities, label, f"{model.name}: {output}",
        f"time ({model.time_unit})",
    )  # fmt: skip
    return {"parameter": names, "elasticity": elasticities[-1].tolist(), "slope": found.slopes[-1, 0].tolist()}


def _global(
    model: Model,
    output: str,
    names: list[str],
    until: float,
    events: Events,
    changed: Any,
    folder: Path,
    method: Any,
    span: float,
    samples: int,
    seed: int,
) -> dict[str, Any]:
    from dataclasses import replace

    from homing.engine.global_sensitivity import global_sensitivity
    from homing.report.model_figures import tornado
    from homing.study.run import available_threads

    found = global_sensitivity(
        replace(model, values=changed), output, names, until, method=method, span=span, samples=samples, seed=seed,
        events=events, threads=available_threads(),
    )  # fmt: skip
    make_folder(folder)
    main, label = ("total", f"share of the variance of {output}, with all its interactions")
    if method == "morris":
        main, label = "mu_star", f"mean absolute effect on {output}"
    title = f"{model.name}, time {until:g}, {method}, {found.runs:,} runs"
    tornado(folder / "tornado.png", names, found.columns[main], label, title, found.columns[f"{main}_conf"])
    return {"parameter": names, **{name: column.tolist() for name, column in found.columns.items()}}


def _table_out(rows: dict[str, Any], folder: Path, as_json: bool) -> None:
    import pandas as pd

    table = pd.DataFrame(rows)
    main = table.columns[1]
    table = table.reindex(table[main].abs().sort_values(ascending=False).index)
    table.to_csv(folder / "sensitivity.csv", index=False, lineterminator="\n")
    if as_json:
        typer.echo(table.to_json(orient="records", indent=1))
        return
    typer.echo(table.head(20).to_string(index=False, float_format=lambda x: f"{x:.4g}"))
    pictures = "tornado.png, heat-map.png" if "elasticity" in table else "tornado.png"
    typer.echo(f"{folder}: {pictures}, sensitivity.csv")


def _tell(model: Model, as_json: bool, kept: str = "") -> None:
    system = model.system
    start = dict(zip(system.states, model.start(model.values)[0].tolist(), strict=True))
    content = {
        "name": model.name,
        "states": start,
        "parameters": dict(model.values),
        "signals": list(system.signals),
        "events": [t.name for t in system.triggers],
        "outputs": list(model.outputs),
        "fingerprint": system.fingerprint,
        "notes": list(model.notes),
    } | ({"kept": kept} if kept else {})
    if as_json:
        typer.echo(json.dumps(content, ensure_ascii=False, indent=1))
        return
    typer.echo(f"{model.name}: {len(start)} states, {len(model.values)} parameters, {len(system.triggers)} events")
    for title, values in (("states at the start", start), ("parameters", model.values)):
        typer.echo(f"\n{title}")
        for number, (name, value) in enumerate(values.items(), start=1):
            count = f"{number:4} " if title.startswith("states") else "     "
            typer.echo(f"{count}{name:36} {value:.6g}")
    if system.signals:
        typer.echo(f"\nsignals\n     {', '.join(system.signals)}")
    if system.triggers:
        typer.echo(f"\nevents\n     {', '.join(t.name for t in system.triggers)}")
    for note in model.notes:
        typer.echo(f"homing: {note}")
    if kept:
        typer.echo(f"\nKept as {kept}. Simulate it with: homing simulate {Path(kept).stem} --until TIME")
