"""What the cells of an arm cost: a price of the catalogue, and how many of it a patient gets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from homing.answers.case import Case
from homing.evidence.prices import Price, price_entry
from homing.protocol.course import Protocol
from homing.protocol.product import Product

#: The price that stands for a course of cells whose own is in no catalogue: what hospitals and companies in China name.
USUAL_COURSE = "cell-course-china"


@dataclass(frozen=True)
class Cost:
    """What the cells of one product cost in an arm: a price, how many of it a patient gets on average, whether it is
    the product's own."""

    price: Price
    times: float
    is_own: bool


def cost_of(case: Case, protocol: Protocol, product: Product) -> Cost:
    """The cost of one product of a protocol.

    A price by the dose, and that of a course whose usual regimen is one dose, is paid for every dose; another price of
    a course once by everybody who is given any. Doses that rules give are counted in the study's first patients, from
    the first visit to the last under the central scenario.
    """
    given = _doses(case, protocol, product)
    usual_doses = len(product.usual.get("at", "").split(",")) if product.usual else 1
    by_dose = product.price.endswith("-dose") or (bool(product.price) and usual_doses == 1)
    times = given if by_dose else np.minimum(given, 1.0)
    return Cost(price_entry(product.price or USUAL_COURSE), float(times.mean()), bool(product.price))


def _doses(case: Case, protocol: Protocol, product: Product) -> np.ndarray:
    """(patient,) doses of a product; one entry for all where no rule decides."""
    planned = sum(len(course.times) for course in protocol.courses if course.give == product)
    if not any(rule.course.give == product for rule in protocol.rules):
        return np.array([float(planned)])
    run = case.simulate(protocol, times=case.study.visits)
    return np.asarray(np.sum([dose.nominal > 0 for dose in run.doses if dose.course.give == product], axis=0), float)
