"""Innate activation of the gut: the source of TNF and IL-6."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State, emits


class Innate(Module):
    """Macrophages are driven by leaking antigen, pathogenic T cells and autoantibody, and held by tolerance."""

    activation = State("innate activation, about 1 = untreated disease", "1", symbol="I")

    k_turnover = Parameter("turnover of activated cells", "1/d", symbol="k_I")
    most_activation = Parameter("activation at full stimulus", "1", symbol="I_max")
    half_stimulus = Parameter("stimulus for half the activation", "1", symbol="K_st")
    effector_weight = Parameter("stimulus by pathogenic T cells", "1", symbol="w_T")
    synergy_weight = Parameter("stimulus by T cells and antigen together", "1", symbol="w_LT")
    autoantibody_weight = Parameter("stimulus by autoantibody", "1", symbol="w_B")

    antigen_load = Reads("luminal antigen in the mucosa", "1")
    pathogenic_effectors = Reads("pathogenic T cells in the mucosa", "1")
    autoantibody_activity = Reads("autoantibody activity", "1")
    tolerance = Reads("tone of IL-10 and TGF-beta", "1")
    tnf_blockade = Reads("share of TNF signalling blocked", "1", total=True)
    stimulus_damped = Reads("share of the T cells' stimulus taken away by a drug", "1", total=True)

    @emits("1")
    def inflammation(self, y: Any, p: Any, s: Any) -> Any:
        """Innate activation, about 1 = untreated disease."""
        return y.activation

    @emits("1")
    def inflamed_signalling(self, y: Any, p: Any, s: Any) -> Any:
        """Innate activation that reaches its targets: what TNF blockade leaves."""
        return y.activation * (1 - s.tnf_blockade)

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Saturating response to the stimulus."""
        cells = p.effector_weight + p.synergy_weight * s.antigen_load
        from_cells = cells * s.pathogenic_effectors * (1 - s.stimulus_damped)
        driven = s.antigen_load + from_cells + p.autoantibody_weight * s.autoantibody_activity
        stimulus = driven / (1 + s.tolerance)
        target = p.most_activation * stimulus / (p.half_stimulus + stimulus)
        return {"activation": p.k_turnover * (target - y.activation)}
