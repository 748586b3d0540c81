"""Cases for tests: a study run with few patients, as the report gets it."""

from __future__ import annotations

import functools
import tempfile
from importlib import import_module
from pathlib import Path

from homing.answers.case import Case
from homing.answers.content import Chapter
from homing.evidence.store import load_store
from homing.report.publish import CHAPTERS
from homing.study.resolve import read_study
from homing.study.results import read_results
from homing.study.run import RESULTS, run

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted(path.stem for path in (ROOT / "examples").glob("*.yaml"))
VALID = sorted(path.name for path in (ROOT / "tests" / "files" / "valid").glob("*.yaml"))


@functools.lru_cache(maxsize=64)
def case_of(file: str, patients: int = 40) -> Case:
    """The case of an example by its name, or of a valid study file by its file name."""
    path = ROOT / "examples" / f"{file}.yaml" if file in EXAMPLES else ROOT / "tests" / "files" / "valid" / file
    return case_at(path, patients)


def case_at(path: Path, patients: int) -> Case:
    """The case of a study file anywhere."""
    study = read_study(path, patients=patients, seed=7)
    finished = run(study, tempfile.mkdtemp(prefix="homing-case-"))
    results = read_results(study, finished.folder / RESULTS)
    return Case(study, finished, results, finished.simulator(), load_store())


@functools.lru_cache(maxsize=256)
def chapter_of(file: str, number: int, patients: int = 40) -> Chapter:
    """One chapter of a case."""
    answer = import_module(f"homing.answers.{CHAPTERS[number - 1]}").answer
    chapter = answer(case_of(file, patients))
    assert isinstance(chapter, Chapter)
    return chapter
