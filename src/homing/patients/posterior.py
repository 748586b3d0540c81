"""Posterior: what trials said of the mechanism's numbers, as draws of factors that hold together.

catalogue/posterior/posterior.yaml says what each parameter of the posterior multiplies and how far the trials moved it;
draws.csv beside it has a row a draw and a column a parameter, plain factors (1 is the catalogue's own value). A row is
one possible new trial: what differs between trials is in it, and what goes together stays together.

    version: '1'
    made: {homing: 0.1.0, on: 2026-11-26, data: ..., seed: ...}
    public until: '2019-12-31'           # nothing published later was used
    draws: draws.csv
    parameters:
      fistula_closing:
        name: {en: ..., zh: ...}
        multiplies: [tract.k_close]      # parameters by full name, covariates of patients, rates of random events
        informed: 'yes'                  # 'no': no trial bears on it, or those that do tell next to nothing
        prior: {median: '1', low: '0.5', high: '2'}          # 95 % interval
        posterior: {median: '1.2', low: '0.9', high: '1.6'}
        common: {median: '1.2', low: '1', high: '1.5'}       # of what all trials share; may be missing
        shrinkage: '0.63'                # of what they share: 1 - variance over that of the prior, of logarithms
        from: [ADMIRE-CD]                # trials of the evidence store
        summary: up                      # where optimism lies: up, down or none
"""

from __future__ import annotations

import csv
import functools
import hashlib
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.biology.ibd import ibd_system
from homing.evidence.catalogue import Entry, entry_of_file
from homing.evidence.root import catalogue_root
from homing.ground.errors import EvidenceError
from homing.ground.nearest import did_you_mean
from homing.patients.flares import RATES
from homing.patients.population import COVARIATES

FILE = Path("posterior") / "posterior.yaml"
_REMEDY = "Write the posterior again with `homing calibrate`, or take the files of the release."
_PER_COLUMN = 25
#: Products are many, and most of them are small; they cost little of what patients tell, so fewer patients are enough.
_PER_PRODUCT = 15
Summary = Literal["up", "down", "none"]


@dataclass(frozen=True)
class Spread:
    """Median and ends of the 95 % interval of a factor."""

    median: float
    low: float
    high: float


@dataclass(frozen=True)
class PosteriorParameter:
    """One parameter of the posterior: what it multiplies, before and after the trials.

    `posterior` is of one more trial, as `draws` are; `common` and `shrinkage` of what all trials share.
    `draws` has the factor of every draw; `summary` where optimism lies; `trials` are keys of the evidence store.
    """

    key: str
    name: Mapping[str, str]
    multiplies: tuple[str, ...]
    informed: bool
    prior: Spread
    posterior: Spread
    common: Spread
    shrinkage: float
    trials: tuple[str, ...]
    summary: Summary
    draws: NDArray[np.float64] = field(repr=False)


@dataclass(frozen=True)
class Posterior:
    """All parameters with their draws. Patient i takes draw i mod (number of draws), in every arm.

    `diagnostics` by name ('r_hat', 'ess', 'divergences'), as far as the file has them.
    """

    version: str
    made: Mapping[str, str]
    until: str
    provisional: bool
    parameters: Mapping[str, PosteriorParameter]
    diagnostics: Mapping[str, float] = field(default_factory=dict)

    @property
    def size(self) -> int:
        """How many draws there are."""
        return len(next(iter(self.parameters.values())).draws)

    @functools.cached_property
    def multiplied(self) -> Mapping[str, PosteriorParameter]:
        """The parameter of the posterior that bears on each name; a name has one at most."""
        return {name: parameter for parameter in self.parameters.values() for name in parameter.multiplies}

    @functools.cached_property
    def mechanism(self) -> tuple[str, ...]:
        """The parameters of the mechanism that it multiplies, by full name; the rest are covariates and rates."""
        return tuple(name for name in self.multiplied if name not in (*COVARIATES, *RATES))

    @functools.cached_property
    def checksum(self) -> str:
        """Of all draws: what tells two posteriors apart."""
        digest = hashlib.sha256()
        for key, parameter in self.parameters.items():
            digest.update(key.encode() + parameter.draws.tobytes())
        return digest.hexdigest()[:16]

    @functools.cached_property
    def trials(self) -> tuple[str, ...]:
        """Every trial behind it, each once."""
        return tuple(dict.fromkeys(trial for p in self.parameters.values() for trial in p.trials))

    def draw_of(self, ids: ArrayLike) -> NDArray[np.int64]:
        """(patient,) the draw that each patient takes, by patients' numbers."""
        return np.asarray(ids, dtype=np.int64) % self.size

    def factor(self, name: str, ids: ArrayLike) -> NDArray[np.float64]:
        """(patient,) the factor on what has this name (a parameter, covariate or rate); 1 where none bears on it."""
        ids = np.asarray(ids, dtype=np.int64)
        found = self.multiplied.get(name)
        return np.ones(len(ids)) if found is None else found.draws[self.draw_of(ids)]

    def design(self, patients: float) -> NDArray[np.float64]:
        """(draw, column) smooth functions of each draw: what `ground.credible` regresses outcomes on.

        Logarithms of the factors in standard units; with them their squares, and the products of any two, where the
        cohort has so many `patients` that each column has `_PER_COLUMN` or `_PER_PRODUCT` of them. Parameters that
        multiply nothing bear on no outcome and have no column.
        """
        factors = [p.draws for p in self.parameters.values() if p.multiplies]
        logs = np.log(np.stack(factors, axis=1)) if factors else np.empty((self.size, 0))
        varying = logs.std(axis=0) > 0
        z = (logs[:, varying] - logs[:, varying].mean(axis=0)) / logs[:, varying].std(axis=0)
        if patients < _PER_COLUMN * 2 * z.shape[1]:
            return np.asarray(z)
        first, second = np.triu_indices(z.shape[1], 1)
        if patients < _PER_PRODUCT * (2 * z.shape[1] + len(first)):
            return np.hstack([z, z**2 - 1])
        return np.hstack([z, z**2 - 1, z[:, first] * z[:, second]])

    def quantile(self, key: str, p: float) -> float:
        """The factor below which a share `p` of a parameter's draws lies, by the parameter's key."""
        return float(np.quantile(self.parameters[key].draws, p))

    def central(self, key: str, level: float = 0.95) -> tuple[float, float]:
        """The factors between which the central `level` of a parameter's draws lies, by the parameter's key."""
        return self.quantile(key, (1 - level) / 2), self.quantile(key, (1 + level) / 2)

    def optimism(self, key: str, p: float) -> float:
        """The factor at the `p` point from scepticism (0) to optimism (1); the median where neither end is better."""
        points = {"up": p, "down": 1 - p, "none": 0.5}
        return self.quantile(key, points[self.parameters[key].summary])


@functools.lru_cache(maxsize=1)
def posterior() -> Posterior:
    """The posterior that ships with the package. Raises EvidenceError with file, line and remedy for a faulty one."""
    return read_posterior(catalogue_root() / FILE)


def read_posterior(file: Path | str) -> Posterior:
    """A posterior from its file, with the draws beside it. Raises EvidenceError with file, line and remedy."""
    e = entry_of_file(file)
    required = ("version", "made", "public until", "draws", "parameters")
    e.fields(*required, "provisional", "diagnostics", required=required)
    draws = _read_draws(Path(file).parent / e.text("draws"), [str(part.path[-1]) for part in e.parts("parameters")])
    parameters: dict[str, PosteriorParameter] = {}
    taken: dict[str, str] = {}
    for part in e.parts("parameters"):
        found = _parameter(part, draws)
        for i, name in enumerate(found.multiplies):
            if name in taken:
                raise EvidenceError(
                    f"'{name}' is multiplied by '{taken[name]}' already; a name has one parameter of the posterior.",
                    part.part("multiplies", i).where,
                )
            taken[name] = found.key
        parameters[found.key] = found
    made = e.part("made")
    measured = e.part("diagnostics") if "diagnostics" in e.data else None
    diagnostics = {str(p.path[-1]): _number(measured, str(p.path[-1])) for p in measured.each()} if measured else {}
    return Posterior(
        version=e.text("version"),
        made={str(each.path[-1]): made.text(str(each.path[-1])) for each in made.each()},
        until=e.text("public until"),
        provisional=e.one_of("provisional", ("yes", "no"), "no") == "yes",
        parameters=parameters,
        diagnostics=diagnostics,
    )


def _parameter(e: Entry, draws: Mapping[str, NDArray[np.float64]]) -> PosteriorParameter:
    required = ("name", "multiplies", "informed", "prior", "posterior", "shrinkage", "summary")
    e.fields(*required, "from", "because", "common", required=required)
    key = str(e.path[-1])
    known = (*ibd_system().parameters, *COVARIATES, *RATES)
    for i, name in enumerate(e.texts("multiplies")):
        if name not in known:
            raise EvidenceError(
                f"nothing is called '{name}'. {did_you_mean(name, known)}", e.part("multiplies", i).where
            )
    informed = e.one_of("informed", ("yes", "no")) == "yes"
    if informed and not e.texts("from"):
        raise EvidenceError("a parameter that trials inform names them under `from`.", e.where)
    return PosteriorParameter(
        key=key,
        name=e.both_languages("name"),
        multiplies=e.texts("multiplies"),
        informed=informed,
        prior=_spread(e.part("prior")),
        posterior=_spread(e.part("posterior")),
        common=_spread(e.part("common" if "common" in e.data else "posterior")),
        shrinkage=_number(e, "shrinkage"),
        trials=e.names_of("from", "trials"),
        summary=e.one_of("summary", ("up", "down", "none")),  # type: ignore[arg-type]
        draws=draws[key],
    )


def _spread(e: Entry) -> Spread:
    e.fields("median", "low", "high", required=("median", "low", "high"))
    found = Spread(*(_number(e, name) for name in ("median", "low", "high")))
    if not 0 < found.low <= found.median <= found.high:
        raise EvidenceError("factors are above zero, with low <= median <= high.", e.where)
    return found


def _number(e: Entry, name: str) -> float:
    number = _finite(e.text(name))
    if number is None:
        raise EvidenceError(f"'{e.text(name)}' is no number. Write it plainly, as '0.63'.", e.part(name).where)
    return number


def _finite(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) else None


def _read_draws(file: Path, keys: list[str]) -> dict[str, NDArray[np.float64]]:
    """Columns of the file of draws by parameter; each as long as the file has draws."""
    try:
        with file.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8"
        raise EvidenceError(f"the draws can't be read: {reason}. {_REMEDY}", str(file)) from None
    if not rows or sorted(rows[0]) != sorted(keys):
        named = ", ".join(keys)
        raise EvidenceError(f"the first line must name the posterior's parameters: {named}. {_REMEDY}", f"{file}:1")
    if len(rows) < 2:
        raise EvidenceError(f"there is no draw. {_REMEDY}", f"{file}:2")
    table = np.empty((len(rows) - 1, len(keys)))
    for line, row in enumerate(rows[1:], start=2):
        numbers = [_finite(text) for text in row]
        if len(row) != len(keys) or any(number is None or number <= 0 for number in numbers):
            raise EvidenceError(f"a draw is {len(keys)} factors above zero. {_REMEDY}", f"{file}:{line}")
        table[line - 2] = numbers
    return {key: np.ascontiguousarray(table[:, rows[0].index(key)]) for key in keys}
