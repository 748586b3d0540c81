"""The loop round a kernel: lanes that hold one patient each, with their own clock, step size and events.

A lane whose patient is done takes the next one at once, so no lane waits for another. The loop is compiled by Numba
once for all models (its kernel comes as addresses) and releases the interpreter lock. One turn of the loop:

    load patients into free lanes -> outputs inside the step just made -> land: events at the end of a segment
    -> outputs right after events -> patients that are done leave -> first step sizes -> one step of all lanes

A segment lasts from one event of the patient to the next. Steps end at its end and nowhere else: output times and the
end of the run are met by dense output, so that they do not change the steps.
"""

from __future__ import annotations

from collections import namedtuple
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic
from numpy.typing import NDArray

from homing.engine.kernel_code import FUNCTIONS, POINTERS, SAFETY
from homing.engine.rodas import ERROR_ORDER
from homing.engine.trajectories import Status
from homing.engine.vector_ir import LANES
from homing.protocol.events import Op

SUCCESS, NEGATIVE = int(Status.SUCCESS), int(Status.NEGATIVE_STATE)
TOO_MANY, TOO_SMALL, NOT_FINITE = int(Status.TOO_MANY_STEPS), int(Status.STEP_TOO_SMALL), int(Status.NOT_FINITE)
OP_ADD, OP_SET, OP_MULTIPLY = int(Op.ADD), int(Op.SET), int(Op.MULTIPLY)
OP_RAISE, OP_LOWER, OP_ADD_MULTIPLE = int(Op.RAISE_TO), int(Op.LOWER_TO), int(Op.ADD_MULTIPLE_OF)
OP_SET_PARAMETER, OP_ADD_TO_PARAMETER = int(Op.SET_PARAMETER), int(Op.ADD_TO_PARAMETER)
STEP, BEND, OBSERVE, INTERPOLATE, ACCEPT, SETTLE, START = range(len(FUNCTIONS))
FREE = -1
NEVER = np.inf

# Step-size control (E. Hairer and G. Wanner, Solving Ordinary Differential Equations II, section IV.8).
SHRINK_MOST, GROW_MOST = 0.2, 6.0
#: Smallest step as a fraction of the time already on the clock: a few units in the last place.
SMALLEST_STEP = 1e-14

#: What a chunk of patients is given. Arrays by patient, those of events by event.
Chunk = namedtuple(
    "Chunk",
    "initial varying event_start event_time event_op event_target event_source event_value times begin right "
    "max_steps keep_final",
)
#: What a chunk gives back.
Results = namedtuple("Results", "values final status steps rejected")
#: Vectors that driver and kernel share, (slot, lane). `step` holds step sizes, `x` fractions of steps.
Vectors = namedtuple("Vectors", "y varying step new error margin x seen between slopes")
#: The clock of a lane. `left` and `time` bound the step just made; `fresh` marks that it waits to be taken up.
LANE = np.dtype(
    [(name, np.float64) for name in ("left", "time", "wanted", "segment_end")]
    + [(name, np.int64) for name in ("patient", "event", "output", "tries", "state")]
    + [(name, np.int64) for name in ("fresh", "landed", "restart", "unsettled", "was_rejected")]
)


@intrinsic
def call(typing_context: Any, table: Any, function: Any) -> Any:
    """Call a kernel function. `table`: the address of the pointers in the order of kernel_code.TABLE; `function`: the
    number of one of them."""
    from llvmlite import ir

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        pointers = builder.inttoptr(arguments[0], pointer.as_pointer())
        code = builder.load(builder.gep(pointers, [arguments[1]]))
        kind = ir.FunctionType(ir.VoidType(), [pointer.as_pointer()])
        builder.call(builder.bitcast(code, kind.as_pointer()), [pointers])
        return context.get_dummy_value()

    return types.void(types.uintp, types.intp), generate


@dataclass(frozen=True)
class Desk:
    """What one thread works on: vectors, lanes, and `table`, the pointers the kernel takes. It holds its memory."""

    vectors: Vectors
    lanes: NDArray[np.void]
    table: NDArray[np.uintp]
    memory: Mapping[str, NDArray[np.float64]]


def make_desk(functions: Sequence[int], slots: Mapping[str, int], scalars: Mapping[str, NDArray[np.float64]]) -> Desk:
    """Lay out memory, every vector on its own 64-byte boundary.

    Arguments: `functions` addresses in the order of FUNCTIONS; `slots` vectors by name; `scalars` `shared` and
    `tolerance`.
    """
    memory = {name: _aligned(max(1, n)) for name, n in slots.items()} | dict(scalars)
    memory["step"][:] = 1.0  # lanes that stay free compute too
    lanes = np.zeros(LANES, dtype=LANE)
    lanes["patient"] = FREE
    pointers = [*functions, *(memory[name].ctypes.data for name in POINTERS)]
    vectors = Vectors(**{name: memory[name] for name in Vectors._fields})
    return Desk(vectors, lanes, np.array(pointers, dtype=np.uintp), memory)


def _aligned(slots: int) -> NDArray[np.float64]:
    room = np.zeros((slots + 1) * LANES)
    first = -(room.ctypes.data // 8) % LANES
    return room[first : first + slots * LANES].reshape(slots, LANES)


@njit(nogil=True, cache=True, _nrt=False)
def load_patient(lane: int, patient: int, chunk: Any, v: Any, lanes: Any) -> None:
    """Put a patient into a lane, landed at the start of the run."""
    finite = True
    for i in range(chunk.initial.shape[1]):
        v.y[i, lane] = v.new[i, lane] = chunk.initial[patient, i]
        finite = finite and np.isfinite(chunk.initial[patient, i])
    for j in range(chunk.varying.shape[1]):
        v.varying[j, lane] = chunk.varying[patient, j]
        finite = finite and np.isfinite(chunk.varying[patient, j])
    lanes[lane].patient = patient
    lanes[lane].left = chunk.begin
    lanes[lane].time = chunk.begin
    lanes[lane].event = chunk.event_start[patient]
    lanes[lane].output = 0
    lanes[lane].fresh, lanes[lane].landed, lanes[lane].unsettled = 1, 1, 1
    lanes[lane].was_rejected, lanes[lane].tries = 0, 0
    lanes[lane].state = SUCCESS if finite else NOT_FINITE


@njit(nogil=True, cache=True, _nrt=False)
def emit_outputs(table: int, chunk: Any, v: Any, lanes: Any, results: Any) -> None:
    """Write the outputs that fall into the steps just made. At an event this is before it if the caller wants the
    left side; the right side is written by a second call, after the events."""
    count = len(chunk.times)
    bent = False
    while True:
        waiting = False
        for lane in range(LANES):
            v.x[0, lane] = 0.0
            if lanes[lane].fresh == 0 or lanes[lane].output >= count or lanes[lane].state > NEGATIVE:
                continue
            at, end = chunk.times[lanes[lane].output], lanes[lane].time
            if at < end or (at == end and not (chunk.right and lanes[lane].landed == 1)):
                waiting = True
                if end > lanes[lane].left:
                    v.x[0, lane] = (at - lanes[lane].left) / (end - lanes[lane].left)
        if not waiting:
            return
        if not bent:
            call(table, BEND)
            bent = True
        call(table, OBSERVE)
        for lane in range(LANES):
            if lanes[lane].fresh == 0 or lanes[lane].output >= count or lanes[lane].state > NEGATIVE:
                continue
            at, end = chunk.times[lanes[lane].output], lanes[lane].time
            if at < end or (at == end and not (chunk.right and lanes[lane].landed == 1)):
                for k in range(results.values.shape[2]):
                    results.values[lanes[lane].patient, lanes[lane].output, k] = v.seen[k, lane]
                lanes[lane].output += 1


@njit(nogil=True, cache=True, _nrt=False)
def apply_event(lane: int, event: int, chunk: Any, v: Any, lanes: Any) -> None:
    """One operation on a state or a parameter of the lane's patient."""
    op, target, value = chunk.event_op[event], chunk.event_target[event], chunk.event_value[event]
    if op == OP_ADD:
        v.y[target, lane] += value
    elif op == OP_SET:
        v.y[target, lane] = value
    elif op == OP_MULTIPLY:
        v.y[target, lane] *= value
    elif op == OP_RAISE:
        v.y[target, lane] = max(v.y[target, lane], value)
    elif op == OP_LOWER:
        v.y[target, lane] = min(v.y[target, lane], value)
    elif op == OP_ADD_MULTIPLE:
        v.y[target, lane] += value * v.y[chunk.event_source[event], lane]
    elif op == OP_SET_PARAMETER:
        v.varying[target, lane] = value
        lanes[lane].unsettled = 1
    elif op == OP_ADD_TO_PARAMETER:
        v.varying[target, lane] += value
        lanes[lane].unsettled = 1


@njit(nogil=True, cache=True, _nrt=False)
def take_up_steps(table: int, chunk: Any, v: Any, lanes: Any, results: Any) -> bool:
    """Move on to the end of the steps just made; apply the events there. Returns whether any lane landed."""
    landed = False
    end_of_run = chunk.times[-1]
    for lane in range(LANES):
        v.x[0, lane] = 1.0 if lanes[lane].fresh == 1 and lanes[lane].time <= end_of_run else 0.0
    call(table, ACCEPT)
    for lane in range(LANES):
        if v.x[0, lane] == 0.0 or lanes[lane].landed == 0:
            continue
        landed = True
        at_end = chunk.keep_final and lanes[lane].time == end_of_run
        if at_end and not chunk.right:
            copy_lane(v.y, lane, results.final, lanes[lane].patient)
        last = chunk.event_start[lanes[lane].patient + 1]
        while lanes[lane].event < last and chunk.event_time[lanes[lane].event] <= lanes[lane].time:
            apply_event(lane, lanes[lane].event, chunk, v, lanes)
            lanes[lane].event += 1
        if at_end and chunk.right:
            copy_lane(v.y, lane, results.final, lanes[lane].patient)
        lanes[lane].segment_end = chunk.event_time[lanes[lane].event] if lanes[lane].event < last else NEVER
        lanes[lane].left = lanes[lane].time
        lanes[lane].restart, lanes[lane].landed = 1, 0
    return landed


@njit(nogil=True, cache=True, _nrt=False)
def copy_lane(vectors: Any, lane: int, rows: Any, row: int) -> None:
    """One lane of vectors into a row."""
    for i in range(rows.shape[1]):
        rows[row, i] = vectors[i, lane]


@njit(nogil=True, cache=True, _nrt=False)
def blank(patient: int, output: int, results: Any) -> None:
    """NaN for what a patient has not reached."""
    for i in range(output, results.values.shape[1]):
        for k in range(results.values.shape[2]):
            results.values[patient, i, k] = np.nan
    for i in range(results.final.shape[1]):
        results.final[patient, i] = np.nan


@njit(nogil=True, cache=True, _nrt=False)
def keep_final(table: int, chunk: Any, v: Any, lanes: Any, results: Any) -> None:
    """The states at the end of the run, for lanes that have stepped over it."""
    over = False
    end_of_run = chunk.times[-1]
    for lane in range(LANES):
        v.x[0, lane] = 0.0
        if lanes[lane].fresh == 1 and lanes[lane].time >= end_of_run and lanes[lane].time > lanes[lane].left:
            over = True
            v.x[0, lane] = (end_of_run - lanes[lane].left) / (lanes[lane].time - lanes[lane].left)
    if not over:
        return
    call(table, INTERPOLATE)
    for lane in range(LANES):
        if lanes[lane].fresh == 1 and lanes[lane].time >= end_of_run and lanes[lane].time > lanes[lane].left:
            copy_lane(v.between, lane, results.final, lanes[lane].patient)


@njit(nogil=True, cache=True, _nrt=False)
def release(chunk: Any, lanes: Any, results: Any) -> bool:
    """Free the lanes whose patient is done or has failed. Returns whether any is free now."""
    freed = False
    for lane in range(LANES):
        patient = lanes[lane].patient
        if patient == FREE:
            continue
        failed = lanes[lane].state > NEGATIVE
        if failed or (lanes[lane].fresh == 1 and lanes[lane].time >= chunk.times[-1]):
            if failed:
                blank(patient, lanes[lane].output, results)
            results.status[patient] = lanes[lane].state
            lanes[lane].patient = FREE
            freed = True
        lanes[lane].fresh = 0
    return freed


@njit(nogil=True, cache=True, _nrt=False)
def first_steps(table: int, v: Any, lanes: Any) -> None:
    """Step sizes after a start or an event.

    Source: E. Hairer, S. P. Norsett and G. Wanner, Solving Ordinary Differential Equations I, section II.4, "starting
    step size": the step for which an Euler step would be a hundredth of the states, and no longer than the one for
    which the largest of slope and curvature, in units of the tolerance, gives a local error of a hundredth.
    """
    wanted = False
    for lane in range(LANES):
        wanted = wanted or (lanes[lane].restart == 1 and lanes[lane].patient != FREE)
    if not wanted:
        return
    call(table, START)
    for lane in range(LANES):
        if lanes[lane].restart == 1:
            lanes[lane].restart = 0
            lanes[lane].was_rejected = 0
            steepest = max(v.slopes[1, lane], v.slopes[2, lane])
            trial = v.slopes[0, lane]
            if steepest < np.inf:
                lanes[lane].wanted = min(100.0 * trial, (0.01 / max(steepest, 1e-15)) ** (1.0 / ERROR_ORDER))
            else:
                lanes[lane].wanted = trial


@njit(nogil=True, cache=True, _nrt=False)
def make_steps(table: int, chunk: Any, v: Any, lanes: Any, results: Any) -> None:
    """One step of every lane, and its judgement."""
    for lane in range(LANES):
        if lanes[lane].patient != FREE:
            h, rest = lanes[lane].wanted, lanes[lane].segment_end - lanes[lane].time
            if h > rest * (1.0 - 1e-12):
                h = rest
            elif h > 0.5 * rest:  # two equal steps rather than a long and a very short one
                h = 0.5 * rest
            v.step[0, lane] = h
    call(table, STEP)
    for lane in range(LANES):
        if lanes[lane].patient != FREE:
            judge_step(lane, chunk, v, lanes, results)


@njit(nogil=True, cache=True, _nrt=False)
def judge_step(lane: int, chunk: Any, v: Any, lanes: Any, results: Any) -> None:
    """Accept or reject the lane's step and choose the next size."""
    h, error = v.step[0, lane], v.error[0, lane]
    finite = error < 1e10
    factor = v.error[1, lane] if finite else SHRINK_MOST
    lanes[lane].tries += 1
    patient = lanes[lane].patient
    if finite and error <= 1.0:
        at_end = h >= (lanes[lane].segment_end - lanes[lane].time) * (1.0 - 1e-12)
        lanes[lane].left = lanes[lane].time
        lanes[lane].time = lanes[lane].segment_end if at_end else lanes[lane].time + h
        lanes[lane].fresh, lanes[lane].landed = 1, 1 if at_end else 0
        factor = min(1.0 if lanes[lane].was_rejected == 1 else GROW_MOST, max(SHRINK_MOST, factor))
        cut_short = h < lanes[lane].wanted < GROW_MOST * h
        lanes[lane].wanted = max(h * factor, lanes[lane].wanted) if cut_short else h * factor
        lanes[lane].was_rejected = 0
        results.steps[patient] += 1
        if v.margin[0, lane] < 0.0:
            lanes[lane].state = NEGATIVE
    else:
        results.rejected[patient] += 1
        lanes[lane].was_rejected = 1
        lanes[lane].wanted = h * min(SAFETY, max(SHRINK_MOST, factor))
        if lanes[lane].wanted <= SMALLEST_STEP * max(abs(lanes[lane].time), 1e-3):
            lanes[lane].state = TOO_SMALL if finite else NOT_FINITE
    if lanes[lane].tries >= chunk.max_steps and lanes[lane].time < chunk.times[-1] and lanes[lane].state <= NEGATIVE:
        lanes[lane].state = TOO_MANY


@njit(nogil=True, cache=True, _nrt=False)
def settle(table: int, v: Any, lanes: Any) -> None:
    """Recompute what depends on patients' parameters, where one has changed (the others come out the same)."""
    changed = False
    for lane in range(LANES):
        changed = changed or lanes[lane].unsettled == 1
        lanes[lane].unsettled = 0
    if changed:
        call(table, SETTLE)


@njit(nogil=True, cache=True, _nrt=False)
def integrate(table: int, chunk: Any, v: Any, lanes: Any, results: Any) -> None:
    """Integrate a chunk of patients.

    Arguments: `kernel` addresses of the kernel's functions in the order of kernel_code.FUNCTIONS, then that of the
    tolerances; the named tuples as described above.
    """
    following, count = 0, chunk.initial.shape[0]
    while True:
        active = False
        for lane in range(LANES):
            if lanes[lane].patient == FREE and following < count:
                load_patient(lane, following, chunk, v, lanes)
                following += 1
            active = active or lanes[lane].patient != FREE
        if not active:
            return
        settle(table, v, lanes)
        emit_outputs(table, chunk, v, lanes, results)
        if chunk.keep_final:
            keep_final(table, chunk, v, lanes, results)
        if take_up_steps(table, chunk, v, lanes, results):
            settle(table, v, lanes)
            if chunk.right:
                emit_outputs(table, chunk, v, lanes, results)
        if release(chunk, lanes, results) and following < count:
            continue
        first_steps(table, v, lanes)
        make_steps(table, chunk, v, lanes, results)
