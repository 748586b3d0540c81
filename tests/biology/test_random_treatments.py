"""Cells are conserved and states stay in their ranges, whatever is given: random values, doses, routes, procedures."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homing.biology.attractors import INFLAMED, OPEN_TRACT, start
from homing.biology.profiles import profile_values
from homing.evidence.catalogue import names
from homing.evidence.profiles import profile_names, read_profile
from homing.mechanism import System
from homing.protocol import catalogue
from homing.protocol.events import Events, Op

DAYS = np.array([0.5, 3.0, 10.0, 29.0, 60.0, 90.0, 200.0, 400.0])
#: Product profiles: every profile that fills a product, whoever added it.
KINDS = sorted(
    name
    for name in profile_names()
    if name not in ("any-cells", "ibd-core", "no-product")
    and any(full.startswith("product.") for full in read_profile(name).values)
)
#: Where a dose of cells may land, by the routes and carriers of the catalogue.
PLACES = sorted(
    {
        deposit.state
        for folder, load in (("routes", catalogue.route), ("carriers", catalogue.carrier))
        for key in names(folder)
        for deposit in load(key).deposits
        if deposit.state.startswith("product.") and deposit.state != "product.arrived"  # a tally beside the place
    }
)
DOSES = st.lists(
    st.tuples(st.integers(0, 480).map(lambda quarter: quarter / 4), st.sampled_from(PLACES), st.floats(4, 10)),
    min_size=1,
    max_size=5,
)
#: Outgrown by their own equations only as far as these, though no upper bound is declared.
SLACK = 1e-4


def varied(system: System, kind: str, unit: list[float]) -> dict[str, float]:
    """Values drawn from the ranges of the catalogue: each between its low and high."""
    values = profile_values(system, "ibd-core", kind, "vedolizumab")
    out = {}
    for x, (name, value) in zip(unit, values.items(), strict=True):
        known = value.low is not None and value.high is not None
        out[name] = value.low + x * (value.high - value.low) if known else value.number
    return out


def planned(system: System, doses: list, drug: bool, conditioned: bool) -> tuple[Events, list[tuple[float, float]]]:
    rows = [(day, Op.ADD, place, 10**size) for day, place, size in doses]
    rows += [(day, Op.SET, "product.competence", 1.0) for day, *_ in doses]
    if drug:
        rows += [(float(day), Op.ADD, "drug.central", 300.0) for day in (0, 14, 42)]
    if conditioned:
        verbs = {"multiply": Op.MULTIPLY, "set": Op.SET, "raise-to": Op.RAISE_TO}
        for change in catalogue.procedure("hsct-conditioning").changes:
            rows.append((0.0, verbs[change.verb], change.state, change.value.number))
    rows.sort(key=lambda row: row[0])
    columns = ([0] * len(rows), *([r[i] for r in rows] for i in (0, 1)), [system.state_index(r[2]) for r in rows])
    events = Events.from_rows(1, *columns, [r[3] for r in rows])
    return events, [(day, 10**size) for day, _, size in doses]


@pytest.mark.parametrize("kind", KINDS)
@given(doses=DOSES, seed=st.integers(0, 2**32 - 1), drug=st.booleans(), conditioned=st.booleans())
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cells_are_conserved_and_states_stay_in_range(
    kind: str, doses: list, seed: int, drug: bool, conditioned: bool, system: System, engine
) -> None:
    unit = np.random.default_rng(seed).uniform(size=len(system.parameters)).tolist()
    values = varied(system, kind, unit)
    events, given_ = planned(system, doses, drug, conditioned)
    out = engine.run(start(system, INFLAMED, OPEN_TRACT), values, events, DAYS, rtol=1e-7)
    assert out.status[0] == 0
    found = dict(zip(out.outputs, out.values[0].T, strict=True))
    delivered = np.array([sum(n for day, n in given_ if day < t) for t in DAYS])
    counted = found["product_cells_alive"] + found["product.dead"] + found["product.departed"] - found["product.born"]
    turnover = delivered + found["product.born"]
    assert np.all(np.abs(counted - delivered) <= 1e-5 * turnover + 10)
    for name, state in system.states.items():
        slack = 10.0 if state.unit == "cell" else SLACK
        assert found[name].min() >= state.low - slack, name
        assert found[name].max() <= state.high + slack, name
