"""What the store adds up to: the questions that must be answered, published meta-analyses, placebo arms, networks."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from typer.testing import CliRunner

from homing.cli.evidence import app
from homing.evidence.query import kinetic_rows, network_arms, placebo_arms, result_rows
from homing.evidence.store import load_store
from homing.ground.errors import StudyError
from homing.synthesis.question import dose_trend, effects_of, group_singles, readings_over_time
from homing.synthesis.reproduce import reproduce

STORE = load_store()


def invoke(*arguments: str) -> str:
    result = CliRunner().invoke(app, list(arguments))
    assert result.exit_code == 0, result.output
    return result.output


def pooled(question: str, *more: str) -> dict:
    return json.loads(invoke("pool", question, "--measure", "odds-ratio", "--json", *more))


@pytest.mark.parametrize(
    ("question", "with_it"), [("perianal-fistula-msc", 1.31), ("perianal-fistula-darvadstrocel", 1.27)]
)
def test_the_trial_that_failed_takes_the_odds_ratio_from_two_to_a_third_more(question: str, with_it: float) -> None:
    both, early = pooled(question), pooled(question, "--without", "ADMIRE-CD-II")
    assert both["also"]["common effect"]["estimate"] == pytest.approx(with_it, abs=0.01)
    assert 1.3 < both["pooled"]["estimate"] < 1.5
    assert 1.85 < early["pooled"]["estimate"] < 2.05
    assert both["also"]["common effect"]["low"] < 1 < early["also"]["common effect"]["low"]


def test_week_52_is_told_with_the_order_that_was_not_chosen_too() -> None:
    chosen = pooled("perianal-fistula-darvadstrocel-week-52")
    other = pooled("perianal-fistula-darvadstrocel-week-52", "--contradicting")
    assert chosen["trials"][1]["cells"] == "116/283" and other["trials"][1]["cells"] == "112/283"
    assert chosen["pooled"]["estimate"] > other["pooled"]["estimate"]


def test_adipose_and_marrow_are_not_shown_to_differ() -> None:
    groups = group_singles(STORE.single_arms("perianal-fistula-adipose-or-marrow"))
    assert set(groups.groups) == {"adipose", "bone marrow"}
    assert groups.p > 0.05


def test_a_trend_over_doses_is_of_trials_and_not_shown_within_them() -> None:
    trend = dose_trend(STORE.single_arms("perianal-fistula-dose"))
    assert trend.within_trials == 1 and trend.within_p > 0.05
    # 9 of 15 patients healed in arms of five; at least as far from the middle as 4, 4 and 1 (counted by hand: 4+4+1)
    assert 0.05 < trend.within_p < 0.3


def test_readings_over_time_are_of_each_arm_and_week_once() -> None:
    readings = readings_over_time(STORE, "perianal-fistula-adipose-or-marrow")
    assert len({(r.arm, r.week) for r in readings}) == len(readings) > 30


def test_no_evidence_on_cells_in_colitis_survives_a_filter_by_bias_and_a_discount_widens_it() -> None:
    trials = STORE.comparisons("uc-iv-msc")
    with pytest.raises(StudyError, match="no study is left"):
        effects_of(trials, "odds-ratio", bias="some concerns")
    plain, discounted = effects_of(trials, "odds-ratio"), effects_of(trials, "odds-ratio", bias="discount")
    assert (discounted.variance > plain.variance).all()
    np.testing.assert_array_equal(discounted.estimate, plain.estimate)
    with pytest.raises(StudyError, match="scale of odds ratios"):
        effects_of(trials, "risk-ratio", bias="discount")


def test_transplantation_has_its_remissions_and_its_deaths() -> None:
    remission = json.loads(invoke("pool", "hsct-cd-remission", "--json"))["uncontrolled pooled"]
    deaths = json.loads(invoke("pool", "hsct-cd-mortality", "--json"))["uncontrolled pooled"]
    assert 0.6 < remission["estimate"] < 0.95
    assert 0.002 < deaths["low"] < deaths["estimate"] < deaths["high"] < 0.14


@pytest.mark.parametrize("endpoint", ["mayo-remission", "cdai-remission"])
def test_placebo_arms_make_a_prior_that_holds_most_of_them(endpoint: str) -> None:
    found = json.loads(invoke("placebo", endpoint, "--json"))
    shares = [int(e) / int(n) for e, n in (row["events"].split("/") for row in found["arms"])]
    inside = np.mean([found["prior"]["low"] <= s <= found["prior"]["high"] for s in shares])
    assert inside >= 0.8
    assert sum(w for w, _, _ in found["prior"]["mixture"]) == pytest.approx(1)
    assert found["prior"]["mixture"][-1] == [pytest.approx(0.2), 1.0, 1.0]
    assert {"slope", "low", "high", "p"} == set(found["year"])


def test_placebo_arms_are_blinded_randomised_and_of_patients_not_chosen_by_response() -> None:
    arms = placebo_arms(STORE, "mayo-remission", 4, 16)
    assert len(arms) >= 25
    assert len({c.trial.key for c in arms}) == len(arms)
    assert all(c.trial.blinded and c.trial.randomised and c.arm.treatment == "placebo" for c in arms)
    assert not any("responders" in c.outcome.differs for c in arms)


def test_a_network_links_drugs_and_bacteria_through_placebo() -> None:
    found = json.loads(invoke("network", "ulcerative-colitis", "mayo-remission", "--json"))
    names = {row["treatment"] for row in found["treatments"]}
    assert {"placebo", "infliximab", "vedolizumab", "fmt", "upadacitinib"} <= names
    arms = network_arms(STORE, "ulcerative-colitis", "mayo-remission", 4, 16).arms
    assert len({(a.study, a.treatment) for a in arms}) == len(arms)


def test_a_network_of_nothing_is_refused() -> None:
    with pytest.raises(StudyError, match="no randomised trial"):
        network_arms(STORE, "crohn", "mayo-remission")


def test_meta_analyses_come_out_of_their_inputs_or_the_reason_is_told() -> None:
    found = {key: reproduce(meta) for key, meta in STORE.meta_analyses.items()}
    out = {key for key, r in found.items() if r.agrees}
    titles = {STORE.meta_analyses[key].title for key in out}
    assert len(out) >= 10 and len(titles) >= 6
    assert all(r.why or r.meta.missing for r in found.values() if not r.agrees)


def test_the_claim_of_a_trial_counted_twice_is_computed() -> None:
    meta = STORE.meta_analysis("cheng-2019-healing")
    assert reproduce(meta).agrees
    from dataclasses import replace

    once = reproduce(replace(meta, studies=tuple(s for s in meta.studies if "week 52" not in s.study)))
    printed = re.search(r"Counted once: ([\d.]+) \(([\d.]+) to ([\d.]+)\)", _says("fistulas-odds-doubled"))
    assert printed is not None
    for found, told in zip((once.estimate, once.low, once.high), printed.groups(), strict=True):
        assert found == pytest.approx(float(told), abs=0.006)


def _says(key: str) -> str:
    return next(c.says["en"] for c in STORE.claims if c.key == key)


def test_rows_over_all_trials_can_be_asked_for() -> None:
    rows = result_rows(STORE, "treatment-related-death", "hsct-autologous", "crohn")
    assert {"Burt-2010", "ASTIC", "Lopez-Garcia-2017"} <= {row["trial"] for row in rows}
    late = result_rows(STORE, "mayo-remission", role="control", since=2020, blinded=True)
    assert late and all(int(row["year"]) >= 2020 for row in late)
    assert any("111In" in row["what"] or "indium" in row["what"].lower() for row in kinetic_rows(STORE))
    with pytest.raises(StudyError, match=r"--treatment.*Did you mean 'infliximab'"):
        result_rows(STORE, treatment="infliximabb")


@pytest.mark.parametrize("command", [["claims"], ["gaps", "--topic", "HSCT"], ["reproduce"], ["list", "--treatments"]])
def test_what_is_known_can_be_listed(command: list[str]) -> None:
    assert len(invoke(*command)) > 500


def test_every_method_gives_its_answer_or_its_reason() -> None:
    found = json.loads(invoke("pool", "luminal-cd-iv-msc", "--battery", "--json"))
    for answer in found["battery"]:
        assert answer["estimate"] is not None or answer["note"] or answer["method"] == "exact, common"
    exact = next(a for a in found["battery"] if a["method"] == "exact, common")
    assert exact["low"] is not None and exact["high"] is None  # no event in the control arm: one finite limit


def test_time_and_group_are_refused_where_a_question_has_none() -> None:
    with pytest.raises(StudyError, match="no groups"):
        group_singles(STORE.single_arms("treg-cd"))
