"""What each operation does, and that each event happens once."""

import numpy as np
import pytest
from engine_systems import DRUG, Drug, Sink

from homing.engine import Status, compile_system
from homing.engine.reference import reference_run
from homing.ground.errors import NumericsError
from homing.mechanism import assemble
from homing.protocol.events import Events, Op

STILL = DRUG | {"drug.k_absorb": 0.0, "drug.k_leave": 0.0}
OUTPUTS = ("drug.depot", "drug.central")


@pytest.fixture(scope="module")
def drug():
    return compile_system(assemble(Drug()), OUTPUTS, ("drug.k_leave",), ("drug.central",))


@pytest.mark.parametrize(
    ("op", "value", "after"),
    [
        (Op.ADD, 5, 15),
        (Op.SET, 3, 3),
        (Op.MULTIPLY, 0.25, 2.5),
        (Op.RAISE_TO, 12, 12),
        (Op.RAISE_TO, 8, 10),
        (Op.LOWER_TO, 12, 10),
        (Op.LOWER_TO, 8, 8),
        (Op.ADD_MULTIPLE_OF, 0.5, 12),
    ],
)
def test_operation(drug, op, value, after):
    events = Events.from_rows(1, [0], [2], [op], [1], [value], [0 if op == Op.ADD_MULTIPLE_OF else -1])
    run = drug.run([4.0, 10.0], STILL, events, [1, 2, 3])
    assert run["drug.central"][0].tolist() == [10, 10, after]
    assert run["drug.depot"][0].tolist() == [4, 4, 4]


def test_operations_at_one_time_act_in_the_order_given(drug):
    for ops, values, after in (
        ((Op.ADD, Op.MULTIPLY), (2, 10), 120),
        ((Op.MULTIPLY, Op.ADD), (10, 2), 102),
        ((Op.ADD_MULTIPLE_OF, Op.SET), (1, 7), 7),
    ):
        events = Events.from_rows(1, [0, 0], [1, 1], ops, [1, 1], values, [0, 0])
        assert drug.run([4.0, 10.0], STILL, events, [1], side="right")["drug.central"][0, 0] == after


def test_parameter_operations_set_and_add(drug):
    k, rate = drug.target("drug.k_leave"), drug.target("input:drug.central")
    assert drug.varying == ("drug.k_leave", "input:drug.central")
    rows = [0, 0, 0], [1, 2, 3], [Op.SET_PARAMETER, Op.ADD_TO_PARAMETER, Op.SET_PARAMETER], [rate, rate, k], [4, 3, 0]
    run = drug.run([0.0, 0.0], STILL, Events.from_rows(1, *rows), [1, 2, 4])
    assert np.allclose(run["drug.central"][0], [0, 4, 18], atol=1e-9)


def test_events_at_the_end_happen_once_and_later_ones_do_not(drug):
    events = Events.from_rows(1, [0, 0, 0], [0, 5, 6], [Op.ADD] * 3, [1] * 3, [1, 10, 100])
    left = drug.run(None, STILL, events, [5], final=True)
    right = drug.run(None, STILL, events, [5], side="right", final=True)
    assert (left["drug.central"][0, 0], right["drug.central"][0, 0]) == (1, 11)
    assert (left.final[0, 1], right.final[0, 1]) == (1, 11)


def test_a_run_cut_in_two_gives_what_one_run_gives(drug):
    """The events at the cut happen in the first half if it ends on the right, in the second if on the left."""
    events = Events.from_rows(2, [0, 0, 1, 1], [0, 5, 5, 8], [Op.ADD] * 4, [0, 1, 0, 1], [50, 10, 20, 30])
    whole = drug.run(None, DRUG, events, [5, 7, 10], side="right", final=True, rtol=1e-9)
    for side in ("left", "right"):
        first = drug.run(None, DRUG, events, [5], side=side, final=True, rtol=1e-9)
        later = events.time >= 5 if side == "left" else events.time > 5
        patient = np.repeat(np.arange(2), np.diff(events.start))
        rest = Events.from_rows(
            2, patient[later], events.time[later], events.op[later], events.target[later], events.value[later]
        )
        second = drug.run(first.final, DRUG, rest, [5, 7, 10], begin=5, side="right", final=True, rtol=1e-9)
        assert np.allclose(second.values, whole.values, rtol=1e-7)
        assert np.allclose(second.final, whole.final, rtol=1e-7)


def test_final_states_are_those_of_the_last_output(drug):
    events = Events.from_rows(3, [0, 1], [0, 2.5], [Op.ADD, Op.ADD], [0, 0], [50, 20])
    for side in ("left", "right"):
        run = drug.run(None, DRUG, events, [1, 2.5, 4], side=side, final=True)
        assert (run.final == run.values[:, -1]).all()


def test_a_run_of_no_length_shows_the_start(drug):
    events = Events.from_rows(1, [0], [0], [Op.ADD], [1], [10])
    assert drug.run([1.0, 2.0], DRUG, events, [0], final=True).final.tolist() == [[1, 2]]
    assert drug.run([1.0, 2.0], DRUG, events, [0], final=True, side="right").final.tolist() == [[1, 12]]


def test_an_event_before_the_start_is_refused(drug):
    events = Events.from_rows(2, [1], [-1], [Op.ADD], [1], [10])
    with pytest.raises(NumericsError, match="patient 1 has an event at -1 d, before the start"):
        drug.run(None, DRUG, events, [1])


def test_the_reference_engine_agrees_on_order_sides_and_ends(drug):
    rows = [0] * 5, [0, 2, 2, 4, 6], [Op.ADD, Op.MULTIPLY, Op.ADD, Op.SET, Op.ADD], [1] * 5, [8, 0.5, 3, 1, 9]
    events = Events.from_rows(1, *rows)
    for side in ("left", "right"):
        there = reference_run(
            drug.system, None, DRUG, events, [0, 2, 3, 4], outputs=OUTPUTS, varying=("drug.k_leave",),
            infused=("drug.central",), side=side,
        )  # fmt: skip
        here = drug.run(None, DRUG, events, [0, 2, 3, 4], side=side, rtol=1e-9, final=True)
        assert np.allclose(here.values, there.values, rtol=1e-7, atol=1e-9)
        assert np.allclose(here.final, there.final, rtol=1e-7, atol=1e-9)


def test_a_tally_counts_without_steering_the_steps():
    sink = compile_system(assemble(Sink()), ("sink.pool", "sink.gone"), ("sink.rate",))
    run = sink.run(None, {"sink.rate": 0.1}, Events.none(1), [5])
    assert np.allclose(run.values[0, 0], [0.5, 0.5])
    assert run.status[0] == Status.SUCCESS
