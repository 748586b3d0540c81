"""Numbers as a study file writes them. What is written here reads back as the very same number."""

from __future__ import annotations

from decimal import Decimal

from homing.evidence.values import Value
from homing.ground.calendar import DAYS_PER_WEEK, DAYS_PER_YEAR
from homing.study.scalars import Amount

_UNITS = {"cell": "cells", "mg": "mg", "mL": "mL", "fraction": "%"}


def plain(number: float) -> str:
    """The shortest decimal text of a number, without an exponent.

    Example:
        >>> plain(168.0), plain(0.5)
        ('168', '0.5')
    """
    text = format(Decimal(repr(float(number))), "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def count_text(number: float) -> str:
    """A count of cells, in millions where it is large.

    Example:
        >>> count_text(120e6), count_text(5000.0)
        ('120e6', '5000')
    """
    millions = plain(float(f"{number / 1e6:.15g}"))
    return f"{millions}e6" if number >= 1e5 and float(f"{millions}e6") == number else plain(number)


def day_text(day: float) -> str:
    """A time as 'week 24'; 'year 5' or 'day 3' where it is no whole week.

    Example:
        >>> day_text(168.0), day_text(1826.25), day_text(3.0)
        ('week 24', 'year 5', 'day 3')
    """
    if day % DAYS_PER_WEEK == 0:
        return f"week {plain(day / DAYS_PER_WEEK)}"
    if day % DAYS_PER_YEAR == 0:
        return f"year {plain(day / DAYS_PER_YEAR)}"
    return f"day {plain(day)}"


def share_text(share: float) -> str:
    """A share of 1 as a percentage where that reads back as the same number, else as it is.

    Example:
        >>> share_text(0.88)
        '88 %'
    """
    percent = plain(float(Decimal(repr(share)) * 100))
    return f"{percent} %" if float(f"{float(percent) * 0.01:.15g}") == share else repr(share)


def amount_text(amount: Amount) -> str:
    """A dose with its unit.

    Example:
        >>> amount_text(Amount(2e6, "cell", per_kg=True))
        '2e6 cells/kg'
    """
    if amount.of == "fraction":
        return share_text(amount.number)
    number = count_text(amount.number) if amount.of == "cell" else plain(amount.number)
    return f"{number} {_UNITS[amount.of]}{'/kg' if amount.per_kg else ''}"


def value_text(value: Value) -> dict[str, str]:
    """A Value of the catalogue as a mapping of texts: value, range, basis, source and what it rests on."""
    unit = "" if value.unit == "1" else f" {value.unit}"
    written = {"value": f"{value.number:.6g}{unit}"}
    if value.low is not None and value.high is not None:
        written["range"] = f"{value.low:.6g} to {value.high:.6g}{unit}"
    written["basis"] = value.basis
    written |= {key: getattr(value, key) for key in ("source", "at", "how", "because") if getattr(value, key)}
    return written
