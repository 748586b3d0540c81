"""Value: a number that knows its unit, its plausible range, how it is known and from where.

In the catalogue a value is written

    k_death_fistula:
      value: 0.12 1/d
      range: 0.05 to 0.2 1/d       # plausible prior, central 90 %
      basis: estimated             # measured | estimated (here, from named data) | assumed
      source: rat-fistula-bli      # a key of catalogue/sources/
      at: abstract                 # table 2 | figure 3 | p. 7
      how: counts fell 0.113/d to day 14, then 0.052/d
      because: ...                 # required when basis is assumed
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal

from homing.ground.errors import EvidenceError, HomingError
from homing.ground.nearest import did_you_mean
from homing.ground.text_yaml import Path_, TextTree
from homing.ground.units import factor, read_quantity, split_quantity

Basis = Literal["measured", "estimated", "assumed"]
BASES: tuple[Basis, ...] = ("measured", "estimated", "assumed")


@dataclass(frozen=True)
class Source:
    """A publication, registry entry, regulatory document, certificate or computation.

    `ids` maps 'doi', 'pmid', 'pmcid', 'nct', 'eudract', 'chictr', 'isrctn' or 'url' to the identifier. `read` says
    what was read of it: 'full text', 'abstract', 'registry entry', 'table', 'secondary' (a source that quotes it).
    `corrected` and `retracted` say when and how a source was, where it was.
    """

    key: str
    title: str
    year: int | None = None
    ids: Mapping[str, str] = None  # type: ignore[assignment]
    read: str = ""
    note: str = ""
    corrected: str = ""
    retracted: str = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "ids", dict(self.ids or {}))

    @property
    def citation(self) -> str:
        """One line: title, year and the best identifier."""
        year = f" ({self.year})" if self.year else ""
        best = next((f"{k.upper()} {self.ids[k]}" for k in ("pmid", "pmcid", "doi", "nct") if k in self.ids), "")
        return f"{self.title}{year}{'. ' + best if best else ''}"


@dataclass(frozen=True)
class Value:
    """A number with unit, plausible range, basis and source.

    `low` and `high` bound the central 90 % of what is plausible, in `unit`; None where no range is stated.
    """

    number: float
    unit: str
    low: float | None = None
    high: float | None = None
    basis: Basis = "assumed"
    source: str = ""
    at: str = ""
    how: str = ""
    because: str = ""

    def to(self, unit: str) -> Value:
        """The same value in another unit. Raises HomingError when the dimensions differ."""
        f = factor(self.unit, unit)
        scaled = [None if x is None else x * f for x in (self.low, self.high)]
        return replace(self, number=self.number * f, unit=unit, low=scaled[0], high=scaled[1])


_FIELDS = ("value", "range", "basis", "source", "at", "how", "because")


def read_value(tree: TextTree, path: Path_, unit: str, known_sources: Mapping[str, Source] | None = None) -> Value:
    """The Value at a key path of a catalogue file, converted to `unit`.

    Raises: EvidenceError naming file, line and key for an unknown field, a missing source or reason, a wrong unit,
    a range that doesn't hold the value.
    """
    where = tree.where(path)
    entry: Any = tree.tree
    for part in path:
        entry = entry[part]
    if not isinstance(entry, dict):
        raise EvidenceError("a value is a mapping with value, basis and source.", where)
    for name in entry:
        if name not in _FIELDS:
            raise EvidenceError(f"unknown field '{name}'. {did_you_mean(name, _FIELDS)}", tree.where((*path, name)))
    text = {k: str(entry.get(k) or "") for k in _FIELDS}
    if text["basis"] not in BASES:
        raise EvidenceError(f"basis '{text['basis']}' is none of {', '.join(BASES)}.", where)
    if text["basis"] == "assumed" and not text["because"]:
        raise EvidenceError("an assumed value must say why, in `because`.", where)
    if text["basis"] != "assumed" and not text["source"]:
        raise EvidenceError(f"a value that is {text['basis']} needs a `source`.", where)
    if text["source"] and known_sources is not None and text["source"] not in known_sources:
        raise EvidenceError(f"unknown source '{text['source']}'. {did_you_mean(text['source'], known_sources)}", where)
    try:
        number = read_quantity(text["value"], unit)
        low, high = _read_range(text["range"], unit) if text["range"] else (None, None)
    except HomingError as e:
        raise EvidenceError(e.message, where) from None
    if low is not None and high is not None and not low <= number <= high:
        raise EvidenceError(f"the range {text['range']} does not hold the value {text['value']}.", where)
    basis: Basis = text["basis"]
    return Value(number, unit, low, high, basis, text["source"], text["at"], text["how"], text["because"])


def _read_range(text: str, unit: str) -> tuple[float, float]:
    """'0.05 to 0.2 1/d' as two numbers of `unit`; the unit stands once, after the second number."""
    left, to, right = text.partition(" to ")
    if not to:
        raise HomingError(f"'{text}' is not a range. Write '0.05 to 0.2 1/d'.")
    _, right_unit = split_quantity(right)
    _, left_unit = split_quantity(left)
    low = read_quantity(left if left_unit else f"{left} {right_unit}", unit)
    return low, read_quantity(right, unit)
