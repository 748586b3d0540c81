"""A drug in the body: two compartments, linear and saturable clearance, and what it does to the disease."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State, at_most, emits


class DrugInBody(Module):
    """Kinetics of an antibody, a small molecule or a cytokine, and its effect, told apart by their values alone.

    An antibody blocks TNF, alpha4-beta7 or IL-12/23 (by p40, or by p19: pathogenic T cells stand for Th1 and Th17
    together, so that the two are blocked by the same terms). A JAK inhibitor damps what JAK1 carries: division of
    effectors (IL-2 and its family), their recruitment (chemokines induced by interferon-gamma), their stimulus to
    macrophages (interferon-gamma, not GM-CSF or TNF), and the tone of IL-10, which works against it. Recombinant
    IL-10 adds to the tone for as long as it is in plasma. Two drugs are two instances, for different targets:
    blockades of one target by two drugs don't add up.
    """

    depot = State("under the skin or in the gut's lumen", "mg", symbol="A_d")
    central = State("in plasma", "mg", symbol="A_c")
    peripheral = State("in tissue", "mg", symbol="A_p")

    k_absorption = Parameter("absorption from under the skin or from the gut", "1/d", symbol="k_a")
    bioavailability = Parameter("share absorbed from under the skin or from the gut", "1", high=1, symbol="F")
    clearance = Parameter("linear clearance", "L/d", symbol="CL")
    f_clearance_at_rest = Parameter("clearance without inflammation, relative to `clearance`", "1")
    clearance_by_inflammation = Parameter("relative clearance added at inflammation = 1", "1")
    most_inflammation = Parameter("inflammation above which clearance rises no more", "1")
    volume_central = Parameter("volume of plasma", "L", symbol="V_1")
    volume_peripheral = Parameter("volume of tissue", "L", symbol="V_2")
    flow = Parameter("exchange between plasma and tissue", "L/d", symbol="Q")
    most_saturable = Parameter("saturable elimination at most", "mg/d", symbol="V_m")
    half_saturable = Parameter("concentration for half of it", "mg/L", symbol="K_m")
    pathway_dependence = Parameter("dependence of the patient's disease on the target", "1", high=1, symbol="s")
    tnf_effect = Parameter("TNF blocked at full concentration", "1", high=1, symbol="E_max")
    half_tnf = Parameter("concentration for half of it", "mg/L", symbol="IC")
    integrin_effect = Parameter("alpha4-beta7 blocked at full concentration", "1", high=1, symbol="E_max")
    half_integrin = Parameter("concentration for half of it", "mg/L", symbol="IC")
    p40_effect = Parameter("IL-12/23 blocked at full concentration", "1", high=1, symbol="E_max")
    half_p40 = Parameter("concentration for half of it", "mg/L", symbol="IC")
    jak_effect = Parameter("JAK1 inhibited at full concentration", "1", high=1, symbol="E_max")
    half_jak = Parameter("concentration for half of it", "mg/L", symbol="IC")
    f_jak_division = Parameter("share of effectors' division that needs JAK1", "1", high=1)
    f_jak_recruitment = Parameter("share of effectors' recruitment that needs JAK1", "1", high=1)
    f_jak_stimulus = Parameter("share of effectors' stimulus to macrophages that needs JAK1", "1", high=1)
    f_jak_tone = Parameter("share of the tone of IL-10 and TGF-beta that needs JAK1", "1", high=1)
    most_tone = Parameter("tone of IL-10 added at full concentration", "1")
    half_tone = Parameter("concentration for half of it", "mg/L", symbol="IC")

    inflammation = Reads("innate activation, about 1 = untreated", "1")

    @emits("mg/L")
    def drug_concentration(self, y: Any, p: Any, s: Any) -> Any:
        """Concentration in plasma."""
        return y.central / p.volume_central

    @emits("1")
    def tnf_blockade(self, y: Any, p: Any, s: Any) -> Any:
        """Share of TNF signalling blocked."""
        return self._blocked(p.tnf_effect, p.half_tnf, y, p)

    @emits("1")
    def integrin_blockade(self, y: Any, p: Any, s: Any) -> Any:
        """Share of alpha4-beta7 blocked."""
        return self._blocked(p.integrin_effect, p.half_integrin, y, p)

    @emits("1")
    def p40_blockade(self, y: Any, p: Any, s: Any) -> Any:
        """Share of IL-12/23 blocked, by p40 or by p19."""
        return self._blocked(p.p40_effect, p.half_p40, y, p)

    @emits("1")
    def division_damped(self, y: Any, p: Any, s: Any) -> Any:
        """Share of effectors' division that inhibition of JAK1 takes away."""
        return p.f_jak_division * self._blocked(p.jak_effect, p.half_jak, y, p)

    @emits("1")
    def recruitment_damped(self, y: Any, p: Any, s: Any) -> Any:
        """Share of effectors' recruitment that inhibition of JAK1 takes away."""
        return p.f_jak_recruitment * self._blocked(p.jak_effect, p.half_jak, y, p)

    @emits("1")
    def stimulus_damped(self, y: Any, p: Any, s: Any) -> Any:
        """Share of effectors' stimulus to macrophages that inhibition of JAK1 takes away."""
        return p.f_jak_stimulus * self._blocked(p.jak_effect, p.half_jak, y, p)

    @emits("1")
    def tone_damped(self, y: Any, p: Any, s: Any) -> Any:
        """Share of the tone of IL-10 and TGF-beta that inhibition of JAK1 takes away; whatever the disease hangs on."""
        return p.f_jak_tone * self._bound(p.jak_effect, p.half_jak, y, p)

    @emits("1")
    def given_tone(self, y: Any, p: Any, s: Any) -> Any:
        """Tone of IL-10 that is given as a drug."""
        return self._bound(p.most_tone, p.half_tone, y, p)

    def _blocked(self, effect: Any, half: Any, y: Any, p: Any) -> Any:
        return p.pathway_dependence * self._bound(effect, half, y, p)

    def _bound(self, effect: Any, half: Any, y: Any, p: Any) -> Any:
        concentration = y.central / p.volume_central
        return effect * concentration / (half + concentration)

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Absorption, exchange, elimination."""
        concentration, tissue = y.central / p.volume_central, y.peripheral / p.volume_peripheral
        hotter = p.clearance_by_inflammation * at_most(s.inflammation, p.most_inflammation)
        linear = p.clearance * (p.f_clearance_at_rest + hotter) * concentration
        saturable = p.most_saturable * concentration / (p.half_saturable + concentration)
        exchanged = p.flow * (concentration - tissue)
        absorbed = p.bioavailability * p.k_absorption * y.depot
        return {
            "depot": -p.k_absorption * y.depot,
            "central": absorbed - linear - saturable - exchanged,
            "peripheral": exchanged,
        }
