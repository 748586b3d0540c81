"""Cohorts that stop infliximab and cohorts that are transplanted, as calibration simulates them."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Mapping

import numpy as np
import pytest

from homing.credibility.calibration import relapse, reset
from homing.credibility.calibration.factors import factor_of
from homing.evidence.records import Counts
from homing.evidence.store import load_store
from homing.evidence.values import Value
from homing.ground.errors import EvidenceError

PATIENTS, SEED = 200, 5
Simulate = Callable[[Mapping[str, float], int, int], Mapping[str, Counts]]


def share(counts: Counts) -> float:
    return counts.events / counts.n


@pytest.mark.parametrize("domain", [relapse, reset])
def test_counts_are_of_patients_and_the_same_for_the_same_seed(domain) -> None:
    first = domain.simulate({}, PATIENTS, SEED)
    assert tuple(first) == domain.outputs()
    assert all(0 <= counts.events <= counts.n <= PATIENTS for counts in first.values())
    assert domain.simulate({}, PATIENTS, SEED, threads=2) == first, "on any number of threads"
    assert domain.simulate({factor.key: 1.0 for factor in domain.factors()}, PATIENTS, SEED) == first
    assert domain.simulate({}, PATIENTS, SEED + 1) != first


@pytest.mark.parametrize("key", ["memory_priming", "gut_flares"])
def test_more_memory_and_more_challenges_make_more_relapse(key: str) -> None:
    low, usual, high = (relapse.simulate({key: f}, PATIENTS, SEED) for f in (0.3, 1.0, 3.0))
    for week in (52, 104):
        assert share(low[f"relapsed-{week}"]) < share(usual[f"relapsed-{week}"]) < share(high[f"relapsed-{week}"])


@pytest.mark.parametrize(("key", "more"), [("reset_depth", 10.0), ("memory_priming", 3.0), ("gut_flares", 3.0)])
def test_more_memory_that_survives_or_forms_anew_means_fewer_stay_free(key: str, more: float) -> None:
    low, usual, high = (reset.simulate({key: f}, PATIENTS, SEED) for f in (1 / more, 1.0, more))
    for week in (52, 104):
        assert share(low[f"free-{week}"]) > share(usual[f"free-{week}"]) > share(high[f"free-{week}"])


def test_relapse_only_adds_up_and_intervals_multiply_to_the_whole() -> None:
    found = relapse.simulate({}, PATIENTS, SEED)
    shares = [share(found[f"relapsed-{week}"]) for week in relapse.WEEKS]
    assert shares == sorted(shares)
    stays = 1.0
    for a, b in ((13, 26), (26, 52), (52, 104)):
        stays *= 1 - share(found[f"relapsed-{a}-to-{b}"])
    assert (1 - share(found["relapsed-13"])) * stays == pytest.approx(1 - share(found["relapsed-104"]))
    found = reset.simulate({}, PATIENTS, SEED)
    product = share(found["free-52"])
    for a, b in itertools.pairwise(reset.FREE_WEEKS):
        product *= share(found[f"free-{a}-to-{b}"])
        assert product == pytest.approx(share(found[f"free-{b}"]))


def test_nobody_relapses_more_on_infliximab_than_off_it() -> None:
    off, on = (relapse.simulate({}, PATIENTS, SEED, arm=arm) for arm in ("stopped", "continued"))
    assert on["relapsed-on-drug-104"].n == off["relapsed-104"].n, "the same patients were well"
    assert on["relapsed-on-drug-104"].events < off["relapsed-104"].events


def test_a_reset_that_leaves_all_memory_is_no_reset() -> None:
    """However large the factor, no more than all memory is left: two such factors make the same cohort."""
    assert reset.simulate({"reset_depth": 1e6}, 60, SEED) == reset.simulate({"reset_depth": 1e7}, 60, SEED)


def test_deaths_are_few_in_the_mechanism_and_about_the_pooled_risk_in_the_prior() -> None:
    """The pooled 6.4 % (2.8 to 14.0) is of older series; of 82 and of 23 transplanted, one died each."""
    risks = reset.death_risks(60, SEED, 52)
    assert ((risks > 0) & (risks < 0.14)).all()
    drawn = reset.death_prior(load_store(), 20_000, SEED)
    assert np.median(drawn) == pytest.approx(0.064, abs=0.003)
    for n in (82, 23):
        as_few = float(np.mean((1 - drawn) ** n + n * drawn * (1 - drawn) ** (n - 1)))
        assert as_few > 0.025, f"one death of {n} is no surprise to the prior"


def test_one_more_series_differs_from_the_mean_of_all_by_their_spread_too() -> None:
    """On the logit: the variance of the pooled mean, and that of series, which is the scale's square on average."""
    drawn = np.log(reset.death_prior(load_store(), 200_000, SEED))
    logits = drawn - np.log1p(-np.exp(drawn))
    low, high = (math.log(p / (1 - p)) for p in (0.028, 0.140))
    of_mean = (high - low) / (2 * 1.959964)
    assert logits.var() == pytest.approx(of_mean**2 + 0.5**2, rel=0.02)


def test_a_prior_holds_the_range_it_is_from() -> None:
    value = Value(2.0, "1/d", low=1.0, high=4.0, because="...")
    factor = factor_of("twofold", ("a.b",), value, "...")
    # 90 % within a factor of 2 either way: ln 2 = 1.645 standard deviations; 95 % is 1.96 of them.
    assert factor.spread == pytest.approx(math.log(2) / 1.6448536, rel=1e-6)
    assert factor.interval == pytest.approx((2 ** -(1.959964 / 1.6448536), 2 ** (1.959964 / 1.6448536)), rel=1e-6)
    assert factor.design[0] < factor.interval[0] and factor.interval[1] < factor.design[1]
    from_zero = Value(2.0, "1/d", low=0.0, high=4.0, because="...")
    assert factor_of("a", ("a.b",), from_zero, "...").spread == pytest.approx(factor.spread), "the upper half's width"
    for faulty in (Value(2.0, "1/d", because="..."), Value(0.0, "1/d", low=0.0, high=4.0, because="...")):
        with pytest.raises(EvidenceError, match="range of a value above zero"):
            factor_of("twofold", ("a.b",), faulty, "...")
