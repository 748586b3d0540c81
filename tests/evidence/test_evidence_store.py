"""The evidence store: clean as shipped, strict in reading, and its checks find what cannot be."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from homing.cli.evidence import app
from homing.evidence.catalogue import entry_of_file, names
from homing.evidence.check import check_store, faults
from homing.evidence.root import catalogue_root
from homing.evidence.sources import load_sources
from homing.evidence.store import Store, load_store, read_question
from homing.evidence.trial_entries import read_trial
from homing.ground.errors import EvidenceError, StudyError

STORE = load_store()


def test_the_shipped_store_is_clean() -> None:
    assert faults(STORE) == []


def test_the_store_is_as_large_and_as_wide_as_it_says() -> None:
    trials = STORE.trials.values()
    assert len(trials) >= 350
    assert sum(len(t.outcomes) for t in trials) >= 1000
    assert sum(len(t.adverse_events) for t in trials) >= 250
    assert sum(len(t.kinetics) for t in trials) >= 100
    assert {t.status for t in trials} >= {"published", "ongoing", "terminated", "unpublished", "withdrawn"}
    treatments = {arm.treatment for t in trials for arm in t.arms.values()}
    cells = {"adipose-msc-allogeneic", "umbilical-cord-msc", "hsct-autologous", "treg-polyclonal", "car-t-cd19", "fmt"}
    drugs = {"infliximab", "adalimumab", "vedolizumab", "ustekinumab", "risankizumab", "mirikizumab", "upadacitinib"}
    assert cells | drugs <= treatments


def test_claims_and_gaps_are_told_with_their_sources() -> None:
    claims = {c.key: c for c in STORE.claims}
    assert "41.6" in claims["darvadstrocel-59-percent"].says["en"]
    assert "2023" in claims["meta-analysis-of-25-trials"].says["en"]
    assert claims["response-87-percent"].verdict == "no source found"
    assert all(c.sources for c in STORE.claims if c.verdict != "no source found")
    assert len(STORE.gaps) >= 100


def test_the_trials_of_the_five_examples_are_there() -> None:
    assert {"ADMIRE-CD", "ADMIRE-CD-II", "Hu-2016", "ASTIC", "ASTIClite", "Burt-2010", "CATS1"} <= set(STORE.trials)


@pytest.mark.parametrize("key", sorted(STORE.trials))
def test_every_number_of_a_trial_has_a_source_that_was_read(key: str) -> None:
    trial = STORE.trial(key)
    sources = load_sources()
    for row in trial.rows:
        assert sources[row.source].read
        assert row.at, f"{row} does not say where in its source it stands"
        assert row.n is None or 0 < row.n <= trial.arms[row.arm].n


@pytest.mark.parametrize("key", sorted(STORE.questions))
def test_every_question_is_answered_by_counts(key: str) -> None:
    comparisons, singles = STORE.comparisons(key), STORE.single_arms(key)
    assert comparisons or singles
    for c in comparisons:
        assert 0 <= c.candidate.events <= c.candidate.n and 0 <= c.control.events <= c.control.n
    years = [c.trial.year for c in comparisons]
    assert years == sorted(years)  # type: ignore[type-var]


def test_the_two_trials_of_darvadstrocel_are_as_reported() -> None:
    first, second = STORE.comparisons("perianal-fistula-darvadstrocel")
    assert (first.candidate.events, first.candidate.n, first.control.events, first.control.n) == (53, 107, 36, 105)
    assert (second.candidate.n, second.control.n) == (283, 285)
    assert second.candidate.events / 283 - second.control.events / 285 == pytest.approx(0.024, abs=5e-4)


def test_a_report_that_contradicts_the_chosen_one_is_kept_and_not_used() -> None:
    trial = STORE.trial("ADMIRE-CD")
    kept = [o for o in trial.outcomes if o.contradicts]
    assert {o.n for o in kept} == {103, 101}
    assert not any(o.contradicts for o in STORE.outcomes("ADMIRE-CD"))


def test_safety_holds_the_control_arm_beside_the_product() -> None:
    rows = [(t.key, e.arm) for t, e in STORE.safety("darvadstrocel") if e.event == "related-adverse-event"]
    assert ("ADMIRE-CD", "cells") in rows and ("ADMIRE-CD", "placebo") in rows


def test_unknown_names_are_refused_with_the_nearest() -> None:
    with pytest.raises(StudyError, match="Did you mean 'ADMIRE-CD-II'"):
        STORE.trial("ADMIRE-CDII")
    with pytest.raises(StudyError, match="Did you mean 'treg-cd'"):
        STORE.question("treg-dc")


def changed(key: str, **outcome: object) -> Store:
    """The store with the first outcome of a trial changed."""
    trial = STORE.trial(key)
    rows = (replace(trial.outcomes[0], **outcome), *trial.outcomes[1:])  # type: ignore[arg-type]
    return replace(STORE, trials={**STORE.trials, key: replace(trial, outcomes=rows)})


@pytest.mark.parametrize(
    ("outcome", "says"),
    [
        ({"events": 108}, "108 events of 107"),
        ({"n": 200}, "the arm had 107"),
        ({"events": 60}, r"60 of 107 is 56\.1 %, and 50 % is printed"),
        ({"printed": "", "derived": ""}, "neither what the source prints"),
        ({"week": 25.0}, "question .*: ADMIRE-CD has 0 counts"),
    ],
)
def test_what_cannot_be_is_found(outcome: dict, says: str) -> None:
    import re

    found = faults(changed("ADMIRE-CD", **outcome))
    assert any(re.search(says, fault) for fault in found), found


@pytest.mark.parametrize(
    ("trial", "says"),
    [
        ({"ids": {"nct": "NCT0154157"}}, "is no NCT number"),
        ({"ids": {"doi": "doi.org/10.1/x"}}, "is no DOI number"),
        ({"blinding": "none"}, "its blinding is 'none'"),
        ({"shares_patients_with": ("Nobody-1999",)}, "which is not in the store"),
        ({"outcomes": (), "adverse_events": (), "kinetics": (), "notes": ()}, "neither results nor a note"),
    ],
)
def test_what_cannot_be_of_a_trial_is_found(trial: dict, says: str) -> None:
    wrong = replace(STORE.trial("ADMIRE-CD"), **trial)
    found = faults(replace(STORE, trials={**STORE.trials, "ADMIRE-CD": wrong}))
    assert any(says in fault for fault in found), found


def test_a_retracted_source_is_a_fault_and_a_corrected_one_a_remark(monkeypatch: pytest.MonkeyPatch) -> None:
    from homing.evidence import check

    sources = dict(load_sources())
    key = STORE.trial("CATS1").outcomes[0].source
    for field, kind in (("retracted", "fault"), ("corrected", "remark")):
        changed_source = replace(sources[key], **{field: "1 May 2024"})
        monkeypatch.setattr(check, "load_sources", lambda s=changed_source: {**sources, key: s})
        assert any(f.kind == kind and "1 May 2024" in f.what for f in check_store(STORE))


def test_a_question_that_counts_patients_twice_is_found() -> None:
    question = STORE.question("perianal-fistula-msc")
    pair = replace(question.singles[0], trial="Dozois-2023", candidate="cells", endpoint="fistula-healing", week=26.0)
    dietz = replace(pair, trial="Dietz-2017")
    both = replace(question, singles=(pair, dietz))
    found = faults(replace(STORE, questions={**STORE.questions, question.key: both}))
    assert any("which are the same" in fault for fault in found)


def test_one_trial_under_two_names_is_found() -> None:
    twin = replace(STORE.trial("ADMIRE-CD"), key="again")
    found = faults(replace(STORE, trials={**STORE.trials, "again": twin}))
    assert any("is that of again too" in fault for fault in found)


TRIAL = (catalogue_root() / "trials" / "Zhou-2020.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("blinded: 'no'", "blinded: 'maybe'", "'maybe' is not known here"),
        ("disease: crohn", "disease: chron", "Did you mean 'crohn'"),
        ("role: control", "role: controll", "Did you mean 'control'"),
        ("product: autologous-adipose-msc", "product: autologous-adipose", "unknown product"),
        ("endpoint: fistula-healing", "endpoint: fistula-heeling", "Did you mean 'fistula-healing'"),
        ("source: zhou-2020-autologous-adipose-msc", "source: zhou-2020", "unknown source"),
        ("arm: surgery", "arm: surgury", "Did you mean 'surgery'"),
        ("n: '11', events: '10'", "n: '11', events: '10.5'", "not a count"),
        ("n: '11', events: '10'", "n: '11', event: '10'", "unknown field 'event'"),
        ("n: '11', events: '10', printed", "n: '11', printed", "needs one of events"),
        ("year: '2020'", "year: 'soon'", "soon"),
        ("doi:", "dio:", "Did you mean 'doi'"),
        ("name: Zhou 2020\n", "", "needs the field 'name'"),
        ("phenotype: {en: complex fistulas-in-ano, zh: 复杂性肛瘘}", "phenotype: {en: x}", "needs the field 'zh'"),
    ],
)
def test_a_faulty_trial_is_refused_at_its_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in TRIAL
    file = tmp_path / "some.yaml"
    file.write_text(TRIAL.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"some\.yaml:\d+") as error:
        read_trial(entry_of_file(file))
    assert says in str(error.value)


def test_a_question_that_names_an_unknown_trial_is_refused(tmp_path: Path) -> None:
    text = (catalogue_root() / "questions" / "treg-cd.yaml").read_text(encoding="utf-8")
    file = tmp_path / "some.yaml"
    file.write_text(text.replace("trial: CATS1", "trial: CATS2", 1), encoding="utf-8")
    with pytest.raises(EvidenceError, match="unknown trial 'CATS2'"):
        read_question(entry_of_file(file))


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def test_the_command_line_lists_shows_checks_and_pools() -> None:
    listed = json.loads(invoke("list", "--json"))
    assert {row["key"] for row in listed} == set(names("trials"))
    few = json.loads(invoke("list", "--question", "treg-cd", "--json"))
    assert [row["key"] for row in few] == ["CATS1"]
    assert "53/107" in invoke("show", "ADMIRE-CD")
    assert "0 faults" in invoke("check")
    assert "perianal-fistula-msc" in invoke("list", "--questions")


def test_leaving_out_the_trial_that_failed_changes_the_answer() -> None:
    both = json.loads(invoke("pool", "perianal-fistula-msc", "--measure", "odds-ratio", "--json"))
    early = json.loads(
        invoke("pool", "perianal-fistula-msc", "--measure", "odds-ratio", "--without", "ADMIRE-CD-II", "--json")
    )
    assert early["pooled"]["estimate"] > 1.9 > 1.6 > both["pooled"]["estimate"]
    assert both["pooled"]["k"] == 4 and early["pooled"]["k"] == 3


def test_a_question_without_controlled_trials_lists_its_arms() -> None:
    assert "No controlled trial" in invoke("pool", "treg-cd")
    assert "0.750 (0.349 to 0.968)" in invoke("pool", "treg-cd")


@pytest.mark.parametrize("option", ["--measure", "--method"])
def test_an_unknown_way_of_pooling_is_refused_even_where_nothing_is_pooled(option: str) -> None:
    result = CliRunner().invoke(app, ["pool", "treg-cd", option, "foo"])
    assert isinstance(result.exception, StudyError) and option in str(result.exception)


def test_a_measure_that_does_not_exist_for_an_empty_cell_is_refused_with_the_remedy() -> None:
    result = CliRunner().invoke(app, ["pool", "luminal-cd-iv-msc", "--measure", "odds-ratio"])
    assert isinstance(result.exception, StudyError)
    assert "--zeros) drop" in str(result.exception)
    assert "1 trials" in invoke("pool", "luminal-cd-iv-msc", "--measure", "odds-ratio", "--zeros", "add-half")
