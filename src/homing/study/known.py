"""What the catalogue and the evidence store know by name, for the checks of a study file."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from homing.endpoints.definitions import endpoint
from homing.evidence import catalogue
from homing.ground.nearest import did_you_mean
from homing.ground.text_yaml import Path_
from homing.patients.population import population
from homing.protocol import catalogue as entries
from homing.protocol.product import Product
from homing.study.faults import Faults

_WORDS = {"evidence": "evidence question"}
_LOADERS: Mapping[str, Callable[[str], Any]] = {
    "products": entries.product,
    "drugs": entries.drug,
    "routes": entries.route,
    "carriers": entries.carrier,
    "procedures": entries.procedure,
    "populations": population,
    "endpoints": endpoint,
}


@functools.lru_cache(maxsize=32)
def names(kind: str) -> tuple[str, ...]:
    """The names of one kind: a folder of the catalogue, or 'trials' and 'evidence' of the evidence store."""
    if kind == "trials":
        return _trials()
    if kind == "evidence":
        return _questions()
    return tuple(catalogue.names(kind))


def _trials() -> tuple[str, ...]:
    from homing.evidence.store import load_store

    return tuple(load_store().trials)


def _questions() -> tuple[str, ...]:
    from homing.evidence.store import load_store

    return tuple(load_store().questions)


def load(kind: str, name: str) -> Any:
    """The entry of a kind and name. Raises: EvidenceError for a faulty catalogue."""
    return _LOADERS[kind](name)


def check(kind: str, name: str, path: Path_, faults: Faults) -> bool:
    """Whether a name is known; a fault with the nearest known name is noted where it is not."""
    if name in names(kind):
        return True
    word = _WORDS.get(kind, kind.removesuffix("s"))
    faults.add(path, f"there is no {word} '{name}'. {did_you_mean(name, names(kind), most=40)}")
    return False


def entry(kind: str, name: str, path: Path_, faults: Faults) -> Any:
    """The entry of a name, or None with a fault noted."""
    return load(kind, name) if check(kind, name, path, faults) else None


def is_reading(name: str) -> bool:
    """Whether an endpoint is a marker or score with a value, rather than a rule that a patient meets or not."""
    return bool(load("endpoints", name).kind != "rule")


def release_limit(product: Product) -> float | None:
    """The least viability with which a product is released, as a share of 1; None where the catalogue states none."""
    limit = product.delivery.get("release_viability")
    return None if limit is None else limit.to("1").number
