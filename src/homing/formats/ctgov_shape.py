"""Whether a JSON object has the shape of a ClinicalTrials.gov record: every field that is read is of its kind."""

from __future__ import annotations

from typing import Any

from homing.ground.errors import EvidenceError

#: Fields by kind; a name means the same wherever it stands in a record. Others aren't read.
_OBJECT_LISTS = frozenset(
    "secondaryIdInfos armGroups interventions locations groups periods milestones achievements denoms counts "
    "outcomeMeasures classes categories measurements eventGroups".split()
)
_TEXT_LISTS = frozenset("phases whoMasked conditions interventionNames otherNames".split())
_OBJECTS = frozenset(
    "protocolSection resultsSection identificationModule statusModule sponsorCollaboratorsModule conditionsModule "
    "designModule armsInterventionsModule contactsLocationsModule participantFlowModule baselineCharacteristicsModule "
    "outcomeMeasuresModule adverseEventsModule designInfo maskingInfo enrollmentInfo leadSponsor startDateStruct "
    "completionDateStruct resultsFirstPostDateStruct lastUpdatePostDateStruct".split()
)
_TEXTS = frozenset(
    "nctId briefTitle officialTitle acronym overallStatus whyStopped studyType allocation interventionModel masking "
    "observationalModel timePerspective label type title description timeFrame paramType dispersionType unitOfMeasure "
    "denomUnitsSelected typeUnitsAnalyzed populationDescription groupId id value spread lowerLimit upperLimit comment "
    "units numSubjects country date name frequencyThreshold reportingStatus".split()
)
_COUNTS = frozenset("count seriousNumAffected seriousNumAtRisk deathsNumAffected deathsNumAtRisk".split())
_HELP = "Take the record anew from ClinicalTrials.gov."
_DEEPEST = 60


def check_shape(data: Any, where: str, depth: int = 0) -> None:
    """Refuse what isn't of the kind that a record has in its place; `where` is the place of `data`.

    Raises: EvidenceError with the place in the JSON.
    """
    if depth > _DEEPEST:
        raise EvidenceError("is nested too deeply to be a record.", where)
    if isinstance(data, list):
        for i, item in enumerate(data):
            check_shape(item, f"{where}[{i}]", depth + 1)
    if not isinstance(data, dict):
        return
    for name, value in data.items():
        if value is not None and (fault := _fault(name, value)):
            raise EvidenceError(f"must be {fault}, as ClinicalTrials.gov writes it. {_HELP}", f"{where}.{name}")
        check_shape(value, f"{where}.{name}", depth + 1)


def _fault(name: str, value: Any) -> str:
    if name in _OBJECT_LISTS and not (isinstance(value, list) and all(isinstance(item, dict) for item in value)):
        return "a list of objects"
    if name in _TEXT_LISTS and not (isinstance(value, list) and all(isinstance(item, str) for item in value)):
        return "a list of texts"
    if name in _OBJECTS and not isinstance(value, dict):
        return "an object"
    if name in _TEXTS and (isinstance(value, dict | list | bool)):
        return "text"
    if name in _COUNTS and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
        return "a whole number"
    return ""
