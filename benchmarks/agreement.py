"""How closely the statistics agree with metafor: runs the tests that compare numbers, and prints the differences.

python -m benchmarks.agreement
"""

from __future__ import annotations

import contextlib
import io
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

TESTS = Path(__file__).parents[1] / "tests" / "synthesis"


class Recorder:
    """A pytest plugin that notes how far each number compared was from metafor's, under the file that compared it."""

    def __init__(self) -> None:
        self.file = ""
        self.differences: dict[str, list[float]] = {}
        self.failed = 0

    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        self.file = item.path.stem.removeprefix("test_").replace("_", " ")

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.failed += report.failed
        if report.failed:
            print(f"{report.nodeid} failed", file=sys.stderr)

    def note(self, found: object, expected: object, least: float) -> None:
        """Relative differences; those below `least`, which don't count, are noted as what they are to 1."""
        f, e = np.broadcast_arrays(np.asarray(found, dtype=float), np.asarray(expected, dtype=float))
        with np.errstate(invalid="ignore"):
            gap, size = np.abs(f - e).ravel(), np.abs(e).ravel()
        alike = (f == e).ravel() | (np.isnan(f) & np.isnan(e)).ravel()
        relative = np.where(gap <= least, gap, gap / np.where(size > 0, size, 1.0))
        self.differences.setdefault(self.file, []).extend(np.where(alike, 0.0, relative).tolist())


def main() -> None:
    """Run the comparisons and print one line for each kind."""
    sys.path.insert(0, str(TESTS))
    import metafor_reference  # ty: ignore[unresolved-import]

    recorder, compare = Recorder(), metafor_reference.near

    def near(found: object, expected: object, tolerance: float, what: object, least: float = 0.0) -> Any:
        recorder.note(found, expected, least)
        return compare(found, expected, tolerance, what, least)

    metafor_reference.near = near
    with contextlib.redirect_stdout(io.StringIO()):
        pytest.main([str(TESTS), "-q", "-p", "no:cacheprovider"], plugins=[recorder])
    print(f"{'compared':22s} {'numbers':>8s} {'median':>9s} {'99 %':>9s} {'largest':>9s}")
    for name, gaps in sorted(recorder.differences.items()):
        print(f"{name:22s} {len(gaps):8d} {np.median(gaps):9.1e} {np.quantile(gaps, 0.99):9.1e} {max(gaps):9.1e}")
    print(f"{recorder.failed} tests failed")


if __name__ == "__main__":
    main()
