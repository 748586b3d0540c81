"""Units at the door: text in, numbers in Homing's own units out.

Inside Homing time is in days, cells are counts, weight is in kg, drugs are in mg, volumes in L, concentrations in
mg/L, faecal calprotectin in ug/g and money in the currency named. `pint` does the arithmetic here and nowhere else.
"""

from __future__ import annotations

import functools
import json
import re
import tokenize
from importlib.metadata import version
from pathlib import Path
from typing import Any

from homing.ground import cache
from homing.ground.errors import HomingError

_NUMBER = r"[+-]?(?:\d+(?:_\d{3})*(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?"
_QUANTITY = re.compile(rf"^\s*({_NUMBER})\s*(\S.*)?$")

#: A unit is words, signs and small powers; longer or larger ones (10**10**9) would keep pint busy for minutes.
_UNIT = re.compile(r"^(?!.*(?:\*\*|\^).*(?:\*\*|\^))(?!.*\d{3})[a-zA-Z0-9_%/*^().+ -]{0,40}$")

#: What pint's parser raises, beside its own errors, for text that is no unit: '(g', '8/', 'g+L', 's**0', 'g/0', '-mg'.
_UNREADABLE = (tokenize.TokenError, SyntaxError, ValueError, TypeError, KeyError, AssertionError, ArithmeticError)

#: What is understood in a unit, beside the names that pint knows.
_DEFINITIONS = (
    "cell = [cell] = cell = cells",
    "cell_equivalent = [cell_equivalent] = celleq",
    "copy = [copy] = copy = copies",
    "patient = [patient] = patient = patients",
    "CNY = [money_CNY] = CNY = RMB",
    "EUR = [money_EUR] = EUR",
    "GBP = [money_GBP] = GBP",
    "USD = [money_USD] = USD",
)


@functools.lru_cache(maxsize=1)
def registry() -> Any:
    """The one pint registry, made when a unit is first needed (pint is slow to import)."""
    import pint

    ureg: Any = pint.UnitRegistry(autoconvert_offset_to_baseunit=False, cache_folder=None)
    for line in _DEFINITIONS:
        ureg.define(line)
    return ureg


@functools.lru_cache(maxsize=4096)
def factor(unit: str, to: str) -> float:
    """How many `to` are in one `unit`.

    Raises: HomingError when a unit is unknown or the two don't measure the same thing.
    """
    kept = _remembered()
    if f"{unit} in {to}" in kept:
        return kept[f"{unit} in {to}"]
    found = _computed(unit, to)
    kept[f"{unit} in {to}"] = found
    cache.write(_memory(), json.dumps(kept).encode())
    return found


def _memory() -> Path:
    """Conversions seen before: importing pint takes longer than a small study."""
    return cache.cache_folder() / f"units-{cache.key_of(version('pint'), _DEFINITIONS)}.json"


@functools.cache
def _remembered() -> dict[str, float]:
    kept = cache.read(_memory())
    return json.loads(kept) if kept else {}


def _computed(unit: str, to: str) -> float:
    import pint

    for text in (unit, to):
        if not _UNIT.match(_spelling(text)):
            raise HomingError(f"'{text[:40]}' is not a unit.")
    ureg = registry()
    try:
        return float(ureg.Quantity(1.0, _spelling(unit)).to(_spelling(to)).magnitude)
    except pint.UndefinedUnitError as e:
        raise HomingError(f"unknown unit '{unit}'. {e}") from None
    except pint.DimensionalityError:
        raise HomingError(f"'{unit}' can't be given in '{to}': they measure different things.") from None
    except (*_UNREADABLE, pint.errors.PintError):
        raise HomingError(f"'{unit}' is not a unit.") from None


def _spelling(unit: str) -> str:
    """Homing's spelling of units as pint reads it: '1/d', 'cells/kg', '%', '1'."""
    text = unit.strip().replace("µ", "u").replace("μ", "u").replace("·", "*")
    if text in {"", "1"}:
        return "dimensionless"
    if text == "%":
        return "percent"
    return re.sub(r"\^", "**", text)


def split_quantity(text: str) -> tuple[float, str]:
    """A number and its unit from text such as '120e6 cells' or '88 %'. The unit is '' where none is written.

    Raises: HomingError when the text doesn't start with a number.

    Example:
        >>> split_quantity("120e6 cells")
        (120000000.0, 'cells')
        >>> split_quantity("2e6 cells/kg")
        (2000000.0, 'cells/kg')
    """
    found = _QUANTITY.match(text)
    if not found:
        raise HomingError(f"'{text}' is not a number with a unit, such as '120e6 cells' or '24 weeks'.")
    return float(found.group(1).replace("_", "")), (found.group(2) or "").strip()


def read_quantity(text: str, to: str) -> float:
    """The number of `to` in a text with a unit.

    Arguments: `text` as written by the user; `to` the unit wanted ('d', 'cell', 'kg', '1', ...).
    Raises: HomingError when the unit is missing (unless `to` is '1'), unknown, or of another dimension.

    Example:
        >>> read_quantity("24 weeks", "d")
        168.0
        >>> read_quantity("88 %", "1")
        0.88
    """
    number, unit = split_quantity(text)
    if not unit and to != "1":
        raise HomingError(f"'{text}' has no unit. Write '{text.strip()} {_example_unit(to)}'.")
    value = number * factor(unit or "1", to)
    return float(f"{value:.15g}")  # 0.8800000000000001 and the like come from the conversion, not from the user


def _example_unit(to: str) -> str:
    return {"cell": "cells", "d": "days"}.get(to, to)
