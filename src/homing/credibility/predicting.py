"""Hold-outs predicted: draws of each row's share from the posterior and from three simple rules."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from homing.credibility.calibration import data, donor_cells, fistula_model, luminal_model, reset
from homing.credibility.calibration.priors import with_trials
from homing.credibility.calibration.run import Calibration, Fit
from homing.credibility.rules import what_rules_say
from homing.credibility.split import Count, count, rows_of
from homing.evidence.store import Store

Array = NDArray[np.float64]
#: Draws of the hold-outs of labelled cells, each of which is a simulation.
DONOR_DRAWS = 1200


@dataclass(frozen=True)
class Predicted:
    """One hold-out row: the count seen, draws (draw,) of its share by Homing and by each rule that applies.

    `stretched` has those rules', and of others what they say where they take what is least unlike.
    `by_model` is False where the draws are of a pool of older series that stands beside the model: then the row is no
    result that the model predicted.
    """

    count: Count
    domain: str
    draws: Array
    rules: Mapping[str, Array]
    stretched: Mapping[str, Array]
    by_model: bool = True


def fistula_predictions(found: Calibration, store: Store) -> list[Predicted]:
    """The fistula hold-outs. `store` is the whole one: what is read of it beyond the arms is only scored."""
    fit = found.fistula
    held = data.fistula_data(store, "holdout", fit.surface.outputs)
    shares = fistula_shares(fit, fit.flat(), held.table, found.seed)
    told = _said(store, "fistula", held.counts, found.seed, len(shares))
    return [Predicted(c, "fistula", shares[:, i], *told[i]) for i, c in enumerate(held.counts)]


def _said(
    store: Store, domain: str, held: Sequence[Count], seed: int, n: int
) -> list[tuple[dict[str, Array], dict[str, Array]]]:
    """Of each row what the rules say, and what they say stretched."""
    both = (what_rules_say(store, domain, held, seed, n, stretched=stretched) for stretched in (False, True))
    return list(zip(*both, strict=True))


def fistula_shares(fit: Fit, draws: Mapping[str, Array], wanted: fistula_model.Table, seed: int) -> NDArray[np.float64]:
    """Shares (draw, row) of other trials' rows at draws of a fit's unknowns, each trial with its closing and effect."""
    deviates = (fistula_model.CLOSING, fistula_model.EFFECT)
    new = with_trials(draws, deviates, fit.table.trials, wanted.trials, seed + 2)
    return np.asarray(expit(fistula_model.logits(new, wanted, fit.surface, np)))


def luminal_predictions(found: Calibration, store: Store) -> list[Predicted]:
    """The hold-outs of stopping anti-TNF and of a reset; treatment-related deaths from the prior of older series."""
    fit, draws = found.luminal, found.luminal.flat()
    held = data.luminal_data(store, "holdout", fit.surface.outputs)
    new = with_trials(draws, (luminal_model.COHORTS,), fit.table.trials, held.table.trials, found.seed + 3)
    shares = expit(luminal_model.logits(new, held.table, fit.surface, np))
    domain = {row.key: name for name in data.LUMINAL for row in rows_of("holdout", name).rows}
    told: dict[str, tuple[dict[str, Array], dict[str, Array]]] = {}
    for name in data.LUMINAL:
        mine = [c for c in held.counts if domain[c.row.key] == name]
        said = _said(store, name, mine, found.seed, len(shares))
        told |= {c.row.key: each for c, each in zip(mine, said, strict=True)}
    rows = [Predicted(c, domain[c.row.key], shares[:, i], *told[c.row.key]) for i, c in enumerate(held.counts)]
    deaths = reset.death_prior(store, len(shares), found.seed)
    for row in rows_of("holdout", "reset").rows:
        if row.output in data.OUTSIDE:
            rows.append(Predicted(count(store, row), "reset", deaths, {}, {}, by_model=False))
    return rows


def donor_predictions(found: Calibration, store: Store) -> list[Predicted]:
    """Donor cells or their DNA found in tissue after infusion and after injection."""
    at = np.linspace(0, len(found.kinetics.draws["lung_release"]) - 1, DONOR_DRAWS).astype(int)
    theta = {key: column[at] for key, column in found.kinetics.draws.items()}
    draws = {
        "found-after-infusion": donor_cells.found_after_infusion(theta, DONOR_DRAWS, found.seed),
        "found-after-injection": donor_cells.found_after_injection(DONOR_DRAWS, found.seed),
    }
    rows = [row for row in rows_of("holdout", "kinetics").rows if row.output in draws]
    return [Predicted(count(store, row), "kinetics", draws[row.output], {}, {}) for row in rows]
