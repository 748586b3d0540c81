"""Covariates: what a patient has at baseline that the mechanism lacks, drawn through a Gaussian copula.

A file of catalogue/covariates/ has the key of its population and

    name: {en: ..., zh: ...}
    covariates:
      smoker: {distribution: bernoulli, centre: '0.27', basis: measured, source: ...}
      disease_duration: {distribution: lognormal, ..., never_above: age}     # cut at another one's value
      prior_anti_tnf: {distribution: bernoulli, with: anti_tnf_failure, ...}  # the same score: one holds the other
      external_openings: {distribution: levels, levels: {'1': 3, '2': 14}, ...}  # a value and how often it was seen
    correlations:
      - {between: [albumin, crp], rho: '-0.4', basis: assumed, because: ...}

`rho` is the correlation of the normal scores. Each pair joins a covariate of this file with another, with what the
population draws for every patient (`age`, `drug.pathway_dependence`), or with a marker of the model. What the
population draws is never drawn again: the scores of the file's covariates are drawn given it, so no patient of a study
that knows no covariates changes. Pairs that aren't named are independent given those that are.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from homing.evidence.catalogue import Entry, entry, names
from homing.evidence.values import Value
from homing.ground.errors import EvidenceError
from homing.ground.nearest import did_you_mean
from homing.patients.cohort import of_score, within
from homing.patients.population import Distribution, Population, population, read_distribution

Columns = Mapping[str, NDArray[np.float64]]
#: The covariates of a file, with the unit of their values.
UNITS: Mapping[str, str] = {
    "disease_duration": "year",
    "albumin": "g/L",
    "smoker": "1",
    "anti_tnf_failure": "1",
    "prior_anti_tnf": "1",
    "donor_antibody": "1",
    "fistula": "1",
    "internal_openings": "1",
    "external_openings": "1",
    "nod2": "1",
}
#: What every population draws for a patient's baseline.
OWN_UNITS: Mapping[str, str] = {"age": "year", "female": "1", "weight": "kg"}
#: What the model's state gives at week 0, by the key of its endpoint.
MARKERS = ("crp", "calprotectin", "cdai", "mayo", "pdai")
_PROVENANCE = ("range", "basis", "source", "at", "how", "because")


@dataclass(frozen=True)
class Covariate:
    """One covariate: its distribution, or values with shares (`levels`); see the module for the rest."""

    name: str
    unit: str
    distribution: Distribution | None
    levels: tuple[tuple[float, float], ...] = ()
    shares_score_with: str = ""
    never_above: str = ""
    how_known: Value | None = None


@dataclass(frozen=True)
class Correlation:
    """The correlation of the normal scores of two quantities."""

    between: tuple[str, str]
    rho: Value


@dataclass(frozen=True)
class Covariates:
    """The covariates of one population, in the order of their file, and the correlations named."""

    key: str
    name: Mapping[str, str]
    covariates: tuple[Covariate, ...]
    correlations: tuple[Correlation, ...]
    note: Mapping[str, str] = field(default_factory=dict)

    @property
    def drawn(self) -> tuple[str, ...]:
        """The covariates with a score of their own."""
        return tuple(c.name for c in self.covariates if not c.shares_score_with)

    @property
    def known(self) -> tuple[str, ...]:
        """What the named correlations join them with: the population's own draws, and markers."""
        joined = itertools.chain.from_iterable(c.between for c in self.correlations)
        return tuple(dict.fromkeys(name for name in joined if name not in self.drawn))


@functools.lru_cache(maxsize=32)
def covariates(key: str) -> Covariates:
    """The covariates of a population, by its key; none where the catalogue has no file of them.

    Raises: EvidenceError for a faulty file.

    Example:
        >>> covariates("uc-moderate-severe").drawn[:2]
        ('disease_duration', 'smoker')
    """
    found = population(key)
    if key not in names("covariates"):
        return Covariates(key, found.name, (), ())
    return read_covariates(entry("covariates", key), found)


def read_covariates(e: Entry, of: Population) -> Covariates:
    """Covariates from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    e.fields("name", "covariates", "correlations", "note", required=("name", "covariates"))
    found = tuple(_covariate(p) for p in e.parts("covariates"))
    known = [c.name for c in found]
    for part, one in zip(e.parts("covariates"), found, strict=True):
        for name in (one.shares_score_with, one.never_above):
            if name and name not in known and name not in of.distributions:
                raise EvidenceError(f"unknown covariate '{name}'. {did_you_mean(name, known)}", part.where)
    listed = tuple(_correlation(p, found, of) for p in e.parts("correlations"))
    pairs = [frozenset(c.between) for c in listed]
    for i, pair in enumerate(pairs):
        if pair in pairs[:i]:
            raise EvidenceError("this pair is named already.", e.part("correlations", i).where)
    whole = Covariates(
        e.key,
        e.both_languages("name"),
        found,
        listed,
        e.both_languages("note") if "note" in e.data else {},
    )
    try:
        conditional(whole, np.eye(len(whole.known)))
    except np.linalg.LinAlgError:
        raise EvidenceError(
            "no patients have these correlations: the matrix is not positive definite. Lower the largest ones.",
            e.part("correlations").where,
        ) from None
    return whole


def _covariate(e: Entry) -> Covariate:
    name = str(e.path[-1])
    if name not in UNITS:
        raise EvidenceError(f"unknown covariate '{name}'. {did_you_mean(name, UNITS)}", e.where)
    kind = e.text("distribution")
    partner, ceiling = e.text("with"), e.text("never_above")
    if kind != "levels":
        found = read_distribution(e, ("with", "never_above", "range"), UNITS[name])
        return Covariate(name, UNITS[name], found, (), partner, ceiling, found.centre)
    e.fields("distribution", "levels", "with", "never_above", *_PROVENANCE, required=("levels", "basis"))
    seen = []
    for part in e.part("levels").each():
        try:
            seen.append((float(part.path[-1]), float(part.data)))
        except (TypeError, ValueError):
            raise EvidenceError(
                "a level is a number with how often it was seen: {'1': 3, '2': 14}.", part.where
            ) from None
    total = sum(n for _, n in seen)
    if not seen or total <= 0 or min(n for _, n in seen) < 0:
        raise EvidenceError("levels need counts of zero or more, not all of them zero.", e.part("levels").where)
    levels = tuple((value, n / total) for value, n in sorted(seen))
    known = e.shared_value_of("levels", f"{total:g}")
    return Covariate(name, UNITS[name], None, levels, partner, ceiling, known)


def _correlation(e: Entry, found: tuple[Covariate, ...], of: Population) -> Correlation:
    e.fields("between", "rho", *_PROVENANCE, required=("between", "rho"))
    pair = e.texts("between")
    mine = [c.name for c in found if not c.shares_score_with]
    known = [*mine, *of.distributions, *MARKERS]
    for name in pair:
        if name not in known:
            raise EvidenceError(f"unknown '{name}'. {did_you_mean(name, known)}", e.part("between").where)
    if len(pair) != 2 or pair[0] == pair[1]:
        raise EvidenceError("a correlation is between two.", e.part("between").where)
    if not set(pair) & set(mine):
        raise EvidenceError(
            f"'{pair[0]}' and '{pair[1]}' are drawn by the population, each apart; a correlation joins a covariate of "
            f"this file with another one.",
            e.part("between").where,
        )
    rho = e.shared_value("rho", "1")
    if not -1 < rho.number < 1:
        raise EvidenceError("a correlation is between -1 and 1.", e.part("rho").where)
    return Correlation((pair[0], pair[1]), rho)


def conditional(of: Covariates, known: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """How scores are drawn given those known: z = known @ slopes.T + independent @ factor.T.

    Arguments: `known` the correlations among `of.known` (known, known). Returns: `slopes` (drawn, known) and the lower
    triangular `factor` (drawn, drawn). Raises: LinAlgError when no distribution has these correlations.
    """
    rho = {frozenset(c.between): c.rho.number for c in of.correlations}

    def matrix(rows: tuple[str, ...], columns: tuple[str, ...]) -> NDArray[np.float64]:
        cells = [[1.0 if a == b else rho.get(frozenset((a, b)), 0.0) for b in columns] for a in rows]
        return np.array(cells, dtype=float).reshape(len(rows), len(columns))

    across = matrix(of.drawn, of.known)
    slopes = np.asarray(np.linalg.solve(known, across.T).T if of.known else across, dtype=np.float64)
    rest = np.linalg.cholesky(matrix(of.drawn, of.drawn) - slopes @ across.T)
    return slopes, np.asarray(rest, dtype=np.float64)


def draw_covariates(
    of: Covariates, seed: int, ids: NDArray[np.int64], own: Columns, scores: Columns, known: NDArray[np.float64]
) -> dict[str, NDArray[np.float64]]:
    """The covariates of patients, (patient,) each, given what is known of them.

    Arguments: `own` what the population drew, by name; `scores` the normal scores of `of.known` and `known` their
    correlations. A covariate's own chance depends on (seed, patient, its name) alone.
    """
    from homing.ground.keys import normals

    if not of.covariates:
        return {}
    slopes, factor = conditional(of, known)
    given = np.stack([scores[name] for name in of.known], axis=1) if of.known else np.zeros((len(ids), 0))
    chance = np.stack([normals(seed, f"covariate {name}", ids)[:, 0] for name in of.drawn], axis=1)
    z = dict(zip(of.drawn, (given @ slopes.T + chance @ factor.T).T, strict=True))
    values: dict[str, NDArray[np.float64]] = {}
    for one in of.covariates:
        value = at_score(one, z[one.shares_score_with or one.name])
        if one.never_above:
            value = np.minimum(value, own[one.never_above] if one.never_above in own else values[one.never_above])
        values[one.name] = value
    return values


def at_score(of: Covariate, z: NDArray[np.float64]) -> NDArray[np.float64]:
    """The values of a covariate at normal scores: its quantile at the normal probability of each."""
    from scipy.special import ndtr, ndtri

    if of.distribution is None:
        values = np.array([value for value, _ in of.levels])
        edges = np.cumsum([share for _, share in of.levels])[:-1]
        return values[np.searchsorted(edges, ndtr(z), side="right")]
    found = of.distribution
    centre = found.centre.number
    if found.kind == "fixed":
        out = np.full(len(z), centre)
    elif found.kind == "bernoulli":
        out = (z > ndtri(1 - centre)).astype(float)
    elif found.kind == "exponential":
        out = -centre * np.log(ndtr(-z))
    else:
        return of_score(found, z)
    return within(found, out)


def score_of_draw(
    of: Population, name: str, seed: int, ids: NDArray[np.int64], attempts: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The normal scores of what a population drew for accepted patients, from the same chance; higher is more."""
    from homing.ground.keys import normals

    found = np.empty(len(ids))
    falling = of.distributions[name].kind in ("bernoulli", "exponential")
    for attempt in np.unique(attempts):
        at = attempts == attempt
        found[at] = normals(seed, f"patient value {name}, attempt {attempt - 1}", ids[at])[:, 0]
    return -found if falling else found
