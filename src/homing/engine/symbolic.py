"""From a System to what the kernel evaluates: rates, sparse Jacobian and outputs as one graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from homing.engine.arithmetic import LIBRARY
from homing.engine.graph import Graph, Level, Node
from homing.engine.sparse import Entry
from homing.ground.errors import WiringError
from homing.ground.nearest import did_you_mean
from homing.mechanism import System

INPUT = "input:"
#: What is asked of each trigger beside its assignments.
TRIGGER_SLOTS = 3


@dataclass(frozen=True)
class Equations:
    """A System's equations, with the position of every name.

    `rates` and `outputs` are nodes of `graph`, in the order of states and of the wanted outputs. `shared` and `varying`
    are parameter names in the order of their leaves. `tally` marks the states whose error is not controlled. `decided`
    are, for each trigger, condition, delay and priority, and after those the values of all assignments and then their
    sizes; `watched` are the comparisons that conditions are made of, 1 or 0. `clock` is the position of the state that
    is the time, -1 where none is.
    """

    graph: Graph
    states: tuple[str, ...]
    shared: tuple[str, ...]
    varying: tuple[str, ...]
    outputs: tuple[str, ...]
    rates: tuple[Node, ...]
    observed: tuple[Node, ...]
    tally: tuple[bool, ...]
    decided: tuple[Node, ...] = ()
    watched: tuple[Node, ...] = ()
    clock: int = -1

    @property
    def uncontrolled(self) -> tuple[bool, ...]:
        """The states that don't enter the error norm: tallies, and those whose rate is a number and has no error."""
        fixed = [self.graph.value(rate) is not None for rate in self.rates]
        return tuple(a or b for a, b in zip(self.tally, fixed, strict=True))

    def jacobian(self) -> dict[Entry, Node]:
        """The derivatives of the rates that are not zero, by (row, column).

        Raises: WiringError where a rate reads a tally, whose error nothing would control.
        """
        entries: dict[Entry, Node] = {}
        for i, rate in enumerate(self.rates):
            for j, slope in self.graph.gradient(rate).items():
                if self.tally[j]:
                    raise WiringError(
                        f"the rate of '{self.states[i]}' reads '{self.states[j]}', which is declared a tally. "
                        f"Drop tally=True there, so that its error is controlled."
                    )
                entries[i, j] = slope
        return entries


def trace(system: System, outputs: Sequence[str], varying: Sequence[str], infused: Sequence[str]) -> Equations:
    """Trace a System to a graph.

    Arguments: see `homing.engine.compile_system`.
    Raises: WiringError for a name that is no state, signal or parameter, a name given twice, or a function in the
    equations that the engine doesn't know.
    """
    import sympy

    _check_names(system, outputs, varying, infused)
    states, parameters, rates = system.symbols()
    all_varying = (*varying, *(INPUT + name for name in infused))
    shared = tuple(name for name in system.parameters if name not in set(varying))
    for name in infused:
        rates[system.index[name]] += sympy.Symbol(INPUT + name, real=True)
    signals = [_output(system, name, states, parameters) for name in outputs]
    graph = Graph()
    leaves = {s: graph.leaf("state", i) for i, s in enumerate(states)}
    leaves |= {sympy.Symbol(name, real=True): graph.leaf("varying", i) for i, name in enumerate(all_varying)}
    leaves |= {parameters[name]: graph.leaf("shared", i) for i, name in enumerate(shared)}
    names = sympy.numbered_symbols("common:", cls=sympy.Dummy)
    decided = [sympy.sympify(e) for e in _decided(system)]
    common, reduced = sympy.cse([*rates, *signals, *decided], symbols=names, optimizations=[])
    lower = _Lowering(graph, leaves, signed=system.signed_powers)
    for symbol, expression in common:
        lower.nodes[symbol] = lower(expression)
    nodes = tuple(lower(e) for e in reduced)
    n = len(states)
    tally = tuple(s.tally for s in system.states.values())
    split = len(nodes) - len(decided)
    names_ = tuple(system.states), shared, all_varying, tuple(outputs)
    return Equations(
        graph,
        *names_,
        nodes[:n],
        nodes[n:split],
        tally,
        nodes[split:],
        _watched(graph, nodes[split:], len(system.triggers)),
        _clock(system),
    )


def _watched(graph: Graph, decided: Sequence[Node], triggers: int) -> tuple[Node, ...]:
    """Whether a >= b, for each comparison within the conditions: each changes sign where a condition may change."""
    conditions = [decided[TRIGGER_SLOTS * i] for i in range(triggers)]
    pairs = [graph.nodes[node][1:3] for node in graph.reachable(conditions) if graph.nodes[node][0] == "choose"]
    one, zero = graph.constant(1.0), graph.constant(0.0)
    return tuple(dict.fromkeys(graph.choose(a, b, one, zero) for a, b in pairs))


def _clock(system: System) -> int:
    return system.index[system.clock] if system.clock else -1


def _decided(system: System) -> list[Any]:
    """The expressions of triggers, in the order of `Equations.decided`."""
    asked = [e for t in system.triggers for e in (t.condition, t.delay, t.priority)]
    sizes = [t.sizes.get(name, 1) for t in system.triggers for name in t.assignments]
    return [*asked, *(value for t in system.triggers for value in t.assignments.values()), *sizes]


def _output(system: System, name: str, states: Sequence[Any], parameters: Mapping[str, Any]) -> Any:
    import sympy

    return (
        states[system.index[name]] if name in system.index else sympy.sympify(system.signal(name, states, parameters))
    )


def _check_names(system: System, outputs: Sequence[str], varying: Sequence[str], infused: Sequence[str]) -> None:
    for kind, names, known in (
        ("state or signal", outputs, {**system.states, **system.signals}),
        ("parameter", varying, system.parameters),
        ("state", infused, system.states),
    ):
        for i, name in enumerate(names):
            if name not in known:
                raise WiringError(f"no {kind} '{name}'. {did_you_mean(name, known)}")
            if name in names[:i]:
                raise WiringError(f"the {kind} '{name}' is named twice; name it once.")


class _Lowering:
    """SymPy expressions to graph nodes. Factors and terms are grouped by level, so that what depends on parameters
    alone becomes one node that is evaluated once."""

    def __init__(self, graph: Graph, leaves: Mapping[Any, Node], *, signed: bool) -> None:
        self.graph, self.signed = graph, signed
        self.nodes: dict[Any, Node] = dict(leaves)

    def __call__(self, expression: Any) -> Node:
        if expression not in self.nodes:
            self.nodes[expression] = self._lower(expression)
        return self.nodes[expression]

    def _lower(self, e: Any) -> Node:
        import sympy

        g = self.graph
        if e.is_Number and (e.is_finite or self.signed):
            return g.constant(float(e))
        if e.is_NumberSymbol:
            return g.constant(float(e))
        if e.is_Add:
            return self._grouped([self(a) for a in e.args], g.add)
        if e.is_Mul:
            return self._grouped([self(a) for a in e.args], g.multiply)
        if isinstance(e, sympy.exp):
            return g.function("exp", self(e.args[0]))
        if isinstance(e, sympy.log):
            return g.function("log", self(e.args[0]))
        if e.is_Pow:
            return self._power(e.base, e.exp)
        if isinstance(e, sympy.Max | sympy.Min):
            name = "maximum" if isinstance(e, sympy.Max) else "minimum"
            first, *rest = sorted(self(a) for a in e.args)
            for a in rest:
                first = g.extreme(name, first, a)
            return first
        if isinstance(e, sympy.Abs):
            inside = self(e.args[0])
            return g.extreme("maximum", inside, g.negate(inside))
        name = type(e).__name__.lower()
        if name == "choose":
            return g.choose(*(self(a) for a in e.args))
        if name == "floor" or name in LIBRARY:
            return g.function(name, self(e.args[0]))
        if isinstance(e, sympy.ceiling):
            return g.negate(g.function("floor", g.negate(self(e.args[0]))))
        raise WiringError(
            f"the engine does not know '{type(e).__name__}' in '{e}'. "
            f"Equations may use + - * / **, exp, log, sqrt, at_least, at_most and choose."
        )

    def _power(self, base: Any, exponent: Any) -> Node:
        if exponent.could_extract_minus_sign():
            return self.graph.reciprocal(self._power(base, -exponent))
        return self.graph.power(self(base), self(exponent), signed=self.signed)

    def _grouped(self, nodes: list[Node], combine: Any) -> Node:
        total: Node | None = None
        for level in Level:
            group: Node | None = None
            for node in nodes:
                if self.graph.levels[node] == level:
                    group = node if group is None else combine(group, node)
            if group is not None:
                total = group if total is None else combine(total, group)
        if total is None:
            raise WiringError("an empty sum or product; this is a bug of homing.engine.symbolic")
        return total
