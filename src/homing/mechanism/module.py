"""What a module of the mechanism declares.

    class Tract(Module):
        '''Sepsis keeps a tract open; closure starves sepsis.'''
        sepsis = State("tract inflammation, 1 = untreated", unit="1", initial=1.0, symbol="F_i")
        k_clear = Parameter("clearance of sepsis", unit="1/d", symbol="d_F")
        healing_tone = Reads("healing tone from efferocytosis, 0 to 1", unit="1")

        @emits("1")
        def openness(self, y, p, s):
            '''Open fraction of the tract.'''
            return 1 - y.closure

        def rates(self, y, p, s):
            return {"sepsis": ...}

`y` holds the module's own states, `p` its own parameters, `s` the signals it reads; all by name. Equations are plain
arithmetic (with `at_least` and `at_most`), so that they run on floats, arrays and SymPy symbols alike. They don't see
time: what changes with time is a state or is changed by an event.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar


@dataclass(frozen=True)
class State:
    """A quantity with a rate of change. `absolute` is the absolute tolerance that means nothing in its unit.

    `tally=True` marks a running total (cells that died so far) that nothing reads: it does not steer the step size.
    """

    doc: str
    unit: str
    initial: float = 0.0
    low: float = 0.0
    high: float = math.inf
    absolute: float = 1e-8
    symbol: str = ""
    tally: bool = False


@dataclass(frozen=True)
class Parameter:
    """A named slot with a unit; the catalogue fills it. `low` and `high` are what the mechanism can take at all."""

    doc: str
    unit: str
    low: float = 0.0
    high: float = math.inf
    symbol: str = ""


@dataclass(frozen=True)
class Reads:
    """A signal that another module emits. `total=True` sums over every module that emits it (0 where none does)."""

    doc: str
    unit: str
    total: bool = False


@dataclass(frozen=True)
class Signal:
    """A method marked by `emits`: an algebraic quantity that other modules and outputs may read."""

    function: Callable[..., Any]
    unit: str
    doc: str


def emits(unit: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Mark a method `f(self, y, p, s)` as a signal. Its docstring says what it is."""

    def mark(function: Callable[..., Any]) -> Callable[..., Any]:
        function.__dict__["emits"] = Signal(function, unit, (function.__doc__ or "").strip())
        return function

    return mark


class Module:
    """A part of the mechanism. Subclasses declare; `rates` returns the time derivatives (per day) of its own states.

    A second product is a second instance with another name, not a copy of the class.
    """

    states: ClassVar[Mapping[str, State]] = {}
    parameters: ClassVar[Mapping[str, Parameter]] = {}
    reads: ClassVar[Mapping[str, Reads]] = {}
    signals: ClassVar[Mapping[str, Signal]] = {}

    def __init_subclass__(cls) -> None:
        def pick(kind: type) -> dict[str, Any]:
            return {k: v for k, v in vars(cls).items() if isinstance(v, kind)}

        cls.states, cls.parameters, cls.reads = pick(State), pick(Parameter), pick(Reads)
        cls.signals = {k: v.__dict__["emits"] for k, v in vars(cls).items() if "emits" in getattr(v, "__dict__", {})}

    def __init__(self, name: str = "") -> None:
        self.name = name or type(self).__name__.lower()

    def rates(self, y: Any, p: Any, s: Any) -> Mapping[str, Any]:
        """Time derivatives per day, one for each own state."""
        return {}
