"""The loop round a kernel: lanes that hold one patient each, with their own clock, step size and events.

A lane whose patient is done takes the next one at once, so no lane waits for another. The loop is compiled by Numba
once for all models (its kernel comes as addresses) and releases the interpreter lock. One turn of the loop:

    load patients into free lanes -> outputs inside the step just made -> land: events at the end of a segment
    -> outputs right after events -> patients that are done leave -> first step sizes -> one step of all lanes

A segment lasts from one event of the patient to the next. Steps end at its end and nowhere else: output times and the
end of the run are met by dense output, so that they do not change the steps.

Arguments of all functions: `table` the address of the pointers a kernel takes, `chunk` (Chunk) what is given, `v`
(Vectors), `lanes` (LANE) the clocks, `results` (Results) what is written; see homing.engine.lanes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from homing.engine.kernel_code import FUNCTIONS, SAFETY
from homing.engine.lanes import FREE, call, compiled
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
NEVER = np.inf

# Step-size control (E. Hairer and G. Wanner, Solving Ordinary Differential Equations II, section IV.8).
SHRINK_MOST, GROW_MOST = 0.2, 6.0
#: Smallest step as a fraction of the time already on the clock: a few units in the last place.
SMALLEST_STEP, SMALLEST_TIME = 1e-14, 1e-3
#: What counts as the end of a segment, so that rounding leaves no sliver.
NEARLY = 1e-12


@compiled
def load_patient(lane: int, patient: int, chunk: Any, v: Any, lanes: Any) -> None:
    """Put a patient into a lane, landed at the start of the run."""
    clock = lanes[lane]
    finite = True
    for i in range(chunk.initial.shape[1]):
        v.y[i, lane] = v.new[i, lane] = chunk.initial[patient, i]
        finite = finite and np.isfinite(chunk.initial[patient, i])
    for j in range(chunk.varying.shape[1]):
        v.varying[j, lane] = chunk.varying[patient, j]
        finite = finite and np.isfinite(chunk.varying[patient, j])
    clock.patient = patient
    clock.left = chunk.begin
    clock.time = chunk.begin
    clock.event = chunk.event_start[patient]
    clock.output = 0
    clock.fresh, clock.landed, clock.unsettled = 1, 1, 1
    clock.was_rejected, clock.tries = 0, 0
    clock.state = SUCCESS if finite else NOT_FINITE


@compiled
def is_due(clock: Any, chunk: Any) -> bool:
    """Whether the lane's next output lies in the step just made. At an event it is due before the event if the
    caller wants the left side; after it if the right."""
    if clock.fresh == 0 or clock.output >= len(chunk.times) or clock.state > NEGATIVE:
        return False
    at = chunk.times[clock.output]
    return at < clock.time or (at == clock.time and not (chunk.right and clock.landed == 1))


@compiled
def emit_outputs(table: int, chunk: Any, v: Any, lanes: Any, results: Any) -> None:
    """Write the outputs that are due, one of each lane at a time."""
    is_bent = False
    while True:
        waiting = False
        for lane in range(LANES):
            clock = lanes[lane]
            v.x[0, lane] = 0.0
            if is_due(clock, chunk):
                waiting = True
                length = clock.time - clock.left
                if length > 0.0:
                    v.x[0, lane] = (chunk.times[clock.output] - clock.left) / length
        if not waiting:
            return
        if not is_bent:
            call(table, BEND)
            is_bent = True
        call(table, OBSERVE)
        for lane in range(LANES):
            clock = lanes[lane]
            if is_due(clock, chunk):
                for k in range(results.values.shape[2]):
                    results.values[clock.patient, clock.output, k] = v.seen[k, lane]
                clock.output += 1


@compiled
def apply_event(lane: int, event: int, chunk: Any, v: Any, lanes: Any) -> None:
    """One operation on a state or a parameter of the lane's patient."""
    clock = lanes[lane]
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
        clock.unsettled = 1
    elif op == OP_ADD_TO_PARAMETER:
        v.varying[target, lane] += value
        clock.unsettled = 1


@compiled
def take_up_steps(table: int, chunk: Any, v: Any, lanes: Any, results: Any) -> bool:
    """Move on to the end of the steps just made; apply the events there. Returns whether any lane landed.

    A lane that has stepped over the end of the run stays where it is.
    """
    has_landed = False
    end_of_run = chunk.times[-1]
    for lane in range(LANES):
        v.x[0, lane] = 1.0 if lanes[lane].fresh == 1 and lanes[lane].time <= end_of_run else 0.0
    call(table, ACCEPT)
    for lane in range(LANES):
        clock = lanes[lane]
        if v.x[0, lane] == 1.0 and clock.landed == 1:
            has_landed = True
            is_last = chunk.keep_final and clock.time == end_of_run
            if is_last and not chunk.right:
                copy_lane(v.y, lane, results.final, clock.patient)
            last = chunk.event_start[clock.patient + 1]
            while clock.event < last and chunk.event_time[clock.event] <= clock.time:
                apply_event(lane, clock.event, chunk, v, lanes)
                clock.event += 1
            if is_last and chunk.right:
                copy_lane(v.y, lane, results.final, clock.patient)
            clock.segment_end = chunk.event_time[clock.event] if clock.event < last else NEVER
            clock.left = clock.time
            clock.restart, clock.landed = 1, 0
    return has_landed


@compiled
def copy_lane(vectors: Any, lane: int, rows: Any, row: int) -> None:
    """One lane of vectors into a row."""
    for i in range(rows.shape[1]):
        rows[row, i] = vectors[i, lane]


@compiled
def blank(patient: int, output: int, results: Any) -> None:
    """NaN for what a patient has not reached."""
    for i in range(output, results.values.shape[1]):
        for k in range(results.values.shape[2]):
            results.values[patient, i, k] = np.nan
    for i in range(results.final.shape[1]):
        results.final[patient, i] = np.nan


@compiled
def look_at_end(table: int, chunk: Any, v: Any, lanes: Any, results: Any) -> None:
    """The states at the end of the run, for lanes that have stepped over it: kept, and judged in place of those
    beyond."""
    is_over = False
    end_of_run = chunk.times[-1]
    for lane in range(LANES):
        clock = lanes[lane]
        v.x[0, lane] = 0.0
        if clock.fresh == 1 and clock.time > end_of_run:
            is_over = True
            v.x[0, lane] = (end_of_run - clock.left) / (clock.time - clock.left)
    if is_over:
        call(table, INTERPOLATE)
    for lane in range(LANES):
        if v.x[0, lane] > 0.0:
            if v.margin[0, lane] < 0.0 and lanes[lane].state == SUCCESS:
                lanes[lane].state = NEGATIVE
            if chunk.keep_final:
                copy_lane(v.between, lane, results.final, lanes[lane].patient)


@compiled
def release(chunk: Any, lanes: Any, results: Any) -> bool:
    """Free the lanes whose patient is done or has failed. Returns whether there was one."""
    has_freed = False
    for lane in range(LANES):
        clock = lanes[lane]
        has_failed = clock.state > NEGATIVE
        is_done = clock.fresh == 1 and clock.time >= chunk.times[-1]
        clock.fresh = 0
        if clock.patient != FREE and (has_failed or is_done):
            if has_failed:
                blank(clock.patient, clock.output, results)
            results.status[clock.patient] = clock.state
            clock.patient = FREE
            has_freed = True
    return has_freed


@compiled
def first_steps(table: int, v: Any, lanes: Any) -> None:
    """Step sizes after a start or an event.

    Source: E. Hairer, S. P. Norsett and G. Wanner, Solving Ordinary Differential Equations I, section II.4, "starting
    step size": the one for which the larger of slope and curvature, in units of the tolerance, gives a local error of
    a hundredth, and at most a hundred of the trial steps, in which Euler's method moves the states by a hundredth.
    """
    is_needed = False
    for lane in range(LANES):
        is_needed = is_needed or (lanes[lane].restart == 1 and lanes[lane].patient != FREE)
    if not is_needed:
        return
    call(table, START)
    for lane in range(LANES):
        clock = lanes[lane]
        if clock.restart == 1:
            clock.restart, clock.was_rejected = 0, 0
            trial, steepest = v.slopes[0, lane], max(v.slopes[1, lane], v.slopes[2, lane])
            clock.wanted = trial
            if steepest < np.inf:
                clock.wanted = min(100.0 * trial, (0.01 / max(steepest, 1e-15)) ** (1.0 / ERROR_ORDER))


@compiled
def make_steps(table: int, chunk: Any, v: Any, lanes: Any, results: Any) -> None:
    """One step of every lane, and its judgement."""
    for lane in range(LANES):
        clock = lanes[lane]
        if clock.patient != FREE:
            h, rest = clock.wanted, clock.segment_end - clock.time
            if h > rest * (1.0 - NEARLY):
                h = rest
            elif h > 0.5 * rest:  # two equal steps rather than a long and a very short one
                h = 0.5 * rest
            v.step[0, lane] = h
    call(table, STEP)
    for lane in range(LANES):
        if lanes[lane].patient != FREE:
            judge_step(lane, chunk, v, lanes, results)


@compiled
def judge_step(lane: int, chunk: Any, v: Any, lanes: Any, results: Any) -> None:
    """Accept or reject the lane's step and choose the next size."""
    clock = lanes[lane]
    h, error = v.step[0, lane], v.error[0, lane]
    is_finite = error < np.inf
    factor = max(SHRINK_MOST, v.error[1, lane]) if is_finite else SHRINK_MOST
    clock.tries += 1
    if error <= 1.0:
        is_landing = h >= (clock.segment_end - clock.time) * (1.0 - NEARLY)
        clock.left = clock.time
        clock.time = clock.segment_end if is_landing else clock.time + h
        clock.fresh, clock.landed = 1, 1 if is_landing else 0
        grown = h * min(factor, 1.0 if clock.was_rejected == 1 else GROW_MOST)
        is_cut_short = h < clock.wanted < GROW_MOST * h
        clock.wanted = max(grown, clock.wanted) if is_cut_short else grown
        clock.was_rejected = 0
        results.steps[clock.patient] += 1
        if v.margin[0, lane] < 0.0 and clock.time <= chunk.times[-1]:
            clock.state = NEGATIVE
    else:
        clock.wanted = h * min(factor, SAFETY)
        clock.was_rejected = 1
        results.rejected[clock.patient] += 1
        if clock.wanted <= SMALLEST_STEP * max(abs(clock.time), SMALLEST_TIME):
            clock.state = TOO_SMALL if is_finite else NOT_FINITE
    if clock.tries >= chunk.max_steps and clock.time < chunk.times[-1] and clock.state <= NEGATIVE:
        clock.state = TOO_MANY


@compiled
def settle(table: int, v: Any, lanes: Any) -> None:
    """Recompute what depends on patients' parameters, where one has changed (the others come out the same)."""
    changed = False
    for lane in range(LANES):
        clock = lanes[lane]
        changed = changed or clock.unsettled == 1
        clock.unsettled = 0
    if changed:
        call(table, SETTLE)


@compiled
def integrate(table: int, chunk: Any, v: Any, lanes: Any, results: Any) -> None:
    """Integrate a chunk of patients.

    `chunk`, `v` and `lanes` as made by homing.engine.lanes; every row of `results` is written.
    """
    following, count = 0, chunk.initial.shape[0]
    while True:
        active = False
        for lane in range(LANES):
            clock = lanes[lane]
            if clock.patient == FREE and following < count:
                load_patient(lane, following, chunk, v, lanes)
                following += 1
            active = active or clock.patient != FREE
        if not active:
            return
        settle(table, v, lanes)
        emit_outputs(table, chunk, v, lanes, results)
        look_at_end(table, chunk, v, lanes, results)
        if take_up_steps(table, chunk, v, lanes, results):
            settle(table, v, lanes)
            if chunk.right:
                emit_outputs(table, chunk, v, lanes, results)
        if release(chunk, lanes, results) and following < count:
            continue
        first_steps(table, v, lanes)
        make_steps(table, chunk, v, lanes, results)
