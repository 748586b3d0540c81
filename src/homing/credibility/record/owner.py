"""Whose record a folder holds: two studies whose files have one name must not take each other's place."""

from __future__ import annotations

import os
from pathlib import Path

from homing.ground.errors import StudyError
from homing.ground.whole_files import make_folder
from homing.study import folder as folders
from homing.study.plan import Study

#: The path of the study file from the record's folder, so that both may be moved together.
OWNER = "study.txt"


def claim(folder: Path, study: Study) -> None:
    """Make a record's folder for a study file, or see that the record in it is of the same file.

    Raises: StudyError where it is another's that is still there, or the folder can't be written.
    """
    make_folder(folder)
    mine, marker = Path(study.file), folder / OWNER
    try:
        other = folder / marker.read_text(encoding="utf-8").strip()
    except (OSError, ValueError):
        other = None
    if other is not None and other.is_file() and mine.is_file() and not os.path.samefile(other, mine):
        raise StudyError(
            f"holds the record of another study, '{other.resolve()}'. Choose another folder with --out, or rename one "
            "of the two study files.",
            str(folder),
        )
    folders.write_text(marker, f"{_from(folder, mine)}\n")


def _from(folder: Path, file: Path) -> str:
    """The way to a file as the operating system goes it: '..' of a link to a folder is where the folder is."""
    try:
        return Path(os.path.relpath(file.parent.resolve() / file.name, folder.resolve())).as_posix()
    except ValueError:  # another drive of Windows
        return file.resolve().as_posix()
