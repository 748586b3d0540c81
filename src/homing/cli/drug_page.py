"""A drug as a gastroenterologist wants to read it: what it acts on, doses, kinetics with source and status."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import typer

from homing.cli.tables import print_table
from homing.evidence.profiles import read_profile
from homing.evidence.sources import load_sources
from homing.evidence.values import Value
from homing.mechanism import Parameter
from homing.patients.drug_kinetics import inert_effects
from homing.protocol.catalogue import drug
from homing.protocol.product import CovariateEffect, Drug

_COVARIATES = {
    "weight": "weight",
    "fat_free_mass": "fat-free mass",
    "albumin": "albumin",
    "crp": "CRP",
    "female": "women",
    "biologic_naive": "no biologic before",
    "anti_drug_antibody": "antibodies against the drug",
}
#: How the reason of a value begins that does nothing in this drug.
_IDLE = (
    "This drug does not act there",
    "No saturable elimination",
    "Of no effect",
    "Not given under the skin",
    "One compart",
)


def drug_page(key: str) -> dict[str, Any]:
    """Everything about a drug as plain data: regimens, values in words, covariates, trials, sources."""
    found = drug(key)
    profile = read_profile(found.profile).values
    values = {name: profile[name] for name in _parameters() if name in profile and _acts(profile[name])}
    page: dict[str, Any] = {
        "drug": found.name["en"],
        "zh": found.name["zh"],
        "acts on": found.target.get("en", "-"),
        "regimens": {disease: list(_regimen(doses)) for disease, doses in _regimens(found)},
        "kinetics and effect": [_value(name, value) for name, value in values.items()],
        "between patients": [_spread(name, value) for name, value in found.between_patients.items()],
        "covariates": [_covariate(effect, effect in inert_effects(found)) for effect in found.covariates],
    }
    if found.anti_drug_antibody is not None:
        page["antibodies against it"] = _known(found.anti_drug_antibody) | {
            "share of patients": f"{found.anti_drug_antibody.number:.1%}"
        }
    if found.note:
        page["note"] = found.note["en"]
    page["trials in the store"] = _trials(key)
    page["sources"] = _sources(found, [*values.values(), *found.between_patients.values()])
    return page


def print_drug(key: str) -> None:
    """Print a drug's page."""
    page, say = drug_page(key), typer.echo

    say(f"{page['drug']} ({page['zh']}), acts on: {page['acts on']}")
    for disease, lines in page["regimens"].items():
        say(f"\nUsual regimen, {disease}:")
        for line in lines:
            say(f"  {line}")
    for title in ("kinetics and effect", "between patients", "covariates"):
        if page[title]:
            say(f"\n{title}")
            print_table(list(page[title][0]), ([str(cell) for cell in row.values()] for row in page[title]))
    against = page.get("antibodies against it")
    if against:
        share = against["share of patients"]
        say(f"Antibodies against it: {share} of patients ({against['status']}; {against['source']})")
    say(f"\nTrials in the evidence store: {', '.join(page['trials in the store']) or 'none'}")
    if "note" in page:
        say(f"Note: {page['note']}")
    say("\nSources:")
    for name, text in page["sources"].items():
        say(f"  {name}: {text}")
    say(
        "\nStatus: measured (published), estimated (here, from the source named) or assumed (hand-set, not fitted). "
        "How effects compare with trials: docs/explanation/drugs-beside-trials.md."
    )


def _acts(value: Value) -> bool:
    return not value.because.startswith(_IDLE)


def _regimens(found: Drug) -> Iterator[tuple[str, Any]]:
    if not found.usual_in_colitis:
        yield "Crohn's disease and ulcerative colitis", found.usual
        return
    yield "Crohn's disease", found.usual
    yield "ulcerative colitis", found.usual_in_colitis


def _regimen(doses: Any) -> Iterator[str]:
    for dose in doses:
        yield f"{dose['dose']} {dose['route'].removeprefix('drug-')}: {dose['at']}"


def _known(value: Value) -> dict[str, str]:
    where = f"{value.source}, {value.at}" if value.at else value.source
    return {"status": value.basis, "source": where or value.because}


def _value(name: str, value: Value) -> dict[str, str]:
    parameter = _parameters()[name]
    unit = "" if value.unit == "1" else f" {value.unit}"
    spread = f"{value.low:g} to {value.high:g}" if value.low is not None else ""
    return {"what": parameter.doc, "value": f"{value.number:g}{unit}", "range": spread, **_known(value)}


def _spread(name: str, value: Value) -> dict[str, str]:
    return {"what": _parameters()[name].doc, "CV": f"{value.number:.0%}", **_known(value)}


def _covariate(effect: CovariateEffect, is_inert: bool) -> dict[str, str]:
    size, reference = effect.size, effect.reference
    by = _COVARIATES[effect.covariate]
    if effect.form == "factor" or reference is None:
        says = f"x {size.number:g}"
    elif effect.form == "power":
        says = f"x ({by} / {reference.number:g} {reference.unit})^{size.number:g}"
    else:
        says = f"x (1 {size.number:+g} per {reference.unit} above {reference.number:g} {reference.unit})"
    acts = "no: patients lack it" if is_inert else "yes"
    return {"what": _parameters()[effect.parameter].doc, "by": by, "factor": says, "acts": acts, **_known(size)}


def _parameters() -> dict[str, Parameter]:
    from homing.biology.ibd import ibd_system

    return dict(ibd_system().parameters)


def _trials(key: str) -> list[str]:
    from homing.evidence.store import load_store

    trials = load_store().trials.values()
    return [t.key for t in trials if any(arm.treatment == key for arm in t.arms.values())]


def _sources(found: Drug, values: list[Value]) -> dict[str, str]:
    named = [*(v.source for v in values), *(e.size.source for e in found.covariates), *found.sources]
    known = load_sources()
    return {key: known[key].citation for key in dict.fromkeys(named) if key in known}
