"""System: modules assembled and checked, with no numbers inside.

States and parameters have full names, `module.name` (`tract.closure`, `tract.k_close`); a signal has the name of the
method that emits it. The order of states is the order of modules and of their declarations.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from homing.ground.errors import WiringError
from homing.ground.nearest import did_you_mean
from homing.mechanism.module import Module, Parameter, Signal, State
from homing.mechanism.trigger import Trigger


class _Signals:
    """Signals evaluated on demand and once each, so no order is declared; an algebraic loop is refused."""

    def __init__(self, system: System, own: Mapping[str, Any], parameters: Mapping[str, Any]) -> None:
        self.system, self.own, self.parameters = system, own, parameters
        self.values: dict[str, Any] = {}
        self.open: list[str] = []

    def value(self, name: str) -> Any:
        """The signal's value, the sum over all modules that emit it; 0 where none does."""
        if name in self.values:
            return self.values[name]
        if name in self.open:
            loop = " -> ".join([*self.open[self.open.index(name) :], name])
            raise WiringError(f"algebraic loop {loop}. Make one of them a state, or solve them in one module.")
        self.open.append(name)
        total: Any = 0
        for i, (module, signal) in enumerate(self.system.writers.get(name, ())):
            reader = _Reader(module, self)
            term = signal.function(module, self.own[module.name], self.parameters[module.name], reader)
            total = term if i == 0 else total + term
        self.open.pop()
        self.values[name] = total
        return total


class _Reader:
    """What one module may see of the signals: those it declares or emits itself, and no others."""

    def __init__(self, module: Module, signals: _Signals) -> None:
        self._module, self._signals = module, signals

    def __getattr__(self, name: str) -> Any:
        if name not in self._module.reads and name not in self._module.signals:
            known = [*self._module.reads, *self._module.signals]
            raise WiringError(f"{self._module.name} reads '{name}' without declaring it. {did_you_mean(name, known)}")
        return self._signals.value(name)


class System:
    """Assembled modules. Made by `assemble`; has the equations and the names, never values.

    Attributes: `states` {full name: State} in state order; `parameters` {full name: Parameter}; `signals`
    {name: Signal}; `index` {state full name: position}; `modules`; `fingerprint` a hash of equations and names.
    """

    #: Conditions that set something off; where powers of negative numbers are arithmetic's; the state that is the time.
    triggers: tuple[Trigger, ...] = ()
    signed_powers = False
    clock = ""

    def __init__(self, modules: Sequence[Module], writers: Mapping[str, Sequence[tuple[Module, Signal]]]) -> None:
        self.modules = tuple(modules)
        self.writers = writers
        self.states: dict[str, State] = {f"{m.name}.{k}": v for m in modules for k, v in m.states.items()}
        self.parameters: dict[str, Parameter] = {f"{m.name}.{k}": v for m in modules for k, v in m.parameters.items()}
        self.signals: dict[str, Signal] = {name: found[0][1] for name, found in writers.items()}
        self.index = {name: i for i, name in enumerate(self.states)}

    def rates(self, y: Sequence[Any], parameters: Mapping[str, Any]) -> list[Any]:
        """dy/dt per day, in state order.

        Arguments: `y` the states in order, each a float, an array or a SymPy symbol; `parameters` by full name.
        """
        own, values, signals = self._context(y, parameters)
        out: list[Any] = []
        for module in self.modules:
            rates = module.rates(own[module.name], values[module.name], _Reader(module, signals))
            wrong = set(module.states) ^ set(rates)
            if wrong:
                raise WiringError(f"{module.name}.rates must return exactly its own states; check {sorted(wrong)}.")
            out += [rates[k] for k in module.states]
        return out

    def signal(self, name: str, y: Sequence[Any], parameters: Mapping[str, Any]) -> Any:
        """The value of one signal (summed where several modules emit it) for states `y`; see `rates`."""
        if name not in self.signals:
            raise WiringError(f"no module emits '{name}'. {did_you_mean(name, self.signals)}")
        return self._context(y, parameters)[2].value(name)

    def initial(self) -> list[float]:
        """The declared initial value of each state, in state order."""
        return [s.initial for s in self.states.values()]

    def state_index(self, name: str) -> int:
        """Position of a state. Raises WiringError with the nearest name where there is none."""
        if name not in self.index:
            raise WiringError(f"no state '{name}'. {did_you_mean(name, self.states)}")
        return self.index[name]

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells this System from others of the same modules."""
        return ()

    @property
    def fingerprint(self) -> str:
        """A hash of the equations as SymPy prints them, with names and order: the same equations, the same hash."""
        states, parameters, rates = self.symbols()
        text = repr([*map(str, states), *sorted(map(str, parameters.values())), *map(str, rates), *self.triggers])
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def symbols(self) -> tuple[list[Any], dict[str, Any], list[Any]]:
        """SymPy symbols of the states, of the parameters by full name, and the right-hand sides in them."""
        import sympy

        states = [sympy.Symbol(name, real=True) for name in self.states]
        parameters = {name: sympy.Symbol(name, real=True) for name in self.parameters}
        return states, parameters, [sympy.sympify(r) for r in self.rates(states, parameters)]

    def _context(
        self, y: Sequence[Any], parameters: Mapping[str, Any]
    ) -> tuple[dict[str, SimpleNamespace], dict[str, SimpleNamespace], _Signals]:
        own = {m.name: SimpleNamespace(**{k: y[self.index[f"{m.name}.{k}"]] for k in m.states}) for m in self.modules}
        values = {m.name: SimpleNamespace(**dict(self._filled(m, parameters))) for m in self.modules}
        return own, values, _Signals(self, own, values)

    @staticmethod
    def _filled(module: Module, parameters: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for k in module.parameters:
            full = f"{module.name}.{k}"
            if full not in parameters:
                raise WiringError(f"parameter '{full}' has no value.")
            yield k, parameters[full]
