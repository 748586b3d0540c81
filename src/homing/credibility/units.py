"""What of the hold-outs is counted once: the rows of a trial that can be said together, and what each weighs in totals.

The arms of a visit are said together, and so is what comes after it: of those in remission who kept it, of the others
who came into it. The later visit as a whole is then known. Where the same patients are counted again in another way
(another visit, another endpoint) how the two hang together was not printed: each is scored, and the trial's term is the
mean of them, so that no visit has to be chosen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from homing.credibility.split import Row

#: Why a row weighs less than one in totals: counted again at another visit or by another endpoint; the sum of other
#: rows; not predicted by the model.
VISITS, ENDPOINTS, DETERMINED, PRIOR = "visits", "endpoints", "determined", "prior"
_STEPS = ("kept", "gained")


@dataclass(frozen=True)
class Weight:
    """What a row weighs in totals, from 0 to 1, and why it is less than 1 ('' where it is not)."""

    share: float
    because: str


def looks(rows: Sequence[Row]) -> tuple[tuple[Row, ...], ...]:
    """The rows of one trial, by what can be said together: one look at its patients each."""
    found: dict[tuple[str, float], list[Row]] = {}
    for row in rows:
        if row.how not in _STEPS and not _determined(row, rows):
            found.setdefault((row.endpoint, row.week), []).append(row)
    steps = [row for row in rows if row.how in _STEPS]
    if steps:
        first = min(found, key=lambda look: look[1], default=(steps[0].endpoint, steps[0].week))
        found.setdefault(first, []).extend(steps)
    return tuple(tuple(look) for look in found.values())


def weight(row: Row, rows: Sequence[Row]) -> Weight:
    """What a row of one trial weighs. Arguments: `rows` all of the trial's that the model predicts."""
    if row not in rows:
        return Weight(0.0, PRIOR)
    if _determined(row, rows):
        return Weight(0.0, DETERMINED)
    each = looks(rows)
    if len(each) == 1:
        return Weight(1.0, "")
    return Weight(1 / len(each), VISITS if len({look[0].week for look in each}) > 1 else ENDPOINTS)


def _determined(row: Row, rows: Sequence[Row]) -> bool:
    """Whether a row is the sum of those who kept and those who came into remission by its visit."""
    at = {(r.endpoint if r.how == "gained" else "", r.how) for r in rows if (r.arm, r.week) == (row.arm, row.week)}
    return row.how not in _STEPS and ("", "kept") in at and (row.endpoint, "gained") in at
