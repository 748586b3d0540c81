"""Calibration end to end on few points, and its parts against what can be worked out by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from homing.cli.main import app
from homing.credibility.calibration import data, fistula, run
from homing.credibility.calibration.run import Effort
from homing.credibility.calibration.unknowns import unknowns
from homing.credibility.split import sealed
from homing.evidence.root import catalogue_root
from homing.evidence.store import load_store
from homing.ground.errors import HomingError
from homing.patients.posterior import read_posterior

KNOWN = unknowns("fistula")
OUTPUTS = tuple(output.key for output in fistula.all_outputs())
DATA = data.fistula_data(sealed(load_store()), "calibration", OUTPUTS)


def test_the_posterior_that_ships_is_of_these_rows_and_holds_together() -> None:
    shipped = read_posterior(catalogue_root() / "posterior" / "posterior.yaml")
    assert shipped.made["data"] == "-".join(run.rows_digest(d) for d in ("fistula", "luminal", "kinetics"))
    assert shipped.until == "2019-12-31" and not shipped.provisional
    for key, parameter in shipped.parameters.items():
        low, middle, high = np.quantile(parameter.draws, [0.025, 0.5, 0.975])
        assert parameter.posterior.median == pytest.approx(middle, rel=1e-3), key
        assert parameter.posterior.low == pytest.approx(low, rel=1e-3), key
        assert parameter.posterior.high == pytest.approx(high, rel=1e-3), key
    told = json.loads((catalogue_root() / "posterior" / "diagnostics.json").read_text(encoding="utf-8"))
    assert all(d["converged"] for d in told["domains"].values())
    assert told["ranks"]["replicates"] >= 200 and not told["ranks"]["failing"]


def test_admire_cd_ii_is_within_what_was_predicted_and_admire_cd_is_not_excluded() -> None:
    told = json.loads((catalogue_root() / "posterior" / "holdout-scores.json").read_text(encoding="utf-8"))
    found = next(d for d in told["differences"] if d["name"] == "ADMIRE-CD II week 24")["scores"]["homing"]
    low, high = found["intervals"]["0.95"]
    assert low <= found["observed"] <= high and found["observed"] == pytest.approx(0.024, abs=0.001)
    assert low <= 0.15 <= high


TINY = Effort(points=20, fistula_patients=60, luminal_patients=60, warmup=40, draws=40, chains=2)


@pytest.mark.slow
def test_calibrate_runs_is_taken_up_again_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "QUICK", TINY)
    runner = CliRunner()
    asked = ["calibrate", "--quick", "--out", str(tmp_path), "--json", "--threads", "2"]
    first = runner.invoke(app, asked)
    assert first.exit_code == 0, first.output
    told = json.loads(first.stdout)
    assert set(told["diagnostics"]["domains"]) == {"fistula", "luminal"}
    assert {row["trial"] for row in told["hold-outs"]["rows"]} >= {"ADMIRE-CD-II", "SPARE", "ASTIC"}
    draws = (tmp_path / "draws.csv").read_bytes()
    next((tmp_path / "designs").glob("fistula-*-00000.npz")).unlink()  # one block is lost, and simulated again
    next((tmp_path / "chains").glob("chain-1-*")).unlink()
    again = runner.invoke(app, [*asked, "--threads", "1"])
    assert again.exit_code == 0 and (tmp_path / "draws.csv").read_bytes() == draws
    assert json.loads(again.stdout) == told
    read_posterior(tmp_path / "posterior.yaml")


def test_without_numpyro_calibrate_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numpyro", None)
    with pytest.raises(HomingError, match=r"homing\[calibrate\]"):
        run.calibrate(tmp_path)
