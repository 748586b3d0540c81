"""The columns of a table of results, its template, and its rows as they are read from a CSV file.

Lines that begin with # are comments; the delimiter is , or ; or a tab; a byte-order mark is passed over.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from homing.ground.errors import EvidenceError
from homing.ground.nearest import did_you_mean

#: The columns of the template, then those that may be there too; with what stands in them.
COLUMNS: Mapping[str, str] = {
    "study": "a short name without spaces; the file of the trial is called so",
    "arm": "a short name of the arm",
    "label": "what the arm got, in words",
    "role": "candidate, control or other",
    "treatment": "a word of the vocabulary of treatments, or empty",
    "n": "patients randomised to the arm (or enrolled)",
    "endpoint": "a word of the vocabulary of outcomes or adverse events",
    "week": "weeks from the start; empty where it isn't printed",
    "events": "patients who reached it, of n_outcome",
    "n_outcome": "patients whom the result is of",
    "mean": "mean, in the unit of the endpoint",
    "sd": "standard deviation of the patients (not the standard error: that is `se`)",
    "share": "share of patients, 0.45 or 45 %, where only that is printed",
    "printed": "the result as the source prints it",
    "source": "key of a source of the catalogue, or a new name",
    "source_id": "DOI, PMID, NCT number or address of a new source",
    "at": "where in the source: table 2, abstract, page 5",
}
MORE: Mapping[str, str] = {
    "kind": "outcome or adverse-event, for a word that is both",
    **{"analysis": "itt, mitt, treated, evaluable or per-protocol", "se": "standard error of the mean"},
    **{"median": "median", "low": "lower limit, as `printed` says", "high": "upper limit, as `printed` says"},
    **{"derived": "how a number was got from what is printed", "differs": "how the definition differs from the word's"},
    **{"contradicts": "which other row this one contradicts; it isn't used", "effect": "effect and p as printed"},
    **{"label_zh": "label in Chinese", "product": "product of the catalogue", "dose": "cells, as 120e6 cells"},
    **{"route": "route", "note": "note on the arm", "treated": "patients treated", "analysed": "patients analysed"},
    **{"part_of": "arms, between ;, whose patients these are again"},
    **{"name": "name of the study", "year": "year of the main report", "ids": "nct NCT01541579; pmid 27477896"},
    **{
        "disease": "crohn, ulcerative-colitis, ...",
        "phenotype": "which patients",
        "phenotype_zh": "the same in Chinese",
    },
    **{
        "design": "design in words",
        "design_zh": "the same in Chinese",
        "randomised": "yes or no",
        "blinded": "yes or no",
    },
    **{"blinding": "none, single or double", "status": "published, registry-results, unpublished, ..."},
    **{"source_title": "title of a new source", "source_year": "its year", "source_read": "what of it was read"},
}
NUMBERS = ("week", "mean", "sd", "se", "median", "low", "high", "share")
COUNTS = ("n", "events", "n_outcome", "treated", "analysed", "year", "source_year")
#: The study of the template's rows.
EXAMPLE = "EXAMPLE"


def rows_of(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """The rows of a table with their lines: column -> cell, decimal commas made points where the comma is free.

    Raises: EvidenceError with file, line and column for what is no such table.
    """
    text = _text(path)
    lines = list(_without_comments(text))
    first = next((line for line in lines if line.strip()), "")
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO("".join(lines), newline=""), delimiter=delimiter, strict=True)
    header: list[str] = []
    try:
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if not header:
                header = _header([cell.strip() for cell in row], f"{path}:{reader.line_num}")
                continue
            if len(row) > len(header) and any(cell.strip() for cell in row[len(header) :]):
                raise EvidenceError(
                    f"{len(row)} cells, and the header has {len(header)}. Put text with {delimiter!r} in quotes.",
                    f"{path}:{reader.line_num}",
                )
            cells = {name: cell.strip() for name, cell in zip(header, row, strict=False) if name}
            if delimiter != ",":
                cells = {k: _point(v) if k in (*NUMBERS, *COUNTS) else v for k, v in cells.items()}
            yield reader.line_num, cells
    except csv.Error as e:
        raise EvidenceError(f"not a CSV file: {e}. Check the quotes there.", f"{path}:{reader.line_num}") from None
    if not header:
        raise EvidenceError(f"the table is empty. It needs a header line: {', '.join(COLUMNS)}.", str(path))


def _point(text: str) -> str:
    return text.replace(",", ".") if re.fullmatch(r"[-+]?\d+,\d+\s*%?", text) else text


def _without_comments(text: str) -> Iterator[str]:
    """The lines, those of comments emptied, so that each keeps its number."""
    quoted = False
    for i, line in enumerate(io.StringIO(text, newline="")):
        if i == 0 and line.lower().startswith("sep="):  # what spreadsheets write before the header
            yield "\n"
            continue
        if not quoted and line.lstrip().startswith(("#", '"#')):
            yield "\n"
            continue
        quoted ^= line.count('"') % 2 == 1
        yield line


def _header(cells: list[str], where: str) -> list[str]:
    known = [*COLUMNS, *MORE]
    names = [re.sub(r"[\s-]+", "_", cell.lower()) for cell in cells]
    for name, cell in zip(names, cells, strict=True):
        if name and name not in known:
            raise EvidenceError(f"unknown column '{cell}'. {did_you_mean(name, known)}", where)
        if name and names.count(name) > 1:
            raise EvidenceError(f"the column '{cell}' stands twice.", where)
    for needed in ("study", "arm"):
        if needed not in names:
            raise EvidenceError(f"the table has no column {needed}. It needs {', '.join(COLUMNS)}.", where)
    return names


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
    except FileNotFoundError:
        raise EvidenceError("there is no such file.", str(path)) from None
    except IsADirectoryError:
        raise EvidenceError("this is a folder; name the CSV file in it.", str(path)) from None
    except OSError as e:
        raise EvidenceError(f"can't be read ({e.strerror}).", str(path)) from None
    if raw[:2] == b"PK":
        raise EvidenceError("is a workbook (xlsx). Save the sheet as 'CSV UTF-8'.", str(path))
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise EvidenceError("is not text in UTF-8. Save the sheet as 'CSV UTF-8'.", str(path)) from None


def write_template(file: Path | str) -> Path:
    """Write the empty table with its columns explained in comments and two example rows, which an import passes over.

    Raises: EvidenceError where the file is there already or can't be written.
    """
    path = Path(file)
    if path.exists():
        raise EvidenceError("is there already. Name another file, so that nothing is lost.", str(path))
    out = io.StringIO()
    out.write("# One row is one result of one arm. Facts of a study or arm may stand in its first row only.\n")
    for name, text in COLUMNS.items():
        out.write(f"# {name}: {text}\n")
    out.write(f"# Further columns that may be added: {', '.join(MORE)}\n")
    out.write(f"# The rows of {EXAMPLE} show how it is done; they are passed over.\n")
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(COLUMNS)
    same = ["combined-remission", "24"]
    last = ["", "", "", "{}", "panes-2016-admire-week-24", "pmid 27477896", "digest"]
    for arm, label, role, word, n, events, percent in (
        ("cells", "darvadstrocel 120 million cells", "candidate", "adipose-msc-allogeneic", "107", "53", "50 %"),
        ("placebo", "placebo", "control", "placebo", "105", "36", "34 %"),
    ):
        writer.writerow([EXAMPLE, arm, label, role, word, n, *same, events, n, *(c.format(percent) for c in last)])
    try:
        path.write_text(out.getvalue(), encoding="utf-8-sig")
    except OSError as e:
        raise EvidenceError(f"can't be written ({e.strerror}). Name a folder that is there.", str(path)) from None
    return path
