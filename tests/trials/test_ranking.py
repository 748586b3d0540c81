"""Candidates in the same patients: exact zeros, sums to one, nobody dominated on the front, order is nothing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from homing.trials.ranking import (
    cohort_means,
    cohorts,
    difference,
    dominates,
    front,
    front_share,
    mean_rank,
    probability_of_best,
)
from homing.trials.subgroups import halves, one_rule

some = settings(max_examples=60, deadline=None)
OUTCOMES = arrays(float, st.tuples(st.integers(1, 6), st.integers(2, 40)), elements=st.sampled_from([0.0, 1.0]))
CRITERIA = arrays(
    float, st.tuples(st.integers(1, 7), st.integers(1, 4)), elements=st.sampled_from([0.0, 0.5, 1.0, math.nan])
)


@some
@given(OUTCOMES)
def test_a_candidate_compared_with_itself_differs_by_exactly_nothing(outcomes: np.ndarray) -> None:
    for row in outcomes:
        found = difference(row, row, 50)
        assert (found.value, found.monte_carlo, found.cohort) == (0.0, (0.0, 0.0), (0.0, 0.0))


def test_the_three_intervals_are_those_of_their_closed_forms() -> None:
    a = np.repeat([1.0, 1.0, 0.0, 0.0], [300, 200, 100, 400])
    b = np.repeat([1.0, 0.0, 1.0, 0.0], [300, 200, 100, 400])
    found = difference(a, b, 100)
    assert found.value == pytest.approx(0.1)
    sd = math.sqrt((0.3 - 0.01) * 1000 / 999)
    assert found.monte_carlo[1] - found.value == pytest.approx(1.959964 * sd / math.sqrt(1000), rel=1e-6)
    assert found.cohort[1] - found.value == pytest.approx(1.959964 * sd / 10, rel=1e-6)
    assert found.trial[1] - found.value == pytest.approx(1.959964 * math.sqrt((0.25 + 0.24) / 100), rel=1e-6)


@some
@given(OUTCOMES, st.integers(0, 2**31))
def test_probabilities_of_best_add_up_to_one_and_follow_the_candidates(outcomes: np.ndarray, seed: int) -> None:
    picks = cohorts(seed, outcomes.shape[1], 20, 50)
    found = probability_of_best(cohort_means(outcomes, picks))
    assert found.sum() == pytest.approx(1.0, abs=1e-12)
    order = np.random.default_rng(seed).permutation(len(outcomes))
    assert np.array_equal(probability_of_best(cohort_means(outcomes[order], picks)), found[order])


def test_alike_candidates_share_the_first_place() -> None:
    row = (np.arange(40) % 3 == 0).astype(float)
    scores = cohort_means(np.stack([row, row, 0 * row]), cohorts(1, 40, 30, 200))
    found = probability_of_best(scores)
    assert found[0] == found[1] and found[2] < 0.01
    assert mean_rank(scores)[0] == pytest.approx(1.5, abs=0.05)


def test_a_patient_who_failed_under_one_candidate_counts_under_none() -> None:
    outcomes = np.array([[1.0, 1.0, 0.0], [math.nan, 0.0, 0.0]])
    picks = np.array([[0, 1, 2], [0, 0, 0]])
    assert np.array_equal(cohort_means(outcomes, picks), [[0.5, 0.0], [math.nan, math.nan]], equal_nan=True)


@some
@given(CRITERIA)
def test_the_front_holds_nobody_who_is_dominated_and_everybody_else(criteria: np.ndarray) -> None:
    on = front(criteria)
    for i, mine in enumerate(criteria):
        others = [other for k, other in enumerate(criteria) if k != i]
        assert on[i] == (not any(dominates(other, mine) for other in others))
        assert not dominates(mine, mine)
    assert on.any()


@some
@given(CRITERIA, st.integers(0, 100))
def test_the_order_of_candidates_is_irrelevant_to_the_front(criteria: np.ndarray, seed: int) -> None:
    order = np.random.default_rng(seed).permutation(len(criteria))
    assert np.array_equal(front(criteria[order]), front(criteria)[order])
    assert np.array_equal(front_share(np.stack([criteria, criteria])), front(criteria).astype(float))


def _patients(n: int, seed: int) -> tuple[np.ndarray, dict[str, np.ndarray]]:
    rng = np.random.default_rng(seed)
    features = {f"noise {k}": rng.normal(size=n) for k in range(5)} | {"true": rng.normal(size=n)}
    return rng.random((2, n)), features


def test_a_difference_between_halves_is_found_where_it_is_and_seldom_where_it_is_not() -> None:
    chance, features = _patients(2000, 1)
    gain = (chance[0] < np.where(features["true"] > 0, 0.5, 0.2)).astype(float)
    found = {half.feature: half for half in halves(gain[None], features, 1)}
    assert found["true"].p < 0.01 and found["true"].apart[1] > 0.2
    assert all(found[name].p > 0.05 for name in features if name != "true")
    false = 0
    for seed in range(30):
        chance, features = _patients(200, seed + 10)
        false += min(h.p for h in halves((chance < 0.4).astype(float), features, seed, shuffles=100)) < 0.05
    assert false <= 5  # of 30, at a rate of 5 %


def test_a_rule_is_judged_in_patients_it_was_not_found_in() -> None:
    chance, features = _patients(4000, 3)
    above = features["true"] > 0
    outcomes = np.stack([chance[0] < np.where(above, 0.7, 0.2), chance[1] < np.where(above, 0.2, 0.7)]).astype(float)
    rule = one_rule(outcomes, features, 5)
    assert rule.feature == "true" and (rule.below, rule.above) == (1, 0)
    assert rule.gain[1] > 0.15 and rule.searched + rule.judged == 4000
    nothing = [one_rule((_patients(400, s)[0] < 0.4).astype(float), _patients(400, s)[1], s).gain[0] for s in range(40)]
    assert abs(np.mean(nothing)) < 0.02  # chance does not carry over


def test_a_feature_that_all_share_and_a_single_patient_are_no_trouble() -> None:
    gains = np.array([[1.0, 0.0, 1.0]])
    assert halves(gains, {"same": np.ones(3)}, 1) == []
    assert one_rule(np.array([[1.0]]), {"age": np.array([30.0])}, 1).feature == ""
