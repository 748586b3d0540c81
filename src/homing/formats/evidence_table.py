"""Evidence as plain tables: a CSV file of results that becomes trials, and a template for it.

One row is one result of one arm (or, without an endpoint, one arm alone). What is the same for a study or an arm may
stand in its first row only. See `evidence_columns` for the columns.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homing.evidence.catalogue import names
from homing.evidence.check import REGISTRIES
from homing.evidence.sources import IDS, READ, load_sources
from homing.evidence.trial_entries import ANALYSES, BLINDING, DISEASES, ROLES, STATUS, terms
from homing.formats.entry_files import ImportedTrial, write_entries
from homing.formats.evidence_columns import COLUMNS, COUNTS, EXAMPLE, NUMBERS, rows_of, write_template
from homing.formats.evidence_export import export_store, store_json, store_tables
from homing.ground.errors import EvidenceError, HomingError
from homing.ground.nearest import did_you_mean
from homing.ground.units import read_quantity

__all__ = [
    "COLUMNS",
    "export_store",
    "read_evidence_table",
    "store_json",
    "store_tables",
    "write_entries",
    "write_template",
]

_CHOICES = {
    **{"role": ROLES, "analysis": ANALYSES, "disease": DISEASES, "status": STATUS, "blinding": BLINDING[:3]},
    **{
        "randomised": ("yes", "no"),
        "blinded": ("yes", "no"),
        "kind": ("outcome", "adverse-event"),
        "source_read": READ,
    },
}
_ARM = (
    "label",
    "label_zh",
    "role",
    "treatment",
    "n",
    "product",
    "dose",
    "route",
    "note",
    "treated",
    "analysed",
    "part_of",
)
_STUDY = (
    *("name", "year", "ids", "disease", "phenotype", "phenotype_zh", "design", "design_zh", "randomised", "blinded"),
    *("blinding", "status"),
)
_RESULTS = ("events", "mean", "median", "share")
_DESIGN = {"en": "not described in the table", "zh": "表格未说明"}


def read_evidence_table(file: Path | str) -> tuple[ImportedTrial, ...]:
    """Read a table of results into trials, in the order of their first rows.

    Columns: `evidence_columns.COLUMNS` and `MORE`, in any order and case; study and arm are needed. Counts
    are patients, weeks are weeks, means in the endpoint's unit; a share is 0.45 or 45 %. Decimal commas are taken where
    the delimiter isn't the comma. Rows of the study EXAMPLE (the template's) are passed over.

    What isn't given: role 'other', disease 'other', not randomised, not blinded, analysis 'itt'; label the arm's name;
    the Chinese texts those in English; the arm's n the largest n_outcome, which a note says. A source that no one
    knows becomes an entry of its own, read as 'table' unless source_read says more.

    Raises: EvidenceError with file, line and column, and what would be right.
    """
    path = Path(file)
    table = _Table(str(path), {}, {})
    rows = list(rows_of(path))
    for line, row in rows:
        if row["study"] != EXAMPLE:
            table.add(line, row)
    if not table.studies:
        more = f" besides the rows of {EXAMPLE}. Give your studies their own names." if rows else "."
        raise EvidenceError(f"there is no row of results{more}", str(path))
    return tuple(_Trial.finish(study, str(path)) for study in table.studies.values())


@dataclass
class _Trial:
    """A study under way."""

    key: str
    facts: dict[str, str] = field(default_factory=dict)
    arms: dict[str, dict[str, str]] = field(default_factory=dict)
    outcomes: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, str]] = field(default_factory=list)
    sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def finish(self, file: str) -> ImportedTrial:
        """The trial as text, once all rows are in it."""
        f, arms = self.facts, {}
        for key, arm in self.arms.items():
            of = [int(r["n"]) for r in (*self.outcomes, *self.events) if r["arm"] == key and "n" in r]
            if "n" not in arm:
                if not of:
                    raise EvidenceError(f"arm '{key}' of {self.key} has no n. Give it in one of its rows.", file)
                arm = {**arm, "n": str(max(of))}
                self.notes.append(f"{self.key}: arm '{key}' has no n; the largest n_outcome, {arm['n']}, is taken.")
            label = arm.get("label", key)
            whole: dict[str, Any] = {"label": {"en": label, "zh": arm.get("label_zh", label)}}
            whole["role"] = arm.get("role", "other")
            arms[key] = whole | {k: v for k, v in arm.items() if k not in ("label", "label_zh", "role", "part_of")}
            if "part_of" in arm:
                arms[key]["part of"] = [part.strip() for part in arm["part_of"].split(";")]
        phenotype = f.get("phenotype", "not described in the table")
        trial: dict[str, Any] = {"name": f.get("name", self.key), "ids": _ids_of(f.get("ids", ""), file)}
        trial |= {"year": f["year"]} if "year" in f else {}
        english = f.get("design", _DESIGN["en"])
        trial["design"] = {"en": english, "zh": f.get("design_zh", english if "design" in f else _DESIGN["zh"])}
        trial |= {"randomised": f.get("randomised", "no"), "blinded": f.get("blinded", "no")}
        trial |= {k: f[k] for k in ("blinding", "status") if k in f}
        chinese = f.get("phenotype_zh", phenotype if "phenotype" in f else _DESIGN["zh"])
        trial |= {"disease": f.get("disease", "other"), "phenotype": {"en": phenotype, "zh": chinese}, "arms": arms}
        trial |= {k: v for k, v in (("outcomes", self.outcomes), ("adverse events", self.events)) if v}
        if not self.outcomes and not self.events:
            trial["notes"] = [{"en": "No results in the table.", "zh": "表格中无结果。"}]
        return ImportedTrial(self.key, trial, self.sources, notes=tuple(self.notes))


@dataclass
class _Table:
    file: str
    studies: dict[str, _Trial]
    lines: dict[tuple[str, ...], int]

    def add(self, line: int, row: Mapping[str, str]) -> None:
        """Take in one row."""
        study, arm = self._needed(line, row, "study"), self._needed(line, row, "arm")
        if not re.fullmatch(r"\w[\w.+-]*", study):
            raise self._error(line, "study", f"'{study}' can't name a file. Use letters, digits and hyphens.")
        trial = self.studies.setdefault(study, _Trial(study))
        for column, known in _CHOICES.items():
            if row.get(column):
                self._known(line, row, column, known)
        if row.get("treatment"):
            self._known(line, row, "treatment", terms("treatments"))
        if row.get("product"):
            self._known(line, row, "product", names("products"))
        if row.get("ids"):
            _ids_of(row["ids"], f"{self.file}:{line}: ids")
        numbers = self._numbers(line, row)
        self._once(line, trial.facts, row, _STUDY, (study,), numbers)
        self._once(line, trial.arms.setdefault(arm, {}), row, _ARM, (study, arm), numbers)
        if row.get("endpoint"):
            self._result(line, trial, arm, row, numbers)
        elif given := next((c for c in _RESULTS if row.get(c)), ""):
            raise self._error(
                line, "endpoint", f"`{given}` is of no endpoint. Name it: {', '.join(list(terms('outcomes'))[:6])}, ..."
            )

    def _once(
        self,
        line: int,
        found: dict[str, str],
        row: Mapping[str, str],
        columns: tuple[str, ...],
        of: tuple[str, ...],
        numbers: Mapping[str, str],
    ) -> None:
        """Facts of a study or an arm: once, or the same in every row."""
        for column in columns:
            value = numbers.get(column) or row.get(column) or ""
            if not value:
                continue
            if found.get(column, value) != value:
                before = self.lines[(*of, column)]
                raise self._error(
                    line, column, f"'{value}', and '{found[column]}' in line {before} for {' '.join(of)}."
                )
            found[column] = value
            self.lines.setdefault((*of, column), line)

    def _result(self, line: int, trial: _Trial, arm: str, row: Mapping[str, str], numbers: Mapping[str, str]) -> None:
        word = row["endpoint"]
        kind = row.get("kind") or ("outcome" if word in terms("outcomes") else "adverse-event")
        known = terms("outcomes" if row.get("kind") == "outcome" else "adverse-events")
        known = known if row.get("kind") else {**terms("outcomes"), **terms("adverse-events")}
        if word not in known:
            raise self._error(line, "endpoint", f"unknown '{word}'. {did_you_mean(word, known)}")
        given = [c for c in _RESULTS if c in numbers]
        if not given:
            raise self._error(line, "events", f"the row has no result. Give one of {', '.join(_RESULTS)}.")
        if "events" in numbers:
            n = numbers.get("n_outcome")
            if n is None:
                raise self._error(line, "n_outcome", "events need the number of patients that they are of.")
            if int(numbers["events"]) > int(n):
                raise self._error(line, "events", f"{numbers['events']} events of {n} patients.")
        if "share" in numbers and not 0 <= float(numbers["share"]) <= 1:
            raise self._error(line, "share", f"'{row['share']}' is not between 0 and 1. Write 0.45 or 45 %.")
        result = {"arm": arm, ("endpoint" if kind == "outcome" else "event"): word}
        result |= {"week": numbers["week"]} if "week" in numbers else {}
        result |= {"n": numbers["n_outcome"]} if "n_outcome" in numbers else {}
        text = {c: row[c] for c in ("printed", "at", "derived") if row.get(c)} | {
            "source": self._source(line, trial, row)
        }
        if not text.keys() & {"printed", "derived"}:
            text["derived"] = "as entered in the table"
        if kind == "outcome":
            result |= {c: numbers[c] for c in (*_RESULTS, "sd", "se", "low", "high") if c in numbers}
            more = ("analysis", "differs", "contradicts", "effect")
            trial.outcomes.append(result | text | {c: row[c] for c in more if row.get(c)})
            return
        if "events" not in numbers:
            raise self._error(line, "events", "an adverse event needs events and n_outcome.")
        trial.events.append(result | {"events": numbers["events"]} | text)

    def _source(self, line: int, trial: _Trial, row: Mapping[str, str]) -> str:
        key, written = row.get("source") or "", row.get("source_id") or ""
        if not key and not written:
            raise self._error(line, "source", "a result needs its source: a key of the catalogue, or a source_id.")
        key = key or re.sub(r"[^a-z0-9]+", "-", written.lower()).strip("-")
        if key in load_sources():
            return key
        if not written and key not in trial.sources:
            near = did_you_mean(key, load_sources(), most=4)
            raise self._error(line, "source", f"unknown source '{key}'. {near} A new one needs a source_id.")
        if written:
            ids = _ids_of(written, f"{self.file}:{line}: source_id")
            earlier = trial.sources.setdefault(key, {"title": row.get("source_title") or key, "ids": ids})
            if earlier["ids"] != ids:
                raise self._error(line, "source_id", f"the source '{key}' has another identifier in an earlier row.")
            earlier.setdefault("read", row.get("source_read") or "table")
            earlier.setdefault("note", f"Entered by the user in {Path(self.file).name}.")
            if row.get("source_year"):
                earlier.setdefault("year", row["source_year"])
        return key

    def _numbers(self, line: int, row: Mapping[str, str]) -> dict[str, str]:
        """Every number of a row as text that reads back the same."""
        found = {}
        for column in (*NUMBERS, *COUNTS):
            text = row.get(column) or ""
            if not text:
                continue
            try:
                value = read_quantity(text, "1")
            except HomingError:
                raise self._error(
                    line, column, f"'{text}' is not a number. Leave the cell empty where none is printed."
                ) from None
            if not math.isfinite(value):
                raise self._error(line, column, f"'{text}' is not finite.")
            if column in COUNTS and (value < 0 or value != int(value)):
                raise self._error(line, column, f"'{text}' is not a whole number.")
            found[column] = f"{value:.15g}"
        return found

    def _known(self, line: int, row: Mapping[str, str], column: str, known: Iterable[str]) -> None:
        if row[column] not in known:
            raise self._error(line, column, f"'{row[column]}' is not known here. {did_you_mean(row[column], known)}")

    def _needed(self, line: int, row: Mapping[str, str], column: str) -> str:
        if not row.get(column):
            raise self._error(line, column, f"the {column} is missing.")
        return row[column]

    def _error(self, line: int, column: str, message: str) -> EvidenceError:
        return EvidenceError(message, f"{self.file}:{line}: {column}")


def _ids_of(text: str, where: str) -> dict[str, str]:
    """Identifiers in a text: 'nct NCT01541579; pmid 27477896', a bare DOI, PMID, number of a registry or address."""
    found: dict[str, str] = {}
    for part in (p.strip() for p in text.split(";") if p.strip()):
        kind, _, number = part.partition(":") if re.match(r"^[a-z]+\s*:(?!//)", part, re.I) else part.partition(" ")
        kind, number = kind.strip().lower(), number.strip()
        if kind not in IDS or not number:
            number = re.sub(r"^https?://(dx\.)?doi\.org/", "", part)
            kind = next((k for k in ("doi", "nct", "actrn", "chictr", "isrctn", "pmcid", "pmid") if _is(k, number)), "")
            if not kind and re.match(r"https?://\S+$", part):
                kind, number = "url", part
        if not kind or (kind in REGISTRIES and not _is(kind, number)):
            raise EvidenceError(
                f"'{part}' is no identifier. Write a DOI, 'pmid 27477896', an NCT number or an address "
                f"(kinds: {', '.join(IDS)}).",
                where,
            )
        found[kind] = number
    return found


def _is(kind: str, number: str) -> bool:
    return bool(re.fullmatch(REGISTRIES[kind], number))
