"""Any model on any event table: records become events and readings, in the order that the table has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from homing.engine.readouts import Readouts
from homing.engine.run import CompiledSystem, compile_system
from homing.engine.steady_state import SteadyDose, steady_states
from homing.engine.symbolic import INPUT
from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean
from homing.mechanism.equations import SLOPE, ramped
from homing.mechanism.model import Model
from homing.protocol.dosing import BIOAVAILABILITY, DURATION, LAG, RATE, Action, Course, LedgerEntry, follow
from homing.protocol.events import Events, Op
from homing.protocol.records import STEADY, STEADY_ADDED, Record, check_record

Method = Literal["locf", "nocb", "linear"]
METHODS: tuple[Method, ...] = ("locf", "nocb", "linear")
#: What the model's parameters for a compartment are called, by its number or name: F1 or F_depot.
FACTORS = {"F": BIOAVAILABILITY, "ALAG": LAG, "R": RATE, "D": DURATION}
EventRow = tuple[int, float, int, int, float]


@dataclass(frozen=True)
class TableRun:
    """What a table came to: `values` (record, output) right after each record, `status` (patient), the ledger."""

    patients: tuple[str, ...]
    outputs: tuple[str, ...]
    values: NDArray[np.float64]
    status: NDArray[np.int8]
    ledger: tuple[LedgerEntry, ...]
    notes: tuple[str, ...]


@dataclass
class _Patient:
    """One patient's records with the covariates filled in, and the course that they take."""

    rows: list[int]
    records: list[Record]
    values: dict[str, NDArray[np.float64]]  # by covariate, (record,)
    course: Course = field(default_factory=Course)


def simulate_table(
    model: Model,
    records: Sequence[Record],
    outputs: Sequence[str] = (),
    *,
    changes: Mapping[str, float] | None = None,
    covariates: Mapping[str, Method] | None = None,
    otherwise: Method = "locf",
    keep_constant: bool = False,
    rtol: float = 1e-6,
    threads: int = 1,
) -> TableRun:
    """Simulate the records of any number of patients (each patient's together and in order of time).

    Arguments:
        outputs: states and signals; the model's own choice when empty.
        changes: parameters with other values than the model's.
        covariates: how each changes between records, `otherwise` for the rest: "locf" holds the value of the last
            record, "nocb" that of the next (NONMEM's rule), "linear" joins them.
        keep_constant: an infusion in steady state without AMT runs on after its record.

    Raises: StudyError for a record without meaning, naming its place; WiringError for an unknown name.
    """
    return _Table(model, records, outputs, changes or {}, covariates or {}, otherwise, keep_constant).run(rtol, threads)


class _Table:
    def __init__(
        self,
        model: Model,
        records: Sequence[Record],
        outputs: Sequence[str],
        changes: Mapping[str, float],
        covariates: Mapping[str, Method],
        otherwise: Method,
        keep_constant: bool,
    ) -> None:
        self.model, self.base = model, model.parameters(changes)
        self.outputs = model.names(outputs or model.outputs)
        names = dict.fromkeys(name for r in records for name in r.covariates)
        self.methods: dict[str, Method] = {name: covariates.get(name, otherwise) for name in names}
        self.notes: list[str] = []
        self._check(records, covariates)
        self.linear = [name for name, method in self.methods.items() if method == "linear"]
        self.system = ramped(model.system, self.linear) if self.linear else model.system
        self.patients = self._grouped(records)
        for p in self.patients.values():
            p.course = follow(p.records, keep_constant=keep_constant)
        self.count = len(records)
        self._note_cancelled()

    def _check(self, records: Sequence[Record], covariates: Mapping[str, Method]) -> None:
        for name in covariates:
            if name not in self.methods:
                raise StudyError(f"the table has no covariate '{name}'. {did_you_mean(name, self.methods)}")
        for r in records:
            check_record(r)
            known = self.model.system.index
            if r.is_dose and r.compartment not in known:
                raise StudyError(f"no compartment '{r.compartment}'. {did_you_mean(r.compartment, known)}", r.where)
        if self.methods:
            told = ", ".join(f"{name} ({method})" for name, method in self.methods.items())
            self.notes.append(f"Covariates that may change between records: {told}.")
        for name in covariates:
            values = {(r.patient, r.covariates[name]) for r in records if name in r.covariates}
            if len(values) == len({patient for patient, _ in values}):
                self.notes.append(f"'{name}' is constant in every patient; its method makes no difference.")

    def _grouped(self, records: Sequence[Record]) -> dict[str, _Patient]:
        found: dict[str, _Patient] = {}
        for i, r in enumerate(records):
            patient = found.setdefault(r.patient, _Patient([], [], {}))
            if patient.rows and patient.rows[-1] != i - 1:
                raise StudyError(f"the records of patient '{r.patient}' are not together.", r.where)
            if patient.records and r.time < patient.records[-1].time:
                raise StudyError("the time goes back within a patient.", r.where)
            patient.rows.append(i)
            patient.records.append(r)
        for p in found.values():
            p.values = {name: self._filled(name, p.records) for name in self.methods}
            p.records = [self._with_factors(r, p, i) for i, r in enumerate(p.records)]
        return found

    def _filled(self, name: str, records: Sequence[Record]) -> NDArray[np.float64]:
        """A covariate at every record of a patient; blanks are filled by its own method."""
        given = [i for i, r in enumerate(records) if name in r.covariates]
        if not given:
            return np.full(len(records), float(self.base[name]))
        values = np.array([records[i].covariates[name] for i in given])
        rows = np.arange(len(records))
        if self.methods[name] == "linear":
            times = np.array([r.time for r in records])
            return np.interp(times, times[given], values)
        if self.methods[name] == "nocb":
            return values[np.minimum(np.searchsorted(given, rows), len(given) - 1)]
        at = np.searchsorted(given, rows, side="right") - 1
        return np.where(at >= 0, values[np.maximum(at, 0)], float(self.base[name]))

    def _with_factors(self, r: Record, patient: _Patient, row: int) -> Record:
        """The record with bioavailability, lag and the like from the model where the table has none."""
        if not r.is_dose:
            return r
        number = self.model.system.index[r.compartment] + 1
        found: dict[str, float] = {}
        for letter, name in FACTORS.items():
            for parameter in (f"{letter}{number}", f"{letter}_{r.compartment}"):
                if parameter in patient.values:
                    found[name] = float(patient.values[parameter][row])
                elif parameter in self.base:
                    found[name] = float(self.base[parameter])
        found |= r.factors
        for name, value in found.items():
            if not (np.isfinite(value) and value >= 0):
                raise StudyError(f"the {name} is {value:g}; it must be a number from 0 up.", r.where)
        return replace(r, factors=found)

    def _note_cancelled(self) -> None:
        cancelled = [e for p in self.patients.values() for e in p.course.ledger if e.fate == "cancelled"]
        if cancelled:
            self.notes.append(
                f"A reset called off {len(cancelled)} doses that were under way or still to come (the first: "
                f"{cancelled[0].where}); the ledger lists them."
            )

    # --- running
    def run(self, rtol: float, threads: int) -> TableRun:
        """Compile, find steady states, run, and put the values into the order of the records."""
        infused = dict.fromkeys(
            a.compartment if a.entry is None else a.entry.compartment
            for p in self.patients.values()
            for a in p.course.actions
            if a.kind == "rate" or (a.kind == "steady" and a.entry is not None and a.entry.rate > 0)
        )
        slopes = [SLOPE + name for name in self.linear]
        varying = [*(n for n in self.methods if n not in self.linear), *slopes]
        compiled = compile_system(self.system, self.outputs, varying, list(infused))
        steady = self._steady(varying, list(infused), threads)
        events: list[EventRow] = []
        reads: list[tuple[float, int, int]] = []
        order: list[int] = []
        for i, p in enumerate(self.patients.values()):
            writer = _Writer(self, compiled, i, p, steady)
            events += writer.rows
            reads += writer.reads
            order += [p.rows[a.record] for a in p.course.actions if a.kind == "read"]
        shared = {n: v for n, v in self.base.items() if n not in self.methods} | dict.fromkeys(slopes, 0.0)
        first = {n: np.array([p.values[n][0] for p in self.patients.values()]) for n in varying if n in self.methods}
        start = np.stack([self._start(p, 0) for p in self.patients.values()])
        values, status = compiled.read(
            start,
            shared | first,
            Events.from_rows(len(self.patients), *_columns(events, 5)),
            self._readouts(reads),
            begin=[p.records[0].time for p in self.patients.values()],
            rtol=rtol,
            threads=threads,
        )
        ordered = np.empty_like(values)
        ordered[order] = values
        ledger = [e for p in self.patients.values() for e in p.course.ledger]
        return TableRun(tuple(self.patients), self.outputs, ordered, status, tuple(ledger), tuple(self.notes))

    def _readouts(self, reads: Sequence[tuple[float, int, int]]) -> Readouts:
        counts = [len(p.records) for p in self.patients.values()]
        time, after, side = _columns(reads, 3)
        return Readouts.own(
            np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            np.array(time, dtype=float),
            np.array(after, dtype=np.int64),
            np.array(side, dtype=np.int64),
        )

    def _start(self, p: _Patient, row: int) -> NDArray[np.float64]:
        """The states at the start under the values of a record, those of linear covariates included."""
        own = self.base | {name: float(values[row]) for name, values in p.values.items()}
        return np.concatenate([self.model.start(own)[0], [own[name] for name in self.linear]])

    def _steady(self, varying: Sequence[str], infused: Sequence[str], threads: int) -> dict[int, NDArray[np.float64]]:
        """The steady states asked for, by the ledger entry they belong to."""
        asked: list[tuple[_Patient, Action]] = [
            (p, a) for p in self.patients.values() for a in p.course.actions if a.kind == "steady"
        ]
        if not asked:
            return {}
        states = list(self.system.states)
        compiled = compile_system(self.system, states, varying, infused)
        doses = []
        for p, a in asked:
            r, e = p.records[a.record], a.entry
            if e is None:
                continue
            doses.append(
                SteadyDose(
                    state=self.system.index[e.compartment],
                    amount=e.amount * e.bioavailability,
                    rate=e.rate,
                    duration=e.duration,
                    interval=r.interval,
                    phase=(r.interval - e.lag) if e.lag and r.interval else 0.0,
                    start=self._start(p, a.record),
                    varying=np.array([p.values[n][a.record] if n in p.values else 0.0 for n in compiled.varying]),
                    where=r.where,
                )
            )
        shared = {n: v for n, v in self.base.items() if n not in varying and n not in self.linear}
        found = steady_states(compiled, doses, shared, threads)
        return {id(a.entry): state for (_, a), state in zip(asked, found, strict=True)}


class _Writer:
    """The event rows and readings of one patient."""

    def __init__(
        self, table: _Table, compiled: CompiledSystem, number: int, patient: _Patient, steady: Mapping[int, Any]
    ) -> None:
        self.table, self.compiled, self.number, self.patient = table, compiled, number, patient
        self.index = compiled.system.index
        self.rows: list[EventRow] = []
        self.reads: list[tuple[float, int, int]] = []
        self.now = {name: values[0] for name, values in patient.values.items()}
        for a in patient.course.actions:
            self._write(a, steady)
        self.reads = [(t, after, self._side(t, after)) for t, after, _ in self.reads]

    def _side(self, time: float, after: int) -> int:
        """1 where nothing of the table follows at this time, so that what the model does then is seen."""
        return 0 if after < len(self.rows) and self.rows[after][1] == time else 1

    def _add(self, time: float, op: Op, target: int, value: float) -> None:
        self.rows.append((self.number, time, int(op), target, float(value)))

    def _write(self, a: Action, steady: Mapping[int, Any]) -> None:
        match a.kind:
            case "add":
                self._add(a.time, Op.ADD, self.index[a.compartment], a.value)
            case "rate":
                self._add(a.time, Op.SET_PARAMETER, self.compiled.target(INPUT + a.compartment), a.value)
            case "reset":
                self._reset(a)
            case "row":
                self._covariates(a.record, a.record, a.time)
            case "read":
                self.reads.append((a.time, len(self.rows), 0))
                self._covariates(a.record, a.record + 1, a.time, between=True)
            case "steady":
                self._steady(a, steady[id(a.entry)])

    def _reset(self, a: Action) -> None:
        start = self.table._start(self.patient, a.record)
        for name, value in zip(self.index, start, strict=True):
            moves = name in self.table.linear or name == self.table.system.clock
            named = not a.compartment or name == a.compartment or name.startswith(f"{a.compartment}.")
            if named and not moves:
                self._add(a.time, Op.SET, self.index[name], value)

    def _steady(self, a: Action, state: NDArray[np.float64]) -> None:
        r = self.patient.records[a.record]
        start = self.table._start(self.patient, a.record)
        for name, value, first in zip(self.index, state, start, strict=True):
            if name in self.table.linear or name == self.table.system.clock:
                continue
            if r.steady == STEADY:
                self._add(a.time, Op.SET, self.index[name], value)
            elif r.steady == STEADY_ADDED:
                self._add(a.time, Op.ADD, self.index[name], value - first)

    def _covariates(self, row: int, other: int, time: float, *, between: bool = False) -> None:
        """At a record its own values hold; between records those of the next (nocb), or a slope to it (linear)."""
        records = self.patient.records
        if other >= len(records):
            return
        for name, values in self.patient.values.items():
            method = self.table.methods[name]
            if method == "linear":
                if between:
                    length = records[other].time - time
                    slope = (values[other] - values[row]) / length if length > 0 else 0.0
                    self._change(SLOPE + name, slope, time)
                elif values[row] != self.now[name]:
                    self._add(time, Op.SET, self.index[name], values[row])
                    self.now[name] = values[row]
            elif not between or method == "nocb":
                self._change(name, values[other], time)

    def _change(self, name: str, value: float, time: float) -> None:
        if self.now.get(name, 0.0) != value:
            self._add(time, Op.SET_PARAMETER, self.compiled.target(name), value)
            self.now[name] = value


def _columns(rows: Sequence[tuple], width: int) -> list[tuple]:
    return list(zip(*rows, strict=True)) if rows else [()] * width
