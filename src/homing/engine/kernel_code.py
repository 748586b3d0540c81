"""The functions of a compiled kernel, as LLVM text. `kernel_plan` says what they read and write."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from homing.engine.arithmetic import LIBRARY, TINY
from homing.engine.graph import LEAVES, Node
from homing.engine.kernel_plan import FUNCTIONS, POINTERS, SAFETY, SMALLEST_ERROR, KernelPlan
from homing.engine.rodas import DENSE, ERROR_ORDER, GAMMA, STAGES, A, C
from homing.engine.vector_ir import DECLARATIONS, LANES, VectorFunction, splat


def kernel_code(plan: KernelPlan) -> str:
    """All functions of a kernel as one LLVM module."""
    writer = _Writer(plan)
    functions = [
        writer.rates(),
        writer.factor(),
        writer.solve(),
        writer.step(),
        writer.bend(),
        writer.read("observe", "seen", plan.equations.observed),
        writer.interpolate(),
        writer.accept(),
        writer.settle(),
        writer.start(),
        writer.read("decide", "decided", plan.equations.decided),
        writer.read("watch", "watched", plan.equations.watched),
    ]
    attributes = f'attributes #0 = {{ nounwind "prefer-vector-width"="{64 * LANES}" }}\n'
    return "\n".join(f.text() for f in functions) + DECLARATIONS + attributes


def _public(name: str) -> VectorFunction:
    """A function that takes its pointers from the table."""
    f = VectorFunction(name, ("table",))
    for i, pointer in enumerate(POINTERS, start=len(FUNCTIONS)):
        f.line(f"%{pointer}_at = getelementptr inbounds ptr, ptr %table, i64 {i}")
        f.line(f"%{pointer} = load ptr, ptr %{pointer}_at")
    return f


class _Body:
    """Graph nodes as instructions of one function; every node once."""

    def __init__(self, plan: KernelPlan, function: VectorFunction, states: dict[int, str] | str) -> None:
        self.graph, self.f = plan.equations.graph, function
        self.states = states  # the pointer they are loaded from, or the values
        self.place = {n: ("shared", i) for i, n in enumerate(plan.prepared)}
        self.place |= {n: ("settled", i) for i, n in enumerate(plan.settled)}
        self.values: dict[Node, str] = {}
        self._logs: dict[Node, str] = {}

    def __call__(self, root: Node) -> str:
        """The value of a node."""
        for node in self.graph.reachable([root], stop=lambda n: n in self.values or n in self.place):
            if node not in self.values:
                self.values[node] = self._emit(node)
        return self.values[root]

    def _emit(self, node: Node) -> str:
        f = self.f
        name, *a = self.graph.nodes[node]
        if name == "constant":
            return splat(a[0])
        if node in self.place:
            where, slot = self.place[node]
            return f.load_scalar(where, slot) if where == "shared" else f.load(where, slot)
        if name == "state":
            return f.load(self.states, a[0]) if isinstance(self.states, str) else self.states[a[0]]
        if name in LEAVES:
            return f.load("varying", a[0])
        values = [self.values[x] for x in a]
        if name == "power":
            return f.power(values[0], values[1], self._log(a[0]))
        return f.library(name, values[0]) if name in LIBRARY else getattr(f, name)(*values)

    def _log(self, base: Node) -> str:
        if base not in self._logs:
            self._logs[base] = self.f.positive_log(self.f.maximum(self.values[base], splat(TINY)))
        return self._logs[base]


class _Writer:
    """Writes each function of a kernel from its plan."""

    def __init__(self, plan: KernelPlan) -> None:
        self.plan, self.n = plan, plan.states
        self.slot = {entry: i for i, entry in enumerate(plan.lu.entries)}

    def rates(self) -> VectorFunction:
        """f(y)."""
        f = VectorFunction("rates", ("y", "settled", "shared", "out"), internal=True)
        body = _Body(self.plan, f, "y")
        for i in range(self.n):
            f.store("out", i, body(self.plan.equations.rates[i]))
        return f

    def factor(self) -> VectorFunction:
        """f(y), and the LU factors of I/(h*gamma) - J with the pivots inverted."""
        f = VectorFunction("factor", ("y", "settled", "shared", "step", "out", "factors"), internal=True)
        body = _Body(self.plan, f, "y")
        for i in range(self.n):
            f.store("out", i, body(self.plan.equations.rates[i]))
        diagonal = f.multiply(f.reciprocal(f.load("step", 0)), splat(1.0 / GAMMA))
        w: dict[tuple[int, int], str] = {}

        def entry(i: int, j: int) -> str | None:
            """The entry as it stands; None for a zero. Filled when it is first needed, to keep live ranges short."""
            if (i, j) not in w:
                slope = self.plan.jacobian.get((i, j))
                if slope is None:
                    return diagonal if i == j else None
                w[i, j] = f.subtract(diagonal, body(slope)) if i == j else f.negate(body(slope))
            return w[i, j]

        inverse_diagonal = ""
        for p in self.plan.lu.pivots:
            pivot = entry(p.at, p.at) or diagonal
            if pivot == diagonal:
                inverse_diagonal = inverse_diagonal or f.reciprocal(diagonal)
            inverse = inverse_diagonal if pivot == diagonal else f.reciprocal(pivot)
            f.store("factors", self.slot[p.at, p.at], inverse)
            right = {j: entry(p.at, j) for j in p.columns}
            for j, value in right.items():
                f.store("factors", self.slot[p.at, j], value or splat(0.0))
            for i in p.rows:
                below = entry(i, p.at)
                lower = f.multiply(below, inverse) if below else splat(0.0)
                f.store("factors", self.slot[i, p.at], lower)
                for j, value in right.items():
                    if value and below:
                        old = entry(i, j)
                        product = f.multiply(lower, value)
                        w[i, j] = f.subtract(old, product) if old else f.negate(product)
        return f

    def solve(self) -> VectorFunction:
        """The stage: factors * u = rate + combination/h, into u."""
        f = VectorFunction("solve", ("factors", "rate", "combination", "step", "u"), internal=True)
        inverse_h = f.reciprocal(f.load("step", 0))
        b = [f.multiply_add(inverse_h, f.load("combination", i), f.load("rate", i)) for i in range(self.n)]
        for p in self.plan.lu.pivots:
            for i in p.rows:
                b[i] = f.subtract(b[i], f.multiply(f.load("factors", self.slot[i, p.at]), b[p.at]))
        for p in reversed(self.plan.lu.pivots):
            for j in p.columns:
                b[p.at] = f.subtract(b[p.at], f.multiply(f.load("factors", self.slot[p.at, j]), b[j]))
            b[p.at] = f.multiply(b[p.at], f.load("factors", self.slot[p.at, p.at]))
            f.store("u", p.at, b[p.at])
        return f

    def step(self) -> VectorFunction:
        """One step: stages, new states, the mean square of the scaled error, and how far above its lowest value
        the lowest state is."""
        f = _public("step")
        n = self.n
        bytes_of = 8 * LANES
        argument, combination, factors = "%work", f.pointer("work", n * bytes_of), f.pointer("work", 2 * n * bytes_of)
        stage = [f.pointer("stages", i * n * bytes_of) for i in range(STAGES)]
        rate = "%new"  # free until the end
        f.call("factor", ("%y", "%settled", "%shared", "%step", rate, factors))
        for i in range(n):
            f.store("work", n + i, splat(0.0))
        f.call("solve", (factors, rate, combination, "%step", stage[0]))
        for s in range(1, STAGES):
            for i in range(n):
                self._combine(f, s, i)
            f.call("rates", (argument, "%settled", "%shared", rate))
            f.call("solve", (factors, rate, combination, "%step", stage[s]))
        self._judge(f)
        return f

    def _combine(self, f: VectorFunction, s: int, i: int) -> None:
        """The argument of stage s and its combination of earlier stages, for state i."""
        n = self.n
        stiffly_accurate = s >= STAGES - 2
        argument = f.load("work", i) if stiffly_accurate else f.load("y", i)
        combination = ""
        for j in range(s):
            u = f.load("stages", j * n + i)
            if not stiffly_accurate:
                argument = f.multiply_add(u, splat(A[s][j]), argument)
            elif j == s - 1:
                argument = f.add(argument, u)
            weight = splat(C[s][j])
            combination = f.multiply_add(u, weight, combination) if combination else f.multiply(u, weight)
        f.store("work", i, argument)
        f.store("work", n + i, combination)

    def _judge(self, f: VectorFunction) -> None:
        n, uncontrolled = self.n, self.plan.equations.uncontrolled
        relative = f.load_scalar("tolerance", 0)
        square, margin = splat(0.0), splat(float("inf"))
        for i in range(n):
            u = f.load("stages", (STAGES - 1) * n + i)
            new = f.add(f.load("work", i), u)
            f.store("new", i, new)
            margin = self._margin(f, i, new, margin)
            if not uncontrolled[i]:
                size = f.maximum(f.absolute(f.load("y", i)), f.absolute(new))
                scaled = f.multiply(u, f.reciprocal(f.multiply_add(relative, size, f.load_scalar("tolerance", 1 + i))))
                square = f.multiply_add(scaled, scaled, square)
        error = f.sqrt(f.multiply(square, splat(1.0 / self._judged)))
        exponent = f.multiply(f.positive_log(f.add(error, splat(SMALLEST_ERROR))), splat(-1.0 / ERROR_ORDER))
        f.store("error", 0, error)
        f.store("error", 1, f.multiply(splat(SAFETY), f.exp(exponent)))
        f.store("margin", 0, margin)

    @property
    def _judged(self) -> int:
        return max(1, self.plan.equations.uncontrolled.count(False))

    def _bends(self, f: VectorFunction, i: int) -> list[str]:
        """The coefficients of dense output of state i."""
        u = [f.load("stages", j * self.n + i) for j in range(STAGES)]
        rows = []
        for row in DENSE:
            total = f.multiply(u[0], splat(row[0]))
            for j in range(1, STAGES):
                total = f.multiply_add(u[j], splat(row[j]), total)
            rows.append(total)
        return rows

    def _between(self, f: VectorFunction, i: int, d: Sequence[str]) -> str:
        """State i at the fraction x of the step; exactly the start where x = 0 and the end where x = 1."""
        if i == self.plan.equations.clock:
            return f.load("now", 0)
        x, y, new = f.load("x", 0), f.load("y", i), f.load("new", i)
        rest = f.subtract(splat(1.0), x)
        inner = f.multiply_add(x, f.multiply_add(x, d[2], d[1]), d[0])
        value = f.multiply_add(x, f.multiply_add(rest, inner, new), f.multiply(rest, y))
        return f.where("ogt", x, splat(0.0), value, y)

    def interpolate(self) -> VectorFunction:
        """All states at the fraction x of the step, and their margin."""
        f = _public("interpolate")
        margin = splat(float("inf"))
        for i in range(self.n):
            value = self._between(f, i, self._bends(f, i))
            f.store("between", i, value)
            margin = self._margin(f, i, value, margin)
        f.store("margin", 0, margin)
        return f

    def _margin(self, f: VectorFunction, i: int, value: str, margin: str) -> str:
        """The smaller of a margin and how far state i is above its limit."""
        return f.minimum(f.subtract(value, f.load_scalar("tolerance", 1 + self.n + i)), margin)

    @cached_property
    def _observed_states(self) -> tuple[int, ...]:
        """The states that outputs and triggers need."""
        e = self.plan.equations
        kept = {*self.plan.prepared, *self.plan.settled}
        needed = e.graph.reachable([*e.observed, *e.decided, *e.watched], stop=lambda node: node in kept)
        return tuple(sorted(e.graph.nodes[node][1] for node in needed if e.graph.nodes[node][0] == "state"))

    def bend(self) -> VectorFunction:
        """The coefficients of dense output of a step, for the states that outputs need."""
        f = _public("bend")
        for i in self._observed_states:
            for k, value in enumerate(self._bends(f, i)):
                f.store("bends", 3 * i + k, value)
        return f

    def read(self, name: str, into: str, nodes: Sequence[Node]) -> VectorFunction:
        """Nodes at the fraction x of the step, with the parameters in force. After `bend` where x is above zero."""
        f = _public(name)
        states = {i: self._between(f, i, [f.load("bends", 3 * i + k) for k in range(3)]) for i in self._observed_states}
        body = _Body(self.plan, f, states)
        for k, node in enumerate(nodes):
            f.store(into, k, body(node))
        return f

    def accept(self) -> VectorFunction:
        """y = new in the lanes where x > 0."""
        f = _public("accept")
        x = f.load("x", 0)
        for i in range(self.n):
            f.store("y", i, f.where("ogt", x, splat(0.0), f.load("new", i), f.load("y", i)))
        return f

    def settle(self) -> VectorFunction:
        """What depends on a patient's parameters and no state: once after they change."""
        f = _public("settle")
        body = _Body(self.plan, f, {})
        body.place = {node: where for node, where in body.place.items() if where[0] == "shared"}
        for k, node in enumerate(self.plan.settled):
            f.store("settled", k, body(node))
        return f

    def start(self) -> VectorFunction:
        """A trial step by Euler, and the sizes of slope and curvature; see driver.first_steps."""
        f = _public("start")
        n, uncontrolled = self.n, self.plan.equations.uncontrolled
        second = f.pointer("work", n * 8 * LANES)
        f.call("rates", ("%y", "%settled", "%shared", "%work"))
        relative = f.load_scalar("tolerance", 0)
        judged = [i for i in range(n) if not uncontrolled[i]]
        weight = {}
        sizes, slopes = splat(0.0), splat(0.0)
        for i in judged:
            y = f.load("y", i)
            scale = f.multiply_add(relative, f.absolute(y), f.load_scalar("tolerance", 1 + i))
            weight[i] = f.reciprocal(scale)
            size, slope = f.multiply(y, weight[i]), f.multiply(f.load("work", i), weight[i])
            sizes, slopes = f.multiply_add(size, size, sizes), f.multiply_add(slope, slope, slopes)
        size, slope = (f.sqrt(f.multiply(q, splat(1.0 / self._judged))) for q in (sizes, slopes))
        h = f.multiply(splat(0.01), f.multiply(size, f.reciprocal(f.maximum(slope, splat(1e-300)))))
        h = f.minimum(f.maximum(h, splat(1e-6)), splat(1.0))
        for i in range(n):
            f.store("trial", i, f.multiply_add(h, f.load("work", i), f.load("y", i)))
        f.call("rates", ("%trial", "%settled", "%shared", second))
        bends = splat(0.0)
        for i in judged:
            bend = f.multiply(f.subtract(f.load("work", n + i), f.load("work", i)), weight[i])
            bends = f.multiply_add(bend, bend, bends)
        bend = f.multiply(f.sqrt(f.multiply(bends, splat(1.0 / self._judged))), f.reciprocal(h))
        for k, value in enumerate((h, slope, bend)):
            f.store("slopes", k, value)
        return f
