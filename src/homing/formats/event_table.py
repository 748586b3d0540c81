"""NONMEM-style event tables (CSV): ID, TIME, AMT, RATE, EVID, CMT, ADDL, II, SS, MDV, covariates."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from homing.engine.tables import FACTORS, TableRun
from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean
from homing.mechanism.model import Model
from homing.protocol.dosing import LedgerEntry
from homing.protocol.records import OBSERVATION, OTHER, RESET, RESET_AND_DOSE, Record

STANDARD = ("ID", "TIME", "AMT", "RATE", "EVID", "CMT", "ADDL", "II", "SS", "MDV")
#: Names that other tools give to a standard column.
ALIASES = {"DOSE": "AMT", "LAG": "ALAG1"}
#: Columns of NONMEM that change what a row means and that Homing does not read.
REFUSED = {
    "DATE": "Give TIME as one number.",
    "DAT1": "Give TIME as one number.",
    "DAT2": "Give TIME as one number.",
    "DAT3": "Give TIME as one number.",
    "L2": "",
    "CALL": "",
    "PCMT": "",
}
BLANKS = {"", ".", "na", "nan", "null", "none"}
#: Rows of measured values, which a simulation does not need.
KNOWN_UNUSED = {"DV", "LDV", "BLQ", "CENS", "LIMIT", "LLOQ", "C"}


@dataclass(frozen=True)
class EventTable:
    """A table as read. `records` are together by patient and in order of time; `lines` are their lines in the file, in
    whose order results are written; `notes` say what was made of the file."""

    records: tuple[Record, ...]
    lines: tuple[int, ...]
    notes: tuple[str, ...]


def read_event_table(file: Path | str, model: Model) -> EventTable:
    """Read an event table for a model.

    Rules: headers in any case, a byte-order mark and blank lines are passed over; `.`, NA and blank are missing, and a
    missing number is 0; without EVID, a row with AMT, RATE, ADDL or SS is a dose. Rows of a patient that are apart or
    not in order of time are brought together and sorted (rows of one time keep their order), with a note. CMT is the
    number or the name of a state; without it doses go into the first. Columns with the name of a parameter are
    covariates; F1, ALAG1, R1, D1 (by number or, as F_depot, by name) belong to a compartment.

    Raises: StudyError with file, line and column, and what would be right.
    """
    path = Path(file)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as e:
        raise StudyError(f"the file can't be read: {e.strerror}.", str(path)) from None
    except UnicodeDecodeError:
        raise StudyError("the file is not text in UTF-8.", str(path)) from None
    return _Reader(text, str(path), model).table()


class _Reader:
    def __init__(self, text: str, name: str, model: Model) -> None:
        self.name, self.model = name, model
        self.notes: list[str] = []
        try:
            rows = [(n, row) for n, row in _numbered(text) if any(cell.strip() for cell in row)]
        except csv.Error as e:
            raise StudyError(f"not a CSV file: {e}.", name) from None
        if not rows:
            raise StudyError("the table is empty. It needs a header line with at least ID and TIME.", name)
        self.header_line, header = rows[0]
        self.rows = rows[1:]
        self.columns = self._named(header)
        self.states = [s for s in model.system.states if s != model.system.clock]
        self.extra = self._extra()

    def table(self) -> EventTable:
        """All records, sorted."""
        if not self.rows:
            raise StudyError("the table has a header and no rows.", self.name)
        records = [self._record(line, row) for line, row in self.rows]
        lines = [line for line, _ in self.rows]
        order = self._order(records)
        return EventTable(tuple(records[i] for i in order), tuple(lines[i] for i in order), tuple(self.notes))

    def _where(self, line: int, column: str = "") -> str:
        return f"{self.name}:{line}: {column}" if column else f"{self.name}:{line}"

    def _named(self, header: Sequence[str]) -> dict[str, int]:
        """Column positions by name; standard names in capitals, others as the model has them."""
        found: dict[str, int] = {}
        parameters = {p.upper(): p for p in self.model.values}
        for i, cell in enumerate(header):
            name = cell.strip().strip('"')
            upper = ALIASES.get(name.upper(), name.upper())
            if upper in REFUSED:
                raise StudyError(
                    f"the column {upper} is outside what Homing reads. {REFUSED[upper]}".strip(),
                    self._where(self.header_line),
                )
            key = upper if upper in STANDARD else name
            if key not in STANDARD and name not in self.model.values:
                key = parameters.get(upper, self._factor_name(name) or name)
            if key in found:
                raise StudyError(f"the column '{name}' stands twice.", self._where(self.header_line))
            if key:
                found[key] = i
        for needed in ("ID", "TIME"):
            if needed not in found:
                raise StudyError(
                    f"the table has no column {needed}. {did_you_mean(needed, [h.strip().upper() for h in header])}",
                    self._where(self.header_line),
                )
        return found

    def _factor_name(self, name: str) -> str:
        """F1, ALAG_depot and the like as they are spelt, whatever the case of the letters in front."""
        for letters in sorted(FACTORS, key=len, reverse=True):
            rest = name[len(letters) :]
            if name.upper().startswith(letters) and (rest.isdigit() or rest.startswith("_")):
                return letters + rest
        return ""

    def _extra(self) -> dict[str, tuple[str, str]]:
        """Columns of factors: name -> (factor, compartment). Says which columns are not used."""
        found: dict[str, tuple[str, str]] = {}
        unused = []
        for name in self.columns:
            if name in STANDARD or name in self.model.values:
                continue
            factor = self._factor(name)
            if factor is None:
                unused += [] if name.upper() in KNOWN_UNUSED else [name]
            else:
                found[name] = factor
        if unused:
            self.notes.append(f"Columns that are no parameters of the model are not used: {', '.join(unused)}.")
        return found

    def _factor(self, name: str) -> tuple[str, str] | None:
        for letters, factor in sorted(FACTORS.items(), key=lambda pair: -len(pair[0])):
            rest = name.removeprefix(letters)
            if name.startswith(letters) and rest.isdigit() and 0 < int(rest) <= len(self.states):
                return factor, self.states[int(rest) - 1]
            if name.startswith(letters) and rest.removeprefix("_") in self.states and rest.startswith("_"):
                return factor, rest.removeprefix("_")
        return None

    # --- cells
    def _cell(self, row: Sequence[str], column: str) -> str:
        at = self.columns.get(column)
        text = row[at].strip() if at is not None and at < len(row) else ""
        return "" if text.lower() in BLANKS else text

    def _number(self, line: int, row: Sequence[str], column: str, missing: float = 0.0) -> float:
        text = self._cell(row, column)
        if not text:
            return missing
        try:
            value = float(text)
        except ValueError:
            hint = " A clock time is not read; give hours or days as one number." if ":" in text else ""
            raise StudyError(f"'{text}' is not a number.{hint}", self._where(line, column)) from None
        if not math.isfinite(value):
            raise StudyError(f"'{text}' is not finite.", self._where(line, column))
        return value

    def _whole(self, line: int, row: Sequence[str], column: str, missing: int = 0) -> int:
        value = self._number(line, row, column, missing)
        if value != int(value):
            raise StudyError(f"{value:g} is not a whole number.", self._where(line, column))
        return int(value)

    def _record(self, line: int, row: Sequence[str]) -> Record:
        if len(row) > len(self.columns) and any(cell.strip() for cell in row[max(self.columns.values()) + 1 :]):
            raise StudyError(f"the line has {len(row)} cells and the header {len(self.columns)}.", self._where(line))
        patient, time = self._cell(row, "ID"), self._cell(row, "TIME")
        for name, cell in (("ID", patient), ("TIME", time)):
            if not cell:
                raise StudyError(f"{name} is missing.", self._where(line, name))
        r = Record(
            patient=patient,
            time=self._number(line, row, "TIME"),
            amount=self._number(line, row, "AMT"),
            rate=self._number(line, row, "RATE"),
            additional=self._whole(line, row, "ADDL"),
            interval=self._number(line, row, "II"),
            steady=self._whole(line, row, "SS"),
            missing=self._whole(line, row, "MDV") != 0,
            covariates={n: self._number(line, row, n) for n in self._given(row, self.model.values)},
            where=self._where(line),
        )
        evid = self._evid(line, row, r)
        compartment = self._compartment(line, row, evid)
        factors = {
            factor: self._number(line, row, n)
            for n, (factor, state) in self.extra.items()
            if state == compartment and self._cell(row, n)
        }
        return replace(r, evid=evid, compartment=compartment, factors=factors)

    def _given(self, row: Sequence[str], names: Iterable[str]) -> list[str]:
        return [n for n in names if n in self.columns and n not in STANDARD and self._cell(row, n)]

    def _evid(self, line: int, row: Sequence[str], r: Record) -> int:
        if not self._cell(row, "EVID"):
            return 1 if r.amount or r.rate or r.additional or r.steady else OBSERVATION
        evid = self._whole(line, row, "EVID")
        if evid > 100:
            raise StudyError(
                f"EVID={evid} is an RxODE classic EVID, which packs route and compartment into one number. "
                f"Use EVID 0 to 4 with CMT and RATE.",
                self._where(line, "EVID"),
            )
        if evid not in range(RESET_AND_DOSE + 1):
            raise StudyError(f"EVID={evid} has no meaning. EVID is 0, 1, 2, 3 or 4.", self._where(line, "EVID"))
        return evid

    def _compartment(self, line: int, row: Sequence[str], evid: int) -> str:
        text = self._cell(row, "CMT")
        if evid in (OBSERVATION, OTHER):
            return ""
        modules = {s.rpartition(".")[0] for s in self.states} - {""}
        if text in self.states or (evid == RESET and text in modules):
            return text
        if evid == RESET and (not text or text.lstrip("+-").isdigit()):
            return ""  # as in NONMEM, a reset is one of the whole system; only a name narrows it
        number = self._whole(line, row, "CMT") if not text or _is_number(text) else -1
        if number == 0:
            number = 1
            note = f"Doses without CMT go into the first compartment, '{self.states[0]}'."
            if note not in self.notes:
                self.notes.append(note)
        if not 0 < number <= len(self.states):
            known = ", ".join(f"{i} {s}" for i, s in enumerate(self.states[:12], start=1))
            hint = did_you_mean(text, self.states) if number == -1 else ""
            raise StudyError(
                f"no compartment '{text}'. {hint} They are: {known}{', ...' if len(self.states) > 12 else ''}.",
                self._where(line, "CMT"),
            )
        return self.states[number - 1]

    # --- order
    def _order(self, records: Sequence[Record]) -> list[int]:
        """Patients in order of appearance, their rows by time; rows of one time in the order of the file."""
        first: dict[str, int] = {}
        blocks = 0
        for i, r in enumerate(records):
            if i == 0 or records[i - 1].patient != r.patient:
                blocks += 1
            first.setdefault(r.patient, i)
            earlier = records[i - 1]
            if i and earlier.patient == r.patient and r.time < earlier.time:
                if r.evid in (RESET, RESET_AND_DOSE):
                    raise StudyError(
                        "the time goes back at a reset. Sorting would put the rows elsewhere: let TIME go on.", r.where
                    )
                note = f"Rows were sorted by time within patients (the first out of order: line {r.where})."
                if not any(n.startswith("Rows were sorted") for n in self.notes):
                    self.notes.append(note)
        if blocks > len(first):
            self.notes.append("Rows of one ID that stood apart were brought together as one patient.")
        return sorted(range(len(records)), key=lambda i: (first[records[i].patient], records[i].time, i))


def _numbered(text: str) -> Iterable[tuple[int, list[str]]]:
    delimiter = ";" if ";" in text.partition("\n")[0] and "," not in text.partition("\n")[0] else ","
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    for row in reader:
        yield reader.line_num, row


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def write_event_table(records: Iterable[Record], covariates: Sequence[str] = ()) -> str:
    """Records as the text of an event table that NONMEM and `read_event_table` take; compartments by name.

    Numbers are written so that they read back the same.
    """
    columns = [*STANDARD, *covariates]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    for r in records:
        cells: Mapping[str, object] = {
            "ID": r.patient,
            "TIME": repr(r.time),
            "AMT": repr(r.amount),
            "RATE": repr(r.rate),
            "EVID": r.evid,
            "CMT": r.compartment or ".",
            "ADDL": r.additional,
            "II": repr(r.interval),
            "SS": r.steady,
            "MDV": int(r.missing or r.evid != OBSERVATION),
        } | {name: repr(r.covariates[name]) if name in r.covariates else "." for name in covariates}
        writer.writerow([cells[c] for c in columns])
    return out.getvalue()


LEDGER_COLUMNS = (
    *("ID", "TIME", "AMT", "RATE", "EVID", "CMT"),
    *("what", "fate", "ordered", "bioavailability", "lag", "duration", "count", "line"),
)


def ledger_table(ledger: Iterable[LedgerEntry]) -> str:
    """The realised doses as the text of a table whose first columns are those of an event table: what arrived (after
    bioavailability), when, at what rate and where. Doses that never arrived have AMT 0 and EVID 2."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(LEDGER_COLUMNS)
    for e in ledger:
        arrived = e.fate in ("given", "under way") or e.delivered > 0
        cells = [e.patient, repr(e.time), repr(e.delivered if arrived else 0.0), repr(e.rate), int(arrived) or OTHER]
        cells += [e.compartment, e.what, e.fate, repr(e.amount), repr(e.bioavailability), repr(e.lag)]
        writer.writerow([*cells, repr(e.duration), e.count, e.where])
    return out.getvalue()


def results_table(table: EventTable, run: TableRun) -> str:
    """Every record with the outputs right after it, in the order of the file."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["ID", "TIME", "EVID", "MDV", *run.outputs])
    for i in sorted(range(len(table.records)), key=lambda i: table.lines[i]):
        r = table.records[i]
        cells = [r.patient, repr(r.time), r.evid, int(r.missing or r.evid != OBSERVATION)]
        writer.writerow([*cells, *("" if v != v else repr(v) for v in run.values[i].tolist())])
    return out.getvalue()
