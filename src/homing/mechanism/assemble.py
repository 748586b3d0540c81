"""Assemble modules into a System. Every refusal names the fix."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from homing.ground.errors import WiringError
from homing.ground.nearest import did_you_mean
from homing.mechanism.module import Module, Signal
from homing.mechanism.system import System

Writers = dict[str, list[tuple[Module, Signal]]]


def assemble(*modules: Module) -> System:
    """Check the wiring of modules and return the System.

    Raises: WiringError for two modules of one name, a signal that is read and not emitted, that two modules emit
    where one is read, that is emitted and read in different units, an algebraic loop, rates that are not exactly the
    module's own states.
    """
    names = [m.name for m in modules]
    for name in names:
        if names.count(name) > 1:
            raise WiringError(f"two modules are called '{name}'. Give one another name, e.g. {name}_2.")
    writers: Writers = {}
    for module in modules:
        for name, signal in module.signals.items():
            writers.setdefault(name, []).append((module, signal))
    _check_reads(modules, writers)
    system = System(modules, writers)
    ones = dict.fromkeys(system.parameters, 1.0)
    with np.errstate(all="ignore"):
        system.rates([1.0] * len(system.states), ones)  # a dry run: loops, undeclared reads, wrong rates show here
    return system


def _check_reads(modules: Sequence[Module], writers: Writers) -> None:
    for module in modules:
        for name, port in module.reads.items():
            found = writers.get(name, [])
            if not found and not port.total:
                raise WiringError(
                    f"{module.name} reads '{name}' ({port.doc}), and no module emits it. {did_you_mean(name, writers)}"
                )
            if len(found) > 1 and not port.total:
                who = " and ".join(w.name for w, _ in found)
                raise WiringError(
                    f"{module.name} reads '{name}', but {who} both emit it. "
                    f"Declare it Reads(..., total=True) to read their sum."
                )
            for writer, signal in found:
                if signal.unit != port.unit:
                    raise WiringError(
                        f"{module.name} reads '{name}' in {port.unit}, {writer.name} emits it in {signal.unit}. "
                        f"Use one unit in both."
                    )
