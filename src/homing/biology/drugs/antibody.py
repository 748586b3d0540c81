"""A monoclonal antibody: two compartments, linear and saturable clearance, and the pathway it blocks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State, at_most, emits


class Antibody(Module):
    """Kinetics of a biologic, cleared faster in inflammation, and its share of TNF, integrin or IL-12/23 blocked.

    Two drugs are two instances, for different targets: blockades of one target by two drugs don't add up.
    """

    depot = State("under the skin", "mg", symbol="A_d")
    central = State("in plasma", "mg", symbol="A_c")
    peripheral = State("in tissue", "mg", symbol="A_p")

    k_absorption = Parameter("absorption from under the skin", "1/d", symbol="k_a")
    bioavailability = Parameter("share absorbed from under the skin", "1", high=1, symbol="F")
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
        """Share of IL-12/23 blocked."""
        return self._blocked(p.p40_effect, p.half_p40, y, p)

    def _blocked(self, effect: Any, half: Any, y: Any, p: Any) -> Any:
        concentration = y.central / p.volume_central
        return p.pathway_dependence * effect * concentration / (half + concentration)

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
