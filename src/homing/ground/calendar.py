"""Time as clinicians write it ('week 24', 'day 3', '5 years') and as Homing keeps it: days from the start."""

from __future__ import annotations

import re

from homing.ground.errors import HomingError
from homing.ground.units import read_quantity

DAYS_PER_WEEK = 7.0
DAYS_PER_YEAR = 365.25
_POINT = re.compile(r"^\s*(day|week|month|year)\s+([+-]?\d+(?:\.\d+)?)\s*$", re.IGNORECASE)
_DAYS = {"day": 1.0, "week": DAYS_PER_WEEK, "month": DAYS_PER_YEAR / 12.0, "year": DAYS_PER_YEAR}


def read_time(text: str) -> float:
    """Days from the start, from 'week 24', 'day 3', 'year 5' or from '24 weeks', '3 d'.

    Raises: HomingError when it is neither, or a bare number.

    Example:
        >>> read_time("week 24")
        168.0
    """
    found = _POINT.match(text)
    if found:
        return _DAYS[found.group(1).lower()] * float(found.group(2))
    try:
        return read_quantity(text, "d")
    except HomingError:
        raise HomingError(f"'{text}' is not a time. Write 'week 24', 'day 3' or '5 years'.") from None


def week_label(day: float) -> str:
    """'24' for day 168, '0.5' for day 3.5: the number of weeks without needless digits."""
    return f"{day / DAYS_PER_WEEK:.4g}"
