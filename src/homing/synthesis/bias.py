"""Risk of bias in a pooled effect: studies left out by their judgement, or believed less.

A study that may be biased by an unknown amount of either direction, with standard deviation s, has the variance
v + s**2 (Welton 2009, doi:10.1111/j.1467-985X.2008.00548.x, with the mean of the bias set to none). The standard
deviations by judgement are assumptions, on the log odds ratio's scale; they can be given, and should be varied.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from homing.ground.errors import StudyError
from homing.synthesis.checks import check_word
from homing.synthesis.effect import Effects

#: Assumed standard deviation of the bias of a log odds ratio, by judgement. None leaves the study out.
BIAS_SD: Mapping[str, float | None] = {
    "low": 0.0,
    "some concerns": 0.2,
    "moderate": 0.2,
    "no information": 0.5,
    "high": 0.5,
    "serious": 0.7,
    "critical": None,
}
#: From the best to the worst.
ORDER = ("low", "some concerns", "moderate", "no information", "high", "serious", "critical")


def at_most(effects: Effects, judgements: Sequence[str], worst: str) -> Effects:
    """The effects of studies judged no worse than `worst`, in their order; a note names how many are left out.

    Raises: StudyError for an unknown judgement or where none is left.
    """
    _check(effects, judgements, worst)
    keep = np.array([ORDER.index(j) <= ORDER.index(worst) for j in judgements])
    return _kept(effects, keep, f"left out for a risk of bias above '{worst}'")


def discounted(effects: Effects, judgements: Sequence[str], sd: Mapping[str, float | None] | None = None) -> Effects:
    """The effects with variances that hold the possible bias of each; those without a standard deviation are left out.

    Raises: StudyError for an unknown judgement, or where no study is left.
    """
    by = {**BIAS_SD, **(sd or {})}
    _check(effects, judgements, *by)
    spread = [by[j] for j in judgements]
    if not all(s is None or 0 <= s < np.inf for s in by.values()):
        raise StudyError("the standard deviation of a bias must be 0 or more.")
    keep = np.array([s is not None for s in spread])
    added = np.array([s or 0.0 for s in spread]) ** 2
    notes = (*effects.notes, "variances hold an assumed bias by each study's risk of it")
    inflated = replace(effects, variance=effects.variance + added, notes=notes)
    return _kept(inflated, keep, "left out for a critical risk of bias")


def _check(effects: Effects, judgements: Sequence[str], *more: str) -> None:
    if len(judgements) != len(effects):
        raise StudyError(f"{len(judgements)} judgements are given for {len(effects)} studies.")
    for judgement in (*judgements, *more):
        check_word(judgement, ORDER, "is no judgement of the risk of bias")


def _kept(effects: Effects, keep: np.ndarray, why: str) -> Effects:
    if not keep.any():
        raise StudyError(f"no study is left: all are {why}.")
    if keep.all():
        return effects
    gone = int((~keep).sum())
    return Effects(
        effects.measure,
        effects.estimate[keep],
        effects.variance[keep],
        tuple(k for k, here in zip(effects.kept, keep, strict=True) if here),
        (*effects.notes, f"{gone} {'study' if gone == 1 else 'studies'} {why}"),
    )
