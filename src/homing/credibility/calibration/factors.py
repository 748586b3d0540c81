"""Factors: what calibration may change, each a multiplier on parameters with a prior from the catalogue's own ranges.

A factor of 1 is the catalogue's value. Its prior is lognormal about 1 and as wide, on the scale of the logarithm, as
the range that the catalogue states for the value (the central 90 % of what is plausible). The design goes further than
the prior's 95 %, so that an emulator is not asked beyond what it has seen.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from homing.evidence.values import Value
from homing.ground.errors import EvidenceError
from homing.ground.keys import normals

#: The share of what is plausible that a range of the catalogue holds (see `Value`), and that of a prior's interval.
RANGE_HOLDS, INTERVAL_HOLDS = 0.90, 0.95
#: Standard deviations of the prior that the design reaches to either side.
DESIGN_REACH = 2.5


@dataclass(frozen=True)
class Factor:
    """A multiplier with a lognormal prior: `spread` is the standard deviation of its logarithm.

    `multiplies` names parameters of the mechanism, covariates or event rates; `because` says where the prior is from;
    `summary` where optimism lies (up, down, none); `box` bounds the design where they aren't the usual ones; `again`
    other medians of the prior under which the fit is made once more, to see what rests on this one.
    """

    key: str
    multiplies: tuple[str, ...]
    spread: float
    because: str
    median: float = 1.0
    name: Mapping[str, str] = field(default_factory=dict)
    summary: str = "none"
    box: tuple[float, float] | None = None
    again: tuple[float, ...] = ()

    @property
    def interval(self) -> tuple[float, float]:
        """The prior's central 95 %."""
        reach = self.spread * NormalDist().inv_cdf(0.5 + INTERVAL_HOLDS / 2)
        return self.median * math.exp(-reach), self.median * math.exp(reach)

    @property
    def design(self) -> tuple[float, float]:
        """Lowest and highest factor of the design; points are spread evenly over the logarithm between them."""
        reach = math.exp(DESIGN_REACH * self.spread)
        return self.box or (self.median / reach, self.median * reach)


def factor_of(key: str, multiplies: tuple[str, ...], value: Value, because: str) -> Factor:
    """The factor whose prior is as wide as a value's range; where that reaches down to zero, as that above it.

    Raises: EvidenceError where the value has no range, or is zero.

    Example:
        >>> value = Value(2.5, "1/year", low=1.0, high=4.0, because="...")
        >>> factor_of("gut_flares", ("flares.rate",), value, "range of the rate").spread
        0.4214002199456917
    """
    if value.low is None or value.high is None or value.number <= 0:
        raise EvidenceError(
            f"'{key}' takes its prior from the range of a value above zero. Give its catalogue entry one.",
            f"catalogue value of {', '.join(multiplies)}",
        )
    reach = math.log(value.high / value.low) / 2 if value.low > 0 else math.log(value.high / value.number)
    return Factor(key, multiplies, reach / NormalDist().inv_cdf(0.5 + RANGE_HOLDS / 2), because)


def prior_draws(factors: Sequence[Factor], draws: int, seed: int) -> dict[str, NDArray[np.float64]]:
    """Draws (draw,) of each factor from its prior, by key; a factor's draws depend on the seed and its key alone."""
    ids = np.arange(draws)
    return {f.key: f.median * np.exp(f.spread * normals(seed, f"prior of {f.key}", ids)[:, 0]) for f in factors}
