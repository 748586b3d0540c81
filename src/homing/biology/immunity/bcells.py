"""B cells and autoantibody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State, emits


class BCells(Module):
    """B cells recover from marrow and are killed by CAR-T cells; with T-cell help they make autoantibody."""

    count = State("B cells relative to health", "1", initial=1, high=1, symbol="B_c")
    autoantibody = State("plasma-cell and autoantibody activity", "1", symbol="P_ab")

    k_recovery = Parameter("recovery of B cells from a healthy marrow", "1/d", symbol="k_B")
    k_autoantibody_turnover = Parameter("turnover of autoantibody", "1/d", symbol="k_P")

    b_cell_killing = Reads("killing of B cells by product cells", "1/d", total=True)
    marrow_capacity = Reads("marrow capacity relative to health", "1")
    pathogenic_effectors = Reads("pathogenic T cells in the mucosa", "1")

    @emits("1")
    def b_cells(self, y: Any, p: Any, s: Any) -> Any:
        """B cells relative to health."""
        return y.count

    @emits("1")
    def autoantibody_activity(self, y: Any, p: Any, s: Any) -> Any:
        """Autoantibody activity, about 1 = untreated."""
        return y.autoantibody

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Recovery, killing, antibody with T-cell help."""
        recovered = p.k_recovery * s.marrow_capacity * (1 - y.count)
        return {
            "count": recovered - s.b_cell_killing * y.count,
            "autoantibody": p.k_autoantibody_turnover * (y.count * s.pathogenic_effectors - y.autoantibody),
        }
