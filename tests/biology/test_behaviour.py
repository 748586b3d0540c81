"""Sentences about the world that the mechanism must say, with the values of the catalogue."""

from __future__ import annotations

import numpy as np
import pytest

from homing.biology.attractors import HEALTHY, INFLAMED, OPEN_TRACT
from homing.protocol.events import Op

LOCAL = [(day, Op.ADD, "product.fistula", 6e7) for day in (0.0, 84.0, 168.0)]


def exposure(out: dict[str, np.ndarray], days: np.ndarray, first: float) -> float:
    """Cell-days at the fistula in the 60 days after a dose."""
    inside = (days > first) & (days <= first + 60)
    return float(np.trapezoid(out["product.fistula"][inside], days[inside]))


@pytest.fixture(scope="module")
def third_to_first(solve):
    days = np.arange(0.25, 240, 0.25)

    def ratio(product: str, **values: float) -> float:
        out = solve(product, "no-drug", LOCAL, days, OPEN_TRACT, **values)
        return exposure(out, days, 168) / exposure(out, days, 0)

    return ratio


def test_a_third_foreign_dose_is_met_by_an_immune_system_that_remembers(third_to_first) -> None:
    assert 0.6 < third_to_first("allogeneic-msc") < 0.9


def test_own_cells_and_edited_cells_are_not_rejected(third_to_first) -> None:
    assert third_to_first("autologous-msc") == pytest.approx(1, abs=1e-3)
    edited = {"product.antigenicity": 0.05, "product.shielding": 0.9}
    assert third_to_first("allogeneic-msc", **edited) > 0.95


def test_local_cells_halve_in_three_to_eight_days(solve) -> None:
    days = np.arange(0.1, 20, 0.1)
    cells = solve("allogeneic-msc", "no-drug", LOCAL[:1], days, OPEN_TRACT)["product.fistula"]
    assert 3 < days[np.argmax(cells < 3e7)] < 8


def test_homing_edit_brings_more_cells_to_the_gut(solve) -> None:
    dose = [(0, Op.ADD, "product.lung", 1e8)]
    plain = solve("allogeneic-msc", "no-drug", dose, [60.0])["product.arrived"][0]
    edited = solve("allogeneic-msc", "no-drug", dose, [60.0], **{"product.homing_gain": 5.0})["product.arrived"][0]
    assert 3 < edited / plain < 5


def test_vedolizumab_keeps_given_treg_out_of_the_gut(solve) -> None:
    dose = [(1, Op.ADD, "product.blood", 1e9)]
    drug = [(0, Op.ADD, "drug.central", 300.0)]
    alone = solve("treg", "no-drug", dose, [10.0])["product.gut"][0]
    together = solve("treg", "vedolizumab", dose + drug, [10.0])["product.gut"][0]
    assert together < 0.6 * alone


@pytest.mark.parametrize(("memory", "relapses"), [(0.0, False), (0.8, True)])
def test_pathogenic_memory_sets_how_large_a_flare_it_takes_to_relapse(memory: float, relapses: bool, solve) -> None:
    flare = [
        (0, Op.SET, "tcells.memory", memory),
        (0, Op.MULTIPLY, "barrier.integrity", 0.7),
        (0, Op.ADD, "innate.activation", 0.15),
    ]
    inflammation = solve("no-product", "no-drug", flare, [150.0], HEALTHY)["innate.activation"][0]
    assert bool(inflammation > 0.5) is relapses


def test_stopped_infliximab_is_gone_in_months_and_full_dependence_remits(solve) -> None:
    doses = [(day, Op.ADD, "drug.central", 350.0) for day in (0, 14, 42)]
    out = solve("no-product", "infliximab", doses, [98.0, 365.0], INFLAMED)
    assert out["innate.activation"][0] < 0.2
    assert out["drug.central"][1] < 1


def test_more_doses_of_a_medicine_without_target_change_nothing(solve) -> None:
    out = solve("no-product", "no-drug", [(0, Op.ADD, "drug.central", 1e3)], [0.0, 100.0])
    assert out["innate.activation"][1] == pytest.approx(out["innate.activation"][0], rel=1e-6)
