"""Product cells in the body: one set of equations for every kind of cell, told apart by their values alone."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.mechanism import Module, Parameter, Reads, State, at_least, emits


def _place(doc: str, symbol: str) -> State:
    return State(doc, "cell", absolute=1, symbol=symbol)


def _tally(doc: str) -> State:
    return State(doc, "cell", absolute=1, tally=True)


class ProductCells(Module):
    """Living cells of one product: they move, home, multiply, die and are killed; none is lost from the count.

    What leaves one place arrives in another, dies or departs, so that at any time the cells in all seven places
    + dead + departed - born are the cells delivered.
    """

    carried = _place("alive in the carrier (plug, microspheres)", "C_car")
    lung = _place("alive, trapped in the lung", "C_lung")
    blood = _place("alive in blood", "C_bl")
    peripheral = _place("alive in lymphoid tissue, marrow and other organs", "C_per")
    gut = _place("alive in gut mucosa", "C_gut")
    fistula = _place("alive in the tissue around the fistula", "C_fis")
    memory = _place("long-lived cells at rest", "C_mem")
    competence = State("ability to divide after a dose, 1 = fresh", "1", initial=1, high=1)
    dead = _tally("died so far, anywhere")
    born = _tally("born by division so far")
    arrived = _tally("arrived alive in gut by homing, or in fistula tissue from the carrier, so far")
    departed = _tally("left the fistula alive by lymph so far")

    k_carrier_release = Parameter("release from the carrier", "1/d", symbol="k_rel")
    k_carrier_death = Parameter("death in the carrier", "1/d", symbol="k_dc")
    f_carrier_exposed = Parameter("share of immune killing that reaches into the carrier", "1", high=1)
    f_carrier_visible = Parameter("share of carried cells whose antigen is presented", "1", high=1)
    k_lung_release = Parameter("release alive from the lung", "1/d", symbol="k_lr")
    k_lung_death = Parameter("death in the lung", "1/d", symbol="k_dl")
    k_blood_to_periphery = Parameter("from blood to other organs", "1/d", symbol="k_bp")
    k_periphery_to_blood = Parameter("from other organs to blood", "1/d", symbol="k_pb")
    k_blood_death = Parameter("death in blood", "1/d", symbol="k_db")
    k_periphery_death = Parameter("loss in other organs (death, or rest as memory)", "1/d", symbol="k_dp")
    k_homing = Parameter("from blood to gut mucosa without inflammation", "1/d", symbol="k_hg")
    homing_gain = Parameter("multiplier of homing by an edited receptor, 1 = unedited", "1", symbol="edit_home")
    homing_induction = Parameter("fold increase of homing in full inflammation", "1")
    half_homing_induction = Parameter("inflammation for half the induced homing", "1")
    f_integrin_dependent = Parameter("share of homing that needs alpha4-beta7", "1", high=1, symbol="need_a4b7")
    k_gut_death = Parameter("death in gut mucosa", "1/d", symbol="k_dg")
    k_gut_egress = Parameter("from gut mucosa back to blood", "1/d", symbol="k_eg")
    k_fistula_death = Parameter("death in fistula tissue", "1/d", symbol="k_df")
    k_fistula_egress = Parameter("from fistula tissue away by lymph", "1/d", symbol="k_ef")
    f_memory = Parameter("share of lost cells that come to rest as memory", "1", high=1, symbol="f_mem")
    k_memory_death = Parameter("death of resting memory", "1/d", symbol="beta")
    f_memory_killing = Parameter("killing by a memory cell relative to an active one", "1")
    k_growth_on_antigen = Parameter("division at full antigen, lymphopenia and competence", "1/d", symbol="rho")
    half_antigen = Parameter("B cells for half the division, relative to health", "1")
    f_growth_in_full_space = Parameter("division in a full T-cell space, relative to an empty one", "1", high=1)
    k_growth_on_inflammation = Parameter("division in full inflammation", "1/d", symbol="rho")
    half_growth_inflammation = Parameter("inflammation for half that division", "1")
    k_growth_on_eaten_antigen = Parameter("division of fresh cells on an antigen that the patient eats", "1/d")
    eaten_antigen_capacity = Parameter("cells at which that division ends", "cell", low=1)
    k_contraction = Parameter("loss when no antigen is left", "1/d", symbol="alpha")
    k_competence_loss = Parameter("loss of the ability to divide after a dose", "1/d", symbol="1/tau_rho")
    k_b_cell_killing = Parameter("killing of B cells by `cells_for_killing` cells", "1/d", symbol="kill")
    cells_for_killing = Parameter("number of cells that `k_b_cell_killing` refers to", "cell", symbol="C_refCAR")
    efferocytic = Parameter("reprogramming of phagocytes by one dying cell, 1 = an MSC", "1", symbol="effero")
    secretory = Parameter("secretome of one living cell, 1 = an MSC", "1", symbol="secr")
    suppressive = Parameter("suppression by one living cell in the gut, 1 = a Treg", "1", symbol="supp")
    antigenicity = Parameter("foreignness, 0 = own cells, 1 = unedited cells of another donor", "1", symbol="allo")
    mismatch = Parameter("HLA mismatch of donor and patient, 1 = an unselected donor", "1", symbol="mism")
    killable = Parameter("1 where the response against foreign cells reaches this product, else 0", "1", high=1)
    shielding = Parameter("share of immune killing that an edit averts", "1", high=1, symbol="0.9 edit_hla")
    missing_self = Parameter("reach of natural killer cells, 0 = HLA on the cell stops them, 1 = none", "1", high=1)
    graft_per_cell = Parameter("marrow re-seeded by one cell that settles, relative to health", "1/cell")

    inflammation = Reads("innate activation, 1 = about untreated", "1")
    b_cells = Reads("B cells relative to health", "1")
    t_cell_space = Reads("polyclonal T-cell space filled, 0 to 1", "1")
    immune_clearance = Reads("killing of foreign cells by alloimmunity", "1/d")
    natural_killing = Reads("killing of cells without HLA by natural killer cells", "1/d")
    integrin_blockade = Reads("share of alpha4-beta7 blocked", "1", total=True)

    def _killing(self, p: Any, s: Any) -> Any:
        """Immune killing of these cells, 1/d: by the response against foreign cells, and for want of HLA."""
        return s.immune_clearance * p.killable * (1 - p.shielding) + p.missing_self * s.natural_killing

    def _antigen(self, p: Any, s: Any) -> Any:
        """Share of full stimulation by B-cell antigen."""
        return s.b_cells / (p.half_antigen + s.b_cells)

    def _contraction(self, p: Any, s: Any) -> Any:
        """Loss by lack of antigen, 1/d."""
        return p.k_contraction * (1 - self._antigen(p, s))

    def _growth(self, y: Any, p: Any, s: Any) -> Any:
        """Division, 1/d: on antigen of B cells (favoured by lymphopenia), on eaten antigen, on inflammation."""
        space = p.f_growth_in_full_space + (1 - p.f_growth_in_full_space) * (1 - s.t_cell_space)
        on_antigen = p.k_growth_on_antigen * self._antigen(p, s) * space * y.competence
        room = at_least(1 - (y.blood + y.peripheral + y.gut) / p.eaten_antigen_capacity, 0)
        on_food = p.k_growth_on_eaten_antigen * room * y.competence
        heat = s.inflammation / (p.half_growth_inflammation + s.inflammation)
        return on_antigen + on_food + p.k_growth_on_inflammation * heat

    def _homing(self, p: Any, s: Any) -> Any:
        """From blood to gut, 1/d: chemokines induced by inflammation, an edited receptor, a blocked integrin."""
        induced = 1 + p.homing_induction * s.inflammation / (p.half_homing_induction + s.inflammation)
        return p.k_homing * induced * p.homing_gain * (1 - p.f_integrin_dependent * s.integrin_blockade)

    def _to_rest(self, y: Any, p: Any, s: Any) -> Any:
        """Cells per day that leave the active pool outside the gut; `f_memory` of them come to rest."""
        return p.k_periphery_death * y.peripheral + self._contraction(p, s) * (y.peripheral + y.blood)

    def _deaths(self, y: Any, p: Any, s: Any) -> tuple[Any, Any, Any]:
        """Cells dying per day in gut, in fistula tissue, elsewhere (within reach of phagocytes)."""
        killing = self._killing(p, s)
        gut = (p.k_gut_death + killing + self._contraction(p, s)) * y.gut
        fistula = (p.k_fistula_death + killing) * y.fistula + p.k_carrier_death * y.carried
        elsewhere = (
            p.k_lung_death * y.lung
            + p.k_blood_death * y.blood
            + (1 - p.f_memory) * self._to_rest(y, p, s)
            + p.k_memory_death * y.memory
            + killing * (y.lung + y.blood + y.peripheral + y.memory)
        )
        return gut, fistula, elsewhere

    def _visible(self, y: Any, p: Any) -> Any:
        """Cells whose antigen the patient's immune system meets."""
        free = y.lung + y.blood + y.peripheral + y.gut + y.fistula + y.memory
        return free + p.f_carrier_visible * y.carried

    def _b_cell_killing(self, y: Any, p: Any) -> Any:
        killers = y.blood + y.peripheral + p.f_memory_killing * y.memory
        return p.k_b_cell_killing * killers / p.cells_for_killing

    @emits("cell/d")
    def dying_in_gut(self, y: Any, p: Any, s: Any) -> Any:
        """Product cells dying per day in gut mucosa."""
        return self._deaths(y, p, s)[0]

    @emits("cell/d")
    def dying_in_fistula(self, y: Any, p: Any, s: Any) -> Any:
        """Product cells dying per day in fistula tissue and in the carrier."""
        return self._deaths(y, p, s)[1]

    @emits("cell/d")
    def dying_elsewhere(self, y: Any, p: Any, s: Any) -> Any:
        """Product cells dying per day in lung, blood and other organs."""
        return self._deaths(y, p, s)[2]

    @emits("cell/d")
    def efferocytic_in_gut(self, y: Any, p: Any, s: Any) -> Any:
        """Cells dying per day in gut mucosa, as MSC equivalents for the phagocytes that engulf them."""
        return p.efferocytic * self._deaths(y, p, s)[0]

    @emits("cell/d")
    def efferocytic_in_fistula(self, y: Any, p: Any, s: Any) -> Any:
        """Cells dying per day in fistula tissue and carrier, as MSC equivalents."""
        return p.efferocytic * self._deaths(y, p, s)[1]

    @emits("cell/d")
    def efferocytic_elsewhere(self, y: Any, p: Any, s: Any) -> Any:
        """Cells dying per day elsewhere, as MSC equivalents."""
        return p.efferocytic * self._deaths(y, p, s)[2]

    @emits("cell")
    def secretory_in_gut(self, y: Any, p: Any, s: Any) -> Any:
        """Secreting cells in gut mucosa, as MSC equivalents."""
        return p.secretory * y.gut

    @emits("cell")
    def secretory_in_fistula(self, y: Any, p: Any, s: Any) -> Any:
        """Secreting cells in fistula tissue, as MSC equivalents."""
        return p.secretory * y.fistula

    @emits("cell")
    def suppressive_in_gut(self, y: Any, p: Any, s: Any) -> Any:
        """Suppressing cells in gut mucosa, as Treg equivalents."""
        return p.suppressive * y.gut

    @emits("cell")
    def foreign_cells(self, y: Any, p: Any, s: Any) -> Any:
        """Cells that the response against foreign cells can see."""
        return p.killable * self._visible(y, p)

    @emits("cell")
    def foreign_antigen(self, y: Any, p: Any, s: Any) -> Any:
        """The same cells weighted by how foreign they are."""
        return p.antigenicity * p.mismatch * self._visible(y, p)

    @emits("1/d")
    def b_cell_killing(self, y: Any, p: Any, s: Any) -> Any:
        """Killing of B cells."""
        return self._b_cell_killing(y, p)

    @emits("1/d^2")
    def activated_killing(self, y: Any, p: Any, s: Any) -> Any:
        """Killing of B cells times the rate of division: fast-dividing killers release most cytokine."""
        return p.k_growth_on_antigen * self._b_cell_killing(y, p)

    @emits("1/d")
    def grafting(self, y: Any, p: Any, s: Any) -> Any:
        """Marrow re-seeded per day by cells that leave blood, relative to health."""
        return p.graft_per_cell * p.k_blood_to_periphery * y.blood

    @emits("cell")
    def product_cells_alive(self, y: Any, p: Any, s: Any) -> Any:
        """All living product cells, wherever they are."""
        return y.carried + y.lung + y.blood + y.peripheral + y.gut + y.fistula + y.memory

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Cells per day into and out of each place; see the class."""
        killing, net = self._killing(p, s), self._growth(y, p, s) - self._contraction(p, s)
        homed, released = self._homing(p, s) * y.blood, p.k_carrier_release * y.carried
        out, back = p.k_blood_to_periphery * y.blood, p.k_periphery_to_blood * y.peripheral
        freed, returned = p.k_lung_release * y.lung, p.k_gut_egress * y.gut
        killed_in_carrier = p.f_carrier_exposed * killing * y.carried  # out of reach of phagocytes
        departing = p.k_fistula_egress * y.fistula
        gut_deaths, fistula_deaths, other_deaths = self._deaths(y, p, s)
        return {
            "carried": -released - p.k_carrier_death * y.carried - killed_in_carrier,
            "lung": -freed - (p.k_lung_death + killing) * y.lung,
            "blood": freed + back + returned - out - homed + (net - p.k_blood_death - killing) * y.blood,
            "peripheral": out - back + (net - p.k_periphery_death - killing) * y.peripheral,
            "gut": homed - returned + (net - p.k_gut_death - killing) * y.gut,
            "fistula": released - departing - (p.k_fistula_death + killing) * y.fistula,
            "memory": p.f_memory * self._to_rest(y, p, s) - (p.k_memory_death + killing) * y.memory,
            "competence": -p.k_competence_loss * y.competence,
            "dead": gut_deaths + fistula_deaths + other_deaths + killed_in_carrier,
            "born": self._growth(y, p, s) * (y.blood + y.peripheral + y.gut),
            "arrived": homed + released,
            "departed": departing,
        }
