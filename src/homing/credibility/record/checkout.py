"""The tests of a source checkout by credibility factor, counted, with how they came out when they were last run.

An installed package has none, and says so.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from homing.credibility.record.frame import Factor, frame
from homing.credibility.record.outcomes import Tally, TestRun, read_test_run

_ROOT = Path(__file__).parents[4]
#: Faulty study files that must be refused.
_REFUSED = Path("tests") / "files" / "invalid"


@dataclass(frozen=True)
class Checkout:
    """What a source checkout holds: test functions by factor, declared paths that are there and missing, and the number
    of faulty study files of the corpus. A parametrised test counts once.

    `run` is the last run of the tests and `came_out` its cases by factor; None and nothing where no result was kept.
    """

    tests: Mapping[str, int]
    present: tuple[str, ...]
    missing: tuple[str, ...]
    refused: int
    run: TestRun | None = None
    came_out: Mapping[str, Tally] = field(default_factory=dict)

    @property
    def share_present(self) -> float:
        """The share of declared paths that are there."""
        return len(self.present) / (len(self.present) + len(self.missing))


def checkout(root: Path | None = None) -> Checkout | None:
    """The checkout that this package runs from (or `root`); None for an installed package.

    Raises: StudyError naming a file of test results that is damaged.
    """
    place = _ROOT if root is None else root
    if not (place / "pyproject.toml").is_file() or not (place / "tests").is_dir():
        return None
    return read_checkout(place, frame().factors.values())


def read_checkout(root: Path, factors: Iterable[Factor]) -> Checkout:
    """Count the tests of factors in a source checkout, and read how they came out where a result was kept.

    Raises: StudyError naming a file of test results that is damaged.
    """
    counts, came_out = {}, {}
    declared: dict[str, bool] = {}
    run = read_test_run(root)
    for factor in factors:
        files = {file for path in factor.tests for file in _files(root / path)}
        counts[factor.key] = sum(_functions(file) for file in files)
        if run is not None:
            came_out[factor.key] = run.of(file.relative_to(root) for file in files)
        declared |= {path: bool(_files(root / path)) for path in factor.tests}
    return Checkout(
        tests=counts,
        present=tuple(sorted(path for path, there in declared.items() if there)),
        missing=tuple(sorted(path for path, there in declared.items() if not there)),
        refused=len(list((root / _REFUSED).glob("*.yaml"))),
        run=run,
        came_out=came_out,
    )


def _files(path: Path) -> list[Path]:
    """The test files at a path: itself, or those of a folder."""
    return [path] if path.is_file() else sorted(path.rglob("test_*.py"))


def _functions(file: Path) -> int:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return sum(isinstance(node, ast.FunctionDef) and node.name.startswith("test_") for node in ast.walk(tree))
