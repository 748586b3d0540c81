"""Simulation-based calibration: whether an inference finds, on average, what its data were made from.

For each replicate a parameter is drawn from the prior, data are simulated from it and inferred from; the rank of the
parameter among L posterior draws is then uniform on 0 to L when all is right (Talts and others 2018, arXiv:1804.06788).
Two readings: the chi-square of a histogram, and the difference of the ranks' distribution function from the uniform one
against a band that holds it everywhere at once (Saeilynoja, Buerkner and Vehtari 2022, doi:10.1007/s11222-022-10090-6,
whose chance is computed exactly, on the discrete ranks themselves).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.cache import key_of
from homing.ground.errors import StudyError
from homing.inference.draws import read_arrays, write_arrays

Array = NDArray[np.float64]
Ints = NDArray[np.int64]
#: Halvings of the logarithm of the level of each place of the simultaneous band.
_HALVINGS = 16
#: A bin of the histogram expects at least this many ranks.
_FEWEST_IN_BIN = 5
_MOST_BINS = 20
#: Of one family of parameters: how often a right inference is called wrong.
LEVEL = 0.01


@dataclass(frozen=True)
class Band:
    """Distribution function of ranks minus the uniform one: the `difference` at `share` (k,) of the ranks, its band."""

    share: Array
    difference: Array
    low: Array
    high: Array

    @property
    def held(self) -> bool:
        """Whether the difference is within its band everywhere."""
        return bool(np.all((self.difference >= self.low - 1e-12) & (self.difference <= self.high + 1e-12)))


@dataclass(frozen=True)
class Ranks:
    """Ranks (replicate, parameter) of the true values among `draws` posterior draws, from 0 to `draws`."""

    names: tuple[str, ...]
    ranks: Ints
    draws: int

    def histogram(self, name: str, bins: int | None = None) -> Ints:
        """Counts of ranks in bins of equal width; `bins` divides draws + 1 (by default the most up to 20 that do)."""
        count = self._bins() if bins is None else bins
        if count < 2 or (self.draws + 1) % count:
            raise StudyError(f"{count} bins don't divide the {self.draws + 1} possible ranks equally. Choose others.")
        return np.bincount(self._of(name) * count // (self.draws + 1), minlength=count)

    def chi_square(self, name: str, bins: int | None = None) -> float:
        """The p-value of the chi-square test that the ranks are uniform."""
        from scipy.stats import chisquare

        return float(chisquare(self.histogram(name, bins)).pvalue)

    def band(self, name: str, level: float = LEVEL) -> Band:
        """Difference from uniform ranks, with a band that a right inference leaves with probability `level` at most."""
        low, high = _band(len(self.ranks), self.draws, level)
        share = np.arange(1, self.draws + 1) / (self.draws + 1)
        below = np.cumsum(np.bincount(self._of(name), minlength=self.draws + 1))[:-1] / len(self.ranks)
        return Band(share, below - share, low / len(self.ranks) - share, high / len(self.ranks) - share)

    def failing(self, level: float = LEVEL) -> tuple[str, ...]:
        """The parameters outside their band or with too small a chi-square p-value.

        `level` is divided by the number of readings, two for each parameter (Bonferroni), so that a right inference has
        any of them with probability `level` at most, as far as its chi-squares go by their large-sample distribution;
        the bands' part of it is exact.
        """
        each = level / (2 * len(self.names))
        return tuple(n for n in self.names if not self.band(n, each).held or self.chi_square(n) < each)

    def _of(self, name: str) -> Ints:
        if name not in self.names:
            raise StudyError(f"'{name}' has no ranks; these have: {', '.join(self.names)}.")
        return self.ranks[:, self.names.index(name)]

    def _bins(self) -> int:
        most = min(_MOST_BINS, max(2, len(self.ranks) // _FEWEST_IN_BIN))
        found = [b for b in range(most, 1, -1) if (self.draws + 1) % b == 0]
        if not found:
            raise StudyError(f"no bins up to {most} divide the {self.draws + 1} possible ranks. Take 99 draws, say.")
        return found[0]


def rank_check(
    draw_prior: Callable[[np.random.Generator], Mapping[str, float]],
    simulate: Callable[[np.random.Generator, Mapping[str, float]], Any],
    infer: Callable[[int, Any], Mapping[str, ArrayLike]],
    seed: int,
    *,
    replicates: int = 200,
    draws: int = 99,
    folder: Path | None = None,
    progress: Callable[[int, int], None] | None = None,
    version: str = "",
) -> Ranks:
    """Run the replicates.

    Arguments: `draw_prior(rng)` the parameters by name; `simulate(rng, parameters)` data; `infer(seed, data)` draws
    (m,) by the same names, m at least `draws`, of which `draws` are taken evenly (more when correlated);
    `folder` keeps what is done, found again for the same seed, draws and `version` (name the model in it);
    `progress(done, replicates)`. A replicate depends on (seed, its number) alone, so more can be added later.
    Raises: StudyError where draws are too few or a name is missing.
    """
    file = folder / f"ranks-{key_of(seed, draws, version)}.npz" if folder else None
    names, done = _kept(file)
    for i in range(len(done), replicates):
        rng = np.random.default_rng([seed, i])
        truth = draw_prior(rng)
        drawn = infer(int(rng.integers(2**31)), simulate(rng, truth))
        names = tuple(truth)
        done.append([_rank(rng, name, truth[name], drawn, draws) for name in names])
        if file:
            write_arrays(file, {"names": list(names)}, {"ranks": np.array(done, dtype=np.int64)})
        if progress:
            progress(i + 1, replicates)
    return Ranks(names, np.array(done[:replicates], dtype=np.int64), draws)


def _rank(rng: np.random.Generator, name: str, truth: float, drawn: Mapping[str, ArrayLike], draws: int) -> int:
    """How many of the thinned draws are below the truth; ties, as of counts, are broken by chance."""
    if name not in drawn:
        raise StudyError(f"the inference gives no draws of '{name}'; it gives {', '.join(drawn)}.")
    x = np.asarray(drawn[name], dtype=float).ravel()
    if len(x) < draws:
        raise StudyError(f"the inference gives {len(x)} draws of '{name}', and ranks among {draws} are asked for.")
    chosen = x[np.linspace(0, len(x) - 1, draws).round().astype(int)]
    return int((chosen < truth).sum() + rng.integers(int((chosen == truth).sum()) + 1))


def _kept(file: Path | None) -> tuple[tuple[str, ...], list[Sequence[int]]]:
    if file is None or not file.exists():
        return (), []
    try:
        about, arrays = read_arrays(file)
    except StudyError:
        return (), []
    names, ranks = about.get("names"), arrays.get("ranks")
    if not isinstance(names, list) or ranks is None or ranks.ndim != 2 or ranks.shape[1] != len(names):
        return (), []
    return tuple(names), ranks.tolist()


@lru_cache(maxsize=16)
def _band(replicates: int, draws: int, level: float) -> tuple[Array, Array]:
    """The lowest and highest counts of ranks below each of 1..draws, left with probability `level` altogether at most.

    Each place has the two-sided binomial interval of one level: the highest, to within the halvings, at which the
    exact chance to leave any is small enough. At `level` by the number of places that is certain (Bonferroni).
    """
    low, high = math.log(level / draws), math.log(level)
    for _ in range(_HALVINGS):
        middle = (low + high) / 2
        if _leaves(*_intervals(replicates, draws, math.exp(middle)), replicates) <= level:
            low = middle
        else:
            high = middle
    bottom, top = _intervals(replicates, draws, math.exp(low))
    return bottom.astype(float), top.astype(float)


def _intervals(replicates: int, draws: int, level: float) -> tuple[Ints, Ints]:
    """The counts (place,) that a binomial goes below, or above, with probability level / 2 at most each."""
    from scipy.stats import binom

    share = np.arange(1, draws + 1) / (draws + 1)
    low, high = binom.ppf(level / 2, replicates, share), binom.isf(level / 2, replicates, share)
    return low.astype(np.int64), high.astype(np.int64)


def _leaves(low: Ints, high: Ints, replicates: int) -> float:
    """The probability that uniform ranks leave the band at any place.

    From place to place the count is a Markov chain: of the ranks that are not below this place, each is below the next
    with the same chance.
    """
    from scipy.stats import binom

    places = len(low) + 1
    counts, chances = np.zeros(1, dtype=np.int64), np.ones(1)
    for k, (bottom, top) in enumerate(zip(low, high, strict=True)):
        following = np.arange(bottom, top + 1)
        steps = binom.pmf(following - counts[:, None], replicates - counts[:, None], 1 / (places - k))
        counts, chances = following, chances @ steps
    return 1 - float(chances.sum())
