"""What readings of a study's markers would tell of the values that move its answer: Fisher information of the secondary
endpoints that are markers with a published error, in the patients of one arm of the planned trial.

It is that of a patient at the centre of the population (no flares, the gut at rest where the centre's values leave it),
who is measured at every visit to the primary endpoint. What differs between patients is left out, so that the real
trial tells less; what can't be told here can't be told there. What the primary endpoint tells is in `counted`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from homing.biology.profiles import numbers
from homing.endpoints.definitions import EndpointDefinition, endpoint
from homing.engine.information import Error, Information, fisher_information
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

_OF_PARAMETERS = (int(Op.SET_PARAMETER), int(Op.ADD_TO_PARAMETER))


@dataclass(frozen=True)
class Missing:
    """Why there is no information. `why` is 'parameters' (no value of the mechanism moves the answer), 'markers' (no
    secondary endpoint is a marker with a published error), 'rules' (doses are decided at visits), or 'failed', where it
    could be asked and the computation did not succeed, `because` of an error."""

    why: str
    because: str = ""


@dataclass(frozen=True)
class Identified:
    """What measuring markers on `days` in `patients` alike would tell of parameters.

    `markers` are keys of endpoints; `errors` the standard deviations of their readings; `information` the engine's, in
    logarithms.
    """

    markers: tuple[str, ...]
    errors: tuple[Error, ...]
    days: tuple[float, ...]
    patients: int
    information: Information


def identify(study: Study, simulator: Simulator, names: Sequence[str]) -> Identified | Missing:
    """What readings in the candidate's arm would tell of the parameters with these names; or why that is not known."""
    protocol = study.arms[study.candidate]
    machine = simulator.machine(protocol)
    markers = {
        m.of: m for m in map(endpoint, study.secondary) if m.kind == "marker" and m.of in machine.compiled.outputs
    }
    errors = {of: error for of, m in markers.items() if (error := _error(simulator, m)) is not None}
    wanted = [name for name in names if name in machine.system.parameters]
    for lacks, why in ((not wanted, "parameters"), (not errors, "markers"), (bool(protocol.rules), "rules")):
        if lacks:
            return Missing(why)
    days = [day for day in study.visits if 0 < day <= study.primary.time]
    try:
        model, events, varying = _typical(simulator, machine, protocol, study.primary.time)
        slopes = sensitivities(model, list(errors), wanted, days, events=events, varying=varying)
        found = fisher_information(slopes, errors, study.design.patients_per_arm)
    except (NumericsError, WiringError) as e:
        return Missing("failed", str(e))
    keys = tuple(markers[of].key for of in errors)
    return Identified(keys, tuple(errors.values()), tuple(days), study.design.patients_per_arm, found)


def _error(simulator: Simulator, marker: EndpointDefinition) -> Error | None:
    """The error of a marker's readings where the population has one that was measured or estimated, not assumed."""
    noise = simulator.population.noise.get(marker.key)
    if noise is None or noise.size.basis == "assumed":
        return None
    size = noise.size.number
    return Error(size) if noise.kind == "additive" else Error(proportional=size)


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
