"""What is read at a visit: noise of the stated size, the same luck in every arm, failures neither met nor missed."""

from __future__ import annotations

import numpy as np
import pytest

from homing.endpoints.definitions import endpoint, endpoints
from homing.endpoints.observe import needed, observe, outcomes
from homing.patients.population import population

PEOPLE = population("luminal-cd-moderate-severe")
IDS = np.arange(40_000)


def test_additive_noise_has_the_stated_spread_and_no_bias() -> None:
    seen = observe({"cdai": np.full(len(IDS), 300.0)}, PEOPLE, 1, IDS, 84.0)["cdai"]
    size = PEOPLE.noise["cdai"].size.number
    error = size / np.sqrt(len(IDS))
    assert abs(seen.mean() - 300) < 4 * error
    assert abs(seen.std() / size - 1) < 4 / np.sqrt(2 * len(IDS))


def test_relative_noise_has_the_stated_coefficient_of_variation_and_keeps_the_mean() -> None:
    seen = observe({"markers.calprotectin": np.full(len(IDS), 500.0)}, PEOPLE, 1, IDS, 84.0)["markers.calprotectin"]
    size = PEOPLE.noise["calprotectin"].size.number
    assert abs(seen.mean() / 500 - 1) < 4 * size / np.sqrt(len(IDS))
    assert seen.std() / 500 == pytest.approx(size, rel=0.05)
    assert (seen > 0).all()


def test_a_patient_is_read_with_the_same_luck_in_every_arm_and_in_every_cohort() -> None:
    low, high = (
        observe({"cdai": np.full(9, level)}, PEOPLE, 3, np.arange(9), 28.0)["cdai"] for level in (200.0, 300.0)
    )
    np.testing.assert_allclose(high - low, 100.0)
    alone = observe({"cdai": np.full(1, 200.0)}, PEOPLE, 3, np.array([5]), 28.0)["cdai"]
    assert alone[0] == low[5]


@pytest.mark.parametrize("other", [{"seed": 4}, {"day": 35.0}])
def test_other_seeds_and_visits_have_other_luck(other: dict[str, float]) -> None:
    def seen(seed: float = 3, day: float = 28.0) -> np.ndarray:
        return observe({"cdai": np.full(9, 200.0)}, PEOPLE, int(seed), np.arange(9), day)["cdai"]

    assert not np.isclose(seen(), seen(**other)).any()


def test_scores_stay_on_their_scale() -> None:
    seen = observe({"cdai": np.zeros(1000)}, PEOPLE, 1, np.arange(1000), 0.0)["cdai"]
    assert seen.min() == endpoint("cdai").least
    assert (seen > 0).any()


def test_what_no_noise_is_stated_for_is_seen_as_it_is() -> None:
    values = np.linspace(0, 1, 5)
    np.testing.assert_array_equal(
        observe({"tract.closure": values}, PEOPLE, 1, np.arange(5), 0.0)["tract.closure"], values
    )


@pytest.mark.parametrize("key", [found.key for found in endpoints()])
def test_a_failed_patient_is_neither_a_success_nor_a_failure(key: str) -> None:
    names = needed([key])
    sound = {name: np.array([0.0, 0.0]) for name in names}
    for broken in names:
        now = {**sound, broken: np.array([0.0, np.nan])}
        found = outcomes([key], now, sound)[key]
        assert np.isnan(found[1]) and np.isfinite(found[0])


def test_a_change_needs_the_reading_at_the_start() -> None:
    now = {"mayo": np.array([3.0, 3.0, 8.0])}
    start = {"mayo": np.array([9.0, np.nan, 9.0])}
    np.testing.assert_array_equal(outcomes(["mayo-response"], now, start)["mayo-response"], [1.0, np.nan, 0.0])
