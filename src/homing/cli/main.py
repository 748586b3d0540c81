"""`homing`: the command line. Every command is in a file of its own; what is heavy is imported when a command runs."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from homing.cli import (
    calibrate,
    catalog,
    check,
    compare,
    credibility,
    evidence,
    match,
    model,
    patients,
    replay,
    run,
    schema,
    simulate,
)
from homing.ground.errors import HomingError

app = typer.Typer(
    help="Design, simulate and judge living-cell therapies of inflammatory bowel disease. "
    "For research and development, not for treating a patient.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("run")(run.run)
app.command("check")(check.check)
app.command("calibrate")(calibrate.calibrate)
app.command("compare")(compare.compare)
app.command("match")(match.match)
app.command("replay")(replay.replay)
app.command("credibility")(credibility.credibility)
app.command("simulate")(simulate.simulate)
app.command("schema")(schema.schema)
app.add_typer(evidence.app, name="evidence")
app.add_typer(catalog.app, name="catalog")
app.add_typer(model.app, name="model")
app.add_typer(patients.app, name="patients")


def _version(wanted: bool) -> None:
    if wanted:
        from homing import __version__

        typer.echo(f"homing {__version__}")
        raise typer.Exit()


@app.callback()
def _root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = (
        False
    ),
) -> None:
    """Options before the command."""


def main() -> None:
    """Run the command line. Exit codes: 0 done, 2 bad input, 3 a failed run, 130 stopped by Ctrl-C."""
    try:
        app(standalone_mode=True)
    except HomingError as e:
        typer.echo(f"homing: {e}", err=True)
        sys.exit(e.exit_code)
    except KeyboardInterrupt:
        typer.echo("homing: stopped.", err=True)
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output went away, as `homing ... | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()
