"""The posterior as files: a table of draws and what is said of each parameter, as the package ships them."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from numpy.typing import NDArray

from homing.credibility.calibration.factors import Factor
from homing.ground.whole_files import whole_file

Array = NDArray[np.float64]
FILE, DRAWS = "posterior.yaml", "draws.csv"
#: Draws that ship: enough for 95 % intervals of what is simulated, few enough to be read in a moment.
SHIPPED = 400
#: A parameter whose shrinkage is below this was hardly informed.
AT_THE_PRIOR = 0.1


@dataclass(frozen=True)
class Parameter:
    """One column: draws (draw,) of a factor for a new trial, its prior, whether it was fitted and to which trials.

    `common` (any number,) are draws of what all trials share, where trials differ from it: what was learnt is told of
    that, since one more trial may be anywhere about it; or all draws there are, of which `draws` are some.
    """

    factor: Factor
    draws: Array
    fitted: bool
    trials: tuple[str, ...]
    common: Array | None = None

    @property
    def shrinkage(self) -> float:
        """1 - variance of posterior over prior, of the logarithm; 0 or less where nothing was learnt."""
        return float(1 - np.log(self._learnt).var() / self.factor.spread**2) if self.fitted else 0.0

    @property
    def _learnt(self) -> Array:
        return self.draws if self.common is None else self.common

    @property
    def informed(self) -> bool:
        """Whether what it was fitted to taught something of it; otherwise its direction stays at the prior."""
        return self.shrinkage >= AT_THE_PRIOR

    def told(self) -> dict[str, Any]:
        """What the file says of it."""
        prior = (self.factor.median, *self.factor.interval)
        found, common = (np.quantile(x, [0.5, 0.025, 0.975]) for x in (self.draws, self._learnt))
        return {
            "name": dict(self.factor.name),
            "multiplies": list(self.factor.multiplies),
            "informed": "yes" if self.informed else "no",
            "prior": dict(zip(("median", "low", "high"), map(_number, prior), strict=True)),
            "posterior": dict(zip(("median", "low", "high"), map(_number, found), strict=True)),
            "common": dict(zip(("median", "low", "high"), map(_number, common), strict=True)),
            "shrinkage": f"{self.shrinkage:.2f}",
            "from": list(self.trials),
            "summary": self.factor.summary,
            "because": self.factor.because,
        }


def thinned(n: int, wanted: int) -> NDArray[np.int64]:
    """Positions of `wanted` draws of n, evenly spread."""
    return np.linspace(0, n - 1, min(wanted, n)).round().astype(np.int64)


def write(folder: Path, parameters: Sequence[Parameter], told: Mapping[str, Any]) -> None:
    """Write posterior.yaml and draws.csv to a folder. `told` stands before the parameters (version, data, seed)."""
    names = [p.factor.key for p in parameters]
    columns = np.stack([p.draws for p in parameters], axis=1)
    with whole_file(folder / DRAWS) as temporary, temporary.open("w", encoding="utf-8", newline="") as opened:
        writer = csv.writer(opened, lineterminator="\n")
        writer.writerow(names)
        writer.writerows([[_number(x) for x in row] for row in columns])
    content = {**told, "draws": DRAWS, "parameters": {p.factor.key: p.told() for p in parameters}}
    head = "# Written by homing calibrate; never by hand. Factors for a new trial; 1 is the catalogue's own value.\n"
    with whole_file(folder / FILE) as temporary:
        text = yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=140)
        temporary.write_text(head + text, encoding="utf-8")


def _number(x: float) -> str:
    return f"{x:.5g}"
