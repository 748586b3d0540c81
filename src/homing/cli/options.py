"""Options that commands share, each checked in one place: where files go, and the seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import typer

from homing.ground.errors import StudyError

OUT = "--out"
#: What an option is called elsewhere, or in another command, and what it may be called here.
_MEANT = {
    **dict.fromkeys(("--runs", "--output", "--outdir", "--output-dir", "--folder", "--dir", "--dest", "-o"), OUT),
    **dict.fromkeys(("--language", "--locale", "-l"), "--lang"),
    **dict.fromkeys(("--n", "-n", "--size", "--cohort"), "--patients"),
    **dict.fromkeys(("--workers", "--jobs", "--cores", "--processes", "-j"), "--threads"),
    **dict.fromkeys(("--docx", "--word", "--html"), "--format"),
    **dict.fromkeys(("--silent", "-q"), "--quiet"),
    "--rng": "--seed",
    "--random-seed": "--seed",
}


def hint(refused: Any) -> None:
    """Let the refusal of an unknown option name the one of the same meaning, where the command has it.

    Arguments: `refused` the parser's error, of which only one of an unknown option is changed.
    """
    if not hasattr(refused, "possibilities") or refused.ctx is None:
        return
    has = {name for parameter in refused.ctx.command.params for name in parameter.opts}
    meant = _MEANT.get(refused.option_name, "")
    refused.possibilities = [meant] if meant in has else refused.possibilities


def place(help: str, option: str = OUT) -> Any:
    """An option that names a folder or a file. Refuses an empty name, which would mean the folder one works in."""

    def read(text: str | Path) -> Path:
        if not str(text).strip():
            raise StudyError("is empty. Name a folder or file, or '.' for the folder you are in.", option)
        return Path(text)

    return typer.Option(option, help=help, parser=read, metavar="PATH")


def seed_option(help: str) -> Any:
    """An option for a seed. Refuses what no study file takes."""

    def read(text: str | int) -> int:
        from homing.ground.errors import HomingError
        from homing.study.scalars import read_seed

        try:
            return read_seed(str(text))
        except HomingError as e:
            raise StudyError(e.message, "--seed") from None

    return typer.Option("--seed", help=help, parser=read, metavar="INTEGER")
