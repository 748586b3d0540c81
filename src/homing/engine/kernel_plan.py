"""What a kernel computes when, and where its numbers are.

A kernel function takes one argument, a table of pointers: FUNCTIONS, then POINTERS. Vectors have slots of 8 lanes, one
patient a lane; scalars hold for all.

    y, new      states at the start and the end of a step       error     scaled error, factor for the next step size
    varying     the patient's parameters                        margin    how far the lowest state is above its limit
    settled     what depends on them and no state               x         fraction of the step to look at
    shared      what depends on shared parameters (scalars)     seen      outputs there
    step        step sizes                                      between   states there
    stages      the 8 stage vectors of the step                 bends     coefficients of dense output
    trial, slopes   for the first step size                     work      scratch
    decided     of each trigger: condition, delay, priority; then the values of all assignments, then their sizes
    watched     the comparisons that conditions are made of
    now         the time at the fraction x, for models that read the time
    tolerance   rtol, then the absolute tolerance of each state, then the limit of each state (scalars)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from homing.engine.graph import Level, Node
from homing.engine.rodas import STAGES
from homing.engine.sparse import LuPlan, plan_lu
from homing.engine.symbolic import Equations

FUNCTIONS = ("step", "bend", "observe", "interpolate", "accept", "settle", "start", "decide", "watch")
POINTERS = (
    *("y", "varying", "settled", "shared", "step", "tolerance", "work", "stages", "new", "error", "margin"),
    *("x", "bends", "seen", "between", "trial", "slopes", "decided", "watched", "now"),
)

#: Step-size control: the next step aims at SAFETY times the one whose error is just allowed.
SAFETY = 0.9
SMALLEST_ERROR = 1e-10


@dataclass(frozen=True)
class KernelPlan:
    """What goes where: `prepared` nodes fill the scalars `shared`, `settled` nodes the vectors `settled`."""

    equations: Equations
    jacobian: dict[tuple[int, int], Node]
    lu: LuPlan
    prepared: tuple[Node, ...]
    settled: tuple[Node, ...]

    @property
    def states(self) -> int:
        """The number of states."""
        return len(self.equations.states)

    @property
    def slots(self) -> dict[str, int]:
        """The number of vector slots behind each pointer. `work`: a stage's argument, its combination, LU factors."""
        n = self.states
        e = self.equations
        one = dict.fromkeys(("step", "margin", "x", "now"), 1) | {"error": 2, "bends": 3 * n}
        each = dict.fromkeys(("y", "new", "between", "trial"), n)
        sizes = {"varying": len(e.varying), "settled": len(self.settled), "seen": len(e.outputs), "slopes": 3}
        sizes |= {"decided": len(e.decided), "watched": len(e.watched)}
        return one | each | sizes | {"work": 2 * n + len(self.lu.entries), "stages": STAGES * n}


def plan_kernel(equations: Equations) -> KernelPlan:
    """Differentiate, order the factorisation and decide what is computed once."""
    jacobian = equations.jacobian()
    lu = plan_lu(len(equations.states), jacobian)
    roots = [*equations.rates, *jacobian.values(), *equations.observed, *equations.decided, *equations.watched]
    settled = _frontier(equations, roots, Level.VARYING)
    prepared = _frontier(equations, [*roots, *settled], Level.SHARED)
    return KernelPlan(equations, jacobian, lu, prepared, settled)


def _frontier(equations: Equations, roots: Sequence[Node], level: Level) -> tuple[Node, ...]:
    """The nodes of a level that something of a higher level, or a root, uses."""
    graph = equations.graph
    found: dict[Node, None] = {}
    for node in graph.reachable(roots):
        if graph.levels[node] > level:
            found.update((a, None) for a in graph.arguments(graph.nodes[node]) if graph.levels[a] == level)
    found.update((r, None) for r in roots if graph.levels[r] == level)
    return tuple(found)
