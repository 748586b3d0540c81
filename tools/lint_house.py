"""House rules that no off-the-shelf linter knows: sizes, literals in biology/, public docstrings, data without source.

Run by `make check`. Prints one line a fault and ends with 1 where there is any.
"""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent / "src" / "homing"
LONGEST_FILE = 400
LONGEST_FUNCTION = 60
LONGEST_BIOLOGY_FILE = 250
PLAIN_NUMBERS = {0, 1, 2}


def faults(file: Path) -> Iterator[str]:
    """The house rules that one source file breaks."""
    text = file.read_text(encoding="utf-8")
    name = file.relative_to(ROOT.parent.parent)
    lines = text.count("\n")
    in_biology = "biology" in file.relative_to(ROOT).parts
    longest = LONGEST_BIOLOGY_FILE if in_biology else LONGEST_FILE
    if lines > longest:
        yield f"{name}: {lines} lines; at most {longest}. Split it by subject."
    tree = ast.parse(text)
    if not ast.get_docstring(tree) and text.strip():
        yield f"{name}: the module has no docstring."
    if not text.strip():
        yield f"{name}: is empty; a package says in one sentence what lives in it."
    inner = _inner_functions(tree)
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield from _definition_faults(f"{name}:{node.lineno}", node, node in inner)
        if in_biology and isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            if not isinstance(node.value, bool) and node.value not in PLAIN_NUMBERS:
                parent_ok = isinstance(node.value, int) and node.value in {3, 4}
                if not parent_ok and not _declares(tree, node):
                    yield f"{name}:{node.lineno}: the number {node.value} belongs in the catalogue, with its source."


def _definition_faults(where: str, node: ast.FunctionDef | ast.ClassDef, is_inner: bool) -> Iterator[str]:
    if isinstance(node, ast.FunctionDef):
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        if length > LONGEST_FUNCTION:
            yield f"{where}: {node.name} has {length} lines; at most {LONGEST_FUNCTION}."
    if not node.name.startswith("_") and not ast.get_docstring(node) and not is_inner:
        yield f"{where}: {node.name} is public and has no docstring."


def _inner_functions(tree: ast.Module) -> set[ast.AST]:
    """Functions within functions, and methods of private classes: nobody else can call them."""
    private = (ast.FunctionDef,)
    outer = [n for n in ast.walk(tree) if isinstance(n, private) or (isinstance(n, ast.ClassDef) and n.name[0] == "_")]
    return {inner for n in outer for inner in ast.walk(n) if inner is not n and isinstance(inner, ast.FunctionDef)}


def _declares(tree: ast.Module, constant: ast.Constant) -> bool:
    """Whether a number is a bound, tolerance or initial value in a State(...) or Parameter(...) declaration."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in {"State", "Parameter"}:
            if any(child is constant for child in ast.walk(node)):
                return True
    return False


def main() -> int:
    """Print every fault; 0 when there is none."""
    found = [fault for file in sorted(ROOT.rglob("*.py")) for fault in faults(file)]
    for fault in found:
        sys.stdout.write(fault + "\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
