"""States stay in their bounds: at a bound the rate never points outward, whatever the other states are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.biology.ibd import ibd_system
from homing.biology.profiles import numbers, profile_values

SYSTEM = ibd_system()
PROFILES = [("allogeneic-msc", "infliximab"), ("treg", "vedolizumab"), ("car-t", "ustekinumab"), ("hsc", "adalimumab")]
VALUES = {names: numbers(profile_values(SYSTEM, "ibd-core", *names)) for names in PROFILES}
#: Beyond what any patient reaches, where no bound is declared.
LARGEST = {"cell": 1e10, "mg": 1e3, "mg/L": 300.0, "ug/g": 1e4, "1": 3.0}
#: Bounded by their own equations, though no number is declared: they can't exceed these parameters.
CAPPED = {"tcells.memory": "tcells.memory_capacity", "alloimmunity.effectors": "alloimmunity.effector_capacity"}


def states_from(unit: list[float], values: dict[str, float]) -> list[float]:
    out = []
    for x, (name, state) in zip(unit, SYSTEM.states.items(), strict=True):
        cap = values[CAPPED[name]] if name in CAPPED else min(state.high, LARGEST[state.unit])
        out.append(x * cap)
    return out


@pytest.mark.parametrize("name", list(SYSTEM.states))
@given(
    profiles=st.sampled_from(PROFILES),
    unit=st.lists(st.floats(0, 1), min_size=len(SYSTEM.states), max_size=len(SYSTEM.states)),
)
@settings(max_examples=25, deadline=None)
def test_rate_never_points_out_of_bounds(name: str, profiles: tuple[str, str], unit: list[float]) -> None:
    values, state, i = VALUES[profiles], SYSTEM.states[name], SYSTEM.state_index(name)
    y = states_from(unit, values)
    y[i] = state.low
    assert SYSTEM.rates(y, values)[i] >= 0
    high = values[CAPPED[name]] if name in CAPPED else state.high
    if high < float("inf"):
        y[i] = high
        assert SYSTEM.rates(y, values)[i] <= 0


def test_every_share_has_an_upper_bound() -> None:
    shares = [
        "product.competence",
        "barrier.integrity",
        "tract.closure",
        "microbes.engrafted",
        "microbes.niche",
        "bcells.count",
        "marrow.t_space",
        "alloimmunity.memory",
    ]
    assert [name for name, s in SYSTEM.states.items() if s.high == 1] == sorted(shares, key=SYSTEM.state_index)
