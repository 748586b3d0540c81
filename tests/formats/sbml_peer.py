"""What other tools say of an exported model: libSBML of its consistency, libRoadRunner of its numbers."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from collections.abc import Sequence

import libsbml
import numpy as np
import pytest


def problems(text: str) -> list[str]:
    """Everything libSBML has to say, warnings and unit consistency included."""
    document = libsbml.readSBMLFromString(text)
    document.setConsistencyChecks(libsbml.LIBSBML_CAT_UNITS_CONSISTENCY, True)
    document.checkConsistency()
    return [document.getError(i).getMessage() for i in range(document.getNumErrors())]


#: In a process of its own: libRoadRunner brings an LLVM that must not meet llvmlite's.
ROADRUNNER = """
import json, sys
import numpy, roadrunner
job = json.load(sys.stdin)
model = roadrunner.RoadRunner(job["sbml"])
model.integrator.relative_tolerance = 1e-9
for name, absolute in job["absolute"].items():
    model.integrator.setIndividualTolerance(name, absolute)
model.timeCourseSelections = job["select"]
json.dump(numpy.asarray(model.simulate(times=[0.0, *job["days"]]))[1:].tolist(), sys.stdout)
"""
#: Absolute tolerance by unit: a thousandth of a cell, since CVODE fails where it is to follow fewer as they die out; of
#: all else next to nothing, since its rounding would seed bacteria that nobody was given.
TOLERANCES = {"item": 1e-3}
TIGHT = 1e-13


def tolerances(text: str) -> dict[str, float]:
    """The absolute tolerance of everything that has a rate, by its identifier."""
    document = libsbml.readSBMLFromString(text)  # owns what is read from it
    model = document.getModel()
    named = [rule.getVariable() for rule in model.getListOfRules() if rule.isRate()]
    return {name: TOLERANCES.get(model.getParameter(name).getUnits(), TIGHT) for name in named}


def simulated_elsewhere(text: str, select: Sequence[str], days: Sequence[float] | np.ndarray) -> np.ndarray:
    """The columns `select` at `days`, from libRoadRunner."""
    if importlib.util.find_spec("roadrunner") is None:
        pytest.skip("libRoadRunner has no wheel for this Python (3.14 on); other Pythons run this test")
    job = json.dumps({"sbml": text, "select": list(select), "days": list(days), "absolute": tolerances(text)})
    done = subprocess.run([sys.executable, "-c", ROADRUNNER], input=job, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.array(json.loads(done.stdout))
