"""Dosing events with right answers: one compartment, CL 1, V 10, 100 mg unless said.

Answers are closed forms, or printed by NONMEM where the name says a scenario.
"""

import math

import pytest
from table_runs import ORAL, read, run, values

from homing.ground.errors import StudyError

HEAD = "ID,TIME,AMT,RATE,EVID,CMT,ADDL,II,SS"


def close(found, *expected, rel=2e-5):
    """Compares to the printed digits of the right answers."""
    assert found == pytest.approx(expected, rel=rel, abs=1e-7)


def test_e1_row_order_decides_whether_an_observation_sees_the_dose():
    close(values("ID,TIME,AMT,EVID\n1,0,0,0\n1,0,100,1\n1,0,0,0"), 0, 10, 10)


def test_e2_additional_doses_equal_their_list():
    short = values(f"{HEAD}\n1,10,15,0,1,1,2,12,0\n1,15,0,0,0,1,0,0,0\n1,20,10,0,1,1,0,0,0\n1,36,0,0,0,1,0,0,0")
    close([short[1], short[3]], 0.909796, 1.9113)
    long = values("ID,TIME,AMT\n1,10,15\n1,15,\n1,20,10\n1,22,15\n1,34,15\n1,36,")
    assert short[3] == pytest.approx(long[5], rel=1e-12)
    ledger = run(f"{HEAD}\n1,10,15,0,1,1,2,12,0\n1,20,10,0,1,1,0,0,0\n1,36,0,0,0,1,0,0,0").ledger
    assert sorted(e.time for e in ledger) == [10, 20, 22, 34]


def test_e3_an_implied_dose_comes_before_the_observation():
    close(values("ID,TIME,AMT,ADDL,II\n1,0,100,1,24\n1,24,,,"), 10, 10.9072)


def test_e4_an_explicit_dose_after_the_observation_comes_after_it():
    close(values("ID,TIME,AMT\n1,0,100\n1,24,\n1,24,100"), 10, 0.90718, 10.9072)


def test_e5_two_boluses_at_once_add_up():
    close(values("ID,TIME,AMT\n1,0,100\n1,0,100"), 10, 20)


def test_e6_infusion():
    close(values("ID,TIME,AMT,RATE\n1,0,100,10\n1,5,,\n1,10,,\n1,12,,"), 0, 3.93469, 6.32121, 5.17537)


def test_e7_an_infusion_stops_once_however_often_it_is_read():
    found = values("ID,TIME,AMT,RATE\n1,0,100,10\n1,5,,\n1,10,,\n1,10,,\n1,12,,\n1,200,,")
    close(found, 0, 3.93469, 6.32121, 6.32121, 5.17537, 10 * 0.632120559 * math.exp(-19))
    assert all(v >= 0 for v in found)


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("E9: no amount, a rate, no steady state", "1,0,0,10,1,1,0,0,0"),
        ("E10: no amount", "1,0,0,0,1,1,0,0,0"),
        ("no interval with ADDL", "1,0,100,0,1,1,2,0,0"),
        ("no interval with SS", "1,0,100,0,1,1,0,0,1"),
        ("SS 3", "1,0,100,0,1,1,0,12,3"),
        ("negative amount", "1,0,-5,0,1,1,0,0,0"),
        ("RATE -3", "1,0,100,-3,1,1,0,0,0"),
        ("RATE -1 without a rate in the model", "1,0,100,-1,1,1,0,0,0"),
        ("negative ADDL", "1,0,100,0,1,1,-2,12,0"),
        ("amount on an observation", "1,0,100,0,0,1,0,0,0"),
        ("SS infusion without end, repeated", "1,0,0,10,1,1,3,0,1"),
        ("E34: RxODE classic", "1,0,100,0,101,1,0,0,0"),
        ("E34: RxODE classic, long", "1,0,100,0,10101,1,0,0,0"),
        ("EVID 5", "1,0,100,0,5,1,0,0,0"),
        ("no such compartment", "1,0,100,0,1,7,0,0,0"),
        ("no such name", "1,0,100,0,1,liver,0,0,0"),
        ("E25: a lag longer than the interval", "1,0,100,0,1,1,0,12,1"),
    ],
)
def test_rows_without_meaning_are_refused_with_their_place(name, row):
    text = f"{HEAD},ALAG1\n{row},{16 if 'E25' in name else 0}\n1,9,0,0,0,1,0,0,0,0"
    with pytest.raises(StudyError) as e:
        run(text)
    assert ":2" in str(e.value), name
    if "E34" in name:
        assert "RxODE classic EVID" in str(e.value)


def test_e10_rate_zero_is_a_bolus():
    close(values("ID,TIME,AMT,RATE\n1,0,100,0\n1,10,,"), 10, 3.67879)


def test_e11_bioavailability_shortens_an_infusion():
    text = "ID,TIME,AMT,RATE,F1\n1,0,480,10,0.5\n1,24,,,\n1,48,,,"
    close(values(text), 0, 9.09282, 0.824882)
    entry = run(text).ledger[0]
    assert (entry.rate, entry.duration, entry.delivered) == (10, 24, 240)


def test_e12_modelled_duration():
    close(values("ID,TIME,AMT,RATE,F1,D1\n1,0,480,-2,0.5,48\n1,24,,,,\n1,48,,,,"), 0, 4.54641, 4.95885)


def test_modelled_rate():
    close(values("ID,TIME,AMT,RATE,R1\n1,0,100,-1,10\n1,5,,,\n1,10,,,\n1,12,,,"), 0, 3.93469, 6.32121, 5.17537)


def test_e13_lag_moves_an_infusion_and_keeps_its_duration():
    text = "ID,TIME,AMT,RATE,ALAG1\n1,0,100,10,4\n1,4,,,\n1,10,,,\n1,14,,,\n1,16,,,"
    close(values(text), 0, 0, 4.51188, 6.32121, 5.17537)


def test_e14_a_lag_past_the_end_leaves_a_pending_dose():
    found = run("ID,TIME,AMT,ALAG1\n1,0,100,30\n1,24,,")
    close(found.values[:, 0].tolist(), 0, 0)
    assert [(e.fate, e.time, e.delivered) for e in found.ledger] == [("pending", 30, 0)]


def test_e16_steady_state_bolus():
    text = f"{HEAD}\n1,0,100,0,1,1,0,12,1\n1,6,0,0,0,1,0,0,0\n1,12,0,0,0,1,0,0,0"
    close(values(text), 14.3101, 7.85356, 4.31013)


def test_e17_additional_doses_after_steady_state_end():
    rows = "".join(f"\n1,{t},0,0,0,1,0,0,0" for t in (12, 24, 36, 46))
    found = values(f"{HEAD}\n1,0,100,0,1,1,2,12,1{rows}")
    close(found, 14.3101, 14.3101, 14.3101, 4.31013, 4.31013 * math.exp(-1))


def test_e19_steady_state_infusion():
    text = f"{HEAD}\n1,0,100,50,1,1,0,12,1\n1,2,0,0,0,1,0,0,0\n1,12,0,0,0,1,0,0,0"
    close(values(text), 4.77137, 12.9699, 4.77137)


def test_e20_steady_state_infusion_as_long_as_its_interval():
    rows = "".join(f"\n1,{t},0,0,0,1,0,0,0" for t in (3, 12, 20, 24))
    close(values(f"{HEAD}\n1,0,120,10,1,1,3,12,1{rows}"), 10, 10, 10, 10, 10)


def test_steady_state_infusion_longer_than_its_interval():
    """Two run at once for half of the time; superposition gives the level."""
    rows = "".join(f"\n1,{t},0,0,0,1,0,0,0" for t in (6, 12))
    found = values(f"{HEAD}\n1,0,180,10,1,1,0,12,1{rows}")

    def one(age, rate=10.0, length=18.0, k=0.1, v=10.0):
        """The level that one infusion leaves, this long after its start."""
        during = rate / (k * v) * (1 - math.exp(-k * min(age, length)))
        return during * math.exp(-k * max(0.0, age - length))

    def level(t, doses=400):
        """All infusions up to the one at 0, which is the last."""
        return sum(one(t + 12 * n) for n in range(doses))

    close(found, level(0), level(6), level(12), rel=1e-6)


def test_e22_infusion_in_steady_state_ends_at_its_record_unless_kept():
    text = f"{HEAD}\n1,0,0,10,1,1,0,0,1\n1,5,0,0,0,1,0,0,0"
    close(values(text), 10, 6.06531)
    close(values(text, keep_constant=True), 10, 10)


def test_e25_steady_state_with_a_lag_shorter_than_the_interval():
    rows = "".join(f"\n1,{t},0,0,0,1,0,0,0,4" for t in (4, 16))
    found = values(f"{HEAD},ALAG1\n1,0,100,0,1,1,0,12,1,4{rows}")
    close(found, 14.3101 * math.exp(-0.8), 14.3101, 14.3101 * math.exp(-1.2))


def test_steady_state_is_added_with_ss_2():
    text = f"{HEAD}\n1,0,50,0,1,1,0,0,0\n1,6,100,0,1,1,0,12,2\n1,8,0,0,0,1,0,0,0"
    found = values(text)
    close(found, 5, 5 * math.exp(-0.6) + 14.3101, (5 * math.exp(-0.6) + 14.3101) * math.exp(-0.2))


def test_e26_a_reset_during_an_infusion_stops_it():
    text = f"{HEAD}\n1,0,1000,10,1,1,0,0,0\n1,50,0,0,3,1,0,0,0\n1,60,0,0,0,1,0,0,0\n1,70,100,0,1,1,0,0,0\n1,80,,,0,1,,,"
    found = run(text)
    close(found.values[:, 0].tolist(), 0, 0, 0, 10, 3.67879)
    assert [e.fate for e in found.ledger] == ["cancelled", "given"] and found.ledger[0].delivered == 500


def test_e27_reset_and_dose_resets_once():
    rows = "".join(f"\n1,{t},0,0,0,1,0,0,0" for t in (62, 86))
    found = values(f"{HEAD}\n1,0,500,0,1,1,0,0,0\n1,50,120,0,4,1,3,12,0{rows}")
    close(found[2:], 15.6143, 17.0308)


def test_e28_a_reset_cancels_what_was_to_come_and_says_so():
    found = run(f"{HEAD}\n1,0,100,0,1,1,5,12,0\n1,18,0,0,3,1,0,0,0\n1,40,0,0,0,1,0,0,0")
    close(found.values[:, 0].tolist(), 10, 0, 0)
    assert [e.fate for e in found.ledger] == ["given", "given", "cancelled", "cancelled", "pending"]
    assert any("called off" in note for note in found.notes)


def test_e29_other_events_are_rows_and_may_change_covariates():
    found = values("ID,TIME,AMT,EVID,CL\n1,0,100,1,1\n1,10,0,2,2\n1,20,0,0,2")
    close(found, 10, 3.67879, 0.497871)


def test_e30_missing_dv_is_predicted_all_the_same():
    table = read("ID,TIME,AMT,EVID,MDV\n1,0,100,1,1\n1,10,0,0,1")
    assert [r.missing for r in table.records] == [True, True]
    close(values("ID,TIME,AMT,EVID,MDV\n1,0,100,1,1\n1,10,0,0,1"), 10, 3.67879)


def test_e31_times_before_the_first_dose_are_kept():
    table = read("ID,TIME,AMT\n1,-7,\n1,0,100\n1,10,")
    assert [r.time for r in table.records] == [-7, 0, 10]
    close(values("ID,TIME,AMT\n1,-7,\n1,0,100\n1,10,"), 0, 10, 3.67879)


def test_e32_doses_at_the_first_and_the_last_time_are_given_once():
    close(values("ID,TIME,AMT\n1,0,100\n1,10,100"), 10, 13.67879)


def test_e33_messy_tables_are_read_with_notes():
    text = "\ufeffid,Time,amt,dv,WT\n2,5,.,1,na\n\n1,10,NA,2,70\n1,0,100,.,70\n2,0,100,,60\n1,20,,,\n"
    table = read(text)
    assert [(r.patient, r.time) for r in table.records] == [("2", 0), ("2", 5), ("1", 0), ("1", 10), ("1", 20)]
    told = " ".join(table.notes)
    assert "sorted by time" in told and "stood apart" in told and "WT" in told


def test_e33_the_order_of_rows_at_one_time_is_kept_when_sorting():
    found = read("ID,TIME,AMT,EVID\n1,5,0,0\n1,0,0,0\n1,0,100,1\n1,0,0,2")
    assert [r.evid for r in found.records] == [0, 1, 2, 0]


def test_e33_time_that_goes_back_at_a_reset_is_refused():
    with pytest.raises(StudyError, match="goes back at a reset"):
        read("ID,TIME,AMT,EVID\n1,0,100,1\n1,24,0,0\n1,0,100,4")


def test_e35_equal_rates_have_a_limit():
    text = "ID,TIME,AMT,KA,CMT\n1,0,100,0.1,depot\n1,10,,0.1,"
    close(values(text, ORAL), 0, 3.67879)


def test_e36_oral_dose():
    top = 2.5584278811
    close(values(f"ID,TIME,AMT\n1,0,100\n1,1,\n1,{top},", ORAL), 0, 5.9662, 7.74264)
    around = values(f"ID,TIME,AMT\n1,0,100\n1,{top - 0.01},\n1,{top},\n1,{top + 0.01},", ORAL)
    assert around[2] == max(around)


def test_doses_into_several_compartments_at_once():
    found = values("ID,TIME,AMT,CMT,RATE\n1,0,100,depot,0\n1,0,50,central,25\n1,1,,,", ORAL)
    infused = 25 / 0.1 * (1 - math.exp(-0.1)) / 10
    close([found[-1]], 5.9662 + infused)


def test_a_reset_by_name_leaves_other_states():
    text = "ID,TIME,AMT,EVID,CMT\n1,0,100,1,depot\n1,2,0,3,depot\n1,4,0,0,."
    found = run(text, ORAL, outputs=("depot", "central")).values
    assert found[1, 0] == 0 and found[1, 1] > 0 and found[2, 1] == pytest.approx(found[1, 1] * math.exp(-0.2))


def test_absurd_tables_are_refused_or_summarised():
    with pytest.raises(StudyError, match="more than 10000 infusions"):
        run(f"{HEAD}\n1,0,1e9,1,1,1,0,1,1\n1,10,0,0,0,1,0,0,0")
    found = run(f"{HEAD}\n1,0,1,0,1,1,1000000000,1,0\n1,3,0,0,0,1,0,0,0")
    assert len(found.ledger) == 5 and found.ledger[-1].count == 10**9 - 3
