"""Derivatives of outputs with respect to parameters, by the same code generation.

Beside every state y the kernel integrates its derivative along one direction in parameter space, s' = J s + df/dp, with
the exact Jacobian of both together. A Rosenbrock method applied to that is the derivative of its own steps, so what
comes out is the derivative of the discrete solution, through events. Each parameter is one more patient.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.engine.run import CompiledSystem
from homing.engine.symbolic import Equations, trace
from homing.ground.errors import NumericsError, WiringError
from homing.ground.nearest import did_you_mean
from homing.mechanism import System
from homing.mechanism.model import Model
from homing.protocol.events import Events, Op

_DIRECTION, _TANGENT = "direction:", "d:"
#: Relative difference by which starting values that depend on parameters are differentiated.
_STEP = 1e-6


@dataclass(frozen=True)
class Sensitivities:
    """Outputs of one patient and their derivatives.

    Arrays: `times` (time); `values` (time, output); `slopes` (time, output, parameter), d output / d parameter;
    `at` (parameter) the values of the parameters.
    """

    times: NDArray[np.float64]
    outputs: tuple[str, ...]
    parameters: tuple[str, ...]
    at: NDArray[np.float64]
    values: NDArray[np.float64]
    slopes: NDArray[np.float64]

    @property
    def logarithmic(self) -> NDArray[np.float64]:
        """(time, output, parameter) d output / d log parameter: the change of the output for 1 = 100 % of each."""
        return self.slopes * self.at

    @property
    def elasticities(self) -> NDArray[np.float64]:
        """(time, output, parameter) per cent of output for one per cent of parameter; NaN where the output is 0."""
        with np.errstate(divide="ignore", invalid="ignore"):
            relative = self.logarithmic / self.values[:, :, None]
        return np.where(self.values[:, :, None] != 0, relative, np.nan)


class _TangentSystem(System):
    """The names of states and of their derivatives; the equations are in the kernel."""

    def __init__(self, system: System) -> None:
        self.states = {**system.states, **{_TANGENT + name: state for name, state in system.states.items()}}
        self.states = {
            name: type(state)(state.doc, state.unit, 0.0, -np.inf, absolute=state.absolute)
            for name, state in self.states.items()
        }
        self.parameters, self.signals = system.parameters, system.signals
        self.index = {name: i for i, name in enumerate(self.states)}
        self.modules, self.writers = (), {}
        self.clock, self.signed_powers = system.clock, system.signed_powers


def sensitivities(
    model: Model,
    outputs: Sequence[str],
    parameters: Sequence[str],
    times: ArrayLike,
    *,
    events: Events | None = None,
    changes: Mapping[str, float] | None = None,
    varying: Sequence[str] = (),
    infused: Sequence[str] = (),
    rtol: float = 1e-7,
    threads: int = 1,
) -> Sensitivities:
    """Differentiate outputs of one patient with respect to parameters.

    Arguments: `events` are of that one patient; parameters that they set must be in `varying` and states that get
    infusions in `infused`, in the order in which the events count them. `changes` are other values than the model's.
    Raises: WiringError for an unknown name or a model with triggers (whose times depend on the parameters);
    NumericsError when the model can't be integrated.

    Example:
        >>> # sensitivities(model, ["C"], ["CL"], [1.0, 2.0]).elasticities
    """
    if model.system.triggers:
        raise WiringError("sensitivities of models with state-triggered events are outside; their times move too.")
    for name in parameters:
        if name not in model.values:
            raise WiringError(f"the model has no parameter '{name}'. {did_you_mean(name, model.values)}")
    given = model.parameters(changes)
    base = events or Events.none(1)
    if base.patients != 1:
        raise NumericsError(f"sensitivities are of one patient; these are the events of {base.patients}.")
    names = tuple(dict.fromkeys([*varying, *parameters]))
    compiled = compile_tangent(model.system, outputs, names, infused)
    m, n = len(parameters), len(model.system.states)
    at = np.array([given[name] for name in parameters])
    scale = np.where(at != 0, at, 1.0)
    values = dict(given)
    for j, name in enumerate(parameters):
        values[_DIRECTION + name] = np.where(np.arange(m) == j, scale, 0.0)
    values |= {_DIRECTION + name: 0.0 for name in names if name not in parameters}
    start = np.tile(model.start(given), (m, 1))
    first = np.array([_start_slope(model, given, name) * scale[j] for j, name in enumerate(parameters)])
    result = compiled.run(
        np.hstack([start, first]),
        values,
        _tangent_events(base, m, n, [*names, *(f"input:{s}" for s in infused)], compiled, parameters),
        times,
        side="right",
        rtol=rtol,
        threads=threads,
    )
    if not result.complete.all():
        raise NumericsError("the model could not be integrated with its derivatives; lower rtol or look at its values.")
    k = len(outputs)
    slopes = np.moveaxis(result.values[:, :, k:], 0, 2) / scale
    return Sensitivities(result.times, tuple(outputs), tuple(parameters), at, result.values[0, :, :k], slopes)


def compile_tangent(
    system: System, outputs: Sequence[str], parameters: Sequence[str], infused: Sequence[str] = ()
) -> CompiledSystem:
    """The machine code of a system with the derivatives of its states along the varying parameters
    `direction:<parameter>`; outputs are followed by their derivatives."""
    from homing.engine.kernel import load_kernel

    plain = trace(system, tuple(outputs), tuple(parameters), tuple(infused))
    graph, n = plain.graph, len(plain.states)
    seeds = {graph.leaf("state", i): graph.leaf("state", n + i) for i in range(n)}
    more = tuple(_DIRECTION + name for name in parameters)
    positions = {name: len(plain.varying) + j for j, name in enumerate(more)}
    for i, name in enumerate(plain.varying[: len(parameters)]):
        seeds[graph.leaf("varying", i)] = graph.leaf("varying", positions[_DIRECTION + name])
    both = Equations(
        graph,
        (*plain.states, *(_TANGENT + name for name in plain.states)),
        plain.shared,
        (*plain.varying, *more),
        (*plain.outputs, *(_TANGENT + name for name in plain.outputs)),
        (*plain.rates, *graph.tangent(plain.rates, seeds)),
        (*plain.observed, *graph.tangent(plain.observed, seeds)),
        (*plain.tally, *plain.tally),
        clock=plain.clock,
    )
    plan, kernel = load_kernel(both)
    return CompiledSystem(_TangentSystem(system), both.outputs, both.varying, plan, kernel)


def _start_slope(model: Model, given: Mapping[str, float], name: str) -> NDArray[np.float64]:
    """d starting state / d parameter, (state,), by central differences: 0 wherever the start is a number."""
    step = _STEP * (abs(given[name]) or 1.0)
    high, low = (model.start({**given, name: given[name] + sign * step})[0] for sign in (1, -1))
    return (high - low) / (2 * step)


def _tangent_events(
    events: Events, copies: int, n: int, names: Sequence[str], compiled: CompiledSystem, parameters: Sequence[str]
) -> Events:
    """The events for every copy of the patient, each with what it does to the derivatives."""
    rows: list[tuple[float, int, int, float, int]] = []
    for time, op, target, source, value in zip(
        events.time.tolist(),
        events.op.tolist(),
        events.target.tolist(),
        events.source.tolist(),
        events.value.tolist(),
        strict=True,
    ):
        match Op(op):
            case Op.SET:
                rows.append((time, Op.SET, n + target, 0.0, -1))
            case Op.MULTIPLY:
                rows.append((time, Op.MULTIPLY, n + target, value, -1))
            case Op.RAISE_TO:
                rows.append((time, Op.CLEAR_IF_BELOW, n + target, value, target))
            case Op.LOWER_TO:
                rows.append((time, Op.CLEAR_IF_ABOVE, n + target, value, target))
            case Op.ADD_MULTIPLE_OF:
                rows.append((time, Op.ADD_MULTIPLE_OF, n + target, value, n + source))
            case Op.SET_PARAMETER if names[target] in parameters:
                rows.append((time, Op.SET_PARAMETER, compiled.target(_DIRECTION + names[target]), 0.0, -1))
        where = compiled.target(names[target]) if op in (Op.SET_PARAMETER, Op.ADD_TO_PARAMETER) else target
        rows.append((time, op, where, value, source))
    if not rows:
        return Events.none(copies)
    columns: list[Any] = [np.tile(np.array(column), copies) for column in zip(*rows, strict=True)]
    time, op, target, value, source = columns
    who = np.repeat(np.arange(copies), len(rows))
    return Events.from_rows(copies, who, time, op, target, value, source)
