"""What measurements tell about parameters: the Fisher information, and the directions in which it is poor."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.engine.sensitivity import Sensitivities
from homing.ground.errors import StudyError

#: Standard deviation of a logarithm above which a direction counts as not identified: a factor of e either way.
UNKNOWN = 1.0
#: Share of a direction that a parameter must have to be named.
NAMED = 0.2
#: Information below this share of the largest is rounding, not information.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Error:
    """The error of one measured output: standard deviation `additive` + `proportional` times its value, combined as
    variances."""

    additive: float = 0.0
    proportional: float = 0.0

    def variance(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """The variance at these values. Raises: StudyError where it is 0."""
        found = self.additive**2 + (self.proportional * values) ** 2
        if (found <= 0).any():
            raise StudyError(
                "a measurement without error would tell everything: give an additive error, since an output is 0."
            )
        return found


@dataclass(frozen=True)
class Direction:
    """A combination of parameters. `weights` by parameter, of length 1; `sd` the standard deviation of the logarithm
    along it that the measurements leave, infinite where they say nothing."""

    weights: Mapping[str, float]
    sd: float

    @property
    def words(self) -> str:
        """Which parameters trade off against each other, the largest first."""
        main = sorted(self.weights.items(), key=lambda pair: -abs(pair[1]))
        main = [(name, w) for name, w in main if abs(w) >= NAMED]
        lead = main[0][1]
        up = [name for name, w in main if w * lead > 0]
        down = [name for name, w in main if w * lead < 0]
        text = f"{' and '.join(up)} up"
        return f"{text} while {' and '.join(down)} down" if down else (up[0] if len(up) == 1 else f"{text} together")


@dataclass(frozen=True)
class Information:
    """The Fisher information of one patient's measurements, in logarithms of the parameters.

    `matrix` (parameter, parameter); `directions` from the best known to the worst.
    """

    parameters: tuple[str, ...]
    matrix: NDArray[np.float64]
    directions: tuple[Direction, ...]

    @property
    def standard_errors(self) -> NDArray[np.float64]:
        """(parameter,) relative standard error of each when all are estimated together; infinite where unknown."""
        weights = np.array([[d.weights[p] for p in self.parameters] for d in self.directions])
        spread = np.array([d.sd for d in self.directions])
        with np.errstate(invalid="ignore"):
            parts = np.where(np.abs(weights) > np.sqrt(_ROUNDING), weights**2 * spread[:, None] ** 2, 0.0)
        return np.sqrt(parts.sum(axis=0))

    @property
    def known(self) -> tuple[tuple[str, float, float], ...]:
        """Each parameter with the standard error of its logarithm: alone, where the others are known, and together,
        where all are estimated; the best known first."""
        with np.errstate(divide="ignore"):
            alone = 1 / np.sqrt(np.diag(self.matrix))
        found = zip(self.parameters, alone.tolist(), self.standard_errors.tolist(), strict=True)
        return tuple(sorted(found, key=lambda row: (row[2], row[1])))

    def sentences(self) -> list[str]:
        """What the measurements can and can't tell, in words."""
        good = [d for d in self.directions if d.sd < UNKNOWN]
        poor = [d for d in self.directions if d.sd >= UNKNOWN]
        lines = [f"{len(good)} of {len(self.directions)} directions are identified by these measurements."]
        lines += [f"Known to {100 * d.sd:.3g} %: {d.words}." for d in good]
        for d in poor:
            how = "Not told at all" if np.isinf(d.sd) else f"Hardly told (a factor of {np.exp(min(d.sd, 50.0)):.3g})"
            lines.append(f"{how}: {d.words}.")
        return lines


def fisher_information(slopes: Sensitivities, errors: Mapping[str, Error], patients: int = 1) -> Information:
    """The information of measuring outputs at all times of the sensitivities, in `patients` alike.

    Arguments: `errors` the error of each measured output (others are not measured).
    Raises: StudyError where nothing is measured or a measurement has no error.

    With independent normal errors whose variance does not carry information itself, the matrix is
    sum (d y/d log p)(d y/d log q) / variance.
    """
    if not errors:
        raise StudyError("nothing is measured. Name an output and its error.")
    total = np.zeros((len(slopes.parameters),) * 2)
    for output, error in errors.items():
        k = slopes.outputs.index(output)
        gradient = slopes.logarithmic[:, k, :]
        total += (gradient / error.variance(slopes.values[:, k])[:, None]).T @ gradient
    return information_of(slopes.parameters, total * patients)


def information_of(parameters: Sequence[str], matrix: NDArray[np.float64]) -> Information:
    """Information from its matrix (parameter, parameter), with its directions."""
    values, vectors = np.linalg.eigh((matrix + matrix.T) / 2)
    floor = _ROUNDING * max(values.max(), 0.0)
    directions = []
    for i in np.argsort(values)[::-1]:
        sd = 1 / np.sqrt(values[i]) if values[i] > floor else np.inf
        weights = dict(zip(parameters, vectors[:, i].tolist(), strict=True))
        directions.append(Direction(weights, float(sd)))
    return Information(tuple(parameters), matrix, tuple(directions))
