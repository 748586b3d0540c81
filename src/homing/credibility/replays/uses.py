"""What a published result was used for: to calibrate, or held out to be predicted."""

from __future__ import annotations

from homing.credibility.replays.content import Use
from homing.credibility.split import row_sets
from homing.ground.errors import EvidenceError


def use_of(trial: str, arm: str, endpoint: str, week: float, said: Use | None, where: str = "") -> Use:
    """What the files of catalogue/calibration/ say of one row; what is `said` where none of them names it.

    Raises: EvidenceError at `where` for a word that contradicts those files.
    """
    for found in row_sets():
        if any((r.trial, r.arm, r.endpoint, r.week) == (trial, arm, endpoint, week) for r in found.rows):
            named: Use = "calibration" if found.set == "calibration" else "held out"
            if said not in (None, named):
                row = f"{trial}, {arm}, {endpoint}, week {week:g}"
                text = (
                    f"'used for: {said}' contradicts catalogue/calibration/{found.key}.yaml, where '{row}' is {named}"
                )
                raise EvidenceError(f"{text}; leave it out, it is read there.", where)
            return named
    return said or "neither"
