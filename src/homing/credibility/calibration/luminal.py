"""Luminal disease: cohorts that stop anti-TNF and cohorts that are reset, at the same values of the unknowns."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration import relapse, reset
from homing.credibility.calibration.unknowns import unknowns

DOMAIN = "luminal"


def outputs() -> tuple[str, ...]:
    """The names of what `simulate` returns: stopping, going on with the drug, reset."""
    return (*relapse.outputs("stopped"), *relapse.outputs("continued"), *reset.outputs())


def simulate(
    changes: Mapping[str, float], patients: int, seed: int, threads: int = 1
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Events and patients (output,) at factors on the mechanism's values by full name."""
    theta = {key: changes[f.multiplies[0]] for key, f in unknowns(DOMAIN).factors.items() if f.multiplies[0] in changes}
    found = {**relapse.simulate(theta, patients, seed, threads)}
    found |= relapse.simulate(theta, patients, seed, threads, arm="continued")
    found |= reset.simulate(theta, patients, seed, threads)
    counts = [found[name] for name in outputs()]
    return np.array([c.events for c in counts]), np.array([c.n for c in counts])
