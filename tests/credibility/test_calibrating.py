"""Calibration end to end on few points, and its parts against what can be worked out by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from typer.testing import CliRunner

from homing.cli import main as command_line
from homing.cli.main import app
from homing.credibility import calibrating, files
from homing.credibility.calibrating import Calibrated
from homing.credibility.calibration import run
from homing.credibility.calibration.factors import Factor
from homing.credibility.calibration.posterior_files import Parameter
from homing.credibility.calibration.run import FULL, QUICK, Effort
from homing.evidence.root import catalogue_root
from homing.ground.errors import NumericsError
from homing.inference.draws import CONVERGED, ROUGH, Draws
from homing.patients.posterior import read_posterior


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


def test_a_factor_that_was_fitted_is_informed_only_where_something_was_learnt() -> None:
    factor = Factor("f", (), 1.0, "")
    wide, narrow = (np.exp(scale * np.array([-1.0, 1.0])) for scale in (0.99, 0.5))
    assert not Parameter(factor, wide, True, ("A",)).informed
    assert Parameter(factor, narrow, True, ("A",)).informed
    assert not Parameter(factor, narrow, False, ()).informed, "what was not fitted is the prior"


TINY = Effort(points=20, fistula_patients=60, luminal_patients=60, warmup=40, draws=40, chains=2, rough=True)


@pytest.mark.slow
def test_calibrate_runs_is_taken_up_again_and_says_the_same(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "QUICK", TINY)
    runner = CliRunner()
    asked = ["calibrate", "--quick", "--out", str(tmp_path), "--json", "--threads", "2"]
    first = runner.invoke(app, asked)
    told = json.loads(first.stdout, parse_constant=_no_such_number)
    assert (first.exit_code == 0) == all(d["within limits"] for d in told["diagnostics"]["domains"].values())
    assert first.exit_code == 0 or isinstance(first.exception, NumericsError), first.output
    assert set(told["diagnostics"]["domains"]) == {"fistula", "luminal"}
    assert {row["trial"] for row in told["hold-outs"]["rows"]} >= {"ADMIRE-CD-II", "SPARE", "ASTIC"}
    others = told["diagnostics"]["other priors"]
    by_factor = {
        f: [(u["median"], u["fitted"]) for u in others if u["factor"] == f] for f in ("fistula_closing", "cell_effect")
    }
    assert by_factor == {
        "fistula_closing": [(1, False), (1, True), (0.5, True), (2, True)],
        "cell_effect": [(0.3, False), (0.3, True), (0.15, True), (1, True)],
    }
    learnt = {u["median"]: u["learnt"][0] for u in others if u["factor"] == "cell_effect" and u["fitted"]}
    assert learnt[0.15] < learnt[1], "the prior moves what is learnt of a factor that is learnt little"
    draws = (tmp_path / "draws.csv").read_bytes()
    next((tmp_path / "designs").glob("fistula-*-00000.npz")).unlink()  # one block is lost, and simulated again
    next((tmp_path / "chains").glob("chain-1-*")).unlink()
    ranks = {"model": "as before", "replicates": 3, "failing": [], "histograms": {"drift": [3]}}
    diagnosed = {**json.loads((tmp_path / "diagnostics.json").read_text(encoding="utf-8")), "ranks": ranks}
    (tmp_path / "diagnostics.json").write_text(json.dumps(diagnosed), encoding="utf-8")
    monkeypatch.setattr(files, "model_version", lambda table, design: "as before")
    again = runner.invoke(app, [*asked, "--threads", "1"])
    assert again.exit_code == first.exit_code and (tmp_path / "draws.csv").read_bytes() == draws
    now = json.loads(again.stdout)
    assert now["diagnostics"].pop("ranks") == ranks, "not asked for again, they are kept"
    assert now == told
    read_posterior(tmp_path / "posterior.yaml")


def drawn(apart: float, divergent: int) -> Draws:
    """Two chains of 300 draws whose means are so far apart, one of them with so many divergent draws."""
    x = np.random.default_rng(0).normal(size=(2, 300)) + np.array([[0.0], [apart]])
    return Draws({"cell_effect": x}, np.array([0, divergent]), np.zeros(2, dtype=int), np.ones(2), 1)


@pytest.mark.parametrize(
    ("effort", "apart", "divergent", "code"),
    [
        (FULL, 0.0, 0, 0),
        (FULL, 0.0, 1, 3),
        (FULL, 0.3, 0, 3),
        (QUICK, 0.0, 0, 0),
        (QUICK, 0.1, 20, 0),
        (QUICK, 1.0, 0, 3),
        (QUICK, 0.0, 31, 3),
    ],
)
def test_what_has_not_converged_is_written_told_and_ends_with_3(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    effort: Effort,
    apart: float,
    divergent: int,
    code: int,
) -> None:
    sound, unsound = (SimpleNamespace(draws=d) for d in (drawn(0.0, 0), drawn(apart, divergent)))
    found = SimpleNamespace(effort=effort, fits={"luminal": sound, "fistula": unsound})
    made = Calibrated(cast(Any, found), cast(Any, None), cast(Any, None), tmp_path)
    for name in ("diagnostics.json", "holdout-scores.json"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    monkeypatch.setattr(calibrating, "calibrate_and_judge", lambda *args, **more: made)
    quick = ["--quick"] if effort is QUICK else []
    monkeypatch.setattr(sys, "argv", ["homing", "calibrate", "--json", "--out", str(tmp_path), *quick])
    with pytest.raises(SystemExit) as stopped:
        command_line.main()
    assert (stopped.value.code or 0) == code
    told = capsys.readouterr()
    assert json.loads(told.out) == {"diagnostics": {}, "hold-outs": {}}, "what was found is told all the same"
    assert ("fistula" in told.err and "diagnostics.json" in told.err) == (code == 3)
    assert "Traceback" not in told.err


def test_the_limits_are_in_the_guide() -> None:
    text = (Path(__file__).parents[2] / "docs" / "howto" / "calibrate.md").read_text(encoding="utf-8")
    for number in (CONVERGED.rhat, int(CONVERGED.ess), ROUGH.rhat, f"{100 * ROUGH.divergent:g} %"):
        assert f" {number}" in text


def test_without_numpyro_calibrate_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Before anything is simulated: exit code 2, one line and no traceback."""
    monkeypatch.setitem(sys.modules, "numpyro", None)
    monkeypatch.setattr(sys, "argv", ["homing", "calibrate", "--out", str(tmp_path / "out")])
    with pytest.raises(SystemExit) as stopped:
        command_line.main()
    assert stopped.value.code == 2
    assert capsys.readouterr().err.strip().splitlines() == [
        'homing: sampling needs numpyro. Install it with: pip install "homing[calibrate]"'
    ]
    assert not (tmp_path / "out").exists()


def _no_such_number(word: str) -> None:
    raise AssertionError(f"{word} is not JSON")
