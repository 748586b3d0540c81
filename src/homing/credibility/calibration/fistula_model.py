"""The hierarchical model of fistula trials: what trials share, how they differ, and how they observe.

A trial's own closing and own effect lie about those of all trials; the closing drifts over the years and differs in
fistulas without Crohn's disease. What the mechanism makes of them is emulated; on the logit of the share come the
error of the emulator, healing by the trial's own definition, the bias of open trials and the selection of completers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration.fistula import Observed
from homing.credibility.calibration.unknowns import Term, Unknowns
from homing.inference.emulator import Emulators

#: Names of the trials' own deviates in the posterior.
CLOSING, EFFECT = "closing_of_trials", "effect_of_trials"
EMULATION = "error_of_emulators"


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
    """The table of some rows. Arguments: `rows` their keys; `outputs` the keys that the emulators have, in order."""
    trials = tuple(dict.fromkeys(s.trial for s in seen))
    of_trial = {s.trial: s for s in seen}
    return Table(
        tuple(rows),
        trials,
        np.array([outputs.index(s.output.key) for s in seen]),
        np.array([trials.index(s.trial) for s in seen]),
        *(np.array([getattr(s, name) for s in seen]) for name in ("own", "open", "completers")),
        np.array(n, dtype=np.int64),
        *(np.array([getattr(of_trial[t], name) for t in trials]) for name in ("others", "decades", "centres")),
    )


def logits(values: Mapping[str, object], rows: Table, emulators: Emulators, xp) -> object:
    """The logit of each row's share, (..., row), at values of the unknowns (...,) and trials' deviates (..., trial).

    `xp` is numpy or jax.numpy; the logarithms of factors are under the factors' names.
    """
    v = {name: xp.asarray(value)[..., None] for name, value in values.items() if np.ndim(value) == np.ndim(values["drift"])}
    spread = xp.sqrt(v["trial_spread"] ** 2 + v["centre_spread"] ** 2 / rows.centres)
    closing = v["fistula_closing"] + v["drift"] * rows.decades + v["other_fistula"] * rows.others
    closing = closing + spread * values[CLOSING]
    effect = v["cell_effect"] + v["effect_spread"] * values[EFFECT]
    closing, effect = closing[..., rows.trial], effect[..., rows.trial]
    same = xp.zeros_like(closing)
    x = xp.stack([closing, effect, v["reopening"] + same, v["half_dose"] + same], axis=-1)
    found = emulators.at(x, rows.which, xp=xp)
    found = found + emulators.rmse[rows.which] * values[EMULATION][..., rows.which]
    found = found + v["own_definition"] * rows.own + v["open_bias"] * rows.open
    return found + v["completers"] * rows.completers


def model(rows: Table, unknowns: Unknowns, emulators: Emulators, events: NDArray[np.int64] | None = None) -> None:
    """The joint model for numpyro; `events` (row,) None to draw from the prior."""
    import jax.numpy as jnp
    import numpyro
    from numpyro import distributions as dist

    values = {key: numpyro.sample(key, dist.Normal(np.log(f.median), f.spread)) for key, f in unknowns.factors.items()}
    values |= {key: numpyro.sample(key, _prior(term)) for key, term in unknowns.terms.items()}
    for name, size in ((CLOSING, len(rows.trials)), (EFFECT, len(rows.trials)), (EMULATION, len(emulators.rmse))):
        values[name] = numpyro.sample(name, dist.Normal(0, 1).expand([size]).to_event(1))
    found = logits(values, rows, emulators, jnp)
    numpyro.sample("events", dist.Binomial(rows.n, logits=found).to_event(1), obs=events)


def _prior(term: Term):
    from numpyro import distributions as dist

    return dist.HalfNormal(term.spread) if term.kind == "half-normal" else dist.Normal(term.centre, term.spread)


def prior_draws(unknowns: Unknowns, rows: Table, outputs: int, draws: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Draws of the prior, (draw,) or (draw, size) by name."""
    g = np.random.default_rng(seed)
    found = {key: np.log(f.draw(g, draws)) for key, f in unknowns.factors.items()}
    for key, term in unknowns.terms.items():
        z = g.standard_normal(draws) * term.spread
        found[key] = np.abs(z) if term.kind == "half-normal" else term.centre + z
    for name, size in ((CLOSING, len(rows.trials)), (EFFECT, len(rows.trials)), (EMULATION, outputs)):
        found[name] = g.standard_normal((draws, size))
    return found


def new_trials(
    draws: Mapping[str, NDArray[np.float64]], rows: Table, fitted: Sequence[str], seed: int
) -> dict[str, NDArray[np.float64]]:
    """Draws with the deviates of other trials: those that were fitted keep theirs, new ones are drawn.

    Arguments: `draws` of the posterior, (draw,) or (draw, size); `rows` what is to be predicted; `fitted` the trials of
    the fit in their order.
    """
    g = np.random.default_rng(seed)
    found = dict(draws)
    n = len(draws["drift"])
    for name in (CLOSING, EFFECT):
        columns = [
            draws[name][:, fitted.index(t)] if t in fitted else g.standard_normal(n)  # a trial of its own
            for t in rows.trials
        ]
        found[name] = np.stack(columns, axis=1)
    return found
