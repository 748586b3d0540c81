"""C-reactive protein and faecal calprotectin, as an assay without error would read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State


class Markers(Module):
    """CRP follows inflammation within days; calprotectin follows inflammation and ulceration within weeks."""

    crp = State("C-reactive protein in serum", "mg/L", initial=1, absolute=1e-6, symbol="CRP")
    calprotectin = State("calprotectin in stool", "ug/g", initial=1, absolute=1e-6, symbol="FC")

    k_crp = Parameter("turnover of CRP", "1/d", symbol="k_crp")
    crp_rest = Parameter("CRP without inflammation", "mg/L", symbol="crp_0")
    crp_inflamed = Parameter("CRP added at inflammation = 1", "mg/L", symbol="crp_M")
    half_crp = Parameter("inflammation for half the CRP", "1", symbol="K_crp")
    k_calprotectin = Parameter("turnover of calprotectin", "1/d", symbol="k_fc")
    calprotectin_rest = Parameter("calprotectin without inflammation", "ug/g", symbol="fc_0")
    calprotectin_inflamed = Parameter("calprotectin added in untreated disease", "ug/g", symbol="fc_M")
    f_without_ulcers = Parameter("share of that without ulceration", "1", high=1)

    inflammation = Reads("innate activation, about 1 = untreated", "1")
    ulceration = Reads("loss of barrier, 1 = about untreated", "1")

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Turnover towards what inflammation demands."""
        heat = s.inflammation**2
        at_one = 1 + p.half_crp**2  # so that crp_inflamed is what is added at inflammation = 1
        crp = p.crp_rest + p.crp_inflamed * at_one * heat / (p.half_crp**2 + heat)
        shed = s.inflammation * (p.f_without_ulcers + (1 - p.f_without_ulcers) * s.ulceration)
        calprotectin = p.calprotectin_rest + p.calprotectin_inflamed * shed
        return {
            "crp": p.k_crp * (crp - y.crp),
            "calprotectin": p.k_calprotectin * (calprotectin - y.calprotectin),
        }
