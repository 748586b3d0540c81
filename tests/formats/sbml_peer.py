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


#: In a process of its own: libRoadRunner brings an LLVM that must not meet llvmlite's. With tighter tolerances CVODE
#: asks for more than doubles have where cells die out, and its rounding seeds bacteria that nobody was given.
ROADRUNNER = """
import json, sys
import numpy, roadrunner
job = json.load(sys.stdin)
model = roadrunner.RoadRunner(job["sbml"])
model.integrator.relative_tolerance, model.integrator.absolute_tolerance = 1e-9, 1e-9
model.timeCourseSelections = job["select"]
json.dump(numpy.asarray(model.simulate(times=[0.0, *job["days"]]))[1:].tolist(), sys.stdout)
"""


def simulated_elsewhere(text: str, select: Sequence[str], days: Sequence[float] | np.ndarray) -> np.ndarray:
    """The columns `select` at `days`, from libRoadRunner."""
    if importlib.util.find_spec("roadrunner") is None:
        pytest.skip("libRoadRunner is not installed")
    job = json.dumps({"sbml": text, "select": select, "days": list(days)})
    done = subprocess.run([sys.executable, "-c", ROADRUNNER], input=job, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return np.array(json.loads(done.stdout))
