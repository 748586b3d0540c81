"""The simulator: who a patient is, common luck in all arms, the ledger's last step, factors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from homing.biology.ibd import ibd_system
from homing.evidence.values import Value
from homing.patients.population import population, populations
from homing.patients.scenario import Scenario, scenario
from homing.protocol import catalogue
from homing.protocol.course import Course, Dose, PlannedProcedure, Protocol
from homing.protocol.events import Op
from homing.protocol.regimen import usual_courses
from homing.protocol.timeline import build_timeline
from homing.study.simulator import Simulator

FISTULA = population("perianal-fistula-refractory-cd")
CURETTAGE = PlannedProcedure(catalogue.procedure("curettage-and-seton-removal"), 0.0)
CELLS = Protocol("cells", (CURETTAGE,), usual_courses(catalogue.product("darvadstrocel"), 1))
SURGERY = Protocol("surgery", (CURETTAGE,))
WEEKS = np.arange(0, 169, 7.0)


@pytest.fixture(scope="module")
def simulator() -> Simulator:
    return Simulator(FISTULA, seed=5)


def test_the_first_patients_of_many_are_the_few(simulator: Simulator) -> None:
    few, many = simulator.cohort(np.arange(10)), simulator.cohort(np.arange(40))
    np.testing.assert_array_equal(few.initial, many.initial[:10])
    for name, column in few.values.items():
        np.testing.assert_array_equal(column, many.values[name][:10])
    a = simulator.run(few, CELLS, scenario("pooled"), WEEKS)
    b = simulator.run(many, CELLS, scenario("pooled"), WEEKS)
    np.testing.assert_array_equal(a.trajectories.values, b.trajectories.values[:10])


def test_under_the_posterior_a_patient_keeps_their_draw_in_any_cohort_and_order(simulator: Simulator) -> None:
    every, some = simulator.cohort(np.arange(12)), simulator.cohort(np.array([11, 4, 7]))
    a, b = (simulator.run(cohort, CELLS, scenario("posterior"), WEEKS) for cohort in (every, some))
    np.testing.assert_array_equal(a.trajectories.values[[11, 4, 7]], b.trajectories.values)


def test_under_the_posterior_a_patient_runs_as_under_their_draw_alone(simulator: Simulator) -> None:
    cohort, chosen = simulator.cohort(np.array([9])), scenario("posterior")
    mine = {
        name: replace(value, number=float(np.asarray(chosen.factor(name, cohort.ids))[0]))
        for name, value in chosen.multiply.items()
    }
    a = simulator.run(cohort, CELLS, chosen, WEEKS)
    b = simulator.run(cohort, CELLS, Scenario("mine", {}, {}, mine), WEEKS)
    np.testing.assert_array_equal(a.trajectories.values, b.trajectories.values)


def test_patients_in_another_order_are_the_same_patients(simulator: Simulator) -> None:
    forth, back = simulator.cohort(np.arange(8)), simulator.cohort(np.arange(8)[::-1])
    np.testing.assert_array_equal(forth.initial, back.initial[::-1])


@pytest.mark.parametrize("found", populations(), ids=lambda p: p.key)
def test_every_population_has_the_history_it_asks_for(found: object) -> None:
    simulator = Simulator(found, seed=1)  # type: ignore[arg-type]
    cohort = simulator.cohort(np.arange(200))
    assert 0.3 < cohort.acceptance <= 1
    _, fits = simulator.settle(cohort.values, {})
    assert fits.all()
    activation = cohort.initial[:, simulator.compiled.system.state_index("innate.activation")]
    if found.gut == "inflamed":  # type: ignore[attr-defined]
        assert (activation > 0.5).all()
    else:
        assert (activation < 0.3).all()


def test_the_tract_is_open_at_week_0_and_the_gut_is_at_rest(simulator: Simulator) -> None:
    cohort = simulator.cohort(np.arange(20))
    untreated = simulator.run(cohort, Protocol("nothing"), scenario("pooled"), [0.0, 1.0])
    assert (untreated["tract.sepsis"][:, 0] == 1).all()
    np.testing.assert_allclose(untreated["tcells.memory"][:, 1], untreated["tcells.memory"][:, 0], rtol=1e-2)


def of_cells(factor: float) -> Scenario:
    """A scenario of one factor on all that cells do at the fistula and in the gut."""
    names = ("tract.efferocytosis_clearance", "tract.secretome_clearance", "tract.secretome_closure")
    multiply = {name: Value(factor, "1", because="a test") for name in (*names, "barrier.secretome_repair")}
    return Scenario("of-cells", {"en": "of cells"}, {}, multiply)


def test_without_cells_what_cells_do_makes_no_difference(simulator: Simulator) -> None:
    cohort = simulator.cohort(np.arange(20))
    low, high = (simulator.run(cohort, SURGERY, of_cells(k), WEEKS) for k in (0.1, 3.0))
    np.testing.assert_allclose(low["tract.closure"], high["tract.closure"], rtol=1e-12)


def test_flares_are_the_same_in_every_arm(simulator: Simulator) -> None:
    cohort = simulator.cohort(np.arange(60))
    until = np.arange(0, 730, 7.0)
    a, b = (simulator.run(cohort, arm, scenario("sceptical"), until) for arm in (CELLS, SURGERY))
    # a flare takes barrier at once: the falls from one week to the next come in the same weeks in both arms
    falls = [np.diff(run["barrier.integrity"], axis=1) < -0.1 for run in (a, b)]
    assert falls[0].sum() > 10
    assert (falls[0] != falls[1]).mean() < 0.01


def test_the_day_0_reading_is_the_one_before_anything_is_done(simulator: Simulator) -> None:
    cohort = simulator.cohort(np.arange(5))
    treated = simulator.run(cohort, CELLS, scenario("pooled"), WEEKS)
    assert (treated["tract.sepsis"][:, 0] == 1).all()
    assert (treated["product.fistula"][:, 0] == 0).all()


def test_engrafted_is_what_stays_of_a_local_dose(simulator: Simulator) -> None:
    cohort = simulator.cohort(np.arange(5))
    twice = replace(CELLS, courses=(replace(CELLS.courses[0], times=(0.0, 84.0)),))
    first, second = simulator.run(cohort, twice, scenario("pooled"), WEEKS).ledger()
    kept = catalogue.product("darvadstrocel").share("f_local_retained")
    for dose in (first, second):
        np.testing.assert_allclose(dose.engrafted, dose.delivered * kept, rtol=1e-3)
        assert (dose.nominal >= dose.viable).all() and (dose.potent >= dose.delivered).all()
        assert (dose.delivered > dose.engrafted).all()


def test_the_doses_of_a_course_are_times_of_output(simulator: Simulator) -> None:
    cohort = simulator.cohort(np.arange(2))
    odd = replace(CELLS, courses=(replace(CELLS.courses[0], times=(0.0, 10.5)),))
    assert 10.5 in simulator.run(cohort, odd, scenario("pooled"), [28.0]).times


def test_a_change_multiplies_what_differs_between_patients_and_what_does_not(simulator: Simulator) -> None:
    cohort = simulator.cohort(np.arange(6))
    name = "tract.k_close"
    scaled = replace(cohort, values={**cohort.values, name: cohort.values[name] * 1.5})
    a = simulator.run(cohort, SURGERY, of_cells(1.0), WEEKS, changes={name: 1.5})
    b = simulator.run(scaled, SURGERY, of_cells(1.0), WEEKS)
    np.testing.assert_array_equal(a["tract.closure"], b["tract.closure"])
    plain = simulator.run(cohort, CELLS, of_cells(1.0), WEEKS)
    faster = simulator.run(cohort, CELLS, of_cells(1.0), WEEKS, changes={"product.k_fistula_death": 4.0})
    assert (faster["product.fistula"][:, 1:] < plain["product.fistula"][:, 1:]).all()


def test_a_settled_state_does_not_depend_on_what_a_patient_is_given(simulator: Simulator) -> None:
    cohort = simulator.cohort(np.arange(4))
    again, _ = simulator.settle(cohort.values, {})
    np.testing.assert_array_equal(again, cohort.initial)
    other, _ = simulator.settle(cohort.values, {"barrier.leak_lost": 1.2})
    assert not np.allclose(other, cohort.initial)


def test_carrier_and_product_values_stand_in_for_the_profile(simulator: Simulator) -> None:
    course = CELLS.courses[0]
    beads = Protocol("beads", (), (replace(course, carrier=catalogue.carrier("microspheres")),))
    carrier = catalogue.carrier("microspheres")
    values = simulator.values(beads)
    for name, value in carrier.values.items():
        assert values[name] == value.to(simulator.compiled.system.parameters[name].unit)


@pytest.mark.parametrize("share", [0.05, 0.5, 1.0])
def test_bacteria_never_hold_more_than_the_whole_flora_however_often_they_are_given(share: float) -> None:
    """The doses' jumps one after another, with nothing washed out between: the most that bacteria can come to."""
    times = tuple(map(float, range(6)))
    course = Course(catalogue.product("fmt"), "fmt", catalogue.route("oral"), Dose(share, "fraction"), times)
    system = ibd_system()
    events = build_timeline(system, Protocol("daily", (), (course,)), {}, 1).events
    held, mine = [0.0], events.target == system.state_index("microbes.engrafted")
    for op, value in zip(events.op[mine], events.value[mine], strict=True):
        held.append(held[-1] + value if op == Op.ADD else min(held[-1], value))
    after = [held[2 * dose + 2] for dose in range(len(times))]
    assert after == pytest.approx([min(share * (dose + 1), 1.0) for dose in range(len(times))])
