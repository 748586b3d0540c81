"""The kinetics of labelled cells: the prior weighted by what the images showed, which is a closed form."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration import kinetics
from homing.credibility.calibration.factors import Factor, prior_draws
from homing.credibility.calibration.posterior_files import Parameter, thinned
from homing.evidence.store import Store

#: Draws of the prior that are weighted.
PRIOR_DRAWS = 20_000
_NAMES: Mapping[str, Mapping[str, str]] = {
    "lung_trapping": {"en": "odds of being held in the lung", "zh": "滞留于肺的优势"},
    "lung_release": {"en": "release from the lung", "zh": "自肺释放的速率"},
    "lung_loss": {"en": "death in the lung", "zh": "肺内死亡速率"},
    "organ_loss": {"en": "death in other organs", "zh": "其他器官内死亡速率"},
    "debris_clearance": {"en": "how fast the label of dead cells leaves the lung", "zh": "死细胞标记离肺的速率"},
}


@dataclass(frozen=True)
class KineticsFit:
    """Draws of the posterior by factor (draw,), resampled from weighted draws of the prior.

    `effective` is the effective number of weighted draws, 1 / sum of squared weights: the method's diagnostic.
    """

    factors: tuple[Factor, ...]
    draws: Mapping[str, NDArray[np.float64]]
    effective: float
    trials: tuple[str, ...]

    def parameters(self, draws: int) -> list[Parameter]:
        """The factors as parameters of the posterior, of so many draws each.

        They are of labelled MSC alone and no scenario multiplies them: a scenario holds for every product.
        """
        at = thinned(len(next(iter(self.draws.values()))), draws)
        return [
            Parameter(replace(f, multiplies=()), self.draws[f.key][at], True, self.trials, self.draws[f.key])
            for f in self.factors
        ]


def fit(store: Store, seed: int) -> KineticsFit:
    """Weight draws of the prior by the likelihood of the lung's share at the images (normal on the logarithm)."""
    factors = tuple(replace(f, name=_NAMES[f.key]) for f in kinetics.factors())
    theta = prior_draws(factors, PRIOR_DRAWS, seed)
    seen = kinetics.observed(store)
    log = np.zeros(PRIOR_DRAWS)
    for i in range(PRIOR_DRAWS):
        found = kinetics.simulate({key: float(column[i]) for key, column in theta.items()})
        log[i] = sum(-0.5 * ((math.log(found[name]) - mean) / sd) ** 2 for name, (mean, sd) in seen.items())
    weights = np.exp(log - log.max())
    weights /= weights.sum()
    chosen = np.random.default_rng(seed).choice(PRIOR_DRAWS, PRIOR_DRAWS // 4, p=weights)
    draws = {key: column[chosen] for key, column in theta.items()}
    return KineticsFit(factors, draws, float(1 / (weights**2).sum()), (kinetics.LABELLED,))
