"""Which patients benefit from which candidate: halves of the patients, and a rule judged in patients unseen.

Looking at many features finds differences by chance. So each difference has a p-value adjusted for all that were
looked at (by dealing the feature to the patients anew), and a rule found in one half of the patients is judged in the
other half, against giving everyone what was best for all in the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from homing.ground.keys import uniforms
from homing.ground.proportions import paired_difference

Array = NDArray[np.float64]
#: A group that a rule tells apart holds this share of the patients at least.
SMALLEST_GROUP = 0.1
#: Where a rule may cut a feature, as quantiles.
CUTS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)
SHUFFLES = 500


@dataclass(frozen=True)
class Half:
    """A gain in the patients below and above a cut of a feature; `low_gain` and `high_gain` are value, low, high.

    `apart` is the gain above minus the gain below, with its interval; `p` is adjusted for all that were looked at.
    """

    feature: str
    gain: int
    cut: float
    n_low: int
    n_high: int
    low_gain: tuple[float, float, float]
    high_gain: tuple[float, float, float]
    apart: tuple[float, float, float]
    p: float


def halves(gains: Array, features: Mapping[str, Array], seed: int, shuffles: int = SHUFFLES) -> list[Half]:
    """Every gain in the patients below and above the median of every feature.

    Arguments: `gains` (gain, patient): a candidate's outcome minus the reference's; `features` name to (patient,); one
    with two values only is cut between them. Features that split off fewer than a tenth are left out.
    """
    whole = np.isfinite(gains).all(axis=0)
    gains = gains[:, whole]
    found = []
    cuts: dict[str, tuple[float, NDArray[np.bool_]]] = {}
    for name, column in features.items():
        values = np.asarray(column)[whole]
        cut = _cut(values)
        above = values > cut
        if gains.shape[1] and SMALLEST_GROUP <= above.mean() <= 1 - SMALLEST_GROUP:
            cuts[name] = (cut, above)
    largest = _largest_by_chance(gains, [above for _, above in cuts.values()], seed, shuffles)
    for name, (cut, above) in cuts.items():
        for k, gain in enumerate(gains):
            apart, error = _apart(gain, above)
            seen = abs(apart) / error if error > 0 else 0.0
            p = (1 + float((largest >= seen - 1e-12).sum())) / (1 + len(largest))
            ends = (apart - 1.959964 * error, apart + 1.959964 * error)
            sides = [_mean(gain[~above]), _mean(gain[above])]
            found.append(
                Half(name, k, cut, int((~above).sum()), int(above.sum()), sides[0], sides[1], (apart, *ends), p)
            )
    return found


def _cut(values: Array) -> float:
    known = np.unique(values[np.isfinite(values)])
    if len(known) == 2:
        return float(known.mean())
    return float(np.median(values)) if len(known) else 0.0


def _mean(values: Array) -> tuple[float, float, float]:
    return paired_difference(values, np.zeros_like(values))


def _apart(gain: Array, above: NDArray[np.bool_]) -> tuple[float, float]:
    """The difference of mean gains and its standard error."""
    a, b = gain[above], gain[~above]
    return float(a.mean() - b.mean()), float(np.sqrt(a.var(ddof=1) / len(a) + b.var(ddof=1) / len(b)))


def _largest_by_chance(gains: Array, groups: Sequence[NDArray[np.bool_]], seed: int, shuffles: int) -> Array:
    """(shuffle,) the largest |difference|/error over all gains and groups when patients are dealt anew."""
    if not groups or not gains.shape[1]:
        return np.zeros(0)
    n = gains.shape[1]
    membership = np.array(groups, dtype=float)
    squares = gains**2
    out = np.zeros(shuffles)
    for s in range(shuffles):
        order = np.argsort(uniforms(seed, f"shuffle {s} of subgroups", np.arange(n))[:, 0])
        dealt = membership[:, order]
        n1 = dealt.sum(axis=1)[:, None]
        n0 = n - n1
        s1, q1 = dealt @ gains.T, dealt @ squares.T
        s0, q0 = gains.sum(axis=1) - s1, squares.sum(axis=1) - q1
        v1 = np.maximum(q1 / n1 - (s1 / n1) ** 2, 0) * n1 / (n1 - 1)
        v0 = np.maximum(q0 / n0 - (s0 / n0) ** 2, 0) * n0 / (n0 - 1)
        error = np.sqrt(v1 / n1 + v0 / n0)
        gap = np.abs(s1 / n1 - s0 / n0)
        out[s] = float(np.max(np.divide(gap, error, out=np.zeros_like(gap), where=error > 0)))
    return out


@dataclass(frozen=True)
class Rule:
    """'Candidate `above` where the feature is above the cut, else `below`', found in one half of the patients.

    `gain` is what following it adds over `for_all` in the other half: value, low, high. `feature` is '' where no rule
    did better than one candidate for all in the half that it was looked for in. `share_above` is over all patients.
    """

    feature: str
    cut: float
    below: int
    above: int
    for_all: int
    share_above: float
    gain: tuple[float, float, float]
    searched: int
    judged: int


def one_rule(outcomes: Array, features: Mapping[str, Array], seed: int) -> Rule:
    """The best rule with one cut of one feature, judged in patients it was not found in.

    Arguments: `outcomes` (candidate, patient), larger is better; `features` name to (patient,).
    """
    whole = np.isfinite(outcomes).all(axis=0)
    outcomes = outcomes[:, whole]
    columns = {name: np.asarray(column)[whole] for name, column in features.items()}
    n = outcomes.shape[1]
    first = uniforms(seed, "half in which a rule is looked for", np.arange(n))[:, 0] < 0.5
    search, judge = outcomes[:, first], outcomes[:, ~first]
    if not search.size or not judge.size:
        nothing = (float("nan"),) * 3
        return Rule("", 0.0, 0, 0, 0, 0.0, (nothing[0], nothing[1], nothing[2]), int(first.sum()), n - int(first.sum()))
    for_all = int(np.argmax(search.mean(axis=1)))
    best = (search.mean(axis=1)[for_all] + 1e-12, "", 0.0, for_all, for_all)
    for name, column in columns.items():
        for cut in _cuts(column[first]):
            above = column[first] > cut
            low, high = search[:, ~above].sum(axis=1), search[:, above].sum(axis=1)
            value = (low.max() + high.max()) / search.shape[1]
            if value > best[0]:
                best = (value, name, cut, int(np.argmax(low)), int(np.argmax(high)))
    _, feature, cut, below, above_ = best
    if not feature or below == above_:
        return Rule("", 0.0, for_all, for_all, for_all, 0.0, (0.0, 0.0, 0.0), int(first.sum()), judge.shape[1])
    is_above = columns[feature] > cut
    followed = np.where(is_above[~first], judge[above_], judge[below])
    gain = paired_difference(followed, judge[for_all])
    share = float(is_above.mean())
    return Rule(feature, cut, below, above_, for_all, share, gain, int(first.sum()), judge.shape[1])


def _cuts(values: Array) -> list[float]:
    known = np.unique(values[np.isfinite(values)])
    if len(known) == 2:
        return [float(known.mean())]
    found = {float(np.quantile(values, q)) for q in CUTS} if len(known) else set()
    share = [(cut, float((values > cut).mean())) for cut in sorted(found)]
    return [cut for cut, above in share if SMALLEST_GROUP <= above <= 1 - SMALLEST_GROUP]
