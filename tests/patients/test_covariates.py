"""Covariates: marginals and correlations are recovered, and nobody's draws depend on anybody else's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from homing.evidence.catalogue import entry_of_file
from homing.evidence.root import catalogue_root
from homing.ground.errors import EvidenceError
from homing.patients.covariates import (
    MARKERS,
    Covariates,
    at_score,
    conditional,
    covariates,
    draw_covariates,
    read_covariates,
    score_of_draw,
)
from homing.patients.population import population, populations

LUMINAL, FISTULA = "luminal-cd-moderate-severe", "perianal-fistula-refractory-cd"
MANY = np.arange(40_000)


def drawn(key: str, ids: np.ndarray = MANY, seed: int = 5) -> tuple[Covariates, dict[str, np.ndarray], dict]:
    """Covariates of patients whose known scores are independent and normal."""
    from homing.ground.keys import normals

    found = covariates(key)
    scores = {name: normals(seed, f"test {name}", ids)[:, 0] for name in found.known}
    own = {"age": np.full(len(ids), 99.0)}
    return found, draw_covariates(found, seed, ids, own, scores, np.eye(len(found.known))), scores


@pytest.mark.parametrize("key", [p.key for p in populations()])
def test_every_population_has_covariates_of_a_stated_basis(key: str) -> None:
    found = covariates(key)
    assert {"disease_duration", "smoker", "anti_tnf_failure", "albumin", "donor_antibody"} <= set(found.drawn)
    for one in found.covariates:
        assert one.how_known is not None
        assert one.how_known.source or one.how_known.because


@pytest.mark.parametrize("key", [p.key for p in populations()])
def test_marginals_are_those_of_the_file(key: str) -> None:
    found, values, _ = drawn(key)
    for one in found.covariates:
        seen = values[one.name]
        if one.levels:
            for value, share in one.levels:
                assert np.mean(seen == value) == pytest.approx(share, abs=0.01), one.name
        elif one.distribution is not None and one.distribution.kind == "bernoulli":
            assert seen.mean() == pytest.approx(one.distribution.centre.number, abs=0.01), one.name
        elif one.distribution is not None:
            assert np.median(seen) == pytest.approx(one.distribution.centre.number, rel=0.02), one.name


def test_correlations_of_scores_are_those_named() -> None:
    """The scores of continuous covariates are seen through their values' ranks."""
    from scipy.stats import spearmanr

    _, values, scores = drawn(LUMINAL)
    named = {frozenset(c.between): c.rho.number for c in covariates(LUMINAL).correlations}

    def rank(a: np.ndarray, b: np.ndarray) -> float:
        return float(2 * np.sin(np.pi * spearmanr(a, b).statistic / 6))

    pairs = [("albumin", "crp"), ("disease_duration", "age")]
    for own, known in pairs:
        assert rank(values[own], scores[known]) == pytest.approx(named[frozenset((own, known))], abs=0.015)
    assert rank(values["albumin"], values["disease_duration"]) == pytest.approx(0, abs=0.015)
    biserial = np.corrcoef(values["anti_tnf_failure"], scores["drug.pathway_dependence"])[0, 1]
    height = np.exp(-(0.3584588**2) / 2) / np.sqrt(2 * np.pi)  # normal density where 64 % lie above
    expected = -0.5 * height / np.sqrt(0.64 * 0.36)
    assert biserial == pytest.approx(expected, abs=0.015)


def test_a_patient_has_the_same_covariates_in_any_cohort_and_order() -> None:
    _, whole, _ = drawn(FISTULA, np.arange(200))
    some = np.array([17, 3, 150])
    _, part, _ = drawn(FISTULA, some)
    for name, column in part.items():
        np.testing.assert_array_equal(column, whole[name][some])


def test_who_failed_anti_tnf_has_had_it() -> None:
    for key in (LUMINAL, FISTULA, "uc-moderate-severe"):
        _, values, _ = drawn(key)
        assert not np.any((values["anti_tnf_failure"] > 0) & (values["prior_anti_tnf"] == 0))


def test_nobody_is_ill_for_longer_than_alive() -> None:
    found = covariates(LUMINAL)
    ids = np.arange(5000)
    scores = {name: np.zeros(5000) for name in found.known}
    values = draw_covariates(found, 1, ids, {"age": np.full(5000, 18.0)}, scores, np.eye(len(found.known)))
    assert values["disease_duration"].max() == 18.0


@pytest.mark.parametrize("name", ["age", "female", "drug.pathway_dependence", "tract.k_close"])
def test_the_score_of_a_draw_gives_the_draw_back(name: str) -> None:
    """What a population drew for a patient is the quantile at the score found for it afterwards."""
    from homing.patients.cohort import draw_values
    from homing.patients.covariates import Covariate

    found, ids = population(FISTULA), np.arange(300)
    attempts = 1 + ids % 3
    score = score_of_draw(found, name, 11, ids, attempts)
    again = at_score(Covariate(name, "1", found.distributions[name]), score)
    for attempt in range(3):
        at = attempts == attempt + 1
        np.testing.assert_allclose(again[at], draw_values(found, 11, ids[at], attempt)[name])


def test_covariates_of_a_file_do_not_depend_on_those_after_them() -> None:
    """The triangular factor runs in the order of the file, so one may be added at its end."""
    found = covariates(LUMINAL)
    shorter = Covariates(
        found.key,
        found.name,
        found.covariates[:-1],
        tuple(c for c in found.correlations if found.covariates[-1].name not in c.between),
    )
    ids = np.arange(100)
    scores = {name: np.linspace(-2, 2, 100) for name in found.known}
    both = [
        draw_covariates(f, 3, ids, {"age": np.full(100, 80.0)}, scores, np.eye(len(f.known))) for f in (found, shorter)
    ]
    for name, column in both[1].items():
        np.testing.assert_allclose(column, both[0][name])


def test_the_conditional_factor_rebuilds_the_matrix() -> None:
    found = covariates(LUMINAL)
    slopes, factor = conditional(found, np.eye(len(found.known)))
    np.testing.assert_allclose(np.diag(slopes @ slopes.T + factor @ factor.T), 1.0)


def test_markers_are_never_drawn() -> None:
    for found in populations():
        assert not set(MARKERS) & {c.name for c in covariates(found.key).covariates}


TEXT = (catalogue_root() / "covariates" / f"{LUMINAL}.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("  smoker:", "  smoke:", "Did you mean 'smoker'"),
        ("never_above: age", "never_above: aeg", "unknown covariate 'aeg'"),
        ("between: [albumin, crp]", "between: [albumin, crpp]", "Did you mean 'crp'"),
        ("between: [albumin, crp]", "between: [age, crp]", "each apart"),
        ("between: [albumin, crp]", "between: [albumin, albumin]", "between two"),
        ("rho: '-0.4'", "rho: '-1.4'", "between -1 and 1"),
        ("rho: '-0.4'", "rho: '-0.4 mg'", "rho"),
        ("centre: 43 g/L", "centre: 43 kg", "can't be given in 'g/L'"),
        ("centre: '0.27', basis: measured", "centre: '1.27', basis: measured", "from 0 to 1"),
        ("between: [disease_duration, age]", "between: [albumin, crp]", "named already"),
        ("rho: '0.45', basis: assumed, because", "rho: '0.99', basis: assumed, because", "not positive definite"),
    ],
)
def test_faulty_covariates_are_refused_at_their_line(tmp_path: Path, old: str, new: str, says: str) -> None:
    text = TEXT.replace(old, new, 1)
    if says == "not positive definite":  # long illness with age, failure with age, but failure against long illness
        for pair, rho, other, high in (
            ("[anti_tnf_failure, disease_duration]", "0.3", "[anti_tnf_failure, age]", "0.9"),
            ("[smoker, anti_tnf_failure]", "0.1", "[disease_duration, anti_tnf_failure]", "-0.9"),
        ):
            text = text.replace(f"between: {pair}, rho: '{rho}'", f"between: {other}, rho: '{high}'", 1)
    assert old in TEXT
    file = tmp_path / f"{LUMINAL}.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(EvidenceError) as refused:
        read_covariates(entry_of_file(file), population(LUMINAL))
    assert says in str(refused.value)
    assert f"{LUMINAL}.yaml:" in str(refused.value)
