"""homing match: patients with their features, and cell products ranked for each beside what trials say."""

from __future__ import annotations

import functools
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from homing.answers.content import Message, Table
from homing.answers.evidence_of import known_of, phenotype_of
from homing.answers.match_chapters import SHOWN, answer, chapter, rule_of_thumb, sureness
from homing.answers.matching import CENTRAL, Match, Option, burden, match, no_option_left
from homing.evidence.profiles import read_profile
from homing.evidence.store import load_store
from homing.ground.errors import StudyError
from homing.protocol.catalogue import products
from homing.report import html
from homing.report.publish_match import make_document, match_patients
from homing.study.case_file import PatientCase, read_cases

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "patients.csv"


@functools.cache
def cases() -> dict[str, PatientCase]:
    """The example's patients by name."""
    return {case.name: case for case in read_cases(EXAMPLE)}


@functools.cache
def matched(name: str) -> Match:
    """One patient of the example, matched."""
    return match(cases()[name], load_store(), 3)


def key_of(found: Match) -> str:
    """The key of a patient's rule of thumb."""
    thumb = rule_of_thumb(found)
    return thumb.key if isinstance(thumb, Message) else thumb.message.key


def test_a_refractory_complex_fistula_gets_local_msc_considered_and_is_told_that_the_trials_disagree() -> None:
    found = matched("P1")
    assert key_of(found) == "match.thumb-local-disagrees"
    assert found.best.product is not None and found.best.product.kind == "msc"
    assert found.best.protocol.courses[0].route.site == "fistula"
    darvadstrocel = next(o for o in found.options if o.product is not None and o.product.key == "darvadstrocel")
    assert sureness(darvadstrocel) == "low"
    thumb = rule_of_thumb(found)
    assert not isinstance(thumb, Message) and len(thumb.message.values["trials"]) == 2  # type: ignore[arg-type]
    simple = matched("P6")
    assert key_of(simple) == "match.thumb-too-early"


def test_deranged_immunity_with_no_option_left_gets_transplantation_considered_with_its_mortality() -> None:
    found = matched("P3")
    assert key_of(found).startswith("match.thumb-hsct-")
    assert found.best.key.startswith("autologous-hsct") and found.best.deaths is not None
    assert 0.001 < found.best.deaths.low < found.best.deaths.high < 0.1
    others = matched("P4")
    assert key_of(others) == "match.thumb-options-left"
    hsct = next(o for o in others.options if o.key.startswith("autologous-hsct"))
    assert hsct.standing == "not-eligible"
    # the model puts one uncontrolled product a little before none, and the answer says that none may be as good
    assert others.best.key.startswith("ova-treg") and others.best.low <= 0 < others.best.net[CENTRAL]
    assert answer(others).message.key == "match.answer-open" and sureness(others.best) == "exploratory"


def test_what_was_never_tried_in_such_patients_is_never_the_answer_and_is_marked_exploratory() -> None:
    for name in cases():
        found = matched(name)
        assert found.best.standing == "tested"
        for option in found.options:
            assert option.standing != "untested" or sureness(option) == "exploratory"
        standings = [o.standing for o in found.options]
        assert standings == sorted(standings, key=["tested", "untested", "not-eligible"].index)


def test_none_is_among_the_options_with_a_net_benefit_of_exactly_zero_and_probabilities_add_up_to_one() -> None:
    for name in ("P1", "P4"):
        found = matched(name)
        assert set(found.none.net.values()) == {0.0} and burden(found.none, found.none) == 0.0
        tested = [o for o in found.options if o.standing == "tested"]
        assert sum(o.probability for o in tested) == pytest.approx(1.0)
        ranks = [found.rank(o) for o in tested]
        assert ranks == sorted(ranks) and ranks[0] == 1


def test_a_patient_is_ranked_alike_whoever_else_is_in_the_table_and_antibodies_lessen_foreign_cells_only() -> None:
    case = cases()["P1"]
    again = match(case, load_store(), 3)
    assert [o.key for o in again.options] == [o.key for o in matched("P1").options]
    primed = match(replace(case, dsa=True), load_store(), 3)
    lessened = set()
    for option in primed.options:
        before = next(o for o in matched("P1").options if o.key == option.key)
        if option.product is None or option.product.origin == "autologous":
            assert option.net == pytest.approx(before.net, abs=1e-6)
        elif option.protocol.courses[0].route.key == "intralesional":
            assert all(option.net[key] <= before.net[key] for key in option.net)
            lessened.add(sum(option.net.values()) < sum(before.net.values()))
    assert lessened == {True}


def test_infections_are_those_of_a_whole_year() -> None:
    """Without cells the hazard is the same every day, so a year's expected infections are a year's hazard."""
    hazard = read_profile("ibd-core").values["infection.usual_hazard"].number
    assert matched("P1").none.infections == pytest.approx(hazard, rel=1e-3)


def test_equals_share_a_place_whatever_the_order_of_listing() -> None:
    """Four donor MSC by injection are one to the model in P1: they share a rank."""
    found = matched("P1")
    donors = {"darvadstrocel", "remestemcel-l", "th-sc01", "umbilical-cord-msc"}
    local = [o for o in found.options if o.key.endswith(" intralesional")]
    shared = {found.rank(o) for o in local if o.product is not None and o.product.key in donors}
    assert len(shared) == 1
    turned = replace(found, options=(found.options[3], *found.options[:3], *found.options[4:]))
    assert {o.key: turned.rank(o) for o in turned.options} == {o.key: found.rank(o) for o in found.options}
    tied = any(isinstance(b, Message) and b.key == "match.tied" for b in chapter(1, found).blocks)
    assert tied == (sum(found.rank(o) == 1 for o in found.options) > 1)


def test_a_place_is_lost_only_to_a_benefit_that_is_larger_beyond_the_chance_of_the_virtual_patients() -> None:
    found = matched("P1")
    patients = len(next(iter(found.none.first.values())))
    one = replace(found.options[0], key="one", standing="tested")

    def like(key: str, extra: int) -> Option:
        """The same with so many more patients who gain, in both visits."""
        more = np.zeros(patients)
        more[:extra] = 1.0
        first, lasting = ({k: x + more for k, x in of.items()} for of in (found.none.first, found.none.lasting))
        return replace(one, key=key, first=first, lasting=lasting, net={k: extra / patients for k in one.net})

    few, two, many = like("few", 0), like("two", 2), like("many", patients // 4)
    of = replace(found, options=(found.none, few, two, many))
    assert of.rank(many) == 1 and not of.alongside(many)
    assert of.rank(found.none) == of.rank(few) == of.rank(two) == 2, "two of two hundred patients are chance"
    assert of.alongside(two) == [found.none, few]


def test_cells_by_vein_are_not_backed_by_trials_that_injected_them() -> None:
    store = load_store()
    local = known_of(store, "bone-marrow-msc", "fistula")
    assert local.controlled and not known_of(store, "bone-marrow-msc", "fistula", by_vein=True).controlled


@pytest.mark.parametrize(
    ("product", "phenotype", "verdict"),
    [
        ("darvadstrocel", "fistula", "disagrees"),
        ("autologous-hsct", "luminal-crohn", "unclear"),
        ("ova-treg", "luminal-crohn", "uncontrolled"),
        ("homing-edited-msc", "luminal-crohn", "none"),
        ("fmt", "colitis", "supports"),
        ("pda-001", "luminal-crohn", "supports"),
        ("autologous-hsct-astic", "luminal-crohn", "unclear"),
    ],
)
def test_the_store_s_verdict_on_a_product(product: str, phenotype: str, verdict: str) -> None:
    assert known_of(load_store(), product, phenotype).verdict == verdict  # type: ignore[arg-type]


def test_no_product_is_untested_where_a_trial_of_its_kind_of_cell_reports_such_patients() -> None:
    """Trials name a product or its kind of cell; either is enough, whatever the design."""
    store = load_store()
    diseases = {"luminal-crohn": "crohn", "colitis": "ulcerative-colitis"}
    for product in products():
        for phenotype, disease in diseases.items():
            told = {
                trial.key
                for trial in store.trials.values()
                if trial.disease == disease
                and (disease != "crohn" or "fistula" not in trial.phenotype.get("en", "").lower())
                and (trial.outcomes or trial.adverse_events)
                and any(arm.treatment in product.treatments and arm.role != "control" for arm in trial.arms.values())
            }
            known = known_of(store, product.key, phenotype)  # type: ignore[arg-type]
            assert told <= {trial.key for trial in known.reported}, (product.key, phenotype)
            assert known.is_tested or not told
    assert known_of(store, "polyclonal-treg", "colitis").is_tested  # ER-TREG-01, ten patients, no control


def test_the_kind_of_patient_and_when_no_option_is_left() -> None:
    assert phenotype_of("ulcerative-colitis", False) == "colitis" and phenotype_of("crohn", True) == "fistula"
    case = cases()["P3"]
    assert no_option_left(case) and not no_option_left(replace(case, deranged=False))
    assert not no_option_left(replace(case, failed=case.failed[:2]))


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_reads_in_both_languages(language: str) -> None:
    found = [matched(name) for name in cases()]
    page = html.render(make_document(found, "patients.csv", "patients-1", 3), language, timings=False)
    text = re.sub(r"<(style|svg|title)\b.*?</\1>", "", page, flags=re.S)
    text = re.sub(r"<[^>]+>", " ", text)
    for wrong in (r"\bnan\b", r"\{[a-z_]+\}", r"\binf\b", r"Estimate\(", r"array\("):
        assert not re.search(wrong, text), re.search(rf".{{60}}{wrong}.{{60}}", text, flags=re.S)
    for one in found:
        (table,) = (block for block in chapter(1, one).blocks if isinstance(block, Table))
        assert all(len(row) == len(table.columns) for row in table.rows)
        ranks = [row[0] for row in table.rows]
        tested = [o for o in one.options if o.standing == "tested"]
        assert sum(rank != "–" for rank in ranks) == min(len(tested), SHOWN)


HEAD = "patient,disease,age,weight,fistula,crp,failed,dsa,immune"
GOOD = "A,crohn,30,70,none,5,none,no,normal"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (HEAD, ":1: holds no patient"),
        (f"{HEAD}\nA,crohns,30,70,none,5,none,no,normal", ":2: disease: 'crohns' is none of crohn"),
        (f"{HEAD}\n{GOOD}\nB,crohn,12,70,none,5,none,no,normal", ":3: age: '12' is not a number from 18"),
        (f"{HEAD}\nA,crohn,30,seventy,none,5,none,no,normal", ":2: weight: 'seventy'"),
        (f"{HEAD}\nA,crohn,30,,none,5,none,no,normal", ":2: weight: has no value"),
        (f"{HEAD}\nA,crohn,nan,70,none,5,none,no,normal", ":2: age: 'nan'"),
        (f"{HEAD}\nA,crohn,30,70,large,5,none,no,normal", ":2: fistula: 'large'"),
        (f"{HEAD}\nA,ulcerative-colitis,30,70,complex,5,none,no,normal", ":2: fistula: a perianal fistula"),
        (f"{HEAD}\n{GOOD}\n{GOOD}", ":3: patient: 'A' stands twice"),
        (f"{HEAD}\nA,crohn,30,70,none", ":2: has 5 cells for 9 columns"),
        (f"{HEAD}\n,crohn,30,70,none,5,none,no,normal", ":2: patient: has no value"),
        (f"{HEAD}\nA,crohn,30,70,none,-5,none,no,normal", ":2: crp: '-5'"),
        (f"{HEAD}\nA,crohn,30,70,none,5,none,maybe,normal", ":2: dsa: 'maybe'"),
        (f"{HEAD}\nA,crohn,30,70,none,5,a/b,no,normal", ":2: failed: 'a/b'"),
        (f"{HEAD}\nA,crohn,30,70,none,5,inflixmab,no,normal", "Did you mean 'infliximab'"),
        (f"{HEAD}\nA,crohn,30,70,none,5,none; infliximab,no,normal", ":2: failed: 'none' stands beside"),
        ("patient,disease,age,weight,activity\nA,crohn,30,70,remission", ":2: activity: a patient in remission"),
        (f"{HEAD},wieght\n{GOOD},70", ":1: unknown column 'wieght'. Did you mean 'weight'?"),
        ("patient,disease,age\nA,crohn,30", ":1: the column 'weight' is missing"),
        (f'{HEAD}\n"A,crohn', ": is no CSV"),
        ("", ":1: the column 'patient' is missing"),
    ],
)
def test_a_bad_table_is_refused_with_its_line(tmp_path: Path, text: str, says: str) -> None:
    file = tmp_path / "patients.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError) as refused:
        read_cases(file)
    assert says in str(refused.value) and str(file) in str(refused.value)


def test_every_fault_of_a_table_is_told_at_once(tmp_path: Path) -> None:
    file = tmp_path / "patients.csv"
    file.write_text(f"{HEAD}\nA,crohns,3,70,none,5,none,no,normal\nB,crohn,30,1,none,5,none,no,normal\n")
    with pytest.raises(StudyError) as refused:
        read_cases(file)
    assert [line.split(": ")[1] for line in str(refused.value).splitlines()] == ["disease", "age", "weight"]


def test_a_missing_or_wrongly_encoded_table_is_refused(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="can't be read"):
        read_cases(tmp_path / "none.csv")
    (tmp_path / "gb.csv").write_bytes("patient,患者\n".encode("gb18030"))
    with pytest.raises(StudyError, match="UTF-8"):
        read_cases(tmp_path / "gb.csv")


def test_the_command_leaves_a_report_and_the_rankings(tmp_path: Path) -> None:
    file = tmp_path / "patients.csv"
    file.write_text(f"{HEAD}\n{GOOD}\n")
    found = match_patients(file, tmp_path / "out", seed=5, language="zh", threads=1)
    told = json.loads(found.as_json(), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))
    assert found.report.name == "match.html" and told["seed"] == 5
    options = told["patients"][0]["options"]
    assert {o["standing"] for o in options} >= {"tested", "untested"} and any(o["key"] == "none" for o in options)
    assert json.loads((found.report.parent / "match.json").read_text(encoding="utf-8")) == told
