"""What calibration trials saw beside simulated cohorts, kinetic hold-outs, and emulators at draws of the posterior."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from homing.credibility.calibration.design import run_points
from homing.credibility.calibration.unknowns import unknowns
from homing.credibility.emulation import errors
from homing.credibility.kinetic_hold_outs import TEST, KineticHoldOut, kinetic_hold_outs, kinetics_plain, of_trials
from homing.credibility.predictive_checks import (
    Checks,
    checks_plain,
    cohort_readings,
    fistula_readings,
    predictive_checks,
)
from homing.credibility.split import row_sets, rows_of
from homing.evidence.store import Store, load_store

STORE = load_store()
COHORTS = (("relapse", "relapse"), ("reset", "treatment-free"))


def poisoned() -> Store:
    """The store with every held-out result turned around, and trials of hold-outs alone emptied."""
    held = {(r.trial, r.arm, r.endpoint, r.week) for s in row_sets() if s.set == "holdout" for r in s.rows}
    calibrating = {r.trial for s in row_sets() if s.set == "calibration" for r in s.rows}
    trials = {}
    for key, trial in STORE.trials.items():
        outcomes = tuple(
            replace(o, events=o.n - o.events)
            if o.events is not None and (key, o.arm, o.endpoint, o.week) in held
            else o
            for o in trial.outcomes
        )
        trials[key] = replace(trial, outcomes=outcomes if key in calibrating else ())
    return replace(STORE, trials=trials)


def test_no_held_out_result_is_read() -> None:
    other = poisoned()
    assert fistula_readings(STORE) and fistula_readings(STORE) == fistula_readings(other)
    for domain, endpoint in COHORTS:
        assert cohort_readings(STORE, domain, endpoint) == cohort_readings(other, domain, endpoint)


def test_a_held_out_visit_of_a_calibration_trial_is_in_the_store_and_not_read() -> None:
    assert any(o.week == 104 for o in STORE.outcomes("ADMIRE-CD", "clinical-remission-fistula"))
    read = [s for s in fistula_readings(STORE) if s.trial == "ADMIRE-CD"]
    assert {s.week for s in read} == {24, 52}
    assert any(s.endpoint == "clinical-remission-fistula" for s in read), "visits that no row names are shown too"


def test_a_share_of_those_still_followed_has_no_size_and_other_weeks_are_left_out() -> None:
    burt = {s.week: s.n for s in cohort_readings(STORE, "reset", "treatment-free") if s.trial == "Burt-2010"}
    assert burt == {52: 23, 104: None, 156: None, 208: None, 260: None}
    weeks = {(r.trial, r.week) for r in rows_of("calibration", "relapse").rows}
    assert {(s.trial, s.week) for s in cohort_readings(STORE, "relapse", "relapse")} == weeks


@pytest.fixture(scope="module")
def checks() -> Checks:
    """Two draws that differ in the effect of cells alone, of few patients."""
    draws = {"cell_effect": np.array([0.01, 3.0]), "memory_priming": np.ones(2)}
    return predictive_checks(draws, STORE, 5, draws=2, patients=60)


def test_cells_act_where_they_are_given_and_more_of_them_no_less(checks: Checks) -> None:
    shares = checks.doses.shares
    assert shares.shape == (2, 7)
    assert shares[0, 0] == shares[1, 0], "without cells their effect is nothing"
    assert shares[1, -1] > shares[1, 0] and shares[1, -1] > shares[0, -1]
    by_regimen = {c.of: c.shares for c in checks.courses if c.key == "combined-remission"}
    week_24 = list(next(c.x for c in checks.courses)).index(24)
    assert by_regimen["120-million"][1, week_24] == shares[1, -1]


def test_relapse_only_grows_and_freedom_only_falls(checks: Checks) -> None:
    course = {c.key: c.shares for c in checks.courses}
    assert np.all(np.diff(course["relapse"], axis=1) >= 0)
    assert np.all(np.diff(course["reset"], axis=1) <= 0)


def test_what_was_seen_is_judged_by_an_arm_of_its_size(checks: Checks) -> None:
    for check in (*checks.courses, checks.doses):
        for seen in check.seen:
            if seen.n is None:
                assert seen.inside is None
                continue
            assert seen.inside is not None
            inside = [seen.inside[level] for level in (0.5, 0.8, 0.95)]
            assert inside == sorted(inside), "a wider interval holds what a narrower one does"
    plain = checks_plain(checks)
    assert all(c["low"][i] <= c["middle"][i] <= c["high"][i] for c in plain["courses"] for i in range(len(c["x"])))


def test_errors_are_root_mean_squares_in_points_within_the_box_and_told_apart_beyond_it() -> None:
    emulated, simulated = np.array([[0.5, 0.2]] * 3), np.array([[0.47, 0.2], [0.54, 0.2], [0.7, 0.21]])
    found = errors(("a", "b"), emulated, simulated, np.array([True, True, False]))
    assert found["a"]["error in points"] == pytest.approx(np.sqrt(12.5), rel=1e-3)
    assert (found["a"]["largest"], found["a"]["beyond"], found["a"]["largest beyond"]) == pytest.approx((4, 1, 20))
    assert (found["b"]["error in points"], found["b"]["largest beyond"]) == (0, 1)


def test_points_that_are_kept_are_not_simulated_again(tmp_path: Path) -> None:
    known = unknowns("fistula")
    points = np.log([[1.0, 0.2, 1.0, 1.0], [2.0, 0.2, 1.0, 1.0]])
    asked: list[Mapping[str, float]] = []

    def simulate(changes: Mapping[str, float]) -> tuple[np.ndarray, np.ndarray]:
        asked.append(changes)
        return np.array([round(3 * changes["tract.k_close"])]), np.array([10])

    for _ in range(2):
        design = run_points(known, ["x"], simulate, points, {"at": "these"}, tmp_path)
        assert design.events[:, 0].tolist() == [3, 6]
    assert len(asked) == 2
    run_points(known, ["x"], simulate, points, {"at": "others"}, tmp_path)
    assert len(asked) == 4


def test_trials_are_drawn_of_those_whose_b_cells_returned() -> None:
    means, spreads = of_trials(np.array([90.0, np.nan, 90.0]), 5, 50, 1)
    assert np.all(means == 90) and np.all(spreads == 0)
    days = np.random.default_rng(2).normal(100, 20, 4000)
    means, spreads = of_trials(days, 5, 4000, 3)
    assert means.std() == pytest.approx(20 / np.sqrt(5), rel=0.05)
    assert (spreads**2).mean() == pytest.approx(400, rel=0.06), "the variance with n - 1 is unbiased"


def test_a_lower_bound_refutes_only_what_lies_below_it() -> None:
    row = next(r for r in rows_of("holdout", "kinetics").rows if r.how == "kinetic")
    draws = np.linspace(100, 200, 1001)
    both = [KineticHoldOut(row, "longest", x, draws, TEST) for x in (50, 150, 250)]
    assert [k.inside(0.95) for k in both] == [False, True, False]
    assert [replace(k, bound="at least").inside(0.95) for k in both] == [True, True, False]
    assert both[1].interval(0.5) == (125, 175)


def test_the_kinetic_hold_outs_are_read_from_the_store_and_say_which_is_no_test() -> None:
    told = {k["of"]: k for k in kinetics_plain(kinetic_hold_outs(STORE, 7))}
    assert (told["longest"]["observed"], told["mean"]["observed"], told["sd"]["observed"]) == (693, 110, 32)
    assert told["longest"]["bound"] == "at least"
    assert told["mean"]["role"] == "consistency" and told["sd"]["role"] == "test"
