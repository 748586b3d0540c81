"""The model's context of use: what it must not be asked, and whether a study asks it.

A file of catalogue/context/ has

    name: {en: stricturing disease, zh: ...}
    verdict: refuse                    # refuse | warn
    words: [strictur, stenos]          # as they begin, in any language; a word after "no", "without" ... is let pass
    reason: {en: ..., zh: ...}         # why the model can't tell
    instead: {en: ..., zh: ...}        # what to ask
    sources: [...]                     # where a finding is behind the reason
    ages below: 18 years               # or `ages above`: a population that reaches beyond falls under it

Title, question and `eligibility` of a study are read, and the population's words and ages.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from homing.evidence.catalogue import Entry, entry, names
from homing.ground.text_yaml import Path_
from homing.ground.units import read_quantity
from homing.patients.population import Population, population
from homing.study import known
from homing.study.faults import Faults
from homing.study.plan import Note
from homing.study.schema import StudyContent, label_of

FOLDER = "context"
VERDICTS = ("refuse", "warn")
_AGE = "years"
#: A word within this reach after one of these is not asked for but left out.
_LEFT_OUT = re.compile(
    r"(?:\b(?:no|not|non|nor|never|without|except|excluding|excluded|exclude|excludes|free of|other than|rather than|"
    r"neither|absence of|as in|unlike)\b[\s,:-]*(?:[\w'-]+[\s,]+(?:or\s+|and\s+)?){0,5}|"
    r"[无非不除](?:含|包括|合并|伴|有|外)?.{0,6}|排除.{0,12})$",
    re.IGNORECASE,
)
#: The same where it is said behind the word: "children excluded", "strictures were not allowed".
_LEFT_OUT_AFTER = re.compile(
    r"\s*(?:(?:are|is|were|was|being|will be)\s+)?(?:excluded|left out|not (?:included|allowed|enrolled|treated))\b|"
    r"(?:者|患者)?(?:除外|排除)",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Limit:
    """One thing that the model must not be asked (`refuse`) or can answer in part only (`warn`)."""

    key: str
    verdict: str
    name: Mapping[str, str]
    words: tuple[str, ...]
    reason: Mapping[str, str]
    instead: Mapping[str, str]
    sources: tuple[str, ...] = ()
    ages_below: float | None = None
    ages_above: float | None = None

    def asked_in(self, text: str) -> str:
        """The first of its words that a text asks for; '' where it asks for none."""
        for word in self.words:
            start = r"\b" if word[0].isascii() else ""
            for found in re.finditer(start + re.escape(word) + r"\w*", text, re.IGNORECASE):
                if not _LEFT_OUT.search(text[: found.start()]) and not _LEFT_OUT_AFTER.match(text[found.end() :]):
                    return found.group()
        return ""

    def reached_by(self, asked: Population) -> bool:
        """Whether the ages of a population go beyond the limit's."""
        age = asked.distributions.get("age")
        if age is None:
            return False
        low = age.low or (age.centre if age.kind == "fixed" else None)
        high = age.high or (age.centre if age.kind == "fixed" else None)
        too_young = self.ages_below is not None and (low is None or low.to(_AGE).number < self.ages_below)
        too_old = self.ages_above is not None and (high is None or high.to(_AGE).number > self.ages_above)
        return too_young or too_old


@functools.lru_cache(maxsize=1)
def limits() -> tuple[Limit, ...]:
    """Every limit of the catalogue, those that refuse first. Raises EvidenceError for a faulty file.

    Example:
        >>> [limit.key for limit in limits() if limit.asked_in("Cells for stricturing Crohn's disease")]
        ['stricture']
    """
    found = [read_limit(entry(FOLDER, key)) for key in names(FOLDER)]
    return tuple(sorted(found, key=lambda limit: (limit.verdict, limit.key)))


def read_limit(e: Entry) -> Limit:
    """A limit from an entry. Raises EvidenceError with file, line and key for a faulty one."""
    required = ("name", "verdict", "words", "reason", "instead")
    e.fields(*required, "sources", "ages below", "ages above", required=required)

    def years(name: str) -> float | None:
        return read_quantity(e.text(name), _AGE) if name in e.data else None

    return Limit(
        key=e.key,
        verdict=e.one_of("verdict", VERDICTS),
        name=e.both_languages("name"),
        words=e.texts("words"),
        reason=e.both_languages("reason"),
        instead=e.both_languages("instead"),
        sources=e.sources(),
        ages_below=years("ages below"),
        ages_above=years("ages above"),
    )


def check_context(content: StudyContent, faults: Faults) -> tuple[Note, ...]:
    """Note a fault for each thing the model must not be asked; return a warning for each that it tells in part."""
    warnings = []
    for limit in limits():
        for path, what in _asked(content, limit):
            if limit.verdict == "refuse":
                faults.add(
                    path,
                    f"{what} is outside what this model may be asked ({limit.key}: {limit.name['en']}). "
                    f"{limit.reason['en']} Instead, {limit.instead['en']}.",
                )
            else:
                warnings.append(
                    Note(
                        f"Only in part within what this model may be asked: {limit.name['en']}. {limit.reason['en']} "
                        f"Please {limit.instead['en']}.",
                        f"仅部分属于本模型的适用范围：{limit.name['zh']}。{limit.reason['zh']}{limit.instead['zh']}。",
                    )
                )
                break
    return tuple(warnings)


def _asked(content: StudyContent, limit: Limit) -> Iterator[tuple[Path_, str]]:
    """Where a study asks for it, and in which words."""
    texts: list[tuple[Path_, str]] = [(("study",), content.study), (("question",), content.question)]
    texts += [(("eligibility", i), text) for i, text in enumerate(content.eligibility)]
    for arm, part in content.arms.items():
        texts += [(("arms", arm, "courses", i, "give"), course.give) for i, course in enumerate(part.courses)]
        texts += [(("arms", arm, "rules", i, "give"), rule.give) for i, rule in enumerate(part.rules)]
        texts += [(("arms", arm, "label"), text) for text in label_of(part.label, arm).values()]
    for kind, parts in (("products", content.products), ("carriers", content.carriers)):
        for name, own in parts.items():
            texts += [((kind, name), name), ((kind, name, "like"), own.like)]
            texts += [((kind, name, "name"), text) for text in label_of(own.name, name).values()]
    if content.compare is not None and content.compare.cross is not None:
        texts += [(("compare", "cross", "give", i), name) for i, name in enumerate(content.compare.cross.give)]
    for path, text in texts:
        word = limit.asked_in(text)
        if word:
            yield path, f"'{word}'"
    if content.population in known.names("populations"):
        asked = population(content.population)
        if limit.asked_in(" ".join(asked.name.values())) or limit.reached_by(asked):
            yield ("population",), f"the population '{content.population}'"
