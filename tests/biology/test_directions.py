"""Every parameter moves its outcome in the declared direction (biology/directions.py)."""

from __future__ import annotations

from functools import cache
from typing import Any

import numpy as np
import pytest

from homing.biology.attractors import HEALTHY, INFLAMED, OPEN_TRACT, start
from homing.biology.directions import DIRECTIONS, NO_DIRECTION
from homing.biology.ibd import ibd_system
from homing.biology.profiles import numbers, profile_values
from homing.engine import CompiledSystem, compile_system
from homing.protocol import catalogue
from homing.protocol.events import Events, Op

SYSTEM = ibd_system()
VERBS = {"multiply": Op.MULTIPLY, "raise-to": Op.RAISE_TO, "lower-to": Op.LOWER_TO, "add": Op.ADD, "set": Op.SET}
SURGERY = [(0.0, Op.MULTIPLY, "tract.sepsis", 0.35), (0.0, Op.RAISE_TO, "tract.closure", 0.35)]
SICK, WELL, TRACT = ("sick",), ("well",), ("sick", "tract")


def into(place: str, cells: float, *days: float) -> list:
    return [
        row
        for day in days or (0.0,)
        for row in ((day, Op.SET, "product.competence", 1.0), (day, Op.ADD, f"product.{place}", cells))
    ]


def given(state: str, amount: float, *days: float) -> list:
    return [(day, Op.ADD, state, amount) for day in days or (0.0,)]


def done(key: str) -> list:
    return [(0.0, VERBS[c.verb], c.state, c.value.number) for c in catalogue.procedure(key).changes]


RESET = done("hsct-conditioning") + into("blood", 3e8, 3.0)
CAR_T = done("lymphodepletion") + into("blood", 6e7, 3.0)
EFFECTS = {"tract.efferocytosis_clearance": 0.5, "tract.secretome_clearance": 0.3, "tract.secretome_closure": 0.3}
VEIN = into("lung", 2e8) + into("blood", 5e7)
FED = done("antibiotic-preconditioning") + given("microbes.engrafted", 0.02, *map(float, range(14)))
#: Patient at the start, product and drug profile, what is done, the day of the reading, values set beforehand.
SETTINGS: dict[str, tuple[tuple, str, str, list, float, dict[str, float]]] = {
    "disease": (SICK, "no-product", "no-drug", [], 400.0, {}),
    "health": (WELL, "no-product", "no-drug", [], 400.0, {}),
    "surgery": (TRACT, "no-product", "no-drug", SURGERY, 60.0, {}),
    "quiet-tract": (("well", "tract"), "no-product", "no-drug", SURGERY, 10.0, {}),
    "local": (TRACT, "allogeneic-msc", "no-drug", SURGERY + into("fistula", 2e7), 20.0, EFFECTS),
    "repeat": (TRACT, "allogeneic-msc", "no-drug", into("fistula", 6e7, 0.0, 84.0), 100.0,
               {"product.antigenicity": 0.8, "product.killable": 0.8, "product.mismatch": 0.9}),
    "edited": (TRACT, "allogeneic-msc", "no-drug", into("fistula", 6e7), 10.0, {"product.missing_self": 0.6}),
    "carrier": (TRACT, "allogeneic-msc", "no-drug", into("carried", 2e7), 5.0, {}),
    "carrier-repeat": (TRACT, "allogeneic-msc", "no-drug", into("carried", 2e8, 0.0, 30.0), 45.0, {}),
    "vein": (SICK, "allogeneic-msc", "no-drug", VEIN, 10.0, {}),
    "treg": (SICK, "treg", "no-drug", into("blood", 1e9), 25.0, {}),
    "treg-vedolizumab": (SICK, "treg", "vedolizumab", given("drug.central", 300.0) + into("blood", 1e9, 1.0), 8.0, {}),
    "eaten": (SICK, "treg", "no-drug", into("blood", 1e6), 30.0, {
        "product.k_growth_on_eaten_antigen": 0.3, "product.k_competence_loss": 0.02,
        "product.eaten_antigen_capacity": 1e8}),
    "car-t": (SICK, "car-t", "no-drug", CAR_T, 40.0, {"tcells.f_b_cell_help": 0.5, "product.f_memory": 0.03}),
    "car-t-early": (SICK, "car-t", "no-drug", CAR_T, 9.0, {}),
    "transplantation": (SICK, "hsc", "no-drug", RESET, 12.0, {}),
    "reset": (SICK, "hsc", "no-drug", RESET, 200.0, {}),
    "reset-early": (SICK, "hsc", "no-drug", RESET, 20.0, {}),
    "bacteria": (SICK, "no-product", "no-drug", FED, 60.0, {}),
    "infliximab": (SICK, "no-product", "infliximab", given("drug.central", 350.0), 20.0, {}),
    "tract-infliximab": (TRACT, "no-product", "infliximab", SURGERY + given("drug.central", 350.0), 30.0, {}),
    "vedolizumab": (SICK, "no-product", "vedolizumab", given("drug.central", 300.0), 20.0, {}),
    "adalimumab": (SICK, "no-product", "adalimumab", given("drug.depot", 160.0), 1.5, {}),
    "ustekinumab": (SICK, "no-product", "ustekinumab", given("drug.central", 390.0), 30.0, {}),
    "upadacitinib": (SICK, "no-product", "upadacitinib", given("drug.depot", 45.0, *map(float, range(10))), 9.2, {}),
    "recombinant-il-10": (SICK, "no-product", "recombinant-il-10", given("drug.depot", 0.5, 0.0, 1.0), 1.2, {}),
}  # fmt: skip
DOWN, UP = 0.8, 1.2


@cache
def machine() -> CompiledSystem:
    outcomes = dict.fromkeys(d.outcome for d in DIRECTIONS.values())
    return compile_system(SYSTEM, outputs=list(outcomes))


@cache
def rest(names: tuple[str, ...]) -> np.ndarray:
    corners = {"well": HEALTHY, "sick": INFLAMED, "tract": OPEN_TRACT}
    natural = numbers(profile_values(SYSTEM, "ibd-core", "no-product", "no-drug"))
    first = start(SYSTEM, *(corners[name] for name in names))
    return machine().run(first, natural, Events.none(1), [5000.0], final=True).final[0]


def outcome(setting: str, read: str, **values: float) -> float:
    """The outcome on the setting's day with other values. The patient rests with the reference values first."""
    changes, product, drug, actions, day, own = SETTINGS[setting]
    plan = sorted(actions, key=lambda a: a[0])
    targets = [SYSTEM.state_index(a[2]) for a in plan]
    rows: list[Any] = [[0] * len(plan), [a[0] for a in plan], [a[1] for a in plan], targets, [a[3] for a in plan]]
    parameters = numbers(profile_values(SYSTEM, "ibd-core", product, drug)) | own | values
    out = machine().run(rest(changes), parameters, Events.from_rows(1, *rows), [day], rtol=1e-9)
    assert out.status[0] == 0
    return float(dict(zip(out.outputs, out.values[0].T, strict=True))[read][0])


def test_every_parameter_has_a_direction_or_a_reason_for_none() -> None:
    assert sorted([*DIRECTIONS, *NO_DIRECTION]) == sorted(SYSTEM.parameters)
    assert not set(DIRECTIONS) & set(NO_DIRECTION)


@pytest.mark.slow
@pytest.mark.parametrize("name", list(DIRECTIONS))
def test_a_larger_value_moves_its_outcome_as_declared(name: str) -> None:
    setting, read, way = DIRECTIONS[name]
    _, product, drug, _, _, own = SETTINGS[setting]
    value = (numbers(profile_values(SYSTEM, "ibd-core", product, drug)) | own)[name]
    high = SYSTEM.parameters[name].high
    smaller, larger = (DOWN * value, min(UP * value, high)) if value else (0.0, min(0.1, high))
    low, up = (outcome(setting, read, **{name: x}) for x in (smaller, larger))
    assert (up > low) if way == "raises" else (up < low), f"{read}: {low:.6g} -> {up:.6g}"
