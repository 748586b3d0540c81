"""A slow, independent simulator of event tables for the linear model with absorption, by matrix exponentials.

It shares nothing with the fast one but the meaning of a row: states are propagated from each moment to the next by
expm, steady states are solved for in closed form.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from scipy.linalg import expm


@dataclass
class Row:
    """One row of a table. `cmt` 0 depot, 1 central; `f`, `lag`, `duration` (D), `r` (R) belong to its dose."""

    time: float
    evid: int = 0
    amt: float = 0.0
    rate: float = 0.0
    cmt: int = 0
    addl: int = 0
    ii: float = 0.0
    ss: int = 0
    f: float = 1.0
    lag: float = 0.0
    d: float = 4.0
    r: float = 25.0
    cl: float = 1.0


def refused(row: Row) -> bool:
    """Whether the row has no meaning."""
    dose = row.evid in (1, 4)
    if not dose:
        return bool(row.amt or row.rate or row.ss or row.addl)
    endless = row.ss > 0 and row.amt == 0 and row.ii == 0 and row.rate > 0
    if row.amt == 0 and not endless:
        return True
    if endless:
        return row.addl > 0
    if (row.addl or row.ss) and row.ii <= 0:
        return True
    return row.ss > 0 and row.lag >= row.ii


def infusion(row: Row) -> tuple[float, float]:
    """Rate and duration of the row's dose; 0, 0 for a bolus."""
    if row.rate == 0 or row.amt == 0:
        return 0.0, 0.0
    if row.rate == -2:
        return row.amt * row.f / row.d, row.d
    rate = row.r if row.rate == -1 else row.rate
    return rate, row.amt * row.f / rate


def matrix(cl: float, ka: float = 1.0, v: float = 10.0) -> np.ndarray:
    """The rates of the linear model."""
    return np.array([[-ka, 0.0], [ka, -cl / v]])


def flow(a: np.ndarray, x: np.ndarray, rate: np.ndarray, time: float) -> np.ndarray:
    """The state after some time under a constant input."""
    whole = np.zeros((3, 3))
    whole[:2, :2], whole[:2, 2] = a, rate
    return (expm(whole * time) @ np.append(x, 1.0))[:2]


def steady(row: Row) -> np.ndarray:
    """The state at a record in steady state, before its own dose."""
    a, unit = matrix(row.cl), np.eye(2)[row.cmt]
    if row.amt == 0:
        return np.linalg.solve(a, -unit * row.rate)
    rate, duration = infusion(row)
    whole = expm(a * row.ii)

    def left(age: float) -> np.ndarray:
        """What one dose leaves, this long after it arrived."""
        if duration == 0:
            return expm(a * age) @ unit * row.amt * row.f
        during = flow(a, np.zeros(2), unit * rate, min(age, duration))
        return expm(a * max(0.0, age - duration)) @ during

    phase = (row.ii - row.lag) if row.lag else row.ii
    first = math.ceil(duration / row.ii) + 1
    total = sum((left(phase + k * row.ii) for k in range(first)), np.zeros(2))
    return total + np.linalg.solve(np.eye(2) - whole, whole @ left(phase + (first - 1) * row.ii))


def simulate(rows: list[Row], nocb: bool) -> np.ndarray:
    """The states right after each row, (row, 2); rows are in order of time."""
    x, now = np.zeros(2), rows[0].time
    doses: list[list[float]] = []  # start, end (= start for a bolus), amount or rate, compartment, arrived
    out = []
    for i, row in enumerate(rows):
        cl = (row if nocb else rows[max(i - 1, 0)]).cl
        x = advance(x, now, row.time, doses, cl)
        now = row.time
        if row.evid in (3, 4) or (row.evid == 1 and row.ss == 1):
            doses = []
        if row.evid in (3, 4):
            x = np.zeros(2)
        if row.evid in (1, 4):
            if row.ss:
                x = steady(row) if row.ss == 1 else x + steady(row)
            x = give(row, x, doses)
        out.append(x.copy())
    return np.array(out)


def give(row: Row, x: np.ndarray, doses: list[list[float]]) -> np.ndarray:
    """Put the doses of a row on the list, and what arrives at once into the state."""
    rate, duration = infusion(row)
    if row.amt == 0:
        return x
    if row.ss and duration:
        for k in range(1, 2000):
            begun = row.time + row.lag - k * row.ii
            if begun + duration > row.time and begun <= row.time:
                doses.append([row.time, begun + duration, rate, row.cmt, 1])
    for k in range(row.addl + 1):
        at = row.time + row.lag + k * row.ii
        if duration:
            doses.append([at, at + duration, rate, row.cmt, 1])
        elif at == row.time and k == 0:
            x = x + np.eye(2)[row.cmt] * row.amt * row.f
        else:
            doses.append([at, at, row.amt * row.f, row.cmt, 0])
    return x


def advance(x: np.ndarray, now: float, to: float, doses: list[list[float]], cl: float) -> np.ndarray:
    """Go on to a time, through all that arrives or ends up to and at it."""
    moments = sorted({to, *(t for d in doses for t in d[:2] if now <= t <= to)})
    for moment in moments:
        rate = np.zeros(2)
        for start, end, size, cmt, _ in doses:
            if start < end and start <= now and now < end:
                rate[int(cmt)] += size
        if moment > now:
            x = flow(matrix(cl), x, rate, moment - now)
            now = moment
        for dose in doses:
            if dose[0] == dose[1] == moment and not dose[4]:
                x = x + np.eye(2)[int(dose[3])] * dose[2]
                dose[4] = 1
    return x
