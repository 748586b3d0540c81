"""What is planned for one patient: procedures and courses, as the study file says them, in Homing's units."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from homing.protocol.product import Carrier, Drug, Procedure, Product, Route


@dataclass(frozen=True)
class Lot:
    """One manufactured batch with its release data, shared by the patients dosed from it. Fractions of 1."""

    id: str
    viability: float
    potency: float
    source: str


@dataclass(frozen=True)
class Dose:
    """A nominal dose at one time: cells, cells/kg, mg, mg/kg, or mL of a placebo.

    `cap` is the most one patient gets, in `of`.
    """

    number: float
    of: Literal["cell", "mg", "mL", "fraction"]
    per_kg: bool = False
    cap: float | None = None


@dataclass(frozen=True)
class Course:
    """One product or drug by one route at one dose on one schedule. `times` in days from the start.

    `give` is a Product, a Drug, or None for a placebo (which is listed in the ledger and changes nothing).
    """

    give: Product | Drug | None
    name: str
    route: Route
    dose: Dose
    times: tuple[float, ...]
    carrier: Carrier | None = None
    lot: Lot | None = None


@dataclass(frozen=True)
class Threshold:
    """What is asked of an endpoint, by key: above, below, at least or at most a number, met, or not met."""

    of: str
    how: Literal["above", "below", "at least", "at most", "met", "not met"]
    number: float = 0.0


@dataclass(frozen=True)
class Rule:
    """A course whose doses are decided on its days: given where all of `when` holds, `most` times to one patient."""

    course: Course
    when: tuple[Threshold, ...]
    most: int


@dataclass(frozen=True)
class PlannedProcedure:
    """An act that is not a dose, at one time (days)."""

    procedure: Procedure
    time: float


@dataclass(frozen=True)
class Protocol:
    """All that is planned for one patient of an arm. `label` maps a language to the arm's name in reports."""

    name: str
    procedures: tuple[PlannedProcedure, ...] = ()
    courses: tuple[Course, ...] = ()
    label: Mapping[str, str] = field(default_factory=dict)
    rules: tuple[Rule, ...] = ()

    @property
    def possible_courses(self) -> tuple[Course, ...]:
        """The courses that are given and those that rules may give."""
        return (*self.courses, *(rule.course for rule in self.rules))

    @property
    def products(self) -> tuple[Product, ...]:
        """The products given, each once, in the order of courses."""
        found: list[Product] = []
        for course in self.possible_courses:
            if isinstance(course.give, Product) and course.give not in found:
                found.append(course.give)
        return tuple(found)

    @property
    def cell_courses(self) -> tuple[Course, ...]:
        """The courses of human cells that are given on fixed days."""
        return tuple(c for c in self.courses if isinstance(c.give, Product) and c.give.is_cells)

    @property
    def cells(self) -> tuple[Product, ...]:
        """The products given that are human cells."""
        return tuple(product for product in self.products if product.is_cells)

    @property
    def drugs(self) -> tuple[Drug, ...]:
        """The drugs given, each once, in the order of courses."""
        found: list[Drug] = []
        for course in self.possible_courses:
            if isinstance(course.give, Drug) and course.give not in found:
                found.append(course.give)
        return tuple(found)
