"""Weights that bring a virtual cohort to a baseline table: entropy balancing, which is the method of moments of a
matching-adjusted indirect comparison.

Among all weights whose moments are those asked, these stay closest to equal ones. They are proportional to
exp(lambda . moments), and lambda minimises a convex function (Signorovitch and others 2010; Hainmueller 2012), found
here by Newton's method.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import StudyError
from homing.patients.baseline_table import Line, Table

#: How close moments come to those asked, in standard deviations of the moment over the cohort.
TOLERANCE = 1e-10
#: Fewer effective patients than these can't stand for a trial's.
FEWEST_EFFECTIVE = 10
_MOST_STEPS, _LEAST_STEP = 500, 1e-10
#: What a logarithm of a mean of exponentials may be off by rounding.
_ROUNDING = 1e-9
#: Patients among whom the nearest table within reach is looked for.
_LOOKED_AT = 20_000

Columns = Mapping[str, NDArray[np.float64]]


@dataclass(frozen=True)
class Matched:
    """One line of a table beside the cohort before and after weighting, in the line's unit.

    `error` is how far the weighted moment is from the one asked, in units of that moment (a share, for quantiles).
    """

    line: Line
    asked: float
    unweighted: float
    weighted: float
    error: float


@dataclass(frozen=True)
class Weighted:
    """Weights of patients, with mean 1 over all of them, and what they bring about."""

    weights: NDArray[np.float64]
    lines: tuple[Matched, ...]

    @property
    def effective(self) -> float:
        """The effective sample size: (sum of weights) squared over the sum of squares (Kish)."""
        return effective_size(self.weights)

    @property
    def design_effect(self) -> float:
        """By how much weighting widens a variance: patients over effective patients."""
        return len(self.weights) / self.effective


def effective_size(weights: NDArray[np.float64]) -> float:
    """(Sum of weights) squared over the sum of their squares; the number of patients when all are equal.

    Example:
        >>> effective_size(np.array([1.0, 1.0, 0.0, 0.0]))
        2.0
    """
    return float(weights.sum() ** 2 / (weights**2).sum())


def balance(moments: NDArray[np.float64], goals: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Weights (patient,), of sum 1, under which the means of `moments` (patient, moment) are `goals` (moment,).

    None where no weights do that, and only there: with w such weights, the logarithm of the mean of exp(lambda . x),
    which is to be least, is at least minus the divergence of w from equal weights (Jensen's inequality), and that is
    at most the logarithm of the number of patients; so a fall below it proves that there are none. Rows of equal
    moments get equal weights.
    """
    size = np.maximum(np.abs(goals), np.abs(moments).max(axis=0))
    scale = moments.std(axis=0)
    alike = scale <= TOLERANCE * size  # the same in all patients: met by any weights or by none
    if (np.abs(moments.mean(axis=0) - goals)[alike] > TOLERANCE * size[alike]).any():
        return None
    x = ((moments - goals) / np.where(alike, 1.0, scale))[:, ~alike]
    slope = np.zeros(x.shape[1])
    weights, value = _weights(x, slope)
    least = -math.log(len(x)) - _ROUNDING
    for _ in range(_MOST_STEPS):
        gradient = weights @ x
        if np.abs(gradient).max(initial=0.0) < TOLERANCE:
            return weights
        if value < least:
            return None
        step = _newton(x, weights, gradient)
        size, fall = 1.0, float(gradient @ step)
        while size > _LEAST_STEP:
            tried, lower = _weights(x, slope + size * step)
            falls = lower <= value + 1e-4 * size * fall
            if falls or (abs(lower - value) < _ROUNDING and np.abs(tried @ x).max() < np.abs(gradient).max()):
                break  # so near the bottom that the fall drowns in rounding, the slope alone tells
            size /= 2
        else:
            return None
        slope, weights, value = slope + size * step, tried, lower
    return None


def _newton(x: NDArray[np.float64], weights: NDArray[np.float64], gradient: NDArray[np.float64]) -> NDArray[np.float64]:
    """The step of Newton's method; moments are brought to one spread first, so that a rare one isn't lost."""
    away = x - gradient
    spread = away.T @ (weights[:, None] * away)
    unit = np.sqrt(np.diag(spread))
    unit[unit == 0] = 1.0
    step = np.linalg.lstsq(spread / np.outer(unit, unit), -gradient / unit, rcond=1e-14)[0]
    return np.asarray(step / unit)


def _weights(x: NDArray[np.float64], slope: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Weights at a slope and the logarithm of the mean of their exponentials, which is to be least."""
    exponent = x @ slope
    top = float(exponent.max())
    raw = np.exp(exponent - top)
    return raw / raw.sum(), top + float(np.log(raw.mean()))


def weigh(columns: Columns, table: Table) -> Weighted:
    """Weights of a cohort that bring it to a table.

    Arguments: `columns` the cohort's baseline, (patient,) each, by covariate and marker; a patient with a missing value
    gets weight 0. A share of 0 or 100 % takes those without or with it and gives the others weight 0.
    Raises: StudyError when the table is outside what the cohort can reach, naming the lines and how far they can come;
    or when so few patients carry it that their weighted share would say nothing.
    """
    lacking = [line.of for line in table.lines if line.of not in columns]
    if lacking:
        raise StudyError(
            f"patients of this population have no '{lacking[0]}'; they have {', '.join(columns)}. Leave the line out.",
            table.key,
        )
    whole = np.logical_and.reduce([np.isfinite(columns[line.of]) for line in table.lines])
    kept, lines = whole.copy(), []
    for line in table.lines:
        if line.kind == "share" and line.asked in (0.0, 1.0):
            kept &= line.moment(columns[line.of]) == line.asked
        else:
            lines.append(line)
    if not kept.any():
        raise StudyError("no patient of this cohort has what the lines with 0 % and 100 % ask for.", table.key)
    moments = np.stack([line.moment(columns[line.of][kept]) for line in lines], axis=1) if lines else None
    found: NDArray[np.float64] | None = np.full(int(kept.sum()), 1 / kept.sum())
    if moments is not None:
        goals = np.array([line.goal for line in lines])
        outside = (goals <= moments.min(axis=0)) | (goals >= moments.max(axis=0))
        found = None if outside.any() else balance(moments, goals)
        if found is None:
            raise StudyError(_out_of_reach(lines, moments, goals), table.key)
    weights = np.zeros(len(whole))
    weights[kept] = found
    if effective_size(weights) < FEWEST_EFFECTIVE:
        raise StudyError(_too_few(lines, moments, effective_size(weights), len(whole)), table.key)
    return Weighted(weights * len(weights), matched_lines(columns, table, weights))


def matched_lines(columns: Columns, table: Table, weights: NDArray[np.float64]) -> tuple[Matched, ...]:
    """Each line of a table beside the cohort without and with weights (patient,)."""
    rows = []
    for line in table.lines:
        seen = np.isfinite(columns[line.of])
        values, w = columns[line.of][seen], weights[seen]
        error = float(np.average(line.moment(values), weights=w)) - line.goal
        before = line.seen(values, np.ones(len(values)))
        rows.append(Matched(line, line.asked, before, line.seen(values, w), error))
    return tuple(rows)


def _out_of_reach(lines: Sequence[Line], moments: NDArray[np.float64], goals: NDArray[np.float64]) -> str:
    """Which lines a cohort can't reach and how far it can come: the nearest table, by least change in all."""
    from scipy.optimize import linprog

    x = moments[:_LOOKED_AT]
    scale = np.where(x.std(axis=0) > 0, x.std(axis=0), np.maximum(np.abs(goals), 1.0))
    n, m = x.shape
    cost = np.concatenate([np.zeros(n), np.ones(2 * m)])
    slack = np.diag(scale)
    equal = np.vstack([np.hstack([x.T, slack, -slack]), np.concatenate([np.ones(n), np.zeros(2 * m)])])
    found = linprog(cost, A_eq=equal, b_eq=[*goals, 1.0], method="highs")
    nearest = x.T @ found.x[:n] if found.success else np.clip(goals, x.min(axis=0), x.max(axis=0))
    reached = _in_units(lines, nearest)
    far = [j for j in range(m) if not _same(reached[j], _wanted(lines[j]))] or list(range(m))
    told = "; ".join(_told(lines[j], reached[j]) for j in far)
    return (
        f"the table is outside what these patients can reach: {told}. Leave out what can't be reached, "
        f"take another population, or draw more patients."
    )


def _in_units(lines: Sequence[Line], nearest: NDArray[np.float64]) -> list[float]:
    """Means of moments as values of their lines; a standard deviation is that about the mean which comes with it."""
    means = {line.of: float(near) for line, near in zip(lines, nearest, strict=True) if line.kind == "mean"}
    found = []
    for line, near in zip(lines, nearest, strict=True):
        off = means.get(line.of, line.about) - line.about if line.kind == "sd" else 0.0
        found.append(line.in_units(float(near) - off**2))
    return found


def _wanted(line: Line) -> float:
    return line.level if line.kind == "quantile" else line.asked


def _same(one: float, other: float) -> bool:
    """Whether two numbers are the same as they are written."""
    return f"{one:.4g}" == f"{other:.4g}"


def _told(line: Line, nearest: float) -> str:
    unit = "" if line.unit == "1" else f" {line.unit}"
    if line.kind == "quantile":
        below = f"{100 * nearest:.1f} % of patients can be at or below {line.asked:.4g}{unit}"
        return f"{line.label} {line.asked:.4g}{unit} asked, and {below}, not {100 * line.level:g} %"
    if line.kind == "share":
        return f"{line.label} {100 * line.asked:.4g} % asked, {100 * nearest:.4g} % is the nearest"
    return f"{line.label} {line.asked:.4g}{unit} asked, {nearest:.4g}{unit} is the nearest"


def _too_few(lines: Sequence[Line], moments: NDArray[np.float64] | None, effective: float, n: int) -> str:
    """That too few patients carry a table, and which line costs most of them."""
    gains = {}
    for of in dict.fromkeys(line.of for line in lines):
        rest = [j for j, line in enumerate(lines) if line.of != of]
        if moments is not None and rest:
            without = balance(moments[:, rest], np.array([lines[j].goal for j in rest]))
            gains[of] = effective_size(without) if without is not None else 0.0
    worst = max(gains, key=lambda of: gains[of], default="")
    hint = f" Without the lines of '{worst}' they would be as good as {gains[worst]:.0f}." if worst else ""
    return (
        f"the table is at the edge of what these patients can reach: {n} weighted ones are as good as {effective:.1f}, "
        f"and {FEWEST_EFFECTIVE} are the fewest.{hint} Draw more patients, leave lines out, or take another population."
    )
