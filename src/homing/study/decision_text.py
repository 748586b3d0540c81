"""What a rule asks at a visit, as a study file writes it: 'calprotectin above 250 ug/g', 'not combined-remission'."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

from pydantic import WithJsonSchema

from homing.ground.errors import HomingError
from homing.study.scalars import scalar, shown

COMPARATORS = ("above", "below", "at least", "at most")
_COMPARED = re.compile(r"^(?P<of>[\w.+-]+)\s+(?P<how>above|below|at least|at most)\s+(?P<amount>\S.*)$")
_MET = re.compile(r"^(?P<not>not\s+)?(?P<of>[\w.+-]+)$")
EXAMPLE = "calprotectin above 250 ug/g"


@dataclass(frozen=True)
class Asked:
    """One question: an endpoint by key, how it is compared ('met' and 'not met' for one that is met or not), with
    what."""

    of: str
    how: str
    amount: str = ""

    @property
    def text(self) -> str:
        """As a study file writes it."""
        if self.amount:
            return f"{self.of} {self.how} {self.amount}"
        return self.of if self.how == "met" else f"not {self.of}"


def read_asked(text: str) -> Asked:
    """A question from text. Raises: HomingError where it is none.

    Example:
        >>> read_asked("calprotectin above 250 ug/g")
        Asked(of='calprotectin', how='above', amount='250 ug/g')
    """
    flat = " ".join(text.split())
    compared = _COMPARED.match(flat)
    if compared:
        return Asked(compared["of"], compared["how"], compared["amount"])
    met = _MET.match(flat)
    if met:
        return Asked(met["of"], "not met" if met["not"] else "met")
    raise HomingError(
        f"{shown(text)} is no condition. Write '{EXAMPLE}' (above, below, at least, at most), 'combined-remission' or "
        f"'not combined-remission'."
    )


Condition = Annotated[Asked, scalar(read_asked, EXAMPLE), WithJsonSchema({"type": "string", "examples": [EXAMPLE]})]
