"""The nearest known name, for refusals that contain the fix."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def did_you_mean(name: str, known: Iterable[str], *, most: int = 12) -> str:
    """A sentence with the nearest known name, or with the known names where none is near.

    Example:
        >>> did_you_mean("darvadstrocell", ["darvadstrocel", "ova-treg"])
        "Did you mean 'darvadstrocel'?"
        >>> did_you_mean("x", ["b", "a"])
        'Known: a, b.'
    """
    names = sorted(set(known))
    by_fold = {n.casefold(): n for n in names}
    near = difflib.get_close_matches(name.casefold(), list(by_fold), n=1, cutoff=0.6)
    if near:
        return f"Did you mean '{by_fold[near[0]]}'?"
    if not names:
        return "None is known."
    return f"Known: {', '.join(names[:most])}{', ...' if len(names) > most else ''}."
