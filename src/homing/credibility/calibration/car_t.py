"""CAR-T cells in blood as published, and the return of B cells in the mechanism.

The published kinetics (Stein 2019) are taken as they are, so nothing of them is fitted here: growth to a peak, then a
fast and a slow decline, each value lognormal between patients.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.credibility.calibration.factors import factor_of, prior_draws
from homing.credibility.split import sealed
from homing.engine import CompiledSystem, compile_system
from homing.evidence.catalogue import entry
from homing.evidence.profiles import load_profile
from homing.evidence.records import Kinetic
from homing.evidence.store import load_store
from homing.ground.keys import normals
from homing.patients.population import Population, population
from homing.patients.scenario import PLAIN
from homing.protocol import catalogue
from homing.protocol.course import PlannedProcedure, Protocol
from homing.protocol.instances import instances
from homing.protocol.regimen import usual_courses
from homing.study.machines import Machine, common
from homing.study.simulator import Simulator

ENTRY, PRODUCT, PROFILE, PROCEDURE = "tisagenlecleucel", "cd19-car-t", "car-t", "lymphodepletion"
POPULATION = "uc-moderate-severe"
#: What differs between patients in the return of B cells: every value of the profile with which expansion, contraction
#: or killing are set.
SPREAD = (
    *("product.k_growth_on_antigen", "product.k_competence_loss", "product.k_contraction", "product.f_memory"),
    *("product.k_memory_death", "product.k_b_cell_killing"),
)
#: Days until which B cells are looked for, and between looks.
UNTIL, EVERY = 730.0, 2.0
_B_CELLS = "bcells.count"
_HALVINGS = 60


@functools.lru_cache(maxsize=1)
def published() -> Mapping[str, tuple[Kinetic, Kinetic]]:
    """By value: its typical reading in the evidence store, and the variance of its logarithm between patients.

    Raises: EvidenceError with file, line and key where the store has no such reading.
    """
    e, store = entry("kinetics", ENTRY), sealed(load_store())
    of, found = e.part("readings"), {}
    for part in e.part("values").each():
        part.fields("typical", "variance", required=("typical", "variance"))
        whats = part.text("typical"), part.text("variance")
        typical_, variance = (store.reading(of.text("trial"), of.text("arm"), what, part.where) for what in whats)
        found[str(part.path[-1])] = (typical_, variance)
    return found


def typical() -> dict[str, float]:
    """The published typical values: folds, days, copies per microgram of DNA, rates per day, a share."""
    return {key: found.middle for key, (found, _) in published().items()}


def patients(n: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """(patient,) values of n patients: lognormal about the typical ones with the published variances."""
    ids = np.arange(n)
    drawn = {
        key: found.middle * np.exp(np.sqrt(spread.middle) * normals(seed, f"CAR-T kinetics {key}", ids)[:, 0])
        for key, (found, spread) in published().items()
    }
    return drawn | {"slow_share": np.minimum(drawn["slow_share"], 1)}


def level(values: Mapping[str, ArrayLike], days: ArrayLike) -> NDArray[np.float64]:
    """Copies per microgram of DNA at days after infusion (Stein 2019): values and days of one shape, or broadcast.

    Until the day of the peak, peak / fold * exp(ln(fold) day / day of the peak); after it the share `slow_share` of
    the peak declines at the slow rate and the rest at the first.
    """
    v = _arrays(values)
    t = np.asarray(days, dtype=float)
    since = t - v["day_of_peak"]
    rising = np.log(v["fold_expansion"]) * np.minimum(since, 0) / v["day_of_peak"]
    after = np.maximum(since, 0)
    fast = (1 - v["slow_share"]) * np.exp(-v["first_decline"] * after)
    slow = v["slow_share"] * np.exp(-v["slow_decline"] * after)
    return np.asarray(v["peak"] * np.exp(rising) * (fast + slow))


def growth(values: Mapping[str, ArrayLike]) -> NDArray[np.float64]:
    """The rate of growth until the peak, 1/d."""
    v = _arrays(values)
    return np.asarray(np.log(v["fold_expansion"]) / v["day_of_peak"])


def area(values: Mapping[str, ArrayLike], until: float) -> NDArray[np.float64]:
    """The area under the levels from infusion to a day, in closed form: copies per microgram of DNA times days."""
    v, rate = _arrays(values), growth(values)
    rising = v["peak"] / v["fold_expansion"] * np.expm1(rate * np.minimum(until, v["day_of_peak"])) / rate
    since = np.maximum(until - v["day_of_peak"], 0)
    fast = (1 - v["slow_share"]) * -np.expm1(-v["first_decline"] * since) / v["first_decline"]
    slow = v["slow_share"] * -np.expm1(-v["slow_decline"] * since) / v["slow_decline"]
    return np.asarray(rising + v["peak"] * (fast + slow))


def _arrays(values: Mapping[str, ArrayLike]) -> dict[str, NDArray[np.float64]]:
    return {key: np.asarray(x, dtype=float) for key, x in values.items()}


def last_day_seen(values: Mapping[str, ArrayLike], limit: float) -> NDArray[np.float64]:
    """(patient,) day after the peak at which the level falls below a limit; 0 where the peak is below it.

    By halving: after the peak the level only falls, and not above the peak declining at the slower of both rates.
    """
    v = {key: np.atleast_1d(np.asarray(x, dtype=float)) for key, x in values.items()}
    slower = np.minimum(v["first_decline"], v["slow_decline"])
    low = v["day_of_peak"]
    high = low + np.maximum(np.log(v["peak"] / limit), 0) / slower
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        above = level(v, middle) >= limit
        low, high = np.where(above, middle, low), np.where(above, high, middle)
    return np.where(v["peak"] >= limit, low, 0.0)


def persistence(draws: int, n: int, days: ArrayLike, seed: int) -> dict[str, NDArray[np.float64]]:
    """What trials of n patients would see, were everybody followed: (draw,) `longest` in days, and (draw, day) `share`
    of patients still seen at each of the days. The limit of the assay is drawn from its range once a draw."""
    seen = entry("kinetics", ENTRY).values("seen")["copies"]
    limits = seen.number * prior_draws([factor_of("copies", (), seen, seen.because)], draws, seed)["copies"]
    each = patients(draws * n, seed)
    last = np.stack(
        [last_day_seen({k: x[i * n : (i + 1) * n] for k, x in each.items()}, limits[i]) for i in range(draws)]
    )
    return {
        "longest": last.max(axis=1),
        "share": np.stack([(last >= day).mean(axis=1) for day in np.atleast_1d(np.asarray(days, dtype=float))], axis=1),
    }


def b_cell_return(n: int, seed: int, threads: int = 1) -> NDArray[np.float64]:
    """(patient,) days from the dose to the return of B cells; NaN for one whose B cells never went or did not return.

    The profile's values differ between patients as widely as their ranges say. The killing of B cells was set so that
    the typical patient's return as in lupus, so the middle is no prediction; the spread is.
    """
    profile = load_profile(PROFILE)
    factors = [factor_of(name, (name,), profile[name], "range in the profile") for name in SPREAD]
    seen = entry("kinetics", ENTRY).values("seen")["b_cells"].number
    courses = usual_courses(catalogue.product(PRODUCT), UNTIL)
    dosed = courses[0].times[0]
    simulator = Simulator(population(POPULATION), seed, threads, machines=_machine)
    protocol = Protocol("cells", (PlannedProcedure(catalogue.procedure(PROCEDURE), 0.0),), courses)
    changes = prior_draws(factors, n, seed)
    days = np.arange(0.0, dosed + UNTIL, EVERY)
    run = simulator.run(simulator.cohort(np.arange(n)), protocol, PLAIN, days, changes=changes)  # type: ignore[arg-type]
    after = run.times > dosed
    absent = run[_B_CELLS][:, after] < seen
    times = run.times[after] - dosed
    last = np.where(absent, times, -np.inf).max(axis=1)
    return np.where(np.isfinite(last) & (last < times[-1]), last, np.nan)


def _machine(_: Population, protocol: Protocol) -> Machine:
    return Machine(_varying(), instances(protocol))


@functools.lru_cache(maxsize=1)
def _varying() -> CompiledSystem:
    """The common machine code with what differs between patients here, and B cells to be read."""
    outputs = dict.fromkeys([*common().outputs, _B_CELLS])
    return compile_system(common().system, list(outputs), [*common().varying, *SPREAD])
