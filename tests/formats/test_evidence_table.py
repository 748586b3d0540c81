"""Tables of results become trials and back; what is wrong in one is told with its line and column."""

from __future__ import annotations

import contextlib
import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.evidence.catalogue import entry_of_file
from homing.evidence.records import Outcome, Trial
from homing.evidence.root import own_folder
from homing.evidence.sources import load_sources
from homing.evidence.store import load_store
from homing.evidence.trial_entries import read_trial, terms
from homing.formats.entry_files import as_yaml, write_entries
from homing.formats.evidence_columns import COLUMNS, EXAMPLE, MORE, write_template
from homing.formats.evidence_export import export_store, store_json, store_tables, table_text
from homing.formats.evidence_table import read_evidence_table
from homing.ground.errors import EvidenceError, StudyError
from homing.ground.text_yaml import parse_yaml

STORE = load_store()
SOURCE = "panes-2016-admire-week-24"
HEAD = "study,arm,role,n,endpoint,week,events,n_outcome,printed,source,source_id,at"
ROW = f"S1,cells,candidate,107,combined-remission,24,53,107,50 %,{SOURCE},,digest"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("HOMING_EVIDENCE", str(tmp_path / "mine"))
    yield own_folder()


def table(tmp_path: Path, *lines: str, encoding: str = "utf-8") -> Path:
    file = tmp_path / "results.csv"
    file.write_bytes("\n".join(lines).encode(encoding))
    return file


def stored(file: Path, folder: Path) -> dict[str, Trial]:
    """The trials of a table as the store has them."""
    found = read_evidence_table(file)
    write_entries(found, folder, replace=True)
    store = load_store()
    return {trial.key: store.trial(trial.key) for trial in found}


def test_a_row_becomes_an_outcome_of_its_arm(tmp_path: Path, folder: Path) -> None:
    placebo = f"S1,placebo,control,105,combined-remission,24,36,105,34 %,{SOURCE},,digest"
    trial = stored(table(tmp_path, HEAD, ROW, placebo), folder)["S1"]
    assert [(o.arm, o.events, o.n, o.week, o.source) for o in trial.outcomes] == [
        ("cells", 53, 107, 24, SOURCE),
        ("placebo", 36, 105, 24, SOURCE),
    ]
    assert {k: (a.role, a.n) for k, a in trial.arms.items()} == {
        "cells": ("candidate", 107),
        "placebo": ("control", 105),
    }
    assert (trial.disease, trial.randomised, trial.layer) == ("other", False, str(folder))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_delimiters_byte_order_marks_and_comments_are_taken(tmp_path: Path, delimiter: str, encoding: str) -> None:
    lines = [line.replace(",", delimiter) for line in (HEAD, '# a "comment', ROW, "", "  # another")]
    found = read_evidence_table(table(tmp_path, "# first", *lines, encoding=encoding))
    assert found[0].trial["outcomes"][0]["events"] == "53"


def test_decimal_commas_and_percent_are_numbers(tmp_path: Path) -> None:
    head = "study;arm;n;endpoint;week;n_outcome;mean;sd;share;source;at"
    file = table(
        tmp_path,
        "sep=;",
        head,
        f"S1;cells;20;cdai;8;20;-62,5;23,2;;{SOURCE};x",
        f"S1;cells;;combined-remission;8;20;;;45 %;{SOURCE};x",
    )
    first, second = read_evidence_table(file)[0].trial["outcomes"]
    assert (first["mean"], first["sd"], second["share"]) == ("-62.5", "23.2", "0.45")


def test_a_new_source_becomes_an_entry(tmp_path: Path, folder: Path) -> None:
    rows = [
        "S1,a,other,10,combined-remission,24,5,10,5/10,mine,10.1136/x,table 1",
        "S1,a,,,relapse,24,1,10,1/10,,https://example.org/x,page 2",
        "S1,a,,,surgery,24,1,10,1/10,mine,,table 2",
    ]
    trial = stored(table(tmp_path, HEAD, *rows), folder)["S1"]
    sources = load_sources()
    assert [o.source for o in trial.outcomes] == ["mine", "https-example-org-x", "mine"]
    assert (dict(sources["mine"].ids), sources["mine"].read) == ({"doi": "10.1136/x"}, "table")
    assert dict(sources["https-example-org-x"].ids) == {"url": "https://example.org/x"}


def test_an_adverse_event_and_an_arm_alone_are_taken(tmp_path: Path, folder: Path) -> None:
    rows = [f"S1,a,other,10,fever,24,5,10,5/10,{SOURCE},,x", "S1,b,control,12,,,,,,,,"]
    trial = stored(table(tmp_path, HEAD, *rows), folder)["S1"]
    assert [(e.event, e.events, e.n) for e in trial.adverse_events] == [("fever", 5, 10)] and trial.arms["b"].n == 12


def test_a_missing_size_of_an_arm_is_the_largest_denominator_and_a_note_says_so(tmp_path: Path) -> None:
    found = read_evidence_table(table(tmp_path, HEAD, ROW.replace("candidate,107", "candidate,")))
    assert found[0].trial["arms"]["cells"]["n"] == "107" and "no n" in found[0].notes[0]


# --- the template
def test_the_template_has_its_columns_explained_and_two_rows_that_are_passed_over(tmp_path: Path) -> None:
    file = write_template(tmp_path / "template.csv")
    text = file.read_text(encoding="utf-8-sig")
    assert all(f"# {name}: " in text for name in COLUMNS) and text.count(f"\n{EXAMPLE},") == 2
    with pytest.raises(EvidenceError, match=f"no row of results besides the rows of {EXAMPLE}"):
        read_evidence_table(file)
    with pytest.raises(EvidenceError, match="is there already"):
        write_template(file)


def test_the_example_rows_are_right_once_they_have_another_name(tmp_path: Path, folder: Path) -> None:
    file = write_template(tmp_path / "template.csv")
    file.write_text(file.read_text(encoding="utf-8").replace(f"\n{EXAMPLE},", "\nMine,"), encoding="utf-8")
    trial = stored(file, folder)["Mine"]
    assert [(o.events, o.n, o.printed) for o in trial.outcomes] == [(53, 107, "50 %"), (36, 105, "34 %")]
    assert trial.arms["cells"].treatment == "adipose-msc-allogeneic"


# --- round trip
def _same(a: Outcome, b: Outcome) -> bool:
    week = (math.isnan(a.week) and math.isnan(b.week)) or a.week == b.week
    return week and replace(a, week=0.0) == replace(b, week=0.0)


@pytest.mark.parametrize("key", ["ADMIRE-CD", "ADMIRE-CD-II", "GEMINI-2", "ASTIC", "Burt-2010", "Hu-2016"])
def test_outcomes_exported_and_imported_are_the_same(key: str, tmp_path: Path, folder: Path) -> None:
    export_store(STORE, tmp_path, [key])
    before = STORE.trial(key)
    trial = stored(tmp_path / "outcomes.csv", folder)[key]
    assert len(trial.outcomes) == len(before.outcomes)
    for a, b in zip(before.outcomes, trial.outcomes, strict=True):
        expected = a if a.printed or a.derived else replace(a, derived="as entered in the table")
        assert _same(expected, b)
    for arm in {o.arm for o in before.outcomes}:
        a, b = before.arms[arm], trial.arms[arm]
        assert (a.role, a.n, a.treatment, a.label["en"]) == (b.role, b.n, b.treatment, b.label["en"])


def test_every_outcome_and_event_of_the_store_can_be_exported_and_imported(tmp_path: Path, folder: Path) -> None:
    export_store(STORE, tmp_path)
    folder.mkdir()
    for name, rows in (("outcomes", "outcomes"), ("adverse_events", "adverse_events")):
        for found in read_evidence_table(tmp_path / f"{name}.csv"):
            tree = parse_yaml(as_yaml(found.trial), f"{found.key}.yaml", kind=EvidenceError).tree
            assert tree == json.loads(json.dumps(found.trial))
            assert len(tree[rows.replace("_", " ")]) == len(getattr(STORE.trial(found.key), rows))


WORDS = sorted(terms("outcomes"))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from("ab"),
            st.sampled_from(WORDS),
            st.integers(0, 400),
            st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))),
            st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1).filter(
                lambda t: t[0] != "#"
            ),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_any_rows_survive_a_table(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str, int, tuple[int, int], str]]
) -> None:
    cells = [["S1", arm, "500", w, str(week), str(x), str(n), text, SOURCE] for arm, w, week, (x, n), text in rows]
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(["study", "arm", "n", "endpoint", "week", "events", "n_outcome", "printed", "source"])
    writer.writerows(cells)
    file = tmp_path_factory.mktemp("rows") / "rows.csv"
    file.write_text(out.getvalue(), encoding="utf-8", newline="")
    (found,) = read_evidence_table(file)
    kept = file.with_suffix(".yaml")
    kept.write_text(as_yaml(found.trial), encoding="utf-8")
    read = [[o.arm, o.endpoint, o.week, o.events, o.n, o.printed] for o in read_trial(entry_of_file(kept)).outcomes]
    assert read == [[arm, word, week, x, n, text] for arm, word, week, (x, n), text in rows]


# --- export
def test_an_export_has_every_table_and_one_json(tmp_path: Path) -> None:
    files = export_store(STORE, tmp_path / "out", ["ADMIRE-CD", "ASTIC"])
    names = ["studies", "arms", "outcomes", "adverse_events", "kinetics", "sources"]
    assert [f.name for f in files] == [*(f"{n}.csv" for n in names), "evidence.json"]
    for file in files[:-1]:
        rows = list(csv.DictReader(io.StringIO(file.read_text(encoding="utf-8-sig"))))
        assert rows and None not in rows[0]
    data = json.loads(files[-1].read_text(encoding="utf-8"))
    assert set(data["trials"]) == {"ADMIRE-CD", "ASTIC"}
    used = {o["source"] for t in data["trials"].values() for o in t["outcomes"]}
    assert used <= set(data["sources"])


def test_the_whole_store_is_exported_without_loss_of_a_row() -> None:
    tables = {name: rows for name, (_, rows) in store_tables(STORE).items()}
    trials = list(STORE.trials.values())
    assert len(tables["studies"]) == len(trials)
    for name in ("arms", "outcomes", "adverse_events", "kinetics"):
        assert len(tables[name]) == sum(len(getattr(t, name)) for t in trials)
    assert {r["source"] for r in tables["outcomes"]} <= {r["source"] for r in tables["sources"]}
    json.loads(store_json(STORE), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_unknown_is_an_empty_cell_and_an_unknown_trial_is_refused() -> None:
    columns, rows = store_tables(STORE)["outcomes"]
    unknown = [r for r in rows if not r["week"]]
    assert unknown and not any("nan" in row.values() or "None" in row.values() for row in rows)
    assert table_text(columns, rows[:1]).count("\n") == 2
    with pytest.raises(StudyError, match="Did you mean 'ADMIRE-CD'"):
        store_tables(STORE, ["ADMIRE-CDD"])


# --- errors
@pytest.mark.parametrize(
    ("old", "new", "line", "match"),
    [
        ("S1,", ",", "2: study", "the study is missing"),
        ("S1,", "a/b,", "2: study", "can't name a file"),
        ("candidate", "candidat", "2: role", "Did you mean 'candidate'"),
        ("combined-remission", "combined-remision", "2: endpoint", "Did you mean 'combined-remission'"),
        ("combined-remission", "", "2: endpoint", "is of no endpoint"),
        (",24,", ",week 24,", "2: week", "'week 24' is not a number"),
        (",53,107,", ",53.5,107,", "2: events", "not a whole number"),
        (",53,107,", ",153,107,", "2: events", "153 events of 107 patients"),
        (",53,107,", ",53,,", "2: n_outcome", "number of patients that they are of"),
        (",53,107,", ",,107,", "2: events", "the row has no result"),
        (SOURCE, "nobody-2099", "2: source", "A new one needs a source_id"),
        (SOURCE, "", "2: source", "a result needs its source"),
        (f"{SOURCE},,", "mine,somewhere,", "2: source_id", "is no identifier"),
        ("digest", "digest,more", "2", "13 cells, and the header has 12"),
        ("50 %", '"50 %', "2", "not a CSV file"),
        ("study,", "studie,", "1", "unknown column 'studie'. Did you mean 'study'"),
        ("week,", "arm,", "1", "stands twice"),
        ("arm,", "label,", "1", "no column arm"),
    ],
)
def test_a_fault_is_told_with_its_line_and_column(tmp_path: Path, old: str, new: str, line: str, match: str) -> None:
    header = HEAD.replace(old, new, 1) if old.endswith(",") and old[:-1] in HEAD.split(",") else HEAD
    row = ROW if header != HEAD else ROW.replace(old, new, 1)
    file = table(tmp_path, header, row)
    with pytest.raises(EvidenceError, match=match) as caught:
        read_evidence_table(file)
    assert caught.value.where.startswith(f"{file}:{line}")


@pytest.mark.parametrize(
    ("column", "value", "match"),
    [
        ("treatment", "placeboo", "Did you mean 'placebo'"),
        ("product", "darvadstrocell", "Did you mean 'darvadstrocel'"),
        ("disease", "crohns", "Did you mean 'crohn'"),
        ("ids", "nct 123", "is no identifier"),
        ("analysis", "all", "not known here"),
        ("share", "1.5", "not between 0 and 1"),
    ],
)
def test_what_further_columns_take_is_checked(tmp_path: Path, column: str, value: str, match: str) -> None:
    assert column in {**COLUMNS, **MORE}
    file = table(tmp_path, f"{HEAD},{column}", f"{ROW},{value}")
    with pytest.raises(EvidenceError, match=match) as caught:
        read_evidence_table(file)
    assert caught.value.where == f"{file}:2: {column}"


def test_two_sizes_of_one_arm_are_refused_with_both_lines(tmp_path: Path) -> None:
    file = table(tmp_path, HEAD, "# comment", ROW, ROW.replace("candidate,107", "candidate,103"))
    with pytest.raises(EvidenceError, match=r"'103', and '107' in line 3 for S1 cells") as caught:
        read_evidence_table(file)
    assert caught.value.where == f"{file}:4: n"


def test_an_adverse_event_without_a_count_and_an_arm_without_a_size_are_refused(tmp_path: Path) -> None:
    head = "study,arm,endpoint,share,n_outcome,source"
    with pytest.raises(EvidenceError, match="needs events and n_outcome"):
        read_evidence_table(table(tmp_path, head, f"S1,a,fever,0.4,10,{SOURCE}"))
    with pytest.raises(EvidenceError, match="arm 'a' of S1 has no n"):
        read_evidence_table(table(tmp_path, head, f"S1,a,relapse,0.4,,{SOURCE}"))


@settings(max_examples=150, deadline=None)
@given(
    st.one_of(
        st.binary(max_size=200),
        st.lists(st.text(max_size=20), max_size=14).map(lambda c: ",".join(c).encode("utf-8", "ignore")),
    )
)
def test_whatever_a_file_holds_it_is_read_or_refused(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    file = tmp_path_factory.mktemp("any") / "any.csv"
    for content in (raw, f"{HEAD}\n".encode() + raw):
        file.write_bytes(content)
        with contextlib.suppress(EvidenceError):
            read_evidence_table(file)


@pytest.mark.parametrize("number", ["nan", "1e999", "-1", "x", "1..2", "5 cells"])
def test_what_is_no_count_is_refused(tmp_path: Path, number: str) -> None:
    with pytest.raises(EvidenceError):
        read_evidence_table(table(tmp_path, HEAD, ROW.replace(",53,", f",{number},")))


def test_what_is_no_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match="no such file"):
        read_evidence_table(tmp_path / "none.csv")
    with pytest.raises(EvidenceError, match="folder"):
        read_evidence_table(tmp_path)
    for raw, match in (
        (b"PK\x03\x04", "workbook"),
        ("Größe".encode("latin-1"), "CSV UTF-8"),
        (b"# only\n", "is empty"),
    ):
        (tmp_path / "x.csv").write_bytes(raw)
        with pytest.raises(EvidenceError, match=match):
            read_evidence_table(tmp_path / "x.csv")
    with pytest.raises(EvidenceError, match="no row of results"):
        read_evidence_table(table(tmp_path, HEAD))
