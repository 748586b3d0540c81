"""Hold-outs predicted: draws of each row's share from the posterior and from three simple rules, for the same trials.

The rules are what would be said without a model: a random-effects meta-analysis of the calibration rows (its predictive
distribution for one more trial), the last calibration trial repeated, and the control arm with nothing added.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from homing.credibility.calibration import data, donor_cells, fistula_model, luminal_model, reset
from homing.credibility.calibration.priors import with_trials
from homing.credibility.calibration.run import Calibration, Fit
from homing.credibility.split import Count, count, rows_of
from homing.evidence.store import Store
from homing.synthesis.bayes import Posterior, bayes_pool, bayes_proportions
from homing.synthesis.effect import effect_of_counts

Array = NDArray[np.float64]
RULES = ("meta-analysis", "last trial", "control")
#: Draws of the hold-outs of labelled cells, each of which is a simulation.
DONOR_DRAWS = 400


@dataclass(frozen=True)
class Predicted:
    """One hold-out row: the count seen, draws (draw,) of its share by Homing and by each rule that applies."""

    count: Count
    domain: str
    draws: Array
    rules: Mapping[str, Array]


def fistula_predictions(found: Calibration, store: Store) -> list[Predicted]:
    """The fistula hold-outs. `store` is the whole one: what is read of it beyond the arms is only scored."""
    fit = found.fistula
    held = data.fistula_data(store, "holdout", fit.surface.outputs)
    shares = fistula_shares(fit, fit.flat(), held.table, found.seed)
    told = _fistula_rules(store, held.counts, found.seed, len(shares))
    return [Predicted(c, "fistula", shares[:, i], told[i]) for i, c in enumerate(held.counts)]


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
    rows = []
    for i, c in enumerate(held.counts):
        like = [k for k in calibration_counts(store, domain[c.row.key]) if _same_course(k, c)]
        rows.append(Predicted(c, domain[c.row.key], shares[:, i], _rules(like, [], found.seed, len(shares))))
    deaths = reset.death_prior(store, len(shares), found.seed)
    for row in rows_of("holdout", "reset").rows:
        if row.output in data.OUTSIDE:
            rows.append(Predicted(count(store, row), "reset", deaths, {}))
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
    return [Predicted(count(store, row), "kinetics", draws[row.output], {}) for row in rows]


def calibration_counts(store: Store, domain: str) -> list[Count]:
    """The counts of a domain's calibration rows."""
    return [count(store, row) for row in rows_of("calibration", domain).rows]


def _fistula_rules(store: Store, held: Sequence[Count], seed: int, n: int) -> list[dict[str, Array]]:
    """What each rule says of each row. A controlled arm with cells is the control's logit plus a pooled odds ratio."""
    known = calibration_counts(store, "fistula")
    pairs = _controlled(known)
    found = []
    for c in held:
        same = [k for k in known if k.row.how == c.row.how]
        controls = [k for k in same if k.is_control]
        if c.is_control:
            found.append(_rules(controls, controls, seed, n))
            continue
        controlled = any(o.row.trial == c.row.trial and o.is_control for o in held)
        cells = [k for k in same if not k.is_control]
        told = _rules(cells, controls, seed, n)
        if controlled and c.row.how == "binomial":
            told["meta-analysis"] = _plus_odds(controls, pairs, seed, n)
            told["last trial"] = _last([k for k in cells if k.row.trial in {a.row.trial for a, _ in pairs}], seed, n)
        found.append(told)
    return found


def _rules(like: Sequence[Count], controls: Sequence[Count], seed: int, n: int) -> dict[str, Array]:
    """The rules' draws from the counts that are like the one predicted; fewer than two can't be pooled."""
    told = {}
    if len(like) >= 2:
        told["meta-analysis"] = _predictive(_pooled(like), seed, n)
    if like:
        told["last trial"] = _last(like, seed, n)
    if len(controls) >= 2:
        told["control"] = _predictive(_pooled(controls), seed, n)
    return told


def _pooled(counts: Sequence[Count]) -> Posterior:
    return bayes_proportions([c.events for c in counts], [c.n for c in counts])


def _predictive(posterior: Posterior, seed: int, n: int) -> Array:
    """(n,) shares of one more trial; the same seed for control and cells, so that their worlds are the same."""
    return expit(_logits(posterior, seed, n))


def _logits(posterior: Posterior, seed: int, n: int) -> Array:
    g = np.random.default_rng(seed)
    at = g.choice(len(posterior.weights), n, p=posterior.weights)
    spread = np.sqrt(posterior.variances[at] + posterior.taus[at] ** 2)
    return np.asarray(posterior.means[at] + spread * g.standard_normal(n))


def _plus_odds(controls: Sequence[Count], pairs: Sequence[tuple[Count, Count]], seed: int, n: int) -> Array:
    effect = effect_of_counts(
        [a.events for a, _ in pairs],
        [a.n for a, _ in pairs],
        [b.events for _, b in pairs],
        [b.n for _, b in pairs],
        "odds-ratio",
        zeros="add-half",
    )
    return expit(_logits(_pooled(controls), seed, n) + _logits(bayes_pool(effect), seed + 1, n))


def _last(counts: Sequence[Count], seed: int, n: int) -> Array:
    """(n,) shares of the last trial repeated: its own count with a uniform prior; the larger one of a year."""
    latest = max(counts, key=lambda c: (c.trial.year or 0, c.n))
    arm = 1 if latest.is_control else 0  # each arm has draws of its own: nothing ties the chances of the two
    return np.random.default_rng([seed + 5, arm]).beta(latest.events + 1, latest.n - latest.events + 1, n)


def _controlled(known: Sequence[Count]) -> list[tuple[Count, Count]]:
    """Cells and control of each controlled calibration trial at its visit; arms with cells added up."""
    found = []
    for control in known:
        if control.row.how != "binomial" or not control.is_control:
            continue
        of = (control.row.trial, control.row.week)
        cells = [k for k in known if (k.row.trial, k.row.week) == of and k.row.how == "binomial" and not k.is_control]
        if cells:
            events, n = sum(k.events for k in cells), sum(k.n for k in cells)
            found.append((replace(cells[0], events=events, n=n), control))
    return found


def _same_course(known: Count, wanted: Count) -> bool:
    """Whether a calibration row tells of the same thing at about the same time: all of them, from the start on."""
    return known.row.since is None and abs(known.row.week - wanted.row.week) <= 52
