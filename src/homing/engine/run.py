"""Compile a System once, run any number of patients through it."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.engine.inputs import (
    Inputs,
    check_events,
    checked_initial,
    checked_times,
    shared_values,
    tolerances,
    trigger_table,
    varying_values,
)
from homing.engine.readouts import Readouts, Side, checked_sides
from homing.engine.trajectories import Trajectories
from homing.ground.errors import NumericsError, WiringError
from homing.ground.nearest import did_you_mean
from homing.mechanism import System
from homing.protocol.events import Events

if TYPE_CHECKING:
    from homing.engine.kernel import Kernel
    from homing.engine.kernel_plan import KernelPlan

_LARGEST_CHUNK, _SMALLEST_CHUNK = 1024, 32


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
    return _compiled(system, tuple(outputs), tuple(varying), tuple(infused))


@functools.lru_cache(maxsize=64)
def _compiled(
    system: System, outputs: tuple[str, ...], varying: tuple[str, ...], infused: tuple[str, ...]
) -> CompiledSystem:
    from homing.engine.kernel import load_system

    plan, kernel = load_system(system, outputs, varying, infused)
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
        side: Side | Sequence[Side] = "left",
        final: bool = False,
        rtol: float = 1e-5,
        threads: int = 1,
        max_steps: int = 100_000,
        chunk: int | None = None,
        reuse: Trajectories | None = None,
    ) -> Trajectories:
        """Integrate every patient from `begin` to the last of `times`.

        A patient whose integration fails is a row with its status and NaN from the failure on. Results don't depend
        on `threads`, `chunk`, the order of patients or the other output times.

        Arguments:
            initial: (state,) or (patient, state); None for the declared initial values.
            parameters: full name -> number, or (patient,) array for a varying one. Every parameter of the system.
            events: one patient each; those at `begin` and at the last time are applied once, later ones are not.
            times: (time,) in days, sorted, none before `begin`. A time may stand twice, for both sides of an event.
            side: the value at the time of an event is the one before it ("left") or after it ("right"); one for all
                times or one for each.
            final: also return the states at the last time, to go on from (on the side of the last time).
            rtol: relative tolerance; the absolute one is `State.absolute`.
            max_steps: most steps a patient may take, rejected ones included.
            chunk: patients a thread takes at a time (chosen when None).
            reuse: an earlier result of the same size whose memory is written over, where new memory would take time.

        Raises: WiringError for a parameter without value or an array where it can't be; NumericsError for inputs of
        the wrong shape, not finite or out of order.
        """
        grid = checked_times(times, begin)
        readouts = Readouts.shared(events.patients, grid, checked_sides(side, grid))
        work = _Work(self, initial, parameters, events, readouts, begin, rtol, final, max_steps)
        if reuse is not None and reuse.values.shape == (events.patients, len(grid), len(self.outputs)):
            work.results["values"] = reuse.values.reshape(work.results["values"].shape)
        results = work.do(threads, chunk)
        return Trajectories(
            times=grid,
            outputs=self.outputs,
            values=results["values"].reshape(events.patients, len(grid), len(self.outputs)),
            status=results["status"],
            steps=results["steps"],
            rejected=results["rejected"],
            final=results["final"] if final else None,
            triggers=tuple(t.name for t in self.system.triggers),
            fired_at=results["fired_at"],
            fired=results["fired"],
        )

    def read(
        self,
        initial: ArrayLike | None,
        parameters: Mapping[str, Any],
        events: Events,
        readouts: Readouts,
        *,
        begin: ArrayLike = 0.0,
        rtol: float = 1e-5,
        threads: int = 1,
        max_steps: int = 100_000,
        chunk: int | None = None,
    ) -> tuple[NDArray[np.float64], NDArray[np.int8]]:
        """Like `run`, with times of its own for every patient, read between events where that is asked for.

        `begin` is one time for all or one for each patient.
        Returns (readout, output) values, in the order of `readouts`, and the (patient,) status.
        """
        work = _Work(self, initial, parameters, events, readouts, begin, rtol, False, max_steps)
        results = work.do(threads, chunk)
        return results["values"], results["status"]


class _Work:
    """A run with its inputs checked, ready to be cut into chunks."""

    def __init__(
        self,
        compiled: CompiledSystem,
        initial: ArrayLike | None,
        parameters: Mapping[str, Any],
        events: Events,
        readouts: Readouts,
        begin: ArrayLike,
        rtol: float,
        final: bool,
        max_steps: int,
    ) -> None:
        if max_steps < 1:
            raise NumericsError("max_steps is at least 1.")
        patients = events.patients
        self.compiled, self.events, self.readouts = compiled, events, readouts
        self.inputs = Inputs(
            initial=checked_initial(compiled.system, initial, patients),
            varying=varying_values(compiled, parameters, patients),
            shared=shared_values(compiled, parameters),
            tolerance=tolerances(compiled.system, rtol),
        )
        self.begin = np.array(np.broadcast_to(np.asarray(begin, dtype=np.float64), patients))
        check_events(compiled, events, self.begin)
        self.triggers = trigger_table(compiled.system)
        clock = compiled.system.clock
        self.settings = {
            "clock_state": compiled.system.index[clock] if clock else -1,
            "right": bool(readouts.side.size and readouts.side[-1] == 1),
            "max_steps": int(max_steps),
            "keep_final": final,
        }
        states = len(compiled.system.states) if final else 0
        triggers = len(compiled.system.triggers)
        self.results = _empty_results(patients, readouts.rows, len(compiled.outputs), states, triggers)

    def do(self, threads: int, chunk: int | None) -> Mapping[str, NDArray]:
        """Run chunks of patients, each into its own rows of the results."""
        if threads < 1 or (chunk is not None and chunk < 1):
            raise NumericsError("threads and chunk are at least 1.")
        patients = self.events.patients
        jobs = list(_slices(patients, threads, chunk))
        if threads == 1 or len(jobs) < 2:
            for rows in jobs:
                self._do_chunk(rows)
        else:
            with ThreadPoolExecutor(threads) as pool:
                list(pool.map(self._do_chunk, jobs))
        return self.results

    def _do_chunk(self, rows: slice) -> None:
        from homing.engine import driver, lanes

        plan, inputs, part = self.compiled.plan, self.inputs, self.events.take(rows.start, rows.stop)
        job = lanes.Chunk(
            initial=inputs.initial[rows],
            varying=inputs.varying[rows],
            event_start=_plain(part.start, np.int64),
            event_time=_plain(part.time, np.float64),
            event_op=_plain(part.op, np.int32),
            event_target=_plain(part.target, np.int32),
            event_source=_plain(part.source, np.int32),
            event_value=_plain(part.value, np.float64),
            **self.readouts.columns(rows, part.start),
            **self.triggers,
            **self.settings,
            first_patient=rows.start,
            begin=self.begin[rows],
        )
        out = lanes.Results(
            **{name: array if name == "values" else array[rows] for name, array in self.results.items()}
        )
        scalars = {"shared": inputs.shared, "tolerance": inputs.tolerance}
        most = max((len(t.assignments) for t in self.compiled.system.triggers), default=0)
        triggers = len(self.compiled.system.triggers)
        desk = lanes.make_desk(self.compiled.kernel.addresses, plan.slots, scalars, triggers, most)
        driver.integrate(desk.table.ctypes.data, job, desk.vectors, desk.lanes, desk.pending, out)


def _plain(array: NDArray[Any], kind: type) -> NDArray[Any]:
    """An array of exactly the kind that the loop was compiled for; others would have it compiled again."""
    return np.require(array, kind, ["C", "W"])


def _slices(patients: int, threads: int, chunk: int | None) -> Iterator[slice]:
    """Chunks: of the size asked for, or large ones first and smaller ones later, so that threads end together."""
    first = 0
    while first < patients:
        share = (patients - first) // (2 * threads) if threads > 1 else patients
        size = chunk or min(_LARGEST_CHUNK, max(_SMALLEST_CHUNK, share))
        yield slice(first, min(first + size, patients))
        first += size


def _empty_results(patients: int, rows: int, outputs: int, finals: int, triggers: int) -> dict[str, NDArray]:
    return {
        "values": np.empty((rows, outputs)),
        "final": np.empty((patients, finals)),
        "status": np.zeros(patients, dtype=np.int8),
        "steps": np.zeros(patients, dtype=np.int64),
        "rejected": np.zeros(patients, dtype=np.int64),
        "fired_at": np.full((patients, triggers), np.nan),
        "fired": np.zeros((patients, triggers), dtype=np.int64),
    }
