"""The loop round a kernel: lanes that hold one patient each, with their own clock, step size and events.

A lane whose patient is done takes the next one at once, so no lane waits for another. The loop is compiled by Numba
once for all models (its kernel comes as addresses) and releases the interpreter lock. One turn of the loop:

    load patients into free lanes -> outputs inside the step just made -> land: events at the end of a segment, and
    the triggers that fire there -> outputs right after events -> patients that are done leave -> first step sizes
    -> one step of all lanes, cut where a trigger changes (homing.engine.triggers)

A segment lasts from one event of the patient to the next. Steps end at its end and nowhere else: output times and the
end of the run are met by dense output, so that they do not change the steps.

Arguments of all functions: `table` the address of the pointers a kernel takes, `chunk` (Chunk) what is given, `v`
(Vectors), `lanes` (LANE) the clocks, `pending` (Pending) what triggers remember, `results` (Results) what is written;
see homing.engine.lanes.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from homing.engine.kernel_plan import FUNCTIONS, SAFETY
from homing.engine.lanes import FREE, call, compiled
from homing.engine.rodas import ERROR_ORDER
from homing.engine.trajectories import Status
from homing.engine.triggers import cut_steps, fire, forget
from homing.engine.vector_ir import LANES
from homing.protocol.events import Op

SUCCESS, NEGATIVE = int(Status.SUCCESS), int(Status.NEGATIVE_STATE)
TOO_MANY, TOO_SMALL, NOT_FINITE = int(Status.TOO_MANY_STEPS), int(Status.STEP_TOO_SMALL), int(Status.NOT_FINITE)
OP_ADD, OP_SET, OP_MULTIPLY = int(Op.ADD), int(Op.SET), int(Op.MULTIPLY)
OP_RAISE, OP_LOWER, OP_ADD_MULTIPLE = int(Op.RAISE_TO), int(Op.LOWER_TO), int(Op.ADD_MULTIPLE_OF)
OP_CLEAR_BELOW, OP_CLEAR_ABOVE = int(Op.CLEAR_IF_BELOW), int(Op.CLEAR_IF_ABOVE)
OP_SET_PARAMETER, OP_ADD_TO_PARAMETER = int(Op.SET_PARAMETER), int(Op.ADD_TO_PARAMETER)
STEP, BEND, OBSERVE, INTERPOLATE, ACCEPT, SETTLE, START, _DECIDE, _WATCH = range(len(FUNCTIONS))
NEVER = np.inf

# Step-size control (E. Hairer and G. Wanner, Solving Ordinary Differential Equations II, section IV.8).
SHRINK_MOST, GROW_MOST = 0.2, 6.0
#: Smallest step as a fraction of the time already on the clock: a few units in the last place.
SMALLEST_STEP, SMALLEST_TIME = 1e-14, 1e-9
#: What counts as the end of a segment, so that rounding leaves no sliver.
NEARLY = 1e-12


@compiled
def load_patient(lane: int, patient: int, chunk: Any, v: Any, lanes: Any, pending: Any) -> None:
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
    clock.left = chunk.begin[patient]
    clock.time = chunk.begin[patient]
    clock.event = chunk.event_start[patient]
    clock.output = chunk.output_first[patient]
    clock.end = chunk.begin[patient]
    if chunk.output_last[patient] > clock.output:
        clock.end = chunk.output_time[chunk.output_last[patient] - 1]
    clock.span, clock.cut, clock.taken = 0.0, 0.0, 0
    forget(lane, chunk, lanes, pending)
    clock.fresh, clock.landed, clock.unsettled = 1, 1, 1
    clock.was_rejected, clock.tries = 0, 0
    clock.state = SUCCESS if finite else NOT_FINITE


@compiled
def is_due(clock: Any, chunk: Any) -> bool:
    """Whether the lane's next output lies in the step just made. At an event it is due before all events there, after
    all, or after some of them, as the output says."""
    if clock.fresh == 0 or clock.state > NEGATIVE or clock.output >= chunk.output_last[clock.patient]:
        return False
    at = chunk.output_time[clock.output]
    if at != clock.time:
        return at < clock.time
    if chunk.output_side[clock.output] == 1 and clock.landed == 1:
        return False
    return clock.event >= chunk.output_after[clock.output]


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
                v.now[0, lane] = chunk.output_time[clock.output]
                if clock.span > 0.0:
                    v.x[0, lane] = (chunk.output_time[clock.output] - clock.left) / clock.span
        if not waiting:
            return
        if not is_bent:
            call(table, BEND)
            is_bent = True
        call(table, OBSERVE)
        for lane in range(LANES):
            clock = lanes[lane]
            if is_due(clock, chunk):
                row = chunk.output_row[clock.patient] + clock.output - chunk.output_first[clock.patient]
                for k in range(results.values.shape[1]):
                    results.values[row, k] = v.seen[k, lane]
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
    elif op == OP_CLEAR_BELOW:
        if v.y[chunk.event_source[event], lane] < value:
            v.y[target, lane] = 0.0
    elif op == OP_CLEAR_ABOVE:
        if v.y[chunk.event_source[event], lane] > value:
            v.y[target, lane] = 0.0
    elif op == OP_SET_PARAMETER:
        v.varying[target, lane] = value
        clock.unsettled = 1
    elif op == OP_ADD_TO_PARAMETER:
        v.varying[target, lane] += value
        clock.unsettled = 1


@compiled
def accept_steps(table: int, chunk: Any, v: Any, lanes: Any) -> None:
    """Move on to the end of the steps just made, or to where they are cut.

    A lane that has stepped over the end of the run stays where it is.
    """
    is_any_cut = False
    for lane in range(LANES):
        clock = lanes[lane]
        v.x[0, lane] = 0.0
        if clock.fresh == 1 and clock.taken == 0 and clock.time <= clock.end:
            v.x[0, lane] = clock.cut if clock.cut > 0.0 else 1.0
            v.now[0, lane] = clock.time
            is_any_cut = is_any_cut or clock.cut > 0.0
    if is_any_cut:
        call(table, INTERPOLATE)
    call(table, ACCEPT)
    for lane in range(LANES):
        clock = lanes[lane]
        if v.x[0, lane] > 0.0:
            if clock.cut > 0.0:
                for i in range(v.y.shape[0]):
                    v.y[i, lane] = v.between[i, lane]
            if chunk.clock_state >= 0:
                v.y[chunk.clock_state, lane] = clock.time
            clock.taken = 1


@compiled
def stop_before(clock: Any, chunk: Any) -> int:
    """The event before which the patient is read: one past its last where that is none of those at this time."""
    last = chunk.event_start[clock.patient + 1]
    if clock.output < chunk.output_last[clock.patient] and chunk.output_side[clock.output] == 0:
        if chunk.output_time[clock.output] == clock.time:
            return min(last, max(clock.event, chunk.output_after[clock.output]))
    return last


@compiled
def land(chunk: Any, v: Any, lanes: Any, results: Any) -> bool:
    """Apply the events at the ends of segments, up to the next reading there. Returns whether any lane landed."""
    has_landed = False
    for lane in range(LANES):
        clock = lanes[lane]
        if clock.fresh == 1 and clock.taken == 1 and clock.landed == 1:
            has_landed = True
            is_last = chunk.keep_final and clock.time == clock.end
            last, stop = chunk.event_start[clock.patient + 1], stop_before(clock, chunk)
            clock.left, clock.span, clock.cut = clock.time, 0.0, 0.0
            if is_last and not chunk.right:
                copy_lane(v.y, lane, results.final, clock.patient)
            while clock.event < stop and chunk.event_time[clock.event] <= clock.time:
                apply_event(lane, clock.event, chunk, v, lanes)
                clock.event += 1
            if clock.event == last or chunk.event_time[clock.event] > clock.time:
                clock.segment_end = chunk.event_time[clock.event] if clock.event < last else NEVER
                clock.restart, clock.landed, clock.deciding = 1, 0, 1
    return has_landed


@compiled
def after_landing(chunk: Any, v: Any, lanes: Any, results: Any) -> None:
    """The end of the segment that begins, and the states at the end of the run after events."""
    for lane in range(LANES):
        clock = lanes[lane]
        if clock.deciding == 1:
            clock.deciding = 0
            clock.segment_end = min(clock.segment_end, clock.pending_time)
            if chunk.right and chunk.keep_final and clock.time == clock.end:
                copy_lane(v.y, lane, results.final, clock.patient)


@compiled
def copy_lane(vectors: Any, lane: int, rows: Any, row: int) -> None:
    """One lane of vectors into a row."""
    for i in range(rows.shape[1]):
        rows[row, i] = vectors[i, lane]


@compiled
def blank(clock: Any, chunk: Any, results: Any) -> None:
    """NaN for what a patient has not reached."""
    first = chunk.output_first[clock.patient]
    for output in range(clock.output, chunk.output_last[clock.patient]):
        for k in range(results.values.shape[1]):
            results.values[chunk.output_row[clock.patient] + output - first, k] = np.nan
    for i in range(results.final.shape[1]):
        results.final[clock.patient, i] = np.nan


@compiled
def look_at_end(table: int, chunk: Any, v: Any, lanes: Any, results: Any) -> None:
    """The states at the end of the run, for lanes that have stepped over it: kept, and judged in place of those
    beyond."""
    is_over = False
    for lane in range(LANES):
        clock = lanes[lane]
        v.x[0, lane] = 0.0
        if clock.fresh == 1 and clock.time > clock.end:
            is_over = True
            v.x[0, lane] = (clock.end - clock.left) / clock.span
            v.now[0, lane] = clock.end
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
        is_done = clock.fresh == 1 and clock.time >= clock.end
        clock.fresh, clock.taken = 0, 0
        if clock.patient != FREE and (has_failed or is_done):
            if has_failed:
                blank(clock, chunk, results)
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
        clock.span, clock.cut = h, 0.0
        clock.time = clock.segment_end if is_landing else clock.time + h
        clock.fresh, clock.landed = 1, 1 if is_landing else 0
        grown = h * min(factor, 1.0 if clock.was_rejected == 1 else GROW_MOST)
        is_cut_short = h < clock.wanted < GROW_MOST * h
        clock.wanted = max(grown, clock.wanted) if is_cut_short else grown
        clock.was_rejected = 0
        results.steps[clock.patient] += 1
        if v.margin[0, lane] < 0.0 and clock.time <= clock.end:
            clock.state = NEGATIVE
    else:
        clock.wanted = h * min(factor, SAFETY)
        clock.was_rejected = 1
        results.rejected[clock.patient] += 1
        if clock.wanted <= SMALLEST_STEP * max(abs(clock.time), SMALLEST_TIME):
            clock.state = TOO_SMALL if is_finite else NOT_FINITE
    if clock.tries >= chunk.max_steps and clock.time < clock.end and clock.state <= NEGATIVE:
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
def integrate(table: int, chunk: Any, v: Any, lanes: Any, pending: Any, results: Any) -> None:
    """Integrate a chunk of patients.

    `chunk`, `v`, `lanes` and `pending` as made by homing.engine.lanes; every row of `results` is written.
    """
    following, count = 0, chunk.initial.shape[0]
    has_triggers = len(chunk.trigger_first) > 1
    while True:
        active = False
        for lane in range(LANES):
            clock = lanes[lane]
            if clock.patient == FREE and following < count:
                load_patient(lane, following, chunk, v, lanes, pending)
                following += 1
            active = active or clock.patient != FREE
        if not active:
            return
        settle(table, v, lanes)
        emit_outputs(table, chunk, v, lanes, results)
        look_at_end(table, chunk, v, lanes, results)
        accept_steps(table, chunk, v, lanes)
        while land(chunk, v, lanes, results):
            settle(table, v, lanes)
            if has_triggers:
                fire(table, chunk, v, lanes, pending, results)
            after_landing(chunk, v, lanes, results)
            emit_outputs(table, chunk, v, lanes, results)
        if release(chunk, lanes, results) and following < count:
            continue
        first_steps(table, v, lanes)
        make_steps(table, chunk, v, lanes, results)
        if has_triggers:
            cut_steps(table, chunk, v, lanes, pending)
