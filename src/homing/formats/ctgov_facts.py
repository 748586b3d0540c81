"""What a ClinicalTrials.gov record says of a trial beside its results, in both languages: design, places, disease."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from homing.evidence.check import REGISTRIES
from homing.formats.ctgov_results import items

#: Countries as the registry spells them -> ISO 3166 codes.
COUNTRIES: Mapping[str, str] = {
    name: code
    for code, names in {
        **{"AR": "Argentina", "AU": "Australia", "AT": "Austria", "BY": "Belarus", "BE": "Belgium", "BR": "Brazil"},
        **{"BA": "Bosnia and Herzegovina", "BG": "Bulgaria", "CA": "Canada", "CL": "Chile", "CN": "China"},
        **{"CO": "Colombia", "HR": "Croatia", "CY": "Cyprus", "CZ": "Czechia|Czech Republic", "DK": "Denmark"},
        **{"EG": "Egypt", "EE": "Estonia", "FI": "Finland", "FR": "France", "GE": "Georgia", "DE": "Germany"},
        **{"GR": "Greece", "HK": "Hong Kong", "HU": "Hungary", "IS": "Iceland", "IN": "India", "ID": "Indonesia"},
        **{"IR": "Iran|Iran, Islamic Republic of", "IE": "Ireland", "IL": "Israel", "IT": "Italy", "JP": "Japan"},
        **{"JO": "Jordan", "KR": "South Korea|Korea, Republic of", "LV": "Latvia", "LB": "Lebanon", "LT": "Lithuania"},
        **{"LU": "Luxembourg", "MY": "Malaysia", "MX": "Mexico", "MD": "Moldova|Moldova, Republic of", "MA": "Morocco"},
        **{"NL": "Netherlands", "NZ": "New Zealand", "NO": "Norway", "PK": "Pakistan", "PE": "Peru"},
        **{"PH": "Philippines", "PL": "Poland", "PT": "Portugal", "PR": "Puerto Rico", "RO": "Romania"},
        **{"RU": "Russia|Russian Federation", "SA": "Saudi Arabia", "RS": "Serbia", "SG": "Singapore"},
        **{"SK": "Slovakia", "SI": "Slovenia", "ZA": "South Africa", "ES": "Spain", "SE": "Sweden"},
        **{
            "CH": "Switzerland",
            "TW": "Taiwan",
            "TH": "Thailand",
            "TN": "Tunisia",
            "TR": "Turkey|Türkiye|Turkey (Türkiye)",
        },
        **{
            "UA": "Ukraine",
            "AE": "United Arab Emirates",
            "GB": "United Kingdom",
            "US": "United States",
            "VN": "Vietnam",
        },
    }.items()
    for name in names.split("|")
}
_PHASES = {
    "EARLY_PHASE1": ("early phase 1", "早期1期"),
    "PHASE1": ("phase 1", "1期"),
    "PHASE2": ("phase 2", "2期"),
    "PHASE3": ("phase 3", "3期"),
    "PHASE4": ("phase 4", "4期"),
}
_WORDS = {
    "OBSERVATIONAL": ("observational", "观察性"),
    "EXPANDED_ACCESS": ("expanded access", "扩大使用"),
    "RANDOMIZED": ("randomised", "随机"),
    "NON_RANDOMIZED": ("not randomised", "非随机"),
    "PARALLEL": ("parallel groups", "平行分组"),
    "SINGLE_GROUP": ("single group", "单组"),
    "CROSSOVER": ("crossover", "交叉"),
    "FACTORIAL": ("factorial", "析因"),
    "SEQUENTIAL": ("sequential groups", "序贯"),
    "COHORT": ("cohort", "队列"),
    "CASE_CONTROL": ("case-control", "病例对照"),
    "PROSPECTIVE": ("prospective", "前瞻性"),
    "RETROSPECTIVE": ("retrospective", "回顾性"),
    "CROSS_SECTIONAL": ("cross-sectional", "横断面"),
    "NONE": ("open label", "开放"),
    "SINGLE": ("single masking", "单盲"),
    "DOUBLE": ("double masking", "双盲"),
    "TRIPLE": ("triple masking", "三盲"),
    "QUADRUPLE": ("quadruple masking", "四盲"),
}
_MASKED = {
    "PARTICIPANT": ("participant", "受试者"),
    "CARE_PROVIDER": ("care provider", "医护人员"),
    "INVESTIGATOR": ("investigator", "研究者"),
    "OUTCOMES_ASSESSOR": ("outcomes assessor", "结局评价者"),
}
_CONDITIONS = {
    "crohn disease": "克罗恩病",
    "crohn's disease": "克罗恩病",
    "ulcerative colitis": "溃疡性结肠炎",
    "inflammatory bowel diseases": "炎症性肠病",
    "perianal fistula": "肛周瘘管",
    "anal fistula": "肛瘘",
    "rectal fistula": "直肠瘘",
    "complex perianal fistula": "复杂性肛周瘘管",
    "axial spondyloarthritis": "中轴型脊柱关节炎",
    "atopic dermatitis": "特应性皮炎",
    "rheumatoid arthritis": "类风湿关节炎",
    "systemic lupus erythematosus": "系统性红斑狼疮",
    "multiple sclerosis": "多发性硬化",
    "graft versus host disease": "移植物抗宿主病",
    "type 1 diabetes": "1型糖尿病",
}
_AUTOIMMUNE = (
    r"lupus|sclerosis|arthritis|spondyl|myositis|myasthenia|type 1 diabetes|autoimmune|psoria|vasculitis|sj[oö]gren|"
    r"pemphig|neuromyelitis|graft"
)
_STATES = {
    "COMPLETED": "已完成",
    "RECRUITING": "招募中",
    "NOT_YET_RECRUITING": "尚未招募",
    "ACTIVE_NOT_RECRUITING": "进行中，停止招募",
    "ENROLLING_BY_INVITATION": "邀请入组",
    "TERMINATED": "已终止",
    "WITHDRAWN": "已撤回",
    "SUSPENDED": "已暂停",
    "UNKNOWN": "不明",
}
_ONGOING = {
    "RECRUITING",
    "NOT_YET_RECRUITING",
    "ACTIVE_NOT_RECRUITING",
    "ENROLLING_BY_INVITATION",
    "SUSPENDED",
    "AVAILABLE",
}


def facts_of(protocol: Mapping[str, Any], has_results: bool, where: str) -> tuple[dict[str, Any], list[str]]:
    """The fields of a trial file that are no arms or results, in the order of those files, and remarks for the user.

    A year of publication is not in a record; where results are posted it is that of their posting. Blinding is
    'double' where the registry's masking is DOUBLE or more and takes in the participants, 'single' for other
    masking; `blinded` is 'yes' for the former.
    """
    remarks: list[str] = []
    names, state = module(protocol, "identificationModule"), module(protocol, "statusModule")
    info = _part(module(protocol, "designModule"), "designInfo")
    blinding = _blinding(info)
    count = _part(module(protocol, "designModule"), "enrollmentInfo").get("count")
    found: dict[str, Any] = {
        "name": str(names.get("acronym") or names.get("briefTitle") or names.get("nctId")),
        "ids": _ids(names, where, remarks),
    }
    posted = str(_part(state, "resultsFirstPostDateStruct").get("date") or "")
    if has_results and re.match(r"(19|20)\d\d", posted):
        found["year"] = posted[:4]
    found |= {
        "design": _design(protocol),
        "randomised": "yes" if info.get("allocation") == "RANDOMIZED" else "no",
        "blinded": "yes" if blinding == "double" else "no",
    }
    found |= {"blinding": blinding} if blinding else {}
    found["status"] = status_of(str(state.get("overallStatus") or ""), has_results)
    found |= _places(protocol, where, remarks)
    for name, of in (("start", "startDateStruct"), ("end", "completionDateStruct")):
        if date := str(_part(state, of).get("date") or "")[:7]:
            found[name] = date
    found |= {"registered n": str(count)} if count else {}
    found |= {"disease": _disease(protocol, remarks), "phenotype": _phenotype(protocol)}
    return found, remarks


def status_of(overall: str, has_results: bool) -> str:
    """The store's word for a state of the registry: with results 'registry-results', else ongoing, terminated,
    withdrawn or unpublished (completed, or of unknown state)."""
    if has_results:
        return "registry-results"
    word = {"TERMINATED": "terminated", "WITHDRAWN": "withdrawn"}.get(overall, "unpublished")
    return "ongoing" if overall in _ONGOING else word


def _ids(names: Mapping[str, Any], where: str, remarks: list[str]) -> dict[str, str]:
    found = {"nct": str(names["nctId"])}
    for other in items(names, "secondaryIdInfos", f"{where}.protocolSection.identificationModule"):
        kind = {"EUDRACT_NUMBER": "eudract", "CTIS": "euct"}.get(str(other.get("type")))
        number = str(other.get("id") or "")
        if kind and re.fullmatch(REGISTRIES[kind], number):
            found.setdefault(kind, number)
        elif kind:
            remarks.append(f"'{number}' is no {kind.upper()} number and was left out.")
    return found


def _design(protocol: Mapping[str, Any]) -> dict[str, str]:
    design = module(protocol, "designModule")
    info, masking = _part(design, "designInfo"), _part(_part(design, "designInfo"), "maskingInfo")
    phases = [_PHASES[p] for p in design.get("phases") or [] if p in _PHASES]
    parts = [("/".join(x for x, _ in phases), "/".join(x for _, x in phases))] if phases else []
    words = [design.get("studyType"), info.get("allocation"), info.get("interventionModel")]
    words += [info.get("observationalModel"), info.get("timePerspective")]
    parts += [_WORDS[w] for w in words if w in _WORDS]
    if masking.get("masking") in _WORDS:
        english, chinese = _WORDS[masking["masking"]]
        who = [_MASKED[w] for w in masking.get("whoMasked") or [] if w in _MASKED]
        english += f" ({', '.join(x for x, _ in who)})" if who else ""
        chinese += f"（{'、'.join(x for _, x in who)}）" if who else ""
        parts.append((english, chinese))
    parts = parts or [("design not given in the registry", "注册库未给出设计")]
    return {"en": ", ".join(x for x, _ in parts), "zh": "，".join(x for _, x in parts)}


def _blinding(info: Mapping[str, Any]) -> str:
    masking = _part(info, "maskingInfo")
    kind, who = masking.get("masking"), masking.get("whoMasked")
    if kind in ("DOUBLE", "TRIPLE", "QUADRUPLE"):
        return "double" if not who or "PARTICIPANT" in who else "single"
    return {"NONE": "none", "SINGLE": "single"}.get(str(kind), "")


def _places(protocol: Mapping[str, Any], where: str, remarks: list[str]) -> dict[str, Any]:
    places = items(
        module(protocol, "contactsLocationsModule"), "locations", f"{where}.protocolSection.contactsLocationsModule"
    )
    names = sorted({str(p.get("country")) for p in places if p.get("country")})
    unknown = [n for n in names if n not in COUNTRIES]
    if unknown:
        remarks.append(f"Countries without a code here, left out: {', '.join(unknown)}.")
    codes = sorted({COUNTRIES[n] for n in names if n in COUNTRIES})
    return ({"sites": str(len(places))} if places else {}) | ({"countries": codes} if codes else {})


def _disease(protocol: Mapping[str, Any], remarks: list[str]) -> str:
    conditions = _conditions(protocol)
    title = str(module(protocol, "identificationModule").get("briefTitle") or "")
    text = " ".join([*conditions, title]).lower()
    bowel = [word for word, name in (("crohn", "crohn"), ("ulcerative-colitis", "ulcerative colitis")) if name in text]
    if len(bowel) == 2:
        remarks.append("The trial is of Crohn's disease and ulcerative colitis; `disease` is 'other' until you choose.")
        return "other"
    if bowel:
        return bowel[0]
    if re.search(r"cryptoglandular|fistula[- ]in[- ]ano|\banal fistula", text):
        return "cryptoglandular-fistula"
    return "autoimmune" if re.search(_AUTOIMMUNE, text) else "other"


def _phenotype(protocol: Mapping[str, Any]) -> dict[str, str]:
    conditions = _conditions(protocol)
    if not conditions:
        return {"en": "condition not given in the registry", "zh": "注册库未给出疾病"}
    return {"en": ", ".join(conditions), "zh": "、".join(_CONDITIONS.get(c.lower(), c) for c in conditions)}


def _conditions(protocol: Mapping[str, Any]) -> list[str]:
    return [str(c) for c in module(protocol, "conditionsModule").get("conditions") or []]


def notes_of(protocol: Mapping[str, Any]) -> list[dict[str, str]]:
    """Notes on a trial in both languages: who paid, its state in the registry, and why it was stopped."""
    state = module(protocol, "statusModule")
    sponsor = str(_part(module(protocol, "sponsorCollaboratorsModule"), "leadSponsor").get("name") or "not given")
    overall = str(state.get("overallStatus") or "")
    english, chinese = overall.replace("_", " ").lower() or "not given", _STATES.get(overall, overall or "未给出")
    notes = [
        {"en": f"Registry: sponsor {sponsor}; state {english}.", "zh": f"注册库：申办方{sponsor}；状态{chinese}。"}
    ]
    if why := str(state.get("whyStopped") or "").strip():
        notes.append({"en": f"Stopped: {why}", "zh": f"终止原因：{why}"})
    return notes


def module(section: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    """A module of a section, empty where it is missing."""
    return _part(section, name)


def _part(data: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = data.get(name)
    return found if isinstance(found, dict) else {}
