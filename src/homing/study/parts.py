"""One part of a run: some patients through every arm and scenario, as tables ready to be written.

A part depends on the study and its patients alone, so parts can be made in any order, by anybody, and again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from homing.endpoints.definitions import endpoint
from homing.engine.trajectories import Status
from homing.ground.calendar import DAYS_PER_WEEK
from homing.patients.scenario import scenario
from homing.protocol.instances import instances
from homing.protocol.ledger import STEPS, GivenDose
from homing.study.numerics import Numerics
from homing.study.plan import Study
from homing.study.simulator import SHOWN, Simulated, Simulator

if TYPE_CHECKING:
    import pyarrow as pa

#: Patients whose trajectories are kept, week by week.
KEPT_TRAJECTORIES = 200
#: Where the cells of each product are told apart where a study gives several.
PLACES = ("carried", "lung", "blood", "peripheral", "gut", "fistula", "memory", "arrived", "dead")
#: Scores kept in the trajectories beside `SHOWN`.
SCORES = ("cdai", "mayo", "pdai", "markers.crp", "markers.calprotectin", "drug_concentration")


@dataclass(frozen=True)
class Part:
    """Tables of one part, the draws that its patients took until their history fitted, and checks of its numbers."""

    results: pa.Table
    trajectories: pa.Table | None
    ledger: pa.Table
    attempts: int
    numerics: Numerics
    patients: int


def plain(name: str) -> str:
    """A column's name: 'combined-remission' and 'tract.closure' with underscores."""
    return name.replace("-", "_").replace(".", "_")


def weekly(study: Study) -> NDArray[np.float64]:
    """Every week and every visit, to the last visit."""
    weeks = np.arange(0.0, study.visits[-1] + 1, DAYS_PER_WEEK)
    return np.unique([*weeks[weeks <= study.visits[-1]], *study.visits])


def study_endpoints(study: Study) -> tuple[str, ...]:
    """The endpoints of a study, the primary one first."""
    return tuple(dict.fromkeys((study.primary.key, *study.secondary)))


def simulate_part(study: Study, simulator: Simulator, ids: NDArray[np.int64]) -> Part:
    """Run the patients with these numbers through every scenario and arm."""
    import pyarrow as pa

    cohort = simulator.cohort(ids)
    results, trajectories, ledger = [], [], []
    numerics = Numerics()
    for name in study.scenarios:
        for arm, protocol in study.arms.items():
            simulated = simulator.run(cohort, protocol, scenario(name), weekly(study))
            numerics.add(f"{name} / {arm}", simulated)
            results.append(_results(study, name, arm, simulated))
            ledger += list(_ledger(name, arm, simulated))
            if ids[0] < KEPT_TRAJECTORIES:
                trajectories.append(_trajectories(study, name, arm, simulated))
    return Part(
        pa.concat_tables(results),
        pa.concat_tables(trajectories) if trajectories else None,
        pa.concat_tables(ledger) if ledger else _no_doses(),
        int(cohort.attempts.sum()),
        numerics,
        len(ids),
    )


def _keys(scenario_: str, arm: str, patients: NDArray[np.int64], days: NDArray[np.float64]) -> dict[str, Any]:
    """The columns that say which row it is: patients slow, days fast."""
    import pyarrow as pa

    n = len(patients) * len(days)
    return {
        "scenario": pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), [scenario_]),
        "arm": pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), [arm]),
        "patient": np.repeat(patients, len(days)),
        "day": np.tile(days, len(patients)),
    }


def _results(study: Study, scenario_: str, arm: str, simulated: Simulated) -> pa.Table:
    import pyarrow as pa

    days = np.array(study.visits)
    columns = _keys(scenario_, arm, simulated.cohort.ids, days)
    names = np.array([Status(code).name.lower() for code in simulated.trajectories.status])
    columns["status"] = pa.array(np.repeat(names, len(days))).dictionary_encode()
    for key in study_endpoints(study):
        values = np.stack([simulated.outcome(key, day) for day in days], axis=1).ravel()
        missing = np.isnan(values)
        met = endpoint(key).kind == "rule"
        columns[plain(key)] = pa.array(np.nan_to_num(values) > 0 if met else values, mask=missing)
    return pa.table(columns)


def _trajectories(study: Study, scenario_: str, arm: str, simulated: Simulated) -> pa.Table:
    import pyarrow as pa

    keep = simulated.cohort.ids < KEPT_TRAJECTORIES
    columns = _keys(scenario_, arm, simulated.cohort.ids[keep], simulated.times)
    for name in dict.fromkeys((*SHOWN, *SCORES)):
        columns[plain(name)] = simulated[name][keep].ravel()
    products, drugs = given(study)
    for key in products if len(products) > 1 else ():
        for place in PLACES:
            columns[f"cells_{plain(key)}_{place}"] = simulated.cells(key, place)[keep].ravel()
    for key in drugs if len(drugs) > 1 else ():
        columns[f"concentration_{plain(key)}"] = simulated.concentration(key)[keep].ravel()
    return pa.table(columns)


def given(study: Study) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The products of cells and the drugs that the arms of a study give, by key, each once."""
    found = [instances(arm) for arm in study.arms.values()]
    products = dict.fromkeys(product.key for each in found for product in each.products)
    return tuple(products), tuple(dict.fromkeys(drug.key for each in found for drug in each.drugs))


def _ledger(scenario_: str, arm: str, simulated: Simulated) -> Iterator[pa.Table]:
    """One row for each patient and dose: the five amounts, and what was lost between them."""
    import pyarrow as pa

    for dose in simulated.ledger():
        columns = _keys(scenario_, arm, simulated.cohort.ids, np.array([dose.time]))
        n = len(simulated.cohort.ids)
        for name, text in _dose_words(dose).items():
            columns[name] = pa.array([text] * n, pa.string())
        columns |= {step: amount for step, amount in dose.amounts().items()}
        steps = [dose.amounts()[step] for step in STEPS]
        losses = ("lost_dead_on_release", "lost_not_potent", "lost_in_line", "lost_in_body")
        columns |= {name: before - after for name, before, after in zip(losses, steps[:-1], steps[1:], strict=True)}
        given = columns["nominal"] > 0  # a rule may have given none
        yield pa.table(columns).filter(pa.array(given))


def _dose_words(dose: GivenDose) -> dict[str, str]:
    course = dose.course
    return {
        "give": course.name,
        "route": course.route.key,
        "carrier": course.carrier.key if course.carrier is not None else "",
        "lot": course.lot.id if course.lot is not None else "",
        "unit": course.dose.of,
    }


def _no_doses() -> pa.Table:
    """The ledger of a study in which nothing is given: its columns and no row."""
    import pyarrow as pa

    texts = ("scenario", "arm")
    numbers = ("day", *STEPS, "lost_dead_on_release", "lost_not_potent", "lost_in_line", "lost_in_body")
    words = ("give", "route", "carrier", "lot", "unit")
    fields = [(name, pa.dictionary(pa.int32(), pa.string())) for name in texts]
    fields += [("patient", pa.int64()), ("day", pa.float64())]
    fields += [(name, pa.string()) for name in words] + [(name, pa.float64()) for name in numbers[1:]]
    return pa.schema(fields).empty_table()
