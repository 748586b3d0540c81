"""Which machine code a protocol runs on: the common one, or one made for its instances.

A protocol with at most one product of cells and one drug runs on the common kernel, the whole mechanism with one
instance of each. It serves every such arm of every study, so nothing is compiled anew and an arm's numbers are those
it has always had. A protocol that gives more gets a system of its own: as many instances as it needs, and of the rest
only the states that something in it reaches. Arms are not fitted into one system as large as the largest: an arm's
numbers then depend on its protocol and population alone, never on which other arms stand beside it, what is read of it
costs only what it uses, and one more kernel takes a second or two, once (it is kept on disk).

What is reached is decided by one rule (see `mechanism.compose`). Touched are the states where doses land, that
procedures and flares change, and that a population sets or that differ between its two resting states; wanted is what
endpoints and reports read; known to be 0 are values of the given products that are 0 (cells that can't graft never
touch the marrow).
"""

from __future__ import annotations

import functools
from collections.abc import Container, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from homing.biology.attractors import INFLAMED
from homing.biology.ibd import ibd_system
from homing.biology.profiles import profile_values
from homing.endpoints.definitions import endpoints
from homing.engine import CompiledSystem, compile_system
from homing.evidence.values import Value
from homing.ground.errors import NumericsError
from homing.mechanism import Composition, System, compose
from homing.patients.drug_kinetics import varying_parameters
from homing.patients.flares import FLARED, TRACT_FLARED
from homing.patients.population import Population, populations
from homing.patients.posterior import posterior
from homing.protocol.catalogue import drugs
from homing.protocol.course import Protocol
from homing.protocol.instances import DRUG, NO_CELLS, PRODUCT, Instances, instances, written_name
from homing.protocol.releasing import FREED, RELEASE_RATE
from homing.protocol.timeline import deposits_of

#: What the report shows beside what endpoints read.
SHOWN = (
    "innate.activation",
    "tcells.effector",
    "tcells.regulatory",
    "tcells.memory",
    "barrier.integrity",
    "tract.sepsis",
    "tract.closure",
    "product.carried",
    "product.lung",
    "product.blood",
    "product.peripheral",
    "product.gut",
    "product.fistula",
    "product.memory",
    "product.arrived",
    "product.dead",
    "alloimmunity.antibody",
    "alloimmunity.memory",
    "marrow.neutrophils",
    "tolerance",
    "gut_secretome",
    "fistula_secretome",
    "il6",
    "infection_hazard",
    "treatment_death_hazard",
    "microangiopathy_hazard",
)
#: What only the checks of a run read: cells in the last two tallies of their balance.
CHECKED = ("product.departed", "product.born")
DISEASE, NO_PRODUCT, NO_DRUG = "ibd-core", NO_CELLS, "no-drug"
_NOTHING = {PRODUCT: NO_PRODUCT, DRUG: NO_DRUG}
#: The amount of a drug from which its own concentration is read where there are several, and its volume.
_IN_PLASMA, _VOLUME = "central", "volume_central"


@dataclass(frozen=True)
class Machine:
    """The machine code of a protocol; `instances` says which of its instances is what."""

    compiled: CompiledSystem = field(repr=False)
    instances: Instances

    @property
    def system(self) -> System:
        """The equations behind the code."""
        return self.compiled.system

    @property
    def is_common(self) -> bool:
        """Whether the protocol runs on the whole mechanism with one product and one drug."""
        return self.system is ibd_system()

    def initial(self, states: NDArray[np.float64], common: System) -> NDArray[np.float64]:
        """(patient, state) of this system from those of the common one; further instances are empty.

        Raises: NumericsError where a state that the system leaves out as resting is elsewhere.
        """
        if self.system is common:
            return states
        found = np.tile(self.system.initial(), (len(states), 1))
        for name, i in self.system.index.items():
            if name in common.index:
                found[:, i] = states[:, common.index[name]]
        resting = self.system.resting if isinstance(self.system, Composition) else {}
        for name, value in resting.items():
            if name in common.index and (states[:, common.index[name]] != value).any():
                raise NumericsError(f"'{name}' is taken to rest at {value:g} and does not in all patients.")
        return found

    def translated(self, changes: Mapping[str, float], to: Machine, own: Container[str]) -> Mapping[str, float]:
        """Factors on this machine's products and drugs as factors on the same ones of another machine.

        What the other doesn't give is left out. Arguments: `own` names that are of patients and stay as they are.
        """
        if self.is_common and to.is_common:
            return changes
        found = {}
        for name, factor in changes.items():
            module, dot, rest = name.partition(".")
            key = self.instances.keys.get(module)
            there = module if key is None or name in own else to.instances.named(key)
            if there:
                found[f"{there}{dot}{rest}"] = factor
        return found

    def column(self, name: str) -> tuple[str, ...] | float:
        """The outputs whose sum a name stands for, or the number where it rests.

        'product.gut' stands for the cells of all products; a state that no equation moves is its number.
        """
        kind, dot, rest = name.partition(".")
        names = [name]
        if kind == PRODUCT and dot:
            names = [f"{instance}.{rest}" for instance in self.instances.product_names] or names
        found = tuple(each for each in names if each in self.compiled.outputs)
        return found or self._number(name)

    def own(self, instance: str, name: str) -> tuple[str, ...] | float:
        """The same for one instance alone; 0 where `instance` is ''."""
        full = f"{instance}.{name}"
        if instance and full in self.compiled.outputs:
            return (full,)
        return self._number(full) if instance else 0.0

    def _number(self, name: str) -> float:
        resting = self.system.resting if isinstance(self.system, Composition) else {}
        return float(resting.get(name, 0.0))


def values_of(system: System, protocol: Protocol) -> dict[str, Value]:
    """Every parameter of a system with its source, as it is for this protocol's products, drugs and carriers.

    An instance that the protocol doesn't use has the values of no product, of no drug.
    """
    found = instances(protocol)
    given = {found.name_of(give): give.profile for give in found.all}
    profiles: list[str | tuple[str, str]] = [DISEASE]
    for module in system.modules:
        kind = written_name(f"{module.name}.").removesuffix(".")
        if kind in _NOTHING:
            profiles.append((given.get(module.name, _NOTHING[kind]), module.name))
    values = profile_values(system, *profiles)
    carried = [(c.give, c.carrier.values) for c in protocol.possible_courses if c.carrier is not None]
    for give, special in (*carried, *((product, product.overrides) for product in protocol.products)):
        for name, value in special.items():
            full = found.full(name, give)
            values[full] = value.to(system.parameters[full].unit)
    return values


def machine_for(population: Population, protocol: Protocol) -> Machine:
    """The machine code for a protocol in a population; see the module for which."""
    found = instances(protocol)
    if len(found.products) <= 1 and len(found.drugs) <= 1:
        return Machine(common(), found)
    return needed_machine(population, protocol)


def needed_machine(population: Population, protocol: Protocol) -> Machine:
    """The machine code of no more than a protocol needs, whatever it gives."""
    return Machine(_composed(need_of(population, protocol)), instances(protocol))


def whole_machine(population: Population, protocol: Protocol) -> Machine:
    """The machine code of the whole mechanism with a protocol's instances: what `needed_machine` must agree with."""
    need = need_of(population, protocol)
    return Machine(_compiled(ibd_system(need.products, need.drugs), need), instances(protocol))


@functools.lru_cache(maxsize=1)
def common() -> CompiledSystem:
    """The machine code for every protocol with one product and one drug: all that endpoints read and reports show, all
    that any population or draw of the posterior varies."""
    outputs = dict.fromkeys([*SHOWN, *CHECKED, *(name for found in endpoints() for name in found.needs)])
    varying = dict.fromkeys(name for found in populations() for name in found.distributions if "." in name)
    varying |= dict.fromkeys((*varying_parameters(drugs()), RELEASE_RATE, *posterior().mechanism))
    return compile_system(ibd_system(), list(outputs), list(varying))


@dataclass(frozen=True)
class Need:
    """What a protocol asks of the mechanism in a population: instances, states that are touched, values that are 0,
    parameters (as the catalogue writes them) that differ between patients."""

    products: tuple[str, ...]
    drugs: tuple[str, ...]
    touched: frozenset[str]
    zeros: tuple[str, ...]
    varied: tuple[str, ...]

    @property
    def wanted(self) -> tuple[str, ...]:
        """What is read: for each product and drug what is shown of one, and all that endpoints need."""
        found: dict[str, None] = {}
        for name in (*SHOWN, *CHECKED, *(need for each in endpoints() for need in each.needs)):
            kind, dot, rest = name.partition(".")
            places = [f"{p}.{rest}" for p in self.products] if kind == PRODUCT and dot else [name]
            found.update(dict.fromkeys(places))
        return (*found, *(f"{drug}.{_IN_PLASMA}" for drug in self.drugs))


def need_of(population: Population, protocol: Protocol) -> Need:
    """What a protocol needs in a population; see the module for the rule."""
    found = instances(protocol)
    touched = {*INFLAMED, *FLARED, *population.at_start}
    touched.update(TRACT_FLARED if population.tract_flares is not None else ())
    touched.update(change.state for planned in protocol.procedures for change in planned.procedure.changes)
    for course in protocol.possible_courses:
        if course.give is not None:
            lands = [deposit.state for deposit in deposits_of(course)]
            lands += [freed for state in lands for freed in FREED.get(state, ())]
            touched.update(found.full(state, course.give) for state in lands)
    varied = [name for name in population.distributions if "." in name]
    varied += varying_parameters(tuple(protocol.drugs))
    if any(c.carrier is not None and c.carrier.release is not None for c in protocol.possible_courses):
        varied.append(RELEASE_RATE)
    values = values_of(ibd_system(found.product_names, found.drug_names), protocol)
    zeros = tuple(
        name
        for name, value in values.items()
        if written_name(name).partition(".")[0] in _NOTHING and value.number == 0 and written_name(name) not in varied
    )
    varied += [name for name in posterior().mechanism if name not in zeros]  # a factor leaves 0 where it is
    return Need(found.product_names, found.drug_names, frozenset(touched), zeros, tuple(dict.fromkeys(varied)))


@functools.lru_cache(maxsize=64)
def _composed(need: Need) -> CompiledSystem:
    """The machine code of what is needed."""
    whole = ibd_system(need.products, need.drugs)
    return _compiled(compose(whole, need.touched, need.wanted, need.zeros), need)


def _compiled(system: System, need: Need) -> CompiledSystem:
    outputs = [name for name in need.wanted if name in system.index or name in system.signals]
    return compile_system(system, outputs, [name for name in system.parameters if written_name(name) in need.varied])


def concentration(machine: Machine, drug: str, parameters: Mapping[str, object]) -> tuple[tuple[str, ...], object]:
    """The output and the factor on it that give a drug's own concentration (mg/L); no output where it isn't given."""
    name = machine.instances.named(drug)
    if not name:
        return (), 0.0
    if machine.is_common:
        return ("drug_concentration",), 1.0
    return (f"{name}.{_IN_PLASMA}",), 1.0 / np.asarray(parameters[f"{name}.{_VOLUME}"])
