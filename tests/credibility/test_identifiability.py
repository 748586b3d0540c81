"""What a study's own readings tell, against differences of the simulator itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from record_cases import study

from homing.credibility.identifiability import identify
from homing.patients.cohort import Cohort
from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.study.simulator import Simulator

NAMES = ["tract.k_close", "tract.half_sepsis", "tract.efferocytosis_clearance"]
STEP = 0.01


@pytest.mark.slow
def test_the_information_is_that_of_differences_through_the_simulator(tmp_path: Path) -> None:
    """d y / d log p by central differences of the engine that runs studies, in a patient at the centre, no flares."""
    asked = study(tmp_path)
    place = population(asked.population)
    simulator = Simulator(place, asked.seed)
    found = identify(asked, simulator, [*NAMES, "not a parameter"])
    assert found is not None
    assert found.information.parameters == tuple(NAMES)
    assert found.patients == 100
    calm = replace(place, flares=replace(place.flares, rate=replace(place.flares.rate, number=0.0)))
    centres = {name: np.array([d.centre.number]) for name, d in place.distributions.items()}
    states, _ = simulator.settle(centres, {})
    cohort = Cohort(calm, asked.seed, np.array([0]), centres, states, np.array([1]))
    plain = replace(scenario("pooled"), multiply={})

    def read(name: str, factor: float) -> np.ndarray:
        run = Simulator(calm, asked.seed).run(
            cohort, asked.arms["cells"], plain, found.days, changes={name: factor}, rtol=1e-8
        )
        return np.array([[run[out][0, run.at(day)] for out in found.outputs] for day in found.days])

    slopes = np.stack([(read(n, np.exp(STEP)) - read(n, np.exp(-STEP))) / (2 * STEP) for n in NAMES], axis=-1)
    sd = np.array([error.additive for error in found.errors])
    scaled = slopes / sd[None, :, None]
    expected = found.patients * np.einsum("tkp,tkq->pq", scaled, scaled)
    assert np.allclose(found.information.matrix, expected, rtol=0.02, atol=1e-3 * np.abs(expected).max())
    for name, alone, together in found.known:
        i = NAMES.index(name)
        assert alone == pytest.approx(expected[i, i] ** -0.5, rel=0.02)
        assert together >= alone * (1 - 1e-9), "what else is unknown can only take away"


def test_it_is_not_asked_where_none_of_the_names_is_a_parameter(tmp_path: Path) -> None:
    asked = study(tmp_path)
    assert identify(asked, Simulator(population(asked.population), asked.seed), ["age"]) is None
