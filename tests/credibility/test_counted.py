"""What a trial's counts tell of a value, against shares whose derivative is known."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from statistics import NormalDist

import numpy as np
import pytest
from record_cases import study

from homing.credibility import counted
from homing.credibility.counted import count_information, of_shares
from homing.credibility.identifiability import Missing
from homing.engine.information import UNKNOWN
from homing.ground.errors import NumericsError
from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.study.simulator import Simulator

PATIENTS = 40_000
#: Virtual patients at the even quantiles of a standard normal distribution, so that shares are as exact as can be.
SUSCEPTIBLE = np.array([NormalDist().inv_cdf((i + 0.5) / PATIENTS) for i in range(PATIENTS)])


def probit(slope: float, other: float = 0.0) -> counted.Met:
    """The share Phi(0.2 + slope log a + other log b) in the arm 'cells'; in 'saline' neither value acts."""

    def met(arm: str, changes: Mapping[str, float]) -> np.ndarray:
        at = 0.2
        if arm == "cells":
            at += slope * math.log(changes.get("a", 1.0)) + other * math.log(changes.get("b", 1.0))
        return (SUSCEPTIBLE < at).astype(float)

    return met


def test_one_value_in_one_arm_is_known_as_the_closed_form_says() -> None:
    found = of_shares(probit(0.7), ("cells",), ("a",), 100)
    p, slope = NormalDist().cdf(0.2), 0.7 * NormalDist().pdf(0.2)
    (name, alone, together), *_ = found.information.known
    assert name == "a" and alone == together
    assert alone == pytest.approx(math.sqrt(p * (1 - p) / 100) / slope, rel=0.01)
    assert found.arms[0].slopes[0].value == pytest.approx(slope, rel=0.01)


def test_drop_outs_who_count_as_failures_thin_the_share_and_its_slope() -> None:
    found = of_shares(probit(0.7), ("cells",), ("a",), 100, dropout=0.2)
    p, slope = 0.8 * NormalDist().cdf(0.2), 0.8 * 0.7 * NormalDist().pdf(0.2)
    assert found.information.known[0][1] == pytest.approx(math.sqrt(p * (1 - p) / 100) / slope, rel=0.01)


def test_arms_add_up_and_an_arm_that_a_value_leaves_alone_adds_nothing() -> None:
    one = of_shares(probit(0.7), ("cells",), ("a",), 100).information.matrix
    assert of_shares(probit(0.7), ("cells", "saline"), ("a",), 100).information.matrix == pytest.approx(one)
    assert of_shares(probit(0.7), ("cells", "cells"), ("a",), 100).information.matrix == pytest.approx(2 * one)


def test_one_count_tells_of_one_combination_only() -> None:
    found = of_shares(probit(0.7, 0.35), ("cells", "saline"), ("a", "b"), 100).information
    assert found.directions[0].sd < UNKNOWN and np.isinf(found.directions[1].sd)
    best = found.directions[0].weights
    assert best["a"] / best["b"] == pytest.approx(2, rel=0.03)
    for _, alone, together in found.known:
        assert alone < UNKNOWN and np.isinf(together)


def test_the_error_of_a_slope_covers_the_truth_as_often_as_it_says() -> None:
    """In samples of 400 patients, two standard errors hold the true slope in about 95 % of them."""
    g = np.random.default_rng(5)
    truth, held = 0.7 * NormalDist().pdf(0.2), []
    for _ in range(200):
        drawn = g.standard_normal(400)

        def met(arm: str, changes: Mapping[str, float], drawn: np.ndarray = drawn) -> np.ndarray:
            return (drawn < 0.2 + 0.7 * math.log(changes.get("a", 1.0))).astype(float)

        slope = of_shares(met, ("cells",), ("a",), 100).arms[0].slopes[0]
        held.append(abs(slope.value - truth) <= 2 * slope.error)
    assert 0.9 <= np.mean(held) <= 0.99


def test_a_share_of_nothing_or_all_tells_a_finite_amount() -> None:
    def met(arm: str, changes: Mapping[str, float]) -> np.ndarray:
        return (np.arange(100) < (1 if changes.get("a", 1.0) > 1.6 else 0)).astype(float)

    assert np.isfinite(of_shares(met, ("cells",), ("a",), 100).information.matrix).all()


def test_where_nobody_can_be_simulated_it_failed_and_that_is_not_the_same_as_not_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NumericsError, match="'cells'"):
        of_shares(lambda arm, changes: np.full(5, np.nan), ("cells",), ("a",), 100)
    asked = study(tmp_path)
    simulator = Simulator(population(asked.population), asked.seed)
    cohort, world = simulator.cohort(np.arange(5)), scenario("pooled")
    assert count_information(asked, simulator, world, cohort, ["age"]) == Missing("parameters")

    def fails(*args: object) -> None:
        raise NumericsError("the solver gave up.")

    monkeypatch.setattr(counted, "of_shares", fails)
    found = count_information(asked, simulator, world, cohort, ["tract.k_close"])
    assert found == Missing("failed", "the solver gave up.")


def test_the_counts_of_a_study_tell_of_closure_in_both_arms_and_of_cells_in_one(tmp_path: Path) -> None:
    asked = study(tmp_path)
    simulator = Simulator(population(asked.population), asked.seed)
    cohort = simulator.cohort(np.arange(200))
    names = ["tract.k_close", "tract.efferocytosis_clearance"]
    found = count_information(asked, simulator, scenario("optimistic"), cohort, [*names, "no parameter"])
    assert not isinstance(found, Missing)
    assert found.information.parameters == tuple(names)
    assert (found.patients, [arm.n for arm in found.arms]) == (200, [100, 100])
    cells, saline = found.arms
    assert cells.name == "cells" and cells.slopes[0].value > 0 < saline.slopes[0].value
    assert cells.slopes[1].value > 0 == saline.slopes[1].value
    assert cells.slopes[0].is_settled
