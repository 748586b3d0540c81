"""How an Estimate is printed, by kind: a number, its unit and its interval in brackets.

`value`, `low` and `high` are a proportion of 1 for 'percent' and 'points', a number of days for 'days', of weeks for
'weeks', of cells for 'cells', an amount of `unit` (an ISO 4217 code, CNY when none is given) for 'money'. An interval
is left out where both of its ends are NaN.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING

from homing.answers.content import Estimate
from homing.report.numbers import MINUS, fixed, percent_decimals, significant

if TYPE_CHECKING:
    from homing.report.words import Words


def print_estimate(e: Estimate, words: Words) -> str:
    """The estimate as text: '49.2 % (45.9 to 52.5)', '+2.4 points (−3.1 to +7.9)', '120 million cells'."""
    printers: dict[str, Callable[[Estimate, Words], tuple[str, Callable[[float], str]]]] = {
        "percent": _percent,
        "points": _points,
        "ratio": _ratio,
        "money": _money,
        "cells": _cells,
        "count": _count,
    }
    if not math.isfinite(e.value) and math.isnan(e.low) and math.isnan(e.high):
        return words.number(e.value)
    value, bound = printers.get(e.kind, _plain)(e, words)
    if not math.isfinite(e.value):
        value = words.number(e.value)
    if math.isnan(e.low) and math.isnan(e.high):
        return value
    low, high = (bound(x) if math.isfinite(x) else words.number(x) for x in (e.low, e.high))
    return words.key("number.interval", value=value, low=low, high=high)


def _decimals(e: Estimate) -> int:
    """Decimals that suit the value, or its bounds where the value is nothing."""
    return percent_decimals(e.value) if e.value else percent_decimals(e.low, e.high)


def _percent(e: Estimate, words: Words) -> tuple[str, Callable[[float], str]]:
    decimals = _decimals(e)
    return words.percent(e.value, decimals), lambda x: fixed(100 * x, decimals)


def _points(e: Estimate, words: Words) -> tuple[str, Callable[[float], str]]:
    decimals = _decimals(e)

    def signed(x: float) -> str:
        return fixed(100 * x, decimals, signed=True)

    return words.key("number.points", number=signed(e.value)), signed


def _ratio(e: Estimate, words: Words) -> tuple[str, Callable[[float], str]]:
    def two(x: float) -> str:
        return fixed(x, 2) if 0.1 <= abs(x) < 100 or x == 0 else significant(x, 2)

    return two(e.value), two


def _money(e: Estimate, words: Words) -> tuple[str, Callable[[float], str]]:
    """Costs are known to three digits at most, so that is what is shown."""
    currency, slash, per = (e.unit or "CNY").partition("/")

    def amount(x: float) -> str:
        rounded = float(f"{x:.2e}")
        if not rounded.is_integer() and abs(rounded) < 100:
            return fixed(rounded, 2)
        return fixed(rounded, 0)

    sign, text = (MINUS, amount(-e.value)) if e.value < 0 else ("", amount(e.value))
    shown = f"{sign}¥{text}" if currency in {"CNY", "RMB"} else f"{currency} {sign}{text}"
    return shown + slash + per, amount


def _cells(e: Estimate, words: Words) -> tuple[str, Callable[[float], str]]:
    unit = {"cells": "unit.cells", "cell": "unit.cells", "cells/kg": "unit.cells-per-kg"}.get(e.unit)
    number = words.count(e.value)
    if unit:
        return words.key(unit, number=number), words.count
    return words.key("unit.other", number=number, unit=e.unit) if e.unit else number, words.count


def _count(e: Estimate, words: Words) -> tuple[str, Callable[[float], str]]:
    def whole(x: float) -> str:
        return fixed(x, 0) if float(x).is_integer() else significant(x)

    if e.unit in {"patients", "patient"}:
        return words.key("unit.patients", number=whole(e.value)), whole
    return words.key("unit.other", number=whole(e.value), unit=e.unit) if e.unit else whole(e.value), whole


def _plain(e: Estimate, words: Words) -> tuple[str, Callable[[float], str]]:
    number = significant(e.value)
    if e.kind in {"days", "weeks"}:
        return words.key(f"unit.{e.kind[:-1] if number == '1' else e.kind}", number=number), significant
    return words.key("unit.other", number=number, unit=e.unit) if e.unit else number, significant
