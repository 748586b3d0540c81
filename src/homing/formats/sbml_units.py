"""Homing's units as SBML unit definitions."""

from __future__ import annotations

from typing import Any

import libsbml

from homing.ground.errors import WiringError
from homing.ground.units import registry

_DAY = 86_400.0
#: pint's name of a unit -> SBML base unit, power of ten, multiplier.
_BASE: dict[str, tuple[int, int, float]] = {
    "cell": (libsbml.UNIT_KIND_ITEM, 0, 1.0),
    "second": (libsbml.UNIT_KIND_SECOND, 0, 1.0),
    "hour": (libsbml.UNIT_KIND_SECOND, 0, _DAY / 24),
    "day": (libsbml.UNIT_KIND_SECOND, 0, _DAY),
    "week": (libsbml.UNIT_KIND_SECOND, 0, 7 * _DAY),
    "year": (libsbml.UNIT_KIND_SECOND, 0, 365.25 * _DAY),
    "liter": (libsbml.UNIT_KIND_LITRE, 0, 1.0),
    "milliliter": (libsbml.UNIT_KIND_LITRE, -3, 1.0),
    "kilogram": (libsbml.UNIT_KIND_GRAM, 3, 1.0),
    "gram": (libsbml.UNIT_KIND_GRAM, 0, 1.0),
    "milligram": (libsbml.UNIT_KIND_GRAM, -3, 1.0),
    "microgram": (libsbml.UNIT_KIND_GRAM, -6, 1.0),
    "nanogram": (libsbml.UNIT_KIND_GRAM, -9, 1.0),
    "picogram": (libsbml.UNIT_KIND_GRAM, -12, 1.0),
}
_BUILT_IN = {"1": "dimensionless", "cell": "item"}


def unit_id(text: str) -> str:
    """The identifier of a unit in the file: '1/d' is `per_d`, 'pg/mL*d^2' is `pg_per_mL_d2`."""
    if text in _BUILT_IN:
        return _BUILT_IN[text]
    plain = text[2:] if text.startswith("1/") else text
    slug = plain.replace("/", "_per_").replace("*", "_").replace("^", "")
    return f"per_{slug}" if text.startswith("1/") else slug


def unit_definition(model: Any, text: str) -> None:
    """Add the definition of a unit to an SBML model, unless SBML has it built in.

    Raises: WiringError for a unit that has no SBML form here.
    """
    if text in _BUILT_IN:
        return
    definition = model.createUnitDefinition()
    definition.setId(unit_id(text))
    definition.setName(text)
    parsed = registry().parse_expression(text.replace("^", "**"))
    for name, power in parsed.unit_items():
        if name not in _BASE:
            raise WiringError(f"the unit '{text}' has no SBML form: '{name}' is none of {', '.join(sorted(_BASE))}.")
        kind, scale, multiplier = _BASE[name]
        unit = definition.createUnit()
        unit.setKind(kind)
        unit.setExponent(int(power))
        unit.setScale(scale)
        unit.setMultiplier(multiplier)
