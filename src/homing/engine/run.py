"""Compile a System once, run any number of patients through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.engine.symbolic import INPUT, trace
from homing.engine.trajectories import Trajectories
from homing.ground.errors import NumericsError, WiringError
from homing.ground.nearest import did_you_mean
from homing.mechanism import System
from homing.protocol.events import Events, Op

if TYPE_CHECKING:
    from homing.engine.kernel import Kernel
    from homing.engine.kernel_code import KernelPlan

#: A state this many absolute tolerances below its lowest value is reported.
NEGATIVE_TOLERANCES = 10.0
_LARGEST_CHUNK, _SMALLEST_CHUNK = 1024, 64

Side = Literal["left", "right"]


def compile_system(
    system: System,
    outputs: Sequence[str],
    varying: Sequence[str] = (),
    infused: Sequence[str] = (),
) -> CompiledSystem:
    """Make the machine code of a System, or take it from the cache.

    Arguments:
        outputs: states (full names) and signals to write out.
        varying: parameters (full names) that differ between patients or that events change. All others are numbers
            shared by a run; neither kind is compiled in.
        infused: states that get an additive rate of input, the varying parameter `input:<state>` (0 unless given).

    Raises: WiringError for an unknown name, one given twice, or an equation that the engine can't take.
    """
    from homing.engine.kernel import load_kernel

    plan, kernel = load_kernel(trace(system, tuple(outputs), tuple(varying), tuple(infused)))
    return CompiledSystem(system, plan.equations.outputs, plan.equations.varying, plan, kernel)


@dataclass(frozen=True)
class CompiledSystem:
    """A System as machine code. Made by `compile_system`.

    `varying` are the parameters that may differ between patients, inputs included; events name them by position.
    """

    system: System
    outputs: tuple[str, ...]
    varying: tuple[str, ...]
    plan: KernelPlan = field(repr=False)
    kernel: Kernel = field(repr=False)

    def target(self, name: str) -> int:
        """The position of a varying parameter, as events name it. Raises WiringError with the nearest name."""
        if name not in self.varying:
            raise WiringError(f"'{name}' is not a varying parameter. {did_you_mean(name, self.varying)}")
        return self.varying.index(name)

    def run(
        self,
        initial: ArrayLike | None,
        parameters: Mapping[str, Any],
        events: Events,
        times: ArrayLike,
        *,
        begin: float = 0.0,
        side: Side = "left",
        final: bool = False,
        rtol: float = 1e-5,
        threads: int = 1,
        max_steps: int = 100_000,
        chunk: int | None = None,
    ) -> Trajectories:
        """Integrate every patient from `begin` to the last of `times`.

        A patient whose integration fails is a row with its status and NaN from the failure on. Results don't depend
        on `threads`, `chunk`, the order of patients or the other output times.

        Arguments:
            initial: (state,) or (patient, state); None for the declared initial values.
            parameters: full name -> number, or (patient,) array for a varying one. Every parameter of the system.
            events: one patient each; those at `begin` and at the last time are applied once, later ones are not.
            times: (time,) in days, sorted, none before `begin`.
            side: the value at the time of an event is the one before it ("left") or after it ("right").
            final: also return the states at the last time, to go on from.
            rtol: relative tolerance; the absolute one is `State.absolute`.
            max_steps: most steps a patient may take, rejected ones included.
            chunk: patients a thread takes at a time (chosen when None).

        Raises: WiringError for a parameter without value or an array where it can't be; NumericsError for inputs of
        the wrong shape, not finite or out of order.
        """
        grid = _checked_times(times, begin)
        patients = events.patients
        inputs = _Inputs(
            initial=_checked_initial(self.system, initial, patients),
            varying=_varying_values(self, parameters, patients),
            shared=_shared_values(self, parameters),
            tolerance=_tolerances(self.system, rtol),
        )
        _check_events(self, events, begin)
        if side not in ("left", "right"):
            raise NumericsError(f"side is 'left' or 'right', not '{side}'.")
        if threads < 1 or max_steps < 1 or (chunk is not None and chunk < 1):
            raise NumericsError("threads, max_steps and chunk are at least 1.")
        settings = {"begin": float(begin), "right": side == "right", "max_steps": int(max_steps), "keep_final": final}
        results = _empty_results(patients, len(grid), len(self.outputs), len(self.system.states) if final else 0)
        _integrate(self, inputs, events, grid, settings, results, threads, chunk or _chunk(patients, threads))
        return Trajectories(
            times=grid,
            outputs=self.outputs,
            values=results["values"],
            status=results["status"],
            steps=results["steps"],
            rejected=results["rejected"],
            final=results["final"] if final else None,
        )


@dataclass(frozen=True)
class _Inputs:
    """Checked numbers of a run: (patient, state), (patient, varying), prepared values, tolerances."""

    initial: NDArray[np.float64]
    varying: NDArray[np.float64]
    shared: NDArray[np.float64]
    tolerance: NDArray[np.float64]


def _integrate(
    compiled: CompiledSystem,
    inputs: _Inputs,
    events: Events,
    times: NDArray[np.float64],
    settings: Mapping[str, Any],
    results: Mapping[str, NDArray],
    threads: int,
    chunk: int,
) -> None:
    """Run chunks of patients, each into its own rows of the results."""
    from homing.engine import driver, lanes

    plan, functions = compiled.plan, compiled.kernel.addresses
    scalars = {"shared": inputs.shared, "tolerance": inputs.tolerance}

    def work(rows: slice) -> None:
        part = events.take(rows.start, rows.stop)
        job = lanes.Chunk(
            initial=inputs.initial[rows],
            varying=inputs.varying[rows],
            event_start=_plain(part.start, np.int64),
            event_time=_plain(part.time, np.float64),
            event_op=_plain(part.op, np.int32),
            event_target=_plain(part.target, np.int32),
            event_source=_plain(part.source, np.int32),
            event_value=_plain(part.value, np.float64),
            times=times,
            **settings,
        )
        out = lanes.Results(**{name: array[rows] for name, array in results.items()})
        desk = lanes.make_desk(functions, plan.slots, scalars)
        driver.integrate(desk.table.ctypes.data, job, desk.vectors, desk.lanes, out)

    jobs = list(_slices(events.patients, chunk))
    if threads == 1 or len(jobs) < 2:
        for rows in jobs:
            work(rows)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, jobs))


def _plain(array: NDArray[Any], kind: type) -> NDArray[Any]:
    """An array of exactly the kind that the loop was compiled for; others would have it compiled again."""
    return np.require(array, kind, ["C", "W"])


def _slices(patients: int, chunk: int) -> Iterator[slice]:
    for first in range(0, patients, chunk):
        yield slice(first, min(first + chunk, patients))


def _chunk(patients: int, threads: int) -> int:
    """About four chunks a thread, so that threads end together; large enough that lanes rarely idle at its end."""
    return int(np.clip(-(-patients // (4 * threads)), _SMALLEST_CHUNK, _LARGEST_CHUNK))


def _empty_results(patients: int, times: int, outputs: int, finals: int) -> dict[str, NDArray]:
    return {
        "values": np.empty((patients, times, outputs)),
        "final": np.empty((patients, finals)),
        "status": np.zeros(patients, dtype=np.int8),
        "steps": np.zeros(patients, dtype=np.int64),
        "rejected": np.zeros(patients, dtype=np.int64),
    }


def _checked_times(times: ArrayLike, begin: float) -> NDArray[np.float64]:
    grid = np.array(times, dtype=np.float64, ndmin=1)
    if grid.ndim != 1 or not grid.size or not np.isfinite(grid).all() or not np.isfinite(begin):
        raise NumericsError("output times are a list of at least one finite number.")
    if (np.diff(grid) < 0).any():
        raise NumericsError("output times must be sorted.")
    if grid[0] < begin:
        raise NumericsError(f"the output time {grid[0]:g} d is before the start of the run at {begin:g} d.")
    return grid


def _checked_initial(system: System, initial: ArrayLike | None, patients: int) -> NDArray[np.float64]:
    states = len(system.states)
    given = np.asarray(system.initial() if initial is None else initial, dtype=np.float64)
    if given.shape not in ((states,), (patients, states)):
        raise NumericsError(
            f"initial values have shape {given.shape}; it must be ({states},) or ({patients}, {states}): "
            f"the states in the order of the system, for all patients or for each."
        )
    return np.array(np.broadcast_to(given, (patients, states)), order="C")


def _varying_values(compiled: CompiledSystem, parameters: Mapping[str, Any], patients: int) -> NDArray[np.float64]:
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


def _shared_values(compiled: CompiledSystem, parameters: Mapping[str, Any]) -> NDArray[np.float64]:
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


def _tolerances(system: System, rtol: float) -> NDArray[np.float64]:
    """rtol, the absolute tolerances, and the lowest values that pass without a report; see kernel_code."""
    if not 1e-13 <= rtol <= 0.1:
        raise NumericsError(f"rtol is between 1e-13 and 0.1, not {rtol:g}.")
    absolute = np.array([s.absolute for s in system.states.values()])
    if (absolute <= 0).any():
        bad = [name for name, s in system.states.items() if s.absolute <= 0]
        raise NumericsError(f"the absolute tolerance of '{bad[0]}' must be above zero.")
    low = np.array([s.low for s in system.states.values()])
    return np.array([rtol, *absolute, *(low - NEGATIVE_TOLERANCES * absolute)])


def _check_events(compiled: CompiledSystem, events: Events, begin: float) -> None:
    if not len(events.time):
        return
    if events.time.min() < begin:
        row = int(events.time.argmin())
        patient = int(np.searchsorted(events.start, row, side="right")) - 1
        raise NumericsError(
            f"patient {patient} has an event at {events.time[row]:g} d, before the start of the run at {begin:g} d. "
            f"Leave out what has happened already, or begin earlier."
        )
    on_parameter = np.isin(events.op, (Op.SET_PARAMETER, Op.ADD_TO_PARAMETER))
    states, varying = len(compiled.system.states), len(compiled.varying)
    bound = np.where(on_parameter, varying, states)
    if ((events.target < 0) | (events.target >= bound)).any() or not np.isin(events.op, [int(o) for o in Op]).all():
        raise NumericsError(f"an event has no such target: there are {states} states and {varying} varying parameters.")
    copies = events.op == Op.ADD_MULTIPLE_OF
    if ((events.source < 0) | (events.source >= states))[copies].any():
        raise NumericsError(f"ADD_MULTIPLE_OF needs a source state between 0 and {states - 1}.")
