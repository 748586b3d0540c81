"""Whether what is given and measured fits the patients: no CDAI in colitis, no injection where there is no fistula."""

from __future__ import annotations

from collections.abc import Mapping

from homing.endpoints.definitions import endpoint
from homing.ground.text_yaml import Path_
from homing.patients.population import Population
from homing.protocol.course import Protocol
from homing.study import known
from homing.study.faults import Faults
from homing.study.schema import ArmPart, StudyContent

#: The disease for which a score is defined.
_DISEASE_OF = {"cdai": "crohn", "mayo": "ulcerative-colitis"}
_DISEASES = {"crohn": "Crohn's disease", "ulcerative-colitis": "ulcerative colitis"}
#: The perianal score, and the states of the mechanism's fistula tract.
_PERIANAL = "pdai"
_TRACT = "tract."


def check_fitting(content: StudyContent, arms: Mapping[str, Protocol], faults: Faults) -> None:
    """Note every endpoint, route and procedure that has no meaning in the population."""
    if content.population not in known.names("populations"):
        return
    patients: Population = known.load("populations", content.population)
    has_tract = _has_tract(patients)
    named: list[tuple[str, Path_]] = [(content.primary.endpoint, ("primary", "endpoint"))]
    named += [(name, ("secondary", i)) for i, name in enumerate(content.secondary)]
    for name, path in named:
        if name in known.names("endpoints"):
            _check_endpoint(name, path, patients, has_tract, faults)
    for name in arms:
        check_local(content.arms[name], ("arms", name), content.population, faults)


def _has_tract(patients: Population) -> bool:
    return any(state.startswith(_TRACT) for state in patients.at_start)


def _check_endpoint(name: str, path: Path_, patients: Population, has_tract: bool, faults: Faults) -> None:
    needs = endpoint(name).needs
    for score, disease in _DISEASE_OF.items():
        if score in needs and patients.disease != disease:
            faults.add(
                path,
                f"'{name}' is defined for {_DISEASES[disease]}, and '{patients.key}' are patients with "
                f"{_DISEASES[patients.disease]}. Name another endpoint or another population.",
            )
    if not has_tract and any(need == _PERIANAL or need.startswith(_TRACT) for need in needs):
        faults.add(path, f"'{name}' is about a fistula, and the patients of '{patients.key}' have none.")


def check_local(part: ArmPart, path: Path_, patients: str, faults: Faults) -> None:
    """In patients without a fistula nothing can be injected into one or done to it; `path` is where the arm stands."""
    if patients not in known.names("populations") or _has_tract(known.load("populations", patients)):
        return
    for i, procedure in enumerate(part.procedures):
        if procedure.do not in known.names("procedures"):
            continue
        changes = known.load("procedures", procedure.do).changes
        if any(change.state.startswith(_TRACT) for change in changes):
            faults.add(
                (*path, "procedures", i, "do"),
                f"'{procedure.do}' is done to a fistula, and the patients of '{patients}' have none.",
            )
    given = {"courses": part.courses, "rules": part.rules}
    for key, i, course in ((key, i, c) for key, courses in given.items() for i, c in enumerate(courses)):
        if course.route in known.names("routes") and known.load("routes", course.route).site == "fistula":
            faults.add(
                (*path, key, i, "route"),
                f"'{course.route}' is into a fistula, and the patients of '{patients}' have none.",
            )
