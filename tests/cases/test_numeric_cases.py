"""Numerics with right answers: stiff kinetics, output grids, tiny and negative states, balances, failed patients."""

import numpy as np
import pytest

from homing.engine import Status, compile_system
from homing.formats.sbml_import import antimony_to_sbml, model_of_sbml
from homing.protocol.events import Events


def model(text):
    return model_of_sbml(antimony_to_sbml(f"model m()\n{text}\nend"))


def run(found, outputs, times, n=1, rtol=1e-8, varying=(), **values):
    parameters = found.parameters(values)
    compiled = compile_system(found.system, outputs, list(varying))
    return compiled.run(found.start(parameters, n), parameters, Events.none(n), times, rtol=rtol)


def test_n1_robertson():
    found = model("a = 1; b = 0; c = 0; a' = -0.04*a + 1e4*b*c; c' = 3e7*b^2; b' = 0.04*a - 1e4*b*c - 3e7*b^2")
    values = run(found, ["a", "b", "c"], [0.4, 40.0, 4000.0], rtol=1e-9).values[0]
    right = [
        [0.985172114, 3.38639538e-5, 0.0147940222],
        [0.715827069, 9.18553e-6, 0.284163746],
        [0.183202258, 8.94237e-7, 0.816796848],
    ]
    assert values == pytest.approx(np.array(right), rel=2e-6)


def test_n3_a_finer_output_grid_changes_nothing_at_shared_times():
    found = model("x = 1; y = 0; x' = -x * y + 0.1; y' = 0.3 * x - 0.05 * y")
    coarse, fine = run(found, ["x", "y"], np.arange(0, 31.0, 1.0)), run(found, ["x", "y"], np.arange(0, 30.005, 0.01))
    assert np.array_equal(coarse.values[0][:-1], fine.values[0][::100][: len(coarse.times) - 1])


def test_n4_a_state_that_dies_out_is_not_clipped_and_not_flagged():
    found = model("x = 1e6; x' = -0.1 * x")
    result = run(found, ["x"], [1000.0], rtol=1e-6)
    assert abs(result.values[0, 0, 0]) <= 1e-12 * 10 and result.status[0] == Status.SUCCESS


def test_n7_what_goes_in_is_what_is_left_and_what_came_out():
    found = model("k = 0.7; l = 0.1; a = 1e8; b = 0; c = 0; a' = -k*a; b' = k*a - l*b; c' = l*b")
    values = run(found, ["a", "b", "c"], np.linspace(0, 100, 51), rtol=1e-5).values[0]
    assert np.abs(values.sum(axis=1) / 1e8 - 1).max() < 1e-12


def test_n8_halving_the_tolerance_moves_little():
    found = model("x = 1; y = 0; x' = -x * y + 0.1; y' = 0.3 * x - 0.05 * y")
    times = np.linspace(0, 50, 26)
    one, half = run(found, ["x", "y"], times, rtol=1e-6).values, run(found, ["x", "y"], times, rtol=5e-7).values
    assert (np.abs(one - half) / np.abs(half).max(axis=1, keepdims=True)).max() < 10 * 1e-6


def test_n9_a_patient_who_fails_is_one_of_a_thousand():
    found = model("k = 0.1; x = 1; x' = k * x^2")
    k = np.full(1000, 0.001)
    k[417] = 1.0  # infinite at time 1
    result = run(found, ["x"], [0.5, 2.0], n=1000, varying=["k"], k=k)
    assert result.complete.sum() == 999
    assert [(i, s.has_failed) for i, s in result.problems()] == [(417, True)]
    assert np.isfinite(result.values[417, 0, 0]) and np.isnan(result.values[417, 1, 0])
