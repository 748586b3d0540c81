"""What a carrier with a measured release curve adds to a patient's events; `release` says how a curve is followed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from homing.protocol.events import Op
from homing.protocol.product import Carrier, Product

if TYPE_CHECKING:
    from homing.protocol.course import Course, Protocol
    from homing.protocol.instances import Instances
    from homing.protocol.timeline import EventRows

#: The parameter that the curve sets, and where the cells of a first burst go.
RELEASE_RATE = "product.k_carrier_release"
CARRIED = "product.carried"
FREED: Mapping[str, tuple[str, ...]] = {CARRIED: ("product.fistula", "product.arrived")}


def add_release(rows: EventRows, protocol: Protocol, found: Instances, target: Callable[[str], int]) -> None:
    """Set the rate of release along the curve after every dose in a carrier that has one.

    Arguments: `target` gives the position of a varying parameter, as events name it.
    """
    for course in protocol.courses:
        carrier = course.carrier
        if carrier is not None and carrier.release is not None:
            for day in course.times:
                for after, rate in carrier.release.rates():
                    rate_of = target(found.full(RELEASE_RATE, course.give))
                    rows.add(day + after, Op.SET_PARAMETER, rate_of, rate)


def at_once_of(state: str, share: float, carrier: Carrier | None) -> list[tuple[str, float]]:
    """Where a share that lands in the carrier is right after the dose: what the curve releases at once is free."""
    burst = carrier.release.burst if carrier is not None and carrier.release is not None else 0.0
    if burst == 0 or state not in FREED:
        return [(state, share)]
    return [(state, share * (1 - burst)), *((freed, share * burst) for freed in FREED[state])]


def overlapping(courses: Iterable[Course]) -> tuple[Course, float] | None:
    """The first course whose dose comes while an earlier carrier still follows its curve, and that day; or None.

    One product has one rate of release at a time, so that two carriers at work at once can't each follow a curve.
    """
    doses = sorted(
        ((day, i, course) for i, course in enumerate(courses) if _holds_cells(course) for day in course.times),
        key=lambda dose: dose[:2],
    )
    busy_until: dict[str, float] = {}
    for day, _, course in doses:
        curve = course.carrier.release if course.carrier is not None else None
        if day < busy_until.get(course.name, -math.inf):
            return course, day
        if curve is not None:
            busy_until[course.name] = day + curve.last
    return None


def _holds_cells(course: Course) -> bool:
    return isinstance(course.give, Product) and course.carrier is not None and bool(course.carrier.deposits)
