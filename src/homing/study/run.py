"""Run a study: every arm and scenario in parts of patients, each finished part kept, then the files of the run folder.

A run that is stopped or killed leaves finished parts behind; the same study finds them by its hash and goes on.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import platform
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from homing import __version__
from homing.ground.errors import StudyError
from homing.ground.shape import NUMBER, PERHAPS, lacking
from homing.ground.whole_files import make_folder, whole_file
from homing.patients.population import population
from homing.study import folder as folders
from homing.study.cluster import parts_on_cluster
from homing.study.explicit import to_yaml
from homing.study.numerics import Numerics, notes_on, tolerance_check
from homing.study.parts import KEPT_TRAJECTORIES, Part, simulate_part, weekly
from homing.study.plan import Study
from homing.study.results import WEIGHTS
from homing.study.simulator import Simulator
from homing.study.tables import csv_file, parquet_file
from homing.study.weights import notes_on_weights, weights_of

if TYPE_CHECKING:
    import pyarrow as pa

#: Patients in one part: small enough to lose little and to need little memory, large enough to fill the lanes.
PART = 500
Progress = Callable[[str, int, int], None]
RESULTS, TRAJECTORIES, LEDGER = "results.parquet", "trajectories.parquet", "ledger.csv"
RESOLVED, RECORD = "study.resolved.yaml", "run.json"
#: What is read of a run's record, whoever reads it.
_SHAPE = {
    "files": {"*": str},
    "acceptance": NUMBER,
    "statuses": {"*": {"*": int}},
    "versions": {"*": str},
    "numerics": {
        "complete": {"*": str},
        "failed": [{"where": str, "patient": int, "status": str}],
        "cells in and out, relative error": NUMBER,
        "extinct": {"*": {"patients": int, "of": int, "median day": PERHAPS}},
        "tolerance": {"rtol": NUMBER, "patients": int, "shift": NUMBER, "outcomes changed": int},
    },
    "weighting?": {"table": str, "patients": int, "effective": NUMBER},
}
_PACKAGES = ("numpy", "scipy", "sympy", "numba", "llvmlite", "pyarrow")


@dataclass(frozen=True)
class Run:
    """A finished run: its folder, its study, its record, and the files of it that aren't those that were written.

    `altered` says of each of these files 'altered' or 'missing'.
    """

    study: Study
    folder: Path
    record: Mapping[str, Any] = field(repr=False)
    reused: bool = False
    altered: Mapping[str, str] = field(default_factory=dict)

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.folder.name

    @property
    def acceptance(self) -> float:
        """The share of drawn patients whose history fitted."""
        return float(self.record["acceptance"])

    @property
    def intact(self) -> float:
        """The share of the run's files that are as they were written."""
        return 1 - len(self.altered) / len(self.record["files"])

    def simulator(self, threads: int = 1) -> Simulator:
        """The simulator of this run's patients, for further questions to the same patients."""
        return Simulator(population(self.study.population), self.study.seed, threads)


def available_threads() -> int:
    """The processors that this process may use."""
    with contextlib.suppress(AttributeError):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def run(
    study: Study,
    out: Path | str = "runs",
    *,
    threads: int | None = None,
    cluster: str = "",
    progress: Progress = lambda step, done, total: None,
) -> Run:
    """Run a study, or take up a run of the same study that was stopped, or find the finished one.

    Arguments: `out` the folder in which the run's own is made; `threads` all processors when None (the files are the
    same whatever it is); `cluster` where parts are simulated instead, see `study.cluster`; `progress` is told the step,
    the simulated patients done and those in all.
    Raises: StudyError naming the folder or file when it can't be written.

    Example:
        >>> import homing as hm  # doctest: +SKIP
        >>> hm.run(hm.read_study("examples/admire-cd.yaml"), "runs").folder  # doctest: +SKIP
    """
    digest = run_digest(study)
    folder = Path(out) / folders.folder_name(Path(study.file).stem, digest)
    make_folder(folder)
    with folders.sole_use(folder):
        finished = _intact(folder)
        if finished is not None:
            return Run(study, folder, finished, reused=True)
        record = _simulate(study, folder, threads or available_threads(), cluster, progress)
        return Run(study, folder, record)


def run_digest(study: Study) -> str:
    """Eight hex digits of all that the result depends on: the resolved study with every value, and the version.

    What the report is written in and what the model is relied on for change no result.
    """
    content = {key: value for key, value in study.explicit.items() if key not in ("report", "credibility")}
    return folders.short_hash({"version": __version__, "study": content})


def find_run(study: Study, out: Path | str = "runs") -> Run | None:
    """The finished run of a study in a folder of runs, by its hash; None where there is none.

    One whose files were altered since is found too: see `Run.altered`.
    Raises: StudyError naming the run's record where it can't be read.
    """
    folder = Path(out) / folders.folder_name(Path(study.file).stem, run_digest(study))
    record = _record_in(folder)
    return None if record is None else Run(study, folder, record, reused=True, altered=_altered(folder, record))


def _intact(folder: Path) -> dict[str, Any] | None:
    """The record of a run that is complete and whose files are those that were written; else None."""
    try:
        record = _record_in(folder)
    except StudyError:
        return None
    return None if record is None or _altered(folder, record) else record


def _record_in(folder: Path) -> dict[str, Any] | None:
    """The record of a finished run; None where there is none. Raises StudyError for a file that is no record."""
    file = folder / RECORD
    try:
        found = json.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        found = None
    missing = lacking(found, _SHAPE) or ("" if found["files"] else "files")
    if missing:
        raise StudyError(
            f"is no record of a run: it was altered or damaged (see {missing}). Run the study again.", str(file)
        )
    return dict(found)


def _altered(folder: Path, record: Mapping[str, Any]) -> dict[str, str]:
    """The files of a run that aren't those that its record has checksums of: 'altered' or 'missing'."""
    found = {}
    for name, text in record["files"].items():
        try:
            if _checksum(folder / name) != text:
                found[name] = "altered"
        except OSError:
            found[name] = "missing"
    return found


def _simulate(study: Study, folder: Path, threads: int, cluster: str, progress: Progress) -> dict[str, Any]:
    began = time.perf_counter()
    with contextlib.suppress(FileNotFoundError):
        (folder / RECORD).unlink()
    make_folder(folder / "parts")
    starts = range(0, study.patients, PART)
    waiting = [range(s, min(s + PART, study.patients)) for s in starts if not _is_kept(folder, s)]
    started = folders.started(folder, taken_up=len(waiting) < len(starts))
    folders.write_text(folder / RESOLVED, to_yaml(study))
    simulator = Simulator(population(study.population), study.seed, threads)
    compiled = time.perf_counter()
    weighting = weights_of(study, simulator, folder)
    each = len(study.arms) * len(study.scenarios)
    done = study.patients - sum(len(part) for part in waiting)
    progress("simulate", done * each, study.patients * each)
    for first, part in parts_on_cluster(study, waiting, cluster) if cluster else _parts_here(study, simulator, waiting):
        _keep(folder, first, part)
        done += part.patients
        progress("simulate", done * each, study.patients * each)
    simulated = time.perf_counter()
    tally = _merge(folder, list(starts)) | {"weighting": weighting}
    tally["numerics"] = tally["numerics"].record(tolerance_check(study, simulator, weekly(study)))
    seconds = {
        "compile": compiled - began,
        "simulate": simulated - compiled,
        "write": time.perf_counter() - simulated,
    }
    record = _record(study, folder, tally, seconds, threads) | {"started": started}
    folders.write_json(folder / RECORD, record)
    folders.remove_parts(folder)
    return record


def _parts_here(study: Study, simulator: Simulator, parts: Sequence[range]) -> Iterator[tuple[int, Part]]:
    for part in parts:
        yield part.start, simulate_part(study, simulator, np.arange(part.start, part.stop))


def _part_files(folder: Path, first: int) -> dict[str, Path]:
    return {kind: folder / "parts" / f"{first:09d}.{kind}.parquet" for kind in ("results", "trajectories", "ledger")}


def _keep(folder: Path, first: int, part: Part) -> None:
    """Write a part; its results come last and say that it is whole."""
    import pyarrow.parquet as pq

    files = _part_files(folder, first)
    told = {"attempts": str(part.attempts), "numerics": json.dumps(part.numerics.as_plain())}
    marked = part.results.replace_schema_metadata(told)
    for kind, table in (("trajectories", part.trajectories), ("ledger", part.ledger), ("results", marked)):
        if table is not None:
            with whole_file(files[kind]) as temporary:
                pq.write_table(table, temporary)


def _is_kept(folder: Path, first: int) -> bool:
    """Whether a part is finished: its results are there and every file of it can be read to its end."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    files = _part_files(folder, first)
    wanted = [files["results"], files["ledger"], *([files["trajectories"]] if first < KEPT_TRAJECTORIES else [])]
    try:
        for file in wanted:
            pq.read_metadata(file)
    except (OSError, pa.ArrowException):
        return False
    return True


def _merge(folder: Path, starts: list[int]) -> dict[str, Any]:
    """Join the parts into the files of the run, one part in memory at a time. Returns counts for the record."""
    import pyarrow.parquet as pq

    attempts = 0
    numerics = []
    statuses: dict[str, dict[str, int]] = {}
    with contextlib.ExitStack() as stack:
        results = stack.enter_context(parquet_file(folder / RESULTS))
        ledger = stack.enter_context(csv_file(folder / LEDGER))
        for first in starts:
            table = pq.read_table(_part_files(folder, first)["results"])
            attempts += int(table.schema.metadata[b"attempts"])
            numerics.append(json.loads(table.schema.metadata[b"numerics"]))
            _count_statuses(table, statuses)
            results(table.replace_schema_metadata(None))
            ledger(pq.read_table(_part_files(folder, first)["ledger"]))
    with parquet_file(folder / TRAJECTORIES) as trajectories:
        for first in starts:
            if first < KEPT_TRAJECTORIES:
                trajectories(pq.read_table(_part_files(folder, first)["trajectories"]))
    return {"attempts": attempts, "statuses": statuses, "numerics": Numerics.joined(numerics)}


def _count_statuses(table: pa.Table, counts: dict[str, dict[str, int]]) -> None:
    """Add the patients of each scenario and arm by how their simulation ended (one row of each patient is day 0)."""
    import pyarrow.compute as pc

    grouped = (
        table.filter(pc.equal(table["day"], 0.0)).group_by(["scenario", "arm", "status"]).aggregate([([], "count_all")])
    )
    for row in grouped.to_pylist():
        place = counts.setdefault(f"{row['scenario']} / {row['arm']}", {})
        place[row["status"]] = place.get(row["status"], 0) + row["count_all"]


def _record(
    study: Study, folder: Path, tally: Mapping[str, Any], seconds: Mapping[str, float], threads: int
) -> dict[str, Any]:
    return {
        "homing": __version__,
        "study": study.title,
        "seed": study.seed,
        "patients": study.patients,
        "acceptance": study.patients / tally["attempts"],
        "statuses": tally["statuses"],
        "numerics": tally["numerics"],
        **({"weighting": tally["weighting"]} if tally["weighting"] else {}),
        "notes": [*study.notes, *notes_on(tally["numerics"]), *notes_on_weights(tally["weighting"])],
        "files": {
            name: _checksum(folder / name)
            for name in (RESULTS, TRAJECTORIES, LEDGER, RESOLVED, *([WEIGHTS] if tally["weighting"] else []))
        },
        "versions": {"python": platform.python_version(), **{name: version(name) for name in _PACKAGES}},
        "machine": {"system": platform.system(), "processor": platform.machine(), "threads": threads},
        "seconds": {name: round(value, 3) for name, value in seconds.items()},
        "finished": folders.now(),
    }


def _checksum(path: Path) -> str:
    with path.open("rb") as file:
        return "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
