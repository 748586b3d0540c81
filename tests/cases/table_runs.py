"""Run an event table, written as text, on a small model: what the case tests share."""

from __future__ import annotations

import tempfile
from pathlib import Path

from homing.engine.tables import TableRun, simulate_table
from homing.formats.event_table import EventTable, read_event_table
from homing.formats.sbml_import import read_model

MODELS = Path(__file__).parent.parent / "files" / "models"
ONE, ORAL = read_model(MODELS / "one_compartment.ant"), read_model(MODELS / "absorption.ant")


def read(text: str, model=ONE) -> EventTable:
    """The table of a text."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "table.csv"
        file.write_text(text, encoding="utf-8")
        return read_event_table(file, model)


def run(text: str, model=ONE, outputs=("C",), rtol: float = 1e-9, **options) -> TableRun:
    """The table simulated; values in the order of its sorted records."""
    return simulate_table(model, read(text, model).records, outputs, rtol=rtol, **options)


def values(text: str, model=ONE, **options) -> list[float]:
    """The first output after each record."""
    return run(text, model, **options).values[:, 0].tolist()
