"""Records of ClinicalTrials.gov: each value lands in its arm with its own denominator, and nothing is lost silently."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homing.evidence.check import check_store
from homing.evidence.root import own_folder
from homing.evidence.store import Store, load_store
from homing.formats.ctgov import read_ctgov, trial_of_record
from homing.formats.ctgov_arms import normal_title
from homing.formats.ctgov_names import endpoint_of
from homing.formats.ctgov_results import Cell, cells_of, number_in, reading_of, units_of
from homing.formats.ctgov_times import week_of, weeks_named, without_times
from homing.formats.entry_files import ImportedTrial, as_yaml, write_entries
from homing.ground.errors import EvidenceError
from homing.ground.text_yaml import parse_yaml

FILES = Path(__file__).parent.parent / "files" / "ctgov"
RECORDS = sorted(file.stem for file in FILES.glob("*.json"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("HOMING_EVIDENCE", str(tmp_path / "mine"))
    yield own_folder()


def read(name: str, **more: Any) -> ImportedTrial:
    (trial,) = read_ctgov(FILES / f"{name}.json", **more)
    return trial


def loaded(trials: tuple[ImportedTrial, ...], folder: Path) -> Store:
    write_entries(trials, folder)
    return load_store()


def record(
    measures: list[dict[str, Any]] = (), arms: list[tuple[str, str]] | None = None, **more: Any
) -> dict[str, Any]:  # type: ignore[assignment]
    """An invented record of a trial in Crohn's disease with two arms of 100."""
    groups = arms or [("Cells", "EXPERIMENTAL"), ("Placebo", "PLACEBO_COMPARATOR")]
    started = [{"groupId": f"FG00{i}", "numSubjects": "100"} for i in range(len(groups))]
    protocol: dict[str, Any] = {
        "identificationModule": {"nctId": "NCT00000001", "briefTitle": "An invented trial"},
        "statusModule": {"overallStatus": "COMPLETED", "resultsFirstPostDateStruct": {"date": "2020-05-01"}},
        "conditionsModule": {"conditions": ["Crohn Disease"]},
        "designModule": {
            "studyType": "INTERVENTIONAL",
            "phases": ["PHASE2", "PHASE3"],
            "designInfo": {"allocation": "RANDOMIZED", "maskingInfo": {"masking": "DOUBLE"}},
            "enrollmentInfo": {"count": 200},
        },
        "armsInterventionsModule": {"armGroups": [{"label": label, "type": kind} for label, kind in groups]},
    }
    results = {
        "participantFlowModule": {
            "groups": [{"id": f"FG00{i}", "title": label} for i, (label, _) in enumerate(groups)],
            "periods": [{"milestones": [{"type": "STARTED", "achievements": started}]}],
        },
        "outcomeMeasuresModule": {"outcomeMeasures": list(measures)},
    }
    return {"protocolSection": protocol, "resultsSection": results, **more}


def measure(title: str, values: list[str], **more: Any) -> dict[str, Any]:
    """A measure in Cells and Placebo, of 100 each."""
    groups = [{"id": "OG000", "title": "Cells"}, {"id": "OG001", "title": "Placebo"}]
    counts = [{"groupId": g["id"], "value": "100"} for g in groups]
    found = [{"groupId": g["id"], "value": v} for g, v in zip(groups, values, strict=False)]
    return {
        **{
            "title": title,
            "timeFrame": "Week 8",
            "paramType": "COUNT_OF_PARTICIPANTS",
            "unitOfMeasure": "Participants",
        },
        **{"groups": groups, "denoms": [{"units": "Participants", "counts": counts}]},
        "classes": [{"categories": [{"measurements": found}]}],
        **more,
    }


# --- the joiner
@st.composite
def measures(draw: st.DrawFn) -> tuple[dict[str, Any], dict[tuple[int, int, str], tuple[str, int | None]]]:
    """A measure with random groups, classes, categories and denominators, and what each value and denominator is."""
    ids = draw(st.lists(st.integers(0, 99).map(lambda i: f"OG{i:03d}"), min_size=1, max_size=5, unique=True))
    whole = {g: draw(st.one_of(st.none(), st.integers(0, 9999))) for g in ids}
    expected: dict[tuple[int, int, str], tuple[str, int | None]] = {}
    classes = []
    for i in range(draw(st.integers(0, 4))):
        own = {g: draw(st.integers(0, 9999)) for g in ids if draw(st.booleans())}
        categories = []
        for j in range(draw(st.integers(1, 3))):
            values = {g: str(draw(st.integers(0, 10**6))) for g in draw(st.permutations(ids)) if draw(st.booleans())}
            categories.append({"measurements": [{"groupId": g, "value": v} for g, v in values.items()]})
            expected |= {(i, j, g): (v, own.get(g, whole[g])) for g, v in values.items()}
        classes.append({"title": f"Week {i}", "denoms": _denoms(draw, own), "categories": categories})
    groups = [{"id": g, "title": f"group {g}"} for g in ids]
    return {"groups": groups, "denoms": _denoms(draw, whole), "classes": classes}, expected


def _denoms(draw: st.DrawFn, counts: dict[str, int | None]) -> list[dict[str, Any]]:
    """Denominators of participants among those of other units, in any order."""
    shuffled = draw(st.permutations([(g, n) for g, n in counts.items() if n is not None]))
    right = {"units": "Participants", "counts": [{"groupId": g, "value": str(n)} for g, n in shuffled]}
    wrong = {"units": "Fistulas", "counts": [{"groupId": g, "value": "77777"} for g in counts]}
    return list(draw(st.permutations([right, wrong])))


@given(measures())
def test_each_value_has_its_group_and_the_denominator_of_its_class_before_that_of_its_measure(
    case: tuple[dict[str, Any], dict[tuple[int, int, str], tuple[str, int | None]]],
) -> None:
    one, expected = case
    found = {}
    for cell in cells_of(one, 3, "x"):
        i, j = (int(cell.where.split(f"{name}[")[1].split("]")[0]) for name in ("classes", "categories"))
        assert cell.class_title == f"Week {i}" and cell.units == "Participants" and cell.measure == 3
        found[i, j, cell.group] = (cell.value, cell.n)
    assert found == expected


@given(st.data())
def test_each_count_lands_in_its_arm_whatever_the_order_of_the_groups(data: st.DataObject) -> None:
    arms = [(f"Treatment {letter}", "EXPERIMENTAL") for letter in "ABCD"[: data.draw(st.integers(1, 4))]]
    counts = {label: data.draw(st.integers(1, 100)) for label, _ in arms}
    events = {label: data.draw(st.integers(0, n)) for label, n in counts.items()}
    order = list(data.draw(st.permutations(list(counts))))
    ids = {label: f"OG{i:03d}" for i, label in enumerate(order)}
    one = {
        **{"title": "Clinical Remission (CDAI < 150)", "timeFrame": "Week 8", "paramType": "COUNT_OF_PARTICIPANTS"},
        "groups": [{"id": ids[label], "title": data.draw(st.sampled_from([label, label.upper()]))} for label in order],
        "denoms": [
            {
                "units": "Participants",
                "counts": [{"groupId": ids[x], "value": str(counts[x])} for x in data.draw(st.permutations(order))],
            }
        ],
    }
    values = [{"groupId": ids[x], "value": str(events[x])} for x in data.draw(st.permutations(order))]
    one["classes"] = [{"categories": [{"measurements": values}]}]
    trial = trial_of_record(record([one], arms))
    found = {
        trial.trial["arms"][o["arm"]]["label"]["en"]: (int(o["events"]), int(o["n"])) for o in trial.trial["outcomes"]
    }
    assert found == {label: (events[label], counts[label]) for label in counts}
    assert not trial.unmapped and not trial.skipped


@given(st.integers(1, 2000).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))))
def test_a_count_printed_as_a_percentage_comes_back(case: tuple[int, int]) -> None:
    n, events = case
    cell = Cell(0, "OG000", "", "", 1, f"{100 * events / n:.1f}", "", "", "", "", n, "Participants", "x")
    one = {"paramType": "NUMBER", "unitOfMeasure": "percentage of participants"}
    fields = reading_of(cell, one).fields
    if n < 900:  # beyond that one decimal of the percentage doesn't name one count
        assert fields["events"] == str(events)
    assert fields["n"] == str(n) and "nearest whole number" in fields["derived"]


# --- real records
def test_a_percentage_becomes_the_nearest_count_and_says_so() -> None:
    trial = read("NCT02552212", mapping={"asdas-mi": "clinical-response"})
    found = {o["arm"]: o for o in trial.trial["outcomes"]}
    assert (found["placebo"]["events"], found["placebo"]["n"], found["placebo"]["week"]) == ("11", "158", "52")
    cells = found["certolizumab-pegol-200-mg-q2w"]
    assert (cells["events"], cells["n"], cells["printed"]) == ("75", "159", "47.2 %")
    assert "47.2 % of the 159" in cells["derived"] and "ASDAS-MI" in cells["differs"]


def test_groups_are_matched_through_abbreviations_and_names_of_analysis_sets() -> None:
    arms = read("NCT02552212").trial["arms"]
    assert {k: (a["role"], a["n"]) for k, a in arms.items() if a["role"] != "other"} == {
        "certolizumab-pegol-200-mg-q2w": ("candidate", "159"),
        "placebo": ("control", "158"),
    }
    assert {k for k, a in arms.items() if "added up" in a["note"]} == {
        k for k, a in arms.items() if a["role"] == "other"
    }


def test_serious_events_and_deaths_have_their_own_denominators() -> None:
    events = [e for e in read("NCT02552212").trial["adverse events"] if e["event"] == "serious-adverse-event"]
    found = {e["arm"]: (e["events"], e["n"], e["week"]) for e in events}
    assert found["placebo"] == ("4", "158", "156") and found["sfe-ol-czp-200-mg-q2w"] == ("15", "243", "156")
    assert len(events) == 5


def test_other_adverse_events_are_not_called_any_adverse_event() -> None:
    trial = read("NCT02210780")
    assert {e["event"] for e in trial.trial["adverse events"]} == {"serious-adverse-event", "death"}
    assert any("up to 5 %" in note for note in trial.notes)


def test_an_arm_that_gets_placebo_alone_is_a_control_whatever_its_type() -> None:
    arms = read("NCT02210780").trial["arms"]
    assert arms["placebo-qw"]["role"] == "control" and arms["dupilumab-300-mg-qw"]["role"] == "candidate"


def test_means_keep_their_limits_and_their_own_n() -> None:
    found = read("NCT00763412").trial["outcomes"]
    assert [(o["arm"], o["endpoint"], o["mean"], o["low"], o["high"], o["n"], o["week"]) for o in found] == [
        ("placebo", "crp", "9.6", "0.7", "27.5", "4", "104"),
        ("repaglinide", "crp", "2", "0.6", "3.7", "4", "104"),
    ]


def test_denominators_of_a_class_go_before_those_of_its_measure() -> None:
    trial = read("NCT02210780")
    found = next(u for u in trial.unmapped if u.title.endswith("Erythema"))
    assert found.values["placebo-qw"].endswith("n 79") and found.values["dupilumab-300-mg-qw"].endswith("n 87")


@pytest.mark.parametrize("name", RECORDS)
def test_every_value_of_a_record_is_an_outcome_or_listed(name: str) -> None:
    raw = json.loads((FILES / f"{name}.json").read_text(encoding="utf-8"))
    posted = raw["resultsSection"]["outcomeMeasuresModule"]["outcomeMeasures"]
    values = sum(1 for i, m in enumerate(posted) for _ in cells_of(m, i, ""))
    empty = sum(1 for m in posted if not m.get("classes"))
    trial = read(name)
    rows = [*trial.trial.get("outcomes", []), *trial.trial["adverse events"]]
    taken = sum("outcome measure" in row["at"] for row in rows)
    assert taken + sum(len(u.values) for u in trial.unmapped) + len(trial.skipped) - empty == values


@pytest.mark.parametrize("name", RECORDS)
def test_an_imported_record_loads_and_has_no_fault(name: str, folder: Path) -> None:
    trial = read(name)
    store = loaded((trial,), folder)
    assert store.trial(name).layer == str(folder)
    assert [f for f in check_store(store) if f.kind == "fault" and f.where.startswith(name)] == []
    assert store.trial(name).sources[0] == f"ctgov-{name.lower()}"


def test_the_facts_of_a_record_are_told_in_both_languages(folder: Path) -> None:
    trial = loaded((read("NCT02552212"),), folder).trial("NCT02552212")
    assert trial.design["en"].startswith("phase 3, randomised, parallel groups, quadruple masking (participant")
    assert trial.design["zh"].startswith("3期，随机，平行分组，四盲（受试者")
    assert (trial.name, trial.year, trial.status, trial.registered_n) == ("C-AXSPAND", 2020, "registry-results", 317)
    assert (trial.start, trial.end, trial.blinding, trial.disease) == ("2015-09", "2020-05", "double", "autoimmune")
    assert trial.countries == ("AU", "BG", "CA", "CZ", "HU", "PL", "RU", "TW", "US")
    assert trial.ids == {"nct": "NCT02552212", "eudract": "2015-001894-41"}
    assert trial.patients == 317  # those followed on are no further patients
    assert trial.arms["certolizumab-pegol-200-mg-q2w"].label["zh"] == "培塞利珠单抗 200 mg Q2W"


def test_a_list_of_studies_is_one_trial_each(tmp_path: Path) -> None:
    studies = [json.loads((FILES / f"{n}.json").read_text(encoding="utf-8")) for n in RECORDS]
    file = tmp_path / "search.json"
    file.write_text(json.dumps({"studies": studies, "nextPageToken": "x"}), encoding="utf-8")
    assert [t.key for t in read_ctgov(file)] == RECORDS


def test_a_trial_that_the_store_has_is_said_to_share_its_patients() -> None:
    one = record()
    one["protocolSection"]["identificationModule"]["nctId"] = "NCT01541579"
    assert "ADMIRE-CD" in trial_of_record(one, store=load_store()).trial["shares patients with"]


# --- measures
@pytest.mark.parametrize(
    ("title", "word"),
    [
        ("Percentage of Participants in Clinical Remission (CDAI < 150)", "cdai-remission"),
        ("Number of Participants With CDAI Score Less Than 150", "cdai-remission"),
        ("Clinical remission per full Mayo score", "mayo-remission"),
        ("Clinical Remission Per Adapted Mayo Score", "mayo-remission"),
        ("Clinical Remission per Partial Mayo Score", "clinical-remission"),
        ("Clinical response (decrease in CDAI of at least 100 points)", "cdai-response"),
        ("CDAI-70 response", "cdai-response-70"),
        ("Clinical Response Per Mayo Score", "mayo-response"),
        ("Combined remission of treated fistulas (clinical and MRI)", "combined-remission"),
        ("Clinical remission of perianal fistulas", "clinical-remission-fistula"),
        ("Fistula healing on MRI", "mri-healing"),
        ("Closure of all fistulas", "fistula-healing"),
        ("Endoscopic response (SES-CD)", "endoscopic-response"),
        ("Mucosal Healing", "endoscopic-improvement"),
        ("Corticosteroid-free clinical remission", "steroid-free-remission"),
        ("Clinical remission and endoscopic response", "clinical-remission-with-endoscopic-response"),
        ("Participants With Relapse", "relapse"),
        ("Participants With Treatment-Emergent Adverse Events", "any-adverse-event"),
        ("Participants With Serious Adverse Events (SAEs)", "serious-adverse-event"),
        ("Participants with treatment-related adverse events", "related-adverse-event"),
        ("Participants With TEAEs Leading to Discontinuation", "discontinued-for-adverse-event"),
    ],
)
def test_a_title_has_its_word(title: str, word: str) -> None:
    assert endpoint_of(title, "", "", False, {}).word == word


@pytest.mark.parametrize(
    "title",
    [
        "Participants not in clinical remission (CDAI < 150)",
        "Loss of clinical response",
        "Time to clinical remission",
        "Sustained clinical remission",
        "Clinical remission among participants with prior anti-TNF failure",
        "Endoscopic and histologic remission",
        "Endoscopic remission and endoscopic response",
        "Clinical remission and mucosal healing",
        "Relapse-free participants",
        "Positive response to tetanus toxoid",
        "Participants with adverse events and serious adverse events",
        "Participants with adverse events of special interest",
        "Steroid-free endoscopic remission",
    ],
)
def test_what_turns_or_mixes_endpoints_has_no_word_and_a_reason(title: str) -> None:
    found = endpoint_of(title, "", "", False, {})
    assert found.word == "" and found.why


@pytest.mark.parametrize(
    ("title", "word", "differs"),
    [
        ("Mean CDAI score", "cdai", "score, not a change"),
        ("Change From Baseline in CDAI", "cdai", "change from baseline"),
        ("Change in Paediatric Crohn's Disease Activity Index (PCDAI)", "pcdai", "change from baseline"),
        ("C-Reactive Protein", "crp", ""),
        ("Partial Mayo score", "", ""),
        ("CDAI and CRP", "", ""),
        ("Insulin", "", ""),
    ],
)
def test_a_score_has_its_word_and_says_whether_it_is_a_change(title: str, word: str, differs: str) -> None:
    found = endpoint_of(title, "", "", True, {})
    assert (found.word, found.differs) == (word, differs)


def test_the_definition_may_stand_in_the_description() -> None:
    assert endpoint_of("Clinical remission", "", "Defined as CDAI < 150 points.", False, {}).word == "cdai-remission"
    assert endpoint_of("Clinical remission", "", "CDAI of ≤ 150", False, {}).differs == "CDAI of 150 or less"
    assert endpoint_of("Clinical remission", "", "By the investigator.", False, {}).word == "clinical-remission"


def test_what_has_no_word_is_reported_with_its_values() -> None:
    trial = trial_of_record(record([measure("Happiness", ["61", "20"])]))
    (found,) = trial.unmapped
    assert (found.title, found.time, found.arms) == ("Happiness", "Week 8", ("cells", "placebo"))
    assert found.values == {"cells": "61 of 100 participants", "placebo": "20 of 100 participants"}
    assert "outcomes" not in trial.trial


def test_a_mapping_names_a_measure_and_the_outcome_says_who_named_it() -> None:
    trial = trial_of_record(record([measure("Happiness", ["61", "20"])]), mapping={"HAPPI": "improved"})
    assert [o["events"] for o in trial.trial["outcomes"]] == ["61", "20"] and not trial.unmapped
    assert trial.trial["outcomes"][0]["differs"] == "named 'improved' by the user: Happiness"


def test_a_mapping_may_name_an_adverse_event() -> None:
    trial = trial_of_record(record([measure("Pyrexia", ["3", "1"])]), mapping={"pyrexia": "fever"})
    assert [(e["event"], e["events"], e["n"]) for e in trial.trial["adverse events"]] == [
        ("fever", "3", "100"),
        ("fever", "1", "100"),
    ]


def test_a_mapping_to_no_word_is_refused_with_the_nearest() -> None:
    with pytest.raises(EvidenceError, match=r"mapping of 'x': .*Did you mean 'cdai-remission'"):
        trial_of_record(record(), mapping={"x": "cdai-remision"})
    with pytest.raises(EvidenceError, match="needs a part of the measure's title"):
        trial_of_record(record(), mapping={" ": "cdai-remission"})


def test_classes_are_times_or_they_are_not_taken_for_the_whole() -> None:
    one = measure("Clinical Remission (CDAI < 150)", [])
    values = [{"groupId": "OG000", "value": "40"}, {"groupId": "OG001", "value": "20"}]
    titles = ["Week 6", "Week 52 (n=100, 98)", "Anti-TNF failure", "Month 6"]
    one["classes"] = [{"title": title, "categories": [{"measurements": values}]} for title in titles]
    trial = trial_of_record(record([one]))
    assert [o["week"] for o in trial.trial["outcomes"]] == ["6", "6", "52", "52", "26", "26"]
    assert [u.reason for u in trial.unmapped] == ["'Anti-TNF failure' is neither a time nor an endpoint"]


def test_a_category_no_is_not_the_endpoint() -> None:
    one = measure("Clinical Remission (CDAI < 150)", [])
    one["classes"] = [
        {
            "categories": [
                {"title": "Yes", "measurements": [{"groupId": "OG000", "value": "40"}]},
                {"title": "No", "measurements": [{"groupId": "OG000", "value": "60"}]},
            ]
        }
    ]
    trial = trial_of_record(record([one]))
    assert [o["events"] for o in trial.trial["outcomes"]] == ["40"]
    assert [u.reason for u in trial.unmapped] == ["'No' turns the title round"]


def test_values_that_are_no_numbers_are_skipped_and_listed() -> None:
    one = measure("C-Reactive Protein", ["NA", "<0.1"], paramType="MEAN", unitOfMeasure="mg/L")
    one["classes"][0]["categories"][0]["measurements"][0]["comment"] = "below the limit"
    trial = trial_of_record(record([one]))
    assert [(s.printed, s.why) for s in trial.skipped] == [
        ("NA", "'NA' is no number (below the limit)"),
        ("<0.1", "'<0.1' is no number"),
    ]


def test_what_is_counted_in_fistulas_is_no_share_of_patients() -> None:
    one = measure("Fistula healing", ["40", "20"], paramType="COUNT_OF_UNITS", typeUnitsAnalyzed="Fistulas")
    one["denoms"].append({"units": "Fistulas", "counts": [{"groupId": g, "value": "150"} for g in ("OG000", "OG001")]})
    trial = trial_of_record(record([one]))
    assert {s.why for s in trial.skipped} == {
        "counted in fistulas, not in participants"
    } and "outcomes" not in trial.trial
    one |= {"paramType": "COUNT_OF_PARTICIPANTS"}
    assert [o["n"] for o in trial_of_record(record([one])).trial["outcomes"]] == ["100", "100"]
    assert units_of({**one, "denomUnitsSelected": "Fistulas"}) == "Fistulas"
    assert [c.n for c in cells_of({**one, "denomUnitsSelected": "Fistulas"}, 0, "")] == [150, 150]


@pytest.mark.parametrize(
    ("kind", "dispersion", "fields"),
    [
        ("MEAN", "Standard Deviation", {"mean": "-60", "sd": "5.5"}),
        ("MEAN", "STANDARD_ERROR", {"mean": "-60", "se": "5.5"}),
        ("LEAST_SQUARES_MEAN", "Standard Error", {"mean": "-60", "se": "5.5", "differs": "least squares mean"}),
        ("GEOMETRIC_MEAN", "Standard Deviation", {"mean": "-60", "differs": "geometric mean"}),
        ("MEDIAN", "Inter-Quartile Range", {"median": "-60", "low": "-90", "high": "-20"}),
        ("MEAN", "FULL_RANGE", {"mean": "-60", "low": "-90", "high": "-20"}),
        ("MEAN", "95% Confidence Interval", {"mean": "-60", "low": "-90", "high": "-20"}),
    ],
)
def test_each_kind_of_average_and_spread_is_read(kind: str, dispersion: str, fields: dict[str, str]) -> None:
    limits = ("", "-90", "-20") if "low" in fields else ("5.5", "", "")
    cell = Cell(0, "OG000", "", "", 1, "-60", *limits, "", 40, "Participants", "x")
    found = reading_of(cell, {"paramType": kind, "dispersionType": dispersion, "unitOfMeasure": "score"}).fields
    assert dispersion in found["printed"]
    assert {k: v for k, v in found.items() if k != "printed"} == {"n": "40", **fields}


def test_a_percentage_that_no_count_comes_to_stays_a_share() -> None:
    cell = Cell(0, "OG000", "", "", 1, "37.0", "", "", "", "", 14, "Participants", "x")
    found = reading_of(cell, {"paramType": "NUMBER", "unitOfMeasure": "percentage of participants"}).fields
    assert "events" not in found and found["share"] == "0.37" and "no whole number" in found["derived"]


@pytest.mark.parametrize(
    ("value", "kind", "unit", "why"),
    [
        ("120", "COUNT_OF_PARTICIPANTS", "Participants", "120 participants of 100"),
        ("1.5", "COUNT_OF_PARTICIPANTS", "Participants", "no whole number"),
        ("120", "NUMBER", "percentage of participants", "no share"),
        ("12", "NUMBER", "percent", "doesn't say of what"),
        ("12", "NUMBER", "events per 100 years", "neither participants nor a mean"),
        ("1.2", "LOG_MEAN", "score", "logarithms"),
    ],
)
def test_what_a_value_cannot_be_is_said(value: str, kind: str, unit: str, why: str) -> None:
    cell = Cell(0, "OG000", "", "", 1, value, "", "", "", "", 100, "Participants", "x")
    assert why in reading_of(cell, {"paramType": kind, "unitOfMeasure": unit, "title": "x"}).why


def test_a_score_is_read_in_the_unit_of_its_endpoint() -> None:
    one = measure("C-Reactive Protein", ["1.2", "2"], paramType="MEAN", unitOfMeasure="mg/dL")
    trial = trial_of_record(record([one]))
    assert [o["mean"] for o in trial.trial["outcomes"]] == ["12", "20"]
    assert trial.trial["outcomes"][0]["derived"] == "printed in mg/dL; times 10"
    percent = trial_of_record(record([{**one, "unitOfMeasure": "percent change"}]))
    assert {s.why for s in percent.skipped} == {"'percent change' is no unit of crp"}


def test_a_second_measure_of_one_endpoint_and_week_stands_beside_the_first_unused() -> None:
    first = measure("Clinical Remission (CDAI < 150)", ["40", "20"])
    second = measure("Key Secondary: Clinical Remission (CDAI < 150)", ["38", "20"])
    trial = trial_of_record(record([first, second]))
    used = [o["events"] for o in trial.trial["outcomes"] if "contradicts" not in o]
    assert used == ["40", "20"] and [o["events"] for o in trial.trial["outcomes"] if "contradicts" in o] == ["38"]
    assert [s.why for s in trial.skipped] == ["the same result stands before it"]


def test_the_population_analysed_is_read_from_its_description() -> None:
    title = "Clinical Remission (CDAI < 150)"
    for text, word in (("Modified intent-to-treat", "mitt"), ("Per protocol set", "per-protocol"), ("All", "itt")):
        trial = trial_of_record(record([measure(title, ["40", "20"], populationDescription=text)]))
        assert trial.trial["outcomes"][0]["analysis"] == word


# --- times
@pytest.mark.parametrize(
    ("text", "week"),
    [
        ("Week 6", 6),
        ("Baseline", 0),
        ("Baseline (Week 0)", 0),
        ("Day 42", 6),
        ("6 months", 26),
        ("2-year", 104),
        ("two years", 104),
        ("Baseline to Week 16", 16),
        ("From Baseline up to the end (up to Week 156)", 156),
        ("300 mg every 8 weeks until Week 52", 52),
        ("Weeks 6 and 52", None),
        ("Month 3 to Month 6", None),
        ("Baseline, Week 12", None),
        ("end of study", None),
    ],
)
def test_a_text_that_names_one_time_gives_the_week(text: str, week: float | None) -> None:
    assert week_of(text) == week


@given(st.lists(st.integers(1, 300), min_size=2, max_size=5, unique=True))
def test_a_text_that_names_several_times_gives_none(weeks: list[int]) -> None:
    text = f"Weeks {', '.join(map(str, weeks[:-1]))} and {weeks[-1]}"
    assert weeks_named(text) == tuple(sorted(map(float, weeks))) and week_of(text) is None


def test_hours_in_a_class_are_not_a_time_of_the_trial() -> None:
    assert weeks_named("2 hour glucose", visits=True) == () and without_times("2 hour glucose") == "2 hour glucose"
    assert without_times("Change at Week 6 (n=12)") == ""


def test_the_title_decides_where_the_time_frame_names_its_time_among_others() -> None:
    one = measure("Clinical Remission (CDAI < 150) at Week 8", ["40", "20"], timeFrame="Weeks 8 and 52")
    assert {o["week"] for o in trial_of_record(record([one])).trial["outcomes"]} == {"8"}
    one = measure("Clinical Remission (CDAI < 150)", ["40", "20"], timeFrame="Weeks 8 and 52")
    assert all("week" not in o for o in trial_of_record(record([one])).trial["outcomes"])


# --- arms
@pytest.mark.parametrize(
    "title", ["Placebo", "placebo (FAS)", "1 Placebo", "2. placebo group", "Placebo (ITT Population)"]
)
def test_titles_of_one_arm_are_the_same(title: str) -> None:
    assert normal_title(title) == "placebo"


def test_a_dose_in_front_of_a_title_is_kept() -> None:
    assert normal_title("300 mg vedolizumab") != normal_title("150 mg vedolizumab")


@pytest.mark.parametrize(
    ("arms", "roles"),
    [
        ([("Cells", "EXPERIMENTAL"), ("Adalimumab", "ACTIVE_COMPARATOR")], ["candidate", "control"]),
        (
            [("Cells", "EXPERIMENTAL"), ("Adalimumab", "ACTIVE_COMPARATOR"), ("Sham", "SHAM_COMPARATOR")],
            ["candidate", "other", "control"],
        ),
        (
            [("Cells", "EXPERIMENTAL"), ("None", "NO_INTERVENTION"), ("Open", "OTHER")],
            ["candidate", "control", "other"],
        ),
    ],
)
def test_an_active_comparator_is_the_control_only_without_a_placebo(
    arms: list[tuple[str, str]], roles: list[str]
) -> None:
    assert [a["role"] for a in trial_of_record(record(arms=arms)).trial["arms"].values()] == roles


def test_a_group_of_no_arm_gets_an_arm_of_its_own_with_a_note() -> None:
    one = measure("Clinical Remission (CDAI < 150)", ["40", "20"])
    one["groups"][0]["title"] = "All who had cells"
    trial = trial_of_record(record([one]))
    arm = trial.trial["arms"]["all-who-had-cells"]
    assert arm["role"] == "other" and arm["n"] == "100" and "added up" in arm["note"]
    assert any("'All who had cells'" in note for note in trial.notes)


def test_the_one_group_of_a_trial_with_one_arm_is_that_arm_whatever_its_title() -> None:
    one = measure("Clinical Remission (CDAI < 150)", ["40"])
    one["groups"] = [{"id": "OG000", "title": "Everyone who was analysed"}]
    one["denoms"][0]["counts"] = one["denoms"][0]["counts"][:1]
    trial = trial_of_record(record([one], [("Cells", "EXPERIMENTAL")]))
    assert [o["arm"] for o in trial.trial["outcomes"]] == ["cells"] and list(trial.trial["arms"]) == ["cells"]


def test_groups_of_one_title_are_reported() -> None:
    one = record()
    flow = one["resultsSection"]["participantFlowModule"]
    flow["groups"].append({"id": "FG009", "title": "Placebo"})
    assert any("Several groups" in note and "'placebo'" in note for note in trial_of_record(one).notes)


def test_an_arm_is_never_smaller_than_its_results() -> None:
    one = measure("Clinical Remission (CDAI < 150)", ["40", "20"])
    one["denoms"][0]["counts"][0]["value"] = "104"
    trial = trial_of_record(record([one]))
    assert trial.trial["arms"]["cells"]["n"] == "104" and any("results of 104" in n for n in trial.notes)


def test_without_results_nothing_is_invented() -> None:
    one = record()
    del one["resultsSection"]
    one["protocolSection"]["statusModule"]["overallStatus"] = "RECRUITING"
    trial = trial_of_record(one)
    assert trial.trial["status"] == "ongoing" and "year" not in trial.trial and "outcomes" not in trial.trial
    assert {a["n"] for a in trial.trial["arms"].values()} == {"0"}
    assert all("not given in the record" in a["note"] for a in trial.trial["arms"].values())


def test_countries_without_a_code_are_left_out_and_reported() -> None:
    one = record()
    places = [{"country": "Poland"}, {"country": "Atlantis"}]
    one["protocolSection"]["contactsLocationsModule"] = {"locations": places}
    trial = trial_of_record(one)
    assert trial.trial["countries"] == ["PL"] and trial.trial["sites"] == "2"
    assert any("Atlantis" in note for note in trial.notes)


# --- errors
def _refused(tmp_path: Path, content: object, match: str) -> str:
    file = tmp_path / "record.json"
    raw = (
        content
        if isinstance(content, bytes)
        else (content if isinstance(content, str) else json.dumps(content)).encode()
    )
    file.write_bytes(raw)
    with pytest.raises(EvidenceError, match=match) as caught:
        read_ctgov(file)
    assert caught.value.where.startswith(str(file))
    return caught.value.where


@pytest.mark.parametrize(
    ("content", "match"),
    [
        ('{"protocolSection": {', "broken JSON"),
        ("<?xml version='1.0'?><clinical_study/>", "XML or HTML"),
        (b"\xff\xfe\x00", "not text in UTF-8"),
        ({"FullStudiesResponse": {}}, "FullStudiesResponse"),
        ({"Study": {}}, "old API"),
        ({"nct_id": "NCT00000001"}, "AACT"),
        ([{"nct_id": "NCT00000001"}], "AACT"),
        ("nct_id|brief_title\nNCT00000001|x", "AACT"),
        ({"a": 1}, "neither protocolSection nor studies"),
        ({"studies": []}, "no study"),
        ({"studies": [{"a": 1}]}, "no protocolSection"),
        ({"protocolSection": {"identificationModule": {"nctId": "X1"}}}, "no NCT number"),
        ({"studies": [record(), record()]}, "twice"),
    ],
)
def test_what_is_no_record_is_refused_by_name(tmp_path: Path, content: object, match: str) -> None:
    _refused(tmp_path, content, match)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path, match in ((tmp_path / "none.json", "no such file"), (tmp_path, "folder")):
        with pytest.raises(EvidenceError, match=match):
            read_ctgov(path)


def _values(one: dict[str, Any]) -> list[dict[str, str]]:
    return one["classes"][0]["categories"][0]["measurements"]  # type: ignore[no-any-return]


def _counts(one: dict[str, Any]) -> list[dict[str, str]]:
    return one["denoms"][0]["counts"]  # type: ignore[no-any-return]


@pytest.mark.parametrize(
    ("change", "match", "place"),
    [
        (lambda m: _values(m).append({"groupId": "OG009", "value": "1"}), "OG009", "measurements[2]"),
        (lambda m: _values(m).append({"groupId": "OG000", "value": "1"}), "second value", "measurements[2]"),
        (lambda m: _counts(m)[0].update(value="many"), "no number of participants", "denoms[0].counts[0]"),
        (lambda m: _counts(m).append({"groupId": "OG7", "value": "1"}), "not among the groups", "counts[2]"),
        (lambda m: m.update(classes="x"), "must be a list", "outcomeMeasures[0].classes"),
    ],
)
def test_a_record_at_odds_with_itself_is_refused_with_its_place(
    tmp_path: Path, change: Any, match: str, place: str
) -> None:
    one = copy.deepcopy(measure("Clinical Remission (CDAI < 150)", ["40", "20"]))
    change(one)
    assert place in _refused(tmp_path, record([one]), match)


def test_more_events_than_patients_are_refused(tmp_path: Path) -> None:
    one = record()
    group = {"id": "EG000", "title": "Cells", "seriousNumAffected": 5, "seriousNumAtRisk": 4}
    one["resultsSection"]["adverseEventsModule"] = {"eventGroups": [group]}
    assert "eventGroups[0].seriousNumAffected" in _refused(tmp_path, one, "5 patients of 4")


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_printed_number_is_read_as_it_is(value: float) -> None:
    assert number_in(repr(value)) == value


@given(st.text(max_size=8))
def test_no_text_breaks_the_reading_of_a_number(text: str) -> None:
    found = number_in(text)
    assert found is None or isinstance(found, float)


RECORD = json.loads((FILES / "NCT00763412.json").read_text(encoding="utf-8"))
JUNK = st.sampled_from([None, "", "x", -1, 3.5, True, [], {}, [1], ["x"], [None], [{}], {"a": 1}])


def _places(data: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for name, value in inner:
        yield (*path, name)
        yield from _places(value, (*path, name))


@settings(max_examples=150, deadline=None)
@given(st.sampled_from(list(_places(RECORD))), JUNK)
def test_a_record_with_anything_in_any_place_is_read_or_refused_with_a_place(path: tuple[Any, ...], junk: Any) -> None:
    broken = copy.deepcopy(RECORD)
    part = broken
    for name in path[:-1]:
        part = part[name]
    part[path[-1]] = junk
    try:
        trial = trial_of_record(broken, "f.json: $")
    except EvidenceError as error:
        assert error.where.startswith("f.json: $.")
    else:
        assert parse_yaml(as_yaml(trial.trial), "f.yaml", kind=EvidenceError).tree == trial.trial


# --- files
def test_entries_are_added_to_sources_and_nothing_is_overwritten(folder: Path) -> None:
    folder.mkdir()
    (folder / "sources.yaml").write_text(
        "# mine\nmy-source:\n  title: Mine\n  ids: {pmid: '1'}\n  read: abstract", "utf-8"
    )
    first, second = read("NCT00763412"), read("NCT05594173")
    assert [f.name for f in write_entries([first], folder)] == ["NCT00763412.yaml"]
    write_entries([second], folder)
    text = (folder / "sources.yaml").read_text("utf-8")
    assert text.startswith("# mine\nmy-source") and "ctgov-nct00763412" in text and "ctgov-nct05594173" in text
    with pytest.raises(EvidenceError, match="is there already"):
        write_entries([first], folder)
    write_entries([first], folder, replace=True)
    assert (folder / "sources.yaml").read_text("utf-8") == text
    assert {"NCT00763412", "NCT05594173"} <= set(load_store().trials)


def test_a_folder_that_is_a_file_and_broken_sources_are_refused(tmp_path: Path) -> None:
    trial = read("NCT00763412")
    (tmp_path / "file").write_text("x", "utf-8")
    with pytest.raises(EvidenceError, match="is a file"):
        write_entries([trial], tmp_path / "file")
    (tmp_path / "sources.yaml").write_text("a: [", "utf-8")
    with pytest.raises(EvidenceError, match="broken YAML"):
        write_entries([trial], tmp_path)
    with pytest.raises(EvidenceError, match="have this name"):
        write_entries([trial, trial], tmp_path / "new")
    assert not (tmp_path / "trials").exists() and not (tmp_path / "new").exists()
