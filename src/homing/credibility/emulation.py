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

Array = NDArray[np.float64]
#: Draws of the posterior at which every output is simulated.
DRAWS = 20


def emulation_at_draws(
    found: Calibration, draws: int = DRAWS, threads: int = 1, progress: Progress = lambda step, done, total: None
) -> dict[str, dict[str, dict[str, float]]]:
    """By domain and output: root mean square and largest error of the emulators, in points of a share (see `errors`).

    The cohorts are the design's own patients, so that the difference is the emulator's error and not chance. Draws
    beyond the box of the design are simulated where they are and emulated at its edge, as fit and predictions do.
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
        settings |= {"model": model_hash(), "seed": seed, "regimens": fistula.regimens_told()}
        design = run_points(
            fit.unknowns, fit.surface.outputs, simulate, points, settings, found.folder / "designs", progress
        )
        emulated = expit([fit.surface.at(points, np.full(len(points), i)) for i in range(len(fit.surface.outputs))])
        simulated = design.events / np.maximum(design.patients, 1)
        within = np.all((points >= fit.unknowns.low) & (points <= fit.unknowns.high), axis=1)
        told[domain] = errors(fit.surface.outputs, emulated.T, simulated, within)
    return told


def errors(
    outputs: tuple[str, ...], emulated: Array, simulated: Array, within: NDArray[np.bool_]
) -> dict[str, dict[str, float]]:
    """Errors by output, in points of a share, from emulated and simulated shares (draw, output).

    Arguments: `within` (draw,) whether a draw lies in the box of the design; root mean square and largest error are
    of these, `largest beyond` of the `beyond` others (0 where there are none).

    Example:
        >>> errors(("a",), np.array([[0.5], [0.5]]), np.array([[0.47], [0.54]]), np.array([True, True]))
        {'a': {'error in points': 3.536, 'largest': 4.0, 'beyond': 0, 'largest beyond': 0.0}}
    """
    apart = 100 * np.abs(emulated - simulated)
    return {
        name: {
            "error in points": _round(np.sqrt(np.mean(apart[within, i] ** 2)) if within.any() else 0.0),
            "largest": _round(apart[within, i].max(initial=0.0)),
            "beyond": int((~within).sum()),
            "largest beyond": _round(apart[~within, i].max(initial=0.0)),
        }
        for i, name in enumerate(outputs)
    }


def _round(x: float) -> float:
    return float(f"{x:.4g}")
