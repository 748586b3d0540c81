"""A patient's numbers depend on the patient alone: not on threads, chunks, company, lane or the other output times."""

import subprocess
import sys

import numpy as np
import pytest
from engine_systems import Drug, Growth

from homing.engine import compile_system
from homing.mechanism import assemble
from homing.protocol.events import Events, Op

PATIENTS = 150
TIMES = np.linspace(0, 40, 15)


@pytest.fixture(scope="module")
def compiled():
    return compile_system(
        assemble(Drug(), Growth()), ("concentration", "growth.size"), ("drug.k_leave", "growth.k_grow")
    )


@pytest.fixture(scope="module")
def cohort():
    random = np.random.default_rng(5)
    parameters = {
        "drug.k_absorb": 3.0,
        "drug.volume": 7.0,
        "growth.most": 2.0,
        "drug.k_leave": random.lognormal(-2, 1, PATIENTS),
        "growth.k_grow": random.lognormal(-1, 0.5, PATIENTS),
    }
    patient = np.repeat(np.arange(PATIENTS), 3)
    times = random.choice([0, 3, 7.5, 20, 40, 55], len(patient))
    ops = random.choice([Op.ADD, Op.MULTIPLY, Op.SET_PARAMETER], len(patient))
    target = np.where(ops == Op.SET_PARAMETER, 0, random.integers(0, 3, len(patient)))
    return parameters, Events.from_rows(PATIENTS, patient, times, ops, target, random.uniform(0.1, 2, len(patient)))


def same(a, b):
    return np.array_equal(a, b, equal_nan=True)


@pytest.mark.parametrize(("threads", "chunk"), [(2, None), (1, 1), (1, 7), (2, 20), (3, 64)])
def test_threads_and_chunks_change_nothing(compiled, cohort, threads, chunk):
    one = compiled.run(None, *cohort, TIMES, final=True)
    other = compiled.run(None, *cohort, TIMES, final=True, threads=threads, chunk=chunk)
    assert same(one.values, other.values) and same(one.final, other.final)
    assert same(one.steps, other.steps) and same(one.rejected, other.rejected)


@pytest.mark.parametrize("side", ["left", "right"])
def test_order_and_company_change_nothing(compiled, cohort, side):
    parameters, events = cohort
    order = np.random.default_rng(1).permutation(PATIENTS)[:40]
    rows = np.concatenate([np.arange(events.start[i], events.start[i + 1]) for i in order])
    few = Events.from_rows(
        40, np.repeat(np.arange(40), np.diff(events.start)[order]), events.time[rows], events.op[rows],
        events.target[rows], events.value[rows],
    )  # fmt: skip
    own = {k: v[order] if np.ndim(v) else v for k, v in parameters.items()}
    whole = compiled.run(None, parameters, events, TIMES, side=side)
    assert same(whole.values[order], compiled.run(None, own, few, TIMES, side=side).values)


@pytest.mark.parametrize("side", ["left", "right"])
def test_other_output_times_change_nothing(compiled, cohort, side):
    few = compiled.run(None, *cohort, TIMES[[3, 8]], side=side)
    many = compiled.run(None, *cohort, np.union1d(TIMES, np.linspace(0, 60, 997)), side=side)
    for k, t in enumerate(few.times):
        assert same(few.values[:, k], many.values[:, np.flatnonzero(many.times == t)[0]])


def test_the_same_code_comes_from_every_process():
    script = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from engine_systems import Bounded, Drug, Functions, Growth
from homing.engine.kernel_code import kernel_code
from homing.engine.kernel_plan import plan_kernel
from homing.engine.symbolic import trace
from homing.mechanism import assemble
system = assemble(Bounded(), Drug(), Functions(), Growth())
outputs = [*system.states, *system.signals]
text = kernel_code(plan_kernel(trace(system, outputs, ["drug.k_leave"], ["drug.depot"])))
print(hashlib.sha256(text.encode()).hexdigest())
"""
    here = __file__.rsplit("test_", 1)[0]
    seen = set()
    for seed in ("1", "2"):
        done = subprocess.run(
            [sys.executable, "-c", script, here],
            env={"PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(done.stdout)
    assert len(seen) == 1


def test_one_loop_serves_every_kind_of_input(compiled, cohort):
    """Read-only or broadcast inputs must not have the loop compiled anew, which takes seconds."""
    from homing.engine import driver

    compiled.run(None, *cohort, TIMES)
    parameters, events = cohort
    for array in (events.time, events.target, events.value):
        array.flags.writeable = False
    compiled.run(np.ones(3), parameters, events, TIMES.astype(int), side="right", threads=2, final=True, begin=-1)
    compiled.run(np.ones((PATIENTS, 3), order="F"), parameters, events, (1, 2))
    assert len(driver.integrate.signatures) == 1
