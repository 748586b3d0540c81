"""Which word of the vocabulary stands for a measure of a registry: clear rules on its title, nothing guessed.

A rule that doesn't fit leaves the measure without a name; it is then reported, and the user can name it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from homing.evidence.trial_entries import terms
from homing.ground.errors import EvidenceError
from homing.ground.nearest import did_you_mean

#: Endpoints that are numbers of a scale, a concentration or an amount; all others are reached or not.
SCORES = (
    "cdai",
    "crp",
    "calprotectin",
    "mayo",
    "pdai",
    "hbi",
    "geboes",
    "pcdai",
    "ses-cd",
    "sledai",
    "quality-of-life",
)


@dataclass(frozen=True)
class Named:
    """What a measure is called: a word of the vocabulary of outcomes ('outcome') or adverse events ('event').

    `word` is '' where no rule fits, and `why` then says so. `differs` is how the definition departs from the word's;
    `by_user` whether the user named it.
    """

    word: str
    kind: str = "outcome"
    differs: str = ""
    why: str = ""
    by_user: bool = False


#: Title (all patterns must be found in it) -> word, for what is reached or not. The first that fits is taken.
_REACHED: tuple[tuple[tuple[str, ...], str], ...] = (
    ((r"combined (clinical )?remission",), "combined-remission"),
    ((r"deep remission",), "deep-remission"),
    ((r"doris", r"remission"), "doris-remission"),
    ((r"\bsri-?\s?4\b",), "sri-4"),
    ((r"insulin[- ]independen",), "insulin-independence"),
    ((r"fistula", r"\bmri\b|magnetic", r"heal|remission"), "mri-healing"),
    ((r"fistula", r"clinical remission"), "clinical-remission-fistula"),
    ((r"fistula", r"clinical response"), "clinical-response-fistula"),
    ((r"fistula", r"response", r"50 ?%|half"), "fistula-response"),
    ((r"fistula", r"heal(ing|ed)|clos(ure|ed)"), "fistula-healing"),
    ((r"histolog", r"remission|improvement|healing"), "histologic-remission"),
    ((r"endoscopic remission",), "endoscopic-remission"),
    ((r"endoscopic response",), "endoscopic-response"),
    ((r"endoscopic improvement|mucosal healing",), "endoscopic-improvement"),
    ((r"calprotectin", r"normali[sz]"), "calprotectin-normalised"),
    ((r"acute (graft[- ]versus[- ]host|gvhd)",), "acute-gvhd"),
    ((r"chronic (graft[- ]versus[- ]host|gvhd)",), "chronic-gvhd"),
    ((r"(free of|without) surgery|surgery[- ]free",), "surgery-free"),
    ((r"(underwent|undergoing|requir\w+|need\w*( for)?) surgery",), "surgery"),
    ((r"overall survival",), "overall-survival"),
)
#: So many of them are composites by their nature, which may name what they are made of.
_ALONE = 5
_FIELDS = {
    "clinical": r"clinical|cdai",
    "endoscopic": r"endoscop|mucosal",
    "histologic": r"histolog",
    "radiologic": r"\bmri\b|magnetic|radiolog",
}
_MEASURED = (
    (r"\bpcdai\b|pa?ediatric crohn.?s disease activity", "pcdai"),
    (r"(?<!p)\bcdai\b|(?<!pediatric )(?<!paediatric )crohn.?s disease activity index", "cdai"),
    (r"\bhbi\b|harvey", "hbi"),
    (r"\bses-?\s?cd\b|simple endoscopic score", "ses-cd"),
    (r"\bpdai\b|perianal (crohn.?s )?disease activity", "pdai"),
    (r"geboes", "geboes"),
    (r"sledai", "sledai"),
    (r"\bibdq\b|inflammatory bowel disease questionnaire", "quality-of-life"),
    (r"c-?\s?reactive protein|\b(hs-?)?crp\b", "crp"),
    (r"calprotectin", "calprotectin"),
    (r"\bmayo\b", "mayo"),
)
#: Words that turn a title into something else than its endpoint, with the reason that is reported.
_NOT = (
    (r"\btime (to|until)\b|\bduration\b", "a time, not a share of patients"),
    (
        r"\b(not|non|no longer|failed|failure|loss|lost|lose|losing|absence|lack)\b",
        "the title turns it round or narrows it",
    ),
    (r"\b(among|subgroups?|subset|stratified|naive|naïve|refractory)\b", "of a part of the patients only"),
    (r"\b(sustained|durable|maintain\w*|maintenance|both|prolonged)\b", "at more than one time"),
)
_HIGHEST_REMISSION = re.compile(r"(<|≤|<=|less than|below|under|at most|up to)\s*(or equal to\s*)?150\b", re.I)


def endpoint_of(title: str, part: str, about: str, score: bool, mapping: Mapping[str, str]) -> Named:
    """The word for a measure.

    Arguments: `title` the measure's title; `part` what its class and category say beside a time; `about` its
    description, which is searched for the definition of a remission; `score` whether the values are means or medians;
    `mapping` the user's own {fragment of title, class and category: endpoint}, which goes before every rule.

    Rules: adverse events by their kind; 'combined', 'deep', fistula, endoscopic and histologic endpoints by their
    words; 'clinical remission' with a CDAI of 150 is cdai-remission, with a (full, modified or adapted) Mayo score
    mayo-remission, else clinical-remission; 'response' with a CDAI fall of 100 is cdai-response, of 70
    cdai-response-70, with a Mayo score mayo-response, else clinical-response. A title that negates, that speaks of a
    part of the patients or of several times, or of two endpoints at once, gets no word.
    """
    whole = f"{title} | {part}".lower() if part else title.lower()
    for fragment, word in mapping.items():
        if fragment.lower() in whole:
            differs = f"named '{word}' by the user: {title}" + (f" ({part})" if part else "")
            in_outcomes = word in terms("outcomes")
            return Named(word, "outcome" if in_outcomes else "event", differs, by_user=True)
    if part:
        alone = _named(part.lower(), about.lower(), score)
        return alone if alone.word else Named("", why=f"'{part}' is neither a time nor an endpoint")
    return _named(title.lower(), about.lower(), score)


def check_mapping(mapping: Mapping[str, str]) -> Mapping[str, str]:
    """The user's mapping, once each of its endpoints is in a vocabulary. Raises EvidenceError with the nearest word."""
    known = [*terms("outcomes"), *terms("adverse-events")]
    for fragment, word in mapping.items():
        if not fragment.strip():
            raise EvidenceError(f"a mapping to '{word}' needs a part of the measure's title before it.", "mapping")
        if word not in known:
            raise EvidenceError(f"'{word}' is no endpoint. {did_you_mean(word, known)}", f"mapping of '{fragment}'")
    return mapping


def _named(title: str, about: str, score: bool) -> Named:
    if re.search(r"adverse event|\bt?e?aes?\b|\bsaes?\b", title):
        return _event(title)
    if score:
        return _measured(title)
    for pattern, why in _NOT:
        if re.search(pattern, title):
            return Named("", why=why)
    if re.search(r"remission|response|cdai", title) and (off := _without_steroids(title)) is not None:
        return off
    return _reached(title, about)


def _event(title: str) -> Named:
    """Adverse events: all, serious, related, or those that ended the treatment; one kind at a time."""
    if re.search(r"withdraw|discontinu|stopp", title):
        return Named("discontinued-for-adverse-event", "event")
    if re.search(r"special interest|infection|injection|infusion|grade|severe|mild|opportunistic|\bby\b", title):
        return Named("", why="a kind of adverse event that the vocabulary has no rule for")
    serious = bool(re.search(r"serious|\bsaes?\b", title))
    both = serious and re.search(r"(adverse events?|\bt?e?aes?\)?)\s*(,|and|or|&)", title)
    if both:
        return Named("", why="speaks of all and of serious adverse events at once")
    related = bool(re.search(r"related", title))
    word = "serious-adverse-event" if serious else "any-adverse-event"
    return Named(
        word.replace("any-", "related-") if related and not serious else ("related-" * related) + word, "event"
    )


def _measured(title: str) -> Named:
    found = [word for pattern, word in _MEASURED if re.search(pattern, title)]
    if "pcdai" in found and "cdai" in found:
        found.remove("cdai")
    if len(found) != 1:
        return Named("", why="names several scores" if found else "no score of the vocabulary")
    if re.search(r"sub-?\s?score|domain|component|percent|area under|log|partial|modified|adapted|ratio|fold", title):
        return Named("", why="a part or another form of the score")
    change = bool(re.search(r"\bchanges?\b|decrease|reduction|improvement|difference", title))
    scale = found[0] not in ("crp", "calprotectin")
    return Named(found[0], differs="change from baseline" if change else "score, not a change" if scale else "")


def _without_steroids(title: str) -> Named | None:
    if not re.search(r"steroid", title):
        return None
    free = re.search(r"steroid-?\s?free|(without|off|free (of|from)) (\w+ )?(cortico|gluco)?steroid", title)
    if free and "remission" in title and not re.search(r"endosc|histolog|mucosal|response", title):
        return Named("steroid-free-remission")
    return Named("", why="speaks of steroids and is no steroid-free remission alone")


def _reached(title: str, about: str) -> Named:
    first = next((w for patterns, w in _REACHED[:_ALONE] if all(re.search(p, title) for p in patterns)), "")
    if first:
        return Named(first)
    fields = [field for field, pattern in _FIELDS.items() if re.search(pattern, title)]
    levels = set(re.findall(r"remission|response|improvement|healing", title))
    if {"clinical", "endoscopic"} == set(fields) and re.search(r"clinical remission", title):
        if re.search(r"endoscopic response", title) and "endoscopic remission" not in title:
            return Named("clinical-remission-with-endoscopic-response")
    if len(fields) > 1 or (fields and len(levels) > 1 and levels != {"improvement", "healing"}):
        return Named("", why="names two endpoints at once")
    found = next((w for patterns, w in _REACHED if all(re.search(p, title) for p in patterns)), "")
    if found:
        return Named(found)
    if re.search(r"fistula|biomarker|calprotectin|quality", title) or set(fields) & {"endoscopic", "histologic"}:
        return Named("", why="no rule fits the title")
    if re.search(r"relapse|recurrence", title):
        free = re.search(r"free|without|\bno\b", title)
        return Named("", why="free of relapse is not relapse") if free else Named("relapse")
    if "remission" in title or re.search(r"\bcdai\b.*150", title):
        return _remission(title, about)
    return _response(title, about) if "response" in title else Named("", why="no rule fits the title")


def _remission(title: str, about: str) -> Named:
    if re.search(r"\bpcdai\b|partial mayo|\bpmayo\b|\bpro-?2\b|patient[- ]reported", title):
        return Named("clinical-remission", differs=_definition(title))
    text = title if re.search(r"cdai|mayo", title) else about
    if re.search(r"(?<!p)\bcdai\b", text) and (limit := _HIGHEST_REMISSION.search(text)):
        inclusive = re.search(r"≤|<=|or equal|at most|up to", limit[0])
        return Named("cdai-remission", differs="CDAI of 150 or less" if inclusive else "")
    if re.search(r"\bmayo\b", text) and not re.search(r"partial mayo", text):
        return Named("mayo-remission", differs=_mayo_form(text))
    known = re.search(r"clinical remission", title)
    return Named("clinical-remission") if known else Named("", why="a remission whose definition isn't recognised")


def _response(title: str, about: str) -> Named:
    text = title if re.search(r"cdai|mayo", title) else about
    if re.search(r"(?<!p)\bcdai\b", text):
        falls = [n for n in ("70", "100") if re.search(rf"(?<!\d){n}(?!\d)", text)]
        if len(falls) == 1:
            return Named("cdai-response" if falls == ["100"] else "cdai-response-70")
        if falls and "cdai" in title:
            return Named("", why="names two endpoints at once")
    if re.search(r"\bmayo\b", text) and "partial mayo" not in text and "clinical response" in title:
        return Named("mayo-response", differs=_mayo_form(text))
    known = re.search(r"clinical response", title)
    return Named("clinical-response") if known else Named("", why="a response whose definition isn't recognised")


def _mayo_form(text: str) -> str:
    found = re.search(r"\b(modified|adapted|three-component|3-component) mayo\b", text)
    return f"{found[1]} Mayo score" if found else ""


def _definition(title: str) -> str:
    for pattern, words in ((r"\bpcdai\b", "by the PCDAI"), (r"mayo", "by the partial Mayo score")):
        if re.search(pattern, title):
            return words
    return "by what patients report"
