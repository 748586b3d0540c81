"""A question of the store, pooled: from its trials' counts to effects, subgroups, time courses and trends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homing.evidence.records import Comparison, Counts, SingleArm, Trial
from homing.evidence.store import Store
from homing.ground.errors import StudyError
from homing.synthesis.bias import at_most, discounted
from homing.synthesis.binomial import PooledBinomial, pool_proportions
from homing.synthesis.effect import TWO_ARM, Effects, Measure, Zeros, effect_of_counts
from homing.synthesis.time_course import CORRELATION, TimeCourse, fit_time_course

Array = NDArray[np.float64]
#: Closure of fistulas by whatever definition: what a time course of it is made of.
CLOSURE = ("combined-remission", "clinical-remission-fistula", "fistula-healing")


def counts_of(trials: Sequence[Comparison]) -> tuple[list[int], list[int], list[int], list[int]]:
    """Events and patients with the candidate, then with the control, each (trial,)."""
    a, b = [c.candidate for c in trials], [c.control for c in trials]
    return [x.events for x in a], [x.n for x in a], [x.events for x in b], [x.n for x in b]


def better_of(store: Store, question: str) -> Literal["higher", "lower"]:
    """Whether more or less of what a question counts is better for patients.

    Raises: StudyError where its endpoints point different ways, so that no effect is for or against the cells.
    """
    asked = store.question(question)
    ways = {store.better(pair.endpoint) for pair in (*asked.comparisons, *asked.singles)}
    if len(ways) > 1:
        raise StudyError("of some endpoints more is better, of others less: ask two questions.", question)
    return ways.pop() if ways else "higher"


def effects_of(
    trials: Sequence[Comparison], measure: Measure = "risk-difference", zeros: Zeros = "refuse", bias: str = "ignore"
) -> Effects:
    """Effects of the controlled trials of a question.

    Arguments: `bias` is 'ignore', 'discount' (variances hold each trial's possible bias), or the worst judgement of the
    risk of bias that a trial may have to be kept, such as 'some concerns'.
    Raises: StudyError as `effect_of_counts`, or where a discount is asked for a measure that is not an odds ratio.
    """
    if measure not in TWO_ARM:
        raise StudyError(f"'{measure}' is no measure of two arms: {', '.join(TWO_ARM)}.", "--measure")
    try:
        effects = effect_of_counts(*counts_of(trials), measure, zeros=zeros)
    except StudyError as error:
        listed = ", ".join(f"{i} {c.trial.key}" for i, c in enumerate(trials, 1))
        raise StudyError(f"{error.message} The studies: {listed}.") from None
    if bias == "ignore":
        return effects
    judged = [trials[i].trial.risk_of_bias.get("overall", "no information") for i in effects.kept]
    if bias != "discount":
        return at_most(effects, judged, bias)
    if measure != "odds-ratio":
        raise StudyError("the discount for bias is on the scale of odds ratios; say --measure odds-ratio.", "--bias")
    return discounted(effects, judged)


@dataclass(frozen=True)
class Groups:
    """Uncontrolled arms pooled by group, and the test of whether the groups differ (likelihood ratio)."""

    groups: dict[str, PooledBinomial]
    arms: dict[str, int]
    patients: dict[str, int]
    statistic: float
    df: int
    p: float


def group_singles(singles: Sequence[SingleArm]) -> Groups:
    """Pool a question's uncontrolled arms by their groups, with the binomial-normal model.

    Raises: StudyError where the question names fewer than two groups.
    """
    from scipy.stats import chi2

    labels = np.array([s.pair.group for s in singles])
    names = [name for name in dict.fromkeys(labels.tolist()) if name]
    if len(names) < 2:
        raise StudyError("this question has no groups to compare.")
    x, n = _events([s.counts for s in singles])
    parts = {name: pool_proportions(x[labels == name], n[labels == name]) for name in names}
    known = labels != ""
    apart = pool_proportions(x[known], n[known], {"group": labels[known]})
    together = pool_proportions(x[known], n[known])
    gain = max(0.0, 2 * (apart.log_likelihood - together.log_likelihood))
    df = len(names) - 1
    arms = {name: int((labels == name).sum()) for name in names}
    patients = {name: int(n[labels == name].sum()) for name in names}
    return Groups(parts, arms, patients, gain, df, float(chi2.sf(gain, df)))


def _events(counts: Sequence[Counts]) -> tuple[Array, Array]:
    return np.array([c.events for c in counts], dtype=float), np.array([c.n for c in counts], dtype=float)


@dataclass(frozen=True)
class DoseTrend:
    """Events by dose: the change of the logit for each tenfold dose, with its interval and p-value.

    `slope` is over all arms and mixes doses with trials. `within_p` tests a trend of the dose within the trials that
    gave several, by the exact permutation of patients; NaN where none did.
    """

    arms: int
    doses: Array
    slope: float
    low: float
    high: float
    p: float
    bend_p: float
    within_trials: int
    within_p: float


def dose_trend(singles: Sequence[SingleArm]) -> DoseTrend:
    """Regress the logit of a question's arms on log10 of their dose, by the binomial-normal model; with a bend too.

    Raises: StudyError for fewer than three arms of known dose (cells, not cells/kg), or one dose only.
    """
    from scipy.special import ndtr
    from scipy.stats import chi2

    # arms that the question adds up were given doses of their own, and stand apart here
    known = [(s.trial.key, arm, counts) for s in singles for arm, counts in s.parts if arm.dose and not arm.dose_per_kg]
    doses = np.array([arm.dose or 0.0 for _, arm, _ in known])
    if len(known) < 3 or len(set(doses.tolist())) < 2:
        raise StudyError("a dose-response needs three arms at two known doses at least.")
    x, n = _events([counts for _, _, counts in known])
    log = np.log10(doses) - np.log10(doses).mean()
    line = pool_proportions(x, n, {"per tenfold dose": log})
    bend = pool_proportions(x, n, {"per tenfold dose": log, "bend": log**2}) if len(set(doses.tolist())) > 2 else None
    slope, error = float(line.estimate[1]), float(line.standard_error[1])
    gain = max(0.0, 2 * (bend.log_likelihood - line.log_likelihood)) if bend else float("nan")
    ends = slope - 1.959964 * error, slope + 1.959964 * error
    p = float(2 * ndtr(-abs(slope) / error))
    trials = [key for key, _, _ in known]
    several = {key for key in trials if trials.count(key) > 1}
    inside = np.array([key in several for key in trials])
    within = _within(x[inside], n[inside], log[inside], [key for key in trials if key in several])
    bend_p = float(chi2.sf(gain, 1)) if bend else float("nan")
    return DoseTrend(len(known), doses, slope, *ends, p, bend_p, len(several), within)


def _within(x: Array, n: Array, score: Array, trial: Sequence[str]) -> float:
    """The exact two-sided p-value of a trend within trials: their events dealt to their arms in every way.

    The statistic is the sum of events times score; that of each trial is independent of the others given its margins.
    """
    from scipy.stats import multivariate_hypergeom

    if not len(x):
        return float("nan")
    totals: dict[float, float] = {0.0: 1.0}
    for key in dict.fromkeys(trial):
        here = np.array([t == key for t in trial])
        sizes, events = n[here].astype(int), int(x[here].sum())
        own: dict[float, float] = {}
        for way in np.ndindex(*(sizes + 1)):
            if sum(way) == events:
                at = round(float(score[here] @ np.array(way)), 9)
                own[at] = own.get(at, 0.0) + float(multivariate_hypergeom.pmf(way, sizes, events))
        joined: dict[float, float] = {}
        for a, p in totals.items():
            for b, q in own.items():
                joined[round(a + b, 9)] = joined.get(round(a + b, 9), 0.0) + p * q
        totals = joined
    mean = sum(a * p for a, p in totals.items())
    seen = abs(float(score @ x) - mean)
    return min(1.0, sum(p for a, p in totals.items() if abs(a - mean) >= seen - 1e-7))


@dataclass(frozen=True)
class Reading:
    """One reading of a time course: the arm, the week, events of n."""

    arm: str
    week: float
    events: int
    n: int


def readings_over_time(store: Store, question: str) -> list[Reading]:
    """All readings of closure of the candidate arms of a question's trials, each arm at each week once.

    Several definitions at one week: the strictest (combined remission before clinical remission before healing).
    """
    found: dict[tuple[str, float], Reading] = {}
    asked = store.question(question)
    arms = dict.fromkeys(
        (p.trial, a.strip()) for p in (*asked.comparisons, *asked.singles) for a in p.candidate.split("+")
    )
    asked_of: dict[str, list[str]] = {}
    for key, arm in arms:
        asked_of.setdefault(key, []).extend(_parts(store.trials[key], arm))
    for key, arm in ((key, arm) for key, own in asked_of.items() for arm in dict.fromkeys(own)):
        for endpoint in CLOSURE:
            for o in store.outcomes(key, endpoint):
                if o.arm != arm or o.events is None or not o.n or not o.week > 0 or o.is_subgroup:
                    continue
                found.setdefault((f"{key}/{arm}", o.week), Reading(f"{key}/{arm}", o.week, o.events, o.n))
    return sorted(found.values(), key=lambda r: (r.arm, r.week))


def _parts(trial: Trial, arm: str) -> list[str]:
    """The arms that an arm is the sum of, each of which has readings of its own; else the arm itself."""
    parts = [key for key, other in trial.arms.items() if arm in other.part_of]
    whole = sum(trial.arms[key].n for key in parts) == trial.arms[arm].n
    return parts if parts and whole else [arm]


def course_over_time(readings: Sequence[Reading], correlation: float = CORRELATION) -> TimeCourse:
    """The time course of a question's readings; see `time_course.fit_time_course`."""
    return fit_time_course(
        [r.arm for r in readings],
        [r.week for r in readings],
        [r.events for r in readings],
        [r.n for r in readings],
        correlation=correlation,
    )
