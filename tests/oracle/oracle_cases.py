"""The cases of the reference tables: who, what is given, and with which values. See README.md."""

from __future__ import annotations

import csv
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from oracle_solve import Action

from homing.protocol.events import Op

HERE = Path(__file__).parent

# What the reference model does at a dose (products' `delivery` in the catalogue).
VIABILITY = 0.85
LUNG = {"msc": 0.80, "treg": 0.30, "car-t": 0.40, "hsc": 0.20}
LOCAL_RETAINED = 0.6
LOST_ENGULFED = 0.3
COMPETENT_DAYS = 4.0
COMPETENCE_LOSS = 1 / 12.0
NICHE_CLOSING = 1 / 30.0
RESPONSIVE = {
    "tract.efferocytosis_clearance": 1.0,
    "tract.secretome_clearance": 0.6,
    "tract.secretome_closure": 0.5,
}
SURGERY: list[Action] = [(0, Op.MULTIPLY, "tract.sepsis", 0.35), (0, Op.RAISE_TO, "tract.closure", 0.35)]
CONDITIONING = {
    "innate.activation": 0.3,
    "tcells.regulatory": 0.05,
    "bcells.count": 0.02,
    "marrow.capacity": 0.003,
    "marrow.neutrophils": 0.5,
    "marrow.t_space": 0.02,
    "alloimmunity.effectors": 0.02,
    "alloimmunity.memory": 0.1,
}
LYMPHODEPLETION = {
    "innate.activation": 0.8,
    "tcells.effector": 0.35,
    "tcells.memory": 0.5,
    "tcells.regulatory": 0.3,
    "bcells.count": 0.5,
    "marrow.capacity": 0.3,
    "marrow.neutrophils": 0.6,
    "marrow.t_space": 0.25,
    "alloimmunity.effectors": 0.1,
}


@dataclass(frozen=True)
class Case:
    """One table: its file, the profiles, values that replace theirs, and what is done when."""

    name: str
    profiles: tuple[str, str]
    actions: list[Action] = field(default_factory=list)
    values: Mapping[str, float] = field(default_factory=dict)


def intravenous(day: float, cells: float, kind: str) -> list[Action]:
    """A dose into a vein: a share is trapped in the lung."""
    alive = cells * VIABILITY
    return [
        (day, Op.ADD, "product.lung", LUNG[kind] * alive),
        (day, Op.ADD, "product.blood", (1 - LUNG[kind]) * alive),
    ]


def local(day: float, cells: float) -> list[Action]:
    """A dose into the fistula wall: what is not retained dies early, and phagocytes engulf a share of it."""
    alive = cells * VIABILITY
    return [
        (day, Op.ADD, "product.fistula", LOCAL_RETAINED * alive),
        (day, Op.ADD, "efferocytosis.fistula", LOST_ENGULFED * (1 - LOCAL_RETAINED) * alive),
    ]


def surviving(fractions: Mapping[str, float]) -> list[Action]:
    """Conditioning at day 0: each state keeps a fraction."""
    return [(0, Op.MULTIPLY, state, f) for state, f in fractions.items()]


def _hsct(name: str, memory: float) -> Case:
    spared = {**CONDITIONING, "tcells.effector": memory, "tcells.memory": memory}
    return Case(name, ("hsc", "no-drug"), surviving(spared) + intravenous(3, 3.5e8, "hsc"))


def _infliximab(name: str, dependence: float) -> Case:
    doses: list[Action] = [(day, Op.ADD, "drug.central", 350.0) for day in (0, 14, 42, 98, 154)]
    return Case(name, ("no-product", "infliximab"), doses, {"drug.pathway_dependence": dependence})


def _car_t() -> Case:
    competence: list[Action] = [
        (3, Op.SET, "product.competence", 1.0),
        (3, Op.SET_PARAMETER, "product.k_competence_loss", 0.0),
        (3 + COMPETENT_DAYS, Op.SET_PARAMETER, "product.k_competence_loss", COMPETENCE_LOSS),
    ]
    actions = surviving(LYMPHODEPLETION) + intravenous(3, 7e7, "car-t") + competence
    return Case("car_t", ("car-t", "no-drug"), actions)


def _bacteria() -> Case:
    vancomycin: list[Action] = [
        (-6, Op.ADD, "microbes.niche", 0.9),
        (-6, Op.SET_PARAMETER, "microbes.k_niche_closing", 0.0),
        (0, Op.SET_PARAMETER, "microbes.k_niche_closing", NICHE_CLOSING),
    ]
    doses: list[Action] = [(float(day), Op.ADD, "microbes.engrafted", 0.02) for day in range(14)]
    reference = {"microbes.f_held": 0.0}  # the reference lets the flora take back what given bacteria hold
    return Case("bacteria", ("no-product", "no-drug"), vancomycin + doses, reference)


_MSC = ("allogeneic-msc", "no-drug")
STEADY = ("healthy", "inflamed", "open_tract")
CASES = [
    Case("local_msc_responsive", _MSC, SURGERY + local(0, 1.2e8), RESPONSIVE),
    Case("local_msc", _MSC, SURGERY + local(0, 1.2e8)),
    Case("local_msc_repeated", _MSC, SURGERY + [a for day in (0, 84, 168) for a in local(day, 1.2e8)]),
    Case("matrix", _MSC, [*SURGERY, (0, Op.ADD, "product.carried", 2e7 * VIABILITY)], RESPONSIVE),
    Case("iv_msc", _MSC, [a for week in range(4) for a in intravenous(7 * week, 1.4e8, "msc")]),
    _hsct("hsct_002", 0.02),
    _hsct("hsct_010", 0.10),
    Case("treg", ("treg", "no-drug"), intravenous(0, 1e9, "treg")),
    _infliximab("infliximab", 1.0),
    _infliximab("infliximab_weak", 0.45),
    _car_t(),
    _bacteria(),
]


def read_table(name: str) -> tuple[list[float], list[str], NDArray[np.float64]]:
    """Days, names of states, and their values (day, state) of a reference table."""
    with (HERE / f"{name}.csv").open(newline="", encoding="utf-8") as stream:
        header, *rows = list(csv.reader(stream))
    numbers = np.array(rows, dtype=float)
    return list(numbers[:, 0]), header[1:], numbers[:, 1:]
