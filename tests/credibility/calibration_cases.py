"""What tests of calibration share: a surface in place of simulated cohorts, made of a formula that is known."""

from __future__ import annotations

import functools

import numpy as np
from scipy.special import expit

from homing.credibility.calibration import fistula
from homing.credibility.calibration.data import FistulaData, fistula_data
from homing.credibility.calibration.design import Design
from homing.credibility.calibration.surface import Surface
from homing.credibility.calibration.unknowns import unknowns
from homing.credibility.split import sealed
from homing.evidence.store import load_store
from homing.inference.emulator import sobol_design

PATIENTS, POINTS, SEED = 20_000, 64, 7
#: Cells for half of the effect in the formula.
HALF = 2e7


def formula(output: fistula.Output, x: np.ndarray) -> np.ndarray:
    """Logits (...,) of an output at logarithms (..., 4) of closing, effect, reopening and half-dose."""
    doses = fistula.regimens()[output.regimen].courses
    cells = sum(course.dose.number for course in doses)
    closing, effect, reopening, half = np.moveaxis(x, -1, 0)
    share = cells / (cells + HALF * np.exp(half))
    gain = 2 * share / (1 + np.exp(-(effect + 1.0)))
    lost = 0.5 * np.exp(0.5 * reopening) * min(output.week, 52) / 52
    start = {"binomial": -0.4, "kept": 1.5, "gained": -1.0}[output.how]
    return start + 0.8 * closing + gain - lost


@functools.lru_cache(maxsize=1)
def design() -> Design:
    """The formula over the real box of the unknowns, with counts that are as near to it as whole patients allow."""
    known, outputs = unknowns(fistula.DOMAIN), fistula.all_outputs()
    points = sobol_design(known.low, known.high, POINTS, SEED)
    shares = np.stack([expit(formula(output, points)) for output in outputs], axis=1)
    events = np.rint(PATIENTS * shares).astype(np.int64)
    return Design(known, tuple(o.key for o in outputs), points, events, np.full_like(events, PATIENTS))


@functools.lru_cache(maxsize=1)
def surface() -> Surface:
    """Emulators of the formula."""
    return Surface(design().outputs, design().emulators())


@functools.lru_cache(maxsize=1)
def tract() -> FistulaData:
    """The real calibration rows, in the order of the surface's outputs."""
    return fistula_data(sealed(load_store()), "calibration", surface().outputs)
