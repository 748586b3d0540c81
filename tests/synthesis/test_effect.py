"""Effects of single studies: metafor's escalc, identities, and what becomes of empty cells."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.ground.errors import StudyError
from homing.synthesis.effect import TWO_ARM, effect_of_counts, effect_of_proportions, natural

REFERENCE = json.loads((Path(__file__).parent / "metafor" / "effects.json").read_text())
COUNTS = {k: np.array(v) for k, v in REFERENCE["counts"].items()}


@pytest.mark.parametrize("case", REFERENCE["effects"], ids=lambda c: c["measure"])
def test_effects_and_variances_are_metafors(case: dict) -> None:
    a, b, c, d = (COUNTS[k] for k in "abcd")
    found = effect_of_counts(a, a + b, c, c + d, case["measure"])
    np.testing.assert_allclose(found.estimate, case["yi"], rtol=1e-10)
    np.testing.assert_allclose(found.variance, case["vi"], rtol=1e-10)


@pytest.mark.parametrize("case", REFERENCE["zeros"], ids=lambda c: c["id"])
def test_a_half_added_to_studies_with_an_empty_cell_is_metafors(case: dict) -> None:
    rows = REFERENCE["zero_counts"]
    a, n1, c, n2 = (np.array([float(r[k]) for r in rows]) for k in ("ai", "n1i", "ci", "n2i"))
    measure = "risk-ratio" if ".RR." in case["id"] else "odds-ratio"
    found = effect_of_counts(a, n1, c, n2, measure, zeros="add-half")
    np.testing.assert_allclose(found.estimate, case["yi"], rtol=1e-10)
    np.testing.assert_allclose(found.variance, case["vi"], rtol=1e-10)


counts = st.integers(1, 60).flatmap(lambda n: st.tuples(st.integers(1, n), st.just(n + 1)))


@given(counts, counts)
def test_ratios_turn_round_when_the_arms_change_places(one: tuple[int, int], other: tuple[int, int]) -> None:
    for measure in TWO_ARM:
        forth = effect_of_counts(*one, *other, measure)
        back = effect_of_counts(*other, *one, measure)
        np.testing.assert_allclose(forth.estimate, -back.estimate, atol=1e-12)
        np.testing.assert_allclose(forth.variance, back.variance)


@given(counts, counts)
def test_the_natural_scale_is_what_a_reader_computes(one: tuple[int, int], other: tuple[int, int]) -> None:
    p, q = one[0] / one[1], other[0] / other[1]
    expected = {"risk-difference": p - q, "risk-ratio": p / q, "odds-ratio": p / (1 - p) / (q / (1 - q))}
    for measure, value in expected.items():
        found = effect_of_counts(*one, *other, measure)  # type: ignore[arg-type]
        assert float(found.natural(found.estimate)[0]) == pytest.approx(value)
    assert float(natural("logit", effect_of_proportions(*one).estimate)[0]) == pytest.approx(p)


def test_zero_cells_are_refused_dropped_or_filled_and_it_is_said() -> None:
    given = ([0, 5, 9], [10, 10, 9], [3, 2, 4], [10, 10, 9])
    with pytest.raises(StudyError, match=r"study 1, 3.*zeros='drop'"):
        effect_of_counts(*given, "odds-ratio")
    dropped = effect_of_counts(*given, "odds-ratio", zeros="drop")
    assert dropped.kept == (1,) and "left out" in dropped.notes[0]
    filled = effect_of_counts(*given, "odds-ratio", zeros="add-half")
    assert len(filled) == 3 and "study 1, 3" in filled.notes[0]
    # only the studies that need it are filled
    np.testing.assert_allclose(filled.estimate[1], np.log(5 / 5 / (2 / 8)))


def test_the_risk_difference_needs_no_filling_unless_both_arms_are_flat() -> None:
    assert len(effect_of_counts([0, 4], [10, 4], [3, 1], [10, 10])) == 2
    with pytest.raises(StudyError, match="study 1"):
        effect_of_counts([0], [10], [0], [10])
    with pytest.raises(StudyError, match="study 1"):
        effect_of_counts([10], [10], [0], [10])


@pytest.mark.parametrize(
    ("events", "n", "says"),
    [([11], [10], "11 events of 10"), ([-1], [10], "-1 events"), ([1], [0], "of 0 patients"), ([1, 2], [10], "one of")],
)
def test_counts_that_cannot_be_are_refused(events: list[int], n: list[int], says: str) -> None:
    with pytest.raises(StudyError, match=says):
        effect_of_proportions(events, n)


def test_an_unknown_measure_is_refused_with_the_nearest() -> None:
    with pytest.raises(StudyError, match="Did you mean 'risk-ratio'"):
        effect_of_counts([1], [2], [1], [2], "risk-rato")  # type: ignore[arg-type]
