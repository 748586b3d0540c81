"""What a regression on draws misses: the analysis of variance, and intervals where factors act as products or steps."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from homing.ground.credible import Moments, credible
from homing.ground.lack_of_fit import Fit, missed_by

DRAWS, FACTORS, RUNS = 400, 9, 25
PAGE = Path(__file__).parents[2] / "docs" / "explanation" / "uncertainty.md"
SHAPES = {
    "as a sum": lambda z: 0.4 * z[:, 0] + 0.3 * z[:, 1],
    "as a sum with a product": lambda z: 0.4 * z[:, 0] + 0.4 * z[:, 1] + 0.5 * z[:, 0] * z[:, 1],
    "as a product alone": lambda z: 0.8 * z[:, 0] * z[:, 1],
    "as a sum with a product of three": lambda z: (
        0.4 * (z[:, 0] + z[:, 1] + z[:, 2]) + 0.5 * z[:, 0] * z[:, 1] * z[:, 2]
    ),
    "as a step": lambda z: 2.0 * (z[:, 0] > 1),
}


def design(z: np.ndarray, patients: int) -> np.ndarray:
    """The columns of a posterior's draws: factors, squares, products, as patients allow."""
    first, second = np.triu_indices(FACTORS, 1)
    parts = [z, z**2 - 1, z[:, first] * z[:, second]]
    return np.hstack(parts[: 1 if patients < 450 else 2 if patients < 810 else 3])


@functools.lru_cache(maxsize=64)
def held(shape: str, patients: int, weighted: bool = False) -> tuple[float, float]:
    """The mean share of the draws that the interval holds, and its width over that of their central 95 %."""
    inside, width = [], []
    for seed in range(RUNS):
        rng = np.random.default_rng([seed, patients])
        z = rng.standard_normal((DRAWS, FACTORS))
        z = (z - z.mean(axis=0)) / z.std(axis=0)
        true = 1 / (1 + np.exp(0.2 - SHAPES[shape](z)))
        draw = np.arange(patients) % DRAWS
        met = (rng.random(patients) < true[draw]).astype(float)
        weights = rng.lognormal(0.0, 0.7, patients) if weighted else None
        found = credible(met, draw, design(z, patients), weights)
        inside.append(np.mean((true >= found.low) & (true <= found.high)))
        width.append((found.high - found.low) / float(np.diff(np.quantile(true, [0.025, 0.975]))[0]))
    return float(np.mean(inside)), float(np.mean(width))


@pytest.mark.parametrize("shape", SHAPES)
def test_with_ten_patients_a_draw_the_interval_holds_the_draws_whatever_their_shape(shape: str) -> None:
    inside, width = held(shape, 4000)
    assert 0.92 < inside < 0.985
    assert width < 1.6


@pytest.mark.parametrize("shape", list(SHAPES)[:3])
def test_with_a_thousand_patients_it_holds_the_draws_where_two_factors_act_together(shape: str) -> None:
    assert held(shape, 1000)[0] > 0.93


@pytest.mark.parametrize("patients", [60, 300, 600])
def test_with_any_number_of_patients_it_holds_them_where_factors_act_one_by_one(patients: int) -> None:
    assert held("as a sum", patients)[0] > 0.94


def told() -> dict[str, list[float]]:
    """The rows of the table on the page about uncertainty: the share of draws held, by number of patients."""
    lines = [line.strip("| ").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines()]
    return {line[0]: [float(cell.rstrip(" %")) / 100 for cell in line[1:]] for line in lines if line[0] in SHAPES}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_page_on_uncertainty_says_how_many_draws_are_held(shape: str) -> None:
    """Also where they are too few: a product with fewer patients than draws, which nobody could see."""
    for patients, share in zip((300, 1000, 4000), told()[shape], strict=True):
        assert held(shape, patients)[0] == pytest.approx(share, abs=0.03)


@pytest.mark.parametrize(
    ("shape", "patients"),
    [("as a sum", 300), ("as a sum", 4000), ("as a sum with a product", 4000), ("as a step", 4000)],
)
def test_weights_leave_it_so(shape: str, patients: int) -> None:
    inside, width = held(shape, patients, weighted=True)
    assert inside > 0.92
    assert width < 2


def scattered(seed: int, each: int, missed: float, weighted: bool = False) -> float:
    """The variance that is found to be missed, with a line and normal scatter about it, `each` patients a draw."""
    rng = np.random.default_rng(seed)
    z = rng.standard_normal(100)
    u = rng.standard_normal(100)
    u = missed * (u - u.mean()) / u.std()
    draw = np.arange(100 * each) % 100
    y = 2 * z[draw] + u[draw] + rng.standard_normal(draw.size)
    moments = Moments(100)
    w = rng.exponential(size=draw.size) if weighted else np.ones(draw.size)
    moments.add(y, draw, w)
    fit = Fit.of(z[:, None], moments.weight, moments.total, float(np.average(y, weights=w)))
    left = float(w @ (y - np.average(y, weights=w)) ** 2) - fit.explained
    within = float(moments.squares.sum() - (moments.total**2 / moments.weight).sum())
    return missed_by(fit, moments.weight, moments.weight_squares, left, within, 2.0).variance


@pytest.mark.parametrize("weighted", [False, True])
def test_what_is_missed_is_found_in_its_size(weighted: bool) -> None:
    for missed in (0.5, 1.0):
        found = np.mean([scattered(seed, 20, missed, weighted) for seed in range(20)])
        assert found == pytest.approx(missed**2, rel=0.1)


def test_where_nothing_is_missed_little_is_allowed_for_and_less_with_more_patients() -> None:
    few, many = (np.mean([scattered(seed, n, 0.0) for seed in range(20)]) for n in (5, 100))
    assert many < few / 10
    assert few < 0.1


def test_without_patients_who_share_a_draw_it_may_be_all_up_to_what_is_thought_possible() -> None:
    z = np.random.default_rng(1).standard_normal((50, 2))
    one = np.ones(50)
    found = missed_by(Fit.of(z, one, z[:, 0], float(z[:, 0].mean())), one, one, 3.0, 0.0, 0.3)
    assert found.points.max() == pytest.approx(0.3, rel=0.01)
    assert found.variance == pytest.approx(0.3**2 / 3, rel=0.01)


def test_one_column_a_draw_misses_nothing() -> None:
    weight = np.full(6, 4.0)
    fit = Fit.of(np.eye(6), weight, weight * np.arange(6.0), 2.5)
    assert missed_by(fit, weight, weight, 10.0, 10.0, 1.0).variance == 0.0


def test_where_the_draw_alone_decides_the_interval_is_as_wide_as_the_draws_differ() -> None:
    """Patients of one draw never differ, and the columns know nothing of what tells draws apart."""
    rng = np.random.default_rng(5)
    coin, columns = rng.integers(0, 2, 100).astype(float), rng.standard_normal((100, 2))
    draw = np.repeat(np.arange(100), 8)
    found = credible(coin[draw], draw, columns)
    assert found.low < 0.1 and found.high > 0.9
