"""The equations of a module in LaTeX, in the order in which the code writes them.

A module's methods run on `Tex` instead of on numbers, so that what is printed is what is computed. A method that is
used more than once (the rate of killing, the deaths by place) is printed once, under its own name, and named where it
is used; so are the long steps within a method.
"""

from __future__ import annotations

import functools
import inspect
import re
from collections import Counter
from collections.abc import Callable, Mapping
from copy import copy
from dataclasses import dataclass
from types import MethodType, SimpleNamespace
from typing import Any

from homing.mechanism import Module, Parameter, State
from homing.report.tex import Tex, factors, signed, spaced, tex, width, word
from homing.report.tex_steps import Steps, returned_names

_GREEK = ("alpha", "beta", "chi", "mu", "phi", "pi", "rho")
_HEADS = {"th": r"\theta", **{name: rf"\{name}" for name in _GREEK}}
_SYMBOL = re.compile(r"([A-Za-z]+)(?:_([A-Za-z0-9]+))?")
#: How the first word of a name is written: k_ are rates, f_ shares, half_ what gives half the effect.
_PREFIXES = {"k": "k", "f": "f", "half": "K"}
#: Characters of one line of an equation, about.
LINE = 62


@dataclass(frozen=True)
class Equation:
    """One equation: what it defines ('tract.closure', 'antigen_load'), its meaning, and the LaTeX of its lines."""

    name: str
    meaning: str
    kind: str
    lines: tuple[str, ...]

    @property
    def latex(self) -> str:
        """All lines, aligned where there are several."""
        if len(self.lines) == 1:
            return self.lines[0]
        inside = " \\\\\n".join(self.lines)
        return f"\\begin{{aligned}}\n{inside}\n\\end{{aligned}}"


def equations(module: Module) -> list[Equation]:
    """What a module computes: rates of its states, the signals that it emits, and what these have in common.

    Example:
        >>> from homing.biology.gut.barrier import Barrier
        >>> equations(Barrier())[1].lines
        ('\\\\mathrm{ulceration} = \\\\frac{1 - E_b}{\\\\mathrm{loss\\\\ untreated}}',)
    """
    shared, known = _shared(module), symbols(module)
    taken = {*module.signals, *module.reads, *(n.strip("_") for n in shared)}
    steps = Steps({word(n) for n in taken} | set(known.values()))
    own = {n: m for n, m in vars(type(module)).items() if inspect.isfunction(m) and not n.startswith("__")}
    rewritten = {name: steps.rewritten(method) for name, method in own.items()}
    names = {name: _names(module, name, method) for name, method in shared.items()}
    body = _with_names(module, names, rewritten)
    rates = _call(body, module, rewritten["rates"]) if module.states else {}
    found = [
        _equation(f"{module.name}.{key}", state.doc, "rate", _slope(known[key]), rates[key])
        for key, state in module.states.items()
    ]
    signals = [
        _equation(name, signal.doc, "signal", word(name), _call(body, module, rewritten[name]))
        for name, signal in module.signals.items()
    ]
    for name, method in shared.items():
        parts = _call(body, module, rewritten[name])
        meaning = inspect.cleandoc(method.__doc__ or "")
        for i, part in enumerate(parts if isinstance(parts, tuple) else (parts,)):
            found.append(_equation(name.strip("_"), "" if i else meaning, "shared", names[name][i], part))
    found += [_equation(name, "", "step", word(name), value) for name, value in steps.found.items()]
    return [*found, *signals]


def symbols(module: Module) -> dict[str, str]:
    """The LaTeX symbol of each state and parameter of a module: the declared one where it is one and is its alone."""
    declared: dict[str, State | Parameter] = {**module.states, **module.parameters}
    wanted = {name: _declared(d.symbol) or _from_name(name) for name, d in declared.items()}
    often = Counter(wanted.values())
    unique = {name: text if often[text] == 1 else _from_name(name) for name, text in wanted.items()}
    often = Counter(unique.values())
    return {name: text if often[text] == 1 else word(name) for name, text in unique.items()}


def _declared(symbol: str) -> str:
    match = _SYMBOL.fullmatch(symbol)
    if match is None:
        return ""
    head, below = match.groups()
    text = _HEADS.get(head) or (head if len(head) == 1 else rf"\mathrm{{{head}}}")
    if below is None:
        return text
    return f"{text}_{below}" if len(below) == 1 else rf"{text}_{{\mathrm{{{below}}}}}"


def _from_name(name: str) -> str:
    first, _, rest = name.partition("_")
    if first in _PREFIXES and rest:
        return rf"{_PREFIXES[first]}_{{\mathrm{{{spaced(rest)}}}}}"
    return word(name)


def _slope(symbol: str) -> str:
    space = r"\," if symbol.startswith(r"\mathrm") else " "
    return rf"\frac{{\mathrm{{d}}{space}{symbol}}}{{\mathrm{{d}} t}}"


def _equation(name: str, meaning: str, kind: str, left: str, right: Any) -> Equation:
    """The equation in lines of terms; a term that is too long goes on with its next factors."""
    lines, line, room = [], "", LINE - width(left)
    for i, (sign, body) in enumerate(signed(tex(right))):
        lead = "" if i == 0 and sign == "+" else f"{sign} "
        for k, factor in enumerate([body] if width(body) <= LINE else factors(body)):
            piece = rf" \cdot {factor}" if k else f"{lead}{factor}"
            if line and width(line) + width(piece) > room:
                lines.append(line)
                line, room = piece.strip(), LINE
            else:
                line += piece if k else f" {piece}"
    lines.append(line)
    texts = [each.strip() for each in lines]
    if len(texts) == 1:
        return Equation(name, meaning, kind, (f"{left} = {texts[0]}",))
    return Equation(
        name, meaning, kind, (f"{left} = {{}}& {texts[0]}", *(rf"&\qquad {{}} {each}" for each in texts[1:]))
    )


def _inputs(module: Module) -> tuple[SimpleNamespace, SimpleNamespace, SimpleNamespace]:
    """States, parameters and signals as symbols, for the methods of a module."""
    known = symbols(module)
    own = SimpleNamespace(**{k: Tex(known[k]) for k in module.states})
    values = SimpleNamespace(**{k: Tex(known[k]) for k in module.parameters})
    return own, values, SimpleNamespace(**{k: Tex(word(k)) for k in [*module.reads, *module.signals]})


def _helpers(module: Module) -> dict[str, Callable[..., Any]]:
    """The module's own methods that take only states, parameters and signals, and are no signals."""
    found: dict[str, Callable[..., Any]] = {}
    for name, method in vars(type(module)).items():
        if name.startswith("__") or not inspect.isfunction(method) or name == "rates" or name in module.signals:
            continue
        takes = list(inspect.signature(method).parameters)
        if takes[:1] == ["self"] and set(takes[1:]) <= {"y", "p", "s"}:
            found[name] = method
    return found


def _call(body: Module, module: Module, method: Callable[..., Any]) -> Any:
    arguments = dict(zip("yps", _inputs(module), strict=True))
    return method(body, *(arguments[a] for a in list(inspect.signature(method).parameters)[1:]))


def _shared(module: Module) -> dict[str, Callable[..., Any]]:
    """Helpers that more than one place of the equations calls."""
    helpers, calls = _helpers(module), Counter[str]()
    counting = copy(module)

    def counted(name: str, method: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any) -> Any:
            calls[name] += 1
            return method(module, *args)

        return call

    for name, method in helpers.items():
        counting.__dict__[name] = counted(name, method)
    own = [type(module).rates, *(s.function for s in module.signals.values()), *helpers.values()]
    for method in own:
        _call(counting, module, method)
    taken = {*module.signals, *module.reads}
    return {n: m for n, m in helpers.items() if calls[n] > 1 and n.strip("_") not in taken}


def _with_names(module: Module, names: Mapping[str, list[str]], rewritten: Mapping[str, Callable[..., Any]]) -> Module:
    """The module whose shared helpers and signals give their names when other methods call them."""
    body = copy(module)
    for name, method in rewritten.items():
        body.__dict__[name] = MethodType(method, body)
    for name in module.signals:
        body.__dict__[name] = functools.partial(_constant, Tex(word(name)))
    for name, texts in names.items():
        parts = tuple(Tex(text) for text in texts)
        body.__dict__[name] = functools.partial(_constant, parts[0] if len(parts) == 1 else parts)
    return body


def _constant(value: Any, *_: Any) -> Any:
    return value


def _names(module: Module, name: str, method: Callable[..., Any]) -> list[str]:
    """What a shared helper is called: its own name, with that of each part where it returns several."""
    parts = _call(module, module, method)
    if not isinstance(parts, tuple):
        return [word(name)]
    below = returned_names(method)
    labels = below if len(below) == len(parts) else [str(i + 1) for i in range(len(parts))]
    return [rf"{word(name)}_{{\mathrm{{{spaced(label)}}}}}" for label in labels]
