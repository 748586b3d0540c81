"""What driver and kernel work on together: vectors, clocks, the table of pointers; and how the driver is compiled."""

from __future__ import annotations

import hashlib
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numba
import numpy as np
from numba import types
from numba.extending import intrinsic
from numpy.typing import NDArray

from homing.engine import kernel_plan, rodas, trajectories, vector_ir
from homing.engine.kernel_plan import POINTERS
from homing.engine.vector_ir import LANES
from homing.ground.cache import cache_folder
from homing.protocol import events

FREE = -1

#: Most delayed triggers that may wait for one patient, beside two of each.
MOST_PENDING = 64

#: What a chunk of patients is given. Arrays by patient, those of events by event, of outputs by output, of triggers by
#: trigger. A patient has the outputs `output_first` to `output_last`, written from row `output_row` on; each is due
#: after `output_after` events, and where `output_side` is 1, when all that happens at its time has happened.
Chunk = namedtuple(
    "Chunk",
    "initial varying event_start event_time event_op event_target event_source event_value output_first output_last "
    "output_row output_time output_after output_side trigger_first trigger_target trigger_initial trigger_persistent "
    "trigger_early clock_state first_patient begin right max_steps keep_final",
)
#: What triggers remember, by lane: conditions (truth) and comparisons (held) at the last landing, the queue of those
#: that wait, and scratch.
Pending = namedtuple("Pending", "truth held time which values low high busy fired dice")
#: What a chunk gives back. `values` (row, output).
Results = namedtuple("Results", "values final status steps rejected fired_at fired")
#: Vectors that driver and kernel share, (slot, lane). `step` holds step sizes, `x` fractions of steps.
Vectors = namedtuple("Vectors", "y varying step new error margin x seen between slopes decided watched now")
#: The clock of a lane. `left` and `time` bound the step just made, which was `span` long before it was `cut` at a
#: fraction; `fresh` marks that it waits to be taken up, `taken` that the states have moved on.
LANE = np.dtype(
    [(name, np.float64) for name in ("left", "time", "wanted", "segment_end", "end", "span", "cut", "pending_time")]
    + [(name, np.int64) for name in ("patient", "event", "output", "tries", "state", "pending", "deciding", "taken")]
    + [(name, np.int64) for name in ("fresh", "landed", "restart", "unsettled", "was_rejected")]
)


def _source_key() -> str:
    """A hash of the files whose constants the compiled loop has taken in; Numba watches only that of a function."""
    digest = hashlib.blake2b(digest_size=8)
    for file in (__file__, *(str(m.__file__) for m in (kernel_plan, rodas, trajectories, events, vector_ir))):
        digest.update(Path(file).read_bytes())
    return digest.hexdigest()


def compiled(function: Callable[..., Any]) -> Any:
    """Compile with Numba, without the interpreter lock, kept on disk where that is possible.

    `_nrt=False`: nothing here allocates, and counting references to arrays would take a third of the time.
    """
    options = {"nogil": True, "_nrt": False}
    chosen = numba.config.CACHE_DIR
    numba.config.CACHE_DIR = str((Path(chosen) if chosen else cache_folder()) / f"driver-{_KEY}")
    try:
        return numba.njit(cache=True, **options)(function)
    except RuntimeError:  # nowhere to write: compiled again in every process
        return numba.njit(**options)(function)
    finally:
        numba.config.CACHE_DIR = chosen


_KEY = _source_key()


@intrinsic
def call(typing_context: Any, table: Any, function: Any) -> Any:
    """Call a kernel function. `table`: the address of the pointers to FUNCTIONS, then POINTERS, of kernel_code;
    `function`: the number of one of them."""
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
    pending: Pending
    table: NDArray[np.uintp]
    memory: Mapping[str, NDArray[np.float64]]


def make_desk(
    functions: Sequence[int],
    slots: Mapping[str, int],
    scalars: Mapping[str, NDArray[np.float64]],
    triggers: int = 0,
    assignments: int = 0,
) -> Desk:
    """Lay out memory, every vector on its own 64-byte boundary.

    Arguments: `functions` addresses in the order of FUNCTIONS; `slots` vectors by name; `scalars` `shared` and
    `tolerance`; the number of `triggers` and the most `assignments` that one has.
    """
    memory = {name: _aligned(max(1, n)) for name, n in slots.items()} | dict(scalars)
    memory["step"][:] = 1.0  # lanes that stay free compute too
    lanes = np.zeros(LANES, dtype=LANE)
    lanes["patient"] = FREE
    pointers = [*functions, *(memory[name].ctypes.data for name in POINTERS)]
    vectors = Vectors(**{name: memory[name] for name in Vectors._fields})
    room = MOST_PENDING + 2 * triggers if triggers else 0
    pending = Pending(
        truth=np.zeros((triggers, LANES)),
        held=np.zeros_like(memory["watched"]),
        time=np.zeros((room, LANES)),
        which=np.zeros((room, LANES), dtype=np.int64),
        values=np.zeros((room, assignments, LANES)),
        low=np.zeros(LANES),
        high=np.zeros(LANES),
        busy=np.zeros(LANES, dtype=np.int64),
        fired=np.zeros(LANES, dtype=np.int64),
        dice=np.zeros(LANES, dtype=np.uint64),
    )
    return Desk(vectors, lanes, pending, np.array(pointers, dtype=np.uintp), memory)


def _aligned(slots: int) -> NDArray[np.float64]:
    room = np.zeros((slots + 1) * LANES)
    first = -(room.ctypes.data // 8) % LANES
    return room[first : first + slots * LANES].reshape(slots, LANES)
