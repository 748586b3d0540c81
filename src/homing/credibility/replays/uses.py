"""What a printed result was used for: to calibrate, or held out to be predicted."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from typing import Any

from homing.credibility.replays.content import Use
from homing.evidence.root import catalogue_root
from homing.ground.errors import EvidenceError
from homing.ground.text_yaml import read_yaml

FOLDER = "calibration"


def use_of(trial: str, arm: str, endpoint: str, week: float, default: Use) -> Use:
    """What the files of catalogue/calibration/ say of one row, or the default where none of them names it.

    A row there names its trial and may name arm, endpoint and week; what it doesn't name it leaves open. A file whose
    name has 'hold' in it holds out; any other calibrates. A row that both name was used to calibrate.
    """
    found = {use for use, row in _rows() if _fits(row, trial, arm, endpoint, week)}
    if not found:
        return default
    return "calibration" if "calibration" in found else "held out"


def _fits(row: Mapping[str, Any], trial: str, arm: str, endpoint: str, week: float) -> bool:
    if row["trial"] != trial:
        return False
    said = [(str(row[name]), is_) for name, is_ in (("arm", arm), ("endpoint", endpoint)) if name in row]
    return all(a == b for a, b in said) and ("week" not in row or _number(row["week"]) == week)


def _number(text: Any) -> float:
    try:
        return float(text)
    except (TypeError, ValueError):
        return float("nan")


@functools.lru_cache(maxsize=1)
def _rows() -> tuple[tuple[Use, Mapping[str, Any]], ...]:
    folder = catalogue_root() / FOLDER
    found: list[tuple[Use, Mapping[str, Any]]] = []
    for file in sorted(folder.glob("*.yaml")) if folder.is_dir() else ():
        use: Use = "held out" if "hold" in file.stem else "calibration"
        found += [(use, row) for row in _mappings(read_yaml(file, kind=EvidenceError).tree)]
    return tuple(found)


def _mappings(tree: Any) -> Iterator[Mapping[str, Any]]:
    """Every mapping below a place that names a trial."""
    if isinstance(tree, dict):
        if isinstance(tree.get("trial"), str):
            yield tree
        for child in tree.values():
            yield from _mappings(child)
    elif isinstance(tree, list):
        for child in tree:
            yield from _mappings(child)
