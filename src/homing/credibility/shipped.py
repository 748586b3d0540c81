"""What ships of the calibration beside its draws: how they did, and how the hold-outs were predicted."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homing.credibility.files import CHECKS, DIAGNOSTICS, SCORES
from homing.evidence.root import catalogue_root
from homing.ground.errors import EvidenceError


@functools.lru_cache(maxsize=4)
def shipped_verdict(folder: Path | None = None) -> Mapping[str, Any]:
    """The hold-outs as predicted, from the package or a calibration's folder; see `verdict_plain`.

    Raises: EvidenceError naming a file that is missing or damaged.
    """
    return _read((folder or catalogue_root() / "posterior") / SCORES)


@functools.lru_cache(maxsize=4)
def shipped_diagnostics(folder: Path | None = None) -> Mapping[str, Any]:
    """How the draws did, from the package or a calibration's folder; see `files.diagnostics_plain`.

    Raises: EvidenceError naming a file that is missing or damaged.
    """
    return _read((folder or catalogue_root() / "posterior") / DIAGNOSTICS)


@functools.lru_cache(maxsize=4)
def shipped_checks(folder: Path | None = None) -> Mapping[str, Any]:
    """What the calibration's own trials saw beside simulated cohorts; see `predictive_checks.checks_plain`.

    Raises: EvidenceError naming a file that is missing or damaged.
    """
    return _read((folder or catalogue_root() / "posterior") / CHECKS)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise EvidenceError("is missing or damaged. Write it again: homing calibrate.", str(file)) from None
    if not isinstance(found, dict):
        raise EvidenceError("is no file of a calibration. Write it again: homing calibrate.", str(file))
    return found
