"""Spans: what is said of a range is what was computed."""

from __future__ import annotations

import numpy as np
import pytest

from homing.answers.case import credible_share, simulated_difference
from homing.answers.content import Estimate, Message
from homing.answers.spans import Span, joined, over, span_of
from homing.ground.credible import Credible
from homing.ground.proportions import exact_interval
from homing.report.words import Words

POSTERIOR = credible_share(Credible(0.4, 0.3, 0.5, 0.01, 0.002, np.array([0.4])))


def simulated(value: float) -> Estimate:
    return Estimate(value, value - 0.05, value + 0.05, "percent", spread="monte-carlo")


def test_the_posterior_comes_first_then_scenarios_that_differ_then_simulation_error() -> None:
    others = {"low": simulated(0.2), "high": simulated(0.6)}
    assert span_of({"posterior": POSTERIOR, **others}, "posterior") == Span(0.3, 0.5, "posterior")
    assert span_of({"pooled": simulated(0.4), **others}, "pooled") == Span(0.2, 0.6, "scenarios")
    for shares in ({"pooled": simulated(0.4)}, {"pooled": simulated(0.4), "low": simulated(0.4)}):
        found = span_of(shares, "pooled")
        assert found == Span(pytest.approx(0.35), pytest.approx(0.45), "simulation")
        assert not found.is_known


def test_a_joined_span_holds_the_scenarios_means_too() -> None:
    found = joined({"posterior": POSTERIOR, "low": simulated(0.2), "high": simulated(0.45)}, "posterior")
    assert found == Span(0.2, 0.5, "joined")
    assert joined({"posterior": POSTERIOR}, "posterior").kind == "posterior"


@pytest.mark.parametrize("language", ["en", "zh"])
def test_spans_of_several_kinds_are_told_with_every_kind_once(language: str) -> None:
    words = Words(language)
    alone = words(over(["posterior", "posterior"]))
    assert alone == words(Message("case.over-posterior"))
    mixed = words(over(["simulation", "posterior", "simulation"]))
    assert mixed.startswith(alone) and words(Message("case.over-simulation")) in mixed


def test_pairs_that_all_agree_leave_open_what_an_exact_interval_does() -> None:
    met = np.array([1.0, 0.0] * 30)
    found = simulated_difference(met, met)
    assert (found.value, found.low, found.high) == (0.0, -exact_interval(0, 60)[1], exact_interval(0, 60)[1])
