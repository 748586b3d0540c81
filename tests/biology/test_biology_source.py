"""The code of the mechanism: no numbers in equations, no value that nothing uses."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest
import sympy

import homing.biology
from homing.biology.ibd import ibd_system

FOLDER = Path(homing.biology.__file__).parent
FILES = sorted(FOLDER.rglob("*.py"))
STRUCTURE = {0, 1, 2}
LARGEST_POWER = 4


def allowed(tree: ast.Module) -> set[int]:
    """Ids of the numbers that are no facts: exponents, numerical tolerances, sizes of caches and lists."""
    ids: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow) and isinstance(node.right, ast.Constant):
            if isinstance(node.right.value, int) and node.right.value <= LARGEST_POWER:
                ids.add(id(node.right))
        if isinstance(node, ast.keyword) and node.arg in ("absolute", "maxsize"):
            ids.add(id(node.value))
    return ids


def numbers_in(text: str) -> list[str]:
    """Number literals that are facts, as 'line: number'."""
    tree = ast.parse(text)
    free = allowed(tree)
    return [
        f"{node.lineno}: {node.value}"
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, int | float)
        and not isinstance(node.value, bool)
        and id(node) not in free
        and not (isinstance(node.value, int) and node.value in STRUCTURE)
    ]


@pytest.mark.parametrize("file", [f for f in FILES if f.parent != FOLDER], ids=lambda f: f.name)
def test_no_number_stands_in_an_equation(file: Path) -> None:
    assert numbers_in(file.read_text(encoding="utf-8")) == []


def test_a_number_in_an_equation_would_be_found() -> None:
    assert set(numbers_in("x = 0.3 * y ** 2 + 3 * z + z ** 7")) == {"1: 0.3", "1: 3", "1: 7"}


def test_every_parameter_is_used_by_an_equation() -> None:
    system = ibd_system()
    states, parameters, rates = system.symbols()
    signals = [sympy.sympify(system.signal(name, states, parameters)) for name in system.signals]
    used = {str(symbol) for expression in [*rates, *signals] for symbol in expression.free_symbols}
    assert [name for name in system.parameters if name not in used] == []


def test_every_state_is_read_or_counted() -> None:
    system = ibd_system()
    states, parameters, rates = system.symbols()
    signals = [sympy.sympify(system.signal(name, states, parameters)) for name in system.signals]
    used = {str(symbol) for expression in [*rates, *signals] for symbol in expression.free_symbols}
    unread = {name for name in system.states if name not in used}
    assert unread == {name for name, state in system.states.items() if state.tally}


@pytest.mark.parametrize("file", FILES, ids=lambda f: f.name)
def test_a_mechanism_stands_on_few_pages(file: Path) -> None:
    assert len(file.read_text(encoding="utf-8").splitlines()) <= 300


def test_time_never_appears() -> None:
    system = ibd_system()
    _, _, rates = system.symbols()
    known = {*system.states, *system.parameters}
    assert {str(s) for r in rates for s in r.free_symbols} <= known
