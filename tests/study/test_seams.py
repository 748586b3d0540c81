"""Where parts of a study meet: carriers, rules, several products, crossings and the ledger."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from homing.ground.errors import StudyError
from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.protocol.course import Protocol
from homing.study.explicit import to_yaml
from homing.study.plan import Study
from homing.study.resolve import read_study
from homing.study.simulator import Simulated, Simulator

CELLS = "{give: darvadstrocel, route: intralesional, carrier: beads, dose: 120e6 cells, at: week 0}"
NEVER = "{give: %s, route: %s, dose: %s, at: %s, when: [crp above 1e6 mg/L]}"
BEADS = """carriers:
  beads:
    like: microspheres
    release: {times: [day 0, day 20], released: ['0 %', '2 %'], source: assay}
"""


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Study]:
    def made(courses: list[str], more: str = "", rules: tuple[str, ...] = ()) -> Study:
        file = tmp_path / "study.yaml"
        lines = "\n".join(f"      - {course}" for course in courses)
        decided = "\n    rules:\n" + "\n".join(f"      - {rule}" for rule in rules) if rules else ""
        file.write_text(
            "homing: 1\nstudy: seams\npopulation: perianal-fistula-refractory-cd\npatients: 20\nseed: 7\n"
            "visits: [week 0, day 2, week 4, week 24]\narms:\n  cells:\n    courses:\n" + lines + decided + "\n"
            "  none: {untreated: 'yes'}\ncandidate: cells\ncontrol: none\n"
            "primary: {endpoint: combined-remission, at: week 24}\n" + more
        )
        return read_study(file)

    return made


def simulated(protocol: Protocol) -> Simulated:
    simulator = Simulator(population("perianal-fistula-refractory-cd"), 7)
    cohort = simulator.cohort(np.arange(6))
    return simulator.run(cohort, protocol, scenario("pooled"), [0, 2, 28, 56, 168])


def test_a_release_curve_goes_on_after_a_visit_at_which_a_rule_is_asked(study) -> None:
    rule = NEVER % ("infliximab", "intravenous", "5 mg/kg", "week 4")
    asked, plain = (simulated(study([CELLS], BEADS, r).arms["cells"]) for r in ((rule,), ()))
    np.testing.assert_allclose(asked["product.carried"], plain["product.carried"][:, : len(asked.times)], rtol=1e-3)


def test_a_dose_that_a_rule_did_not_give_takes_no_cells_from_the_one_before(study) -> None:
    course = "{give: umbilical-cord-msc, route: intravenous, dose: 1e6 cells/kg, at: week 0}"
    rule = NEVER % ("umbilical-cord-msc", "intravenous", "1e6 cells/kg", "day 2")
    asked, plain = (simulated(study([course], "", r).arms["cells"]).ledger() for r in ((rule,), ()))
    assert [dose.nominal.max() > 0 for dose in asked] == [True, False]
    np.testing.assert_allclose(asked[0].engrafted, plain[0].engrafted, rtol=1e-3)
    assert not asked[1].engrafted.any()


def test_two_products_follow_their_own_release_curves(study) -> None:
    second = CELLS.replace("darvadstrocel", "bone-marrow-msc").replace("week 0", "week 1")
    run = simulated(study([CELLS, second], BEADS).arms["cells"])
    assert (run.cells("bone-marrow-msc", "carried")[:, -1] > 0).all()
    again = CELLS.replace("week 0", "[week 0, week 1]")
    with pytest.raises(StudyError, match="release curve"):
        study([again], BEADS)


@pytest.mark.parametrize(
    ("cross", "says"),
    [
        ("{give: [darvadstrocel], route: [intralesional], carrier: [beads], dose: [1e7 cells, 1e8 cells], "
         "at: [week 0, week 1]}", "release curve"),
        ("{give: [mine], route: [intravenous], dose: [2e6 cells/kg], at: week 0}", "needs conditioning"),
    ],
)  # fmt: skip
def test_crossed_arms_are_checked_as_written_ones(study, cross: str, says: str) -> None:
    own = "products:\n  mine: {like: autologous-hsct}\n"
    with pytest.raises(StudyError, match=says):
        study([CELLS], BEADS + own + f"compare:\n  cross: {cross}\n")


def test_crossed_arms_with_long_names_are_all_there_and_their_resolved_study_is_the_same(study, tmp_path) -> None:
    long = "a very long name of a carrier made for the local trial"
    more = f"  {long}: {{like: microspheres}}\ncompare:\n  cross: {{give: [bone-marrow-msc], route: [intralesional], "
    found = study(
        [CELLS], BEADS + more + f"carrier: [suspension, {long}], dose: [1e7 cells, 1e8 cells], at: week 0}}\n"
    )
    assert len(found.arms) == 6
    file = tmp_path / "resolved.yaml"
    file.write_text(to_yaml(found))
    assert list(read_study(file).arms) == list(found.arms)


def test_what_the_model_must_not_be_asked_is_found_in_labels_and_names_of_own_products(study) -> None:
    own = "products:\n  mine: {like: umbilical-cord-msc, name: {en: Cells for children}}\n"
    with pytest.raises(StudyError, match="children"):
        study([CELLS], BEADS + own)
