"""Trials that were imported, and how they become files of a user's folder of evidence.

An imported trial is plain nested text in the form of the YAML files of the catalogue, so that the reader of those files
stays the only one: what it refuses in a shipped entry it refuses in an imported one.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from homing.evidence.proposed import faults_of
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

    `key` is the name of its file without `.yaml`, `text` that of the file where it isn't written anew. `unmapped`,
    `skipped` and `notes` say what the import left out.
    """

    key: str
    trial: Mapping[str, Any]
    sources: Mapping[str, Mapping[str, Any]]
    unmapped: tuple[Unmapped, ...] = ()
    skipped: tuple[Skipped, ...] = ()
    notes: tuple[str, ...] = ()
    text: str = ""

    @property
    def written(self) -> str:
        """What its file holds."""
        return self.text or as_yaml(self.trial)


class Dumper(yaml.SafeDumper):
    """Text in UTF-8 without anchors, which the reader refuses."""

    def ignore_aliases(self, data: Any) -> bool:
        """Nothing is written as an alias."""
        return True


def as_yaml(data: Mapping[str, Any]) -> str:
    """Nested mappings, lists and text as YAML that reads back the same."""
    return yaml.dump(data, Dumper=Dumper, allow_unicode=True, sort_keys=False, width=110)


def write_entries(trials: Iterable[ImportedTrial], folder: Path | str, *, replace: bool = False) -> list[Path]:
    """Write trials into a user's folder: FOLDER/trials/KEY.yaml, and their sources at the end of FOLDER/sources.yaml.

    Sources that the folder has under the same key stay as they are. Returns the trial files.
    Everything is checked and read before the first file is written, and each file is replaced in one step. Show the
    folder to Homing with `root.use_folder` or HOMING_EVIDENCE.

    Raises: EvidenceError where a trial can't be read (a name or source that no one knows), where a trial file is
    there already (unless `replace`), where two trials have one key, where sources.yaml is broken, or where the
    folder can't be written.
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
    own = root / "sources.yaml"
    sources = _with_sources(own, found)
    faults_of({trial.key: trial.written for trial in found}, sources, root)
    try:
        (root / "trials").mkdir(parents=True, exist_ok=True)
        if sources and (not own.exists() or _text(own) != sources):
            _put(own, sources)
        for trial, file in zip(found, files, strict=True):
            _put(file, trial.written)
    except OSError as e:
        raise EvidenceError(
            f"can't be written ({e.strerror}). Name a folder that you may write to.", str(root)
        ) from None
    return files


def new_faults(trial: ImportedTrial, before: str, folder: Path | str) -> list[str]:
    """The faults that a trial's file would have and that its text `before` ('' where there is none) has not.

    Raises: EvidenceError where the trial can't be read.
    """
    sources = _with_sources(Path(folder) / "sources.yaml", [trial])
    found = faults_of({trial.key: trial.written}, sources, Path(folder))
    old = faults_of({trial.key: before}, sources, Path(folder)) if before and found else []
    return [fault for fault in found if fault not in old]


def _put(file: Path, text: str) -> None:
    """Write beside a file and rename, so that it is the old one or the new one and never half of it."""
    beside = file.with_name(f".{file.name}.new")
    try:
        beside.write_text(text, encoding="utf-8")
        os.replace(beside, file)
    finally:
        beside.unlink(missing_ok=True)


def _with_sources(file: Path, trials: Iterable[ImportedTrial]) -> str:
    """The text of sources.yaml with the new sources at its end."""
    text = _text(file) if file.exists() else ""
    bare = all(line.lstrip().startswith("#") or not line.strip() for line in text.splitlines())
    known = set() if bare else set(_mapping(file))
    new = {key: source for trial in trials for key, source in trial.sources.items() if key not in known}
    if not new:
        return text
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
