"""How a drug's kinetics differ between patients: by their covariates, by antibodies against it, and by chance.

The factors are those of the drug's published population analysis (`catalogue/drugs/`). A covariate that simulated
patients do not have is taken at its reference, so that its factor is 1; `inert_effects` names these.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from homing.ground.keys import normals, uniforms
from homing.patients.population import COVARIATES
from homing.protocol.product import CovariateEffect, Drug

Values = Mapping[str, NDArray[np.float64]]
ANTIBODY = "anti_drug_antibody"


def kinetic_factors(drug: Drug, values: Values, seed: int, ids: NDArray[np.int64]) -> dict[str, NDArray[np.float64]]:
    """Factors (patient,) on parameters of a drug by full name, for patients with these numbers.

    Arguments:
        values: covariates (patient,) by name, in the units of `protocol.drug_entry.COVARIATES`. Where they hold
            `anti_drug_antibody`, it is used in place of a draw.
    """
    known = dict(values)
    if ANTIBODY not in known and drug.anti_drug_antibody is not None:
        known[ANTIBODY] = makes_antibodies(drug, seed, ids)
    factors: dict[str, NDArray[np.float64]] = {}
    for effect in drug.covariates:
        if effect.covariate in known:
            ones = factors.get(effect.parameter, np.ones(len(ids)))
            factors[effect.parameter] = ones * covariate_factor(effect, known[effect.covariate])
    for name, cv in drug.between_patients.items():
        spread = np.sqrt(np.log1p(cv.number**2))
        luck = np.exp(spread * normals(seed, f"kinetics of {drug.key}: {name}", ids)[:, 0])
        factors[name] = factors.get(name, np.ones(len(ids))) * luck
    return factors


def inert_effects(drug: Drug) -> tuple[CovariateEffect, ...]:
    """The effects that change nothing in a simulated patient, because none has their covariate.

    Patients have what a population draws; antibodies against the drug where their share was published.
    """
    had = {*COVARIATES, *([ANTIBODY] if drug.anti_drug_antibody is not None else [])}
    return tuple(effect for effect in drug.covariates if effect.covariate not in had)


def covariate_factor(effect: CovariateEffect, covariate: NDArray[np.float64]) -> NDArray[np.float64]:
    """The factor on a parameter at values of a covariate; see `CovariateEffect`."""
    size = effect.size.number
    if effect.form == "factor":
        return np.where(np.asarray(covariate) > 0, size, 1.0)
    reference = effect.reference.number if effect.reference is not None else 1.0
    if effect.form == "power":
        return np.asarray((np.asarray(covariate) / reference) ** size)
    return np.asarray(1 + size * (np.asarray(covariate) - reference))


def makes_antibodies(drug: Drug, seed: int, ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Who makes antibodies against a drug, 1 or 0 (patient,): the published share, from the start of treatment."""
    share = drug.anti_drug_antibody.number if drug.anti_drug_antibody is not None else 0.0
    return (uniforms(seed, f"antibodies against {drug.key}", ids)[:, 0] < share).astype(float)


def varying_parameters(drugs: tuple[Drug, ...]) -> tuple[str, ...]:
    """The parameters that `kinetic_factors` may vary between patients, for any of these drugs."""
    found = [effect.parameter for drug in drugs for effect in drug.covariates]
    found += [name for drug in drugs for name in drug.between_patients]
    return tuple(dict.fromkeys(found))
