"""Rows of a replay: a published share, difference or kinetic reading beside ours."""

from __future__ import annotations

from collections.abc import Sequence

from homing.credibility.replays.allowed import counts_of, difference_bounds, kinetic_bounds, share_bounds, share_of
from homing.credibility.replays.asked import Asked, AskedReading, printed
from homing.credibility.replays.content import DIFFERENCE, SHARE, Compared, Texts
from homing.evidence.store import Store
from homing.ground.proportions import monte_carlo_error


def share_row(
    store: Store, asked: Asked, arm: str, week: float, ours: Sequence[float], patients: int, label: Texts
) -> Compared:
    """A share of an arm at a week.

    Arguments:
        ours: the share under each scenario, first that which is compared.
        patients: how many virtual patients the first is of.
    """
    found = printed(store, asked, arm, week)
    low, high = share_bounds(found)
    same = [o for o in asked.trial.outcomes if (o.arm, o.endpoint, o.week) == (arm, asked.endpoint, week)]
    return Compared(
        label=label,
        unit=SHARE,
        as_printed=found.printed,
        against=share_of(found),
        low=low,
        high=high,
        ours=ours[0],
        sources=(found.source,),
        at=found.at,
        counts=counts_of(found),
        derived=found.derived,
        also=tuple(o.printed for o in same if o.contradicts and o.printed),
        ours_low=min(ours),
        ours_high=max(ours),
        error=monte_carlo_error(ours[0], patients),
        used_for=asked.use(arm, week),
        tolerance=asked.tolerance,
    )


def difference_row(
    store: Store, asked: Asked, week: float, ours: Sequence[float], error: float, label: Texts
) -> Compared:
    """The difference of the two arms that are asked for at a week, from their counts.

    What is printed of it is what the store has as the first arm's effect. `ours` and `error` as of `share_row`.
    """
    one, other = (printed(store, asked, arm, week) for arm in asked.difference)
    middle, low, high = difference_bounds(one, other)
    uses = {asked.use(arm, week) for arm in asked.difference}
    return Compared(
        label=label,
        unit=DIFFERENCE,
        as_printed=one.effect,
        against=middle,
        low=low,
        high=high,
        ours=ours[0],
        sources=tuple(dict.fromkeys((one.source, other.source))),
        at=one.at,
        counts=f"{counts_of(one)} − {counts_of(other)}",
        ours_low=min(ours),
        ours_high=max(ours),
        error=error,
        used_for="calibration" if "calibration" in uses else uses.pop(),
        tolerance=asked.tolerance,
    )


def reading_row(
    asked: AskedReading, ours: float, error: float = 0.0, spread: float = 0.0, *, is_arithmetic: bool
) -> Compared:
    """A reading of kinetics; a closed form has no Monte Carlo error. `spread` as of `kinetic_bounds`."""
    found = asked.reading
    low, high = kinetic_bounds(found, asked.tolerance, spread)
    return Compared(
        label=asked.label,
        unit=found.unit,
        as_printed=found.printed,
        against=found.middle,
        low=low,
        high=high,
        ours=ours,
        sources=(found.source,),
        at=found.at,
        error=error,
        used_for=asked.use,
        tolerance=asked.tolerance,
        is_arithmetic=is_arithmetic,
    )
