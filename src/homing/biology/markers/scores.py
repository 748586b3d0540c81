"""Clinical scores without a reader's error, and the IL-6 proxy of cytokine release."""

from __future__ import annotations

from typing import Any

from homing.mechanism import Module, Parameter, Reads, at_most, emits


class Scores(Module):
    """What a clinician would score without error; endpoints/ adds readers, symptoms and missing visits."""

    f_inflammation = Parameter("weight of inflammation in activity, the rest is ulceration", "1", high=1)
    cdai_rest = Parameter("CDAI without activity", "1")
    cdai_active = Parameter("CDAI added at activity = 1", "1")
    mayo_active = Parameter("full Mayo score at activity = 1", "1")
    mayo_most = Parameter("highest full Mayo score", "1")
    pdai_rest = Parameter("PDAI of a closed, quiet tract", "1")
    pdai_open = Parameter("PDAI added by an open, septic tract", "1")
    f_open_quiet = Parameter("share of that without sepsis", "1", high=1)
    pdai_sepsis = Parameter("PDAI added by sepsis itself", "1")
    il6_rest = Parameter("IL-6 without inflammation", "pg/mL")
    il6_inflamed = Parameter("IL-6 added at inflammation = 1", "pg/mL")
    il6_release = Parameter("IL-6 per unit of activated killing of B cells", "pg/mL*d^2")
    killing_saturation = Parameter("inverse of the killing rate that halves further release", "d")

    inflammation = Reads("innate activation, about 1 = untreated", "1")
    ulceration = Reads("loss of barrier, 1 = about untreated", "1")
    tract_sepsis = Reads("tract inflammation, 1 = untreated", "1")
    tract_closure = Reads("closed share of the tract", "1")
    b_cells = Reads("B cells relative to health", "1")
    b_cell_killing = Reads("killing of B cells", "1/d", total=True)
    activated_killing = Reads("killing of B cells times the rate of division", "1/d^2", total=True)

    @emits("1")
    def activity(self, y: Any, p: Any, s: Any) -> Any:
        """Disease activity, about 1 = untreated."""
        return p.f_inflammation * s.inflammation + (1 - p.f_inflammation) * s.ulceration

    @emits("1")
    def cdai(self, y: Any, p: Any, s: Any) -> Any:
        """Crohn's disease activity index."""
        return p.cdai_rest + p.cdai_active * self.activity(y, p, s)

    @emits("1")
    def mayo(self, y: Any, p: Any, s: Any) -> Any:
        """Full Mayo score."""
        return at_most(p.mayo_active * self.activity(y, p, s), p.mayo_most)

    @emits("1")
    def pdai(self, y: Any, p: Any, s: Any) -> Any:
        """Perianal disease activity index."""
        sepsis = at_most(s.tract_sepsis, 1)
        tract = p.pdai_open * (1 - s.tract_closure) * (p.f_open_quiet + (1 - p.f_open_quiet) * sepsis)
        return p.pdai_rest + tract + p.pdai_sepsis * sepsis

    @emits("pg/mL")
    def il6(self, y: Any, p: Any, s: Any) -> Any:
        """Interleukin-6 in serum, a proxy for cytokine release."""
        released = p.il6_release * s.activated_killing * s.b_cells / (1 + p.killing_saturation * s.b_cell_killing)
        return p.il6_rest + p.il6_inflamed * s.inflammation + released
