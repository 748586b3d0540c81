"""The emulators held against the simulator where it matters: at draws of the posterior, not of the design."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from homing.credibility.calibration import fistula, luminal
from homing.credibility.calibration.design import Progress, Simulate, run_points
from homing.credibility.calibration.posterior_files import thinned
from homing.credibility.calibration.run import Calibration, Fit, model_hash, parameters

#: Draws of the posterior at which every output is simulated.
DRAWS = 20


def emulation_at_draws(
    found: Calibration, draws: int = DRAWS, threads: int = 1, progress: Progress = lambda step, done, total: None
) -> dict[str, dict[str, dict[str, float]]]:
    """By domain and output: root mean square and largest error of the emulators, in points of a share.

    The cohorts are the design's own patients, so that the difference is the emulator's error and not chance; draws
    beyond the box of the design are simulated where they are and emulated at its edge, as the fit does.
    """
    effort, seed = found.effort, found.seed
    outputs = fistula.all_outputs()
    cohorts = fistula.cohorts(effort.fistula_patients, seed, threads)
    runs: Mapping[str, tuple[Fit, Simulate, int]] = {
        fistula.DOMAIN: (found.fistula, lambda changes: cohorts.events(changes, outputs), effort.fistula_patients),
        luminal.DOMAIN: (
            found.luminal,
            lambda changes: luminal.simulate(changes, effort.luminal_patients, seed, threads),
            effort.luminal_patients,
        ),
    }
    columns = {p.factor.key: np.log(p.draws) for p in parameters(found, draws)}
    told = {}
    for domain, (fit, simulate, patients) in runs.items():
        points = np.stack([columns[key] for key in fit.unknowns.factors], axis=1)
        points = points[thinned(len(points), draws)]
        settings: dict[str, Any] = {"at": hashlib.sha256(points.tobytes()).hexdigest(), "patients": patients}
        settings |= {"model": model_hash(), "seed": seed}
        design = run_points(
            fit.unknowns, fit.surface.outputs, simulate, points, settings, found.folder / "designs", progress
        )
        emulated = expit([fit.surface.at(points, np.full(len(points), i)) for i in range(len(fit.surface.outputs))])
        told[domain] = errors(fit.surface.outputs, emulated.T, design.events / np.maximum(design.patients, 1))
    return told


def errors(
    outputs: tuple[str, ...], emulated: NDArray[np.float64], simulated: NDArray[np.float64]
) -> dict[str, dict[str, float]]:
    """Errors by output, in points of a share, from emulated and simulated shares (draw, output).

    Example:
        >>> errors(("a",), np.array([[0.5], [0.5]]), np.array([[0.47], [0.54]]))
        {'a': {'error in points': 3.536, 'largest': 4.0}}
    """
    apart = 100 * (emulated - simulated)
    return {
        name: {
            "error in points": float(f"{np.sqrt(np.mean(apart[:, i] ** 2)):.4g}"),
            "largest": float(f"{np.abs(apart[:, i]).max():.4g}"),
        }
        for i, name in enumerate(outputs)
    }
