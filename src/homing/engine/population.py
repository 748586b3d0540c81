"""Many patients of one model, part by part, each part handed on before the next is simulated."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.engine.run import compile_system
from homing.engine.trajectories import Trajectories
from homing.ground.errors import StudyError
from homing.ground.keys import normals
from homing.mechanism.model import Model
from homing.protocol.events import Events, Op

#: Patients of a part: enough to fill the lanes of every thread, few enough to need little memory.
PART = 4096


@dataclass(frozen=True)
class Bolus:
    """An amount that every patient gets into one state at some times."""

    state: str
    amount: float
    times: tuple[float, ...]


@dataclass(frozen=True)
class PopulationRun:
    """What to simulate: `patients` of a model with `spread` (standard deviation of the logarithm, by parameter) round
    `changes` to its values, `boluses`, read at `times`. A patient's draws depend on the seed and its number alone."""

    model: Model
    outputs: tuple[str, ...]
    patients: int
    times: NDArray[np.float64]
    seed: int
    changes: Mapping[str, float] = field(default_factory=dict)
    spread: Mapping[str, float] = field(default_factory=dict)
    boluses: Sequence[Bolus] = ()
    rtol: float = 1e-5

    def values(self, ids: ArrayLike) -> dict[str, NDArray[np.float64]]:
        """The drawn parameters of some patients, (patient,) each."""
        base = self.model.parameters(self.changes)
        return {
            name: base[name] * np.exp(sd * normals(self.seed, f"parameter {name}", ids)[:, 0])
            for name, sd in self.spread.items()
        }

    def parts(self, threads: int = 1) -> Iterator[tuple[NDArray[np.int64], Trajectories]]:
        """The patients' numbers and trajectories, part by part; the next part takes the memory of the last.

        Raises: WiringError for an unknown name; StudyError for no patients.
        """
        if self.patients < 1:
            raise StudyError("simulate at least one patient.")
        compiled = compile_system(self.model.system, self.outputs, list(self.spread))
        base = self.model.parameters(self.changes)
        result: Trajectories | None = None
        for first in range(0, self.patients, PART):
            ids = np.arange(first, min(first + PART, self.patients))
            parameters = {**base, **self.values(ids)}
            start = self.model.start(parameters, len(ids))
            events = self._events(len(ids))
            result = compiled.run(
                start, parameters, events, self.times, side="right", rtol=self.rtol, threads=threads, reuse=result
            )
            yield ids, result

    def _events(self, patients: int) -> Events:
        rows = [(t, self.model.system.state_index(b.state), b.amount) for b in self.boluses for t in b.times]
        if not rows:
            return Events.none(patients)
        time, target, amount = (np.array(column) for column in zip(*rows, strict=True))
        who = np.repeat(np.arange(patients), len(rows))
        op = np.full(len(who), int(Op.ADD))
        return Events.from_rows(
            patients, who, np.tile(time, patients), op, np.tile(target, patients), np.tile(amount, patients)
        )


def to_files(run: PopulationRun, write: Callable[[Any], None], threads: int = 1) -> Iterator[tuple[int, int]]:
    """Hand the parts on as tables (patient, time, outputs); yields patients done and failed so far.

    One part is written while the next is simulated; `write` is called by one other thread, in order. Values are single
    precision: seven digits, more than any tolerance that a cohort is simulated at.
    """
    failed = 0
    with ThreadPoolExecutor(1) as writer:
        last: Future[None] | None = None
        for ids, trajectories in run.parts(threads):
            table = _table(run, ids, trajectories)
            if last is not None:
                last.result()
            last = writer.submit(write, table)
            failed += int((~trajectories.complete).sum())
            yield int(ids[-1]) + 1, failed
        if last is not None:
            last.result()


def _table(run: PopulationRun, ids: NDArray[np.int64], trajectories: Trajectories) -> object:
    """The readings of a part, patients slow and times fast."""
    import pyarrow as pa

    n = len(run.times)
    columns: dict[str, object] = {
        "patient": np.repeat(ids, n),
        "time": pa.DictionaryArray.from_arrays(np.tile(np.arange(n, dtype=np.int32), len(ids)), run.times),
    }
    for k, name in enumerate(run.outputs):
        columns[name] = trajectories.values[:, :, k].astype(np.float32).ravel()
    return pa.table(columns)
