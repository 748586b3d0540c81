"""What of the posterior bears on a study's answer, found by moving it in the study's own patients."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from homing.answers.case import Case
from homing.answers.sensitivity import PATIENTS
from homing.patients.posterior import PosteriorParameter, posterior
from homing.patients.scenario import POSTERIOR, Scenario, scenario

#: The summary of the posterior that has every parameter at its middle.
MIDDLE = "pooled"


def at_one_point(case: Case) -> Scenario:
    """The central scenario, or the posterior's middle in its place: one world, where draws would be many."""
    return scenario(MIDDLE) if case.central == POSTERIOR else case.scenario()


def bearing(case: Case) -> tuple[str, ...]:
    """What the parameters of the posterior multiply that bear on the study's answer.

    One does where its prior's 95 % ends give any of the first patients another primary outcome, in the candidate's or
    in the control arm. Nothing of it does where no scenario of the study rests on the posterior.
    """
    if not any(scenario(key).rests_on_posterior for key in case.study.scenarios):
        return ()
    return tuple(name for p in posterior().parameters.values() if _moves(case, p) for name in p.multiplies)


def _moves(case: Case, parameter: PosteriorParameter) -> bool:
    if not parameter.multiplies:
        return False
    low, high = (_outcomes(case, parameter, end) for end in (parameter.prior.low, parameter.prior.high))
    return any(not np.array_equal(a, b, equal_nan=True) for a, b in zip(low, high, strict=True))


def _outcomes(case: Case, parameter: PosteriorParameter, factor: float) -> Iterator[np.ndarray]:
    """The primary outcome of the first patients in both arms, with the parameter at a factor and the others' middle."""
    base = scenario(MIDDLE)
    moved = {name: replace(base.multiply[name], number=factor) for name in parameter.multiplies}
    world = replace(base, multiply={**base.multiply, **moved})
    cohort = case.cohort.first(PATIENTS)
    for protocol in (case.candidate, case.control):
        run = case.simulator.run(cohort, protocol, world, [0.0, case.primary_day])
        yield case.primary(run)
