"""The whole mechanism: IBD with its fistula, product cells and a drug, assembled."""

from __future__ import annotations

import functools

from homing.biology.blood.conditioning import Conditioning
from homing.biology.blood.infection import Infection
from homing.biology.blood.marrow import Marrow
from homing.biology.cells.efferocytosis import Efferocytosis
from homing.biology.cells.product import ProductCells
from homing.biology.cells.secretome import Secretome
from homing.biology.drugs.drug import DrugInBody
from homing.biology.fistula.tract import Tract
from homing.biology.gut.barrier import Barrier
from homing.biology.immunity.alloimmunity import Alloimmunity
from homing.biology.immunity.bcells import BCells
from homing.biology.immunity.innate import Innate
from homing.biology.immunity.natural_killers import NaturalKillers
from homing.biology.immunity.tcells import TCells
from homing.biology.immunity.tolerance import Tolerance
from homing.biology.markers.levels import Markers
from homing.biology.markers.scores import Scores
from homing.biology.microbes.engraftment import Microbes
from homing.mechanism import Module, System, assemble


@functools.cache
def ibd_system(products: tuple[str, ...] = ("product",), drugs: tuple[str, ...] = ("drug",)) -> System:
    """The assembled mechanism. Each name in `products` and `drugs` is one instance with its own states and values.

    Example:
        >>> ibd_system().state_index("tract.closure") >= 0
        True
        >>> sorted(s for s in ibd_system(products=("product", "second")).states if s.startswith("second."))[:2]
        ['second.arrived', 'second.blood']
    """
    cells = [ProductCells(name) for name in products]
    medicines = [DrugInBody(name) for name in drugs]
    return assemble(*cells, *_patient(), *medicines)


def _patient() -> list[Module]:
    """The modules that every patient has, in the order of their states."""
    return [
        Efferocytosis(),
        Secretome(),
        Alloimmunity(),
        NaturalKillers(),
        Innate(),
        Tolerance(),
        TCells(),
        BCells(),
        Barrier(),
        Microbes(),
        Marrow(),
        Infection(),
        Conditioning(),
        Tract(),
        Markers(),
        Scores(),
    ]
