"""Natural killer cells: they kill what carries no HLA, which is what an edit against rejection leaves."""

from __future__ import annotations

from typing import Any

from homing.mechanism import Module, Parameter, Reads, emits


class NaturalKillers(Module):
    """The penalty of an HLA edit. Natural killer cells fall with conditioning and come back with the neutrophils."""

    k_missing_self = Parameter("killing of cells without any HLA, by a full count of natural killer cells", "1/d")

    neutrophil_count = Reads("neutrophils relative to health", "1")

    @emits("1/d")
    def natural_killing(self, y: Any, p: Any, s: Any) -> Any:
        """Killing of cells without HLA by natural killer cells."""
        return p.k_missing_self * s.neutrophil_count
