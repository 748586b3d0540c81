"""A page in inches, its title and legend, and the three files that it becomes.

Text stays text in the SVG, with the report's list of fonts, Chinese ones included, so that any reader's machine shows
it. PDF embeds its fonts; PDF and PNG take a Chinese font of this machine. Where there is none (or where a font lacks a
character) these two are not written, since boxes would stand for the words, and `Written.note` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.lines import Line2D
from matplotlib.patches import Rectangle
from matplotlib.text import Text

from homing.ground.errors import StudyError
from homing.report.evidence_figures.texts import Texts
from homing.report.figures.style import GAP, INK, LINE, RULE, SMALL, TYPE, WIDTH, clean, text_width, wrap, write
from homing.report.figures.svg import drawing, to_svg
from homing.report.files import write_whole

BLUE, ORANGE, GREY = "#0072b2", "#d55e00", "#5a6570"
_SWATCH = 0.3
_BETWEEN = 0.24


@dataclass(frozen=True)
class Written:
    """The files of a picture. PDF and PNG are None where this machine can't show its characters; `note` says so."""

    svg: Path
    pdf: Path | None
    png: Path | None
    note: str = ""


@dataclass(frozen=True)
class Item:
    """One entry of a legend. `mark`: 'line', 'dashed', 'band', 'block', a Matplotlib marker, or '' for words only."""

    label: str
    mark: str
    colour: str = INK
    hollow: bool = False


def new_page(width: float, height: float, title: str = "") -> Figure:
    """An empty white page of so many inches, with room for the title above."""
    lines = wrap(clean(title), width - 2 * GAP, TYPE + 1, bold=True) if title else []
    fig = Figure(figsize=(width, height + (0.1 + LINE * 1.15 * len(lines) if lines else 0.0)))
    back = Rectangle((0, 0), 1, 1, transform=fig.transFigure, facecolor="white", edgecolor="none", zorder=-100)
    fig.add_artist(back)
    for k, line in enumerate(reversed(lines)):
        write(fig, GAP, height + 0.04 + LINE * 1.15 * k, line, size=TYPE + 1, bold=True)
    return fig


def save(make: Callable[[], Figure], stem: Path | str, texts: Texts, *, title: str) -> Written:
    """Draw and write the three files. `make` is called once for the SVG and once for PDF and PNG, whose fonts differ.

    Raises: StudyError where a file can't be written.
    """
    base = Path(stem)
    if not base.name:
        raise StudyError("a picture needs the path of a file without its ending.", str(stem))
    svg, pdf, png = (base.with_name(f"{base.name}.{ending}") for ending in ("svg", "pdf", "png"))
    with drawing():
        fig = make()
        shown = [clean(t.get_text()) for t in fig.findobj(Text) if t.get_text().strip()]
        text = to_svg(fig, title=clean(title), description=clean("; ".join(shown)))
        write_whole(svg, lambda file: file.write_text(f"<?xml version='1.0' encoding='utf-8'?>\n{text}\n", "utf-8"))
        only_latin = not _without_glyph("".join(shown))
    with drawing(picture=True):
        missing = _without_glyph("".join(shown))
        if missing:
            for old in (pdf, png):
                old.unlink(missing_ok=True)
            return Written(svg, None, None, texts("no-font", characters=missing[:12]))
        fig = make()
        _write_pictures(fig, pdf, png, clean(title), only_latin=only_latin)
    return Written(svg, pdf, png)


def _write_pictures(fig: Figure, pdf: Path, png: Path, title: str, *, only_latin: bool) -> None:
    """Fonts are embedded as TrueType where the text is in Matplotlib's own font, as glyphs where it is in others."""
    plain = {"Title": title, "CreationDate": None, "Creator": None, "Producer": None}
    with matplotlib.rc_context({"pdf.fonttype": 42 if only_latin else 3}):
        write_whole(pdf, lambda file: fig.savefig(file, format="pdf", facecolor="white", metadata=plain))
    write_whole(
        png, lambda file: fig.savefig(file, format="png", dpi=200, facecolor="white", metadata={"Software": None})
    )


def _without_glyph(text: str) -> str:
    """The characters that none of the fonts of the present drawing has."""
    families = matplotlib.rcParams["font.family"]
    fonts = [get_font(findfont(FontProperties(family=[name]))) for name in families]
    wanted = sorted({c for c in text if not c.isspace()})
    return "".join(c for c in wanted if not any(font.get_char_index(ord(c)) for font in fonts))


def legend_rows(items: Sequence[Item], width: float) -> list[list[Item]]:
    """The entries in rows no wider than `width` inches."""
    rows: list[list[Item]] = []
    used = width + 1
    for item in items:
        label = wrap(clean(item.label), width - _SWATCH, SMALL, most=1)[0]
        need = _SWATCH * bool(item.mark) + text_width(label, SMALL) + _BETWEEN
        if used + need > width + _BETWEEN:
            rows.append([])
            used = 0.0
        rows[-1].append(replace(item, label=label))
        used += need
    return rows


def draw_legend(fig: Figure, rows: Sequence[Sequence[Item]], left: float, top: float) -> None:
    """Draw rows of a legend from `top` inches downwards, LINE inches each."""
    for k, row in enumerate(rows):
        x, y = left, top - (k + 1) * LINE + 0.05
        for item in row:
            if item.mark:
                _swatch(fig, item, x, y + 0.035)
                x += _SWATCH
            write(fig, x, y, item.label, size=SMALL)
            x += text_width(item.label, SMALL) + _BETWEEN


def _swatch(fig: Figure, item: Item, x: float, y: float) -> None:
    inches = fig.dpi_scale_trans
    right = x + _SWATCH - 0.08
    if item.mark in ("block", "band"):
        edge = RULE if item.mark == "block" else "none"
        fig.add_artist(
            Rectangle((x, y - 0.055), right - x, 0.11, transform=inches, facecolor=item.colour, edgecolor=edge, lw=0.6)
        )
        return
    if item.mark in ("line", "dashed"):
        style = "-" if item.mark == "line" else (0, (4, 2))
        fig.add_artist(Line2D([x, right], [y, y], transform=inches, color=item.colour, lw=1.6, ls=style))
        return
    face = "white" if item.hollow else item.colour
    dot = Line2D([(x + right) / 2], [y], transform=inches, color=item.colour, marker=item.mark, ms=6, ls="none")
    dot.set(markerfacecolor=face, markeredgecolor=item.colour, markeredgewidth=1.0)
    fig.add_artist(dot)


def page_width(width: float) -> float:
    """At least the text width of an A4 page."""
    return max(WIDTH, width)
