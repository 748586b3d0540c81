"""The hierarchical model of fistula trials: against a hand-written scalar version, row by row, and what acts where."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import calibration_cases as cases
import numpy as np
import pytest

from homing.credibility.calibration import fistula_model as model
from homing.credibility.calibration.priors import prior_draws, with_trials
from homing.credibility.calibration.surface import Surface
from homing.credibility.calibration.unknowns import unknowns

DRAWS = 5
KNOWN = unknowns("fistula")


def values(draws: int = DRAWS, seed: int = 3) -> dict[str, np.ndarray]:
    return prior_draws(KNOWN, model.sizes(cases.tract().table, cases.surface()), draws, seed)


def zeros() -> dict[str, np.ndarray]:
    return {name: np.zeros_like(x) for name, x in values(1).items()}


def logits(v: Mapping[str, np.ndarray], rows: model.Table | None = None) -> np.ndarray:
    return np.asarray(model.logits(v, rows or cases.tract().table, cases.surface(), np))


def by_hand(v: Mapping[str, np.ndarray], draw: int, row: int, rows: model.Table, surface: Surface) -> float:
    """One row of one draw, in plain arithmetic."""
    one = {name: float(x[draw]) for name, x in v.items() if x.ndim == 1}
    trial, output = int(rows.trial[row]), int(rows.which[row])
    variance = one["trial_spread"] ** 2 + one["centre_spread"] ** 2 / float(rows.centres[trial])
    closing = one["fistula_closing"] + math.sqrt(variance) * float(v[model.CLOSING][draw, trial])
    closing += one["drift"] * float(rows.decades[trial])
    if rows.others[trial]:
        closing += one["other_fistula"]
    effect = one["cell_effect"] + one["effect_spread"] * float(v[model.EFFECT][draw, trial])
    emulator = surface.emulators.each[output]
    x = [closing, effect, one["reopening"], one["half_dose"]]
    x = [min(max(a, float(lo)), float(hi)) for a, lo, hi in zip(x, emulator.low, emulator.high, strict=True)]
    found = float(emulator.logit(np.array(x)))
    found += math.hypot(emulator.error.beyond_noise, emulator.error.common) * float(v[model.EMULATION][draw, output])
    for term, acts in (("own_definition", rows.own), ("open_bias", rows.open), ("completers", rows.completers)):
        found += one[term] if acts[row] else 0.0
    return found


def test_logits_are_those_of_the_scalar_model() -> None:
    v, rows = values(), cases.tract().table
    found = logits(v)
    assert found.shape == (DRAWS, len(rows.rows))
    for draw in range(DRAWS):
        told = [by_hand(v, draw, row, rows, cases.surface()) for row in range(len(rows.rows))]
        assert found[draw] == pytest.approx(told, abs=1e-9)


def test_jax_and_numpy_say_the_same() -> None:
    jnp = pytest.importorskip("jax.numpy")
    from homing.inference.sampling import backend

    backend()
    v = values(1)
    one = {name: x[0] for name, x in v.items()}
    assert np.asarray(model.logits(one, cases.tract().table, cases.surface(), jnp)) == pytest.approx(logits(v)[0])


def test_more_effect_is_more_remission_with_cells_and_none_without() -> None:
    rows = cases.tract().table
    cells = np.array([not count.is_control for count in cases.tract().counts])
    low, high = (logits({**zeros(), "cell_effect": np.array([x])}, rows)[0] for x in (-3.0, 0.0))
    assert (high - low)[cells].min() > 0.1
    # what an emulator makes of a direction on which nothing depends
    assert np.abs(high - low)[~cells].max() < 0.02


@pytest.mark.parametrize("term", model.TERMS)
def test_a_term_acts_on_its_rows_and_on_no_others(term: str) -> None:
    rows, at = cases.tract().table, cases.tract().table.trial
    acts = {
        "own_definition": rows.own > 0,
        "open_bias": rows.open > 0,
        "completers": rows.completers > 0,
        "drift": rows.decades[at] != 0,
        "other_fistula": rows.others[at] > 0,
        "trial_spread": np.full(len(at), True),
        "centre_spread": np.full(len(at), True),
        "effect_spread": np.array([not count.is_control for count in cases.tract().counts]),
    }[term]
    base = {**zeros(), model.CLOSING: np.ones((1, len(rows.trials))), model.EFFECT: np.ones((1, len(rows.trials)))}
    moved = logits({**base, term: np.array([0.5])})[0] - logits(base)[0]
    assert (np.abs(moved)[~acts] < 0.02).all() and (np.abs(moved)[acts] > 0.005).all()
    assert 0 < acts.sum()
    if term in ("own_definition", "open_bias", "completers"):
        assert moved == pytest.approx(0.5 * acts)


def test_what_rows_say_of_how_their_trials_observe() -> None:
    """By the trials' reports: who was blinded, controlled, without Crohn's disease, and who counted completers only."""
    counts, rows = cases.tract().counts, cases.tract().table
    trials = {name: np.array([c.row.trial for c in counts]) == name for name in rows.trials}
    cells = np.array([not c.is_control for c in counts])
    for blinded in ("ADMIRE-CD", "Molendijk-2015"):
        assert not rows.open[trials[blinded]].any()
    for opened in ("FATT-1", "Garcia-Olmo-2009"):
        assert np.array_equal(rows.open[trials[opened]] > 0, cells[trials[opened]]), "the control isn't favoured"
    for alone in ("de-la-Portilla-2013", "Lee-2013", "Cho-2013", "Dietz-2017", "Ciccocioppo-2011"):
        assert rows.open[trials[alone]].all()
    assert {rows.trials[i] for i in np.flatnonzero(rows.others)} == {"FATT-1", "Garcia-Olmo-2009"}
    assert {c.row.trial for c, x in zip(counts, rows.completers, strict=True) if x} == {
        "de-la-Portilla-2013",
        "Ciccocioppo-2015",
    }
    assert {c.row.endpoint for c, x in zip(counts, rows.own, strict=True) if x} == {"fistula-healing"}
    year = dict(zip(rows.trials, 2014 + 10 * rows.decades, strict=True))
    assert year["ADMIRE-CD"] == pytest.approx(2016) and year["Garcia-Olmo-2009"] == pytest.approx(2009)


def test_many_centres_average_what_differs_between_them() -> None:
    rows = replace(cases.tract().table, centres=np.full(len(cases.tract().table.trials), 16.0))
    v = {**zeros(), "centre_spread": np.array([0.8]), model.CLOSING: np.ones((1, len(rows.trials)))}
    closing, _ = model.of_trials(v, rows, np)
    assert closing == pytest.approx(np.full((1, len(rows.trials)), 0.2))


def test_fitted_trials_keep_their_deviates_and_others_are_drawn() -> None:
    g = np.random.default_rng(0)
    draws = {"a": g.standard_normal((4000, 2)), "x": g.standard_normal(4000)}
    found = with_trials(draws, ("a",), ("old", "older"), ("new", "older", "newer"), 1)
    assert np.array_equal(found["a"][:, 1], draws["a"][:, 1]) and np.array_equal(found["x"], draws["x"])
    new = found["a"][:, [0, 2]]
    assert new.mean(axis=0) == pytest.approx([0, 0], abs=0.06) and new.std(axis=0) == pytest.approx([1, 1], abs=0.05)
    together = np.corrcoef(np.column_stack([found["a"], draws["a"]]).T)
    assert abs(together[0, [1, 2, 3, 4]]).max() < 0.06, "one trial's tells nothing of another's"
    assert np.array_equal(found["a"], with_trials(draws, ("a",), ("old", "older"), ("new", "older", "newer"), 1)["a"])


def test_rows_of_one_trial_share_its_deviates() -> None:
    """Moving one trial's closing moves all its rows and no other trial's."""
    rows = cases.tract().table
    for i in range(len(rows.trials)):
        v = {**zeros(), "trial_spread": np.array([0.5])}
        moved = {**v, model.CLOSING: np.eye(len(rows.trials))[i][None]}
        assert np.array_equal(np.abs(logits(moved) - logits(v))[0] > 1e-9, rows.trial == i)


def test_beyond_the_box_the_nearest_point_of_it_is_taken() -> None:
    surface = cases.surface()
    high = surface.emulators.each[0].high
    inside, beyond = (surface.at(x[None, None], np.array([0])) for x in (high, high + 5))
    assert np.array_equal(inside, beyond)


def test_the_emulators_find_the_formula_again() -> None:
    """At points that they haven't seen, within the error that they say they have (and the grain of whole patients)."""
    from homing.credibility.calibration import fistula
    from homing.inference.emulator import sobol_design

    points = sobol_design(KNOWN.low, KNOWN.high, 64, 99)
    for i, output in enumerate(fistula.all_outputs()):
        error = cases.surface().at(points, np.full(64, i)) - cases.formula(output, points)
        assert np.sqrt(np.mean(error**2)) < max(2.5 * cases.surface().error[i], 0.02), output.key


@pytest.mark.slow
def test_the_truth_is_found_again_from_large_trials() -> None:
    """Of trials with 400 patients an arm that differ in nothing but what is known of them."""
    pytest.importorskip("numpyro")
    from scipy.special import expit

    from homing.inference.sampling import sample

    rows = replace(cases.tract().table, n=np.full(len(cases.tract().table.n), 400))
    truth = {"fistula_closing": 0.4, "cell_effect": -0.7, "reopening": 0.5, "half_dose": 0.3, "own_definition": 0.4}
    truth |= {"open_bias": 0.6, "other_fistula": -0.4, "completers": 0.9, "drift": 0.2}
    v = {**zeros(), **{name: np.array([x]) for name, x in truth.items()}}
    events = np.random.default_rng(11).binomial(rows.n, expit(logits(v, rows)[0]))

    def joint(seen: np.ndarray) -> None:
        model.model(rows, KNOWN, cases.surface(), seen)

    drawn = sample(joint, 5, warmup=300, draws=400, chains=2, model_args=(events,), target_accept=0.95)
    for name, x in truth.items():
        low, high = np.quantile(drawn.flat(name), [0.005, 0.995])
        assert low < x < high, name
    for name in ("fistula_closing", "reopening", "own_definition", "open_bias"):
        term = KNOWN.factors.get(name) or KNOWN.terms[name]
        assert drawn.flat(name).std() < 0.75 * term.spread, f"{name} is learnt"
    for name in ("trial_spread", "effect_spread"):
        assert np.mean(drawn.flat(name)) < KNOWN.terms[name].spread, f"{name} is seen to be small"
