"""Under which assumptions a replay is simulated: the posterior, and the range over its summaries."""

from __future__ import annotations

from homing.patients.scenario import POSTERIOR, Scenario, scenario

#: The scenarios over which a simulated number's range is shown.
RANGE = ("sceptical", "optimistic")


def replay_scenarios() -> tuple[Scenario, ...]:
    """The posterior, whose numbers are compared, then those of the range."""
    return tuple(scenario(key) for key in (POSTERIOR, *RANGE))
