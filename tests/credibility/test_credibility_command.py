"""`homing credibility` from the command line: the plan, the report, both languages, both formats, and refusals."""

from __future__ import annotations

import html
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from record_cases import RELIED, TEXT
from typer.testing import CliRunner

from homing.cli import main as command_line
from homing.credibility import shipped
from homing.endpoints.definitions import endpoint
from homing.evidence.store import load_store
from homing.ground.errors import StudyError
from homing.patients import posterior as posteriors
from homing.report import credibility_page, publish, publish_credibility, word
from homing.report.words import Words
from homing.study.resolve import read_study
from homing.study.run import run

CHINESE = re.compile(r"[\u4e00-\u9fff]")


def credibility(*arguments: object):
    return CliRunner().invoke(command_line.app, ["credibility", *map(str, arguments)])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with a study, its plan and then its finished run."""
    folder = tmp_path_factory.mktemp("record")
    text = TEXT.format(patients=20, seed=3, scenarios="[sceptical, pooled]")
    (folder / "small.yaml").write_text(text + RELIED.format(influence="low", consequence="high"), encoding="utf-8")
    planned = credibility(
        folder / "small.yaml", "--out", folder / "out", "--runs", folder / "runs", "--plan", "--quiet"
    )
    assert planned.exit_code == 0, planned.output
    assert "plan.html" in planned.output
    run(read_study(folder / "small.yaml"), folder / "runs")
    yield folder


def where(place: Path) -> list[object]:
    return [place / "small.yaml", "--out", place / "out", "--runs", place / "runs", "--quiet"]


def test_the_plan_comes_before_the_run_and_the_report_after_it_beside_the_plan(place: Path) -> None:
    result = credibility(*where(place), "--json")
    assert result.exit_code == 0, result.output
    told = json.loads(result.output)
    plan = json.loads((place / "out" / "small" / "plan.json").read_text(encoding="utf-8"))
    assert told["kind"] == "report" and told["risk"] == "medium"
    assert told["plan"]["hash"] == plan["hash"]
    assert told["deviations"]["seen"] == []
    assert {rule["rule"]: rule["threshold"] for rule in told["rules"]} == {
        key: declared["threshold"] for key, declared in plan["rules"].items()
    }
    outcomes = {rule["rule"]: rule["outcome"] for rule in told["rules"]}
    assert outcomes["files-intact"] == "pass"
    assert outcomes["cell-balance"] == "pass"
    assert outcomes["monte-carlo"] == "fail", "twenty patients are too few"
    assert sum(told["counts"].values()) == len(told["rules"])
    assert json.loads((place / "out" / "small" / "report.json").read_text(encoding="utf-8")) == told


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_word_of_the_page_is_in_its_language_and_nothing_is_loaded_from_outside(place: Path, lang: str) -> None:
    result = credibility(*where(place), "--lang", lang)
    assert result.exit_code == 0, result.output
    page = (place / "out" / "small" / "report.html").read_text(encoding="utf-8")
    assert bool(CHINESE.search(re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))) == (lang == "zh")
    assert Words(lang).key("record.header.report") in page
    assert "<script" not in page and not re.search(r'src="http', page)
    assert page.count('<section class="chapter"') == 7


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_trials_arms_and_endpoints_have_names_and_not_keys(place: Path, lang: str) -> None:
    result = credibility(*where(place), "--lang", lang)
    assert result.exit_code == 0, result.output
    page = (place / "out" / "small" / "report.html").read_text(encoding="utf-8")
    record = page[: page.index('id="parameters"')]
    for key in ("Darva-JP-3002", "Kennedy-2016-withdrawal", "combined-remission", "Ouboter-2023-kinetics", "ifxstop"):
        assert key not in record, key
    words = Words(lang)
    gained = words.key("credibility.row.gained", endpoint="", week="24")
    assert record.count(gained) == 1, "the two rows of week 52 in Japan are told apart"
    others = load_store().trial("SPARE").name
    assert others not in record, "stopping a drug is no result on fistulas"
    assert words.key("credibility.domain.relapse") in record
    assert words.key("posterior.no-shrinkage") in record and "−2.0" not in record


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_what_the_trial_would_tell_is_of_its_counts(place: Path, lang: str) -> None:
    result = credibility(*where(place), "--lang", lang)
    assert result.exit_code == 0, result.output
    page = (place / "out" / "small" / "report.html").read_text(encoding="utf-8")
    name = endpoint("combined-remission").name[lang]
    assert Words(lang).key("record.table-counts", endpoint=name, week=24, n=100) in page
    assert Words(lang).key("record.readings-markers", because="") in page


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_word_file_holds_the_same_chapters_and_rules(place: Path, lang: str) -> None:
    docx = pytest.importorskip("docx")
    result = credibility(*where(place), "--lang", lang, "--format", "docx")
    assert result.exit_code == 0, result.output
    page = docx.Document(str(place / "out" / "small" / "report.docx"))
    words = Words(lang)
    heads = [p.text for p in page.paragraphs if p.style.name == "Heading 1"]
    for number in range(1, 8):
        assert f"{number} {words.key(f'record.chapter.{number}.title')}" in heads
    first = [[cell.text for cell in row.cells] for row in page.tables[0].rows]
    assert len(first) == 9 and first[1][2] == "Go on?"
    assert any(words.key("record.outcome-pass") in [c.text for c in row.cells] for t in page.tables for row in t.rows)


def test_without_python_docx_the_remedy_is_told(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "docx", None)
    result = credibility(*where(place), "--format", "docx")
    assert result.exit_code != 0
    assert 'pip install "homing[word]"' in str(result.exception)
    assert word.save_word.__doc__


def test_the_tipping_points_alone(place: Path) -> None:
    result = credibility(*where(place), "--tipping", "--json")
    assert result.exit_code == 0, result.output
    tips = json.loads(result.output)
    assert tips[0]["name"] == "posterior.cell_effect"
    assert all(tip["tips"] == (tip["factor"] is not None) for tip in tips)
    assert all(tip["low"] <= tip["factor"] <= tip["high"] for tip in tips if tip["tips"])
    assert len(credibility(*where(place), "--tipping").output.splitlines()) == len(tips)


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_word_file_says_what_the_page_says(place: Path, lang: str) -> None:
    docx = pytest.importorskip("docx")
    for form in ("html", "docx"):
        assert credibility(*where(place), "--lang", lang, "--format", form).exit_code == 0
    shown = html.unescape((place / "out" / "small" / "report.html").read_text(encoding="utf-8"))
    page = docx.Document(str(place / "out" / "small" / "report.docx"))
    texts = [p.text for p in page.paragraphs]
    words = Words(lang)
    whole = "\n".join([*texts, *(cell.text for table in page.tables for row in table.rows for cell in row.cells)])
    assert "(None)" not in whole, "a source without a year"
    for key in ("notice.context.within", "basis.assumed.meaning", "badge.exploratory.meaning", "appendix.this-run"):
        assert words.key(key) in shown and words.key(key) in whole, key
    read = words.key("appendix.source.read", what=words.key("read.abstract"))
    assert shown.count(read) == whole.count(read) > 0
    for basis in ("measured", "estimated", "assumed"):
        cells = [row.cells[4].text for table in page.tables if len(table.columns) == 6 for row in table.rows]
        assert cells.count(words.key(f"basis.{basis}")) > 0, "the basis of every value is there"


def altered(place: Path, tmp_path: Path) -> tuple[Path, list[object]]:
    """A copy of the finished run, and how its record is asked for."""
    shutil.copytree(place / "runs", tmp_path / "runs")
    asked = [place / "small.yaml", "--out", tmp_path / "out", "--runs", tmp_path / "runs", "--quiet"]
    return next((tmp_path / "runs").iterdir()), asked


@pytest.mark.parametrize("what", ["altered", "missing"])
def test_a_run_whose_files_were_altered_is_told_with_the_file_and_fails_the_rule(
    place: Path, tmp_path: Path, what: str
) -> None:
    run_folder, asked = altered(place, tmp_path)
    file = run_folder / "ledger.csv"
    file.unlink() if what == "missing" else file.write_text("patient\n", encoding="utf-8")
    told = json.loads(credibility(*asked, "--json").output)
    outcomes = {rule["rule"]: rule["outcome"] for rule in told["rules"]}
    assert told["kind"] == "report" and outcomes["files-intact"] == "fail"
    assert told["altered"] == {"ledger.csv": what}
    assert f"ledger.csv ({what})" in credibility(*asked).output
    assert f"ledger.csv ({what})" in (tmp_path / "out" / "small" / "report.html").read_text(encoding="utf-8")
    assert "ledger.csv" in credibility(*asked, "--tipping").stderr
    again = run(read_study(place / "small.yaml"), tmp_path / "runs")
    assert not again.reused and again.intact == 1


def test_results_that_were_altered_and_can_be_read_are_told_too(place: Path, tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    run_folder, asked = altered(place, tmp_path)
    table = pq.read_table(run_folder / "results.parquet")
    pq.write_table(table, run_folder / "results.parquet", compression="none")
    assert json.loads(credibility(*asked, "--json").output)["altered"] == {"results.parquet": "altered"}


@pytest.mark.parametrize(
    ("name", "content"),
    [("results.parquet", b"PAR1"), ("results.parquet", None), ("run.json", b"{}"), ("run.json", b"{")],
)
def test_a_run_that_cannot_be_read_is_refused_with_the_file(
    place: Path, tmp_path: Path, name: str, content: bytes | None
) -> None:
    run_folder, asked = altered(place, tmp_path)
    (run_folder / name).unlink() if content is None else (run_folder / name).write_bytes(content)
    for more in ([], ["--report"], ["--tipping"]):
        refused = credibility(*asked, *more).exception
        assert isinstance(refused, StudyError) and refused.where == str(run_folder / name)


def test_a_folder_of_runs_that_is_not_there_is_refused_unless_a_plan_is_asked_for(place: Path, tmp_path: Path) -> None:
    asked = [place / "small.yaml", "--out", tmp_path / "out", "--quiet"]
    for runs in (tmp_path / "none", place / "small.yaml"):
        for more in ([], ["--report"], ["--tipping"]):
            refused = credibility(*asked, "--runs", runs, *more).exception
            assert isinstance(refused, StudyError) and refused.where == str(runs)
        assert credibility(*asked, "--runs", runs, "--plan").exit_code == 0


def test_another_study_of_the_same_name_does_not_take_the_place_of_a_record(tmp_path: Path) -> None:
    for folder, influence in (("one", "low"), ("two", "high")):
        (tmp_path / folder).mkdir()
        text = TEXT.format(patients=20, seed=3, scenarios="[pooled]")
        more = RELIED.format(influence=influence, consequence="high")
        (tmp_path / folder / "small.yaml").write_text(text + more, encoding="utf-8")
    records = ["--out", tmp_path / "records", "--plan", "--quiet"]
    assert credibility(tmp_path / "one" / "small.yaml", *records).exit_code == 0
    before = (tmp_path / "records" / "small" / "plan.json").read_bytes()
    refused = credibility(tmp_path / "two" / "small.yaml", *records).exception
    assert isinstance(refused, StudyError) and str(tmp_path / "one" / "small.yaml") in refused.message
    assert (tmp_path / "records" / "small" / "plan.json").read_bytes() == before
    (tmp_path / "one").rename(tmp_path / "three")  # the study was moved: the record is still its own
    assert credibility(tmp_path / "three" / "small.yaml", *records).exit_code == 0
    assert credibility(tmp_path / "two" / "small.yaml", *records).exit_code == 1


def test_it_does_not_either_through_a_link_to_the_folder_of_records(tmp_path: Path) -> None:
    """Beside the link '..' is another place than within the folder that it leads to."""
    for folder, influence in (("one", "low"), ("two", "high")):
        (tmp_path / folder).mkdir()
        text = TEXT.format(patients=20, seed=3, scenarios="[pooled]")
        more = RELIED.format(influence=influence, consequence="high")
        (tmp_path / folder / "small.yaml").write_text(text + more, encoding="utf-8")
    (tmp_path / "far" / "away" / "records").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "far" / "away" / "records", target_is_directory=True)
    records = ["--out", tmp_path / "link", "--plan", "--quiet"]
    assert credibility(tmp_path / "one" / "small.yaml", *records).exit_code == 0
    before = (tmp_path / "link" / "small" / "plan.json").read_bytes()
    refused = credibility(tmp_path / "two" / "small.yaml", *records).exception
    assert isinstance(refused, StudyError) and str(tmp_path / "one" / "small.yaml") in refused.message
    assert (tmp_path / "link" / "small" / "plan.json").read_bytes() == before
    assert credibility(tmp_path / "one" / "small.yaml", *records).exit_code == 0


@pytest.fixture()
def provisional(monkeypatch: pytest.MonkeyPatch) -> None:
    """The posterior that ships, marked as a quick calibration marks its own."""
    found = replace(posteriors.posterior(), provisional=True)
    for module in (posteriors, publish, publish_credibility):
        monkeypatch.setattr(module, "posterior", lambda: found)


@pytest.mark.parametrize("lang", ["en", "zh"])
@pytest.mark.parametrize("kind", ["--plan", "--report"])
@pytest.mark.usefixtures("provisional")
def test_a_provisional_posterior_is_told_once_in_a_record_and_on_the_terminal(
    place: Path, lang: str, kind: str
) -> None:
    docx = pytest.importorskip("docx")
    notice = Words(lang).key("notice.uncalibrated")
    for form in ("html", "docx"):
        result = credibility(*where(place), kind, "--lang", lang, "--format", form)
        assert result.exit_code == 0, result.output
        assert result.stderr.count(notice) == 1
    file = place / "out" / "small" / f"{kind.strip('-')}.html"
    assert html.unescape(file.read_text(encoding="utf-8")).count(notice) == 1
    page = docx.Document(str(file.with_suffix(".docx")))
    assert "\n".join(p.text for p in page.paragraphs).count(notice) == 1


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--report", "--patients", "21"], "no finished run"),
        (["--tipping", "--patients", "21"], "no finished run"),
        (["--plan", "--report"], "one each"),
        (["--format", "pdf"], "html or docx"),
        (["--lang", "de"], "no language"),
    ],
)
def test_what_can_not_be_written_is_refused_with_the_remedy(place: Path, options: list[str], says: str) -> None:
    result = credibility(*where(place), *options)
    assert result.exit_code != 0
    assert says in str(result.exception)
    assert getattr(result.exception, "exit_code", None) == 2


def test_a_study_that_states_nothing_gets_the_template(tmp_path: Path) -> None:
    file = tmp_path / "silent.yaml"
    file.write_text(TEXT.format(patients=20, seed=3, scenarios="[pooled]"), encoding="utf-8")
    result = credibility(file, "--out", tmp_path / "out")
    assert getattr(result.exception, "exit_code", None) == 2
    assert "credibility:\n  question:" in str(result.exception)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "option",
    [
        *(["--plan"], ["--report"], ["--tipping"], ["--patients", "20"], ["--seed", "3"]),
        *(["--format", "html"], ["--runs", "runs"], ["--threads", "1"]),
    ],
)
def test_options_of_a_study_are_refused_where_none_is_named(option: list[str]) -> None:
    result = credibility(*option)
    assert getattr(result.exception, "exit_code", None) == 2
    assert str(result.exception).startswith(f"{option[0]}: ") and "Name the study file" in str(result.exception)
    assert not result.output


def test_without_a_study_the_hold_outs_are_shown() -> None:
    shown = credibility().output
    assert "combined remission, week 24: ADMIRE-CD II" in shown and "meta-analysis" in shown
    assert CHINESE.search(credibility("--lang", "zh").output)
    told = json.loads(credibility("--json").output)
    assert {row["trial"] for row in told["rows"]} >= {"ADMIRE-CD-II", "SPARE"}


def test_the_hold_outs_are_written_as_a_page_with_pictures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    course = {"x": [0.0, 52.0], "low": [0.1, 0.2], "middle": [0.3, 0.4], "high": [0.5, 0.6], "seen": []}
    checks = {
        "draws": 2,
        "patients": 10,
        "courses": [{"key": "relapse", "of": "stopped", **course}],
        "doses": {"key": "dose", "of": "week-24", **course},
        "baseline": {},
    }
    monkeypatch.setattr(credibility_page, "shipped_checks", lambda folder=None: checks)
    result = credibility("--out", tmp_path, "--lang", "zh")
    assert result.exit_code == 0, result.output
    text = (tmp_path / "held-out-trials.md").read_text(encoding="utf-8")
    links = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text)
    assert len(links) >= 4 and all((tmp_path / link).is_file() for link in links)
    assert "ADMIRE-CD II" in text and CHINESE.search(text)


def test_where_no_posterior_ships_the_remedy_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shipped, "catalogue_root", lambda: tmp_path)
    shipped.shipped_verdict.cache_clear()
    try:
        result = credibility()
    finally:
        shipped.shipped_verdict.cache_clear()
    assert getattr(result.exception, "exit_code", None) == 2
    assert "homing calibrate" in str(result.exception)
