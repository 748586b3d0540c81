"""What is seen at a visit: the mechanism's values with the noise of readings, and endpoints judged on what was read.

Noise depends on (seed, patient, reading, day) alone: a patient is read with the same luck in every arm and scenario.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Mapping

import numpy as np
from numpy.typing import NDArray

from homing.endpoints.definitions import EndpointDefinition, endpoint, endpoints
from homing.patients.population import Noise, Population

Readings = Mapping[str, NDArray[np.float64]]


def needed(keys: Iterable[str]) -> tuple[str, ...]:
    """The states and signals that these endpoints read, each once."""
    return tuple(dict.fromkeys(name for key in keys for name in endpoint(key).needs))


def observe(true: Readings, population: Population, seed: int, ids: NDArray[np.int64], day: float) -> Readings:
    """Readings of one visit, (patient,) each, from the values without noise.

    A reading without a stated noise is seen as it is. Scales end where their marker's definition says.
    """
    seen = {}
    for name, values in true.items():
        marker = _markers().get(name)
        noise = population.noise.get(marker.key) if marker is not None else None
        seen[name] = _clipped(_noisy(values, noise, seed, f"reading of {name} on day {day:g}", ids), marker)
    return seen


def _noisy(
    values: NDArray[np.float64], noise: Noise | None, seed: int, purpose: str, ids: NDArray[np.int64]
) -> NDArray[np.float64]:
    """Additive noise has a standard deviation; relative noise is lognormal with a coefficient of variation, mean 1."""
    from homing.ground.keys import normals

    if noise is None:
        return values
    z = normals(seed, purpose, ids)[:, 0]
    if noise.kind == "additive":
        return values + noise.size.number * z
    variance = np.log1p(noise.size.number**2)
    return values * np.exp(np.sqrt(variance) * z - variance / 2)


def _clipped(values: NDArray[np.float64], marker: EndpointDefinition | None) -> NDArray[np.float64]:
    return values if marker is None else np.clip(values, marker.least, marker.most)


@functools.lru_cache(maxsize=1)
def _markers() -> Mapping[str, EndpointDefinition]:
    """Markers by the state or signal that they read."""
    return {found.of: found for found in endpoints() if found.kind == "marker"}


def outcomes(keys: Iterable[str], now: Readings, start: Readings) -> dict[str, NDArray[np.float64]]:
    """The outcome of each endpoint from the readings of a visit and of the start, (patient,) each.

    A marker's is its value; a rule's is 1 (met) or 0. Where a reading is missing (NaN) the outcome is NaN: a patient
    whose simulation failed is neither a success nor a failure, and whoever counts says how many there were.
    """
    found = {}
    for key in keys:
        definition = endpoint(key)
        if definition.kind == "marker":
            found[key] = now[definition.of]
            continue
        missing = np.logical_or.reduce([np.isnan(now[name]) for name in definition.needs])
        if definition.needs_start:
            missing |= np.logical_or.reduce([np.isnan(start[name]) for name in definition.needs])
        found[key] = np.where(missing, np.nan, definition.met(now, start).astype(float))
    return found
