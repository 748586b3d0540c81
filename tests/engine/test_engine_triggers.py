"""State-triggered events: found where they are, once, whatever the grid; delays, priorities, persistence."""

import math

import numpy as np
import pytest
import sympy

from homing.engine import Status, compile_system
from homing.mechanism import EquationSystem, Parameter, State, Trigger, choose
from homing.mechanism.equations import watched
from homing.protocol.events import Events, Op

X, Y, K, T = (sympy.Symbol(name, real=True) for name in ("x", "y", "k", "time"))
STATES = {name: State(name, "1", low=-math.inf, absolute=1e-12) for name in ("x", "y")}


def above(a, b):
    return choose(b, a, 0, 1)


def system(*triggers, rates=None, clock=""):
    states = STATES | ({"time": State("time", "d", low=-math.inf, absolute=1.0)} if clock else {})
    rates = rates or {"x": -K * X, "y": sympy.Integer(0)}
    if clock:
        rates = {**rates, "time": sympy.Integer(1)}
    return EquationSystem(states, {"k": Parameter("k", "1/d", low=-math.inf)}, rates, {}, triggers, clock)


def run(found, times, initial=(1.0, 0.0), k=0.1, patients=1, events=None, **options):
    start = np.tile(np.array([*initial, *([0.0] if found.clock else [])]), (patients, 1))
    outputs = [s for s in found.states if s != "time"]
    compiled = compile_system(found, outputs, ["k"])
    options = {"side": "right", "rtol": 1e-9} | options
    return compiled.run(start, {"k": k}, events or Events.none(patients), times, **options)


def test_a_crossing_is_found_where_it_is():
    """x = exp(-k t) falls below a half at ln 2 / k; each patient has a crossing of its own."""
    k = np.linspace(0.05, 3.0, 37)
    found = run(watched(system(), {"half": ("x", 0.5)}), [0.0, 100.0], k=k, patients=37)
    assert found.fired_at[:, 0] == pytest.approx(math.log(2) / k, rel=1e-8)
    assert (found.fired == 1).all() and (found.status == 0).all()


def test_n3_the_time_of_an_event_does_not_depend_on_the_output_grid():
    jump = Trigger("jump", above(sympy.Rational(1, 2), X), {"x": X + 1})
    coarse = run(system(jump), np.arange(0, 51.0, 1.0))
    fine = run(system(jump), np.arange(0, 50.005, 0.01))
    assert coarse.fired_at[0, 0] == fine.fired_at[0, 0]
    assert np.array_equal(coarse.fired, fine.fired)
    assert coarse["x"][0] == pytest.approx(fine["x"][0, ::100], rel=1e-9)


def test_n6_extinction_below_one_cell_is_reported():
    found = run(watched(system(), {"extinct": ("x", 1.0)}), [100.0], initial=(100.0, 0.0))
    assert found.fired_at[0, 0] == pytest.approx(46.0517, abs=1e-4)


def test_n10_a_crossing_by_a_dose_is_reported_once_at_the_dose():
    """The dose at 3 lifts x over the threshold in the same instant; both sides of it can be read."""
    over = Trigger("over", above(X, 5), {})
    dose = Events.from_rows(1, [0], [3.0], [Op.ADD], [0], [10.0])
    found = run(system(over), [3.0, 3.0, 4.0], events=dose, side=["left", "right", "left"])
    before = math.exp(-0.3)
    assert found.fired_at[0, 0] == 3.0 and found.fired[0, 0] == 1
    assert found["x"][0] == pytest.approx([before, before + 10, (before + 10) * math.exp(-0.1)], rel=1e-8)


def test_a_narrow_window_between_two_comparisons_is_not_missed():
    """Nothing controls the step but the window, which is open for a hundredth of a day."""
    window = Trigger("window", above(T, 40) * above(sympy.Float(40.01), T), {"y": Y + 1})
    found = run(system(window, rates={"x": sympy.Integer(0), "y": sympy.Integer(0)}, clock="time"), [39.0, 41.0, 90.0])
    assert found["y"][0].tolist() == [0, 1, 1]


def test_a_ball_bounces_where_it_should():
    """Height x, speed y, gravity k: every bounce keeps 0.8 of the speed; the n-th is at t1 (1 + 2 sum 0.8^i)."""
    bounce = Trigger("bounce", above(0, X), {"x": sympy.Integer(0), "y": -sympy.Float(0.8) * Y})
    falling = system(bounce, rates={"x": Y, "y": -K})
    first = math.sqrt(2 * 10 / 9.81)
    fourth = first * (1 + 2 * (0.8 + 0.64 + 0.512))
    found = run(falling, [fourth - 1e-3, fourth + 1e-3], initial=(10.0, 0.0), k=9.81)
    assert found.fired[0, 0] == 4 and found.fired_at[0, 0] == pytest.approx(first, rel=1e-9)
    speed = 9.81 * first * 0.8**3
    assert found["y"][0] == pytest.approx([-speed, 0.8 * speed], rel=1e-2)


@pytest.mark.parametrize(("early", "expected"), [(True, 1.0), (False, math.exp(-0.2))])
def test_delay_and_the_time_of_its_values(early, expected):
    """y becomes x two days after day 1: x of then, which was 1, or x of day 3."""
    late = Trigger("late", above(T, 1), {"y": X}, delay=2, early=early)
    rates = {"x": -K * X, "y": sympy.Integer(0)}
    found = run(system(late, rates=rates, clock="time"), [2.9, 3.1], initial=(math.exp(0.1), 0.0))
    assert found["y"][0] == pytest.approx([0.0, expected], rel=1e-8)


def test_what_does_not_persist_is_called_off():
    window = above(T, 1) * above(2, T)
    kept = Trigger("kept", window, {"x": X + 1}, delay=3)
    off = Trigger("off", window, {"y": Y + 1}, delay=3, persistent=False)
    rates = {"x": sympy.Integer(0), "y": sympy.Integer(0)}
    found = run(system(kept, off, rates=rates, clock="time"), [10.0], initial=(0.0, 0.0))
    assert (found["x"][0, 0], found["y"][0, 0]) == (1.0, 0.0)


def test_the_highest_priority_comes_first_and_later_ones_see_it():
    low = Trigger("low", above(T, 1), {"y": X * 2}, priority=1, early=False)
    high = Trigger("high", above(T, 1), {"x": X + 10}, priority=5)
    rates = {"x": sympy.Integer(0), "y": sympy.Integer(0)}
    found = run(system(low, high, rates=rates, clock="time"), [2.0], initial=(1.0, 0.0))
    assert found["y"][0, 0] == 22.0


def test_equal_priorities_draw_lots_that_depend_on_the_patient_alone():
    one = Trigger("one", above(T, 1), {"y": sympy.Integer(1)}, priority=1)
    two = Trigger("two", above(T, 1), {"y": sympy.Integer(2)}, priority=1)
    rates = {"x": sympy.Integer(0), "y": sympy.Integer(0)}
    both = system(one, two, rates=rates, clock="time")
    many = run(both, [2.0], patients=400)["y"][:, 0]
    assert 120 < (many == 1).sum() < 280
    assert np.array_equal(many, run(both, [2.0], patients=400, chunk=64, threads=2)["y"][:, 0])


def test_a_condition_true_at_the_start_fires_there_only_if_asked():
    for initially, count in ((True, 0), (False, 1)):
        found = run(system(Trigger("at start", above(X, 0), {"y": Y + 1}, initially=initially)), [0.0, 1.0])
        assert found["y"][0].tolist() == [count, count]


def test_triggers_that_set_each_other_off_without_end_are_a_status():
    up = Trigger("up", above(sympy.Rational(1, 2), Y), {"y": sympy.Integer(1)}, initially=False)
    down = Trigger("down", above(Y, sympy.Rational(1, 2)), {"y": sympy.Integer(0)})
    found = run(system(up, down), [1.0])
    assert Status(found.status[0]) is Status.TOO_MANY_EVENTS and np.isnan(found["x"][0, 0])


def test_triggers_and_planned_events_meet_whatever_the_chunks():
    """Doses, a trigger that removes half, and readings: the same patient by patient, alone or in company."""
    rng = np.random.default_rng(5)
    n = 40
    events = Events.from_rows(
        n, np.repeat(np.arange(n), 5), np.sort(rng.uniform(0, 50, (n, 5)), axis=1).ravel(),
        np.full(5 * n, Op.ADD), np.zeros(5 * n, dtype=int), rng.uniform(0, 2, 5 * n),
    )  # fmt: skip
    halve = Trigger("halve", above(X, 1), {"x": X / 2, "y": Y + 1})
    k = rng.uniform(0.01, 0.4, n)
    times = np.linspace(0, 60, 61)
    together = run(system(halve), times, initial=(0.0, 0.0), k=k, patients=n, events=events)
    for i in (0, 7, 39):
        alone = run(system(halve), times, initial=(0.0, 0.0), k=k[i : i + 1], events=events.take(i, i + 1))
        assert np.array_equal(alone.values[0], together.values[i])
        doses = [(t, a) for t, a in zip(events.take(i, i + 1).time, events.take(i, i + 1).value, strict=True)]
        assert together["y"][i, -1] == _halvings(doses, k[i])


def _halvings(doses, k):
    """How often a pool over 1 was halved, by hand: it falls between doses, so only a dose can lift it over 1."""
    x, last, count, was_over = 0.0, 0.0, 0, False
    for t, amount in doses:
        x *= math.exp(-k * (t - last))
        was_over = was_over and x > 1
        x, last = x + amount, t
        if x > 1 and not was_over:
            x, count = x / 2, count + 1
            was_over = x > 1
    return count
