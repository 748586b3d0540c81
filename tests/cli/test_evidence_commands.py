"""`homing evidence`: bringing in, taking out and drawing, as a user does."""

from __future__ import annotations

import csv
import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from homing.cli.evidence import app
from homing.evidence.store import load_store
from homing.ground.errors import EvidenceError, StudyError

RECORD = Path(__file__).parents[1] / "files" / "ctgov" / "NCT02552212.json"


@pytest.fixture(autouse=True)
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "mine"
    monkeypatch.setenv("HOMING_EVIDENCE", str(folder))
    monkeypatch.chdir(tmp_path)
    return folder


def invoke(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == code, (result.output, result.exception)
    return result.output


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert isinstance(result.exception, EvidenceError | StudyError), result.output
    return str(result.exception)


ROW = ("endpoint=fistula-healing", "week=24", "events=7", "n_outcome=12", "printed=7/12", "source=ours", "at=table 1")


def test_a_result_of_a_new_trial_is_added_shown_and_counted(own: Path) -> None:
    invoke("add", "Our-trial", "cells", "label=our cells", "role=candidate", "n=12", "disease=crohn", *ROW,
           "source_id=10.1000/xyz")  # fmt: skip
    invoke("add", "Our-trial", "cells", *(r.replace("24", "52").replace("7", "5") for r in ROW))
    shown = invoke("show", "Our-trial")
    assert "7/12 (58.3 %)" in shown and "5/12 (41.7 %)" in shown
    assert (own / "trials" / "Our-trial.yaml").exists() and (own / "sources.yaml").exists()


def test_a_result_added_to_a_shipped_trial_leaves_the_others_as_they_were(own: Path) -> None:
    before = json.loads(invoke("show", "ADMIRE-CD", "--json"))
    invoke("add", "ADMIRE-CD", "cells", "endpoint=pdai", "week=24", "mean=-2", "sd=1", "n_outcome=103", "printed=-2",
           "source=ours", "source_id=10.1000/xyz", "at=p. 4")  # fmt: skip
    after = json.loads(invoke("show", "ADMIRE-CD", "--json"))
    assert after["outcomes"][:-1] == before["outcomes"]
    assert after["arms"] == before["arms"]
    assert after["outcomes"][-1]["endpoint"] == "pdai" and after["layer"] == str(own)


def test_what_cannot_be_added_is_refused_and_nothing_is_written(own: Path) -> None:
    assert "17 events of 12" in refused("add", "Our-trial", "cells", *(r.replace("=7", "=17") for r in ROW))
    assert "is not column=value" in refused("add", "Our-trial", "cells", "week")
    assert "Did you mean 'endpoint'" in refused("add", "Our-trial", "cells", "endpont=pdai")
    assert not (own / "trials").exists()


def test_a_registry_record_is_imported_with_its_safety_and_what_has_no_word_is_listed(own: Path) -> None:
    told = invoke("import", str(RECORD))
    assert "no word for" in told and "adverse events" in told
    trial = json.loads(invoke("show", "NCT02552212", "--json"))
    assert trial["ids"]["nct"] == "NCT02552212" and trial["adverse_events"]
    for event in trial["adverse_events"]:
        assert 0 <= event["events"] <= event["n"] <= trial["arms"][event["arm"]]["n"]
    assert "is there already" in refused("import", str(RECORD))
    named = invoke("import", str(RECORD), "--replace", "--name", "ASAS40=clinical-response")
    assert named.count("no word for") < told.count("no word for")
    assert json.loads(invoke("show", "NCT02552212", "--json"))["outcomes"]


def test_a_table_is_imported_from_its_template(own: Path, tmp_path: Path) -> None:
    template = tmp_path / "table.csv"
    invoke("import", "--template", str(template))
    template.write_text(template.read_text(encoding="utf-8-sig").replace("EXAMPLE,", "Mine-2026,"), encoding="utf-8")
    assert "2 arms, 2 outcomes" in invoke("import", str(template))
    assert "53/107" in invoke("show", "Mine-2026")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["import"], "name the file"),
        (["import", "nowhere.json"], "no such file"),
        (["import", "nowhere.csv"], "no such file"),
        (["import", str(RECORD), "--name", "x"], "--name"),
        (["plot", "pie"], "there is no picture"),
        (["plot", "forest"], "is of a question"),
        (["plot", "forest", "treg-cd"], "no controlled trial"),
        (["plot", "forest", "perianal-fistula-msc", "--lang", "fr"], "--lang"),
        (["export", "--trial", "Nobody-1999"], "there is no trial"),
    ],
)
def test_what_cannot_be_is_refused_with_what_would_be_right(arguments: list[str], says: str) -> None:
    assert says in refused(*arguments)


def test_the_store_is_exported_as_tables_that_hold_every_outcome(tmp_path: Path) -> None:
    invoke("export", "--out", str(tmp_path / "tables"), "--trial", "ADMIRE-CD", "--trial", "ASTIC")
    with (tmp_path / "tables" / "outcomes.csv").open(encoding="utf-8-sig", newline="") as stream:
        rows = list(csv.DictReader(stream))
    shown = [json.loads(invoke("show", key, "--json")) for key in ("ADMIRE-CD", "ASTIC")]
    assert len(rows) == sum(len(trial["outcomes"]) for trial in shown)


@pytest.mark.parametrize(
    ("kind", "more"),
    [
        ("forest", ["perianal-fistula-msc", "--by", "risk-of-bias"]),
        ("funnel", ["uc-fmt", "--zeros", "add-half"]),
        ("cumulative", ["perianal-fistula-msc"]),
        ("leave-one-out", ["perianal-fistula-msc", "--measure", "risk-ratio"]),
        ("baujat", ["perianal-fistula-msc"]),
        ("labbe", ["perianal-fistula-msc"]),
        ("bubble", ["uc-fmt", "--zeros", "add-half"]),
        ("time-course", ["perianal-fistula-adipose-or-marrow"]),
        ("network", ["ulcerative-colitis"]),
        ("map", []),
    ],
)
@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_picture_is_drawn_in_both_languages(kind: str, more: list[str], lang: str, tmp_path: Path) -> None:
    told = invoke("plot", kind, *more, "--lang", lang, "--out", str(tmp_path / "pictures"))
    files = [Path(line) for line in told.splitlines() if line.endswith((".svg", ".pdf", ".png"))]
    assert files and all(file.stat().st_size > 2000 for file in files)
    assert any(file.suffix == ".svg" for file in files)


def test_sensitivity_says_what_each_trial_does_and_what_too_few_trials_can_not() -> None:
    found = json.loads(invoke("sensitivity", "perianal-fistula-msc", "--json"))
    last = found["trials"][-1]
    whole = next(t for t in found["tests"] if t["test"] == "all trials")["pooled"]
    assert last["up to it"] == whole
    one = json.loads(
        invoke("pool", "perianal-fistula-msc", "--measure", "odds-ratio", "--without", last["trial"], "--json")
    )
    assert last["without it"]["estimate"] == pytest.approx(one["pooled"]["estimate"], rel=1e-10)
    assert "fewer than 10" in next(t for t in found["tests"] if t["test"] == "Egger's test")["said"]
    few = invoke("sensitivity", "perianal-fistula-darvadstrocel")
    assert "selection model: not done" in few
    assert "nothing to compare" in refused("sensitivity", "hsct-cd-mortality")
    assert "odds-ratio" in refused("sensitivity", "perianal-fistula-msc", "--measure", "ods-ratio")


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--by", "time", "--measure", "odds-ratio"], "--measure"),
        (["--by", "group", "--contradicting"], "--contradicting"),
        (["--by", "dose", "--battery"], "--battery"),
        (["--battery", "--method", "DL", "--bias", "low"], "--method, --bias"),
        (["--correlation", "0.5"], "--correlation"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(arguments: list[str], says: str) -> None:
    said = refused("pool", "perianal-fistula-adipose-or-marrow", *arguments)
    assert says in said and "does nothing with" in said


def test_a_trial_left_out_is_left_out_of_the_time_course_too() -> None:
    def arms(*more: str) -> set[str]:
        found = json.loads(invoke("pool", "perianal-fistula-msc", "--by", "time", "--json", *more))
        return {reading["arm"].split("/")[0] for reading in found["readings"]}

    assert arms() - arms("--without", "Molendijk-2015") == {"Molendijk-2015"}


def test_nothing_is_printed_before_a_refusal() -> None:
    result = CliRunner().invoke(app, ["pool", "luminal-cd-iv-msc", "--measure", "odds-ratio"])
    assert isinstance(result.exception, StudyError) and result.output == ""


def test_arms_of_randomised_trials_are_said_to_be_so() -> None:
    found = json.loads(invoke("pool", "perianal-fistula-dose", "--json"))["uncontrolled"]
    assert {row["trial"] for row in found if row["of"] == "a randomised trial"} == {
        "Molendijk-2015",
        "ADMIRE-CD",
        "ADMIRE-CD-II",
    }


def test_other_pictures_have_other_names(tmp_path: Path) -> None:
    def drawn(*arguments: str) -> set[str]:
        invoke("plot", *arguments, "--out", str(tmp_path))
        return {file.name for file in tmp_path.iterdir()}

    first = drawn("forest", "perianal-fistula-msc")
    for more in (["--measure", "risk-ratio"], ["--method", "DL"], ["--by", "risk-of-bias"]):
        names = drawn("forest", "perianal-fistula-msc", *more)
        assert len(names) == len(first) + 3
        first = names
    assert drawn("forest", "perianal-fistula-msc", "--measure", "risk-ratio") == first


def test_json_has_no_number_that_json_does_not_know(monkeypatch: pytest.MonkeyPatch) -> None:
    from homing.cli.evidence import background
    from homing.cli.evidence.options import finite

    nowhere = {"slope": math.nan, "low": -math.inf, "high": math.inf, "p": math.nan}
    monkeypatch.setattr(background, "_drift", lambda *_: nowhere)
    found = json.loads(invoke("placebo", "mayo-remission", "--json"), parse_constant=pytest.fail)
    assert set(found["year"].values()) == {None}
    assert finite({"a": [1.0, (math.nan, "x")]}) == {"a": [1.0, [None, "x"]]}


def test_a_trial_without_a_year_is_taken_with_and_its_trend_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    store = load_store()
    trials = {**store.trials, "LOTUS": replace(store.trial("LOTUS"), year=None)}
    monkeypatch.setattr("homing.cli.evidence.sensitivity.open_store", lambda _: replace(store, trials=trials))
    found = json.loads(invoke("sensitivity", "uc-fmt", "--zeros", "add-half", "--json"))
    assert len(found["trials"]) == 7
    by_year = next(test for test in found["tests"] if test["test"] == "change by year")
    assert "no year is known of LOTUS" in by_year["said"]


def test_trim_and_fill_is_by_the_method_asked_for() -> None:
    def filled(method: str) -> dict[str, float]:
        told = json.loads(invoke("sensitivity", "uc-fmt", "--zeros", "add-half", "--method", method, "--json"))
        found: dict[str, float] = next(test for test in told["tests"] if test["test"] == "trim and fill")["pooled"]
        return found

    from homing.synthesis.asymmetry import trim_and_fill
    from homing.synthesis.question import effects_of

    effects = effects_of(load_store().comparisons("uc-fmt"), "odds-ratio", "add-half")
    for method in ("DL", "common"):
        expected = trim_and_fill(effects, method=method, adjust="knapp-hartung").pooled.natural()  # type: ignore[arg-type]
        assert filled(method)["estimate"] == pytest.approx(expected.estimate)


def commented(own: Path) -> Path:
    """A trial file as one writes it by hand, with comments in every part."""
    invoke("add", "Our-trial", "cells", "label=our cells", "role=candidate", "n=12", "disease=crohn", *ROW,
           "source_id=10.1000/xyz")  # fmt: skip
    file = own / "trials" / "Our-trial.yaml"
    file.write_text(
        "# our own trial\nname: Our-trial\nids: {}\ndesign: {en: open, zh: 开放}\nrandomised: 'no'\nblinded: 'no'\n"
        "disease: crohn\nphenotype: {en: fistulas, zh: 瘘管}\narms:\n"
        "  cells: {label: {en: our cells, zh: 我们的细胞}, role: candidate, n: '12'}\n  # no control\n"
        "outcomes:\n  # read twice\n"
        "  - {arm: cells, endpoint: fistula-healing, week: '24', n: '12', events: '7', printed: 7/12, source: ours}\n"
        "notes:\n  - {en: Sent by letter., zh: 来信。}  # by post\n",
        encoding="utf-8",
    )
    return file


def test_what_is_added_leaves_comments_and_every_other_line(own: Path) -> None:
    file = commented(own)
    before = file.read_text(encoding="utf-8").splitlines()
    invoke("add", "Our-trial", "cells", "year=2026", "treated=11", *(r.replace("24", "52") for r in ROW))
    after = file.read_text(encoding="utf-8").splitlines()
    kept = [line for line in before if line in after]
    assert [line for line in before if line not in kept] == [before[9]]  # the arm's own line, which got a fact
    assert [line for line in after if line in before] == kept
    shown = json.loads(invoke("show", "Our-trial", "--json"))
    assert shown["year"] == 2026 and shown["arms"]["cells"]["treated"] == 11 and len(shown["outcomes"]) == 2
    assert shown["notes"] == [{"en": "Sent by letter.", "zh": "来信。"}]
    invoke("add", "Our-trial", "care", "label=care", "role=control", "n=9", *(r.replace("12", "9") for r in ROW))
    assert json.loads(invoke("show", "Our-trial", "--json"))["arms"]["care"]["n"] == 9
    assert {"# our own trial", "  # no control", "  # read twice"} <= set(file.read_text(encoding="utf-8").splitlines())


@pytest.mark.parametrize(
    ("facts", "says"),
    [
        (("n=13", *ROW), "`n` is '12' there, and '13' is given"),
        (("disease=ulcerative-colitis", *ROW), "`disease` is crohn there"),
        (("endpoint=pdai", "week=24", "events=9", "n_outcome=13", "source=ours", "printed=9/13"), "the arm had 12"),
        (("endpoint=pdai", "week=24", "events=9", "n_outcome=10", "source=ours", "printed=80 %"), "80 % is printed"),
    ],
)
def test_what_would_be_wrong_is_refused_before_it_is_written(own: Path, facts: tuple[str, ...], says: str) -> None:
    file = commented(own)
    before = file.read_bytes(), (own / "sources.yaml").read_bytes()
    assert says in refused("add", "Our-trial", "cells", *facts)
    assert (file.read_bytes(), (own / "sources.yaml").read_bytes()) == before
    assert [f.name for f in (own / "trials").iterdir()] == ["Our-trial.yaml"]


@pytest.mark.parametrize("fault", ["broken: [", "wrong number"])
def test_a_fault_elsewhere_in_the_folder_is_told_and_the_row_is_written(own: Path, fault: str) -> None:
    file = commented(own)
    other = file.read_text(encoding="utf-8").replace("events: '7'", "events: '70'")
    (own / "trials" / "Other.yaml").write_text(other if fault == "wrong number" else fault, encoding="utf-8")
    told = invoke("add", "Our-trial", "cells", *(r.replace("24", "52") for r in ROW))
    assert "elsewhere in your folder" in told
    assert "week: '52'" in file.read_text(encoding="utf-8")


def test_a_shipped_trial_is_hidden_only_when_asked(own: Path, tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    invoke("import", "--template", str(table))
    rows = table.read_text(encoding="utf-8-sig")
    table.write_text(rows.replace("EXAMPLE,", "ADMIRE-CD,"), encoding="utf-8")
    assert "--over-shipped" in refused("import", str(table))
    assert not (own / "trials").exists()
    invoke("import", str(table), "--over-shipped")
    assert json.loads(invoke("show", "ADMIRE-CD", "--json"))["layer"] == str(own)


def test_a_shipped_trial_under_another_key_is_refused(own: Path, tmp_path: Path) -> None:
    number = load_store().trial("ADMIRE-CD").ids["nct"]
    table = tmp_path / "table.csv"
    table.write_text(
        "study,arm,ids,n,endpoint,week,events,n_outcome,source,source_id,printed\n"
        f"Again,cells,nct {number},9,fistula-healing,24,5,9,ours,10.1000/xyz,5/9\n",
        encoding="utf-8",
    )
    assert f"{number} is 'ADMIRE-CD' of Homing's" in refused("import", str(table))
    assert not (own / "trials").exists()
