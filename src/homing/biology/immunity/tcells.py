"""Pathogenic T cells, their memory, and regulatory T cells."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State, at_least, emits


class TCells(Module):
    """Mucosal effectors come from slow systemic memory; memory sets how large a flare it takes to relapse.

    Effectors stand for Th1 and Th17 together and must not be read as either.
    """

    effector = State("pathogenic effectors in the mucosa, about 1 = untreated", "1", symbol="T_e")
    memory = State("pathogenic memory, about 1 = untreated", "1", symbol="T_m")
    regulatory = State("regulatory cells in the mucosa, 1 = health", "1", initial=1, symbol="T_r")

    k_basal_homing = Parameter("homing of effectors without inflammation", "1/d", symbol="k_0")
    k_recruitment = Parameter("recruitment of memory in full inflammation", "1/d", symbol="k_rec")
    half_recruitment = Parameter("inflammation for half the recruitment", "1", symbol="K_rec")
    f_p40_recruitment = Parameter("share of recruitment that needs IL-12/23", "1", high=1)
    k_proliferation = Parameter("division of effectors in full inflammation", "1/d", symbol="p_T")
    half_proliferation = Parameter("inflammation for half the division", "1", symbol="K_p")
    effector_capacity = Parameter("most effectors the mucosa holds", "1", symbol="T_ex")
    half_tolerance = Parameter("tolerance that halves the division", "1", symbol="K_A")
    f_b_cell_help = Parameter("share of division that needs B cells", "1", high=1, symbol="b_T")
    k_effector_loss = Parameter("loss of effectors", "1/d", symbol="d_T")
    k_memory_formation = Parameter("effectors into memory", "1/d", symbol="c_m")
    b_cell_memory_help = Parameter("fold increase of memory formation by B cells", "1", symbol="b_B")
    memory_capacity = Parameter("most pathogenic memory", "1", symbol="T_mx")
    k_priming = Parameter("new memory from naive cells at full antigen", "1/d", symbol="pi")
    priming_at_rest = Parameter("priming without inflammation, added to it", "1")
    k_homeostatic_expansion = Parameter("expansion of memory in an empty T-cell space", "1/d", symbol="r_hp")
    memory_space = Parameter("share of the T-cell space that memory = 1 fills", "1")
    k_memory_loss = Parameter("loss of memory", "1/d", symbol="d_m")
    k_regulatory_turnover = Parameter("turnover of regulatory cells", "1/d", symbol="d_r")
    regulatory_in_empty_space = Parameter("regulatory cells without a T-cell space, 1 = health", "1", high=1)
    regulatory_induction = Parameter("fold increase of regulatory cells by effectors", "1", symbol="g_r")
    half_induction = Parameter("effectors for half that increase", "1")

    inflamed_signalling = Reads("innate activation that reaches its targets", "1")
    antigen_load = Reads("luminal antigen in the mucosa", "1")
    tolerance = Reads("tone of IL-10 and TGF-beta", "1")
    t_cell_space = Reads("polyclonal T-cell space filled, 0 to 1", "1")
    b_cells = Reads("B cells relative to health", "1")
    integrin_blockade = Reads("share of alpha4-beta7 blocked", "1", total=True)
    p40_blockade = Reads("share of IL-12/23 blocked", "1", total=True)
    division_damped = Reads("share of division taken away by a drug", "1", total=True)
    recruitment_damped = Reads("share of recruitment taken away by a drug", "1", total=True)

    @emits("1")
    def pathogenic_effectors(self, y: Any, p: Any, s: Any) -> Any:
        """Pathogenic T cells in the mucosa, about 1 = untreated."""
        return y.effector

    @emits("1")
    def regulatory_cells(self, y: Any, p: Any, s: Any) -> Any:
        """The patient's regulatory T cells in the mucosa, 1 = health."""
        return y.regulatory

    def _effectors(self, y: Any, p: Any, s: Any) -> Any:
        heat = s.inflamed_signalling
        let_in = 1 - s.integrin_blockade
        basal = p.k_basal_homing * s.t_cell_space * let_in
        called = heat**2 / (p.half_recruitment**2 + heat**2) * (1 - p.f_p40_recruitment * s.p40_blockade)
        called = called * (1 - s.recruitment_damped)
        helped = 1 - p.f_b_cell_help + p.f_b_cell_help * s.b_cells
        room = at_least(1 - y.effector / p.effector_capacity, 0)
        driven = heat / (p.half_proliferation + heat) / (1 + s.tolerance / p.half_tolerance)
        divided = (
            p.k_proliferation * helped * (1 - s.p40_blockade) * (1 - s.division_damped) * room * driven * y.effector
        )
        return basal + p.k_recruitment * let_in * called * y.memory + divided - p.k_effector_loss * y.effector

    def _memory(self, y: Any, p: Any, s: Any) -> Any:
        room = 1 - y.memory / p.memory_capacity
        formed = p.k_memory_formation * y.effector * (1 + p.b_cell_memory_help * s.b_cells)
        primed = p.k_priming * s.t_cell_space * s.antigen_load * (p.priming_at_rest + s.inflamed_signalling)
        empty = at_least(1 - s.t_cell_space - p.memory_space * y.memory, 0)
        expanded = p.k_homeostatic_expansion * empty * y.memory
        return (formed + primed + expanded) * room - p.k_memory_loss * y.memory

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Effectors, memory, regulatory cells."""
        space = p.regulatory_in_empty_space + (1 - p.regulatory_in_empty_space) * s.t_cell_space
        induced = 1 + p.regulatory_induction * y.effector / (p.half_induction + y.effector)
        return {
            "effector": self._effectors(y, p, s),
            "memory": self._memory(y, p, s),
            "regulatory": p.k_regulatory_turnover * (space * induced - y.regulatory),
        }
