"""The posterior: one draw a patient, jointly; summaries by direction; files read strictly."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from posterior_cases import DRAWS, YAML, write

from homing.biology.ibd import ibd_system
from homing.evidence.store import load_store
from homing.ground.errors import EvidenceError
from homing.patients.flares import RATES
from homing.patients.population import COVARIATES
from homing.patients.posterior import posterior, read_posterior


def test_patient_i_takes_draw_i_modulo_the_number_of_draws(tmp_path: Path) -> None:
    found = read_posterior(write(tmp_path))
    ids = np.array([0, 4, 5, 12])
    np.testing.assert_array_equal(found.factor("tract.k_close", ids), [0.5, 2.5, 0.5, 1.5])
    np.testing.assert_array_equal(found.factor("memory_survival", ids), [5, 1, 5, 3])


def test_a_draw_holds_all_parameters_together(tmp_path: Path) -> None:
    found = read_posterior(write(tmp_path))
    ids = np.arange(20)
    pairs = set(zip(found.factor("tract.k_close", ids), found.factor("memory_survival", ids), strict=True))
    assert pairs == {(0.5, 5.0), (1.0, 4.0), (1.5, 3.0), (2.0, 2.0), (2.5, 1.0)}
    np.testing.assert_array_equal(found.factor("tract.k_close", ids), found.factor("tract.secretome_closure", ids))


def test_diagnostics_are_read_where_they_are_told(tmp_path: Path) -> None:
    assert read_posterior(write(tmp_path)).diagnostics == {}
    told = YAML.replace("parameters:", "diagnostics: {r_hat: '1.004', divergences: '0'}\nparameters:")
    assert read_posterior(write(tmp_path, told)).diagnostics == {"r_hat": 1.004, "divergences": 0}
    with pytest.raises(EvidenceError, match="is no number"):
        read_posterior(write(tmp_path, told.replace("1.004", "good")))


def test_what_it_does_not_name_is_left_alone(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read_posterior(write(tmp_path)).factor("weight", [0, 1]), [1, 1])


def test_optimism_lies_where_the_summary_says(tmp_path: Path) -> None:
    found = read_posterior(write(tmp_path))
    assert found.quantile("closing", 0.25) == 1.0
    assert [found.optimism("closing", p) for p in (0.25, 0.5, 0.75)] == [1.0, 1.5, 2.0]
    assert [found.optimism("depth", p) for p in (0.25, 0.5, 0.75)] == [4.0, 3.0, 2.0]
    assert [found.optimism("rate", p) for p in (0.25, 0.5, 0.75)] == [2.0, 2.0, 2.0]


def test_the_design_is_standard_and_grows_with_the_cohort(tmp_path: Path) -> None:
    found = read_posterior(write(tmp_path))
    few, many = found.design(10), found.design(10_000)
    assert (few.shape, many.shape) == ((5, 3), (5, 9))
    np.testing.assert_allclose(many[:, :6].mean(axis=0), 0, atol=1e-12)
    np.testing.assert_allclose(few.std(axis=0), 1)
    columns = posterior().design(10).shape[1]
    assert posterior().design(600).shape[1] == 2 * columns
    assert posterior().design(1000).shape[1] == 2 * columns + columns * (columns - 1) // 2
    np.testing.assert_allclose(many[:, 6:], few[:, [0, 0, 1]] * few[:, [1, 2, 2]])


def test_a_parameter_without_spread_is_no_column(tmp_path: Path) -> None:
    same = "\n".join(line.rsplit(",", 1)[0] + (",rate" if i == 0 else ",1") for i, line in enumerate(DRAWS.split()))
    assert read_posterior(write(tmp_path, draws=same)).design(10).shape == (5, 2)


def test_a_parameter_that_multiplies_nothing_is_no_column(tmp_path: Path) -> None:
    idle = YAML.replace("multiplies: [memory_survival]", "multiplies: []")
    found = read_posterior(write(tmp_path, idle))
    assert found.design(10).shape == (5, 2)
    np.testing.assert_array_equal(found.design(10), read_posterior(write(tmp_path)).design(10)[:, [0, 2]])
    shipped = posterior()
    assert shipped.design(10).shape[1] == sum(bool(p.multiplies) for p in shipped.parameters.values())


def test_two_posteriors_have_two_checksums(tmp_path: Path) -> None:
    first = read_posterior(write(tmp_path))
    assert first.checksum == read_posterior(write(tmp_path)).checksum
    assert first.checksum != read_posterior(write(tmp_path, draws=DRAWS.replace("5,0.5,1", "5,0.6,1"))).checksum


@pytest.mark.parametrize(
    ("was", "becomes", "says"),
    [
        ("tract.k_close", "tract.k_closs", r"posterior\.yaml:8: .*nothing is called 'tract\.k_closs'.*tract\.k_close"),
        ("[memory_survival]", "[tract.k_close]", r"'tract\.k_close' is multiplied by 'closing' already"),
        ("    from: [ADMIRE-CD]\n", "", r"names them under `from`"),
        ("from: [ADMIRE-CD]", "from: [ADMIRE-XX]", r"unknown trial 'ADMIRE-XX'"),
        ("shrinkage: '0.6'", "shrinkage: much", r"posterior\.yaml:12: .*'much' is no number"),
        ("low: '0.9'", "low: '1.3'", r"low <= median <= high"),
        ("low: '0.2', high: '5'}\n    shr", "low: '0', high: '5'}\n    shr", r"factors are above zero"),
        ("summary: down", "summary: below", r"'below' is not known here"),
        ("informed: 'yes'", "informed: perhaps", r"'perhaps' is not known here"),
        ("version: '7'\n", "", r"needs the field 'version'"),
        ("draws: draws.csv", "draws: other.csv", r"other\.csv: the draws can't be read: .*Write the posterior again"),
    ],
)
def test_a_faulty_file_is_refused_with_its_place(tmp_path: Path, was: str, becomes: str, says: str) -> None:
    assert was in YAML
    with pytest.raises(EvidenceError, match=says):
        read_posterior(write(tmp_path, YAML.replace(was, becomes)))


@pytest.mark.parametrize(
    ("draws", "says"),
    [
        ("depth,closing\n1,1\n", r"draws\.csv:1: the first line must name .*closing, depth, rate.*Write the posterior"),
        ("depth,closing,rate\n", r"draws\.csv:2: there is no draw"),
        ("", r"draws\.csv:1"),
        (DRAWS.replace("3,1.5,2", "3,1.5"), r"draws\.csv:4: a draw is 3 factors above zero"),
        (DRAWS.replace("3,1.5,2", "3,0,2"), r"draws\.csv:4"),
        (DRAWS.replace("3,1.5,2", "3,nan,2"), r"draws\.csv:4"),
        (DRAWS.replace("3,1.5,2", "3,inf,2"), r"draws\.csv:4"),
        (DRAWS.replace("3,1.5,2", "3,x,2"), r"draws\.csv:4"),
    ],
)
def test_faulty_draws_are_refused_with_their_line(tmp_path: Path, draws: str, says: str) -> None:
    with pytest.raises(EvidenceError, match=says):
        read_posterior(write(tmp_path, draws=draws))


def test_the_shipped_posterior_multiplies_what_there_is() -> None:
    known = {*ibd_system().parameters, *COVARIATES, *RATES}
    assert set(posterior().multiplied) <= known
    assert set(posterior().mechanism) <= set(ibd_system().parameters)


def test_the_shipped_posterior_rests_on_trials_public_by_its_date() -> None:
    year = int(posterior().until[:4])
    store = load_store()
    for key in posterior().trials:
        reported = store.trial(key).year
        assert reported is not None and reported <= year, key


def test_a_parameter_is_informed_where_trials_bear_on_it_and_taught_something() -> None:
    for parameter in posterior().parameters.values():
        assert parameter.informed == (bool(parameter.trials) and parameter.shrinkage >= 0.1), parameter.key
