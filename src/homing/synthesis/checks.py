"""Checks that every method of synthesis shares: whatever cannot be is refused in a sentence, never computed on.

Each check returns nothing, or the numbers given as arrays of floats, and raises StudyError with what would be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean

Array = NDArray[np.float64]


def check_level(level: float) -> None:
    """Refuse a level of confidence that is not between 0 and 1; 95 for 0.95 is the commonest slip."""
    if not 0 < level < 1:
        raise StudyError(f"the level must be between 0 and 1, such as 0.95, and is {level:g}.")


def check_probability(p: float) -> None:
    """Refuse a quantile of anything but a probability."""
    if not 0 < p < 1:
        raise StudyError(f"a quantile is of a probability between 0 and 1, and {p:g} is given.")


def check_word(word: str, known: Iterable[str], says: str) -> None:
    """Refuse an unknown word with the nearest known one; `says` goes on from the word, such as 'is no measure'."""
    names = tuple(known)
    if word not in names:
        raise StudyError(f"'{word}' {says}. {did_you_mean(str(word), names)}")


def arrays(*given: ArrayLike) -> tuple[Array, ...]:
    """Numbers as arrays (study,) of floats, of whatever lengths. Refuses what is no row of numbers."""
    try:
        found = tuple(np.atleast_1d(np.asarray(x, dtype=float)) for x in given)
    except (TypeError, ValueError) as error:
        raise StudyError("numbers are needed, one for each study.") from error
    if any(x.ndim != 1 for x in found):
        raise StudyError("one number is needed for each study, and a table is given.")
    return found


def check_lengths(*given: Sequence[Any] | NDArray[Any]) -> None:
    """Refuse numbers that are not of as many studies each."""
    if len({len(x) for x in given}) > 1:
        raise StudyError(f"the numbers given are of {', '.join(str(len(x)) for x in given)} studies; give one of each.")


def check_counts(events: Array, n: Array) -> None:
    """Refuse events (study,) that are not between 0 and the patients (study,)."""
    if events.shape != n.shape:
        raise StudyError(f"{len(events)} numbers of events and {len(n)} of patients; give one of each per study.")
    wrong = ~(np.isfinite(events) & np.isfinite(n) & (events >= 0) & (n > 0) & (events <= n))
    if wrong.any():
        i = int(np.flatnonzero(wrong)[0])
        raise StudyError(f"study {i + 1} has {events[i]:g} events of {n[i]:g} patients, which can't be.")


def one_arm(events: ArrayLike, n: ArrayLike) -> tuple[Array, Array]:
    """Counts (study,) of one arm as arrays. Refuses impossible ones."""
    x, m = arrays(events, n)
    check_counts(x, m)
    return x, m


def two_arms(
    events_1: ArrayLike, n_1: ArrayLike, events_2: ArrayLike, n_2: ArrayLike
) -> tuple[Array, Array, Array, Array]:
    """Counts (study,) of two arms as arrays. Refuses impossible ones and different lengths."""
    a, n1, c, n2 = arrays(events_1, n_1, events_2, n_2)
    check_counts(a, n1)
    check_counts(c, n2)
    check_lengths(a, c)
    return a, n1, c, n2


def check_whole(*counts: Array) -> None:
    """Refuse parts of patients where a method goes through patients one by one."""
    for x in counts:
        if (x != np.round(x)).any():
            part = float(x[x != np.round(x)][0])
            raise StudyError(f"events and patients must be whole numbers here, and {part:g} is given.")


def two_rates(
    events_1: ArrayLike, time_1: ArrayLike, events_2: ArrayLike, time_2: ArrayLike
) -> tuple[Array, Array, Array, Array]:
    """Events and times at risk (study,) of two arms as arrays. Refuses impossible ones and different lengths."""
    x1, t1, x2, t2 = arrays(events_1, time_1, events_2, time_2)
    check_lengths(x1, t1, x2, t2)
    check_rates(x1, t1)
    check_rates(x2, t2)
    return x1, t1, x2, t2


def check_rates(events: Array, time: Array) -> None:
    """Refuse events (study,) below 0 and times at risk (study,) that are not above 0, or infinite."""
    if not (np.isfinite(events) & np.isfinite(time) & (events >= 0) & (time > 0)).all():
        raise StudyError("events must be 0 or more and times at risk above 0.")


def check_effects(estimate: Array, variance: Array, what: str = "effect") -> None:
    """Refuse no study at all, effects (study,) that are not finite, and variances (study,) that are not above 0."""
    check_lengths(estimate, variance)
    if not len(estimate):
        raise StudyError("there is no study to pool.")
    if not (np.isfinite(estimate) & np.isfinite(variance) & (variance > 0)).all():
        raise StudyError(f"every study needs a finite {what} and a variance above zero.")


def same_label(labels: Iterable[Any]) -> NDArray[np.bool_]:
    """(effect, effect): which effects have one label. A label may be anything that hashes, a pair for instance."""
    given = list(labels)
    number = {label: i for i, label in enumerate(dict.fromkeys(given))}
    codes = np.array([number[label] for label in given])
    return np.equal.outer(codes, codes)


def silent_note(silent: int, k: int) -> tuple[str, ...]:
    """The note on studies that say nothing on a ratio, where there are any."""
    if not silent:
        return ()
    return (f"{silent} of {k} studies carry no information on a ratio (no event, or only events)",)
