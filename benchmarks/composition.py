"""What composing only what is needed gains: patients per second and seconds to compile, the whole mechanism beside it.

    python benchmarks/composition.py [patients]

One thread, two years with weekly output, rtol 1e-5. Studies with one product and one drug run on the whole mechanism
(see homing.study.machines); what they would gain is shown all the same.
"""

from __future__ import annotations

import sys
import time

import numpy as np

from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.protocol.course import Protocol
from homing.study.machines import machine_for, needed_machine, whole_machine
from homing.study.resolve import read_study
from homing.study.simulator import Simulated, Simulator

CASES = (
    ("examples/admire-cd.yaml", "placebo"),
    ("examples/admire-cd.yaml", "darvadstrocel"),
    ("examples/combination.yaml", "both"),
    ("examples/combination.yaml", "both then vedolizumab"),
    ("examples/car-t-uc.yaml", "car-t then msc"),
    ("examples/hsct-refractory-cd.yaml", "transplantation"),
    ("examples/uc-iv-ucmsc.yaml", "saline"),
    ("tests/files/valid/two-products-and-two-drugs.yaml", "cells"),
    ("tests/files/valid/conditioning-graft-then-treg.yaml", "graft and treg"),
)
WEEKS = np.arange(0, 729, 7.0)


def main(patients: int) -> None:
    """Print one line for each case."""
    print(f"{'arm':60} {'states':>9} {'first run, s':>13} {'patients/s':>13} {'gain':>5} {'apart':>8}  common kernel")
    for file, arm in CASES:
        study = read_study(file)
        protocol, who = study.arms[arm], population(study.population)
        whole, part = (Simulator(who, 1, machines=of) for of in (whole_machine, needed_machine))
        states = [len(s.machine(protocol).system.states) for s in (whole, part)]
        firsts, speeds, runs = zip(*(measure(s, protocol, patients) for s in (whole, part)), strict=True)
        apart = max(difference(runs[0][name], runs[1][name]) for name in ("tract.closure", "innate.activation", "cdai"))
        common = "yes" if machine_for(who, protocol).is_common else "no"
        print(
            f"{study.title[:34] + ': ' + arm:60} {states[0]:4}/{states[1]:4} {firsts[0]:6.2f}/{firsts[1]:6.2f} "
            f"{speeds[0]:6.0f}/{speeds[1]:6.0f} {speeds[1] / speeds[0]:5.2f} {apart:8.1e}  {common}"
        )


def measure(simulator: Simulator, protocol: Protocol, patients: int) -> tuple[float, float, Simulated]:
    """Seconds of the first run (with what has to be compiled), patients per second of the best of three, the last."""
    cohort = simulator.cohort(np.arange(patients))
    best = 0.0
    seconds = []
    for _ in range(4):
        began = time.perf_counter()
        run = simulator.run(cohort, protocol, scenario("pooled"), WEEKS)
        seconds.append(time.perf_counter() - began)
        best = max(best, patients / seconds[-1])
    return seconds[0], best, run


def difference(a: np.ndarray, b: np.ndarray) -> float:
    """The 99th percentile over patients of the largest difference, relative to the largest value."""
    return float(np.quantile(np.abs(a - b).max(axis=1), 0.99) / max(np.abs(a).max(), 1e-300))


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
