"""What a dose is measured in: cells, bacteria as a share of the community, drugs in mg, a placebo in mL."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from homing.protocol.product import Drug, Product
from homing.study import known

PLACEBOS = ("placebo", "saline", "vehicle")


@dataclass(frozen=True)
class Dosed:
    """What is given, in words, what its dose measures, an example, and the units that may be written."""

    what: str
    of: Literal["cell", "mg", "mL", "fraction"]
    example: str
    units: tuple[str, ...]

    def units_of(self, number: float) -> tuple[str, ...]:
        """The units that a bare number may be meant in."""
        large = self.of == "cell" and number > MOST_PER_KG
        return tuple(unit for unit in self.units if not large or "/kg" not in unit)


_PLACEBO = Dosed("a placebo, which holds neither cells nor drug", "mL", "24 mL", ("mL",))
_DRUG = Dosed("a drug", "mg", "5 mg/kg", ("mg", "mg/kg"))
_BACTERIA = Dosed("bacteria, dosed as the share of the community they are to reach", "fraction", "20 %", ("%",))
_CELLS = Dosed("cells", "cell", "120e6 cells", ("cells/kg", "cells"))
#: No dose by weight has more cells than this; a larger number is meant for a whole patient.
MOST_PER_KG = 20e6


def dosed(give: Product | Drug | None) -> Dosed:
    """How a product or drug is dosed; a placebo where it is None."""
    if give is None:
        return _PLACEBO
    if isinstance(give, Drug):
        return _DRUG
    return _BACTERIA if give.kind == "bacteria" else _CELLS


def dosed_by_name(name: object, own: Mapping[str, Any]) -> Dosed | None:
    """The same by the name in a study file; None for a name that nothing known has.

    Arguments: `own` the file's products as they are written, of which each is `like` one of the catalogue.
    """
    mine = own.get(str(name))
    key = mine.get("like", name) if isinstance(mine, Mapping) else name
    if key in PLACEBOS:
        return _PLACEBO
    for kind in ("drugs", "products"):
        if key in known.names(kind):
            return dosed(known.load(kind, str(key)))
    return None
