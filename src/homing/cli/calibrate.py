"""`homing calibrate`: the posterior from trials that were public before 2020, judged on those that came later."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from homing.cli.options import place, seed_option


def calibrate(
    quick: Annotated[
        bool, typer.Option("--quick", help="A try of a minute or two: rough, marked as provisional, not to be used.")
    ] = False,
    out: Annotated[
        Path | None,
        place(
            "Folder of what is simulated, drawn and found; taken up again. "
            "[default: calibration, calibration-quick with --quick]"
        ),
    ] = None,
    seed: Annotated[int, seed_option("Seed of patients, draws and new trials.")] = 2019,
    ranks: Annotated[int, typer.Option(min=0, help="Replicates of simulation-based calibration; 200 are a check.")] = 0,
    threads: Annotated[int | None, typer.Option(min=1, help="Threads; the result doesn't depend on it.")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", help="No progress bar.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print diagnostics and scores as JSON.")] = False,
) -> None:
    """Calibrate the model to trials and judge it on those that it has not seen.

    Simulates cohorts over a design, emulates them, draws the posterior (NUTS), and predicts the hold-outs. Leaves
    posterior.yaml, draws.csv, diagnostics.json and holdout-scores.json. Stopped or killed, the same command goes on; a
    folder with results of another seed or effort is left alone.

    Ends with 3, after all is written, where the draws have not converged; with --quick, whose few draws can't, where
    the fit is broken. The limits are in docs/howto/calibrate.md.

    Example: homing calibrate --quick --out try
    """
    from homing.cli.progress import progress
    from homing.credibility.calibrating import calibrate_and_judge
    from homing.credibility.calibration.run import FULL, QUICK
    from homing.credibility.files import DIAGNOSTICS, SCORES, is_final
    from homing.study.run import available_threads

    try:
        with progress(show=not quiet and not as_json) as bar:
            found = calibrate_and_judge(
                out or Path("calibration-quick" if quick else "calibration"),
                QUICK if quick else FULL,
                seed=seed,
                threads=threads or available_threads(),
                replicates=ranks,
                progress=bar,
            )
    except KeyboardInterrupt:
        typer.echo("Stopped. What is finished is kept; the same command goes on.", err=True)
        raise typer.Exit(130) from None
    told = {name: json.loads((found.folder / name).read_text(encoding="utf-8")) for name in (DIAGNOSTICS, SCORES)}
    if as_json:
        typer.echo(json.dumps({"diagnostics": told[DIAGNOSTICS], "hold-outs": told[SCORES]}))
    else:
        from homing.cli.calibrate_print import print_diagnostics, print_verdict

        print_diagnostics(told[DIAGNOSTICS])
        print_verdict(told[SCORES])
        if not is_final(found.calibration):
            typer.echo("\nThe posterior is marked as provisional: it isn't from a full calibration that has converged.")
        typer.echo(f"\nWritten to {found.folder}/")
    found.must_have_converged()
