"""libRoadRunner in a process of its own (it brings an LLVM that must not meet llvmlite's): CVODE, one patient at a
time, restarted at every dose, which is the fastest way to give doses at times of their own."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

_model: Any = None


@dataclass(frozen=True)
class Job:
    """Patients for one worker, as plain data; names are SBML identifiers."""

    states: list[str]
    absolute: list[float]
    initial: list[float]
    varying: list[str]
    boluses: dict[str, float]
    parameters: NDArray[np.float64]
    dose_times: NDArray[np.float64]
    times: NDArray[np.float64]
    rtol: float


def load(sbml: str) -> None:
    """Compile the model, once in each process."""
    global _model
    import roadrunner

    _model = roadrunner.RoadRunner(sbml)


def run(job: Job) -> tuple[NDArray[np.float64], float]:
    """(patient, time, state) and the seconds it took."""
    _model.timeCourseSelections = job.states
    _model.integrator.relative_tolerance = job.rtol
    for name, absolute in zip(job.states, job.absolute, strict=True):
        _model.integrator.setIndividualTolerance(name, absolute)
    _model.integrator.maximum_num_steps = 100_000
    begun = time.perf_counter()
    rows = [_patient(job, i) for i in range(len(job.parameters))]
    return np.stack(rows), time.perf_counter() - begun


def _patient(job: Job, i: int) -> NDArray[np.float64]:
    _model.reset()
    for name, value in zip(job.varying, job.parameters[i], strict=True):
        _model.setValue(name, value)
    for name, value in zip(job.states, job.initial, strict=True):
        _model.setValue(name, value)
    seen = []
    edges = [job.times[0], *job.dose_times[i], job.times[-1]]
    for start, end in itertools.pairwise(edges):
        inside = job.times[(job.times > start) & (job.times <= end)]
        stops = np.unique([start, *inside, end])
        block = np.array(_model.simulate(times=stops.tolist()))
        keep = np.isin(stops, inside) | ((stops == job.times[0]) & (start == job.times[0]))
        seen.append(block[keep])
        if end < job.times[-1]:
            for name, amount in job.boluses.items():
                _model.setValue(name, _model.getValue(name) + amount)
    return np.concatenate(seen)
