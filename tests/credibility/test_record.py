"""The record's data: risk, rules, measures, plan and departures."""

from __future__ import annotations

import ast
import json
import math
import tempfile
from collections.abc import Callable
from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest
from record_cases import study

from homing.credibility.files import SCORES
from homing.credibility.record import deviations as departures
from homing.credibility.record.checkout import checkout, read_checkout
from homing.credibility.record.facts import Facts, ObservedArm
from homing.credibility.record.frame import Factor, frame
from homing.credibility.record.held_out import domain_of, hold_outs
from homing.credibility.record.plan import PLAN, make_plan, read_plan, record_folder, write_plan
from homing.credibility.record.record import make_record
from homing.credibility.record.rules import FAIL, NOT_APPLICABLE, NOT_ASSESSED, PASS, assess, read_rule, rules
from homing.credibility.shipped import shipped_verdict
from homing.evidence.catalogue import entry_of_file
from homing.ground.errors import EvidenceError, StudyError
from homing.patients.posterior import posterior
from homing.study.resolve import read_study
from homing.study.run import run_digest
from homing.study.scalars import LEVELS

ROOT = Path(__file__).parents[2]
RULES = {rule.key: rule for rule in rules()}


def run_json(**numerics: object) -> dict[str, object]:
    told = {
        "complete": {"pooled / cells": "100/100", "pooled / saline": "100/100"},
        "cells in and out, relative error": 1e-12,
        "tolerance": {"rtol": 1e-5, "patients": 50, "shift": 2.0, "outcomes changed": 0},
    }
    times = {"started": "2998-12-31T00:00:00Z", "finished": "2999-01-01T00:00:00Z"}
    return {"homing": "1", "numerics": told | numerics, **times, "files": {}}


def test_risk_is_symmetric_and_never_falls_as_influence_or_consequence_rises() -> None:
    for a, b in product(range(3), repeat=2):
        here = LEVELS.index(frame().risk_of(LEVELS[a], LEVELS[b]))
        assert here == LEVELS.index(frame().risk_of(LEVELS[b], LEVELS[a]))
        for c, d in product(range(a, 3), range(b, 3)):
            assert LEVELS.index(frame().risk_of(LEVELS[c], LEVELS[d])) >= here
    assert {frame().risk_of("low", "low"), frame().risk_of("high", "high")} == {"low", "high"}


def test_the_frame_has_the_rows_of_the_assessment_and_thirteen_factors_each_with_a_rule() -> None:
    assert [row.key for row in frame().rows] == (
        "question context-of-use influence consequence risk impact criteria appropriateness".split()
    )
    assert len(frame().factors) == 13
    assert {rule.factor for rule in rules()} == set(frame().factors)


def test_what_passes_at_a_higher_risk_passes_at_a_lower_one() -> None:
    for rule in rules():
        for value in {*rule.thresholds.values(), 0.0, 1.0}:
            held = [rule.holds(value, level) for level in LEVELS]
            assert held == sorted(held, reverse=True), rule.key


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ("thresholds: {low: '1', medium: '2', high: '2'}", "can't ask for less"),
        ("thresholds: {low: '1', medium: x, high: '1'}", "no number"),
        ("factor: kindness", "not known here"),
        ("measure: mood", "not known here"),
        ("passes: maybe", "not known here"),
    ],
)
def test_a_faulty_rule_is_refused_with_its_place(tmp_path: Path, change: str, says: str) -> None:
    sound = (ROOT / "src/homing/catalogue/credibility/cell-balance.yaml").read_text(encoding="utf-8")
    key = change.partition(":")[0]
    lines = [change if line.startswith(f"{key}:") else line for line in sound.splitlines()]
    file = tmp_path / "rule.yaml"
    file.write_text("\n".join(lines), encoding="utf-8")
    with pytest.raises(EvidenceError, match=says) as caught:
        read_rule(entry_of_file(file))
    assert f"{file}:" in str(caught.value)


@pytest.mark.parametrize(("error", "low", "high"), [(1e-7, PASS, FAIL), (1e-5, FAIL, FAIL), (1e-9, PASS, PASS)])
def test_the_same_number_is_judged_by_risk(tmp_path: Path, error: float, low: str, high: str) -> None:
    facts = Facts(study(tmp_path), "1", record=run_json(**{"cells in and out, relative error": error}))
    for risk, outcome in (("low", low), ("high", high)):
        found = assess(RULES["cell-balance"], facts, risk)
        assert (found.outcome, found.value) == (outcome, error)


def test_numbers_of_a_run_are_read_from_its_record(tmp_path: Path) -> None:
    tolerance = {"rtol": 1e-5, "patients": 50, "shift": 3.5, "outcomes changed": 2}
    record = run_json(complete={"a": "97/100", "b": "100/100"}, tolerance=tolerance)
    facts = Facts(study(tmp_path), "2", record=record)
    value = {key: assess(RULES[key], facts, "low").value for key in RULES}
    assert value["failed-patients"] == pytest.approx(3 / 200)
    assert value["tolerance"] == 3.5
    assert value["tolerance-outcomes"] == pytest.approx(0.04)
    assert value["same-version"] == 0, "the run is of version 1"


def test_without_a_run_its_rules_are_not_assessed_and_a_study_without_like_is_not_asked_for_weights(
    tmp_path: Path,
) -> None:
    facts = Facts(study(tmp_path), "1")
    found = {key: assess(rule, facts, "medium") for key, rule in RULES.items()}
    assert found["cell-balance"].outcome == NOT_ASSESSED
    assert found["cell-balance"].why == "run"
    assert found["declared-tests"].why == "checkout"
    assert found["baseline"].outcome == NOT_APPLICABLE
    assert found["hold-out"].why == "hold-outs"
    assert math.isnan(found["hold-out"].value)


def test_an_observed_arm_is_reached_where_its_interval_meets_the_scenarios(tmp_path: Path) -> None:
    arm = ObservedArm("T", "a", 100, 0.5, 0.4, 0.6, (0.35, 0.41))
    missed = replace(arm, simulated=(0.2, 0.39))
    alone = replace(arm, simulated=None)
    assert arm.reached and not missed.reached and not alone.reached
    facts = Facts(study(tmp_path), "1", observed=(arm, missed, alone))
    assert assess(RULES["observed-arms"], facts, "low").value == 0.5, "an arm that the study lacks isn't counted"
    assert assess(RULES["observed-patients"], facts, "low").value == 300


def scores(folder: Path, *seen: float, **more: object) -> Path:
    """A new folder with scores that ship, but for the rows: one for each share seen, with the interval 0.3 to 0.5."""
    told = shipped_verdict()
    said = {"trial": "A", "arm": "x", "endpoint": "combined-remission", "week": 24, "domain": "fistula", "as": "kept"}
    first = {**told["rows"][0], "counts": True, **said}
    rows = []
    for share in seen:
        inside = {**first["scores"]["homing"]["inside"], "0.95": 0.3 <= share <= 0.5}
        mine = {"observed": share, "predicted": 0.4, "inside": inside, "crps": 0.1}
        mine["intervals"] = {**first["scores"]["homing"]["intervals"], "0.95": [0.3, 0.5]}
        rows.append({**first, **more, "scores": {"homing": {**first["scores"]["homing"], **mine}}})
    made = Path(tempfile.mkdtemp(dir=folder))
    (made / SCORES).write_text(json.dumps({**told, "rows": rows}), encoding="utf-8")
    return made


def test_hold_out_scores_are_read_where_they_ship_and_missed_where_they_do_not(tmp_path: Path) -> None:
    found = hold_outs(scores(tmp_path, 0.5, 0.6, 0.3))
    assert found is not None
    assert (found.covered, len(found.counted), found.domains) == (2, 3, {"fistula": 3})
    assert hold_outs(tmp_path) is None, "no file there"
    facts = Facts(study(tmp_path), "1", hold_outs=found)
    assert assess(RULES["hold-out-endpoint"], facts, "high").value == 3


@pytest.mark.parametrize(("inside", "outside", "worst"), [(20, 0, "high"), (17, 3, "low"), (16, 4, "low"), (15, 5, "")])
def test_coverage_is_judged_by_the_binomial_chance_of_as_few_inside(
    tmp_path: Path, inside: int, outside: int, worst: str
) -> None:
    """Of 20 intervals of 95 % that are right, 17 or fewer hold in 7.5 %, 16 or fewer in 1.6 %, 15 or fewer in 0.3 %."""
    facts = Facts(study(tmp_path), "1", hold_outs=hold_outs(scores(tmp_path, *[0.4] * inside, *[0.9] * outside)))
    chance = sum(math.comb(20, k) * 0.95**k * 0.05 ** (20 - k) for k in range(inside + 1))
    found = {risk: assess(RULES["hold-out"], facts, risk) for risk in LEVELS}
    assert found["low"].value == pytest.approx(chance)
    for risk, least in (("low", 0.01), ("medium", 0.05), ("high", 0.1)):
        assert (found[risk].outcome == PASS) == (chance >= least), risk
    assert (found["low"].outcome == PASS) == bool(worst)
    assert found["low"].told == {"covered": inside, "n": 20}


def test_only_held_out_results_of_what_the_study_treats_judge_it(tmp_path: Path) -> None:
    missed = hold_outs(scores(tmp_path, 0.9, 0.9, 0.9, domain="reset"))
    found = assess(RULES["hold-out"], Facts(study(tmp_path), "1", hold_outs=missed), "low")
    assert (found.outcome, found.why) == (NOT_ASSESSED, "field"), "a fistula isn't judged on transplantation"
    shipped = hold_outs()
    assert shipped is not None
    told = assess(RULES["hold-out"], Facts(study(tmp_path), "1", hold_outs=shipped), "low").told
    assert told["n"] == shipped.domains["fistula"] < len(shipped.rows)


def test_what_a_prior_of_its_own_predicts_does_not_judge_the_model(tmp_path: Path) -> None:
    deaths = hold_outs(scores(tmp_path, 0.9, endpoint="death", counts=False))
    assert deaths is not None and deaths.counted == ()
    shipped = hold_outs()
    assert shipped is not None
    assert {row.endpoint for row in shipped.of("reset").rows if not row.is_counted} == {
        "death",
        "treatment-related-death",
    }


def test_whether_a_result_is_covered_is_as_it_was_scored_not_by_rounded_ends(tmp_path: Path) -> None:
    folder = scores(tmp_path, 0.4)
    told = json.loads((folder / SCORES).read_text(encoding="utf-8"))
    told["rows"][0]["scores"]["homing"]["inside"]["0.95"] = False
    (folder / SCORES).write_text(json.dumps(told), encoding="utf-8")
    found = hold_outs(folder)
    assert found is not None and found.covered == 0


@pytest.mark.parametrize(
    ("example", "domain"),
    [("admire-cd", "fistula"), ("hsct-refractory-cd", "reset"), ("uc-iv-ucmsc", ""), ("treg-dose-cd", "")],
)
def test_a_study_is_judged_on_results_of_its_own_field(example: str, domain: str) -> None:
    assert domain_of(read_study(ROOT / "examples" / f"{example}.yaml")) == domain


@pytest.mark.parametrize("text", ["{", "{}", '{"level": 0.9, "rows": [{"trial": "A"}]}', '{"level": 0.9, "rows": [3]}'])
def test_a_broken_file_of_scores_is_named(tmp_path: Path, text: str) -> None:
    file = tmp_path / SCORES
    file.write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError, match="homing calibrate") as caught:
        hold_outs(tmp_path)
    assert caught.value.where == str(file)


def test_a_parameter_that_multiplies_nothing_bears_on_no_study(tmp_path: Path) -> None:
    labels = {k: replace(p, informed=True) for k, p in posterior().parameters.items() if not p.multiplies}
    assert labels, "kinetics of labelled cells move nothing in a study"
    facts = Facts(study(tmp_path), "1", posterior=replace(posterior(), parameters=labels), bears_on=("tract.k_close",))
    assert assess(RULES["informed-parameters"], facts, "high").outcome == NOT_APPLICABLE


def test_the_posterior_counts_what_bears_on_the_study(tmp_path: Path) -> None:
    parts = posterior().parameters
    closing = replace(parts["fistula_closing"], informed=True)
    flares = replace(parts["gut_flares"], informed=False)
    found = replace(
        posterior(),
        parameters={"fistula_closing": closing, "gut_flares": flares},
        diagnostics={"r_hat": 1.015, "divergences": 0},
    )
    facts = Facts(study(tmp_path), "1", posterior=found, bears_on=("tract.k_close",))
    assert assess(RULES["informed-parameters"], facts, "high").value == 1
    both = replace(facts, bears_on=("tract.k_close", "flares.rate"))
    assert assess(RULES["informed-parameters"], both, "high").value == 0.5
    none = replace(facts, bears_on=())
    assert assess(RULES["informed-parameters"], none, "high").outcome == NOT_APPLICABLE
    assert [assess(RULES["convergence"], facts, risk).outcome for risk in LEVELS] == [PASS, PASS, FAIL]
    silent = replace(facts, posterior=replace(found, diagnostics={}))
    assert assess(RULES["convergence"], silent, "low").why == "diagnostics"


def test_tests_are_counted_and_missing_ones_named(tmp_path: Path) -> None:
    (tmp_path / "tests" / "a").mkdir(parents=True)
    (tmp_path / "tests" / "a" / "test_x.py").write_text("def test_1(): ...\ndef helper(): ...\n")
    (tmp_path / "tests" / "a" / "test_y.py").write_text("class TestZ:\n    def test_2(self): ...\n")
    name = {"en": "f", "zh": "f"}
    found = read_checkout(tmp_path, [Factor("f", "code", name, name, ("tests/a", "tests/a/test_x.py", "tests/gone"))])
    assert found.tests == {"f": 2}, "a file that is named twice counts once"
    assert found.missing == ("tests/gone",)
    assert found.share_present == pytest.approx(2 / 3)
    assert checkout(tmp_path) is None, "a folder without pyproject.toml is no checkout"


def test_every_declared_test_of_this_checkout_is_there_and_has_functions() -> None:
    found = checkout()
    assert found is not None
    assert found.missing == ()
    assert min(found.tests.values()) > 0
    file = ROOT / "tests" / "study" / "test_context.py"
    functions = [n for n in ast.walk(ast.parse(file.read_text())) if isinstance(n, ast.FunctionDef)]
    assert found.tests["relevance-of-activities"] == sum(n.name.startswith("test_") for n in functions)


def test_no_result_depends_on_what_the_model_is_relied_on_for(tmp_path: Path) -> None:
    plain, relied = study(tmp_path, relied=False), study(tmp_path)
    assert run_digest(plain) == run_digest(relied)
    assert make_plan(relied).hash != make_plan(study(tmp_path, influence="high")).hash
    assert run_digest(relied) != run_digest(study(tmp_path, seed=4))


def test_a_study_that_states_nothing_is_told_what_to_state(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="influence: medium") as caught:
        make_plan(study(tmp_path, relied=False))
    assert caught.value.exit_code == 2


def test_a_plan_is_kept_as_written_and_one_that_replaces_it_says_so(tmp_path: Path) -> None:
    folder = record_folder(study(tmp_path), tmp_path / "credibility")
    first = write_plan(study(tmp_path), folder)
    assert write_plan(study(tmp_path), folder).on == first.on, "nothing changed, nothing written"
    second = write_plan(study(tmp_path, patients=30), folder)
    assert second.replaces == first.hash
    assert (folder / f"plan-{first.hash}.json").is_file()
    assert read_plan(folder) == second


@pytest.mark.parametrize(
    "change",
    [
        lambda plan: plan["rules"]["cell-balance"].update(threshold=1.0),
        lambda plan: plan.update(on="2020-01-01T00:00:00Z"),
        lambda plan: plan.update(replaces="0123456789abcdef"),
        lambda plan: plan.update(hash="0123456789abcdef"),
        lambda plan: plan.update(note="agreed with the agency"),
    ],
)
def test_a_plan_that_was_altered_in_any_field_is_refused(tmp_path: Path, change: Callable[[dict], None]) -> None:
    folder = tmp_path / "credibility" / "small"
    write_plan(study(tmp_path), folder)
    content = json.loads((folder / PLAN).read_text(encoding="utf-8"))
    change(content)
    (folder / PLAN).write_text(json.dumps(content), encoding="utf-8")
    with pytest.raises(StudyError, match="altered") as caught:
        read_plan(folder)
    assert str(folder / PLAN) in str(caught.value) and "write the plan again" in str(caught.value)


def test_what_is_no_plan_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "credibility" / "small"
    folder.mkdir(parents=True)
    (folder / PLAN).write_text("no json", encoding="utf-8")
    with pytest.raises(StudyError, match="is no plan"):
        read_plan(folder)


def test_a_study_as_planned_departs_in_nothing(tmp_path: Path) -> None:
    now = study(tmp_path)
    assert departures.deviations(now, make_plan(now), run_json()) == ()
    assert [seen.key for seen in departures.deviations(now, None, run_json())] == ["no-plan"]


def test_every_departure_from_the_plan_is_seen(tmp_path: Path) -> None:
    plan = make_plan(study(tmp_path))
    other = study(tmp_path, seed=4, patients=30, scenarios="[pooled]", consequence="high")
    found = {seen.key: seen for seen in departures.deviations(other, plan, run_json())}
    assert set(found) == {"seed", "patients", "scenarios", "study", "relied", "risk", "rule"}
    assert (found["seed"].planned, found["seed"].found) == ("3", "4")
    assert found["relied"].what == "consequence"
    declared = dict(plan.content["rules"])
    declared["old"] = declared.pop("cell-balance")
    gone = replace(plan, content={**plan.content, "rules": declared})
    keys = [seen.key for seen in departures.deviations(study(tmp_path), gone, run_json())]
    assert keys == ["rule-new", "rule-gone"]
    late = replace(plan, replaces="abc")
    assert [s.key for s in departures.deviations(study(tmp_path), late, run_json())] == ["plan-replaced"]


@pytest.mark.parametrize(
    ("on", "started", "seen"),
    [
        ("2026-01-01T10:00:00Z", "2026-01-01T10:00:00Z", []),
        ("2026-01-01T10:00:01Z", "2026-01-01T10:00:00Z", ["plan-after-start"]),
        ("2026-01-01T10:00:01Z", "", ["start-unknown"]),
        ("2026-01-01T12:00:01Z", "", ["plan-after-run"]),
    ],
)
def test_a_plan_comes_before_the_run_begins_not_before_it_ends(
    tmp_path: Path, on: str, started: str, seen: list[str]
) -> None:
    record = {**run_json(), "started": started, "finished": "2026-01-01T12:00:00Z"}
    plan = replace(make_plan(study(tmp_path)), on=on)
    assert [s.key for s in departures.deviations(study(tmp_path), plan, record)] == seen
    if not started:
        del record["started"]
        assert [s.key for s in departures.deviations(study(tmp_path), plan, record)] == seen, "an older run.json"


def test_the_verdict_follows_the_outcomes(tmp_path: Path) -> None:
    now = study(tmp_path)
    plan = make_plan(now)
    assert make_record(Facts(now, "1"), plan).verdict == "planned"
    failing = make_record(Facts(now, "1", record=run_json(**{"cells in and out, relative error": 1.0})), plan)
    assert failing.verdict == "not-shown" and failing.counts[FAIL] >= 1
    passing = replace(failing, outcomes=tuple(o for o in failing.outcomes if o.outcome == PASS))
    assert passing.verdict == "shown"
    unsure = replace(failing, outcomes=tuple(o for o in failing.outcomes if o.outcome != FAIL))
    assert unsure.verdict == "open"
    assert sum(failing.counts.values()) == len(rules())


def test_logged_departures_are_read_from_the_study(tmp_path: Path) -> None:
    more = "  deviations: [{on: 2024-03-14, what: a visit less, why: not reported}]\n"
    record = make_record(Facts(study(tmp_path, more=more), "1"), None)
    assert [vars(d) for d in record.logged] == [{"on": "2024-03-14", "what": "a visit less", "why": "not reported"}]
