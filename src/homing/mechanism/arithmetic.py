"""The two functions that plain arithmetic lacks. They take floats, NumPy arrays and SymPy expressions alike."""

from __future__ import annotations

from typing import Any

import numpy as np


def at_least(x: Any, low: Any) -> Any:
    """The larger of the two: x, but not below `low`."""
    if _symbolic(x) or _symbolic(low):
        import sympy

        return sympy.Max(x, low)
    return np.maximum(x, low)


def at_most(x: Any, high: Any) -> Any:
    """The smaller of the two: x, but not above `high`."""
    if _symbolic(x) or _symbolic(high):
        import sympy

        return sympy.Min(x, high)
    return np.minimum(x, high)


def _symbolic(x: Any) -> bool:
    return hasattr(x, "free_symbols")
