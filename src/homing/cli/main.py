"""`homing`: the command line. Every command is in a file of its own; what is heavy is imported when a command runs."""

from __future__ import annotations

import _thread
import contextlib
import os
import sys
import threading
from collections.abc import Iterator
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

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
from homing.cli.options import hint
from homing.cli.terminal import never_fail
from homing.ground.errors import HomingError


class _Commands(TyperGroup):
    """The commands; wherever one is stopped by Ctrl-C, it says so."""

    def make_context(self, *given: Any, **more: Any) -> Any:
        """Read the options."""
        with _stopping():
            return super().make_context(*given, **more)

    def invoke(self, ctx: Any) -> Any:
        """Run the command that is asked for."""
        with _stopping():
            return super().invoke(ctx)


@contextlib.contextmanager
def _stopping() -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        typer.echo("homing: stopped.", err=True)
        raise typer.Exit(130) from None
    except Exception as refused:
        hint(refused)
        raise


def _unraisable(lost: Any) -> None:
    """Ask again for a stop that came within a callback of Python's own, as of its collector, which drops it."""
    if isinstance(lost.exc_value, KeyboardInterrupt):
        again = threading.Timer(0.05, _thread.interrupt_main)  # here it would be dropped once more
        again.daemon = True
        again.start()
    else:
        sys.__unraisablehook__(lost)


app = typer.Typer(
    cls=_Commands,
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
    never_fail()
    sys.unraisablehook = _unraisable
    try:
        app(standalone_mode=True)
    except HomingError as e:
        typer.echo(f"homing: {e}", err=True)
        sys.exit(e.exit_code)
    except BrokenPipeError:  # the reader of our output went away, as `homing ... | head` does
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)


if __name__ == "__main__":
    main()
