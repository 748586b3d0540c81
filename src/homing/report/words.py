"""Words: texts by key in the language of the report, and numbers with their units and intervals.

A text file holds flat dotted keys (`chapter.1.title: "Why cells?"`) with placeholders in braces. The files of a
language are `text/<language>.yaml` and every `text/<part>.<language>.yaml`; a key stands in one of them only.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from numbers import Integral, Real
from pathlib import Path
from types import MappingProxyType

from homing.answers.content import Estimate, Message, Verbatim
from homing.ground.errors import HomingError, StudyError, WiringError
from homing.ground.nearest import did_you_mean
from homing.ground.text_yaml import read_yaml
from homing.report.estimates import print_estimate
from homing.report.numbers import fixed, percent_decimals, significant

LANGUAGES = ("en", "zh")
_FOLDER = Path(__file__).with_name("text")
_PLACEHOLDER = re.compile(r"\{([a-z][a-z0-9_]*)\}")
#: Where a language gives large numbers a name: million and billion, 万 and 亿.
_NAMED_SIZES = {"en": (1e6, 1e9), "zh": (1e4, 1e8)}
#: The levels of `Estimate.spread` that a sentence can explain.
_SPREADS = ("sampling", "monte-carlo", "patients", "scenarios", "posterior")


@dataclass(frozen=True)
class Words:
    """The texts of one language ('en' or 'zh'). Calling it turns a Message, Verbatim or str into text.

    A str is taken as it stands; a text by its key is `words.key("chapter.1.title")`.

    Raises: StudyError for a language that isn't there.
    """

    language: str

    def __post_init__(self) -> None:
        if self.language not in LANGUAGES:
            raise StudyError(f"no texts in '{self.language}'. {did_you_mean(self.language, LANGUAGES)}", "language")

    def __call__(self, text: Message | Verbatim | str) -> str:
        """The text in this language.

        Raises: WiringError naming key and language for an unknown key or a placeholder without value.
        """
        if isinstance(text, Message):
            return self.key(text.key, **dict(text.values))
        if isinstance(text, Verbatim):
            return text.zh if self.language == "zh" and text.zh else text.text
        return text

    def key(self, key: str, **values: object) -> str:
        """The text of a key, with `values` put into its placeholders as `value` formats them.

        Raises: WiringError as in `__call__`.
        """
        pattern = self.pattern(key)
        shown: dict[str, str] = {}
        for name in _PLACEHOLDER.findall(pattern):
            if name not in values:
                raise WiringError(
                    f"the text needs a value for '{{{name}}}'; given: {', '.join(values) or 'none'}.",
                    f"text '{key}' ({self.language})",
                )
            shown[name] = self.value(values[name])
        return _PLACEHOLDER.sub(lambda match: shown[match[1]], pattern)

    def pattern(self, key: str) -> str:
        """The text of a key as it is written, placeholders and all. Raises: WiringError for an unknown key."""
        texts = read_texts(self.language)
        if key not in texts:
            raise WiringError(
                f"there is no such text. {did_you_mean(key, texts, most=6)} Add it to report/text/, in every language.",
                f"text '{key}' ({self.language})",
            )
        return texts[key]

    def has(self, key: str) -> bool:
        """Whether there is a text of this key."""
        return key in read_texts(self.language)

    def value(self, value: object) -> str:
        """Anything that stands in a sentence or a table cell: text, Message, Estimate, number, yes or no, a list."""
        if isinstance(value, Message | Verbatim | str):
            return self(value)
        if isinstance(value, Estimate):
            return self.estimate(value)
        if value is None:
            return self.key("number.missing")
        if isinstance(value, bool) or type(value).__name__ == "bool":  # a NumPy bool is no bool
            return self.key("number.yes" if value else "number.no")
        if isinstance(value, Integral):
            return fixed(int(value), 0)
        if isinstance(value, Real):
            return self.number(float(value))
        if isinstance(value, Sequence):
            return self.listing([self.value(part) for part in value])
        raise WiringError(f"a {type(value).__name__} can't be put into words; give text, a number or an Estimate.")

    def listing(self, parts: Sequence[str]) -> str:
        """'a, b and c' in the language."""
        if len(parts) < 2:
            return "".join(parts)
        return self.key("list.separator").join(parts[:-1]) + self.key("list.last") + parts[-1]

    def sentences(self, *texts: str) -> str:
        """Sentences one after the other, with the space between them that the language has; empty ones drop out."""
        return self.key("sentence.separator").join(text for text in texts if text)

    def number(self, x: float, digits: int = 3) -> str:
        """A bare number; a dash where it is not a number."""
        if math.isnan(x):
            return self.key("number.missing")
        if math.isinf(x):
            return self.key("number.unlimited") if x > 0 else "−∞"
        return significant(x, digits)

    def percent(self, proportion: float, decimals: int | None = None) -> str:
        """A proportion of 1 as a percentage, with one decimal unless it is small or told otherwise."""
        if not math.isfinite(proportion):
            return self.number(proportion)
        places = percent_decimals(proportion) if decimals is None else decimals
        number = fixed(100 * proportion, places)
        if proportion > 0 and not number.strip("0.,"):  # a rare event is not an event that can't happen
            number = self.key("number.below", number=fixed(10.0**-places, places))
        return self.key("number.percent", number=number)

    def count(self, x: float, digits: int = 3) -> str:
        """A large count by name: 120 million, 1.2亿. Small ones in digits."""
        large, huge = _NAMED_SIZES[self.language]
        if not math.isfinite(x):
            return self.number(x)
        rounded = float(f"{x:.{digits - 1}e}")
        if abs(rounded) >= huge:
            return self.key("number.huge", number=significant(rounded / huge, digits))
        if abs(rounded) >= large:
            return self.key("number.large", number=significant(rounded / large, digits))
        return fixed(rounded, 0) if abs(rounded) >= 100 else significant(rounded, digits)

    def estimate(self, e: Estimate) -> str:
        """A number with its interval, printed by kind. See `report/estimates.py`."""
        return print_estimate(e, self)

    def intervals(self, estimates: Iterable[Estimate]) -> str:
        """One sentence that says what the intervals in brackets mean; empty where there is none."""
        kinds: list[str] = []
        for e in estimates:
            if e.spread in _SPREADS and not (math.isnan(e.low) and math.isnan(e.high)):
                kind = self.key(f"spread.{e.spread}", level=self.percent(e.level, 0 if e.level * 100 % 1 == 0 else 1))
                kinds += [] if kind in kinds else [kind]
        return self.key("spread.note", kinds=self.listing(kinds)) if kinds else ""


@cache
def read_texts(language: str) -> Mapping[str, str]:
    """Every text of a language by key, from all its files.

    Raises: HomingError naming file and line for a key in two files, a text that isn't plain, or a stray brace.
    """
    texts: dict[str, str] = {}
    for file in (_FOLDER / f"{language}.yaml", *sorted(_FOLDER.glob(f"*.{language}.yaml"))):
        tree = read_yaml(file)
        for key, text in tree.tree.items():
            if not isinstance(text, str):
                raise HomingError("a text is one line in quotes; keys are flat, with dots.", tree.where((key,)))
            if key in texts:
                raise HomingError(f"the text '{key}' stands in another file of this language too.", tree.where((key,)))
            if set(_PLACEHOLDER.sub("", text)) & set("{}"):
                raise HomingError("a brace that is no placeholder; write {name} in small letters.", tree.where((key,)))
            texts[key] = text
    return MappingProxyType(texts)


def placeholders(pattern: str) -> frozenset[str]:
    """The names in braces of a text."""
    return frozenset(_PLACEHOLDER.findall(pattern))
