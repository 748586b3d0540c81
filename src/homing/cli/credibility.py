"""`homing credibility STUDY`: the model analysis plan before a run, the credibility report after it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from homing.cli.notes import tell_notes
from homing.cli.options import place, seed_option
from homing.ground.errors import StudyError

#: Options that do nothing without a study.
_OF_A_STUDY = ("plan", "report", "tipping", "patients", "seed", "runs", "form", "threads")


def credibility(
    context: typer.Context,
    study: Annotated[Path | None, typer.Argument(help="The study file; the hold-out scores when left out.")] = None,
    plan: Annotated[bool, typer.Option("--plan", help="Write the plan, whether there is a run or not.")] = False,
    report: Annotated[bool, typer.Option("--report", help="Write the report; the run must be finished.")] = False,
    tipping: Annotated[bool, typer.Option("--tipping", help="Print which assumptions change the decision.")] = False,
    patients: Annotated[int | None, typer.Option(help="As the run was started, to find it.")] = None,
    seed: Annotated[int | None, seed_option("As the run was started, to find it.")] = None,
    lang: Annotated[str | None, typer.Option(help="Language of the record: en or zh.")] = None,
    out: Annotated[Path | None, place("Folder of records, 'credibility' if none; without STUDY, of the page.")] = None,
    runs: Annotated[
        Path | None, place("Folder in which the finished run is looked for, 'runs' if none.", "--runs")
    ] = None,
    form: Annotated[str, typer.Option("--format", help="html or docx (Word).")] = "html",
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; the result doesn't depend on it.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the record as JSON.")] = False,
) -> None:
    """Write a study's credibility record: rows of ICH M15 and factors of ASME V&V 40, filled from what is known.

    Without a finished run it is the model analysis plan; with one, the report that holds the run against the plan.
    The study says under `credibility` what the model is relied on for. Without STUDY, how the
    posterior that ships predicted trials that it had not seen; with --out, as a page with pictures.

    Example: homing credibility examples/admire-cd.yaml --patients 300 --lang zh --format docx
    """
    if study is None:
        from homing.cli.hold_outs import show_hold_outs

        _refuse_idle(context)
        show_hold_outs(lang or "en", out, as_json=as_json)
        return
    if plan + report + tipping > 1:
        raise StudyError("--plan, --report and --tipping are one each; ask for one of them.", "homing credibility")
    from homing.cli.progress import progress
    from homing.report.publish_credibility import finished_run, tipping_text, write_record
    from homing.study.resolve import read_study

    resolved = read_study(study, patients=patients, seed=seed, language=lang)
    tell_notes(resolved)
    if tipping:
        finished = finished_run(resolved, runs)
        for name, what in finished.altered.items():
            typer.echo(f"homing: '{name}' of the run is {what}: it isn't the file that was written.", err=True)
        typer.echo(tipping_text(resolved, finished, threads, as_json))
        return
    kind = "plan" if plan else "report" if report else ""
    with progress(show=not quiet and not as_json) as bar:
        found = write_record(
            resolved, out or Path("credibility"), runs=runs, kind=kind, form=form, threads=threads, progress=bar
        )
    typer.echo(found.as_json() if as_json else found.as_text())


def _refuse_idle(context: typer.Context) -> None:
    """Refuse options that would do nothing, as no study is named."""
    sources = {name: context.get_parameter_source(name) for name in _OF_A_STUDY}
    given = [name for name, source in sources.items() if source is not None and source.name == "COMMANDLINE"]
    if given:
        named = ", ".join("--format" if name == "form" else f"--{name}" for name in given)
        raise StudyError("does nothing without a study. Name the study file, or leave it out.", named)
