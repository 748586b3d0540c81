"""Donor cells found later: what the mechanism's rates say of autopsies after infusion and biopsies after injection.

Neither was ever fitted to. How few donor cells a method finds, and among how many, was not read; both are drawn from
wide ranges of catalogue/kinetics, so the predictions are wide. Each draw is one possible truth, shared by the patients
of a study, who differ in when they die.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.credibility.calibration.factors import factor_of, prior_draws
from homing.credibility.calibration.kinetics import PRODUCT, living, odds, rate_of, seen, share_of
from homing.engine import CompiledSystem, compile_system
from homing.patients.population import Population, population
from homing.patients.scenario import PLAIN
from homing.protocol import catalogue
from homing.protocol.course import Course, Dose, Protocol
from homing.protocol.instances import instances
from homing.study.machines import Machine, common
from homing.study.simulator import Simulator

#: Patients of the autopsy study, whose earliest and latest death the range of days is.
AUTOPSIES = 18
#: How far out a day of death may be, in standard deviations, and halvings until it is found.
_FURTHEST, _HALVINGS = 8.0, 40
LOCAL_POPULATION, LOCAL_ROUTE, LOCAL_CARRIER = "uc-moderate-severe", "endoscopic-submucosal", "suspension"
_LOCAL_LOSS = "product.k_gut_death"


def found_after_infusion(theta: Mapping[str, ArrayLike], draws: int, seed: int) -> NDArray[np.float64]:
    """(draw,) share of patients in whose tissue donor DNA is found at autopsy.

    Patients differ in their day of death, lognormal about the median. Fewer cells live the later it is, so that the
    share is the chance to die before the day from which too few are left, without any patient being drawn. Immune
    killing is left out: the patients' immune systems had been emptied.
    Arguments: `theta` draws (draw,) of factors of `kinetics`, by key.
    """
    from scipy.special import ndtr

    assumed = _drawn(("infused_cells", "cells_of_body", "seen_in_tissue"), draws, seed)
    per_draw = {key: np.broadcast_to(np.asarray(x, dtype=float), (draws,)) for key, x in theta.items()}
    given = share_of("viability").number * assumed["infused_cells"]
    needed = assumed["seen_in_tissue"] * assumed["cells_of_body"] / given
    low, high = np.full(draws, -_FURTHEST), np.full(draws, _FURTHEST)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        found = living(per_draw, _day_of_death(middle)) > needed
        low, high = np.where(found, middle, low), np.where(found, high, middle)
    return np.asarray(ndtr(low))


def _day_of_death(deviate: NDArray[np.float64]) -> NDArray[np.float64]:
    """Days at standard normal deviates; the printed range spans the expected extremes of the patients (Blom)."""
    day = seen("day_of_death")
    if day.low is None or day.high is None:
        raise ValueError("the days of death have a range")
    extreme = NormalDist().inv_cdf((AUTOPSIES - 0.375) / (AUTOPSIES + 0.25))
    spread = math.log(day.high / day.low) / (2 * extreme)
    return np.asarray(day.number * np.exp(spread * deviate))


def found_after_injection(draws: int, seed: int, patients: int = 8, threads: int = 1) -> NDArray[np.float64]:
    """(draw,) share of patients in whose rectal biopsy donor cells are found, immune killing included.

    The simulated patients of a draw are all but alike in how many cells live, so that all or none of them have donor
    cells, however many there are. Those in whom they are found, k of n, are therefore read as a sample: the share is
    drawn from Beta(k + 1/2, n - k + 1/2), what Jeffreys' prior leaves of it, since a few patients that are alike don't
    show that a share between is impossible. How unlikely it is rests on n, and its log score says no more than that it
    is unlikely.
    """
    loss = prior_draws(
        [factor_of("local_loss", (_LOCAL_LOSS,), rate_of("k_gut_death"), "range in the profile")], draws, seed
    )
    kept = prior_draws([factor_of("local_retained", (), odds(share_of("f_local_retained")), "as odds")], draws, seed)
    assumed = _drawn(("cells_of_injected_tissue", "seen_in_tissue"), draws, seed)
    dose, day = seen("injected_cells").number, seen("day_of_biopsy").number
    product, route = catalogue.product(PRODUCT), catalogue.route(LOCAL_ROUTE)
    course = Course(product, product.key, route, Dose(dose, "cell"), (0.0,), catalogue.carrier(LOCAL_CARRIER))
    simulator = Simulator(population(LOCAL_POPULATION), seed, threads, machines=_machine)
    cohort = simulator.cohort(np.arange(draws * patients))
    changes = {_LOCAL_LOSS: np.repeat(loss["local_loss"], patients)}
    run = simulator.run(cohort, Protocol("injected", (), (course,)), PLAIN, [day], changes=changes)  # type: ignore[arg-type]
    usual = odds(share_of("f_local_retained")).number
    retained = usual * kept["local_retained"] / (1 + usual * kept["local_retained"]) / (usual / (1 + usual))
    alive = run["product.gut"][:, run.at(day)].reshape(draws, patients) * retained[:, None]
    share = alive / assumed["cells_of_injected_tissue"][:, None]
    found = (share > assumed["seen_in_tissue"][:, None]).sum(axis=1)
    return np.random.default_rng([seed, patients]).beta(found + 0.5, patients - found + 0.5)


def _drawn(keys: tuple[str, ...], draws: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Draws (draw,) of assumed values from their ranges."""
    factors = [factor_of(key, (), seen(key), seen(key).because) for key in keys]
    return {key: seen(key).number * drawn for key, drawn in prior_draws(factors, draws, seed).items()}


def _machine(_: Population, protocol: Protocol) -> Machine:
    return Machine(_varying(), instances(protocol))


@functools.lru_cache(maxsize=1)
def _varying() -> CompiledSystem:
    """The common machine code with the loss of local cells as a value that may differ between patients."""
    return compile_system(common().system, common().outputs, [*common().varying, _LOCAL_LOSS])
