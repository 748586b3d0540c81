"""Trials that were imported, and how they become files of a user's folder of evidence.

An imported trial is plain nested text in the form of the YAML files of the catalogue, so that the reader of those files
stays the only one: what it refuses in a shipped entry it refuses in an imported one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from homing.ground.errors import EvidenceError
from homing.ground.text_yaml import parse_yaml, read_yaml


@dataclass(frozen=True)
class Unmapped:
    """A result that no word of the vocabulary stands for.

    `title` is the measure's (with its class and category), `time` as the record says it, `values` maps each arm's key
    to what is printed for it, `reason` says why it has no endpoint. A mapping {part of the title: endpoint} names it.
    """

    title: str
    time: str
    values: Mapping[str, str]
    reason: str

    @property
    def arms(self) -> tuple[str, ...]:
        """The keys of the arms that have a value."""
        return tuple(self.values)


@dataclass(frozen=True)
class Skipped:
    """A value that was left out: where it stands, what is printed there, and why it can't be used."""

    place: str
    printed: str
    why: str


@dataclass(frozen=True)
class ImportedTrial:
    """One trial as text, in the form of a trial file, with the source entries that it needs.

    `key` is the name of its file without `.yaml`. `unmapped`, `skipped` and `notes` say what the import left out.
    """

    key: str
    trial: Mapping[str, Any]
    sources: Mapping[str, Mapping[str, Any]]
    unmapped: tuple[Unmapped, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()


class _Dumper(yaml.SafeDumper):
    """Text in UTF-8 without anchors, which the reader refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def as_yaml(data: Mapping[str, Any]) -> str:
    """Nested mappings, lists and text as YAML that reads back the same."""
    return yaml.dump(data, Dumper=_Dumper, allow_unicode=True, sort_keys=False, width=110)


def write_entries(trials: Iterable[ImportedTrial], folder: Path | str, *, replace: bool = False) -> list[Path]:
    """Write trials into a user's folder: FOLDER/trials/KEY.yaml, and their sources at the end of FOLDER/sources.yaml.

    Sources that the folder has under the same key stay as they are. Returns the trial files.
    Everything is checked before the first file is written. Show the folder to Homing with `root.use_folder` or
    HOMING_EVIDENCE.

    Raises: EvidenceError where a trial file is there already (unless `replace`), where two trials have one key, where
    sources.yaml is broken, or where the folder can't be written.
    """
    found, root = list(trials), Path(folder)
    if root.is_file():
        raise EvidenceError("is a file; name a folder, which gets sources.yaml and trials/.", str(root))
    files = [root / "trials" / f"{trial.key}.yaml" for trial in found]
    for i, file in enumerate(files):
        if not re.fullmatch(r"\w[\w .+()-]*", found[i].key):
            raise EvidenceError(f"'{found[i].key}' can't name a file. Use letters, digits and hyphens.", str(root))
        if file in files[:i]:
            raise EvidenceError("two trials of the import have this name. Import them one by one.", str(file))
        if file.exists() and not replace:
            raise EvidenceError("is there already. Move it away, or say that it is to be replaced.", str(file))
    sources = _with_sources(root / "sources.yaml", found)
    try:
        (root / "trials").mkdir(parents=True, exist_ok=True)
        if sources:
            (root / "sources.yaml").write_text(sources, encoding="utf-8")
        for trial, file in zip(found, files, strict=True):
            file.write_text(as_yaml(trial.trial), encoding="utf-8")
    except OSError as e:
        raise EvidenceError(
            f"can't be written ({e.strerror}). Name a folder that you may write to.", str(root)
        ) from None
    return files


def _with_sources(file: Path, trials: Iterable[ImportedTrial]) -> str:
    """The text of sources.yaml with the new sources at its end; '' where nothing is new."""
    text = _text(file) if file.exists() else ""
    bare = all(line.lstrip().startswith("#") or not line.strip() for line in text.splitlines())
    known = set() if bare else set(_mapping(file))
    new = {key: source for trial in trials for key, source in trial.sources.items() if key not in known}
    if not new:
        return ""
    whole = (text if text.endswith("\n") or not text else text + "\n") + as_yaml(new)
    parse_yaml(whole, str(file), kind=EvidenceError)
    return whole


def _text(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError):
        read_yaml(file, kind=EvidenceError)  # says what is wrong
        raise


def _mapping(file: Path) -> Mapping[str, Any]:
    tree = read_yaml(file, kind=EvidenceError).tree
    if not isinstance(tree, dict):
        raise EvidenceError("must be a mapping of source keys.", str(file))
    return tree
