"""What is timed: a test model of the size and stiffness that Homing is built for, and Homing's own.

Cells (in millions) given into a vein pass the lung and home to an inflamed gut, an antibody drug blocks TNF, and the
mucosa answers: 24 states with rates from 0.001 to 48 per day. Its numbers are plausible and have no source; nothing
is concluded from them. A patient gets three doses of cells and drug and is followed for two years with weekly output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homing.mechanism import Module, Parameter, Reads, State, System, assemble, emits
from homing.protocol.events import Events, Op


def _rates(*names: str) -> dict[str, Parameter]:
    return {name: Parameter(name.replace("_", " "), unit="1") for name in names}


class Cells(Module):
    """From the bag to the gut and to death."""

    given = State("cells on their way in", "1")
    lung = State("cells held in the lung", "1")
    blood = State("cells in blood", "1")
    gut = State("cells in gut tissue", "1")
    lymph = State("cells in lymph nodes", "1")
    lodged = State("cells at work in the mucosa", "1")
    late = State("cells past their work", "1")
    tnf_drive = Reads("TNF over its half effect plus TNF", "1")
    tnf_switch = Reads("TNF squared over its half effect squared plus TNF squared", "1")
    attack = Reads("what memory and antibody add to the death of lodged cells", "1/d")
    antibody_kill = Reads("death in blood by antibody", "1/d")
    k_enter = Parameter("entry", "1/d")
    k_through = Parameter("passage of the lung", "1/d")
    k_lung_death = Parameter("death in the lung", "1/d")
    k_home = Parameter("homing to the gut", "1/d")
    k_to_lymph = Parameter("blood to lymph", "1/d")
    k_from_lymph = Parameter("lymph to blood", "1/d")
    k_lymph_death = Parameter("death in lymph nodes", "1/d")
    k_blood_death = Parameter("death in blood", "1/d")
    k_lodge = Parameter("lodging", "1/d")
    k_gut_exit = Parameter("exit from the gut", "1/d")
    k_lodged_death = Parameter("death of lodged cells", "1/d")
    k_clear = Parameter("clearance of late cells", "1/d")

    @emits("1")
    def secretome(self, y, p, s):
        """Cells that secrete, late ones counted one and a half times."""
        return y.lodged + 3 * y.late / 2

    @emits("1")
    def lodged_cells(self, y, p, s):
        """Cells at work."""
        return y.lodged

    @emits("1")
    def seen_in_circulation(self, y, p, s):
        """Cells that T cells meet in blood and lymph."""
        return y.lymph + y.blood

    @emits("1")
    def seen_in_tissue(self, y, p, s):
        """Cells that T cells meet in tissue and lymph."""
        return y.lodged + y.gut + y.lymph

    def rates(self, y, p, s):
        home = p.k_home * (1 + s.tnf_drive) * y.blood
        lodge = p.k_lodge * s.tnf_switch * y.gut
        die = (p.k_lodged_death + s.attack) * y.lodged
        leave = p.k_to_lymph + p.k_blood_death + s.antibody_kill
        return {
            "given": -p.k_enter * y.given,
            "lung": p.k_enter * y.given - (p.k_through + p.k_lung_death) * y.lung,
            "blood": p.k_through * y.lung + p.k_from_lymph * y.lymph - home - leave * y.blood,
            "gut": home - lodge - p.k_gut_exit * y.gut,
            "lymph": p.k_to_lymph * y.blood - (p.k_from_lymph + p.k_lymph_death) * y.lymph,
            "lodged": lodge - die,
            "late": die + p.k_gut_exit * y.gut - p.k_clear * y.late,
        }


class Rejection(Module):
    """Memory and antibody against the cells."""

    memory = State("alloreactive T cells", "1")
    antibody = State("donor-specific antibody", "1")
    seen_in_circulation = Reads("cells met in blood and lymph", "1")
    seen_in_tissue = Reads("cells met in tissue", "1")
    k_prime = Parameter("priming", "1/d")
    k_expand = Parameter("expansion", "1/d")
    half_expand = Parameter("half-maximum of expansion", "1")
    k_memory_loss = Parameter("loss of memory", "1/d")
    k_antibody = Parameter("making of antibody", "1/d")
    half_antibody = Parameter("half-maximum of antibody", "1")
    k_antibody_loss = Parameter("loss of antibody", "1/d")
    k_kill = Parameter("killing", "1/d")

    @emits("1/d")
    def attack(self, y, p, s):
        """Death of lodged cells that rejection adds."""
        return p.k_kill * (y.memory + y.antibody)

    @emits("1/d")
    def antibody_kill(self, y, p, s):
        """Death in blood by antibody: a fifth of that in tissue."""
        return p.k_kill * y.antibody / 5

    def rates(self, y, p, s):
        seen = s.seen_in_tissue
        made = p.k_antibody * y.memory**2 / (p.half_antibody**2 + y.memory**2)
        return {
            "memory": p.k_prime * s.seen_in_circulation
            + p.k_expand * y.memory * seen / (p.half_expand + seen)
            - p.k_memory_loss * y.memory * (1 + y.memory / 2),
            "antibody": made - p.k_antibody_loss * y.antibody,
        }


class Inflammation(Module):
    """Innate cells, cytokines and T cells."""

    innate = State("innate activation", "1", initial=0.8)
    tnf = State("TNF", "1", initial=0.8)
    il6 = State("IL-6", "1", initial=0.8)
    il10 = State("IL-10", "1", initial=0.4)
    th17 = State("Th17 cells", "1", initial=0.8)
    th1 = State("Th1 cells", "1", initial=0.6)
    regulatory = State("regulatory T cells", "1", initial=0.6)
    pathogenic = State("pathogenic memory", "1", initial=1.0)
    secretome = Reads("cells that secrete", "1")
    luminal = Reads("bacteria in the mucosa", "1")
    blockade = Reads("share of TNF blocked", "1")
    locals().update(_rates("k_innate_base", "k_innate", "half_bacteria", "k_innate_loss", "k_tnf_innate", "k_tnf_th1"))
    locals().update(_rates("half_il10", "k_tnf_loss", "k_il6_innate", "k_il6_th17", "k_il6_loss", "half_tnf"))
    locals().update(_rates("k_il10_regulatory", "k_il10_cells", "k_il10_loss", "half_il6", "steep_il6", "k_th17"))
    locals().update(_rates("k_th17_loss", "k_th1", "half_th1", "k_th1_loss", "k_regulatory_base", "k_regulatory"))
    locals().update(_rates("half_secretome", "k_regulatory_loss", "k_memory", "most_memory", "k_memory_loss"))

    @emits("1")
    def tnf_drive(self, y, p, s):
        """TNF over its half effect plus TNF."""
        return y.tnf / (p.half_tnf + y.tnf)

    @emits("1")
    def tnf_switch(self, y, p, s):
        """The same with squares."""
        return y.tnf**2 / (p.half_tnf**2 + y.tnf**2)

    @emits("1")
    def tnf_level(self, y, p, s):
        """TNF."""
        return y.tnf

    @emits("1")
    def il6_level(self, y, p, s):
        """IL-6."""
        return y.il6

    @emits("1")
    def innate_level(self, y, p, s):
        """Innate activation."""
        return y.innate

    @emits("1")
    def tolerance(self, y, p, s):
        """What IL-10 leaves of an inflammatory rate."""
        return p.half_il10 / (p.half_il10 + y.il10)

    def rates(self, y, p, s):
        calm, drive = self.tolerance(y, p, s), 1 + self.tnf_drive(y, p, s)
        restrained = 1 + 3 * y.regulatory / 10
        helped = s.secretome / (p.half_secretome + s.secretome)
        steep = y.il6**p.steep_il6
        bacteria = s.luminal**2 / (p.half_bacteria**2 + s.luminal**2)
        made_tnf = (p.k_tnf_innate * y.innate + p.k_tnf_th1 * y.th1) * calm * (1 - s.blockade)
        return {
            "innate": p.k_innate_base + p.k_innate * bacteria * drive * calm - p.k_innate_loss * y.innate,
            "tnf": made_tnf - p.k_tnf_loss * y.tnf,
            "il6": (p.k_il6_innate * y.innate * drive + p.k_il6_th17 * y.th17) * calm - p.k_il6_loss * y.il6,
            "il10": p.k_il10_regulatory * y.regulatory + p.k_il10_cells * s.secretome - p.k_il10_loss * y.il10,
            "th17": p.k_th17 * y.pathogenic * steep / (p.half_il6**p.steep_il6 + steep) * calm
            - p.k_th17_loss * y.th17 * restrained,
            "th1": p.k_th1 * y.pathogenic * y.tnf**2 / (p.half_th1**2 + y.tnf**2) * calm
            - p.k_th1_loss * y.th1 * restrained,
            "regulatory": p.k_regulatory_base
            + p.k_regulatory * helped * (1 + y.il10 / (p.half_il10 + y.il10))
            - p.k_regulatory_loss * y.regulatory,
            "pathogenic": p.k_memory * (y.th17 + y.th1) * (1 - y.pathogenic / p.most_memory)
            - p.k_memory_loss * y.pathogenic,
        }


class Mucosa(Module):
    """Barrier, bacteria behind it, and the two markers."""

    barrier = State("whole fraction of the barrier", "1", initial=0.6)
    bacteria = State("bacteria in the mucosa", "1", initial=0.5)
    crp = State("C-reactive protein", "mg/L", initial=4.0)
    calprotectin = State("faecal calprotectin", "ug/g", initial=300.0)
    tnf_level = Reads("TNF", "1")
    il6_level = Reads("IL-6", "1")
    innate_level = Reads("innate activation", "1")
    lodged_cells = Reads("cells at work", "1")
    locals().update(_rates("k_repair", "repair_by_cells", "half_cells", "k_damage", "half_damage", "steep_damage"))
    locals().update(
        _rates("k_invade", "k_leak", "k_kill_bacteria", "half_kill", "k_bacteria_loss", "most_calprotectin")
    )
    locals().update(_rates("k_crp", "half_crp", "k_crp_loss", "k_calprotectin", "k_calprotectin_loss"))

    @emits("1")
    def luminal(self, y, p, s):
        """Bacteria in the mucosa."""
        return y.bacteria

    def rates(self, y, p, s):
        tnf = s.tnf_level**p.steep_damage
        damage = tnf / (p.half_damage**p.steep_damage + tnf)
        help_ = 1 + p.repair_by_cells * s.lodged_cells / (p.half_cells + s.lodged_cells)
        return {
            "barrier": p.k_repair * (1 - y.barrier) * help_ - p.k_damage * y.barrier * damage,
            "bacteria": p.k_invade * (1 - y.barrier) ** 2
            + p.k_leak
            - p.k_kill_bacteria * s.innate_level * y.bacteria / (p.half_kill + y.bacteria)
            - p.k_bacteria_loss * y.bacteria,
            "crp": p.k_crp * s.il6_level**2 / (p.half_crp**2 + s.il6_level**2) - p.k_crp_loss * y.crp,
            "calprotectin": p.k_calprotectin * s.innate_level * (p.most_calprotectin - y.barrier)
            - p.k_calprotectin_loss * y.calprotectin,
        }


class Antibody(Module):
    """A drug with two compartments and an effect compartment."""

    central = State("drug in the central compartment", "mg")
    peripheral = State("drug in the peripheral compartment", "mg")
    effect = State("concentration at the effect site", "mg/L")
    locals().update(_rates("k_eliminate", "k_out", "k_back", "volume", "k_effect", "most_blocked", "half_blocked"))

    @emits("1")
    def blockade(self, y, p, s):
        """Share of TNF blocked."""
        return p.most_blocked * y.effect / (p.half_blocked + y.effect)

    def rates(self, y, p, s):
        return {
            "central": -(p.k_eliminate + p.k_out) * y.central + p.k_back * y.peripheral,
            "peripheral": p.k_out * y.central - p.k_back * y.peripheral,
            "effect": p.k_effect * (y.central / p.volume - y.effect),
        }


#: Typical values and standard deviations of the logarithm of what varies between patients.
VARYING = {
    "cells.k_through": (8.0, 0.3),
    "cells.k_home": (1.5, 0.4),
    "cells.k_blood_death": (6.0, 0.3),
    "cells.k_lodged_death": (0.02, 0.4),
    "inflammation.k_tnf_innate": (48.0, 0.3),
    "inflammation.k_th17": (0.15, 0.3),
    "mucosa.k_repair": (0.15, 0.3),
    "mucosa.k_invade": (1.2, 0.3),
    "antibody.k_eliminate": (0.05, 0.3),
    "rejection.k_kill": (0.05, 0.5),
}
_CELLS = {
    "k_enter": 48.0,
    "k_lung_death": 2.0,
    "k_to_lymph": 0.8,
    "k_from_lymph": 0.3,
    "k_lymph_death": 0.1,
    "k_lodge": 0.5,
    "k_gut_exit": 0.15,
    "k_clear": 1.2,
}
_REJECTION = {
    "k_prime": 0.02,
    "k_expand": 0.12,
    "half_expand": 30.0,
    "k_memory_loss": 0.02,
    "k_antibody": 0.05,
    "half_antibody": 1.0,
    "k_antibody_loss": 1 / 21,
}
_INFLAMMATION = {
    **{"k_innate_base": 0.05, "k_innate": 1.2, "half_bacteria": 0.6, "k_innate_loss": 0.5, "k_tnf_th1": 20.0},
    **{"half_il10": 1.0, "k_tnf_loss": 33.0, "k_il6_innate": 18.0, "k_il6_th17": 14.0, "k_il6_loss": 16.0},
    **{"half_tnf": 1.2, "k_il10_regulatory": 5.0, "k_il10_cells": 0.06, "k_il10_loss": 10.0, "half_il6": 0.8},
    **{"steep_il6": 1.5, "k_th17_loss": 0.1, "k_th1": 0.12, "half_th1": 0.9, "k_th1_loss": 0.1},
    **{"k_regulatory_base": 0.03, "k_regulatory": 0.06, "half_secretome": 20.0, "k_regulatory_loss": 0.05},
    **{"k_memory": 0.002, "most_memory": 3.0, "k_memory_loss": 0.001},
}
_MUCOSA = {
    **{"repair_by_cells": 2.0, "half_cells": 25.0, "k_damage": 0.6, "half_damage": 1.5, "steep_damage": 2.5},
    **{"k_leak": 0.02, "k_kill_bacteria": 1.5, "half_kill": 0.8, "k_bacteria_loss": 0.2, "most_calprotectin": 1.3},
    **{"k_crp": 9.0, "half_crp": 1.5, "k_crp_loss": 0.9, "k_calprotectin": 150.0, "k_calprotectin_loss": 0.35},
}
_ANTIBODY = {"k_out": 0.12, "k_back": 0.08, "volume": 3.0, "k_effect": 0.5, "most_blocked": 0.9, "half_blocked": 2.0}
SHARED = {
    f"{module}.{name}": value
    for module, values in (
        ("cells", _CELLS),
        ("rejection", _REJECTION),
        ("inflammation", _INFLAMMATION),
        ("mucosa", _MUCOSA),
        ("antibody", _ANTIBODY),
    )
    for name, value in values.items()
}

#: Parameters that vary between patients in either model.
VARIED = 10
WEEKS = 104
TIMES = 7.0 * np.arange(WEEKS + 1)


@dataclass(frozen=True)
class Workload:
    """A model with its values. `varying` holds the typical value and the standard deviation of the logarithm of what
    differs between patients; `boluses` what is added to which state at each dose."""

    name: str
    system: System
    initial: tuple[float, ...]
    shared: Mapping[str, float]
    varying: Mapping[str, tuple[float, float]]
    boluses: Mapping[str, float]

    def sample(self, n: int, seed: int = 1) -> Patients:
        """n patients; the doses follow each other after 20 to 60 and 180 to 360 days."""
        random = np.random.default_rng(seed)
        typical, spread = np.array(list(self.varying.values())).T
        parameters = typical * np.exp(spread * random.standard_normal((n, len(self.varying))))
        first = random.uniform(10, 40, n)
        second = first + random.uniform(20, 60, n)
        return Patients(self, parameters, np.stack([first, second, first + random.uniform(180, 360, n)], axis=1))


@dataclass(frozen=True)
class Patients:
    """Virtual patients: `parameters` (patient, varying) and `dose_times` (patient, dose) in days."""

    of: Workload
    parameters: NDArray[np.float64]
    dose_times: NDArray[np.float64]

    def values(self) -> dict[str, Any]:
        """All parameters by full name, arrays for those that vary."""
        return dict(self.of.shared) | {name: self.parameters[:, i] for i, name in enumerate(self.of.varying)}

    def events(self) -> Events:
        """Every bolus at every dose time."""
        n, doses = self.dose_times.shape
        states = [self.of.system.state_index(name) for name in self.of.boluses]
        each = len(states)
        patient, time = np.repeat(np.arange(n), each * doses), np.repeat(self.dose_times.ravel(), each)
        target, amount = np.tile(states, n * doses), np.tile(list(self.of.boluses.values()), n * doses)
        return Events.from_rows(n, patient, time, np.full(len(patient), Op.ADD), target, amount)

    def first(self, n: int) -> Patients:
        """The first n of them."""
        return Patients(self.of, self.parameters[:n], self.dose_times[:n])


class Robertson(Module):
    """The stiff kinetics of H. H. Robertson (in: Numerical Analysis, an Introduction, ed. J. Walsh, 1966, 178-182)."""

    a = State("a", "1", initial=1.0, absolute=1e-12)
    b = State("b", "1", absolute=1e-15)
    c = State("c", "1", absolute=1e-12)
    slow = Parameter("slow", "1/d")
    middle = Parameter("middle", "1/d")
    fast = Parameter("fast", "1/d")

    def rates(self, y, p, s):
        first, second, third = p.slow * y.a, p.middle * y.b * y.c, p.fast * y.b**2
        return {"a": second - first, "b": first - second - third, "c": third}


def robertson_workload() -> Workload:
    """The stiff classic with rates that vary between patients and half a unit more of `a` at each dose."""
    system = assemble(Robertson())
    varying = {"robertson.slow": (0.04, 0.3), "robertson.middle": (1e4, 0.3), "robertson.fast": (3e7, 0.3)}
    return Workload("Robertson's problem", system, tuple(system.initial()), {}, varying, {"robertson.a": 0.5})


def gut_workload() -> Workload:
    """The 24-state test model: 100 million cells and 12 mg of drug at each dose."""
    system = assemble(Cells(), Rejection(), Inflammation(), Mucosa(), Antibody())
    boluses = {"cells.given": 100.0, "antibody.central": 12.0}
    return Workload("24-state test model", system, tuple(system.initial()), SHARED, VARYING, boluses)


def ibd_workload() -> Workload:
    """Homing's own model with all its states: allogeneic MSC by vein and infliximab at each dose."""
    from homing.biology.attractors import INFLAMED, OPEN_TRACT, start
    from homing.biology.ibd import ibd_system
    from homing.biology.profiles import numbers, profile_values

    system = ibd_system()
    values = numbers(profile_values(system, "ibd-core", "allogeneic-msc", "infliximab"))
    names = [name for name in values if name.startswith(("tcells.k_", "innate.k_", "product.k_")) and values[name] > 0]
    varying = {name: (values[name], 0.2) for name in names[:VARIED]}
    shared = {name: value for name, value in values.items() if name not in varying}
    boluses = {"product.lung": 9.52e7, "product.blood": 2.38e7, "drug.central": 350.0}
    return Workload(
        f"Homing's {len(system.states)}-state model",
        system,
        tuple(start(system, INFLAMED, OPEN_TRACT)),
        shared,
        varying,
        boluses,
    )
