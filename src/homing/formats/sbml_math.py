"""SymPy expressions as SBML formulas in which every number has a unit (none of the model's carries one but 1)."""

from __future__ import annotations

from typing import Any

from homing.ground.errors import WiringError

_ONE = "(1 dimensionless)"


def infix(expression: Any) -> str:
    """A SymPy expression (or number) in libSBML's infix syntax; Max and Min become piecewise.

    Raises: WiringError for a function that mechanism equations don't have.
    """
    import sympy

    x = sympy.sympify(expression)
    if x.is_Symbol:
        return str(x.name)
    if x.is_Number:
        return _number(x)
    if x.is_Add:
        return "(" + "".join(_term(t, first=i == 0) for i, t in enumerate(x.as_ordered_terms())) + ")"
    if x.is_Mul:
        return _product(x)
    if x.is_Pow:
        return _power(x)
    if x.func in (sympy.Max, sympy.Min):
        return _extreme([infix(a) for a in x.args], ">=" if x.func is sympy.Max else "<=")
    raise WiringError(
        f"SBML export knows no '{x.func.__name__}'; equations are plain arithmetic, at_least and at_most."
    )


def _number(x: Any) -> str:
    if x.is_Integer:
        return f"({int(x)} dimensionless)"
    if x.is_Rational:
        return f"(({int(x.p)} dimensionless) / ({int(x.q)} dimensionless))"
    return f"({float(x)!r} dimensionless)"


def _term(x: Any, *, first: bool) -> str:
    if x.could_extract_minus_sign():
        return f"{'-' if first else ' - '}{infix(-x)}"
    return infix(x) if first else f" + {infix(x)}"


def _product(x: Any) -> str:
    """Numerator over denominator, as one would write it."""
    if x.could_extract_minus_sign():
        return f"(-{infix(-x)})"
    factors = [infix(a) for a in x.args if not _divides(a)] or [_ONE]
    divisors = [infix(1 / a) for a in x.args if _divides(a)]
    top = " * ".join(factors)
    return f"({top} / ({' * '.join(divisors)}))" if divisors else f"({top})"


def _divides(x: Any) -> bool:
    return bool(x.is_Pow and x.exp.is_Number and x.exp.is_negative)


def _power(x: Any) -> str:
    """A power; a negative one as a quotient."""
    if x.exp.is_Number and x.exp.is_negative:
        return f"({_ONE} / {infix(1 / x)})"
    return f"({infix(x.base)} ^ {infix(x.exp)})"


def _extreme(parts: list[str], compare: str) -> str:
    best = parts[0]
    for part in parts[1:]:
        best = f"piecewise({best}, {best} {compare} {part}, {part})"
    return best
