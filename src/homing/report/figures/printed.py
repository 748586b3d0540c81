"""Values printed beside dots and bars: short, with their interval where there is one."""

from __future__ import annotations

import math
from collections.abc import Sequence

from homing.report.numbers import fixed, percent_decimals
from homing.report.words import Words


def printed(values: Sequence[float], words: Words, *, percent: bool, interval: bool = True) -> str:
    """'49.2 % (45.9 to 52.5)', '120 million', '1.42'; a dash for a missing value."""
    value, low, high = (float(x) for x in values)
    if not math.isfinite(value):
        return words.number(value)
    decimals = percent_decimals(value) if value else 1
    shown = words.percent(value, decimals) if percent else plain(value, words)
    if not interval or (math.isnan(low) and math.isnan(high)):
        return shown
    ends = [fixed(100 * x, decimals) if percent and math.isfinite(x) else plain(x, words) for x in (low, high)]
    return words.key("number.interval", value=shown, low=ends[0], high=ends[1])


def plain(x: float, words: Words) -> str:
    """A number to three digits: by name where the language has one (million, 万)."""
    return words.count(x) if math.isfinite(x) and abs(x) >= 1e4 else words.number(x)
