"""Living product cells act through what they secrete."""

from __future__ import annotations

from typing import Any

from homing.mechanism import Module, Parameter, Reads, emits


class Secretome(Module):
    """The secretome of living cells in tissue, saturating with their number (cytokines live for hours)."""

    half_gut = Parameter("cells for half the effect in gut", "cell", symbol="C_50g")
    half_fistula = Parameter("cells for half the effect at the fistula", "cell", symbol="C_50f")

    secretory_in_gut = Reads("secreting cells in gut, as MSC equivalents", "cell", total=True)
    secretory_in_fistula = Reads("secreting cells at the fistula, likewise", "cell", total=True)

    @emits("1")
    def gut_secretome(self, y: Any, p: Any, s: Any) -> Any:
        """Effect of secreting cells in gut, 0 to 1."""
        return s.secretory_in_gut / (p.half_gut + s.secretory_in_gut)

    @emits("1")
    def fistula_secretome(self, y: Any, p: Any, s: Any) -> Any:
        """Effect of secreting cells at the fistula, 0 to 1."""
        return s.secretory_in_fistula / (p.half_fistula + s.secretory_in_fistula)
