"""Records: the rows of an event table, with the meaning that NONMEM gives them, and what each asks for.

Source of the meanings: NONMEM users guide, part VI (PREDPP), chapter III, and the help entries of its data items, as
far as the public outputs of NONMEM bear them out; where Homing chooses, docs/reference/event-tables.md says what and
why.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from homing.ground.errors import StudyError

OBSERVATION, DOSE, OTHER, RESET, RESET_AND_DOSE = range(5)
#: RATE says that the model, not the row, has the rate or the duration of the infusion.
MODELLED_RATE, MODELLED_DURATION = -1.0, -2.0
STEADY, STEADY_ADDED = 1, 2


@dataclass(frozen=True)
class Record:
    """One row. Amounts in the model's units; `compartment` is a state's name, "" for all (a reset) or none.

    `where` is the row's file and line. `covariates` has the values of the row by the parameter's name, those that were
    left blank left out. `factors` are the dose's bioavailability, lag, modelled rate and modelled duration by those
    names, where the row gives them.
    """

    patient: str
    time: float
    evid: int = OBSERVATION
    amount: float = 0.0
    rate: float = 0.0
    compartment: str = ""
    additional: int = 0
    interval: float = 0.0
    steady: int = 0
    missing: bool = False
    covariates: Mapping[str, float] = field(default_factory=dict)
    factors: Mapping[str, float] = field(default_factory=dict)
    where: str = ""

    @property
    def is_dose(self) -> bool:
        """Whether something is given."""
        return self.evid in (DOSE, RESET_AND_DOSE)

    @property
    def is_reset(self) -> bool:
        """Whether the system begins anew."""
        return self.evid in (RESET, RESET_AND_DOSE)

    @property
    def is_constant_infusion(self) -> bool:
        """Whether the row asks for the steady state of an infusion without end."""
        return self.steady > 0 and self.amount == 0 and self.interval == 0


def check_record(r: Record) -> None:
    """Refuse a row that has no meaning. Raises: StudyError with the row's place and the remedy."""
    for wrong, message in _faults(r):
        if wrong:
            raise StudyError(message, r.where)


def _faults(r: Record) -> list[tuple[bool, str]]:
    dosing = r.amount != 0 or r.rate != 0 or r.steady != 0 or r.additional != 0
    modelled = r.rate in (MODELLED_RATE, MODELLED_DURATION)
    return [
        (not r.is_dose and dosing, f"EVID={r.evid} is no dose, but AMT, RATE, SS or ADDL is given. Use EVID=1, or 0s."),
        (r.amount < 0, f"AMT={r.amount:g} is negative. To take something away, use another state."),
        (r.rate < 0 and not modelled, f"RATE={r.rate:g} has no meaning. RATE is 0, above 0, -1 or -2."),
        (r.steady not in (0, STEADY, STEADY_ADDED), f"SS={r.steady} has no meaning. SS is 0, 1 or 2."),
        (r.additional < 0, f"ADDL={r.additional} is negative."),
        (r.interval < 0, f"II={r.interval:g} is negative."),
        (r.additional > 0 and r.interval <= 0, "ADDL needs the interval II, above 0."),
        (
            r.is_dose and r.amount == 0 and not (r.steady and r.rate > 0),
            "the dose has no amount. Give AMT, or RATE with SS=1 and II=0 for an infusion in steady state.",
        ),
        (
            r.is_dose and r.amount == 0 and bool(r.steady) and r.interval > 0,
            "an infusion in steady state without AMT has no interval. Give II=0, or AMT.",
        ),
        (
            bool(r.steady) and r.amount > 0 and r.interval <= 0,
            "a dose in steady state needs the interval II, above 0.",
        ),
        (
            r.is_constant_infusion and r.additional > 0,
            "an infusion in steady state without end can't be repeated. Give ADDL=0.",
        ),
    ]
