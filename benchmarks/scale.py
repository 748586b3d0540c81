"""A million virtual patients, two years, weekly, five outputs, streamed to disk: time, memory, cost per patient.

    python benchmarks/scale.py [--patients 1000000] [--threads 2] [--keep FILE]

Each size runs in a process of its own, so that its peak memory is its own. Prints patients per second of each size, the
peak memory, the size of the file, and how much more a patient of the largest costs than one of 10,000.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent))
OUTPUTS = ("cells.lodged", "inflammation.tnf", "mucosa.barrier", "mucosa.crp", "mucosa.calprotectin")
SMALL = 10_000


def run_one(patients: int, threads: int, file: Path) -> None:
    """Simulate a number of patients of the 24-state test model into a file; print seconds and peak memory."""
    from models import SHARED, TIMES, VARYING, gut_workload

    from homing.engine.population import Bolus, PopulationRun, to_files
    from homing.mechanism.model import Model
    from homing.study.tables import parquet_file

    system = gut_workload().system
    values = {**SHARED, **{name: typical for name, (typical, _) in VARYING.items()}}
    start = dict(zip(system.states, system.initial(), strict=True))
    model = Model("24-state test model", system, values, lambda _: start, OUTPUTS)
    spread = {name: sd for name, (_, sd) in VARYING.items()}
    boluses = [Bolus(s, a, (25.0, 65.0, 295.0)) for s, a in (("cells.given", 100.0), ("antibody.central", 12.0))]
    wanted = PopulationRun(model, OUTPUTS, patients, TIMES, 1, spread=spread, boluses=boluses)
    next(wanted.parts(threads))  # compiled before the clock starts
    begun, failed = time.perf_counter(), 0
    with parquet_file(file) as write:
        for _, failed in to_files(wanted, write, threads):  # noqa: B007
            pass
    seconds = time.perf_counter() - begun
    print(seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6, failed, np.float64(os.path.getsize(file)))


def main() -> None:
    """Run both sizes and print the table."""
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--patients", type=int, default=1_000_000)
    options.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    options.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    chosen = options.parse_args()
    if chosen.one:
        run_one(chosen.patients, chosen.threads, chosen.one)
        return
    print(f"{'patients':>10}{'seconds':>10}{'patients/s':>12}{'peak GB':>9}{'file GB':>9}{'failed':>8}")
    cost = {}
    with tempfile.TemporaryDirectory() as folder:
        for patients in (SMALL, chosen.patients):
            file = Path(folder) / f"{patients}.parquet"
            command = [sys.executable, __file__, "--patients", str(patients), "--threads", str(chosen.threads)]
            done = subprocess.run([*command, "--one", str(file)], check=True, capture_output=True, text=True)
            seconds, memory, failed, size = (float(x) for x in done.stdout.split())
            cost[patients] = seconds / patients
            speed = patients / seconds
            print(f"{patients:>10}{seconds:>10.1f}{speed:>12,.0f}{memory:>9.2f}{size / 1e9:>9.2f}{failed:>8.0f}")
    print(f"A patient of {chosen.patients:,} costs {cost[chosen.patients] / cost[SMALL]:.2f} times one of {SMALL:,}.")


if __name__ == "__main__":
    main()
