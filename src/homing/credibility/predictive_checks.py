"""Posterior predictive checks: what calibration's own trials saw, beside cohorts simulated at draws of the posterior.

Nothing is emulated here. The draws are those of one more trial; what belongs to how a trial observes (its own
definition, being open) is not added, so that fistula trials are shown that were blinded and of Crohn's disease.
Readings that a hold-out set names are left out, as are trials of hold-out sets alone.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homing.credibility.calibration import fistula, relapse, reset
from homing.credibility.calibration.design import Progress
from homing.credibility.calibration.posterior_files import thinned
from homing.credibility.calibration.unknowns import unknowns
from homing.credibility.split import DOMAINS, rows_of
from homing.evidence.records import Counts, Outcome
from homing.evidence.store import Store
from homing.inference.scores import arm_share, score

Array = NDArray[np.float64]
Draws = Mapping[str, Array]
#: Draws that are simulated, and patients of each.
DRAWS, PATIENTS = 40, 500
#: Weeks at which courses of fistulas are looked at.
WEEKS = (6.0, 12.0, 18.0, 24.0, 36.0, 52.0)
ENDPOINTS = ("combined-remission", "clinical-remission-fistula")
#: Cells by regimen, in the order of the dose-response, and the visit of it.
DOSES = {
    "procedure": 0.0,
    "10-million": 1e7,
    "20-million": 2e7,
    "30-million": 3e7,
    "40-million": 4e7,
    "90-million": 9e7,
    "120-million": 1.2e8,
}
DOSE_WEEK = 24.0
#: What is read of the fistula's patients before they are treated.
BASELINE = ("pdai", "cdai", "crp", "calprotectin")


@dataclass(frozen=True)
class Seen:
    """A reading of a calibration trial; `n` None where how many it is of was not printed, `dose` of fistulas in cells.

    `inside` says by level whether the share lies in the predictive interval of an arm of this size.
    """

    trial: str
    arm: str
    endpoint: str
    week: float
    share: float
    n: int | None
    dose: float | None = None
    inside: Mapping[float, bool] | None = None


@dataclass(frozen=True)
class Check:
    """A course: `shares` (draw, x) simulated at `x` (weeks, or cells), and what trials saw along it."""

    key: str
    of: str
    x: Array
    shares: Array
    seen: tuple[Seen, ...]


@dataclass(frozen=True)
class Checks:
    """All checks, and the baseline: (3,) quartiles over a cohort's patients of each reading, which no draw changes."""

    courses: tuple[Check, ...]
    doses: Check
    baseline: Mapping[str, Array]
    draws: int
    patients: int


def predictive_checks(
    posterior: Draws,
    store: Store,
    seed: int,
    *,
    draws: int = DRAWS,
    patients: int = PATIENTS,
    threads: int = 1,
    progress: Progress = lambda step, done, total: None,
) -> Checks:
    """Simulate the checks at `draws` draws of a posterior, (draw,) factors by key, and set what was seen beside them.

    Every draw has the same patients, so that draws differ by the posterior alone.
    """
    at = thinned(len(next(iter(posterior.values()))), draws)
    each = [{key: float(column[i]) for key, column in posterior.items()} for i in at]
    outputs = [fistula.Output(r, e, w, "binomial") for e in ENDPOINTS for r in DOSES for w in WEEKS]
    cohorts = fistula.cohorts(patients, seed, threads)
    tract, stopped, after = [], [], []
    for i, theta in enumerate(each):
        tract.append(_shares(*cohorts.events(unknowns(fistula.DOMAIN).changes(theta), outputs)))
        stopped.append(_course(relapse.simulate(theta, patients, seed, threads), "relapsed", relapse.WEEKS))
        after.append(_course(reset.simulate(theta, patients, seed, threads), "free", reset.FREE_WEEKS))
        progress("check predictions", i + 1, len(each))
    found = np.array(tract).reshape(len(each), len(ENDPOINTS), len(DOSES), len(WEEKS))
    told = fistula_readings(store)
    return Checks(
        (
            *_fistula_courses(found, told),
            _check("relapse", "stopped", relapse.WEEKS, stopped, cohort_readings(store, "relapse", "relapse")),
            _check("reset", "transplanted", reset.FREE_WEEKS, after, cohort_readings(store, "reset", "treatment-free")),
        ),
        _doses(found, told),
        _baseline(cohorts),
        len(each),
        patients,
    )


def fistula_readings(store: Store) -> tuple[Seen, ...]:
    """Readings at any week of blinded calibration trials of Crohn's fistulas, by the regimen of the arm."""
    cells: dict[tuple[str, str], float] = {}
    for row in rows_of("calibration", fistula.DOMAIN).rows:
        trial = store.trial(row.trial)
        if trial.blinded and trial.disease == "crohn" and row.regimen in DOSES:
            cells[(row.trial, row.arm)] = DOSES[row.regimen]
    known = [(t, a, e) for t, a in cells for e in fistula.READ_AS if e != "sustained-remission"]
    return tuple(replace(s, dose=cells[(s.trial, s.arm)]) for s in _readings(store, known))


def cohort_readings(store: Store, domain: str, endpoint: str) -> tuple[Seen, ...]:
    """Readings of an endpoint in the calibration cohorts of a domain, at the weeks that its rows name.

    At other weeks cohorts count what happened in follow-ups of different length, which is no share at a week. How many
    a share is of is told where a row takes it as it is; of later weeks most were no longer followed.
    """
    rows = {(row.trial, row.week): row for row in rows_of("calibration", domain).rows}
    arms = dict.fromkeys((row.trial, row.arm, endpoint) for row in rows.values())
    found = [(s, rows.get((s.trial, s.week))) for s in _readings(store, list(arms))]
    return tuple(replace(s, n=None if r.since is not None else r.n or s.n) for s, r in found if r is not None)


def _readings(store: Store, wanted: Sequence[tuple[str, str, str]]) -> list[Seen]:
    held = {
        (row.trial, row.arm, row.endpoint, row.week) for domain in DOMAINS for row in rows_of("holdout", domain).rows
    }
    found = []
    for trial, arm, endpoint in wanted:
        for o in store.outcomes(trial, endpoint):
            if o.arm != arm or o.contradicts or o.is_subgroup or (trial, arm, endpoint, o.week) in held:
                continue
            share = _seen_share(o)
            if share is not None:
                found.append(Seen(trial, arm, endpoint, o.week, share, o.n))
    return found


def _seen_share(o: Outcome) -> float | None:
    return o.events / o.n if o.events is not None and o.n else o.share


def _fistula_courses(found: Array, told: Sequence[Seen]) -> list[Check]:
    """One for each endpoint and regimen of which something was seen; `found` (draw, endpoint, regimen, week)."""
    checks = []
    for e, endpoint in enumerate(ENDPOINTS):
        for r, (regimen, dose) in enumerate(DOSES.items()):
            seen = [s for s in told if s.dose == dose and fistula.READ_AS[s.endpoint] == endpoint]
            if seen:
                checks.append(_check(endpoint, regimen, WEEKS, found[:, e, r], seen))
    return checks


def _doses(found: Array, told: Sequence[Seen]) -> Check:
    shares = found[:, ENDPOINTS.index("combined-remission"), :, WEEKS.index(DOSE_WEEK)]
    seen = [s for s in told if s.week == DOSE_WEEK and fistula.READ_AS[s.endpoint] == "combined-remission"]
    x = np.array(list(DOSES.values()))
    return Check("dose", "week-24", x, shares, tuple(_judged(s, x, shares, float(s.dose or 0)) for s in seen))


def _check(key: str, of: str, weeks: Sequence[float], shares: object, seen: Sequence[Seen]) -> Check:
    x, table = np.array(weeks, dtype=float), np.array(shares, dtype=float)
    return Check(key, of, x, table, tuple(_judged(s, x, table, s.week) for s in seen if x[0] <= s.week <= x[-1]))


def _judged(seen: Seen, x: Array, shares: Array, at: float) -> Seen:
    """With what the predictive distribution of an arm of its size says; between points of x by straight lines."""
    if not seen.n:
        return seen
    there = np.array([np.interp(at, x, row) for row in shares])
    return replace(seen, inside=score(arm_share(there, seen.n), round(seen.share * seen.n) / seen.n).inside)


def _shares(events: NDArray[np.int64], patients: NDArray[np.int64]) -> Array:
    return np.asarray(events / np.maximum(patients, 1))


def _course(counts: Mapping[str, Counts], begin: str, weeks: Sequence[int]) -> list[float]:
    return [counts[f"{begin}-{week}"].events / max(counts[f"{begin}-{week}"].n, 1) for week in weeks]


def _baseline(cohorts: fistula.Cohorts) -> dict[str, Array]:
    run = cohorts.run(fistula.regimens()["procedure"], {}, np.array([0.0, 1.0]))
    return {name: np.nanquantile(run.outcome(name, 0.0), [0.25, 0.5, 0.75]) for name in BASELINE}


def checks_plain(found: Checks) -> dict[str, Any]:
    """The checks as plain data: medians and central 95 % of the simulated shares, and what was seen."""
    return {
        "draws": found.draws,
        "patients": found.patients,
        "courses": [_check_plain(c) for c in found.courses],
        "doses": _check_plain(found.doses),
        "baseline": {name: [_round(x) for x in quartiles] for name, quartiles in found.baseline.items()},
    }


def _check_plain(c: Check) -> dict[str, Any]:
    low, middle, high = np.quantile(c.shares, [0.025, 0.5, 0.975], axis=0)
    return {
        "key": c.key,
        "of": c.of,
        "x": [float(x) for x in c.x],
        **{name: [_round(x) for x in row] for name, row in (("low", low), ("middle", middle), ("high", high))},
        "seen": [
            {
                **{name: getattr(s, name) for name in ("trial", "arm", "endpoint", "week", "n", "dose")},
                "share": _round(s.share),
                "inside": None if s.inside is None else {f"{level:g}": bool(x) for level, x in s.inside.items()},
            }
            for s in c.seen
        ],
    }


def _round(x: float) -> float:
    return float(f"{x:.4g}")
