"""Random event tables: no traceback, and the same numbers as a slow, independent simulator.

HOMING_FUZZ sets the number of tables (300 unless given; the long run is 10,000).
"""

import itertools
import os
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st
from slow_tables import Row, refused, simulate

from homing.engine.tables import simulate_table
from homing.formats.event_table import read_event_table, write_event_table
from homing.formats.sbml_import import antimony_to_sbml, model_of_sbml
from homing.ground.errors import StudyError
from homing.protocol.records import Record

MODEL = model_of_sbml(
    antimony_to_sbml(
        """model absorption()
        KA = 1; CL = 1; V = 10; depot = 0; central = 0
        depot' = -KA * depot; central' = KA * depot - CL / V * central
        end"""
    )
)
TABLES = int(os.environ.get("HOMING_FUZZ", "300"))
FEW = settings(max_examples=max(20, TABLES // 10), deadline=None, derandomize="HOMING_FUZZ" not in os.environ)

row = st.builds(
    Row,
    time=st.sampled_from([-3.0, 0.0, 0.0, 1.0, 2.5, 4.0, 4.0, 6.0, 10.0, 24.0]),
    evid=st.sampled_from([0, 0, 0, 1, 1, 1, 1, 2, 3, 4]),
    amt=st.sampled_from([0.0, 100.0, 100.0, 40.0]),
    rate=st.sampled_from([0.0, 0.0, 10.0, 25.0, -1.0, -2.0]),
    cmt=st.integers(0, 1),
    addl=st.sampled_from([0, 0, 0, 1, 3]),
    ii=st.sampled_from([0.0, 2.0, 6.0, 12.0]),
    ss=st.sampled_from([0, 0, 0, 1, 2]),
    f=st.sampled_from([1.0, 0.5]),
    lag=st.sampled_from([0.0, 0.0, 1.5, 4.0, 30.0]),
    d=st.sampled_from([2.0, 9.0]),
    r=st.sampled_from([5.0, 25.0]),
    cl=st.sampled_from([1.0, 1.0, 2.5]),
)
patient = st.lists(row, min_size=1, max_size=7)


def meaningful(rows):
    """Observations carry no dose, so that most tables are not refused."""
    for r in rows:
        if r.evid not in (1, 4):
            r.amt, r.rate, r.addl, r.ss = 0.0, 0.0, 0, 0
        elif refused(r):
            r.amt, r.ii, r.addl = 100.0, 12.0, min(r.addl, 1)
            r.lag = min(r.lag, 4.0) if r.ss else r.lag
    return rows


def text_of(patients, blank="."):
    """The table as a file has it; zeros as blanks."""
    columns = "ID,TIME,EVID,AMT,RATE,CMT,ADDL,II,SS,CL," + ",".join(
        f"{c}{n}" for c in ("F", "ALAG", "D", "R") for n in (1, 2)
    )
    lines = [columns]
    for i, rows in enumerate(patients, start=1):
        for r in rows:
            numbers = [r.time, r.evid, r.amt, r.rate, r.cmt + 1, r.addl, r.ii, r.ss, r.cl]
            numbers += [x for x in (r.f, r.lag, r.d, r.r) for _ in (1, 2)]
            cells = [blank if x == 0 and k not in (0, 1) else f"{x:g}" for k, x in enumerate(numbers)]
            lines.append(",".join([str(i), *cells]))
    return "\n".join(lines) + "\n"


def read(tmp_path, text):
    file = tmp_path / "table.csv"
    file.write_text(text, encoding="utf-8")
    return read_event_table(file, MODEL)


def by_time(rows):
    return sorted(rows, key=lambda r: r.time)


def goes_back_at_reset(rows):
    return any(b.time < a.time and b.evid in (3, 4) for a, b in itertools.pairwise(rows))


@settings(
    max_examples=TABLES,
    deadline=None,
    derandomize="HOMING_FUZZ" not in os.environ,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    patients=st.lists(patient, min_size=1, max_size=3),
    nocb=st.booleans(),
    blank=st.sampled_from([".", "", "NA"]),
    any_row=st.sampled_from([False, False, False, True]),
)
def test_random_tables_agree_with_the_slow_simulator_or_are_refused(tmp_path, patients, nocb, blank, any_row):
    tried = [list(rows) for rows in patients]
    for rows in [] if any_row else tried:
        meaningful(rows)
    text = text_of(tried, blank)
    note(text)
    wrong = any(refused(r) for rows in tried for r in rows) or any(goes_back_at_reset(rows) for rows in tried)
    if wrong:
        with pytest.raises(StudyError, match=r"table\.csv:"):
            simulate_table(MODEL, read(tmp_path, text).records, ("depot", "central"))
        return
    found = simulate_table(
        MODEL, read(tmp_path, text).records, ("depot", "central"), otherwise="nocb" if nocb else "locf", rtol=1e-8
    )
    expected = np.concatenate([simulate(by_time(rows), nocb) for rows in tried])
    assert (found.status == 0).all()
    assert np.allclose(found.values, expected, rtol=2e-6, atol=2e-6)


@FEW
@given(patient, st.floats(0.25, 3.0))
def test_twice_the_dose_is_twice_the_amount(rows, factor):
    rows = by_time(meaningful(rows))
    records = [r for r in _records(rows) if r.time >= 0]
    if not records:
        return
    scaled = [_scaled(r, factor) for r in records]
    one = simulate_table(MODEL, records, ("central",), rtol=1e-9).values
    many = simulate_table(MODEL, scaled, ("central",), rtol=1e-9).values
    assert np.allclose(many, factor * one, rtol=1e-6, atol=1e-6)


@FEW
@given(patient)
def test_additional_doses_equal_their_list(rows):
    """The ledger written as a table, with the rows of the original as observations, gives the same values."""
    rows = by_time(meaningful(rows))
    rows = [r for r in rows if not r.ss]
    if not rows:
        return
    found = simulate_table(MODEL, _records(rows), ("depot", "central"), rtol=1e-9)
    explicit = _explicit(_records(rows), found.ledger)
    again = simulate_table(MODEL, explicit, ("depot", "central"), rtol=1e-9)
    seen = again.values[[i for i, r in enumerate(explicit) if r.evid in (2, 3)]]
    plain = [i for i, r in enumerate(_records(rows)) if r.evid != 1 and r.evid != 4]
    kept = [i for i, r in enumerate([r for r in explicit if r.evid in (2, 3)]) if r.where != "dose"]
    assert np.allclose(seen[kept], found.values[plain], rtol=1e-6, atol=1e-6)


@FEW
@given(patient)
def test_tables_survive_being_written_and_read(tmp_path_factory, rows):
    records = _records(by_time(meaningful(rows)))
    folder = tmp_path_factory.mktemp("tables")
    again = read(folder, write_event_table(records, ["CL"])).records
    plain = [(r.time, r.evid, r.amount, r.rate, r.additional, r.interval, r.steady, r.covariates) for r in records]
    assert plain == [
        (r.time, r.evid, r.amount, r.rate, r.additional, r.interval, r.steady, r.covariates) for r in again
    ]


@FEW
@given(patient)
def test_what_goes_in_is_what_is_left_and_what_came_out(rows):
    """With the only way out closed, the amount in the body is what the ledger says arrived."""
    rows = [r for r in by_time(meaningful(rows)) if r.evid not in (3, 4) and not r.ss]
    if not rows:
        return
    bare = [replace(r, covariates={}) for r in _records(rows)]
    closed = simulate_table(MODEL, bare, ("depot", "central"), changes={"CL": 0.0}, rtol=1e-9)
    arrived = sum(e.delivered for e in closed.ledger)
    assert closed.values[-1].sum() == pytest.approx(arrived, rel=1e-8, abs=1e-8)


def _records(rows):
    names = ("depot", "central")
    return [
        Record(
            "1", r.time, r.evid, r.amt, r.rate, names[r.cmt] if r.evid in (1, 4) else "", r.addl, r.ii, r.ss,
            covariates={"CL": r.cl},
            factors={"bioavailability": r.f, "lag": r.lag, "duration": r.d, "rate": r.r} if r.evid in (1, 4) else {},
            where=f"row {i}",
        )
        for i, r in enumerate(rows)
    ]  # fmt: skip


def _scaled(record, factor):
    """The record with its dose times a factor; the rate as well, so that times stay."""
    rate = record.rate * factor if record.rate > 0 else record.rate
    factors = dict(record.factors)
    if "rate" in factors:
        factors["rate"] *= factor
    return replace(record, amount=record.amount * factor, rate=rate, factors=factors)


def _explicit(records, ledger):
    """Resets and other rows as they were, and each dose of the ledger as a plain one at the time it arrived."""
    from dataclasses import replace

    from homing.protocol.records import Record

    rows = []
    for i, r in enumerate(records):
        plain = r.evid in (0, 2, 3)
        if r.evid in (3, 4):
            rows.append(
                (
                    r.time,
                    1,
                    i,
                    replace(
                        r,
                        evid=3,
                        amount=0.0,
                        rate=0.0,
                        additional=0,
                        factors={},
                        compartment="",
                        where="row" if r.evid == 3 else "dose",
                    ),
                )
            )
        else:
            rows.append(
                (
                    r.time,
                    1,
                    i,
                    replace(
                        r,
                        evid=2,
                        amount=0.0,
                        rate=0.0,
                        additional=0,
                        factors={},
                        compartment="",
                        where="row" if plain else "dose",
                    ),
                )
            )
    by_where = {r.where: i for i, r in enumerate(records)}
    for e in ledger:
        if e.fate == "pending" or (e.fate == "cancelled" and e.delivered == 0):
            continue
        origin = by_where[e.where]
        at_its_row = e.time == records[origin].time
        place = (e.time, 1, origin + 0.5) if at_its_row else (e.time, 0, origin)
        amount = e.rate * e.duration if e.duration else e.delivered
        rows.append((*place, Record("1", e.time, 1, amount, e.rate, e.compartment, where="dose")))
    return [r for *_, r in sorted(rows, key=lambda row: row[:3])]
