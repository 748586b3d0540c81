"""Priors of the unknowns: for numpyro, and as draws."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration.unknowns import Term, Unknowns

Draws = Mapping[str, NDArray[np.float64]]


def sample_unknowns(unknowns: Unknowns, deviates: Mapping[str, int]) -> dict[str, Any]:
    """Sample sites of numpyro, by name: the factors (their logarithms), the terms, and standard normal deviates."""
    import numpyro
    from numpyro import distributions as dist

    found = {key: numpyro.sample(key, dist.Normal(math.log(f.median), f.spread)) for key, f in unknowns.factors.items()}
    found |= {key: numpyro.sample(key, prior_of(term)) for key, term in unknowns.terms.items()}
    normal = dist.Normal(0, 1)
    return found | {key: numpyro.sample(key, normal.expand([size]).to_event(1)) for key, size in deviates.items()}


def sample_events(n: NDArray[np.int64], logits: Any, events: NDArray[np.int64] | None) -> None:
    """The sample site of the rows' events (row,) of n; `events` None to draw them."""
    import numpyro
    from numpyro import distributions as dist

    numpyro.sample("events", dist.Binomial(n, logits=logits).to_event(1), obs=events)


def prior_of(term: Term) -> Any:
    """The distribution of a term for numpyro."""
    from numpyro import distributions as dist

    return dist.HalfNormal(term.spread) if term.kind == "half-normal" else dist.Normal(term.centre, term.spread)


def prior_draws(unknowns: Unknowns, deviates: Mapping[str, int], draws: int, seed: int) -> dict[str, Any]:
    """Draws (draw,) of the unknowns' priors, factors as logarithms, and (draw, size) of standard normal deviates."""
    g = np.random.default_rng(seed)
    found: dict[str, Any] = {
        key: math.log(f.median) + f.spread * g.standard_normal(draws) for key, f in unknowns.factors.items()
    }
    for key, term in unknowns.terms.items():
        z = term.spread * g.standard_normal(draws)
        found[key] = np.abs(z) if term.kind == "half-normal" else term.centre + z
    return found | {name: g.standard_normal((draws, size)) for name, size in deviates.items()}


def with_trials(
    draws: Draws, names: tuple[str, ...], fitted: tuple[str, ...], wanted: tuple[str, ...], seed: int
) -> dict[str, Any]:
    """Draws in which the deviates `names` are those of the wanted trials (draw, trial).

    A trial that was fitted keeps its own; another's are drawn anew, as it is one more of their kind.
    """
    g = np.random.default_rng(seed)
    n = len(next(iter(draws.values())))
    found = dict(draws)
    for name in names:
        new = {t: g.standard_normal(n) for t in wanted}
        found[name] = np.stack([draws[name][:, fitted.index(t)] if t in fitted else new[t] for t in wanted], axis=1)
    return found
