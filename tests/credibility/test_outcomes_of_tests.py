"""How the tests of a checkout came out, as a record reads it from a JUnit file."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from record_cases import study

from homing.credibility.record.checkout import Checkout, read_checkout
from homing.credibility.record.facts import Facts
from homing.credibility.record.frame import Factor
from homing.credibility.record.outcomes import FILE
from homing.credibility.record.rules import FAIL, PASS, assess, rules
from homing.ground.errors import StudyError

NAME = {"en": "f", "zh": "f"}
FACTORS = [
    Factor("numerical-code", "code", NAME, NAME, ("tests/a",)),
    Factor("other", "code", NAME, NAME, ("tests/b",)),
]
RULES = {rule.key: rule for rule in rules()}
WRITTEN = datetime(2026, 3, 1, 12, tzinfo=UTC)
FAILED = '<failure message="no">trace</failure>'


def place(root: Path) -> Path:
    """A checkout of one source file and two folders of tests, the first with twelve functions."""
    for name, text in {
        "src/homing/x.py": "",
        "tests/a/test_x.py": "".join(f"def test_{i}(): ...\n" for i in range(12)),
        "tests/b/test_y.py": "class TestY:\n    def test_y(self): ...\n",
    }.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
        os.utime(root / name, (WRITTEN.timestamp(),) * 2)
    return root


def ran(root: Path, began: datetime, last: str = "", tag: str = "testsuites") -> None:
    """A result as pytest writes it: eleven cases of folder a passed, the twelfth ends as said; one skipped in b."""
    case = '<testcase classname="tests.a.test_x" name="test_{i}" time="0.1">{end}</testcase>'
    cases = "".join(case.format(i=i, end=last if i == 11 else "") for i in range(12))
    cases += '<testcase classname="tests.b.test_y.TestY" name="test_y[1]"><skipped message="no"/></testcase>'
    suite = f'<testsuite name="pytest" timestamp="{began.isoformat()}">{cases}</testsuite>'
    (root / FILE).parent.mkdir(exist_ok=True)
    (root / FILE).write_text(suite if tag == "testsuite" else f"<testsuites>{suite}</testsuites>")


def outcome(root: Path, found: Checkout, key: str = "independent-solutions"):
    return assess(RULES[key], Facts(study(root), "1", checkout=found), "low")


@pytest.mark.parametrize("tag", ["testsuites", "testsuite"])
def test_what_was_run_is_told_by_factor_and_passes(tmp_path: Path, tag: str) -> None:
    ran(place(tmp_path), WRITTEN + timedelta(hours=1), tag=tag)
    found = read_checkout(tmp_path, FACTORS)
    assert found.run is not None and not found.run.is_stale
    assert found.run.on == "2026-03-01T13:00:00Z"
    a, b = found.came_out["numerical-code"], found.came_out["other"]
    assert (a.passed, a.failed, a.skipped, len(a.functions)) == (12, 0, 0, 12)
    assert (b.passed, b.skipped, b.functions) == (0, 1, {"tests.b.test_y.TestY.test_y"})
    told = outcome(tmp_path, found)
    assert (told.outcome, told.value, told.remark, told.told["passed"]) == (PASS, 12, "tests-run", 12)
    assert outcome(tmp_path, found, "declared-tests").told["skipped"] == 1


def test_no_result_is_counted_only_and_said_so(tmp_path: Path) -> None:
    found = read_checkout(place(tmp_path), FACTORS)
    assert found.run is None
    told = outcome(tmp_path, found)
    assert (told.outcome, told.value, told.remark) == (PASS, 12, "tests-not-run")


@pytest.mark.parametrize("newer", ["src/homing/x.py", "tests/b/test_y.py"])
def test_a_result_of_older_source_is_stale(tmp_path: Path, newer: str) -> None:
    ran(place(tmp_path), WRITTEN + timedelta(hours=1))
    later = (WRITTEN + timedelta(hours=2)).timestamp()
    os.utime(tmp_path / newer, (later, later))
    found = read_checkout(tmp_path, FACTORS)
    assert found.run is not None and (found.run.newer, found.run.newest) == (1, newer)
    told = outcome(tmp_path, found)
    assert (told.outcome, told.remark) == (PASS, "tests-stale")


@pytest.mark.parametrize("end", [FAILED, '<error message="setup">trace</error>'])
@pytest.mark.parametrize("hours", [1, -1])
def test_a_failed_test_fails_the_rule_however_many_pass_and_however_old(tmp_path: Path, end: str, hours: int) -> None:
    ran(place(tmp_path), WRITTEN + timedelta(hours=hours), end)
    found = read_checkout(tmp_path, FACTORS)
    for key in ("independent-solutions", "declared-tests"):
        told = outcome(tmp_path, found, key)
        assert (told.outcome, told.told["failed"]) == (FAIL, 1), key
    assert RULES["independent-solutions"].holds(outcome(tmp_path, found).value, "low"), "eleven would be enough"


def test_a_test_of_another_factor_that_failed_fails_the_rule_of_all_tests_alone(tmp_path: Path) -> None:
    ran(place(tmp_path), WRITTEN + timedelta(hours=1), FAILED)
    swapped = [Factor(f.key, f.group, NAME, NAME, t.tests) for f, t in zip(FACTORS, FACTORS[::-1], strict=True)]
    found = read_checkout(tmp_path, swapped)
    assert outcome(tmp_path, found).told["failed"] == 0
    assert outcome(tmp_path, found, "declared-tests").outcome == FAIL


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<testsuites><testsuite",
        "<html/>",
        '<testsuite timestamp="2026-03-01T13:00:00"/>',
        '<testsuite><testcase classname="tests.a.test_x" name="t"/></testsuite>',
        '<testsuite timestamp="soon"><testcase classname="tests.a.test_x" name="t"/></testsuite>',
    ],
)
def test_a_damaged_result_is_refused_with_its_place_and_the_remedy(tmp_path: Path, text: str) -> None:
    place(tmp_path)
    (tmp_path / FILE).parent.mkdir()
    (tmp_path / FILE).write_text(text)
    with pytest.raises(StudyError, match="make test") as caught:
        read_checkout(tmp_path, FACTORS)
    assert str(tmp_path / FILE) in str(caught.value)
