"""A user's own folder lies over the shipped store, and nothing shipped is changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from homing.cli.evidence import app
from homing.evidence.root import use_folder
from homing.evidence.store import load_store
from homing.ground.errors import EvidenceError

SOURCES = """own-report:
  title: "Our own report"
  year: 2026
  ids: {url: "file:report"}
  read: full text
"""
TRIAL = """name: Our trial
ids: {url: "file:report"}
year: '2026'
design: {en: "one centre", zh: 单中心}
randomised: 'no'
blinded: 'no'
disease: crohn
phenotype: {en: fistulas, zh: 瘘管}
sources: [own-report]
arms:
  cells: {label: {en: our cells, zh: 我们的细胞}, role: candidate, treatment: adipose-msc-autologous, n: '12'}
outcomes:
  - {arm: cells, endpoint: fistula-healing, week: '24', n: '12', events: '7', printed: 7/12, source: own-report, at: p3}
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "trials").mkdir()
    (tmp_path / "sources.yaml").write_text(SOURCES, encoding="utf-8")
    (tmp_path / "trials" / "Our-trial.yaml").write_text(TRIAL, encoding="utf-8")
    monkeypatch.setenv("HOMING_EVIDENCE", str(tmp_path))
    return tmp_path


def test_a_trial_of_ones_own_stands_beside_the_shipped_ones(folder: Path) -> None:
    store = load_store()
    assert store.trial("Our-trial").layer == str(folder)
    assert store.trial("ADMIRE-CD").layer == "homing"
    result = CliRunner().invoke(app, ["list", "--treatment", "adipose-msc-autologous", "--json"])
    assert '"whose": "yours"' in result.output


def test_a_shipped_trial_can_be_replaced_by_ones_own(folder: Path) -> None:
    (folder / "trials" / "ADMIRE-CD.yaml").write_text(TRIAL, encoding="utf-8")
    assert load_store().trial("ADMIRE-CD").name == "Our trial"
    (folder / "trials" / "ADMIRE-CD.yaml").unlink()
    assert load_store().trial("ADMIRE-CD").name == "ADMIRE-CD"


def test_a_change_of_a_file_is_seen_at_once(folder: Path) -> None:
    assert load_store().trial("Our-trial").outcomes[0].events == 7
    file = folder / "trials" / "Our-trial.yaml"
    file.write_text(TRIAL.replace("events: '7', printed: 7/12", "events: '8', printed: 8/12"), encoding="utf-8")
    assert load_store().trial("Our-trial").outcomes[0].events == 8


def test_a_question_of_ones_own_asks_both(folder: Path) -> None:
    (folder / "questions").mkdir()
    (folder / "questions" / "ours.yaml").write_text(
        "title: {en: Ours, zh: 我们}\nabout: {en: Ours., zh: 我们。}\nalone:\n"
        "  - {trial: Our-trial, arm: cells, endpoint: fistula-healing, week: '24'}\n"
        "  - {trial: Dietz-2017, arm: cells, endpoint: fistula-healing, week: '26'}\n",
        encoding="utf-8",
    )
    assert [s.trial.key for s in load_store().single_arms("ours")] == ["Dietz-2017", "Our-trial"]


def test_a_fault_in_ones_own_names_the_file_and_line(folder: Path) -> None:
    file = folder / "trials" / "Our-trial.yaml"
    file.write_text(TRIAL.replace("own-report, at", "some-report, at"), encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"Our-trial\.yaml:13.*unknown source 'some-report'"):
        load_store()


def test_check_finds_what_cannot_be_in_ones_own(folder: Path) -> None:
    file = folder / "trials" / "Our-trial.yaml"
    file.write_text(TRIAL.replace("n: '12', events: '7'", "n: '12', events: '17'"), encoding="utf-8")
    result = CliRunner().invoke(app, ["check"])
    assert result.exit_code == 2
    assert "17 events of 12 patients" in result.output


def test_a_folder_that_is_not_there_is_refused(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["check", "--folder", str(tmp_path / "nowhere")])
    assert isinstance(result.exception, EvidenceError)
    file = tmp_path / "file"
    file.write_text("x", encoding="utf-8")
    with pytest.raises(EvidenceError, match="is a file"):
        use_folder(file)


def test_the_kept_store_is_that_of_the_code_that_read_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from homing.evidence.store import shipped_store
    from homing.ground import cache

    monkeypatch.setenv("HOMING_CACHE", str(tmp_path))
    assert cache.code_digest("evidence") != cache.code_digest("ground")
    for digest in ("before", "before", "after"):
        monkeypatch.setattr(cache, "code_digest", lambda *_, digest=digest: digest)
        shipped_store.cache_clear()
        shipped_store()
    assert len(list((tmp_path / "evidence").iterdir())) == 2
