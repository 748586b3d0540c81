"""The catalogue: folders of YAML entries, read with places so that every refusal names file, line and key."""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from homing.evidence.profiles import profile_names
from homing.evidence.root import catalogue_root
from homing.evidence.sources import load_sources
from homing.evidence.values import Value, read_value
from homing.ground.errors import EvidenceError, StudyError
from homing.ground.nearest import did_you_mean
from homing.ground.text_yaml import Path_, TextTree, read_yaml
from homing.ground.units import split_quantity

LANGUAGES = ("en", "zh")
#: What of a value may be said once for several numbers of one entry.
_SHARED = ("range", "basis", "source", "at", "how", "because")


def folders() -> list[str]:
    """The kinds of entry: products, routes, populations, ..."""
    return sorted(p.name for p in catalogue_root().iterdir() if p.is_dir() and p.name != "sources")


def names(folder: str) -> list[str]:
    """The keys of the entries of one kind. Raises StudyError for an unknown kind."""
    if folder not in folders():
        raise StudyError(f"the catalogue has no '{folder}'. {did_you_mean(folder, folders())}")
    return sorted(p.stem for p in (catalogue_root() / folder).glob("*.yaml"))


def read_entry(folder: str, key: str) -> TextTree:
    """One entry as text. Raises StudyError with the nearest key where there is none."""
    known = names(folder)
    if key not in known:
        raise StudyError(f"unknown {folder.removesuffix('s')} '{key}'. {did_you_mean(key, known)}")
    return read_yaml(catalogue_root() / folder / f"{key}.yaml", kind=EvidenceError)


@functools.lru_cache(maxsize=512)
def entry(folder: str, key: str) -> Entry:
    """One entry with typed access to its fields; see `Entry`."""
    return Entry(key, read_entry(folder, key))


def entry_of_file(file: Path | str) -> Entry:
    """An entry from any file, which need not be in the catalogue."""
    return Entry(Path(file).stem, read_yaml(file, kind=EvidenceError))


@dataclass(frozen=True)
class Entry:
    """An entry of the catalogue, or a part of one at a key path, with access that refuses what is not as it must be."""

    key: str
    tree: TextTree
    path: Path_ = ()

    @property
    def data(self) -> Any:
        """What stands at this place."""
        found: Any = self.tree.tree
        for part in self.path:
            found = found[part]
        return found

    @property
    def where(self) -> str:
        """file:line: key of this place."""
        return self.tree.where(self.path)

    def fields(self, *known: str, required: Iterable[str] = ()) -> Entry:
        """This place, once it is a mapping with known fields only and all required ones."""
        if not isinstance(self.data, dict):
            raise EvidenceError(f"must be a mapping with {', '.join(known)}.", self.where)
        for name in self.data:
            if name not in known:
                raise EvidenceError(f"unknown field '{name}'. {did_you_mean(name, known)}", self.part(name).where)
        for name in required:
            if self.data.get(name) in (None, ""):
                raise EvidenceError(f"needs the field '{name}'.", self.where)
        return self

    def part(self, *more: str | int) -> Entry:
        """A place below this one."""
        return Entry(self.key, self.tree, (*self.path, *more))

    def parts(self, name: str) -> list[Entry]:
        """The items of a list, or the values of a mapping, at a field; none where it is missing."""
        found = self.data.get(name)
        if found is None:
            return []
        if isinstance(found, list):
            return [self.part(name, i) for i in range(len(found))]
        if isinstance(found, dict):
            return [self.part(name, k) for k in found]
        raise EvidenceError("must be a list or a mapping.", self.part(name).where)

    def each(self) -> list[Entry]:
        """The values of this place, which must be a mapping."""
        if not isinstance(self.data, dict):
            raise EvidenceError("must be a mapping.", self.where)
        return [self.part(key) for key in self.data]

    def text(self, name: str, default: str = "") -> str:
        """The text at a field, or the default where it is missing."""
        found = self.data.get(name)
        if found is None:
            return default
        if not isinstance(found, str):
            raise EvidenceError("must be plain text.", self.part(name).where)
        return found

    def one_of(self, name: str, allowed: Iterable[str], default: str = "") -> str:
        """The text at a field, one of those allowed."""
        found = self.text(name, default)
        if found not in tuple(allowed):
            raise EvidenceError(f"'{found}' is not known here. {did_you_mean(found, allowed)}", self.part(name).where)
        return found

    def texts(self, name: str) -> tuple[str, ...]:
        """A list of plain texts at a field."""
        out = []
        for item in self.parts(name):
            if not isinstance(item.data, str):
                raise EvidenceError("must be plain text.", item.where)
            out.append(item.data)
        return tuple(out)

    def both_languages(self, name: str = "", *more: str) -> Mapping[str, str]:
        """A mapping of texts in English and Chinese at a field (or here), beside which `more` fields may stand."""
        place = self.part(name) if name else self
        place.fields(*LANGUAGES, "sources", *more, required=LANGUAGES)
        return {language: str(place.data[language]) for language in LANGUAGES}

    def value(self, name: str, unit: str = "") -> Value:
        """The Value at a field, in `unit` (as written where none is given). Its source must exist."""
        return value_at(self.tree, (*self.path, name), unit)

    def values(self, name: str, unit: str = "") -> dict[str, Value]:
        """A mapping of Values at a field, each in `unit` or as written."""
        return {str(p.path[-1]): value_at(self.tree, p.path, unit) for p in self.parts(name)}

    def shared_value(self, name: str, unit: str = "") -> Value:
        """The Value at a field: a full value, or a bare quantity whose basis and source stand beside it."""
        written = self.data.get(name)
        if not isinstance(written, str):
            return self.value(name, unit)
        return self.shared_value_of(name, written, unit)

    def shared_value_of(self, name: str, text: str, unit: str = "") -> Value:
        """The Value of a text in the place of a field that is there, with the basis and source that stand beside it."""
        around = {k: self.data[k] for k in _SHARED if k in self.data}
        whole = _with(self.tree.tree, (*self.path, name), {"value": text, **around})
        return value_at(replace(self.tree, tree=whole), (*self.path, name), unit)

    def names_of(self, field: str, folder: str) -> tuple[str, ...]:
        """A list of names at a field, each an entry of a folder of the catalogue."""
        found = self.texts(field)
        for i, name in enumerate(found):
            self.part(field, i).check_name(name, folder)
        return found

    def name_of(self, field: str, folder: str, default: str = "") -> str:
        """The name at a field, an entry of a folder of the catalogue, or the default where it is missing."""
        found = self.text(field, default)
        if found != default:
            self.part(field).check_name(found, folder)
        return found

    def check_name(self, name: str, folder: str) -> None:
        """Refuse a name, written at this place, that a folder of the catalogue lacks."""
        if name not in names(folder):
            raise EvidenceError(
                f"unknown {folder.removesuffix('s')} '{name}'. {did_you_mean(name, names(folder))}", self.where
            )

    def profile(self, field: str) -> str:
        """The name of a profile at a field; it must exist."""
        name, known = self.text(field), profile_names()
        if name not in known:
            raise EvidenceError(f"no profile '{name}'. {did_you_mean(name, known)}", self.part(field).where)
        return name

    def sources(self, name: str = "sources") -> tuple[str, ...]:
        """Keys of sources in a list at a field; each must exist."""
        keys = self.texts(name)
        for i in range(len(keys)):
            self.part(name).source(i)
        return keys

    def source(self, name: str | int) -> str:
        """The key of a source at a field; it must exist."""
        key, known = str(self.data[name]), load_sources()
        if key not in known:
            raise EvidenceError(f"unknown source '{key}'. {did_you_mean(key, known)}", self.part(name).where)
        return key


def value_at(tree: TextTree, path: Path_, unit: str = "") -> Value:
    """The Value at a path, in `unit` or as written; see `evidence.values.read_value`."""
    found: Any = tree.tree
    for part in path:
        here = isinstance(found, list) or part in found
        found = found[part] if here else None
        if found is None:
            raise EvidenceError("needs a value here.", tree.where(path))
    if not unit:
        text = found.get("value") if isinstance(found, dict) else None
        if not text:
            raise EvidenceError("a value is a mapping with value, basis and source.", tree.where(path))
        unit = split_quantity(text)[1] or "1"
    return read_value(tree, path, unit, load_sources())


def _with(tree: Any, path: Path_, data: Any) -> Any:
    """A tree with other data at a path; what is not on the path is shared with the old one."""
    if not path:
        return data
    copy: Any = list(tree) if isinstance(tree, list) else dict(tree)
    copy[path[0]] = _with(tree[path[0]], path[1:], data)
    return copy
