"""Network meta-analysis: several treatments compared at once, directly and through each other.

Contrasts of each study against its first arm, with the covariance that a shared arm gives them, are regressed on the
treatments (Lu and Ades 2004; Salanti 2012, doi:10.1002/jrsm.1037); the variance between studies is the same for every
contrast, and contrasts of one study share half of it. The engine is that of `multilevel`, which agrees with metafor's.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import StudyError
from homing.synthesis.checks import check_level, check_word
from homing.synthesis.heterogeneity import inverse
from homing.synthesis.multilevel import MixedFit, Term, fit_mixed

Array = NDArray[np.float64]
NetworkMeasure = Literal["odds-ratio", "risk-difference", "mean-difference"]


@dataclass(frozen=True)
class StudyArm:
    """One arm of a study in a network: events of n patients, or a mean with its standard deviation."""

    study: str
    treatment: str
    n: float
    events: float | None = None
    mean: float | None = None
    sd: float | None = None


@dataclass(frozen=True)
class Contrasts:
    """Effects (contrast,) with covariance (contrast, contrast), and the study and pair of treatments of each."""

    measure: NetworkMeasure
    estimate: Array
    covariance: Array
    study: tuple[str, ...]
    pair: tuple[tuple[str, str], ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Network:
    """What a network adds up to. `effects` (treatment, treatment) are of the row against the column.

    On the scale of pooling (logs for odds ratios). `p_score` (treatment,) is the mean certainty that a treatment is
    better than each other (Ruecker and Schwarzer 2015, doi:10.1186/s12874-015-0060-8). `inconsistency` and its p-value
    test the designs against each other (design-by-treatment, Higgins 2012, doi:10.1002/jrsm.1044), NaN where the
    network has no loop to test.
    """

    measure: NetworkMeasure
    treatments: tuple[str, ...]
    reference: str
    effects: Array
    standard_errors: Array
    tau2: float
    q: float
    q_p: float
    inconsistency: float
    inconsistency_df: int
    inconsistency_p: float
    p_score: Array
    studies: Mapping[tuple[str, str], int]
    fit: MixedFit
    notes: tuple[str, ...] = ()

    def interval(self, one: str, other: str, level: float = 0.95) -> tuple[float, float, float]:
        """The effect of one treatment against another with its limits, on the scale of pooling."""
        from scipy.special import ndtri

        check_level(level)
        i, j = (self._position(name) for name in (one, other))
        half = float(ndtri(0.5 + level / 2)) * self.standard_errors[i, j]
        return self.effects[i, j], self.effects[i, j] - half, self.effects[i, j] + half

    def _position(self, name: str) -> int:
        check_word(name, self.treatments, "is not in the network")
        return self.treatments.index(name)


def contrasts_of(arms: Sequence[StudyArm], measure: NetworkMeasure = "odds-ratio", reference: str = "") -> Contrasts:
    """Contrasts of each study's arms against one of them: the reference where it has it, else the first.

    A study with an empty or full cell gets a half added to each of its cells, which is noted; a study of one arm, or
    one without any event, tells nothing and is left out, which is noted too.
    Raises: StudyError for an unknown measure, arms without its numbers, or a treatment twice in a study.
    """
    check_word(measure, get_args(NetworkMeasure), "is no measure of a network")
    notes: list[str] = []
    estimate: list[float] = []
    blocks: list[Array] = []
    study: list[str] = []
    pair: list[tuple[str, str]] = []
    for name in dict.fromkeys(arm.study for arm in arms):
        own = [arm for arm in arms if arm.study == name]
        treatments = [arm.treatment for arm in own]
        if len(set(treatments)) < len(treatments):
            raise StudyError(
                f"{name} has the treatment '{max(treatments, key=treatments.count)}' twice; join its arms."
            )
        values, variances, note = _arm_values(name, own, measure)
        if note:
            notes.append(note)
        if values is None or len(own) < 2:
            if len(own) < 2:
                notes.append(f"{name}: one arm only, left out of the network")
            continue
        base = treatments.index(reference) if reference in treatments else 0
        others = [i for i in range(len(own)) if i != base]
        estimate += [float(values[i] - values[base]) for i in others]
        blocks.append(np.full((len(others), len(others)), variances[base]) + np.diag(variances[others]))
        study += [name] * len(others)
        pair += [(treatments[i], treatments[base]) for i in others]
    return Contrasts(measure, np.array(estimate), _block_diagonal(blocks), tuple(study), tuple(pair), tuple(notes))


def _arm_values(name: str, own: Sequence[StudyArm], measure: NetworkMeasure) -> tuple[Array | None, Array, str]:
    n = np.array([arm.n for arm in own], dtype=float)
    if measure == "mean-difference":
        mean, sd = (np.array([getattr(arm, what) for arm in own], dtype=float) for what in ("mean", "sd"))
        if not (np.isfinite(mean + sd + n) & (sd > 0) & (n > 0)).all():
            raise StudyError(f"{name} needs a mean and a standard deviation above 0 of patients in every arm.")
        return mean, sd**2 / n, ""
    x = np.array([arm.events for arm in own], dtype=float)
    if not ((x >= 0) & (x <= n) & (n > 0) & np.isfinite(n)).all():
        raise StudyError(f"{name} needs events of n patients in every arm.")
    if x.sum() in (0, n.sum()):
        return None, n, f"{name}: the same in every patient, left out of the network"
    lacking = ((x == 0) | (x == n)).any()
    x, m, note = (x + 0.5, n + 1, f"{name}: a half added to each cell") if lacking else (x, n, "")
    if measure == "risk-difference":
        return x / m, x * (m - x) / m**3, note
    return np.log(x / (m - x)), 1 / x + 1 / (m - x), note


def _block_diagonal(blocks: Sequence[Array]) -> Array:
    from scipy.linalg import block_diag

    return np.asarray(block_diag(*blocks), dtype=float) if blocks else np.zeros((0, 0))


def fit_network(
    contrasts: Contrasts,
    reference: str = "",
    *,
    method: Literal["REML", "ML", "common"] = "REML",
    higher_is_better: bool = True,
) -> Network:
    """Fit a network to contrasts.

    Arguments: `reference` is the treatment that others are printed against (the commonest where none is named).
    Raises: StudyError for no contrast, an unknown reference or method, or a network in pieces (the pieces are named).
    """
    check_word(method, ("REML", "ML", "common"), "is no method of a network")
    treatments = _treatments(contrasts, reference)
    _check_connected(contrasts)
    x = _design(contrasts, treatments)
    term = Term(contrasts.study, tuple(f"{a} - {b}" for a, b in contrasts.pair), "CS", rho=0.5)
    k, p = x.shape
    random = method != "common" and k > p
    terms = [term] if random else []
    names = treatments[1:]
    if k > p:
        fit = fit_mixed(contrasts.estimate, contrasts.covariance, terms, x, names, "ML" if method == "ML" else "REML")
    else:
        fit = _saturated(contrasts, x, names)
    notes = list(contrasts.notes)
    if not random and method != "common":
        notes.append("no more contrasts than treatments: the variance between studies can't be known and is taken as 0")
    against = np.vstack([np.zeros(k and p), np.eye(p)])
    estimate, spread = against @ fit.estimate, against @ fit.covariance @ against.T
    effects = np.subtract.outer(estimate, estimate)
    errors = np.sqrt(np.maximum(np.add.outer(np.diag(spread), np.diag(spread)) - 2 * spread, 0))
    q, df, p_value = _inconsistency(contrasts, x, float(fit.variances[0][0]) if fit.variances else 0.0, term)
    return Network(
        measure=contrasts.measure,
        treatments=treatments,
        reference=treatments[0],
        effects=effects,
        standard_errors=errors,
        tau2=float(fit.variances[0][0]) if fit.variances else 0.0,
        q=fit.q,
        q_p=fit.q_p,
        inconsistency=q,
        inconsistency_df=df,
        inconsistency_p=p_value,
        p_score=_p_scores(effects, errors, higher_is_better),
        studies=_counts(contrasts),
        fit=fit,
        notes=tuple(notes),
    )


def _treatments(contrasts: Contrasts, reference: str) -> tuple[str, ...]:
    if not len(contrasts.estimate):
        raise StudyError("no study compares two treatments; there is no network.")
    named = [t for pair in contrasts.pair for t in pair]
    if reference:
        check_word(reference, named, "is not in the network")
    first = reference or max(sorted(set(named)), key=named.count)
    return (first, *sorted(set(named) - {first}))


def _design(contrasts: Contrasts, treatments: Sequence[str]) -> Array:
    x = np.zeros((len(contrasts.pair), len(treatments) - 1))
    for row, (one, other) in enumerate(contrasts.pair):
        for name, sign in ((one, 1.0), (other, -1.0)):
            if name != treatments[0]:
                x[row, treatments.index(name) - 1] += sign
    return x


def _saturated(contrasts: Contrasts, x: Array, names: Sequence[str]) -> MixedFit:
    """As many contrasts as treatments: the contrasts themselves are the answer."""
    back = inverse(x)
    beta, covariance = back @ contrasts.estimate, back @ contrasts.covariance @ back.T
    error = np.sqrt(np.diag(covariance))
    return MixedFit(
        names=tuple(names),
        k=len(beta),
        estimate=beta,
        standard_error=error,
        low=beta - 1.959964 * error,
        high=beta + 1.959964 * error,
        covariance=covariance,
        variances=(),
        correlations=(),
        q=0.0,
        q_p=1.0,
        log_likelihood=float("nan"),
        method="REML",
        converged=True,
        marginal=contrasts.covariance,
        residuals=np.zeros(len(beta)),
        design=x,
        theta=np.empty(0),
    )


def _check_connected(contrasts: Contrasts) -> None:
    pieces: list[set[str]] = []
    for one, other in contrasts.pair:
        touching = [p for p in pieces if one in p or other in p]
        pieces = [p for p in pieces if p not in touching] + [{one, other}.union(*touching)]
    if len(pieces) > 1:
        listed = "; ".join(", ".join(sorted(p)) for p in pieces)
        raise StudyError(f"the network falls into pieces that no study links: {listed}. Pool each by itself.")


def _counts(contrasts: Contrasts) -> dict[tuple[str, str], int]:
    counts: dict[tuple[str, str], int] = {}
    for name in dict.fromkeys(contrasts.study):
        here = {t for s, pair in zip(contrasts.study, contrasts.pair, strict=True) if s == name for t in pair}
        for one in sorted(here):
            for other in sorted(here):
                if one < other:
                    counts[(one, other)] = counts.get((one, other), 0) + 1
    return counts


def _p_scores(effects: Array, errors: Array, higher_is_better: bool) -> Array:
    from scipy.special import ndtr

    n = len(effects)
    safe = np.where(errors > 0, errors, 1.0)
    better = ndtr(effects / safe if higher_is_better else -effects / safe)
    return np.asarray((better.sum(axis=1) - np.diag(better)) / max(n - 1, 1))


def _inconsistency(contrasts: Contrasts, x: Array, tau2: float, term: Term) -> tuple[float, int, float]:
    """Whether designs (sets of treatments compared) agree, by a Wald test of their interactions with the treatments.

    The columns of a design are its treatments against the first of them in sorted order, whatever its studies list
    first, so that each design has as many as it has treatments less one.
    """
    from scipy.stats import chi2

    here: dict[str, frozenset[str]] = {}
    for study, pair in zip(contrasts.study, contrasts.pair, strict=True):
        here[study] = here.get(study, frozenset()) | frozenset(pair)
    columns: list[Any] = []
    for design in dict.fromkeys(here.values()):
        rows = np.array([here[s] == design for s in contrasts.study])
        for treatment in sorted(design)[1:]:
            columns.append(
                rows * np.array([float(one == treatment) - (other == treatment) for one, other in contrasts.pair])
            )
    full = np.column_stack([x, *columns])
    m = contrasts.covariance + (term.matrix(np.array([np.log(tau2)])) if tau2 > 0 else 0.0)
    df = int(np.linalg.matrix_rank(full) - np.linalg.matrix_rank(x))
    if not df:
        return float("nan"), 0, float("nan")
    found = _squares(contrasts.estimate, m, x) - _squares(contrasts.estimate, m, full)
    return found, df, float(chi2.sf(found, df))


def _squares(y: Array, m: Array, x: Array) -> float:
    factor = np.linalg.cholesky(m)
    wx, wy = np.linalg.solve(factor, x), np.linalg.solve(factor, y)
    rest = wy - wx @ np.linalg.lstsq(wx, wy, rcond=None)[0]
    return float(rest @ rest)
