"""What of the hold-outs counts once: rows that are said together, and what each weighs in totals."""

from __future__ import annotations

import pytest

from homing.credibility.calibration.data import OUTSIDE
from homing.credibility.split import Row, row_sets
from homing.credibility.units import DETERMINED, ENDPOINTS, PRIOR, VISITS, looks, weight

HELD = [row for s in row_sets() if s.set == "holdout" for row in s.rows if row.how != "kinetic"]
TRIALS = sorted({row.trial for row in HELD})


def of(trial: str) -> list[Row]:
    return [row for row in HELD if row.trial == trial and row.output not in OUTSIDE]


def keys(trial: str) -> list[list[str]]:
    return [[row.key.removeprefix(f"{trial}, ") for row in look] for look in looks(of(trial))]


def test_a_visit_and_what_comes_after_it_are_said_together_and_their_sum_is_not_said_again() -> None:
    """Darvadstrocel in Japan: 13 of 22, then 11 of the 13 and 4 of the 9; week 52's 15 of 22 is their sum."""
    assert keys("Darva-JP-3002") == [
        [
            "cells, combined-remission, week 24",
            "cells, sustained-remission, week 52, kept",
            "cells, combined-remission, week 52, gained",
        ]
    ]
    whole = next(r for r in of("Darva-JP-3002") if r.week == 52 and r.how == "binomial")
    assert (weight(whole, of("Darva-JP-3002")).share, weight(whole, of("Darva-JP-3002")).because) == (0, DETERMINED)


def test_arms_of_a_visit_are_said_together_and_visits_apart() -> None:
    assert keys("ADMIRE-CD-II") == [
        ["placebo, combined-remission, week 24", "cells, combined-remission, week 24"],
        ["placebo, combined-remission, week 52", "cells, combined-remission, week 52"],
    ]
    assert keys("SPARE") == [["ifxstop, relapse, week 104", "combo, relapse, week 104"]]


@pytest.mark.parametrize(("trial", "because"), [("ADMIRE-CD-II", VISITS), ("HSCT-international-2025", ENDPOINTS)])
def test_patients_that_are_counted_again_weigh_half_each_time(trial: str, because: str) -> None:
    for row in of(trial):
        assert (weight(row, of(trial)).share, weight(row, of(trial)).because) == (0.5, because)


@pytest.mark.parametrize("trial", TRIALS)
def test_an_arm_of_a_trial_weighs_one_altogether(trial: str) -> None:
    """Whatever the number of its rows; those after a visit belong to it."""
    for arm in {row.arm for row in of(trial)}:
        mine = [row for row in of(trial) if row.arm == arm and row.how not in ("kept", "gained")]
        assert sum(weight(row, of(trial)).share for row in mine) == pytest.approx(1)


def test_what_the_model_does_not_predict_weighs_nothing() -> None:
    for row in HELD:
        if row.output in OUTSIDE:
            assert (weight(row, of(row.trial)).share, weight(row, of(row.trial)).because) == (0, PRIOR)
