"""Random numbers: the same patients whatever the threads, the size of the cohort, its order or the arm."""

import numpy as np
import pytest

from homing.engine.population import PART, Bolus, PopulationRun
from homing.formats.sbml_import import antimony_to_sbml, model_of_sbml
from homing.ground.keys import draw_seed, normals

MODEL = model_of_sbml(antimony_to_sbml("model m()\nk = 0.3; x = 1; x' = -k * x\nend"))


def cohort(n, threads=1, seed=5, **more):
    wanted = PopulationRun(MODEL, ("x",), n, np.linspace(0, 10, 6), seed, spread={"k": 0.4}, **more)
    return np.concatenate([t.values.copy() for _, t in wanted.parts(threads)])


def test_r1_threads_change_no_bit():
    assert np.array_equal(cohort(700), cohort(700, threads=2)) and np.array_equal(cohort(700), cohort(700, threads=4))


def test_r2_the_first_patients_of_a_larger_cohort_are_the_smaller_one():
    many = cohort(PART + 100)
    assert np.array_equal(cohort(100), many[:100])


def test_r3_the_order_of_patients_does_not_matter():
    ids = np.array([5, 2, 9, 0])
    assert np.array_equal(normals(1, "k", ids), normals(1, "k", np.arange(10))[ids])


def test_r5_the_same_patient_in_two_arms_has_the_same_draws():
    dosed = cohort(50, boluses=(Bolus("x", 1.0, (5.0,)),))
    assert dosed[:, :3] == pytest.approx(cohort(50)[:, :3], rel=1e-4)
    one, other = (PopulationRun(MODEL, ("x",), n, np.zeros(1), 5, spread={"k": 0.4}) for n in (50, 60))
    assert np.array_equal(one.values(np.arange(50))["k"], other.values(np.arange(50))["k"])
    assert (dosed[:, 3:] > cohort(50)[:, 3:]).all()


def test_r6_the_monte_carlo_error_of_a_share():
    from homing.study.results import Sums

    share = Sums()
    share.add(np.repeat([1.0, 0.0], [800, 200]))
    assert share.error == pytest.approx(0.01265, rel=1e-3)


def test_r7_a_seed_is_drawn_and_differs():
    assert draw_seed() != draw_seed()


def test_another_seed_gives_other_patients():
    assert not np.array_equal(cohort(20), cohort(20, seed=6))
