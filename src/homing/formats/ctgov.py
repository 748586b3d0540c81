"""Records of ClinicalTrials.gov (API v2, JSON) as entries of the evidence store.

A record has a protocolSection and, where results are posted, a resultsSection. Get one from
https://clinicaltrials.gov/api/v2/studies/NCT01234567 or with 'Download > JSON' on its page.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from homing.evidence.store import Store
from homing.formats.ctgov_arms import ArmsOfRecord, arms_of, say_where_no_number_is
from homing.formats.ctgov_facts import facts_of, module, notes_of
from homing.formats.ctgov_names import SCORES, Named, check_mapping, endpoint_of
from homing.formats.ctgov_results import Cell, Reading, cells_of, is_score, items, reading_of
from homing.formats.ctgov_shape import check_shape
from homing.formats.ctgov_times import week_of, weeks_named, without_times, written
from homing.formats.entry_files import ImportedTrial, Skipped, Unmapped, write_entries
from homing.ground.errors import EvidenceError

__all__ = ["read_ctgov", "trial_of_record", "write_entries"]

LARGEST_FILE = 200_000_000
#: Units of the endpoints that have one, and what makes the endpoint's of them.
_UNITS = {
    "crp": {"mg/l": 1.0, "ug/ml": 1.0, "mg/dl": 10.0},
    "calprotectin": {"ug/g": 1.0, "mg/kg": 1.0, "ng/mg": 1.0},
}
_HELP = "Get it from https://clinicaltrials.gov/api/v2/studies/NCT01234567 (with its own number)."
_NO = re.compile(r"^(no|not|non|none|never|absent|missing|unknown|without|fail\w*|n/?a)\b", re.I)
_YES = {"yes", "achieved", "present", "met", "reached"}


def read_ctgov(
    file: Path | str, mapping: Mapping[str, str] | None = None, store: Store | None = None
) -> tuple[ImportedTrial, ...]:
    """Read a file with one record, or with a saved list {"studies": [...]}: one trial each.

    Arguments: `mapping` names measures: {a part of the title, class or category: a word of the vocabulary of outcomes
    or adverse events}, in any case of letters; it goes before the rules of `ctgov_names.endpoint_of`. `store` is
    looked through for trials of the same registration, which then are said to share their patients.

    Weeks are in weeks (a month is 52/12 of them), counts in patients, means in the unit of the endpoint. What has no
    word is in `unmapped` of a trial, what can't be a number of it in `skipped`.

    Raises: EvidenceError with file, place in the JSON and remedy for a file that is missing, not JSON, of the old API
    (FullStudiesResponse), of AACT or XML, a page of search results without records, or at odds with itself.
    """
    path = Path(file)
    data = _json(path)
    named = check_mapping(mapping or {})
    records = _records(data, str(path))
    found = tuple(trial_of_record(record, where, named, store) for record, where in records)
    keys = [trial.key for trial in found]
    if twice := next((key for key in keys if keys.count(key) > 1), ""):
        raise EvidenceError(f"{twice} is in it twice. Leave one of them.", str(path))
    return found


def trial_of_record(
    record: Mapping[str, Any],
    where: str = "record",
    mapping: Mapping[str, str] | None = None,
    store: Store | None = None,
) -> ImportedTrial:
    """One record as an entry; see `read_ctgov`. `where` is named in errors before the place in the JSON."""
    check_shape(record, where)
    protocol, results = module(record, "protocolSection"), module(record, "resultsSection")
    number = str(module(protocol, "identificationModule").get("nctId") or "")
    if not re.fullmatch(r"NCT\d{8}", number):
        place = f"{where}.protocolSection.identificationModule.nctId"
        raise EvidenceError(f"'{number}' is no NCT number, so this is no record of ClinicalTrials.gov. {_HELP}", place)
    facts, remarks = facts_of(protocol, bool(results), where)
    source = f"ctgov-{number.lower()}"
    work = _Results(arms_of(protocol, results, where), source, check_mapping(mapping or {}), where)
    work.read(results)
    work.leave_out_empty_arms(bool(results))
    say_where_no_number_is(work.arms)
    same = (
        [key for key, trial in store.trials.items() if trial.ids.get("nct") == number and key != number]
        if store
        else []
    )
    trial = {**facts, "sources": [source]} | ({"shares patients with": same} if same else {})
    trial |= {"arms": work.arms.arms, "outcomes": work.outcomes, "adverse events": work.events}
    trial["notes"] = notes_of(protocol)
    notes = (*remarks, *work.arms.notes, *work.notes)
    entries = {source: _source(protocol, number, bool(results))}
    kept = {name: part for name, part in trial.items() if part or name in ("ids", "arms")}
    return ImportedTrial(number, kept, entries, tuple(work.unmapped), tuple(work.skipped), tuple(dict.fromkeys(notes)))


def _source(protocol: Mapping[str, Any], number: str, has_results: bool) -> dict[str, Any]:
    names, state = module(protocol, "identificationModule"), module(protocol, "statusModule")
    date = str(module(state, "lastUpdatePostDateStruct").get("date") or "")
    url = f"https://clinicaltrials.gov/study/{number}"
    part = "Protocol and posted results" if has_results else "Protocol; no results posted"
    found: dict[str, Any] = {
        "title": str(names.get("officialTitle") or names.get("briefTitle") or number),
        "ids": {"nct": number, "url": url},
        "read": "registry entry",
        "note": f"{part}, read from the record by Homing" + (f"; last update posted {date}." if date else "."),
    }
    return {"title": found["title"], **({"year": date[:4]} if re.match(r"(19|20)\d\d", date) else {}), **found}


@dataclass
class _Results:
    """The results of one record as they become rows of arms."""

    arms: ArmsOfRecord
    source: str
    mapping: Mapping[str, str]
    where: str
    outcomes: list[dict[str, str]] = field(default_factory=list)
    events: list[dict[str, str]] = field(default_factory=list)
    unmapped: list[Unmapped] = field(default_factory=list)
    skipped: list[Skipped] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def read(self, results: Mapping[str, Any]) -> None:
        """The adverse events, then every outcome measure."""
        self._adverse_events(module(results, "adverseEventsModule"))
        outcomes = module(results, "outcomeMeasuresModule")
        place = f"{self.where}.resultsSection.outcomeMeasuresModule"
        for i, measure in enumerate(items(outcomes, "outcomeMeasures", place)):
            cells = list(cells_of(measure, i, place))
            groups = {str(g.get("id")): g for g in items(measure, "groups", place)}
            self.arms.pair_single(str(g.get("title") or "") for g in groups.values())
            if not cells:
                status = str(measure.get("reportingStatus") or "").replace("_", " ").lower()
                reason = "no values are posted" + (f" ({status})" if status not in ("", "posted") else "")
                self.skipped.append(Skipped(f"outcome measure {i + 1}: {measure.get('title')}", "", reason))
            for block in _blocks(cells):
                self._block(measure, block, groups)

    def leave_out_empty_arms(self, has_results: bool) -> None:
        """Leave out arms of the protocol that no group of the posted results belongs to, and say so."""
        used = {row["arm"] for row in (*self.outcomes, *self.events)}
        empty = [k for k, arm in self.arms.arms.items() if arm["n"] == "0" and k not in used]
        if has_results and len(empty) < len(self.arms.arms):
            for key in empty:
                label = self.arms.arms.pop(key)["label"]["en"]
                self.notes.append(f"The arm '{label}' has nobody in the results (or under another name); left out.")

    # --- outcome measures
    def _block(self, measure: Mapping[str, Any], cells: list[Cell], groups: Mapping[str, Mapping[str, Any]]) -> None:
        """The values of one class and category, one a group."""
        title, frame = str(measure.get("title") or ""), str(measure.get("timeFrame") or "")
        first = cells[0]
        named = self._named(measure, first)
        week = _week(first, title, frame)
        readings = [(cell, reading_of(cell, measure, title)) for cell in cells]
        whole = ": ".join(t for t in (title, first.class_title, first.category) if t)
        good = [(cell, reading) for cell, reading in readings if not reading.why]
        if named.word:
            self.skipped += [Skipped(f"{whole} ({c.where})", c.value, r.why) for c, r in readings if r.why]
            good = self._in_unit(good, named, str(measure.get("unitOfMeasure") or ""), whole)
        else:
            values = {
                self.arms.name_of(str(groups[c.group].get("title") or "")): _printed(c, measure, r) for c, r in readings
            }
            time = next((c for c in (first.class_title, first.category) if weeks_named(c, visits=True)), frame)
            self.unmapped.append(Unmapped(whole, time, values, named.why))
            return
        for cell, reading in good:
            arm = self._arm(groups[cell.group], cell.n)
            at = f"outcome measure {cell.measure + 1}, group {cell.group}"
            row = {"arm": arm, "endpoint": named.word, "week": "" if week is None else written(week)}
            row |= {**reading.fields, "source": self.source, "at": at}
            row["differs"] = "; ".join(t for t in (named.differs, reading.fields.get("differs", "")) if t)
            if named.kind == "event":
                self._event_row(row, f"{whole} ({cell.where})", cell.value)
            else:
                row["analysis"] = _analysis(measure, cell, int(self.arms.arms[arm]["n"]))
                self._outcome_row(row, whole)

    def _named(self, measure: Mapping[str, Any], cell: Cell) -> Named:
        title, about = str(measure.get("title") or ""), str(measure.get("description") or "")
        score = is_score(measure)
        category = cell.category if cell.categories > 1 or _NO.match(cell.category) else ""
        part = " ".join(t for t in (without_times(cell.class_title), without_times(category)) if t)
        if part.lower() in _YES:
            part = ""
        if part and _NO.match(part) and not any(f.lower() in part.lower() for f in self.mapping):
            return Named("", why=f"'{part}' turns the title round")
        named = endpoint_of(title, part, about, score, self.mapping)
        if named.kind == "outcome" and named.word and score != (named.word in SCORES):
            return Named(
                "",
                why=f"the values are {'' if score else 'no '}means, and {named.word} is {'no' if score else 'a'} score",
            )
        return named

    def _in_unit(
        self, good: list[tuple[Cell, Reading]], named: Named, unit: str, whole: str
    ) -> list[tuple[Cell, Reading]]:
        """The values in the unit of the endpoint; those of another are listed and left out."""
        if named.word not in SCORES or named.kind == "event":
            return good
        factor = _factor(named.word, unit)
        if factor is None:
            why = f"'{unit}' is no unit of {named.word}"
            self.skipped += [Skipped(f"{whole} ({cell.where})", cell.value, why) for cell, _ in good]
            return []
        return good if factor == 1 else [(cell, _scaled(reading, factor, unit)) for cell, reading in good]

    def _outcome_row(self, row: dict[str, str], whole: str) -> None:
        same = [o for o in self.outcomes if all(o.get(k) == row[k] for k in ("arm", "endpoint", "week") if row[k])]
        same = [o for o in same if not o.get("contradicts") and ("week" in o) == bool(row["week"])]
        numbers = ("events", "n", "mean", "median", "share")
        if any(all(o.get(k) == row.get(k) for k in numbers) for o in same):
            self.skipped.append(Skipped(f"{whole} ({row['at']})", row["printed"], "the same result stands before it"))
            return
        if same:
            row["contradicts"] = f"of another measure of this record than {same[0]['at']}, which is used: {whole}"
        order = (
            *("arm", "endpoint", "week", "n", "events", "mean", "median", "share", "sd", "se", "low", "high"),
            *("analysis", "printed", "source", "at", "derived", "differs", "contradicts"),
        )
        self.outcomes.append({k: row[k] for k in order if row.get(k)})

    # --- adverse events
    def _adverse_events(self, part: Mapping[str, Any]) -> None:
        place = f"{self.where}.resultsSection.adverseEventsModule"
        week = week_of(str(part.get("timeFrame") or ""))
        kinds = (("seriousNum", "serious-adverse-event"), ("deathsNum", "death"))
        self.arms.pair_single(str(g.get("title") or "") for g in items(part, "eventGroups", place))
        for i, group in enumerate(items(part, "eventGroups", place)):
            spot = f"{place}.eventGroups[{i}]"
            for name, word in kinds:
                events, n = group.get(f"{name}Affected"), group.get(f"{name}AtRisk")
                if events is None or not n:
                    continue
                if events > n:
                    raise EvidenceError(f"{events} patients of {n}. Correct the record.", f"{spot}.{name}Affected")
                row = {"arm": self._arm(group, n), "event": word, "week": "" if week is None else written(week)}
                row |= {"n": str(n), "events": str(events), "printed": f"{events} of {n}", "source": self.source}
                row |= {"at": f"adverse events, group {group.get('id')}, {name}Affected of {name}AtRisk"}
                self.events.append({k: v for k, v in row.items() if v})
        if any(group.get("otherNumAffected") is not None for group in items(part, "eventGroups", place)):
            least = part.get("frequencyThreshold") or "0"
            self.notes.append(
                "Patients with other (not serious) adverse events are left out: they aren't those with any event"
                + (f", and terms in up to {least} % of an arm are not counted." if str(least) != "0" else ".")
            )

    def _event_row(self, row: dict[str, str], whole: str, value: str) -> None:
        if "events" not in row:
            self.skipped.append(Skipped(whole, value, "an adverse event needs a count"))
            return
        if any(e["arm"] == row["arm"] and e["event"] == row["endpoint"] for e in self.events):
            self.skipped.append(Skipped(whole, value, f"the arm has {row['endpoint']} already"))
            return
        found = {"arm": row["arm"], "event": row["endpoint"]} | {
            k: row[k] for k in ("week", "n", "events") if row.get(k)
        }
        self.events.append(found | {k: row[k] for k in ("printed", "source", "at", "derived") if row.get(k)})

    def _arm(self, group: Mapping[str, Any], n: int | None) -> str:
        return self.arms.key_of(str(group.get("title") or ""), n, str(group.get("description") or ""))


def _blocks(cells: list[Cell]) -> Iterator[list[Cell]]:
    """Cells of one class and category together, in order."""
    found: dict[str, list[Cell]] = {}
    for cell in cells:
        found.setdefault(cell.where.rpartition(".measurements")[0], []).append(cell)
    yield from found.values()


def _week(cell: Cell, title: str, frame: str) -> float | None:
    """The week: of the class or category title, else of the time frame where it names one, else of the measure's
    title where the frame names that time among others."""
    change = "change" in title.lower()
    for text in (cell.class_title, cell.category):
        if weeks_named(text, visits=True):
            return week_of(text, change, visits=True)
    week = week_of(frame, change)
    if week is None and (told := week_of(title, True)) is not None and told in weeks_named(frame):
        return told
    return week


def _analysis(measure: Mapping[str, Any], cell: Cell, n: int) -> str:
    """Who was analysed: as the population is described; else all of the arm (itt), or those who could be evaluated."""
    text = str(measure.get("populationDescription") or "").lower()
    if re.search(r"modified intent|\bmitt\b", text):
        return "mitt"
    if re.search(r"per[- ]protocol", text):
        return "per-protocol"
    if cell.n is None or cell.n >= n:
        return "itt"
    return "treated" if re.search(r"safety (set|population|analysis)|at least (1|one) dose", text) else "evaluable"


def _printed(cell: Cell, measure: Mapping[str, Any], reading: Reading) -> str:
    plain = f"{cell.value} {measure.get('unitOfMeasure') or ''}".strip()
    of = f", n {cell.n}" if cell.n is not None and "participants" not in reading.fields.get("printed", "") else ""
    return (
        (reading.fields.get("printed") or plain) + of + (f" ({cell.comment})" if cell.comment and reading.why else "")
    )


def _factor(word: str, unit: str) -> float | None:
    """What a value must be multiplied by to be in the endpoint's unit; None where it can't be."""
    plain = re.sub(r"[\s.^-]+", "", unit.lower().replace("µ", "u").replace("μ", "u").replace("mcg", "ug"))
    plain = plain.replace("milligrams", "mg").replace("milligram", "mg").replace("micrograms", "ug").replace("per", "/")
    plain = (
        plain.replace("liter", "l")
        .replace("litre", "l")
        .replace("deci", "d")
        .replace("grams", "g")
        .replace("gram", "g")
    )
    if re.search(r"percent|%|log|ratio|fold", unit.lower()):
        return None
    if word in _UNITS:
        return next(
            (factor for name, factor in _UNITS[word].items() if re.search(rf"(?<![a-z]){name}(?![a-z])", plain)), None
        )
    return 1.0 if re.search(r"score|scale|point|unit", unit.lower()) else None


def _scaled(reading: Reading, factor: float, unit: str) -> Reading:
    numbers = ("mean", "median", "sd", "se", "low", "high")
    fields = {k: f"{float(v) * factor:.12g}" if k in numbers else v for k, v in reading.fields.items()}
    return Reading({**fields, "derived": f"printed in {unit}; times {factor:g}"})


# --- files
def _json(path: Path) -> Any:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise EvidenceError(f"is larger than {LARGEST_FILE // 1_000_000} MB; is it the right file?", str(path))
        text = path.read_bytes().decode("utf-8-sig")
    except FileNotFoundError:
        raise EvidenceError(f"there is no such file. {_HELP}", str(path)) from None
    except IsADirectoryError:
        raise EvidenceError("this is a folder; name the JSON file in it.", str(path)) from None
    except OSError as e:
        raise EvidenceError(f"can't be read ({e.strerror}).", str(path)) from None
    except UnicodeDecodeError:
        raise EvidenceError(f"is not text in UTF-8; a zip must be unpacked first. {_HELP}", str(path)) from None
    if text.lstrip().startswith("<"):
        raise EvidenceError(
            f"is XML or HTML (the old API or a web page); the JSON of API v2 is read. {_HELP}", str(path)
        )
    try:
        return json.loads(text, parse_constant=lambda name: math.nan)
    except json.JSONDecodeError as e:
        if "|" in text.partition("\n")[0]:
            raise EvidenceError(f"is a table of AACT, not a record. {_HELP}", str(path)) from None
        raise EvidenceError(
            f"broken JSON: {e.msg}, column {e.colno}. Save the record again. {_HELP}", f"{path}:{e.lineno}"
        ) from None
    except RecursionError:
        raise EvidenceError("is nested too deeply to be a record.", str(path)) from None


def _records(data: Any, file: str) -> list[tuple[Mapping[str, Any], str]]:
    """The records of a file with their places."""
    if isinstance(data, dict):
        if "FullStudiesResponse" in data or "FullStudy" in data or "StudyFieldsResponse" in data or "Study" in data:
            raise EvidenceError(f"is of the old API (v1, FullStudiesResponse), which ended in 2024. {_HELP}", file)
        if "protocolSection" in data:
            return [(data, f"{file}: $")]
        if "nct_id" in data:
            raise EvidenceError(f"is a row of AACT (nct_id), not a record. {_HELP}", file)
    studies = data.get("studies") if isinstance(data, dict) else data
    if not isinstance(studies, list):
        raise EvidenceError(f"has neither protocolSection nor studies, so it's no record of API v2. {_HELP}", file)
    if not studies:
        raise EvidenceError("holds no study. Save the search again with its records.", file)
    name = "studies" if isinstance(data, dict) else ""
    for i, study in enumerate(studies):
        if isinstance(study, dict) and "nct_id" in study:
            raise EvidenceError(f"is a table of AACT (nct_id), not of records. {_HELP}", f"{file}: $.{name}[{i}]")
        if not isinstance(study, dict) or "protocolSection" not in study:
            raise EvidenceError(
                f"has no protocolSection, so it's no record of API v2. {_HELP}", f"{file}: $.{name}[{i}]"
            )
    return [(study, f"{file}: $.{name}[{i}]") for i, study in enumerate(studies)]
