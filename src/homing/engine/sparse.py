"""The order of a sparse LU factorisation, decided once for a pattern of non-zeros."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

Entry = tuple[int, int]


@dataclass(frozen=True)
class Pivot:
    """One elimination: the pivot, the rows below it and the columns to the right that it fills."""

    at: int
    rows: tuple[int, ...]
    columns: tuple[int, ...]


@dataclass(frozen=True)
class LuPlan:
    """`pivots` in order of elimination; `entries` the non-zeros of L and U together, in order of first use."""

    pivots: tuple[Pivot, ...]
    entries: tuple[Entry, ...]


def plan_lu(size: int, non_zeros: Iterable[Entry]) -> LuPlan:
    """Pivots on the diagonal in Markowitz order: the one next that can fill the fewest entries.

    Source: H. M. Markowitz, Management Science 3 (1957) 255-269. Diagonal pivots are safe for I/(h*gamma) - J at the
    step sizes that the error control allows; a bad pivot shows as a rejected step.
    """
    rows: list[set[int]] = [{i} for i in range(size)]  # columns of each row
    columns: list[set[int]] = [{i} for i in range(size)]  # rows of each column
    for i, j in non_zeros:
        rows[i].add(j)
        columns[j].add(i)
    left = set(range(size))
    pivots = []
    while left:
        at = min(left, key=lambda k: ((len(rows[k] & left) - 1) * (len(columns[k] & left) - 1), k))
        left.remove(at)
        below, right = sorted(columns[at] & left), sorted(rows[at] & left)
        for i in below:
            rows[i].update(right)
        for j in right:
            columns[j].update(below)
        pivots.append(Pivot(at, tuple(below), tuple(right)))
    entries: dict[Entry, None] = {}
    for p in pivots:
        entries.update(dict.fromkeys([(p.at, p.at), *((i, p.at) for i in p.rows), *((p.at, j) for j in p.columns)]))
    return LuPlan(tuple(pivots), tuple(entries))
