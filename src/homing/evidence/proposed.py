"""Trials that are not written yet, read as they would be: what is wrong with them is known before a file changes."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from homing.evidence.catalogue import entry_of_file
from homing.evidence.check import faults
from homing.evidence.records import Trial
from homing.evidence.root import in_folder
from homing.evidence.store import Store, shipped_store
from homing.evidence.trial_entries import read_trial
from homing.ground.errors import EvidenceError


def faults_of(trials: Mapping[str, str], sources: str, folder: Path) -> list[str]:
    """The faults of trials, as sentences, from their texts by key and that of sources.yaml of a user's folder.

    Raises: EvidenceError with the file that would be written, line and key, for a trial that can't be read.
    """
    with tempfile.TemporaryDirectory() as name, in_folder(name) as place:
        (place / "trials").mkdir()
        if sources:
            (place / "sources.yaml").write_text(sources, encoding="utf-8")
        found = {key: _read(place / "trials" / f"{key}.yaml", text, folder) for key, text in trials.items()}
        said = faults(_beside(found, folder))
    return [fault for fault in said if fault.split(":")[0].split(",")[0] in found]


def _read(file: Path, text: str, folder: Path) -> Trial:
    file.write_text(text, encoding="utf-8")
    try:
        return read_trial(entry_of_file(file), str(folder))
    except EvidenceError as error:
        raise EvidenceError(error.message, error.where.replace(str(file.parents[1]), str(folder))) from None


def _beside(found: Mapping[str, Trial], folder: Path) -> Store:
    """The trials beside Homing's own, and the names of the user's others, which are not read here."""
    shipped = shipped_store()
    empty = replace(next(iter(found.values())), ids={}, outcomes=(), adverse_events=(), kinetics=())
    others = {file.stem: replace(empty, key=file.stem) for file in (folder / "trials").glob("*.yaml")}
    return replace(shipped, trials={**shipped.trials, **others, **found}, questions={}, meta_analyses={})
