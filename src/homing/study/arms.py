"""The arms of a study file as protocols: names become entries of the catalogue, and what can't be given is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homing.ground.errors import HomingError
from homing.ground.nearest import did_you_mean
from homing.ground.text_yaml import Path_
from homing.ground.units import read_quantity
from homing.protocol.course import Course, Dose, Lot, PlannedProcedure, Protocol, Rule, Threshold
from homing.protocol.outside import refusal_of
from homing.protocol.product import Carrier, Drug, Product, Route
from homing.study import known
from homing.study.company import check_company
from homing.study.decision_text import Asked
from homing.study.dosed import PLACEBOS, dosed
from homing.study.faults import Faults
from homing.study.schema import ArmPart, CoursePart, days_of, label_of
from homing.study.wording import amount_text

#: What may be given that changes nothing: a placebo, under the names that trials use.
#: The catalogue keeps the routes of drugs apart from those of cells, since they end in other states; to the user an
#: intravenous infusion is 'intravenous' whatever is in it.
DRUG_ROUTE = "drug-"


@dataclass(frozen=True)
class OwnProduct:
    """A product of the study file: the catalogue's under its own name, and the lot that is given, if one is named."""

    product: Product
    lot: Lot | None


#: The user's own products and carriers, by the names that the study file gives them.
Own = Mapping[str, OwnProduct | Carrier]


def plan_arms(arms: Mapping[str, ArmPart], own: Own, faults: Faults) -> dict[str, Protocol]:
    """Every arm as a Protocol. Parts with a fault are noted and left out."""
    return {name: _plan_arm(name, arm, own, faults) for name, arm in arms.items()}


def _plan_arm(name: str, arm: ArmPart, own: Own, faults: Faults) -> Protocol:
    path: Path_ = ("arms", name)
    procedures = []
    for i, part in enumerate(arm.procedures):
        procedure = known.entry("procedures", part.do, (*path, "procedures", i, "do"), faults)
        if procedure is not None:
            procedures += [PlannedProcedure(procedure, day) for day in days_of(part.at)]
    courses = []
    for i, given in enumerate(arm.courses):
        course = _plan_course(given, own, (*path, "courses", i), faults)
        if course is not None:
            courses.append(course)
            check_company(courses, (*path, "courses", i, "give"), faults)
    return Protocol(
        name=name,
        procedures=tuple(sorted(procedures, key=lambda planned: planned.time)),
        courses=tuple(courses),
        label=label_of(arm.label, name),
        rules=tuple(_plan_rules(arm, own, courses, path, faults)),
    )


def _plan_rules(arm: ArmPart, own: Own, courses: list[Course], path: Path_, faults: Faults) -> Iterator[Rule]:
    company = list(courses)
    for i, part in enumerate(arm.rules):
        place = (*path, "rules", i)
        course = _plan_course(part, own, place, faults)
        asked = [_threshold(question, (*place, "when", k), faults) for k, question in enumerate(part.when)]
        if course is not None:
            company.append(course)
            check_company(company, (*place, "give"), faults)
            yield Rule(course, tuple(a for a in asked if a is not None), part.most)


def _threshold(asked: Asked, path: Path_, faults: Faults) -> Threshold | None:
    """A question in the endpoint's own unit, or None with a fault noted."""
    found = known.entry("endpoints", asked.of, path, faults)
    if found is None:
        return None
    is_compared = asked.how not in ("met", "not met")
    if is_compared != (found.kind == "marker"):
        example = f"{asked.of} above 1 {found.unit}" if found.kind == "marker" else asked.of
        kind = "a marker with a value" if found.kind == "marker" else "met or not"
        faults.add(path, f"'{asked.of}' is {kind}. Write it as '{example}'.")
        return None
    if not is_compared:
        return Threshold(asked.of, asked.how)  # type: ignore[arg-type]
    try:
        return Threshold(asked.of, asked.how, read_quantity(asked.amount, found.unit))  # type: ignore[arg-type]
    except HomingError as e:
        faults.add(path, e.message)
        return None


def _plan_course(part: CoursePart, own: Own, path: Path_, faults: Faults) -> Course | None:
    found = _find(part.give, own, (*path, "give"), faults)
    give, lot = (None, None) if found is None else (found.give, found.lot)
    route = _route(part.route, isinstance(give, Drug), (*path, "route"), faults)
    carrier: Carrier | None = None
    if part.carrier is not None:
        mine = own.get(part.carrier)
        if isinstance(mine, Carrier):
            carrier = mine
        else:
            carrier = known.entry("carriers", part.carrier, (*path, "carrier"), faults)
    if found is None:
        return None
    _check_amount(part, give, path, faults)
    if route is not None:
        _check_route(part, give, route, carrier, path, faults)
    if route is None or (part.carrier is not None and carrier is None):
        return None
    cap = None if part.cap is None else part.cap.number
    dose = Dose(part.dose.number, part.dose.of, part.dose.per_kg, cap)
    return Course(give, part.give, route, dose, tuple(sorted(days_of(part.at))), carrier, lot)


def _route(name: str, for_drug: bool, path: Path_, faults: Faults) -> Route | None:
    """A route by the name that a clinician gives it, or None with a fault noted."""
    names = known.names("routes")
    if f"{DRUG_ROUTE}{name}" in names and (for_drug or name not in names):
        return known.load("routes", f"{DRUG_ROUTE}{name}")
    if name in names:
        return known.load("routes", name)
    plain = {key.removeprefix(DRUG_ROUTE) for key in names}
    faults.add(path, f"there is no route '{name}'. {did_you_mean(name, plain)}")
    return None


@dataclass(frozen=True)
class _Found:
    give: Product | Drug | None
    lot: Lot | None = None


def _find(name: str, own: Own, path: Path_, faults: Faults) -> _Found | None:
    """What a `give` names, or None with a fault noted."""
    if name in PLACEBOS:
        return _Found(None)
    mine = own.get(name)
    if isinstance(mine, OwnProduct):
        return _Found(mine.product, mine.lot)
    if isinstance(mine, Carrier):
        faults.add(path, f"'{name}' is a carrier of this file; name what it carries, and it under `carrier`.")
        return None
    if name in known.names("drugs"):
        return _Found(known.entry("drugs", name, path, faults))
    if name not in known.names("products") and refusal_of(name):
        faults.add(path, refusal_of(name))
        return None
    if name not in known.names("products"):
        products = [key for key, thing in own.items() if isinstance(thing, OwnProduct)]
        names = [*products, *known.names("products"), *known.names("drugs"), *PLACEBOS]
        faults.add(path, f"there is no product or drug '{name}'. {did_you_mean(name, names, most=40)}")
        return None
    product: Product | None = known.entry("products", name, path, faults)
    return None if product is None else _Found(product)


def _check_route(
    part: CoursePart, give: Product | Drug | None, route: Route, carrier: Carrier | None, path: Path_, faults: Faults
) -> None:
    if give is not None and route.key not in give.routes:
        takes = ", ".join(key.removeprefix(DRUG_ROUTE) for key in give.routes)
        faults.add((*path, "route"), f"'{part.give}' can't be given by the route '{part.route}'. It takes: {takes}.")
    if carrier is None:
        return
    if isinstance(give, Drug):
        faults.add((*path, "carrier"), f"'{part.give}' is a drug, and a carrier holds cells. Leave the carrier out.")
    elif route.key not in carrier.routes:
        fitting = [name for name in known.names("carriers") if route.key in known.load("carriers", name).routes]
        instead = f"For that route: {', '.join(fitting)}." if fitting else "Leave the carrier out."
        faults.add(
            (*path, "carrier"), f"the carrier '{carrier.key}' doesn't go with the route '{route.key}'. {instead}"
        )


def _check_amount(part: CoursePart, give: Product | Drug | None, path: Path_, faults: Faults) -> None:
    """Cells are dosed in cells, bacteria as a share of the community, drugs in mg, a placebo in mL."""
    dose = part.dose
    wanted = dosed(give)
    if dose.of != wanted.of:
        faults.add(
            (*path, "dose"),
            f"'{part.give}' is {wanted.what}; {amount_text(dose)} is no dose of it. Write it as '{wanted.example}'.",
        )
