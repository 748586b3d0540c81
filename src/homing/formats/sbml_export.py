"""A System with its numbers as SBML (Level 3 Version 1): for any other simulator, as the model or as a check on ours.

States become parameters with rate rules, signals become assignment rules, planned jumps become events at their times.
Everything carries its unit; cells are SBML's `item`, time is in days. The identifier of `tract.closure` is
`tract__closure`; `name` keeps ours and the notes say what it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from types import SimpleNamespace
from typing import Any

import libsbml

from homing.formats.sbml_math import infix
from homing.formats.sbml_units import unit_definition, unit_id
from homing.ground.errors import NumericsError, WiringError
from homing.ground.nearest import did_you_mean
from homing.mechanism import System
from homing.protocol.events import Events, Op


def to_sbml(
    system: System,
    parameters: Mapping[str, float],
    initial: Sequence[float] | Mapping[str, float],
    events: Events | None = None,
    varying: Sequence[str] = (),
    *,
    name: str = "homing",
) -> str:
    """The System as the text of an SBML file.

    Arguments:
        parameters: a number for every parameter of the System, in its declared unit.
        initial: the states at the start, in state order or by full name (those not named start as declared).
        events: what happens to one patient, as the engine takes it.
        varying: the parameters that `events` count as targets, in that order.

    Raises: WiringError for a parameter without value or an unknown name; NumericsError when events are of several
    patients.
    """
    document = libsbml.SBMLDocument(3, 1)
    model = document.createModel()
    _check(model.setId("homing"), "model")
    model.setName(name)
    texts = [*(s.unit for s in system.states.values()), *(p.unit for p in system.parameters.values())]
    for text in sorted({*texts, *(s.unit for s in system.signals.values()), "d"}):
        unit_definition(model, text)
    model.setTimeUnits(unit_id("d"))
    switched = {varying[t] for op, t in _targets(events) if op in (Op.SET_PARAMETER, Op.ADD_TO_PARAMETER)}
    starts, numbered = _starts(system, initial), list(system.states)
    system = getattr(system, "whole", system)  # of a part of a System all is written; what it left out is at rest
    starts = dict(zip(system.states, system.initial(), strict=True)) | starts
    for full, parameter in system.parameters.items():
        if full not in parameters:
            raise WiringError(f"the parameter '{full}' has no value. {did_you_mean(full, parameters)}")
        note = f"{parameter.doc} (symbol {parameter.symbol})" if parameter.symbol else parameter.doc
        _quantity(model, full, parameter.unit, note, parameters[full], constant=full not in switched)
    for full, state in system.states.items():
        _quantity(model, full, state.unit, state.doc, starts[full], constant=False)
    for full, signal in system.signals.items():
        _quantity(model, full, signal.unit, signal.doc, None, constant=False)
    _rules(model, system)
    if events is not None:
        _events(model, system, events, numbered, varying)
    return libsbml.writeSBMLToString(document)


def sbml_id(full: str) -> str:
    """The SBML identifier of a full name: 'tract.closure' is `tract__closure`."""
    return full.replace(".", "__")


def _check(code: int, what: str) -> None:
    if code != libsbml.LIBSBML_OPERATION_SUCCESS:
        reason = libsbml.OperationReturnValue_toString(code)
        raise WiringError(f"SBML does not take the {what}: {reason} This is a bug of the export; please report it.")


def _starts(system: System, initial: Sequence[float] | Mapping[str, float]) -> dict[str, float]:
    declared = dict(zip(system.states, system.initial(), strict=True))
    if isinstance(initial, Mapping):
        for full in initial:
            system.state_index(full)
        return {**declared, **initial}
    if len(initial) != len(declared):
        raise NumericsError(f"{len(initial)} initial values were given for {len(declared)} states.")
    return dict(zip(system.states, initial, strict=True))


def _quantity(model: Any, full: str, unit: str, note: str, value: float | None, *, constant: bool) -> None:
    element = model.createParameter()
    _check(element.setId(sbml_id(full)), f"name '{full}'")
    element.setName(full)
    element.setConstant(constant)
    element.setUnits(unit_id(unit))
    if value is not None:
        element.setValue(float(value))
    first = escape(note.splitlines()[0]) if note else ""
    _check(element.setNotes(f'<p xmlns="http://www.w3.org/1999/xhtml">{first}</p>'), f"note of '{full}'")


def _formula(text: str) -> Any:
    settings = libsbml.L3ParserSettings()
    settings.setParseUnits(True)
    node = libsbml.parseL3FormulaWithSettings(text, settings)
    if node is None:
        raise WiringError(f"SBML does not take '{text}': {libsbml.getLastParseL3Error()} This is a bug of the export.")
    return node


def _rules(model: Any, system: System) -> None:
    """Assignment rules for signals and rate rules for states, with signals and states by name."""
    import sympy

    def symbol(full: str) -> Any:
        return sympy.Symbol(sbml_id(full), real=True)

    reader = SimpleNamespace(**{full: symbol(full) for full in system.signals})
    for module in system.modules:
        for read in module.reads:
            if read not in system.signals:
                setattr(reader, read, sympy.Integer(0))  # the total of no writer
    own = {m.name: SimpleNamespace(**{k: symbol(f"{m.name}.{k}") for k in m.states}) for m in system.modules}
    values = {m.name: SimpleNamespace(**{k: symbol(f"{m.name}.{k}") for k in m.parameters}) for m in system.modules}
    for full, writers in system.writers.items():
        terms = [signal.function(m, own[m.name], values[m.name], reader) for m, signal in writers]
        rule = model.createAssignmentRule()
        _check(rule.setVariable(sbml_id(full)), f"signal '{full}'")
        _check(rule.setMath(_formula(infix(sum(terms)))), f"equation of '{full}'")
    for module in system.modules:
        for key, rate in module.rates(own[module.name], values[module.name], reader).items():
            rule = model.createRateRule()
            _check(rule.setVariable(sbml_id(f"{module.name}.{key}")), f"state '{module.name}.{key}'")
            _check(rule.setMath(_formula(infix(rate))), f"equation of '{module.name}.{key}'")


def _targets(events: Events | None) -> Iterable[tuple[int, int]]:
    if events is None:
        return []
    if events.patients != 1:
        raise NumericsError(f"SBML describes one patient; these are the events of {events.patients}. Take one of them.")
    return zip(events.op.tolist(), events.target.tolist(), strict=True)


def _events(model: Any, system: System, events: Events, states: Sequence[str], varying: Sequence[str]) -> None:
    """One SBML event for each time; operations of one time act in their order, so later ones see earlier ones."""
    times = sorted(set(events.time.tolist()))
    for number, time in enumerate(times):
        changed: dict[str, str] = {}
        for row in (events.time == time).nonzero()[0]:
            op, value = Op(int(events.op[row])), float(events.value[row])
            on_parameter = op in (Op.SET_PARAMETER, Op.ADD_TO_PARAMETER)
            full = (varying if on_parameter else states)[int(events.target[row])]
            unit = (system.parameters if on_parameter else system.states)[full].unit
            old = changed.get(full, sbml_id(full))
            source = states[int(events.source[row])] if events.source[row] >= 0 else full
            changed[full] = _after(op, old, value, unit, changed.get(source, sbml_id(source)))
        event = model.createEvent()
        event.setId(f"event_{number + 1}")
        event.setUseValuesFromTriggerTime(True)
        trigger = event.createTrigger()
        trigger.setInitialValue(False)  # so that an event at the start happens
        trigger.setPersistent(True)
        _check(trigger.setMath(_formula(f"time >= {time!r} {unit_id('d')}")), "time of an event")
        for full, text in changed.items():
            assignment = event.createEventAssignment()
            _check(assignment.setVariable(sbml_id(full)), f"event on '{full}'")
            _check(assignment.setMath(_formula(text)), f"event on '{full}'")


def _after(op: Op, old: str, value: float, unit: str, source: str) -> str:
    """The formula of a target after one operation."""
    amount, factor = f"({value!r} {unit_id(unit)})", f"({value!r} dimensionless)"
    formulas = {
        Op.ADD: f"{old} + {amount}",
        Op.SET: amount,
        Op.MULTIPLY: f"{old} * {factor}",
        Op.RAISE_TO: f"piecewise({old}, {old} >= {amount}, {amount})",
        Op.LOWER_TO: f"piecewise({old}, {old} <= {amount}, {amount})",
        Op.ADD_MULTIPLE_OF: f"{old} + {factor} * {source}",
        Op.CLEAR_IF_BELOW: f"piecewise(0 * {amount}, {source} < {amount}, {old})",
        Op.CLEAR_IF_ABOVE: f"piecewise(0 * {amount}, {source} > {amount}, {old})",
        Op.SET_PARAMETER: amount,
        Op.ADD_TO_PARAMETER: f"{old} + {amount}",
    }
    return f"({formulas[op]})"
