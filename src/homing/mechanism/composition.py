"""Only what is needed: a System without the states that stay where they are and those that nothing reads.

A state that nothing touches (no dose, no procedure, no flare, no start away from rest) and whose rate is zero as long
as the others of its kind rest too is a number. The largest set of states that rest together is found on the equations
themselves, so that what is left has the same mathematics: no list of modules says what may be left out.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from homing.mechanism.system import System


class Composition(System):
    """The states of a System that move and are read; the rest are numbers in its equations.

    Attributes beside those of a System: `whole`; `resting` {state: its value}; `unread` the names of states that move
    and that nothing needs; `zeros` the parameters that are taken to be 0 and must be so in every run.
    """

    def __init__(self, whole: System, resting: Mapping[str, float], unread: Sequence[str], zeros: Collection[str]):
        super().__init__(whole.modules, whole.writers)
        self.whole, self.resting, self.unread = whole, dict(resting), tuple(unread)
        self.zeros = tuple(sorted(zeros))
        gone = {*self.resting, *self.unread}
        self.states = {name: state for name, state in whole.states.items() if name not in gone}
        self.index = {name: i for i, name in enumerate(self.states)}

    def rates(self, y: Sequence[Any], parameters: Mapping[str, Any]) -> list[Any]:
        """dy/dt per day of the states that are left, in their order. See `System.rates`."""
        found = self.whole.rates(self._all(y), self._with_zeros(parameters))
        return [found[self.whole.index[name]] for name in self.states]

    def signal(self, name: str, y: Sequence[Any], parameters: Mapping[str, Any]) -> Any:
        """The value of one signal. See `System.signal`."""
        return self.whole.signal(name, self._all(y), self._with_zeros(parameters))

    @property
    def identity(self) -> tuple[object, ...]:
        """What tells this System from others of the same modules."""
        return tuple(self.resting.items()), self.unread, self.zeros

    @property
    def fingerprint(self) -> str:
        """A hash of the equations that are left, see `System.fingerprint`, and of what was left out."""
        import hashlib

        text = f"{super().fingerprint} {self.identity}"
        return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def _all(self, y: Sequence[Any]) -> list[Any]:
        values = {name: y[i] for name, i in self.index.items()} | self.resting | dict.fromkeys(self.unread, 0)
        return [values[name] for name in self.whole.states]

    def _with_zeros(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        return {**parameters, **dict.fromkeys(self.zeros, 0)}


def compose(whole: System, touched: Collection[str], wanted: Collection[str], zeros: Collection[str] = ()) -> System:
    """The part of a System that a purpose needs; the System itself where that is all of it.

    Arguments:
        touched: states that something from outside changes or that start away from their declared initial value.
        wanted: states and signals that are read; other names are passed over.
        zeros: parameters that are 0 in every run (a product that can't graft), so that what hangs on them rests.

    Example:
        >>> from homing.biology.ibd import ibd_system
        >>> gut = compose(ibd_system(), ["innate.activation"], ["cdai"])
        >>> [name for name in gut.states if name.startswith(("tract.", "marrow.", "drug.", "product."))]
        []
    """
    import sympy

    states = {name: sympy.Symbol(name, real=True) for name in whole.states}
    parameters: dict[str, Any] = {name: sympy.Symbol(name, real=True) for name in whole.parameters}
    parameters |= dict.fromkeys(zeros, sympy.Integer(0))
    resting = {name: _exact(s.initial) for name, s in whole.states.items() if name not in set(touched)}
    while True:
        values = [resting.get(name, symbol) for name, symbol in states.items()]
        rates = dict(zip(whole.states, map(sympy.sympify, whole.rates(values, parameters)), strict=True))
        moving = [name for name in resting if rates[name] != 0]
        if not moving:
            break
        resting = {name: value for name, value in resting.items() if name not in moving}
    needed = set(touched) - set(resting)
    asked = [states[name] for name in wanted if name in states and name not in resting]
    asked += [sympy.sympify(whole.signal(name, values, parameters)) for name in wanted if name in whole.signals]
    frontier = ({str(s) for e in asked for s in e.free_symbols} & set(states)) | needed
    read: set[str] = set()
    while frontier:
        read |= frontier
        frontier = {str(s) for name in frontier for s in rates[name].free_symbols} & set(states) - read
    unread = [name for name in states if name not in resting and name not in read]
    if not resting and not unread:
        return whole
    return Composition(whole, {k: float(v) if v % 1 else int(v) for k, v in resting.items()}, unread, zeros)


def _exact(number: float) -> Any:
    """A number as SymPy multiplies it away: 0 and 1 as integers."""
    import sympy

    return sympy.Integer(int(number)) if float(number).is_integer() else sympy.Float(number)
