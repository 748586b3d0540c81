"""Derivatives against closed forms and differences; information against what is known of a straight line."""

import math

import numpy as np
import pytest

from homing.engine import compile_system
from homing.engine.global_sensitivity import global_sensitivity
from homing.engine.information import Error, fisher_information
from homing.engine.sensitivity import sensitivities
from homing.formats.sbml_import import antimony_to_sbml, model_of_sbml
from homing.ground.errors import StudyError, WiringError
from homing.protocol.events import Events, Op

TIMES = np.array([0.5, 1.0, 3.0, 8.0, 20.0])


def model(text):
    return model_of_sbml(antimony_to_sbml(f"model m()\n{text}\nend"))


ORAL = model("KA = 1.3; CL = 1; V = 10; d = 0; c = 0; d' = -KA * d; c' = KA * d - CL / V * c; C := c / V")
DOSE = Events.from_rows(1, [0, 0], [0.0, 6.0], [Op.ADD, Op.ADD], [0, 0], [100.0, 50.0])


def level(t, ka, cl, v):
    """The concentration after both doses, in closed form."""

    def one(age, dose):
        k = cl / v
        return np.where(age > 0, dose * ka / (v * (ka - k)) * (np.exp(-k * age) - np.exp(-ka * age)), 0.0)

    return one(t, 100.0) + one(t - 6.0, 50.0)


def test_slopes_agree_with_the_closed_form():
    found = sensitivities(ORAL, ["C"], ["KA", "CL", "V"], TIMES, events=DOSE, rtol=1e-9)
    base = {"ka": 1.3, "cl": 1.0, "v": 10.0}
    assert found.values[:, 0] == pytest.approx(level(TIMES, **base), rel=1e-7)
    for j, name in enumerate(base):
        step = 1e-5 * base[name]
        high, low = (level(TIMES, **(base | {name: base[name] + sign * step})) for sign in (1, -1))
        assert found.slopes[:, 0, j] == pytest.approx((high - low) / (2 * step), rel=1e-6, abs=1e-9)


def differences(found, outputs, name, events, times, infused=()):
    """Central differences by the engine itself, at a tolerance that does not show."""
    value = found.values[name]
    step = 1e-4 * value
    compiled = compile_system(found.system, outputs, [name], infused)
    pair = np.array([value + step, value - step])
    both = Events.from_rows(
        2, np.repeat([0, 1], len(events.time)),
        *(np.tile(x, 2) for x in (events.time, events.op, events.target, events.value, events.source)),
    )  # fmt: skip
    values = {**found.values, name: pair}
    run = compiled.run(found.start(values, 2), values, both, times, side="right", rtol=1e-12)
    return (run.values[0] - run.values[1]) / (2 * step)


@pytest.mark.parametrize(
    ("op", "value"),
    [
        (Op.ADD, 2.0),
        (Op.SET, 2.0),
        (Op.MULTIPLY, 0.5),
        (Op.RAISE_TO, 5.0),
        (Op.RAISE_TO, 0.01),
        (Op.LOWER_TO, 0.1),
        (Op.LOWER_TO, 50.0),
        (Op.ADD_MULTIPLE_OF, 0.3),
    ],
)
def test_slopes_go_through_every_kind_of_event(op, value):
    found = model("a = 0.4; b = 0.9; x = 3; y = 1; x' = -a * x * y; y' = b * x / (1 + x) - a * y^2")
    events = Events.from_rows(1, [0, 0], [2.0, 5.0], [op, op], [0, 1], [value, value], [1, 0])
    slopes = sensitivities(found, ["x", "y"], ["a", "b"], TIMES, events=events, rtol=1e-10).slopes
    for j, name in enumerate(("a", "b")):
        assert slopes[:, :, j] == pytest.approx(differences(found, ["x", "y"], name, events, TIMES), rel=2e-5, abs=1e-8)


def test_slopes_with_infusions_and_parameters_that_events_set():
    found = model("k = 0.3; x = 0; x' = -k * x")
    events = Events.from_rows(
        1,
        [0, 0, 0],
        [1.0, 4.0, 6.0],
        [Op.SET_PARAMETER, Op.SET_PARAMETER, Op.SET_PARAMETER],
        [1, 1, 0],
        [5.0, 0.0, 0.7],
    )
    slopes = sensitivities(found, ["x"], ["k"], TIMES, events=events, varying=["k"], infused=["x"], rtol=1e-10).slopes
    expected = differences(found, ["x"], "k", events, TIMES, infused=["x"])
    assert slopes[:, :, 0] == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_starting_values_that_depend_on_parameters_count():
    found = model("a = 2; x = 3 * a^2; x' = -0.1 * x")
    slopes = sensitivities(found, ["x"], ["a"], [1.0], rtol=1e-9).slopes
    assert slopes[0, 0, 0] == pytest.approx(6 * 2 * math.exp(-0.1), rel=1e-7)


def test_elasticities_are_per_cent_for_per_cent_and_nan_at_zero():
    found = sensitivities(ORAL, ["C"], ["V"], [0.0, 5.0], events=None)
    assert np.isnan(found.elasticities).all()
    with_dose = sensitivities(ORAL, ["C"], ["V"], [5.0], events=DOSE)
    assert with_dose.elasticities[0, 0, 0] == pytest.approx(with_dose.slopes[0, 0, 0] * 10 / with_dose.values[0, 0])


def test_the_whole_mechanism_agrees_with_differences():
    from homing.biology.models import ibd_model

    found = ibd_model("allogeneic-msc", "infliximab")
    state = found.system.state_index
    events = Events.from_rows(
        1, [0, 0], [0.0, 14.0], [Op.ADD] * 2, [state("product.fistula"), state("drug.central")], [1e7, 350.0]
    )
    outputs, times = ["tract.closure", "markers.crp", "innate.activation"], [7.0, 60.0, 200.0]
    names = ["tract.k_close", "innate.k_decay", "product.k_fistula_death", "drug.k_elimination"]
    names = [n for n in names if n in found.values] + ["tcells.k_effector_loss"]
    slopes = sensitivities(found, outputs, names, times, events=events, rtol=1e-8).slopes
    for j, name in enumerate(names):
        expected = differences(found, outputs, name, events, times)
        reached = (slopes[:, :, j] != 0).any(axis=0)
        bound = 1e-6 * np.abs(expected).max() + 5e-6
        assert slopes[:, reached, j] == pytest.approx(expected[:, reached], rel=1e-4, abs=bound)
        # What the equations don't connect has no slope at all; of a difference only the steps' own error is seen. So
        # a large change of the parameter must leave it where it is.
        aside = [name for name, is_reached in zip(outputs, reached, strict=True) if not is_reached]
        if aside:
            run = compile_system(found.system, aside, [name])
            halved = {**found.values, name: found.values[name] / 2}
            first, second = (
                run.run(found.start(values, 1), values, events, times, rtol=1e-12).values
                for values in (found.values, halved)
            )
            np.testing.assert_allclose(first, second, rtol=1e-6)


def test_models_with_triggers_and_unknown_parameters_are_refused():
    with pytest.raises(WiringError, match="state-triggered"):
        sensitivities(model("k = 1; x = 1; x' = -k * x; at (x < 0.5): x = 1"), ["x"], ["k"], [1.0])
    with pytest.raises(WiringError, match=r"no parameter 'CLL'\. Did you mean 'CL'"):
        sensitivities(ORAL, ["C"], ["CLL"], [1.0])


def test_information_of_a_straight_line():
    """y = a + b t in logarithms of a and b, errors of 0.1: the textbook's matrix."""
    found = model("a = 2; b = 0.5; y = a; y' = b")
    t = np.array([0.0, 1.0, 2.0, 4.0])
    known = fisher_information(sensitivities(found, ["y"], ["a", "b"], t, rtol=1e-9), {"y": Error(0.1)})
    design = np.stack([np.full(4, 2.0), 0.5 * t], axis=1)
    assert known.matrix == pytest.approx(design.T @ design / 0.01, rel=1e-6)
    errors = np.sqrt(np.diag(np.linalg.inv(design.T @ design / 0.01)))
    assert known.standard_errors == pytest.approx(errors, rel=1e-6)
    more = fisher_information(sensitivities(found, ["y"], ["a", "b"], t), {"y": Error(0.1)}, patients=4)
    assert more.standard_errors == pytest.approx(errors / 2, rel=1e-4)


def test_what_cannot_be_told_apart_is_named():
    """Only the product of a and b acts."""
    found = model("a = 2; b = 3; x = 1; x' = -0.1 * a * b * x")
    known = fisher_information(sensitivities(found, ["x"], ["a", "b"], TIMES, rtol=1e-9), {"x": Error(0.01)})
    assert np.isinf(known.directions[-1].sd) and np.isinf(known.standard_errors).all()
    assert set(known.directions[-1].words.split()) >= {"a", "b", "while"}
    assert known.sentences()[0].startswith("1 of 2 directions")


def test_a_measurement_without_error_is_refused():
    slopes = sensitivities(ORAL, ["C"], ["CL"], [0.0, 1.0])
    with pytest.raises(StudyError, match="additive error"):
        fisher_information(slopes, {"C": Error(0.0, 0.1)})


def test_sobol_and_morris_of_a_product():
    """log y = log a + 2 log b over equal ranges: b has four times the variance of a; morris ranks them alike."""
    found = model("a = 1; b = 1; y = 0; y' = 0; z := ln(a) + 2 * ln(b)")
    sobol = global_sensitivity(found, "z", ["a", "b"], 0.0, samples=1024, seed=3)
    assert sobol.columns["first"] == pytest.approx([0.2, 0.8], abs=0.02)
    assert sobol.columns["total"] == pytest.approx([0.2, 0.8], abs=0.02)
    morris = global_sensitivity(found, "z", ["a", "b"], 0.0, method="morris", samples=30, seed=3)
    assert morris.columns["mu_star"] == pytest.approx([2 * math.log(2), 4 * math.log(2)], rel=1e-6)
    with pytest.raises(StudyError, match="no range of factors"):
        global_sensitivity(model("a = 0; y = 0; y' = a"), "y", ["a"], 1.0)
