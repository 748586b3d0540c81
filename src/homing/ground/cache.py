"""Where Homing keeps what is quicker to read than to make again. A cache is never a source of errors: what is missing,
damaged or can't be written is made again."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import sys
import tempfile
from pathlib import Path

_DIGEST = 16


def cache_folder() -> Path:
    """Where caches are: $HOMING_CACHE, or the platform's place for caches."""
    chosen = os.environ.get("HOMING_CACHE")
    if chosen:
        return Path(chosen)
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "homing"


def key_of(*parts: object) -> str:
    """A name for what depends on these parts (their `repr`) and on nothing else."""
    return hashlib.blake2b(repr(parts).encode(), digest_size=_DIGEST).hexdigest()


@functools.cache
def code_digest(*packages: str) -> str:
    """A hash of the source files of packages of Homing and of the Python that runs them: what a cache depends on whose
    content they make."""
    digest = hashlib.blake2b(sys.version.encode(), digest_size=_DIGEST)
    for package in packages:
        for file in sorted((Path(__file__).parents[1] / package).rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()


def read(file: Path) -> bytes | None:
    """The content of a cache file, or None when there is none or its checksum is wrong."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    kept, digest = content[:-_DIGEST], content[-_DIGEST:]
    return kept if kept and hashlib.blake2b(kept, digest_size=_DIGEST).digest() == digest else None


def write(file: Path, content: bytes) -> None:
    """Write to a temporary file and rename it, so that no reader meets half a file."""
    temporary = ""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=file.parent, suffix=".tmp")
        with os.fdopen(handle, "wb") as stream:
            stream.write(content + hashlib.blake2b(content, digest_size=_DIGEST).digest())
        os.replace(temporary, file)
    except OSError:  # no room, no permission: the run goes on without a cache
        if temporary:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
