"""Which results calibrate the model and which judge it: files that are fixed before fitting, and the wall between them.

A file of catalogue/calibration/ has

    set: calibration                          # calibration | holdout
    domain: fistula
    public until: '2019-12-31'                # of a calibration set: when the last of it had become public
    regimens:                                 # of a domain that has them: what its arms are simulated with
      120-million: {doses: [{at: week 0, dose: 120e6 cells}], because: ...}
    comparisons:                              # of a hold-out: two rows whose difference (of less less) is scored too
      - {name: ..., of: 'TRIAL, ARM, ENDPOINT, week W', less: ...}
    rows:
      - {trial: ..., arm: ..., endpoint: ..., week: ..., because: ...}

A row names a result of the evidence store and never repeats its numbers; of a kinetic one `what` and `day` stand for
`endpoint` and `week`. `n` (with `how`) replaces a denominator that the store can't know; `as` says what is made of the
row (see `HOW`); with `from` it is of those who were still free of the event at that earlier week; `output` names what
is simulated for it; `name` is what a row is called in both languages whose endpoint has no term.
Calibration gets `sealed(store)`, a store from which every hold-out result has been taken away.
"""

from __future__ import annotations

import functools
import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace

from homing.evidence.catalogue import Entry, entry, names
from homing.evidence.records import AdverseEvent, Kinetic, Outcome, Trial
from homing.evidence.store import Store
from homing.ground.calendar import DAYS_PER_WEEK
from homing.ground.errors import EvidenceError

FOLDER = "calibration"
SETS = ("calibration", "holdout")
DOMAINS = ("fistula", "relapse", "reset", "kinetics")
#: What is made of a row: the count itself (binomial); those who kept a remission; those who came into it after the
#: first visit (in remission at the later one less those who kept it, of those who weren't); a Kaplan-Meier share; a
#: kinetic reading.
HOW = ("binomial", "kept", "gained", "kaplan-meier", "kinetic")
_ROW = ("trial", "arm", "endpoint", "week", "because")
_MORE = ("as", "from", "n", "how", "regimen", "output", "name")


@dataclass(frozen=True)
class Row:
    """One result: where it stands in the evidence store, how it is taken, and why it is in its set."""

    trial: str
    arm: str
    endpoint: str
    week: float
    because: str
    how: str = "binomial"
    since: float | None = None
    n: int | None = None
    regimen: str = ""
    output: str = ""
    where: str = ""
    name: Mapping[str, str] | None = None

    @property
    def key(self) -> str:
        """Its name: 'ADMIRE-CD, cells, combined-remission, week 24', with how it is taken where it isn't as is."""
        plain = f"{self.trial}, {self.arm}, {self.endpoint}, week {self.week:g}"
        return f"{plain}, {self.how}" if self.how in ("kept", "gained") else plain


@dataclass(frozen=True)
class RowSet:
    """The rows of one file. `regimens` maps names to entries; `comparisons` names to the keys of two rows."""

    key: str
    set: str
    domain: str
    rows: tuple[Row, ...]
    public_until: str = ""
    regimens: Mapping[str, Entry] | None = None
    comparisons: Mapping[str, tuple[str, str]] | None = None


@dataclass(frozen=True)
class Count:
    """What a row says: `events` of `n` patients in one arm of `trial`, with the result in the store."""

    row: Row
    events: int
    n: int
    trial: Trial
    result: Outcome | AdverseEvent | Kinetic

    @property
    def is_control(self) -> bool:
        """Whether the arm is the trial's control."""
        return self.trial.arms[self.row.arm].role == "control"

    @property
    def share(self) -> float:
        """Events of patients."""
        return self.events / self.n


@functools.lru_cache(maxsize=1)
def row_sets() -> tuple[RowSet, ...]:
    """Every file of catalogue/calibration, by key. Raises EvidenceError for a faulty one.

    Example:
        >>> {found.set for found in row_sets()} == set(SETS)
        True
    """
    found = tuple(read_row_set(entry(FOLDER, key)) for key in names(FOLDER))
    used = {(row.trial, row.arm, row.endpoint, row.week) for s in found if s.set == "calibration" for row in s.rows}
    for s in found:
        for row in s.rows if s.set == "holdout" else ():
            if (row.trial, row.arm, row.endpoint, row.week) in used:
                raise EvidenceError(f"'{row.key}' is in a calibration set too; a hold-out is in no other.", row.where)
    return found


def rows_of(which: str, domain: str) -> RowSet:
    """The calibration or hold-out rows of a domain. Raises EvidenceError where there is no such file."""
    for found in row_sets():
        if (found.set, found.domain) == (which, domain):
            return found
    raise EvidenceError(f"there is no {which} set of '{domain}' in catalogue/{FOLDER}.")


def read_row_set(e: Entry) -> RowSet:
    """The rows of one file. Raises EvidenceError with file, line and key for a faulty one."""
    e.fields(*("set", "domain", "rows", "public until", "regimens", "comparisons"), required=("set", "domain", "rows"))
    regimens = {str(p.path[-1]): p for p in e.parts("regimens")}
    rows = tuple(_row(p, regimens) for p in e.parts("rows"))
    keys = [row.key for row in rows]
    for i, row in enumerate(rows):
        if row.key in keys[:i]:
            raise EvidenceError(f"'{row.key}' stands here twice.", row.where)
    comparisons = {}
    for p in e.parts("comparisons"):
        p.fields("name", "of", "less", required=("name", "of", "less"))
        pair = p.text("of"), p.text("less")
        for key in pair:
            if key not in keys:
                raise EvidenceError(f"compares '{key}', which is no row of this file.", p.where)
        comparisons[p.text("name")] = pair
    return RowSet(
        e.key,
        e.one_of("set", SETS),
        e.one_of("domain", DOMAINS),
        rows,
        e.text("public until"),
        regimens,
        comparisons,
    )


def _row(p: Entry, regimens: Mapping[str, Entry]) -> Row:
    kinetic = "what" in p.data
    required = ("trial", "arm", "what", "day", "because") if kinetic else _ROW
    p.fields(*required, *_MORE, required=required)
    regimen = p.text("regimen")
    if regimen and regimen not in regimens:
        raise EvidenceError(f"no regimen '{regimen}' in this file.", p.part("regimen").where)
    return Row(
        *(p.text("trial"), p.text("arm"), p.text("what" if kinetic else "endpoint")),
        _number(p, "day") / DAYS_PER_WEEK if kinetic else _number(p, "week"),
        p.text("because"),
        how=p.one_of("as", HOW, "binomial"),
        since=_number(p, "from") if "from" in p.data else None,
        n=_patients(p) if "n" in p.data else None,
        regimen=regimen,
        output=p.text("output"),
        where=p.where,
        name=p.both_languages("name") if "name" in p.data else None,
    )


def _number(p: Entry, name: str) -> float:
    try:
        number = float(p.text(name))
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise EvidenceError("must be a number of 0 or more.", p.part(name).where)
    return number


def _patients(p: Entry) -> int:
    number = _number(p, "n")
    if number < 1 or number != int(number):
        raise EvidenceError("must be a whole number of patients.", p.part("n").where)
    if not p.text("how"):
        raise EvidenceError("gives `n` without saying in `how` where it is from.", p.part("n").where)
    return int(number)


def sealed(store: Store) -> Store:
    """The store without any result of a hold-out set: what calibration may read.

    Trials of hold-out sets, and entries that hold any of their patients, keep the results of calibration rows only:
    outcomes and kinetic readings; nothing about their arms leaks through another endpoint or an adverse event. What
    published meta-analyses print goes too, since some of them hold these trials.
    """
    rows = [row for s in row_sets() if s.set == "calibration" for row in s.rows]
    used = {(row.trial, row.endpoint, week) for row in rows for week in (row.week, row.since) if week is not None}
    trials = dict(store.trials)
    for key in held_out(store):
        trial = trials[key]
        outcomes = tuple(o for o in trial.outcomes if (key, o.endpoint, o.week) in used)
        kinetics = tuple(k for k in trial.kinetics if (key, k.what, k.day / DAYS_PER_WEEK) in used)
        trials[key] = replace(trial, outcomes=outcomes, adverse_events=(), kinetics=kinetics, economics=(), notes=())
    return replace(store, trials=trials, questions={}, claims=(), gaps=(), meta_analyses={})


def held_out(store: Store) -> frozenset[str]:
    """The trials of hold-out sets and, whichever entry says so, all that share patients with one of them."""
    found = {row.trial for s in row_sets() if s.set == "holdout" for row in s.rows}
    waiting = list(found)
    while waiting:
        one = waiting.pop()
        more = {key for key in store.trials if key not in found and store.share_patients(one, key)}
        found |= more
        waiting += more
    return frozenset(found)


def digest(found: RowSet, store: Store) -> str:
    """A hash by which a fit knows its data: all that a file says but its reasons, and the results that it comes to."""
    told = [
        *(found.key, found.set, found.domain, found.public_until),
        {name: each.data.get("doses") for name, each in (found.regimens or {}).items()},
        found.comparisons,
        [
            [getattr(row, f.name) for f in fields(row) if f.name not in ("because", "where", "name")]
            for row in found.rows
        ],
        [_results(row, store) for row in found.rows],
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:16]


def _results(row: Row, store: Store) -> list[object]:
    """Events and patients; of a kinetic row all readings of its trial, as one is read beside the others."""
    if row.how != "kinetic":
        found = count(store, row)
        return [found.events, found.n]
    readings = store.trial(row.trial).kinetics
    return [[k.arm, k.what, k.day, k.n, k.value, k.low, k.high, k.sd, k.unit] for k in readings]


def count(store: Store, row: Row) -> Count:
    """What a row's result is, from a store. Raises EvidenceError with the row's place where the store lacks it."""
    found = _result(store, row)
    n = row.n if row.n is not None else found.n
    if n is None:
        raise EvidenceError(f"'{row.key}' has no denominator; give `n` with the reason in `how`.", row.where)
    if row.since is not None:
        before = _share(_result(store, replace(row, week=row.since)), row)
        now = _share(found, row)
        risk = (now - before) / (1 - before) if row.endpoint in EVENTS else now / before
        events = round(risk * n)
    elif row.how == "gained":
        if not isinstance(found, Outcome) or found.events is None or found.n is None:
            raise EvidenceError(f"'{row.key}': those in remission at the later visit are not counted.", row.where)
        kept = _result(store, replace(row, endpoint="sustained-remission"))
        if kept.n is None:
            raise EvidenceError(f"'{row.key}': those in remission before are not counted.", row.where)
        events, n = found.events - round(_share(kept, row) * kept.n), n - kept.n
    else:
        events = round(_share(found, row) * n)
    if not 0 <= events <= n:
        raise EvidenceError(f"'{row.key}' would be {events} of {n}.", row.where)
    return Count(row, events, n, store.trial(row.trial), found)


#: Endpoints that count what has happened by a week; the others count who is still free of it.
EVENTS = ("relapse",)


def _share(found: Outcome | AdverseEvent | Kinetic, row: Row) -> float:
    if isinstance(found, Kinetic):
        if found.value is None or not found.n:
            raise EvidenceError(f"'{row.key}' is no count.", row.where)
        return found.value / found.n
    share = found.share if isinstance(found, Outcome) else None
    if found.events is not None and found.n:
        return found.events / found.n
    if share is None:
        raise EvidenceError(f"'{row.key}' is no count and no share.", row.where)
    return share


def _result(store: Store, row: Row) -> Outcome | AdverseEvent | Kinetic:
    for outcome in store.outcomes(row.trial, row.endpoint):
        if (outcome.arm, outcome.week) == (row.arm, row.week):
            return outcome
    for event in store.trial(row.trial).adverse_events:
        if (event.arm, event.event, event.week) == (row.arm, row.endpoint, row.week):
            return event
    for kinetic in store.trial(row.trial).kinetics:
        if (kinetic.arm, kinetic.what) == (row.arm, row.endpoint) and kinetic.day == row.week * DAYS_PER_WEEK:
            return kinetic
    raise EvidenceError(
        f"the store has no result '{row.trial}, {row.arm}, {row.endpoint}, week {row.week:g}'.", row.where
    )
