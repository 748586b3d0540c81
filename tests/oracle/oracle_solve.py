"""The plainest way to solve a System: SciPy, segment by segment, with the actions at each time in their order."""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import sympy
from numpy.typing import NDArray
from scipy.integrate import solve_ivp

from homing.mechanism import System
from homing.protocol.events import Op

#: (time in days, operation, full name of a state or a parameter, value)
Action = tuple[float, Op, str, float]

_ON_STATE = {
    Op.ADD: lambda old, value: old + value,
    Op.SET: lambda old, value: value,
    Op.MULTIPLY: lambda old, value: old * value,
    Op.RAISE_TO: max,
    Op.LOWER_TO: min,
}


@functools.lru_cache(maxsize=4)
def numeric_rates(system: System):
    """dy/dt as a function of two lists, states and parameters in the System's order."""
    states, parameters, rates = system.symbols()
    return sympy.lambdify([states, list(parameters.values())], rates, modules="numpy", cse=True)


def solve(
    system: System,
    parameters: Mapping[str, float],
    initial: Sequence[float],
    actions: Sequence[Action],
    days: Sequence[float],
    rtol: float = 1e-9,
) -> NDArray[np.float64]:
    """States at `days` (day, state), before the actions of that day. The run begins at the first day."""
    rates = numeric_rates(system)
    p = dict(parameters)
    y = np.asarray(initial, dtype=float)
    absolute = np.array([s.absolute for s in system.states.values()]) * 1e-3
    plan = sorted(actions, key=lambda a: a[0])
    found = np.full((len(days), len(y)), np.nan)
    found[0] = y
    edges = sorted({days[0], days[-1], *(a[0] for a in plan if days[0] <= a[0] < days[-1])})
    for begin, end in itertools.pairwise(edges):
        for _, op, target, value in (a for a in plan if a[0] == begin):
            if op is Op.SET_PARAMETER:
                p[target] = value
            else:
                i = system.state_index(target)
                y[i] = _ON_STATE[op](y[i], value)
        inside = [i for i, day in enumerate(days) if begin < day <= end]
        filled = [p[name] for name in system.parameters]
        result = solve_ivp(
            lambda t, y, filled=filled: rates(y, filled),
            (begin, end),
            y,
            method="BDF" if rtol > 1e-7 else "Radau",
            t_eval=sorted({*(days[i] for i in inside), end}),
            rtol=rtol,
            atol=absolute,
        )
        if not result.success:
            raise RuntimeError(result.message)
        found[inside] = result.y.T[: len(inside)]
        y = result.y[:, -1].copy()
    return found
