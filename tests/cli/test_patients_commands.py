"""`homing patients`: show and match, in both languages, as a user does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from homing.cli.patients import app
from homing.ground.errors import StudyError
from homing.patients.covariates import MARKERS, OWN_UNITS, UNITS
from homing.report.words import Words

LUMINAL = "luminal-cd-moderate-severe"


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, (result.output, result.exception)
    return result.output


def refused(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert isinstance(result.exception, StudyError), result.output
    return str(result.exception)


@pytest.mark.parametrize("language", ["en", "zh"])
def test_every_covariate_and_marker_has_a_name(language: str) -> None:
    for name in (*OWN_UNITS, *UNITS, *MARKERS):
        assert Words(language).key(f"patients.{name}")


def test_show_tells_distributions_and_correlations_with_their_basis() -> None:
    content = json.loads(invoke("show", LUMINAL, "--patients", "300", "--json"))
    rows = {row["name"]: row for row in content["baseline"]}
    assert rows["smoker"]["basis"] == "measured" and rows["smoker"]["share"]
    assert rows["crp"]["basis"] == ""  # of the model
    assert {tuple(p["between"]) for p in content["correlations"]} >= {("albumin", "crp")}
    assert all(p["because"] or p["source"] for p in content["correlations"])
    assert "高斯copula" in invoke("show", LUMINAL, "--patients", "50", "--lang", "zh")


@pytest.mark.parametrize("language", ["en", "zh"])
def test_match_prints_the_table_and_draws_the_marginals(tmp_path: Path, language: str) -> None:
    arguments = ("match", LUMINAL, "--baseline", "GEMINI-2", "--patients", "500", "--lang", language)
    text = invoke(*arguments, "--out", str(tmp_path))
    assert Words(language).key("patients.head.asked") in text
    stem = tmp_path / f"{LUMINAL}-GEMINI-2-{language}"
    svg = Path(f"{stem}.svg").read_text(encoding="utf-8")
    assert Words(language).key("patients.after") in svg
    assert Path(f"{stem}.png").stat().st_size > 1000
    rows = (tmp_path / f"{LUMINAL}-GEMINI-2-weights.csv").read_text(encoding="utf-8").splitlines()
    assert rows[0].startswith("patient,weighting,age") and len(rows) == 501
    assert invoke(*arguments, "--out", str(tmp_path)) == text
    assert Path(f"{stem}.svg").read_text(encoding="utf-8") == svg


def test_match_takes_a_table_of_ones_own(tmp_path: Path) -> None:
    file = tmp_path / "ours.csv"
    file.write_text("of,mean,sd,share\nage,40 years,10 years,\nsmoker,,,40 %\n", encoding="utf-8")
    content = json.loads(invoke("match", LUMINAL, "--table", str(file), "--patients", "500", "--json"))
    assert [row["weighted"] for row in content["lines"]] == pytest.approx([40, 10, 0.4])
    assert content["effective"] < 500


def test_match_refuses_what_it_cannot_do(tmp_path: Path) -> None:
    assert "name one table" in refused("match", LUMINAL)
    assert "Did you mean 'CHARM'" in refused("match", LUMINAL, "--baseline", "CHRM")
    assert "crp, median 3.2 mg/L asked" in refused("match", "uc-moderate-severe", "--baseline", "ULTRA-1")
    assert "luminal" in refused("match", "luminal-cd-moderate-sever", "--baseline", "CHARM")
    assert "en" in refused("show", LUMINAL, "--lang", "fr")
