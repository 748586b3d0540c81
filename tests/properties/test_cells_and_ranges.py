"""Random patients given anything the catalogue allows: cells are conserved, and no state leaves its range.

Parameters are drawn within the ranges that the catalogue states (and at their ends), products, routes, carriers, drugs
and procedures from all that it has, doses over six orders of magnitude; flares come as they do in a study.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from homing.biology.attractors import INFLAMED, OPEN_TRACT, start
from homing.biology.ibd import ibd_system
from homing.engine import CompiledSystem, compile_system
from homing.evidence.catalogue import names
from homing.evidence.values import Value
from homing.patients.flares import add_flares
from homing.patients.population import populations
from homing.protocol import catalogue
from homing.protocol.course import Course, Dose, PlannedProcedure, Protocol
from homing.protocol.regimen import usual_courses
from homing.protocol.timeline import Timeline, build_timeline, deposits_of, landed
from homing.study.simulator import Simulator

SYSTEM = ibd_system()
UNTIL = 500.0
DAYS = np.unique(np.concatenate([np.geomspace(0.01, UNTIL, 60), np.arange(0.0, UNTIL, 10)]))
#: Cells in and out must agree to this share of those given and born; states may leave a range by the error allowed.
MOST_IMBALANCE, SLACK = 1e-6, 10.0
RTOL = 1e-6
PRODUCTS = [p for p in catalogue.products() if p.routes]
CARRIERS = [catalogue.carrier(key) for key in names("carriers")]
STARTS = {"healthy": {}, "inflamed": INFLAMED, "open tract": OPEN_TRACT, "both": {**INFLAMED, **OPEN_TRACT}}
#: Bounded by their own equations, though no number is declared: they can't exceed these parameters.
CAPPED = {"tcells.memory": "tcells.memory_capacity", "alloimmunity.effectors": "alloimmunity.effector_capacity"}


@functools.cache
def engine() -> CompiledSystem:
    return compile_system(SYSTEM, outputs=list(SYSTEM.states))


@functools.cache
def simulator() -> Simulator:
    return Simulator(populations()[0], seed=1)


@dataclass(frozen=True)
class Case:
    protocol: Protocol
    parameters: dict[str, float]
    initial: list[float]
    timeline: Timeline


def drawn(value: Value, u: float) -> float:
    if value.low is None or value.high is None:
        return value.number
    return value.low + u * (value.high - value.low)


@st.composite
def protocols(draw: st.DrawFn) -> Protocol:
    """One product by one of its routes, perhaps with a drug and procedures of the catalogue."""
    product = draw(st.sampled_from(PRODUCTS))
    route = catalogue.route(draw(st.sampled_from(product.routes)))
    carrier = draw(st.sampled_from([None, *(c for c in CARRIERS if route.key in c.routes)]))
    into_flora = all(d.state.startswith("microbes.") for d in route.deposits)
    times = tuple(sorted(draw(st.sets(st.integers(0, 300), min_size=1, max_size=4))))
    number = draw(st.floats(0, 0.2)) if into_flora else 10 ** draw(st.floats(4, 10))
    dose = Dose(number, "fraction" if into_flora else "cell")
    courses = [Course(product, product.key, route, dose, tuple(map(float, times)), carrier)]
    drug = draw(st.sampled_from([None, *names("drugs")]))
    courses += usual_courses(catalogue.drug(drug), UNTIL) if drug else ()
    acts = draw(st.lists(st.sampled_from(names("procedures")), max_size=2, unique=True))
    planned = [PlannedProcedure(catalogue.procedure(key), float(times[0])) for key in acts]
    return Protocol("any", tuple(planned), tuple(courses))


@st.composite
def cases(draw: st.DrawFn) -> Case:
    protocol, seed = draw(protocols()), draw(st.integers(0, 2**31))
    uniform = np.random.default_rng(seed).uniform(size=len(SYSTEM.parameters))
    if draw(st.booleans()):
        uniform = np.round(uniform)  # at the ends of the ranges
    values = simulator().values(protocol)
    parameters = {name: drawn(values[name], u) for name, u in zip(SYSTEM.parameters, uniform, strict=True)}
    who = draw(st.sampled_from(populations()))
    timeline = build_timeline(
        SYSTEM, protocol, {"weight": np.array([70.0])}, 1,
        also=lambda rows: add_flares(rows, SYSTEM, who, seed, np.array([0]), 0.0, UNTIL),
    )  # fmt: skip
    return Case(protocol, parameters, start(SYSTEM, STARTS[draw(st.sampled_from(list(STARTS)))]), timeline)


def run(case: Case) -> dict[str, NDArray[np.float64]]:
    out = engine().run(case.initial, case.parameters, case.timeline.events, DAYS, rtol=RTOL)
    assert out.complete.all()
    return dict(zip(out.outputs, out.values[0].T, strict=True))


def cells_in_and_out(case: Case, found: dict[str, NDArray[np.float64]]) -> tuple[NDArray, NDArray]:
    """Cells deposited and born, and cells alive, dead or departed, at DAYS."""
    places = [n for n, s in SYSTEM.states.items() if n.startswith("product.") and s.unit == "cell" and not s.tally]
    counted = [*places, "product.dead"]
    came = found["product.born"].copy()
    for dose in case.timeline.doses:
        share = sum(landed(d, dose.course) for d in deposits_of(dose.course) if d.state in counted)
        came[DAYS > dose.time] += float(dose.delivered[0]) * share
    return came, sum(found[name] for name in [*counted, "product.departed"])


@given(case=cases())
@settings(max_examples=150, deadline=None)
def test_cells_given_and_born_are_alive_dead_or_departed(case: Case) -> None:
    found = run(case)
    came, accounted = cells_in_and_out(case, found)
    assert np.all(np.abs(accounted - came) <= MOST_IMBALANCE * np.maximum(came, 1.0))
    for tally in ("dead", "born", "departed", "arrived"):
        steps = np.diff(found[f"product.{tally}"])
        assert np.all(steps >= -MOST_IMBALANCE * np.maximum(came[1:], 1.0)), tally


@given(case=cases())
@settings(max_examples=150, deadline=None)
def test_states_stay_in_their_ranges(case: Case) -> None:
    for name, course in run(case).items():
        state = SYSTEM.states[name]
        slack = SLACK * max(state.absolute, RTOL * float(np.abs(course).max()))
        assert course.min() >= state.low - slack, (name, course.min())
        high = case.parameters[CAPPED[name]] if name in CAPPED else state.high
        assert course.max() <= high + slack, (name, course.max())


@pytest.mark.parametrize("product", PRODUCTS, ids=lambda p: p.key)
def test_a_dose_lands_whole(product) -> None:
    """By every route and carrier: what is delivered is alive in a place, dead, or in the flora, and nothing else."""
    for key in product.routes:
        route = catalogue.route(key)
        for carrier in [None, *(c for c in CARRIERS if key in c.routes)]:
            course = Course(product, product.key, route, Dose(1.0, "cell"), (0.0,), carrier)
            whole = [d for d in deposits_of(course) if not d.times and not d.state.endswith(".arrived")]
            assert sum(landed(d, course) for d in whole) == pytest.approx(1)
