"""`homing simulate` and `homing model` from the command line: files, refusals with exit code 2, pictures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).parents[2]
ORAL = ROOT / "tests" / "files" / "models" / "absorption.ant"
TABLE = "ID,TIME,AMT,CMT,CL\n1,0,100,depot,1\n1,1,.,.,1\n1,24,.,.,2\n2,0,50,depot,1\n2,1,,,1\n"


def homing(folder: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    given = [sys.executable, "-m", "homing.cli.main", *map(str, arguments)]
    environment = {**os.environ, "PYTHONUTF8": "1"}
    return subprocess.run(given, capture_output=True, text=True, check=False, cwd=folder, env=environment)


def table(folder: Path, text: str = TABLE) -> Path:
    (folder / "doses.csv").write_text(text, encoding="utf-8")
    return folder / "doses.csv"


def test_a_table_leaves_results_ledger_and_record(tmp_path: Path) -> None:
    result = homing(tmp_path, "simulate", ORAL, "--events", table(tmp_path), "--outputs", "C,depot", "--json")
    assert result.returncode == 0, result.stderr
    told = json.loads(result.stdout)
    folder = tmp_path / told["folder"]
    rows = pd.read_csv(folder / "results.csv")
    assert list(rows.columns) == ["ID", "TIME", "EVID", "MDV", "C", "depot"] and len(rows) == 5
    assert rows["C"][1] == pytest.approx(5.96620, rel=1e-5) and rows["C"][4] == pytest.approx(2.98310, rel=1e-5)
    ledger = pd.read_csv(folder / "ledger.csv")
    assert ledger["AMT"].tolist() == [100, 50] and ledger["fate"].tolist() == ["given", "given"]
    assert json.loads((folder / "run.json").read_text(encoding="utf-8"))["complete"] == 2
    assert any("CL (locf)" in note for note in told["notes"])


def test_the_ledger_is_a_table_that_gives_the_same_doses(tmp_path: Path) -> None:
    text = "ID,TIME,AMT,RATE,CMT,ADDL,II,F1,ALAG1\n1,0,100,50,depot,2,6,0.5,1\n1,20,0,0,.,0,0,.,.\n"
    first = homing(tmp_path, "simulate", ORAL, "--events", table(tmp_path, text), "--out", "one")
    assert first.returncode == 0, first.stderr
    ledger = pd.read_csv(tmp_path / "one" / "ledger.csv")[["ID", "TIME", "AMT", "RATE", "EVID", "CMT"]]
    end = pd.DataFrame({"ID": [1], "TIME": [20], "AMT": [0], "RATE": [0], "EVID": [0], "CMT": ["."]})
    pd.concat([ledger, end]).to_csv(tmp_path / "again.csv", index=False)
    second = homing(tmp_path, "simulate", ORAL, "--events", tmp_path / "again.csv", "--out", "two")
    assert second.returncode == 0, second.stderr
    last = [pd.read_csv(tmp_path / name / "results.csv")["C"].iloc[-1] for name in ("one", "two")]
    assert last[1] == pytest.approx(last[0], rel=1e-5)


def test_a_population_is_streamed_to_parquet_and_reproducible(tmp_path: Path) -> None:
    options = ("--until", 24, "--every", 6, "--dose", "depot=100@0,12", "--patients", 50, "--spread", "CL=0.3")
    for name in ("one", "two"):
        result = homing(tmp_path, "simulate", ORAL, *options, "--seed", 4, "--out", name, "--outputs", "C")
        assert result.returncode == 0 and "50/50" in result.stdout, result.stderr
    one, two = (pd.read_parquet(tmp_path / name / "results.parquet") for name in ("one", "two"))
    assert one.equals(two) and list(one.columns) == ["patient", "time", "C"] and len(one) == 50 * 5
    assert (tmp_path / "one" / "results.parquet").read_bytes() == (tmp_path / "two" / "results.parquet").read_bytes()


def test_an_imported_model_is_kept_and_found_by_name(tmp_path: Path) -> None:
    assert homing(tmp_path, "model", "import", ORAL, "--name", "oral").returncode == 0
    shown = homing(tmp_path, "model", "show", "oral", "--json")
    assert set(json.loads(shown.stdout)["states"]) == {"depot", "central"}
    assert homing(tmp_path, "simulate", "oral", "--until", 2, "--dose", "depot=1@0").returncode == 0
    other = ROOT / "tests" / "files" / "models" / "one_compartment.ant"
    clash = homing(tmp_path, "model", "import", other, "--name", "oral")
    assert clash.returncode == 2 and "--replace" in clash.stderr
    assert homing(tmp_path, "model", "import", other, "--name", "oral", "--replace").returncode == 0


@pytest.mark.parametrize("method", ["local", "morris", "sobol"])
def test_sensitivity_leaves_pictures_and_a_table(tmp_path: Path, method: str) -> None:
    arguments = ("--output", "C", "--until", 12, "--dose", "depot=100@0", "--method", method, "--samples", 32)
    result = homing(tmp_path, "model", "sensitivity", ORAL, *arguments, "--out", "s")
    assert result.returncode == 0, result.stderr
    pictures = {"tornado.png"} | ({"heat-map.png"} if method == "local" else set())
    for name in pictures:
        assert (tmp_path / "s" / name).read_bytes().startswith(b"\x89PNG")
    assert set(pd.read_csv(tmp_path / "s" / "sensitivity.csv")["parameter"]) == {"KA", "CL", "V"}


def test_information_says_what_is_told(tmp_path: Path) -> None:
    arguments = ("--measure", "C=0.1,0.1", "--at", "1,4,24", "--dose", "depot=100@0")
    told = homing(tmp_path, "model", "information", ORAL, *arguments)
    assert told.returncode == 0 and "directions are identified" in told.stdout
    plain = json.loads(homing(tmp_path, "model", "information", ORAL, *arguments, "--json").stdout)
    assert set(plain["standard_errors"]) == {"KA", "CL", "V"} and len(plain["directions"]) == 3


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("simulate", "nosuch", "--until", 1), "no model 'nosuch'"),
        (("simulate", "nosuch.xml", "--until", 1), "can't be read"),
        (("simulate", ORAL), "--events TABLE"),
        (("simulate", ORAL, "--until", -1), "not negative"),
        (("simulate", ORAL, "--until", 1, "--every", 0), "--every is above 0"),
        (("simulate", ORAL, "--until", 1, "--set", "CLL=2"), "Did you mean 'CL'"),
        (("simulate", ORAL, "--until", 1, "--set", "CL=two"), "not a number"),
        (("simulate", ORAL, "--until", 1, "--set", "CL"), "NAME=VALUE"),
        (("simulate", ORAL, "--until", 1, "--outputs", "D"), "no state or signal 'D'"),
        (("simulate", ORAL, "--until", 1, "--dose", "depot=100"), "STATE=AMOUNT@TIME"),
        (("simulate", ORAL, "--until", 1, "--dose", "dpot=100@0"), "Did you mean 'depot'"),
        (("simulate", ORAL, "--until", 1, "--patients", 0), "at least one"),
        (("simulate", ORAL, "--events", "none.csv"), "can't be read"),
        (("simulate", ORAL, "--events", "none.csv", "--until", 3), "without --events"),
        (("simulate", "ibd:nonsense", "--until", 1), "nonsense"),
        (("model", "sensitivity", ORAL, "--output", "C", "--until", 1, "--method", "best"), "no method"),
        (("model", "information", ORAL, "--measure", "C=x", "--at", 1), "ADDITIVE"),
        (("model", "export", ORAL, "--out", "x.xml"), "came from SBML"),
    ],
)
def test_bad_input_ends_with_2_and_says_what_would_be_right(tmp_path: Path, arguments: tuple, words: str) -> None:
    result = homing(tmp_path, *arguments)
    assert result.returncode == 2 and words in result.stderr, result.stderr
    assert "Traceback" not in result.stderr and not list(tmp_path.glob("simulations/*/results*"))


def test_a_faulty_table_is_named_with_its_line(tmp_path: Path) -> None:
    file = table(tmp_path, "ID,TIME,AMT\n1,0,100\n1,noon,\n")
    result = homing(tmp_path, "simulate", ORAL, "--events", file)
    assert result.returncode == 2 and "doses.csv:3: TIME: 'noon' is not a number" in result.stderr


def test_homings_own_model_takes_a_table(tmp_path: Path) -> None:
    text = "ID,TIME,AMT,CMT\n1,0,1e7,product.fistula\n1,28,,\n"
    file = table(tmp_path, text)
    result = homing(tmp_path, "simulate", "ibd:allogeneic-msc", "--events", file, "--outputs", "tract.closure")
    assert result.returncode == 0, result.stderr
    rows = pd.read_csv(tmp_path / "simulations" / "doses" / "results.csv")
    assert 0 < rows["tract.closure"][1] < 1


@pytest.mark.parametrize("of", ["modules", "cells"])
def test_pictures_of_homings_own_model(tmp_path: Path, of: str) -> None:
    result = homing(tmp_path, "model", "picture", "--of", of, "--out", "model.svg")
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "model.svg").read_text(encoding="utf-8").startswith("<svg ")


def test_no_picture_of_what_there_is_none_of(tmp_path: Path) -> None:
    result = homing(tmp_path, "model", "picture", "--of", "drugs", "--out", "model.svg")
    assert result.returncode == 2 and "It is modules or cells." in result.stderr
