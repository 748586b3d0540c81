"""What is known of a study and its run when its record is written: numbers from files, none typed by hand.

What only the layers above know (how far assumed values move the answer, which known misses concern the study) is given
to `Facts` by them; see `answers/recording/gather.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from homing.credibility.record.checkout import Checkout
from homing.credibility.record.held_out import HoldOuts
from homing.credibility.tipping import Tip
from homing.patients.posterior import Posterior
from homing.study.plan import Study


@dataclass(frozen=True)
class ObservedArm:
    """The primary endpoint in one arm of a real trial, beside the simulated one.

    `low`, `high`: the exact 95 % interval of the observed share; `simulated` the ends of what is plausible by the
    model, None where no arm of the study is the trial's; `span` what that is (a kind of `answers.spans.Span`).
    """

    trial: str
    arm: str
    n: int
    share: float
    low: float
    high: float
    simulated: tuple[float, float] | None = None
    span: str = ""

    @property
    def reached(self) -> bool:
        """Whether the observed interval meets the simulated span."""
        return self.simulated is not None and self.simulated[0] <= self.high and self.low <= self.simulated[1]


@dataclass(frozen=True)
class Facts:
    """All that rules measure. None stands for what is not known: no run yet, nothing shipped, not computed.

    `record` is run.json; `intact` the share of the run's files that are as written and `altered` those that aren't
    ('altered' or 'missing', by name); `error` half the widest 95 % interval of the primary difference;
    `moved_by_assumed` the share of the answer's movement that assumed values cause;
    `misses` keys of known misses that concern the study.
    """

    study: Study
    version: str
    record: Mapping[str, Any] | None = None
    intact: float | None = None
    altered: Mapping[str, str] = field(default_factory=dict)
    checkout: Checkout | None = None
    error: float | None = None
    moved_by_assumed: float | None = None
    misses: Sequence[str] | None = None
    observed: Sequence[ObservedArm] | None = None
    hold_outs: HoldOuts | None = None
    posterior: Posterior | None = None
    #: The parameters and covariates by which the posterior bears on the study's answer.
    bears_on: Sequence[str] = ()
    tips: Sequence[Tip] | None = None
