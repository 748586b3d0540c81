"""Pooling: metafor's numbers, an independent library, properties, and the corners."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.ground.errors import StudyError
from homing.synthesis.effect import Effects, effect_of_counts
from homing.synthesis.pool import METHODS, Method, pool, q_profile

REFERENCE = json.loads((Path(__file__).parent / "metafor" / "pooled.json").read_text())
EXACT = {"common": 1e-10, "DL": 1e-10, "PM": 1e-6, "REML": 1e-6}


def effects(y: object, v: object) -> Effects:
    values = np.asarray(y, dtype=float)
    return Effects("risk-difference", values, np.asarray(v, dtype=float), tuple(range(len(values))))


@pytest.mark.parametrize("case", REFERENCE["cases"], ids=lambda c: f"{c['data']} {c['settings']}")
def test_pooled_numbers_are_metafors(case: dict) -> None:
    method, adjust = case["settings"].split()
    data = REFERENCE["data"][case["data"]]
    found = pool(effects(data["y"], data["v"]), method, adjust=adjust)
    expected = {
        "estimate": case["beta"],
        "standard_error": case["se"],
        "low": case["ci.lb"],
        "high": case["ci.ub"],
        "q": case["QE"],
        "q_p": case["QEp"],
        "h2": case["H2"],
    }
    if method != "common":
        expected |= {"tau2": case["tau2"], "prediction_low": case["pi.lb"], "prediction_high": case["pi.ub"]}
    for name, value in expected.items():
        assert getattr(found, name) == pytest.approx(value, rel=EXACT[method], abs=1e-9), name
    assert 100 * found.i2 == pytest.approx(case["I2"], rel=EXACT[method], abs=1e-7)
    assert found.k == case["k"]
    assert found.weights.sum() == pytest.approx(1)


@pytest.mark.parametrize("name", sorted(REFERENCE["q_profile"]))
def test_the_interval_of_tau2_is_metafors(name: str) -> None:
    data = REFERENCE["data"][name]
    _, low, high = REFERENCE["q_profile"][name]
    found = q_profile(np.array(data["y"]), np.array(data["v"]))
    np.testing.assert_allclose(found, [low, high], rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize("name", sorted(REFERENCE["data"]))
def test_restricted_likelihood_is_as_high_as_any_that_a_fine_grid_finds(name: str) -> None:
    from homing.synthesis.heterogeneity import log_likelihood

    data = REFERENCE["data"][name]
    y, v = np.array(data["y"]), np.array(data["v"])
    found = pool(effects(y, v)).tau2
    grid = np.concatenate([[0.0], (y.var() + v.mean()) * np.geomspace(1e-8, 1e3, 4000)])
    x = np.ones((len(y), 1))
    best = max(log_likelihood(tau2, y, v, x, True) for tau2 in grid)
    assert log_likelihood(found, y, v, x, True) >= best - 1e-9


studies = st.lists(st.tuples(st.floats(-3, 3), st.floats(0.01, 4)), min_size=2, max_size=12)


@settings(max_examples=60, deadline=None)
@given(studies, st.sampled_from(METHODS), st.randoms(use_true_random=False))
def test_the_order_of_studies_does_not_matter(rows: list, method: Method, random: object) -> None:
    shuffled = list(rows)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    one, other = (pool(effects(*zip(*r, strict=True)), method) for r in (rows, shuffled))
    assert one.estimate == pytest.approx(other.estimate, abs=1e-6)
    assert one.tau2 == pytest.approx(other.tau2, abs=1e-6)


@settings(max_examples=60, deadline=None)
@given(studies, st.sampled_from(METHODS), st.floats(0.1, 10), st.floats(-5, 5))
def test_pooling_follows_a_change_of_unit_and_of_origin(rows: list, method: Method, unit: float, origin: float) -> None:
    y, v = (np.array(c) for c in zip(*rows, strict=True))
    one = pool(effects(y, v), method)
    other = pool(effects(unit * y + origin, unit**2 * v), method)
    assert other.estimate == pytest.approx(unit * one.estimate + origin, rel=1e-5, abs=1e-5)
    assert other.tau2 == pytest.approx(unit**2 * one.tau2, rel=1e-4, abs=1e-5)


@settings(max_examples=60, deadline=None)
@given(studies, st.sampled_from(METHODS))
def test_the_mean_lies_among_the_studies_and_its_interval_within_that_of_the_next_study(
    rows: list, method: Method
) -> None:
    y, v = (np.array(c) for c in zip(*rows, strict=True))
    found = pool(effects(y, v), method)
    assert y.min() - 1e-9 <= found.estimate <= y.max() + 1e-9
    assert found.tau2 >= 0 and 0 <= found.i2 <= 1
    if method != "common":
        assert found.prediction_low <= found.low + 1e-9 and found.high <= found.prediction_high + 1e-9


@pytest.mark.parametrize("method", METHODS)
def test_identical_studies_show_no_heterogeneity(method: Method) -> None:
    found = pool(effects([0.2] * 5, [0.04] * 5), method, adjust="none")
    assert (found.tau2, found.i2, found.q) == (0, 0, 0)
    assert found.estimate == pytest.approx(0.2)
    assert found.standard_error == pytest.approx((0.04 / 5) ** 0.5)


def test_one_study_is_given_back_as_it_is() -> None:
    found = pool(effects([0.15], [0.0049]))
    assert (found.k, found.estimate, found.standard_error) == (1, 0.15, pytest.approx(0.07))
    assert found.low == pytest.approx(0.15 - 1.959964 * 0.07, rel=1e-6)
    assert np.isnan(found.prediction_low) and found.adjust == "none" and "one study" in found.notes[-1]


def test_two_studies_are_pooled_and_said_to_be_two() -> None:
    found = pool(effects([0.15, 0.02], [0.0045, 0.0018]))
    assert any("two studies" in note for note in found.notes)
    assert found.high - found.low > 2 * 12.7 * found.standard_error * 0.99


def test_nothing_to_pool_and_impossible_variances_are_refused() -> None:
    with pytest.raises(StudyError, match="no study"):
        pool(effects([], []))
    with pytest.raises(StudyError, match="variance above zero"):
        pool(effects([0.1, 0.2], [0.0, 0.1]))
    with pytest.raises(StudyError, match="Did you mean 'REML'"):
        pool(effects([0.1, 0.2], [0.1, 0.1]), "REM")  # type: ignore[arg-type]


def test_ratios_are_read_as_ratios() -> None:
    counts = effect_of_counts([53, 139], [107, 284], [36, 132], [105, 284], "odds-ratio")
    found = pool(counts, adjust="none").natural()
    assert 1 < found.estimate < 2 and 0 < found.low < found.estimate < found.high
    assert found == replace(found, estimate=found.estimate)


def test_huge_studies_do_not_upset_it() -> None:
    found = pool(effects([0.1, 0.1000001, 0.3], [1e-12, 1e-12, 1e-2]))
    assert np.isfinite(found.estimate) and np.isfinite(found.low)


def test_an_independent_library_agrees() -> None:
    pymare = pytest.importorskip("pymare")
    from pymare.estimators import DerSimonianLaird, VarianceBasedLikelihoodEstimator

    for data in REFERENCE["data"].values():
        dataset = pymare.Dataset(np.array(data["y"]), np.array(data["v"]))
        pairs = (("DL", DerSimonianLaird()), ("REML", VarianceBasedLikelihoodEstimator(method="REML")))
        for method, estimator in pairs:
            theirs = float(np.squeeze(estimator.fit_dataset(dataset).params_["fe_params"]))
            assert pool(effects(data["y"], data["v"]), method).estimate == pytest.approx(theirs, rel=2e-4, abs=1e-5)  # type: ignore[arg-type]
