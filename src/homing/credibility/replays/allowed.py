"""How far ours may be from a printed number: the arithmetic of each kind of tolerance."""

from __future__ import annotations

import math
import re

from homing.credibility.replays.content import CERTAIN, Tolerance
from homing.evidence.records import Kinetic, Outcome
from homing.ground.errors import EvidenceError
from homing.ground.proportions import effective_interval, exact_interval
from homing.synthesis.effect import effect_of_counts

_NUMBER = re.compile(r"\d+(?:\.(\d+))?")


def share_of(outcome: Outcome) -> float:
    """The share that an outcome reports. Raises EvidenceError where it reports none."""
    if outcome.events is not None and outcome.n:
        return outcome.events / outcome.n
    if outcome.share is None:
        raise EvidenceError(f"the {outcome.endpoint} of arm '{outcome.arm}' at week {outcome.week:g} is no share.")
    return outcome.share


def counts_of(outcome: Outcome) -> str:
    """What a share is of: '53/107', or 'n 24' where there is no count but the share itself."""
    return f"{outcome.events}/{outcome.n}" if outcome.events is not None else f"n {outcome.n}"


def share_bounds(outcome: Outcome) -> tuple[float, float]:
    """The exact 95 % interval of a reported share, from its counts or, for a Kaplan-Meier share, the patients.

    Raises: EvidenceError where the store doesn't know of how many patients it is.
    """
    if not outcome.n:
        place = f"the {outcome.endpoint} of arm '{outcome.arm}' at week {outcome.week:g}"
        raise EvidenceError(f"{place} has no number of patients, so it has no interval; give `n` in the store.")
    if outcome.events is not None:
        return exact_interval(outcome.events, outcome.n)
    return effective_interval(share_of(outcome), float(outcome.n))


def difference_bounds(a: Outcome, b: Outcome) -> tuple[float, float, float]:
    """The difference a - b of two shares that are counts, and its large-sample 95 % interval."""
    if a.events is None or b.events is None or a.n is None or b.n is None:
        raise EvidenceError(f"arms '{a.arm}' and '{b.arm}' have no counts to take a difference of.")
    effect = effect_of_counts([a.events], [a.n], [b.events], [b.n], "risk-difference")
    middle, half = float(effect.estimate[0]), CERTAIN * math.sqrt(float(effect.variance[0]))
    return middle, middle - half, middle + half


def kinetic_bounds(kinetic: Kinetic, tolerance: Tolerance, spread: float = 0.0) -> tuple[float, float]:
    """What is near enough to a printed kinetic reading.

    Arguments: `spread` is the standard error of the logarithm of the printed number, for 'sampling' and 'factor'; where
    the row prints a standard deviation of a mean, its own sampling error is taken instead.
    """
    middle = kinetic.middle
    if tolerance.kind == "as-printed" and kinetic.low is not None and kinetic.high is not None:
        return kinetic.low, kinetic.high
    if tolerance.kind == "rounding":
        half = half_unit(kinetic.printed)
        return middle - half, middle + half
    room = CERTAIN * spread
    if kinetic.sd is not None and kinetic.n:
        room = CERTAIN * kinetic.sd / math.sqrt(kinetic.n) / middle
        return middle * (1 - room) / tolerance.factor, middle * (1 + room) * tolerance.factor
    return middle * math.exp(-room) / tolerance.factor, middle * math.exp(room) * tolerance.factor


def half_unit(printed: str) -> float:
    """Half a unit of the last digit of the first number of a text; trailing zeros of a whole number don't count.

    Example:
        >>> half_unit("0.78"), half_unit("4.3"), half_unit("220")
        (0.005, 0.05, 5.0)
    """
    found = _NUMBER.search(printed)
    if found is None:
        raise EvidenceError(f"'{printed}' holds no number.")
    if found[1]:
        return float(0.5 * 10 ** -len(found[1]))
    digits = found[0]
    return float(0.5 * 10 ** (len(digits) - len(digits.rstrip("0"))))
