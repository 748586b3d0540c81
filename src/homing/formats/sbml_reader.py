"""What the quantities of one SBML model are, and the equations they come to.

Source of the rules: "The Systems Biology Markup Language (SBML): Language Specification for Level 3 Version 2 Core",
doi:10.1515/jib-2017-0081, and that for Level 2 Version 5, doi:10.2390/biecoll-jib-2015-271.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import sympy

from homing.formats.sbml_expressions import TIME, Look, Mathematics, number
from homing.ground.errors import StudyError
from homing.mechanism import EquationSystem, Parameter, State, Trigger
from homing.mechanism.model import Model

#: Absolute tolerance of the states of imported models, whose scale is not known.
ABSOLUTE = 1e-12


def symbol(name: str) -> Any:
    """The symbol of a state or parameter."""
    return sympy.Symbol(name, real=True)


class SbmlReader:
    """Reads one flat SBML model. `model()` gives the result."""

    def __init__(self, source: Any) -> None:
        self.source = source
        self.species = {s.getId(): s for s in source.getListOfSpecies()}
        self.compartments = {c.getId(): c for c in source.getListOfCompartments()}
        self.constants = {p.getId(): p for p in source.getListOfParameters()}
        self.reactions = {r.getId(): r for r in source.getListOfReactions()}
        self.references = {
            ref.getId(): ref for r in self.reactions.values() for ref in _participants(r) if ref.isSetId()
        }
        self._refuse_what_is_outside()
        rules = [r for r in source.getListOfRules() if r.isSetMath()]  # one without a formula says nothing
        self.assigned = {r.getVariable(): r.getMath() for r in rules if r.isAssignment()}
        self.ruled = {r.getVariable(): r.getMath() for r in rules if r.isRate()}
        self.set_at_start = {a.getSymbol(): a.getMath() for a in source.getListOfInitialAssignments() if a.isSetMath()}
        self.changed = {a.getVariable() for e in source.getListOfEvents() for a in e.getListOfEventAssignments()}
        self.mathematics = Mathematics({f.getId(): f for f in source.getListOfFunctionDefinitions()}, self.rate_of)
        self.parameters: dict[str, float] = {}
        self.clock = "time" if "time" not in self._quantities() else "simulation time"
        self.uses_time = False
        self.open: list[str] = []
        self._now: dict[str, Any] = {}
        self._first: dict[str, Any] = {}
        self._rates: dict[str, Any] = {}

    def model(self) -> Model:
        """The whole model."""
        states = [name for name in self._quantities() if self.is_state(name)]
        rates = {name: self.rate(name) for name in states}
        signals = dict(self._signals())
        triggers = [self._trigger(i, e) for i, e in enumerate(self.source.getListOfEvents()) if e.isSetTrigger()]
        first = {name: self._first_amount(name) for name in states}
        clock = self.clock if self.uses_time else ""
        if clock:
            states.append(clock)
            rates[clock], first[clock] = sympy.Integer(1), sympy.Integer(0)
        self._add_unused()
        system = EquationSystem(
            {name: self._state(name) for name in states},
            {name: Parameter(name, "", low=float("-inf")) for name in self.parameters},
            rates,
            {name: e for name, e in signals.items() if name not in states},
            triggers,
            clock,
        )
        shown = [n for n in states if n != clock and (rates[n] != 0 or n in self.changed)]
        return Model(
            name=self.source.getName() or self.source.getId() or "model",
            system=system,
            values=dict(self.parameters),
            initial=_starter(first, list(self.parameters)),
            outputs=tuple([*shown, *(n for n in self.assigned if n not in shown)]),
            time_unit=self.source.getTimeUnits() or "the model's unit of time",
            notes=tuple(self._notes()),
        )

    # --- what is what
    def _quantities(self) -> list[str]:
        return [*self.species, *self.compartments, *self.constants, *self.references]

    def is_state(self, name: str) -> bool:
        """Whether a quantity is a state: every species that is not assigned, and whatever else changes."""
        if name in self.assigned:
            return False
        return name in self.species or name in self.ruled or name in self.changed

    def _state(self, name: str) -> State:
        if name == self.clock:
            return State("time", "", low=float("-inf"), absolute=1.0)
        element = next(q[name] for q in (self.species, self.compartments, self.constants, self.references) if name in q)
        doc = element.getName() or name
        low = 0.0 if name in self.species else float("-inf")
        return State(f"amount of {doc}" if name in self.species else doc, "", low=low, absolute=ABSOLUTE)

    def _volume(self, species: str, look: Look) -> Any:
        """The size that turns an amount into what the species' symbol stands for: 1 where that is the amount."""
        one = self.species[species]
        home = self.compartments.get(one.getCompartment())
        if one.getHasOnlySubstanceUnits() or home is None or home.getSpatialDimensions() == 0:
            return sympy.Integer(1)
        return look(home.getId())

    # --- values
    def now(self, name: str) -> Any:
        """What a symbol stands for in formulas at any time."""
        return self._found(name, self._now, self._evaluate_now)

    def at_start(self, name: str) -> Any:
        """What a symbol stands for at the start, in parameters alone."""
        return self._found(name, self._first, self._evaluate_first)

    def _found(self, name: str, memory: dict[str, Any], evaluate: Look) -> Any:
        if name not in memory:
            mark = f"{name}@{evaluate.__name__}"
            if mark in self.open:
                raise StudyError(f"'{name}' is defined by itself (an algebraic loop), which is outside.")
            self.open.append(mark)
            memory[name] = evaluate(name)
            self.open.pop()
        return memory[name]

    def _evaluate_now(self, name: str) -> Any:
        if name == TIME:
            self.uses_time = True
            return symbol(self.clock)
        if name in self.assigned:
            return self._formula(self.assigned[name], self.now, f"the rule for '{name}'")
        if name in self.reactions:
            return self._flux(name, self.now)
        if name in self.species:
            return symbol(name) / self._volume(name, self.now)
        if self.is_state(name):
            return symbol(name)
        if name in self.set_at_start:
            return self.at_start(name)
        return self._parameter(name)

    def _evaluate_first(self, name: str) -> Any:
        if name == TIME:
            return sympy.Integer(0)
        if name in self.set_at_start:
            return self._formula(self.set_at_start[name], self.at_start, f"the initial assignment of '{name}'")
        if name in self.assigned:
            return self._formula(self.assigned[name], self.at_start, f"the rule for '{name}'")
        if name in self.reactions:
            return self._flux(name, self.at_start)
        if name in self.species:
            one = self.species[name]
            home = self.compartments.get(one.getCompartment())
            if one.isSetInitialConcentration() and home is not None:
                amount = number(one.getInitialConcentration()) * self.at_start(home.getId())
            elif one.isSetInitialAmount():
                amount = number(one.getInitialAmount())
            else:
                raise StudyError(f"the species '{name}' has no initial value. Give it one in the file.")
            return amount / self._volume(name, self.at_start)
        return number(self._value(name)) if self.is_state(name) else self._parameter(name)

    def _parameter(self, name: str) -> Any:
        if name not in self.parameters:
            self.parameters[name] = self._value(name)
        return symbol(name)

    def _value(self, name: str) -> float:
        if name in self.constants and _known(self.constants[name].getValue()):
            return float(self.constants[name].getValue())
        if name in self.compartments and _known(self.compartments[name].getSize()):
            return float(self.compartments[name].getSize())
        if name in self.references:
            return _stoichiometry(self.references[name])
        if name in {**self.constants, **self.compartments}:
            raise StudyError(f"'{name}' has no value. Give it one in the file.")
        raise StudyError(f"'{name}' is not defined.")

    def _first_amount(self, name: str) -> Any:
        value = self.at_start(name)
        return value * self._volume(name, self.at_start) if name in self.species else value

    def _formula(self, node: Any, look: Look, where: str) -> Any:
        if node is None:
            raise StudyError(f"{where} has no formula.")
        try:
            return self.mathematics.translate(node, look)
        except StudyError as e:
            raise StudyError(e.message, e.where or where) from None

    # --- rates
    def _flux(self, name: str, look: Look) -> Any:
        law = self.reactions[name].getKineticLaw()
        if law is None or law.getMath() is None:
            raise StudyError(f"the reaction '{name}' has no rate. Give it a kinetic law.")
        local: dict[str, Any] = {}
        for p in [*law.getListOfParameters(), *law.getListOfLocalParameters()]:
            full = f"{name}.{p.getId()}"
            if not p.isSetValue():
                raise StudyError(f"the parameter '{full}' has no value. Give it one in the file.")
            self.parameters[full] = float(p.getValue())
            local[p.getId()] = symbol(full)
        return self._formula(law.getMath(), lambda n: local.get(n) or look(n), f"the rate of '{name}'")

    def rate(self, name: str) -> Any:
        """The rate of change of a state: of the amount, for a species."""
        if name == self.clock:
            return sympy.Integer(1)
        if name not in self._rates:
            self._rates[name] = self._evaluate_rate(name)
        return self._rates[name]

    def _evaluate_rate(self, name: str) -> Any:
        if name in self.ruled:
            rate = self._formula(self.ruled[name], self.now, f"the rate rule of '{name}'")
            if name not in self.species:
                return rate
            volume = self._volume(name, self.now)
            return rate * volume + self.now(name) * self.total_derivative(volume)
        total = sympy.Integer(0)
        if name in self.species:
            one = self.species[name]
            if not (one.getBoundaryCondition() or one.getConstant()):
                for sign, reference, reaction in self._participations(name):
                    total += sign * self._count(reference) * self.now(reaction)
                total *= self._conversion(one)
        return total

    def _participations(self, name: str) -> Iterator[tuple[int, Any, str]]:
        for reaction_id, reaction in self.reactions.items():
            for sign, references in ((-1, reaction.getListOfReactants()), (1, reaction.getListOfProducts())):
                for reference in references:
                    if reference.getSpecies() == name:
                        yield sign, reference, reaction_id

    def _count(self, reference: Any) -> Any:
        if reference.isSetId() and reference.getId() in {**self.assigned, **self.set_at_start, **self.ruled}:
            return self.now(reference.getId())
        if reference.isSetId() and reference.getId() in self.changed:
            return self.now(reference.getId())
        formula = reference.getStoichiometryMath() if hasattr(reference, "getStoichiometryMath") else None
        if formula is not None and formula.getMath() is not None:
            return self._formula(formula.getMath(), self.now, f"a stoichiometry of '{reference.getSpecies()}'")
        return number(_stoichiometry(reference))

    def _conversion(self, species: Any) -> Any:
        factor = species.getConversionFactor() or self.source.getConversionFactor()
        return self.now(factor) if factor else sympy.Integer(1)

    def total_derivative(self, expression: Any) -> Any:
        """The rate of change of an expression in states."""
        total = sympy.Integer(0)
        for s in sorted(expression.free_symbols, key=lambda s: s.name):
            if s.name == self.clock or (s.name in self._quantities() and self.is_state(s.name)):
                total += sympy.diff(expression, s) * self.rate(s.name)
        return total

    def rate_of(self, name: str, look: Look) -> Any:
        """What rateOf(name) stands for: now or at the start; 0 for the constants of a reaction."""
        value = look(name)
        if value.is_Symbol and value.name != name and value.name in self.parameters:
            return sympy.Integer(0)
        rate = self.total_derivative(self.now(name))
        states = [s.name for s in rate.free_symbols if s.name in self._quantities() and self.is_state(s.name)]
        seen = {n: look(n) * self._volume(n, look) if n in self.species else look(n) for n in states}
        return rate.xreplace({symbol(n): x for n, x in seen.items()} | {symbol(self.clock): look(TIME)})

    # --- the rest
    def _signals(self) -> Iterator[tuple[str, Any]]:
        for name, one in self.species.items():
            home = self.compartments.get(one.getCompartment())
            amount = symbol(name)
            if name in self.assigned:
                amount = self.now(name) * self._volume(name, self.now)
                yield name, amount
            if home is not None and home.getSpatialDimensions() > 0 and self._has_size(home.getId()):
                yield f"[{name}]", amount / self.now(home.getId())
        for name in self.assigned:
            if name not in self.species:
                yield name, self.now(name)
        for name in [*self.compartments, *self.constants, *self.references]:
            if not self.is_state(name) and name not in self.assigned and self._has_size(name):
                yield name, self.now(name)
        for name, reaction in self.reactions.items():
            if reaction.getKineticLaw() is not None:
                yield name, self.now(name)

    def _has_size(self, name: str) -> bool:
        if name in {**self.assigned, **self.set_at_start, **self.ruled}:
            return True
        element = next(q[name] for q in (self.compartments, self.constants, self.references) if name in q)
        if name in self.references:
            return bool(element.isSetStoichiometry()) or self.source.getLevel() < 3
        return _known(element.getSize() if name in self.compartments else element.getValue())

    def _add_unused(self) -> None:
        """Constants that no equation reads can still be asked for."""
        for name in [*self.constants, *self.compartments]:
            if not self.is_state(name) and name not in {**self.assigned, **self.set_at_start} and self._has_size(name):
                self._parameter(name)

    def _trigger(self, position: int, event: Any) -> Trigger:
        where = f"the event '{event.getId() or position + 1}'"
        trigger = event.getTrigger()
        if trigger.getMath() is None:
            condition = sympy.Integer(0)
        else:
            condition = self._guarded(lambda: self.mathematics.condition(trigger.getMath(), self.now), where)
        written = {a.getVariable(): a.getMath() for a in event.getListOfEventAssignments() if a.getMath() is not None}
        new = {name: self._formula(node, self.now, where) for name, node in written.items()}
        delay, priority = event.getDelay(), event.getPriority()
        has_level3 = self.source.getLevel() >= 3
        return Trigger(
            name=event.getId() or f"event {position + 1}",
            condition=condition,
            assignments=new,
            sizes={name: self._volume(name, self.now) for name in new if name in self.species},
            delay=self._formula(delay.getMath(), self.now, where) if delay is not None and delay.isSetMath() else 0,
            priority=self._formula(priority.getMath(), self.now, where)
            if priority is not None and priority.isSetMath()
            else -sympy.oo,
            persistent=bool(trigger.getPersistent()) if has_level3 else True,
            initially=bool(trigger.getInitialValue()) if has_level3 else True,
            early=bool(event.getUseValuesFromTriggerTime()),
        )

    @staticmethod
    def _guarded(translate: Callable[[], Any], where: str) -> Any:
        try:
            return translate()
        except StudyError as e:
            raise StudyError(e.message, e.where or where) from None

    def _refuse_what_is_outside(self) -> None:
        for rule in self.source.getListOfRules():
            if rule.isAlgebraic():
                raise StudyError("algebraic rules are outside; solve the equation for one quantity.", "the model")
        for name, reaction in self.reactions.items():
            if reaction.isSetFast() and reaction.getFast():
                raise StudyError("fast reactions are outside; give the reaction a large rate instead.", f"'{name}'")

    def _notes(self) -> Iterator[str]:
        if self.source.getNumConstraints():
            yield f"{self.source.getNumConstraints()} constraints of the file are not checked."
        plain = [e for e in self.source.getListOfEvents() if e.getPriority() is None]
        if len(plain) > 1:
            yield "Events without priority at one time happen in the order of the file; SBML leaves the order open."


def _known(value: float) -> bool:
    """libSBML gives NaN for a value that is not there, as a file may itself."""
    return value == value


def _participants(reaction: Any) -> list[Any]:
    return [*reaction.getListOfReactants(), *reaction.getListOfProducts()]


def _stoichiometry(reference: Any) -> float:
    value = float(reference.getStoichiometry())
    if value != value:
        raise StudyError(f"a stoichiometry of '{reference.getSpecies()}' has no value. Give it one in the file.")
    return value


def _starter(first: Mapping[str, Any], parameters: list[str]) -> Callable[[Mapping[str, Any]], dict[str, Any]]:
    """From parameter values to the states at the start."""
    system = EquationSystem({}, {p: Parameter(p, "") for p in parameters}, {}, first)

    def start(values: Mapping[str, Any]) -> dict[str, Any]:
        return {name: system.signal(name, [], values) for name in first}

    return start
