"""The wall between what calibrates and what judges: nothing of a hold-out reaches calibration."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from homing.credibility.calibration import data, fistula, luminal
from homing.credibility.split import Row, count, read_row_set, row_sets, rows_of, sealed
from homing.evidence.catalogue import entry_of_file
from homing.evidence.records import Trial
from homing.evidence.store import Store, load_store
from homing.ground.errors import EvidenceError

STORE = load_store()
CALIBRATING = [row for s in row_sets() if s.set == "calibration" for row in s.rows]
HELD = [row for s in row_sets() if s.set == "holdout" for row in s.rows]
COUNTED = [row for row in HELD if row.how != "kinetic"]


def poisoned(store: Store) -> Store:
    """The store with every number of the hold-out rows changed."""
    held = {(row.trial, row.arm, row.endpoint, row.week) for row in HELD}

    def spoil(trial: Trial) -> Trial:
        outcomes = tuple(
            replace(o, events=0 if o.events else None, share=0.99 if o.share else None, mean=None)
            if (trial.key, o.arm, o.endpoint, o.week) in held
            else o
            for o in trial.outcomes
        )
        events = tuple(
            replace(e, events=0) if (trial.key, e.arm, e.event, e.week) in held else e for e in trial.adverse_events
        )
        return replace(trial, outcomes=outcomes, adverse_events=events)

    return replace(store, trials={key: spoil(trial) for key, trial in store.trials.items()})


@pytest.mark.parametrize("row", COUNTED, ids=lambda row: row.key)
def test_calibrations_store_lacks_every_hold_out(row: Row) -> None:
    assert count(STORE, row).n > 0
    with pytest.raises(EvidenceError, match="the store has no result"):
        count(sealed(STORE), row)


def test_poisoned_hold_outs_leave_what_calibration_is_given_as_it_is() -> None:
    spoiled = poisoned(STORE)
    assert any(count(STORE, row).events != count(spoiled, row).events for row in COUNTED if row.how == "binomial")
    outputs = [output.key for output in fistula.all_outputs()]
    for store in (sealed(spoiled), sealed(STORE)):
        tract = data.fistula_data(store, "calibration", outputs)
        gut = data.luminal_data(store, "calibration", luminal.outputs())
        np.testing.assert_array_equal(
            tract.events, [count(STORE, row).events for row in rows_of("calibration", "fistula").rows]
        )
        assert gut.events.sum() == sum(
            count(STORE, row).events for row in CALIBRATING if row.output in luminal.outputs()
        )


@pytest.mark.parametrize("row", CALIBRATING, ids=lambda row: row.key)
def test_what_calibrates_was_public_before_2020(row: Row) -> None:
    year = STORE.trial(row.trial).year
    assert year is not None and year <= 2019


def test_the_files_of_calibration_know_nothing_of_prediction() -> None:
    folder = Path(fistula.__file__).parent
    for file in folder.glob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "predicting" not in text and "scoring" not in text, file.name


ROW = "{trial: ADMIRE-CD, arm: cells, endpoint: combined-remission, week: '24', because: x}"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("set: both\ndomain: fistula\nrows: []\n", "'both' is not known here"),
        (f"set: holdout\ndomain: fistula\nrows:\n  - {ROW}\n  - {ROW}\n", "stands here twice"),
        (f"set: holdout\ndomain: fistula\nrows:\n  - {ROW[:-1]}, regimen: none}}\n", "no regimen 'none'"),
        (
            f"set: holdout\ndomain: fistula\nrows:\n  - {ROW}\ncomparisons:\n  - {{name: a, cells: b, control: c}}\n",
            "compares 'b', which is no row",
        ),
        ("set: holdout\ndomain: fistula\nrows:\n  - {trial: A}\n", "needs the field"),
    ],
)
def test_a_faulty_file_is_refused_with_its_place(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "rows.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"rows\.yaml:\d+") as error:
        read_row_set(entry_of_file(file))
    assert says in str(error.value)
