"""What a run gives back: the outputs of every patient and how each integration ended."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from homing.ground.errors import WiringError
from homing.ground.nearest import did_you_mean


class Status(IntEnum):
    """How the integration of one patient ended. `sentence` says what happened, `remedy` what to do."""

    SUCCESS = 0
    NEGATIVE_STATE = 1  # a warning: the values are kept
    TOO_MANY_STEPS = 2
    STEP_TOO_SMALL = 3
    NOT_FINITE = 4
    TOO_MANY_EVENTS = 5

    @property
    def sentence(self) -> str:
        """What happened."""
        return _SENTENCES[self][0]

    @property
    def remedy(self) -> str:
        """What would help."""
        return _SENTENCES[self][1]

    @property
    def has_failed(self) -> bool:
        """Whether values are missing: from the time of the failure on they are NaN."""
        return self > Status.NEGATIVE_STATE


_SENTENCES = {
    Status.SUCCESS: ("Integrated to the end.", "Nothing to do."),
    Status.NEGATIVE_STATE: (
        "A state fell below its lowest value by more than ten times its absolute tolerance; the values are kept.",
        "Lower rtol. If that does not help, the equations lead out of the state's range: correct them or the event.",
    ),
    Status.TOO_MANY_STEPS: (
        "The end was not reached within the allowed number of steps.",
        "Raise max_steps. If that does not help, look for a parameter far out of its range.",
    ),
    Status.STEP_TOO_SMALL: (
        "The step size fell below what the clock can resolve: the solution has a singularity or a jump.",
        "Look at the patient's parameters and at the last event before the failure.",
    ),
    Status.NOT_FINITE: (
        "The equations or the patient's values gave a number that is not finite.",
        "Look for a division by zero, the logarithm of a negative state or a missing parameter value.",
    ),
    Status.TOO_MANY_EVENTS: (
        "Triggers fired without end at one time, or more delayed ones were waiting than there is room for.",
        "Look for triggers that set each other off; give them a delay or a condition that becomes false.",
    ),
}


@dataclass(frozen=True)
class Trajectories:
    """Outputs of n patients at k times.

    Arrays: `times` (time) in days; `values` (patient, time, output), NaN after a failure; `status` (patient) codes of
    `Status`; `steps` and `rejected` (patient); `final` (patient, state) or None when it was not asked for. For each of
    `triggers`, `fired_at` (patient, trigger) is when its condition first became true, NaN if never, and `fired` how
    often it did.
    """

    times: NDArray[np.float64]
    outputs: tuple[str, ...]
    values: NDArray[np.float64]
    status: NDArray[np.int8]
    steps: NDArray[np.int64]
    rejected: NDArray[np.int64]
    final: NDArray[np.float64] | None = None
    triggers: tuple[str, ...] = ()
    fired_at: NDArray[np.float64] = field(default_factory=lambda: np.empty((0, 0)))
    fired: NDArray[np.int64] = field(default_factory=lambda: np.empty((0, 0), dtype=np.int64))

    @property
    def patients(self) -> int:
        """The number of patients, failed ones included."""
        return len(self.status)

    @property
    def complete(self) -> NDArray[np.bool_]:
        """(patient,) whether the integration reached the end."""
        return self.status <= Status.NEGATIVE_STATE

    def __getitem__(self, output: str) -> NDArray[np.float64]:
        """(patient, time) values of one output. Raises WiringError with the nearest name where there is none."""
        if output not in self.outputs:
            raise WiringError(f"'{output}' was not an output of this run. {did_you_mean(output, self.outputs)}")
        return self.values[:, :, self.outputs.index(output)]

    def problems(self) -> Iterator[tuple[int, Status]]:
        """The patients that did not end in SUCCESS, with their status."""
        for patient in np.flatnonzero(self.status):
            yield int(patient), Status(self.status[patient])
