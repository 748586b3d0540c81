"""Patients of every example study as SBML: valid, with units that close, and the same numbers in another simulator.

What the engine is given is taken down while an arm is simulated, so that the file has what the study has: the patient's
own values, the states at the start, doses, procedures and flares.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sbml_peer import problems, simulated_elsewhere

from homing.engine import CompiledSystem, compile_system
from homing.formats.sbml_export import sbml_id, to_sbml
from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.protocol.events import Events
from homing.study.plan import Study
from homing.study.resolve import read_study
from homing.study.simulator import Simulator

EXAMPLES = sorted((Path(__file__).parent.parent.parent / "examples").glob("*.yaml"))
PATIENTS = (0, 7)
#: Where the two simulators must agree: relative, and to a share of the largest value that a quantity takes.
CLOSE, OF_LARGEST = 1e-5, 1e-7


@dataclass(frozen=True)
class Given:
    """What the engine was given for one patient."""

    compiled: CompiledSystem
    initial: np.ndarray
    parameters: dict[str, float]
    events: Events
    days: np.ndarray

    def sbml(self) -> str:
        return to_sbml(
            self.compiled.system, self.parameters, self.initial.tolist(), self.events, self.compiled.varying, name="any"
        )


@functools.cache
def study(file: Path) -> Study:
    return read_study(file)


def taken_down(found: Study, arm: str, patient: int, monkeypatch: pytest.MonkeyPatch) -> Given:
    """Simulate a patient of an arm under the last scenario and keep what the engine is given until its first stop."""
    calls: list[Given] = []
    real = CompiledSystem.run

    def run(self: CompiledSystem, initial: Any, parameters: Any, events: Events, times: Any, **more: Any) -> Any:
        numbers = {name: float(np.ravel(value)[0]) for name, value in parameters.items()}
        calls.append(Given(self, np.atleast_2d(initial)[0], numbers, events, np.asarray(times)))
        return real(self, initial, parameters, events, times, **more)

    simulator = Simulator(population(found.population), found.seed)
    cohort = simulator.cohort([patient])
    with monkeypatch.context() as patched:
        patched.setattr(CompiledSystem, "run", run)
        simulator.run(cohort, found.arms[arm], scenario(found.scenarios[-1]), found.visits)
    return calls[0]


ARMS = [(file, arm) for file in EXAMPLES for arm in study(file).arms]


def name(value: object) -> str:
    return value.stem if isinstance(value, Path) else str(value)


@pytest.mark.parametrize(("file", "arm"), ARMS, ids=name)
def test_a_patient_of_an_example_is_valid_sbml_whose_units_close(
    file: Path, arm: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert problems(taken_down(study(file), arm, PATIENTS[0], monkeypatch).sbml()) == []


@pytest.mark.oracle
@pytest.mark.slow
@pytest.mark.parametrize("patient", PATIENTS)
@pytest.mark.parametrize(("file", "arm"), ARMS, ids=name)
def test_another_simulator_computes_every_state_and_signal(
    file: Path, arm: str, patient: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = taken_down(study(file), arm, patient, monkeypatch)
    system = case.compiled.system
    outputs, days = [*system.states, *system.signals], _between(case)
    engine = compile_system(system, outputs, case.compiled.varying)
    ours = engine.run(case.initial, case.parameters, case.events, days, rtol=1e-9)
    theirs = simulated_elsewhere(case.sbml(), [sbml_id(full) for full in outputs], days)
    floor = [system.states[n].absolute if n in system.states else 1e-8 for n in outputs]
    allowed = CLOSE * np.abs(theirs) + OF_LARGEST * np.abs(theirs).max(axis=0) + np.array(floor)
    worst = (np.abs(ours.values[0] - theirs) / allowed).max(axis=0)
    assert {n: w for n, w in zip(outputs, worst, strict=True) if not w <= 1} == {}


def _between(case: Given) -> np.ndarray:
    """Days at which nothing happens, so that both simulators mean the same side: a little before each visit."""
    days = np.unique(np.concatenate([case.days[1:] - 0.5, np.linspace(1.3, case.days[-1] - 1, 25)]))
    return np.array([day for day in days if np.abs(case.events.time - day).min(initial=1.0) > 1e-3])
