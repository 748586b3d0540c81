"""A report as a Word file, through python-docx: the same texts, tables and marks of sources as the page.

Figures are drawn for the page alone; a report whose Word file must stand by itself says in tables what it says at all.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from homing.ground.errors import StudyError
from homing.report.blocks import BlockView, Numbering, view_block
from homing.report.document import Document
from homing.report.files import write_whole
from homing.report.html import chapter_title, number_sources, run_label
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
    kind = f"{document.kind}." if document.kind else ""
    numbers = number_sources(document)
    page.core_properties.title = words(document.title)
    page.add_paragraph(f"{words.key('header.product')} · {words.key(f'{kind}header.report')}")
    page.add_heading(words(document.title), 0)
    page.add_paragraph(words(document.question))
    for label, text in (
        (words.key(f"{kind}header.candidate"), words(document.candidate)),
        (words.key("header.population"), words(document.population)),
        (words.key("header.run"), document.run_id),
    ):
        _labelled(page, label, text)
    _labelled(page, words.key("notice.research.title"), words.key("notice.research"))
    if document.exploratory:
        _labelled(page, words.key("notice.exploratory.title"), words.key("notice.exploratory"))
    page.add_heading(words.key("header.headline"), 1)
    _blocks(page, document.headline, Numbering(0, "h"), numbers, words)
    for chapter in document.chapters:
        page.add_heading(f"{chapter.number} {words(chapter_title(chapter, kind))}", 1)
        _blocks(page, chapter.blocks, Numbering(chapter.number, f"c{chapter.number}"), numbers, words)
        _labelled(page, words.key("certainty.label"), words(chapter.certainty))
    page.add_heading(words.key("appendix.sources"), 1)
    for key, number in numbers.items():
        source = document.sources[key]
        page.add_paragraph(f"[{number}] {source.title} ({source.year}) {'; '.join(source.ids.values())}")
    page.add_heading(words.key("appendix.run"), 1)
    _table(page, [], [[run_label(key, words), text] for key, text in document.run.items()])
    for warning in document.warnings:
        page.add_paragraph(words(warning), style="List Bullet")


def _blocks(page: Any, blocks: Any, count: Numbering, numbers: Mapping[str, int], words: Words) -> None:
    for block in blocks:
        view = view_block(block, count, numbers, words)
        if view.kind == "table":
            _labelled(page, view.label, view.text)
            _table(page, [head for head, _ in view.columns], view.rows)
            _small(page, words.sentences(view.note, view.intervals))
        elif view.kind == "figure":
            _small(page, words.sentences(f"{view.label} {view.text}", view.note))
        else:
            page.add_paragraph(view.text + _marks(view))
            _small(page, view.intervals)


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
