"""Results of a ClinicalTrials.gov record: every value joined to its group and to the denominator that is its own.

A measure has groups (OG000 ...), denominators for each unit (Participants, fistulas, ...), classes (often times), in
them categories, in them one value a group. Denominators of a class go before those of its measure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from homing.ground.errors import EvidenceError

_UNITS = {"participants", "participant", "subjects", "subject", "patients", "patient", "people", "individuals"}
_WHO = r"(the )?(\w+ )?(participants?|subjects?|patients?|people|individuals)"
_PERCENT = re.compile(rf"^(percent(age)?s?|%)(\s*(\(%\)|of|\()?\s*{_WHO}\)?)?$", re.I)
_PROPORTION = re.compile(rf"^proportions? of {_WHO}$", re.I)
_COUNTED = re.compile(rf"^((number|count) of )?{_WHO}$", re.I)
#: The forms of spread, however a record spells them: 'Standard Deviation' and STANDARD_DEVIATION alike.
_SPREAD = {
    "standarddeviation": "sd",
    "standarderror": "se",
    "standarderrorofthemean": "se",
    "fullrange": "full range",
    "interquartilerange": "inter-quartile range",
}
_MEANS = {
    "MEAN": "",
    "LEAST_SQUARES_MEAN": "least squares mean",
    "GEOMETRIC_MEAN": "geometric mean",
    "GEOMETRIC_LEAST_SQUARES_MEAN": "geometric least squares mean",
}
#: A count rounded to a whole number may differ from the printed percentage by so many points.
ROUNDING = 0.55


@dataclass(frozen=True)
class Cell:
    """One printed value: of which measure (its number from 0), class and category, in which group, of how many.

    `group` is the id within the measure ('OG001'); `n` is None where the record gives no denominator of `units`;
    `low`, `high` and `spread` are as printed; `where` is the place in the JSON.
    """

    measure: int
    group: str
    class_title: str
    category: str
    categories: int
    value: str
    spread: str
    low: str
    high: str
    comment: str
    n: int | None
    units: str
    where: str


def cells_of(measure: Mapping[str, Any], number: int, where: str) -> Iterator[Cell]:
    """Every value of an outcome measure with its group and denominator.

    Arguments: `measure` an item of outcomeMeasures; `number` its position from 0; `where` the place in the file.
    Raises: EvidenceError for a value of a group that the measure doesn't have, for two values of one group in one
    category, and for a denominator that is no count.
    """
    here = f"{where}.outcomeMeasures[{number}]"
    groups = {str(g.get("id")) for g in items(measure, "groups", here)}
    units = units_of(measure)
    whole = denominators(measure, units, groups, here)
    for i, one in enumerate(items(measure, "classes", here)):
        place = f"{here}.classes[{i}]"
        own = denominators(one, units, groups, place)
        categories = items(one, "categories", place)
        for j, category in enumerate(categories):
            seen: set[str] = set()
            for k, found in enumerate(items(category, "measurements", f"{place}.categories[{j}]")):
                spot = f"{place}.categories[{j}].measurements[{k}]"
                group = str(found.get("groupId"))
                if group not in groups:
                    raise EvidenceError(
                        f"a value of group '{group}', and the measure has {', '.join(sorted(groups)) or 'no group'}. "
                        "Take the record anew from ClinicalTrials.gov.",
                        spot,
                    )
                if group in seen:
                    raise EvidenceError(f"a second value of group '{group}' in one category.", spot)
                seen.add(group)
                yield Cell(
                    *(number, group, _text(one, "title"), _text(category, "title"), len(categories)),
                    *(_text(found, "value"), _text(found, "spread")),
                    *(_text(found, "lowerLimit"), _text(found, "upperLimit"), _text(found, "comment")),
                    n=own.get(group, whole.get(group)),
                    units=units,
                    where=spot,
                )


def units_of(measure: Mapping[str, Any]) -> str:
    """What a measure counts: 'Participants', or other units ('Fistulas') where its values are of those."""
    chosen, other = _text(measure, "denomUnitsSelected"), _text(measure, "typeUnitsAnalyzed")
    if chosen or not other:
        return "Participants" if not chosen or chosen.lower() in _UNITS else chosen
    if _text(measure, "paramType") == "COUNT_OF_UNITS":
        return other
    of_people = re.search(r"participants?|subjects?|patients?", _text(measure, "unitOfMeasure"), re.I)
    counted = _text(measure, "paramType") == "COUNT_OF_PARTICIPANTS"
    return "Participants" if of_people or counted or other.lower() in _UNITS else other


def denominators(part: Mapping[str, Any], units: str, groups: Iterable[str], where: str) -> dict[str, int]:
    """Group -> count, of the denominators of a measure or class in given units.

    Raises EvidenceError for one that is no whole number, or of an unknown group.
    """
    found: dict[str, int] = {}
    for i, denom in enumerate(items(part, "denoms", where)):
        if _text(denom, "units").lower() != units.lower() and not (
            units == "Participants" and _text(denom, "units").lower() in _UNITS
        ):
            continue
        for j, count in enumerate(items(denom, "counts", f"{where}.denoms[{i}]")):
            spot = f"{where}.denoms[{i}].counts[{j}]"
            group, text = str(count.get("groupId")), _text(count, "value").replace(",", "")
            if group not in set(groups):
                raise EvidenceError(f"a denominator of group '{group}', which is not among the groups.", spot)
            if not text.isdigit():
                raise EvidenceError(f"'{text}' is no number of {units.lower()}. Correct it in the file.", spot)
            found[group] = int(text)
    return found


@dataclass(frozen=True)
class Reading:
    """A value as fields of an outcome ('events', 'n', 'mean', 'median', 'share', 'sd', 'se', 'low', 'high') in text,
    with `printed`, `derived` and `differs`; or `why` it can't be one."""

    fields: Mapping[str, str]
    why: str = ""


def is_score(measure: Mapping[str, Any]) -> bool:
    """Whether a measure's values are means or medians."""
    return _text(measure, "paramType") in {*_MEANS, "MEDIAN", "LOG_MEAN"}


def reading_of(cell: Cell, measure: Mapping[str, Any], title: str = "") -> Reading:
    """What a value means.

    COUNT_OF_PARTICIPANTS, and NUMBER of participants, are events. NUMBER in percent of participants becomes the nearest
    count of the denominator, which `derived` says; where no count comes within the rounding (an estimate with
    imputation, say) it stays a share. MEAN and its kin become a mean, MEDIAN a median, with SD, SE or limits by
    dispersionType. 'NA', '<0.1', counts above their denominator and values of other units have a `why`.
    """
    unit, kind = _text(measure, "unitOfMeasure"), _text(measure, "paramType")
    value = number_in(cell.value)
    if value is None:
        return Reading({}, f"'{cell.value}' is no number" + (f" ({cell.comment})" if cell.comment else ""))
    if cell.units != "Participants":
        return Reading({}, f"counted in {cell.units.lower()}, not in participants")
    if cell.n == 0:
        return Reading({}, "of no participant")
    if is_score(measure):
        return _average(cell, value, kind, unit, measure)
    return _count(cell, value, kind, unit, title or _text(measure, "title"), _around(cell, measure)[1])


def _count(cell: Cell, value: float, kind: str, unit: str, title: str, around: str) -> Reading:
    titled = re.search(rf"(percent(age)?|proportion|%) of {_WHO}", title, re.I)
    percent = kind in ("NUMBER", "") and _PERCENT.match(unit)
    if percent and not re.search(_WHO, unit, re.I) and not titled:
        return Reading({}, f"'{unit}' doesn't say of what")
    share = value / 100 if percent else value if kind in ("NUMBER", "") and _PROPORTION.match(unit) else None
    if share is None and kind != "COUNT_OF_PARTICIPANTS" and not (kind in ("NUMBER", "") and _COUNTED.match(unit)):
        return Reading({}, f"a number of '{unit or kind}' is neither participants nor a mean")
    if share is None and value != int(value):
        return Reading({}, f"{cell.value} is no whole number of participants")
    if cell.n is None:
        fields = {"share": f"{share:.10g}"} if share is not None and 0 <= share <= 1 else {}
        return Reading(
            {**fields, "printed": f"{cell.value} {unit}{around}"}, "" if fields else "no denominator is given"
        )
    n = {"n": str(cell.n)}
    if share is None:
        if not 0 <= value <= cell.n:
            return Reading({}, f"{cell.value} participants of {cell.n}")
        return Reading({"events": str(int(value)), **n, "printed": f"{int(value)} of {cell.n} participants{around}"})
    if not 0 <= share <= 1:
        return Reading({}, f"{cell.value} {unit} is no share")
    printed = f"{cell.value} %{around}" if percent else f"{cell.value} {unit}{around}"
    events = round(share * cell.n)
    of = f"{cell.value} % of the {cell.n}" if percent else f"{cell.value} of the {cell.n}"
    if abs(100 * events / cell.n - 100 * share) > ROUNDING:
        derived = f"the share as printed: no whole number of the {cell.n} participants comes to it"
        return Reading({"share": f"{share:.10g}", **n, "printed": printed, "derived": derived})
    derived = f"{of} participants analysed, the nearest whole number"
    return Reading({"events": str(events), **n, "printed": printed, "derived": derived})


def _average(cell: Cell, value: float, kind: str, unit: str, measure: Mapping[str, Any]) -> Reading:
    if kind == "LOG_MEAN":
        return Reading({}, "a mean of logarithms")
    spread, around = _around(cell, measure)
    fields = {"median" if kind == "MEDIAN" else "mean": f"{value:.15g}"}
    fields |= {"n": str(cell.n)} if cell.n is not None else {}
    if not (kind.startswith("GEOMETRIC") and set(spread) & {"sd", "se"}):  # those of a logarithm, or a factor
        fields |= spread
    return Reading(
        {**fields, "printed": f"{cell.value} {unit}{around}".strip()}
        | ({"differs": form} if (form := _MEANS.get(kind)) else {})
    )


def _around(cell: Cell, measure: Mapping[str, Any]) -> tuple[dict[str, str], str]:
    """The spread of a value as fields, and as text with its name."""
    name = _text(measure, "dispersionType")
    known = _SPREAD.get(re.sub(r"[\s_-]", "", name.lower()), "")
    low, high, spread = number_in(cell.low), number_in(cell.high), number_in(cell.spread)
    if spread is not None:
        fields = {known: f"{spread:.15g}"} if known in ("sd", "se") and spread >= 0 else {}
        return fields, f" ({name} {cell.spread})"
    if low is not None and high is not None:
        return (
            {"low": f"{low:.15g}", "high": f"{high:.15g}"} if low <= high else {}
        ), f" ({name} {cell.low} to {cell.high})"
    return {}, ""


def number_in(text: str) -> float | None:
    """The number that a text is, or None ('NA', '<0.1', '')."""
    plain = text.strip().replace("−", "-")
    if re.fullmatch(r"[-+]?\d{1,3}(,\d{3})+(\.\d+)?", plain):
        plain = plain.replace(",", "")
    return float(plain) if re.fullmatch(r"[-+]?\d*\.?\d+(e[-+]?\d+)?", plain, re.I) else None


def items(part: Mapping[str, Any], name: str, where: str) -> list[Mapping[str, Any]]:
    """The objects of a list of the record; none where it is missing. Raises EvidenceError for anything else."""
    found = part.get(name)
    if found is None:
        return []
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise EvidenceError(f"'{name}' must be a list of objects, as ClinicalTrials.gov writes it.", f"{where}.{name}")
    return found


def _text(part: Mapping[str, Any], name: str) -> str:
    found = part.get(name)
    return "" if found is None else str(found).strip()
