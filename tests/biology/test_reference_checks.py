"""The 27 checks of the 30-state reference model (research of the model's design), made on this mechanism.

Each test has the check's number and sentence. Passing is consistency, not validation: the reference values were set by
hand so that these sentences hold. Where ours is asked differently by design, the test says why.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from homing.biology.attractors import HEALTHY, INFLAMED, OPEN_TRACT, start
from homing.biology.profiles import numbers, profile_values
from homing.engine import compile_system
from homing.engine.reference import reference_run
from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.protocol import catalogue
from homing.protocol.course import PlannedProcedure, Protocol
from homing.protocol.events import Events, Op
from homing.protocol.regimen import usual_courses
from homing.study.simulator import Simulator

ALIVE = ("carried", "lung", "blood", "peripheral", "gut", "fistula", "memory")
VIABLE = 0.85
WEIGHT = 70.0
NATURAL = ("ibd-core", "no-product", "no-drug")
#: A patient in whom cells do all that they can; the population's mean is about seven times weaker.
RESPONSIVE = {
    "tract.efferocytosis_clearance": 1.0,
    "tract.secretome_clearance": 0.6,
    "tract.secretome_closure": 0.5,
}
#: The reference's colitis that B cells drive; its antibody is made by short-lived plasmablasts (our population).
B_DRIVEN = {
    "innate.autoantibody_weight": 0.8,
    "innate.effector_weight": 0.6,
    "tcells.b_cell_memory_help": 1.0,
    "tcells.f_b_cell_help": 0.8,
    "tolerance.regulatory_weight": 1.4,
}
SURGERY = [(0.0, Op.MULTIPLY, "tract.sepsis", 0.35), (0.0, Op.RAISE_TO, "tract.closure", 0.35)]
INFUSIONS = (0.0, 14.0, 42.0)
YEAR_OF_INFUSIONS = (*INFUSIONS, *range(98, 366, 56))


def procedure(key: str, **instead: float) -> list:
    """The changes of a procedure of the catalogue on day 0; `instead` by the name that patients vary."""
    verbs = {"multiply": Op.MULTIPLY, "raise-to": Op.RAISE_TO, "lower-to": Op.LOWER_TO, "add": Op.ADD, "set": Op.SET}
    return [
        (0.0, verbs[c.verb], c.state, instead.get(c.vary, c.value.number)) for c in catalogue.procedure(key).changes
    ]


def infused(cells: float, trapped: float, days: Sequence[float] = (0.0,)) -> list:
    """Cells into a vein: a share is held in the lung; cells just given are competent to divide."""
    rows = []
    for day in days:
        rows += [
            (day, Op.SET, "product.competence", 1.0),
            (day, Op.ADD, "product.lung", trapped * VIABLE * cells),
            (day, Op.ADD, "product.blood", (1 - trapped) * VIABLE * cells),
        ]
    return rows


def injected(cells: float, days: Sequence[float] = (0.0,)) -> list:
    """Cells into the tissue around a tract: 60 % stay, and a third of the others is taken up by phagocytes."""
    rows = []
    for day in days:
        rows += [
            (day, Op.ADD, "product.fistula", 0.6 * VIABLE * cells),
            (day, Op.ADD, "efferocytosis.fistula", 0.3 * 0.4 * VIABLE * cells),
        ]
    return rows


def antibody(mg: float, days: Sequence[float]) -> list:
    """A drug into a vein."""
    return [(float(day), Op.ADD, "drug.central", mg) for day in days]


@pytest.fixture(scope="module")
def machine(system):
    return compile_system(system, outputs=[*system.states, "cdai", "infection_hazard", "drug_concentration"])


@pytest.fixture(scope="module")
def treat(system, machine):
    """A patient settled with his own values, then treated: outputs by name at the days asked for."""
    rests: dict = {}

    def rest(changes, values):
        key = (tuple(tuple(sorted(c.items())) for c in changes), tuple(sorted(values.items())))
        if key not in rests:
            parameters = numbers(profile_values(system, *NATURAL)) | values
            none = Events.none(1)
            rests[key] = machine.run(start(system, *changes), parameters, none, [20_000], final=True).final[0]
        return rests[key]

    def run(product, drug, actions, days, changes=(INFLAMED,), given=None, **values):
        plan = sorted(actions, key=lambda a: a[0])
        targets = [system.state_index(a[2]) for a in plan]
        rows = [[0] * len(plan), [a[0] for a in plan], [a[1] for a in plan], targets, [a[3] for a in plan]]
        parameters = numbers(profile_values(system, "ibd-core", product, drug)) | values | (given or {})
        out = machine.run(rest(changes, values), parameters, Events.from_rows(1, *rows), days, rtol=1e-8)
        assert out.status[0] == 0
        return dict(zip(out.outputs, out.values[0].T, strict=True)) | {"days": np.asarray(days, dtype=float)}

    return run


def at(out: dict, name: str, day: float) -> float:
    return float(np.interp(day, out["days"], out[name]))


def cells(out: dict) -> np.ndarray:
    return sum(out[f"product.{place}"] for place in ALIVE)


def test_01_two_stable_steady_states(treat, system) -> None:
    """Eigenvalues are asked in test_attractors; here that the two are far apart and stay for ten years."""
    found = [treat(*NATURAL[1:], [], [0.0, 3650.0], (c,))["innate.activation"] for c in (HEALTHY, INFLAMED)]
    (low, low_later), (high, high_later) = found
    assert high > 5 * low
    assert [low_later, high_later] == pytest.approx([low, high], rel=1e-5)


def test_02_healthy_markers_are_plausible(treat) -> None:
    out = treat(*NATURAL[1:], [], [0.0], (HEALTHY,))
    assert out["markers.calprotectin"][0] < 100
    assert out["markers.crp"][0] < 3


def test_03_inflamed_markers_are_plausible(treat) -> None:
    out = treat(*NATURAL[1:], [], [0.0])
    assert 400 < out["markers.calprotectin"][0] < 900
    assert 15 < out["markers.crp"][0] < 40


def test_04_the_flare_that_it_takes_to_relapse_falls_as_pathogenic_memory_rises(treat) -> None:
    def threshold(memory: float) -> float:
        for loss in np.arange(0.1, 0.96, 0.05):
            flare = [
                (0.0, Op.SET, "tcells.memory", memory),
                (0.0, Op.MULTIPLY, "barrier.integrity", 1 - loss),
                (0.0, Op.ADD, "innate.activation", 0.5 * loss),
            ]
            if treat(*NATURAL[1:], flare, [150.0], (HEALTHY,))["innate.activation"][0] > 0.5:
                return float(loss)
        return 1.0

    found = [threshold(memory) for memory in (0.0, 0.2, 0.4, 0.6, 0.8)]
    assert found == sorted(found, reverse=True)
    assert found[0] - found[-1] > 0.5


def test_05_full_responders_remit_and_patients_of_low_dependence_do_not(treat) -> None:
    def week_14(dependence: float) -> float:
        given = {"drug.pathway_dependence": dependence}
        out = treat("no-product", "infliximab", antibody(350, YEAR_OF_INFUSIONS), [98.0], given=given)
        return float(out["innate.activation"][0])

    assert week_14(1.0) < 0.2
    assert week_14(0.45) > 0.4


def test_06_infliximab_trough_of_week_14_is_in_the_clinical_range(treat) -> None:
    trough = treat("no-product", "infliximab", antibody(350, INFUSIONS), [97.9])["drug_concentration"][0]
    assert 1.5 < trough < 12


def test_07_an_untreated_tract_stays_open_surgery_fails_here_and_cells_close_it(treat) -> None:
    """In a patient responsive to cells, whose quiet gut has a tract that surgery alone doesn't close."""
    closed = {
        name: treat("allogeneic-msc", "no-drug", plan, [168.0], (OPEN_TRACT,), **RESPONSIVE)["tract.closure"][0]
        for name, plan in {"none": [], "surgery": SURGERY, "cells": SURGERY + injected(1.2e8)}.items()
    }
    assert closed["none"] < 0.2
    assert closed["surgery"] < 0.6
    assert closed["cells"] > 0.85


def test_08_the_dose_response_saturates(treat) -> None:
    high, higher = (
        treat("allogeneic-msc", "no-drug", SURGERY + injected(n), [168.0], (OPEN_TRACT,), **RESPONSIVE)
        for n in (9e7, 1.2e8)
    )
    assert high["tract.closure"][0] == pytest.approx(higher["tract.closure"][0], abs=0.08)


def test_09_local_cells_halve_in_three_to_eight_days(treat) -> None:
    days = np.arange(0.1, 20, 0.1)
    found = treat("allogeneic-msc", "no-drug", injected(1.2e8), days, (OPEN_TRACT,))["product.fistula"]
    assert 3 < days[np.argmax(found < found[0] / 2)] < 8


def test_10_sensitisation_shortens_later_foreign_doses_but_not_own_or_edited_ones(treat) -> None:
    """Ours adds what the reference lacks: natural killer cells reach edited cells, at every dose alike."""
    days = np.arange(0.0, 240.0, 0.5)
    guarded = {"product.antigenicity": 0.05, "product.shielding": 0.9}

    def exposure(product: str, given: dict) -> tuple[float, float]:
        doses = injected(1.2e8, (0.0, 84.0, 168.0))
        local = treat(product, "no-drug", doses, days, (OPEN_TRACT,), given=given)["product.fistula"]
        first, third = ((days >= a) & (days < a + 60) for a in (0.0, 168.0))
        return float(local[first].sum()), float(local[third].sum())

    foreign, own, edited, unguarded = (
        exposure(*arm)
        for arm in (
            ("allogeneic-msc", {}),
            ("autologous-msc", {}),
            ("allogeneic-msc", guarded),
            ("allogeneic-msc", guarded | {"product.missing_self": 1.0}),
        )
    )
    assert foreign[1] < 0.9 * foreign[0]
    assert own[1] > 0.98 * own[0]
    assert edited[1] > 0.95 * edited[0]
    assert unguarded[1] > 0.95 * unguarded[0]
    assert unguarded[0] < 0.8 * edited[0]


WEEKLY = (0.0, 7.0, 14.0, 21.0)


def test_11_msc_into_a_vein_do_little_for_a_short_time_and_cure_nobody(treat) -> None:
    out = treat("allogeneic-msc", "no-drug", infused(2e6 * WEIGHT, 0.8, WEEKLY), np.arange(0.0, 250.0))
    change = out["cdai"] - out["cdai"][0]
    assert -110 < change.min() < -10
    assert change[168] > -15


def test_12_a_homing_edit_increases_the_effect(treat) -> None:
    plan, days = infused(2e6 * WEIGHT, 0.8, WEEKLY), np.arange(0.0, 250.0)
    plain = treat("allogeneic-msc", "no-drug", plan, days)["cdai"]
    edited = treat("allogeneic-msc", "no-drug", plan, days, given={"product.homing_gain": 10.0})["cdai"]
    assert edited.min() < plain.min() - 15


@pytest.fixture(scope="module")
def transplanted(treat):
    def run(survival: float) -> dict:
        plan = procedure("hsct-conditioning", memory_survival=survival) + infused(3.5e8, 0.2, (3.0,))
        return treat("hsc", "no-drug", plan, np.unique([*np.arange(0, 60, 0.25), *np.arange(60, 1826, 5.0)]))

    return run


def test_13_a_deep_reset_lasts_and_a_shallow_one_relapses(transplanted) -> None:
    assert at(transplanted(0.02), "innate.activation", 1820) < 0.2
    assert at(transplanted(0.10), "innate.activation", 365) > 0.5


def test_14_neutrophils_engraft_8_to_14_days_after_the_graft(transplanted) -> None:
    out = transplanted(0.02)
    low = out["days"][out["marrow.neutrophils"] < 0.5 / 4.0]
    assert 8 <= low.max() - 3 <= 14


def test_15_t_cells_take_two_years_and_b_cells_six_months(transplanted) -> None:
    out = transplanted(0.02)
    assert at(out, "marrow.t_space", 365) < 0.8 < at(out, "marrow.t_space", 730)
    assert at(out, "bcells.count", 180) > 0.7


@pytest.fixture(scope="module")
def regulated(treat):
    def run(number: float, drug: str = "no-drug", infusions: Sequence = ()) -> dict:
        return treat("treg", drug, infused(number, 0.3) + list(infusions), np.arange(0.0, 400.0))

    return run


def test_16_5_to_30_per_cent_of_treg_are_left_at_one_year(regulated) -> None:
    left = cells(regulated(1e9))
    assert 0.05 < left[365] / left.max() < 0.30


def test_17_the_benefit_of_treg_depends_on_the_dose_and_fades(regulated) -> None:
    """Of Treg that don't meet their antigen as food; those of CATS1 do, and their effect hardly depends on the dose."""
    high, low = (regulated(n)["cdai"] for n in (1e9, 1e8))
    assert high[35] - high[0] < low[35] - low[0] < 0
    assert high[168] > high[35]


def test_18_vedolizumab_keeps_gut_homing_treg_out(regulated) -> None:
    alone = regulated(1e9)["product.gut"].max()
    assert regulated(1e9, "vedolizumab", antibody(300, (0, 14, 42, 98)))["product.gut"].max() < 0.6 * alone


@pytest.fixture(scope="module")
def car_t(treat):
    def run(**values: float) -> dict:
        plan = procedure("lymphodepletion") + infused(1e6 * WEIGHT, 0.4, (3.0,))
        return treat("car-t", "no-drug", plan, np.arange(0.0, 800.0, 0.5), **values)

    return run


def test_19_car_t_peak_within_two_weeks_empty_b_cells_and_let_them_return(car_t) -> None:
    """Ours has no calendar: competence to divide starts with the dose and fades (mean 16 days), without a lag."""
    out = car_t()
    after = out["days"] > 3.5
    peak = out["days"][after][out["product.blood"][after].argmax()] - 3
    low = out["days"][out["bcells.count"] < 0.1] - 3
    assert 5 <= peak <= 14
    assert out["bcells.count"].min() < 0.03
    assert 40 <= low.max() <= 180


def test_20_car_t_change_nothing_lasting_in_t_cell_driven_disease_and_much_in_b_cell_driven_colitis(car_t) -> None:
    typical, driven = car_t(), car_t(**B_DRIVEN)
    assert at(typical, "innate.activation", 367) > 0.8
    assert at(driven, "innate.activation", 101) < 0.5 * driven["innate.activation"][0]


def test_20b_with_plasmablasts_of_a_week_the_remission_of_b_cell_driven_colitis_lasts(car_t) -> None:
    """The reference relapsed within a year; antibody with the half-life of IgG was why. See the population."""
    driven = car_t(**B_DRIVEN, **{"bcells.k_autoantibody_turnover": 0.1})
    assert at(driven, "innate.activation", 101) < 0.2
    assert at(driven, "innate.activation", 731) < 0.2


@pytest.fixture(scope="module")
def colonised(treat):
    def run(days: int, antibiotic: bool) -> dict:
        opened = procedure("antibiotic-preconditioning") if antibiotic else []
        fed = [(float(day), Op.ADD, "microbes.engrafted", 0.02) for day in range(days)]
        return treat("no-product", "no-drug", opened + fed, np.arange(0.0, 366.0))

    return run


def test_21_engraftment_needs_an_open_niche_and_repeated_dosing(colonised) -> None:
    """Ours keeps a part to a year, as VE303 did in volunteers; the reference lost all of it."""
    single, repeated = colonised(1, False)["microbes.engrafted"], colonised(14, True)["microbes.engrafted"]
    assert repeated[14] > 3 * single[14]
    assert repeated[364] > 3 * single[364]


def test_22_bacteria_alone_do_little_in_moderate_to_severe_disease(colonised) -> None:
    activation = colonised(14, True)["innate.activation"]
    assert abs(activation[56] - activation[0]) < 0.2


def test_23_cells_with_infliximab_are_at_least_as_good_as_either(treat) -> None:
    half = {"drug.pathway_dependence": 0.45}
    drug, msc = antibody(350, (0, 14, 42, 98, 154)), infused(2e6 * WEIGHT, 0.8, WEEKLY)
    both, alone, only = (
        treat("allogeneic-msc", "infliximab", plan, [42.0], given=half)["innate.activation"][0]
        for plan in (drug + msc, drug, msc)
    )
    assert both <= min(alone, only) + 1e-6


def test_24_the_hazard_of_infection_is_of_the_observed_order(transplanted, car_t) -> None:
    late = transplanted(0.02)
    months = (late["days"] >= 183) & (late["days"] <= 730)
    assert 0.1 < np.trapezoid(late["infection_hazard"][months], late["days"][months]) / 547 < 0.5
    early = car_t()
    first = (early["days"] >= 3) & (early["days"] <= 31)
    per_100_days = 100 * np.trapezoid(early["infection_hazard"][first] / 365, early["days"][first]) / 28
    assert 0.2 < per_100_days < 2.5


@pytest.mark.slow
def test_25_surgery_alone_closes_25_to_55_per_cent_and_cells_add_0_to_15_points() -> None:
    """In the catalogue's population under the pooled scenario, read with its noise-free rule at week 24."""
    simulator = Simulator(population("perianal-fistula-refractory-cd"), 1)
    cohort = simulator.cohort(np.arange(300))
    surgery = (PlannedProcedure(catalogue.procedure("curettage-and-seton-removal"), 0.0),)
    courses = usual_courses(catalogue.product("darvadstrocel"), 168.0)
    closed = [
        simulator.run(cohort, Protocol("arm", surgery, given), scenario("pooled"), [168.0])
        .outcome("combined-remission", 168.0, noise=False)
        .mean()
        for given in ((), courses)
    ]
    assert 0.25 <= closed[0] <= 0.55
    assert 0 <= closed[1] - closed[0] <= 0.15


@pytest.mark.slow
def test_26_half_to_three_quarters_stay_well_a_year_after_infliximab_is_stopped() -> None:
    """In the catalogue's population, whose rate of flares was set in view of STORI and of 14 studies pooled."""
    simulator = Simulator(population("luminal-cd-moderate-severe"), 1)
    cohort = simulator.cohort(np.arange(300))
    courses = usual_courses(catalogue.drug("infliximab"), 365.0)
    stopped = 420.0
    days = np.arange(stopped, stopped + 366, 14.0)
    out = simulator.run(cohort, Protocol("drug", (), courses), scenario("pooled"), days)
    inflamed = out.course_of("active-inflammation")
    well = out["innate.activation"][:, out.at(stopped)] < 0.3
    after = inflamed[well][:, out.times >= stopped]
    assert 0.45 <= 1 - after.any(axis=1).mean() <= 0.75


@pytest.mark.slow
def test_27_solvers_agree_and_nothing_goes_below_zero(system, machine) -> None:
    """Ours against the slow reference engine, which stands for the reference's four solvers."""
    parameters = numbers(profile_values(system, "ibd-core", "allogeneic-msc", "infliximab"))
    plan = sorted(infused(1.4e8, 0.8, WEEKLY) + antibody(350, INFUSIONS), key=lambda a: a[0])
    targets = [system.state_index(a[2]) for a in plan]
    rows = [[0] * len(plan), [a[0] for a in plan], [a[1] for a in plan], targets, [a[3] for a in plan]]
    events, y0, days = Events.from_rows(1, *rows), start(system, INFLAMED), [50.0, 100.0, 120.0]
    fast = machine.run(y0, parameters, events, days, rtol=1e-6).values[0][:, : len(system.states)]
    slow = reference_run(system, y0, parameters, events, days, outputs=[*system.states])
    truth = slow.values[0]
    scale = np.array([1.0 if s.unit == "cell" else 1e-3 for s in system.states.values()])
    assert np.all(np.abs(fast - truth) <= 1e-3 * np.abs(truth) + scale)
    lowest = np.array([-10.0 if s.unit == "cell" else -1e-5 for s in system.states.values()])
    assert np.all(fast.min(axis=0) >= lowest)
