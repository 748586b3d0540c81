"""Scenarios: the posterior's draws, its summaries, and factors set by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from posterior_cases import write

import homing.patients.scenario as module
from homing.evidence.catalogue import entry_of_file
from homing.ground.errors import EvidenceError
from homing.ground.keys import exponentials
from homing.patients.flares import flare_times
from homing.patients.population import population
from homing.patients.posterior import Posterior, posterior, read_posterior
from homing.patients.scenario import POSTERIOR, Scenario, read_scenario, scenario, scenarios


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Posterior:
    """A small posterior in the place of the shipped one."""
    found = read_posterior(write(tmp_path))
    monkeypatch.setattr(module, "posterior", lambda: found)
    return found


def read(folder: Path, what: str) -> Scenario:
    file = folder / "some.yaml"
    file.write_text(f"name: {{en: a, zh: 甲}}\n{what}\n", encoding="utf-8")
    return read_scenario(entry_of_file(file))


def test_under_the_posterior_each_patient_has_their_own_factor(tmp_path: Path, small: Posterior) -> None:
    found = read(tmp_path, "posterior: draws")
    ids = np.array([3, 4, 5])
    np.testing.assert_array_equal(found.factor("tract.k_close", ids), [2.0, 2.5, 0.5])
    assert found.factor("tract.k_close") == 1.5  # the median
    assert found.factor("weight", ids) == 1.0
    applied = found.apply({"memory_survival": np.array([0.1, 0.1, 0.1]), "weight": np.array([60.0, 70.0, 80.0])}, ids)
    np.testing.assert_allclose(applied["memory_survival"], [0.2, 0.1, 0.5])
    np.testing.assert_array_equal(applied["weight"], [60, 70, 80])


def test_a_summary_takes_every_parameter_at_its_point(tmp_path: Path, small: Posterior) -> None:
    low, high = (read(tmp_path, f"quantile: '{q}'") for q in (0.25, 0.75))
    assert {name: value.number for name, value in low.multiply.items()} == {
        "tract.k_close": 1.0,
        "tract.secretome_closure": 1.0,
        "memory_survival": 4.0,
        "flares.rate": 2.0,
    }
    assert high.factor("tract.k_close", np.arange(3)) == 2.0
    assert high.factor("memory_survival") == 2.0


def test_values_say_whether_trials_informed_them(tmp_path: Path, small: Posterior) -> None:
    for what in ("posterior: draws", "quantile: '0.5'"):
        multiply = read(tmp_path, what).multiply
        assert multiply["tract.k_close"].basis == "estimated"
        assert multiply["tract.k_close"].source
        assert "ADMIRE-CD" in multiply["tract.k_close"].how
        assert multiply["memory_survival"].basis == "assumed"
        assert "prior" in multiply["memory_survival"].because


def test_the_shipped_summaries_run_from_sceptical_to_optimistic() -> None:
    low, middle, high = (scenario(key) for key in ("sceptical", "pooled", "optimistic"))
    for parameter in posterior().parameters.values():
        for name in parameter.multiplies:
            factors = [s.factor(name) for s in (low, middle, high)]
            if parameter.summary == "none":
                assert len(set(factors)) == 1, name
            else:
                assert factors == sorted(factors, reverse=parameter.summary == "down"), name
                assert len(set(factors)) == 3, name


def test_the_shipped_scenarios_rest_on_the_posterior() -> None:
    assert {found.key for found in scenarios()} == {POSTERIOR, "sceptical", "pooled", "optimistic"}
    assert all(found.rests_on_posterior for found in scenarios())
    assert [found.key for found in scenarios() if found.draws is not None] == [POSTERIOR]


def test_factors_may_be_set_by_hand(tmp_path: Path) -> None:
    found = read(tmp_path, "multiply:\n  tract.k_close: {value: '0.5', basis: assumed, because: x}")
    assert found.factor("tract.k_close", np.arange(4)) == 0.5
    assert not found.rests_on_posterior
    np.testing.assert_allclose(found.apply({"tract.k_close": np.array([1.0, 3.0])})["tract.k_close"], [0.5, 1.5])


def test_a_negative_factor_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EvidenceError, match=r"some\.yaml:3: multiply\.memory_survival: .*zero or more"):
        read(tmp_path, "multiply:\n  memory_survival: {value: '-1', basis: assumed, because: x}")


@pytest.mark.parametrize(
    ("what", "says"),
    [
        ("posterior: draws\nquantile: '0.5'", "has one of posterior, quantile, multiply"),
        ("note: {en: b, zh: 乙}", "has one of posterior, quantile, multiply"),
        ("posterior: means", "'means' is not known here"),
        ("quantile: '1'", "between 0 and 1"),
        ("quantile: low", "between 0 and 1"),
    ],
)
def test_a_scenario_is_one_thing(tmp_path: Path, what: str, says: str) -> None:
    with pytest.raises(EvidenceError, match=says):
        read(tmp_path, what)


def test_too_few_patients_tell_nothing_of_draws(tmp_path: Path, small: Posterior) -> None:
    found = read(tmp_path, "posterior: draws")
    assert found.over_draws(np.array([0.0, 1.0, 0.0]), np.arange(3)) is None
    assert read(tmp_path, "quantile: '0.5'").over_draws(np.zeros(500), np.arange(500)) is None


def test_twice_the_rate_brings_the_same_flares_in_half_the_time() -> None:
    rate, ids = population("perianal-fistula-refractory-cd").flares.rate.number, np.arange(50)
    who, day, number = flare_times(rate, 3, ids, 0.0, 2000.0)
    who_2, day_2, number_2 = flare_times(2 * rate, 3, ids, 0.0, 1000.0)
    order, order_2 = np.lexsort((number, who)), np.lexsort((number_2, who_2))
    np.testing.assert_array_equal(who[order], who_2[order_2])
    np.testing.assert_array_equal(number[order], number_2[order_2])
    np.testing.assert_allclose(day[order], 2 * day_2[order_2])


def test_a_patient_has_the_flares_of_their_own_factor() -> None:
    rate, ids = population("perianal-fistula-refractory-cd").flares.rate.number, np.arange(3)
    factor = np.array([0.0, 1.0, 5.0])
    who, day, _ = flare_times(rate * factor, 3, ids, 0.0, 5000.0)
    assert 0 not in who
    first = [day[who == i].min() for i in (1, 2)]
    waits = exponentials(3, "time to the next flare", ids, 1, 0)[1:, 0]
    np.testing.assert_allclose(first, waits / (rate / 365.25 * factor[1:]))
