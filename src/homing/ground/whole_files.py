"""Files that appear whole or not at all, in folders that are known to take them."""

from __future__ import annotations

import contextlib
import hashlib
import os
import platform
import re
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from homing.ground.errors import StudyError

#: This machine, in the names of temporary files: a folder may be shared with processes of another.
_MACHINE = hashlib.blake2b(platform.node().encode(), digest_size=4).hexdigest()
_PART = re.compile(r"\..+\.([0-9a-f]{8})-(\d+)\.part")
#: A temporary file as old as this has been left behind, whoever wrote it.
_OLD = 7 * 86400.0


def make_folder(folder: Path) -> None:
    """Make a folder where there is none, and see that it takes files.

    Raises: StudyError naming it when it can't be made or written to.
    """
    if folder.exists() and not folder.is_dir():
        raise StudyError("is a file, and a folder is wanted. Choose another with --out.", str(folder))
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as e:
        raise StudyError(
            f"the folder can't be made ({e.strerror}). Choose another with --out, or free the space.", str(folder)
        ) from None
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as e:
        raise StudyError(
            f"the folder can't be written to ({e.strerror}). Choose another with --out.", str(folder)
        ) from None


@contextlib.contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A temporary path beside `path` that takes its place when the block ends well and disappears otherwise.

    What processes that were killed have left half-written in the folder goes first.
    Raises: StudyError naming the file when the disk is full or the folder can't be written.
    """
    temporary = ""
    try:
        _remove_left_behind(path.parent)
        ending = f".{_MACHINE}-{os.getpid()}.part"
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=ending)
        os.close(handle)
        os.chmod(temporary, 0o644)
        yield Path(temporary)
        with open(temporary, "rb+") as written:
            os.fsync(written.fileno())
        os.replace(temporary, path)
        temporary = ""
    except OSError as e:
        raise StudyError(
            f"can't be written ({e.strerror or e}). Free some space or choose another folder with --out; "
            f"what is finished is kept.",
            str(path),
        ) from None
    finally:
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)


def _remove_left_behind(folder: Path) -> None:
    """Remove the temporary files of processes that are no more."""
    for file in folder.glob(".*.part"):
        named = _PART.fullmatch(file.name)
        with contextlib.suppress(OSError):  # another process may be tidying up too
            if named and (_is_old(file) or (named[1] == _MACHINE and not _is_running(int(named[2])))):
                file.unlink()


def _is_old(file: Path) -> bool:
    return time.time() - file.stat().st_mtime > _OLD


def _is_running(process: int) -> bool:
    if os.name == "nt":  # there is no asking without harm: `os.kill` ends a process
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True
