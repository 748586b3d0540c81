"""Whether chains have mixed: rank-normalised split R-hat, bulk and tail effective sample size, on numpy alone.

After Vehtari, Gelman, Simpson, Carpenter and Buerkner 2021, doi:10.1214/20-BA1221. Draws have the shape (chain, draw).
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
#: The fewest draws of a chain from which half a chain has a variance and an autocovariance.
FEWEST_DRAWS = 4


def split(draws: Array) -> Array:
    """Each chain as two halves, (2 chain, draw // 2); of an odd number the middle draw is left out."""
    half = draws.shape[1] // 2
    return np.concatenate([draws[:, :half], draws[:, -half:]])


def rank_normal(draws: Array) -> Array:
    """Draws as the normal scores of their ranks over all chains, ties at their mean rank (equation 14)."""
    from scipy.special import ndtri
    from scipy.stats import rankdata

    return np.asarray(ndtri((rankdata(draws).reshape(draws.shape) - 0.375) / (draws.size + 0.25)))


def plain_rhat(draws: Array) -> float:
    """R-hat of chains as they are: sqrt of pooled over within-chain variance. NaN for constants."""
    n = draws.shape[1]
    within, between = float(draws.var(axis=1, ddof=1).mean()), float(draws.mean(axis=1).var(ddof=1))
    if within == 0:
        return float("nan") if between == 0 else float("inf")
    return float(np.sqrt((n - 1) / n + between / within))


def rhat(draws: Array) -> float:
    """The larger of the rank-normalised split R-hats of the draws and of their distances from the median."""
    folded = np.abs(draws - np.median(draws))
    return max(plain_rhat(rank_normal(split(draws))), plain_rhat(rank_normal(split(folded))))


def plain_ess(draws: Array) -> float:
    """The effective number of draws of their mean, by Geyer's initial monotone sequence (equations 10-11).

    It is at most (number of draws) log10(number of draws): antithetic chains beat independent ones, but not without
    end. NaN for constants.
    """
    chains, n = draws.shape
    covariance = _autocovariances(draws)
    within = float(covariance[:, 0].mean()) * n / (n - 1)
    pooled = within * (n - 1) / n + (float(draws.mean(axis=1).var(ddof=1)) if chains > 1 else 0.0)
    if pooled == 0:
        return float("nan")
    rho = 1 - (within - covariance.mean(axis=0) * n / (n - 1)) / pooled
    rho[0] = 1.0
    pairs = rho[: n // 2 * 2].reshape(-1, 2).sum(axis=1)
    ended = np.flatnonzero(pairs <= 0)
    kept = np.minimum.accumulate(pairs[: ended[0] if len(ended) else len(pairs)])
    time = max(2 * float(kept.sum()) - 1, 1 / np.log10(draws.size))
    return draws.size / time


def bulk_ess(draws: Array) -> float:
    """The effective number of draws in the middle of the distribution."""
    return plain_ess(rank_normal(split(draws)))


def tail_ess(draws: Array) -> float:
    """The smaller of the effective numbers of draws of the 5 % and the 95 % quantile."""
    found = [plain_ess(split((draws <= np.quantile(draws, p)).astype(float))) for p in (0.05, 0.95)]
    return min(found)


def _autocovariances(draws: Array) -> Array:
    """Autocovariances of each chain at lags 0 to n - 1, (chain, lag), by the Fourier transform."""
    n = draws.shape[1]
    centred = draws - draws.mean(axis=1, keepdims=True)
    power = np.abs(np.fft.rfft(centred, 2 * n, axis=1)) ** 2
    return np.asarray(np.fft.irfft(power, axis=1)[:, :n] / n)
