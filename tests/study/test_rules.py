"""Rules decided at visits: who gets what, when, and the same numbers from the realised doses alone."""

import numpy as np
import pytest
import yaml

from homing.ground.errors import StudyError
from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.study.decision_text import read_asked
from homing.study.parts import simulate_part, weekly
from homing.study.resolve import read_study
from homing.study.simulator import Simulator

STUDY = {
    "homing": 1,
    "study": "rules",
    "population": "perianal-fistula-refractory-cd",
    "patients": 40,
    "seed": 7,
    "scenarios": ["pooled"],
    "visits": ["week 0", "week 6", "week 12", "week 24", "week 52"],
    "arms": {
        "cells": {
            "procedures": [{"do": "curettage-and-seton-removal", "at": "week 0"}],
            "courses": [
                {
                    "give": "darvadstrocel",
                    "route": "intralesional",
                    "carrier": "suspension",
                    "dose": "120e6 cells",
                    "at": "week 0",
                }
            ],
            "rules": [
                {
                    "give": "darvadstrocel",
                    "route": "intralesional",
                    "carrier": "suspension",
                    "dose": "120e6 cells",
                    "at": ["week 12", "week 24"],
                    "when": ["calprotectin above 150 ug/g", "donor-antibody below 0.5"],
                    "most": 1,
                }
            ],
        },
        "control": {"untreated": "yes"},
    },
    "candidate": "cells",
    "control": "control",
    "primary": {"endpoint": "combined-remission", "at": "week 52"},
}


def write(tmp_path, **rule):
    """The study's file with another rule."""
    content = yaml.safe_load(yaml.safe_dump(STUDY))
    content["arms"]["cells"]["rules"][0] |= rule
    file = tmp_path / "rules.yaml"
    file.write_text(yaml.safe_dump(content, sort_keys=False), encoding="utf-8")
    return file


def simulated(study, patients=40):
    simulator = Simulator(population(study.population), study.seed)
    cohort = simulator.cohort(np.arange(patients))
    return simulator, cohort, simulator.run(cohort, study.arms["cells"], scenario("pooled"), weekly(study))


def test_a_run_with_rules_replayed_with_its_own_doses_is_identical(tmp_path):
    study = read_study(write(tmp_path, most=2))
    simulator, cohort, first = simulated(study)
    course = study.arms["cells"].rules[0].course
    decided = [dose for dose in first.doses if dose.course is course]
    assert 0 < sum((dose.nominal > 0).sum() for dose in decided) < 2 * len(cohort)
    again = simulator.run(cohort, study.arms["cells"], scenario("pooled"), weekly(study), given=decided)
    assert np.array_equal(first.trajectories.values, again.trajectories.values, equal_nan=True)
    assert np.array_equal(first.trajectories.status, again.trajectories.status)
    for one, other in zip(first.ledger(), again.ledger(), strict=True):
        assert one.time == other.time and np.array_equal(one.engrafted, other.engrafted, equal_nan=True)


def test_who_is_dosed_is_who_meets_the_conditions_and_at_most_so_often(tmp_path):
    study = read_study(write(tmp_path))
    _, _, first = simulated(study)
    course = study.arms["cells"].rules[0].course
    had = np.zeros(40)
    for dose in (d for d in first.doses if d.course is course):
        meets = (first.outcome("calprotectin", dose.time) > 150) & (first.outcome("donor-antibody", dose.time) < 0.5)
        assert np.array_equal(dose.nominal > 0, meets & (had < 1))
        had += dose.nominal > 0
    assert had.max() == 1 and had.min() == 0


def test_a_condition_that_never_holds_gives_nothing_and_always_gives_all(tmp_path):
    never = simulated(read_study(write(tmp_path, when=["crp above 100000 mg/L"])))[2]
    always = simulated(read_study(write(tmp_path, when=["crp at least 0 mg/L"])))[2]
    assert all((d.nominal == 0).all() for d in never.doses if d.time > 0)
    assert [(d.nominal > 0).all() for d in always.doses if d.time > 0] == [True, False]


def test_decisions_do_not_depend_on_who_else_is_simulated(tmp_path):
    study = read_study(write(tmp_path))
    few, many = simulated(study, 10)[2], simulated(study, 40)[2]
    for one, other in zip(few.doses, many.doses, strict=True):
        assert np.array_equal(one.nominal, other.nominal[:10])
    assert np.array_equal(few.trajectories.values, many.trajectories.values[:10], equal_nan=True)


def test_the_ledger_lists_only_what_was_given(tmp_path):
    study = read_study(write(tmp_path))
    part = simulate_part(study, Simulator(population(study.population), study.seed), np.arange(40))
    rows = part.ledger.to_pandas()
    assert (rows["nominal"] > 0).all() and (rows["day"] == 0).sum() == 40 < len(rows) < 120


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        ({"when": ["calprotectin over 250"]}, "is no condition"),
        ({"when": ["calprotectin"]}, "marker with a value"),
        ({"when": ["combined-remission above 1"]}, "met or not"),
        ({"when": ["calprotectn above 250 ug/g"]}, "Did you mean 'calprotectin'"),
        ({"when": ["calprotectin above 250 kg"]}, "kg"),
        ({"when": []}, "when"),
        ({"at": "week 13"}, "no visit at which something can be decided"),
        ({"at": "week 52"}, "no visit at which something can be decided"),
        ({"at": "week 0"}, "no visit at which something can be decided"),
        ({"route": "intravenous", "carrier": "matrix-plug"}, "doesn't go with the route"),
        ({"most": 0}, "most"),
    ],
)
def test_faulty_rules_are_refused_with_their_place(tmp_path, rule, words):
    with pytest.raises(StudyError, match=r"rules\.yaml") as e:
        read_study(write(tmp_path, **rule))
    assert words in str(e.value)


def test_the_resolved_file_reads_back_the_same(tmp_path):
    from homing.study.explicit import to_yaml

    study = read_study(write(tmp_path, when=["not combined-remission", "crp at most 12.5 mg/L"]))
    again = tmp_path / "again.yaml"
    again.write_text(to_yaml(study), encoding="utf-8")
    assert read_study(again).arms == study.arms


def test_conditions_are_read_as_they_are_written():
    for text in ("calprotectin above 250 ug/g", "crp at least 5 mg/L", "not combined-remission", "combined-remission"):
        assert read_asked(text).text == text
