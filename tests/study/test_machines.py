"""Several products and drugs in one patient: what they run on, that it is the same mathematics, and who is who."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from homing.biology.ibd import ibd_system
from homing.biology.profiles import numbers, profile_values
from homing.engine import compile_system
from homing.ground.errors import NumericsError
from homing.patients.cohort import Cohort
from homing.patients.drug_kinetics import kinetic_factors
from homing.patients.flares import RATES, add_flares
from homing.patients.population import Population, population
from homing.patients.scenario import scenario
from homing.protocol import catalogue
from homing.protocol.course import Course, PlannedProcedure, Protocol
from homing.protocol.instances import instances
from homing.protocol.regimen import read_dose
from homing.protocol.timeline import build_timeline
from homing.study.machines import common, machine_for, need_of, needed_machine, whole_machine
from homing.study.numerics import imbalance
from homing.study.simulator import Simulated, Simulator
from homing.study.simulator import _grid as grid_of

FISTULA, COLITIS, LUMINAL = (
    population(k) for k in ("perianal-fistula-refractory-cd", "uc-moderate-severe", "refractory-luminal-cd-hsct")
)
WEEKS = np.arange(0, 183, 7.0)
IV = "intravenous"


def gives(key: str, route: str, dose: str, *days: float, carrier: str = "") -> Course:
    drug = route.startswith("drug-")
    give = catalogue.drug(key) if drug else catalogue.product(key)
    held = catalogue.carrier(carrier) if carrier else None
    return Course(give, key, catalogue.route(route), read_dose(dose), tuple(days), held)


def plan(*parts: Course | tuple[str, float]) -> Protocol:
    courses = tuple(p for p in parts if isinstance(p, Course))
    procedures = [PlannedProcedure(catalogue.procedure(p[0]), p[1]) for p in parts if isinstance(p, tuple)]
    return Protocol("arm", tuple(procedures), courses)


CURETTAGE, LYMPHODEPLETION = ("curettage-and-seton-removal", 0.0), ("lymphodepletion", 0.0)
LOCAL = gives("darvadstrocel", "intralesional", "120e6 cells", 0.0)
BY_VEIN = gives("umbilical-cord-msc", IV, "1e6 cells/kg", 28.0, 56.0)
INFLIXIMAB = gives("infliximab", "drug-intravenous", "5 mg/kg", 0.0, 14.0, 42.0)
VEDOLIZUMAB = gives("vedolizumab", "drug-intravenous", "300 mg", 98.0, 112.0)
CAR_T = gives("cd19-car-t", IV, "1e6 cells/kg", 3.0)
SPORES = gives("firmicutes-spores", "oral", "2 %", *range(14))

KINDS: dict[str, tuple[Population, Protocol]] = {
    "two MSC products": (FISTULA, plan(CURETTAGE, LOCAL, BY_VEIN)),
    "MSC on a plug and by vein": (
        FISTULA,
        plan(CURETTAGE, gives("darvadstrocel", "intralesional", "2e7 cells", 0.0, carrier="matrix-plug"), BY_VEIN),
    ),
    "MSC, then another drug": (FISTULA, plan(CURETTAGE, LOCAL, INFLIXIMAB, VEDOLIZUMAB)),
    "antibiotic, bacteria, MSC, Treg": (
        COLITIS,
        plan(("antibiotic-preconditioning", 0.0), SPORES, BY_VEIN, gives("polyclonal-treg", IV, "1e6 cells/kg", 70.0)),
    ),
    "lymphodepletion, CAR-T, MSC": (COLITIS, plan(LYMPHODEPLETION, CAR_T, BY_VEIN)),
    "conditioning, graft, Treg": (
        LUMINAL,
        plan(
            ("hsct-conditioning", 0.0),
            gives("autologous-hsct", IV, "5e6 cells/kg", 3.0),
            gives("ova-treg", IV, "1e8 cells", 56.0),
        ),
    ),
    "a graft that corrects and MSC": (
        LUMINAL,
        plan(("hsct-conditioning", 0.0), gives("nod2-corrected-hsc", IV, "5e6 cells/kg", 3.0), BY_VEIN),
    ),
    "one product": (FISTULA, plan(CURETTAGE, LOCAL)),
    "one drug": (COLITIS, plan(INFLIXIMAB)),
    "CAR-T alone": (COLITIS, plan(LYMPHODEPLETION, CAR_T)),
    "nothing": (COLITIS, Protocol("nothing")),
}


def go(simulator: Simulator, protocol: Protocol, patients: int | Cohort = 12, rtol: float = 1e-5) -> Simulated:
    cohort = patients if isinstance(patients, Cohort) else simulator.cohort(np.arange(patients))
    return simulator.run(cohort, protocol, scenario("pooled"), WEEKS, rtol=rtol)


def close(a: np.ndarray, b: np.ndarray, *, cells: bool = False) -> None:
    """Alike to a millionth of the value, the largest value, or 1; of cells, whose absolute tolerance is one, to a few
    cells, less than a millionth of any dose here."""
    np.testing.assert_allclose(a, b, rtol=1e-6, atol=5.0 if cells else 1e-6 * max(float(np.abs(a).max()), 1.0))


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_composed_gives_the_trajectories_of_the_whole(kind: str) -> None:
    who, protocol = KINDS[kind]
    whole, part = (go(Simulator(who, 5, machines=of), protocol, rtol=1e-9) for of in (whole_machine, needed_machine))
    assert len(part.machine.system.states) < len(whole.machine.system.states)
    for name in set(whole.trajectories.outputs):
        kept = name in part.trajectories.outputs
        left = part.trajectories[name] if kept else part._sum(part.machine._number(name))
        close(whole.trajectories[name], left, cells=name.startswith("product"))


@pytest.mark.parametrize("kind", KINDS)
def test_cells_balance_with_any_number_of_products(kind: str) -> None:
    who, protocol = KINDS[kind]
    run = go(Simulator(who, 5), protocol)
    doses = [d for d in run.doses if d.course.give in run.machine.instances.products]
    assert run.trajectories.complete.all()
    assert imbalance(run, doses) < 1e-12


@pytest.mark.parametrize("kind", ["one product", "one drug", "CAR-T alone", "nothing"])
def test_one_product_and_one_drug_run_on_the_kernel_that_always_was(kind: str) -> None:
    """The same code on the same values and events, so the same bits."""
    who, protocol = KINDS[kind]
    simulator = Simulator(who, 5)
    cohort = simulator.cohort(np.arange(12))
    run = go(simulator, protocol, cohort)
    assert machine_for(who, protocol).compiled is common() and common().system is ibd_system()
    product, drug = (gives_[0].profile if gives_ else no for gives_, no in
                     ((protocol.products, "no-product"), (protocol.drugs, "no-drug")))  # fmt: skip
    pooled = scenario("pooled")
    values = pooled.apply(cohort.values)
    parameters = {
        name: number * pooled.factor(name)
        for name, number in numbers(profile_values(ibd_system(), "ibd-core", product, drug)).items()
    } | {name: column for name, column in values.items() if "." in name}
    for each in protocol.drugs:
        for name, factor in kinetic_factors(each, values, 5, cohort.ids).items():
            parameters[name] = parameters[name] * factor

    grid = grid_of(WEEKS, protocol)
    timeline = build_timeline(
        ibd_system(),
        protocol,
        values,
        12,
        also=lambda rows: add_flares(
            rows, ibd_system(), who, 5, cohort.ids, 0.0, grid[-1], *(pooled.factor(name) for name in RATES)
        ),
    )
    again = common().run(cohort.initial, parameters, timeline.events, grid)
    np.testing.assert_array_equal(again.values, run.trajectories.values)


def test_who_stands_first_makes_no_difference() -> None:
    simulator = Simulator(FISTULA, 5)
    forth = go(simulator, plan(CURETTAGE, LOCAL, BY_VEIN, INFLIXIMAB, VEDOLIZUMAB), rtol=1e-9)
    back = go(simulator, plan(CURETTAGE, VEDOLIZUMAB, BY_VEIN, INFLIXIMAB, LOCAL), rtol=1e-9)
    for name in ("tract.closure", "innate.activation", "alloimmunity.antibody", "product.fistula"):
        close(forth[name], back[name], cells=name.startswith("product"))
    for key, place in (("darvadstrocel", "fistula"), ("umbilical-cord-msc", "gut")):
        close(forth.cells(key, place), back.cells(key, place), cells=True)
    for key in ("infliximab", "vedolizumab"):
        close(forth.concentration(key), back.concentration(key))


def test_a_product_whose_time_never_comes_changes_nothing() -> None:
    simulator = Simulator(FISTULA, 5)
    alone = go(simulator, plan(CURETTAGE, LOCAL), rtol=1e-9)
    late = go(simulator, plan(CURETTAGE, LOCAL, replace(BY_VEIN, times=(900.0,))), rtol=1e-9)
    assert not late.machine.is_common
    for name in ("tract.closure", "innate.activation", "product.fistula", "alloimmunity.antibody"):
        close(alone[name], late[name], cells=name.startswith("product"))
    assert (late.cells("umbilical-cord-msc", "gut") == 0).all()


def test_half_a_dose_of_a_product_under_each_of_two_names_is_the_dose() -> None:
    simulator = Simulator(FISTULA, 5)
    half = replace(LOCAL, dose=read_dose("60e6 cells"))
    give = replace(half.give, key="ours", like="darvadstrocel")  # type: ignore[type-var]
    ours = replace(half, give=give, name="ours")
    one, two = (go(simulator, plan(CURETTAGE, *courses), rtol=1e-9) for courses in ((LOCAL,), (half, ours)))
    assert [k for k in two.machine.instances.keys.values()] == ["darvadstrocel", "ours"]
    for name in ("tract.closure", "product.fistula", "product.dead", "fistula_secretome"):
        close(one[name], two[name], cells=name.startswith("product"))
    close(two.cells("ours", "fistula"), two.cells("darvadstrocel", "fistula"), cells=True)


def test_each_product_and_drug_has_its_own_values_cells_and_ledger_lines() -> None:
    simulator = Simulator(FISTULA, 5)
    protocol = plan(CURETTAGE, LOCAL, gives("polyclonal-treg", IV, "1e6 cells/kg", 28.0), INFLIXIMAB, VEDOLIZUMAB)
    values = simulator.values(protocol)
    assert values["product.suppressive"].number == 0 < values["product_2.suppressive"].number
    assert values["drug.tnf_effect"].number > 0 == values["drug_2.tnf_effect"].number
    run = go(simulator, protocol)
    assert (run.cells("darvadstrocel", "gut") == 0).all() and (run.cells("polyclonal-treg", "gut")[:, -1] > 0).all()
    np.testing.assert_array_equal(
        run["product.gut"], run.cells("darvadstrocel", "gut") + run.cells("polyclonal-treg", "gut")
    )
    assert (run.concentration("vedolizumab")[:, run.at(91.0)] == 0).all()
    assert (run.concentration("infliximab")[:, run.at(7.0)] > 1).all()
    assert (run.cells("bone-marrow-msc", "gut") == 0).all() and (run.concentration("ustekinumab") == 0).all()
    local = run.ledger()[0]
    kept = catalogue.product("darvadstrocel").share("f_local_retained")
    np.testing.assert_allclose(local.engrafted, local.delivered * kept, rtol=1e-9)


def test_a_drug_that_is_given_between_does_not_end_the_count_of_what_engrafts() -> None:
    simulator = Simulator(COLITIS, 5)
    alone = go(simulator, plan(replace(BY_VEIN, times=(0.0,)))).ledger()[0]
    between = go(simulator, plan(replace(BY_VEIN, times=(0.0,)), replace(INFLIXIMAB, times=(1.0, 2.0)))).ledger()
    mine = next(dose for dose in between if dose.course.name == "umbilical-cord-msc")
    assert (mine.engrafted > 0.5 * alone.engrafted).all()


def test_what_differs_between_patients_holds_for_every_drug() -> None:
    simulator = Simulator(COLITIS, 5)
    cohort = simulator.cohort(np.arange(12))
    run = go(simulator, plan(INFLIXIMAB, VEDOLIZUMAB), cohort)
    for name in ("drug.pathway_dependence", "drug_2.pathway_dependence"):
        np.testing.assert_array_equal(run.parameters[name], cohort.values["drug.pathway_dependence"])


def test_car_t_cells_grow_alike_whenever_they_are_given() -> None:
    simulator = Simulator(COLITIS, 5)
    cohort = simulator.cohort(np.arange(6))
    peaks = []
    for day in (0.0, 84.0):
        protocol = plan(("lymphodepletion", day), replace(CAR_T, times=(day + 3,)))
        run = simulator.run(cohort, protocol, scenario("pooled"), np.arange(0, 183, 1.0))
        peaks.append(run["product.peripheral"].max(axis=1))
    np.testing.assert_allclose(peaks[0], peaks[1], rtol=0.02)
    assert (peaks[0] > 1e8).all()


def test_bacteria_need_no_instance() -> None:
    assert instances(plan(SPORES, BY_VEIN)).product_names == ("product",)
    assert machine_for(COLITIS, plan(SPORES, BY_VEIN)).is_common


def test_the_machine_of_an_arm_is_its_own_affair() -> None:
    """It depends on the protocol and the population alone; two arms with the same needs share it."""
    a, b = plan(CURETTAGE, LOCAL, BY_VEIN), plan(CURETTAGE, LOCAL, replace(BY_VEIN, dose=read_dose("5e6 cells")))
    assert machine_for(FISTULA, a).compiled is machine_for(FISTULA, b).compiled
    assert need_of(FISTULA, a) != need_of(FISTULA, plan(CURETTAGE, BY_VEIN, LOCAL))
    assert machine_for(FISTULA, KINDS["two MSC products"][1]).compiled is not common()


def test_a_state_that_is_left_out_and_does_not_rest_is_refused() -> None:
    simulator = Simulator(FISTULA, 5)
    cohort = simulator.cohort(np.arange(2))
    marrow = ibd_system().state_index("marrow.capacity")
    odd = cohort.initial.copy()
    odd[1, marrow] = 0.5
    with pytest.raises(NumericsError, match=r"'marrow\.capacity' is taken to rest at 1"):
        go(simulator, plan(CURETTAGE, LOCAL, BY_VEIN), replace(cohort, initial=odd))


def test_only_what_is_read_is_compiled() -> None:
    states: Sequence[str] = list(needed_machine(COLITIS, Protocol("nothing")).system.states)
    assert not [s for s in states if s.startswith(("tract.", "marrow.", "product", "drug", "microbes.", "allo"))]
    assert compile_system(ibd_system(), ["cdai"]).system is ibd_system()


def test_a_factor_on_a_product_follows_it_into_an_arm_where_it_has_another_name() -> None:
    mine, theirs = (
        machine_for(FISTULA, p) for p in (plan(CURETTAGE, LOCAL, BY_VEIN), plan(CURETTAGE, BY_VEIN, INFLIXIMAB))
    )
    local, by_vein = (mine.instances.named(course.give.catalogue_key) for course in (LOCAL, BY_VEIN))
    there = theirs.instances.named(BY_VEIN.give.catalogue_key)
    changes = {f"{local}.k_gut_death": 2.0, f"{by_vein}.k_gut_death": 3.0, "tract.k_close": 4.0}
    assert mine.translated(changes, theirs, ()) == {f"{there}.k_gut_death": 3.0, "tract.k_close": 4.0}
    own = f"{local}.k_gut_death"
    assert mine.translated({own: 2.0}, theirs, {own}) == {own: 2.0}, "a patient's own value is no product's"
    assert there != by_vein
