"""Triggers in the loop: the instant at which a condition changes, and what happens then.

After a step the comparisons that conditions are made of are looked at along it; where one has changed, the step is cut
at the first change, found by halving on dense output. At every landing (there, at an event, at the end of a delay) the
triggers that have turned true fire: their assignments happen at once or after a delay, the highest priority first, and
each may fire others or, where a trigger does not persist, call it off.

Source of the rules: "The Systems Biology Markup Language (SBML): Language Specification for Level 3 Version 2 Core",
section 4.11, doi:10.1515/jib-2017-0081. Where that leaves the order of equal priorities open, lots are drawn (the same
ones for the same patient in every run); triggers without priority go in the order of the model.
Arguments: as in homing.engine.driver.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from homing.engine.kernel_plan import FUNCTIONS
from homing.engine.lanes import FREE, call, compiled
from homing.engine.symbolic import TRIGGER_SLOTS
from homing.engine.trajectories import Status
from homing.engine.vector_ir import LANES

BEND, DECIDE, WATCH = (FUNCTIONS.index(name) for name in ("bend", "decide", "watch"))
TOO_MANY, NEGATIVE = int(Status.TOO_MANY_EVENTS), int(Status.NEGATIVE_STATE)
#: Places of a step at which conditions are looked at; a comparison that changes twice between
#: neighbours is missed.
CHECKPOINTS = 8
#: Halving ends so near to the change, relative to the clock; short of the last digit, so that states move on even where
#: changes accumulate. A planned event or output that is not much farther away is met exactly.
NEAR, NEARLY = 1e-13, 2e-13
#: Two units in the last place: a cut step is at least so long, relative to the clock.
LEAST = 4.5e-16
MOST_AT_ONCE = 10_000
TRUE = 0.5
#: Multiplier and increment of a linear congruential generator (D. E. Knuth, The Art of Computer Programming, vol. 2,
#: section 3.3.4, table 1).
MIX, STEP = np.uint64(6364136223846793005), np.uint64(1442695040888963407)


@compiled
def forget(lane: int, chunk: Any, lanes: Any, pending: Any) -> None:
    """A new patient in a lane: nothing pending, conditions as they count at the start."""
    clock = lanes[lane]
    clock.pending, clock.pending_time, clock.deciding = 0, np.inf, 0
    for e in range(len(chunk.trigger_first) - 1):
        pending.truth[e, lane] = chunk.trigger_initial[e]
    pending.dice[lane] = np.uint64(chunk.first_patient + clock.patient + 1) * MIX


@compiled
def has_changed(lane: int, chunk: Any, v: Any, pending: Any) -> bool:
    """Whether any comparison is not what it was at the last landing."""
    for k in range(pending.held.shape[0]):
        if v.watched[k, lane] != pending.held[k, lane]:
            return True
    return False


@compiled
def cut_steps(table: int, chunk: Any, v: Any, lanes: Any, pending: Any) -> None:
    """Cut the steps just made where a comparison first changes."""
    call(table, BEND)
    for lane in range(LANES):
        pending.low[lane], pending.high[lane] = 0.0, 0.0
    for k in range(1, CHECKPOINTS + 1):
        for lane in range(LANES):
            look_at(k / CHECKPOINTS, lane, v, lanes)
        call(table, WATCH)
        for lane in range(LANES):
            clock = lanes[lane]
            if clock.fresh == 1 and clock.patient != FREE and pending.high[lane] == 0.0:
                if has_changed(lane, chunk, v, pending):
                    pending.low[lane], pending.high[lane] = (k - 1) / CHECKPOINTS, k / CHECKPOINTS
    halve(table, chunk, v, lanes, pending)
    for lane in range(LANES):
        if pending.high[lane] > 0.0:
            shorten(lanes[lane], chunk, pending.high[lane])


@compiled
def look_at(fraction: float, lane: int, v: Any, lanes: Any) -> None:
    """Have the lane looked at at a fraction of its step."""
    v.x[0, lane] = fraction
    v.now[0, lane] = lanes[lane].left + fraction * lanes[lane].span if fraction < 1.0 else lanes[lane].time


@compiled
def halve(table: int, chunk: Any, v: Any, lanes: Any, pending: Any) -> None:
    """Halve the brackets of all lanes until numbers run out."""
    active = True
    while active:
        active = False
        for lane in range(LANES):
            middle = 0.5 * (pending.low[lane] + pending.high[lane])
            clock = lanes[lane]
            width = (pending.high[lane] - pending.low[lane]) * clock.span
            is_open = width > NEAR * max(abs(clock.left), abs(clock.time)) and width > NEAR * NEAR * clock.span
            look_at(middle if pending.low[lane] < middle < pending.high[lane] and is_open else 0.0, lane, v, lanes)
            active = active or v.x[0, lane] > 0.0
        if active:
            call(table, WATCH)
        for lane in range(LANES):
            if v.x[0, lane] > 0.0:
                if has_changed(lane, chunk, v, pending):
                    pending.high[lane] = v.x[0, lane]
                else:
                    pending.low[lane] = v.x[0, lane]


@compiled
def shorten(clock: Any, chunk: Any, fraction: float) -> None:
    """End a step at a fraction of it, or at a planned event or output there is just there."""
    if fraction < 1.0:
        at = max(clock.left + fraction * clock.span, clock.left + LEAST * max(abs(clock.left), 1e-300))
        room = NEARLY * max(abs(at), abs(clock.left), clock.span)
        if clock.segment_end - at <= room:
            at = clock.segment_end
        elif clock.output < chunk.output_last[clock.patient]:
            for k in range(clock.output, chunk.output_last[clock.patient]):
                if abs(chunk.output_time[k] - at) <= room and chunk.output_time[k] > clock.left:
                    at = chunk.output_time[k]
                    break
                if chunk.output_time[k] > at:
                    break
        clock.time, clock.cut = at, fraction
    clock.landed = 1


@compiled
def fire(table: int, chunk: Any, v: Any, lanes: Any, pending: Any, results: Any) -> None:
    """What fires at a landing, in all lanes that have just landed (`deciding`)."""
    waiting = True
    for lane in range(LANES):
        v.x[0, lane], v.now[0, lane] = 0.0, lanes[lane].time  # the states as they are now
        pending.busy[lane] = 1 if lanes[lane].deciding == 1 else 0
        pending.fired[lane] = 0
    while waiting:
        call(table, DECIDE)
        waiting = False
        for lane in range(LANES):
            if pending.busy[lane] == 1:
                notice(lane, chunk, v, lanes, pending, results)
                if execute(lane, chunk, v, lanes, pending):
                    waiting = True
                else:
                    pending.busy[lane] = 0
    call(table, WATCH)
    for lane in range(LANES):
        if lanes[lane].deciding == 1:
            for k in range(pending.held.shape[0]):
                pending.held[k, lane] = v.watched[k, lane]
            lanes[lane].pending_time = first_pending(lane, lanes, pending)


@compiled
def first_pending(lane: int, lanes: Any, pending: Any) -> float:
    """When the next delayed trigger is to happen."""
    first = np.inf
    for q in range(lanes[lane].pending):
        first = min(first, pending.time[q, lane])
    return first


@compiled
def notice(lane: int, chunk: Any, v: Any, lanes: Any, pending: Any, results: Any) -> None:
    """Line up the triggers that have turned true; call off those that have turned false and do not persist."""
    clock = lanes[lane]
    for e in range(len(chunk.trigger_first) - 1):
        was = pending.truth[e, lane] >= TRUE
        now = v.decided[TRIGGER_SLOTS * e, lane] >= TRUE
        pending.truth[e, lane] = 1.0 if now else 0.0
        if now and not was:
            if results.fired[clock.patient, e] == 0:
                results.fired_at[clock.patient, e] = clock.time
            results.fired[clock.patient, e] += 1
            if clock.pending >= pending.time.shape[0]:
                clock.state = TOO_MANY
                return
            q = clock.pending
            clock.pending += 1
            delay = v.decided[TRIGGER_SLOTS * e + 1, lane]
            pending.time[q, lane] = clock.time + delay if delay > 0.0 else clock.time
            pending.which[q, lane] = e
            for k in range(chunk.trigger_first[e], chunk.trigger_first[e + 1]):
                pending.values[q, k - chunk.trigger_first[e], lane] = assigned(k, lane, chunk, v)
        if was and not now and chunk.trigger_persistent[e] == 0:
            kept = 0
            for q in range(clock.pending):
                if pending.which[q, lane] != e:
                    move(q, kept, lane, pending)
                    kept += 1
            clock.pending = kept


@compiled
def assigned(k: int, lane: int, chunk: Any, v: Any) -> float:
    """The value of assignment k as things stand."""
    return v.decided[TRIGGER_SLOTS * (len(chunk.trigger_first) - 1) + k, lane]


@compiled
def move(source: int, target: int, lane: int, pending: Any) -> None:
    """Move one place of the queue."""
    pending.time[target, lane] = pending.time[source, lane]
    pending.which[target, lane] = pending.which[source, lane]
    for k in range(pending.values.shape[1]):
        pending.values[target, k, lane] = pending.values[source, k, lane]


@compiled
def draw(lane: int, pending: Any) -> float:
    """The lane's next random number, from 0 to 1."""
    pending.dice[lane] = pending.dice[lane] * MIX + STEP
    return float(pending.dice[lane] >> np.uint64(11)) * 2.0**-53


@compiled
def execute(lane: int, chunk: Any, v: Any, lanes: Any, pending: Any) -> bool:
    """Do the assignments of the first trigger that is due, by priority. Returns whether there was one."""
    clock = lanes[lane]
    best, highest, equals = -1, -np.inf, 0
    for q in range(clock.pending):
        if pending.time[q, lane] <= clock.time:
            priority = v.decided[TRIGGER_SLOTS * pending.which[q, lane] + 2, lane]
            if best < 0 or priority > highest:
                best, highest, equals = q, priority, 1
            elif priority == highest and highest > -np.inf:
                equals += 1
                if draw(lane, pending) * equals < 1.0:
                    best = q
    if best < 0 or clock.state > NEGATIVE:
        return False
    e = pending.which[best, lane]
    first = chunk.trigger_first[e]
    for k in range(first, chunk.trigger_first[e + 1]):
        at_trigger = chunk.trigger_early[e] == 1
        value = pending.values[best, k - first, lane] if at_trigger else assigned(k, lane, chunk, v)
        size = v.decided[TRIGGER_SLOTS * (len(chunk.trigger_first) - 1) + len(chunk.trigger_target) + k, lane]
        v.y[chunk.trigger_target[k], lane] = value * size
    for q in range(best + 1, clock.pending):
        move(q, q - 1, lane, pending)
    clock.pending -= 1
    pending.fired[lane] += 1
    if pending.fired[lane] > MOST_AT_ONCE:
        clock.state = TOO_MANY
    return True
