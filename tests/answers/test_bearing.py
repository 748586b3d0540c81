"""What of the posterior bears on a study's answer."""

from __future__ import annotations

from dataclasses import replace

import pytest
from case_factory import case_of

from homing.answers.case import Case
from homing.answers.recording.bearing import at_one_point, bearing
from homing.patients.posterior import posterior


@pytest.fixture(scope="module")
def case() -> Case:
    return case_of("admire-cd", 120)


def test_what_moves_the_outcome_bears_and_what_acts_elsewhere_does_not(case: Case) -> None:
    found = bearing(case)
    assert {"tract.k_close", "tract.efferocytosis_clearance", "tract_flares.rate"} <= set(found)
    assert "memory_survival" not in found, "nobody is conditioned"
    assert "tolerance.given_suppression" not in found, "no regulatory T cells are given"
    assert set(found) <= set(posterior().multiplied)


def test_nothing_of_it_bears_where_no_scenario_rests_on_it(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    by_hand = replace(at_one_point(case), rests_on_posterior=False)
    monkeypatch.setattr("homing.answers.recording.bearing.scenario", lambda key: by_hand)
    assert bearing(case) == ()


def test_one_point_of_the_posterior_is_one_world(case: Case) -> None:
    world = at_one_point(case)
    assert world.draws is None
    assert {world.factor(name) for name in ("efferocytosis.half_fistula", "secretome.half_fistula")} == {
        posterior().optimism("half_dose", 0.5)
    }
