"""Sensitivity: how far the answer moves between the ends of each uncertain value's range, one value at a time.

The answer is the candidate's gain over the control in the primary endpoint, without the noise of readings, in the same
patients under the central scenario. A value that bears on the gut at rest moves the patients' week 0 too.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from homing.answers.case import Case, endpoint_name, name_of, signal
from homing.answers.content import Message, Text, Verbatim
from homing.credibility.record.plan import relied_of
from homing.credibility.tipping import Tip, tipping_point
from homing.endpoints.definitions import EndpointDefinition, endpoint
from homing.evidence.values import Basis, Value
from homing.ground.proportions import paired_difference
from homing.patients.cohort import Cohort
from homing.protocol.course import Course, PlannedProcedure, Protocol
from homing.protocol.instances import written_name
from homing.protocol.product import Product, StateChange

#: Patients in whom every value is tried: a swing of a point or two is what they can show.
PATIENTS = 200
#: Modules whose values bear on the gut at rest.
AT_REST = ("innate", "tolerance", "tcells", "bcells", "barrier", "marrow")


@dataclass(frozen=True)
class Swing:
    """One uncertain value: its range and the gain (share of 1) at each end."""

    name: str
    meaning: Text
    basis: Basis
    source: str
    unit: str
    low: float
    high: float
    gain_low: float
    gain_high: float

    @property
    def size(self) -> float:
        """How far the gain moves between the ends."""
        return abs(self.gain_high - self.gain_low)


@dataclass(frozen=True)
class Sensitivity:
    """All swings, the largest first, about the `centre` (the gain at central values, with its Monte Carlo interval)."""

    centre: tuple[float, float, float]
    patients: int
    swings: tuple[Swing, ...]

    @property
    def share_assumed(self) -> float:
        """The part of the sum of squared swings that stems from assumed values; NaN where nothing moves the answer."""
        total = math.fsum(s.size**2 for s in self.swings)
        return math.fsum(s.size**2 for s in self.swings if s.basis == "assumed") / total if total else math.nan

    @property
    def exploratory(self) -> bool:
        """Whether the answer is dominated by assumed values; so it is where nothing is known to move it."""
        return not self.share_assumed <= 0.5


@dataclass(frozen=True)
class _Trial:
    """One way to run both arms: factors on values, the arms themselves, the endpoint, the scenario."""

    changes: Mapping[str, float] = field(default_factory=dict)
    candidate: Protocol | None = None
    control: Protocol | None = None
    endpoint: EndpointDefinition | None = None
    scenario: str | None = None


@dataclass(frozen=True)
class _Uncertain:
    """A value with its range, and the trial at each end.

    `at` is the trial at another number in the place of the value; None where there is none between the ends.
    """

    name: str
    meaning: Text
    value: Value
    ends: tuple[_Trial, _Trial]
    at: Callable[[float], _Trial] | None = None

    def with_factor(self, factor: float) -> _Trial:
        """The trial with a factor on the value."""
        return _Trial() if self.at is None else self.at(factor * self.value.number)


def _between(name: str, meaning: Text, value: Value, at: Callable[[float], _Trial]) -> _Uncertain:
    """An uncertain value with a trial at every number of its range."""
    low, high = (value.number if end is None else end for end in (value.low, value.high))
    return _Uncertain(name, meaning, value, (at(low), at(high)), at)


def sensitivity(case: Case) -> Sensitivity:
    """The sensitivity of a case's answer. Computed once for a case."""
    if not case.memory.get("sensitivity"):
        case.memory["sensitivity"] = _compute(case)
    found = case.memory["sensitivity"]
    if not isinstance(found, Sensitivity):
        raise TypeError("the case's memory holds something else under 'sensitivity'")
    return found


def _compute(case: Case) -> Sensitivity:
    cohort = case.cohort.first(PATIENTS)
    uncertain = list(_uncertain(case))
    centre = _gain(case, cohort, _Trial())
    swings = []
    for done, item in enumerate(uncertain):
        case.progress("sensitivity", done, len(uncertain))
        low, high = (_gain(case, cohort, end)[0] for end in item.ends)
        value = item.value
        ends = (value.number if value.low is None else value.low, value.number if value.high is None else value.high)
        swings.append(Swing(item.name, item.meaning, value.basis, value.source, value.unit, *ends, low, high))
    case.progress("sensitivity", len(uncertain), len(uncertain))
    return Sensitivity(centre, len(cohort), tuple(sorted(swings, key=lambda s: -s.size)))


def _gain(case: Case, cohort: Cohort, trial: _Trial) -> tuple[float, float, float]:
    """Candidate minus control in the primary endpoint: mean and Monte Carlo interval."""
    if any(name.partition(".")[0] in AT_REST for name in trial.changes):
        states, _ = case.simulator.settle(cohort.values, trial.changes)
        cohort = replace(cohort, initial=states)
    scenario = case.scenario(trial.scenario)
    definition = trial.endpoint or endpoint(case.study.primary.key)
    met = []
    for protocol in (trial.candidate or case.candidate, trial.control or case.control):
        days = [0.0, case.primary_day]
        changes = _changes_in(case, protocol, trial.changes)
        run = case.simulator.run(cohort, protocol, scenario, days, changes=changes)
        now, start = (run.readings(definition.needs, day, noise=False) for day in (run.times[-1], run.times[0]))
        failed = np.isnan(np.array([now[name] for name in definition.needs])).any(axis=0)
        met.append(np.where(failed, np.nan, definition.met(now, start)))
    found = paired_difference(met[0], met[1])
    return found if math.isfinite(found[0]) else (0.0, 0.0, 0.0)


def _changes_in(case: Case, protocol: Protocol, changes: Mapping[str, float]) -> Mapping[str, float]:
    """Factors on the candidate's instances as factors on the same products and drugs of another arm."""
    mine, theirs = case.simulator.machine(case.candidate), case.simulator.machine(protocol)
    if mine.is_common and theirs.is_common:
        return changes
    found = {}
    for name, factor in changes.items():
        module, dot, rest = name.partition(".")
        key = mine.instances.keys.get(module)
        there = module if key is None or name in case.cohort.values else theirs.instances.named(key)
        if there:
            found[f"{there}{dot}{rest}"] = factor
    return found


def _uncertain(case: Case) -> Iterator[_Uncertain]:
    yield from _parameters(case)
    yield from _covariates(case)
    yield from _delivery(case)
    yield from _procedures(case)
    yield from _thresholds(case)
    yield from _scenarios(case)


def _has_range(value: Value) -> bool:
    return value.low is not None and value.high is not None and value.low < value.high


def _factors(value: Value) -> tuple[float, float]:
    return (value.low or 0.0) / value.number, (value.high or 0.0) / value.number


def tipping(case: Case, most: int = 5) -> tuple[tuple[Text, Tip], ...]:
    """How wrong the assumed values that move the answer most would have to be to change the decision, with what each
    means: the size of the cells' effect first, then `most` others by their swing.

    The decision is whether the gain is above what the study's `credibility` section says matters.
    Raises: StudyError where the study has no such section.
    """
    threshold = relied_of(case.study).matters
    cohort = case.cohort.first(PATIENTS)
    known = {item.name: item for item in _uncertain(case)}
    assumed = [s.name for s in sensitivity(case).swings if s.basis == "assumed" and s.size > 0]
    chosen = [item for name in assumed if (item := known[name]).at is not None and item.value.number][:most]
    found: list[tuple[Text, Tip]] = []
    for done, item in enumerate([*_effect(case), *chosen]):
        case.progress("tipping", done, len(chosen) + 1)
        low, high = _factors(item.value)

        def gain(factor: float, item: _Uncertain = item) -> tuple[float, float, float]:
            return _gain(case, cohort, item.with_factor(factor))

        found.append((item.meaning, tipping_point(item.name, gain, low, high, threshold)))
    case.progress("tipping", len(chosen) + 1, len(chosen) + 1)
    return tuple(found)


def _effect(case: Case) -> Iterator[_Uncertain]:
    """All that the scenarios say of how strongly cells act, by one factor, as far as the study's scenarios differ."""
    central = case.scenario()
    effects = [name for name, value in central.multiply.items() if _is_effect(name) and value.number]
    ratios = [
        value.number / central.multiply[name].number
        for key in case.study.scenarios
        for name, value in case.scenario(key).multiply.items()
        if name in effects
    ]
    if effects:
        because = "the scenarios bracket what trials leave open"
        value = Value(1.0, "1", min(ratios), max(ratios), basis="assumed", because=because)
        meaning = Message("sensitivity.scenario")
        yield _between("scenario", meaning, value, lambda factor: _Trial(dict.fromkeys(effects, factor)))


def _is_effect(name: str) -> bool:
    """Whether a parameter says how strongly cells act on tissue."""
    return name.partition(".")[2].startswith(("efferocytosis_", "secretome_", "given_"))


def _by_factor(name: str, meaning: Text, value: Value) -> _Uncertain:
    return _between(name, meaning, value, lambda number: _Trial({name: number / value.number}))


def _parameters(case: Case) -> Iterator[_Uncertain]:
    """Values of the mechanism; of one that differs between patients, the centre of its distribution."""
    drawn = case.simulator.population.distributions
    found = case.simulator.machine(case.candidate)
    arms = (case.candidate, case.control)
    absent = [] if any(arm.products for arm in arms) else ["product", "alloimmunity", "efferocytosis", "secretome"]
    absent += [] if any(arm.drugs for arm in arms) else ["drug"]
    absent += [] if "tract.closure" in case.simulator.population.at_start else ["tract"]
    for name, value in case.simulator.values(case.candidate).items():
        written = written_name(name)
        module = written.partition(".")[0]
        if written != name and written in drawn:
            continue  # one value of the patient for all instances, told with the first
        if name in drawn and _has_range(drawn[name].centre):
            value = drawn[name].centre
        elif name in drawn and value.number:
            ratio = drawn[name].centre.number / value.number if drawn[name].kind != "logit-normal" else 1.0
            value = replace(
                value,
                number=value.number * ratio,
                low=None if value.low is None else value.low * ratio,
                high=None if value.high is None else value.high * ratio,
            )
        if module not in absent and value.number and _has_range(value):
            meaning: Text = Message(f"parameter.{written}")
            if not found.is_common and module in ("product", "drug"):
                given = Verbatim(found.instances.keys[name.partition(".")[0]])
                meaning = Message("sensitivity.of-one", {"name": meaning, "product": given})
            yield _by_factor(name, meaning, value)


def _covariates(case: Case) -> Iterator[_Uncertain]:
    for name, distribution in case.simulator.population.distributions.items():
        if "." not in name and distribution.centre.number and _has_range(distribution.centre):
            yield _by_factor(
                name,
                Message("sensitivity.covariate", {"name": Message(f"covariate.{name.replace('_', '-')}")}),
                distribution.centre,
            )


def _delivery(case: Case) -> Iterator[_Uncertain]:
    """Shares of the dose ladder and of the route; what a lot's certificate says is known."""
    course, product = case.course, case.product
    if course is None or product is None:
        return
    known = ("viability", "potency") if course.lot is not None else ()
    for name, value in product.delivery.items():
        if name not in known and _has_range(value) and not name.startswith("release_"):

            def at(number: float, name: str = name) -> _Trial:
                return _Trial(candidate=_with_share(case.candidate, product, name, number))

            yield _between(f"{product.key}.{name}", Message(f"delivery.{name.replace('_', '-')}"), value, at)


def _with_share(protocol: Protocol, product: Product, name: str, number: float | None) -> Protocol:
    def changed(course: Course) -> Course:
        give = course.give
        if not isinstance(give, Product) or give != product or name not in give.delivery or number is None:
            return course
        value = replace(give.delivery[name], number=number)
        return replace(course, give=replace(give, delivery={**give.delivery, name: value}))

    return replace(protocol, courses=tuple(changed(course) for course in protocol.courses))


def _procedures(case: Case) -> Iterator[_Uncertain]:
    """What procedures do; where it differs between patients, its centre. Both arms have the change."""
    seen = {}
    for arm in (case.candidate, case.control):
        for planned in arm.procedures:
            for position, change in enumerate(planned.procedure.changes):
                seen[planned.procedure.key, position] = (planned.procedure.name, change)
    for (key, position), (name, change) in seen.items():
        value = change.value
        if not _has_range(value):
            continue
        meaning = Message("sensitivity.procedure", {"procedure": name_of(name), "state": signal(change.state)})
        varied = change.vary if change.vary in case.cohort.values else ""

        def at(
            number: float, varied: str = varied, key: str = key, position: int = position, centre: float = value.number
        ) -> _Trial:
            return _Trial({varied: number / centre}) if varied else _both(case, key, position, number)

        yield _between(f"{key}.{change.state}", meaning, value, at)


def _both(case: Case, key: str, position: int, number: float | None) -> _Trial:
    arms = [_with_change(arm, key, position, number) for arm in (case.candidate, case.control)]
    return _Trial(candidate=arms[0], control=arms[1])


def _with_change(protocol: Protocol, key: str, position: int, number: float | None) -> Protocol:
    def changed(planned: PlannedProcedure) -> PlannedProcedure:
        if planned.procedure.key != key or number is None:
            return planned
        changes: list[StateChange] = list(planned.procedure.changes)
        changes[position] = replace(changes[position], value=replace(changes[position].value, number=number))
        return replace(planned, procedure=replace(planned.procedure, changes=tuple(changes)))

    return replace(protocol, procedures=tuple(changed(planned) for planned in protocol.procedures))


def _thresholds(case: Case) -> Iterator[_Uncertain]:
    definition = endpoint(case.study.primary.key)
    for position, condition in enumerate(definition.conditions):
        value = condition.threshold
        if _has_range(value):
            meaning = Message(
                "sensitivity.threshold", {"endpoint": endpoint_name(definition.key), "of": signal(condition.of)}
            )

            def at(number: float, position: int = position) -> _Trial:
                return _Trial(endpoint=_with_threshold(definition, position, number))

            yield _between(f"{definition.key}.{condition.of}", meaning, value, at)


def _with_threshold(definition: EndpointDefinition, position: int, number: float | None) -> EndpointDefinition:
    conditions = list(definition.conditions)
    threshold = replace(conditions[position].threshold, number=0.0 if number is None else number)
    conditions[position] = replace(conditions[position], threshold=threshold)
    return replace(definition, conditions=tuple(conditions))


def _scenarios(case: Case) -> Iterator[_Uncertain]:
    """The size of the cells' effect itself, between the study's scenarios: from the least gain to the largest."""
    keys: Sequence[str] = case.study.scenarios
    if len(keys) < 2:
        return
    gains = {key: case.results.difference(key).mean for key in keys}
    ordered = sorted(keys, key=lambda key: gains[key])
    value = Value(1.0, "1", basis="assumed", because="the scenarios bracket what trials leave open")
    ends = (_Trial(scenario=ordered[0]), _Trial(scenario=ordered[-1]))
    yield _Uncertain("scenario", Message("sensitivity.scenario"), value, ends)
