"""Calibration end to end on few points, and its parts against what can be worked out by hand."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.special import expit
from typer.testing import CliRunner

from homing.cli.main import app
from homing.credibility import predicting, scoring
from homing.credibility.calibration import data, fistula, fistula_model, kinetics, kinetics_fit, run
from homing.credibility.calibration.priors import prior_draws, with_trials
from homing.credibility.calibration.run import Effort
from homing.credibility.calibration.surface import Surface
from homing.credibility.calibration.unknowns import unknowns
from homing.credibility.split import count, rows_of, sealed
from homing.evidence.root import catalogue_root
from homing.evidence.store import load_store
from homing.ground.errors import HomingError
from homing.inference.emulator import fit_emulators, sobol_design
from homing.patients.posterior import read_posterior

KNOWN = unknowns("fistula")
OUTPUTS = tuple(output.key for output in fistula.all_outputs())
DATA = data.fistula_data(sealed(load_store()), "calibration", OUTPUTS)


@pytest.fixture(scope="module")
def surface() -> Surface:
    """A made-up surface: the logit of every output is 0.5 + closing, plus the effect where the arm has cells."""
    points = sobol_design(KNOWN.low, KNOWN.high, 64, 3)
    share = np.stack(
        [expit(-0.5 + points[:, 0] + (0 if key.startswith("procedure") else 0.3) * points[:, 1]) for key in OUTPUTS], 1
    )
    events = np.round(share * 1e6)
    return Surface(OUTPUTS, fit_emulators(points, events, 10**6, KNOWN.low, KNOWN.high, degree=2))


def test_the_logit_of_a_row_is_what_its_parts_add_up_to(surface: Surface) -> None:
    values = prior_draws(KNOWN, fistula_model.sizes(DATA.table, surface), 3, 8)
    found = fistula_model.logits(values, DATA.table, surface, np)
    t = DATA.table
    for draw in range(3):
        v = {name: column[draw] for name, column in values.items()}
        for row in range(len(t.rows)):
            j = t.trial[row]
            sd = np.sqrt(v["trial_spread"] ** 2 + v["centre_spread"] ** 2 / t.centres[j])
            closing = v["fistula_closing"] + v["drift"] * t.decades[j] + v["other_fistula"] * t.others[j]
            closing += sd * v[fistula_model.CLOSING][j]
            effect = v["cell_effect"] + v["effect_spread"] * v[fistula_model.EFFECT][j]
            x = np.clip([closing, effect, v["reopening"], v["half_dose"]], KNOWN.low, KNOWN.high)
            by_hand = surface.emulators.each[t.which[row]].logit(x)
            by_hand += surface.error[t.which[row]] * v[fistula_model.EMULATION][t.which[row]]
            by_hand += (
                v["own_definition"] * t.own[row] + v["open_bias"] * t.open[row] + v["completers"] * t.completers[row]
            )
            assert found[draw, row] == pytest.approx(by_hand, abs=1e-9)


def test_bias_and_selection_act_where_they_should() -> None:
    row = {key: i for i, key in enumerate(DATA.table.rows)}
    t = DATA.table
    blinded = row["ADMIRE-CD, cells, combined-remission, week 24"]
    uncontrolled, control = (
        row["Dietz-2017, cells, fistula-healing, week 26"],
        row["FATT-1, glue, fistula-healing, week 24"],
    )
    assert (t.open[blinded], t.open[uncontrolled], t.open[control]) == (0, 1, 0)
    assert (t.own[blinded], t.own[uncontrolled], t.own[control]) == (0, 1, 1)
    assert t.completers[row["de-la-Portilla-2013, cells, combined-remission, week 24"]] == 1
    assert t.others[t.trials.index("FATT-1")] == 1 and t.others[t.trials.index("ADMIRE-CD")] == 0
    assert t.centres[t.trials.index("ADMIRE-CD")] == 49


def test_a_fitted_trial_keeps_its_deviate_and_a_new_one_has_its_own_in_all_its_rows() -> None:
    draws = {"z": np.arange(6.0).reshape(3, 2)}
    found = with_trials(draws, ("z",), ("a", "b"), ("b", "new"), 4)["z"]
    np.testing.assert_array_equal(found[:, 0], draws["z"][:, 1])
    assert found.shape == (3, 2) and len(set(found[:, 1])) == 3


def test_weights_of_the_kinetics_agree_with_a_grid() -> None:
    """The debris rate's posterior mean against a sum over a grid, all other factors at draws of their prior."""
    store = sealed(load_store())
    found = kinetics_fit.fit(store, 5)
    assert found.effective > 200
    seen = kinetics.observed(store)
    for name, (mean, sd) in seen.items():
        at = [kinetics.simulate({k: float(c[i]) for k, c in found.draws.items()})[name] for i in range(0, 5000, 10)]
        assert np.log(at).mean() == pytest.approx(mean, abs=2 * sd)
        assert np.log(at).std() <= 1.5 * sd


def test_rules_are_what_they_say() -> None:
    known = [count(load_store(), row) for row in rows_of("calibration", "fistula").rows]
    controls = [c for c in known if c.is_control and c.row.how == "binomial"]
    latest = max(controls, key=lambda c: (c.trial.year or 0, c.n))
    told = predicting._rules(controls, controls, 1, 40_000)
    assert latest.row.trial == "ADMIRE-CD"
    assert told["last trial"].mean() == pytest.approx((latest.events + 1) / (latest.n + 2), abs=0.002)
    np.testing.assert_array_equal(told["meta-analysis"], told["control"])
    pairs = predicting._controlled(known)
    assert {a.row.trial: a.n for a, _ in pairs} == {
        "ADMIRE-CD": 107,
        "Molendijk-2015": 15,
        "FATT-1": 124,
        "Garcia-Olmo-2009": 24,
    }


def test_totals_count_both_arms_of_a_trial_once() -> None:
    rows = rows_of("holdout", "fistula")
    counts = {row.key: count(load_store(), row) for row in rows.rows}
    share = np.full(50, 0.4)
    predicted = [predicting.Predicted(c, "fistula", share, {"control": share}) for c in counts.values()]
    verdict = scoring.judge(predicted)
    total = next(t for t in verdict.totals if t.domain == "")
    assert total.rows == len(counts) - len(rows.comparisons or {})
    assert total.homing_log == pytest.approx(total.rule_log)
    from scipy.stats import binom

    assert total.homing_log == pytest.approx(sum(binom.logpmf(c.events, c.n, 0.4) for c in counts.values()), rel=1e-9)


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
