"""A whole evidence store as CSV files and one JSON file, for other programs."""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from homing.evidence.records import AdverseEvent, Arm, Outcome, Trial
from homing.evidence.sources import load_sources
from homing.evidence.store import Store
from homing.ground.errors import EvidenceError

#: Columns of outcomes.csv and adverse_events.csv; `evidence_table` reads them back.
RESULTS = (
    *(
        "study",
        "arm",
        "label",
        "role",
        "treatment",
        "n",
        "kind",
        "endpoint",
        "week",
        "events",
        "n_outcome",
        "mean",
        "sd",
    ),
    *("se", "median", "low", "high", "share", "analysis", "printed", "source", "source_id", "at", "derived", "differs"),
    *("contradicts", "effect"),
)
STUDIES = (
    *("study", "name", "year", "ids", "disease", "phenotype", "phenotype_zh", "design", "design_zh", "randomised"),
    *("blinded", "blinding", "status", "sites", "countries", "start", "end", "registered_n", "patients", "criteria"),
    *("shares_patients_with", "registered_with", "risk_of_bias", "sources", "notes", "layer"),
)
ARMS = (
    *("study", "arm", "label", "label_zh", "role", "n", "treated", "analysed", "treatment", "product", "drug", "cells"),
    *("dose", "dose_per_kg", "route", "carrier", "schedule", "co_intervention", "note", "part_of"),
)
KINETICS = (
    *("study", "arm", "what", "day", "n", "value", "low", "high", "sd", "unit", "printed", "source", "at", "note"),
    "contradicts",
)
SOURCES = ("source", "title", "year", "ids", "read", "note", "corrected", "retracted")

Row = dict[str, str]


def store_tables(store: Store, trials: Iterable[str] | None = None) -> dict[str, tuple[tuple[str, ...], list[Row]]]:
    """Every table of a store: name -> (columns, rows), all as text. Weeks in weeks, days in days, dose in cells.

    `trials` are the keys of those wanted; without it all. A number or week that isn't known is an empty cell; the
    sources are those that the trials name. Raises StudyError for a trial that isn't there.
    """
    chosen = [store.trial(key) for key in (trials if trials is not None else sorted(store.trials))]
    known = load_sources()
    keys = dict.fromkeys(key for trial in chosen for key in trial.sources)
    sources = [{"source": key, **{n: _cell(getattr(known[key], n)) for n in SOURCES[1:]}} for key in sorted(keys)]
    return {
        "studies": (STUDIES, [_study(trial) for trial in chosen]),
        "arms": (ARMS, [_arm(trial, arm) for trial in chosen for arm in trial.arms.values()]),
        "outcomes": (RESULTS, [_result(trial, row, known) for trial in chosen for row in trial.outcomes]),
        "adverse_events": (RESULTS, [_result(trial, row, known) for trial in chosen for row in trial.adverse_events]),
        "kinetics": (
            KINETICS,
            [
                {"study": t.key, **{n: _cell(getattr(row, n)) for n in KINETICS[1:]}}
                for t in chosen
                for row in t.kinetics
            ],
        ),
        "sources": (SOURCES, sources),
    }


def table_text(columns: Iterable[str], rows: Iterable[Mapping[str, str]]) -> str:
    """A table as CSV text, comma-separated, with a header."""
    names, out = list(columns), io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([row.get(name, "") for name in names] for row in rows)
    return out.getvalue()


def store_json(store: Store, trials: Iterable[str] | None = None) -> str:
    """The trials of a store with their sources as JSON text: {"trials": {...}, "sources": {...}}; unknown is null."""
    chosen = [store.trial(key) for key in (trials if trials is not None else sorted(store.trials))]
    known = load_sources()
    keys = sorted({key for trial in chosen for key in trial.sources})
    data = {"trials": {t.key: asdict(t) for t in chosen}, "sources": {key: asdict(known[key]) for key in keys}}
    return json.dumps(_without_nan(data), ensure_ascii=False, indent=1, allow_nan=False, default=dict) + "\n"


def export_store(store: Store, folder: Path | str, trials: Iterable[str] | None = None) -> list[Path]:
    """Write studies, arms, outcomes, adverse_events, kinetics and sources as CSV (UTF-8 with a byte-order mark, so that
    spreadsheets show every sign), and evidence.json. Files of these names in the folder are replaced.

    Raises: StudyError for an unknown trial, EvidenceError where the folder can't be written.
    """
    wanted = list(trials) if trials is not None else None
    root, written = Path(folder), []
    texts = {f"{name}.csv": "\ufeff" + table_text(*table) for name, table in store_tables(store, wanted).items()}
    texts["evidence.json"] = store_json(store, wanted)
    try:
        root.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            (root / name).write_text(text, encoding="utf-8")
            written.append(root / name)
    except OSError as e:
        raise EvidenceError(
            f"can't be written ({e.strerror}). Name a folder that you may write to.", str(root)
        ) from None
    return written


def _study(trial: Trial) -> Row:
    row = {name: _cell(getattr(trial, name, "")) for name in STUDIES}
    both = {"phenotype": trial.phenotype, "design": trial.design}
    row |= {
        "study": trial.key,
        **{k: v["en"] for k, v in both.items()},
        **{f"{k}_zh": v["zh"] for k, v in both.items()},
    }
    return row | {"notes": " | ".join(note["en"] for note in trial.notes)}


def _arm(trial: Trial, arm: Arm) -> Row:
    row = {name: _cell(getattr(arm, name, "")) for name in ARMS}
    return row | {"study": trial.key, "arm": arm.key, "label": arm.label["en"], "label_zh": arm.label["zh"]}


def _result(trial: Trial, result: Outcome | AdverseEvent, known: Mapping[str, Any]) -> Row:
    arm = trial.arms[result.arm]
    row = {name: _cell(getattr(result, name, "")) for name in RESULTS}
    row |= {"study": trial.key, "label": arm.label["en"], "role": arm.role, "treatment": arm.treatment, "n": str(arm.n)}
    row |= {"n_outcome": _cell(result.n), "source_id": _cell(known[result.source].ids)}
    outcome = isinstance(result, Outcome)
    word = result.endpoint if isinstance(result, Outcome) else result.event
    return row | {"kind": "outcome" if outcome else "adverse-event", "endpoint": word}


def _cell(value: Any) -> str:
    """A value as a cell: '' for unknown, numbers so that they read back, lists and mappings with semicolons."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return f"{value:.15g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{k} {v}" for k, v in value.items())
    return "; ".join(map(str, value)) if isinstance(value, tuple | list) else str(value)


def _without_nan(value: Any) -> Any:
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, Mapping):
        return {k: _without_nan(v) for k, v in value.items()}
    return [_without_nan(v) for v in value] if isinstance(value, list | tuple) else value
