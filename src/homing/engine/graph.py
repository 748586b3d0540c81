"""Equations as a graph in which every distinct subexpression stands once, with exact derivatives.

A node is an operation on earlier nodes. Asking twice for the same operation gives the same node, so common
subexpressions are shared by construction, also between the equations and their derivatives.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import IntEnum

from homing.engine.arithmetic import LIBRARY, TINY, evaluate_one

Node = int
#: Floor of the root in the derivative of a square root, which is infinite at zero.
ROOT_FLOOR = 1e-150


class Level(IntEnum):
    """How often a node must be evaluated: never, once a run, when a patient's parameters change, at every stage."""

    CONSTANT = 0
    SHARED = 1
    VARYING = 2
    STATE = 3


LEAVES = {"constant": Level.CONSTANT, "shared": Level.SHARED, "varying": Level.VARYING, "state": Level.STATE}


class Graph:
    """Hash-consed operations. `nodes[i]` is (operation, *arguments): node numbers, or the value/position of a leaf.

    Operations: constant, state, varying, shared (leaves); add, subtract, multiply, negate, reciprocal, maximum,
    minimum, choose (a >= b ? u : v), exp, log, floor, the functions of LIBRARY; sqrt and power count an argument below
    zero as zero, root and signed_power don't.
    """

    def __init__(self) -> None:
        self.nodes: list[tuple] = []
        self.levels: list[Level] = []
        self._number: dict[tuple, Node] = {}
        self._gradients: dict[Node, dict[int, Node]] = {}

    def _node(self, *key: object) -> Node:
        if key not in self._number:
            self._number[key] = len(self.nodes)
            self.nodes.append(key)
            leaf = LEAVES.get(str(key[0]))
            self.levels.append(leaf if leaf is not None else max(self.levels[a] for a in self.arguments(key)))
        return self._number[key]

    @staticmethod
    def arguments(node: tuple) -> tuple[Node, ...]:
        """The nodes that a node needs."""
        return () if node[0] in LEAVES else node[1:]

    def leaf(self, kind: str, position: int) -> Node:
        """A state, varying or shared parameter by position."""
        return self._node(kind, position)

    def constant(self, value: float) -> Node:
        """A number."""
        return self._node("constant", float(value) + 0.0)

    def value(self, a: Node) -> float | None:
        """The number a node stands for, or None when it is not a constant."""
        return self.nodes[a][1] if self.nodes[a][0] == "constant" else None

    def negate(self, a: Node) -> Node:
        """-a."""
        value = self.value(a)
        if value is not None:
            return self.constant(-value)
        return self.nodes[a][1] if self.nodes[a][0] == "negate" else self._node("negate", a)

    def add(self, a: Node, b: Node) -> Node:
        """a + b."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.constant(x + y)
        if x == 0.0:
            return b
        if y == 0.0:
            return a
        if self.nodes[b][0] == "negate":
            return self.subtract(a, self.nodes[b][1])
        if self.nodes[a][0] == "negate":
            return self.subtract(b, self.nodes[a][1])
        return self._node("add", *sorted((a, b)))

    def subtract(self, a: Node, b: Node) -> Node:
        """a - b."""
        x, y = self.value(a), self.value(b)
        if a == b:
            return self.constant(0.0)
        if x == 0.0 or y is not None:
            return self.add(a, self.negate(b))
        if self.nodes[b][0] == "negate":
            return self.add(a, self.nodes[b][1])
        return self._node("subtract", a, b)

    def multiply(self, a: Node, b: Node) -> Node:
        """a * b."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.constant(x * y)
        if x is None and y is not None:
            return self.multiply(b, a)
        if x == 0.0:
            return self.constant(0.0)
        if x == 1.0:
            return b
        if x is not None and x < 0.0:
            return self.negate(self.multiply(self.constant(-x), b))
        for one, other in ((a, b), (b, a)):
            if self.nodes[one][0] == "negate":
                return self.negate(self.multiply(self.nodes[one][1], other))
        return self._node("multiply", *sorted((a, b)))

    def reciprocal(self, a: Node) -> Node:
        """1 / a."""
        value = self.value(a)
        if value is not None and value != 0.0:
            return self.constant(1.0 / value)
        if self.nodes[a][0] == "negate":
            return self.negate(self.reciprocal(self.nodes[a][1]))
        return self.nodes[a][1] if self.nodes[a][0] == "reciprocal" else self._node("reciprocal", a)

    def function(self, name: str, a: Node) -> Node:
        """exp, log, sqrt, root, floor or one of LIBRARY of a node."""
        value = self.value(a)
        return self._node(name, a) if value is None else self.constant(evaluate_one(name, [value]))

    def extreme(self, name: str, a: Node, b: Node) -> Node:
        """maximum or minimum; a number stands second."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return self.constant(evaluate_one(name, [x, y]))
        if a == b:
            return a
        return self._node(name, a, b) if x is None else self._node(name, b, a)

    def choose(self, a: Node, b: Node, when_at_least: Node, when_less: Node) -> Node:
        """`when_at_least` where a >= b, else `when_less`."""
        x, y = self.value(a), self.value(b)
        if x is not None and y is not None:
            return when_at_least if x >= y else when_less
        return when_at_least if when_at_least == when_less else self._node("choose", a, b, when_at_least, when_less)

    def whole_power(self, base: Node, exponent: int) -> Node:
        """base**exponent for an integer, by multiplication."""
        if exponent < 0:
            return self.reciprocal(self.whole_power(base, -exponent))
        if exponent == 0:
            return self.constant(1.0)
        half = self.whole_power(base, exponent // 2)
        square = self.multiply(half, half) if exponent > 1 else self.constant(1.0)
        return self.multiply(square, base) if exponent % 2 else square

    def power(self, base: Node, exponent: Node, *, signed: bool = False) -> Node:
        """base**exponent, cheapest form first: whole and half exponents need no logarithm.

        `signed`: a negative base keeps its whole powers and has no others, rather than to count as zero.
        """
        value = self.value(exponent)
        if value is not None and value == int(value) and abs(value) <= 16:
            return self.whole_power(base, int(value))
        if value is not None and 2 * value == int(2 * value) and abs(value) <= 8:
            whole = self.whole_power(base, math.floor(value))
            return self.multiply(whole, self.function("root" if signed else "sqrt", base))
        if value is not None and value < 0:
            return self.reciprocal(self.power(base, self.constant(-value), signed=signed))
        x, name = self.value(base), "signed_power" if signed else "power"
        if value is not None and x is not None:
            return self.constant(evaluate_one(name, [x, value]))
        return self._node(name, base, exponent)

    def reachable(self, roots: Iterable[Node], stop: Callable[[Node], bool] = lambda _: False) -> list[Node]:
        """The nodes needed for `roots` in an order to evaluate them, root by root; `stop` nodes are taken as given."""
        seen: set[Node] = set()
        order: list[Node] = []
        for root in roots:
            stack = [(root, False)]
            while stack:
                node, done = stack.pop()
                if done:
                    order.append(node)
                elif node not in seen:
                    seen.add(node)
                    stack.append((node, True))
                    if not stop(node):
                        stack += [(a, False) for a in reversed(self.arguments(self.nodes[node])) if a not in seen]
        return order

    def gradient(self, node: Node) -> dict[int, Node]:
        """The derivatives of a node with respect to each state it depends on, by state position."""
        for each in self.reachable([node], stop=lambda n: n in self._gradients):
            if each not in self._gradients:
                flat = self.levels[each] < Level.STATE
                self._gradients[each] = {} if flat else self._derive(each)
        return self._gradients[node]

    def _derive(self, node: Node) -> dict[int, Node]:
        name, *a = self.nodes[node]
        if name == "state":
            return {a[0]: self.constant(1.0)}
        inner = [self._gradients[x] for x in a]
        zero = self.constant(0.0)
        out: dict[int, Node] = {}
        for s in sorted(set().union(*inner)):
            d = [g.get(s, zero) for g in inner]
            slope = self._slope(node, name, a, d)
            if self.value(slope) != 0.0:
                out[s] = slope
        return out

    def _slope(self, node: Node, name: str, a: Sequence[Node], d: Sequence[Node]) -> Node:
        """The chain rule: derivative of `node` from its arguments `a` and their derivatives `d`."""
        times = self.multiply
        match name:
            case "add":
                return self.add(d[0], d[1])
            case "subtract":
                return self.subtract(d[0], d[1])
            case "negate":
                return self.negate(d[0])
            case "multiply":
                return self.add(times(d[0], a[1]), times(a[0], d[1]))
            case "reciprocal":
                return self.negate(times(times(node, node), d[0]))
            case "exp":
                return times(node, d[0])
            case "log":
                return times(self.reciprocal(a[0]), d[0])
            case "floor":
                return self.constant(0.0)
            case "choose":
                return self.choose(a[0], a[1], d[2], d[3])
            case "sqrt" | "root":
                root = self.extreme("maximum", node, self.constant(ROOT_FLOOR))
                return times(times(self.constant(0.5), self.reciprocal(root)), d[0])
            case "maximum":
                return self.choose(a[0], a[1], d[0], d[1])
            case "minimum":
                return self.choose(a[0], a[1], d[1], d[0])
            case "power":
                less = self.power(a[0], self.subtract(a[1], self.constant(1.0)))
                by_base = times(times(a[1], less), d[0])
                if self.value(d[1]) == 0.0:
                    return by_base
                return self.add(by_base, times(times(node, self.function("log", a[0])), d[1]))
            case "signed_power":
                one, size = self.constant(1.0), self.extreme("maximum", a[0], self.constant(TINY))
                less = self.power(a[0], self.subtract(a[1], one), signed=True)
                near_zero = times(node, self.reciprocal(size))  # x^(a-1) for a < 1, finite where x = 0
                by_base = times(times(a[1], self.choose(a[1], one, less, near_zero)), d[0])
                return self.add(by_base, times(times(node, self.function("log", size)), d[1]))
        if name in LIBRARY:
            return times(self._library_slope(name, node, a[0]), d[0])
        raise AssertionError(f"no derivative of {name}; this is a bug of homing.engine.graph")

    def _library_slope(self, name: str, node: Node, x: Node) -> Node:
        """The derivative of a function of LIBRARY at x, where `node` is its value."""
        one, square = self.constant(1.0), self.multiply(x, x)
        match name:
            case "sin":
                return self.function("cos", x)
            case "cos":
                return self.negate(self.function("sin", x))
            case "tan":
                return self.add(one, self.multiply(node, node))
            case "asin" | "acos":
                slope = self.reciprocal(self.function("sqrt", self.subtract(one, square)))
                return slope if name == "asin" else self.negate(slope)
            case "atan":
                return self.reciprocal(self.add(one, square))
            case "sinh":
                return self.function("cosh", x)
            case "cosh":
                return self.function("sinh", x)
            case "tanh":
                return self.subtract(one, self.multiply(node, node))
            case "asinh":
                return self.reciprocal(self.function("sqrt", self.add(one, square)))
            case "acosh":
                return self.reciprocal(self.function("sqrt", self.subtract(square, one)))
        return self.reciprocal(self.subtract(one, square))  # atanh

    def tangent(self, roots: Sequence[Node], seeds: Mapping[Node, Node]) -> list[Node]:
        """The derivatives of nodes along a direction: `seeds` gives that of leaves (0 for all others)."""
        zero = self.constant(0.0)
        slopes: dict[Node, Node] = {}
        for node in self.reachable(roots):
            name, *a = self.nodes[node]
            if name in LEAVES:
                slopes[node] = seeds.get(node, zero)
            else:
                d = [slopes[x] for x in a]
                slopes[node] = zero if all(x == zero for x in d) else self._slope(node, name, a, d)
        return [slopes[r] for r in roots]


def evaluate(graph: Graph, roots: Sequence[Node], leaves: Callable[[str, int], float]) -> list[float]:
    """The values of nodes, given those of the leaves. For what is needed once a run; patients are vectors."""
    values: dict[Node, float] = {}
    for node in graph.reachable(roots):
        name, *a = graph.nodes[node]
        if name == "constant":
            values[node] = a[0]
        elif name in LEAVES:
            values[node] = leaves(name, a[0])
        else:
            values[node] = evaluate_one(name, [values[x] for x in a])
    return [values[r] for r in roots]
