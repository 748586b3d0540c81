"""Imported models against libRoadRunner: published ones, and small ones with events, functions and volumes."""

from pathlib import Path

import numpy as np
import pytest

from homing.engine import compile_system
from homing.formats.sbml_import import antimony_to_sbml, as_sbml, model_of_sbml, read_model
from homing.protocol.events import Events

PUBLISHED = sorted((Path(__file__).parent.parent / "files" / "models" / "published").glob("*.[xa]*"))
HILL = "function hill(x, k, n)\n x^n / (k^n + x^n)\nend"
TIMES = np.linspace(0, 20, 41)

SMALL = {
    "volumes": """
      compartment a = 2; compartment b = 0.5; species S in a; species P in b; S = 10; P = 1;
      J: S -> P; a * k * S / (K + S); k = 0.7; K = 3;""",
    "a growing compartment": """
      compartment cell = 1; cell' = 0.1 * cell; species S in cell; S = 5;
      J: -> S; 2 * cell; D: S -> ; 0.3 * S * cell;""",
    "functions and piecewise": """
      x = 0.1; x' = 2 * hill(y, 1, 4) - x; y = 2; y' = piecewise(1, time < 5, 0.2, time < 12, 0) - 0.5 * y;""",
    "standard functions": """
      x = 1; x' = sin(time) * exp(-0.1 * time) + tanh(x) * 0.01 - abs(cos(x)) * 0.1 + floor(time / 7) * 0.05;
      y = 1; y' = ln(2 + x^2) * 0.02 - arctan(x) * 0.03 + ceil(time / 9) * 0.01;""",
    "events at times": """
      x = 1; x' = -0.3 * x; at (time > 3.3): x = x + 2; at (time > 11): x = x * 4;""",
    "events on states": """
      x = 1; x' = 0.4 * x; y = 0; y' = x; low: at (x > 5): x = 1, y = y / 2;""",
    "delays": """
      x = 1; x' = -0.2 * x; y = 0; y' = 0; at 2.5 after (x < 0.6): y = y + x; at 1 after (y > 0.1): x = x + 1;""",
    "priorities": """
      x = 0; x' = 1; y = 1; y' = 0;
      first: at (x > 4.2), priority = 2: y = y + 3; second: at (x > 4.2), priority = 1: y = y * 10;""",
    "initial assignments": """
      a := 2 * b; b = 3; x = a + b; x' = -0.1 * x * a;
      S1 = 4; compartment c = 2; species S1 in c; J: S1 -> ; 0.1 * S1;""",
    "stoichiometries": """
      species A, B; A = 10; B = 0; J: 2 A -> 3 B; k * A^2; k = 0.02;""",
}


def compare(text, model, rel=2e-6):
    """All states that libRoadRunner can show, relative to their size and to a thousandth of their largest value."""
    roadrunner = pytest.importorskip("roadrunner")
    roadrunner.Logger.disableLogging()
    peer = roadrunner.RoadRunner(text)
    peer.integrator.relative_tolerance, peer.integrator.absolute_tolerance = 1e-11, 1e-16
    peer.integrator.maximum_num_steps = 2_000_000
    known = {*peer.model.getFloatingSpeciesIds(), *peer.model.getGlobalParameterIds(), *peer.model.getCompartmentIds()}
    names = [s for s in model.system.states if s in known]
    peer.timeCourseSelections = ["time", *names]
    right = np.asarray(peer.simulate(0, 20, 41))[:, 1:]
    compiled = compile_system(model.system, names)
    found = compiled.run(model.start(model.values), model.values, Events.none(1), TIMES, side="right", rtol=1e-10)
    assert found.complete.all()
    scale = np.abs(right) + 1e-3 * np.abs(right).max(axis=0) + 1e-12
    error = np.abs(found.values[0] - right) / scale
    worst = np.unravel_index(error.argmax(), error.shape)
    assert error.max() < rel, (names[worst[1]], TIMES[worst[0]], found.values[0][worst], right[worst])


@pytest.mark.oracle
@pytest.mark.parametrize("file", PUBLISHED, ids=lambda f: f.stem)
def test_published_models_agree_with_libroadrunner(file):
    compare(as_sbml(file), read_model(file))


@pytest.mark.oracle
@pytest.mark.parametrize("name", SMALL)
def test_small_models_agree_with_libroadrunner(name):
    text = antimony_to_sbml(f"{HILL}\nmodel small()\n{SMALL[name]}\nend")
    compare(text, model_of_sbml(text), rel=1e-5)
