"""How the tests of a checkout came out when they were last run: a JUnit file, as `make test` leaves it.

A result is of the source that it was run on: where a file of the package or of the tests was written after the run
began, the result is stale and the record says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from xml.etree import ElementTree

from homing.ground.errors import StudyError

#: Where `make test` writes it, from the root of a checkout.
FILE = Path("build") / "tests.xml"
#: Folders whose files a result depends on.
_SOURCES = ("src", "tests")
_REMEDY = "Run the tests again (make test), or delete the file."


@dataclass(frozen=True)
class Tally:
    """Cases of tests by how they came out; `functions` names each function that was run once, however many cases."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0
    functions: frozenset[str] = frozenset()


@dataclass(frozen=True)
class TestRun:
    """The last run of the tests: when it began (UTC, ISO), how many files were written after that with one of them
    named, and the cases by module ('tests.engine.test_engine_events')."""

    #: Keeps pytest from taking this for a class of tests.
    __test__ = False

    on: str
    newer: int
    newest: str
    modules: Mapping[str, Tally] = field(repr=False)

    @property
    def is_stale(self) -> bool:
        """Whether a source or test file is newer than the run."""
        return self.newer > 0

    def of(self, files: Iterable[Path] | None = None) -> Tally:
        """The cases of some test files (relative to the checkout), of all where none are given."""
        names = self.modules if files is None else [_module(file) for file in files]
        found = [self.modules[name] for name in names if name in self.modules]
        return Tally(
            sum(t.passed for t in found),
            sum(t.failed for t in found),
            sum(t.skipped for t in found),
            frozenset().union(*(t.functions for t in found)),
        )


def read_test_run(root: Path) -> TestRun | None:
    """The last run of a checkout's tests; None where none was kept. Raises StudyError for a file that is damaged."""
    file = root / FILE
    if not file.is_file():
        return None
    try:
        tree = ElementTree.parse(file).getroot()
        suites = [tree] if tree.tag == "testsuite" else tree.findall("testsuite")
        cases = [case for suite in suites for case in suite.iter("testcase")]
        modules: dict[str, list[ElementTree.Element]] = {}
        for case in cases:
            modules.setdefault(_of_case(case), []).append(case)
        began = min(_time(suite.attrib["timestamp"]) for suite in suites)
    except (OSError, ValueError, KeyError, ElementTree.ParseError):
        raise StudyError(f"is no result of tests. {_REMEDY}", str(file)) from None
    if not cases:
        raise StudyError(f"holds no test. {_REMEDY}", str(file))
    newer = sorted((path for path in _sources(root) if path.stat().st_mtime > began.timestamp()), key=_written)
    newest = newer[-1].relative_to(root).as_posix() if newer else ""
    on = began.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return TestRun(on, len(newer), newest, {name: _tally(found) for name, found in modules.items()})


def _of_case(case: ElementTree.Element) -> str:
    """The module of a test, without the class that it may stand in."""
    parts = case.attrib["classname"].split(".")
    ends = [i for i, part in enumerate(parts, 1) if part.startswith("test_")]
    return ".".join(parts[: ends[0]] if ends else parts)


def _module(file: Path) -> str:
    return ".".join(file.with_suffix("").parts)


def _tally(cases: list[ElementTree.Element]) -> Tally:
    failed = sum(case.find("failure") is not None or case.find("error") is not None for case in cases)
    skipped = sum(case.find("skipped") is not None for case in cases)
    functions = frozenset(f"{case.attrib['classname']}.{case.attrib['name'].partition('[')[0]}" for case in cases)
    return Tally(len(cases) - failed - skipped, failed, skipped, functions)


def _time(text: str) -> datetime:
    """When a suite began; older versions of pytest write the local time without saying so."""
    return datetime.fromisoformat(text).astimezone()


def _written(file: Path) -> float:
    return file.stat().st_mtime


def _sources(root: Path) -> Iterator[Path]:
    for folder in _SOURCES:
        for where, folders, files in os.walk(root / folder):
            folders[:] = [name for name in folders if not name.startswith((".", "__pycache__"))]
            yield from (Path(where) / name for name in files)
