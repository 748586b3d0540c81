"""Covariates that change between records."""

import math

import numpy as np
import pytest
from table_runs import ONE, read, run, values

from homing.ground.errors import StudyError
from homing.protocol.catalogue import product, route
from homing.protocol.course import Course, Dose
from homing.protocol.ledger import give

STEPPED = "ID,TIME,AMT,CL\n1,0,100,1\n1,10,,2\n1,20,,2"


def test_v1_the_last_value_holds_unless_told_otherwise():
    assert values(STEPPED) == pytest.approx([10, 3.67879, 0.497871], rel=1e-5)
    assert any("CL (locf)" in note for note in run(STEPPED).notes)


def test_v2_the_next_value_on_request():
    assert values(STEPPED, otherwise="nocb") == pytest.approx([10, 1.35335, 0.183156], rel=1e-5)


def test_v3_values_joined_by_lines():
    """The integral of CL from 0 to 10 is 15, then 20."""
    assert values(STEPPED, otherwise="linear") == pytest.approx(
        [10, 10 * math.exp(-1.5), 10 * math.exp(-3.5)], rel=1e-6
    )


def test_methods_can_differ_between_covariates():
    text = "ID,TIME,AMT,CL,V\n1,0,100,1,10\n1,10,,2,20"
    both = run(text, covariates={"CL": "nocb"}, outputs=("central", "C")).values
    assert both[1] == pytest.approx([100 * math.exp(-2), 100 * math.exp(-2) / 20], rel=1e-6)


def test_v4_the_end_of_an_infusion_changes_no_covariate():
    text = "ID,TIME,AMT,RATE,CL\n1,0,70,10,1\n1,10,,,2"
    amount = 100 * (1 - math.exp(-0.7)) * math.exp(-0.3)
    assert values(text)[1] == pytest.approx(amount / 10, rel=1e-7)


def test_v5_rows_between_change_nothing_at_the_others():
    more = "ID,TIME,AMT,CL\n1,0,100,1\n" + "".join(f"1,{t},,1\n" for t in np.arange(0.5, 10, 0.5)) + "1,10,,2\n1,20,,2"
    sparse, dense = values(STEPPED), values(more)
    assert dense[-2:] == pytest.approx(sparse[-2:], rel=1e-8)


def test_v6_text_is_no_covariate():
    with pytest.raises(StudyError, match=r":3: CL: 'high' is not a number"):
        run("ID,TIME,AMT,CL\n1,0,100,1\n1,10,,high", otherwise="linear")


def test_v7_a_method_for_a_constant_covariate_is_noted():
    notes = run("ID,TIME,AMT,CL\n1,0,100,1\n1,10,,1", covariates={"CL": "nocb"}).notes
    assert any("constant in every patient" in note for note in notes)


def test_v8_doses_per_kg_are_each_patients_own_and_capped():
    cells = product("darvadstrocel")
    course = Course(cells, "cells", route(cells.routes[0]), Dose(2e6, "cell", per_kg=True, cap=200e6), (0.0,))
    assert give(course, 0.0, np.array([60.0, 120.0])).nominal.tolist() == [1.2e8, 2e8]


def test_blank_covariates_are_filled_by_their_method():
    text = "ID,TIME,AMT,CL\n1,0,100,1\n1,5,,\n1,10,,3"
    assert values(text) == pytest.approx([10, 10 * math.exp(-0.5), 10 * math.exp(-1)], rel=1e-6)
    assert values(text, otherwise="nocb")[1] == pytest.approx(10 * math.exp(-1.5), rel=1e-6)
    assert values(text, otherwise="linear")[1] == pytest.approx(10 * math.exp(-0.75), rel=1e-6)


def test_patients_have_their_own_covariates():
    found = values("ID,TIME,AMT,CL\n1,0,100,1\n1,10,,1\n2,0,100,2\n2,10,,2")
    assert found == pytest.approx([10, 10 * math.exp(-1), 10, 10 * math.exp(-2)], rel=1e-6)


def test_an_unknown_covariate_is_named():
    with pytest.raises(StudyError, match="no covariate 'WT'"):
        run(STEPPED, covariates={"WT": "nocb"})
    assert read(STEPPED, ONE).notes == ("Doses without CMT go into the first compartment, 'central'.",)
