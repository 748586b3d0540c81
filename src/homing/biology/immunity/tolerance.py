"""Tolerance: the tone of IL-10 and TGF-beta that holds inflammation down."""

from __future__ import annotations

from typing import Any

from homing.mechanism import Module, Parameter, Reads, emits


class Tolerance(Module):
    """Regulatory T cells (own and given), efferocytosis and secretome add up to one tone; cytokines are fast.

    Inflammation impairs regulatory cells. That makes health and disease two attractors of the same patient: a
    hypothesis, not a measured fact of IBD.
    """

    regulatory_weight = Parameter("tone of the patient's own regulatory cells", "1", symbol="a_R")
    half_impairment = Parameter("inflammation that halves their function", "1", symbol="K_Ti")
    given_suppression = Parameter("most suppression by given cells, in own regulatory cells", "1", symbol="S_max")
    half_given = Parameter("given cells in gut for half that suppression", "cell", symbol="C_refT")
    given_impairment = Parameter("impairment of given cells relative to own ones", "1")
    efferocytosis_weight = Parameter("tone at full efferocytosis", "1", symbol="a_Eg")
    secretome_weight = Parameter("tone at full secretome", "1", symbol="a_Sg")

    regulatory_cells = Reads("the patient's regulatory T cells, 1 = health", "1")
    inflammation = Reads("innate activation", "1")
    suppressive_in_gut = Reads("suppressing product cells in gut, as Treg equivalents", "cell", total=True)
    gut_efferocytosis = Reads("healing programme in gut, 0 to 1", "1")
    gut_secretome = Reads("effect of secreting cells in gut, 0 to 1", "1")
    given_tone = Reads("tone of IL-10 given as a drug", "1", total=True)
    tone_damped = Reads("share of the tone taken away by a drug", "1", total=True)

    @emits("1")
    def tolerance(self, y: Any, p: Any, s: Any) -> Any:
        """Tone of IL-10 and TGF-beta, about 1 = health."""
        impairment = s.inflammation / p.half_impairment
        own = s.regulatory_cells / (1 + impairment)
        cells = s.suppressive_in_gut / (p.half_given + s.suppressive_in_gut)
        given = p.given_suppression * cells / (1 + p.given_impairment * impairment)
        tissue = p.efferocytosis_weight * s.gut_efferocytosis + p.secretome_weight * s.gut_secretome
        return (p.regulatory_weight * (own + given) + tissue + s.given_tone) * (1 - s.tone_damped)
