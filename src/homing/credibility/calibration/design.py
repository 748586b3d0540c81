"""A design: cohorts simulated at points spread over the unknowns, kept on disk as they are finished."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration.unknowns import Unknowns
from homing.ground.whole_files import make_folder, whole_file
from homing.inference.emulator import Emulators, fit_emulators, sobol_design

#: Points that are simulated between two files.
BLOCK = 20
#: Events and patients (output,) at factors on the mechanism's values.
Simulate = Callable[[Mapping[str, float]], tuple[NDArray[np.int64], NDArray[np.int64]]]
Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Design:
    """Points (point, factor) as logarithms of the factors; events and patients (point, output) simulated there."""

    unknowns: Unknowns
    outputs: tuple[str, ...]
    points: NDArray[np.float64]
    events: NDArray[np.int64]
    patients: NDArray[np.int64] = field(repr=False)

    def emulators(self) -> Emulators:
        """The emulators of all outputs, on the box of the unknowns."""
        patients = np.maximum(self.patients, 1)  # a point where nobody is counted tells as much as one patient
        return fit_emulators(self.points, self.events, patients, self.unknowns.low, self.unknowns.high, degree=2)


def run_design(
    unknowns: Unknowns,
    outputs: Sequence[str],
    simulate: Simulate,
    points: int,
    seed: int,
    settings: Mapping[str, object],
    folder: Path,
    progress: Progress = lambda step, done, total: None,
) -> Design:
    """Simulate a design, or take up one that was stopped.

    Arguments: `outputs` the names of what `simulate` returns; `settings` all else that the results depend on (patients,
    versions), by which a folder's files are known to belong to this design.
    """
    design = sobol_design(unknowns.low, unknowns.high, points, seed)
    told = {"points": points, "seed": seed, **settings}
    return run_points(unknowns, outputs, simulate, design, told, folder, progress)


def run_points(
    unknowns: Unknowns,
    outputs: Sequence[str],
    simulate: Simulate,
    points: NDArray[np.float64],
    settings: Mapping[str, object],
    folder: Path,
    progress: Progress = lambda step, done, total: None,
) -> Design:
    """Simulate points (point, factor), logarithms of the factors, or take up what is kept of them in `folder`.

    Arguments: `settings` all that the results depend on beside the box of the unknowns, the points included.
    """
    told = {"domain": unknowns.domain, "outputs": list(outputs), **settings}
    told["box"] = [[f.key, *f.design, list(f.multiplies)] for f in unknowns.factors.values()]
    digest = hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()[:16]
    make_folder(folder)
    events, patients = [], []
    step = f"simulate {unknowns.domain}"
    for first in range(0, len(points), BLOCK):
        part = points[first : first + BLOCK]
        file = folder / f"{unknowns.domain}-{digest}-{first:05d}.npz"
        found = _kept(file, (len(part), len(outputs)))
        if found is None:
            each = [simulate(unknowns.changes(dict(zip(unknowns.factors, np.exp(p), strict=True)))) for p in part]
            found = np.array([e for e, _ in each]), np.array([n for _, n in each])
            with whole_file(file) as temporary, temporary.open("wb") as opened:
                np.savez(opened, events=found[0], patients=found[1])
        events.append(found[0])
        patients.append(found[1])
        progress(step, min(first + BLOCK, len(points)), len(points))
    return Design(unknowns, tuple(outputs), points, np.concatenate(events), np.concatenate(patients))


def _kept(file: Path, shape: tuple[int, int]) -> tuple[NDArray[np.int64], NDArray[np.int64]] | None:
    """A finished block of (points, outputs), or None where there is none that can be read and is of this shape."""
    try:
        with file.open("rb") as opened, np.load(opened) as found:
            events, patients = found["events"], found["patients"]
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    counts = all(x.shape == shape and x.dtype.kind in "iu" for x in (events, patients))
    return (events, patients) if counts and np.all((0 <= events) & (events <= patients)) else None
