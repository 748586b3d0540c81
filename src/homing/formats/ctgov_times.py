"""When a result was: the week that a text of a registry names, where it names exactly one."""

from __future__ import annotations

import re

#: Weeks of one unit, as trials count them: a year is 52 weeks, a month a twelfth of it.
WEEKS = {"minute": 1 / 10080, "hour": 1 / 168, "day": 1 / 7, "week": 1.0, "month": 52 / 12, "year": 52.0}
_SHORT = {
    "wk": "week",
    "w": "week",
    "mo": "month",
    "mth": "month",
    "yr": "year",
    "hr": "hour",
    "h": "hour",
    "min": "minute",
}
_WORDS = dict(
    zip("one two three four five six seven eight nine ten eleven twelve".split(), map(str, range(1, 13)), strict=True)
)
_LONG = r"(days?|weeks?|wks?|months?|mths?|years?|yrs?)"
_UNIT = r"(minutes?|mins?|hours?|hrs?|days?|weeks?|wks?|months?|mths?|years?|yrs?)"
_NUMBER = r"\d+(?:\.\d+)?"
_JOIN = r"\s*(?:,|;|/|&|-|–|\band\b|\bor\b|\bto\b|\bthrough\b|\buntil\b)+\s*(?:\b(?:and|or)\b\s*)?"
_NOT_TIMES = re.compile(rf"\b(?:every|each|per|q)\s*(?:{_NUMBER}\s*-?\s*)?{_UNIT}\b|\bq\d+w\b", re.I)


def _patterns(unit: str) -> tuple[re.Pattern[str], re.Pattern[str]]:
    """'Weeks 6 and 14' and '6, 14 weeks', of given units."""
    before = rf"\b{unit}\s*({_NUMBER}(?:{_JOIN}(?:{unit}\s*)?{_NUMBER}(?!\s*-?\s*{unit}\b))*)"
    after = rf"({_NUMBER}(?:{_JOIN}{_NUMBER})*)\s*-?\s*{unit}\b"
    return re.compile(before, re.I), re.compile(after, re.I)


_ALL, _VISITS = _patterns(_UNIT), _patterns(_LONG)
_BASELINE = re.compile(r"\bbase\s?line\b|\bpre-?\s?(?:dose|treatment|transplant)\w*\b", re.I)
#: 'Baseline to Week 16', 'Baseline, Week 16': counted from the baseline, read at the other time.
_SINCE = re.compile(r"\bchanges?\b|\bbaseline\s*(?:\([^)]*\)\s*)?(?:up\s+)?(?:to|through|thru|until|till)\b", re.I)
_FILLER = re.compile(
    r"\b(?:at|the|of|from|to|up|through|visit|study|end|after|post|treatment|dose|first|change|changes|overall|all|total|"
    r"participants|subjects|patients|and|on|in|by|value|day|week|month|year|timepoint|time|point)\b",
    re.I,
)


def weeks_named(text: str, visits: bool = False) -> tuple[float, ...]:
    """Every time that a text names, in weeks, each once, in rising order; the baseline is 0.

    Dosing intervals ('every 8 weeks') are no times. With `visits` hours and minutes aren't either: in the title of a
    class '2 hours' is that of a glucose test, not of the trial.

    Example:
        >>> weeks_named("Baseline, Weeks 6 and 14, Month 6")
        (0.0, 6.0, 14.0, 26.0)
    """
    for word, digit in _WORDS.items():
        text = re.sub(rf"\b{word}\b", digit, text, flags=re.I)
    text = _NOT_TIMES.sub(" ", text)
    found = {0.0} if _BASELINE.search(text) else set()
    rest = text
    for pattern, unit_first in zip(_VISITS if visits else _ALL, (True, False), strict=True):
        for match in pattern.finditer(rest):
            unit, numbers = (match[1], match[2]) if unit_first else (match[match.lastindex or 1], match[1])
            found |= {_in_weeks(number, unit) for number in re.findall(_NUMBER, numbers)}
        rest = pattern.sub(" ", rest)
    return tuple(sorted(found))


def week_of(text: str, since_baseline: bool = False, visits: bool = False) -> float | None:
    """The one week that a text names, or None where it names none or several.

    The baseline beside one other time doesn't count where the text says that the result is measured from it ('Baseline
    to Week 16', or `since_baseline`, which a title with 'change' gives).
    """
    named = weeks_named(text, visits)
    if len(named) == 2 and named[0] == 0 and (since_baseline or _SINCE.search(text)):
        named = named[1:]
    return named[0] if len(named) == 1 else None


def without_times(text: str) -> str:
    """What a class title says beside its time (of days or more): '' for 'Week 6' or 'Change at Week 6 (n=100, 98)'."""
    text = re.sub(r"[(\[]\s*n\s*=[^)\]]*[)\]]", " ", text, flags=re.I)
    before, after = _VISITS
    text = after.sub(" ", before.sub(" ", _BASELINE.sub(" ", text)))
    text = _FILLER.sub(" ", text)
    return " ".join(re.sub(r"[^\w%<>=≤≥.-]+", " ", text).split()).strip(" -.")


def written(week: float) -> str:
    """A week as it stands in a trial file: '6', '0.142857'."""
    return f"{week:.6g}"


def _in_weeks(number: str, unit: str) -> float:
    word = unit.lower().rstrip("s")
    return float(f"{float(number) * WEEKS[_SHORT.get(word, word)]:.6g}")
