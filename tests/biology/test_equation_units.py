"""Units close in every equation of every module, computed with quantities.

Each module runs alone, on quantities of the units that it declares for its states, its parameters and the signals that
it reads; each of its rates and signals must come out in its own unit, and as the number that bare numbers give. Then
the same for the whole, where signals are what other modules emit.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np
import pint
import pytest

from homing.biology.ibd import ibd_system
from homing.biology.profiles import NATURAL_HISTORY, numbers, profile_values
from homing.ground.errors import HomingError
from homing.ground.units import factor, registry
from homing.mechanism import Module

SYSTEM = ibd_system()
VALUES = numbers(profile_values(SYSTEM, "ibd-core", "car-t", "vedolizumab"))
#: Zeros would hide what they multiply.
PARAMETERS = {name: value or 0.37 for name, value in VALUES.items()}
#: How large a state or signal of a unit is, about.
SIZES = {"cell": 1e7, "cell/d": 1e6, "mg": 100, "mg/L": 10, "ug/g": 100}
STATES = [
    float(x) * SIZES.get(state.unit, 1)
    for x, state in zip(
        np.random.default_rng(1).uniform(0.1, 0.9, len(SYSTEM.states)), SYSTEM.states.values(), strict=True
    )
]
MODULES = {module.name: module for module in SYSTEM.modules}
#: Several sizes of what is read, since a clip may hide a term at one of them.
SEEDS = range(8)
#: What a parameter must not be taken for: a count where it is a number, a number where it has a unit.
WRONG = {True: "cell", False: "1"}


def quantity(number: float, unit: str) -> Any:
    return registry().Quantity(number, "dimensionless" if unit == "1" else unit.replace("^", "**"))


def with_units() -> tuple[list, dict]:
    states = [quantity(x, state.unit) for x, state in zip(STATES, SYSTEM.states.values(), strict=True)]
    return states, {name: quantity(PARAMETERS[name], p.unit) for name, p in SYSTEM.parameters.items()}


class Alone:
    """One module by itself: its signals come from its own methods, those it reads are about as large as they get."""

    def __init__(self, module: Module, make: Any, seed: int, wrong: str = "") -> None:
        self.module, name = module, module.name
        where = SYSTEM.index
        self.y = SimpleNamespace(**{k: make(STATES[where[f"{name}.{k}"]], s.unit) for k, s in module.states.items()})
        units = {k: WRONG[p.unit == "1"] if k == wrong else p.unit for k, p in module.parameters.items()}
        self.p = SimpleNamespace(**{k: make(PARAMETERS[f"{name}.{k}"], unit) for k, unit in units.items()})
        draws = np.random.default_rng(seed).uniform(0.05, 0.9, len(module.reads))
        read = {
            k: make(x * SIZES.get(r.unit, 1), r.unit) for x, (k, r) in zip(draws, module.reads.items(), strict=True)
        }
        self.s = SimpleNamespace(**read)
        for k, signal in module.signals.items():
            if k not in read:
                setattr(self.s, k, signal.function(module, self.y, self.p, self.s))

    def results(self) -> dict[str, tuple[Any, str]]:
        """Every rate and signal, with the unit that it must have."""
        rates, m = self.module.rates(self.y, self.p, self.s), self.module
        found = {f"rate of {k}": (rates[k], per_day(state.unit)) for k, state in m.states.items()}
        return found | {k: (g.function(m, self.y, self.p, self.s), g.unit) for k, g in m.signals.items()}


def per_day(unit: str) -> str:
    return "1/d" if unit == "1" else f"{unit}/d"


def faults(module: Module, seed: int, wrong: str = "") -> list[str]:
    """What of a module comes out in another unit, or as another number, than it should."""
    bare = Alone(module, lambda number, unit: number, seed).results()
    try:
        found = Alone(module, quantity, seed, wrong).results()
    except pint.DimensionalityError as e:
        return [str(e)]
    out = []
    for name, (value, unit) in found.items():
        try:
            number = quantity(1, "1") * value
            same = number.to(quantity(1, unit).units).magnitude == pytest.approx(float(bare[name][0]), rel=1e-9)
        except pint.DimensionalityError as e:
            same, name = False, f"{name}: {e}"
        if not same:
            out.append(name)
    return out


@pytest.mark.parametrize("name", MODULES)
def test_units_close_in_every_equation_of_a_module(name: str) -> None:
    assert [faults(MODULES[name], seed) for seed in SEEDS] == [[]] * len(SEEDS)


@pytest.mark.parametrize("full", list(SYSTEM.parameters))
def test_no_parameter_could_have_another_dimension(full: str) -> None:
    module, _, name = full.partition(".")
    assert any(faults(MODULES[module], seed, wrong=name) for seed in SEEDS)


@pytest.mark.parametrize("name", MODULES)
def test_every_declared_unit_is_one(name: str) -> None:
    m = MODULES[name]
    for declared in [*m.states.values(), *m.parameters.values(), *m.reads.values(), *m.signals.values()]:
        quantity(1, declared.unit)


def test_catalogue_values_are_in_the_unit_that_the_equations_take() -> None:
    for name, value in profile_values(SYSTEM, *NATURAL_HISTORY).items():
        assert value.unit == SYSTEM.parameters[name].unit
    with pytest.raises(HomingError):
        factor("1/d", "cell/d")


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


def test_a_unit_of_another_size_would_be_found() -> None:
    states, parameters = with_units()
    parameters["drug.clearance"] = quantity(PARAMETERS["drug.clearance"], "mL/d")
    central = SYSTEM.state_index("drug.central")
    wrong = SYSTEM.rates(states, parameters)[central].to("mg/d").magnitude
    assert wrong != pytest.approx(SYSTEM.rates(STATES, PARAMETERS)[central], rel=1e-9)
