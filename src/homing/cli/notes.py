"""What a command says of a study before it begins: where it leaves the context of use, and what was chosen for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from homing.study.plan import Study


def tell_notes(study: Study) -> None:
    """Print what the reader of a result has to know, on standard error."""
    for note in (*study.limits, *provisional(study.language), *study.notes):
        typer.echo(f"homing: {note}", err=True)


def provisional(language: str) -> list[str]:
    """That the posterior in use is provisional; nothing where it is that of a full calibration."""
    from homing.patients.posterior import posterior
    from homing.report.words import Words

    return [Words(language).key("notice.uncalibrated")] if posterior().provisional else []
