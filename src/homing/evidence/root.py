"""Where the catalogue's files are, in a checkout and in an installed package alike."""

from __future__ import annotations

import functools
from importlib import resources
from pathlib import Path


@functools.lru_cache(maxsize=1)
def catalogue_root() -> Path:
    """The folder that holds products, routes, profiles, sources and the rest of the catalogue."""
    return Path(str(resources.files("homing"))) / "catalogue"
