"""Write a file whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from homing.ground.errors import StudyError


def write_whole(target: Path, write: Callable[[Path], object]) -> Path:
    """Let `write` fill a file beside `target`, then put it in its place; make the folder when it isn't there.

    Raises: StudyError naming the file when it can't be written; what stood there before stays.
    """
    half_done = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write(half_done)
        os.replace(half_done, target)
    except OSError as e:
        _remove(half_done)
        reason = e.strerror or type(e).__name__
        raise StudyError(f"can't be written ({reason}). Choose another folder.", str(target)) from e
    return target


def write_text(target: Path, text: str) -> Path:
    """Write a text file whole or not at all. Raises: StudyError as `write_whole`."""
    return write_whole(target, lambda half: half.write_text(text, encoding="utf-8"))


def _remove(file: Path) -> None:
    try:
        file.unlink(missing_ok=True)
    except OSError:  # the folder itself is what can't be written; the caller says so
        return
