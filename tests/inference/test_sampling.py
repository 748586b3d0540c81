"""NUTS finds known posteriors, resumes, and says when it failed."""

import math
import sys

import numpy as np
import pytest

from homing.ground.errors import HomingError, NumericsError, StudyError
from homing.inference.draws import ROUGH, Draws, Offence, read_arrays, write_arrays
from homing.inference.sampling import Sampler, Settings, sample

numpyro = pytest.importorskip("numpyro")
dist = pytest.importorskip("numpyro.distributions")

Y = np.array([1.2, 0.7, 2.1, 1.6, 0.9])


def normal_mean(y):
    """Known variance 1, prior N(0, 2): the posterior is N(sum / (n + 1/4), 1 / (n + 1/4))."""
    mu = numpyro.sample("mu", dist.Normal(0.0, 2.0))
    numpyro.deterministic("twice", 2 * mu * np.array([1.0, 2.0]))
    numpyro.sample("y", dist.Normal(mu, 1.0), obs=y)


def funnel():
    """Neal's funnel, which NUTS can't walk with one step size."""
    width = numpyro.sample("width", dist.Normal(0.0, 3.0))
    numpyro.sample("x", dist.Normal(0.0, np.e ** (width / 2)).expand([9]))


def nowhere():
    numpyro.sample("x", dist.Normal(0.0, 1.0))
    numpyro.factor("never", -np.inf)


@pytest.fixture(scope="module")
def sampler():
    return Sampler(normal_mean, Settings(warmup=200, draws=500, chains=2))


@pytest.fixture(scope="module")
def found(sampler):
    return sampler.run(1, (Y,))


def test_a_conjugate_posterior_is_found(found):
    n = len(Y) + 0.25
    mu = found.flat("mu")
    row = found.summary()[0]
    assert mu.dtype == np.float64
    assert mu.mean() == pytest.approx(Y.sum() / n, abs=4 / math.sqrt(n * row.bulk))
    assert mu.std() == pytest.approx(1 / math.sqrt(n), rel=0.1)
    assert found.divergences.tolist() == [0, 0]
    assert np.all(found.acceptance > 0.8)


def test_new_data_of_the_same_shape_need_no_new_compilation(sampler, found):
    before = dict(sampler._compiled)
    other = sampler.run(2, (Y + 10,))
    assert sampler._compiled == before
    assert all(f._cache_size() == 1 for f in before.values())
    assert other.flat("mu").mean() == pytest.approx((Y + 10).sum() / (len(Y) + 0.25), abs=0.15)


def test_a_chain_depends_on_seed_and_number_alone(sampler, found):
    again = sample(normal_mean, 1, warmup=200, draws=500, chains=1, model_args=(Y,))
    np.testing.assert_array_equal(again["mu"][0], found["mu"][0])
    assert not np.array_equal(found["mu"][0], found["mu"][1])


def test_progress_tells_each_block_up_to_the_end(sampler):
    told = []
    sampler.run(1, (Y,), progress=lambda done, total: told.append((done, total)))
    assert told[0] == (100, 1400)
    assert told[-1] == (1400, 1400)
    assert [d for d, _ in told] == sorted(d for d, _ in told)


def test_finished_chains_are_found_again_and_stale_or_damaged_ones_are_not(sampler, found, tmp_path, monkeypatch):
    first = sampler.run(1, (Y,), tmp_path)
    assert len(list(tmp_path.glob("chain-*.npz"))) == 2
    drawn = []
    really = Sampler._chain

    def counted(self, seed, chain, args, told):
        drawn.append(chain)
        return really(self, seed, chain, args, told)

    monkeypatch.setattr(Sampler, "_chain", counted)
    again = sampler.run(1, (Y,), tmp_path)
    assert drawn == []
    np.testing.assert_array_equal(again["mu"], first["mu"])
    np.testing.assert_array_equal(first["mu"], found["mu"])
    sampler.run(1, (Y + 1,), tmp_path)
    assert drawn == [0, 1]
    next(tmp_path.glob(f"chain-1-{first.key}.npz")).write_bytes(b"half a file")
    repaired = sampler.run(1, (Y,), tmp_path)
    assert drawn == [0, 1, 1]
    np.testing.assert_array_equal(repaired["mu"], first["mu"])


@pytest.mark.parametrize("change", ["a draw less", "a count less", "a name less", "another shape"])
def test_a_kept_chain_that_is_not_whole_is_drawn_again(sampler, tmp_path, change):
    first = sampler.run(1, (Y,), tmp_path)
    file = tmp_path / f"chain-1-{first.key}.npz"
    about, arrays = read_arrays(file)
    values = [name for name in arrays if name.startswith("value ")]
    if change == "a draw less":
        arrays |= {name: arrays[name][:-1] for name in values}
    elif change == "another shape":
        arrays[values[0]] = np.zeros((*arrays[values[0]].shape, 3))
    else:
        del arrays["divergences" if change == "a count less" else values[0]]
    write_arrays(file, about, arrays)
    again = sampler.run(1, (Y,), tmp_path)
    assert set(again.values) == set(first.values)
    for name, drawn in first.values.items():
        np.testing.assert_array_equal(again[name], drawn)


def test_draws_are_saved_whole(found, tmp_path):
    found.save(tmp_path / "deep" / "draws.npz")
    again = Draws.load(tmp_path / "deep" / "draws.npz")
    np.testing.assert_array_equal(again["twice"], found["twice"])
    assert again["twice"].shape == (2, 500, 2)
    assert (again.seed, again.key, again.chains, again.draws) == (found.seed, found.key, 2, 500)
    with pytest.raises(StudyError, match="missing or damaged"):
        Draws.load(tmp_path / "none.npz")


def test_rows_name_each_number_and_a_name_not_drawn_is_refused(found):
    assert [row.name for row in found.summary()] == ["mu", "twice[0]", "twice[1]"]
    with pytest.raises(StudyError, match="was not drawn"):
        found["nu"]


def made(x, divergences=(0, 0)):
    return Draws({"x": x}, np.array(divergences), np.array([0, 0]), np.array([0.9, 0.9]), 1)


def test_convergence_is_a_rule_with_the_names_that_break_it():
    good = np.random.default_rng(0).normal(size=(2, 1000))
    assert made(good).converged
    assert made(np.ones((2, 1000))).converged
    assert made(good, (0, 3)).offences() == (Offence("chain 1", "divergences", 3.0),)
    assert {o.what for o in made(good + np.array([[0.0], [1.0]])).offences()} >= {"rhat", "bulk"}
    assert {o.what for o in made(good[:, :150]).offences()} == {"bulk", "tail"}
    assert not made(good[:, :3]).converged  # too short for any diagnostic
    stuck = np.ones((2, 1000)) * np.array([[1.0], [2.0]])
    assert not made(stuck).converged


def test_a_try_is_held_to_looser_limits_that_can_still_be_broken():
    rough = made(np.random.default_rng(0).normal(size=(2, 300)) + np.array([[0.0], [0.1]]), (0, 30))
    assert rough.offences() and not rough.offences(limits=ROUGH)
    assert made(rough["x"], (0, 31)).offences(limits=ROUGH) == (Offence("chain 1", "divergences", 31.0),)
    apart = made(rough["x"] + np.array([[0.0], [1.0]]))
    assert {o.what for o in apart.offences(limits=ROUGH)} == {"rhat"}


def test_a_funnel_is_called_out():
    drawn = sample(funnel, 3, warmup=100, draws=100, chains=2, target_accept=0.8, max_tree_depth=5)
    assert drawn.divergences.sum() > 0
    assert any(o.what == "divergences" for o in drawn.offences())


def test_a_model_without_density_is_an_error_with_a_remedy():
    with pytest.raises(NumericsError, match="no finite density"):
        sample(nowhere, 1, warmup=10, draws=10, chains=1)


def test_without_numpyro_the_remedy_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "numpyro", None)
    with pytest.raises(HomingError, match=r'pip install "homing\[calibrate\]"'):
        sample(normal_mean, 1, model_args=(Y,))


@pytest.mark.parametrize("wrong", [{"warmup": 0}, {"chains": 0}, {"target_accept": 1.0}])
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(StudyError):
        Settings(**wrong)
