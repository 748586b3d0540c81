"""Comparison: what the chapters of a comparison are made from, and what several of them need."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from homing.answers.case import Case, label_of
from homing.answers.content import Estimate, Message, Text
from homing.answers.deaths import deaths_counted, deaths_of
from homing.answers.evidence_of import Known, Phenotype, known_of, phenotype_of
from homing.answers.priced import Cost, cost_of
from homing.ground.calendar import DAYS_PER_YEAR
from homing.patients.scenario import POSTERIOR
from homing.protocol.course import Protocol
from homing.protocol.product import Product
from homing.study.patients import PatientTable
from homing.study.plan import Comparing
from homing.study.schema import DEFAULT_MATTERS
from homing.study.simulator import Simulated
from homing.trials.ranking import cohort_means, cohorts

Array = NDArray[np.float64]
#: Cohorts drawn for probabilities.
DRAWS = 2000


@dataclass(frozen=True)
class Comparison:
    """A study that has been run, as all of its arms beside each other. Arms keep the file's order."""

    case: Case
    table: PatientTable
    evidence: dict[str, Known] = field(default_factory=dict, repr=False)

    @property
    def told(self) -> Comparing:
        """What the `compare` section says, or its defaults."""
        return self.case.study.comparing or Comparing(DEFAULT_MATTERS)

    @property
    def arms(self) -> tuple[str, ...]:
        """The candidates by name, the control among them."""
        return tuple(self.case.study.arms)

    @property
    def reference(self) -> int:
        """The position of the control."""
        return self.arms.index(self.case.study.control)

    @property
    def others(self) -> list[int]:
        """The positions of all arms but the control."""
        return [i for i in range(len(self.arms)) if i != self.reference]

    @property
    def scenarios(self) -> tuple[str, ...]:
        """The study's scenarios."""
        return self.case.study.scenarios

    @property
    def under(self) -> Message:
        """Under what the probabilities hold, in words: see `Case.judged`."""
        return Message("compare.under-posterior" if self.case.central == POSTERIOR else "compare.under-scenarios")

    @property
    def size(self) -> int:
        """Patients of a cohort of the size of the planned trial's arm."""
        return self.case.study.design.patients_per_arm

    def protocol(self, arm: int) -> Protocol:
        """An arm's protocol by position."""
        return self.case.study.arms[self.arms[arm]]

    def name(self, arm: int) -> Text:
        """An arm's name in both languages."""
        return label_of(self.protocol(arm))

    @cached_property
    def met(self) -> dict[str, Array]:
        """By scenario, (arm, patient) the primary endpoint at its visit."""
        return {key: self.table.primary(key) for key in self.scenarios}

    @cached_property
    def lasting(self) -> dict[str, Array]:
        """By scenario, (arm, patient) whether it is met at its visit and at every later one."""
        return {key: self.table.lasting(key) for key in self.scenarios}

    @cached_property
    def average(self) -> Array:
        """(arm, patient) the primary endpoint, averaged over the scenarios that are judged by (`Case.judged`)."""
        return np.asarray(np.mean([self.met[key] for key in self.case.judged], axis=0))

    def share(self, met: Array, key: str | None = None) -> Estimate:
        """A share of the run's patients under a scenario, as `Case.share`."""
        return self.case.share(met, key, self.table.patients)

    def gain(self, met: Array, other: Array, key: str | None = None) -> Estimate:
        """A difference of shares in the run's patients under a scenario, as `Case.difference`."""
        return self.case.difference(met, other, key, self.table.patients)

    @cached_property
    def picks(self) -> NDArray[np.int64]:
        """(draw, size) the patients of each cohort drawn."""
        patients = len(self.table.patients)
        return np.asarray(cohorts(self.case.study.seed, patients, self.size, DRAWS))

    def drawn(self, outcomes: dict[str, Array]) -> dict[str, Array]:
        """By scenario, (draw, arm) means over the cohorts; under the posterior each cohort with one draw of it."""
        return {key: cohort_means(values, self.picks) + self._apart(key, values) for key, values in outcomes.items()}

    def _apart(self, key: str, values: Array) -> Array:
        """(draw, arm) how far each draw of the posterior moves the arms' means; 0 in a scenario without draws.

        The control is moved as its own share is, every other arm by that and by its difference from the control, so
        that arms move together where patients do.
        """
        reference = values[self.reference]
        found = [
            self.case.scenario(key).over_draws(row, self.table.patients) for row in (reference, *values - reference)
        ]
        moved = np.array([each.means - each.mean for each in found if each is not None])
        if len(moved) < len(found):
            return np.zeros((1, len(values)))
        together = (moved[0] + moved[1:]).T
        return np.asarray(together[np.arange(DRAWS) % len(together)])

    @cached_property
    def alike(self) -> list[list[int]]:
        """Arms in groups whose outcome is the same in every patient, scenario and visit: alike to the model."""
        end = self.case.study.primary.key
        groups: dict[bytes, list[int]] = {}
        for i, arm in enumerate(self.arms):
            columns = [self.table.outcome(s, arm, end, day) for s in self.scenarios for day in self.case.study.visits]
            groups.setdefault(np.concatenate(columns).tobytes(), []).append(i)
        return list(groups.values())

    def first_alike(self, arms: list[int]) -> list[int]:
        """Some arms, one of each group that the model can't tell apart."""
        group = {i: k for k, members in enumerate(self.alike) for i in members}
        kept: dict[int, int] = {}
        for i in arms:
            kept.setdefault(group[i], i)
        return list(kept.values())

    @property
    def matters(self) -> Message:
        """The smallest difference that matters, in words."""
        return Message("number.points", {"number": 100 * self.told.matters})

    @property
    def last_day(self) -> float:
        """The last visit."""
        return self.case.study.visits[-1]

    @property
    def is_followed(self) -> bool:
        """Whether there is a visit after the primary one."""
        return self.last_day > self.case.primary_day

    @property
    def phenotype(self) -> Phenotype:
        """The kind of patient, as the evidence store tells them apart."""
        return phenotype_of(self.case.simulator.population.disease, self.case.has_fistula)

    def first_year(self, arm: int) -> Simulated:
        """An arm in the first patients under the central scenario: hours, days, then weeks of the first year."""
        early = np.concatenate([np.geomspace(0.02, 3, 12), np.arange(4, 61, 1.0)])
        days = np.unique([0.0, *early, *self.case.weeks(DAYS_PER_YEAR)])
        return self.case.simulate(self.protocol(arm), times=days)

    @cached_property
    def infections(self) -> Array:
        """(arm, patient) expected infections in the first year of the first patients, central scenario."""
        rows = []
        for arm in range(len(self.arms)):
            run = self.first_year(arm)
            within = run.times <= DAYS_PER_YEAR
            rows.append(np.trapezoid(run["infection_hazard"][:, within], run.times[within] / DAYS_PER_YEAR, axis=1))
        return np.stack(rows)

    def deaths(self, arm: int) -> Estimate | None:
        """The share who die of a deadly procedure, as programmes counted it; None for an arm without one."""
        return deaths_of(self.protocol(arm), self.case.store)

    def death_sources(self, arm: int) -> list[str]:
        """The sources behind `deaths`."""
        return list(dict.fromkeys(s.source for s in deaths_counted(self.protocol(arm), self.case.store)))

    def costs(self, arm: int) -> tuple[Cost, ...]:
        """What each product of an arm costs; drugs, procedures and care are not priced."""
        protocol = self.protocol(arm)
        return tuple(cost_of(self.case, protocol, product) for product in protocol.products)

    def money(self, arm: int) -> Estimate | None:
        """The cost of an arm as `cells_money`; None where a drug is given, whose cost is not known here."""
        return None if self.protocol(arm).drugs else self.cells_money(arm)

    def cells_money(self, arm: int) -> Estimate | None:
        """The cost of an arm's cells in one currency, 0 without cells; None where no rate brings it there."""
        costs = self.costs(arm)
        if not costs:
            return Estimate(0.0, kind="money", spread="none", unit=self.currency)
        total, low, high = 0.0, 0.0, 0.0
        for cost in costs:
            rate = self._rate(cost.price.value.unit)
            if math.isnan(rate):
                return None
            value = cost.price.value
            total += rate * cost.times * value.number
            low += rate * cost.times * (value.number if value.low is None else value.low)
            high += rate * cost.times * (value.number if value.high is None else value.high)
        ends = (low, high) if high > low else (math.nan, math.nan)
        return Estimate(total, *ends, "money", 0.9, "sampling" if high > low else "none", self.currency)

    @cached_property
    def currency(self) -> str:
        """The currency of comparison: what the rates buy, else that of most prices."""
        if self.told.exchange:
            return next(iter(self.told.exchange.values()))[1]
        units = [c.price.value.unit for arm in range(len(self.arms)) for c in self.costs(arm)]
        return max(sorted(set(units)), key=units.count) if units else "CNY"

    def _rate(self, unit: str) -> float:
        if unit == self.currency:
            return 1.0
        return self.told.exchange[unit][0] if unit in self.told.exchange else math.nan

    def known(self, product: Product) -> Known:
        """What the evidence store says of a product in these patients."""
        key = product.catalogue_key
        if key not in self.evidence:
            self.evidence[key] = known_of(self.case.store, key, self.phenotype)
        return self.evidence[key]


def listed(names: list[Text]) -> list[Text]:
    """Names for a sentence: all where there are few, else the first and how many more."""
    return names if len(names) <= 4 else [*names[:3], Message("compare.more", {"n": len(names) - 3})]
