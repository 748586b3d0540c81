"""Where the catalogue's files are, and where a user keeps evidence of their own, layered over them."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path

from homing.ground.errors import EvidenceError

#: A user's folder of evidence, beside their studies; another can be named by this variable or `--folder`.
OWN_FOLDER = "homing-evidence"
_VARIABLE = "HOMING_EVIDENCE"


@functools.lru_cache(maxsize=1)
def catalogue_root() -> Path:
    """The folder that holds products, routes, profiles, sources and the rest of the catalogue."""
    return Path(str(resources.files("homing"))) / "catalogue"


def own_folder() -> Path:
    """The user's folder of evidence, which need not exist: $HOMING_EVIDENCE, or `homing-evidence` in this folder."""
    return Path(os.environ.get(_VARIABLE) or OWN_FOLDER)


def use_folder(folder: Path | str) -> None:
    """Take another folder as the user's, for this process and those it starts. Raises EvidenceError for a file."""
    if Path(folder).is_file():
        raise EvidenceError("is a file; name the folder that holds sources.yaml and trials/.", str(folder))
    os.environ[_VARIABLE] = str(folder)


@contextmanager
def in_folder(folder: Path | str) -> Iterator[Path]:
    """Take another folder as the user's for a while."""
    before = os.environ.get(_VARIABLE)
    os.environ[_VARIABLE] = str(folder)
    try:
        yield Path(folder)
    finally:
        if before is None:
            del os.environ[_VARIABLE]
        else:
            os.environ[_VARIABLE] = before
