"""Live biotherapeutic bacteria: they engraft where antibiotics have opened a niche."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State, at_least, emits


class Microbes(Module):
    """Given bacteria grow into the open niche and are washed out; inflammation disturbs the flora, they calm it.

    What the given bacteria hold, the resident flora can't take back: a niche that they fill closes slowly.
    Antibiotics are events: they raise `niche` and hold it open (k_niche_closing = 0) until their last day.
    """

    engrafted = State("given bacteria, share of the flora", "1", high=1, symbol="Z")
    niche = State("open share of the niche", "1", high=1)

    k_growth = Parameter("growth in a fully open niche", "1/d")
    k_washout = Parameter("washout", "1/d")
    inflamed_washout = Parameter("fold increase of washout per unit of inflammation", "1")
    niche_at_rest = Parameter("open share without antibiotics", "1", high=1, symbol="N_open0")
    k_niche_closing = Parameter("closing of the niche after antibiotics", "1/d")
    f_held = Parameter("share of the closing that bacteria which fill the niche prevent", "1", high=1)
    half_held = Parameter("engrafted share for half of that", "1")
    inflamed_dysbiosis = Parameter("most dysbiosis that inflammation adds", "1", symbol="dys")
    half_dysbiosis = Parameter("inflammation for half of it", "1")
    calming = Parameter("dysbiosis that full engraftment takes away", "1", high=1)

    inflammation = Reads("innate activation", "1")

    @emits("1")
    def dysbiosis(self, y: Any, p: Any, s: Any) -> Any:
        """Antigenicity of the flora, 1 = health."""
        disturbed = p.inflamed_dysbiosis * s.inflammation / (p.half_dysbiosis + s.inflammation)
        return 1 + disturbed - p.calming * y.engrafted

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Logistic growth into the niche, washout, closing of the niche."""
        washout = p.k_washout * (1 + p.inflamed_washout * s.inflammation)
        # None at all is unstable where the niche is open: what rounding leaves below zero must not grow.
        there = at_least(y.engrafted, 0)
        held = there / (p.half_held + there)
        return {
            "engrafted": p.k_growth * (y.niche - y.engrafted) * there - washout * y.engrafted,
            "niche": p.k_niche_closing * (1 - p.f_held * held) * (p.niche_at_rest - y.niche),
        }
