"""Deaths by conditioning: every regimen that injures has a count behind it, and its own where it has a trial."""

from __future__ import annotations

import pytest

from homing.answers.deaths import deaths_counted, deaths_of
from homing.evidence.catalogue import names
from homing.evidence.store import load_store
from homing.ground.proportions import exact_interval
from homing.protocol import catalogue
from homing.protocol.course import PlannedProcedure, Protocol


def after(key: str) -> Protocol:
    """A protocol with one procedure."""
    return Protocol(key, (PlannedProcedure(catalogue.procedure(key), 0.0),))


@pytest.mark.parametrize("key", names("procedures"))
def test_exactly_the_procedures_that_injure_organs_carry_deaths(key: str) -> None:
    injures = any(change.state == "conditioning.injury" for change in catalogue.procedure(key).changes)
    assert (deaths_of(after(key), load_store()) is not None) == injures


@pytest.mark.parametrize(("key", "events", "n"), [("conditioning-astic", 1, 23), ("conditioning-astic-lite", 2, 13)])
def test_a_regimen_with_a_trial_of_its_own_has_the_deaths_of_that_trial(key: str, events: int, n: int) -> None:
    found = deaths_of(after(key), load_store())
    assert found is not None and found.value == events / n
    assert (found.low, found.high) == exact_interval(events, n)


def test_the_usual_regimen_has_those_of_all_programmes_together() -> None:
    counted = deaths_counted(after("hsct-conditioning"), load_store())
    assert {single.trial.key for single in counted} > {"ASTIC", "ASTIClite", "Burt-2010"}
    found = deaths_of(after("hsct-conditioning"), load_store())
    crude = sum(s.counts.events for s in counted) / sum(s.counts.n for s in counted)
    assert found is not None and found.low < crude < found.high
