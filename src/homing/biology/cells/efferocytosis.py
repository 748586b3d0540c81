"""Dying product cells reprogram the phagocytes that engulf them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State, emits


class Efferocytosis(Module):
    """Phagocytes that engulf dying cells turn to a healing programme, which fades.

    This lets a product act for weeks though its cells live for days. No quantitative dose-response has been
    published; both half-effects are assumed.
    """

    gut = State("phagocytes reprogrammed in gut, as dying cells engulfed", "cell", absolute=1, symbol="R_g")
    fistula = State("phagocytes reprogrammed at the fistula, likewise", "cell", absolute=1, symbol="R_f")

    k_fade = Parameter("loss of the healing programme", "1/d", symbol="d_R")
    f_systemic = Parameter("share of deaths elsewhere that acts on the gut", "1", high=1, symbol="phi_s")
    half_gut = Parameter("engulfed cells for half the effect in gut", "cell", symbol="R_50g")
    half_fistula = Parameter("engulfed cells for half the effect at the fistula", "cell", symbol="R_50f")

    efferocytic_in_gut = Reads("cells dying per day in gut, as MSC equivalents", "cell/d", total=True)
    efferocytic_in_fistula = Reads("cells dying per day at the fistula, likewise", "cell/d", total=True)
    efferocytic_elsewhere = Reads("cells dying per day elsewhere, likewise", "cell/d", total=True)

    @emits("1")
    def gut_efferocytosis(self, y: Any, p: Any, s: Any) -> Any:
        """Healing programme in gut, 0 to 1."""
        return y.gut / (p.half_gut + y.gut)

    @emits("1")
    def fistula_efferocytosis(self, y: Any, p: Any, s: Any) -> Any:
        """Healing programme at the fistula, 0 to 1."""
        return y.fistula / (p.half_fistula + y.fistula)

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Gain by engulfed cells, loss by fading."""
        return {
            "gut": s.efferocytic_in_gut + p.f_systemic * s.efferocytic_elsewhere - p.k_fade * y.gut,
            "fistula": s.efferocytic_in_fistula - p.k_fade * y.fistula,
        }
