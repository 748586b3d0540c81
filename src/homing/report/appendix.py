"""The appendix: every value that a report rests on, with unit, basis and source."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from homing.answers.case import Case, endpoint_name, name_of
from homing.answers.content import Message, Verbatim
from homing.endpoints.definitions import endpoint
from homing.evidence.sources import load_sources
from homing.evidence.values import Source, Value
from homing.patients.population import Population
from homing.patients.scenario import scenario
from homing.protocol import catalogue
from homing.protocol.course import Lot, Protocol
from homing.protocol.instances import written_name
from homing.report.document import ParameterRow
from homing.study.parts import study_endpoints


def parameter_rows(case: Case) -> list[ParameterRow]:
    """The values of mechanism, product, comparator, population, procedures, scenarios and endpoints of a study."""
    rows = [
        *_mechanism(case),
        *_comparator(case),
        *_population(case.simulator.population),
        *_given(case),
        *_scenarios(case),
        *_thresholds(case),
    ]
    return list({row.name: row for row in rows}.values())


def cited_sources(case: Case) -> dict[str, Source]:
    """All sources of the catalogue, and the release certificates of the study's lots by the text that names them."""
    certificates = {
        lot.source: Source(lot.source, lot.source, ids={}, read="certificate") for lot in _lots(case).values()
    }
    return {**load_sources(), **certificates}


def _mechanism(case: Case) -> Iterator[ParameterRow]:
    found = case.simulator.machine(case.candidate)
    for name, value in case.simulator.values(case.candidate).items():
        if not (name.startswith("drug.") and not case.candidate.drugs):
            module, _, rest = name.partition(".")
            several = not found.is_common and module in found.instances.keys
            label = f"{found.instances.keys[module]}.{rest}" if several else name
            yield ParameterRow(label, Message(f"parameter.{written_name(name)}"), value)


def _comparator(case: Case) -> Iterator[ParameterRow]:
    drug = catalogue.drug(case.study.comparator)
    values = case.simulator.values(Protocol(drug.key, courses=case.with_drug(drug.key).courses))
    for name, value in values.items():
        if name.startswith("drug."):
            label = f"{drug.key}.{name.removeprefix('drug.')}"
            yield ParameterRow(label, Message(f"parameter.{name}"), value)


def _population(population: Population) -> Iterator[ParameterRow]:
    for name, d in population.distributions.items():
        kind = Message(f"kind.{d.kind}")
        key = "appendix.population-fixed" if d.kind == "fixed" else "appendix.population"
        yield ParameterRow(f"patients.{name}", Message(key, {"kind": kind}), d.centre)
        if d.spread is not None:
            message = Message("appendix.population-spread", {"kind": kind})
            yield ParameterRow(f"patients.{name} (spread)", message, d.spread)
    for state, value in population.at_start.items():
        yield ParameterRow(f"patients.{state} (start)", Message("appendix.start"), value)
    for what in ("rate", "barrier_loss", "most_loss", "inflammation"):
        message = Message("appendix.flare", {"what": Message(f"flares.{what}")})
        yield ParameterRow(f"flares.{what}", message, getattr(population.flares, what))
    for what in ("rate", "closure_loss", "most_loss", "sepsis") if population.tract_flares is not None else ():
        message = Message("appendix.tract-flare", {"what": Message(f"tract-flares.{what}")})
        yield ParameterRow(f"tract_flares.{what}", message, getattr(population.tract_flares, what))
    for marker, noise in population.noise.items():
        yield ParameterRow(f"noise.{marker}", Message("appendix.noise"), noise.size)


def _lots(case: Case) -> Mapping[str, Lot]:
    courses = [course for arm in case.study.arms.values() for course in arm.possible_courses]
    return {course.lot.id: course.lot for course in courses if course.lot is not None}


def _given(case: Case) -> Iterator[ParameterRow]:
    for arm in case.study.arms.values():
        for product in arm.products:
            for name, value in product.delivery.items():
                message = Message(f"delivery.{name.replace('_', '-')}")
                yield ParameterRow(f"{product.key}.{name}", message, value)
        for planned in arm.procedures:
            for change in planned.procedure.changes:
                values = {
                    "procedure": name_of(planned.procedure.name),
                    "state": Verbatim(change.state),
                    "verb": Message(f"verb.{change.verb}"),
                }
                name = f"{planned.procedure.key}.{change.state} ({change.verb})"
                yield ParameterRow(name, Message("appendix.procedure", values), change.value)
    for lot in _lots(case).values():
        for name, number in (("viability", lot.viability), ("potency", lot.potency)):
            value = Value(number, "1", basis="measured", source=lot.source)
            yield ParameterRow(f"lot {lot.id}.{name}", Message("appendix.lot", {"lot": Verbatim(lot.id)}), value)


def _scenarios(case: Case) -> Iterator[ParameterRow]:
    for key in case.study.scenarios:
        found = scenario(key)
        for name, value in found.multiply.items():
            message = Message("appendix.factor", {"scenario": name_of(found.name)})
            yield ParameterRow(f"{key}.{name}", message, value)


def _thresholds(case: Case) -> Iterator[ParameterRow]:
    for key in study_endpoints(case.study):
        for condition in endpoint(key).conditions:
            message = Message("appendix.threshold", {"endpoint": endpoint_name(key)})
            yield ParameterRow(f"{key}.{condition.of} ({condition.comparator})", message, condition.threshold)
