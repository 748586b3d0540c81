"""SBML mathematics as SymPy expressions for the engine: numbers stay as they are written, true is 1 and false is 0."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from typing import Any

import libsbml
import sympy

from homing.ground.errors import StudyError
from homing.mechanism import choose

#: CODATA 2006, as SBML Level 3 Version 1 fixes it; later versions of SBML and CODATA differ in the eighth digit.
AVOGADRO = 6.02214179e23
#: What the time is looked up as: no identifier of SBML has a space.
TIME = "the time"
HALF = sympy.Rational(1, 2)
Look = Callable[[str], Any]

_UNARY: dict[int, Callable[[Any], Any]] = {
    libsbml.AST_FUNCTION_ABS: lambda x: sympy.Max(x, -x),
    libsbml.AST_FUNCTION_CEILING: sympy.ceiling,
    libsbml.AST_FUNCTION_FLOOR: sympy.floor,
    libsbml.AST_FUNCTION_EXP: sympy.exp,
    libsbml.AST_FUNCTION_LN: sympy.log,
    libsbml.AST_FUNCTION_SIN: sympy.sin,
    libsbml.AST_FUNCTION_COS: sympy.cos,
    libsbml.AST_FUNCTION_TAN: sympy.tan,
    libsbml.AST_FUNCTION_SEC: lambda x: 1 / sympy.cos(x),
    libsbml.AST_FUNCTION_CSC: lambda x: 1 / sympy.sin(x),
    libsbml.AST_FUNCTION_COT: lambda x: 1 / sympy.tan(x),
    libsbml.AST_FUNCTION_SINH: sympy.sinh,
    libsbml.AST_FUNCTION_COSH: sympy.cosh,
    libsbml.AST_FUNCTION_TANH: sympy.tanh,
    libsbml.AST_FUNCTION_SECH: lambda x: 1 / sympy.cosh(x),
    libsbml.AST_FUNCTION_CSCH: lambda x: 1 / sympy.sinh(x),
    libsbml.AST_FUNCTION_COTH: lambda x: 1 / sympy.tanh(x),
    libsbml.AST_FUNCTION_ARCSIN: sympy.asin,
    libsbml.AST_FUNCTION_ARCCOS: sympy.acos,
    libsbml.AST_FUNCTION_ARCTAN: sympy.atan,
    libsbml.AST_FUNCTION_ARCSEC: lambda x: sympy.acos(1 / x),
    libsbml.AST_FUNCTION_ARCCSC: lambda x: sympy.asin(1 / x),
    libsbml.AST_FUNCTION_ARCCOT: lambda x: sympy.pi / 2 if x == 0 else sympy.atan(1 / x),
    libsbml.AST_FUNCTION_ARCSINH: sympy.asinh,
    libsbml.AST_FUNCTION_ARCCOSH: sympy.acosh,
    libsbml.AST_FUNCTION_ARCTANH: sympy.atanh,
    libsbml.AST_FUNCTION_ARCSECH: lambda x: sympy.acosh(1 / x),
    libsbml.AST_FUNCTION_ARCCSCH: lambda x: sympy.asinh(1 / x),
    libsbml.AST_FUNCTION_ARCCOTH: lambda x: sympy.atanh(1 / x),
}
_CONSTANTS: dict[int, Any] = {
    libsbml.AST_CONSTANT_PI: sympy.pi,
    libsbml.AST_CONSTANT_E: sympy.E,
    libsbml.AST_CONSTANT_TRUE: sympy.Integer(1),
    libsbml.AST_CONSTANT_FALSE: sympy.Integer(0),
    libsbml.AST_NAME_AVOGADRO: sympy.Float(AVOGADRO),
}
_RELATIONS = {
    libsbml.AST_RELATIONAL_GEQ: lambda a, b: choose(a, b, 1, 0),
    libsbml.AST_RELATIONAL_LEQ: lambda a, b: choose(b, a, 1, 0),
    libsbml.AST_RELATIONAL_GT: lambda a, b: choose(b, a, 0, 1),
    libsbml.AST_RELATIONAL_LT: lambda a, b: choose(a, b, 0, 1),
}
_LOGICAL = (
    libsbml.AST_LOGICAL_AND,
    libsbml.AST_LOGICAL_OR,
    libsbml.AST_LOGICAL_XOR,
    libsbml.AST_LOGICAL_NOT,
    libsbml.AST_LOGICAL_IMPLIES,
    *_RELATIONS,
    libsbml.AST_RELATIONAL_EQ,
    libsbml.AST_RELATIONAL_NEQ,
    libsbml.AST_CONSTANT_TRUE,
    libsbml.AST_CONSTANT_FALSE,
)


class Mathematics:
    """Translates formulas of one model. `functions` are its function definitions by id; `rate_of` gives the rate of
    change of a name, as `look` sees it."""

    def __init__(self, functions: Mapping[str, Any], rate_of: Callable[[str, Look], Any]) -> None:
        self.functions, self.rate_of = functions, rate_of
        self.open: list[str] = []

    def translate(self, node: Any, look: Look) -> Any:
        """The expression of a libSBML node; `look` gives that of a name.

        Raises: StudyError for what is outside, by name.
        """
        kind = node.getType()
        if kind == libsbml.AST_NAME:
            return look(node.getName())
        if kind == libsbml.AST_NAME_TIME:
            return look(TIME)
        if kind in _CONSTANTS:
            return _CONSTANTS[kind]
        if node.isNumber():
            return _number(node)
        if kind == libsbml.AST_FUNCTION_DELAY:
            raise StudyError("delays (delay differential equations) are outside; write the delay as a chain of states.")
        if kind == libsbml.AST_FUNCTION_RATE_OF:
            return self.rate_of(node.getChild(0).getName(), look)
        if kind == libsbml.AST_FUNCTION:
            return self._call(node, look)
        if kind == libsbml.AST_FUNCTION_PIECEWISE:
            return self._piecewise(node, look)
        parts = [self.translate(node.getChild(i), look) for i in range(node.getNumChildren())]
        if kind in _UNARY:
            return _UNARY[kind](parts[0])
        if kind in _LOGICAL:
            return self._logical(node, kind, parts)
        return _arithmetic(node, kind, parts)

    def condition(self, node: Any, look: Look) -> Any:
        """1 where a formula is true (not zero, if it is a number), else 0."""
        value = self.translate(node, look)
        return value if node.getType() in _LOGICAL else _differ(value, sympy.Integer(0))

    def _logical(self, node: Any, kind: int, parts: list[Any]) -> Any:
        if kind in _RELATIONS:
            return _all([_RELATIONS[kind](a, b) for a, b in itertools.pairwise(parts)])
        if kind == libsbml.AST_RELATIONAL_EQ:
            return _all([1 - _differ(a, b) for a, b in itertools.pairwise(parts)])
        if kind == libsbml.AST_RELATIONAL_NEQ:
            return _differ(*parts)
        truths = [
            part if node.getChild(i).getType() in _LOGICAL else _differ(part, sympy.Integer(0))
            for i, part in enumerate(parts)
        ]
        match kind:
            case libsbml.AST_LOGICAL_AND:
                return _all(truths)
            case libsbml.AST_LOGICAL_OR:
                return 1 - _all([1 - t for t in truths])
            case libsbml.AST_LOGICAL_NOT:
                return 1 - truths[0]
            case libsbml.AST_LOGICAL_IMPLIES:
                return 1 - truths[0] * (1 - truths[1])
        odd = sympy.Integer(0)
        for t in truths:
            odd = odd + t - 2 * odd * t
        return odd

    def _piecewise(self, node: Any, look: Look) -> Any:
        count = node.getNumChildren()
        value = self.translate(node.getChild(count - 1), look) if count % 2 else sympy.nan
        for i in range(count // 2 * 2 - 2, -1, -2):
            condition = self.condition(node.getChild(i + 1), look)
            value = choose(condition, HALF, self.translate(node.getChild(i), look), value)
        return value

    def _call(self, node: Any, look: Look) -> Any:
        name = node.getName()
        if name not in self.functions:
            raise StudyError(f"the function '{name}' is not defined.")
        if name in self.open:
            raise StudyError(f"the function '{name}' calls itself.")
        definition = self.functions[name]
        inner = {
            definition.getArgument(i).getName(): self.translate(node.getChild(i), look)
            for i in range(node.getNumChildren())
        }
        if definition.getBody() is None:
            return sympy.nan
        self.open.append(name)
        value = self.translate(definition.getBody(), lambda n: inner[n] if n in inner else look(n))
        self.open.pop()
        return value


def _number(node: Any) -> Any:
    if node.isInteger():
        return sympy.Integer(node.getInteger())
    if node.isRational():
        return sympy.Rational(node.getNumerator(), node.getDenominator())
    return number(node.getReal())


def number(value: float) -> Any:
    """A double as SymPy's, exactly."""
    if value != value:
        return sympy.nan
    if value in (float("inf"), float("-inf")):
        return sympy.oo if value > 0 else -sympy.oo
    return sympy.Integer(int(value)) if value == int(value) and abs(value) < 2**53 else sympy.Float(value)


def _all(truths: list[Any]) -> Any:
    product = sympy.Integer(1)
    for t in truths:
        product = product * t
    return product


def _differ(a: Any, b: Any) -> Any:
    return choose(a, b, choose(b, a, 0, 1), 1)


def _arithmetic(node: Any, kind: int, x: list[Any]) -> Any:
    match kind:
        case libsbml.AST_PLUS:
            return sympy.Add(*x)
        case libsbml.AST_TIMES:
            return sympy.Mul(*x)
        case libsbml.AST_MINUS:
            return -x[0] if len(x) == 1 else x[0] - x[1]
        case libsbml.AST_DIVIDE:
            return x[0] / x[1]
        case libsbml.AST_POWER | libsbml.AST_FUNCTION_POWER:
            return x[0] ** x[1]
        case libsbml.AST_FUNCTION_ROOT:
            return sympy.sqrt(x[0]) if len(x) == 1 else x[1] ** (1 / x[0])
        case libsbml.AST_FUNCTION_LOG:
            return sympy.log(x[-1]) / sympy.log(x[0] if len(x) == 2 else sympy.Integer(10))
        case libsbml.AST_FUNCTION_MAX:
            return sympy.Max(*x)
        case libsbml.AST_FUNCTION_MIN:
            return sympy.Min(*x)
        case libsbml.AST_FUNCTION_QUOTIENT | libsbml.AST_FUNCTION_REM:
            ratio = x[0] / x[1]
            whole = choose(ratio, 0, sympy.floor(ratio), sympy.ceiling(ratio))
            return whole if kind == libsbml.AST_FUNCTION_QUOTIENT else x[0] - x[1] * whole
        case libsbml.AST_FUNCTION_FACTORIAL:
            if x[0].is_Integer:
                return sympy.factorial(x[0])
            raise StudyError("the factorial of something other than a whole number is outside.")
    raise StudyError(f"'{node.getName() or libsbml.formulaToL3String(node)}' is outside what the engine computes.")
