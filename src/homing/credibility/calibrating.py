"""The whole of `homing calibrate`: fit, check, predict what was held out, and write it down."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from homing.credibility.calibration.design import Progress
from homing.credibility.calibration.posterior_files import SHIPPED
from homing.credibility.calibration.rank_check import check_ranks
from homing.credibility.calibration.run import FULL, Calibration, Effort, calibrate, parameters
from homing.credibility.emulation import emulation_at_draws
from homing.credibility.files import Beside, take_folder, write_calibration
from homing.credibility.kinetic_hold_outs import kinetic_hold_outs
from homing.credibility.other_priors import under_other_priors
from homing.credibility.predicting import donor_predictions, fistula_predictions, luminal_predictions
from homing.credibility.predictive_checks import PATIENTS, predictive_checks
from homing.credibility.scoring import Verdict, judge
from homing.evidence.store import load_store
from homing.inference.sampling import backend


@dataclass(frozen=True)
class Calibrated:
    """A finished calibration with the verdict on the hold-outs, its checks, and the ranks where they were asked for."""

    calibration: Calibration
    verdict: Verdict
    beside: Beside
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
    finished. Raises: HomingError without numpyro, StudyError where `out` can't be written, or
    holds the results of other settings.
    """
    backend()  # without it nothing is begun, and no folder made
    take_folder(out, effort, seed)
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
    kinetic = kinetic_hold_outs(store, seed, threads)
    progress("predict", 1, 1)
    draws = {p.factor.key: p.draws for p in parameters(found, SHIPPED)}
    patients = min(PATIENTS, effort.fistula_patients)
    checks = predictive_checks(
        draws, store, seed, draws=effort.checked, patients=patients, threads=threads, progress=progress
    )
    emulated = emulation_at_draws(found, effort.checked // 2, threads, progress)
    others = under_other_priors(found, store, progress)
    beside = Beside(kinetic, checks, emulated, others, ranks)
    write_calibration(found, verdict, beside, out)
    return Calibrated(found, verdict, beside, out)
