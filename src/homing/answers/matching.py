"""Matching: one patient's features, virtual patients like them, and every cell product of the catalogue that fits."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homing.answers.content import Estimate
from homing.answers.deaths import deaths_of
from homing.answers.evidence_of import Known, Phenotype, known_of, phenotype_of
from homing.evidence.catalogue import entry
from homing.evidence.store import Store
from homing.evidence.values import Value
from homing.ground.calendar import DAYS_PER_YEAR
from homing.patients.cohort import Cohort
from homing.patients.population import population
from homing.patients.scenario import POSTERIOR, scenario
from homing.protocol import catalogue
from homing.protocol.course import Course, PlannedProcedure, Protocol
from homing.protocol.product import Product
from homing.protocol.regimen import usual_courses
from homing.study.case_file import PatientCase
from homing.study.simulator import Simulated, Simulator
from homing.trials.ranking import cohort_means, cohorts, probability_of_best

Array = NDArray[np.float64]
#: Virtual patients drawn for a population, and how many of them like the patient are kept.
DRAWN, KEPT = 600, 200
SCENARIOS, CENTRAL = ("sceptical", POSTERIOR, "optimistic"), POSTERIOR
#: The first visit and the last: half a year, two years.
FIRST, LAST = 24 * 7.0, 2 * DAYS_PER_YEAR
#: What success is in each kind of patient.
ENDPOINTS: Mapping[Phenotype, str] = {
    "fistula": "combined-remission",
    "luminal-crohn": "cdai-remission",
    "colitis": "mayo-remission",
}
#: Medicines that have failed, from which on no option is taken to be left.
NO_OPTION_LEFT = 3
#: The operation that goes before an injection into a tract; without cells it is what is done.
SURGERY = "curettage-and-seton-removal"
#: Standard errors of a paired difference from which it is more than chance, and what rounding makes of none.
_CLEARLY, _ROUNDING = 1.96, 1e-9
#: Cohorts for the probability of being best.
DRAWS = 500


#: 'tested': given to such patients in a trial or series of the store (doing nothing more counts as tested); 'untested':
#: never; 'not-eligible': needs conditioning while other options are left. Only the tested are ranked for the answer.
Standing = Literal["tested", "untested", "not-eligible"]
_STANDINGS: tuple[Standing, ...] = ("tested", "untested", "not-eligible")


@dataclass(frozen=True)
class Option:
    """One way to treat a patient: what is given, what it did in virtual patients like them, and what is known of it.

    `net` is the net benefit by scenario against doing nothing more, in remissions per patient; 'none' has 0.
    """

    key: str
    product: Product | None
    protocol: Protocol
    first: Mapping[str, Array]
    lasting: Mapping[str, Array]
    infections: float
    deaths: Estimate | None
    doses: int
    net: Mapping[str, float]
    known: Known | None
    standing: Standing = "tested"
    probability: float = math.nan  # among those tested

    @property
    def low(self) -> float:
        """The least net benefit over scenarios."""
        return min(self.net.values())

    @property
    def high(self) -> float:
        """The largest net benefit over scenarios."""
        return max(self.net.values())

    @property
    def is_exploratory(self) -> bool:
        """Whether the ranking rests on the model alone: no controlled trial in such patients."""
        return self.known is not None and not self.known.controlled


@dataclass(frozen=True)
class Match:
    """A patient with the options ranked, best first. `near` tells how near the virtual patients' readings are.

    `readings` maps a marker to (the patient's, the least, the median and the largest among the virtual patients kept).
    """

    case: PatientCase
    phenotype: Phenotype
    population: str
    options: tuple[Option, ...]
    readings: Mapping[str, tuple[float, float, float, float]]
    left_out: tuple[str, ...]

    @property
    def none(self) -> Option:
        """Doing nothing more."""
        return next(option for option in self.options if option.product is None)

    @property
    def best(self) -> Option:
        """The option at the head."""
        return self.options[0]

    def rank(self, option: Option) -> int:
        """The place of an option, 1 for the best: one more than are clearly ahead of it, so that equals share it."""
        return _rank(option, self.options, self.none)

    def alongside(self, option: Option) -> list[Option]:
        """The others of its standing that share the place of an option."""
        place = self.rank(option)
        return [o for o in self.options if o is not option and o.standing == option.standing and self.rank(o) == place]


def weights() -> Mapping[str, Value]:
    """How hazards and burden weigh against remission, from catalogue/preferences/net-benefit.yaml."""
    return entry("preferences", "net-benefit").values("weights", "1")


def population_of(case: PatientCase) -> str:
    """The population nearest to a patient."""
    if case.disease == "ulcerative-colitis":
        return "uc-moderate-severe"
    if case.has_fistula:
        return "perianal-fistula-refractory-cd"
    refractory = case.deranged or len(case.failed) >= NO_OPTION_LEFT
    return "refractory-luminal-cd-hsct" if refractory else "luminal-cd-moderate-severe"


def match(case: PatientCase, store: Store, seed: int, threads: int = 1) -> Match:
    """Rank every option for one patient. The same seed gives the same ranking, whoever else is in the table."""
    simulator = Simulator(population(population_of(case)), seed, threads)
    phenotype = phenotype_of(case.disease, case.has_fistula)
    cohort, readings = like(case, simulator)
    protocols, left_out = options_for(case, phenotype)
    found = [_simulate(simulator, cohort, protocol, phenotype, store) for protocol in protocols]
    none = found[0]
    judged = [
        replace(option, net={key: _net(option, none, key) for key in SCENARIOS}, standing=_standing(option, case))
        for option in found
    ]
    tested = [option for option in judged if option.standing == "tested"]
    best = dict(zip((option.key for option in tested), _probabilities(tested, none, seed), strict=True))
    judged = [replace(option, probability=float(best.get(option.key, math.nan))) for option in judged]
    ranks = {option.key: _rank(option, judged, none) for option in judged}
    judged.sort(key=lambda option: _place(option, ranks[option.key]))
    return Match(case, phenotype, population_of(case), tuple(judged), readings, left_out)


def like(case: PatientCase, simulator: Simulator) -> tuple[Cohort, dict[str, tuple[float, float, float, float]]]:
    """Virtual patients like a patient: the nearest by what was measured, of the patient's weight and age.

    Known antibodies against donors stand as full sensitisation, the unit of the mechanism's scale.
    """
    drawn = simulator.cohort(np.arange(DRAWN))
    run = simulator.run(drawn, Protocol("none"), scenario(CENTRAL), [0.0])
    distance = np.zeros(DRAWN)
    seen: dict[str, Array] = {}
    for marker in ("crp", "calprotectin"):
        value = getattr(case, marker)
        if value > 0:
            seen[marker] = run.outcome(marker, 0.0)
            spread = float(np.std(np.log(seen[marker]))) or 1.0
            distance += ((np.log(seen[marker]) - math.log(value)) / spread) ** 2
    kept = np.sort(np.argsort(distance, kind="stable")[:KEPT])
    values = {name: column[kept] for name, column in drawn.values.items()}
    for name in ("age", "weight"):
        if name in values:
            values[name] = np.full(len(kept), getattr(case, name))
    initial = drawn.initial[kept].copy()
    if case.dsa:
        for state in ("alloimmunity.antibody", "alloimmunity.memory"):
            initial[:, simulator.compiled.system.state_index(state)] = 1.0
    cohort = Cohort(drawn.population, drawn.seed, drawn.ids[kept], values, initial, drawn.attempts[kept])
    readings = {
        marker: (getattr(case, marker), *(float(q) for q in np.quantile(column[kept], [0, 0.5, 1])))
        for marker, column in seen.items()
    }
    return cohort, readings


def options_for(case: PatientCase, phenotype: Phenotype) -> tuple[list[Protocol], tuple[str, ...]]:
    """Protocols to simulate, doing nothing more first, and products that the model can't run."""
    surgery = (PlannedProcedure(catalogue.procedure(SURGERY), 0.0),) if phenotype == "fistula" else ()
    found, left_out = [Protocol("none", surgery)], []
    for product in catalogue.products():
        if not product.usual or (product.kind == "bacteria" and phenotype != "colitis"):
            continue
        if product.kind == "car-t" or product.exploratory:
            left_out.append(product.key)
            continue
        for course in _courses(product, phenotype):
            before = [*surgery, *(PlannedProcedure(catalogue.procedure(key), 0.0) for key in product.prepare)]
            found.append(Protocol(f"{product.key} {course.route.key}", tuple(before), (course,), product.name))
    return found, tuple(left_out)


def _courses(product: Product, phenotype: Phenotype) -> list[Course]:
    """The usual course where its route fits the patient, and one by each other chief route that the product takes."""
    wanted = {"fistula": ("intralesional", "intravenous")}.get(phenotype, ("intravenous", "oral"))
    found = []
    for key in wanted:
        if key not in product.routes:
            continue
        mine = next((c for c in usual_courses(product, FIRST) if c.route.key == key), None)
        found += [mine] if mine is not None else _standing_in(product, key)
    return found


def _standing_in(product: Product, route: str) -> list[Course]:
    """The usual course of another product of the kind by a route, with this product in it; the largest dose of them."""
    others = [
        course
        for other in catalogue.products()
        if other.kind == product.kind and other.usual and "source" in other.usual
        for course in usual_courses(other, FIRST)
        if course.route.key == route and (course.carrier is None or course.carrier.key == "suspension")
    ]
    others.sort(key=lambda course: (-course.dose.number, course.name))
    return [replace(others[0], give=product, name=product.key)] if others else []


def _place(o: Option, rank: int) -> tuple[object, ...]:
    """Where an option is listed: by its rank; of equals those with a benefit before doing nothing and it before the
    rest, then the better studied, the larger benefit."""
    studied = o.known.patients if o.known is not None else 0
    return _STANDINGS.index(o.standing), rank, _side_of_nothing(o), -studied, -round(o.net[CENTRAL], 9), o.key


def _side_of_nothing(o: Option) -> int:
    """0 for a benefit above that of doing nothing, 1 for doing nothing, 2 for none above it."""
    return 1 if o.product is None else 0 if o.net[CENTRAL] > _ROUNDING else 2


def _rank(option: Option, options: Sequence[Option], none: Option) -> int:
    return 1 + sum(_ahead(other, option, none) for other in options)


def _ahead(one: Option, other: Option, none: Option) -> bool:
    """Whether an option stands before another: by standing, then where its net benefit is larger beyond chance.

    The chance is that of the virtual patients kept: the same ones take both options, so the difference is paired.
    """
    if one.standing != other.standing:
        return _STANDINGS.index(one.standing) < _STANDINGS.index(other.standing)
    apart = _gain(one, none, CENTRAL) - _gain(other, none, CENTRAL)
    apart = apart[np.isfinite(apart)]
    error = float(apart.std(ddof=1)) / math.sqrt(len(apart)) if len(apart) > 1 else math.inf
    return one.net[CENTRAL] - other.net[CENTRAL] > max(_CLEARLY * error, _ROUNDING)


def no_option_left(case: PatientCase) -> bool:
    """Whether the field would consider a patient for conditioning: deranged immunity and medicines used up."""
    return case.deranged and len(case.failed) >= NO_OPTION_LEFT


def _standing(option: Option, case: PatientCase) -> Standing:
    if option.known is None:
        return "tested"
    if option.product is not None and option.product.kind == "hsc" and not no_option_left(case):
        return "not-eligible"
    return "tested" if option.known.is_tested else "untested"


def _simulate(simulator: Simulator, cohort: Cohort, protocol: Protocol, phenotype: Phenotype, store: Store) -> Option:
    endpoint = ENDPOINTS[phenotype]
    days = np.unique(
        [0.0, *np.arange(1.0, 61.0, 2.0), *np.arange(63.0, DAYS_PER_YEAR, 28.0), DAYS_PER_YEAR, FIRST, LAST]
    )
    runs = {key: simulator.run(cohort, protocol, scenario(key), days) for key in SCENARIOS}
    first = {key: run.outcome(endpoint, FIRST) for key, run in runs.items()}
    lasting = {key: np.minimum(first[key], run.outcome(endpoint, LAST)) for key, run in runs.items()}
    product = protocol.products[0] if protocol.products else None
    return Option(
        key=protocol.name,
        product=product,
        protocol=protocol,
        first=first,
        lasting=lasting,
        infections=float(np.nanmean(_infections(runs[CENTRAL]))),
        deaths=deaths_of(protocol, store),
        doses=sum(len(course.times) for course in protocol.courses),
        net={},
        known=None if product is None else known_of(store, product.catalogue_key, phenotype, not _is_local(protocol)),
    )


def _is_local(protocol: Protocol) -> bool:
    return any(course.route.site == "fistula" for course in protocol.courses)


def _infections(run: Simulated) -> Array:
    within = run.times <= DAYS_PER_YEAR
    years = run.times[within] / DAYS_PER_YEAR
    return np.asarray(np.trapezoid(run["infection_hazard"][:, within], years, axis=1))


def burden(option: Option, none: Option) -> float:
    """What hazards and burden take off, in remissions per patient."""
    weigh = {name: value.number for name, value in weights().items()}
    total = weigh["infection"] * (option.infections - none.infections)
    total += weigh["death"] * (option.deaths.value if option.deaths is not None else 0.0)
    total += weigh["conditioning"] * (option.deaths is not None)
    return total + weigh["visit"] * max(option.doses - 1, 0)


def _gain(option: Option, none: Option, key: str) -> Array:
    """(patient,) half the gain at the first visit and half the lasting one."""
    return np.asarray((option.first[key] - none.first[key] + option.lasting[key] - none.lasting[key]) / 2)


def _net(option: Option, none: Option, key: str) -> float:
    return float(np.nanmean(_gain(option, none, key))) - burden(option, none)


def _probabilities(options: Sequence[Option], none: Option, seed: int) -> Array:
    """The probability of the largest net benefit, over scenarios and cohorts of the virtual patients."""
    taken = np.array([burden(option, none) for option in options])
    picks = cohorts(seed, len(next(iter(none.first.values()))), KEPT, DRAWS, "cohort drawn of patients like one")
    scores = [cohort_means(np.stack([_gain(o, none, key) for o in options]), picks) - taken for key in SCENARIOS]
    return probability_of_best(np.concatenate(scores))
