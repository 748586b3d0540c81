"""What a printed result was used for: to calibrate, or held out to be predicted."""

from __future__ import annotations

from homing.credibility.replays.content import Use
from homing.credibility.split import row_sets


def use_of(trial: str, arm: str, endpoint: str, week: float, default: Use) -> Use:
    """What the files of catalogue/calibration/ say of one row, or the default where none of them names it."""
    for found in row_sets():
        if any((r.trial, r.arm, r.endpoint, r.week) == (trial, arm, endpoint, week) for r in found.rows):
            return "calibration" if found.set == "calibration" else "held out"
    return default
