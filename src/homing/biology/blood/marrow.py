"""Marrow, neutrophils and the polyclonal T-cell space: what conditioning empties and a graft restores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State, emits


class Marrow(Module):
    """Marrow regrows from what survived and from the graft; neutrophils follow within days, T cells in years."""

    capacity = State("marrow capacity relative to health", "1", initial=1, symbol="H_m")
    neutrophils = State("neutrophils relative to health", "1", initial=1, symbol="A_nc")
    t_space = State("polyclonal T-cell space filled", "1", initial=1, high=1, symbol="T_n")

    k_marrow_growth = Parameter("regrowth of the marrow", "1/d", symbol="r_H")
    k_neutrophils = Parameter("turnover of neutrophils", "1/d", symbol="k_N")
    k_thymic_output = Parameter("filling of the T-cell space by the thymus", "1/d", symbol="th_N")
    k_t_expansion = Parameter("filling of the T-cell space by division", "1/d", symbol="r_N")

    grafting = Reads("marrow re-seeded per day by given cells", "1/d", total=True)

    @emits("1")
    def marrow_capacity(self, y: Any, p: Any, s: Any) -> Any:
        """Marrow capacity relative to health."""
        return y.capacity

    @emits("1")
    def neutrophil_count(self, y: Any, p: Any, s: Any) -> Any:
        """Neutrophils relative to health."""
        return y.neutrophils

    @emits("1")
    def t_cell_space(self, y: Any, p: Any, s: Any) -> Any:
        """Polyclonal T-cell space filled, 0 to 1."""
        return y.t_space

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Logistic regrowth and graft; neutrophils; thymus and division."""
        refilled = p.k_thymic_output * y.capacity + p.k_t_expansion * y.t_space
        return {
            "capacity": p.k_marrow_growth * y.capacity * (1 - y.capacity) + s.grafting,
            "neutrophils": p.k_neutrophils * (y.capacity - y.neutrophils),
            "t_space": refilled * (1 - y.t_space),
        }
