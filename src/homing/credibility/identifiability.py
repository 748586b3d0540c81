"""What the study's own measurements would tell of the values that move its answer: Fisher information of the primary
endpoint's readings, in the patients of one arm of the planned trial.

It is that of a patient at the centre of the population (no flares, the gut at rest where the centre's values leave it),
who is measured at every visit to the primary endpoint. What differs between patients is left out, so that the real
trial tells less; what can't be told here can't be told there.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from homing.biology.profiles import numbers
from homing.endpoints.definitions import endpoint, endpoints
from homing.engine.information import Direction, Error, Information, fisher_information
from homing.engine.sensitivity import sensitivities
from homing.ground.errors import NumericsError, WiringError
from homing.mechanism.model import Model
from homing.protocol.course import Protocol
from homing.protocol.events import Events, Op
from homing.protocol.instances import written_name
from homing.protocol.releasing import add_release
from homing.protocol.timeline import EventRows, build_timeline
from homing.study.machines import Machine, values_of
from homing.study.plan import Study
from homing.study.simulator import Simulator

#: Half the width of a 95 % interval in standard deviations.
_HALF = 1.96
_OF_PARAMETERS = (int(Op.SET_PARAMETER), int(Op.ADD_TO_PARAMETER))


@dataclass(frozen=True)
class Identified:
    """What measuring `outputs` on `days` in `patients` alike would tell of parameters.

    `errors` are the standard deviations taken for the readings; `information` the engine's, in logarithms.
    """

    outputs: tuple[str, ...]
    errors: tuple[Error, ...]
    days: tuple[float, ...]
    patients: int
    information: Information

    @property
    def known(self) -> tuple[tuple[str, float, float], ...]:
        """Each parameter with the standard error of its logarithm: alone, where the others are known, and together,
        where all are estimated; the best known first."""
        with np.errstate(divide="ignore"):
            alone = 1 / np.sqrt(np.diag(self.information.matrix))
        together = self.information.standard_errors.tolist()
        found = zip(self.information.parameters, alone.tolist(), together, strict=True)
        return tuple(sorted(found, key=lambda row: (row[2], row[1])))

    @property
    def worst(self) -> Direction:
        """The combination of parameters that is told least."""
        return self.information.directions[-1]


def identify(study: Study, simulator: Simulator, names: Sequence[str]) -> Identified | None:
    """What the candidate's arm would tell of the parameters with these names; None where it can't be asked.

    It can't where no reading of the primary endpoint has a known error, where doses are decided at visits, where none
    of the names is a parameter of the candidate's machine, or where the derivatives can't be integrated.
    """
    protocol = study.arms[study.candidate]
    machine = simulator.machine(protocol)
    errors = {name: error for name in endpoint(study.primary.key).needs if (error := _error(study, simulator, name))}
    outputs = [name for name in errors if name in machine.compiled.outputs]
    wanted = [name for name in names if name in machine.system.parameters]
    if protocol.rules or not outputs or not wanted:
        return None
    model, events, varying = _typical(simulator, machine, protocol, study.primary.time)
    days = [day for day in study.visits if 0 < day <= study.primary.time]
    try:
        slopes = sensitivities(model, outputs, wanted, days, events=events, varying=varying)
    except (NumericsError, WiringError):
        return None
    measured = {name: errors[name] for name in outputs}
    found = fisher_information(slopes, measured, study.design.patients_per_arm)
    return Identified(tuple(outputs), tuple(measured.values()), tuple(days), study.design.patients_per_arm, found)


def _error(study: Study, simulator: Simulator, name: str) -> Error | None:
    """The error of a reading: the population's noise of its marker, or the range of the threshold that it is held
    against, taken for a 95 % interval."""
    marker = next((found.key for found in endpoints() if found.kind == "marker" and found.of == name), "")
    noise = simulator.population.noise.get(marker)
    if noise is not None:
        size = noise.size.number
        return Error(size) if noise.kind == "additive" else Error(proportional=size)
    thresholds = [c.threshold for c in endpoint(study.primary.key).conditions if c.of == name]
    for value in thresholds:
        if value.low is not None and value.high is not None and value.low < value.high:
            return Error((value.high - value.low) / (2 * _HALF))
    return None


def _typical(
    simulator: Simulator, machine: Machine, protocol: Protocol, last: float
) -> tuple[Model, Events, tuple[str, ...]]:
    """The candidate's machine as a model of the patient at the centre, that patient's events, and the parameters that
    the events set, in the order in which they count them."""
    centres = {name: d.centre.number for name, d in simulator.population.distributions.items()}
    values = {name: np.array([number]) for name, number in centres.items()}
    states, _ = simulator.settle(values, {})
    first = machine.initial(states, simulator.compiled.system)[0]
    profile = numbers(values_of(machine.system, protocol))
    profile |= {name: centres[written_name(name)] for name in profile if written_name(name) in centres}

    def also(rows: EventRows) -> None:
        add_release(rows, protocol, machine.instances, machine.compiled.target)

    events = build_timeline(machine.system, protocol, values, 1, also=also).events
    start = dict(zip(machine.system.states, first.tolist(), strict=True))
    model = Model(protocol.name, machine.system, profile, lambda _: start)
    return model, *_renumbered(events, machine)


def _renumbered(events: Events, machine: Machine) -> tuple[Events, tuple[str, ...]]:
    """Events whose targets among parameters count those that they set alone, and their names."""
    sets = np.isin(events.op, _OF_PARAMETERS)
    used = np.unique(events.target[sets])
    target = events.target.copy()
    target[sets] = np.searchsorted(used, events.target[sets])
    return replace(events, target=target), tuple(machine.compiled.varying[i] for i in used)
