"""Labelled cells, donor DNA and CAR-T cells, as calibration and its hold-outs compute them."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.stats import beta

from homing.credibility.calibration import car_t, donor_cells, kinetics
from homing.credibility.calibration.factors import prior_draws
from homing.evidence.store import load_store
from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.protocol import catalogue
from homing.protocol.course import Course, Dose, Protocol
from homing.study.simulator import Simulator

SEED = 5


def test_the_label_is_conserved_and_agrees_with_its_rates() -> None:
    """Against the differential equations, solved by a general solver; for rates apart, near and equal."""
    days = np.array([0.0, 0.5, 2.0, 10.0])
    release, death = (kinetics.rate_of(name).number for name in ("k_lung_release", "k_lung_death"))
    debris = kinetics.seen("debris_clearance").number
    equal = (release + death) / debris
    for theta in ({}, {"debris_clearance": equal}, {"debris_clearance": equal * 1.001}, {"lung_loss": 0.1}):
        course = kinetics.label_course(theta, days)
        assert course.sum(axis=1) == pytest.approx(1.0, abs=1e-12)
        assert ((course >= 0) & (course <= 1)).all()
        d, m = death * theta.get("lung_loss", 1.0), debris * theta.get("debris_clearance", 1.0)
        held = float(kinetics.held_share(theta))

        def rates(_, y, d=d, m=m):
            return [-(release + d) * y[0], d * y[0] - m * y[1], release * y[0] + m * y[1]]

        start = [held, 0.0, 1 - held]
        solved = solve_ivp(rates, (0, 10), start, t_eval=days, rtol=1e-10, atol=1e-12, method="LSODA").y.T
        assert course == pytest.approx(solved, abs=1e-8)


def test_more_is_held_where_the_odds_are_higher_and_slow_debris_keeps_the_label() -> None:
    usual = kinetics.simulate({})
    assert usual["lung-share-0"] == pytest.approx(0.8), "the product's own share"
    assert kinetics.simulate({"lung_trapping": 2.0})["lung-share-0"] == pytest.approx(8 / 9), "odds of 4, doubled"
    assert kinetics.simulate({"debris_clearance": 0.5})["lung-share-10"] > usual["lung-share-10"]
    assert kinetics.simulate({"lung_loss": 2.0})["lung-share-10"] == pytest.approx(usual["lung-share-10"], rel=0.15)


def test_what_the_images_showed_is_read_from_the_store() -> None:
    """By hand: 30.25 of 30.25 + 1.4 + 6.1, between 27 of 27 + 13.0 and 33.5 of 33.5 + 2.0."""
    logarithm, error = kinetics.observed(load_store())["lung-share-0"]
    assert logarithm == pytest.approx(math.log(30.25 / 37.75))
    assert error == pytest.approx(math.log((33.5 / 35.5) / (27 / 40)) / 4)


def test_living_cells_are_those_of_the_mechanism() -> None:
    """The chain in closed form against the engine with homing and immune killing off; homing alone takes little."""
    product, days = catalogue.product(kinetics.PRODUCT), np.array([0.25, 1.0, 3.0, 7.0])
    course = Course(product, product.key, catalogue.route("intravenous"), Dose(1e8, "cell"), (0.0,))
    simulator = Simulator(population("uc-moderate-severe"), SEED)
    off = {"product.k_homing": 0.0, "product.killable": 0.0}
    run = simulator.run(
        simulator.cohort(np.arange(2)), Protocol("a", (), (course,)), scenario("pooled"), days, changes=off, rtol=1e-8
    )
    alive = run["product.lung"] + run["product.blood"] + run["product.peripheral"]
    given = kinetics.share_of("viability").number * 1e8
    found = np.array([alive[0, run.at(day)] for day in days]) / given
    assert kinetics.living({}, days) == pytest.approx(found, rel=1e-4)


def test_donor_cells_are_found_more_often_where_they_live_longer() -> None:
    slow, usual = (donor_cells.found_after_infusion({"organ_loss": f}, 60, SEED) for f in (0.02, 1.0))
    assert ((usual > 0) & (usual < 1)).all()
    assert (slow >= usual).all() and slow.mean() > usual.mean()
    theta = prior_draws(kinetics.factors(), 60, SEED)
    again = [donor_cells.found_after_infusion(theta, 60, SEED) for _ in range(2)]
    assert np.array_equal(*again)


def test_the_share_found_at_autopsy_is_that_of_many_patients_who_die_on_their_own_days() -> None:
    """Against 4000 patients drawn one by one, in draws in which some have donor DNA and some have not."""
    shares = donor_cells.found_after_infusion({"organ_loss": 0.05}, 60, SEED)
    assumed = donor_cells._drawn(("infused_cells", "cells_of_body", "seen_in_tissue"), 60, SEED)
    days = donor_cells._day_of_death(np.random.default_rng(1).standard_normal(4000))
    assert np.median(days) == pytest.approx(21, rel=0.1)
    alive = kinetics.living({"organ_loss": 0.05}, days) * kinetics.share_of("viability").number
    between = np.flatnonzero((shares > 0.1) & (shares < 0.9))[:5]
    assert between.size
    for i in between:
        counted = alive * assumed["infused_cells"][i] / assumed["cells_of_body"][i] > assumed["seen_in_tissue"][i]
        assert shares[i] == pytest.approx(counted.mean(), abs=0.04)


def test_cells_injected_where_they_stay_are_found_in_some_draws_and_never_for_certain() -> None:
    """All or none of four simulated patients leave the share as Beta(4.5, 0.5) or Beta(0.5, 4.5): never certain."""
    found = donor_cells.found_after_injection(300, SEED, 4)
    assert np.unique(found).size == 300 and ((found > 0) & (found < 1)).all()
    all_of_them = (donor_cells.found_after_injection(300, SEED, 64) > 0.5).mean()
    expected = all_of_them * beta(4.5, 0.5).cdf(0.5) + (1 - all_of_them) * beta(0.5, 4.5).cdf(0.5)
    assert (found < 0.5).mean() == pytest.approx(expected, abs=0.08)
    assert ((found > 0.2) & (found < 0.8)).any(), "a share between is possible"
    assert np.array_equal(found, donor_cells.found_after_injection(300, SEED, 4, threads=2))


def test_the_published_course_of_cells_has_its_landmarks() -> None:
    """Stein 2019 in closed form: the dose's level, the peak, half-lives of 4.3 and 217 days, doubling in 0.78 days."""
    v = car_t.typical()
    at = {day: float(car_t.level(v, day)) for day in (0.0, 9.3, 1000.0, 1217.0)}
    assert at[9.3] == pytest.approx(24_000)
    assert at[9.3] / at[0.0] == pytest.approx(3900)
    assert at[1217.0] / at[1000.0] == pytest.approx(0.5, abs=0.001), "terminal half-life, printed as 220 days"
    assert 9.3 * math.log(2) / math.log(3900) == pytest.approx(0.78, abs=0.005)
    early = car_t.level(v, np.array([9.3, 9.3 + 4.3]))
    assert early[1] / early[0] == pytest.approx(0.5, abs=0.01)


def test_the_last_day_seen_is_where_the_level_crosses_the_limit() -> None:
    each = car_t.patients(300, SEED)
    days = car_t.last_day_seen(each, 50.0)
    assert car_t.level(each, days)[days > 0] == pytest.approx(np.full((days > 0).sum(), 50.0), rel=1e-6)
    assert (days >= car_t.last_day_seen(each, 100.0)).all(), "the finer the assay, the longer"
    assert car_t.last_day_seen({**car_t.typical(), "peak": 40.0}, 50.0) == 0
    spread = np.log(each["peak"] / car_t.typical()["peak"]).std()
    assert spread == pytest.approx(math.sqrt(0.65), rel=0.1)


def test_more_patients_have_a_longer_longest_and_shares_fall_with_time() -> None:
    few, many = (car_t.persistence(60, n, [400, 693], SEED) for n in (10, 111))
    assert np.median(many["longest"]) > np.median(few["longest"])
    assert (np.diff(many["share"], axis=1) <= 0).all()


def test_b_cells_return_after_weeks_to_months_and_differ_between_patients() -> None:
    days = car_t.b_cell_return(100, SEED)
    seen = days[np.isfinite(days)]
    assert seen.size > 80 and ((seen > 0) & (seen < car_t.UNTIL)).all()
    assert 40 < np.median(seen) < 180
    assert seen.std() > 10
    assert np.array_equal(days, car_t.b_cell_return(100, SEED, threads=2), equal_nan=True)
