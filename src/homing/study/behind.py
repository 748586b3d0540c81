"""The values and sources behind a resolved study, as plain text: what the catalogue says of everything it names."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from homing import __version__
from homing.evidence.catalogue import read_entry
from homing.evidence.profiles import read_profile
from homing.evidence.sources import load_sources
from homing.patients.posterior import posterior
from homing.patients.scenario import scenario
from homing.protocol.course import Course
from homing.protocol.ledger import STEPS, give
from homing.protocol.product import Drug, Product
from homing.study.plan import Study
from homing.study.scalars import Amount
from homing.study.schema import ProductPart
from homing.study.wording import amount_text, share_text, value_text

Plain = dict[str, Any]
DISEASE_PROFILE = "ibd-core"
#: What of an entry bears on the simulation, by kind; the rest (stage, strengths, notes) is for reading.
_BEARING = {
    "populations": ("disease", "gut", "at_start", "history", "patients", "flares", "noise", "tract_flares"),
    "covariates": ("covariates", "correlations"),
    "scenarios": ("posterior", "quantile"),
    "routes": ("deposits",),
    "carriers": ("deposits", "values", "retention"),
    "procedures": ("changes",),
    "endpoints": ("kind", "of", "all", "any", "unit", "definition"),
    "products": ("kind", "origin", "profile", "delivery", "overrides"),
    "drugs": ("profile", "between patients", "covariates", "antibodies against it"),
}


def values_behind(study: Study, own: Mapping[str, ProductPart]) -> Plain:
    """Doses as ladders, and every entry and value that the study rests on, with its source.

    Arguments: `own` the user's own products as the file describes them.
    """
    courses = [course for arm in study.arms.values() for course in arm.possible_courses]
    asked = [t.of for arm in study.arms.values() for rule in arm.rules for t in rule.when]
    procedures = [planned.procedure.key for arm in study.arms.values() for planned in arm.procedures]
    products = [*(c.give.key for c in courses if isinstance(c.give, Product)), *study.alternatives]
    drugs = [*(c.give.key for c in courses if isinstance(c.give, Drug)), study.comparator]
    block: Plain = {
        "by": f"homing {__version__}",
        "doses": {
            name: [ladder_text(c) for c in arm.possible_courses]
            for name, arm in study.arms.items()
            if arm.possible_courses
        },
        "populations": _entries("populations", [study.population]),
        "covariates": _entries("covariates", [study.population]) if study.like is not None else {},
        "scenarios": {key: _scenario(key) for key in study.scenarios},
        "disease": _profile(DISEASE_PROFILE),
        "products": {key: _product(key, own.get(key)) for key in dict.fromkeys(products)},
        "drugs": {key: _with_profile("drugs", key) for key in dict.fromkeys(drugs)},
        "routes": _entries("routes", [c.route.key for c in courses]),
        "carriers": _entries("carriers", [c.carrier.catalogue_key for c in courses if c.carrier is not None]),
        "procedures": _entries("procedures", procedures),
        "endpoints": _entries("endpoints", [study.primary.key, *study.secondary, *asked]),
    }
    block = {key: value for key, value in block.items() if value}
    sources = load_sources()
    block["sources"] = {key: sources[key].citation for key in sorted(set(_sources(block))) if key in sources}
    return block


def ladder(course: Course) -> dict[str, float]:
    """One dose of a course from nominal to delivered, in its unit; per kg (and before the cap) where it is per kg."""
    uncapped = replace(course, dose=replace(course.dose, cap=None))
    given = give(uncapped, 0.0, np.ones(1))
    return {step: float(given.amounts()[step][0]) for step in STEPS if step != "engrafted"}


def ladder_text(course: Course) -> Plain:
    """The ladder of one dose as texts."""
    dose = course.dose
    steps = {
        step: amount_text(Amount(float(f"{number:.6g}"), dose.of, dose.per_kg))
        for step, number in ladder(course).items()
    }
    return {"give": course.name} | (steps if isinstance(course.give, Product) else {"nominal": steps["nominal"]})


def _entries(kind: str, keys: Iterable[str]) -> Plain:
    return {key: _bearing(kind, key) for key in dict.fromkeys(keys)}


def _bearing(kind: str, key: str) -> Plain:
    tree = read_entry(kind, key).tree
    return {field: tree[field] for field in _BEARING[kind] if tree.get(field)}


def _scenario(key: str) -> Plain:
    """A scenario with its factors; of the posterior, which of them this is."""
    found = _bearing("scenarios", key)
    if found:
        used = posterior()
        found |= {"version": used.version, "public until": used.until, "checksum of draws": used.checksum}
    return found | {"multiply": {name: value_text(value) for name, value in scenario(key).multiply.items()}}


def _with_profile(kind: str, key: str) -> Plain:
    found = _bearing(kind, key)
    return found | {"values": _profile(found["profile"])}


def _product(key: str, part: ProductPart | None) -> Plain:
    """A product with its profile; what the release certificate of a lot says stands in for the usual values."""
    found = _with_profile("products", key if part is None else part.like)
    if part is None or part.lot is None:
        return found
    lot = part.lot
    released = {"viability": lot.viability} | ({} if lot.potency is None else {"potency": lot.potency})
    measured = {
        name: {"value": share_text(share), "basis": "measured", "source": lot.source, "at": f"lot {lot.id}"}
        for name, share in released.items()
    }
    return found | {"delivery": found["delivery"] | measured}


def _profile(name: str) -> Plain:
    return {parameter: value_text(value) for parameter, value in sorted(read_profile(name).values.items())}


def _sources(node: Any) -> Iterator[str]:
    """Every source key within plain data."""
    if isinstance(node, dict):
        for key, value in node.items():
            if key == "source" and isinstance(value, str):
                yield value
            elif key == "sources" and isinstance(value, list):
                yield from value
            else:
                yield from _sources(value)
    elif isinstance(node, list):
        for part in node:
            yield from _sources(part)
