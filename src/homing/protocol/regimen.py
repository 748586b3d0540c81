"""The usual regimen of a product or drug, as its label or trials have it, as courses that can be given.

The catalogue writes doses as '120e6 cells', '1e6 cells/kg' or '5 mg/kg', and times as 'week 0, week 2, week 6, then
every 8 weeks' or 'day 0, then every day until week 8'.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Literal

from homing.ground.calendar import read_time
from homing.ground.errors import HomingError
from homing.ground.units import factor, read_quantity, split_quantity
from homing.protocol import catalogue
from homing.protocol.course import Course, Dose
from homing.protocol.product import Drug, Product

_EVERY, _UNTIL = "then every ", " until "
_UNITS: Mapping[Literal["cell", "mg", "fraction"], str] = {"cell": "cell", "mg": "mg", "fraction": "1"}


def usual_courses(give: Product | Drug, until: float, disease: str = "crohn") -> tuple[Course, ...]:
    """The courses of the usual regimen from week 0 to a day (inclusive); none where the catalogue states no regimen.

    Arguments: `disease` 'crohn' or 'ulcerative-colitis', where a drug's doses differ between the two.

    Example:
        >>> [course.times for course in usual_courses(catalogue.drug("infliximab"), until=100)]
        [(0.0, 14.0, 42.0, 98.0)]
    """
    parts = give.usual_in(disease) if isinstance(give, Drug) else ((give.usual,) if give.usual else ())
    courses = []
    for part in parts:
        times = read_times(part["at"], until)
        carrier = catalogue.carrier(part["carrier"]) if "carrier" in part else None
        if times:
            courses.append(
                Course(give, give.key, catalogue.route(part["route"]), read_dose(part["dose"]), times, carrier)
            )
    return tuple(courses)


def read_dose(text: str) -> Dose:
    """A dose from text such as '5 mg/kg'. Raises HomingError where it is none.

    Example:
        >>> read_dose("1e6 cells/kg")
        Dose(number=1000000.0, of='cell', per_kg=True, cap=None)
    """
    number, unit = split_quantity(text)
    amount, slash, per = unit.partition("/")
    if not slash or per.strip() == "kg":
        for of, canonical in _UNITS.items():
            try:
                return Dose(number * factor(amount.strip() or "1", canonical), of, bool(slash))
            except HomingError:
                continue
    raise HomingError(f"'{text}' is no dose. Write '120e6 cells', '1e6 cells/kg', '300 mg', '5 mg/kg' or '2 %'.")


def read_times(text: str, until: float) -> tuple[float, ...]:
    """Days up to and including `until` from 'week 0, week 2, week 6, then every 8 weeks'.

    Raises: HomingError for a text that is no list of times, or times that do not rise.

    Example:
        >>> read_times("week 0, week 2, then every 4 weeks", until=80)
        (0.0, 14.0, 42.0, 70.0)
        >>> read_times("day 0, then every day until day 3", until=80)
        (0.0, 1.0, 2.0, 3.0)
    """
    parts = [part.strip() for part in text.split(",")]
    step, last = _repeat(parts.pop()) if parts[-1].startswith(_EVERY) else (None, until)
    if not parts:
        raise HomingError(f"'{text}' says how often and not from when. Write 'week 0, then every 8 weeks'.")
    times = [read_time(part) for part in parts]
    if any(later <= earlier for earlier, later in itertools.pairwise(times)):
        raise HomingError(f"the times '{text}' do not rise.")
    first, n = times[-1], 1
    while step is not None and first + n * step <= min(last, until):
        times.append(first + n * step)
        n += 1
    return tuple(time for time in times if time <= until)


def _repeat(text: str) -> tuple[float, float]:
    """Interval and last day of 'then every 8 weeks' or 'then every day until week 8'."""
    every, _, until = text.removeprefix(_EVERY).partition(_UNTIL)
    step = read_quantity(every if every[:1].isdigit() else f"1 {every}", "d")
    if step <= 0:
        raise HomingError(f"'{text}' repeats without an interval.")
    return step, read_time(until) if until else math.inf
