"""Surfaces: the emulators of a domain as the models read them, kept within the box of their design."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.inference.emulator import Emulators

_AT_A_TIME = 20_000  # rows evaluated in one go by numpy


@dataclass(frozen=True)
class Surface:
    """Emulators by name: `outputs` their keys in order; `error` (output,) of the emulation, in logits.

    The error is what of the leave-one-out error the cohorts' sampling noise does not explain, and the noise that all
    cohorts of the design share.
    """

    outputs: tuple[str, ...]
    emulators: Emulators

    @property
    def error(self) -> NDArray[np.float64]:
        """(output,) standard deviation of the emulation's error on the logit scale."""
        each = [e.error for e in self.emulators.each]
        return np.array([float(np.hypot(e.beyond_noise, e.common)) for e in each])

    def at(self, x: Any, which: ArrayLike, xp: Any = np) -> Any:
        """Logits (..., row) of output `which[row]` at x (..., row, d), logarithms of factors.

        Outside the box the nearest point of it is taken: what an emulator has not seen it isn't asked.
        """
        first = self.emulators.each[0]
        inside = xp.clip(x, first.low, first.high)
        chosen = np.asarray(which)
        if xp is not np or inside.ndim == 2:
            return self.emulators.logit_each(inside, chosen, xp)
        flat = inside.reshape(-1, inside.shape[-1])
        of = np.broadcast_to(chosen, inside.shape[:-1]).ravel()
        parts = [
            self.emulators.logit_each(flat[i : i + _AT_A_TIME], of[i : i + _AT_A_TIME])
            for i in range(0, len(flat), _AT_A_TIME)
        ]
        return np.concatenate(parts).reshape(inside.shape[:-1])
