"""A calibration's folder: checked before anything is simulated, never another's, a try never taken for a release."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from homing.cli.main import app
from homing.credibility import calibrating, files, shipped
from homing.credibility.calibration.run import FULL, QUICK, Effort
from homing.credibility.files import DIAGNOSTICS, SCORES, is_final, take_folder
from homing.evidence.root import catalogue_root
from homing.ground.errors import EvidenceError, StudyError
from homing.patients import posterior as posteriors
from homing.patients.posterior import read_posterior
from homing.report.words import Words

SHIPPED = catalogue_root() / "posterior"


def finished(folder: Path, effort: Effort, seed: int) -> Path:
    """A folder with the results of a calibration, as far as it says of which."""
    folder.mkdir()
    (folder / DIAGNOSTICS).write_text(json.dumps({"effort": {**vars(effort), "seed": seed}}), encoding="utf-8")
    return folder


@pytest.mark.parametrize("given", [["--out", "/dev/null"], ["--out", "/dev/null/below"], ["--out", ""]])
def test_a_place_that_takes_no_files_is_refused_before_anything_is_simulated(
    given: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("numpyro")
    monkeypatch.setattr(calibrating, "calibrate", lambda *more: pytest.fail("it was begun"))
    result = CliRunner().invoke(app, ["calibrate", "--quick", *given])
    assert isinstance(result.exception, StudyError) and result.exception.exit_code == 2
    assert result.exception.where in (given[1], "--out")


@pytest.mark.parametrize(("effort", "seed", "says"), [(QUICK, 2019, "points 256 there, 48 here"), (FULL, 7, "seed 20")])
def test_results_of_another_effort_or_seed_are_left_alone(tmp_path: Path, effort: Effort, seed: int, says: str) -> None:
    folder = finished(tmp_path / "calibration", FULL, 2019)
    with pytest.raises(StudyError, match=says) as caught:
        take_folder(folder, effort, seed)
    assert "--out" in str(caught.value) and caught.value.where == str(folder)
    take_folder(folder, FULL, 2019)
    take_folder(tmp_path / "another", effort, seed)


def test_results_whose_settings_cannot_be_read_are_left_alone_too(tmp_path: Path) -> None:
    (tmp_path / DIAGNOSTICS).write_text("{}", encoding="utf-8")
    with pytest.raises(StudyError, match="unknown there"):
        take_folder(tmp_path, FULL, 2019)


RANKS = {"model": "this", "replicates": 200}


@pytest.mark.parametrize(
    ("there", "kept"),
    [
        ({"effort": {**vars(FULL), "seed": 2019}, "ranks": RANKS}, RANKS),
        ({"effort": {**vars(FULL), "seed": 2019}, "ranks": {**RANKS, "model": "other"}}, {}),
        ({"effort": {**vars(FULL), "seed": 2019}, "ranks": {"replicates": 200}}, {}),
        ({"effort": {**vars(FULL), "seed": 7}, "ranks": RANKS}, {}),
        ({"effort": {**vars(QUICK), "seed": 2019}, "ranks": RANKS}, {}),
        ({"effort": {**vars(FULL), "seed": 2019}}, {}),
    ],
)
def test_ranks_that_a_folder_holds_of_the_same_model_are_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, there: dict[str, Any], kept: dict[str, Any]
) -> None:
    monkeypatch.setattr(files, "model_version", lambda table, design: "this")
    (tmp_path / DIAGNOSTICS).write_text(json.dumps(there), encoding="utf-8")
    found: Any = SimpleNamespace(effort=FULL, seed=2019, fistula=SimpleNamespace(table=None, design=None))
    assert files.kept_ranks(tmp_path, found) == kept
    assert files.kept_ranks(tmp_path / "none", found) == {}


@pytest.mark.parametrize(("options", "named"), [([], "calibration"), (["--quick"], "calibration-quick")])
def test_a_quick_run_has_a_folder_of_its_own(
    options: list[str], named: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def told(out: Path, *given: Any, **more: Any) -> None:
        raise StudyError("no further", str(out))

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(calibrating, "calibrate_and_judge", told)
    assert CliRunner().invoke(app, ["calibrate", *options]).exception.where == named  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("effort", "converged", "final"),
    [
        (FULL, (True, True), True),
        (replace(FULL, draws=FULL.draws + 1), (True, True), True),
        (FULL, (True, False), False),
        (QUICK, (True, True), False),
        (replace(FULL, chains=FULL.chains - 1), (True, True), False),
    ],
)
def test_only_a_full_calibration_that_has_converged_is_final(
    effort: Effort, converged: tuple[bool, ...], final: bool
) -> None:
    fits = {str(i): SimpleNamespace(draws=SimpleNamespace(converged=each)) for i, each in enumerate(converged)}
    assert is_final(SimpleNamespace(effort=effort, fits=fits)) == final  # type: ignore[arg-type]


@pytest.fixture()
def provisional(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The posterior that ships, marked as a quick calibration marks its own."""
    told = yaml.safe_load((SHIPPED / "posterior.yaml").read_text(encoding="utf-8"))
    file = tmp_path / "posterior.yaml"
    file.write_text(yaml.safe_dump({**told, "provisional": "yes"}, allow_unicode=True), encoding="utf-8")
    (tmp_path / "draws.csv").write_bytes((SHIPPED / "draws.csv").read_bytes())
    found = read_posterior(file)
    monkeypatch.setattr(posteriors, "posterior", lambda: found)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.usefixtures("provisional")
def test_a_provisional_posterior_is_told_by_check_in_either_language(language: str) -> None:
    asked = ["check", "examples/admire-cd.yaml", "--lang", language]
    notice = Words(language).key("notice.uncalibrated")
    shown = CliRunner().invoke(app, asked).output
    assert "".join(notice.split()) in "".join(shown.split())
    assert json.loads(CliRunner().invoke(app, [*asked, "--json"]).output)["posterior"] == [notice]


def test_of_the_one_that_ships_nothing_of_the_kind_is_told() -> None:
    assert json.loads(CliRunner().invoke(app, ["check", "examples/admire-cd.yaml", "--json"]).output)["posterior"] == []


@pytest.mark.parametrize(
    ("content", "place"),
    [("{}", "rows"), ("[]", "a mapping"), ('{"rows": [{"key": "a"}]}', "rows[0].domain"), ("{", "missing or damaged")],
)
def test_a_file_that_lacks_what_is_read_of_it_is_named_with_the_place(tmp_path: Path, content: str, place: str) -> None:
    (tmp_path / SCORES).write_text(content, encoding="utf-8")
    with pytest.raises(EvidenceError, match="homing calibrate") as caught:
        shipped.shipped_verdict(tmp_path)
    assert caught.value.where == str(tmp_path / SCORES) and place in caught.value.message


def test_the_files_that_ship_have_all_that_is_read_of_them() -> None:
    assert shipped.shipped_verdict()["rows"] and shipped.shipped_diagnostics()["ranks"]
    assert shipped.shipped_checks()["courses"]
