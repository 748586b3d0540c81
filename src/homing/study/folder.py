"""The run folder: files appear whole or not at all, and a finished part is recognised and reused.

`runs/<study>-<hash>/` holds the results; `parts/` inside it holds finished chunks until the run is complete.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

from homing.ground.errors import StudyError
from homing.ground.whole_files import whole_file

#: Beside the parts of a run: when the first of them was begun.
STARTED = "started.txt"


def short_hash(content: object, digits: int = 8) -> str:
    """So many hex digits, an even number, that stand for plain data (dicts, lists, text, numbers)."""
    text = json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)
    return hashlib.blake2b(text.encode(), digest_size=digits // 2).hexdigest()


def folder_name(title: str, digest: str) -> str:
    """A folder name from a study's file name: letters, digits and hyphens, and the hash."""
    plain = re.sub(r"[^\w-]+", "-", title.strip().lower()).strip("-")[:60]
    return f"{plain or 'study'}-{digest}"


@contextlib.contextmanager
def sole_use(folder: Path) -> Iterator[None]:
    """Hold the folder for one process. Raises StudyError when another run is at work in it."""
    path = folder / ".lock"
    try:
        handle = path.open("w")
    except OSError as e:
        raise StudyError(f"can't be written ({e.strerror}).", str(path)) from None
    try:
        try:
            _lock(handle.fileno())
        except OSError:
            raise StudyError(
                "another run is at work in this folder; wait for it or choose another --out.", str(folder)
            ) from None
        yield
    finally:
        handle.close()
        with contextlib.suppress(OSError):
            path.unlink()


def _lock(handle: int) -> None:
    """Lock an open file without waiting; the system lets go of it when the process ends, however it ends."""
    try:
        import fcntl
    except ImportError:  # Windows
        import msvcrt

        msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)  # type: ignore[attr-defined]
        return
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write_text(path: Path, text: str) -> None:
    """Write a text file whole or not at all."""
    with whole_file(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def write_json(path: Path, content: Mapping[str, object]) -> None:
    """Write a JSON file whole or not at all, with sorted keys."""
    write_text(path, json.dumps(content, indent=1, sort_keys=True, ensure_ascii=False, default=str) + "\n")


def now() -> str:
    """The time in UTC, to the second, as ISO text."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def started(folder: Path, *, taken_up: bool) -> str:
    """When the work in a run folder began, whatever processes have been at it since; '' where nothing tells.

    The first call writes it down beside the parts, unless the run is `taken_up` from parts of which nobody wrote it.
    """
    file = folder / "parts" / STARTED
    try:
        return file.read_text(encoding="utf-8").strip()
    except OSError:
        if taken_up:
            return ""
    began = now()
    write_text(file, began + "\n")
    return began


def remove_parts(folder: Path) -> None:
    """Remove the finished chunks of a run that is complete."""
    shutil.rmtree(folder / "parts", ignore_errors=True)
