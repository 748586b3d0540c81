"""What the pictures are drawn from: studies, pooled effects, points. All values are on the scale of reading."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean
from homing.synthesis.effect import Effects
from homing.synthesis.pool import Pooled, Subgroups

Array = NDArray[np.float64]
JUDGEMENTS = ("low", "some concerns", "moderate", "unclear", "high", "serious", "critical", "no information")
#: What a record of risk of bias says besides its judgements.
_NO_DOMAIN = ("tool", "source", "because")


@dataclass(frozen=True)
class StudyRow:
    """One study of a forest plot: effect and interval (may be infinite), weight as a share of 1, counts of both arms.

    `bias` is the judgement (one of JUDGEMENTS) by domain, as `Trial.risk_of_bias` has it.
    """

    name: str
    estimate: float
    low: float
    high: float
    weight: float = math.nan
    events_1: float | None = None
    n_1: float | None = None
    events_2: float | None = None
    n_2: float | None = None
    group: str = ""
    bias: Mapping[str, str] = field(default_factory=dict)

    @property
    def judgements(self) -> dict[str, str]:
        """The judgement by domain, without tool, source and reason."""
        return {domain: said for domain, said in self.bias.items() if domain not in _NO_DOMAIN}


@dataclass(frozen=True)
class Summary:
    """A pooled effect with its interval and that of the next study (NaN where there is none), and heterogeneity."""

    estimate: float
    low: float
    high: float
    prediction_low: float = math.nan
    prediction_high: float = math.nan
    k: int = 0
    tau2: float = math.nan
    i2: float = math.nan
    q: float = math.nan
    q_p: float = math.nan
    p: float = math.nan
    level: float = 0.95


@dataclass(frozen=True)
class Between:
    """The test of whether subgroups differ: chi-squared, degrees of freedom, p."""

    q: float
    df: int
    p: float


@dataclass(frozen=True)
class Curve:
    """A line with its band, each (point,), at places `x`."""

    x: ArrayLike
    middle: ArrayLike
    low: ArrayLike
    high: ArrayLike
    level: float = 0.95


@dataclass(frozen=True)
class TimePoint:
    """What n patients of a study (or of an arm of it) had reached after so many weeks."""

    study: str
    week: float
    value: float
    n: float


@dataclass(frozen=True)
class Node:
    """A treatment of a network and the patients who had it."""

    name: str
    patients: float


@dataclass(frozen=True)
class Edge:
    """Two treatments, and how many studies compared them directly."""

    one: str
    other: str
    studies: int


@dataclass(frozen=True)
class MapCell:
    """The evidence on one endpoint of one treatment, from controlled studies or from uncontrolled ones."""

    endpoint: str
    treatment: str
    studies: int
    patients: float
    controlled: bool


def summary_of(pooled: Pooled, n: float | None = None) -> Summary:
    """A pooled effect of `synthesis.pool` on the scale of reading. `n` as in `synthesis.effect.natural`."""
    x = pooled.natural(n)
    ends = (x.estimate, x.low, x.high, x.prediction_low, x.prediction_high)
    return Summary(*ends, k=x.k, tau2=x.tau2, i2=x.i2, q=x.q, q_p=x.q_p, p=x.p, level=x.level)


def between_of(subgroups: Subgroups) -> Between:
    """The test between subgroups of `synthesis.pool`."""
    return Between(subgroups.q_between, subgroups.df, subgroups.p)


def rows_of(
    names: Sequence[str],
    effects: Effects,
    weights: ArrayLike | None = None,
    *,
    counts: Sequence[tuple[float, ...]] = (),
    groups: Sequence[str] = (),
    bias: Sequence[Mapping[str, str]] = (),
    level: float = 0.95,
    n: float | None = None,
) -> list[StudyRow]:
    """Rows of a forest plot from effects with normal intervals.

    Arguments: all (study,), in the order of the studies given, of which those of `effects.kept` get a row; `weights`
    of the kept ones only (`Pooled.weights`). `counts` are (events, n) or (events 1, n 1, events 2, n 2) of each.
    Raises: StudyError for lists of different lengths.
    """
    from scipy.special import ndtri

    most = max(effects.kept, default=-1) + 1
    for what, given in (("names", names), ("counts", counts), ("groups", groups), ("judgements of bias", bias)):
        if len(given) < most and (given or what == "names"):
            raise StudyError(f"{len(given)} {what} for {most} studies; give one each.")
    shares = np.full(len(effects), math.nan) if weights is None else np.asarray(weights, dtype=float)
    if shares.shape != (len(effects),):
        raise StudyError(f"{shares.size} weights for {len(effects)} effects; give one each.")
    half = float(ndtri(0.5 + level / 2)) * np.sqrt(effects.variance)
    ends = [effects.natural(x, n) for x in (effects.estimate, effects.estimate - half, effects.estimate + half)]
    return [
        StudyRow(
            names[k],
            *(float(ends[0][i]), float(ends[1][i]), float(ends[2][i]), float(shares[i])),
            *_four(counts[k] if counts else ()),
            group=groups[k] if groups else "",
            bias=bias[k] if bias else {},
        )
        for i, k in enumerate(effects.kept)
    ]


def _four(counts: tuple[float, ...]) -> tuple[float | None, float | None, float | None, float | None]:
    a, n_1, c, n_2 = (*counts, None, None, None, None)[:4]
    return a, n_1, c, n_2


def check_study(row: StudyRow) -> None:
    """Refuse a row that can't be: limits the wrong way round, impossible counts, unknown judgements."""
    if not row.name.strip():
        raise StudyError("a study has no name; give one to each.")
    if row.low > row.high or row.estimate < row.low or row.estimate > row.high:
        raise StudyError(f"{row.estimate:g} with limits {row.low:g} and {row.high:g} is no interval.", row.name)
    if row.weight < 0 or row.weight > 1 + 1e-9:
        raise StudyError(f"the weight is a share of 1, and {row.weight:g} is given.", row.name)
    for events, n in ((row.events_1, row.n_1), (row.events_2, row.n_2)):
        if (events is None) != (n is None):
            raise StudyError("events and patients go together; give both or none.", row.name)
        if events is not None and n is not None and not 0 <= events <= n:
            raise StudyError(f"{events:g} events of {n:g} patients can't be.", row.name)
    for domain, said in row.judgements.items():
        if said not in JUDGEMENTS:
            raise StudyError(f"'{said}' is no judgement of '{domain}'. {did_you_mean(said, JUDGEMENTS)}", row.name)


def check_summary(summary: Summary, where: str) -> None:
    """Refuse a pooled effect outside its own interval, or limits the wrong way round."""
    s = summary
    if not math.isfinite(s.estimate):
        raise StudyError("the pooled effect is not a finite number.", where)
    if not s.low <= s.estimate <= s.high or s.prediction_low > s.prediction_high:
        raise StudyError(f"{s.estimate:g} with limits {s.low:g} and {s.high:g} is no pooled effect.", where)
    if not 0 < s.level < 1:
        raise StudyError(f"the level must be between 0 and 1, such as 0.95, and is {s.level:g}.", where)


def numbers(what: str, values: ArrayLike, k: int | None = None, *, positive: bool = False) -> Array:
    """Values as an array of k finite numbers. Raises StudyError saying what is wrong with `what`."""
    try:
        found = np.atleast_1d(np.asarray(values, dtype=float))
    except (TypeError, ValueError) as e:
        raise StudyError("these must be numbers.", what) from e
    if found.ndim != 1 or (k is not None and len(found) != k):
        raise StudyError(f"{found.size} values where there are {k} studies; give one each.", what)
    if not len(found):
        raise StudyError("there is nothing to draw; give one value at least.", what)
    if not np.isfinite(found).all() or (positive and not (found > 0).all()):
        raise StudyError(f"each must be a finite number{' above 0' if positive else ''}.", what)
    return found
