"""The functions that plain arithmetic lacks. They take floats, NumPy arrays and SymPy expressions alike."""

from __future__ import annotations

import functools
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


def choose(a: Any, b: Any, when_at_least: Any, when_less: Any) -> Any:
    """`when_at_least` where a >= b, else `when_less`."""
    if any(_symbolic(x) for x in (a, b, when_at_least, when_less)):
        return _symbolic_choose()(a, b, when_at_least, when_less)
    return numeric_choose(a, b, when_at_least, when_less)


def numeric_choose(a: Any, b: Any, when_at_least: Any, when_less: Any) -> Any:
    """`choose` of numbers and arrays."""
    return np.where(np.asarray(a) >= b, when_at_least, when_less)


@functools.cache
def _symbolic_choose() -> Any:
    import sympy

    class choose(sympy.Function):
        """choose(a, b, u, v): u where a >= b, else v."""

        nargs = (4,)
        is_real = True

        @classmethod
        def eval(cls, a: Any, b: Any, u: Any, v: Any) -> Any:
            if u == v:
                return u
            if a.is_Number and b.is_Number and a is not sympy.nan and b is not sympy.nan:
                return u if a >= b else v
            return None

        def fdiff(self, argindex: int = 1) -> Any:
            a, b, _, _ = self.args
            return {1: 0, 2: 0, 3: choose(a, b, 1, 0), 4: choose(a, b, 0, 1)}[argindex]

    return choose


def _symbolic(x: Any) -> bool:
    return hasattr(x, "free_symbols")
