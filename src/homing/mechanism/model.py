"""Model: a System with its numbers, ready to be simulated."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import WiringError
from homing.ground.nearest import did_you_mean
from homing.mechanism.system import System

#: From parameter values (numbers, or arrays over patients) to the values of states at the start, by name.
Start = Callable[[Mapping[str, Any]], Mapping[str, Any]]


@dataclass(frozen=True)
class Model:
    """A System and a number for each of its parameters.

    `initial` gives the states at the start from parameter values. `outputs` are what is shown unless others are asked
    for. `time_unit` is what the model calls its unit of time; `notes` are what its reader should know.
    """

    name: str
    system: System
    values: Mapping[str, float]
    initial: Start = field(repr=False)
    outputs: tuple[str, ...] = ()
    time_unit: str = "d"
    notes: tuple[str, ...] = ()

    def parameters(self, changes: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """All parameter values, with changes: numbers, or arrays over patients.

        Raises: WiringError for a name that is no parameter, with the nearest.
        """
        for name in changes or {}:
            if name not in self.values:
                raise WiringError(f"the model has no parameter '{name}'. {did_you_mean(name, self.values)}")
        return {**self.values, **(changes or {})}

    def start(self, parameters: Mapping[str, Any], patients: int = 1) -> NDArray[np.float64]:
        """The states at the start, (patient, state)."""
        found = self.initial(parameters)
        columns = [np.broadcast_to(np.asarray(found[name], dtype=float), patients) for name in self.system.states]
        return np.stack(columns, axis=1) if columns else np.zeros((patients, 0))

    def names(self, wanted: Sequence[str]) -> tuple[str, ...]:
        """The states and signals with these names. Raises WiringError with the nearest for one that is neither."""
        known = [*self.system.states, *self.system.signals]
        for name in wanted:
            if name not in known:
                raise WiringError(f"the model has no state or signal '{name}'. {did_you_mean(name, known)}")
        return tuple(dict.fromkeys(wanted))
