"""Whether plain data read from a file has the fields that its readers need."""

from __future__ import annotations

from typing import Any

NUMBER = (int, float)
PERHAPS = (int, float, type(None))


def lacking(data: Any, wanted: Any, place: str = "") -> str:
    """Where data first lacks what is wanted, as 'rows[3].scores.homing'; '' where it has all.

    Arguments: `wanted` a type or several; a list of one shape, which every entry has; or a mapping of fields to shapes,
    where a field that ends in '?' may be absent and '*' stands for every other field.

    Example:
        >>> lacking({"rows": [{"n": 3}, {"n": "many"}]}, {"rows": [{"n": int}], "note?": str})
        'rows[1].n'
    """
    if isinstance(wanted, dict):
        return _lacking_fields(data, wanted, place)
    if isinstance(wanted, list):
        if not isinstance(data, list):
            return place
        return next((found for i, x in enumerate(data) if (found := lacking(x, wanted[0], f"{place}[{i}]"))), "")
    return "" if isinstance(data, wanted) else place


def _lacking_fields(data: Any, wanted: dict[str, Any], place: str) -> str:
    if not isinstance(data, dict):
        return place or "a mapping"
    shapes = {name.removesuffix("?"): shape for name, shape in wanted.items() if name != "*"}
    if "*" in wanted:
        shapes = {name: wanted["*"] for name in data if name not in shapes} | shapes
    for name, shape in shapes.items():
        here = f"{place}.{name}" if place else str(name)
        if name not in data and f"{name}?" not in wanted:
            return here
        if name in data and (found := lacking(data[name], shape, here)):
            return found
    return ""
