"""A drug as its file of catalogue/drugs/ describes it:

name: {en: risankizumab, zh: 利生奇珠单抗}
target: {en: ..., zh: ...}             # what it acts on
profile: risankizumab                  # its values for the mechanism
routes: [drug-intravenous, drug-subcutaneous]
usual:                                 # the labelled regimen in Crohn's disease, and in colitis where none differs
  - {route: drug-intravenous, dose: 600 mg, at: 'week 0, week 4, week 8'}
usual in colitis: [...]
between patients:                      # coefficient of variation of parameters, lognormal
  drug.clearance: {value: '0.24', basis: measured, source: ..., at: ...}
covariates:                            # see `CovariateEffect`
  - {on: drug.clearance, by: weight, form: power, reference: 70 kg, size: '0.933', basis: measured, ...}
antibodies against it: {value: '0.068', ...}      # share of patients who make them
"""

from __future__ import annotations

from collections.abc import Mapping

from homing.evidence.catalogue import Entry
from homing.ground.errors import EvidenceError
from homing.protocol.product import CovariateEffect, Drug

#: Covariates that a drug's kinetics may depend on, with their units; shares and yes or no are of unit 1.
COVARIATES = {
    "weight": "kg",
    "fat_free_mass": "kg",
    "albumin": "g/L",
    "crp": "mg/L",
    "female": "1",
    "biologic_naive": "1",
    "anti_drug_antibody": "1",
}
FORMS = ("power", "linear", "factor")
_PER = {"kg": "1/kg", "g/L": "L/g", "mg/L": "L/mg", "1": "1"}
_PROVENANCE = ("basis", "source", "at", "how", "because")
_REQUIRED = ("name", "profile", "routes")
_FIELDS = (
    *_REQUIRED,
    "target",
    "note",
    "usual",
    "usual in colitis",
    "between patients",
    "covariates",
    "antibodies against it",
    "sources",
)


def read_drug(e: Entry) -> Drug:
    """A drug from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    e.fields(*_FIELDS, required=_REQUIRED)
    against = "antibodies against it"
    return Drug(
        key=e.key,
        name=e.both_languages("name"),
        profile=e.profile("profile"),
        routes=e.names_of("routes", "routes"),
        usual=_doses(e, "usual"),
        sources=e.sources(),
        usual_in_colitis=_doses(e, "usual in colitis"),
        target=e.both_languages("target") if "target" in e.data else {},
        note=e.both_languages("note") if "note" in e.data else {},
        covariates=tuple(_effect(p) for p in e.parts("covariates")),
        between_patients=e.values("between patients", "1"),
        anti_drug_antibody=e.value(against, "1") if against in e.data else None,
    )


def _doses(e: Entry, name: str) -> tuple[Mapping[str, str], ...]:
    doses = [p.fields("route", "dose", "at", required=("route", "dose", "at")) for p in e.parts(name)]
    return tuple({"route": p.name_of("route", "routes"), "dose": p.text("dose"), "at": p.text("at")} for p in doses)


def _effect(e: Entry) -> CovariateEffect:
    e.fields("on", "by", "form", "reference", "size", *_PROVENANCE, required=("on", "by", "form", "size"))
    form, by = e.one_of("form", FORMS), e.one_of("by", COVARIATES)
    if form == "factor" and "reference" in e.data:
        raise EvidenceError("a factor is for yes or no and has no reference.", e.part("reference").where)
    if form != "factor" and "reference" not in e.data:
        raise EvidenceError("needs a `reference`, the covariate at which the factor is 1.", e.where)
    unit = COVARIATES[by]
    size = e.shared_value("size", _PER[unit] if form == "linear" else "1")
    reference = e.shared_value("reference", unit) if form != "factor" else None
    return CovariateEffect(e.text("on"), by, form, size, reference)  # type: ignore[arg-type]
