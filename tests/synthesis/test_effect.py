"""Effects of single studies: metafor's escalc, identities, and what becomes of empty cells."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_reference import cases, column, counts, near

from homing.ground.errors import StudyError
from homing.synthesis.effect import (
    ONE_ARM,
    TWO_ARM,
    ZEROS,
    Effects,
    effect_of_counts,
    effect_of_proportions,
    natural,
)
from homing.synthesis.effect_continuous import (
    ONE_RATE,
    TWO_RATES,
    effect_of_estimates,
    effect_of_hazard_ratios,
    effect_of_means,
    effect_of_rate,
    effect_of_rates,
)

fixed = settings(max_examples=60, deadline=None)


def effects_of_case(case: dict[str, Any]) -> Effects:
    measure, data = case["measure"], case["data"]
    if measure in TWO_ARM:
        return effect_of_counts(*counts(data), measure, zeros=case["zeros"], double_zeros=case["double_zeros"])
    if measure in ONE_ARM:
        return effect_of_proportions(*counts(data, "xi", "ni"), measure, zeros=case["zeros"])
    if measure in TWO_RATES:
        return effect_of_rates(*counts(data, "x1i", "t1i", "x2i", "t2i"), measure)
    if measure in ONE_RATE:
        return effect_of_rate(column(data, "x1i"), column(data, "t1i"), measure)
    return effect_of_means(*counts(data, "m1i", "sd1i", "n1i", "m2i", "sd2i", "n2i"), measure)


@pytest.mark.parametrize("case", cases("effects"))
def test_effects_and_variances_are_metafors(case: dict[str, Any]) -> None:
    found = effects_of_case(case)
    near(found.estimate, case["yi"], 1e-10, "estimate", 1e-12)
    near(found.variance, [np.nan if v is None else v for v in case["vi"]], 1e-10, "variance")


arm = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n + 1)))
Arm = tuple[int, int]


@fixed
@given(arm, arm)
def test_ratios_turn_round_when_the_arms_change_places(one: Arm, other: Arm) -> None:
    for measure in TWO_ARM:
        forth = effect_of_counts(*one, *other, measure)
        back = effect_of_counts(*other, *one, measure)
        near(forth.estimate, -back.estimate, 0, measure, 1e-12)
        near(forth.variance, back.variance, 1e-9, measure)


@fixed
@given(arm, arm)
def test_the_natural_scale_is_what_a_reader_computes(one: Arm, other: Arm) -> None:
    p, q = one[0] / one[1], other[0] / other[1]
    expected = {"risk-difference": p - q, "risk-ratio": p / q, "odds-ratio": p / (1 - p) / (q / (1 - q))}
    for measure, value in expected.items():
        found = effect_of_counts(*one, *other, measure)  # type: ignore[arg-type]
        assert float(found.natural(found.estimate)[0]) == pytest.approx(value)
    for scale in ONE_ARM:
        there = effect_of_proportions(*one, scale)
        assert float(there.natural(there.estimate, one[1])[0]) == pytest.approx(p), scale


@fixed
@given(st.integers(0, 500), st.floats(0.5, 5000))
def test_rates_come_back_from_every_scale(events: int, time: float) -> None:
    for scale in ONE_RATE:
        if events == 0 and scale in ("log-rate", "rate"):
            continue
        found = effect_of_rate(events, time, scale)
        back = float(natural(scale, found.estimate, time)[0])
        assert back == pytest.approx(events / time, rel=1e-6, abs=1e-9), scale


@fixed
@given(
    st.floats(1, 50), st.floats(0.5, 20), st.integers(2, 90), st.floats(1, 50), st.floats(0.5, 20), st.floats(0.1, 9)
)
def test_a_change_of_unit_changes_a_difference_and_neither_a_ratio_nor_a_standardised_one(
    m1: float, s1: float, n: int, m2: float, s2: float, unit: float
) -> None:
    one, other = (m1, s1, n, m2, s2, n + 3), (unit * m1, unit * s1, n, unit * m2, unit * s2, n + 3)
    plain, scaled = effect_of_means(*one), effect_of_means(*other)
    near(scaled.estimate, unit * plain.estimate, 1e-9, "difference", 1e-9)
    near(scaled.variance, unit**2 * plain.variance, 1e-9, "variance of the difference")
    for measure in ("standardised-mean-difference", "standardised-mean-difference-unequal", "ratio-of-means"):
        plain, scaled = effect_of_means(*one, measure), effect_of_means(*other, measure)  # type: ignore[arg-type]
        near(scaled.estimate, plain.estimate, 1e-9, measure, 1e-9)
        near(scaled.variance, plain.variance, 1e-9, measure)


def test_a_hazard_ratio_gives_its_interval_back() -> None:
    found = effect_of_hazard_ratios([0.7], [0.7 / 1.3], [0.7 * 1.3])
    half = 1.959963984540054 * found.variance**0.5
    near(np.exp(found.estimate + half), [0.7 * 1.3], 1e-12, "upper limit")
    assert found.is_ratio and found.measure == "hazard-ratio"


def test_zero_cells_are_refused_dropped_or_filled_and_it_is_said() -> None:
    given = ([0, 5, 9], [10, 10, 9], [3, 2, 4], [10, 10, 9])
    with pytest.raises(StudyError, match=r"study 1, 3.*zeros\) drop"):
        effect_of_counts(*given, "odds-ratio")
    dropped = effect_of_counts(*given, "odds-ratio", zeros="drop")
    assert dropped.kept == (1,) and "left out" in dropped.notes[0]
    filled = effect_of_counts(*given, "odds-ratio", zeros="add-half")
    assert len(filled) == 3 and "study 1, 3" in filled.notes[0]
    # only the studies that need it are filled
    near(filled.estimate[1], np.log(5 / 5 / (2 / 8)), 1e-12, "untouched")


def test_studies_with_the_same_in_every_patient_are_dropped_by_their_own_number() -> None:
    found = effect_of_counts(
        [0, 5, 0], [10, 10, 9], [0, 2, 4], [10, 10, 9], "odds-ratio", zeros="add-half", double_zeros="drop"
    )
    assert found.kept == (1, 2)
    assert any("study 1" in n and "same in every patient" in n for n in found.notes)
    assert any("half added" in n and "study 3" in n for n in found.notes)


@pytest.mark.parametrize("measure", [*TWO_ARM])
@pytest.mark.parametrize("zeros", [z for z in ZEROS if z not in ("refuse", "drop")])
def test_whatever_is_added_is_noted_and_leaves_finite_effects(measure: Any, zeros: Any) -> None:
    given = ([0, 3, 10, 0, 10], [10, 10, 10, 10, 10], [4, 2, 6, 0, 10], [11, 10, 12, 10, 10])
    found = effect_of_counts(*given, measure, zeros=zeros)
    assert np.isfinite(found.estimate).all() and (found.variance > 0).all()
    whole = effect_of_counts([3], [10], [2], [10], measure, zeros=zeros)
    if measure == "arcsine-difference":
        assert not found.notes
    else:
        assert "half" in found.notes[0]
        assert bool(whole.notes) == (zeros == "add-half-all")


def test_the_risk_difference_needs_no_filling_unless_both_arms_are_flat() -> None:
    assert len(effect_of_counts([0, 4], [10, 4], [3, 1], [10, 10])) == 2
    for flat in ([0], [10]):
        with pytest.raises(StudyError, match="study 1"):
            effect_of_counts(flat, [10], [0], [10])


@pytest.mark.parametrize(
    ("events", "n", "says"),
    [([11], [10], "11 events of 10"), ([-1], [10], "-1 events"), ([1], [0], "of 0 patients"), ([1, 2], [10], "one of")],
)
def test_counts_that_cannot_be_are_refused(events: list[int], n: list[int], says: str) -> None:
    with pytest.raises(StudyError, match=says):
        effect_of_proportions(events, n)


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        (lambda: effect_of_counts([1], [2], [1], [2], "risk-rato"), "Did you mean 'risk-ratio'"),
        (lambda: effect_of_counts([1], [2], [1], [2], zeros="add-hal"), "Did you mean 'add-half'"),
        (lambda: effect_of_proportions([1], [2], "logits"), "Did you mean 'logit'"),
        (lambda: natural("freeman-tukey", 0.5), "needs a size"),
        (lambda: natural("freeman-tukey-rate", 0.5, 0), "needs a size"),
        (lambda: effect_of_rates([1], [2], [1], [2], "rate-ratios"), "Did you mean 'rate-ratio'"),
        (lambda: effect_of_rates([0], [2], [1], [2]), r"study 1 \(no event\)"),
        (lambda: effect_of_rates([0], [2], [0], [2], "rate-difference"), "study 1"),
        (lambda: effect_of_rates([1], [0], [1], [2]), "times at risk above 0"),
        (lambda: effect_of_rates([1], [2], [-1], [2]), "events must be 0 or more"),
        (lambda: effect_of_rate([1], [2], "log-rates"), "Did you mean 'log-rate'"),
        (lambda: effect_of_rate([0], [2]), "no event"),
        (lambda: effect_of_rate([1, 2], [2]), "2, 1 studies"),
        (lambda: effect_of_means([1], [0], [9], [1], [1], [9]), "standard deviations above 0"),
        (lambda: effect_of_means([1], [1], [1], [1], [1], [9]), "two patients an arm"),
        (lambda: effect_of_means([1], [1], [9], [1], [1], [9], "mean-diference"), "Did you mean 'mean-difference'"),
        (lambda: effect_of_means([1], [1], [9], [-1], [1], [9], "ratio-of-means"), "means of one sign"),
        (lambda: effect_of_hazard_ratios([2], [0.5], [1.5]), "between its limits"),
        (lambda: effect_of_hazard_ratios([1.4], [0.5], [1.5]), "far from the middle"),
        (lambda: effect_of_estimates([1.0], [0.0]), "variance above zero"),
        (lambda: effect_of_estimates([np.nan], [1.0]), "finite estimate"),
    ],
)
def test_refusals_say_what_and_the_next_step(attempt: Any, says: str) -> None:
    with pytest.raises(StudyError, match=says):
        attempt()


def test_a_study_can_be_taken_out_and_the_others_keep_their_places() -> None:
    found = effect_of_counts([0, 5, 3], [10, 10, 9], [3, 2, 4], [10, 10, 9], "odds-ratio", zeros="drop").without(0)
    assert found.kept == (2,) and len(found) == 1
