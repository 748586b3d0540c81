"""The usual regimen of every product and drug can be read and given."""

from __future__ import annotations

import pytest

from homing.ground.errors import HomingError
from homing.protocol import catalogue
from homing.protocol.course import Dose
from homing.protocol.product import Drug, Product
from homing.protocol.regimen import read_dose, read_times, usual_courses


@pytest.mark.parametrize("give", [*catalogue.products(), *catalogue.drugs()], ids=lambda g: g.key)
def test_everything_has_a_usual_regimen_by_a_route_that_it_takes(give: Product | Drug) -> None:
    courses = usual_courses(give, until=365)
    assert courses
    wanted = "mg" if isinstance(give, Drug) else "fraction" if give.kind == "bacteria" else "cell"
    for course in courses:
        assert course.route.key in give.routes
        assert course.dose.of == wanted
        assert course.carrier is None or course.route.key in course.carrier.routes
        assert list(course.times) == sorted(set(course.times))


def test_infliximab_is_given_at_weeks_0_2_6_and_every_8_weeks() -> None:
    (course,) = usual_courses(catalogue.drug("infliximab"), until=52 * 7)
    assert [time / 7 for time in course.times] == [0, 2, 6, 14, 22, 30, 38, 46]
    assert course.dose == Dose(5, "mg", per_kg=True)


def test_adalimumab_is_loaded_and_then_given_every_other_week() -> None:
    loading, second, maintenance = usual_courses(catalogue.drug("adalimumab"), until=60)
    assert (loading.dose.number, second.dose.number, maintenance.dose.number) == (160, 80, 40)
    assert (loading.times, second.times, maintenance.times) == ((0,), (14,), (28, 42, 56))


def test_ustekinumab_changes_from_vein_to_skin() -> None:
    first, rest = usual_courses(catalogue.drug("ustekinumab"), until=200)
    assert (first.route.key, rest.route.key) == ("drug-intravenous", "drug-subcutaneous")
    assert rest.times == (56, 112, 168)


def test_a_course_that_would_begin_after_the_end_is_left_out() -> None:
    assert len(usual_courses(catalogue.drug("ustekinumab"), until=55)) == 1


def test_umbilical_cells_are_given_four_times_a_week_apart() -> None:
    (course,) = usual_courses(catalogue.product("umbilical-cord-msc"), until=365)
    assert course.times == (0, 7, 14, 21)
    assert course.dose == Dose(1e6, "cell", per_kg=True)


@pytest.mark.parametrize(
    ("text", "dose"),
    [
        ("120e6 cells", Dose(120e6, "cell")),
        ("2e6 cells/kg", Dose(2e6, "cell", per_kg=True)),
        ("0.3 g", Dose(300, "mg")),
        ("5 mg/kg", Dose(5, "mg", per_kg=True)),
        ("2 %", Dose(0.02, "fraction")),
    ],
)
def test_doses_are_read_with_their_unit(text: str, dose: Dose) -> None:
    assert read_dose(text) == dose


@pytest.mark.parametrize("text", ["5 mg/m", "3 d", "cells"])
def test_what_is_no_dose_is_refused(text: str) -> None:
    with pytest.raises(HomingError):
        read_dose(text)


@pytest.mark.parametrize(
    "text",
    ["then every 8 weeks", "week 2, week 0", "week 0, then every 0 weeks", "week 0, then every -1 weeks", "soon"],
)
def test_what_are_no_times_is_refused(text: str) -> None:
    with pytest.raises(HomingError):
        read_times(text, until=100)
