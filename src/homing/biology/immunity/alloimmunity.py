"""The patient's response against foreign product cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State, emits


class Alloimmunity(Module):
    """Foreign cells prime effectors; effectors leave memory and antibody, so that a later dose is met sooner.

    The same equations stand for immunity against the receptor of CAR-T cells. Two products share one response.
    """

    effectors = State("effector cells against the product", "1", symbol="T_a")
    memory = State("memory of the product", "1", high=1, symbol="M_a")
    antibody = State("antibody against the donor", "1", symbol="D_sa")

    k_priming = Parameter("priming at full antigen", "1/d", symbol="k_pr")
    half_antigen = Parameter("foreign cells for half the priming", "cell", symbol="K_ag")
    memory_gain = Parameter("fold increase of priming at full memory", "1", symbol="mu")
    effector_capacity = Parameter("most effectors", "1")
    k_effector_loss = Parameter("loss of effectors", "1/d", symbol="d_a")
    k_memory_formation = Parameter("effectors into memory", "1/d", symbol="c_M")
    k_memory_loss = Parameter("loss of memory", "1/d", symbol="d_M")
    k_antibody = Parameter("antibody made at full effectors and B cells", "1/d", symbol="k_D")
    antibody_memory_gain = Parameter("fold increase of antibody at full memory", "1", symbol="mu_D")
    k_antibody_loss = Parameter("loss of antibody", "1/d", symbol="d_D")
    k_kill_by_effectors = Parameter("killing at effectors = 1", "1/d", symbol="k_a")
    k_kill_by_antibody = Parameter("killing at antibody = 1", "1/d", symbol="k_d")

    foreign_cells = Reads("cells that the response can see", "cell", total=True)
    foreign_antigen = Reads("the same weighted by how foreign they are", "cell", total=True)
    t_cell_space = Reads("polyclonal T-cell space filled, 0 to 1", "1")
    b_cells = Reads("B cells relative to health", "1")

    @emits("1/d")
    def immune_clearance(self, y: Any, p: Any, s: Any) -> Any:
        """Killing of unshielded foreign cells."""
        return p.k_kill_by_effectors * y.effectors + p.k_kill_by_antibody * y.antibody

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Priming that saturates with cells, memory, antibody."""
        seen = s.foreign_antigen / (p.half_antigen + s.foreign_cells)
        room = 1 - y.effectors / p.effector_capacity
        primed = p.k_priming * seen * s.t_cell_space * (1 + p.memory_gain * y.memory) * room
        made = p.k_antibody * y.effectors * s.b_cells * (1 + p.antibody_memory_gain * y.memory)
        return {
            "effectors": primed - p.k_effector_loss * y.effectors,
            "memory": p.k_memory_formation * y.effectors * (1 - y.memory) - p.k_memory_loss * y.memory,
            "antibody": made - p.k_antibody_loss * y.antibody,
        }
