"""From one patient's records to what happens when: doses that arrive, infusions, resets, and the ledger of doses.

At one time, what an earlier row has caused comes first (additional doses, lagged doses, ends of infusions), then the
rows in their order. A reset cancels what was on its way.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from homing.ground.errors import StudyError
from homing.protocol.records import MODELLED_DURATION, MODELLED_RATE, STEADY, Record

What = Literal["bolus", "infusion", "steady bolus", "steady infusion", "constant infusion"]
Kind = Literal["add", "rate", "reset", "row", "read", "steady"]
Fate = Literal["given", "under way", "pending", "cancelled"]
MOST_AT_ONCE = 10_000
#: What F, ALAG, R and D of a compartment are called.
BIOAVAILABILITY, LAG, RATE, DURATION = "bioavailability", "lag", "rate", "duration"


@dataclass
class LedgerEntry:
    """One dose as it was given. `time` is when it arrived, `amount` what the row says, `delivered` what of it arrived
    (times bioavailability); `fate` what became of it. Of pending doses of one record the first stands for `count`."""

    patient: str
    time: float
    what: What
    compartment: str
    amount: float
    bioavailability: float
    lag: float
    rate: float
    duration: float
    fate: Fate = "pending"
    delivered: float = 0.0
    count: int = 1
    where: str = ""


@dataclass(frozen=True)
class Action:
    """One thing that happens to the patient. `add` puts `value` into a compartment; `rate` sets its rate of input;
    `reset` begins anew (all compartments, or those named); `row` marks that a record has its turn, `read` that it
    had it; `steady` asks for the steady state of `record`, with input of `entry`."""

    kind: Kind
    time: float
    compartment: str = ""
    value: float = 0.0
    record: int = -1
    entry: LedgerEntry | None = None


@dataclass
class Course:
    """What becomes of one patient's records: the actions in order, and the ledger."""

    actions: list[Action] = field(default_factory=list)
    ledger: list[LedgerEntry] = field(default_factory=list)


def follow(records: Sequence[Record], *, keep_constant: bool = False) -> Course:
    """The course of one patient's records, which are in order of time.

    Arguments: `keep_constant` lets an infusion in steady state (AMT=0) run on after its record rather than end there.
    Raises: StudyError for a lag longer than the interval of a dose in steady state.
    """
    return _Follower(records, keep_constant).course()


class _Follower:
    """Walks through the records with what is on its way: a heap of (time, order, action to take)."""

    def __init__(self, records: Sequence[Record], keep_constant: bool) -> None:
        self.records, self.keep_constant = records, keep_constant
        self.result = Course()
        self.waiting: list[tuple[float, int, str, LedgerEntry]] = []
        self.running: dict[int, LedgerEntry] = {}
        self.order = 0
        self.end = records[-1].time if records else 0.0

    def course(self) -> Course:
        """Walk through all records."""
        for i, r in enumerate(self.records):
            self._until(r.time)
            self._turn(i, r)
        for entry in self.running.values():
            entry.fate, entry.delivered = "under way", entry.rate * (self.end - entry.time)
        return self.result

    def _turn(self, i: int, r: Record) -> None:
        if r.is_reset or (r.is_dose and r.steady == STEADY):
            self._cancel(r)
        if r.is_reset:
            self._act("reset", r.time, compartment=r.compartment if not r.is_dose else "", record=i)
        self._act("row", r.time, record=i)
        if r.is_dose:
            self._dose(i, r)
        self._act("read", r.time, record=i)

    def _dose(self, i: int, r: Record) -> None:
        first = _entry(r, r.time)
        if r.steady:
            first.what = "steady infusion" if first.duration else "steady bolus"
            if r.is_constant_infusion:
                first.what = "constant infusion"
            elif first.lag >= r.interval:
                raise StudyError(
                    f"the lag of {first.lag:g} is not shorter than the interval of {r.interval:g}: which doses the "
                    f"steady state has in it is not defined. Write the doses out, with a run-in.",
                    r.where,
                )
            self._act("steady", r.time, compartment=r.compartment, record=i, entry=first)
            if r.is_constant_infusion:
                self._constant(r, first)
                return
            self._carry_over(r, first)
        for k in range(r.additional + 1):
            entry = first if k == 0 else _entry(r, r.time + k * r.interval)
            self.result.ledger.append(entry)
            if entry.time > self.end:  # this one and those after it are pending
                entry.count = r.additional + 1 - k
                break
            if k == 0 and entry.lag == 0:
                self._arrive(entry)
            else:
                self._wait(entry.time, "arrive", entry)

    def _constant(self, r: Record, entry: LedgerEntry) -> None:
        self.result.ledger.append(entry)
        entry.fate = "given"
        if self.keep_constant:
            entry.duration = math.inf
            self._start(entry)

    def _carry_over(self, r: Record, first: LedgerEntry) -> None:
        """Infusions of the doses before the record that are still running at it."""
        if first.duration > MOST_AT_ONCE * r.interval:
            raise StudyError(f"more than {MOST_AT_ONCE} infusions would run at once. Check RATE, AMT and II.", r.where)
        back = 1
        while first.duration > 0 and first.time - back * r.interval + first.duration > r.time:
            begun = first.time - back * r.interval
            earlier = _entry(r, begun - first.lag, what="steady infusion")
            self.result.ledger.append(earlier)
            if begun <= r.time:
                self._start(earlier, since=r.time)
            back += 1

    def _arrive(self, entry: LedgerEntry) -> None:
        if entry.duration > 0:
            self._start(entry)
            return
        entry.fate, entry.delivered = "given", entry.amount * entry.bioavailability
        self._act("add", entry.time, compartment=entry.compartment, value=entry.delivered)

    def _start(self, entry: LedgerEntry, since: float | None = None) -> None:
        self.running[id(entry)] = entry
        self._input(entry.compartment, entry.time if since is None else since)
        if math.isfinite(entry.duration):
            self._wait(entry.time + entry.duration, "stop", entry)

    def _stop(self, entry: LedgerEntry, time: float) -> None:
        entry.fate, entry.delivered = "given", entry.rate * entry.duration
        del self.running[id(entry)]
        self._input(entry.compartment, time)

    def _input(self, compartment: str, time: float) -> None:
        """The rate of input as the sum of what runs, so that it is exactly 0 when nothing does."""
        rates = [e.rate for e in self.running.values() if e.compartment == compartment]
        self._act("rate", time, compartment=compartment, value=math.fsum(rates))

    def _until(self, time: float) -> None:
        while self.waiting and self.waiting[0][0] <= time:
            at, _, what, entry = heapq.heappop(self.waiting)
            if what == "arrive":
                self._arrive(entry)
            else:
                self._stop(entry, at)

    def _cancel(self, r: Record) -> None:
        """What a reset calls off, in the compartment it names or in all."""
        named = r.compartment if r.is_reset and not r.is_dose else ""

        def hit(entry: LedgerEntry) -> bool:
            return not named or entry.compartment == named or entry.compartment.startswith(f"{named}.")

        kept = [w for w in self.waiting if not hit(w[3])]
        for _, _, what, entry in self.waiting:
            if hit(entry) and what == "arrive":
                entry.fate = "cancelled"
        heapq.heapify(kept)
        self.waiting = kept
        for key, entry in list(self.running.items()):
            if hit(entry):
                entry.fate, entry.delivered = "cancelled", entry.rate * (r.time - entry.time)
                del self.running[key]
                self._input(entry.compartment, r.time)

    def _wait(self, time: float, what: str, entry: LedgerEntry) -> None:
        self.order += 1
        heapq.heappush(self.waiting, (time, self.order, what, entry))

    def _act(
        self,
        kind: Kind,
        time: float,
        *,
        compartment: str = "",
        value: float = 0.0,
        record: int = -1,
        entry: LedgerEntry | None = None,
    ) -> None:
        self.result.actions.append(Action(kind, time, compartment, value, record, entry))


def _entry(r: Record, time: float, what: What | None = None) -> LedgerEntry:
    """A dose of a record that is meant for a time; it arrives after the lag. F shortens an infusion of given rate."""
    f, lag = r.factors.get(BIOAVAILABILITY, 1.0), r.factors.get(LAG, 0.0)
    rate, duration = _infusion(r, f)
    usual: What = "infusion" if rate > 0 else "bolus"
    return LedgerEntry(
        r.patient, time + lag, what or usual, r.compartment, r.amount, f, lag, rate, duration, where=r.where
    )


def _infusion(r: Record, f: float) -> tuple[float, float]:
    if r.is_constant_infusion:
        return r.rate, 0.0
    if r.rate == 0:
        return 0.0, 0.0
    if r.rate == MODELLED_DURATION:
        duration = _modelled(r, DURATION, "D")
        return (r.amount * f / duration if duration > 0 else 0.0), duration
    rate = _modelled(r, RATE, "R") if r.rate == MODELLED_RATE else r.rate
    if rate <= 0:
        raise StudyError(f"the modelled rate is {rate:g}; it must be above 0.", r.where)
    return rate, r.amount * f / rate


def _modelled(r: Record, name: str, letter: str) -> float:
    if name not in r.factors:
        raise StudyError(
            f"RATE={r.rate:g} takes the {name} from the model, which has none for '{r.compartment}'. Give it a "
            f"parameter or the table a column '{letter}_{r.compartment}'.",
            r.where,
        )
    return r.factors[name]


def total_delivered(ledger: Sequence[LedgerEntry]) -> Mapping[str, float]:
    """What arrived in each compartment."""
    found: dict[str, list[float]] = {}
    for entry in ledger:
        found.setdefault(entry.compartment, []).append(entry.delivered)
    return {name: math.fsum(parts) for name, parts in found.items()}
