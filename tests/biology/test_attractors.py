"""Health and disease are two steady, stable states of one patient."""

from __future__ import annotations

import numpy as np
import pytest

from homing.biology.attractors import HEALTHY, INFLAMED, OPEN_TRACT, start
from homing.biology.profiles import NATURAL_HISTORY, numbers, profile_values
from homing.ground.errors import WiringError


@pytest.fixture(scope="module")
def values(system):
    return numbers(profile_values(system, *NATURAL_HISTORY))


@pytest.mark.parametrize("changes", [(HEALTHY,), (INFLAMED,), (OPEN_TRACT,), (INFLAMED, OPEN_TRACT)])
def test_settled_state_is_steady(changes, system, values, settled) -> None:
    y = settled(*changes)
    rates = np.array(system.rates(list(y), values))
    assert np.all(np.abs(rates) <= 1e-7 * (1 + np.abs(y)))


@pytest.mark.parametrize("changes", [(HEALTHY,), (INFLAMED,)])
def test_settled_state_is_stable(changes, system, values, settled) -> None:
    y = settled(*changes)

    def rates(z: np.ndarray) -> np.ndarray:
        return np.array(system.rates(list(z), values))

    step = 1e-6 * np.maximum(1, np.abs(y))
    jacobian = np.column_stack(
        [(rates(y + h) - rates(y - h)) / (2 * d) for d, h in zip(step, np.diag(step), strict=True)]
    )
    given = ("product.", "efferocytosis.", "drug.", "microbes.engrafted")  # none of it is there unless it is given
    moves = [i for name, i in system.index.items() if not name.startswith(given)]
    assert np.linalg.eigvals(jacobian[np.ix_(moves, moves)]).real.max() < 1e-6


def test_health_and_disease_differ_in_what_is_measured(system, settled) -> None:
    healthy, inflamed = settled(HEALTHY), settled(INFLAMED)
    calprotectin, crp = system.state_index("markers.calprotectin"), system.state_index("markers.crp")
    assert healthy[calprotectin] < 100 and healthy[crp] < 3
    assert inflamed[calprotectin] > 400 and inflamed[crp] > 15


def test_less_tolerance_leaves_no_healthy_state(settled, system) -> None:
    only = settled(HEALTHY, **{"tolerance.regulatory_weight": 0.8})
    assert only[system.state_index("innate.activation")] > 0.5


def test_untreated_tract_stays_open(settled, system) -> None:
    assert settled(OPEN_TRACT)[system.state_index("tract.closure")] < 0.2


def test_start_refuses_an_unknown_state(system) -> None:
    with pytest.raises(WiringError, match=r"no state 'tract.closur'. Did you mean 'tract.closure'\?"):
        start(system, {"tract.closur": 1})
