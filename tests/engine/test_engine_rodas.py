"""The published numbers of Rodas5P satisfy the order conditions, so none of them is mistyped."""

import numpy as np
import pytest

from homing.engine.rodas import DENSE, GAMMA, STAGES, A, C

Tree = tuple  # a rooted tree is the tuple of its branches

TREES: dict[int, list[Tree]] = {1: [()]}


def partitions(size, most):
    """Multisets of trees with `size` vertices in total, each at most number `most` in the list of all trees."""
    if size == 0:
        yield ()
    for order in sorted(TREES):
        if order <= size:
            for tree in TREES[order]:
                if (order, tree) <= most:
                    for rest in partitions(size - order, (order, tree)):
                        yield (tree, *rest)


for order in range(2, 6):
    TREES[order] = sorted(partitions(order - 1, (order, ())))


def order_of(tree):
    return 1 + sum(order_of(b) for b in tree)


def density(tree):
    return order_of(tree) * np.prod([density(b) for b in tree], initial=1.0)


def lower(rows):
    return np.array([[*row, *[0.0] * (STAGES - len(row))] for row in rows])


GAMMA_MATRIX = np.linalg.inv(np.eye(STAGES) / GAMMA - lower(C))
ALPHA = lower(A) @ GAMMA_MATRIX
BETA = ALPHA + GAMMA_MATRIX
END = np.array([*A[7], 1.0])


def weights(tree):
    """Elementary weights of the stages; E. Hairer and G. Wanner, Solving ODEs II, section IV.7: a vertex with one
    branch takes beta, one with more takes alpha."""
    if len(tree) == 1:
        return BETA @ weights(tree[0])
    out = np.ones(STAGES)
    for branch in tree:
        out = out * (ALPHA @ weights(branch))
    return out


def test_there_are_as_many_trees_as_there_should_be():
    assert [len(TREES[k]) for k in range(1, 6)] == [1, 1, 2, 4, 9]


@pytest.mark.parametrize("order", range(1, 6))
def test_the_method_has_order_5(order):
    for tree in TREES[order]:
        assert END @ GAMMA_MATRIX @ weights(tree) == pytest.approx(1 / density(tree), abs=1e-11)


@pytest.mark.parametrize("order", range(1, 5))
def test_the_embedded_method_has_order_4_and_no_more(order):
    embedded = np.array([*A[7], 0.0]) @ GAMMA_MATRIX
    for tree in TREES[order]:
        assert embedded @ weights(tree) == pytest.approx(1 / density(tree), abs=1e-11)
    misses = [abs(embedded @ weights(tree) - 1 / density(tree)) for tree in TREES[5]]
    assert max(misses) > 1e-5


@pytest.mark.parametrize("x", [0.1, 0.5, 0.8])
def test_dense_output_has_order_4(x):
    d = np.array(DENSE)
    u = x * END + x * (1 - x) * (d[0] + x * (d[1] + x * d[2]))
    for order in range(1, 5):
        for tree in TREES[order]:
            assert u @ GAMMA_MATRIX @ weights(tree) == pytest.approx(x**order / density(tree), abs=1e-11)


def test_it_is_stiffly_accurate():
    assert A[6][:5] == A[7][:5] == A[5] and A[6][5:] == (1.0,) and A[7][5:] == (1.0, 1.0)
