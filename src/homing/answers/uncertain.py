"""What is uncertain in a study: every value with a range, and how both arms run with another number in its place."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from homing.answers.case import Case, endpoint_name, name_of, signal
from homing.answers.content import Message, Text, Verbatim
from homing.endpoints.definitions import EndpointDefinition, endpoint
from homing.evidence.values import Value
from homing.patients.posterior import Posterior, posterior
from homing.patients.scenario import POSTERIOR, Scenario
from homing.protocol.course import Course, PlannedProcedure, Protocol
from homing.protocol.instances import written_name
from homing.protocol.product import Product, StateChange


@dataclass(frozen=True)
class Trial:
    """One way to run both arms: factors on values, the arms themselves, the endpoint."""

    changes: Mapping[str, float] = field(default_factory=dict)
    candidate: Protocol | None = None
    control: Protocol | None = None
    endpoint: EndpointDefinition | None = None


@dataclass(frozen=True)
class Uncertain:
    """A value with its range, and the trial at each end.

    `at` is the trial at another number in the place of the value; None where there is none between the ends.
    """

    name: str
    meaning: Text
    value: Value
    ends: tuple[Trial, Trial]
    at: Callable[[float], Trial] | None = None

    def with_factor(self, factor: float) -> Trial:
        """The trial with a factor on the value."""
        return Trial() if self.at is None else self.at(factor * self.value.number)


def _between(name: str, meaning: Text, value: Value, at: Callable[[float], Trial]) -> Uncertain:
    """An uncertain value with a trial at every number of its range."""
    low, high = (value.number if end is None else end for end in (value.low, value.high))
    return Uncertain(name, meaning, value, (at(low), at(high)), at)


def uncertain(case: Case) -> Iterator[Uncertain]:
    """Every value with a range that can bear on a case's answer: of the mechanism, patients, delivery, procedures and
    thresholds, and how strongly cells act."""
    yield from _parameters(case)
    yield from _covariates(case)
    yield from _delivery(case)
    yield from _procedures(case)
    yield from _thresholds(case)
    yield from effects(case)


def _has_range(value: Value) -> bool:
    return value.low is not None and value.high is not None and value.low < value.high


def effects(case: Case) -> Iterator[Uncertain]:
    """How strongly cells act: what the posterior's draws leave open, else what the scenarios differ by."""
    central = case.scenario()
    names = [name for name, value in central.multiply.items() if _is_effect(case, name) and value.number]
    if not any(arm.products for arm in (case.candidate, case.control)) or not names:
        return
    if central.rests_on_posterior:
        yield from _effects_of_draws(central, posterior(), names)
        return
    others = [case.scenario(key).multiply for key in case.study.scenarios]
    ratios = [
        multiply[name].number / central.multiply[name].number
        for multiply in others
        for name in names
        if name in multiply
    ]
    because = "the scenarios bracket what trials leave open"
    value = Value(1.0, "1", min(ratios), max(ratios), basis="assumed", because=because)
    if _has_range(value):
        meaning = Message("sensitivity.scenario")
        yield _between("scenario", meaning, value, lambda factor: Trial(dict.fromkeys(names, factor)))


def _effects_of_draws(central: Scenario, draws: Posterior, names: Sequence[str]) -> Iterator[Uncertain]:
    """Each parameter of the posterior that says how strongly cells act, from end to end of its draws' central 95 %, as
    factors on its value under the central scenario; its basis is that of the posterior."""
    for parameter in {draws.multiplied[name].key: draws.multiplied[name] for name in names}.values():
        value = central.multiply[parameter.multiplies[0]]
        low, high = (end / value.number for end in draws.central(parameter.key))
        meaning = Message("sensitivity.posterior", {"name": name_of(parameter.name)})
        factor = replace(value, number=1.0, low=min(low, 1.0), high=max(high, 1.0))

        def at(number: float, multiplied: Sequence[str] = parameter.multiplies) -> Trial:
            return Trial(dict.fromkeys(multiplied, number))

        yield _between(f"{POSTERIOR}.{parameter.key}", meaning, factor, at)


def _is_effect(case: Case, name: str) -> bool:
    """Whether a parameter says how strongly cells act on the tissue that the study is about: a tract, else the gut."""
    module, _, rest = name.partition(".")
    return rest.startswith(("efferocytosis_", "secretome_", "given_")) and (module == "tract") == case.has_fistula


def _by_factor(name: str, meaning: Text, value: Value) -> Uncertain:
    return _between(name, meaning, value, lambda number: Trial({name: number / value.number}))


def _parameters(case: Case) -> Iterator[Uncertain]:
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


def _covariates(case: Case) -> Iterator[Uncertain]:
    for name, distribution in case.simulator.population.distributions.items():
        if "." not in name and distribution.centre.number and _has_range(distribution.centre):
            yield _by_factor(
                name,
                Message("sensitivity.covariate", {"name": Message(f"covariate.{name.replace('_', '-')}")}),
                distribution.centre,
            )


def _delivery(case: Case) -> Iterator[Uncertain]:
    """Shares of the dose ladder and of the route; what a lot's certificate says is known."""
    course, product = case.course, case.product
    if course is None or product is None:
        return
    known = ("viability", "potency") if course.lot is not None else ()
    for name, value in product.delivery.items():
        if name not in known and _has_range(value) and not name.startswith("release_"):

            def at(number: float, name: str = name) -> Trial:
                return Trial(candidate=_with_share(case.candidate, product, name, number))

            yield _between(f"{product.key}.{name}", Message(f"delivery.{name.replace('_', '-')}"), value, at)


def _with_share(protocol: Protocol, product: Product, name: str, number: float | None) -> Protocol:
    def changed(course: Course) -> Course:
        give = course.give
        if not isinstance(give, Product) or give != product or name not in give.delivery or number is None:
            return course
        value = replace(give.delivery[name], number=number)
        return replace(course, give=replace(give, delivery={**give.delivery, name: value}))

    return replace(protocol, courses=tuple(changed(course) for course in protocol.courses))


def _procedures(case: Case) -> Iterator[Uncertain]:
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
        ) -> Trial:
            return Trial({varied: number / centre}) if varied else _both(case, key, position, number)

        yield _between(f"{key}.{change.state}", meaning, value, at)


def _both(case: Case, key: str, position: int, number: float | None) -> Trial:
    arms = [_with_change(arm, key, position, number) for arm in (case.candidate, case.control)]
    return Trial(candidate=arms[0], control=arms[1])


def _with_change(protocol: Protocol, key: str, position: int, number: float | None) -> Protocol:
    def changed(planned: PlannedProcedure) -> PlannedProcedure:
        if planned.procedure.key != key or number is None:
            return planned
        changes: list[StateChange] = list(planned.procedure.changes)
        changes[position] = replace(changes[position], value=replace(changes[position].value, number=number))
        return replace(planned, procedure=replace(planned.procedure, changes=tuple(changes)))

    return replace(protocol, procedures=tuple(changed(planned) for planned in protocol.procedures))


def _thresholds(case: Case) -> Iterator[Uncertain]:
    definition = endpoint(case.study.primary.key)
    for position, condition in enumerate(definition.conditions):
        value = condition.threshold
        if _has_range(value):
            meaning = Message(
                "sensitivity.threshold", {"endpoint": endpoint_name(definition.key), "of": signal(condition.of)}
            )

            def at(number: float, position: int = position) -> Trial:
                return Trial(endpoint=_with_threshold(definition, position, number))

            yield _between(f"{definition.key}.{condition.of}", meaning, value, at)


def _with_threshold(definition: EndpointDefinition, position: int, number: float | None) -> EndpointDefinition:
    conditions = list(definition.conditions)
    threshold = replace(conditions[position].threshold, number=0.0 if number is None else number)
    conditions[position] = replace(conditions[position], threshold=threshold)
    return replace(definition, conditions=tuple(conditions))
