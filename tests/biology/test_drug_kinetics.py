"""Drugs in the body: closed forms, SciPy, published exposure, and what each drug acts on."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import solve_ivp

from homing.biology.attractors import start
from homing.biology.profiles import numbers, profile_values
from homing.protocol.events import Events, Op

DAYS = np.array([0.1, 0.5, 1, 2, 7, 14, 28, 60])
INTRAVENOUS = ["infliximab", "ustekinumab", "risankizumab", "mirikizumab"]
ABSORBED = ["adalimumab", "ustekinumab", "risankizumab", "mirikizumab", "upadacitinib", "recombinant-il-10"]
STEADY_CLEARANCE = {"drug.f_clearance_at_rest": 1.0, "drug.clearance_by_inflammation": 0.0}


def parameters(system, drug: str, **more: float) -> dict[str, float]:
    return numbers(profile_values(system, "ibd-core", "no-product", drug)) | STEADY_CLEARANCE | more


def concentration(system, engine, drug: str, state: str, dose: float, **more: float) -> np.ndarray:
    p = parameters(system, drug, **more)
    events = Events.from_rows(1, [0], [0.0], [Op.ADD], [system.state_index(state)], [dose])
    run = engine.run(start(system), p, events, DAYS, rtol=1e-9)
    assert run.status[0] == 0
    return run.values[0][:, run.outputs.index("drug.central")] / p["drug.volume_central"]


def exponents(p: dict[str, float]) -> tuple[float, float, float]:
    """The two rates of decline of a two-compartment drug, and the share of the faster one after a bolus."""
    k10 = p["drug.clearance"] / p["drug.volume_central"]
    k12, k21 = p["drug.flow"] / p["drug.volume_central"], p["drug.flow"] / p["drug.volume_peripheral"]
    total = k10 + k12 + k21
    root = np.sqrt(total**2 - 4 * k10 * k21)
    fast, slow = (total + root) / 2, (total - root) / 2
    return fast, slow, (fast - k21) / (fast - slow)


@pytest.mark.parametrize("drug", INTRAVENOUS)
def test_a_bolus_declines_as_the_closed_form(drug: str, system, engine) -> None:
    p = parameters(system, drug)
    fast, slow, share = exponents(p)
    expected = 300 / p["drug.volume_central"] * (share * np.exp(-fast * DAYS) + (1 - share) * np.exp(-slow * DAYS))
    np.testing.assert_allclose(concentration(system, engine, drug, "drug.central", 300.0), expected, rtol=1e-6)


@pytest.mark.parametrize("drug", ABSORBED)
def test_an_absorbed_dose_follows_the_closed_form(drug: str, system, engine) -> None:
    p = parameters(system, drug)
    fast, slow, share = exponents(p) if p["drug.flow"] else (p["drug.clearance"] / p["drug.volume_central"], 1e9, 1.0)
    ka = p["drug.k_absorption"]

    def term(rate: float) -> np.ndarray:
        return ka / (ka - rate) * (np.exp(-rate * DAYS) - np.exp(-ka * DAYS))

    given = 40 * p["drug.bioavailability"] / p["drug.volume_central"]
    expected = given * (share * term(fast) + (1 - share) * term(slow))
    seen = concentration(system, engine, drug, "drug.depot", 40.0)
    np.testing.assert_allclose(seen, expected, rtol=1e-5, atol=1e-8)


def test_saturable_clearance_agrees_with_scipy(system, engine) -> None:
    p = parameters(system, "vedolizumab")
    v1, v2 = p["drug.volume_central"], p["drug.volume_peripheral"]

    def rates(_: float, y: np.ndarray) -> list[float]:
        c, t = y[0] / v1, y[1] / v2
        leaves = p["drug.clearance"] * c + p["drug.most_saturable"] * c / (p["drug.half_saturable"] + c)
        return [-leaves - p["drug.flow"] * (c - t), p["drug.flow"] * (c - t)]

    expected = solve_ivp(rates, (0, DAYS[-1]), [20.0, 0.0], t_eval=DAYS, rtol=1e-10, atol=1e-12, method="LSODA").y[0]
    seen = concentration(system, engine, "vedolizumab", "drug.central", 20.0)
    np.testing.assert_allclose(seen, expected / v1, rtol=1e-5, atol=1e-8)


def test_mirikizumab_has_the_exposure_that_the_product_information_states(system) -> None:
    """900 mg every 4 weeks in Crohn's disease: Cmax 332 and area 1820 mg/L d; not used for its values."""
    p = parameters(system, "mirikizumab")
    fast, slow, share = exponents(p)
    assert 900 / p["drug.clearance"] == pytest.approx(1820, rel=0.1)
    peak = 900 / p["drug.volume_central"] * (1 + (1 - share) * np.exp(-slow * 28) + share * np.exp(-fast * 28))
    assert peak == pytest.approx(332, rel=0.15)


def test_risankizumab_has_the_half_life_of_an_antibody(system) -> None:
    """About 28 days in psoriasis, where its values are from."""
    _, slow, _ = exponents(parameters(system, "risankizumab"))
    assert np.log(2) / slow == pytest.approx(28, rel=0.15)


def test_given_il10_is_gone_within_hours(system, engine) -> None:
    p = parameters(system, "recombinant-il-10")
    events = Events.from_rows(1, [0], [0.0], [Op.ADD], [system.state_index("drug.depot")], [0.56])
    hours = np.array([2.0, 12.0, 24.0]) / 24
    run = engine.run(start(system), p, events, hours, rtol=1e-9)
    central = run.values[0][:, run.outputs.index("drug.central")] / p["drug.volume_central"]
    tone = p["drug.most_tone"] * central / (p["drug.half_tone"] + central)
    assert tone[0] > tone[1] > tone[2]
    assert central[1] < central[0] / 4
    assert tone[2] < tone[0] / 10


#: What each drug lowers within four weeks of steady exposure: the state, in a patient who is inflamed.
ACTS = {
    "infliximab": "barrier.integrity",
    "vedolizumab": "tcells.effector",
    "ustekinumab": "tcells.effector",
    "risankizumab": "tcells.effector",
    "mirikizumab": "tcells.effector",
    "upadacitinib": "tcells.effector",
}


@pytest.mark.parametrize("drug", list(ACTS))
def test_a_drug_moves_what_it_acts_on_the_right_way(drug: str, solve) -> None:
    days = range(0, 28)
    state, amount = ("drug.depot", 45.0) if drug == "upadacitinib" else ("drug.central", 30.0)
    doses = [(float(day), Op.ADD, state, amount) for day in days]
    with_it, without = (solve("no-product", drug, plan, [28.0]) for plan in (doses, []))
    higher = ACTS[drug] == "barrier.integrity"
    assert (with_it[ACTS[drug]][0] > without[ACTS[drug]][0]) == higher
    assert with_it["innate.activation"][0] < without["innate.activation"][0]


def test_what_a_jak_inhibitor_takes_from_the_tone_of_il10_works_against_it(solve) -> None:
    doses = [(float(day), Op.ADD, "drug.depot", 45.0) for day in range(28)]
    spared = solve("no-product", "upadacitinib", doses, [28.0], **{"drug.f_jak_tone": 0.0})
    as_is = solve("no-product", "upadacitinib", doses, [28.0])
    assert spared["innate.activation"][0] < as_is["innate.activation"][0]
