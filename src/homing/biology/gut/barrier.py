"""The epithelial barrier, and the luminal antigen that leaks through it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State, emits


class Barrier(Module):
    """Inflammation damages the epithelium; it heals by itself and faster where product cells act."""

    integrity = State("intact share of the epithelium", "1", initial=1, high=1, symbol="E_b")

    k_repair = Parameter("repair of the epithelium", "1/d", symbol="k_E")
    k_damage = Parameter("damage in full inflammation", "1/d", symbol="d_E")
    half_damage = Parameter("inflammation for half the damage", "1", symbol="K_E")
    efferocytosis_repair = Parameter("fold increase of repair at full efferocytosis", "1")
    secretome_repair = Parameter("fold increase of repair at full secretome", "1")
    leak_intact = Parameter("antigen through an intact barrier", "1", symbol="l_0")
    leak_lost = Parameter("antigen added where the barrier is lost", "1", symbol="l_1")
    clearance = Parameter("clearance of antigen by phagocytes, 1 = usual (NOD2)", "1", symbol="clr")
    loss_untreated = Parameter("barrier loss of untreated disease, which ulceration = 1 means", "1", high=1)

    inflamed_signalling = Reads("innate activation that reaches its targets", "1")
    dysbiosis = Reads("antigenicity of the flora, 1 = health", "1")
    gut_efferocytosis = Reads("healing programme in gut, 0 to 1", "1")
    gut_secretome = Reads("effect of secreting cells in gut, 0 to 1", "1")

    @emits("1")
    def antigen_load(self, y: Any, p: Any, s: Any) -> Any:
        """Luminal antigen in the mucosa."""
        return (p.leak_intact + p.leak_lost * (1 - y.integrity)) * s.dysbiosis / p.clearance

    @emits("1")
    def ulceration(self, y: Any, p: Any, s: Any) -> Any:
        """Loss of barrier, 1 = about untreated disease."""
        return (1 - y.integrity) / p.loss_untreated

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Repair and damage."""
        helped = 1 + p.efferocytosis_repair * s.gut_efferocytosis + p.secretome_repair * s.gut_secretome
        heat = s.inflamed_signalling**2
        damage = p.k_damage * heat / (p.half_damage**2 + heat)
        return {"integrity": p.k_repair * helped * (1 - y.integrity) - damage * y.integrity}
