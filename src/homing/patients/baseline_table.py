"""A baseline table: what a trial says of its patients at the start, as lines that a virtual cohort is weighted to.

A file of catalogue/baselines/ has

    name: {en: ..., zh: ...}
    trial: CHARM                        # its record in the evidence store, if it has one
    population: luminal-cd-moderate-severe
    patients: '854'
    source: charm-fistula-baseline-table
    at: table 1
    lines:
      - {of: age, mean: 37.1 years, sd: 11.9 years}
      - {of: disease_duration, lower: 3 years, median: 7.6 years, upper: 12 years}   # quartiles
      - {of: smoker, share: 35.5 %}
      - {of: crp, at_least: 10 mg/L, share: 47.7 %}

A table of the user's is the same with `lines` alone, or a CSV file whose columns are the fields of a line.
"""

from __future__ import annotations

import csv
import functools
import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homing.evidence.catalogue import Entry, entry, names
from homing.ground.errors import EvidenceError, HomingError, StudyError
from homing.ground.nearest import did_you_mean
from homing.ground.text_yaml import read_yaml
from homing.ground.units import read_quantity
from homing.patients.covariates import MARKERS, OWN_UNITS, UNITS

Kind = Literal["mean", "sd", "quantile", "share"]
_QUARTILES = {"lower": 0.25, "median": 0.5, "upper": 0.75}
_BOUNDS = ("at_least", "at_most")
FIELDS = ("of", "mean", "sd", *_QUARTILES, "share", *_BOUNDS)


@dataclass(frozen=True)
class Line:
    """One number that a table asks for.

    `kind`: the mean; the standard deviation about the mean `about`; the value below which the share `level` lies
    (quantile); or the share (of 1) of those with the covariate or, where `at_least` or `at_most` is given, with a
    value on that side of it.
    """

    of: str
    kind: Kind
    asked: float
    unit: str = "1"
    about: float = 0.0
    level: float = 0.5
    at_least: float | None = None
    at_most: float | None = None

    @property
    def label(self) -> str:
        """What it is, in words: 'age, sd', 'crp at least 10 mg/L, share'."""
        unit = "" if self.unit == "1" else f" {self.unit}"
        side = "" if self.at_least is None else f" at least {self.at_least:g}{unit}"
        side += "" if self.at_most is None else f" at most {self.at_most:g}{unit}"
        what = next((name for name, p in _QUARTILES.items() if p == self.level), f"quantile {self.level:g}")
        return f"{self.of}{side}, {what if self.kind == 'quantile' else self.kind}"

    def moment(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(patient,) what is averaged over patients; its mean is to be `goal`."""
        if self.kind == "mean":
            return values
        if self.kind == "sd":
            return (values - self.about) ** 2
        if self.kind == "quantile":
            return (values <= self.asked).astype(float)
        low = -np.inf if self.at_least is None else self.at_least
        high = np.inf if self.at_most is None else self.at_most
        held = (values > 0) if self.at_least is None and self.at_most is None else (values >= low) & (values <= high)
        return held.astype(float)

    @property
    def goal(self) -> float:
        """What the mean of `moment` is to be."""
        return {"mean": self.asked, "sd": self.asked**2, "quantile": self.level, "share": self.asked}[self.kind]

    def seen(self, values: NDArray[np.float64], weights: NDArray[np.float64]) -> float:
        """The line as it is in a weighted cohort, in the line's unit."""
        if self.kind == "quantile":
            order = np.argsort(values, kind="stable")
            reached = np.cumsum(weights[order]) / weights.sum()
            at = int(np.searchsorted(reached, self.level - 1e-9))
            return float(values[order][min(at, len(values) - 1)])
        if self.kind == "sd":
            mean = np.average(values, weights=weights)
            return float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
        return float(np.average(self.moment(values), weights=weights))

    def in_units(self, moment: float) -> float:
        """A mean of `moment` as a value of the line (of a quantile the share that lies below)."""
        return float(np.sqrt(max(moment, 0.0))) if self.kind == "sd" else moment


@dataclass(frozen=True)
class Table:
    """A baseline table. `written` holds its lines as they were written, to be written again."""

    key: str
    name: Mapping[str, str]
    lines: tuple[Line, ...]
    written: tuple[Mapping[str, str], ...]
    population: str = ""
    trial: str = ""
    patients: int | None = None
    source: str = ""
    at: str = ""
    note: Mapping[str, str] = field(default_factory=dict)

    def without(self, left_out: Iterable[str]) -> Table:
        """The table without the lines of some covariates. Raises StudyError for one that it doesn't have."""
        out = tuple(left_out)
        known = dict.fromkeys(line.of for line in self.lines)
        for name in out:
            if name not in known:
                raise StudyError(f"the table has no '{name}' to leave out. {did_you_mean(name, known)}")
        kept = tuple(line for line in self.lines if line.of not in out)
        if not kept:
            raise StudyError("nothing of the table is left; leave fewer lines out.")
        written = tuple(w for w in self.written if w["of"] not in out)
        return replace(self, lines=kept, written=written)


@functools.lru_cache(maxsize=64)
def baseline_table(key: str) -> Table:
    """A baseline table of the catalogue. Raises StudyError for an unknown key, EvidenceError for a faulty entry."""
    known = names("baselines")
    if key not in known:
        raise StudyError(f"there is no baseline table '{key}'. {did_you_mean(key, known)}")
    return read_table(entry("baselines", key))


def read_table(e: Entry) -> Table:
    """A table from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    required = ("name", "population", "patients", "source", "at", "lines")
    e.fields(*required, "trial", "note", "sources", required=required)
    e.name_of("population", "populations")
    if not e.text("patients").isdigit():
        raise EvidenceError("write how many patients the table describes.", e.part("patients").where)
    e.sources()
    lines: list[Line] = []
    for part in e.parts("lines"):
        try:
            lines += read_line(part.fields(*FIELDS).data)
        except EvidenceError:
            raise
        except HomingError as error:
            raise EvidenceError(error.message, part.where) from None
    return Table(
        e.key,
        e.both_languages("name"),
        tuple(lines),
        tuple(dict(p.data) for p in e.parts("lines")),
        e.text("population"),
        e.text("trial"),
        int(e.text("patients")),
        e.source("source"),
        e.text("at"),
        e.both_languages("note") if "note" in e.data else {},
    )


def table_of_file(file: Path | str) -> Table:
    """A user's own table: YAML with `lines`, or CSV with the fields of a line as columns.

    Raises: StudyError with file and line for one that can't be read or says something that no line says.
    """
    path = Path(file)
    if path.suffix.lower() == ".csv":
        rows = _csv_rows(path)
    else:
        tree = read_yaml(path, kind=StudyError)
        listed = tree.tree.get("lines") if isinstance(tree.tree, dict) else None
        if not isinstance(listed, list):
            raise StudyError("a baseline table holds `lines`, a list such as {of: age, mean: 37 years}.", str(path))
        rows = [(tree.where(("lines", i)), row) for i, row in enumerate(listed)]
    return table_of_rows(path.stem, rows)


def table_of_rows(key: str, rows: Iterable[tuple[str, object]]) -> Table:
    """A table from rows of text, each with its place. Raises StudyError naming the place of a faulty row."""
    lines: list[Line] = []
    written = []
    for where, row in rows:
        if not isinstance(row, Mapping):
            raise StudyError("a line is a mapping such as {of: age, mean: 37 years}.", where)
        try:
            lines += read_line(row)
        except HomingError as error:
            raise StudyError(error.message, where) from None
        written.append({str(k): str(v) for k, v in row.items()})
    if not lines:
        raise StudyError("the table has no lines.", key)
    return Table(key, {"en": key, "zh": key}, tuple(lines), tuple(written))


def _csv_rows(path: Path) -> list[tuple[str, object]]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            read = list(enumerate(csv.DictReader(stream), start=2))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise StudyError(f"can't be read as CSV ({getattr(error, 'strerror', None) or error}).", str(path)) from None
    rows: list[tuple[str, object]] = []
    for i, row in read:
        where = f"{path}:{i}"
        unnamed = [*row.get(None, []), *(v for k, v in row.items() if k is not None and not k.strip() and v)]
        if any(cell.strip() for cell in unnamed):
            raise StudyError(
                f"'{next(c for c in unnamed if c.strip())}' stands under no column. Name its column in the first line, "
                f"or put text with a comma in it into quotation marks.",
                where,
            )
        rows.append((where, {k.strip(): v.strip() for k, v in row.items() if k and isinstance(v, str) and v.strip()}))
    return rows


def unit_of(name: str) -> str:
    """The unit of a covariate or marker. Raises HomingError for an unknown one, with the nearest."""
    known = {**OWN_UNITS, **UNITS}
    if name in known:
        return known[name]
    if name in MARKERS:
        return entry("endpoints", name).text("unit")
    raise HomingError(f"unknown covariate '{name}'. {did_you_mean(name, (*known, *MARKERS))}")


def read_line(row: Mapping[str, str]) -> list[Line]:
    """The numbers that one written line asks for. Raises HomingError for one that can't be understood."""
    for name in row:
        if name not in FIELDS:
            raise HomingError(f"unknown field '{name}'. {did_you_mean(name, FIELDS)}")
    if "of" not in row:
        raise HomingError("a line says what it is `of`, such as {of: age, mean: 37 years}.")
    of = str(row["of"])
    unit = unit_of(of)
    number = {
        name: read_quantity(str(row[name]), unit) for name in ("mean", "sd", *_QUARTILES, *_BOUNDS) if name in row
    }
    bounds = {name: number.pop(name) for name in _BOUNDS if name in number}
    if ("share" in row) == bool(number) or (bounds and "share" not in row):
        raise HomingError(
            "a line has a mean (and sd), quartiles (lower, median, upper), or a share with or without a bound."
        )
    if "share" in row:
        share = read_quantity(str(row["share"]), "1")
        if not 0 <= share <= 1:
            raise HomingError(f"'{row['share']}' is no share; write it in per cent, such as 35.5 %.")
        return [Line(of, "share", share, unit, at_least=bounds.get("at_least"), at_most=bounds.get("at_most"))]
    if "sd" in number and ("mean" not in number or number["sd"] <= 0):
        raise HomingError("a standard deviation is above zero and stands beside its mean.")
    ordered = [number[name] for name in _QUARTILES if name in number]
    if any(a >= b for a, b in itertools.pairwise(ordered)):
        raise HomingError("quartiles rise from lower to median to upper.")
    lines = [Line(of, "mean", number["mean"], unit)] if "mean" in number else []
    if "sd" in number:
        lines.append(Line(of, "sd", number["sd"], unit, about=number["mean"]))
    lines += [Line(of, "quantile", number[n], unit, level=p) for n, p in _QUARTILES.items() if n in number]
    return lines
