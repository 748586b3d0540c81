"""The numbers of a run, checked: what is refused says what would be right."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.engine.symbolic import INPUT
from homing.ground.errors import NumericsError, WiringError
from homing.ground.nearest import did_you_mean
from homing.mechanism import System
from homing.protocol.events import Events, Op

if TYPE_CHECKING:
    from homing.engine.run import CompiledSystem

#: A state this many absolute tolerances below its lowest value is reported.
NEGATIVE_TOLERANCES = 10.0


@dataclass(frozen=True)
class Inputs:
    """Checked numbers of a run: (patient, state), (patient, varying), prepared values, tolerances."""

    initial: NDArray[np.float64]
    varying: NDArray[np.float64]
    shared: NDArray[np.float64]
    tolerance: NDArray[np.float64]


def checked_times(times: ArrayLike, begin: float) -> NDArray[np.float64]:
    """Output times as an array: at least one, finite, sorted, none before the start."""
    grid = np.array(times, dtype=np.float64, ndmin=1)
    if grid.ndim != 1 or not grid.size or not np.isfinite(grid).all() or not np.isfinite(begin):
        raise NumericsError("output times are a list of at least one finite number.")
    if (np.diff(grid) < 0).any():
        raise NumericsError("output times must be sorted.")
    if grid[0] < begin:
        raise NumericsError(f"the output time {grid[0]:g} d is before the start of the run at {begin:g} d.")
    return grid


def checked_initial(system: System, initial: ArrayLike | None, patients: int) -> NDArray[np.float64]:
    """Initial values of every patient, (patient, state)."""
    states = len(system.states)
    given = np.asarray(system.initial() if initial is None else initial, dtype=np.float64)
    if given.shape not in ((states,), (patients, states)):
        raise NumericsError(
            f"initial values have shape {given.shape}; it must be ({states},) or ({patients}, {states}): "
            f"the states in the order of the system, for all patients or for each."
        )
    return np.array(np.broadcast_to(given, (patients, states)), order="C")


def varying_values(compiled: CompiledSystem, parameters: Mapping[str, Any], patients: int) -> NDArray[np.float64]:
    """The varying parameters of every patient, (patient, varying); inputs are 0 unless given."""
    out = np.zeros((patients, len(compiled.varying)))
    for j, name in enumerate(compiled.varying):
        if name not in parameters and name.startswith(INPUT):
            continue
        values = np.asarray(_given(parameters, name), dtype=np.float64)
        if values.shape not in ((), (patients,)):
            raise WiringError(f"'{name}' has shape {values.shape}; give one number or one for each of {patients}.")
        out[:, j] = values
    unknown = [n for n in parameters if n.startswith(INPUT) and n not in compiled.varying]
    if unknown:
        raise WiringError(
            f"'{unknown[0]}' is no input of this model. {did_you_mean(unknown[0], compiled.varying)} "
            f"An input needs its state in compile_system(..., infused=...)."
        )
    return out


def shared_values(compiled: CompiledSystem, parameters: Mapping[str, Any]) -> NDArray[np.float64]:
    """What depends on shared parameters alone, evaluated once for the run."""
    from homing.engine.graph import evaluate

    equations = compiled.plan.equations
    values = []
    for name in equations.shared:
        value = np.asarray(_given(parameters, name), dtype=np.float64)
        if value.shape != ():
            raise WiringError(
                f"'{name}' is given per patient but was compiled as shared. Add it to compile_system(..., varying=...)."
            )
        if not np.isfinite(value):
            raise NumericsError(f"the parameter '{name}' is {value}; it must be a finite number.")
        values.append(float(value))
    prepared = evaluate(equations.graph, compiled.plan.prepared, lambda kind, position: values[position])
    return np.array([*prepared, 0.0])


def _given(parameters: Mapping[str, Any], name: str) -> Any:
    if name not in parameters:
        raise WiringError(f"the parameter '{name}' has no value. {did_you_mean(name, parameters)}")
    return parameters[name]


def tolerances(system: System, rtol: float) -> NDArray[np.float64]:
    """rtol, the absolute tolerances, and the lowest values that pass without a report; see kernel_code."""
    if not 1e-13 <= rtol <= 0.1:
        raise NumericsError(f"rtol is between 1e-13 and 0.1, not {rtol:g}.")
    absolute = np.array([s.absolute for s in system.states.values()])
    if (absolute <= 0).any():
        bad = [name for name, s in system.states.items() if s.absolute <= 0]
        raise NumericsError(f"the absolute tolerance of '{bad[0]}' must be above zero.")
    low = np.array([s.low for s in system.states.values()])
    return np.array([rtol, *absolute, *(low - NEGATIVE_TOLERANCES * absolute)])


def check_events(compiled: CompiledSystem, events: Events, begin: NDArray[np.float64]) -> None:
    """Refuse events before the start or on what is not there."""
    if not len(events.time):
        return
    owner = np.repeat(np.arange(events.patients), np.diff(events.start))
    early = np.flatnonzero(events.time < begin[owner])
    if early.size:
        row = early[0]
        raise NumericsError(
            f"patient {owner[row]} has an event at {events.time[row]:g} d, before the start of the run at "
            f"{begin[owner[row]]:g} d. Leave out what has happened already, or begin earlier."
        )
    on_parameter = np.isin(events.op, (Op.SET_PARAMETER, Op.ADD_TO_PARAMETER))
    states, varying = len(compiled.system.states), len(compiled.varying)
    bound = np.where(on_parameter, varying, states)
    if ((events.target < 0) | (events.target >= bound)).any() or not np.isin(events.op, [int(o) for o in Op]).all():
        raise NumericsError(f"an event has no such target: there are {states} states and {varying} varying parameters.")
    copies = np.isin(events.op, (Op.ADD_MULTIPLE_OF, Op.CLEAR_IF_BELOW, Op.CLEAR_IF_ABOVE))
    if ((events.source < 0) | (events.source >= states))[copies].any():
        raise NumericsError(f"this event needs a source state between 0 and {states - 1}.")


def trigger_table(system: System) -> dict[str, NDArray]:
    """The triggers of a system as the columns that the loop takes."""
    sizes = [len(t.assignments) for t in system.triggers]
    targets = [system.state_index(name) for t in system.triggers for name in t.assignments]

    def flags(name: str) -> NDArray[np.int64]:
        return np.array([getattr(t, name) for t in system.triggers], dtype=np.int64)

    return {
        "trigger_first": np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        "trigger_target": np.array(targets, dtype=np.int64),
        "trigger_initial": flags("initially"),
        "trigger_persistent": flags("persistent"),
        "trigger_early": flags("early"),
    }
