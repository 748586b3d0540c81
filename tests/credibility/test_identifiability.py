"""What readings of a study's markers tell, against differences of the simulator itself."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from record_cases import study

from homing.credibility import identifiability
from homing.credibility.identifiability import Missing, identify
from homing.endpoints.definitions import endpoint
from homing.ground.errors import HomingError, NumericsError, WiringError
from homing.patients.cohort import Cohort
from homing.patients.population import population
from homing.patients.scenario import scenario
from homing.study.plan import Study
from homing.study.simulator import Simulator

NAMES = ["innate.effector_weight", "tcells.k_priming"]
STEP = 0.01


def with_markers(folder: Path, *markers: str) -> Study:
    return replace(study(folder), secondary=markers)


@pytest.mark.slow
def test_the_information_is_that_of_differences_through_the_simulator(tmp_path: Path) -> None:
    """d y / d log p by central differences of the engine that runs studies, in a patient at the centre, no flares."""
    asked = with_markers(tmp_path, "crp", "calprotectin", "cdai")
    place = population(asked.population)
    simulator = Simulator(place, asked.seed)
    found = identify(asked, simulator, [*NAMES, "not a parameter"])
    assert not isinstance(found, Missing)
    assert found.markers == ("crp", "calprotectin"), "no reading error of the CDAI was published"
    assert found.information.parameters == tuple(NAMES)
    assert found.patients == 100
    calm = replace(place, flares=replace(place.flares, rate=replace(place.flares.rate, number=0.0)))
    centres = {name: np.array([d.centre.number]) for name, d in place.distributions.items()}
    states, _ = simulator.settle(centres, {})
    cohort = Cohort(calm, asked.seed, np.array([0]), centres, states, np.array([1]))
    plain = replace(scenario("pooled"), multiply={})
    outputs = [endpoint(key).of for key in found.markers]

    def read(name: str, factor: float) -> np.ndarray:
        run = Simulator(calm, asked.seed).run(
            cohort, asked.arms["cells"], plain, found.days, changes={name: factor}, rtol=1e-8
        )
        return np.array([[run[out][0, run.at(day)] for out in outputs] for day in found.days])

    slopes = np.stack([(read(n, np.exp(STEP)) - read(n, np.exp(-STEP))) / (2 * STEP) for n in NAMES], axis=-1)
    sd = np.array([error.proportional for error in found.errors]) * read(NAMES[0], 1.0)
    scaled = slopes / sd[:, :, None]
    expected = found.patients * np.einsum("tkp,tkq->pq", scaled, scaled)
    assert expected[0, 0] > 0
    assert np.allclose(found.information.matrix, expected, rtol=0.02, atol=1e-3 * np.abs(expected).max())
    for name, alone, together in found.information.known:
        i = NAMES.index(name)
        assert alone == pytest.approx(expected[i, i] ** -0.5, rel=0.02)
        assert together >= alone * (1 - 1e-9), "what else is unknown can only take away"


def test_a_doubt_about_a_cut_off_is_no_error_of_a_reading(tmp_path: Path) -> None:
    """Closure and sepsis, on which the primary endpoint is judged, are read by nobody."""
    asked = study(tmp_path)
    simulator = Simulator(population(asked.population), asked.seed)
    assert identify(asked, simulator, ["tract.k_close"]) == Missing("markers")
    assert identify(with_markers(tmp_path, "pdai"), simulator, ["tract.k_close"]) == Missing("markers")


def test_it_is_not_asked_where_none_of_the_names_is_a_parameter(tmp_path: Path) -> None:
    asked = with_markers(tmp_path, "crp")
    assert identify(asked, Simulator(population(asked.population), asked.seed), ["age"]) == Missing("parameters")


@pytest.mark.parametrize("error", [NumericsError("the solver gave up."), WiringError("triggers are outside.")])
def test_what_was_asked_and_failed_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: HomingError
) -> None:
    def fails(*args: object, **more: object) -> None:
        raise error

    monkeypatch.setattr(identifiability, "sensitivities", fails)
    asked = with_markers(tmp_path, "crp")
    found = identify(asked, Simulator(population(asked.population), asked.seed), ["tract.k_close"])
    assert found == Missing("failed", str(error))
