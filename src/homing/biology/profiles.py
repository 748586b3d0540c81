"""The values of a System's parameters, merged from profiles and checked against what the System declares."""

from __future__ import annotations

from collections.abc import Mapping

from homing.evidence.profiles import read_profile
from homing.evidence.values import Value
from homing.ground.errors import EvidenceError, HomingError
from homing.ground.nearest import did_you_mean
from homing.mechanism import System

#: What a patient has when nothing is given.
NATURAL_HISTORY = ("ibd-core", "no-product", "no-drug")


def profile_values(
    system: System, *names: str | tuple[str, str], instances: Mapping[str, str] | None = None
) -> dict[str, Value]:
    """One Value for every parameter of the System, in its declared unit, in its order.

    Arguments: `names` the profiles, e.g. "ibd-core", "allogeneic-msc", "infliximab"; where the System has several of a
    kind, a profile goes with the module that it fills, ("treg", "product_2"), so that one may fill several; `instances`
    says the same as a mapping from profiles, {"treg": "product_2"}.
    Raises: EvidenceError naming file, line and key for a parameter that the System doesn't have, that two profiles
    fill, of another unit or outside what the mechanism can take; and for parameters that no profile fills.

    Example:
        >>> from homing.biology.ibd import ibd_system
        >>> values = profile_values(ibd_system(), "ibd-core", "allogeneic-msc", "no-drug")
        >>> values["product.k_fistula_death"].number
        0.12
    """
    merged: dict[str, Value] = {}
    filled_by: dict[str, str] = {}
    for each in names:
        name, instance = each if isinstance(each, tuple) else (each, (instances or {}).get(each, ""))
        profile = read_profile(name)
        for written, value in profile.values.items():
            full = f"{instance}.{written.partition('.')[2]}" if instance else written
            where = profile.places[written]
            if full in merged:
                raise EvidenceError(f"'{full}' has a value from {filled_by[full]} already. Give one of the two.", where)
            merged[full], filled_by[full] = _declared(system, full, value, where), where
    given = ", ".join(each if isinstance(each, str) else each[0] for each in names)
    missing = [full for full in system.parameters if full not in merged]
    if missing:
        raise EvidenceError(
            f"no profile among {given} fills {_some(missing)}. "
            f"Add one for the product and one for the drug ('no-product', 'no-drug' where there is none)."
        )
    return {full: merged[full] for full in system.parameters}


def numbers(values: Mapping[str, Value]) -> dict[str, float]:
    """The bare numbers, as the engine takes them."""
    return {full: value.number for full, value in values.items()}


def _declared(system: System, full: str, value: Value, where: str) -> Value:
    """The value in the unit that the System declares, within what the mechanism can take."""
    if full not in system.parameters:
        raise EvidenceError(f"the System has no parameter '{full}'. {did_you_mean(full, system.parameters)}", where)
    declared = system.parameters[full]
    try:
        converted = value.to(declared.unit)
    except HomingError as e:
        raise EvidenceError(e.message, where) from None
    if not declared.low <= converted.number <= declared.high:
        raise EvidenceError(
            f"'{full}' is {converted.number:g}; the mechanism takes {declared.low:g} to {declared.high:g}.", where
        )
    return converted


def _some(names: list[str], most: int = 2) -> str:
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
