"""What the catalogue says a value was chosen for (`how`, `because`) is what the mechanism then does."""

from __future__ import annotations

import numpy as np
import pytest

from homing.protocol.events import Op

#: Surviving fractions of an intense conditioning that spares 2 % of pathogenic T cells.
CONDITIONING = {
    "innate.activation": 0.3,
    "tcells.effector": 0.02,
    "tcells.memory": 0.02,
    "tcells.regulatory": 0.05,
    "bcells.count": 0.02,
    "marrow.capacity": 0.003,
    "marrow.neutrophils": 0.5,
    "marrow.t_space": 0.02,
}
LYMPHODEPLETION = {"tcells.effector": 0.35, "tcells.memory": 0.5, "bcells.count": 0.5, "marrow.capacity": 0.3,
                   "marrow.t_space": 0.25}  # fmt: skip
GRAFT_DAY, CAR_T_DAY = 3.0, 3.0
DAYS = np.arange(0.25, 731, 0.25)
HALF_E9_PER_LITRE = 0.5 / 4.0


def surviving(fractions: dict[str, float]) -> list:
    return [(0.0, Op.MULTIPLY, state, f) for state, f in fractions.items()]


@pytest.fixture(scope="module")
def transplanted(solve) -> dict[str, np.ndarray]:
    graft = [(GRAFT_DAY, Op.ADD, "product.blood", 2.4e8), (GRAFT_DAY, Op.ADD, "product.lung", 0.6e8)]
    return solve("hsc", "no-drug", surviving(CONDITIONING) + graft, DAYS)


def at(out: dict[str, np.ndarray], name: str, day: float) -> float:
    return float(np.interp(day, DAYS, out[name]))


def test_neutrophils_engraft_8_to_11_days_after_the_graft(transplanted) -> None:
    low = DAYS[transplanted["marrow.neutrophils"] < HALF_E9_PER_LITRE]
    assert 8 <= low.max() - GRAFT_DAY <= 11


def test_b_cells_are_back_by_six_months_and_t_cells_in_the_second_year(transplanted) -> None:
    assert at(transplanted, "bcells.count", 183) > 0.85
    assert at(transplanted, "marrow.t_space", 365) < 0.8 < at(transplanted, "marrow.t_space", 730)


def test_infections_of_months_7_to_24_are_about_as_frequent_as_observed(transplanted) -> None:
    late = DAYS >= 183
    assert transplanted["infection_hazard"][late].mean() == pytest.approx(0.22, abs=0.01)


def test_a_deep_reset_lasts(transplanted) -> None:
    assert at(transplanted, "innate.activation", 730) < 0.2


def test_b_cells_stay_away_for_two_months_after_car_t_cells(solve) -> None:
    dose = [(CAR_T_DAY, Op.ADD, "product.blood", 3.57e7), (CAR_T_DAY, Op.ADD, "product.lung", 2.38e7)]
    out = solve("car-t", "no-drug", surviving(LYMPHODEPLETION) + dose, DAYS, **{"product.k_competence_loss": 1 / 12})
    low = DAYS[out["bcells.count"] < 0.1]
    assert 45 < low.max() - CAR_T_DAY < 75


def test_about_one_per_cent_of_a_first_intravenous_dose_arrives_in_inflamed_gut(solve) -> None:
    dose = [(0.0, Op.ADD, "product.lung", 0.8e8), (0.0, Op.ADD, "product.blood", 0.2e8)]
    assert 0.008 < solve("allogeneic-msc", "no-drug", dose, [60.0])["product.arrived"][0] / 1e8 < 0.013


def test_a_seventh_of_given_treg_is_left_at_one_year(solve) -> None:
    dose = [(0.0, Op.ADD, "product.lung", 2.55e8), (0.0, Op.ADD, "product.blood", 5.95e8)]
    alive = solve("treg", "no-drug", dose, DAYS)["product_cells_alive"]
    assert np.interp(365, DAYS, alive) / alive.max() == pytest.approx(0.14, abs=0.01)
