"""The whole of `homing calibrate`: fit, check, predict what was held out, and write it down."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from homing.credibility.calibration.design import Progress
from homing.credibility.calibration.posterior_files import SHIPPED
from homing.credibility.calibration.rank_check import check_ranks
from homing.credibility.calibration.run import FULL, Calibration, Effort, calibrate, parameters
from homing.credibility.emulation import emulation_at_draws
from homing.credibility.files import DIAGNOSTICS, Beside, take_folder, write_calibration
from homing.credibility.kinetic_hold_outs import kinetic_hold_outs
from homing.credibility.other_priors import under_other_priors
from homing.credibility.predicting import donor_predictions, fistula_predictions, luminal_predictions
from homing.credibility.predictive_checks import PATIENTS, predictive_checks
from homing.credibility.scoring import Verdict, judge
from homing.evidence.store import load_store
from homing.ground.errors import NumericsError
from homing.inference.draws import Offence
from homing.inference.sampling import backend

#: Offences in words.
_CALLED = {
    "rhat": "R-hat",
    "bulk": "bulk effective sample size",
    "tail": "tail effective sample size",
    "divergences": "divergences",
}


@dataclass(frozen=True)
class Calibrated:
    """A finished calibration with the verdict on the hold-outs, its checks, and the ranks where they were asked for."""

    calibration: Calibration
    verdict: Verdict
    beside: Beside
    folder: Path

    def must_have_converged(self) -> None:
        """Raise NumericsError, naming the worst of each domain, where draws don't keep to the limits of the effort."""
        effort = self.calibration.effort
        failing = [
            f"{domain} ({_worst(offences)})"
            for domain, fit in self.calibration.fits.items()
            if (offences := fit.draws.offences(limits=effort.limits))
        ]
        if failing:
            remedy = "Look at the emulators and priors there" if effort.rough else "Draw more, or look at what is named"
            raise NumericsError(
                f"the draws have not converged: {'; '.join(failing)}. {remedy}; they are no posterior to be used.",
                str(self.folder / DIAGNOSTICS),
            )


def _worst(offences: Sequence[Offence]) -> str:
    """The worst offence of each kind: the largest R-hat and number of divergences, the smallest sample sizes."""
    each = []
    for what in dict.fromkeys(o.what for o in offences):
        worse = min if what in ("bulk", "tail") else max
        each.append(worse((o for o in offences if o.what == what), key=lambda o: o.value))
    return ", ".join(f"{_CALLED[o.what]} {o.value:.4g} of {o.name}" for o in each)


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
