"""Units close in every equation: computed with quantities, each rate and signal has its unit and the same number."""

from __future__ import annotations

import numpy as np
import pytest

from homing.biology.ibd import ibd_system
from homing.biology.profiles import numbers, profile_values
from homing.ground.units import registry

SYSTEM = ibd_system()
VALUES = numbers(profile_values(SYSTEM, "ibd-core", "car-t", "vedolizumab"))
#: Zeros would hide what they multiply.
PARAMETERS = {name: value or 0.37 for name, value in VALUES.items()}
STATES = [
    float(x) * {"cell": 1e7, "mg": 100, "mg/L": 10, "ug/g": 100}.get(state.unit, 1)
    for x, state in zip(
        np.random.default_rng(1).uniform(0.1, 0.9, len(SYSTEM.states)), SYSTEM.states.values(), strict=True
    )
]


def quantity(number: float, unit: str):
    return registry().Quantity(number, "dimensionless" if unit == "1" else unit.replace("^", "**"))


def with_units() -> tuple[list, dict]:
    states = [quantity(x, state.unit) for x, state in zip(STATES, SYSTEM.states.values(), strict=True)]
    return states, {name: quantity(PARAMETERS[name], p.unit) for name, p in SYSTEM.parameters.items()}


@pytest.fixture(scope="module")
def rates() -> dict[str, tuple]:
    states, parameters = with_units()
    computed, plain = SYSTEM.rates(states, parameters), SYSTEM.rates(STATES, PARAMETERS)
    return dict(zip(SYSTEM.states, zip(computed, plain, strict=True), strict=True))


@pytest.mark.parametrize("name", list(SYSTEM.states))
def test_rate_has_unit_of_its_state_per_day(name: str, rates: dict[str, tuple]) -> None:
    rate, plain = rates[name]
    wanted = quantity(1, SYSTEM.states[name].unit) / quantity(1, "d")
    assert rate.to(wanted.units).magnitude == pytest.approx(plain, rel=1e-9)


@pytest.mark.parametrize("name", list(SYSTEM.signals))
def test_signal_has_its_declared_unit(name: str) -> None:
    states, parameters = with_units()
    value = SYSTEM.signal(name, states, parameters)
    wanted = quantity(1, SYSTEM.signals[name].unit).units
    assert value.to(wanted).magnitude == pytest.approx(SYSTEM.signal(name, STATES, PARAMETERS), rel=1e-9)


def test_a_wrong_unit_would_be_found() -> None:
    states, parameters = with_units()
    parameters["drug.clearance"] = quantity(PARAMETERS["drug.clearance"], "mL/d")
    central = SYSTEM.state_index("drug.central")
    wrong = SYSTEM.rates(states, parameters)[central].to("mg/d").magnitude
    assert wrong != pytest.approx(SYSTEM.rates(STATES, PARAMETERS)[central], rel=1e-9)
