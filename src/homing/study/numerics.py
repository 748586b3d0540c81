"""How far the numbers of a run can be trusted as numbers: cells balanced, tolerance halved, patients that failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homing.engine.trajectories import Status
from homing.patients.scenario import scenario
from homing.protocol.ledger import GivenDose
from homing.protocol.product import Product
from homing.protocol.timeline import deposits_of, landed
from homing.study.plan import Note, Study
from homing.study.simulator import SHOWN, Simulated, Simulator

#: Where product cells can be alive, and what has left or joined the count.
PLACES = tuple(f"product.{p}" for p in ("carried", "lung", "blood", "peripheral", "gut", "fistula", "memory"))
#: Where a dose may land that is counted: what leaks out at once counts as dead.
COUNTED = (*PLACES, "product.dead")
#: Largest imbalance of cells, relative to those given and born, that passes without a warning.
MOST_IMBALANCE = 1e-8
#: Largest shift of an output when the tolerance is halved, in units of the tolerance, that passes without a warning.
MOST_SHIFT = 10.0
#: Patients in whom the tolerance is halved, and the tolerance.
CHECKED, RTOL = 50, 1e-5
MOST_LISTED = 100


@dataclass
class Numerics:
    """The checks of one or more parts of a run, by 'scenario / arm'.

    `imbalance` the largest error of the count of cells relative to those given and born; `extinct` on which day (of
    those simulated) the last living cell of how many patients was gone; `failed` who failed and why; `patients` how
    many there were.
    """

    imbalance: float = 0.0
    patients: Counter[str] = field(default_factory=Counter)
    treated: Counter[str] = field(default_factory=Counter)
    extinct: dict[str, Counter[float]] = field(default_factory=dict)
    failed: list[tuple[str, int, str]] = field(default_factory=list)

    def add(self, place: str, simulated: Simulated) -> None:
        """Take in one arm of some patients."""
        self.patients[place] += len(simulated.cohort)
        for i in np.flatnonzero(~simulated.trajectories.complete):
            status = Status(int(simulated.trajectories.status[i]))
            self.failed.append((place, int(simulated.cohort.ids[i]), status.name.lower()))
        given = [dose for dose in simulated.doses if isinstance(dose.course.give, Product)]
        if not given:
            return
        self.imbalance = max(self.imbalance, imbalance(simulated, given))
        self.treated[place] += int(simulated.trajectories.complete.sum())
        days = extinction_days(simulated)
        self.extinct.setdefault(place, Counter()).update(days[np.isfinite(days)].tolist())

    def as_plain(self) -> dict[str, Any]:
        """The same as plain data that JSON can hold."""
        return {
            "imbalance": self.imbalance,
            "patients": dict(self.patients),
            "treated": dict(self.treated),
            "extinct": {place: sorted(days.items()) for place, days in self.extinct.items()},
            "failed": [list(row) for row in self.failed],
        }

    @staticmethod
    def joined(parts: Iterable[Mapping[str, Any]]) -> Numerics:
        """Those of several parts as one."""
        whole = Numerics()
        for part in parts:
            whole.imbalance = max(whole.imbalance, float(part["imbalance"]))
            whole.patients.update(part["patients"])
            whole.treated.update(part["treated"])
            for place, days in part["extinct"].items():
                whole.extinct.setdefault(place, Counter()).update({float(day): n for day, n in days})
            whole.failed += [(str(place), int(i), str(why)) for place, i, why in part["failed"]]
        return whole

    def record(self, tolerance: Mapping[str, Any]) -> dict[str, Any]:
        """What run.json says."""
        lost = Counter(place for place, _, _ in self.failed)
        return {
            "complete": {place: f"{n - lost[place]}/{n}" for place, n in self.patients.items()},
            "failed": [{"where": w, "patient": i, "status": s} for w, i, s in self.failed[:MOST_LISTED]],
            "cells in and out, relative error": self.imbalance,
            "extinct": {
                place: {"patients": sum(days.values()), "of": self.treated[place], "median day": _median(days)}
                for place, days in self.extinct.items()
            },
            "tolerance": dict(tolerance),
        }


def imbalance(simulated: Simulated, given: Iterable[GivenDose]) -> float:
    """The largest difference between cells in and cells accounted for, relative to those that came in.

    In: deposited by doses and born. Accounted for: alive anywhere, dead, departed.
    """
    times = simulated.times
    arrived = np.zeros((len(simulated.cohort), len(times)))
    for dose in given:
        share = sum(landed(d, dose.course) for d in deposits_of(dose.course) if d.state in COUNTED)
        arrived[:, times > dose.time] += (dose.delivered * share)[:, None]
    arrived += simulated["product.born"]
    found = sum(simulated[name] for name in (*COUNTED, "product.departed"))
    complete = simulated.trajectories.complete
    error = np.abs(found - arrived)[complete] / np.maximum(arrived[complete], 1.0)
    return float(error.max(initial=0.0))


def extinction_days(simulated: Simulated) -> NDArray[np.float64]:
    """The first simulated day on which less than one living cell is left after there was one, NaN if there is none."""
    alive = np.sum([simulated[name] for name in PLACES], axis=0)
    days = np.full(len(alive), np.nan)
    last_alive = np.where((alive >= 1).any(axis=1), alive.shape[1] - 1 - np.argmax(alive[:, ::-1] >= 1, axis=1), -1)
    gone = (last_alive >= 0) & (last_alive < alive.shape[1] - 1)
    days[gone] = simulated.times[last_alive[gone] + 1]
    return days


def tolerance_check(study: Study, simulator: Simulator, times: NDArray[np.float64]) -> dict[str, Any]:
    """Halve the tolerance in the first patients of the candidate arm and see what moves, in units of the tolerance.

    A difference counts against what the tolerance allows: relative to the value plus a thousandth of the largest in
    these patients, and the absolute tolerance of a state. `shift` is the 99th percentile over patients of the largest
    over outputs and times.
    """
    ids = np.arange(min(CHECKED, study.patients))
    cohort = simulator.cohort(ids)
    protocol, chosen = study.arms[study.candidate], scenario(study.scenarios[-1])
    runs = [simulator.run(cohort, protocol, chosen, times, rtol=rtol) for rtol in (RTOL, RTOL / 2)]
    both = runs[0].trajectories.complete & runs[1].trajectories.complete
    largest = np.zeros(int(both.sum()))
    states = simulator.compiled.system.states
    for name in SHOWN:
        one, two = (run[name][both] for run in runs)
        allowed = RTOL * (np.abs(two) + 1e-3 * np.abs(two).max(initial=0.0))
        allowed += states[name].absolute if name in states else 0.0
        with np.errstate(divide="ignore", invalid="ignore"):
            moved = np.where(allowed > 0, np.abs(one - two) / allowed, 0.0)
        largest = np.maximum(largest, moved.max(axis=1, initial=0.0))
    key, day = study.primary.key, study.primary.time
    changed = int((runs[0].outcome(key, day)[both] != runs[1].outcome(key, day)[both]).sum())
    shift = float(np.quantile(largest, 0.99)) if len(largest) else 0.0
    return {"rtol": RTOL, "patients": int(both.sum()), "shift": shift, "outcomes changed": changed}


def notes_on(record: Mapping[str, Any]) -> tuple[Note, ...]:
    """Warnings that the checks of a run give rise to, as sentences."""
    found = []
    error, tolerance = record["cells in and out, relative error"], record["tolerance"]
    if error > MOST_IMBALANCE:
        found.append(
            Note(
                f"Cells do not balance: those found differ from those given and born by up to {error:.1e} of them.",
                f"细胞数不守恒：存在的细胞与给予及增殖的细胞最多相差{error:.1e}（相对值）。",
            )
        )
    if tolerance["shift"] > MOST_SHIFT:
        found.append(
            Note(
                f"Halving the tolerance of the integration ({tolerance['rtol']:.0e}) moves outputs by up to "
                f"{tolerance['shift']:.3g} times that tolerance in {tolerance['patients']} patients; the primary "
                f"outcome of {tolerance['outcomes changed']} of them changes.",
                f"积分容差（{tolerance['rtol']:.0e}）减半后，{tolerance['patients']}名患者的输出最多改变该容差的"
                f"{tolerance['shift']:.3g}倍；其中{tolerance['outcomes changed']}名患者的主要结局改变。",
            )
        )
    return tuple(found)


def _median(days: Mapping[float, int]) -> float | None:
    every = sorted(day for day, n in days.items() for _ in range(n))
    return every[len(every) // 2] if every else None
