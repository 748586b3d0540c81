"""Deaths by a procedure of an arm, as the trials and programmes of the evidence store counted them."""

from __future__ import annotations

from homing.answers.case import observed_share
from homing.answers.content import Estimate
from homing.evidence.records import SingleArm
from homing.evidence.store import Store
from homing.protocol.course import Protocol
from homing.synthesis.binomial import pool_proportions


def deaths_counted(protocol: Protocol, store: Store) -> tuple[SingleArm, ...]:
    """The counts behind the deaths of a protocol's deadly procedure; none where it has no such procedure.

    A regimen with trials of its own has their counts, another those of all programmes of the question.
    """
    for planned in protocol.procedures:
        told = planned.procedure.deaths
        if told is not None:
            singles = store.single_arms(told.question)
            return tuple(s for s in singles if not told.trials or s.trial.key in told.trials)
    return ()


def deaths_of(protocol: Protocol, store: Store) -> Estimate | None:
    """The share who die of a protocol's deadly procedure; None for a protocol without one.

    One trial has its exact interval; of several the share is pooled by a mixed model.
    """
    counts = [single.counts for single in deaths_counted(protocol, store)]
    if not counts:
        return None
    if len(counts) == 1:
        return observed_share(counts[0].events, counts[0].n)
    found = pool_proportions([c.events for c in counts], [c.n for c in counts]).natural()
    return Estimate(float(found.estimate[0]), float(found.low[0]), float(found.high[0]), "percent")
