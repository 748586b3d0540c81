"""Donor cells found later: what the mechanism's rates say of autopsies after infusion and biopsies after injection.

Neither was ever fitted to. How few donor cells a method finds, and among how many, was not read; both are drawn from
wide ranges of catalogue/kinetics, so the predictions are wide. Each draw is one possible truth, shared by the patients
of a study; days and patients differ within it.
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
from homing.ground.keys import normals
from homing.patients.population import Population, population
from homing.patients.scenario import PLAIN
from homing.protocol import catalogue
from homing.protocol.course import Course, Dose, Protocol
from homing.protocol.instances import instances
from homing.study.machines import Machine, common
from homing.study.simulator import Simulator

#: Patients of the autopsy study, whose earliest and latest death the range of days is.
AUTOPSIES = 18
LOCAL_POPULATION, LOCAL_ROUTE, LOCAL_CARRIER = "uc-moderate-severe", "endoscopic-submucosal", "suspension"
_LOCAL_LOSS = "product.k_gut_death"


def found_after_infusion(
    theta: Mapping[str, ArrayLike], draws: int, seed: int, patients: int = 50
) -> NDArray[np.float64]:
    """(draw,) share of patients in whose tissue donor DNA is found at autopsy.

    Immune killing is left out: the patients' immune systems had been emptied.
    Arguments: `theta` draws (draw,) of factors of `kinetics`, by key; `patients` how many days of death a draw has.
    """
    assumed = _drawn(("infused_cells", "cells_of_body", "seen_in_tissue"), draws, seed)
    days = _days_of_death(draws * patients, seed).reshape(draws, patients)
    per_patient = {key: np.repeat(np.broadcast_to(x, (draws,)), patients) for key, x in theta.items()}
    alive = living(per_patient, days.ravel()).reshape(draws, patients)
    given = share_of("viability").number * assumed["infused_cells"]
    share = alive * (given / assumed["cells_of_body"])[:, None]
    return np.asarray((share > assumed["seen_in_tissue"][:, None]).mean(axis=1))


def _days_of_death(n: int, seed: int) -> NDArray[np.float64]:
    """(n,) days, lognormal about the median; the printed range spans the expected extremes of the patients (Blom)."""
    day = seen("day_of_death")
    if day.low is None or day.high is None:
        raise ValueError("the days of death have a range")
    extreme = NormalDist().inv_cdf((AUTOPSIES - 0.375) / (AUTOPSIES + 0.25))
    spread = math.log(day.high / day.low) / (2 * extreme)
    return np.asarray(day.number * np.exp(spread * normals(seed, "day of death", np.arange(n))[:, 0]))


def found_after_injection(draws: int, seed: int, patients: int = 8, threads: int = 1) -> NDArray[np.float64]:
    """(draw,) share of patients in whose rectal biopsy donor cells are found, immune killing included."""
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
    return np.asarray((share > assumed["seen_in_tissue"][:, None]).mean(axis=1))


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
