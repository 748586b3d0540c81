"""Running a study: the same bytes whatever the threads, parts that outlive a kill, files whole or not at all."""

from __future__ import annotations

import errno
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from simulator_cases import small_study

from homing.engine import CompiledSystem
from homing.engine.trajectories import Status
from homing.ground.errors import StudyError
from homing.patients.scenario import scenario
from homing.study import folder as folders
from homing.study import run as running
from homing.study.results import read_results
from homing.study.run import LEDGER, RECORD, RESOLVED, RESULTS, TRAJECTORIES, run

FILES = (RESULTS, TRAJECTORIES, LEDGER, RESOLVED)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(running, "PART", 10)


def contents(folder: Path) -> dict[str, bytes]:
    return {name: (folder / name).read_bytes() for name in FILES}


def test_the_run_folder_has_its_files_and_nothing_else(tmp_path: Path) -> None:
    finished = run(small_study(tmp_path), tmp_path / "runs")
    assert sorted(p.name for p in finished.folder.iterdir()) == sorted((*FILES, RECORD))
    assert finished.folder.name.startswith("small-")
    record = json.loads((finished.folder / RECORD).read_text())
    assert record["seed"] == 11 and record["patients"] == 30
    assert set(record["statuses"]) == {f"{s} / {a}" for s in ("sceptical", "optimistic") for a in ("cells", "saline")}


def test_threads_do_not_change_a_byte(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    one, two = (run(study, tmp_path / str(n), threads=n).folder for n in (1, 2))
    assert contents(one) == contents(two)


def test_the_size_of_parts_does_not_change_what_is_in_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small_study(tmp_path)
    order = ["scenario", "arm", "patient", "day"]
    tables = []
    for size in (7, 30):
        monkeypatch.setattr(running, "PART", size)
        frame = pd.read_parquet(run(study, tmp_path / str(size)).folder / RESULTS)
        weekly = pd.read_parquet(run(study, tmp_path / str(size)).folder / TRAJECTORIES)
        assert weekly.patient.nunique() == 30
        tables.append(frame.astype({"scenario": str, "arm": str}).sort_values(order, ignore_index=True))
    pd.testing.assert_frame_equal(*tables, check_categorical=False)


def test_the_seed_and_the_number_of_patients_make_another_folder(tmp_path: Path) -> None:
    folders = {run(small_study(tmp_path, n), tmp_path / "runs").folder.name for n in (5, 6)}
    assert len(folders) == 2


class Stopped(Exception):
    pass


def test_a_stopped_run_goes_on_from_its_finished_parts(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    whole = contents(run(study, tmp_path / "whole").folder)
    made: list[int] = []

    def stop(step: str, done: int, total: int) -> None:
        made.append(done)
        if len(made) == 3:
            raise Stopped

    with pytest.raises(Stopped):
        run(study, tmp_path / "stopped", progress=stop)
    folder = next((tmp_path / "stopped").iterdir())
    assert len(list((folder / "parts").glob("*.results.parquet"))) == 2
    assert not (folder / RESULTS).exists()
    assert count_simulated(study, tmp_path / "stopped") == 1, "only the part that was missing"
    assert contents(folder) == whole


def stopped_after_a_part(step: str, done: int, total: int) -> None:
    if done:
        raise Stopped


def test_the_start_of_a_run_is_that_of_its_first_part_whoever_finishes_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small_study(tmp_path)
    times = iter(f"2026-01-01T10:00:0{i}Z" for i in range(9))
    monkeypatch.setattr(folders, "now", lambda: next(times))
    with pytest.raises(Stopped):
        run(study, tmp_path / "runs", progress=stopped_after_a_part)
    record = run(study, tmp_path / "runs").record
    assert (record["started"], record["finished"]) == ("2026-01-01T10:00:00Z", "2026-01-01T10:00:01Z")


def test_the_start_of_parts_that_do_not_tell_it_is_not_known(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    with pytest.raises(Stopped):
        run(study, tmp_path / "runs", progress=stopped_after_a_part)
    next((tmp_path / "runs").glob(f"*/parts/{folders.STARTED}")).unlink()
    assert run(study, tmp_path / "runs").record["started"] == ""


def count_simulated(study: object, out: Path) -> int:
    made = []
    original = running.simulate_part

    def counted(*given: object) -> object:
        made.append(1)
        return original(*given)  # type: ignore[arg-type]

    running.simulate_part = counted  # type: ignore[assignment]
    try:
        run(study, out)  # type: ignore[arg-type]
    finally:
        running.simulate_part = original
    return len(made)


KILLED = """
import sys, pathlib
sys.path.insert(0, sys.argv[1])
from simulator_cases import small_study
from homing.study import run as running
running.PART = 10
def told(step, done, total):
    if done:
        print("part", flush=True)
        sys.stdin.readline()
running.run(small_study(pathlib.Path(sys.argv[2])), sys.argv[3], progress=told)
"""


def test_a_killed_run_goes_on_and_gives_the_same_bytes(tmp_path: Path) -> None:
    whole = contents(run(small_study(tmp_path), tmp_path / "whole").folder)
    out = tmp_path / "killed"
    given = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(tmp_path), str(out)]
    with subprocess.Popen(given, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None and child.stdout.readline() == "part\n"
        child.send_signal(signal.SIGKILL)
        child.wait()
    folder = next(out.iterdir())
    assert not (folder / RECORD).exists()
    assert contents(run(small_study(tmp_path), out).folder) == whole


@pytest.mark.parametrize("damage", [lambda b: b[: len(b) // 2], lambda b: b""])
def test_a_damaged_part_is_made_again(tmp_path: Path, damage: object) -> None:
    study = small_study(tmp_path)
    whole = contents(run(study, tmp_path / "whole").folder)

    def stop(step: str, done: int, total: int) -> None:
        if done == total:
            raise Stopped

    with pytest.raises(Stopped):
        run(study, tmp_path / "cut", progress=stop)
    folder = next((tmp_path / "cut").iterdir())
    part = next((folder / "parts").glob("*.results.parquet"))
    part.write_bytes(damage(part.read_bytes()))  # type: ignore[operator]
    assert contents(run(study, tmp_path / "cut").folder) == whole


def test_a_finished_run_is_found_and_a_tampered_one_is_not_trusted(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    first = run(study, tmp_path / "runs")
    assert not first.reused
    assert run(study, tmp_path / "runs").reused
    results = first.folder / RESULTS
    whole = results.read_bytes()
    results.write_bytes(whole[:-1] + b"x")
    again = run(study, tmp_path / "runs")
    assert not again.reused and results.read_bytes() == whole
    (first.folder / RECORD).write_text("{")
    assert not run(study, tmp_path / "runs").reused


def test_a_full_disk_is_an_error_that_names_the_file_and_leaves_nothing_to_trust(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = small_study(tmp_path)
    whole = contents(run(study, tmp_path / "whole").folder)
    calls = []

    def full(handle: int) -> None:
        calls.append(handle)
        if len(calls) == 5:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(StudyError, match=r"parquet: can't be written \(No space left on device\).*--out") as error:
            run(study, tmp_path / "full")
    assert error.value.exit_code == 2
    folder = next((tmp_path / "full").iterdir())
    assert not [p for p in folder.rglob(".*.*") if p.name != ".lock"], "no temporary file stays"
    assert contents(run(study, tmp_path / "full").folder) == whole


def test_a_folder_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(StudyError, match=r"runs.*can't be made.*--out"):
        run(small_study(tmp_path), tmp_path / "runs")


def test_two_runs_do_not_work_in_one_folder(tmp_path: Path) -> None:
    study = small_study(tmp_path)

    def second(step: str, done: int, total: int) -> None:
        run(study, tmp_path / "runs")

    with pytest.raises(StudyError, match="another run is at work"):
        run(study, tmp_path / "runs", progress=second)


def test_the_tables_hold_what_the_simulator_says(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    finished = run(study, tmp_path / "runs")
    results = read_results(study, finished.folder / RESULTS)
    simulator = finished.simulator()
    cohort = simulator.cohort(np.arange(study.patients))
    for key in study.scenarios:
        arms = {a: simulator.run(cohort, p, scenario(key), study.visits) for a, p in study.arms.items()}
        met = {arm: found.outcome("combined-remission", 168.0) for arm, found in arms.items()}
        for arm in arms:
            assert results.primary(key, arm).mean == pytest.approx(met[arm].mean())
            crp = arms[arm].outcome("crp", 84.0)
            assert results.cell(key, arm, "crp", 84.0).mean == pytest.approx(crp.mean())
            assert results.cell(key, arm, "crp", 84.0).error == pytest.approx(crp.std(ddof=1) / np.sqrt(len(crp)))
        assert results.difference(key).mean == pytest.approx((met["cells"] - met["saline"]).mean())
    ledger = pd.read_csv(finished.folder / LEDGER)
    assert len(ledger) == 2 * 30 * 3  # scenarios x patients x doses of both arms
    cells = ledger[ledger.give == "darvadstrocel"]
    steps = cells[["nominal", "viable", "potent", "delivered", "engrafted"]].to_numpy()
    assert (np.diff(steps, axis=1) <= 0).all()
    losses = cells[[name for name in cells.columns if name.startswith("lost_")]].sum(axis=1)
    np.testing.assert_allclose(cells.nominal - losses, cells.engrafted)


def test_a_failed_patient_is_a_row_and_the_denominator_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    study = small_study(tmp_path)
    original = CompiledSystem.run

    def failing(self: CompiledSystem, *given: object, **more: object) -> object:
        found = original(self, *given, **more)  # type: ignore[arg-type]
        if not more.get("final") and len(found.status) == 10:
            found.status[3] = Status.TOO_MANY_STEPS
            found.values[3, 5:] = np.nan
        return found

    monkeypatch.setattr(CompiledSystem, "run", failing)
    finished = run(study, tmp_path / "runs")
    assert finished.record["statuses"]["sceptical / cells"] == {"success": 27, "too_many_steps": 3}
    numerics = finished.record["numerics"]
    assert numerics["complete"]["sceptical / cells"] == "27/30"
    where = {"where": "sceptical / cells", "patient": 13, "status": "too_many_steps"}
    assert where in numerics["failed"]
    frame = pd.read_parquet(finished.folder / RESULTS)
    assert len(frame) == 2 * 2 * 30 * 3
    lost = frame[frame.status == "too_many_steps"]
    assert set(lost.patient) == {3, 13, 23}
    assert lost[lost.day == 168].combined_remission.isna().all()
    cell = read_results(study, finished.folder / RESULTS).primary("sceptical", "cells")
    assert (cell.n, cell.failed) == (27, 3)


def test_progress_tells_the_patients_done_of_those_in_all(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    run(small_study(tmp_path), tmp_path / "runs", progress=lambda *given: told.append(given))
    assert told == [("simulate", n, 120) for n in (0, 40, 80, 120)]


def test_a_finished_run_is_not_simulated_again(tmp_path: Path) -> None:
    study = small_study(tmp_path)
    run(study, tmp_path / "runs")
    assert count_simulated(study, tmp_path / "runs") == 0
