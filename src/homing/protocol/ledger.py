"""The dose ledger: what was really given to whom and when, with the five amounts of each dose.

nominal (as ordered) -> viable (alive on release) -> potent (alive and able) -> delivered (past syringe and line, into
the patient) -> engrafted (arrived alive in the target tissue; known only after the simulation).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.protocol.course import Course
from homing.protocol.product import Drug, Product

STEPS = ("nominal", "viable", "potent", "delivered", "engrafted")


@dataclass(frozen=True)
class GivenDose:
    """One planned dose of one course, for n patients. Amounts (n,) in cells (or mg, or fraction).

    `engrafted` is NaN until the simulation has told; for a drug it stays so.
    """

    course: Course
    time: float
    nominal: NDArray[np.float64]
    viable: NDArray[np.float64]
    potent: NDArray[np.float64]
    delivered: NDArray[np.float64]
    engrafted: NDArray[np.float64]

    def amounts(self) -> dict[str, NDArray[np.float64]]:
        """The five amounts by name."""
        return {step: getattr(self, step) for step in STEPS}


def give(course: Course, time: float, weights: NDArray[np.float64]) -> GivenDose:
    """The amounts of one dose for patients of the given weights (kg).

    A dose in cells/kg is computed from each patient's own weight and never exceeds the course's cap. A lot's measured
    viability and potency stand in for the product's usual ones.
    """
    dose = course.dose
    nominal = dose.number * weights if dose.per_kg else np.full(weights.shape, dose.number)
    if dose.cap is not None:
        nominal = np.minimum(nominal, dose.cap)
    unknown = np.full(weights.shape, np.nan)
    if course.give is None or isinstance(course.give, Drug):
        return GivenDose(course, time, nominal, nominal, nominal, nominal, unknown)
    viability, potency = _release(course, course.give)
    viable = nominal * viability
    potent = viable * potency
    return GivenDose(course, time, nominal, viable, potent, potent * course.give.share("f_line_retained"), unknown)


def _release(course: Course, product: Product) -> tuple[float, float]:
    if course.lot is not None:
        return course.lot.viability, course.lot.potency
    return product.share("viability"), product.share("potency")
