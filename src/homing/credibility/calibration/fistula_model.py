"""The hierarchical model of fistula trials: what trials share, how they differ, and how they observe.

A trial's own closing and own effect lie about those of all trials; the closing drifts over the years and differs in
fistulas without Crohn's disease. What the mechanism makes of them is emulated; on the logit of the share come the
error of the emulator, healing by the trial's own definition, the bias of open trials and the selection of completers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration.fistula import Observed
from homing.credibility.calibration.priors import sample_events, sample_unknowns
from homing.credibility.calibration.surface import Surface
from homing.credibility.calibration.unknowns import Unknowns

#: Names of the trials' own deviates in the posterior.
CLOSING, EFFECT = "closing_of_trials", "effect_of_trials"
EMULATION = "error_of_emulators"
#: In the order of the surface's dimensions.
FACTORS = ("fistula_closing", "cell_effect", "reopening", "half_dose")
TERMS = (
    "trial_spread",
    "centre_spread",
    "effect_spread",
    "drift",
    "other_fistula",
    "own_definition",
    "open_bias",
    "completers",
)


@dataclass(frozen=True)
class Table:
    """Rows as arrays: `which` output and trial of each (row,), how it observes, events of n; trials' covariates."""

    rows: tuple[str, ...]
    trials: tuple[str, ...]
    which: NDArray[np.int64]
    trial: NDArray[np.int64]
    own: NDArray[np.float64]
    open: NDArray[np.float64]
    completers: NDArray[np.float64]
    n: NDArray[np.int64]
    others: NDArray[np.float64]
    decades: NDArray[np.float64]
    centres: NDArray[np.float64]


def table(rows: Sequence[str], seen: Sequence[Observed], n: Sequence[int], outputs: Sequence[str]) -> Table:
    """The table of some rows. Arguments: `rows` their keys; `outputs` the keys that the surface has, in order."""
    trials = tuple(dict.fromkeys(s.trial for s in seen))
    first = [next(s for s in seen if s.trial == t) for t in trials]
    return Table(
        tuple(rows),
        trials,
        which=np.array([outputs.index(s.output.key) for s in seen]),
        trial=np.array([trials.index(s.trial) for s in seen]),
        own=np.array([s.own for s in seen]),
        open=np.array([s.open for s in seen]),
        completers=np.array([s.completers for s in seen]),
        n=np.array(n, dtype=np.int64),
        others=np.array([s.others for s in first]),
        decades=np.array([s.decades for s in first]),
        centres=np.array([s.centres for s in first]),
    )


def logits(values: Mapping[str, Any], rows: Table, surface: Surface, xp: Any) -> Any:
    """The logit of each row's share, (..., row), at values of the unknowns (...,) and trials' deviates (..., trial).

    Factors are there as logarithms. `xp` is numpy or jax.numpy.
    """
    v = {name: xp.asarray(values[name])[..., None] for name in (*FACTORS, *TERMS)}
    closing, effect = (found[..., rows.trial] for found in of_trials(values, rows, xp))
    same = xp.zeros_like(closing)
    x = xp.stack([closing, effect, v["reopening"] + same, v["half_dose"] + same], axis=-1)
    found = surface.at(x, rows.which, xp) + surface.error[rows.which] * values[EMULATION][..., rows.which]
    found = found + v["own_definition"] * rows.own + v["open_bias"] * rows.open
    return found + v["completers"] * rows.completers


def of_trials(values: Mapping[str, Any], rows: Table, xp: Any) -> tuple[Any, Any]:
    """Logarithms (..., trial) of each trial's own closing and own effect."""
    v = {name: xp.asarray(values[name])[..., None] for name in (*FACTORS, *TERMS)}
    spread = xp.sqrt(v["trial_spread"] ** 2 + v["centre_spread"] ** 2 / rows.centres)
    closing = v["fistula_closing"] + v["drift"] * rows.decades + v["other_fistula"] * rows.others
    return closing + spread * values[CLOSING], v["cell_effect"] + v["effect_spread"] * values[EFFECT]


def model(rows: Table, unknowns: Unknowns, surface: Surface, events: NDArray[np.int64] | None = None) -> None:
    """The joint model for numpyro; `events` (row,) None to draw from the prior."""
    import jax.numpy as jnp

    values = sample_unknowns(unknowns, sizes(rows, surface))
    sample_events(rows.n, logits(values, rows, surface, jnp), events)


def sizes(rows: Table, surface: Surface) -> dict[str, int]:
    """The standard normal deviates of the model, by name, and how many there are of each."""
    return {CLOSING: len(rows.trials), EFFECT: len(rows.trials), EMULATION: len(surface.outputs)}
