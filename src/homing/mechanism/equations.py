"""EquationSystem: a System written as equations rather than assembled from modules, as an imported model is."""

from __future__ import annotations

import copy
import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

from homing.ground.errors import WiringError
from homing.ground.nearest import did_you_mean
from homing.mechanism.arithmetic import choose, numeric_choose
from homing.mechanism.module import Module, Parameter, Signal, State
from homing.mechanism.system import System
from homing.mechanism.trigger import Trigger


class EquationSystem(System):
    """States, parameters, signals and triggers by plain names, with SymPy expressions for what they do.

    Arguments:
        rates: state -> expression in symbols `sympy.Symbol(name, real=True)`.
        signals: name -> expression; they may not name other signals (write them out).
        clock: the state that is the time, if any; the engine keeps it equal to its clock.

        signed_powers: whether powers of negative numbers are those of arithmetic (NaN where there is none), rather
            than those of zero, as in a System of modules.
    """

    def __init__(
        self,
        states: Mapping[str, State],
        parameters: Mapping[str, Parameter],
        rates: Mapping[str, Any],
        signals: Mapping[str, Any] | None = None,
        triggers: Sequence[Trigger] = (),
        clock: str = "",
        *,
        signed_powers: bool = True,
    ) -> None:
        self.modules: tuple[Module, ...] = ()
        self.writers = {}
        self.states, self.parameters = dict(states), dict(parameters)
        self.index = {name: i for i, name in enumerate(self.states)}
        self.triggers, self.clock, self.signed_powers = tuple(triggers), clock, signed_powers
        self._rates = [rates[name] for name in self.states]
        self._signals = dict(signals or {})
        self.signals = {name: Signal(lambda *_: None, "", name) for name in self._signals}
        self._check()

    def _check(self) -> None:
        known = {*self.states, *self.parameters}
        named = {"rate": zip(self.states, self._rates, strict=True), "signal": self._signals.items()}
        for kind, rows in named.items():
            for name, expression in rows:
                for symbol in getattr(expression, "free_symbols", ()):
                    if symbol.name not in known:
                        raise WiringError(
                            f"the {kind} of '{name}' names '{symbol.name}', which is no state or parameter. "
                            f"{did_you_mean(symbol.name, known)}"
                        )

    def symbols(self) -> tuple[list[Any], dict[str, Any], list[Any]]:
        """SymPy symbols of the states, of the parameters by name, and the right-hand sides in them."""
        import sympy

        states = [sympy.Symbol(name, real=True) for name in self.states]
        parameters = {name: sympy.Symbol(name, real=True) for name in self.parameters}
        return states, parameters, [sympy.sympify(r) for r in self._rates]

    def rates(self, y: Sequence[Any], parameters: Mapping[str, Any]) -> list[Any]:
        """dy/dt, in state order, for numbers or arrays."""
        return list(self._numeric("rates")(*y, *(parameters[name] for name in self.parameters)))

    def signal(self, name: str, y: Sequence[Any], parameters: Mapping[str, Any]) -> Any:
        """The value of one signal for numbers or arrays, or its expression for symbols."""
        if name not in self._signals:
            raise WiringError(f"no signal '{name}'. {did_you_mean(name, self._signals)}")
        given = [*y, *(parameters[p] for p in self.parameters)]
        if not given or any(hasattr(x, "free_symbols") for x in given):
            return self._signals[name]
        return self._numeric("signals")(*y, *(parameters[p] for p in self.parameters))[list(self._signals).index(name)]

    def _numeric(self, what: str) -> Any:
        return self._functions[what]

    @cached_property
    def _functions(self) -> dict[str, Any]:
        import sympy

        states, parameters, rates = self.symbols()
        arguments = [*states, *parameters.values()]
        modules = [{"choose": numeric_choose}, "numpy"]
        return {
            what: sympy.lambdify(arguments, expressions, modules=modules, dummify=True)
            for what, expressions in (("rates", rates), ("signals", list(self._signals.values())))
        }


SLOPE = "slope:"


def ramped(system: System, names: Sequence[str]) -> EquationSystem:
    """The system with some parameters as states that rise at the rate of a new parameter `slope:<name>`: covariates
    that change linearly in time, exactly.

    Raises: WiringError for a name that is no parameter.
    """
    import sympy

    for name in names:
        if name not in system.parameters:
            raise WiringError(f"no parameter '{name}'. {did_you_mean(name, system.parameters)}")
    states, parameters, rates = system.symbols()
    slopes = {name: sympy.Symbol(SLOPE + name, real=True) for name in names}
    moving = {name: State(system.parameters[name].doc, system.parameters[name].unit, low=-math.inf) for name in names}
    kept = {name: p for name, p in system.parameters.items() if name not in names}
    return EquationSystem(
        {**system.states, **moving},
        {**kept, **{SLOPE + name: Parameter(f"slope of {name}", "", low=-math.inf) for name in names}},
        {**dict(zip(system.states, rates, strict=True)), **slopes},
        {name: system.signal(name, states, parameters) for name in system.signals},
        system.triggers,
        system.clock,
        signed_powers=system.signed_powers,
    )


def watched(system: System, conditions: Mapping[str, tuple[str, float]]) -> System:
    """The system with triggers that do nothing and tell when a state or signal falls below a value.

    Arguments: `conditions` maps a name for the trigger to (state or signal, value).
    Raises: WiringError for a name that is neither.

    Example:
        >>> # compile_system(watched(system, {"extinct": ("product.gut", 1.0)}), ...).run(...).fired_at
    """
    states, parameters, _ = system.symbols()
    more = []
    for name, (what, value) in conditions.items():
        if what not in system.index and what not in system.signals:
            known = [*system.states, *system.signals]
            raise WiringError(f"no state or signal '{what}'. {did_you_mean(what, known)}")
        seen = states[system.index[what]] if what in system.index else system.signal(what, states, parameters)
        more.append(Trigger(name, choose(seen, value, 0, 1), {}))
    other = copy.copy(system)
    other.triggers = (*system.triggers, *more)
    return other
