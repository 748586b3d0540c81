"""The whole of `homing calibrate`: fit, check, predict what was held out, and write it down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homing.credibility.calibration.design import Progress
from homing.credibility.calibration.rank_check import check_ranks
from homing.credibility.calibration.run import FULL, Calibration, Effort, calibrate
from homing.credibility.files import write_calibration
from homing.credibility.predicting import donor_predictions, fistula_predictions, luminal_predictions
from homing.credibility.scoring import Verdict, judge
from homing.evidence.store import load_store
from homing.inference.rank_checks import Ranks


@dataclass(frozen=True)
class Calibrated:
    """A finished calibration with the verdict on the hold-outs, and the ranks where they were asked for."""

    calibration: Calibration
    verdict: Verdict
    ranks: Ranks | None
    folder: Path


def calibrate_and_judge(
    out: Path,
    effort: Effort = FULL,
    *,
    seed: int = 2019,
    threads: int = 1,
    replicates: int = 0,
    progress: Progress = lambda step, done, total: None,
) -> Calibrated:
    """Calibrate, check ranks in `replicates` replicates, predict and score the hold-outs, and write all of it to `out`.

    Stopped, it goes on from what `out` holds of the same settings. The hold-outs are opened only when the draws are
    finished. Raises: HomingError without numpyro, StudyError where `out` can't be written.
    """
    found = calibrate(out, effort, seed, threads, progress)
    ranks = check_ranks(out, effort, replicates, seed, threads, progress) if replicates else None
    store = load_store()
    progress("predict", 0, 1)
    predicted = [
        *fistula_predictions(found, store),
        *luminal_predictions(found, store),
        *donor_predictions(found, store),
    ]
    verdict = judge(predicted)
    progress("predict", 1, 1)
    write_calibration(found, verdict, ranks, out)
    return Calibrated(found, verdict, ranks, out)
