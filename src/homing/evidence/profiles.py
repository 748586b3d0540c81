"""Profiles: the values that make a generic module behave as this disease, kind of cell or drug.

A profile is a file of catalogue/profiles/. Its keys are full parameter names, `module.parameter`:

    name: {en: Autologous regulatory T cells, zh: 自体调节性T细胞}
    like: any-cells                 # optional: take that profile's values, then those below
    note: Long-lived cells that suppress in the gut.
    values:
      product.k_homing:
        value: 0.8 1/d
        basis: assumed
        because: No human gut-homing fraction is known; hand-set.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from homing.evidence.sources import load_sources
from homing.evidence.values import Value, read_value
from homing.ground.errors import EvidenceError
from homing.ground.nearest import did_you_mean
from homing.ground.text_yaml import TextTree, read_yaml
from homing.ground.units import split_quantity

FOLDER = Path(__file__).parents[1] / "catalogue" / "profiles"
_FIELDS = ("name", "like", "note", "values")


@dataclass(frozen=True)
class Profile:
    """A named set of values. `values` and `places` (file:line: key) are by full parameter name, in units as written."""

    key: str
    name: Mapping[str, str]
    note: str
    values: Mapping[str, Value]
    places: Mapping[str, str]


def profile_names() -> list[str]:
    """The names of all profiles in the catalogue, sorted."""
    return sorted(p.stem for p in FOLDER.glob("*.yaml"))


def load_profile(name: str) -> dict[str, Value]:
    """The values of a profile by full parameter name, in units as written; see `read_profile`."""
    return dict(read_profile(name).values)


@functools.lru_cache(maxsize=64)
def read_profile(name: str) -> Profile:
    """A profile of the catalogue with the values it takes over from the one it is `like`.

    Raises: EvidenceError for an unknown profile, a file that is not a profile, a value without source or reason.
    """
    return _read(name, ())


def _read(name: str, above: tuple[str, ...]) -> Profile:
    if name in above:
        raise EvidenceError(f"profiles are like each other in a circle: {' -> '.join([*above, name])}.")
    if name not in profile_names():
        raise EvidenceError(f"no profile '{name}'. {did_you_mean(name, profile_names())}")
    tree = read_yaml(FOLDER / f"{name}.yaml", kind=EvidenceError)
    _check_form(tree)
    base = tree.tree.get("like")
    taken = _read(base, (*above, name)) if base else None
    values = dict(taken.values) if taken else {}
    places = dict(taken.places) if taken else {}
    for parameter in tree.tree["values"]:
        values[parameter] = _value(tree, parameter)
        places[parameter] = tree.where(("values", parameter))
    return Profile(name, tree.tree["name"], tree.tree.get("note") or "", values, places)


def _check_form(tree: TextTree) -> None:
    if not isinstance(tree.tree, dict):
        raise EvidenceError(f"a profile has the keys {', '.join(_FIELDS)}.", tree.where(()))
    for field in tree.tree:
        if field not in _FIELDS:
            raise EvidenceError(f"unknown field '{field}'. {did_you_mean(field, _FIELDS)}", tree.where((field,)))
    for field in ("name", "values"):
        if not isinstance(tree.tree.get(field), dict):
            raise EvidenceError(f"a profile needs `{field}`, a mapping.", tree.where(()))


def _value(tree: TextTree, parameter: str) -> Value:
    """One value in the unit it is written in; the System's unit is not known here."""
    entry = tree.tree["values"][parameter]
    text = entry.get("value") if isinstance(entry, dict) else None
    if not text:
        raise EvidenceError("a value is a mapping with value, basis and source.", tree.where(("values", parameter)))
    return read_value(tree, ("values", parameter), split_quantity(text)[1] or "1", load_sources())
