"""Arms of a ClinicalTrials.gov record: groups of its results matched to the arms of its protocol by their titles."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from homing.evidence.records import LOOSE
from homing.evidence.trial_entries import terms
from homing.formats.ctgov_facts import module
from homing.formats.ctgov_results import denominators, items

#: What an analysis set is called behind a group's title: 'Placebo (FAS)' is the group 'Placebo'.
_SETS = re.compile(
    r"\(\s*((m?itt|fas|ss|rs|pps?|saf|ees|safety|full|analysis|intent(ion)?-?to-?treat|per|protocol|modified|randomi[sz]ed|"
    r"population|set|evaluable|all)[\s,/-]*)+\)\s*$",
    re.I,
)
_UNIT = r"(?:m?g|mcg|µg|μg|ug|ml|l|iu|u|x|×|million|cells?|kg|%|weeks?|days?|months?|hours?|times?|doses?)\b"
_EMPTY = {"arm", "group", "arms", "groups"}
_LONGEST_NOTE = 400


@dataclass
class ArmsOfRecord:
    """Arms under way: the mapping of a trial file, which key a title has, and what was done to get there."""

    arms: dict[str, dict[str, Any]] = field(default_factory=dict)
    titles: dict[str, str] = field(default_factory=dict)
    short: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def key_of(self, title: str, n: int | None, about: str = "") -> str:
        """The key of the arm with a title; a new arm, of which the protocol knows nothing, where there is none.

        `n` is how many were in the group here: an arm that was smaller so far is enlarged, with a note.
        """
        title = title.strip() or "group without a title"
        plain = normal_title(title, self.short)
        key = self.titles.get(plain)
        if key is None:
            key = self._new(title, plain, n or 0, about)
        arm = self.arms[key]
        if n is not None and n > int(arm["n"]):
            if arm["n"] != "0":
                self.notes.append(f"Arm '{key}' had {arm['n']} patients and results of {n}; {n} is taken.")
            arm["n"] = str(n)
        return key

    def pair_single(self, titles: Iterable[str]) -> None:
        """Take the one group of a part of the results for the one arm, whatever it is called there."""
        found = list(titles)
        own = [key for key, arm in self.arms.items() if LOOSE not in arm.get("note", "")]
        if len(found) == len(own) == 1:
            self.titles.setdefault(normal_title(found[0], self.short), own[0])

    def name_of(self, title: str) -> str:
        """The key of the arm with a title, or what it would be called; makes no arm."""
        return self.titles.get(normal_title(title, self.short)) or _slug(title)

    def _new(self, title: str, plain: str, n: int, about: str) -> str:
        key = _free(_slug(title), self.arms)
        role = "control" if _only_placebo([title]) else "other"
        self.arms[key] = {
            "label": _label(_SETS.sub("", title).strip()),
            "role": role,
            "n": str(n),
            "note": _cut(f"{LOOSE}. {about}".strip()),
        }
        self.arms[key] |= {"treatment": "placebo"} if role == "control" else {}
        self.titles[plain] = key
        self.notes.append(f"The group '{title}' of the results is no arm of the protocol; it got an arm of its own.")
        return key


def arms_of(protocol: Mapping[str, Any], results: Mapping[str, Any], where: str) -> ArmsOfRecord:
    """The arms of a record with how many started in each.

    A group belongs to the protocol's arm of the same title, after: lower case, no punctuation, no number in front ('2.
    repaglinide'), no analysis set behind ('Placebo (FAS)'), other names and abbreviations of an intervention read as
    its name ('CZP' where a text says 'certolizumab pegol (CZP)'). One arm and one group are each other's; so are the
    last of each where the others have found theirs. Others become arms of their own, with a note.

    Roles: PLACEBO_COMPARATOR and SHAM_COMPARATOR are controls, and so is any arm that gets placebo alone, whatever
    its type; EXPERIMENTAL is a candidate; ACTIVE_COMPARATOR and NO_INTERVENTION are controls where the trial has no
    placebo or sham arm, else 'other': beside a placebo they are a second comparison, and only one control can be meant.

    `n` is the number that started the first period in which anyone of the group started; without a participant flow
    the number of the baseline, then the largest denominator; for a single arm without results the enrolment. Where
    the record says none, n is 0 with a note.
    """
    module_ = module(protocol, "armsInterventionsModule")
    found = ArmsOfRecord(short=_short_names(module_, results))
    groups = items(module_, "armGroups", f"{where}.protocolSection.armsInterventionsModule")
    placebo = any(g.get("type") in ("PLACEBO_COMPARATOR", "SHAM_COMPARATOR") or _gets_placebo(g) for g in groups)
    vocabulary = {k: {k.replace("-", " "), words["en"].lower()} for k, words in terms("treatments").items()}
    for group in groups:
        label = str(group.get("label") or "arm")
        key = _free(_slug(label), found.arms)
        found.arms[key] = {"label": _label(label), "role": _role(group, placebo), "n": "0"}
        if treatment := _treatment(group, module_, vocabulary):
            found.arms[key]["treatment"] = treatment
        if group.get("description"):
            found.arms[key]["note"] = _cut(str(group["description"]))
        plain = normal_title(label, found.short)
        if plain in found.titles:
            found.notes.append(f"Two arms of the protocol are called '{label}'; results go to the first of them.")
        found.titles.setdefault(plain, key)
    planned = list(found.arms)
    _started(found, planned, results, where)
    _planned_only(found, planned, protocol)
    return found


def _started(found: ArmsOfRecord, planned: list[str], results: Mapping[str, Any], where: str) -> None:
    place = f"{where}.resultsSection.participantFlowModule"
    flow, base = module(results, "participantFlowModule"), module(results, "baselineCharacteristicsModule")
    groups = items(flow, "groups", place)
    counts = _flow_counts(flow, place)
    if not groups:
        place = f"{where}.resultsSection.baselineCharacteristicsModule"
        groups = [g for g in items(base, "groups", place) if not str(g.get("title", "")).lower().startswith("total")]
        counts = {}
    baseline = _baseline_counts(base, f"{where}.resultsSection.baselineCharacteristicsModule")
    _pair_the_last(found, planned, groups)
    matched = any(normal_title(str(g.get("title") or ""), found.short) in found.titles for g in groups)
    titles = [normal_title(str(g.get("title") or ""), found.short) for g in groups]
    for title in sorted({t for t in titles if titles.count(t) > 1}):
        found.notes.append(f"Several groups of the participant flow are called '{title}'; they are one arm here.")
    for group in groups:
        title, n = str(group.get("title") or ""), counts.get(str(group.get("id")))
        n = baseline.get(normal_title(title)) if n is None else n
        about = str(group.get("description") or "")
        key = found.key_of(title, n, about)
        if not matched:  # these are the arms, whatever the protocol calls them
            found.arms[key]["note"] = _cut(f"a group of the participant flow. {about}".strip())


def _pair_the_last(found: ArmsOfRecord, planned: list[str], groups: list[Mapping[str, Any]]) -> None:
    """One arm and one group that are left over, of as many arms as groups, are each other's."""
    titles = {normal_title(str(g.get("title") or ""), found.short): str(g.get("title") or "") for g in groups}
    left = [t for t in titles if t not in found.titles]
    without = [k for k in planned if k not in {found.titles[t] for t in titles if t in found.titles}]
    if len(groups) == len(planned) == len(titles) and len(left) == len(without) == 1:
        found.titles[left[0]] = without[0]
        if len(planned) > 1:
            found.notes.append(
                f"The group '{titles[left[0]]}' was taken for the arm '{without[0]}', the last without one."
            )


def _planned_only(found: ArmsOfRecord, planned: list[str], protocol: Mapping[str, Any]) -> None:
    design = module(protocol, "designModule")
    count = (design.get("enrollmentInfo") or {}).get("count")
    if not found.arms:
        found.arms["all"] = {"label": {"en": "all participants", "zh": "全部受试者"}, "role": "other", "n": "0"}
    if len(found.arms) == 1 and count:
        arm = next(iter(found.arms.values()))
        arm["n"] = str(count) if arm["n"] == "0" else arm["n"]


def say_where_no_number_is(found: ArmsOfRecord) -> None:
    """Put into the note of each arm without a number of patients that there is none."""
    for arm in found.arms.values():
        if arm["n"] == "0":
            arm["note"] = _cut(f"the number of patients is not given in the record. {arm.get('note', '')}".strip())


def _flow_counts(flow: Mapping[str, Any], where: str) -> dict[str, int]:
    """Group -> patients that started the first period in which it has any."""
    found: dict[str, int] = {}
    for i, period in enumerate(items(flow, "periods", where)):
        for j, milestone in enumerate(items(period, "milestones", f"{where}.periods[{i}]")):
            if milestone.get("type") != "STARTED":
                continue
            for one in items(milestone, "achievements", f"{where}.periods[{i}].milestones[{j}]"):
                text, group = str(one.get("numSubjects") or ""), str(one.get("groupId"))
                if text.isdigit() and not found.get(group):
                    found[group] = int(text)
    return found


def _baseline_counts(base: Mapping[str, Any], where: str) -> dict[str, int]:
    groups = {str(g.get("id")): normal_title(str(g.get("title") or "")) for g in items(base, "groups", where)}
    return {groups[i]: n for i, n in denominators(base, "Participants", groups, where).items()}


def normal_title(title: str, short: Mapping[str, str] | None = None) -> str:
    """A group's title as it is compared: 'Placebo (FAS)', '1 Placebo' and 'placebo group' are all 'placebo'."""
    text = _SETS.sub("", title).lower()
    text = _without_number(text)
    text = re.sub(r"->|→", " to ", text)
    for name, full in (short or {}).items():
        text = re.sub(rf"(?<!\w){re.escape(name)}(?!\w)", " " if full in text else full, text)
    words = re.findall(r"[^\W_]+(?:\.\d+)?|[<>≤≥+]", text)
    return " ".join([w for w in words if w not in _EMPTY] or words)


def _without_number(text: str) -> str:
    """A title without its number in front: '2. repaglinide', '1 Placebo'; '300 mg' is none."""
    text = re.sub(r"^\s*\d+\s*[.):]\s*(?=[a-z])", "", text)
    return re.sub(rf"^\s*\d+\s+(?!{_UNIT})(?=[a-z])", "", text)


def _short_names(plan: Mapping[str, Any], results: Mapping[str, Any]) -> dict[str, str]:
    """Other names and abbreviations of interventions, in lower case -> the name."""
    found: dict[str, str] = {}
    texts = [str(g.get("description") or "") for g in plan.get("armGroups") or [] if isinstance(g, dict)]
    texts += [str(i.get("description") or "") for i in plan.get("interventions") or [] if isinstance(i, dict)]
    flow = module(results, "participantFlowModule")
    texts += [str(g.get("description") or "") for g in flow.get("groups") or [] if isinstance(g, dict)]
    for one in plan.get("interventions") or []:
        name = str(one.get("name") or "").lower() if isinstance(one, dict) else ""
        if len(name) < 3 or "placebo" in name:
            continue
        found |= {
            str(n).lower(): name for n in one.get("otherNames") or [] if len(str(n)) > 2 and str(n).lower() not in name
        }
        for text in texts:
            found |= {
                a.lower(): name for a in re.findall(rf"{re.escape(name)}\s*\(([A-Z][A-Za-z0-9-]{{1,7}})\)", text, re.I)
            }
    return dict(sorted(found.items(), key=lambda pair: -len(pair[0])))


def _role(group: Mapping[str, Any], placebo: bool) -> str:
    kind = str(group.get("type") or "")
    if kind in ("PLACEBO_COMPARATOR", "SHAM_COMPARATOR") or _gets_placebo(group):
        return "control"
    if kind in ("ACTIVE_COMPARATOR", "NO_INTERVENTION"):
        return "other" if placebo else "control"
    return "candidate" if kind == "EXPERIMENTAL" else "other"


def _gets_placebo(group: Mapping[str, Any]) -> bool:
    return _only_placebo([str(n).partition(":")[2] or str(n) for n in group.get("interventionNames") or []])


def _only_placebo(names: Iterable[str]) -> bool:
    found = [_SETS.sub("", name).strip().lower() for name in names]
    return bool(found) and all(re.fullmatch(r"(matching |matched )?(placebo|sham)( \w+){0,2}", n) for n in found)


def _treatment(group: Mapping[str, Any], plan: Mapping[str, Any], vocabulary: Mapping[str, set[str]]) -> str:
    """The word for what an arm gets, where exactly one of its interventions has one and it isn't mixed with others."""
    if _gets_placebo(group):
        return "placebo"
    names = [(str(n).partition(":")[2] or str(n)).strip().lower() for n in group.get("interventionNames") or []]
    other = {
        str(i.get("name") or "").lower(): [str(o).lower() for o in i.get("otherNames") or []]
        for i in plan.get("interventions") or []
        if isinstance(i, dict)
    }
    given = [n for n in names if not re.search(r"placebo|sham", n)]
    found = {k for n in given for k, words in vocabulary.items() if words & {n, *other.get(n, [])}}
    return found.pop() if len(found) == len(given) == 1 else ""


def _label(title: str) -> dict[str, str]:
    """A title in both languages: in Chinese with the treatments of the vocabulary translated, the rest as printed."""
    chinese = title
    for words in sorted(terms("treatments").values(), key=lambda w: -len(w["en"])):
        chinese = re.sub(rf"\b{re.escape(words['en'])}\b", words["zh"], chinese, flags=re.I)
    return {"en": title, "zh": chinese}


def _slug(title: str) -> str:
    plain = _without_number(_SETS.sub("", title).lower())
    return re.sub(r"[^a-z0-9]+", "-", plain).strip("-")[:40].strip("-") or "arm"


def _free(key: str, taken: Iterable[str]) -> str:
    used, i, name = set(taken), 2, key
    while name in used:
        name, i = f"{key}-{i}", i + 1
    return name


def _cut(text: str) -> str:
    plain = " ".join(text.split())
    return plain if len(plain) <= _LONGEST_NOTE else plain[: _LONGEST_NOTE - 4].rsplit(" ", 1)[0] + " ..."
