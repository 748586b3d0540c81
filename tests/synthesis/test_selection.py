"""Selection models: metafor's numbers, no selection as plain pooling, recovery of what was held back."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from metafor_reference import case, cases, effects_of, near

from homing.ground.errors import StudyError
from homing.synthesis.effect import Effects
from homing.synthesis.pool import pool
from homing.synthesis.selection import selection_model


def effects(y: Any, v: Any) -> Effects:
    return Effects("mean", np.array(y, dtype=float), np.array(v, dtype=float), tuple(range(len(y))))


def likelihood(given: Effects, mean: float, tau2: float, weight: float, better: float) -> float:
    """The likelihood of a model with one step at 0.025, written out study by study."""
    from scipy.stats import norm

    total = 0.0
    for y, v in zip(better * given.estimate, given.variance, strict=True):
        spread, p = math.sqrt(v + tau2), norm.sf(y / math.sqrt(v))
        seen = norm.sf((norm.isf(0.025) * math.sqrt(v) - better * mean) / spread)
        total += math.log(1.0 if p <= 0.025 else weight) + norm.logpdf(y, better * mean, spread)
        total -= math.log(seen + weight * (1 - seen))
    return total


#: Another maximum (see below), or a weight at its bound of 100, where metafor stops short of it.
BOUND = ("raudenbush1985", "pritz1997_PLO", "celltx_PLO", "homog")


@pytest.mark.parametrize("case", [c for c in cases("asymmetry", "selmodel") if "egger2001" not in str(c.id)])
def test_selection_models_are_metafors(case: dict[str, Any]) -> None:
    value, given = case["value"], effects_of(case["data"])
    found = selection_model(given, better="lower")
    here = likelihood(given, found.estimate, found.tau2, found.weights[1], -1)
    there = likelihood(given, value["beta"], value["tau2"], value["delta"][1], -1)
    assert here >= there - 1e-6  # at least as likely as metafor's answer
    at_bound = case["id"].split(".")[0] in BOUND
    if at_bound:
        assert value["delta"][1] > 50 and found.weights[1] == pytest.approx(100, rel=0.02)
        assert "end of its range" in " ".join(found.notes)
    else:
        near(found.weights, value["delta"], 1e-2, "weights")
    near(found.estimate, value["beta"], 1e-3, "estimate", 1e-3 * value["se"] if not at_bound else 2e-3)
    near(found.tau2, value["tau2"], 1e-2, "tau2", 1e-4)
    near(found.likelihood_ratio, value["LRT"], 2e-2, "likelihood ratio", 5e-3)
    if "lau1992" not in case["id"] and not at_bound:  # metafor's error there is at tau2 of 0, its bound
        near(found.standard_error, value["se"], 1e-3, "error")


def test_where_metafor_stops_at_the_lower_of_two_peaks_the_higher_is_found() -> None:
    value, given = case("asymmetry", "egger2001_OR.selmodel.3PSM")["value"], effects_of("es_egger2001_OR")
    found = selection_model(given, better="lower")
    here = likelihood(given, found.estimate, found.tau2, found.weights[1], -1)
    there = likelihood(given, value["beta"], value["tau2"], value["delta"][1], -1)
    assert here > there + 1
    plain = pool(given, "ML")
    without = likelihood(given, plain.estimate, plain.tau2, 1, -1)
    near(2 * (there - without), value["LRT"], 1e-4, "the lower peak is metafor's")
    near(2 * (here - without), found.likelihood_ratio, 1e-5, "the higher one is ours")


@pytest.mark.parametrize("name", ["es_bcg_RR", "es_raudenbush1985", "es_lau1992_OR"])
@pytest.mark.parametrize("better", ["higher", "lower"])
def test_without_selection_it_is_pooling_by_maximum_likelihood(name: str, better: Any) -> None:
    given = effects_of(name)
    found, plain = selection_model(given, better=better, weights=(1, 1)), pool(given, "ML", adjust="none")
    near(found.estimate, plain.estimate, 1e-5, "estimate", 1e-7)
    near(found.tau2, plain.tau2, 1e-4, "tau2", 1e-6)
    assert not found.weights_estimated and math.isnan(found.p)
    if plain.tau2 > 0.01:
        near(found.standard_error, plain.standard_error, 0.1, "error")


def test_the_names_of_better_and_worse_do_not_matter() -> None:
    given = effects_of("es_bcg_RR")
    turned = effects(-given.estimate, given.variance)
    one, other = selection_model(given, better="lower"), selection_model(turned, better="higher")
    near(other.estimate, -one.estimate, 1e-5, "estimate", 1e-6)
    near([other.tau2, other.p], [one.tau2, one.p], 1e-4, "spread and test", 1e-6)


def test_what_was_held_back_is_made_good() -> None:
    """Studies of a true effect of 0.2, of which those not significant are published one time in five."""
    random = np.random.default_rng(4)
    error = random.uniform(0.1, 0.4, 1500)
    y = 0.2 + random.normal(0, 0.1, 1500) + error * random.normal(size=1500)
    seen = (y / error > 1.96) | (random.random(1500) < 0.2)
    given = effects(y[seen], error[seen] ** 2)
    found, plain = selection_model(given), pool(given, "ML")
    assert plain.estimate > 0.27 and found.estimate == pytest.approx(0.2, abs=3 * found.standard_error)
    assert found.weights[1] == pytest.approx(0.2, rel=0.4) and found.p < 1e-6
    known = selection_model(given, weights=(1, 0.2))
    assert known.estimate == pytest.approx(0.2, abs=3 * known.standard_error)
    assert known.standard_error <= found.standard_error * 1.05


def test_a_stronger_assumed_selection_draws_the_effect_further() -> None:
    given = effects_of("es_egger2001_OR")
    found = [selection_model(given, better="lower", weights=(1, w)).estimate for w in (1, 0.5, 0.25)]
    assert found[0] < found[1] < found[2]


def test_more_steps_have_more_weights_and_empty_ones_are_said() -> None:
    found = selection_model(effects_of("es_bcg_RR"), better="lower", steps=(0.025, 0.5))
    assert len(found.weights) == 3 and found.weights[0] == 1
    all_good = effects([1, 1.2, 0.9, 1.1], [0.01] * 4)
    notes = " ".join(selection_model(all_good).notes)
    assert "cannot be known" in notes and "too few" in notes


@pytest.mark.parametrize(
    ("how", "says"),
    [
        ({"steps": (0.5, 0.025)}, "must rise"),
        ({"steps": (0.0,)}, "must rise"),
        ({"steps": (0.025, 1.0)}, "must rise"),
        ({"weights": (1,)}, "2 weights above 0"),
        ({"weights": (0.5, 1)}, "first of them 1"),
        ({"weights": (1, 0)}, "2 weights above 0"),
    ],
)
def test_refusals_say_what_is_wrong(how: dict[str, Any], says: str) -> None:
    with pytest.raises(StudyError, match=says):
        selection_model(effects([0.1, 0.2, 0.3], [0.1, 0.1, 0.1]), **how)


def test_two_studies_are_too_few() -> None:
    with pytest.raises(StudyError, match="three studies at least"):
        selection_model(effects([0.1, 0.2], [0.1, 0.1]))
