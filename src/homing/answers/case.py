"""Case: what the chapters of a report are made from. One study, its run, and further questions to the same patients.

Each chapter is a function `answer(case) -> Chapter` in a file of its own; none knows of another.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from homing.answers.content import Estimate, Message, Verbatim
from homing.answers.spans import Span, span_of
from homing.endpoints.definitions import endpoint
from homing.evidence.records import Outcome
from homing.evidence.store import Store
from homing.ground.calendar import DAYS_PER_WEEK
from homing.ground.credible import Credible
from homing.ground.proportions import exact_interval, paired_difference, unanimous_interval
from homing.patients.cohort import Cohort
from homing.patients.scenario import POSTERIOR, Scenario, scenario
from homing.protocol import catalogue
from homing.protocol.course import Course, Dose, PlannedProcedure, Protocol
from homing.protocol.product import Drug, Product
from homing.protocol.regimen import usual_courses
from homing.study.plan import Study
from homing.study.results import WEIGHTS, Results, drawn_by_weight, read_weights
from homing.study.run import Run
from homing.study.simulator import Simulated, Simulator

#: Patients of the study whom the chapters ask further questions: the study's first ones.
SAMPLE = 500
Progress = Callable[[str, int, int], None]
Array = NDArray[np.float64]


@dataclass(frozen=True)
class Case:
    """A study that has been run, with the simulator of its patients and the evidence store."""

    study: Study
    run: Run
    results: Results
    simulator: Simulator
    store: Store
    progress: Progress = field(default=lambda step, done, total: None, repr=False)
    #: What was computed once for the case and serves several chapters.
    memory: dict[str, object] = field(default_factory=dict, repr=False)
    _seen: dict[object, Simulated] = field(default_factory=dict, repr=False)

    @cached_property
    def cohort(self) -> Cohort:
        """The study's first patients, at most `SAMPLE`; of weighted ones, patients drawn by their weights."""
        if self.study.like is not None:
            weights = read_weights(self.run.folder / WEIGHTS)
            return self.simulator.cohort(drawn_by_weight(weights, SAMPLE))
        return self.simulator.cohort(np.arange(min(SAMPLE, self.study.patients)))

    @property
    def central(self) -> str:
        """The scenario that stands in the middle: the posterior where the study has it, else 'pooled' or the middle."""
        keys = self.study.scenarios
        return next((key for key in (POSTERIOR, "pooled") if key in keys), keys[len(keys) // 2])

    @property
    def judged(self) -> tuple[str, ...]:
        """The scenarios that stand for all that is not known: the posterior alone where the study has it, else all."""
        return (POSTERIOR,) if self.central == POSTERIOR else self.study.scenarios

    @property
    def candidate(self) -> Protocol:
        """The candidate's arm."""
        return self.study.arms[self.study.candidate]

    @property
    def control(self) -> Protocol:
        """The control arm."""
        return self.study.arms[self.study.control]

    @property
    def product(self) -> Product | None:
        """The product that the candidate arm gives, the first where it gives several; None where it gives none."""
        return self.candidate.products[0] if self.candidate.products else None

    @property
    def given(self) -> tuple[Product | Drug, ...]:
        """All that the candidate arm gives: products, then drugs."""
        return *self.candidate.products, *self.candidate.drugs

    def about_one(self) -> list[Message]:
        """That a chapter is about the first product of an arm that gives more; nothing where it gives no more."""
        if self.product is None or len(self.given) < 2:
            return []
        names = [name_of(give.name) for give in self.given]
        values = {"candidate": label_of(self.candidate), "given": names, "product": name_of(self.product.name)}
        return [Message("case.about-one", values)]

    @property
    def course(self) -> Course | None:
        """The candidate arm's first course of cells; None where it gives none."""
        return next((course for course in self.candidate.courses if isinstance(course.give, Product)), None)

    @property
    def primary_day(self) -> float:
        """The day of the primary endpoint."""
        return self.study.primary.time

    def scenario(self, key: str | None = None) -> Scenario:
        """A scenario by key; the central one when None."""
        return scenario(key or self.central)

    def simulate(
        self,
        protocol: Protocol,
        scenario_key: str | None = None,
        *,
        times: ArrayLike | None = None,
        changes: Mapping[str, float] | None = None,
        cohort: Cohort | None = None,
    ) -> Simulated:
        """A protocol in the study's first patients, under the central scenario unless told otherwise.

        Arguments: `times` days of output (every week to the primary endpoint's day when None); `changes` as in
        `Simulator.run`; `cohort` other patients. The same question is simulated once.
        """
        patients = cohort or self.cohort
        grid = self.weeks() if times is None else np.asarray(times, dtype=float)
        asked = (repr(protocol), scenario_key or self.central, grid.tobytes(), tuple(sorted((changes or {}).items())))
        key = (asked, id(patients))
        if key not in self._seen:
            found = self.simulator.run(patients, protocol, self.scenario(scenario_key), grid, changes=changes)
            self._seen[key] = found
        return self._seen[key]

    @property
    def has_fistula(self) -> bool:
        """Whether the population has a tract that is open at week 0."""
        return "tract.closure" in self.simulator.population.at_start

    def weeks(self, until: float | None = None) -> NDArray[np.float64]:
        """Days of every week to a day (the primary endpoint's when None), the day itself included."""
        last = self.primary_day if until is None else until
        return np.unique([*np.arange(0.0, last, DAYS_PER_WEEK), last])

    def primary(self, simulated: Simulated, *, noise: bool = True) -> NDArray[np.float64]:
        """(patient,) the primary endpoint at its visit: 1, 0, or NaN for a failed patient."""
        return simulated.outcome(self.study.primary.key, self.primary_day, noise=noise)

    def share(self, met: Array, key: str | None = None, ids: ArrayLike | None = None) -> Estimate:
        """The share of patients who met a rule under a scenario, the central one when None.

        Under the posterior its interval is that over draws; else, and where all patients have the same outcome, the
        exact one of simulation error. `ids` are the patients' numbers, those of the case's cohort when None.
        """
        told = self.scenario(key).over_draws(met, self.cohort.ids if ids is None else ids)
        return simulated_share(met) if told is None or told.is_point else credible_share(told)

    def difference(self, a: Array, b: Array, key: str | None = None, ids: ArrayLike | None = None) -> Estimate:
        """The difference of two shares in the same patients under a scenario; arguments as of `share`."""
        told = self.scenario(key).over_draws(a - b, self.cohort.ids if ids is None else ids)
        return simulated_difference(a, b) if told is None or told.is_point else credible_difference(told)

    def span(self, shares: Mapping[str, Estimate]) -> Span:
        """From where to where shares by scenario are plausible, and what that is in words."""
        return span_of(shares, self.central)

    def with_product(self, key: str) -> Protocol:
        """Another product of the catalogue in the place of the candidate's, after the same procedures.

        It is given as its trials gave it where that was by the candidate's route; else by the candidate's route at
        the candidate's dose and times where it can be and is of the same kind; else as its trials gave it. What a
        product needs beforehand (conditioning, antibiotics) goes with it. Whatever else the arm gives goes on.
        """
        product = catalogue.product(key)
        courses = usual_courses(product, self.primary_day)
        mine = self.course
        if mine is not None and self.product is not None and not (courses and courses[0].route.key == mine.route.key):
            if mine.route.key in product.routes and product.kind == self.product.kind:
                courses = (replace(mine, give=product, name=key, lot=None),)
        mine_alone = {key for other in catalogue.products() for key in other.prepare}
        kept = [p for p in self.candidate.procedures if p.procedure.key not in mine_alone]
        kept += [PlannedProcedure(catalogue.procedure(key), 0.0) for key in product.prepare]
        others = [c for c in self.candidate.courses if c.give is not None and c.give != self.product]
        kept += [p for p in self._preparations(others) if p not in kept]
        return Protocol(key, tuple(kept), (*courses, *others) if courses else (), product.name)

    def _preparations(self, courses: Iterable[Course]) -> list[PlannedProcedure]:
        """The candidate's own procedures that some of its courses need beforehand."""
        given = [course.give for course in courses if isinstance(course.give, Product)]
        needed = {key for product in given for key in product.prepare}
        return [planned for planned in self.candidate.procedures if planned.procedure.key in needed]

    def alternatives(self, most: int = 3) -> tuple[str, ...]:
        """Products to set beside the candidate: the study's own, then others that can be given to these patients.

        Those of the candidate's kind that its trials gave by the candidate's route come first. CAR-T cells, of which
        one patient with colitis is known, are set beside others only where a study asks for it.
        """
        mine = self.product
        taken = {product.catalogue_key for product in self.candidate.products}
        fistula = self.course is not None and self.course.route.site == "fistula"
        found = [key for key in self.study.alternatives if key not in taken]
        others = []
        for product in catalogue.products():
            usable = product.kind != "car-t" and product.usual and product.key not in (*found, *taken)
            usable = usable and not product.exploratory
            local = not fistula or "intralesional" in product.routes
            if usable and local:
                others.append((mine is None or product.kind != mine.kind, product.kind == "hsc", product.key))
        return tuple([*found, *(key for *_, key in sorted(others))][: max(most, len(self.study.alternatives))])

    def with_drug(self, key: str, until: float | None = None) -> Protocol:
        """The candidate arm's procedures with the usual regimen of a drug in place of the cells."""
        drug = catalogue.drug(key)
        last = self.primary_day if until is None else until
        return Protocol(
            key, self.candidate.procedures, usual_courses(drug, last, self.simulator.population.disease), drug.name
        )

    def is_of_product(self, course: Course) -> bool:
        """Whether a course gives the candidate's (first) product."""
        return course.give is not None and course.give == self.product

    def with_dose(self, factor: float) -> Protocol:
        """The candidate arm with every dose of its (first) product multiplied by a factor, caps included."""
        courses = tuple(
            replace(course, dose=_scaled(course, factor)) if self.is_of_product(course) else course
            for course in self.candidate.courses
        )
        return replace(self.candidate, courses=courses)


#: Where cells of the product can be; together they are all that is alive of it.
PLACES = ("carried", "lung", "blood", "peripheral", "gut", "fistula", "memory")


def alive(simulated: Simulated, product: Product) -> NDArray[np.float64]:
    """(patient, time) cells of a product alive anywhere."""
    return np.sum([simulated.cells(product.key, place) for place in PLACES], axis=0)


def _scaled(course: Course, factor: float) -> Dose:
    dose = course.dose
    return replace(dose, number=dose.number * factor, cap=None if dose.cap is None else dose.cap * factor)


def name_of(entry: Mapping[str, str]) -> Verbatim:
    """A catalogue name in both languages."""
    return Verbatim(entry["en"], entry.get("zh", ""))


def label_of(protocol: Protocol) -> Verbatim:
    """An arm's name in both languages, or its key where it has no label."""
    return name_of(protocol.label) if "en" in protocol.label else Verbatim(protocol.name)


def endpoint_name(key: str) -> Verbatim:
    """An endpoint's name in both languages."""
    return name_of(endpoint(key).name)


def signal(name: str) -> Message:
    """The words for a state or signal of the mechanism."""
    return Message(f"signal.{name.replace('.', '-').replace('_', '-')}")


def simulated_share(met: NDArray[np.float64], level: float = 0.95) -> Estimate:
    """The share of patients who met a rule, of those whose simulation ended, with its exact Monte Carlo interval."""
    seen = met[~np.isnan(met)]
    if not seen.size:
        return Estimate(math.nan, kind="percent", spread="monte-carlo")
    low, high = exact_interval(int(seen.sum()), seen.size, level)
    return Estimate(float(seen.mean()), low, high, "percent", level, "monte-carlo")


def simulated_difference(a: NDArray[np.float64], b: NDArray[np.float64], level: float = 0.95) -> Estimate:
    """The difference of two shares in the same patients, in points, with its Monte Carlo interval."""
    value, low, high = paired_difference(a, b, level)
    if low == high:
        low, high = unanimous_interval(value, float(np.isfinite(a - b).sum()), level)
    return Estimate(value, low, high, "points", level, "monte-carlo")


def credible_share(found: Credible, level: float = 0.95) -> Estimate:
    """A share with its interval over the draws of the posterior."""
    low, high = (min(max(end, 0.0), 1.0) for end in (found.low, found.high))
    return Estimate(found.mean, low, high, "percent", level, "posterior")


def credible_difference(found: Credible, level: float = 0.95) -> Estimate:
    """A difference of shares, in points, with its interval over the draws of the posterior."""
    return Estimate(found.mean, found.low, found.high, "points", level, "posterior")


def observed_share(events: int, n: int, level: float = 0.95) -> Estimate:
    """A share that a trial reported, with its exact confidence interval."""
    return Estimate(events / n, *exact_interval(events, n, level), "percent", level, "sampling")


def observed_outcome(outcome: Outcome) -> Estimate:
    """What an arm reached: a share with its exact interval (a printed share as if of so many patients), or a mean."""
    n = outcome.n or 0
    if outcome.events is not None and n:
        return observed_share(outcome.events, n)
    if outcome.share is not None:
        if not n:
            return Estimate(outcome.share, kind="percent", spread="none")
        return replace(observed_share(round(outcome.share * n), n), value=outcome.share)
    number = outcome.mean if outcome.mean is not None else outcome.median
    return Estimate(float("nan") if number is None else number, spread="none")


def middle_and_band(values: NDArray[np.float64], share: float = 0.8) -> tuple[NDArray, NDArray, NDArray]:
    """Median over patients at each time, and the band that holds this share of them. `values` (patient, time)."""
    tail = 50 * (1 - share)
    low, middle, high = np.nanpercentile(values, [tail, 50, 100 - tail], axis=0)
    return middle, low, high


def course_words(course: Course) -> Message:
    """A course in words: dose, route, how often."""
    dose = course.dose
    unit = {"cell": "cells", "mg": "mg", "mL": "mL", "fraction": ""}[dose.of] + ("/kg" if dose.per_kg else "")
    if dose.of == "fraction":
        amount = Estimate(dose.number, kind="percent", spread="none")
    else:
        amount = Estimate(dose.number, kind="cells" if dose.of == "cell" else "number", unit=unit, spread="none")
    key = "course.once" if len(course.times) == 1 else "course.repeated"
    return Message(key, {"dose": amount, "route": name_of(course.route.name), "times": len(course.times)})
