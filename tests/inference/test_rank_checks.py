"""Simulation-based calibration passes what is right, fails what is overconfident or biased, and resumes."""

import numpy as np
import pytest

from homing.ground.errors import StudyError
from homing.inference import rank_checks
from homing.inference.draws import write_arrays
from homing.inference.rank_checks import Ranks, rank_check
from homing.inference.sampling import Sampler, Settings, backend


def prior(rng):
    return {"mu": float(rng.normal())}


def data(rng, truth):
    return truth["mu"] + rng.normal(size=3)


def conjugate(width=1.0, shift=0.0):
    """The posterior of a normal mean with prior N(0, 1) and three observations of variance 1, or a caricature of it."""

    def infer(seed, y):
        rng = np.random.default_rng(seed)
        return {"mu": y.sum() / 4 + shift + width / 2 * rng.normal(size=99)}

    return infer


def test_an_exact_inference_passes():
    ranks = rank_check(prior, data, conjugate(), 1, replicates=300)
    assert ranks.failing() == ()
    assert ranks.histogram("mu").sum() == 300
    assert ranks.chi_square("mu") > 0.01
    assert ranks.band("mu").held


@pytest.mark.parametrize("wrong", [conjugate(width=0.5), conjugate(width=2.0), conjugate(shift=0.3)])
def test_an_overconfident_a_vague_and_a_biased_one_fail(wrong):
    ranks = rank_check(prior, data, wrong, 1, replicates=300)
    assert ranks.failing() == ("mu",)
    assert not ranks.band("mu").held


def test_overconfidence_piles_the_ranks_up_at_both_ends():
    histogram = rank_check(prior, data, conjugate(width=0.5), 1, replicates=300).histogram("mu", 10)
    assert min(histogram[0], histogram[-1]) > 2 * histogram[4:6].mean()


def test_a_right_inference_is_called_wrong_as_seldom_as_it_says():
    rng = np.random.default_rng(8)
    wrong = sum(not Ranks(("a",), rng.integers(20, size=(100, 1)), 19).band("a", 0.1).held for _ in range(500))
    assert 0.05 < wrong / 500 < 0.14
    wrong = sum(bool(Ranks(("a", "b"), rng.integers(20, size=(100, 2)), 19).failing(0.1)) for _ in range(300))
    assert wrong / 300 < 0.15


@pytest.mark.parametrize(("replicates", "draws", "level"), [(60, 19, 0.2), (200, 19, 0.02), (30, 99, 0.05)])
def test_the_chance_to_leave_the_band_is_computed_exactly_and_is_the_level_at_most(replicates, draws, level):
    """Against uniform ranks by the thousand."""
    low, high = rank_checks._band(replicates, draws, level)
    exact = rank_checks._leaves(low.astype(int), high.astype(int), replicates)
    assert 0.5 * level < exact <= level
    ranks = np.random.default_rng(4).integers(draws + 1, size=(20_000, replicates))
    below = np.stack([np.cumsum(np.bincount(each, minlength=draws + 1))[:-1] for each in ranks])
    left = ((below < low) | (below > high)).any(axis=1).mean()
    assert left == pytest.approx(exact, abs=5 * np.sqrt(exact / 20_000))


def test_the_band_of_many_parameters_is_not_read_from_a_tail_of_few_runs():
    """At a level of one in 2400, as for a dozen parameters, the chance is still that and no guess."""
    low, high = (x.astype(int) for x in rank_checks._band(200, 99, 1 / 2400))
    assert 0.5 / 2400 < rank_checks._leaves(low, high, 200) <= 1 / 2400
    assert rank_checks._leaves(low + 1, high - 1, 200) > 1 / 2400


def test_ties_of_counts_are_broken_by_chance():
    """A fair coin with no data: all draws are 0 or 1, and only chance makes the ranks uniform."""
    ranks = rank_check(
        lambda rng: {"k": float(rng.integers(2))},
        lambda rng, truth: None,
        lambda seed, none: {"k": np.random.default_rng(seed).integers(2, size=99)},
        5,
        replicates=300,
    )
    assert ranks.failing() == ()


def test_replicates_are_kept_and_more_can_be_added(tmp_path):
    calls = []

    def infer(seed, y):
        calls.append(seed)
        return conjugate()(seed, y)

    first = rank_check(prior, data, infer, 1, replicates=20, folder=tmp_path)
    told = []
    more = rank_check(
        prior, data, infer, 1, replicates=30, folder=tmp_path, progress=lambda done, total: told.append((done, total))
    )
    assert len(calls) == 30
    assert (told[0], told[-1]) == ((21, 30), (30, 30))
    np.testing.assert_array_equal(more.ranks[:20], first.ranks)
    np.testing.assert_array_equal(more.ranks, rank_check(prior, data, infer, 1, replicates=30).ranks)
    rank_check(prior, data, infer, 1, replicates=20, folder=tmp_path, version="another model")
    assert len(calls) == 80


def test_kept_replicates_whose_names_are_missing_or_too_few_are_run_again(tmp_path):
    first = rank_check(prior, data, conjugate(), 1, replicates=20, folder=tmp_path)
    file = next(tmp_path.glob("ranks-*.npz"))
    for about in ({}, {"names": ["mu", "nu"]}, {"names": "mu"}):
        write_arrays(file, about, {"ranks": first.ranks})
        again = rank_check(prior, data, conjugate(), 1, replicates=20, folder=tmp_path)
        assert again.names == first.names
        np.testing.assert_array_equal(again.ranks, first.ranks)


def test_too_few_draws_missing_names_and_uneven_bins_are_refused():
    with pytest.raises(StudyError, match="99 draws"):
        Ranks(("a",), np.zeros((50, 1), dtype=int), 100).chi_square("a")
    with pytest.raises(StudyError, match="don't divide"):
        Ranks(("a",), np.zeros((50, 1), dtype=int), 99).histogram("a", 7)
    with pytest.raises(StudyError, match="has no ranks"):
        Ranks(("a",), np.zeros((50, 1), dtype=int), 99).histogram("b")
    with pytest.raises(StudyError, match="no draws of 'mu'"):
        rank_check(prior, data, lambda seed, y: {"nu": np.zeros(99)}, 1, replicates=1)
    with pytest.raises(StudyError, match="gives 9 draws"):
        rank_check(prior, data, lambda seed, y: {"mu": np.zeros(9)}, 1, replicates=1)


TRIALS, PATIENTS = 5, 40


def two_arm_trials(events):
    """Trials of two arms: the control's logit and the log odds ratio differ between trials; events (trial, arm)."""
    numpyro = backend().numpyro
    dist = pytest.importorskip("numpyro.distributions")
    control = numpyro.sample("control", dist.Normal(-0.5, 0.8))
    effect = numpyro.sample("effect", dist.Normal(0.4, 0.6))
    between = numpyro.sample("between", dist.HalfNormal(0.5))
    with numpyro.plate("trials", TRIALS):
        own = numpyro.sample("own", dist.Normal(0.0, 0.3))
        shift = numpyro.sample("shift", dist.Normal(0.0, 1.0))
    logits = (control + own)[:, None] + (effect + between * shift)[:, None] * np.array([0.0, 1.0])
    numpyro.sample("events", dist.Binomial(PATIENTS, logits=logits).to_event(2), obs=events)


def hierarchical_prior(rng):
    return {
        "control": float(rng.normal(-0.5, 0.8)),
        "effect": float(rng.normal(0.4, 0.6)),
        "between": float(abs(rng.normal(0.0, 0.5))),
    }


def hierarchical_data(rng, truth):
    control = truth["control"] + 0.3 * rng.normal(size=TRIALS)
    effect = truth["effect"] + truth["between"] * rng.normal(size=TRIALS)
    return rng.binomial(PATIENTS, 1 / (1 + np.exp(-np.stack([control, control + effect], axis=1))))


@pytest.mark.slow
def test_sampling_of_trials_with_random_effects_is_calibrated():
    pytest.importorskip("numpyro")
    sampler = Sampler(two_arm_trials, Settings(warmup=300, draws=500, chains=1))

    def infer(seed, events):
        drawn = sampler.run(seed, (events.astype(float),))
        return {name: drawn.flat(name) for name in ("control", "effect", "between")}

    ranks = rank_check(hierarchical_prior, hierarchical_data, infer, 6, replicates=200, draws=19)
    assert ranks.failing() == ()

    def overconfident(seed, events):
        return {name: x.mean() + 0.4 * (x - x.mean()) for name, x in infer(seed, events).items()}

    narrow = rank_check(hierarchical_prior, hierarchical_data, overconfident, 6, replicates=60, draws=19)
    assert set(narrow.failing()) >= {"effect"}
