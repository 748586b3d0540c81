"""Derivatives, elimination order and what is computed when."""

import numpy as np
import pytest
import sympy
from engine_systems import Bounded, Drug
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.engine.graph import Graph, Level, evaluate
from homing.engine.kernel_plan import plan_kernel
from homing.engine.sparse import plan_lu
from homing.engine.symbolic import trace
from homing.mechanism import Module, Parameter, State, assemble


class Everything(Module):
    """One rate with every operation in it."""

    a, b = State("a", "1", initial=0.7), State("b", "1", initial=1.9)
    n, k = Parameter("n", "1"), Parameter("k", "1")

    def rates(self, y, p, s):
        hill = y.a**p.n / (p.k**p.n + y.a**p.n)
        corner = sympy.Max(y.a * y.b, p.k) - sympy.Min(y.b, p.n * y.a)
        return {
            "a": hill * sympy.exp(-y.b / p.k) + corner - y.b**1.5 * y.a**2.7,
            "b": sympy.log(1 + y.a * y.b)
            - sympy.sqrt(y.a + p.k) / (1 + y.b) ** 3
            + y.a ** (p.n * y.b)
            - sympy.Abs(y.a),
        }


@settings(max_examples=25, deadline=None)
@given(*[st.floats(0.1, 3.0)] * 4)
def test_derivatives_agree_with_differences(a, b, n, k):
    equations = trace(assemble(Everything()), (), ("everything.n",), ())
    here, values = np.array([a, b]), {"varying": [n], "shared": [k]}
    if min(abs(a * b - k), abs(b - n * a)) < 1e-3:
        return  # at a corner there is no derivative

    def value(nodes, y):
        return np.array(evaluate(equations.graph, nodes, lambda kind, i: y[i] if kind == "state" else values[kind][i]))

    jacobian = equations.jacobian()
    exact = dict(zip(jacobian, value(list(jacobian.values()), here), strict=True))
    for j in range(2):
        h = np.where(np.arange(2) == j, 1e-6, 0)
        slope = (value(equations.rates, here + h) - value(equations.rates, here - h)) / 2e-6
        for i in range(2):
            assert exact.get((i, j), 0.0) == pytest.approx(slope[i], rel=1e-5, abs=1e-5)


def test_what_holds_for_a_run_or_a_patient_is_computed_once():
    plan = plan_kernel(trace(assemble(Everything(), Drug(), Bounded()), ("concentration",), ("everything.n",), ()))
    graph = plan.equations.graph
    assert {graph.levels[n] for n in plan.prepared} == {Level.SHARED}
    assert {graph.levels[n] for n in plan.settled} == {Level.VARYING}
    powers = [n for n in graph.reachable(plan.equations.rates) if graph.nodes[n][0] == "power"]
    assert any(n in plan.settled for n in powers)  # k**n is no business of a stage


def test_equal_subexpressions_are_one_node():
    g = Graph()
    x, y = g.leaf("state", 0), g.leaf("state", 1)
    assert g.add(x, y) == g.add(y, x) and g.multiply(x, y) == g.multiply(y, x)
    assert g.subtract(x, g.negate(y)) == g.add(x, y)
    assert g.multiply(g.constant(0.0), x) == g.constant(0.0) and g.subtract(x, x) == g.constant(0.0)
    assert g.whole_power(x, 4) == g.multiply(g.whole_power(x, 2), g.whole_power(x, 2))
    assert g.negate(g.negate(x)) == x and g.reciprocal(g.reciprocal(x)) == x


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 9), st.integers(0, 10_000))
def test_the_planned_factorisation_solves(size, seed):
    random = np.random.default_rng(seed)
    matrix = np.where(random.random((size, size)) < 0.35, random.standard_normal((size, size)), 0.0)
    matrix += np.diag(np.abs(matrix).sum(axis=1) + 1)
    plan = plan_lu(size, [(int(i), int(j)) for i, j in np.argwhere(matrix)])
    work, right = matrix.copy(), random.standard_normal(size)
    x = right.copy()
    allowed = set(plan.entries)
    for p in plan.pivots:
        for i in p.rows:
            factor = work[i, p.at] / work[p.at, p.at]
            x[i] -= factor * x[p.at]
            for j in (p.at, *p.columns):
                work[i, j] -= factor * work[p.at, j]
                assert (i, j) in allowed
    for p in reversed(plan.pivots):
        x[p.at] = (x[p.at] - sum(work[p.at, j] * x[j] for j in p.columns)) / work[p.at, p.at]
    assert np.allclose(matrix @ x, right)


def test_an_arrow_matrix_is_eliminated_without_fill():
    arrow = [(0, j) for j in range(6)] + [(j, 0) for j in range(6)]
    assert len(plan_lu(6, arrow).entries) == 6 + 10
