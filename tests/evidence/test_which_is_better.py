"""Where less is better, effects are ranked, labelled and corrected so."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from typer.testing import CliRunner

from homing.cli.evidence import app
from homing.cli.evidence.sensitivity import _tests
from homing.evidence.records import Pair
from homing.evidence.store import load_store
from homing.ground.errors import StudyError
from homing.report.evidence_figures.forest import favours_of
from homing.report.evidence_figures.scale import scale_of
from homing.report.evidence_figures.texts import Texts
from homing.synthesis.effect import Effects
from homing.synthesis.network import StudyArm, contrasts_of, fit_network
from homing.synthesis.question import better_of
from homing.synthesis.selection import selection_model

STORE = load_store()


def test_the_direction_is_the_endpoints() -> None:
    lower = ("relapse", "surgery", "graft-loss", "serious-adverse-event", "death", "cdai", "ses-cd", "pdai")
    higher = ("mayo-remission", "fistula-healing", "surgery-free", "overall-survival", "sustained-remission")
    assert {STORE.better(key) for key in lower} == {"lower"}
    assert {STORE.better(key) for key in higher} == {"higher"}
    assert better_of(STORE, "hsct-cd-mortality") == "lower" and better_of(STORE, "uc-fmt") == "higher"


def test_a_question_of_both_directions_is_refused() -> None:
    question = STORE.question("uc-fmt")
    death = Pair("ADMIRE-CD", "cells", "placebo", "death", 24.0)
    mixed = replace(STORE, questions={"q": replace(question, comparisons=(*question.comparisons, death))})
    with pytest.raises(StudyError, match="ask two questions"):
        better_of(mixed, "q")


def test_a_mirrored_selection_is_corrected_alike() -> None:
    """Effects and their mirror images: what the model finds for one direction, it finds turned round for the other."""
    y, v = np.array([0.8, 0.5, 0.9, 0.2, 0.6]), np.array([0.1, 0.05, 0.2, 0.02, 0.08])
    trials = STORE.comparisons("uc-fmt")[:5]
    said = {}
    for sign, better in ((1, "higher"), (-1, "lower")):
        effects = Effects("risk-difference", sign * y, v, tuple(range(5)))
        tests = {t["test"]: t for t in _tests(trials, effects, "REML", better)}
        said[better] = tests["selection model"]["pooled"]["estimate"]
    assert said["lower"] == pytest.approx(-said["higher"], abs=1e-6)
    wrong = selection_model(Effects("risk-difference", -y, v, tuple(range(5)))).estimate
    assert abs(said["lower"] - wrong) > 0.01


def test_a_drug_that_halves_relapse_is_ranked_before_placebo() -> None:
    arms = [StudyArm("A", "drug", 100, 20), StudyArm("A", "placebo", 100, 50)]
    found = fit_network(contrasts_of(arms), "placebo", higher_is_better=STORE.better("relapse") == "higher")
    assert found.p_score[found.treatments.index("drug")] > 0.9


def test_a_network_of_relapses_says_that_less_is_better() -> None:
    result = CliRunner().invoke(app, ["network", "crohn", "relapse", "--last-week", "300", "--json"])
    content = json.loads(result.output)
    assert content["better"] == "lower"
    first, last = content["treatments"]
    assert first["treatment"] == "fmt" and last["treatment"] == "placebo"
    assert float(first["odds ratio against placebo"].split()[0]) < 1
    assert float(first["P-score"]) > 0.5 > float(last["P-score"])


def test_the_words_under_a_forest_follow() -> None:
    scale = scale_of("risk-difference", Texts("en"))
    assert favours_of(scale, True) == ("favours control", "favours cells")
    assert favours_of(scale, False) == ("favours cells", "favours control")
