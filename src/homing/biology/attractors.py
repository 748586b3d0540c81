"""Where a patient is started before the mechanism settles: from health, from disease, with an open tract.

These are corners of the state space (0 or 1), not facts: each lies in the basin of its attractor, and the settled
state depends on the values of the patient alone.
"""

from __future__ import annotations

from collections.abc import Mapping

from homing.mechanism import System

#: States that differ from the declared initial value (which is health).
HEALTHY: Mapping[str, float] = {}
INFLAMED: Mapping[str, float] = {
    "innate.activation": 1,
    "tcells.effector": 1,
    "tcells.memory": 1,
    "bcells.autoantibody": 1,
    "barrier.integrity": 0,
}
OPEN_TRACT: Mapping[str, float] = {"tract.sepsis": 1, "tract.closure": 0}


def start(system: System, *changes: Mapping[str, float]) -> list[float]:
    """The states to settle from, in state order: health with `changes`, e.g. INFLAMED or OPEN_TRACT.

    Raises: WiringError for a state that the System doesn't have.

    Example:
        >>> from homing.biology.ibd import ibd_system
        >>> start(ibd_system(), INFLAMED)[ibd_system().state_index("innate.activation")]
        1
    """
    y = system.initial()
    for change in changes:
        for name, value in change.items():
            y[system.state_index(name)] = value
    return y
