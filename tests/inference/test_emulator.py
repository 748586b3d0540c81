"""An emulator finds a known surface, knows its own error, and is the same function in numpy and jax."""

import numpy as np
import pytest
from scipy.linalg import null_space
from scipy.optimize import approx_fprime
from scipy.special import expit
from scipy.stats import multivariate_normal

from homing.ground.errors import StudyError
from homing.inference import kriging
from homing.inference.emulator import Emulator, Emulators, fit_emulator, fit_emulators, sobol_design

LOW, HIGH, PATIENTS = np.array([0.0, 1.0, -1.0]), np.array([1.0, 3.0, 1.0]), 400


def surface(x):
    """A smooth logit with a curve and an interaction."""
    return -0.5 + 1.5 * np.sin(2 * x[..., 0]) + 0.8 * np.tanh(x[..., 1] - 2) * x[..., 2]


@pytest.fixture(scope="module")
def design():
    return sobol_design(LOW, HIGH, 128, 1)


@pytest.fixture(scope="module")
def independent(design):
    """Cohorts whose random numbers are their own."""
    return np.random.default_rng(0).binomial(PATIENTS, expit(surface(design)))


@pytest.fixture(scope="module")
def shared(design):
    """Cohorts of the same patients, each with one uniform number."""
    return (np.random.default_rng(3).uniform(size=PATIENTS) < expit(surface(design))[:, None]).sum(axis=1)


@pytest.fixture(scope="module")
def together(design, independent, shared):
    events = np.stack([independent, shared, 0 * shared, 0 * shared + PATIENTS], axis=1)
    return fit_emulators(design, events, PATIENTS, LOW, HIGH)


@pytest.fixture(scope="module")
def elsewhere():
    return np.random.default_rng(5).uniform(LOW, HIGH, (300, 3))


def small_problem():
    rng = np.random.default_rng(2)
    u = rng.uniform(-1, 1, (12, 2))
    z = 0.3 + u @ [1.0, -0.5] + 0.2 * rng.normal(size=12)
    binomial = rng.uniform(0.01, 0.1, 12)
    return u, z, binomial


def test_an_emulator_finds_a_known_surface_and_knows_how_well(together, elsewhere):
    emulator = together.each[0]
    error = emulator.logit(elsewhere) - surface(elsewhere)
    sampling = 1 / np.sqrt(PATIENTS / 4)
    assert np.sqrt(np.mean(error**2)) < sampling / 2  # better than any single cohort
    assert 0.7 < np.sqrt(np.mean((error / emulator.sd(elsewhere)) ** 2)) < 1.4
    assert emulator.error.calibrated
    assert emulator.error.rmse == pytest.approx(sampling, rel=0.35)  # leaves out noisy cohorts
    assert emulator.error.rmse_share == pytest.approx(emulator.error.rmse / 4, rel=0.2)


def test_common_random_numbers_leave_less_noise_and_an_error_that_is_told(together, elsewhere):
    alone, common = together.each[:2]
    assert alone.part > 0.6
    assert common.part < 0.2
    assert common.error.rmse < alone.error.rmse / 2
    error = common.logit(elsewhere) - surface(elsewhere)
    assert np.sqrt(np.mean(error**2)) < 2 * common.error.common


def test_a_share_of_none_or_all_is_finite_and_extreme(together, elsewhere):
    none, every = together.logit(elsewhere)[:, 2], together.logit(elsewhere)[:, 3]
    np.testing.assert_allclose(none, -np.log(2 * PATIENTS + 1), atol=1e-6)
    np.testing.assert_allclose(every, np.log(2 * PATIENTS + 1), atol=1e-6)


def test_a_straight_line_is_found_within_and_beyond_the_box():
    x = sobol_design([0, 0], [1, 2], 32, 4)
    patients = 10**9
    events = np.round(patients * expit(x @ [2.0, -1.0] + 0.5))
    emulator = fit_emulator(x, events, patients, [0, 0], [1, 2])
    for place in ([0.3, 0.7], [1.5, 3.0]):
        assert emulator.logit(np.array(place)) == pytest.approx(np.dot(place, [2.0, -1.0]) + 0.5, abs=2e-3)


def test_a_parabola_is_found_with_a_quadratic_mean():
    x = sobol_design([-1, -1], [1, 1], 64, 4)
    patients = 10**9
    curve = 0.2 + x[:, 0] ** 2 - 0.7 * x[:, 0] * x[:, 1]
    emulator = fit_emulator(x, np.round(patients * expit(curve)), patients, [-1, -1], [1, 1], degree=2)
    assert emulator.logit(np.array([1.5, 1.5])) == pytest.approx(0.2 + 1.5**2 * 0.3, abs=5e-3)


def test_leaving_one_out_in_closed_form_is_leaving_it_out():
    u, z, binomial = small_problem()
    values = (np.array([0.8, 1.5]), 0.4, 0.7, 0.01)
    full = kriging.solve(z, kriging.basis(u, 1), kriging.square_distances(u), binomial, *values)
    for i in range(len(z)):
        rest = np.arange(len(z)) != i
        part = kriging.solve(
            z[rest], kriging.basis(u[rest], 1), kriging.square_distances(u[rest]), binomial[rest], *values
        )
        k = values[1] * np.exp(-0.5 * ((u[i] - u[rest]) ** 2 @ values[0] ** -2))
        predicted = float(kriging.basis(u[i], 1) @ part.coefficients + k @ part.weights)
        assert full.left_out[i] == pytest.approx(z[i] - predicted, rel=1e-6)


def test_the_restricted_likelihood_is_the_density_of_contrasts_without_the_mean():
    u, z, binomial = small_problem()
    h, distances = kriging.basis(u, 1), kriging.square_distances(u)
    contrasts = null_space(h.T)

    def both(values):
        solved = kriging.solve(z, h, distances, binomial, *values)
        kernel = values[1] * np.exp(-0.5 * np.tensordot(values[0] ** -2.0, distances, axes=1))
        covariance = contrasts.T @ (kernel + np.diag(solved.noise)) @ contrasts
        return solved.likelihood, multivariate_normal(cov=covariance).logpdf(contrasts.T @ z)

    first, second = both((np.array([0.8, 1.5]), 0.4, 0.7, 0.01)), both((np.array([2.0, 0.4]), 1.4, 0.2, 0.05))
    assert first[0] - second[0] == pytest.approx(first[1] - second[1], rel=1e-6)


def test_the_gradient_of_the_likelihood_is_its_slope():
    u, z, binomial = small_problem()
    given = (z, kriging.basis(u, 2), kriging.square_distances(u), binomial)
    at = np.log([0.9, 1.7, 0.5, 0.3, 0.02])
    slope = approx_fprime(at, lambda x: kriging._loss(x, *given)[0], 1e-7)
    np.testing.assert_allclose(kriging._loss(at, *given)[1], slope, rtol=1e-4, atol=1e-5)


def test_all_outputs_at_once_are_the_single_ones(together, elsewhere):
    singly = np.stack([e.logit(elsewhere) for e in together.each], axis=-1)
    np.testing.assert_allclose(together.logit(elsewhere), singly, atol=1e-9)
    outputs = np.arange(len(elsewhere)) % 4
    rows = together.logit_each(elsewhere, outputs)
    np.testing.assert_allclose(rows, singly[np.arange(len(elsewhere)), outputs], atol=1e-9)
    assert together.logit(elsewhere.reshape(3, 100, 3)).shape == (3, 100, 4)


def test_jax_sees_the_same_function_and_its_slope(together, elsewhere):
    from homing.inference.sampling import backend

    b = backend()
    x = elsewhere[:4]
    compiled = b.jax.jit(lambda at: together.logit(at, b.jnp))
    np.testing.assert_allclose(compiled(x), together.logit(x), atol=1e-9)
    rows = b.jax.jit(lambda at: together.logit_each(at, [0, 1, 0, 1], b.jnp))
    np.testing.assert_allclose(rows(x), together.logit_each(x, [0, 1, 0, 1]), atol=1e-9)
    one = together.each[0]
    slope = b.jax.grad(lambda at: one.logit(at, b.jnp))(b.jnp.asarray(x[0]))
    np.testing.assert_allclose(slope, approx_fprime(x[0], one.logit, 1e-6), rtol=1e-4, atol=1e-4)


def test_saved_emulators_are_read_back(together, elsewhere, tmp_path):
    np.savez(tmp_path / "emulators.npz", **together.arrays())
    with np.load(tmp_path / "emulators.npz") as stored:
        again = Emulators.from_arrays(stored)
    np.testing.assert_array_equal(again.logit(elsewhere), together.logit(elsewhere))
    assert again.each[1].error == together.each[1].error
    with pytest.raises(StudyError, match="lacks points"):
        Emulator.from_arrays({k: v for k, v in together.each[0].arrays().items() if k != "points"})


def test_a_sobol_design_is_in_the_box_balanced_and_the_same_each_time():
    x = sobol_design(LOW, HIGH, 64, 7)
    assert np.array_equal(x, sobol_design(LOW, HIGH, 64, 7))
    assert not np.array_equal(x, sobol_design(LOW, HIGH, 64, 8))
    eighths = np.floor(8 * (x - LOW) / (HIGH - LOW)).astype(int)
    for column in eighths.T:
        assert np.bincount(column, minlength=8).tolist() == [8] * 8
    assert np.array_equal(sobol_design(LOW, HIGH, 50, 7), x[:50])


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"events": np.full(40, 11)}, "between 0 and the number"),
        ({"patients": 0}, "between 0 and the number"),
        ({"design": np.full((40, 2), 2.0)}, "outside the box"),
        ({"design": np.full((4, 2), 0.5), "events": np.full(4, 3)}, "too few"),
        ({"low": [1, 0]}, "below its high"),
        ({"degree": 3}, "degree"),
        ({"events": np.full((40, 2), 3)}, "shape"),
        ({"design": np.full((40, 3), 0.5)}, "design"),
    ],
)
def test_what_cannot_be_fitted_is_refused(change, says):
    given = {
        "design": sobol_design([0, 0], [1, 1], 40, 1),
        "events": np.full(40, 3),
        "patients": 10,
        "low": [0, 0],
        "high": [1, 1],
    }
    with pytest.raises(StudyError, match=says):
        fit_emulator(**{**given, **change})


def test_emulators_of_different_designs_stay_apart(together):
    other = fit_emulator(sobol_design(LOW, HIGH, 16, 2), np.arange(16), 20, LOW, HIGH)
    with pytest.raises(StudyError, match="different designs"):
        Emulators.of([together.each[0], other])
