"""Under which assumptions a replay is simulated: the posterior where the catalogue has one."""

from __future__ import annotations

from homing.evidence.catalogue import names
from homing.patients.scenario import Scenario, scenario

POSTERIOR, BEFORE = "posterior", "pooled"
#: The scenarios over which a simulated number's range is shown.
RANGE = ("sceptical", "optimistic")


def central_scenario() -> str:
    """The scenario whose numbers are compared: 'posterior' where there is one, 'pooled' before."""
    return POSTERIOR if POSTERIOR in names("scenarios") else BEFORE


def replay_scenarios() -> tuple[Scenario, ...]:
    """The central scenario, then those of the range."""
    return tuple(scenario(key) for key in (central_scenario(), *RANGE))
