"""The hazard of an infection when neutrophils, T cells or B cells are low."""

from __future__ import annotations

from typing import Any

from homing.mechanism import Module, Parameter, Reads, at_least, emits


class Infection(Module):
    """Each missing defence multiplies the hazard by its own ratio."""

    usual_hazard = Parameter("hazard with all defences", "1/yr")
    safe_neutrophils = Parameter("neutrophils, relative to health, above which none is missing", "1")
    neutrophil_ratio = Parameter("hazard ratio without neutrophils", "1", low=1)
    t_cell_ratio = Parameter("hazard ratio without T cells", "1", low=1)
    b_cell_ratio = Parameter("hazard ratio without B cells", "1", low=1)

    neutrophil_count = Reads("neutrophils relative to health", "1")
    t_cell_space = Reads("polyclonal T-cell space filled, 0 to 1", "1")
    b_cells = Reads("B cells relative to health", "1")

    @emits("1/yr")
    def infection_hazard(self, y: Any, p: Any, s: Any) -> Any:
        """Infections per year."""
        missing_neutrophils = at_least(1 - s.neutrophil_count / p.safe_neutrophils, 0)
        lymphocytes = p.t_cell_ratio ** (1 - s.t_cell_space) * p.b_cell_ratio ** (1 - s.b_cells)
        return p.usual_hazard * p.neutrophil_ratio**missing_neutrophils * lymphocytes
