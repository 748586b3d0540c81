"""Numbers that say of how many studies they are, and methods that are those stated."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from homing.evidence.records import MetaAnalysis, MetaStudy
from homing.synthesis.battery import of_two_arms
from homing.synthesis.counts import mantel_haenszel
from homing.synthesis.effect import effect_of_counts, effect_of_proportions
from homing.synthesis.pool import pool
from homing.synthesis.reproduce import reproduce

#: Five studies, the last two without any event in either arm.
COUNTS = ([5, 12, 3, 0, 0], [40, 50, 60, 30, 25], [9, 6, 14, 0, 0], [40, 55, 58, 32, 24])


def meta(**more: object) -> MetaAnalysis:
    studies = tuple(MetaStudy(str(i), *row) for i, row in enumerate(zip(*COUNTS, strict=True)))
    plain = {"measure": "risk-difference", "model": "common", "method": "MH"} | more
    return MetaAnalysis(  # type: ignore[arg-type]
        "m", "m", {}, "m", as_printed="", printed={}, studies=plain.pop("studies", studies), sources=(), missing="",
        **plain,
    )  # fmt: skip


@pytest.mark.parametrize("measure", ["odds-ratio", "risk-ratio", "risk-difference"])
def test_i2_is_of_the_studies_that_q_is_of(measure: str) -> None:
    """Q of the three studies with an event: its degrees of freedom are two, whatever the measure."""
    found = mantel_haenszel(*COUNTS, measure)  # type: ignore[arg-type]
    own = effect_of_counts(*(v[:3] for v in COUNTS), measure)  # type: ignore[arg-type]
    q = float(((own.estimate - found.estimate) ** 2 / own.variance).sum())
    assert found.q == pytest.approx(q) and found.q_df == 2
    assert reproduce(meta(measure=measure)).i2 == pytest.approx(max(0.0, 1 - 2 / q))


def test_a_share_is_pooled_by_the_stated_model() -> None:
    studies = tuple(MetaStudy(str(i), x, n, None, None) for i, (x, n) in enumerate(((5, 40), (30, 50), (12, 60))))
    effects = effect_of_proportions([5, 30, 12], [40, 50, 60])
    share = meta(measure="proportion", method="DL", studies=studies)
    for model, method in (("common", "common"), ("random", "DL")):
        expected = pool(effects, method, adjust="none").natural()  # type: ignore[arg-type]
        assert reproduce(replace(share, model=model)).estimate == pytest.approx(expected.estimate)
    refused = reproduce(replace(share, method="MH"))
    assert refused.agrees is None and "no Mantel-Haenszel" in refused.why and math.isnan(refused.estimate)


def test_a_battery_says_of_how_many_studies_each_answer_is() -> None:
    found = {(a.measure, a.method): a for a in of_two_arms(*COUNTS)}
    for method in ("REML and Knapp-Hartung", "Mantel-Haenszel", "Peto", "exact, common"):
        assert found["odds-ratio", method].k == 3
    assert found["odds-ratio", "mixed model, conditional-exact"].k == 3
    assert found["odds-ratio", "mixed model, unconditional-random"].k == 5
    assert found["risk-difference", "Mantel-Haenszel"].k == 5


def test_no_event_in_either_arm_is_a_difference_of_nothing() -> None:
    found = {(a.measure, a.method): a for a in of_two_arms(*COUNTS)}
    difference = found["risk-difference", "REML and Knapp-Hartung"]
    expected = pool(effect_of_counts(*COUNTS, "risk-difference", zeros="add-half"))
    assert difference.k == 5 and difference.estimate == pytest.approx(expected.estimate)
    assert np.isfinite([difference.low, difference.high]).all()
