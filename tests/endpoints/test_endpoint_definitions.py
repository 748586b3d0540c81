"""Endpoint definitions: thresholds of the clinical definitions, on states and signals that the mechanism has."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from homing.biology.ibd import ibd_system
from homing.endpoints.definitions import EndpointDefinition, endpoint, endpoints, read_endpoint
from homing.evidence.catalogue import entry_of_file
from homing.evidence.root import catalogue_root
from homing.ground.errors import EvidenceError
from homing.ground.units import factor

SYSTEM = ibd_system()
ALL = endpoints()


def unit_of(name: str) -> str:
    found = SYSTEM.states.get(name) or SYSTEM.signals.get(name)
    assert found is not None, name
    return found.unit


def conditions(key: str) -> list[tuple]:
    return [(c.of, c.measure, c.comparator, c.threshold.number) for c in endpoint(key).conditions]


@pytest.mark.parametrize("found", ALL, ids=lambda e: e.key)
def test_what_an_endpoint_reads_exists_in_the_unit_of_its_threshold(found: EndpointDefinition) -> None:
    for condition in found.conditions:
        unit = "1" if condition.measure == "relative-change" else unit_of(condition.of)
        assert factor(condition.threshold.unit, unit) == 1
    if found.kind == "marker":
        assert factor(found.unit, unit_of(found.of)) == 1


@pytest.mark.parametrize("found", ALL, ids=lambda e: e.key)
def test_rules_say_what_stands_for_them_and_cite_the_definition(found: EndpointDefinition) -> None:
    if found.kind == "rule":
        assert found.stand_in and found.sources
        assert (found.better == "higher") == (found.key != "active-inflammation")


def test_thresholds_are_those_of_the_reference_model_and_the_definitions() -> None:
    value = "value"
    assert conditions("combined-remission") == [
        ("tract.closure", value, "above", 0.8),
        ("tract.sepsis", value, "below", 0.4),
    ]
    assert conditions("endoscopic-remission") == [
        ("innate.activation", value, "below", 0.3),
        ("barrier.integrity", value, "above", 0.8),
    ]
    assert conditions("clinical-remission-fistula") == [("tract.closure", value, "above", 0.8)]
    assert conditions("cdai-remission") == [("cdai", value, "below", 150)]
    assert conditions("cdai-response") == [("cdai", "change", "at-most", -100)]
    assert conditions("mayo-remission") == [("mayo", value, "at-most", 2)]
    assert conditions("mayo-response") == [
        ("mayo", "change", "at-most", -3),
        ("mayo", "relative-change", "at-most", -0.3),
    ]


def test_scales_end_where_the_scores_do() -> None:
    assert [(endpoint(k).least, endpoint(k).most) for k in ("cdai", "mayo", "pdai")] == [(0, 600), (0, 12), (0, 20)]
    assert endpoint("crp").most == np.inf


def test_all_conditions_must_hold_and_a_missing_reading_meets_none() -> None:
    now = {
        "tract.closure": np.array([0.81, 0.80, 0.95, np.nan]),
        "tract.sepsis": np.array([0.39, 0.39, 0.40, 0.10]),
    }
    assert endpoint("combined-remission").met(now, now).tolist() == [True, False, False, False]


def test_a_response_is_a_fall_since_the_start() -> None:
    start = {"mayo": np.array([12.0, 9.0, 5.0, 0.0])}
    now = {"mayo": np.array([9.0, 6.0, 2.0, 0.0])}  # 25 %, 33 %, 60 % lower; no change from nothing
    assert endpoint("mayo-response").met(now, start).tolist() == [False, True, True, False]
    assert endpoint("mayo-response").needs_start and not endpoint("mayo-remission").needs_start


def test_a_marker_is_neither_met_nor_missed() -> None:
    with pytest.raises(ValueError, match="no rule"):
        endpoint("crp").met({}, {})


@pytest.mark.parametrize(
    ("key", "old", "new", "says"),
    [
        ("combined-remission", "is: above", "is: over", "not known here"),
        ("combined-remission", "kind: rule", "kind: rul", "Did you mean 'rule'"),
        ("combined-remission", "kind: rule", "kind: marker", "unknown field 'all'"),
        ("combined-remission", "version: '1'\n", "", "needs the field 'version'"),
        (
            "combined-remission",
            "[admire-2-cochrane-record,",
            "[admire-2-cochrane,",
            "Did you mean 'admire-2-cochrane-record'",
        ),
        ("cdai-response", "measure: change", "measure: changes", "Did you mean 'change'"),
        ("cdai", "most: '600'", "most: many", "not a number"),
        ("cdai", "of: cdai\n", "", "needs the field 'of'"),
    ],
)
def test_a_faulty_endpoint_is_refused_at_its_line(tmp_path: Path, key: str, old: str, new: str, says: str) -> None:
    text = (catalogue_root() / "endpoints" / f"{key}.yaml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "some.yaml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"some\.yaml:\d+") as error:
        read_endpoint(entry_of_file(file))
    assert says in str(error.value)
