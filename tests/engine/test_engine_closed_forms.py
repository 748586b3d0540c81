"""The engine against answers that can be written down."""

import numpy as np
import pytest
from engine_systems import DRUG, ROBERTSON, Bounded, Drug, Growth, Robertson

from homing.engine import Status, compile_system
from homing.mechanism import Module, Parameter, State, assemble
from homing.protocol.events import Events, Op


@pytest.fixture(scope="module")
def drug():
    return compile_system(assemble(Drug()), ("concentration",), ("drug.k_leave", "drug.volume"), ("drug.central",))


def central(drug):
    return drug.system.state_index("drug.central")


@pytest.mark.parametrize(("side", "at_start"), [("left", 0.0), ("right", 10.0)])
def test_a_bolus_decays_exponentially_and_the_caller_chooses_the_side_of_the_dose(drug, side, at_start):
    events = Events.from_rows(1, [0], [0], [Op.ADD], [central(drug)], [100])
    times = np.array([0.0, 1.0, 5.0, 30.0])
    run = drug.run(None, DRUG, events, times, side=side, rtol=1e-8)
    expected = 10 * np.exp(-0.1 * times)
    expected[0] = at_start
    assert np.allclose(run["concentration"][0], expected, rtol=1e-6)
    assert run.status[0] == Status.SUCCESS


def test_two_doses_at_the_same_time_add_up(drug):
    events = Events.from_rows(1, [0, 0], [0, 0], [Op.ADD] * 2, [central(drug)] * 2, [100, 100])
    assert drug.run(None, DRUG, events, [0], side="right")["concentration"][0, 0] == 20.0


def test_an_infusion_ends_once_though_outputs_fall_on_its_end(drug):
    rate = drug.target("input:drug.central")
    events = Events.from_rows(1, [0, 0], [0, 10], [Op.ADD_TO_PARAMETER] * 2, [rate] * 2, [10, -10])
    for side in ("left", "right"):
        run = drug.run(None, DRUG, events, [5, 10, 10, 12], side=side, rtol=1e-8)
        assert np.allclose(run["concentration"][0], [3.93469, 6.32121, 6.32121, 5.17537], atol=1e-5)


def test_absorption_as_fast_as_elimination_needs_no_special_case(drug):
    events = Events.from_rows(1, [0], [0], [Op.ADD], [drug.system.state_index("drug.depot")], [100])
    run = drug.run(None, DRUG | {"drug.k_absorb": 0.1}, events, [10], rtol=1e-8)
    assert run["concentration"][0, 0] == pytest.approx(3.67879, abs=1e-5)


def test_a_covariate_change_is_carried_forward(drug):
    """CASES V1: clearance doubles at 10; C(10) = 3.67879 and C(20) = 0.497871."""
    k = drug.target("drug.k_leave")
    rows = [0, 0], [0, 10], [Op.ADD, Op.SET_PARAMETER], [central(drug), k], [100, 0.2]
    run = drug.run(None, DRUG, Events.from_rows(1, *rows), [10, 20], rtol=1e-8)
    assert np.allclose(run["concentration"][0], [3.67879, 0.497871], atol=1e-5)


def test_a_signal_is_observed_with_the_parameters_in_force_on_each_side(drug):
    """The volume halves at 3: the concentration jumps, the amount does not."""
    volume = drug.target("drug.volume")
    rows = [0, 0], [0, 3], [Op.ADD, Op.SET_PARAMETER], [central(drug), volume], [100, 5.0]
    events = Events.from_rows(1, *rows)
    left = drug.run(None, DRUG, events, [1, 3, 4], rtol=1e-8)["concentration"][0]
    right = drug.run(None, DRUG, events, [1, 3, 4], side="right", rtol=1e-8)["concentration"][0]
    amount = 100 * np.exp(-0.1 * np.array([1, 3, 4]))
    assert np.allclose(left, amount / [10, 10, 5], rtol=1e-6)
    assert np.allclose(right, amount / [10, 5, 5], rtol=1e-6)


def test_times_before_zero_are_times_like_others(drug):
    events = Events.from_rows(1, [0], [0], [Op.ADD], [central(drug)], [100])
    run = drug.run(None, DRUG, events, [-7, -1, 0, 5], begin=-7, rtol=1e-8)
    assert np.allclose(run["concentration"][0], [0, 0, 0, 6.06531], atol=1e-5)


def test_a_chain_of_equal_rates_is_a_gamma_distribution():
    class Chain(Module):
        """Three places one after the other."""

        one, two, three = State("1", "1", initial=1.0), State("2", "1"), State("3", "1")
        k = Parameter("k", "1/d")

        def rates(self, y, p, s):
            return {"one": -p.k * y.one, "two": p.k * (y.one - y.two), "three": p.k * (y.two - y.three)}

    t = np.linspace(0, 20, 41)
    chain = compile_system(assemble(Chain()), ("chain.three",), ("chain.k",))
    run = chain.run(None, {"chain.k": np.array([0.3, 1.0])}, Events.none(2), t, rtol=1e-9)
    for i, k in enumerate((0.3, 1.0)):
        assert np.allclose(run["chain.three"][i], (k * t) ** 2 / 2 * np.exp(-k * t), atol=1e-7)


def test_logistic_growth_and_ever_smaller_errors_with_the_tolerance():
    growth = compile_system(assemble(Growth()), ("growth.size",))
    t = np.linspace(0, 30, 61)
    exact = 2 / (1 + (2 / 0.1 - 1) * np.exp(-0.5 * t))
    errors = []
    for rtol in (1e-4, 1e-6, 1e-8):
        run = growth.run(None, {"growth.k_grow": 0.5, "growth.most": 2.0}, Events.none(1), t, rtol=rtol)
        errors.append(np.abs(run["growth.size"][0] / exact - 1).max())
    assert errors[0] < 3e-4 and errors[1] < 3e-6 and errors[2] < 1e-7
    assert errors[0] > 10 * errors[1] > 100 * errors[2]


def test_robertson():
    """CASES N1."""
    robertson = compile_system(assemble(Robertson()), ("robertson.a", "robertson.b", "robertson.c"))
    run = robertson.run(None, ROBERTSON, Events.none(1), [0.4, 40, 4000], rtol=1e-8)
    expected = [
        [0.985172114, 3.38639538e-5, 0.0147940222],
        [0.715827069, 9.18553e-6, 0.284163746],
        [0.183202258, 8.94237e-7, 0.816796848],
    ]
    assert np.allclose(run.values[0], expected, rtol=2e-6)


def test_rates_with_corners_take_the_right_branch():
    """Up rises at rate 1 to limit-1 and approaches the limit from there; down decays to its floor and stays."""
    bounded = compile_system(assemble(Bounded()), ("bounded.up", "bounded.down", "spread"), ("bounded.limit",))
    t = np.linspace(0, 6, 25)
    run = bounded.run(None, {"bounded.limit": 3.0, "bounded.floor": 1.0}, Events.none(1), t, rtol=1e-7)
    up = np.where(t < 2, t, 3 - np.exp(-(t - 2)))
    down = 1 + 2 * np.exp(-t)
    assert np.allclose(run["bounded.up"][0], up, atol=1e-5)
    assert np.allclose(run["bounded.down"][0], down, atol=1e-5)
    assert np.allclose(run["spread"][0], np.maximum(down - up, 0), atol=2e-5)
    below = bounded.run([0.0, 0.5], {"bounded.limit": 3.0, "bounded.floor": 1.0}, Events.none(1), [5])
    assert below["bounded.down"][0, 0] == 0.5
