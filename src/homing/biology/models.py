"""The whole mechanism as a Model: a system with the catalogue's numbers for one product and one drug."""

from __future__ import annotations

from homing.biology.attractors import INFLAMED, OPEN_TRACT, start
from homing.biology.ibd import ibd_system
from homing.biology.profiles import NATURAL_HISTORY, numbers, profile_values
from homing.mechanism.model import Model

#: What is shown of the mechanism unless something else is asked for.
SHOWN = (
    "innate.activation",
    "tcells.memory",
    "barrier.integrity",
    "tract.closure",
    "product.fistula",
    "product.gut",
    "drug_concentration",
    "markers.crp",
    "markers.calprotectin",
)


def ibd_model(product: str = NATURAL_HISTORY[1], drug: str = NATURAL_HISTORY[2]) -> Model:
    """The mechanism in a patient with active inflammation and an open fistula, before it comes to rest.

    Arguments: `product` and `drug` are profiles of the catalogue (`homing catalog profiles`).
    Raises: EvidenceError for an unknown profile.

    Example:
        >>> ibd_model("allogeneic-msc").values["product.k_fistula_death"]
        0.12
    """
    system = ibd_system()
    values = numbers(profile_values(system, NATURAL_HISTORY[0], product, drug))
    first = dict(zip(system.states, start(system, INFLAMED, OPEN_TRACT), strict=True))
    name = " with ".join(["ibd", *(p for p in (product, drug) if p not in NATURAL_HISTORY)])
    return Model(name, system, values, lambda _: first, SHOWN)
