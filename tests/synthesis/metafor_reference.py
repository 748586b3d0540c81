"""Reads the reference numbers in `metafor/`: cases of a topic, and the data they were computed from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from homing.synthesis.effect import Effects

FOLDER = Path(__file__).parent / "metafor"
DATA: dict[str, dict[str, list[Any]]] = json.loads((FOLDER / "data.json").read_text())


def cases(topic: str, *words: str) -> list[Any]:
    """The cases of a topic, those whose name has all the words, as pytest takes them."""
    found = json.loads((FOLDER / f"{topic}.json").read_text())
    chosen = [c for c in found if all(w in c.get("id", "") for w in words)]
    assert chosen, f"{topic} has no case with {words}"
    return [
        pytest.param(c, id=c.get("id") or " ".join(str(v) for v in c.values() if isinstance(v, str))) for c in chosen
    ]


def case(topic: str, name: str) -> dict[str, Any]:
    """One case by its name."""
    (found,) = (c for c in json.loads((FOLDER / f"{topic}.json").read_text()) if c["id"] == name)
    return found


def column(name: str, what: str) -> NDArray[np.float64]:
    """A column of numbers, NaN where one is missing."""
    return np.array([np.nan if v is None else v for v in DATA[name][what]], dtype=float)


def counts(name: str, *columns: str) -> list[NDArray[np.float64]]:
    """Columns of counts, studies that lack any left out; by default those of two arms."""
    found = [column(name, c) for c in columns or ("ai", "n1i", "ci", "n2i")]
    keep = np.isfinite(found).all(axis=0)
    return [c[keep] for c in found]


def effects_of(name: str) -> Effects:
    """Effects as metafor got them."""
    y, v = column(name, "yi"), column(name, "vi")
    return Effects("mean", y, v, tuple(range(len(y))))


def near(found: object, expected: object, tolerance: float, what: object, least: float = 0.0) -> None:
    """Fail unless numbers agree relatively; `least` is a difference that doesn't count."""
    np.testing.assert_allclose(
        np.asarray(found, dtype=float), np.asarray(expected, dtype=float), rtol=tolerance, atol=least, err_msg=str(what)
    )
