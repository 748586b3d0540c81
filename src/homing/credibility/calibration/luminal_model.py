"""The hierarchical model of cohorts: relapse after anti-TNF is stopped, and after a reset, in one.

Both rest on how fast memory forms and how often the gut is challenged, so that they are fitted together. On the logit
of what is simulated come a cohort's own departure, what its kind of cohort reads as relapse, and the emulator's error.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration.priors import sample_events, sample_unknowns
from homing.credibility.calibration.surface import Surface
from homing.credibility.calibration.unknowns import Unknowns
from homing.credibility.split import Row

COHORTS, EMULATION = "departure_of_cohorts", "error_of_emulators"
FACTORS = ("memory_priming", "gut_flares", "reset_depth")


@dataclass(frozen=True)
class Table:
    """Rows as arrays: `which` output and cohort of each (row,), whether it is of stopping or a reset, and of n."""

    rows: tuple[str, ...]
    trials: tuple[str, ...]
    which: NDArray[np.int64]
    trial: NDArray[np.int64]
    stopping: NDArray[np.float64]
    n: NDArray[np.int64]


def table(rows: Sequence[Row], n: Sequence[int], outputs: Sequence[str]) -> Table:
    """The table of some rows; `outputs` the keys that the surface has, in order."""
    trials = tuple(dict.fromkeys(row.trial for row in rows))
    return Table(
        tuple(row.key for row in rows),
        trials,
        np.array([outputs.index(row.output) for row in rows]),
        np.array([trials.index(row.trial) for row in rows]),
        np.array([float(row.output.startswith("relapsed")) for row in rows]),
        np.array(n, dtype=np.int64),
    )


def logits(values: Mapping[str, Any], rows: Table, surface: Surface, xp: Any) -> Any:
    """The logit of each row's share, (..., row), at values of the unknowns (...,) and cohorts' departures."""
    one = {name: xp.asarray(values[name])[..., None] for name in (*FACTORS, *_TERMS)}
    departure = one["cohort_spread"] * values[COHORTS]
    found_at = departure[..., rows.trial]
    x = xp.stack([one[name] + xp.zeros_like(found_at) for name in FACTORS], axis=-1)
    found = surface.at(x, rows.which, xp) + surface.error[rows.which] * values[EMULATION][..., rows.which]
    reading = one["stopping_reading"] * rows.stopping + one["reset_reading"] * (1 - rows.stopping)
    sign = np.where(rows.stopping > 0, 1.0, -1.0)  # a cohort with more relapse has less freedom from it
    return found + reading + sign * found_at


_TERMS = ("cohort_spread", "stopping_reading", "reset_reading")


def model(rows: Table, unknowns: Unknowns, surface: Surface, events: NDArray[np.int64] | None = None) -> None:
    """The joint model for numpyro; `events` (row,) None to draw from the prior."""
    import jax.numpy as jnp

    values = sample_unknowns(unknowns, sizes(rows, surface))
    sample_events(rows.n, logits(values, rows, surface, jnp), events)


def sizes(rows: Table, surface: Surface) -> dict[str, int]:
    """The standard normal deviates of the model, by name, and how many there are of each."""
    return {COHORTS: len(rows.trials), EMULATION: len(surface.outputs)}
