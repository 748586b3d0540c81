"""All sources of the catalogue: publications, registry entries, regulatory documents."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path

from homing.evidence.root import catalogue_root, own_folder
from homing.evidence.values import Source
from homing.ground.errors import EvidenceError
from homing.ground.nearest import did_you_mean
from homing.ground.text_yaml import TextTree, read_yaml

_FIELDS = ("title", "year", "ids", "read", "note", "corrected", "retracted")
IDS = (
    *("pmid", "pmcid", "doi", "nct", "euct", "actrn", "eudract", "euctr", "chictr", "isrctn", "jprn", "eupas"),
    *("url", "isbn"),
)
READ = (
    *("full text", "abstract", "registry entry", "table", "secondary", "regulatory document"),
    *("press release", "news report", "code"),
)


def load_sources() -> Mapping[str, Source]:
    """Every source by key, the user's own included (a key of theirs goes before a shipped one).

    Raises EvidenceError naming file, line and key for a faulty or doubled entry.
    """
    own = own_folder() / "sources.yaml"
    return _with_own(own, own.stat().st_mtime_ns) if own.is_file() else _shipped()


@functools.lru_cache(maxsize=1)
def _shipped() -> Mapping[str, Source]:
    return read_sources(catalogue_root() / "sources")


@functools.lru_cache(maxsize=4)
def _with_own(file: Path, changed: int) -> Mapping[str, Source]:
    return {**_shipped(), **read_sources(file.parent)}


def read_sources(folder: Path) -> dict[str, Source]:
    """The sources in the YAML files of a folder; see `load_sources`."""
    found: dict[str, Source] = {}
    for file in sorted(folder.glob("*.yaml")):
        tree = read_yaml(file, kind=EvidenceError)
        if not isinstance(tree.tree, dict):
            raise EvidenceError("must be a mapping of source keys.", str(file))
        for key in tree.tree:
            if key in found:
                raise EvidenceError(f"the source '{key}' is declared in another file too.", tree.where((key,)))
            found[key] = _source(tree, key)
    return found


def _source(tree: TextTree, key: str) -> Source:
    data = tree.tree[key]
    if not isinstance(data, dict):
        raise EvidenceError(f"a source is a mapping with {', '.join(_FIELDS)}.", tree.where((key,)))
    for name in data:
        if name not in _FIELDS:
            raise EvidenceError(f"unknown field '{name}'. {did_you_mean(name, _FIELDS)}", tree.where((key, name)))
    if not data.get("title"):
        raise EvidenceError("a source needs a title.", tree.where((key,)))
    ids = data.get("ids") or {}
    if not isinstance(ids, dict) or not ids:
        raise EvidenceError("a source needs `ids`: at least one of " + ", ".join(IDS) + ".", tree.where((key,)))
    for name in ids:
        if name not in IDS:
            raise EvidenceError(
                f"unknown identifier '{name}'. {did_you_mean(name, IDS)}", tree.where((key, "ids", name))
            )
    if data.get("read") not in READ:
        raise EvidenceError(f"`read` says what was read: one of {', '.join(READ)}.", tree.where((key,)))
    year = data.get("year")
    if year is not None and not (str(year).isdigit() and 1900 <= int(year) <= 2100):
        raise EvidenceError(f"'{year}' is not a year.", tree.where((key, "year")))
    return Source(
        key,
        data["title"],
        int(year) if year else None,
        ids,
        data["read"],
        data.get("note") or "",
        data.get("corrected") or "",
        data.get("retracted") or "",
    )
