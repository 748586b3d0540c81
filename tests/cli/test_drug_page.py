"""`homing catalog show drugs`: doses, kinetics with source and status, covariates, trials; refusals with the reason."""

from __future__ import annotations

import json

import pytest
from typer.testing import CliRunner

from homing.cli.catalog import app
from homing.cli.drug_page import drug_page
from homing.evidence.catalogue import names
from homing.evidence.sources import load_sources
from homing.evidence.store import load_store
from homing.ground.errors import StudyError
from homing.protocol.outside import outside_drugs
from homing.protocol.regimen import read_dose, read_times

DRUGS = names("drugs")


def show(*words: str):
    return CliRunner().invoke(app, ["show", "drugs", *words], env={"COLUMNS": "160"}, catch_exceptions=False)


@pytest.mark.parametrize("key", DRUGS)
def test_a_drug_shows_doses_kinetics_and_sources(key: str) -> None:
    shown = show(key)
    assert shown.exit_code == 0
    for part in ("Usual regimen", "linear clearance", "Trials in the evidence store", "Sources:", "Status:"):
        assert part in shown.output


def test_risankizumab_for_a_gastroenterologist() -> None:
    text = show("risankizumab").output
    for part in (
        "600 mg intravenous: week 0, week 4, week 8",
        "1200 mg intravenous",
        "0.243 L/d",
        "measured",
        "ADVANCE",
    ):
        assert part in text
    assert "albumin / 44 g/L" in text
    assert "TNF blocked" not in text


@pytest.mark.parametrize("key", DRUGS)
def test_every_value_has_a_status_and_a_source_or_a_reason(key: str) -> None:
    page = json.loads(show(key, "--json").output)
    assert page == json.loads(json.dumps(drug_page(key)))
    for row in (*page["kinetics and effect"], *page["between patients"], *page["covariates"]):
        assert row["status"] in ("measured", "estimated", "assumed")
        assert row["source"]
    assert set(page["sources"]) <= set(load_sources())
    for lines in page["regimens"].values():
        for line in lines:
            dose, _, times = line.partition(": ")
            assert read_dose(dose.rsplit(" ", 1)[0]).number > 0
            assert read_times(times, until=400)


def test_a_drug_outside_the_model_says_why() -> None:
    with pytest.raises(StudyError, match="Th1 and Th17 together"):
        show("secukinumab")
    with pytest.raises(StudyError, match="unknown drug"):
        show("nonesuchimab")


def test_every_drug_of_the_evidence_store_is_in_the_model_or_outside_with_a_reason() -> None:
    named = {arm.drug for trial in load_store().trials.values() for arm in trial.arms.values() if arm.drug}
    assert named <= {*DRUGS, *outside_drugs()}


def test_no_drug_is_both_inside_and_outside() -> None:
    assert not set(DRUGS) & set(outside_drugs())
