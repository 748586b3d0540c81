"""What conditioning does to the patient beside the immune system: organ injury, and the hazards that follow from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, State, emits


class Conditioning(Module):
    """Injury of endothelium and organs by a regimen. It is read by safety alone: no efficacy depends on it.

    The procedure sets `injury` (1 = a full regimen); it heals within weeks. Death and thrombotic microangiopathy are
    hazards apart; fatal infections of these weeks are counted in the deaths that reports give, and so in this hazard.
    """

    injury = State("injury of organs by conditioning, 1 = just after a full regimen", "1")

    k_healing = Parameter("healing of the injury", "1/d")
    death_by_injury = Parameter("hazard of death at injury = 1", "1/yr")
    microangiopathy_by_injury = Parameter("hazard of thrombotic microangiopathy at injury = 1", "1/yr")

    @emits("1/yr")
    def treatment_death_hazard(self, y: Any, p: Any, s: Any) -> Any:
        """Deaths by the regimen per year."""
        return p.death_by_injury * y.injury

    @emits("1/yr")
    def microangiopathy_hazard(self, y: Any, p: Any, s: Any) -> Any:
        """Thrombotic microangiopathies by the regimen per year."""
        return p.microangiopathy_by_injury * y.injury

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Healing."""
        return {"injury": -p.k_healing * y.injury}
