"""Write a file whole or not at all."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from homing.ground.errors import StudyError
from homing.ground.whole_files import make_folder, whole_file


def write_whole(target: Path, write: Callable[[Path], object]) -> Path:
    """Let `write` fill a file beside `target`, then put it in its place; make the folder when it isn't there.

    Raises: StudyError naming the file when it can't be written; what stood there before stays.
    """
    try:
        make_folder(target.parent)
    except StudyError as e:
        raise StudyError(f"can't be written: '{e.where}': {e.message}", str(target)) from None
    with whole_file(target) as temporary:
        write(temporary)
    return target


def write_text(target: Path, text: str) -> Path:
    """Write a text file whole or not at all. Raises: StudyError as `write_whole`."""
    return write_whole(target, lambda half: half.write_text(text, encoding="utf-8"))
