"""The fistula tract: sepsis keeps it open, closure starves sepsis."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State, emits


class Tract(Module):
    """A tract heals when its sepsis is cleared faster than the open part feeds it.

    Surgery is an event on both states; it is in the control arm too. How much cells add is an effect size that trials
    decide: in ADMIRE-CD and ADMIRE-CD II the same product differed.
    """

    sepsis = State("tract inflammation, 1 = untreated", "1", symbol="F_i")
    closure = State("closed share of the tract", "1", initial=1, high=1, symbol="H_f")

    k_sepsis = Parameter("sepsis fed by an open tract", "1/d", symbol="k_F")
    luminal_drive = Parameter("fold increase of sepsis by gut inflammation", "1", symbol="chi")
    k_clear = Parameter("clearance of sepsis", "1/d", symbol="d_F")
    efferocytosis_clearance = Parameter("fold increase of clearance at full efferocytosis", "1", symbol="m_E")
    secretome_clearance = Parameter("fold increase of clearance at full secretome", "1", symbol="m_S")
    tnf_clearance = Parameter("fold increase of clearance at full TNF blockade", "1")
    k_close = Parameter("closure without sepsis", "1/d", symbol="k_H")
    secretome_closure = Parameter("fold increase of closure at full secretome", "1", symbol="m_H")
    half_sepsis = Parameter("sepsis that halves closure", "1", symbol="K_F")
    k_break = Parameter("breakdown by sepsis", "1/d", symbol="k_Df")

    inflamed_signalling = Reads("innate activation that reaches its targets", "1")
    fistula_efferocytosis = Reads("healing programme at the fistula, 0 to 1", "1")
    fistula_secretome = Reads("effect of secreting cells at the fistula, 0 to 1", "1")
    tnf_blockade = Reads("share of TNF signalling blocked", "1", total=True)

    @emits("1")
    def tract_sepsis(self, y: Any, p: Any, s: Any) -> Any:
        """Tract inflammation, 1 = untreated."""
        return y.sepsis

    @emits("1")
    def tract_closure(self, y: Any, p: Any, s: Any) -> Any:
        """Closed share of the tract."""
        return y.closure

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Sepsis fed by the open tract and cleared; closure held back by sepsis."""
        cells = p.efferocytosis_clearance * s.fistula_efferocytosis + p.secretome_clearance * s.fistula_secretome
        cleared = p.k_clear * (1 + cells + p.tnf_clearance * s.tnf_blockade) * y.sepsis
        fed = p.k_sepsis * (1 - y.closure) * (1 + p.luminal_drive * s.inflamed_signalling)
        closing = p.k_close * (1 - y.closure) * (1 + p.secretome_closure * s.fistula_secretome)
        return {
            "sepsis": fed - cleared,
            "closure": closing / (1 + (y.sepsis / p.half_sepsis) ** 4) - p.k_break * y.sepsis * y.closure,
        }
