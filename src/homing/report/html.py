"""The report as one HTML file that opens offline: no script, no picture, font or style from outside."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template

from homing.answers.content import Block, Chapter, Finding, Message
from homing.evidence.values import BASES, Source
from homing.ground.errors import EvidenceError
from homing.ground.nearest import did_you_mean
from homing.report.blocks import BlockView, Numbering, unbroken, view_block
from homing.report.document import THIS_RUN, Document, ParameterRow
from homing.report.files import write_whole
from homing.report.links import link, link_text
from homing.report.words import Words

_FOLDER = Path(__file__).with_name("templates")
_LANG = {"en": "en", "zh": "zh-CN"}
QUESTIONS = range(1, 9)


def render(document: Document, language: str, *, timings: bool = True) -> str:
    """The whole report as HTML text in 'en' or 'zh'. Without `timings` equal runs give equal bytes.

    Raises: StudyError for an unknown language, EvidenceError for a cited source that the document doesn't hold,
    WiringError for a text that isn't there.
    """
    words = Words(language)
    return _template().render(
        lang=_LANG[language],
        language=language,
        contents=_contents(document, words),
        page_footer=_css_string(words.key("footer.research")),
        **view(document, words, timings=timings),
    )


def view(document: Document, words: Words, *, timings: bool = True) -> dict[str, Any]:
    """All that a report shows, worded and numbered, whatever it is written as. Raises: as `render`."""
    numbers = number_sources(document)
    kind = f"{document.kind}." if document.kind else ""
    return {
        "words": words,
        "document": document,
        "kind": kind,
        "headline": _view_blocks(document.headline, 0, "h", numbers, words),
        "observed": _view_blocks(document.observed, 0, "o", numbers, words),
        "chapters": [_view_chapter(chapter, kind, numbers, words) for chapter in document.chapters],
        "bases": BASES,
        "appendix": _view_blocks(document.appendix, 0, "a", numbers, words),
        "parameters": _view_parameters(document, numbers, words),
        "basis_count": {b: sum(row.value.basis == b for row in document.parameters) for b in BASES},
        "sources": [_view_source(document.sources[key], n, words) for key, n in numbers.items()],
        "run": [(_run_label(key, words), text) for key, text in _run_record(document, timings).items()],
    }


def save(
    document: Document, folder: Path | str, language: str, *, timings: bool = True, name: str = "report.html"
) -> Path:
    """Write the report into a folder, whole or not at all. Returns its path.

    Raises: StudyError naming the file when it can't be written; else as `render`.
    """
    text = render(document, language, timings=timings)
    page = text.encode("utf-8", errors="replace")
    return write_whole(Path(folder) / name, lambda file: file.write_bytes(page))


def number_sources(document: Document) -> dict[str, int]:
    """The number of each cited source, in the order of first mention: headline, chapters, then parameters.

    Raises: EvidenceError for a key that the document's sources don't hold.
    """
    numbers: dict[str, int] = {}
    for key, place in _cited(document):
        if key == THIS_RUN:
            continue
        if key not in document.sources:
            raise EvidenceError(f"unknown source '{key}'. {did_you_mean(key, document.sources)}", place)
        numbers.setdefault(key, len(numbers) + 1)
    return numbers


def _cited(document: Document) -> Iterator[tuple[str, str]]:
    parts: list[tuple[str, tuple[Block, ...]]] = [
        ("headline", (*document.headline, *document.observed)),
        *((f"chapter {chapter.number}", tuple(chapter.blocks)) for chapter in document.chapters),
        ("appendix", tuple(document.appendix)),
    ]
    for place, blocks in parts:
        for block in blocks:
            if isinstance(block, Finding):
                yield from ((key, f"{place}: {block.message.key}") for key in block.sources)
    for row in document.parameters:
        if row.value.source:
            yield row.value.source, f"parameter {row.name}"


def _view_blocks(
    blocks: Sequence[Block], chapter: int, place: str, numbers: Mapping[str, int], words: Words
) -> list[BlockView]:
    count = Numbering(chapter, place)
    return [view_block(block, count, numbers, words) for block in blocks]


def _view_chapter(chapter: Chapter, kind: str, numbers: Mapping[str, int], words: Words) -> dict[str, object]:
    return {
        "number": chapter.number,
        "title": _title(chapter, kind, words),
        "question": words(chapter.question or Message(f"{kind}chapter.{chapter.number}.question")),
        "blocks": _view_blocks(chapter.blocks, chapter.number, f"c{chapter.number}", numbers, words),
        "certainty": unbroken(words(chapter.certainty)),
        "exploratory": chapter.exploratory,
    }


def _contents(document: Document, words: Words) -> list[dict[str, object]]:
    """All eight questions about a candidate, those not asked without a link; of another kind, what there is."""
    if document.kind:
        titles = [(c.number, _title(c, f"{document.kind}.", words)) for c in document.chapters]
        return [{"number": n, "title": title, "is_answered": True} for n, title in titles]
    answered = {chapter.number for chapter in document.chapters}
    return [{"number": n, "title": words.key(f"chapter.{n}.title"), "is_answered": n in answered} for n in QUESTIONS]


def _title(chapter: Chapter, kind: str, words: Words) -> str:
    """The title of a chapter, its own or that of its number; `kind` starts the keys of a report's texts."""
    return words(chapter.title or Message(f"{kind}chapter.{chapter.number}.title"))


def _view_parameters(document: Document, numbers: Mapping[str, int], words: Words) -> list[dict[str, object]]:
    """The rows of the appendix under the module they belong to (the part of the name before the first dot)."""
    groups: dict[str, list[dict[str, object]]] = {}
    for row in document.parameters:
        groups.setdefault(row.name.partition(".")[0], []).append(_view_parameter(row, numbers, words))
    return [{"module": module, "rows": rows} for module, rows in groups.items()]


def _view_parameter(row: ParameterRow, numbers: Mapping[str, int], words: Words) -> dict[str, object]:
    value = row.value
    has_range = value.low is not None and value.high is not None
    notes = (("at", "place", value.at), ("how", "how", value.how), ("because", "reason", value.because))
    return {
        "name_parts": re.findall(r"[^._]*[._]?", row.name),  # where a long name may go on in the next line
        "meaning": words(row.meaning),
        "value": words.number(value.number, 4),
        "unit": "" if value.unit == "1" else value.unit,
        "range": words.key(
            "number.range", low=words.number(float(value.low or 0), 4), high=words.number(float(value.high or 0), 4)
        )
        if has_range
        else "",
        "basis": value.basis,
        "source": numbers.get(value.source),
        "is_this_run": value.source == THIS_RUN,
        "notes": [words.key(f"appendix.{key}", **{name: text}) for key, name, text in notes if text],
    }


def _view_source(source: Source, number: int, words: Words) -> dict[str, object]:
    ids = [(link_text(kind, text), link(kind, text)) for kind, text in source.ids.items()]
    key = f"read.{source.read.replace(' ', '-')}"
    read = words.key(key) if words.has(key) else source.read
    return {"number": number, "title": source.title, "year": source.year, "ids": ids, "read": read}


def _run_record(document: Document, timings: bool) -> dict[str, str]:
    return {**document.run, **(document.timings if timings else {})}


def _run_label(key: str, words: Words) -> str:
    """What a line of the run's record is called; its key where no text names it."""
    return words.key(f"run.{key}") if words.has(f"run.{key}") else key


def _css_string(text: str) -> str:
    """A text as a CSS string: every character that isn't a plain letter or digit is written as its code."""
    return '"' + "".join(c if c.isascii() and c.isalnum() else f"\\{ord(c):06x}" for c in text) + '"'


@cache
def _template() -> Template:
    env = Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return env.get_template("report.html.j2")
