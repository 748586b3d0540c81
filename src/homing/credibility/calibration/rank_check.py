"""Simulation-based calibration of the fistula model: data drawn from the prior, fitted, and the truth ranked."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import expit

from homing.credibility.calibration import data, fistula, fistula_model
from homing.credibility.calibration.design import Progress
from homing.credibility.calibration.priors import prior_draws
from homing.credibility.calibration.run import Effort, fistula_surface, model_version
from homing.credibility.calibration.unknowns import unknowns
from homing.credibility.split import sealed
from homing.evidence.store import load_store
from homing.inference.rank_checks import Ranks, rank_check

#: Of each replicate: enough that 99 of the draws are about independent.
WARMUP, DRAWS = 300, 600


def check_ranks(
    folder: Path,
    effort: Effort,
    replicates: int,
    seed: int = 2019,
    threads: int = 1,
    progress: Progress = lambda step, done, total: None,
) -> Ranks:
    """The ranks of the factors and terms over replicates, each kept in `folder`.

    The trials, their patients and the surfaces are those of the real fit; the events are drawn. What is reduced is the
    length of the chain: one of each replicate.
    """
    from homing.inference.sampling import Sampler, Settings

    surface, design = fistula_surface(folder, effort, seed, threads, progress)
    table = data.fistula_data(sealed(load_store()), "calibration", design.outputs).table
    known = unknowns(fistula.DOMAIN)
    names = (*known.factors, *known.terms)

    def joint(events: Any) -> None:
        fistula_model.model(table, known, surface, events)

    sampler = Sampler(joint, Settings(WARMUP, DRAWS, 1, target_accept=0.9))

    def draw_prior(rng: np.random.Generator) -> Mapping[str, float]:
        found = prior_draws(known, {}, 1, int(rng.integers(2**31)))
        return {name: float(found[name][0]) for name in names}

    def simulate(rng: np.random.Generator, truth: Mapping[str, float]) -> Any:
        values: dict[str, Any] = {name: np.array([x]) for name, x in truth.items()}
        for name, size in fistula_model.sizes(table, surface).items():
            values[name] = rng.standard_normal((1, size))
        return rng.binomial(table.n, expit(fistula_model.logits(values, table, surface, np))[0])

    def infer(one: int, events: Any) -> Mapping[str, Any]:
        drawn = sampler.run(one, (np.asarray(events),))
        return {name: drawn.flat(name) for name in names}

    return rank_check(
        draw_prior,
        simulate,
        infer,
        seed,
        replicates=replicates,
        folder=folder / "ranks",
        progress=lambda done, total: progress("ranks", done, total),
        version=f"{model_version(table, design)} {WARMUP} {DRAWS}",
    )
