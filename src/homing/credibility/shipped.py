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
from homing.ground.shape import NUMBER, PERHAPS, lacking

_LEVELS = ("0.5", "0.8", "0.95")
_INTERVALS = {level: [NUMBER] for level in _LEVELS}
_INSIDE = {level: bool for level in _LEVELS}
_SCORE = {
    "observed": NUMBER,
    "predicted": NUMBER,
    "intervals": _INTERVALS,
    "inside": _INSIDE,
    "log score": NUMBER,
    "crps": NUMBER,
}
_SCORES_BY_RULE = {"homing": _SCORE, "*": {"log score": NUMBER}}
_IN_TOTALS = {"weight": NUMBER, "because": str}
_BOTH = {"homing": NUMBER, "rule": NUMBER}
_TOTAL = {
    **{"rule": str, "domain": str, "trials": int, "rows": int, "log score": _BOTH, "crps": _BOTH},
    **{"difference": NUMBER, "difference error": NUMBER, "few draws": [str]},
    **{"without one": {"smallest": object, "largest": object}, "homing wins": bool},
}
_OWN = {"rows": int, "log score": NUMBER, "log score error": NUMBER}
_OF_TRIAL = {"trial": str, "arm": str, "endpoint": str, "week": NUMBER, "n": int}
_COURSE = {
    **{"key": str, "of": str, "x": [NUMBER], "low": [NUMBER], "middle": [NUMBER], "high": [NUMBER]},
    "seen": [{"trial": str, "share": NUMBER, "n": PERHAPS, "week": NUMBER, "dose?": PERHAPS}],
}
#: What is read of each file, whoever reads it.
_SHAPES: Mapping[str, Any] = {
    SCORES: {
        "rows": [
            {
                **{"key": str, "domain": str, **_OF_TRIAL, "as": str, "events": int, "scores": _SCORES_BY_RULE},
                **{"counts": bool, "in totals": _IN_TOTALS},
            }
        ],
        "differences": [
            {
                **{"name": str, "domain": str, "trial": str, "week": NUMBER},
                **{"in totals": _IN_TOTALS, "scores": _SCORES_BY_RULE},
            }
        ],
        "trials": [{"trial": str, "beside": {"*": {"difference": NUMBER, "few draws": bool}}}],
        "own": {"trials": int, **_OWN, "few draws": [str], "no rule": _OWN},
        "totals": [_TOTAL],
        "totals, rules stretched": [_TOTAL],
        "coverage": {level: [int] for level in _LEVELS},
        "kinetics": [
            {
                **{"trial": str, "of": str, "n": int, "observed": NUMBER, "bound": str, "role": str},
                **{"predicted": NUMBER, "intervals": {"0.95": [NUMBER]}, "inside": _INSIDE},
            }
        ],
    },
    DIAGNOSTICS: {"ranks?": {"replicates": int, "histograms": {"*": [int]}}},
    CHECKS: {"draws": int, "patients": int, "courses": [_COURSE], "doses": _COURSE, "baseline": {"*": [PERHAPS]}},
}


@functools.lru_cache(maxsize=4)
def shipped_verdict(folder: Path | None = None) -> Mapping[str, Any]:
    """The hold-outs as predicted, from the package or a calibration's folder; see `verdict_plain`.

    Raises: EvidenceError naming a file that is missing or damaged.
    """
    return _read(folder, SCORES)


@functools.lru_cache(maxsize=4)
def shipped_diagnostics(folder: Path | None = None) -> Mapping[str, Any]:
    """How the draws did, from the package or a calibration's folder; see `files.diagnostics_plain`.

    Raises: EvidenceError naming a file that is missing or damaged.
    """
    return _read(folder, DIAGNOSTICS)


@functools.lru_cache(maxsize=4)
def shipped_checks(folder: Path | None = None) -> Mapping[str, Any]:
    """What the calibration's own trials saw beside simulated cohorts; see `predictive_checks.checks_plain`.

    Raises: EvidenceError naming a file that is missing or damaged.
    """
    return _read(folder, CHECKS)


def _read(folder: Path | None, name: str) -> Mapping[str, Any]:
    file = (folder or catalogue_root() / "posterior") / name
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        raise EvidenceError("is missing or damaged. Write it again: homing calibrate.", str(file)) from None
    missing = lacking(found, _SHAPES[name])
    if missing:
        raise EvidenceError(f"lacks what is read of it (see {missing}). Write it again: homing calibrate.", str(file))
    return dict(found)
