"""Variance terms of mixed models: how effects of one group vary together, in metafor's structures."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import StudyError
from homing.synthesis.checks import check_word, same_label

Array = NDArray[np.float64]
Structure = Literal["CS", "HCS", "UN", "AR", "HAR", "CAR", "DIAG", "ID"]
STRUCTURES: tuple[Structure, ...] = ("CS", "HCS", "UN", "AR", "HAR", "CAR", "DIAG", "ID")


@dataclass(frozen=True)
class Term:
    """A variance on top of sampling: how effects of one `outer` group vary over `inner` levels.

    Without `inner` a shared value for each group (a random intercept). `structure` as in metafor: CS one variance and
    one correlation, HCS variances by level, UN everything free, AR and HAR autoregressive in the order of levels, CAR
    in the distance of numeric levels, DIAG variances by level without correlation, ID one variance. `rho` fixes it.
    Labels may be anything that hashes, such as pairs. Raises: StudyError for an unknown structure, other lengths, or a
    correlation that no covariance of so many levels has.
    """

    outer: tuple[Any, ...]
    inner: tuple[Any, ...] = ()
    structure: Structure = "CS"
    rho: float | None = None

    def __post_init__(self) -> None:
        check_word(self.structure, STRUCTURES, "is no structure")
        if self.inner and len(self.inner) != len(self.outer):
            raise StudyError(f"{len(self.inner)} inner levels for {len(self.outer)} effects.")
        if self.rho is not None:
            n = max(len(self.levels), 2)
            lowest = 0.0 if self.structure == "CAR" else -1.0 if self.structure in ("AR", "HAR") else -1 / (n - 1)
            if not lowest <= self.rho <= 1:
                raise StudyError(f"this correlation must be between {lowest:g} and 1, and is {self.rho:g}.")

    @property
    def levels(self) -> list[Any]:
        """The inner levels in order."""
        return sorted(set(self.inner))

    @property
    def variances(self) -> int:
        """How many variances are estimated."""
        return len(self.levels) if self.inner and self.structure in ("HCS", "UN", "HAR", "DIAG") else 1

    @property
    def correlations(self) -> int:
        """How many correlations are estimated."""
        if not self.inner or self.rho is not None or self.structure in ("DIAG", "ID"):
            return 0
        n = len(self.levels)
        return n * (n - 1) // 2 if self.structure == "UN" else 1

    def matrix(self, theta: Array) -> Array:
        """The covariance (effect, effect) at unbounded parameters: log variances, then transformed correlations."""
        same = same_label(self.outer).astype(float)
        if not self.inner:
            return same * math.exp(theta[0])
        between, _, _ = self.parts(theta)
        position = {level: i for i, level in enumerate(self.levels)}
        where = [position[level] for level in self.inner]
        return same * between[np.ix_(where, where)]

    def parts(self, theta: Array) -> tuple[Array, Array, Array]:
        """The covariance of the levels, their variances and the correlations."""
        n = max(len(self.levels), 1)
        variances = np.exp(theta[: self.variances])
        spread = np.sqrt(np.broadcast_to(variances, n) if self.variances == 1 else variances)
        free = theta[self.variances : self.variances + self.correlations]
        correlation, rho = self._correlation(n, free)
        return correlation * np.outer(spread, spread), variances, rho

    def _correlation(self, n: int, free: Array) -> tuple[Array, Array]:
        if self.structure in ("DIAG", "ID") or not self.inner:
            return np.eye(n), np.empty(0)
        if self.structure == "UN" and self.rho is None:
            return _unstructured(n, free)
        if self.rho is not None:
            rho = self.rho
        elif self.structure in ("CS", "HCS"):  # positive definite for n levels: above -1/(n - 1)
            low = -1 / (n - 1) if n > 1 else -1.0
            rho = low + (1 - low) / (1 + math.exp(-free[0]))
        elif self.structure == "CAR":
            rho = 1 / (1 + math.exp(-free[0]))
        else:
            rho = math.tanh(free[0])
        if self.structure in ("AR", "HAR"):
            return rho ** np.abs(np.subtract.outer(np.arange(n), np.arange(n))).astype(float), np.array([rho])
        if self.structure == "CAR":
            at = np.array(self.levels, dtype=float)
            return rho ** np.abs(np.subtract.outer(at, at)), np.array([rho])
        return np.where(np.eye(n) > 0, 1.0, rho), np.array([rho])


def _unstructured(n: int, free: Array) -> tuple[Array, Array]:
    """A correlation matrix from partial correlations on the Cholesky factor's rows."""
    factor, used = np.zeros((n, n)), 0
    for i in range(n):
        left = 1.0
        for j in range(i):
            z = math.tanh(free[used])
            factor[i, j], used = z * math.sqrt(left), used + 1
            left -= factor[i, j] ** 2
        factor[i, i] = math.sqrt(max(left, 0.0))
    correlation = factor @ factor.T
    return correlation, np.array([correlation[i, j] for j in range(n) for i in range(j + 1, n)])
