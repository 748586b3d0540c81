"""Random numbers depend on (seed, patient, purpose, draw) alone."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homing.ground.keys import exponentials, normals, philox, stream_key, uniforms

seeds = st.integers(0, 2**63 - 1)


@given(seeds, st.integers(1, 2**40))
def test_philox_is_numpys_philox(seed, block):
    key = stream_key(seed, "test")
    ours = philox(key, [np.array([c], dtype=np.uint64) for c in (block, 7, 0, 0)])
    generator = np.random.Philox(
        key=np.array(key, dtype=np.uint64), counter=np.array([block - 1, 7, 0, 0], dtype=np.uint64)
    )
    assert [int(w[0]) for w in ours] == [int(w) for w in generator.random_raw(4)]


@given(seeds, st.integers(1, 200), st.integers(0, 100))
def test_first_patients_of_many_are_the_few(seed, few, more):
    a = uniforms(seed, "size", np.arange(few), 3)
    b = uniforms(seed, "size", np.arange(few + more), 3)
    assert np.array_equal(a, b[:few])


@given(seeds, st.permutations(range(12)))
def test_order_of_patients_changes_nobody(seed, order):
    a = uniforms(seed, "order", np.arange(12), 2)
    assert np.array_equal(a[order], uniforms(seed, "order", np.array(order), 2))


@given(seeds, st.integers(0, 40), st.integers(1, 40))
def test_draws_are_numbered(seed, first, draws):
    whole = uniforms(seed, "draws", [3], first + draws)
    assert np.array_equal(whole[:, first:], uniforms(seed, "draws", [3], draws, first))


def test_purposes_and_seeds_give_other_numbers():
    base = uniforms(1, "a", np.arange(50))
    assert not np.any(base == uniforms(1, "b", np.arange(50)))
    assert not np.any(base == uniforms(2, "a", np.arange(50)))


@pytest.mark.parametrize(
    ("draw", "cdf"),
    [(uniforms, "uniform"), (normals, "norm"), (exponentials, "expon")],
)
def test_distributions(draw, cdf):
    from scipy import stats

    sample = draw(20161, "distribution", np.arange(20_000)).ravel()
    assert stats.kstest(sample, cdf).pvalue > 0.01
    along = draw(20161, "distribution", [0], 20_000).ravel()
    assert stats.kstest(along, cdf).pvalue > 0.01
    assert abs(np.corrcoef(along[1:], along[:-1])[0, 1]) < 0.03


def test_uniforms_are_open():
    u = uniforms(5, "ends", np.arange(200_000))
    assert u.min() > 0
    assert u.max() < 1
