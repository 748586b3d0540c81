"""Simulator: one population's patients through any protocol under any scenario, always with the same machine code.

Everything that a study and the chapters of its report simulate goes through `Simulator.run`, so that arms, products,
routes and doses meet the same patients, the same flares and the same readings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.biology.attractors import INFLAMED, start
from homing.biology.profiles import numbers, profile_values
from homing.endpoints.definitions import endpoint
from homing.endpoints.observe import Readings, observe, outcomes
from homing.engine import CompiledSystem, Trajectories
from homing.evidence.values import Value
from homing.ground.errors import StudyError
from homing.patients.cohort import Cohort, Values, draw_cohort
from homing.patients.drug_kinetics import kinetic_factors
from homing.patients.flares import RATES, add_flares
from homing.patients.population import Population
from homing.patients.scenario import Scenario
from homing.protocol.course import Protocol
from homing.protocol.events import Events
from homing.protocol.instances import written_name
from homing.protocol.ledger import GivenDose
from homing.protocol.product import Product
from homing.protocol.releasing import add_release
from homing.protocol.timeline import EventRows, build_timeline
from homing.study.deciding import decide_and_go, decision_days, stop_at, with_doses
from homing.study.machines import (
    DISEASE,
    NO_DRUG,
    NO_PRODUCT,
    Machine,
    common,
    concentration,
    machine_for,
    values_of,
)
from homing.study.machines import SHOWN as SHOWN

#: Long enough for the gut to come to rest in one of its two states (its slowest part takes months).
SETTLED_AFTER = 5000.0


@dataclass(frozen=True)
class Simulated:
    """One protocol under one scenario in one cohort.

    `doses` has the ledger's entries in order of time; `trajectories` the outputs (patient, time); `parameters` the
    values of the mechanism in this run, by full name.
    """

    protocol: Protocol
    scenario: Scenario
    cohort: Cohort
    seed: int
    trajectories: Trajectories
    doses: tuple[GivenDose, ...]
    machine: Machine = field(repr=False)
    parameters: Mapping[str, Any] = field(repr=False)

    @property
    def times(self) -> NDArray[np.float64]:
        """(time,) in days."""
        return self.trajectories.times

    def __getitem__(self, name: str) -> NDArray[np.float64]:
        """(patient, time) values of a state or signal, without noise; NaN after a failure.

        'product.gut' is the cells of all products together.
        """
        return self._sum(self.machine.column(name))

    def cells(self, product: str, place: str) -> NDArray[np.float64]:
        """(patient, time) cells of one product, by its key, in one place; 0 where the protocol doesn't give it."""
        return self._sum(self.machine.own(self.machine.instances.named(product), place))

    def concentration(self, drug: str) -> NDArray[np.float64]:
        """(patient, time) mg/L of one drug, by its key; 0 where the protocol doesn't give it."""
        names, factor = concentration(self.machine, drug, self.parameters)
        each = np.asarray(factor)
        return self._sum(names or 0.0) * (each[:, None] if each.ndim else each)

    def _sum(self, names: tuple[str, ...] | float) -> NDArray[np.float64]:
        """The sum of outputs, or a number at every time of every patient who didn't fail."""
        if isinstance(names, tuple):
            first, *rest = (self.trajectories[name] for name in names)
            return first if not rest else np.sum([first, *rest], axis=0)
        return np.where(np.isnan(self.trajectories.values[:, :, 0]), np.nan, names)

    def at(self, day: float) -> int:
        """The position of a day among the times. Raises StudyError when it isn't one of them."""
        found = np.flatnonzero(self.times == day)
        if not found.size:
            raise StudyError(f"day {day:g} was not simulated.")
        return int(found[0])

    def readings(self, names: Sequence[str], day: float, *, noise: bool = True) -> Readings:
        """What is read at one visit, (patient,) each; without noise the mechanism's own values."""
        true = {name: self[name][:, self.at(day)] for name in names}
        return observe(true, self.cohort.population, self.seed, self.cohort.ids, day) if noise else true

    def outcome(self, key: str, day: float, *, noise: bool = True) -> NDArray[np.float64]:
        """(patient,) outcome of an endpoint at one visit: a marker's value, or 1 or 0; NaN for a failed patient."""
        needs = endpoint(key).needs
        now, before = self.readings(needs, day, noise=noise), self.readings(needs, self.times[0], noise=noise)
        return outcomes([key], now, before)[key]

    def course_of(self, key: str) -> NDArray[np.float64]:
        """(patient, time) outcome of an endpoint without noise at every time."""
        columns = [self.outcome(key, day, noise=False) for day in self.times]
        return np.stack(columns, axis=1)

    def ledger(self) -> tuple[GivenDose, ...]:
        """The doses with what engrafted: the cells that arrived alive in the target tissue until the next dose.

        Cells of an earlier dose that arrive after the next one of the same product count towards that one; a drug has
        no such amount.
        """
        found = []
        for dose in self.doses:
            give = dose.course.give
            if not isinstance(give, Product):
                found.append(dose)
                continue
            arrived = self._sum(self.machine.own(self.machine.instances.name_of(give), "arrived"))
            found.append(replace(dose, engrafted=self._until_next(dose, arrived)))
        return tuple(found)

    def _until_next(self, dose: GivenDose, arrived: NDArray[np.float64]) -> NDArray[np.float64]:
        """(patient,) what arrived from a dose on until the next that the patient was given; 0 where it gave nothing."""
        end = np.full(len(arrived), arrived.shape[1] - 1)
        later = [d for d in self.doses if d.time > dose.time and d.course.give == dose.course.give]
        for other in sorted(later, key=lambda d: -d.time):
            end = np.where(np.asarray(other.nominal) > 0, self.at(other.time), end)
        gained = arrived[np.arange(len(arrived)), end] - arrived[:, self.at(dose.time)]
        return np.where(np.asarray(dose.nominal) > 0, gained, 0.0)


@dataclass(frozen=True)
class Simulator:
    """Draws the patients of one population and runs protocols in them. Results don't depend on `threads`."""

    population: Population
    seed: int
    threads: int = 1
    compiled: CompiledSystem = field(default_factory=common, repr=False)
    #: The machine code that a protocol runs on.
    machines: Callable[[Population, Protocol], Machine] = field(default=machine_for, repr=False)

    def cohort(self, ids: ArrayLike, changes: Mapping[str, float] | None = None) -> Cohort:
        """The patients with these numbers, settled at week 0. See `settle` for `changes`."""
        return draw_cohort(
            self.population, self.seed, np.asarray(ids), lambda values: self.settle(values, changes or {})
        )

    def settle(self, values: Values, changes: Mapping[str, float]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """States at week 0 (patient, state) of patients with these values, and whether their history fits.

        The gut comes to rest from health and from disease; a history that asks for a patient who can be inflamed and
        can remit asks that the two differ. `changes` are factors on parameters, by full name.
        """
        natural = numbers(profile_values(self.compiled.system, DISEASE, NO_PRODUCT, NO_DRUG))
        parameters = _filled(natural, values, changes)
        n = len(next(iter(values.values())))
        rest = {
            gut: self._rest(start(self.compiled.system, change), parameters, n)
            for gut, change in (("healthy", {}), ("inflamed", INFLAMED))
        }
        fits = np.ones(n, dtype=bool)
        if "can-be-inflamed" in self.population.history:
            fits &= _meets("active-inflammation", rest["inflamed"])
        if "can-remit" in self.population.history:
            fits &= _meets("endoscopic-remission", rest["healthy"])
        initial = rest[self.population.gut].final
        if initial is None:  # asked for in _rest
            raise StudyError("the settled states are missing.")
        for state, value in self.population.at_start.items():
            initial[:, self.compiled.system.state_index(state)] = value.number
        return initial, fits

    def _rest(self, initial: ArrayLike, parameters: Mapping[str, ArrayLike], n: int) -> Trajectories:
        return self.compiled.run(initial, parameters, Events.none(n), [SETTLED_AFTER], final=True, threads=self.threads)

    def values(self, protocol: Protocol) -> dict[str, Value]:
        """Every parameter of the mechanism with its source, as it is for this protocol's products and drugs."""
        return values_of(self.machine(protocol).system, protocol)

    def machine(self, protocol: Protocol) -> Machine:
        """The machine code that a protocol runs on; see `study.machines`."""
        return self.machines(self.population, protocol)

    def run(
        self,
        cohort: Cohort,
        protocol: Protocol,
        scenario: Scenario,
        times: ArrayLike,
        *,
        changes: Mapping[str, float] | None = None,
        rtol: float = 1e-5,
        given: Sequence[GivenDose] | None = None,
    ) -> Simulated:
        """Simulate a protocol under a scenario.

        Arguments:
            times: days of output, from 0; the days of doses are added.
            changes: factors on parameters and covariates beside the scenario's, by name.
            rtol: relative tolerance of the integration.
            given: what the protocol's rules gave in an earlier run, to be given again rather than decided.
        """
        machine = self.machine(protocol)
        system = machine.system
        values, parameters = self._parameters(machine, cohort, protocol, scenario, changes or {})
        first = machine.initial(cohort.initial, self.compiled.system)
        grid = _grid(times, protocol)

        def also(rows: EventRows) -> None:
            often = [scenario.factor(name, cohort.ids) for name in RATES]
            add_flares(rows, system, cohort.population, self.seed, cohort.ids, 0.0, grid[-1], *often)
            add_release(rows, protocol, machine.instances, machine.compiled.target)
            stop_at(decision_days(protocol, grid[-1]), rows)

        def go(initial: NDArray[np.float64], events: Events, begin: float, at: NDArray[np.float64]) -> Trajectories:
            more: dict[str, Any] = {"final": bool(protocol.rules), "rtol": rtol, "threads": self.threads}
            return machine.compiled.run(initial, parameters, events, at, begin=begin, **more)

        def read(seen: Trajectories, key: str, day: float) -> NDArray[np.float64]:
            return Simulated(protocol, scenario, cohort, self.seed, seen, (), machine, parameters).outcome(key, day)

        timeline = build_timeline(system, protocol, values, len(cohort), also=also)
        if given is not None or not protocol.rules:
            events = with_doses(system, protocol, timeline.events, given or ())
            trajectories, decided = go(first, events, 0.0, grid), tuple(given or ())
        else:
            weights = values.get("weight", np.full(len(cohort), np.nan))
            trajectories, decided = decide_and_go(system, protocol, weights, first, timeline.events, grid, go, read)
        doses = tuple(sorted((*timeline.doses, *decided), key=lambda dose: dose.time))
        return Simulated(protocol, scenario, cohort, self.seed, trajectories, doses, machine, parameters)

    def _parameters(
        self, machine: Machine, cohort: Cohort, protocol: Protocol, scenario: Scenario, changes: Mapping[str, float]
    ) -> tuple[Values, dict[str, NDArray[np.float64] | float]]:
        """What differs between patients, by name, and every parameter of the mechanism.

        What a scenario multiplies and a population varies holds for every product and drug alike.
        """
        mine = scenario.apply(cohort.values, cohort.ids)
        values = {name: column * changes.get(name, 1.0) for name, column in mine.items()}
        profile = numbers(values_of(machine.system, protocol))
        drawn = {name: written_name(name) for name in profile if written_name(name) in values}
        alone: dict[str, Any] = {
            name: number * scenario.factor(written_name(name), cohort.ids)
            for name, number in profile.items()
            if name not in drawn
        }
        for drug in protocol.drugs:
            for name, factor in kinetic_factors(drug, values, self.seed, cohort.ids).items():
                full = machine.instances.full(name, drug)
                alone[full] = alone[full] * factor
        columns = {name: values[written] for name, written in drawn.items()}
        return values, _filled(alone, columns, {k: v for k, v in changes.items() if k not in values})


def _grid(times: ArrayLike, protocol: Protocol) -> NDArray[np.float64]:
    """The days of output with those of doses up to the last."""
    asked = np.unique(np.asarray(times, dtype=float))
    doses = [day for course in protocol.possible_courses for day in course.times if day <= asked[-1]]
    return np.unique(np.concatenate([[0.0], asked, doses]))


def _filled(
    numbers_: Mapping[str, Any], values: Values, changes: Mapping[str, float]
) -> dict[str, NDArray[np.float64] | float]:
    """Parameters of a run: the profile's numbers or, in their place, what differs between patients; with factors."""
    merged: dict[str, Any] = {**numbers_, **{name: column for name, column in values.items() if "." in name}}
    return {name: number * changes.get(name, 1.0) for name, number in merged.items()}


def _meets(key: str, rest: Trajectories) -> NDArray[np.bool_]:
    definition = endpoint(key)
    now = {name: rest[name][:, -1] for name in definition.needs}
    return definition.met(now, now)
