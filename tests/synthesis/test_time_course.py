"""Time courses and dose-responses: what was put in is found again, what isn't there isn't shown, refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from metafor_reference import near

from homing.ground.errors import StudyError
from homing.synthesis.effect import Effects
from homing.synthesis.regression import regress
from homing.synthesis.time_course import HALF_TIMES, dose_response, fit_time_course

WEEKS = (2, 4, 8, 16, 52)
#: Every second one of the default half-times, for speed.
SOME = HALF_TIMES[::2]
Rows = tuple[list[str], list[int], list[int], list[int]]


def course(seed: int, rise: float, half_time: float, studies: int = 8, n: int = 300, spread: float = 0.2) -> Rows:
    """Counts of arms whose logit goes from -1.5 by `rise`, half of it by a time."""
    random = np.random.default_rng(seed)
    rows = []
    for s in range(studies):
        own = random.normal(0, spread)
        for week in WEEKS:
            p = 1 / (1 + math.exp(-(-1.5 + own + rise * (1 - 0.5 ** (week / half_time)))))
            rows.append((f"study {s}", week, int(random.binomial(n, p)), n))
    study, week, events, patients = (list(c) for c in zip(*rows, strict=True))
    return study, week, events, patients


def expit(x: float) -> float:
    return 1 / (1 + math.exp(-x))


@pytest.mark.parametrize("half_time", [4.0, 16.0])
def test_a_time_course_is_found_again(half_time: float) -> None:
    found = fit_time_course(*course(2, 1.8, half_time), correlation=0.01, half_times=SOME)
    rise, low, high = found.rise()
    assert low < 1.8 < high and abs(rise - 1.8) < 0.3
    middle, early, late = found.half_time()
    assert early <= half_time * 1.25 and half_time / 1.25 <= late and middle == pytest.approx(half_time, rel=0.5)
    for week, (estimate, lower, upper) in zip((4, 12, 52), found.curve([4, 12, 52], 0.999), strict=True):
        truth = expit(-1.5 + 1.8 * (1 - 0.5 ** (week / half_time)))
        assert lower < truth < upper and abs(estimate - truth) < 0.06
    assert 0 < found.tau2 < 0.15 and found.studies == 8 and found.points == 40
    assert found.half_time_weights.sum() == pytest.approx(1)


def test_a_course_that_does_not_rise_is_not_said_to() -> None:
    low, high = fit_time_course(*course(5, 0.0, 8.0), correlation=0.01, half_times=SOME).rise()[1:]
    assert low < 0 < high
    falls = fit_time_course(*course(5, -1.2, 6.0), correlation=0.01, half_times=SOME)
    assert falls.rise()[2] < 0
    curve = falls.curve([0, 8, 52])[:, 0]
    assert np.all(np.diff(curve) < 0)


def test_the_order_of_rows_does_not_matter() -> None:
    study, week, events, n = course(3, 1.0, 8.0, studies=4)
    order = np.random.default_rng(0).permutation(len(study))
    one = fit_time_course(study, week, events, n, half_times=(4.0, 8.0, 16.0))
    other = fit_time_course(
        [study[i] for i in order], *(np.array(c)[order] for c in (week, events, n)), half_times=(4.0, 8.0, 16.0)
    )
    near(other.coefficients, one.coefficients, 1e-5, "coefficients", 1e-6)
    near(other.half_time_weights, one.half_time_weights, 1e-3, "weights", 1e-6)


def test_events_for_no_events_turn_the_course_round() -> None:
    study, week, events, n = course(3, 1.0, 8.0, studies=4)
    rest = [b - a for a, b in zip(events, n, strict=True)]
    one = fit_time_course(study, week, events, n, half_times=(4.0, 8.0))
    other = fit_time_course(study, week, rest, n, half_times=(4.0, 8.0))
    near(other.rise(), [-one.rise()[0], -one.rise()[2], -one.rise()[1]], 1e-4, "rise", 1e-5)


def test_patients_seen_again_count_for_less() -> None:
    """Correlated times of one arm leave the start less certain than independent ones would."""
    rows = course(6, 1.0, 8.0, studies=3, spread=0.0)
    wide, narrow = (fit_time_course(*rows, correlation=r, half_times=(8.0,)) for r in (0.9, 0.0))
    assert wide.covariances[0, 0, 0] > narrow.covariances[0, 0, 0] and wide.correlation == 0.9


def test_a_higher_level_is_a_wider_interval_and_the_limits_are_in_order() -> None:
    found = fit_time_course(*course(3, 1.0, 8.0, studies=4), half_times=HALF_TIMES[::6])
    for wide, narrow in zip(found.curve(WEEKS, 0.99), found.curve(WEEKS, 0.8), strict=True):
        assert 0 < wide[1] < narrow[1] < narrow[0] < narrow[2] < wide[2] < 1
    assert found.curve([12])[0, 0] == pytest.approx(found.curve([12], 0.5)[0, 0])


def test_rows_without_events_get_a_half_and_it_is_noted() -> None:
    study, week, events, n = course(3, 1.0, 8.0, studies=3)
    found = fit_time_course(study, week, [0, *events[1:]], n, half_times=(8.0,))
    assert "half added" in found.notes[0] and "study 1" in found.notes[0]


SHORT: Any = (["a", "a", "b", "b"], [4, 8, 4, 8], [3, 5, 4, 6], [20, 20, 20, 20])


@pytest.mark.parametrize(
    ("attempt", "says"),
    [
        (lambda: fit_time_course(*(c[:3] for c in SHORT)), "there are 3 rows"),
        (lambda: fit_time_course(SHORT[0], [4] * 4, SHORT[2], SHORT[3]), "two times and four rows"),
        (lambda: fit_time_course(SHORT[0], SHORT[1], [30, 5, 4, 6], SHORT[3]), "30 events of 20"),
        (lambda: fit_time_course(*SHORT, correlation=1.0), "between -1 and 1"),
        (lambda: fit_time_course(*SHORT[:3], [20] * 3), "4 numbers of events and 3 of patients"),
    ],
)
def test_rows_that_make_no_course_are_refused(attempt: Any, says: str) -> None:
    with pytest.raises(StudyError, match=says):
        attempt()


def doses(seed: int, slope: float, bend: float = 0.0, k: int = 40) -> tuple[Effects, np.ndarray]:
    """Effects of doses from 10 to 1000, with a slope and a bend per tenfold dose about 100."""
    random = np.random.default_rng(seed)
    dose = 10 ** random.uniform(1, 3, k)
    x, v = np.log10(dose) - 2, random.uniform(0.01, 0.05, k)
    y = 0.5 + slope * x + bend * x**2 + random.normal(0, 0.05, k) + v**0.5 * random.normal(size=k)
    return Effects("odds-ratio", y, v, tuple(range(k))), dose


@pytest.mark.parametrize(("slope", "verdict"), [(0.6, "rises"), (-0.6, "falls")])
def test_a_dose_response_is_found_again(slope: float, verdict: str) -> None:
    effects, dose = doses(1, slope)
    found = dose_response(effects, dose)
    assert found.verdict == verdict and found.line.low[1] < slope < found.line.high[1]
    assert found.aic["line"] < found.aic["flat"] - 2 and found.k == 40
    assert found.bend is not None and found.bend.low[2] < 0 < found.bend.high[2]


def test_no_dose_response_is_not_shown_and_a_bend_is_seen() -> None:
    flat = dose_response(*doses(1, 0.0))
    assert flat.verdict == "not shown" and min(flat.aic, key=lambda name: flat.aic[name]) == "flat"
    bent = dose_response(*doses(4, 0.0, -0.8, 60))
    assert bent.verdict in ("bends", "rises", "falls") and bent.bend is not None
    assert bent.bend.high[2] < 0 and min(bent.aic, key=lambda name: bent.aic[name]) == "bend"


def test_the_unit_of_the_dose_does_not_matter() -> None:
    effects, dose = doses(1, 0.6)
    one, other = dose_response(effects, dose), dose_response(effects, dose * 1e6)
    near(other.line.estimate, one.line.estimate, 1e-6, "line", 1e-8)
    near([other.aic[n] for n in one.aic], list(one.aic.values()), 1e-8, "criterion", 1e-7)
    plain = regress(effects, {"log": np.log10(dose)})
    near(one.line.estimate[1], plain.estimate[1], 1e-6, "slope per tenfold dose")


def test_the_criterion_is_that_of_the_likelihood() -> None:
    effects, dose = doses(1, 0.6)
    fit = regress(effects, {"log": np.log10(dose)}, "ML", adjust="none")
    assert dose_response(effects, dose).aic["line"] == pytest.approx(2 * 3 - 2 * fit.log_likelihood)


def test_two_doses_have_a_line_and_no_bend() -> None:
    effects = Effects("mean", np.array([0.1, 0.2, 0.8, 0.9]), np.full(4, 0.01), tuple(range(4)))
    found = dose_response(effects, [10, 10, 100, 100])
    assert found.bend is None and set(found.aic) == {"flat", "line"}
    near(found.line.estimate[1], 0.7, 1e-6, "difference per tenfold dose")


@pytest.mark.parametrize(
    "dose", [[10, 0, 100], [10, 10, 10], [10, 100], [10, -1, 100], [10, math.nan, 100], [1, 2, 3, 4]]
)
def test_doses_that_tell_nothing_are_refused(dose: list[float]) -> None:
    effects = Effects(
        "mean", np.array([0.1, 0.2, 0.8][: max(len(dose), 2)]), np.full(min(len(dose), 3), 0.01), (0, 1, 2)
    )
    with pytest.raises(StudyError):
        dose_response(effects, dose)
