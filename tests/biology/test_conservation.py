"""Product cells are conserved: what leaves one place arrives in another, dies or departs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.biology.ibd import ibd_system
from homing.biology.profiles import profile_values
from homing.protocol.events import Op

SYSTEM = ibd_system()
PLACES = [f"product.{p}" for p in ("carried", "lung", "blood", "peripheral", "gut", "fistula", "memory")]
KINDS = ["allogeneic-msc", "autologous-msc", "treg", "car-t", "hsc"]


def balance(rates: np.ndarray) -> float:
    """Rate of (cells in all places + dead + departed - born)."""
    signs = {**dict.fromkeys(PLACES, 1), "product.dead": 1, "product.departed": 1, "product.born": -1}
    return sum(sign * rates[SYSTEM.state_index(name)] for name, sign in signs.items())


@given(
    kind=st.sampled_from(KINDS),
    unit=st.lists(st.floats(0, 1), min_size=len(SYSTEM.states), max_size=len(SYSTEM.states)),
    scale=st.lists(st.floats(0, 1), min_size=len(SYSTEM.parameters), max_size=len(SYSTEM.parameters)),
)
@settings(max_examples=200, deadline=None)
def test_cells_are_conserved_for_any_state_and_parameters(kind: str, unit: list[float], scale: list[float]) -> None:
    values = profile_values(SYSTEM, "ibd-core", kind, "vedolizumab")
    parameters = {}
    for x, (name, value) in zip(scale, values.items(), strict=True):
        known = value.low is not None and value.high is not None
        parameters[name] = value.low + x * (value.high - value.low) if known else value.number
    states = [x * (1e9 if s.unit == "cell" else 1) for x, s in zip(unit, SYSTEM.states.values(), strict=True)]
    rates = np.array(SYSTEM.rates(states, parameters))
    gross = sum(abs(rates[SYSTEM.state_index(name)]) for name in [*PLACES, "product.dead", "product.born"])
    assert abs(balance(rates)) <= 1e-12 * gross


@pytest.mark.parametrize("kind", KINDS)
def test_cells_are_conserved_along_a_trajectory(kind: str, solve) -> None:
    doses = [
        (day, Op.ADD, f"product.{place}", 2e7)
        for day in (0, 30, 60)
        for place in ("carried", "lung", "blood", "gut", "fistula")
    ]
    days = [29.0, 59.0, 90.0, 400.0]
    out = solve(kind, "no-drug", doses, days)
    given = np.array([1e8, 2e8, 3e8, 3e8])
    counted = out["product_cells_alive"] + out["product.dead"] + out["product.departed"] - out["product.born"]
    turnover = given + out["product.born"]
    assert np.all(np.abs(counted - given) <= 1e-6 * turnover)
    assert np.all(np.diff(out["product.dead"]) >= 0)


def test_born_cells_are_only_those_of_dividing_kinds(solve) -> None:
    dose = [(0, Op.ADD, "product.blood", 1e8)]
    assert solve("allogeneic-msc", "no-drug", dose, [30.0])["product.born"][0] == 0
    assert solve("treg", "no-drug", dose, [30.0])["product.born"][0] > 1e6
    assert solve("car-t", "no-drug", dose, [30.0])["product.born"][0] > 1e6


def test_arrived_counts_cells_that_came_by_homing_and_from_the_carrier(solve) -> None:
    out = solve("autologous-msc", "no-drug", [(0, Op.ADD, "product.carried", 1e8)], [400.0])
    release, death = 0.10, 0.03
    assert out["product.arrived"][0] == pytest.approx(1e8 * release / (release + death), rel=1e-6)
