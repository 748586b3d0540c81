"""The mechanism reproduces an independent, hand-written form of the same model, from tables of its output."""

from __future__ import annotations

import numpy as np
import pytest
from oracle_cases import CASES, STEADY, Case, read_table
from oracle_solve import solve

from homing.biology.attractors import INFLAMED, OPEN_TRACT, start
from homing.biology.ibd import ibd_system
from homing.biology.profiles import NATURAL_HISTORY, numbers, profile_values
from homing.engine import compile_system
from homing.protocol.events import Events, Op

SYSTEM = ibd_system()
#: A state that is off by less than this times its absolute tolerance is not off.
FLOOR = 10.0


def first_row(names: list[str], row: np.ndarray) -> list[float]:
    """The table's first row as an initial state of the System, with the helper states at rest."""
    y = start(SYSTEM)
    y[SYSTEM.state_index("microbes.niche")] = 0.05
    for name, value in zip(names, row, strict=True):
        y[SYSTEM.state_index(name)] = value
    return y


def values(case: Case) -> dict[str, float]:
    """The case's parameters: profiles, then what the case replaces."""
    return {**numbers(profile_values(SYSTEM, "ibd-core", *case.profiles)), **case.values}


def assert_same(found: np.ndarray, names: list[str], table: np.ndarray, relative: float) -> None:
    """Every state of every day equals the table to `relative`, or to a few absolute tolerances."""
    at = [SYSTEM.state_index(name) for name in names]
    absolute = FLOOR * np.array([SYSTEM.states[name].absolute for name in names])
    off = np.abs(found[:, at] - table) / (absolute + relative * np.abs(table))
    worst = np.unravel_index(np.argmax(off), off.shape)
    assert off.max() <= 1, f"{names[worst[1]]} at row {worst[0]}: {found[:, at][worst]} instead of {table[worst]}"


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_trajectory_equals_reference_table(case: Case) -> None:
    days, names, table = read_table(case.name)
    found = solve(SYSTEM, values(case), first_row(names, table[0]), case.actions, days)
    assert_same(found, names, table, 1e-6)


@pytest.mark.parametrize("name", STEADY)
def test_settled_state_equals_reference_table(name: str) -> None:
    changes = {"healthy": [], "inflamed": [INFLAMED], "open_tract": [OPEN_TRACT]}[name]
    parameters = numbers(profile_values(SYSTEM, *NATURAL_HISTORY))
    found = solve(SYSTEM, parameters, start(SYSTEM, *changes), [], [0, 20_000])
    _, names, table = read_table(name)
    assert_same(found[1:], names, table, 1e-6)


@pytest.fixture(scope="module")
def engine():
    switched = {target for case in CASES for _, op, target, _ in case.actions if op is Op.SET_PARAMETER}
    return compile_system(SYSTEM, outputs=list(SYSTEM.states), varying=sorted(switched))


@pytest.mark.parametrize("case", CASES, ids=lambda c: c.name)
def test_fast_engine_equals_reference_table(case: Case, engine) -> None:
    days, names, table = read_table(case.name)
    plan = sorted(case.actions, key=lambda a: a[0])
    targets = [engine.target(t) if op is Op.SET_PARAMETER else SYSTEM.state_index(t) for _, op, t, _ in plan]
    events = Events.from_rows(
        1, [0] * len(plan), [a[0] for a in plan], [a[1] for a in plan], targets, [a[3] for a in plan]
    )
    run = engine.run(first_row(names, table[0]), values(case), events, days, begin=days[0], rtol=1e-7)
    assert run.status[0] == 0
    assert_same(run.values[0], names, table, 1e-4)
