"""Chapters where several products and drugs are given: which one a chapter is about, and what goes on beside it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from case_factory import case_of, chapter_of

from homing.answers.case import Case
from homing.answers.content import Message, Table, Verbatim
from homing.protocol.product import Product

FILE, PATIENTS = "two-products-and-two-drugs.yaml", 12


@pytest.fixture(scope="module")
def case() -> Case:
    return case_of(FILE, PATIENTS)


@pytest.mark.parametrize("number", [1, 2, 3, 4, 7, 8])
def test_a_chapter_about_one_product_names_all_and_says_which(number: int) -> None:
    said = [
        b for b in chapter_of(FILE, number, PATIENTS).blocks if isinstance(b, Message) and b.key == "case.about-one"
    ]
    assert len(said) == 1
    values: Mapping[str, Any] = said[0].values
    assert len(values["given"]) == 5 and values["given"][0] == values["product"]
    assert all(isinstance(name, Verbatim) and name.zh for name in values["given"][:2])


def test_a_chapter_of_an_arm_with_one_product_says_nothing_of_it() -> None:
    assert not case_of("smallest.yaml", PATIENTS).about_one()


def test_another_product_takes_the_place_of_the_first_and_the_rest_goes_on(case: Case) -> None:
    given = [course.name for course in case.with_product("autologous-adipose-msc").courses]
    assert given == ["autologous-adipose-msc", *[c.name for c in case.candidate.courses][1:]]


def test_what_the_arm_gives_already_is_no_alternative(case: Case) -> None:
    taken = {"darvadstrocel", "bone-marrow-msc", "umbilical-cord-msc"}  # 'ours' is like the last
    assert "bone-marrow-msc" in case.study.alternatives
    assert not taken & set(case.alternatives())


def test_the_dose_that_is_varied_is_that_of_the_first_product(case: Case) -> None:
    for before, after in zip(case.candidate.courses, case.with_dose(3.0).courses, strict=True):
        factor = 3.0 if before.name == "darvadstrocel" else 1.0
        assert after.dose.number == factor * before.dose.number


def test_the_ledger_of_chapter_3_is_that_of_the_first_product(case: Case) -> None:
    table = next(b for b in chapter_of(FILE, 3, PATIENTS).blocks if isinstance(b, Table))
    assert len(table.rows) == 1  # one injection; the other cells and the drugs have lines of their own


def test_a_factor_on_a_product_stays_with_it_in_the_other_arm(case: Case) -> None:
    mine, own = case.simulator.machine(case.candidate), case.cohort.values
    keys = mine.instances.keys
    assert keys["product_2"] == "bone-marrow-msc" and keys["drug_2"] == "vedolizumab"
    changes = {"product_2.k_gut_death": 2.0, "drug_2.clearance": 3.0, "tract.k_close": 4.0}
    assert mine.translated(changes, mine, own) == changes
    control, alone = (case.simulator.machine(arm) for arm in (case.control, case.with_drug("vedolizumab")))
    assert mine.translated(changes, control, own) == {"tract.k_close": 4.0}
    assert mine.translated(changes, alone, own) == {"drug.clearance": 3.0, "tract.k_close": 4.0}


def test_only_an_alternative_that_is_asked_for_is_car_t() -> None:
    asked = case_of("own-car-t.yaml", PATIENTS)
    assert asked.product is not None and asked.product.catalogue_key == "cd19-car-t"
    assert "cd19-car-t" not in asked.alternatives()
    other = case_of("antibiotic-bacteria-then-msc.yaml", PATIENTS)
    assert "cd19-car-t" not in other.alternatives()
    car_t = other.with_product("cd19-car-t")
    assert [p.procedure.key for p in car_t.procedures] == ["lymphodepletion"]
    assert [c.give.kind for c in car_t.courses if isinstance(c.give, Product)] == ["car-t", "msc"]
