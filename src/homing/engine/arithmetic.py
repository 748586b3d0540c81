"""Graph operations on numbers, as the vector code does them (not finite rather than an exception)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

#: The smallest normal double: below it a base of a power counts as zero.
TINY = 2.2250738585072014e-308
#: Functions taken from the platform's mathematical library, with one argument.
LIBRARY: dict[str, Callable[[float], float]] = {
    name: getattr(math, name)
    for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "acosh", "atanh")
}


def evaluate_one(name: str, x: Sequence[float]) -> float:
    """One operation on numbers."""
    if name in LIBRARY:
        return _guarded(LIBRARY[name], x[0])
    match name:
        case "add":
            return x[0] + x[1]
        case "subtract":
            return x[0] - x[1]
        case "multiply":
            return x[0] * x[1]
        case "negate":
            return -x[0]
        case "reciprocal":
            return 1.0 / x[0] if x[0] else math.copysign(math.inf, x[0])
        case "maximum":
            return max(x[0], x[1])
        case "minimum":
            return min(x[0], x[1])
        case "choose":
            return x[2] if x[0] >= x[1] else x[3]
        case "floor":
            return float(math.floor(x[0])) if math.isfinite(x[0]) else x[0]
        case "sqrt":
            return math.sqrt(x[0]) if x[0] > 0.0 else 0.0
        case "root":
            return math.sqrt(x[0]) if x[0] >= 0.0 else math.nan
        case "exp":
            return math.exp(x[0]) if x[0] < 709.0 else math.inf
        case "log":
            return math.log(x[0]) if x[0] > 0.0 else (-math.inf if x[0] == 0.0 else math.nan)
        case "power":
            return _power(x[0], x[1])
        case "signed_power":
            return _signed_power(x[0], x[1])
    raise AssertionError(f"no operation {name}; this is a bug of homing.engine.graph")


def _guarded(function: Callable[[float], float], x: float) -> float:
    try:
        return function(x)
    except ValueError:
        return math.nan
    except OverflowError:
        return math.copysign(math.inf, x) if function is not math.cosh else math.inf


def _power(base: float, exponent: float) -> float:
    """A base below zero counts as zero."""
    if base < TINY:
        return 0.0 if exponent > 0.0 else (1.0 if exponent == 0.0 else math.inf)
    try:
        return math.pow(base, exponent)
    except OverflowError:
        return math.inf


def _signed_power(base: float, exponent: float) -> float:
    """A negative base has whole powers only."""
    if base >= 0.0 or math.isnan(base):
        return _power(base, exponent)
    if not exponent.is_integer():
        return math.nan
    return _power(-base, exponent) * (-1.0 if exponent % 2 else 1.0)
