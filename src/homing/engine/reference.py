"""A slow, obvious engine that defines truth in tests: SciPy, one patient at a time, a new start at every time that
matters. It shares no equation code with the fast engine: it calls `System.rates` on numbers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.engine.trajectories import Status, Trajectories
from homing.ground.errors import NumericsError
from homing.mechanism import System
from homing.protocol.events import Events, Op


def reference_run(
    system: System,
    initial: ArrayLike | None,
    parameters: Mapping[str, Any],
    events: Events,
    times: ArrayLike,
    *,
    outputs: Sequence[str],
    varying: Sequence[str] = (),
    infused: Sequence[str] = (),
    begin: float = 0.0,
    side: str = "left",
    rtol: float = 1e-10,
    method: str = "LSODA",
) -> Trajectories:
    """What `compile_system(system, outputs, varying, infused).run(...)` should give, to about `rtol`.

    Arguments: as there; absolute tolerances are a thousandth of `State.absolute`. `method` is one of
    `scipy.integrate.solve_ivp`.

    Raises: NumericsError where SciPy fails: a truth that is missing is no truth.
    """
    grid = np.asarray(times, dtype=np.float64)
    states = np.broadcast_to(
        np.asarray(system.initial() if initial is None else initial, dtype=np.float64),
        (events.patients, len(system.states)),
    )
    names = [*varying, *(f"input:{name}" for name in infused)]
    values = np.empty((events.patients, len(grid), len(outputs)))
    final = np.empty_like(states, dtype=np.float64)
    for i in range(events.patients):
        patient = _Patient(system, states[i], _own(parameters, names, i), names, infused, rtol, method)
        rows = slice(events.start[i], events.start[i + 1])
        seen = _follow(patient, events, rows, grid, begin, side)
        values[i] = [[_observe(system, name, y, p) for name in outputs] for y, p in seen]
        final[i] = seen[-1][0]
    count = np.zeros(events.patients, dtype=np.int64)
    status = np.full(events.patients, Status.SUCCESS, dtype=np.int8)
    return Trajectories(grid, tuple(outputs), values, status, count, count, final)


class _Patient:
    """States and parameters of one patient as they stand, and how they move."""

    def __init__(
        self,
        system: System,
        states: NDArray[np.float64],
        parameters: dict[str, float],
        names: Sequence[str],
        infused: Sequence[str],
        rtol: float,
        method: str,
    ) -> None:
        self.system, self.y, self.parameters, self.names = system, np.array(states), parameters, names
        self.inputs = [(system.index[name], f"input:{name}") for name in infused]
        self.settings = {
            "method": method,
            "rtol": rtol,
            "atol": np.array([s.absolute for s in system.states.values()]) * 1e-3,
        }

    def rates(self, _: float, y: NDArray[np.float64]) -> NDArray[np.float64]:
        """dy/dt with the inputs added."""
        out = np.array(self.system.rates(list(y), self.parameters), dtype=np.float64)
        for state, name in self.inputs:
            out[state] += self.parameters[name]
        return out

    def advance(self, start: float, end: float) -> None:
        """Integrate from one time to another."""
        from scipy.integrate import solve_ivp

        if end > start:
            solution = solve_ivp(self.rates, (start, end), self.y, t_eval=[end], **self.settings)
            if not solution.success:
                raise NumericsError(f"the reference engine failed between {start:g} and {end:g} d: {solution.message}")
            self.y = solution.y[:, -1].copy()

    def happen(self, op: int, target: int, source: int, value: float) -> None:
        """Apply one event."""
        y, name = self.y, self.names[target] if op in (Op.SET_PARAMETER, Op.ADD_TO_PARAMETER) else ""
        match op:
            case Op.ADD:
                y[target] = y[target] + value
            case Op.SET:
                y[target] = value
            case Op.MULTIPLY:
                y[target] = y[target] * value
            case Op.RAISE_TO:
                y[target] = max(y[target], value)
            case Op.LOWER_TO:
                y[target] = min(y[target], value)
            case Op.ADD_MULTIPLE_OF:
                y[target] = y[target] + value * y[source]
            case Op.CLEAR_IF_BELOW:
                y[target] = 0.0 if y[source] < value else y[target]
            case Op.CLEAR_IF_ABOVE:
                y[target] = 0.0 if y[source] > value else y[target]
            case Op.SET_PARAMETER:
                self.parameters[name] = value
            case Op.ADD_TO_PARAMETER:
                self.parameters[name] += value


Seen = tuple[NDArray[np.float64], dict[str, float]]


def _follow(
    patient: _Patient, events: Events, rows: slice, grid: NDArray[np.float64], begin: float, side: str
) -> list[Seen]:
    """States and parameters at each time of the grid, before or after the events there."""
    before: dict[float, Seen] = {}
    after: dict[float, Seen] = {}
    now = begin
    stops = {begin, *grid.tolist(), *(t for t in events.time[rows].tolist() if t <= grid[-1])}
    for stop in sorted(stops):
        patient.advance(now, stop)
        now = stop
        before[now] = (patient.y.copy(), dict(patient.parameters))
        for k in range(rows.start, rows.stop):
            if events.time[k] == now:
                patient.happen(int(events.op[k]), int(events.target[k]), int(events.source[k]), float(events.value[k]))
        after[now] = (patient.y.copy(), dict(patient.parameters))
    return [(before if side == "left" else after)[t] for t in grid.tolist()]


def _own(parameters: Mapping[str, Any], names: Sequence[str], patient: int) -> dict[str, float]:
    inputs = {name: 0.0 for name in names if name not in parameters}
    return inputs | {k: float(v if np.ndim(v) == 0 else v[patient]) for k, v in parameters.items()}


def _observe(system: System, name: str, y: NDArray[np.float64], parameters: Mapping[str, float]) -> float:
    return float(y[system.index[name]] if name in system.index else system.signal(name, list(y), parameters))
