"""Several products and drugs in a study file: columns, ledger, notes, one product as ever."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from simulator_cases import small_study

from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.study.parts import PLACES, given, simulate_part, weekly
from homing.study.resolve import read_study
from homing.study.simulator import Simulator

VALID = Path(__file__).parents[1] / "files" / "valid"


def part_of(study):
    return simulate_part(study, Simulator(population(study.population), study.seed), np.arange(6))


def test_each_product_and_drug_has_columns_under_its_key() -> None:
    study = read_study(VALID / "two-products-and-two-drugs.yaml", patients=6)
    assert given(study) == (("darvadstrocel", "bone-marrow-msc", "ours"), ("infliximab", "vedolizumab"))
    table = part_of(study).trajectories.to_pandas()
    for place in PLACES:
        each = [f"cells_{key}_{place}" for key in ("darvadstrocel", "bone_marrow_msc", "ours")]
        np.testing.assert_allclose(table[each].sum(axis=1), table[f"product_{place}"], rtol=1e-12, atol=1e-9)
    treated = table[table.arm == "cells"]
    assert (treated.cells_darvadstrocel_fistula > 0).any() and (treated.cells_darvadstrocel_lung == 0).all()
    assert (treated.cells_ours_lung > 0).any() and (treated.cells_ours_fistula == 0).all()
    assert (treated[treated.day == 63].concentration_infliximab > 0).all()
    assert (treated[treated.day == 63].concentration_vedolizumab == 0).all()
    control = table[table.arm == "placebo"]
    assert not control[[c for c in table if c.startswith(("cells_", "concentration_"))]].any(axis=None)


def test_the_ledger_has_lines_for_each() -> None:
    study = read_study(VALID / "two-products-and-two-drugs.yaml", patients=6)
    ledger = part_of(study).ledger.to_pandas()
    treated = ledger[ledger.arm == "cells"]
    assert set(treated.give) == {"darvadstrocel", "bone-marrow-msc", "ours", "infliximab", "vedolizumab"}
    cells = treated[treated.unit == "cell"]
    assert (cells.engrafted > 0).all() and (cells.engrafted <= cells.delivered).all()
    assert set(treated[treated.give == "ours"].lot) == {"24-017"}
    assert treated[treated.unit == "mg"].engrafted.isna().all()


def test_a_study_with_one_product_has_the_columns_it_always_had(tmp_path) -> None:
    table = part_of(small_study(tmp_path, 6)).trajectories.to_pandas()
    assert not [c for c in table if c.startswith(("cells_", "concentration_"))]


def test_two_products_in_two_arms_are_told_apart_and_run_on_one_kernel(tmp_path) -> None:
    from simulator_cases import FISTULA

    text = FISTULA.replace("give: saline, route: intralesional, dose: 24 mL", "give: bone-marrow-msc, "
                           "route: intralesional, dose: 30e6 cells")  # fmt: skip
    study = small_study(tmp_path, 6, text)
    simulator = Simulator(population(study.population), study.seed)
    assert all(simulator.machine(arm).is_common for arm in study.arms.values())
    table = part_of(study).trajectories.to_pandas()
    of_cells, of_saline = (table[table.arm == arm] for arm in ("cells", "saline"))
    assert (of_cells.cells_bone_marrow_msc_dead == 0).all() and (of_cells.cells_darvadstrocel_dead > 0).any()
    assert (of_saline.cells_darvadstrocel_dead == 0).all() and (of_saline.cells_bone_marrow_msc_dead > 0).any()


def test_an_arm_does_not_depend_on_what_other_arms_give(tmp_path) -> None:
    study = read_study(VALID / "two-products-and-two-drugs.yaml", patients=6)
    single = read_study(VALID / "matrix-plug.yaml", patients=6)
    simulator = Simulator(population(study.population), study.seed)
    cohort = simulator.cohort(np.arange(6))
    both = part_of(study).trajectories.to_pandas()
    run = simulator.run(cohort, study.arms["placebo"], scenario("pooled"), weekly(study))
    mine = both[(both.arm == "placebo") & (both.scenario == "pooled")]
    np.testing.assert_array_equal(mine.tract_closure, run["tract.closure"].ravel())
    assert simulator.machine(single.arms[single.candidate]).is_common


def test_what_the_reader_should_know_is_noted() -> None:
    study = read_study(VALID / "two-products-and-two-drugs.yaml", patients=6)
    shared = [note for note in study.notes if "one response against foreign cells" in note]
    assert len(shared) == 3 and all("同种" in note.zh or "免疫应答" in note.zh for note in shared)
    own = read_study(VALID / "own-car-t.yaml", patients=6)
    assert not [note for note in own.notes if "without 'lymphodepletion'" in note]


def test_car_t_cells_without_lymphodepletion_are_taken_with_a_note(tmp_path) -> None:
    text = (VALID / "own-car-t.yaml").read_text(encoding="utf-8")
    file = tmp_path / "bare.yaml"
    file.write_text(text.replace("    procedures: [{do: lymphodepletion, at: day 0}]\n", ""), encoding="utf-8")
    study = read_study(file, patients=6)
    assert [n for n in study.notes if "'ours' is given in 'cells' without 'lymphodepletion' before it" in n]
    assert part_of(study).numerics.imbalance < 1e-12


def test_a_resolved_file_of_several_products_says_the_same() -> None:
    from homing.study.explicit import to_yaml
    from homing.study.read import parse_study
    from homing.study.resolve import resolve

    study = read_study(VALID / "two-products-and-two-drugs.yaml")
    again = resolve(parse_study(to_yaml(study)))
    assert again.explicit == study.explicit and again.arms == study.arms
