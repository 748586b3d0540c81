"""Patients as a table: a row each, with the features by which `homing match` ranks cells. Faults name their line."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path

from homing.evidence.catalogue import names
from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean
from homing.protocol.outside import outside_drugs

DISEASES = ("crohn", "ulcerative-colitis")
FISTULAS = ("none", "simple", "complex")
ACTIVITIES = ("remission", "mild", "moderate", "severe")
IMMUNITIES = ("normal", "deranged")
COLUMNS = (
    "patient",
    "disease",
    "age",
    "weight",
    "fistula",
    "activity",
    "crp",
    "calprotectin",
    "failed",
    "dsa",
    "immune",
)
REQUIRED = ("patient", "disease", "age", "weight")
MOST_PATIENTS, LARGEST_FILE = 50, 1_000_000
YOUNGEST, OLDEST = 18, 100


@dataclass(frozen=True)
class PatientCase:
    """A real patient's features. CRP in mg/L and calprotectin in ug/g, NaN where not measured; `failed` are medicines.

    `dsa` is whether antibodies against donors are known, `deranged` whether the immune system is judged to be so.
    """

    name: str
    disease: str
    age: float
    weight: float
    fistula: str
    activity: str
    crp: float
    calprotectin: float
    failed: tuple[str, ...]
    dsa: bool
    deranged: bool
    line: int
    remark: str = ""

    @property
    def has_fistula(self) -> bool:
        """Whether there is a tract to close."""
        return self.fistula != "none"


def read_cases(path: Path | str) -> tuple[PatientCase, ...]:
    """Read a table of patients.

    The columns patient, disease, age (years) and weight (kg) are needed; fistula (none, simple, complex), activity,
    crp (mg/L), calprotectin (ug/g), failed (medicines with semicolons between, or none), dsa (yes, no), immune (normal,
    deranged) and remark may be there.
    Raises: StudyError that lists every fault as `file:line: column: what is wrong`.
    """
    file = Path(path)
    try:
        raw = file.read_bytes()[: LARGEST_FILE + 1]
        text = raw.decode("utf-8-sig")
    except OSError as e:
        raise StudyError(f"can't be read ({e.strerror}).", str(file)) from None
    except UnicodeDecodeError:
        raise StudyError("is not UTF-8 text. Save the table as CSV in UTF-8.", str(file)) from None
    if len(raw) > LARGEST_FILE:
        raise StudyError("is larger than a table of patients can be.", str(file))
    return _parse(text, str(file))


def _parse(text: str, file: str) -> tuple[PatientCase, ...]:
    reader = csv.reader(io.StringIO(text), strict=True)
    faults: list[str] = []
    cases: list[PatientCase] = []
    try:
        head = [name.strip().lower() for name in next(reader, [])]
        _check_head(head, file, faults)
        _refuse(faults)
        for row in reader:
            if any(cell.strip() for cell in row):
                where = f"{file}:{reader.line_num}"
                if len(row) != len(head):
                    faults.append(f"{where}: has {len(row)} cells for {len(head)} columns.")
                    continue
                found = _Row(dict(zip(head, (cell.strip() for cell in row), strict=True)), where, faults)
                cases.append(found.case(reader.line_num))
    except csv.Error as e:
        faults.append(f"{file}:{reader.line_num}: is no CSV ({e}).")
    names = [case.name for case in cases]
    for i, case in enumerate(cases):
        if case.name and case.name in names[:i]:
            faults.append(
                f"{file}:{case.line}: patient: '{case.name}' stands twice. Give each patient a name of its own."
            )
    if not cases and not faults:
        faults.append(f"{file}:1: holds no patient. Write one row for each below the names of the columns.")
    if len(cases) > MOST_PATIENTS:
        faults.append(f"{file}:{cases[MOST_PATIENTS].line}: more than {MOST_PATIENTS} patients. Split the table.")
    _refuse(faults)
    return tuple(cases)


def _refuse(faults: list[str]) -> None:
    if faults:
        where, _, message = faults[0].partition(": ")
        raise StudyError("\n".join([message, *faults[1:]]), where)


def _check_head(head: list[str], file: str, faults: list[str]) -> None:
    for name in head:
        if name not in (*COLUMNS, "remark"):
            faults.append(f"{file}:1: unknown column '{name}'. {did_you_mean(name, (*COLUMNS, 'remark'))}")
        elif head.count(name) > 1:
            faults.append(f"{file}:1: the column '{name}' stands twice.")
    for name in REQUIRED:
        if name not in head:
            faults.append(f"{file}:1: the column '{name}' is missing.")


@dataclass
class _Row:
    """One row: each reader notes its fault and goes on with something harmless."""

    cells: dict[str, str]
    where: str
    faults: list[str]

    def case(self, line: int) -> PatientCase:
        disease = self.one_of("disease", DISEASES, "")
        fistula = self.one_of("fistula", FISTULAS, "none")
        if disease == "ulcerative-colitis" and fistula != "none":
            self.fault("fistula", "a perianal fistula is not treated as ulcerative colitis; check the disease.")
        if fistula == "none" and self.cells.get("activity") == "remission":
            self.fault("activity", "a patient in remission without a fistula has nothing that cells are to treat.")
        return PatientCase(
            name=self.needed("patient"),
            disease=disease,
            age=self.number("age", YOUNGEST, OLDEST, "years; the model knows adults only", True),
            weight=self.number("weight", 30, 250, "kg", True),
            fistula=fistula,
            activity=self.one_of("activity", ACTIVITIES, "remission" if fistula != "none" else "moderate"),
            crp=self.number("crp", 0, 500, "mg/L"),
            calprotectin=self.number("calprotectin", 0, 30000, "ug/g"),
            failed=self.failed(),
            dsa=self.one_of("dsa", ("no", "yes"), "no") == "yes",
            deranged=self.one_of("immune", IMMUNITIES, "normal") == "deranged",
            line=line,
            remark=self.cells.get("remark", ""),
        )

    def fault(self, column: str, message: str) -> None:
        self.faults.append(f"{self.where}: {column}: {message}")

    def needed(self, column: str) -> str:
        text = self.cells.get(column, "")
        if not text:
            self.fault(column, "has no value.")
        elif len(text) > 60:
            self.fault(column, "is longer than 60 characters.")
        return text

    def one_of(self, column: str, choices: tuple[str, ...], otherwise: str) -> str:
        text = self.cells.get(column, "").lower()
        if not text and otherwise:
            return otherwise
        if text not in choices:
            self.fault(column, f"'{text}' is none of {', '.join(choices)}.")
        return text

    def number(self, column: str, low: float, high: float, unit: str, needed: bool = False) -> float:
        text = self.cells.get(column, "")
        if not text:
            if needed:
                self.fault(column, "has no value.")
            return math.nan
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not low <= value <= high:
            self.fault(column, f"'{text}' is not a number from {low:g} to {high:g} ({unit}).")
        return value

    def failed(self) -> tuple[str, ...]:
        text = self.cells.get("failed", "")
        found = tuple(part.strip().lower() for part in text.split(";") if part.strip())
        if found == ("none",):
            return ()
        known = (*names("drugs"), *outside_drugs())
        for name in found:
            if name == "none":
                self.fault("failed", "'none' stands beside medicines. Write 'none' alone, or the medicines alone.")
            elif name not in known:
                near = did_you_mean(name, known)
                self.fault("failed", f"'{name}' is no medicine that is known here. {near}")
        return tuple(dict.fromkeys(found))
