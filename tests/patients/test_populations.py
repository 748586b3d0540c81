"""Populations and scenarios: the distributions of the reference model, on parameters that the mechanism has."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from homing.biology.ibd import ibd_system
from homing.evidence.catalogue import entry_of_file
from homing.evidence.root import catalogue_root
from homing.ground.errors import EvidenceError
from homing.patients.cohort import draw_values
from homing.patients.flares import add_flares
from homing.patients.population import COVARIATES, Population, population, populations, read_population
from homing.protocol import catalogue
from homing.protocol.events import Op
from homing.protocol.timeline import EventRows

SYSTEM = ibd_system()
FISTULA = "perianal-fistula-refractory-cd"
ALL = populations()
#: name -> (kind, centre, spread) of the reference model's virtual patients.
GUT = {
    "tolerance.regulatory_weight": ("lognormal", 1.0, 0.25),
    "barrier.leak_lost": ("lognormal", 0.6, 0.2),
    "innate.effector_weight": ("lognormal", 1.1, 0.15),
    "tcells.k_priming": ("lognormal", 0.055, 0.8),
    "drug.pathway_dependence": ("logit-normal", 0.6, 1.0),
}
TRACT = {
    "tract.k_close": ("lognormal", 0.028, 0.45),
    "tract.half_sepsis": ("lognormal", 0.40, 0.30),
    "tract.k_break": ("lognormal", 0.012, 0.3),
    "tract.efferocytosis_clearance": ("lognormal", 1.0, 1.0),
    "tract.secretome_clearance": ("lognormal", 0.6, 1.0),
    "tract.secretome_closure": ("fixed", 0.5, None),
    "surgical_sepsis": ("normal", 0.35, 0.15),
    "surgical_closure": ("normal", 0.35, 0.15),
}


def stated(found: Population, name: str) -> tuple:
    d = found.distributions[name]
    return d.kind, d.centre.number, None if d.spread is None else d.spread.number


#: An endotype that is assumed to exist; its gut is not that of the reference model.
B_DRIVEN = "uc-b-cell-driven"


def test_the_populations_are_there() -> None:
    expected = {FISTULA, "luminal-cd-moderate-severe", "uc-moderate-severe", "refractory-luminal-cd-hsct", B_DRIVEN}
    assert {p.key for p in ALL} == expected


@pytest.mark.parametrize("found", [p for p in ALL if p.key != B_DRIVEN], ids=lambda p: p.key)
def test_the_gut_varies_as_in_the_reference_model(found: Population) -> None:
    assert {name: stated(found, name) for name in GUT} == GUT


def test_the_tract_varies_as_in_the_reference_model() -> None:
    found = population(FISTULA)
    assert {name: stated(found, name) for name in TRACT} == TRACT
    bounds = {
        n: (found.distributions[n].low, found.distributions[n].high) for n in ("surgical_sepsis", "surgical_closure")
    }
    assert {n: (low.number, high.number) for n, (low, high) in bounds.items() if low and high} == {
        "surgical_sepsis": (0.05, 0.9),
        "surgical_closure": (0.02, 0.8),
    }


def test_memory_that_outlives_conditioning_has_the_reference_models_log_spread() -> None:
    survival = population("refractory-luminal-cd-hsct").distributions["memory_survival"]
    assert survival.spread is not None and survival.high is not None
    assert (survival.centre.number, survival.high.number) == (0.01, 0.3)
    assert math.sqrt(math.log1p(survival.spread.number**2)) == pytest.approx(0.8, abs=1e-3)


@pytest.mark.parametrize("found", ALL, ids=lambda p: p.key)
def test_flares_and_noise_are_those_of_the_reference_model(found: Population) -> None:
    flares = found.flares
    numbers = [v.number for v in (flares.rate, flares.barrier_loss, flares.most_loss, flares.inflammation)]
    set_to_stopping = found.disease == "crohn" and found.gut == "inflamed"  # relapse after anti-TNF is stopped (STORI)
    assert numbers == [2.5 if set_to_stopping else 1, 0.22, 0.95, 0.3]
    assert (found.noise["cdai"].kind, found.noise["cdai"].size.number) == ("additive", 80)
    assert (found.noise["calprotectin"].kind, found.noise["calprotectin"].size.number) == ("relative", 0.57)


@pytest.mark.parametrize("found", ALL, ids=lambda p: p.key)
def test_parameters_that_vary_exist_in_their_unit_and_within_bounds(found: Population) -> None:
    drawn = draw_values(found, 7, np.arange(2000))
    for name, distribution in found.distributions.items():
        if "." not in name:
            assert name in COVARIATES
            continue
        declared = SYSTEM.parameters[name]
        assert distribution.centre.to(declared.unit).number == distribution.centre.number, name
        assert declared.low <= drawn[name].min() and drawn[name].max() <= declared.high, name


@pytest.mark.parametrize("found", ALL, ids=lambda p: p.key)
def test_states_at_the_start_exist(found: Population) -> None:
    assert set(found.at_start) <= set(SYSTEM.states)
    assert ("tract.closure" in found.at_start) == (found.key == FISTULA)


@pytest.mark.parametrize("found", ALL, ids=lambda p: p.key)
def test_drawn_patients_are_adults_of_a_weight_that_adults_have(found: Population) -> None:
    drawn = draw_values(found, 7, np.arange(4000))
    assert drawn["age"].min() >= 18
    assert drawn["weight"].min() >= 40 and drawn["weight"].max() <= 130
    assert set(np.unique(drawn["female"])) == {0.0, 1.0}
    assert drawn["weight"].mean() == pytest.approx(found.distributions["weight"].centre.number, abs=2.5)


def test_what_procedures_let_vary_is_a_covariate() -> None:
    from homing.evidence.catalogue import names

    for key in names("procedures"):
        for change in catalogue.procedure(key).changes:
            assert not change.vary or change.vary in COVARIATES


ENTRY = (catalogue_root() / "populations" / f"{FISTULA}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("gut: healthy", "gut: healty", "Did you mean 'healthy'"),
        ("disease: crohn", "disease: chron", "Did you mean 'crohn'"),
        ("can-remit]", "can-remitt]", "Did you mean 'can-remit'"),
        ("{distribution: fixed", "{distribution: fixd", "Did you mean 'fixed'"),
        ("{distribution: fixed, centre: '0.5'", "{distribution: fixed, centre: '0.5', spread: '1'", "has no spread"),
        ("centre: 0.028 1/d, spread: '0.45'", "centre: 0.028 1/d", "needs a spread"),
        ("centre: 0.028 1/d", "centre: -0.028 1/d", "above zero"),
        ("centre: '0.49'", "centre: '1.49'", "from 0 to 1"),
        ("low: 40 kg, high: 130 kg", "low: 140 kg, high: 130 kg", "low must be below high"),
        ("low: 40 kg", "low: 40 d", "can't be given in 'kg'"),
        ("  surgical_sepsis:\n", "  surgical_sepsos:\n", "Did you mean 'surgical_sepsis'"),
        ("cdai: {kind: additive", "cdai: {kind: aditive", "Did you mean 'additive'"),
        ("value: 1 1/year", "value: 1 kg", "can't be given in '1/year'"),
        (
            "source: darvadstrocel-france-2023",
            "source: darvadstrocel-france",
            "Did you mean 'darvadstrocel-france-2023'",
        ),
        ("flares:\n  rate:", "flares:\n  rat:", "unknown field 'rat'"),
    ],
)
def test_a_faulty_population_is_refused_at_its_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    assert old in ENTRY
    file = tmp_path / "some.yaml"
    file.write_text(ENTRY.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(EvidenceError, match=r"some\.yaml:\d+") as error:
        read_population(entry_of_file(file))
    assert says in str(error.value)


def test_a_flare_of_the_tract_opens_what_is_closed_and_kindles_as_much_sepsis() -> None:
    """By hand: closure h becomes h (1 - loss), sepsis rises by size * loss * h; an open tract is left as it is."""
    who, days = population(FISTULA), 364.0
    quiet = replace(who, flares=replace(who.flares, rate=replace(who.flares.rate, number=0.0)))
    rows = EventRows(400)
    add_flares(rows, SYSTEM, quiet, 4, np.arange(400), 0.0, days)
    events = rows.events()
    kindled, opened = (events.op == op for op in (Op.ADD_MULTIPLE_OF, Op.MULTIPLY))
    assert kindled.sum() == opened.sum() == pytest.approx(400 * days / 365.25, abs=4 * 20)  # Poisson, one a year
    assert set(events.target[kindled]) == set(events.source[opened] + 1 + SYSTEM.state_index("tract.sepsis"))
    assert set(events.target[opened]) == set(events.source[kindled]) == {SYSTEM.state_index("tract.closure")}
    np.testing.assert_allclose(events.value[kindled], 1 - events.value[opened], rtol=1e-12)  # size 1
    assert 0.05 <= events.value[opened].min() and np.mean(1 - events.value[opened]) == pytest.approx(0.42, abs=0.05)
