"""What would be said of a hold-out without a model: three simple rules, each of which says only what it can.

A rule reads calibration rows that are like the one predicted: of the same endpoint, about the same visit, and the same
side (control or not), with the arms of one trial added up. Of those it takes the same kind of treatment, and any where
there is none; where too few are like it, it says nothing. Stretched, it then takes what is least unlike, where fewer
than FEWEST trials are alike: any visit, then any endpoint of which more is as good or bad, then either side; so that it
speaks of all that its domain has rows for.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from homing.credibility.split import EVENTS, HOW, Count, count, rows_of
from homing.evidence.store import Store
from homing.synthesis.bayes import Posterior, bayes_pool, bayes_proportions
from homing.synthesis.effect import effect_of_counts

Array = NDArray[np.float64]
#: A random-effects meta-analysis, predicting one more trial; the last trial repeated; the control with nothing added.
META, LAST, CONTROL = RULES = ("meta-analysis", "last trial", "control")
#: Visits are about the same up to this share of the time that is predicted.
APART = 0.25
#: Endpoints that stand for one another: closure of a fistula by a trial's own definition, as published meta-analyses
#: pool them and the model reads them; being without drugs, as cohorts that are well count who is treated again.
ALIKE = {"fistula-healing": "combined-remission", "drug-free-remission": "treatment-free"}
#: Fewer trials are not pooled.
FEWEST = 2


@dataclass(frozen=True)
class Pair:
    """The treated and the control arm of one controlled trial at one visit."""

    treated: Count
    control: Count


One = TypeVar("One", Count, Pair)


def what_rules_say(
    store: Store, domain: str, held: Sequence[Count], seed: int, n: int, *, stretched: bool = False
) -> list[dict[str, Array]]:
    """Draws (n,) of the share of each hold-out row, by the rules that say anything of it.

    Arguments: `held` all rows of a domain, so that the arms of one trial are known to be that; `stretched` whether a
    rule that says nothing of a row, since fewer than FEWEST trials are alike, takes what is least unlike.
    """
    known = told(calibration_counts(store, domain))
    alike = [_of_one(known, c, held, seed, n, False) for c in held]
    if not stretched:
        return alike
    further = [_of_one(known, c, held, seed, n, True) for c in held]
    return [{**wide, **near} for wide, near in zip(further, alike, strict=True)]


def calibration_counts(store: Store, domain: str) -> list[Count]:
    """The counts of a domain's calibration rows."""
    return [count(store, row) for row in rows_of("calibration", domain).rows]


def told(known: Sequence[Count]) -> list[Count]:
    """Calibration rows as counts that a rule can read: those that tell a course in steps are put together, too."""
    steps = [k for k in known if k.row.since is None]
    return [*steps, *_put_together(known), *_kept_and_gained(known)]


def _put_together(known: Sequence[Count]) -> Iterator[Count]:
    """The share of all by a later week, from shares of those still free; of as many as give Greenwood's variance."""
    for first in (k for k in known if k.row.since is None):
        course = [first]
        while following := [k for k in known if _follows(k, course[-1])]:
            course.append(following[0])
            happens = first.row.endpoint in EVENTS
            free = [1 - k.share if happens else k.share for k in course]
            left = float(np.prod(free))
            n = round((1 - left) / (left * sum((1 - s) / (s * k.n) for s, k in zip(free, course, strict=True))))
            row = replace(course[-1].row, since=None)
            yield replace(course[-1], row=row, events=round(n * (1 - left if happens else left)), n=n)


def _follows(later: Count, before: Count) -> bool:
    same = (later.row.trial, later.row.arm, later.row.endpoint) == (
        before.row.trial,
        before.row.arm,
        before.row.endpoint,
    )
    return same and later.row.since == before.row.week


def _kept_and_gained(known: Sequence[Count]) -> Iterator[Count]:
    """Those in remission at the later visit: who kept it and who came into it."""
    for kept, gained in itertools.product(known, known):
        same = (kept.row.trial, kept.row.arm, kept.row.week) == (gained.row.trial, gained.row.arm, gained.row.week)
        if same and (kept.row.how, gained.row.how) == ("kept", "gained"):
            row = replace(gained.row, how="binomial")
            yield replace(gained, row=row, events=kept.events + gained.events, n=kept.n + gained.n)


def _of_one(
    known: Sequence[Count], c: Count, held: Sequence[Count], seed: int, n: int, stretched: bool
) -> dict[str, Array]:
    """What each rule says of one row; a controlled trial is read from controlled trials where there are any."""
    found = {}
    controls, treated = (_like(known, c, control=side, stretched=stretched) for side in (True, False))
    if stretched and c.is_control and not controls:
        return _of_other_side(treated, c, seed, n)
    beside = any(o.row.trial == c.row.trial and o.is_control != c.is_control and _visit(o) == _visit(c) for o in held)
    pairs = _pairs(treated, controls) if beside else []
    pooled = _pooled(controls)
    if pooled is not None:
        found[CONTROL] = expit(_logits(pooled, c, seed, n))
    kind = c if not c.is_control else next((o for o in held if o.row.trial == c.row.trial and not o.is_control), c)
    several = _of_kind(pairs, kind, FEWEST)
    if c.is_control:
        found |= {META: found[CONTROL]} if pooled is not None else {}
    elif pooled is not None and len(several) >= FEWEST:
        found[META] = expit(_logits(pooled, c, seed, n) + _logits(_pooled_effect(several), c, seed + 1, n))
    elif (alone := _pooled(_of_kind(treated, c, FEWEST))) is not None:
        found[META] = expit(_logits(alone, c, seed, n))
    last = _last(_of_kind(pairs, kind, 1))
    single = _last(controls if c.is_control else _of_kind(treated, c, 1))
    repeated = single if last is None else last.control if c.is_control else last.treated
    if repeated is not None:
        found[LAST] = _again(repeated, c, seed, n)
    return found


def _of_other_side(treated: Sequence[Count], c: Count, seed: int, n: int) -> dict[str, Array]:
    """What is said of a control arm from treated ones, where the domain has no other."""
    pooled, last = _pooled(treated), _last(treated)
    found = {} if pooled is None else {META: expit(_logits(pooled, c, seed, n))}
    return found | ({} if last is None else {LAST: _again(last, c, seed, n)})


def _like(known: Sequence[Count], wanted: Count, *, control: bool, stretched: bool = False) -> list[Count]:
    """One count a trial of what is like the wanted row on one side: at its nearest visit, arms added up.

    Stretched, where too few trials are: at any visit; where these are too few: of any endpoint that is as good or bad.
    """
    side = [k for k in known if k.is_control == control and _taken(k) == _taken(wanted)]
    same = [k for k in side if _endpoint(k) == _endpoint(wanted)]
    near = [k for k in same if abs(k.row.week - wanted.row.week) <= APART * wanted.row.week]
    if stretched:
        wide = [k for k in side if (k.row.endpoint in EVENTS) == (wanted.row.endpoint in EVENTS)]
        enough = (rows for rows in (near, same) if len({k.row.trial for k in rows}) >= FEWEST)
        near = next(enough, wide)
    found = []
    for trial in dict.fromkeys(k.row.trial for k in near):
        mine = [k for k in near if k.row.trial == trial]
        week = min((k.row.week for k in mine), key=lambda w: abs(w - wanted.row.week))
        arms = [k for k in mine if k.row.week == week]
        found.append(replace(arms[0], events=sum(k.events for k in arms), n=sum(k.n for k in arms)))
    return found


def _visit(c: Count) -> tuple[str, str, float]:
    return _endpoint(c), _taken(c), c.row.week


def _endpoint(c: Count) -> str:
    return ALIKE.get(c.row.endpoint, c.row.endpoint)


def _taken(c: Count) -> str:
    """How a row is taken: a share of all, of those who could keep it, of those who could gain it."""
    return c.row.how if c.row.how in ("kept", "gained") else "binomial"


def _pairs(treated: Sequence[Count], controls: Sequence[Count]) -> list[Pair]:
    """Both arms of each controlled trial at one visit."""
    return [Pair(a, b) for a in treated for b in controls if (a.row.trial, a.row.week) == (b.row.trial, b.row.week)]


def _of_kind(found: Sequence[One], wanted: Count, fewest: int) -> Sequence[One]:
    """Those whose treatment is of the wanted kind, or all where they are fewer than asked for."""
    kind = _treatment(wanted)
    same = [one for one in found if _treatment(one.treated if isinstance(one, Pair) else one) == kind]
    return same if len(same) >= fewest else found


def _treatment(c: Count) -> str:
    return c.trial.arms[c.row.arm].treatment


def _pooled(counts: Sequence[Count]) -> Posterior | None:
    """The pooled share; None of too few trials."""
    if len(counts) < FEWEST:
        return None
    return bayes_proportions([c.events for c in counts], [c.n for c in counts])


def _pooled_effect(pairs: Sequence[Pair]) -> Posterior:
    """The pooled logarithm of the odds ratio."""
    treated, controls = [p.treated for p in pairs], [p.control for p in pairs]
    (a, n1), (b, n2) = (([c.events for c in each], [c.n for c in each]) for each in (treated, controls))
    return bayes_pool(effect_of_counts(a, n1, b, n2, "odds-ratio", zeros="add-half"))


def _logits(posterior: Posterior, c: Count, seed: int, n: int) -> Array:
    """(n,) logits of one more trial's; the same random numbers for the arms of a visit, whose world is the same."""
    g = np.random.default_rng([seed, HOW.index(_taken(c))])
    at = g.choice(len(posterior.weights), n, p=posterior.weights)
    spread = np.sqrt(posterior.variances[at] + posterior.taus[at] ** 2)
    return np.asarray(posterior.means[at] + spread * g.standard_normal(n))


def _last(found: Sequence[One]) -> One | None:
    """That of the last trial, the larger one of a year."""
    if not found:
        return None

    def age(one: One) -> tuple[int, int]:
        c = one.treated if isinstance(one, Pair) else one
        return c.trial.year or 0, c.n

    return max(found, key=age)


def _again(repeated: Count, c: Count, seed: int, n: int) -> Array:
    """(n,) shares that repeat a count, given a uniform prior; nothing ties the chances of two arms or readings."""
    g = np.random.default_rng([seed + 5, int(c.is_control), HOW.index(_taken(c))])
    return g.beta(repeated.events + 1, repeated.n - repeated.events + 1, n)
