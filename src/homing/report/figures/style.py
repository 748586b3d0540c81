"""The look of every figure: colours, sizes, text, ticks. Sizes are inches for space and points for type.

Positions are computed here from the text itself and the fonts that come with Matplotlib, never from fonts of the
machine, so that the same figure gives the same bytes everywhere.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Sequence
from functools import cache

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties, findfont, get_font
from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator
from matplotlib.transforms import ScaledTranslation, Transform

WIDTH = 7.2  # inches; the text width of an A4 page
TYPE = 9.0  # points
SMALL = 8.0
LINE = 0.175  # inches from one line of type to the next
GAP = 0.1

INK = "#1d2730"
MUTED = "#5a6570"
RULE = "#cfd5da"
BASE_FONT = "DejaVu Sans"
_BOLD = 1.1  # how much wider bold type is

#: Okabe and Ito's colours, in an order that keeps neighbours apart, without the yellow that paper swallows.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#b65c93", "#e69f00", "#4fa6dc", "#4d4d4d")
MARKERS = ("o", "s", "^", "D", "v", "P", "X")


def colour(position: int) -> str:
    """The colour at a position of the palette, which repeats."""
    return PALETTE[position % len(PALETTE)]


def text_width(text: str, size: float = TYPE, *, bold: bool = False) -> float:
    """About how wide a text is, in inches: a wide (Chinese) character is one em, others as in DejaVu Sans."""
    em = sum(1.0 if _is_wide(c) else _advance(c) for c in text)
    return em * size / 72 * (_BOLD if bold else 1.0)


@cache
def _advance(character: str) -> float:
    """The advance of a character of DejaVu Sans, in em."""
    font = get_font(findfont(FontProperties(family=BASE_FONT)))
    font.set_size(100, 72)
    glyph = font.load_char(ord(character))
    return float(glyph.linearHoriAdvance) / 65536 / 100


def wrap(text: str, width: float, size: float = TYPE, *, most: int = 3, bold: bool = False) -> list[str]:
    """A text in lines no wider than `width` inches, at most so many, the last cut with an ellipsis.

    Breaks at spaces, and between Chinese characters but not before punctuation.
    """
    width = width / _BOLD if bold else width
    lines: list[str] = []
    line = ""
    for piece in _pieces(text):
        if line.strip() and text_width((line + piece).rstrip(), size) > width:
            lines.append(line.strip())
            line = ""
        line += piece
    lines.append(line.strip())
    kept = lines[:most]
    if len(lines) > most:
        kept[-1] += "…"
    return [_cut(each, width, size) for each in kept]


def _pieces(text: str) -> list[str]:
    """A text cut where a line may end: after a space, and around a wide character that is no punctuation."""
    pieces: list[str] = []
    for before, c in zip(" " + text, text, strict=False):
        is_closing = unicodedata.category(c) in {"Po", "Pe", "Pf"}
        may_break = before == " " or ((_is_wide(before) or _is_wide(c)) and c != " " and not is_closing)
        if not pieces or (may_break and unicodedata.category(before) not in {"Ps", "Pi"}):
            pieces.append(c)
        else:
            pieces[-1] += c
    return pieces


def _is_wide(character: str) -> bool:
    return unicodedata.east_asian_width(character) in "WF"


def _cut(text: str, width: float, size: float) -> str:
    if text_width(text, size) <= width:
        return text
    kept = text.removesuffix("…")
    while kept and text_width(kept + "…", size) > width:
        kept = kept[:-1]
    return kept.rstrip() + "…"


def clean(text: str) -> str:
    """A text as one line without control characters, which have no place in an SVG."""
    spaced = "".join(" " if c.isspace() else c for c in text)
    return "".join(c for c in spaced if unicodedata.category(c) not in {"Cc", "Cs", "Cn", "Co"}).strip()


def write(
    fig: Figure,
    x: float,
    y: float,
    text: str,
    *,
    transform: Transform | None = None,
    size: float = TYPE,
    ink: str = INK,
    ha: str = "left",
    bold: bool = False,
    middle: bool = False,
) -> None:
    """Put a text at a point: inches from the lower left corner, or in the units of `transform`.

    `y` is the base line, or the middle of the small letters when `middle`. Nothing in the text is read as markup.
    """
    where = fig.dpi_scale_trans if transform is None else transform
    if middle:
        where = where + ScaledTranslation(0, -0.36 * size / 72, fig.dpi_scale_trans)
    weight = "bold" if bold else "normal"
    fig.text(
        x, y, text, transform=where, size=size, color=ink, ha=ha, va="baseline", weight=weight, parse_math=False
    )  # fmt: skip


def canvas(height: float) -> Figure:
    """An empty figure of the width of the page, `height` inches tall."""
    return Figure(figsize=(WIDTH, height))


def axes_at(fig: Figure, left: float, bottom: float, width: float, height: float) -> Axes:
    """Axes with a bare frame, placed in inches."""
    whole_width, whole_height = fig.get_size_inches()
    place = (left / whole_width, bottom / whole_height, width / whole_width, height / whole_height)
    ax = fig.add_axes(place)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set(color=MUTED, linewidth=0.7)
    ax.tick_params(labelsize=SMALL, labelcolor=INK, color=MUTED, width=0.7, length=3)
    return ax


def set_ticks(axis: object, ticks: Sequence[float], labels: Sequence[str]) -> None:
    """Fix the ticks of an x or y axis and what stands at them."""
    named = dict(zip(ticks, labels, strict=True))
    axis.set_major_locator(FixedLocator(list(ticks)))  # type: ignore[attr-defined]
    axis.set_major_formatter(FuncFormatter(lambda x, _: named.get(x, "")))  # type: ignore[attr-defined]
    axis.set_minor_locator(NullLocator())  # type: ignore[attr-defined]


def linear_ticks(low: float, high: float, most: int = 6, *, steps: Sequence[float] = ()) -> list[float]:
    """Round ticks within the limits: steps of 1, 2, 2.5 or 5 times a power of ten, or one of the `steps` given."""
    if not high > low:
        return [low]
    rough = (high - low) / most
    power = 10.0 ** math.floor(math.log10(rough))
    decimal = (s * power for s in (1, 2, 2.5, 5, 10))
    fits = [s for s in steps if s >= rough * (1 - 1e-9)]
    step = fits[0] if fits else next(s for s in decimal if s >= rough * (1 - 1e-9))
    first = math.ceil(low / step - 1e-9)
    last = math.floor(high / step + 1e-9)
    return [round(k * step, 12) + 0.0 for k in range(first, last + 1)]


def log_ticks(low: float, high: float, most: int = 7) -> list[float]:
    """Ticks of a logarithmic axis: whole decades, thinned where many, with steps between where there are few."""
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks: list[float] = []
    for steps in ((1,), (1, 3), (1, 2, 5), (1, 1.5, 2, 3, 5, 7), (1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 7, 8, 9)):
        ticks = [s * 10.0**k for k in decades for s in steps]
        ticks = [t for t in ticks if low * (1 - 1e-9) <= t <= high * (1 + 1e-9)]
        if len(ticks) >= 3:
            break
    stride = max(1, math.ceil(len(ticks) / most))
    return ticks[::stride] or [low, high]
