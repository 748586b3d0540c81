"""The steps of an equation: what a method gives a name to is printed under that name, and used by it.

A method is compiled anew with every assignment noted, so that `helped = 1 + ...` is an equation of its own where it is
long or is used more than once. Nothing else about the method changes.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections import Counter
from collections.abc import Callable, Collection
from typing import Any

from homing.report.tex import ATOM, Tex, width, word

#: A step longer than this stands alone; so does a shorter one that is used twice.
LONG, SHORT = 34, 14
_NOTE = "_note_step"


class Steps:
    """Collects the steps of a module's methods: `found` maps a name to what it stands for."""

    def __init__(self, taken: Collection[str]) -> None:
        self.found: dict[str, Tex] = {}
        self._taken = taken

    def rewritten(self, method: Callable[..., Any]) -> Callable[..., Any]:
        """The method with its assignments noted here."""
        tree = _parsed(method)
        uses = Counter(n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load))
        kept = set(returned_names(method))
        tree = ast.fix_missing_locations(_Noting().visit(tree))

        def note(name: str, value: Any) -> Any:
            return value if name in kept else self._noted(name, value, uses[name])

        scope = {**method.__globals__, _NOTE: note}
        exec(compile(tree, inspect.getfile(method), "exec"), scope)
        return scope[method.__name__]

    def _noted(self, name: str, value: Any, uses: int) -> Any:
        if not isinstance(value, Tex) or value.level == ATOM or word(name) in self._taken:
            return value
        size = width(value.text)
        if size <= SHORT or (size <= LONG and uses < 2):
            return value
        if self.found.setdefault(name, value).text != value.text:  # another method's, of the same name
            return value
        return Tex(word(name))


def returned_names(method: Callable[..., Any]) -> list[str]:
    """The names in the tuple that a method returns; [] where it returns anything else."""
    for node in ast.walk(_parsed(method)):
        if isinstance(node, ast.Return) and isinstance(node.value, ast.Tuple):
            return [each.id for each in node.value.elts if isinstance(each, ast.Name)]
    return []


def _parsed(method: Callable[..., Any]) -> ast.Module:
    tree = ast.parse(textwrap.dedent(inspect.getsource(method)))
    function = tree.body[0]
    if isinstance(function, ast.FunctionDef):
        function.decorator_list, function.returns = [], None
        for argument in function.args.args:
            argument.annotation = None
    return tree


class _Noting(ast.NodeTransformer):
    """Wraps the value of `name = value`, and of each part of `a, b = x, y`."""

    def visit_Assign(self, node: ast.Assign) -> ast.Assign:
        target, value = node.targets[0], node.value
        if isinstance(target, ast.Name):
            node.value = _noting(target.id, value)
        elif isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
            pairs = zip(target.elts, value.elts, strict=True)
            value.elts = [_noting(t.id, v) if isinstance(t, ast.Name) else v for t, v in pairs]
        return node


def _noting(name: str, value: ast.expr) -> ast.expr:
    return ast.Call(ast.Name(_NOTE, ast.Load()), [ast.Constant(name), value], [])
