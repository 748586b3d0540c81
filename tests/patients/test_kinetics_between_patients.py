"""Kinetics between patients: each published covariate effect in its direction and size, antibodies, chance."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from homing.biology.ibd import ibd_system
from homing.evidence.catalogue import entry_of_file
from homing.evidence.root import catalogue_root
from homing.ground.errors import EvidenceError
from homing.patients.drug_kinetics import covariate_factor, inert_effects, kinetic_factors, makes_antibodies
from homing.patients.population import population
from homing.protocol.catalogue import drug, drugs
from homing.protocol.drug_entry import read_drug
from homing.study.simulator import Simulator

IDS = np.arange(4000)


def factor(key: str, parameter: str, **covariates: float) -> float:
    """The factor of all covariates together, without antibodies and chance unless they are given."""
    plain = replace(drug(key), between_patients={}, anti_drug_antibody=None)
    values = {name: np.array([value]) for name, value in covariates.items()}
    return float(kinetic_factors(plain, values, 1, np.array([0])).get(parameter, np.ones(1))[0])


# the formulas of the papers, written out anew
@pytest.mark.parametrize(
    ("key", "parameter", "covariates", "expected"),
    [
        ("infliximab", "drug.clearance", {"albumin": 30}, (3.0 / 4.1) ** -1.54),
        ("infliximab", "drug.clearance", {"anti_drug_antibody": 1}, 1 + 0.471),
        ("infliximab", "drug.clearance", {"female": 1, "albumin": 45}, (4.5 / 4.1) ** -1.54 * (1 - 0.236)),
        ("infliximab", "drug.volume_central", {"weight": 110, "female": 1}, (110 / 77) ** 0.538 * (1 - 0.137)),
        ("adalimumab", "drug.clearance", {"anti_drug_antibody": 1}, 4),
        ("vedolizumab", "drug.clearance", {"albumin": 32, "weight": 100}, (3.2 / 4) ** -1.18 * (100 / 70) ** 0.362),
        ("vedolizumab", "drug.clearance", {"anti_drug_antibody": 1}, 1.12),
        ("vedolizumab", "drug.most_saturable", {"weight": 50}, (50 / 70) ** 0.75),
        ("ustekinumab", "drug.clearance", {"albumin": 33}, 1 - 0.0165 * (33 - 43)),
        ("ustekinumab", "drug.clearance", {"biologic_naive": 1, "fat_free_mass": 60}, 0.773 * (60 / 45) ** 0.598),
        ("risankizumab", "drug.clearance", {"weight": 90, "albumin": 37}, (90 / 70) ** 0.933 * (37 / 44) ** -0.715),
        ("risankizumab", "drug.clearance", {"crp": 20, "anti_drug_antibody": 1}, (20 / 2.8) ** 0.044 * 1.428),
        ("risankizumab", "drug.volume_peripheral", {"weight": 90}, (90 / 70) ** 0.377),
        ("mirikizumab", "drug.clearance", {"albumin": 34.57, "crp": 74.1}, 1.2 * 10**0.0853),
        ("mirikizumab", "drug.flow", {"weight": 80}, (80 / 65) ** 0.268),
        ("upadacitinib", "drug.clearance", {"female": 1}, 1 / 1.16),
        ("recombinant-il-10", "drug.clearance", {"weight": 35}, 0.5),
    ],
)
def test_a_covariate_has_its_published_effect(key: str, parameter: str, covariates: dict, expected: float) -> None:
    assert factor(key, parameter, **covariates) == pytest.approx(expected, rel=1e-3)


@pytest.mark.parametrize("found", drugs(), ids=lambda d: d.key)
def test_at_the_reference_a_covariate_changes_nothing(found) -> None:
    for effect in found.covariates:
        at = 0.0 if effect.reference is None else effect.reference.number
        assert covariate_factor(effect, np.array([at]))[0] == pytest.approx(1)


@pytest.mark.parametrize("found", drugs(), ids=lambda d: d.key)
def test_every_effect_is_on_a_parameter_of_a_drug(found) -> None:
    names = {*(e.parameter for e in found.covariates), *found.between_patients}
    assert names <= {name for name in ibd_system().parameters if name.startswith("drug.")}


def test_the_share_with_antibodies_and_the_spread_are_those_published() -> None:
    infliximab = drug("infliximab")
    assert makes_antibodies(infliximab, 3, IDS).mean() == pytest.approx(0.068, abs=0.015)
    luck = kinetic_factors(replace(infliximab, anti_drug_antibody=None), {}, 3, IDS)["drug.clearance"]
    assert np.median(luck) == pytest.approx(1, abs=0.03)
    assert np.std(luck) / np.mean(luck) == pytest.approx(0.377, abs=0.03)


def test_a_patient_draws_the_same_in_any_company_and_luck_differs_between_drugs() -> None:
    few, many = (kinetic_factors(drug("infliximab"), {}, 3, IDS[:n])["drug.clearance"] for n in (5, 500))
    np.testing.assert_array_equal(few, many[:5])
    other = kinetic_factors(drug("vedolizumab"), {}, 3, IDS)["drug.clearance"]
    mine = kinetic_factors(drug("infliximab"), {}, 3, IDS)["drug.clearance"]
    assert abs(np.corrcoef(np.log(mine), np.log(other))[0, 1]) < 0.05


def test_without_covariates_of_its_own_a_population_is_at_the_reference() -> None:
    plain = replace(drug("infliximab"), between_patients={}, anti_drug_antibody=None)
    assert kinetic_factors(plain, {}, 1, IDS) == {}


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("by: albumin", "by: albumen", "Did you mean 'albumin'"),
        ("form: power, reference: 41 g/L", "form: power", "needs a `reference`"),
        ("form: factor", "form: factor, reference: 1", "has no reference"),
        ("reference: 77 kg", "reference: 77 L", "kg"),
        ("profile: infliximab", "profile: inflixmab", "no profile 'inflixmab'"),
        ("between patients:", "between patient:", "unknown field"),
    ],
)
def test_a_faulty_drug_is_refused_with_its_place(old: str, new: str, says: str, tmp_path: Path) -> None:
    text = (catalogue_root() / "drugs" / "infliximab.yaml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / "infliximab.yaml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(EvidenceError, match=says) as refused:
        read_drug(entry_of_file(file))
    assert refused.value.where.startswith(f"{file}:")


def test_the_effects_that_change_nothing_in_simulated_patients_are_those_declared() -> None:
    inert = sorted((d.key, e.parameter, e.covariate) for d in drugs() for e in inert_effects(d))
    assert sum(len(d.covariates) for d in drugs()) == 33
    assert inert == [
        ("adalimumab", "drug.clearance", "anti_drug_antibody"),
        ("infliximab", "drug.clearance", "albumin"),
        ("mirikizumab", "drug.clearance", "albumin"),
        ("mirikizumab", "drug.clearance", "crp"),
        ("risankizumab", "drug.clearance", "albumin"),
        ("risankizumab", "drug.clearance", "crp"),
        ("ustekinumab", "drug.clearance", "albumin"),
        ("ustekinumab", "drug.clearance", "biologic_naive"),
        ("ustekinumab", "drug.clearance", "fat_free_mass"),
        ("ustekinumab", "drug.volume_central", "fat_free_mass"),
        ("ustekinumab", "drug.volume_peripheral", "fat_free_mass"),
        ("vedolizumab", "drug.clearance", "albumin"),
    ]


@pytest.mark.parametrize("found", drugs(), ids=lambda d: d.key)
def test_every_other_effect_moves_its_parameter_in_the_patients_that_populations_draw(found) -> None:
    """Without chance, an effect left out changes the factors of a cohort where it acts, and nothing else."""
    plain = replace(found, between_patients={})
    ids = np.arange(300)
    values = Simulator(population("luminal-cd-moderate-severe"), 3).cohort(ids).values
    whole = kinetic_factors(plain, values, 3, ids)
    for effect in found.covariates:
        less = replace(plain, covariates=tuple(e for e in found.covariates if e is not effect))
        ones = np.ones(len(ids))
        without = kinetic_factors(less, values, 3, ids).get(effect.parameter, ones)
        moved = not np.array_equal(whole.get(effect.parameter, ones), without)
        assert moved == (effect not in inert_effects(found)), (effect.parameter, effect.covariate)
