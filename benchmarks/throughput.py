"""Virtual patients per second, for Homing, libRoadRunner and SciPy at equal accuracy.

    python benchmarks/throughput.py [--model gut|ibd|robertson ...] [--patients 8000] [--rounds 5]

Every patient has parameters and dose times of its own, three doses, two years and weekly output of all states. All
engines have the same absolute tolerances. The error of a patient is the largest |y - reference| / (|reference| + 0.001
of the largest value of that state in the population + its absolute tolerance); of an engine, the 99th percentile over
patients. The reference is Homing at rtol 1e-11, which SciPy confirms. Engines take turns within a round, so that a busy
machine slows them alike; speeds are medians over rounds.
"""

from __future__ import annotations

import argparse
import itertools
import multiprocessing
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).parent))
import roadrunner_worker
from models import TIMES, Patients, Workload, gut_workload, ibd_workload, robertson_workload

TIGHT = 1e-11
HOMING_RTOL, ROADRUNNER_RTOL, SCIPY_RTOL = (1e-4, 5e-5, 1.3e-5, 1e-6, 1e-7), (1e-6, 1e-8, 1e-9), (1e-6,)
PATIENTS_FOR_ERROR, PATIENTS_FOR_ROADRUNNER, PATIENTS_FOR_SCIPY = 400, 400, 4
WORKLOADS: dict[str, Callable[[], Workload]] = {
    "gut": gut_workload,
    "ibd": ibd_workload,
    "robertson": robertson_workload,
}


@dataclass
class Row:
    """One engine at one tolerance. `run` does n patients and returns (values, seconds)."""

    engine: str
    rtol: float
    cores: int
    patients: Patients
    run: Callable[[Patients], tuple[NDArray[np.float64], float]]
    seconds: list[float] = field(default_factory=list)
    error: float = float("nan")

    def turn(self) -> NDArray[np.float64]:
        """Run once and note the time."""
        values, seconds = self.run(self.patients)
        self.seconds.append(seconds)
        return values

    @property
    def speed(self) -> float:
        """Patients per second."""
        return len(self.patients.parameters) / statistics.median(self.seconds)


def homing(workload: Workload, rtol: float, threads: int) -> Callable[[Patients], tuple[NDArray[np.float64], float]]:
    """Homing on some threads."""
    from homing.engine import compile_system

    compiled = compile_system(workload.system, tuple(workload.system.states), tuple(workload.varying))

    kept: dict[int, Any] = {}  # results written over in later turns, as a stream of parts does

    def run(patients: Patients) -> tuple[NDArray[np.float64], float]:
        arguments = (workload.initial, patients.values(), patients.events(), TIMES)
        last = kept.get(len(patients.parameters))
        begun = time.perf_counter()
        result = compiled.run(*arguments, rtol=rtol, threads=threads, reuse=last)
        seconds = time.perf_counter() - begun
        if not result.complete.all():
            raise RuntimeError(f"{(~result.complete).sum()} patients failed")
        kept[len(patients.parameters)] = result
        return result.values, seconds

    return run


def roadrunner(
    workload: Workload, rtol: float, pool: ProcessPoolExecutor, workers: int
) -> Callable[[Patients], tuple[NDArray[np.float64], float]]:
    """libRoadRunner in some processes."""
    from homing.formats.sbml_export import sbml_id

    def job(patients: Patients) -> roadrunner_worker.Job:
        return roadrunner_worker.Job(
            states=[sbml_id(name) for name in workload.system.states],
            absolute=[state.absolute for state in workload.system.states.values()],
            initial=list(workload.initial),
            varying=[sbml_id(name) for name in workload.varying],
            boluses={sbml_id(name): amount for name, amount in workload.boluses.items()},
            parameters=patients.parameters,
            dose_times=patients.dose_times,
            times=TIMES,
            rtol=rtol,
        )

    def run(patients: Patients) -> tuple[NDArray[np.float64], float]:
        parts = np.array_split(np.arange(len(patients.parameters)), workers)
        shares = [Patients(workload, patients.parameters[p], patients.dose_times[p]) for p in parts]
        done = list(pool.map(roadrunner_worker.run, [job(share) for share in shares]))
        return np.concatenate([values for values, _ in done]), max(seconds for _, seconds in done)

    return run


def roadrunner_pool(workload: Workload, workers: int) -> ProcessPoolExecutor:
    """Processes that have the model loaded."""
    from homing.formats.sbml_export import to_sbml

    values = dict(workload.shared) | {name: typical for name, (typical, _) in workload.varying.items()}
    text = to_sbml(workload.system, values, list(workload.initial))
    return ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), initializer=roadrunner_worker.load, initargs=(text,)
    )


def scipy_lsoda(workload: Workload, rtol: float) -> Callable[[Patients], tuple[NDArray[np.float64], float]]:
    """SciPy's LSODA, with the equations as one compiled Python function, restarted at every dose."""
    import sympy
    from scipy.integrate import solve_ivp

    states, parameters, rates = workload.system.symbols()
    names = list(parameters)
    plain = {s: sympy.Dummy() for s in [*states, *parameters.values()]}
    function = sympy.lambdify(
        [[plain[s] for s in states], [plain[parameters[n]] for n in names]],
        [r.xreplace(plain) for r in rates],
        modules="math",
        cse=True,
    )

    absolute = [state.absolute for state in workload.system.states.values()]

    def patient(values: dict[str, Any], doses: NDArray[np.float64]) -> NDArray[np.float64]:
        numbers = [float(values[n]) for n in names]
        y, rows, edges = np.array(workload.initial), [np.array(workload.initial)], [0.0, *doses, TIMES[-1]]
        for start, end in itertools.pairwise(edges):
            inside = TIMES[(TIMES > start) & (TIMES <= end)]
            stops = np.unique([*inside, end])
            solution = solve_ivp(
                lambda _, x: function(x, numbers), (start, end), y, "LSODA", stops, rtol=rtol, atol=absolute
            )
            rows += list(solution.y.T[: len(inside)])
            y = solution.y[:, -1].copy()
            for name, amount in workload.boluses.items():
                y[workload.system.index[name]] += amount
        return np.array(rows)

    def run(patients: Patients) -> tuple[NDArray[np.float64], float]:
        table = [
            {k: v[i] if np.ndim(v) else v for k, v in patients.values().items()}
            for i in range(len(patients.parameters))
        ]
        begun = time.perf_counter()
        values = np.stack([patient(p, t) for p, t in zip(table, patients.dose_times, strict=True)])
        return values, time.perf_counter() - begun

    return run


def at_no_larger_error(rows: list[Row], other: Row) -> Row | None:
    """The fastest of Homing's rows on as many cores whose error is no larger than that of another engine's row."""
    sound = [r for r in rows if r.engine == "Homing" and r.cores == other.cores and r.error <= other.error]
    return max(sound, key=lambda r: r.speed, default=None)


def measure(workload: Workload, patients: int, rounds: int, cores: int) -> list[Row]:
    """All rows, with errors and times."""
    cohort = workload.sample(patients)
    reference, _ = homing(workload, TIGHT, cores)(cohort.first(PATIENTS_FOR_ERROR))
    absolute = np.array([state.absolute for state in workload.system.states.values()])
    scale = np.abs(reference) + 1e-3 * np.abs(reference).max(axis=(0, 1)) + absolute
    counts = sorted({1, cores})
    rows = [Row("Homing", r, c, cohort, homing(workload, r, c)) for r in HOMING_RTOL for c in counts]
    pools = {c: roadrunner_pool(workload, c) for c in counts}
    few = cohort.first(PATIENTS_FOR_ROADRUNNER)
    rows += [
        Row("libRoadRunner", r, c, few, roadrunner(workload, r, pools[c], c)) for r in ROADRUNNER_RTOL for c in counts
    ]
    fewest = cohort.first(PATIENTS_FOR_SCIPY)
    rows += [Row("SciPy LSODA", r, 1, fewest, scipy_lsoda(workload, r)) for r in SCIPY_RTOL]
    for row in rows:  # the first turn warms up and shows the error
        values = row.turn()[:PATIENTS_FOR_ERROR]
        errors = (np.abs(values - reference[: len(values)]) / scale[: len(values)]).max(axis=(1, 2))
        row.error = float(np.quantile(errors, 0.99))
        row.seconds.clear()
    for _ in range(rounds):
        for row in rows:
            row.turn()
    for pool in pools.values():
        pool.shutdown()
    return rows


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--model", choices=[*WORKLOADS], nargs="*", default=[*WORKLOADS])
    parser.add_argument("--patients", type=int, default=8000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    for name, found in peers_in_r().items():
        print(f"{name}: {'found, but not timed by this script' if found else 'not found on this machine'}")
    for model in options.model:
        workload, cores = WORKLOADS[model](), os.cpu_count() or 1
        show(workload, measure(workload, options.patients, options.rounds, cores))


def peers_in_r() -> dict[str, bool]:
    """Whether R has rxode2 and mrgsolve here."""
    found = {}
    for name in ("rxode2", "mrgsolve"):
        script = f"quit(status = !requireNamespace('{name}', quietly = TRUE))"
        r = shutil.which("Rscript")
        found[name] = r is not None and subprocess.run([r, "-e", script], check=False).returncode == 0
    return found


def show(workload: Workload, rows: list[Row]) -> None:
    """Print the table of one model, and Homing beside each other engine."""
    print()
    print(f"{workload.name}: {len(workload.system.states)} states, {len(TIMES)} output times, {TIMES[-1]:g} days")
    print(f"{'engine':<16}{'rtol':>8}{'cores':>7}{'error q99':>12}{'patients/s':>12}")
    for row in rows:
        print(f"{row.engine:<16}{row.rtol:>8.1e}{row.cores:>7}{row.error:>12.1e}{row.speed:>12,.0f}")
    for rtol in HOMING_RTOL:
        speeds = {row.cores: row.speed for row in rows if row.engine == "Homing" and row.rtol == rtol}
        if len(speeds) == 2:
            (few, slow), (many, fast) = sorted(speeds.items())
            print(f"Homing at rtol {rtol:.1e}: {many} cores are {fast / slow:.2f} times {few}")
    print("\nHoming beside each, at an error no larger than its own:")
    for row in rows:
        ours = None if row.engine == "Homing" else at_no_larger_error(rows, row)
        if ours is not None:
            print(
                f"{row.engine} at rtol {row.rtol:.0e} on {row.cores} core(s): {row.speed:,.0f} patients/s, error "
                f"{row.error:.1e}; Homing at rtol {ours.rtol:.0e}: {ours.speed:,.0f}, error {ours.error:.1e}: "
                f"{ours.speed / row.speed:.0f} times as fast"
            )


if __name__ == "__main__":
    main()
