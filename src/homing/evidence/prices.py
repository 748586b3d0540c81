"""Prices: what a product, drug or procedure costs, in the currency and year in which it was read.

A file of catalogue/prices/ has

    name: {en: ..., zh: ...}
    of: one course (four vials)            # what is paid for with the price
    country: GB                            # ISO 3166 code
    year: 2019
    price: {value: 54000 GBP, basis: measured, source: ...}
    note: {en: ..., zh: ...}               # optional

Nothing here converts one currency into another or one year's money into another's.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from dataclasses import dataclass

from homing.evidence.catalogue import Entry, entry, names
from homing.evidence.values import Value
from homing.ground.errors import EvidenceError

CURRENCIES = ("CNY", "EUR", "GBP", "USD")
_FIELDS = ("name", "of", "country", "year", "price")


@dataclass(frozen=True)
class Price:
    """A price with what it buys, where and when. `value` has the currency as its unit."""

    key: str
    name: Mapping[str, str]
    of: Mapping[str, str]
    country: str
    year: int
    value: Value
    note: Mapping[str, str]


def price(key: str) -> Value:
    """The amount of a price of the catalogue, with its currency as the unit.

    Raises: StudyError for an unknown key, EvidenceError for a faulty entry.

    Example:
        >>> price("darvadstrocel-course").unit
        'GBP'
    """
    return price_entry(key).value


@functools.lru_cache(maxsize=256)
def price_entry(key: str) -> Price:
    """A price of the catalogue with what it buys, where and when. Raises as `price`."""
    return read_price(entry("prices", key))


def prices() -> tuple[Price, ...]:
    """Every price of the catalogue, by key."""
    return tuple(price_entry(key) for key in names("prices"))


def read_price(e: Entry) -> Price:
    """A price from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    e.fields(*_FIELDS, "note", required=_FIELDS)
    value = e.value("price")
    if value.unit not in CURRENCIES:
        raise EvidenceError(
            f"'{value.unit}' is no currency known here. Write one of {', '.join(CURRENCIES)}.", e.part("price").where
        )
    year, country = e.text("year"), e.text("country")
    if not (year.isdigit() and 1990 <= int(year) <= 2100):
        raise EvidenceError(f"'{year}' is not a year.", e.part("year").where)
    if not (len(country) == 2 and country.isupper()):
        raise EvidenceError(f"'{country}' is no two-letter country code, such as GB or CN.", e.part("country").where)
    return Price(
        key=e.key,
        name=e.both_languages("name"),
        of=e.both_languages("of"),
        country=country,
        year=int(year),
        value=value,
        note=e.both_languages("note") if "note" in e.data else {},
    )
