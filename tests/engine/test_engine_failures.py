"""A patient that fails is a row with a status; a wrong input is a refusal that names the fix."""

import numpy as np
import pytest
import sympy
from engine_systems import DRUG, BlowUp, Drug, Functions, Sink

from homing.engine import Status, compile_system
from homing.ground.errors import NumericsError, WiringError
from homing.mechanism import Module, Parameter, State, assemble
from homing.protocol.events import Events, Op


@pytest.fixture(scope="module")
def blow_up():
    return compile_system(assemble(BlowUp()), ("blowup.y",), ("blowup.k",))


@pytest.fixture(scope="module")
def drug():
    return compile_system(assemble(Drug()), ("concentration",), ("drug.k_leave",))


def test_a_patient_that_blows_up_is_a_row_and_leaves_the_others_alone(blow_up):
    k = np.full(40, 0.01)
    k[[3, 17]] = 0.2  # infinite at day 5
    run = blow_up.run(None, {"blowup.k": k}, Events.none(40), [1, 4, 6, 9], final=True, rtol=1e-7)
    failed = np.isin(np.arange(40), [3, 17])
    assert (run.complete == ~failed).all()
    assert np.allclose(run["blowup.y"][~failed], 1 / (1 - 0.01 * run.times), rtol=1e-5)
    assert np.allclose(run["blowup.y"][failed][:, :2], 1 / (1 - 0.2 * run.times[:2]), rtol=1e-5)
    assert np.isnan(run["blowup.y"][failed][:, 2:]).all() and np.isnan(run.final[failed]).all()
    problems = dict(run.problems())
    assert set(problems) == {3, 17} and all(s.has_failed for s in problems.values())


def test_a_patient_with_a_missing_value_fails_alone(drug):
    k = np.array([0.1, np.nan, 0.1])
    run = drug.run([0.0, 100.0], DRUG | {"drug.k_leave": k}, Events.none(3), [0, 5])
    assert [Status(s) for s in run.status] == [Status.SUCCESS, Status.NOT_FINITE, Status.SUCCESS]
    assert np.isnan(run.values[1]).all() and np.isfinite(run.values[[0, 2]]).all()


def test_too_many_steps_keeps_what_was_reached(blow_up):
    run = blow_up.run(None, {"blowup.k": 0.1}, Events.none(1), [0, 0.1, 9.9], max_steps=12, rtol=1e-10)
    assert Status(run.status[0]) == Status.TOO_MANY_STEPS
    assert np.isfinite(run.values[0, :2]).all() and np.isnan(run.values[0, 2]).all()


def test_a_negative_state_is_reported_and_kept():
    sink = compile_system(assemble(Sink()), ("sink.pool",), ("sink.rate",))
    run = sink.run(None, {"sink.rate": np.array([0.1, 0.3])}, Events.none(2), [5])
    assert [Status(s) for s in run.status] == [Status.SUCCESS, Status.NEGATIVE_STATE]
    assert run["sink.pool"][1, 0] == pytest.approx(-0.5)
    assert run.complete.all()


def test_every_status_has_a_sentence_and_a_remedy():
    for status in Status:
        assert status.sentence.endswith(".") and status.remedy.endswith(".")


def test_an_unknown_name_is_refused_with_the_nearest():
    system = assemble(Drug())
    for wrong, meant in (
        ({"outputs": ("concentraton",)}, "concentration"),
        ({"outputs": ("drug.central",), "varying": ("drug.k_leav",)}, "drug.k_leave"),
        ({"outputs": ("drug.central",), "infused": ("drug.centrl",)}, "drug.central"),
    ):
        with pytest.raises(WiringError, match=f"Did you mean '{meant}'"):
            compile_system(system, **wrong)
    with pytest.raises(WiringError, match="named twice"):
        compile_system(system, ("drug.central", "drug.central"))


def test_a_missing_or_misplaced_parameter_is_refused(drug):
    fewer = {k: v for k, v in DRUG.items() if k != "drug.volume"}
    with pytest.raises(WiringError, match=r"'drug\.volume' has no value"):
        drug.run(None, fewer, Events.none(1), [1])
    with pytest.raises(WiringError, match=r"Add it to compile_system\(\.\.\., varying=\.\.\.\)"):
        drug.run(None, DRUG | {"drug.volume": np.ones(2)}, Events.none(2), [1])
    with pytest.raises(WiringError, match="has shape"):
        drug.run(None, DRUG | {"drug.k_leave": np.ones(3)}, Events.none(2), [1])
    with pytest.raises(WiringError, match="no input of this model"):
        drug.run(None, DRUG | {"input:drug.central": 1.0}, Events.none(1), [1])
    with pytest.raises(NumericsError, match="must be a finite number"):
        drug.run(None, DRUG | {"drug.volume": np.inf}, Events.none(1), [1])
    with pytest.raises(WiringError, match="not a varying parameter"):
        drug.target("drug.volume")


def test_wrong_shapes_times_and_targets_are_refused(drug):
    for change, message in (
        ({"initial": [1.0]}, "shape"),
        ({"times": [2, 1]}, "sorted"),
        ({"times": []}, "at least one"),
        ({"times": [-1]}, "before the start"),
        ({"rtol": 0.5}, "rtol"),
        ({"side": "middle"}, "left"),
        ({"threads": 0}, "at least 1"),
        ({"events": Events.from_rows(1, [0], [1], [Op.ADD], [2], [1])}, "no such target"),
        ({"events": Events.from_rows(1, [0], [1], [Op.SET_PARAMETER], [1], [1])}, "no such target"),
        ({"events": Events.from_rows(1, [0], [1], [Op.ADD_MULTIPLE_OF], [1], [1])}, "source"),
    ):
        arguments = {"initial": None, "parameters": DRUG, "events": Events.none(1), "times": [1]} | change
        with pytest.raises(NumericsError, match=message):
            drug.run(**arguments)


def test_a_function_the_engine_does_not_know_is_named():
    class Wave(Module):
        """A gamma function."""

        x = State("x", "1")
        k = Parameter("k", "1/d")

        def rates(self, y, p, s):
            return {"x": sympy.gamma(p.k * y.x)}

    with pytest.raises(WiringError, match="does not know 'gamma'"):
        compile_system(assemble(Wave()), ("wave.x",))


def test_a_tally_that_something_reads_is_refused():
    class Feedback(Module):
        """A count that steers."""

        x = State("x", "1", initial=1.0)
        count = State("count", "1", tally=True)

        def rates(self, y, p, s):
            return {"x": -y.count, "count": y.x}

    with pytest.raises(WiringError, match=r"'feedback\.count', which is declared a tally"):
        compile_system(assemble(Feedback()), ("feedback.x",))


def test_functions_agree_with_numpy_and_keep_their_limits():
    system = assemble(Functions())
    x = np.concatenate([np.logspace(-12, 2.8, 300), [1.0, 2.0, 0.0, -1.0]])
    names = tuple(system.signals)
    run = compile_system(system, names, ("functions.n",)).run(
        x[:, None], {"functions.n": np.linspace(0.3, 9, len(x))}, Events.none(len(x)), [0]
    )
    n, positive = np.linspace(0.3, 9, len(x)), np.maximum(x, 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = {
            "exponential": np.exp(x),
            "logarithm": np.log(x),
            "root": np.sqrt(positive),
            "whole": x**5,
            "odd": positive**1.7,
            "steep": positive**n,
            "larger": np.maximum(x, 2),
            "smaller": np.minimum(x, n),
        }
        normal = x > 0
        assert np.allclose(run["inverse_half"][normal, 0], x[normal] ** -2.5, rtol=1e-13)
    for name, values in expected.items():
        assert np.allclose(run[name][:, 0], values, rtol=2e-13, atol=0, equal_nan=True), name
