"""A report as a Word file, through python-docx: the same texts, tables and marks of sources as the page.

Figures are drawn for the page alone; a report whose Word file must stand by itself says in tables what it says at all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from homing.ground.errors import StudyError
from homing.report.blocks import BlockView
from homing.report.document import Document
from homing.report.files import write_whole
from homing.report.html import view
from homing.report.words import Words

_FONT, _FONT_ZH = "Arial", "Microsoft YaHei"
_SIZE, _SMALL = 10, 8


def save_word(document: Document, folder: Path | str, language: str, *, name: str = "report.docx") -> Path:
    """Write a report as a Word file into a folder, whole or not at all. Returns its path.

    Raises: StudyError where python-docx is absent, or naming the file when it can't be written.
    """
    try:
        import docx
    except ImportError:
        raise StudyError('Word files need python-docx. Install it with: pip install "homing[word]"', "docx") from None
    words = Words(language)
    page = docx.Document()
    _set_fonts(page)
    _fill(page, document, words)
    return write_whole(Path(folder) / name, lambda file: page.save(str(file)))


def _set_fonts(page: Any) -> None:
    from docx.oxml.ns import qn
    from docx.shared import Pt

    for style in page.styles:
        if style.type == 1 and (style.name == "Normal" or style.name.startswith(("Heading", "Title"))):
            style.font.name = _FONT
            fonts = style.element.get_or_add_rPr().get_or_add_rFonts()
            fonts.set(qn("w:eastAsia"), _FONT_ZH)
            for theme in ("asciiTheme", "hAnsiTheme", "eastAsiaTheme"):
                fonts.attrib.pop(qn(f"w:{theme}"), None)
    page.styles["Normal"].font.size = Pt(_SIZE)


def _fill(page: Any, document: Document, words: Words) -> None:
    shown = view(document, words, timings=False)
    page.core_properties.title = words(document.title)
    _head(page, document, shown["kind"], words)
    for heading, blocks in (("headline", shown["headline"]), ("observed", shown["observed"])):
        if blocks:
            page.add_heading(words.key(f"header.{heading}"), 1)
            _blocks(page, blocks, words)
    _bases(page, shown["bases"], words)
    for chapter in shown["chapters"]:
        page.add_heading(f"{chapter['number']} {chapter['title']}", 1)
        _exploratory(page, chapter["exploratory"], words)
        page.add_paragraph(chapter["question"])
        _blocks(page, chapter["blocks"], words)
        _labelled(page, words.key("certainty.label"), chapter["certainty"])
    page.add_heading(words.key("header.appendix"), 1)
    _blocks(page, shown["appendix"], words)
    _parameters(page, shown, words)
    page.add_heading(words.key("appendix.sources"), 2)
    for source in shown["sources"]:
        page.add_paragraph(_source(source, words))
    page.add_heading(words.key("appendix.run"), 2)
    page.add_paragraph(words.key("appendix.run.about"))
    _table(page, [], shown["run"])
    page.add_heading(words.key("notice.warnings"), 2)
    for warning in document.warnings:
        page.add_paragraph(words(warning), style="List Bullet")
    if not document.warnings:
        page.add_paragraph(words.key("notice.no-warnings"))
    _small(page, words.sentences(words.key("footer.research"), words.key("footer.run", run=document.run_id)))


def _head(page: Any, document: Document, kind: str, words: Words) -> None:
    """What the report is of, and the notices that its reader meets first."""
    page.add_paragraph(f"{words.key('header.product')} · {words.key(f'{kind}header.report')}")
    page.add_heading(words(document.title), 0)
    page.add_paragraph(words(document.question))
    for label, text in (
        (words.key(f"{kind}header.candidate"), words(document.candidate)),
        (words.key("header.population"), words(document.population)),
        (words.key("header.run"), document.run_id),
    ):
        _labelled(page, label, text)
    due = {"research": True, "exploratory": document.exploratory, "uncalibrated": document.uncalibrated}
    for notice in (name for name, is_due in due.items() if is_due):
        _labelled(page, words.key(f"notice.{notice}.title"), words.key(f"notice.{notice}"))
    for limit in document.limits:
        _labelled(page, words.key("notice.context.title"), words(limit))
    if not document.limits:
        page.add_paragraph(words.key("notice.context.within"))


def _bases(page: Any, bases: Sequence[str], words: Words) -> None:
    """What the marks behind findings and values mean."""
    for basis in bases:
        _labelled(page, words.key(f"basis.{basis}"), words.key(f"basis.{basis}.meaning"))
    _labelled(page, words.key("badge.exploratory"), words.key("badge.exploratory.meaning"))


def _blocks(page: Any, blocks: Sequence[BlockView], words: Words) -> None:
    for block in blocks:
        if block.kind == "table":
            _labelled(page, block.label, block.text)
            _table(page, [head for head, _ in block.columns], block.rows)
            _small(page, words.sentences(block.note, block.intervals))
        elif block.kind == "figure":
            _small(page, words.sentences(f"{block.label} {block.text}", block.note))
        else:
            page.add_paragraph(block.text + _marks(block))
            _exploratory(page, block.exploratory, words)
            told = [words.key(f"basis.{block.basis}")] if block.basis else []
            told += [words.key("appendix.this-run")] if block.is_this_run else []
            _small(page, " · ".join([*told, *([block.intervals] if block.intervals else [])]))


def _exploratory(page: Any, due: bool, words: Words) -> None:
    if due:
        _small(page, words.key("badge.exploratory"))


def _parameters(page: Any, shown: Mapping[str, Any], words: Words) -> None:
    """Every value behind the report, as the page has them."""
    if not shown["parameters"]:
        return
    page.add_heading(words.key("appendix.parameters"), 2)
    count = words.key("appendix.basis-count", **shown["basis_count"])
    page.add_paragraph(words.sentences(words.key("appendix.parameters.about"), count))
    heads = [words.key(f"head.{head}") for head in ("parameter", "value", "unit", "range", "basis", "source")]
    rows = [_parameter(row, words) for group in shown["parameters"] for row in group["rows"]]
    _table(page, heads, rows)


def _parameter(row: Mapping[str, Any], words: Words) -> list[str]:
    name = "".join(row["name_parts"])
    where = f"[{row['source']}]" if row["source"] else words.key("appendix.this-run") if row["is_this_run"] else ""
    known = "\n".join(filter(None, (where, *row["notes"])))
    return [
        f"{name}\n{row['meaning']}",
        row["value"],
        row["unit"],
        row["range"],
        words.key(f"basis.{row['basis']}"),
        known,
    ]


def _source(source: Mapping[str, Any], words: Words) -> str:
    """A source as the page has it: its year and what was read of it where they are known."""
    year = f" ({source['year']})" if source["year"] else ""
    ids = "; ".join(text for text, _ in source["ids"])
    read = words.key("appendix.source.read", what=source["read"]) if source["read"] else ""
    return " ".join(filter(None, (f"[{source['number']}] {source['title']}{year}", ids, read)))


def _marks(view: BlockView) -> str:
    return "".join(f" [{number}]" for number in view.marks)


def _labelled(page: Any, label: str, text: str) -> None:
    paragraph = page.add_paragraph()
    paragraph.add_run(f"{label} ").bold = True
    paragraph.add_run(text)


def _small(page: Any, text: str) -> None:
    from docx.shared import Pt

    if text:
        page.add_paragraph().add_run(text).font.size = Pt(_SMALL)


def _table(page: Any, heads: list[str], rows: Any) -> None:
    from docx.shared import Pt

    lines = [*([heads] if heads else []), *rows]
    if not lines:
        return
    table = page.add_table(rows=len(lines), cols=len(lines[0]))
    table.style = "Light Grid Accent 1" if heads else "Table Grid"
    for row, line in zip(table.rows, lines, strict=True):
        for cell, text in zip(row.cells, line, strict=True):
            cell.text = ""
            cell.paragraphs[0].add_run(text).font.size = Pt(_SMALL)
    page.add_paragraph()
