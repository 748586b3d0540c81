"""What an edit or carrier would have to achieve to matter: the factor on one property that gains enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import cast

import numpy as np

from homing.answers.case import Case
from homing.evidence.values import Value
from homing.patients.cohort import Cohort
from homing.protocol.course import Course, Protocol
from homing.protocol.instances import instances
from homing.protocol.product import Product

#: Factors that are tried, from none to as much as anybody could claim.
LARGEST = 1000.0
#: Steps of the search: the factor is known to one part in 1000**(1/2**STEPS).
STEPS = 8
#: Patients who are asked.
PATIENTS = 200


@dataclass(frozen=True)
class Lever:
    """A property that an edit or carrier may change. `vary` gives protocol and factors on parameters at a strength."""

    key: str
    vary: Callable[[Protocol, float], tuple[Protocol, Mapping[str, float]]]


@dataclass(frozen=True)
class Target:
    """The factor needed in one scenario; NaN where even the largest is not enough, 1 where nothing is needed."""

    lever: str
    scenario: str
    factor: float
    gain_now: float
    gain_at_most: float


def levers(protocol: Protocol) -> list[Lever]:
    """What could be changed of an arm's cells, by its route."""
    sites = {course.route.site for course in protocol.courses if isinstance(course.give, Product)}
    found = [Lever("dose", _more_cells)]
    if any(_passes_lung(protocol)):
        found += [Lever("homing", _homing), Lever("lung", _past_the_lung)]
    if "fistula" in sites:
        found.append(Lever("stay-fistula", lambda p, f: (p, _on_all(p, "k_fistula_death", 1 / f))))
        found.append(Lever("retained", _retained))
    if "gut" in sites:
        found.append(Lever("stay-gut", lambda p, f: (p, _on_all(p, "k_gut_death", 1 / f))))
    return found


def _passes_lung(protocol: Protocol) -> list[bool]:
    return [
        any(d.state == "product.lung" for d in course.route.deposits)
        for course in protocol.courses
        if isinstance(course.give, Product)
    ]


def _changed(protocol: Protocol, change: Callable[[Product], Product]) -> Protocol:
    """A protocol with its products changed."""
    return _each(protocol, lambda c: replace(c, give=change(c.give)) if isinstance(c.give, Product) else c)


def _each(protocol: Protocol, change: Callable[[Course], Course]) -> Protocol:
    """A protocol with each course changed, those that rules give too."""
    courses = tuple(change(course) for course in protocol.courses)
    rules = tuple(replace(rule, course=change(rule.course)) for rule in protocol.rules)
    return replace(protocol, courses=courses, rules=rules)


def _on_all(protocol: Protocol, name: str, factor: float) -> dict[str, float]:
    """A factor on a parameter of every product that a protocol gives."""
    return {f"{product}.{name}": factor for product in instances(protocol).product_names}


def _more_cells(protocol: Protocol, factor: float) -> tuple[Protocol, Mapping[str, float]]:
    def more(course: Course) -> Course:
        dose = replace(course.dose, number=course.dose.number * factor, cap=None)
        return replace(course, dose=dose) if isinstance(course.give, Product) else course

    return _each(protocol, more), {}


def _homing(protocol: Protocol, factor: float) -> tuple[Protocol, Mapping[str, float]]:
    return protocol, _on_all(protocol, "homing_gain", factor)


def _with(name: str, number: Callable[[float], float]) -> Callable[[Product], Product]:
    def change(product: Product) -> Product:
        if name not in product.delivery:
            return product
        now = product.delivery[name]
        value = Value(number(now.number), now.unit, basis="assumed", because="asked for by the search for a target")
        return replace(product, delivery={**product.delivery, name: value})

    return change


def _past_the_lung(protocol: Protocol, factor: float) -> tuple[Protocol, Mapping[str, float]]:
    """The share held by the lung divided by the factor."""
    return _changed(protocol, _with("f_lung_trapped", lambda x: x / factor)), {}


def _retained(protocol: Protocol, factor: float) -> tuple[Protocol, Mapping[str, float]]:
    """The share lost from the site divided by the factor."""
    return _changed(protocol, _with("f_local_retained", lambda x: 1 - (1 - x) / factor)), {}


def find(case: Case, protocol: Protocol, lever: Lever, scenario: str, wanted: float) -> Target:
    """The factor at which an arm's gain over the control reaches `wanted`, by bisection on its logarithm.

    The first patients are asked, without the error of readings, so that the gain moves with the factor alone.
    """
    cohort = _asked(case)
    memory: dict[float, float] = {}
    control = case.simulate(case.control, scenario, times=case.weeks()[[0, -1]], cohort=cohort)
    base = case.primary(control, noise=False)

    def gain(log_factor: float) -> float:
        if log_factor not in memory:
            changed, factors = lever.vary(protocol, math.exp(log_factor))
            run = case.simulator.run(
                cohort, changed, case.scenario(scenario), case.weeks()[[0, -1]], changes=dict(factors)
            )
            memory[log_factor] = float(np.nanmean(case.primary(run, noise=False) - base))
        return memory[log_factor]

    low, high = 0.0, math.log(LARGEST)
    now, most = gain(low), gain(high)
    if now >= wanted:
        return Target(lever.key, scenario, 1.0, now, most)
    if most < wanted:
        return Target(lever.key, scenario, math.nan, now, most)
    for _ in range(STEPS):
        middle = (low + high) / 2
        low, high = (low, middle) if gain(middle) >= wanted else (middle, high)
    return Target(lever.key, scenario, math.exp(high), now, most)


def _asked(case: Case) -> Cohort:
    """The first patients, one cohort for all searches, so that what was simulated for it is found again."""
    key = "patients asked for targets"
    if key not in case.memory:
        case.memory[key] = case.cohort.first(PATIENTS)
    return cast(Cohort, case.memory[key])
