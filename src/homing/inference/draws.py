"""Draws of a posterior, what they say, and whether they may be used."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import StudyError
from homing.ground.whole_files import make_folder, whole_file
from homing.inference import diagnostics

Array = NDArray[np.float64]
PROBABILITIES = (0.025, 0.05, 0.5, 0.95, 0.975)
_ABOUT = "about the chains"


@dataclass(frozen=True)
class Limits:
    """What draws must keep to: R-hat below `rhat`, bulk and tail effective sample sizes above `ess`, and no chain with
    a larger share of divergent draws than `divergent`."""

    rhat: float
    ess: float
    divergent: float


#: Converged (Vehtari 2021, doi:10.1214/20-BA1221, sections 4.1 and 4.2).
CONVERGED = Limits(rhat=1.01, ess=400.0, divergent=0.0)
#: Few draws that are meant for a try only can't be held to that; beyond these the fit itself is broken.
ROUGH = Limits(rhat=1.1, ess=0.0, divergent=0.1)


@dataclass(frozen=True)
class Row:
    """One number of the posterior. `quantiles` at `PROBABILITIES`; `rhat`, `bulk` and `tail` are NaN for a constant."""

    name: str
    mean: float
    sd: float
    quantiles: tuple[float, ...]
    rhat: float
    bulk: float
    tail: float


@dataclass(frozen=True)
class Offence:
    """What keeps draws from having converged: a name, 'rhat', 'bulk', 'tail' or 'divergences', and its value."""

    name: str
    what: str
    value: float


@dataclass(frozen=True)
class Draws:
    """Draws by name, each (chain, draw, ...); constrained values, and whatever the model calls deterministic.

    `divergences` (chain,) counts divergent transitions after warm-up, `deepest` (chain,) those that ended at the
    largest tree depth (slow, not wrong), `acceptance` (chain,) is the mean acceptance probability; `seed` and `key` say
    what the draws came from.
    """

    values: dict[str, Array]
    divergences: NDArray[np.int64]
    deepest: NDArray[np.int64]
    acceptance: Array
    seed: int
    key: str = ""

    @property
    def chains(self) -> int:
        """How many chains."""
        return len(self.divergences)

    @property
    def draws(self) -> int:
        """How many draws of each chain."""
        return next(iter(self.values.values())).shape[1]

    def __getitem__(self, name: str) -> Array:
        """The draws (chain, draw, ...) of a name. Raises: StudyError for a name that was not drawn."""
        if name not in self.values:
            raise StudyError(f"'{name}' was not drawn; these were: {', '.join(sorted(self.values))}.")
        return self.values[name]

    def flat(self, name: str) -> Array:
        """The draws of a name with the chains one after another, (chain * draw, ...)."""
        found = self[name]
        return found.reshape(-1, *found.shape[2:])

    def scalars(self) -> Iterator[tuple[str, Array]]:
        """Every single number as its name, with its place in brackets for an array, and its draws (chain, draw)."""
        for name, drawn in self.values.items():
            for place in np.ndindex(drawn.shape[2:]):
                label = f"{name}[{','.join(str(i) for i in place)}]" if place else name
                yield label, np.asarray(drawn[(slice(None), slice(None), *place)], dtype=float)

    def summary(self) -> tuple[Row, ...]:
        """A row for every single number."""
        return tuple(_row(name, x) for name, x in self.scalars())

    def offences(self, rows: tuple[Row, ...] | None = None, limits: Limits = CONVERGED) -> tuple[Offence, ...]:
        """Why these draws don't keep to limits, of convergence unless told otherwise; empty when they do.

        A number that is the same in all draws (a constant of the model) is no offence. `rows` spares a second
        `summary()`.
        """
        found = []
        for row in self.summary() if rows is None else rows:
            if row.sd == 0:
                continue
            for what, good in (
                ("rhat", row.rhat < limits.rhat),
                ("bulk", row.bulk > limits.ess),
                ("tail", row.tail > limits.ess),
            ):
                if not good:
                    found.append(Offence(row.name, what, getattr(row, what)))
        many = [(i, n) for i, n in enumerate(self.divergences) if n > limits.divergent * self.draws]
        return (*found, *(Offence(f"chain {i}", "divergences", float(n)) for i, n in many))

    @property
    def converged(self) -> bool:
        """Whether there is no offence."""
        return not self.offences()

    def save(self, file: Path) -> None:
        """Write everything to an npz file, by a temporary one, so that no reader meets half of it."""
        about = {"seed": self.seed, "key": self.key}
        counts = {"divergences": self.divergences, "deepest": self.deepest, "acceptance": self.acceptance}
        write_arrays(file, about, {**{f"value {n}": x for n, x in self.values.items()}, **counts})

    @staticmethod
    def load(file: Path) -> Draws:
        """What `save` wrote. Raises: StudyError where the file is missing or no such file."""
        about, arrays = read_arrays(file)
        values = {name.removeprefix("value "): x for name, x in arrays.items() if name.startswith("value ")}
        try:
            counts = (arrays["divergences"], arrays["deepest"], arrays["acceptance"])
            return Draws(values, *counts, seed=int(about["seed"]), key=str(about["key"]))
        except KeyError as e:
            raise StudyError(f"this file holds no draws ({e} is missing). Sample again.", str(file)) from None


def write_arrays(file: Path, about: dict[str, Any], arrays: dict[str, Any]) -> None:
    """Write arrays and a few plain values `about` them to an npz file, atomically.

    Raises: StudyError where it can't be written.
    """
    make_folder(file.parent)
    with whole_file(file) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **{_ABOUT: np.array(json.dumps(about)), **arrays})


def read_arrays(file: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What `write_arrays` wrote: the plain values and the arrays.

    Raises: StudyError where the file is missing or damaged.
    """
    import zipfile

    try:
        with np.load(file, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files}
        return json.loads(str(arrays.pop(_ABOUT))), arrays
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        raise StudyError("is missing or damaged. Delete it and run again.", str(file)) from None


def _row(name: str, x: Array) -> Row:
    quantiles = tuple(float(q) for q in np.quantile(x, PROBABILITIES))
    constant = bool(np.all(x == x.flat[0]))
    sd = 0.0 if constant else float(x.std(ddof=1))
    if constant or x.shape[1] < diagnostics.FEWEST_DRAWS:
        return Row(name, float(x.mean()), sd, quantiles, float("nan"), float("nan"), float("nan"))
    measures = (diagnostics.rhat(x), diagnostics.bulk_ess(x), diagnostics.tail_ess(x))
    return Row(name, float(x.mean()), sd, quantiles, *measures)
