"""The wall between what calibrates and what judges, and faults in the files that draw it."""

from __future__ import annotations

import ast
from dataclasses import fields, replace
from pathlib import Path

import numpy as np
import pytest

import homing.credibility.calibration
from homing.credibility.calibration import data, fistula, kinetics, luminal
from homing.credibility.split import DOMAINS, Row, count, digest, held_out, read_row_set, row_sets, rows_of, sealed
from homing.evidence.catalogue import entry_of_file
from homing.evidence.records import AdverseEvent, Kinetic, Outcome
from homing.evidence.store import Store, load_store
from homing.ground.errors import EvidenceError

CALIBRATION = Path(homing.credibility.calibration.__file__).parent
FISTULA = tuple(output.key for output in fistula.all_outputs())
ROWS = [(s.set, row) for s in row_sets() for row in s.rows]
HELD, FITTED = ([row for which, row in ROWS if which == wanted] for wanted in ("holdout", "calibration"))
Result = Outcome | AdverseEvent | Kinetic


def named(row: Row) -> str:
    return f"{row.key} {row.since or ''}"


def place(row: Row) -> tuple[str, str, str, float]:
    return row.trial, row.arm, row.endpoint, row.week


def poisoned(store: Store) -> Store:
    """The store in which every result of a trial with a hold-out is another, but for those that calibrate."""
    kept = {place(row) for row in FITTED} | {(*place(row)[:3], row.since) for row in FITTED}
    kept |= {(row.trial, row.arm, "sustained-remission", row.week) for row in FITTED if row.how == "gained"}

    def other(key: str, found: Result) -> Result:
        what = getattr(found, "endpoint", getattr(found, "event", getattr(found, "what", "")))
        when = found.day / 7 if isinstance(found, Kinetic) else found.week
        if (key, found.arm, what, when) in kept:
            return found
        wrong = {"events": 1, "n": 3, "share": 0.017, "value": 0.123, "low": 0.1, "high": 0.2}
        return replace(found, **{f.name: wrong[f.name] for f in fields(found) if f.name in wrong})

    trials = dict(store.trials)
    for key in {row.trial for row in HELD}:
        trial = trials[key]
        lists = {name: getattr(trial, name) for name in ("outcomes", "adverse_events", "kinetics")}
        trials[key] = replace(trial, **{name: tuple(other(key, r) for r in each) for name, each in lists.items()})
    return replace(store, trials=trials)


@pytest.mark.parametrize("row", HELD, ids=named)
def test_no_held_out_result_is_in_the_store_that_calibration_gets(row: Row) -> None:
    with pytest.raises(EvidenceError, match="has no result"):
        count(sealed(load_store()), row)


@pytest.mark.parametrize("row", [row for row in FITTED if row.how != "kinetic"], ids=named)
def test_every_calibration_row_is_in_the_sealed_store_as_it_is_in_the_whole(row: Row) -> None:
    whole, half = count(load_store(), row), count(sealed(load_store()), row)
    assert (half.events, half.n, half.row) == (whole.events, whole.n, whole.row)
    assert 0 <= half.events <= half.n and half.n > 0


@pytest.mark.parametrize("row", [row for row in HELD if row.how != "kinetic"], ids=named)
def test_every_held_out_row_is_in_the_whole_store(row: Row) -> None:
    found = count(load_store(), row)
    assert 0 <= found.events <= found.n and row.because


def test_calibration_is_the_same_whatever_came_of_the_hold_outs() -> None:
    whole = load_store()
    wrong = poisoned(whole)
    changed = [row for row in HELD if row.how != "kinetic" and _differs(whole, wrong, row)]
    assert len(changed) == len([row for row in HELD if row.how != "kinetic"]), "all of them are other numbers"
    true, false = sealed(whole), sealed(wrong)
    for told, outputs in ((data.fistula_data, FISTULA), (data.luminal_data, luminal.outputs())):
        one, other = told(true, "calibration", outputs), told(false, "calibration", outputs)
        assert np.array_equal(one.events, other.events)
        for f in fields(one.table):
            assert np.array_equal(getattr(one.table, f.name), getattr(other.table, f.name)), f.name
    assert kinetics.observed(true) == kinetics.observed(false)


def _differs(whole: Store, wrong: Store, row: Row) -> bool:
    was = count(whole, row)
    try:
        now = count(wrong, row)
    except EvidenceError:  # the poison leaves no possible count
        return True
    return (was.events, was.n) != (now.events, now.n) or was.result != now.result


def test_a_sealed_store_has_nothing_else_that_tells_of_a_held_out_trial() -> None:
    known = sealed(load_store())
    assert not (known.questions or known.claims or known.gaps or known.meta_analyses)
    allowed = {(row.trial, row.endpoint) for row in FITTED}
    for key in held_out(load_store()):
        trial = known.trials[key]
        assert not (trial.adverse_events or trial.economics or trial.notes)
        assert {(key, outcome.endpoint) for outcome in trial.outcomes} <= allowed
        assert {(key, reading.what) for reading in trial.kinetics} <= allowed


def test_the_same_patients_under_another_key_are_held_out_too() -> None:
    """Entries of ASTIC, ADMIRE-CD II and Ouboter's patients name each other, from one side or from both."""
    store = load_store()
    found = held_out(store)
    assert {"ASTIC-pooled-2017", "ADMIRE-CD-II-LTE", "Ouboter-2023"} <= found
    for one in found:
        for other in store.trials:
            assert other in found or not store.share_patients(one, other), (one, other)
    whole = store.trial("Ouboter-2023")
    assert whole.adverse_events and not sealed(store).trial("Ouboter-2023").adverse_events


def test_patients_are_the_same_whichever_entry_says_so() -> None:
    store = load_store()
    alone = replace(store.trial("ASTIC"), shares_patients_with=())
    assert "ASTIC-pooled-2017" in held_out(replace(store, trials={**store.trials, "ASTIC": alone}))
    other = replace(store.trial("ASTIC-pooled-2017"), shares_patients_with=())
    assert "ASTIC-pooled-2017" in held_out(replace(store, trials={**store.trials, "ASTIC-pooled-2017": other}))


@pytest.mark.parametrize("file", sorted(CALIBRATION.glob("*.py")), ids=lambda file: file.name)
def test_code_of_calibration_never_opens_what_is_held_out(file: Path) -> None:
    """It imports nothing that predicts or scores, reads no trial from its file, and seals every store that it loads."""
    tree = ast.parse(file.read_text(encoding="utf-8"))
    imported = [n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)]
    imported += [a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names]
    forbidden = ("predicting", "scoring", "calibrating", "credibility.files", "replays", "record.")
    assert not [name for name in imported if any(word in name for word in forbidden)]
    called = [n for n in ast.walk(tree) if isinstance(n, ast.Call)]
    loads = [n for n in called if getattr(n.func, "id", "") == "load_store"]
    seals = [n for n in called if getattr(n.func, "id", "") == "sealed"]
    inside = {id(m) for n in seals for m in ast.walk(n)}
    assert all(id(n) in inside for n in loads)
    entries = [n for n in called if getattr(n.func, "id", "") in ("entry", "read_entry")]
    assert all(not (isinstance(n.args[0], ast.Constant) and n.args[0].value == "trials") for n in entries)


@pytest.mark.parametrize("domain", DOMAINS)
def test_what_calibrates_was_public_by_the_end_of_2019(domain: str) -> None:
    found = rows_of("calibration", domain)
    if found.public_until:
        assert found.public_until <= "2019-12-31"
    for row in found.rows:
        assert (load_store().trial(row.trial).year or 9999) <= 2019, row.key


def test_no_result_calibrates_and_judges() -> None:
    assert not {place(row) for row in FITTED} & {place(row) for row in HELD}


def test_a_regimen_that_both_sets_name_is_the_same_in_both() -> None:
    one, other = (rows_of(which, "fistula").regimens or {} for which in ("calibration", "holdout"))
    for name in set(one) & set(other):
        assert one[name].data.get("doses") == other[name].data.get("doses"), name


def test_what_came_into_remission_is_all_less_those_who_kept_it() -> None:
    """ADMIRE-CD's 59 of 107 with cells at week 52, 40 of 53 of them kept; 18 of the 54 others is what is left."""
    store = load_store()
    gained = next(r for r in rows_of("calibration", "fistula").rows if (r.arm, r.how) == ("cells", "gained"))
    whole = next(o for o in store.outcomes("ADMIRE-CD", "combined-remission") if (o.arm, o.week) == ("cells", 52))
    kept = next(o for o in store.outcomes("ADMIRE-CD", "sustained-remission") if (o.arm, o.week) == ("cells", 52))
    found = count(store, gained)
    assert found.n == 107 - kept.n
    assert found.events + round(kept.share * kept.n) == whole.events


def test_a_later_interval_is_of_those_still_free() -> None:
    """Kennedy's printed shares by hand: of those free at a year, the relapses of the second."""
    store = load_store()
    row = next(r for r in rows_of("calibration", "relapse").rows if r.trial.startswith("Kennedy") and r.since)
    share = {o.week: o.share for o in store.outcomes(row.trial, "relapse")}
    assert count(store, row).events == round(47 * (share[104] - share[52]) / (1 - share[52]))


HEAD = "set: calibration\ndomain: fistula\nregimens:\n  none: {because: nothing}\n"
GOOD = "{trial: FATT-1, arm: glue, endpoint: fistula-healing, week: '24', regimen: none, because: so}"
FAULTS = {
    "set: training\ndomain: fistula\nrows: []\n": (1, "set"),
    "set: calibration\ndomain: skin\nrows: []\n": (2, "domain"),
    "set: calibration\nrows: []\n": (1, "needs the field 'domain'"),
    f"{HEAD}rows:\n  - {GOOD}\n  - {GOOD}\n": (7, "stands here twice"),
    f"{HEAD}rows:\n  - {GOOD.replace('regimen: none', 'regimen: some')}\n": (6, "no regimen 'some'"),
    f"{HEAD}rows:\n  - {GOOD.replace(', because: so', '')}\n": (6, "needs the field 'because'"),
    f"{HEAD}rows:\n  - {GOOD.replace('because', 'events: 3, because')}\n": (6, "unknown field 'events'"),
    f"{HEAD}rows:\n  - {GOOD.replace('because', 'as: share, because')}\n": (6, "as"),
    f"""{HEAD}rows:\n  - {GOOD.replace("'24'", "late")}\n""": (6, "number of 0 or more"),
    f"""{HEAD}rows:\n  - {GOOD.replace("because", "n: '12', because")}\n""": (6, "without saying in `how`"),
    f"""{HEAD}rows:\n  - {GOOD.replace("because", "n: '1.5', how: so, because")}\n""": (6, "whole number of patients"),
    f"{HEAD}comparisons:\n  - {{name: a, of: 'X, y, z, week 1', less: b}}\nrows:\n  - {GOOD}\n": (
        6,
        "which is no row of this file",
    ),
}


@pytest.mark.parametrize(("text", "told"), FAULTS.items(), ids=[what for _, what in FAULTS.values()])
def test_a_faulty_file_is_refused_with_its_place(tmp_path: Path, text: str, told: tuple[int, str]) -> None:
    file = tmp_path / "rows.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError) as caught:
        read_row_set(entry_of_file(file))
    line, what = told
    assert f"rows.yaml:{line}:" in str(caught.value) and what in str(caught.value)


def test_a_share_without_a_denominator_is_refused_with_its_place(tmp_path: Path) -> None:
    """Waugh's share of a curve, were its patients not printed; a row that says how many it takes gets it."""
    one = "trial: Waugh-2010, arm: stop, endpoint: relapse, week: '68', as: kaplan-meier, because: so"
    file = tmp_path / "rows.yaml"
    rows = f"  - {{{one}}}\n"
    file.write_text(f"set: calibration\ndomain: relapse\nrows:\n{rows}", encoding="utf-8")
    (row,) = read_row_set(entry_of_file(file)).rows
    store = load_store()
    trial = store.trial("Waugh-2010")
    bare = replace(trial, outcomes=tuple(replace(outcome, n=None) for outcome in trial.outcomes))
    store = replace(store, trials={**store.trials, "Waugh-2010": bare})
    with pytest.raises(EvidenceError, match=r"rows.yaml:4:.*no denominator"):
        count(store, row)
    assert (count(store, replace(row, n=30)).events, count(store, replace(row, n=30)).n) == (15, 30)


def test_a_digest_changes_with_what_is_fitted_and_with_nothing_else() -> None:
    found, known = rows_of("calibration", "relapse"), sealed(load_store())
    first, *rest = found.rows
    was = digest(found, known)
    assert digest(replace(found, rows=(replace(first, because="other words", where="elsewhere"), *rest)), known) == was
    for other in (replace(first, n=98), replace(first, how="binomial"), replace(first, output="relapsed-26")):
        assert digest(replace(found, rows=(other, *rest)), known) != was, other


def test_a_digest_changes_with_the_doses_and_with_what_a_trial_saw() -> None:
    found, known = rows_of("calibration", "fistula"), sealed(load_store())
    regimens = dict(found.regimens or {})
    regimens["10-million"] = regimens["20-million"]
    assert digest(replace(found, regimens=regimens), known) != digest(found, known)
    for domain, name, change in (("fistula", "outcomes", {"events": 35}), ("kinetics", "kinetics", {"low": 26.0})):
        rows = rows_of("calibration", domain)
        trial = known.trial(rows.rows[0].trial)
        first, *rest = getattr(trial, name)
        other = replace(trial, **{name: (replace(first, **change), *rest)})
        assert digest(rows, replace(known, trials={**known.trials, trial.key: other})) != digest(rows, known), domain
