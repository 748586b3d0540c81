"""The fistula model fitted again under other priors, and not at all: what of a prediction the data made, and what not.

A factor of the catalogue's unknowns may name other medians of its prior (`again`). The simulated cohorts are the same;
only the draws are made anew.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration import data, fistula, fistula_model
from homing.credibility.calibration.design import Progress
from homing.credibility.calibration.priors import prior_draws
from homing.credibility.calibration.run import Calibration, Fit, fit_fistula
from homing.credibility.calibration.unknowns import Unknowns
from homing.credibility.predicting import fistula_shares
from homing.credibility.split import rows_of, sealed
from homing.evidence.store import Store
from homing.inference.scores import Predictive, difference_of_shares

Array = NDArray[np.float64]
LEVEL = 0.95


@dataclass(frozen=True)
class UnderPrior:
    """What follows from a prior whose median of `factor` is `median`; `fitted` False where no trial was looked at.

    `learnt` median and 95 % interval of the factor, common to all trials; `differences` the predicted distribution of
    cells less control by the name of the comparison; `divergences` of the chains.
    """

    factor: str
    median: float
    fitted: bool
    learnt: tuple[float, float, float]
    differences: Mapping[str, Predictive]
    divergences: int


def under_other_priors(
    found: Calibration, store: Store, progress: Progress = lambda step, done, total: None
) -> list[UnderPrior]:
    """The differences of the held-out trials under the prior alone, the prior as it is, and each other median.

    Arguments: `store` the whole one; of the held-out trials only what they planned is used.
    """
    fit = found.fistula
    told = []
    for key, factor in fit.unknowns.factors.items():
        if not factor.again:
            continue
        alone = prior_draws(fit.unknowns, fistula_model.sizes(fit.table, fit.surface), len(fit.flat()[key]), found.seed)
        told += [
            _under(found, store, fit, alone, key, fitted=False),
            _under(found, store, fit, fit.flat(), key, fitted=True),
        ]
        for other in _fits(found, key, store, progress):
            told.append(_under(found, store, other, other.flat(), key, fitted=True))
    return told


def _fits(found: Calibration, key: str, store: Store, progress: Progress) -> Iterator[Fit]:
    """The fit under each other median of a factor's prior, kept in the calibration's folder."""
    fit, known = found.fistula, sealed(store)
    again = fit.unknowns.factors[key].again
    for i, median in enumerate(again):
        other = replace(fit.design, unknowns=with_median(fit.unknowns, key, median))
        told = _called(f"draw {fistula.DOMAIN}, prior {i + 2} of {len(again) + 1}", progress)
        yield fit_fistula(known, fit.surface, other, found.folder, found.effort, found.seed, told)


def _called(step: str, progress: Progress) -> Progress:
    return lambda _, done, total: progress(step, done, total)


def with_median(known: Unknowns, key: str, median: float) -> Unknowns:
    """Unknowns in which the prior of one factor has another median."""
    return replace(known, factors={**known.factors, key: replace(known.factors[key], median=median)})


def _under(
    found: Calibration, store: Store, fit: Fit, draws: Mapping[str, Any], key: str, *, fitted: bool
) -> UnderPrior:
    held = data.fistula_data(store, "holdout", fit.surface.outputs)
    shares = fistula_shares(fit, draws, held.table, found.seed)
    at = {row: i for i, row in enumerate(held.table.rows)}
    n = held.table.n
    differences = {
        name: difference_of_shares(shares[:, at[a]], shares[:, at[b]], int(n[at[a]]), int(n[at[b]]))
        for name, (a, b) in (rows_of("holdout", fistula.DOMAIN).comparisons or {}).items()
    }
    middle, low, high = (float(x) for x in np.exp(np.quantile(draws[key], [0.5, (1 - LEVEL) / 2, (1 + LEVEL) / 2])))
    divergences = int(fit.draws.divergences.sum()) if fitted else 0
    return UnderPrior(key, fit.unknowns.factors[key].median, fitted, (middle, low, high), differences, divergences)


def other_priors_plain(found: Sequence[UnderPrior]) -> list[dict[str, Any]]:
    """What followed from each prior, as plain data; shares, not points."""
    return [
        {
            "factor": u.factor,
            "median": u.median,
            "fitted": u.fitted,
            "learnt": [float(f"{x:.4g}") for x in u.learnt],
            "divergences": u.divergences,
            "differences": {
                name: {
                    "predicted": float(f"{p.mean:.4g}"),
                    "interval": [float(f"{x:.4g}") for x in p.interval(LEVEL)],
                }
                for name, p in u.differences.items()
            },
        }
        for u in found
    ]
