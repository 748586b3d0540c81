"""The exported SBML is valid, with units that close, and another simulator computes the same patient from it."""

from __future__ import annotations

import libsbml
import numpy as np
import pytest
from sbml_peer import problems, simulated_elsewhere

from homing.biology.attractors import INFLAMED, OPEN_TRACT, start
from homing.biology.ibd import ibd_system
from homing.biology.profiles import numbers, profile_values
from homing.engine import CompiledSystem, compile_system
from homing.formats.sbml_export import sbml_id, to_sbml
from homing.ground.errors import NumericsError, WiringError
from homing.mechanism import Module, Parameter, State, assemble, at_least
from homing.protocol.events import Events, Op

SYSTEM = ibd_system()
VARYING = ["product.k_competence_loss"]


def one_patient(*rows: tuple[float, Op, str, float]) -> Events:
    at = [VARYING.index(t) if op in (Op.SET_PARAMETER, Op.ADD_TO_PARAMETER) else SYSTEM.state_index(t)
          for _, op, t, _ in rows]  # fmt: skip
    return Events.from_rows(1, [0] * len(rows), [r[0] for r in rows], [r[1] for r in rows], at, [r[3] for r in rows])


def values(*profiles: str) -> dict[str, float]:
    return numbers(profile_values(SYSTEM, "ibd-core", *profiles))


INTRAVENOUS_MSC = one_patient(
    *[(7.0 * week, Op.ADD, f"product.{place}", cells)
      for week in range(4) for place, cells in (("lung", 9.52e7), ("blood", 2.38e7))]
)  # fmt: skip
INFLIXIMAB = one_patient(*[(day, Op.ADD, "drug.central", 350.0) for day in (0.0, 14.0, 42.0)])
EVERY_VERB = one_patient(
    (0.0, Op.MULTIPLY, "tract.sepsis", 0.35),
    (0.0, Op.RAISE_TO, "tract.closure", 0.35),
    (0.0, Op.ADD, "tract.closure", 0.05),
    (2.0, Op.SET, "product.gut", 1e7),
    (2.0, Op.SET_PARAMETER, "product.k_competence_loss", 0.1),
    (5.0, Op.LOWER_TO, "product.gut", 2e6),
    (6.0, Op.ADD_TO_PARAMETER, "product.k_competence_loss", 0.2),
)
CASES = {
    "intravenous cells": (("allogeneic-msc", "no-drug"), INTRAVENOUS_MSC),
    "infliximab": (("no-product", "infliximab"), INFLIXIMAB),
    "every verb": (("car-t", "vedolizumab"), EVERY_VERB),
}


def exported(name: str) -> str:
    profiles, events = CASES[name]
    return to_sbml(SYSTEM, values(*profiles), start(SYSTEM, INFLAMED, OPEN_TRACT), events, VARYING)


@pytest.mark.parametrize("name", list(CASES))
def test_export_is_valid_and_its_units_close(name: str) -> None:
    assert problems(exported(name)) == []


def test_a_wrong_unit_would_be_found() -> None:
    text = exported("infliximab")
    wrong = text.replace('name="drug.clearance" units="L_per_d"', 'name="drug.clearance" units="L"')
    wrong = wrong.replace(
        'name="drug.clearance" value="0.407" units="L_per_d"', 'name="drug.clearance" value="0.407" units="L"'
    )
    assert wrong != text
    assert problems(wrong)


def test_every_quantity_is_there_by_name_with_its_unit_and_meaning() -> None:
    document = libsbml.readSBMLFromString(exported("infliximab"))  # owns what is read from it
    model = document.getModel()
    for full in [*SYSTEM.states, *SYSTEM.parameters, *SYSTEM.signals]:
        element = model.getParameter(sbml_id(full))
        assert element.getName() == full
        assert element.isSetUnits() and element.isSetNotes()
    assert model.getNumRules() == len(SYSTEM.states) + len(SYSTEM.signals)


@pytest.fixture(scope="module")
def engine() -> CompiledSystem:
    return compile_system(SYSTEM, outputs=[*SYSTEM.states, "cdai", "pdai", "il6"], varying=VARYING)


@pytest.mark.oracle
@pytest.mark.parametrize("name", list(CASES))
def test_another_simulator_computes_the_same_patient(name: str, engine: CompiledSystem) -> None:
    profiles, events = CASES[name]
    days = np.array([0.5, 1.0, 5.5, 13.0, 27.0, 41.0, 60.0, 120.0])
    initial = start(SYSTEM, INFLAMED, OPEN_TRACT)
    ours = engine.run(initial, values(*profiles), events, days, rtol=1e-9).values[0]
    theirs = simulated_elsewhere(exported(name), [sbml_id(full) for full in engine.outputs], days)
    floor = np.array([s.absolute for s in SYSTEM.states.values()] + [1e-8] * 3)
    assert np.all(np.abs(ours - theirs) <= 1e-5 * np.abs(theirs) + floor)


def test_two_products_are_two_sets_of_states() -> None:
    both = ibd_system(products=("product", "second"))
    filled = profile_values(both, "ibd-core", "allogeneic-msc", "treg", "no-drug", instances={"treg": "second"})
    text = to_sbml(both, numbers(filled), {"innate.activation": 1.0})
    assert problems(text) == []
    assert 'id="second__gut"' in text


def test_clips_and_powers_survive() -> None:
    class Clipped(Module):
        """A clip inside a quotient of powers."""

        level = State("level", "1", initial=2)
        half = Parameter("half", "1")
        k = Parameter("rate", "1/d")

        def rates(self, y, p, s):
            return {"level": -p.k * at_least(y.level - 1, 0) ** 2 / (p.half**2 + y.level**2)}

    text = to_sbml(assemble(Clipped()), {"clipped.half": 0.5, "clipped.k": 0.1}, [2.0])
    assert problems(text) == []
    document = libsbml.readSBMLFromString(text)  # owns what is read from it
    written = libsbml.formulaToL3String(document.getModel().getRateRule("clipped__level").getMath())
    assert "piecewise" in written and "^" in written and "/" in written


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(WiringError, match=r"parameter 'product.k_carrier_release' has no value"):
        to_sbml(SYSTEM, {}, SYSTEM.initial())
    with pytest.raises(WiringError, match=r"no state 'drug.centrl'. Did you mean 'drug.central'\?"):
        to_sbml(SYSTEM, values("no-product", "no-drug"), {"drug.centrl": 1.0})
    with pytest.raises(NumericsError, match="2 initial values were given for 37 states"):
        to_sbml(SYSTEM, values("no-product", "no-drug"), [0.0, 1.0])
    with pytest.raises(NumericsError, match="these are the events of 2"):
        to_sbml(SYSTEM, values("no-product", "no-drug"), SYSTEM.initial(), Events.none(2))
