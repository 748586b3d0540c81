"""From a Matplotlib figure to an SVG that can stand among others in one HTML page, or to a picture file."""

from __future__ import annotations

import hashlib
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import matplotlib.style
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from matplotlib.transforms import Bbox

from homing.report.figures.style import BASE_FONT, GAP, LINE, TYPE, wrap, write

SVG = "http://www.w3.org/2000/svg"
XLINK = "http://www.w3.org/1999/xlink"
#: What a reader's machine is likely to have, Chinese included; nothing is downloaded.
FONT_STACK = (
    "'Helvetica Neue', Arial, 'Liberation Sans', 'PingFang SC', 'Microsoft YaHei', 'Noto Sans CJK SC', "
    "'Source Han Sans SC', 'WenQuanYi Micro Hei', sans-serif"
)
_CHINESE_FONTS = (
    "Noto Sans CJK SC",
    "Source Han Sans SC",
    "PingFang SC",
    "Microsoft YaHei",
    "WenQuanYi Micro Hei",
    "SimHei",
    "Heiti SC",
    "Arial Unicode MS",
    "Noto Sans CJK JP",
)
_STYLE = {
    "svg.fonttype": "none",
    "svg.hashsalt": "homing",
    "axes.unicode_minus": True,
    "lines.solid_capstyle": "round",
    "text.parse_math": False,
}
_REFERENCE = re.compile(r"(url\(#|^#)([^)]+)")


@contextmanager
def drawing(*, picture: bool = False) -> Iterator[None]:
    """Matplotlib's own defaults and ours, whatever the user's settings are.

    An SVG is measured with the font that comes with Matplotlib and shown in the reader's; a picture needs a Chinese
    font of this machine, if there is one. Only the warning that a font lacks a glyph is silenced.
    """
    family = [BASE_FONT]
    if picture:
        installed = {font.name for font in fontManager.ttflist}
        family += [name for name in _CHINESE_FONTS if name in installed][:1]
    with matplotlib.style.context(["default", {**_STYLE, "font.family": family}]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph .* missing from", category=UserWarning)
        yield


def to_svg(fig: Figure, *, title: str, description: str, name: str = "") -> str:
    """The figure as one `<svg>` element: no dates, no comments, ids that start with `name` (or a hash of the figure).

    `title` and `description` are for screen readers. To be called within `drawing()`.
    """
    stream = io.BytesIO()
    fig.savefig(stream, format="svg", metadata={"Date": None, "Creator": None}, transparent=True)
    raw = stream.getvalue()
    root = ElementTree.fromstring(raw)
    prefix = name or "f" + hashlib.sha256(raw).hexdigest()[:10]
    _drop_what_is_not_drawn(root)
    _rename_ids(root, prefix)
    for element in root.iter(f"{{{SVG}}}text"):
        style = element.get("style", "")
        element.set("style", re.sub(r"\s*font-family: [^;]*;?", "", style).strip())
    size = root.get("viewBox", "0 0 1 1").split()
    root.attrib.clear()
    root.attrib.update(
        {
            "viewBox": " ".join(size),
            "width": f"{size[2]}pt",
            "height": f"{size[3]}pt",
            "role": "img",
            "aria-label": title,
            "font-family": FONT_STACK,
            "stroke-linejoin": "round",
            "stroke-linecap": "butt",
        }
    )
    for position, (tag, text) in enumerate((("title", title), ("desc", description))):
        element = ElementTree.Element(f"{{{SVG}}}{tag}")
        element.text = text
        root.insert(position, element)
    ElementTree.register_namespace("", SVG)
    ElementTree.register_namespace("xlink", XLINK)
    return ElementTree.tostring(root, encoding="unicode")


def to_png(fig: Figure, path: Path, *, title: str, dots_per_inch: int = 200) -> None:
    """The figure as a PNG file, with the title above it. To be called within `drawing(picture=True)`."""
    width, height = fig.get_size_inches()
    lines = wrap(title, width - 2 * GAP, TYPE + 1, bold=True)
    for k, line in enumerate(reversed(lines)):
        write(fig, GAP, height + 0.1 + LINE * k, line, size=TYPE + 1, bold=True)
    page = Bbox([[0, 0], [width, height + 0.2 + LINE * len(lines)]])
    fig.savefig(
        path,
        format="png",
        dpi=dots_per_inch,
        facecolor="white",
        bbox_inches=page,
        metadata={"Software": None},
    )


def _drop_what_is_not_drawn(root: ElementTree.Element) -> None:
    """Metadata and the global style rule, which would reach the whole page."""
    for parent in list(root.iter()):
        for child in list(parent):
            tag = child.tag.rpartition("}")[2]
            if tag in {"metadata", "style"}:
                parent.remove(child)
        if parent.text and not parent.text.strip():
            parent.text = None
        if parent.tail and not parent.tail.strip():
            parent.tail = "\n" if parent.tag.endswith("}g") else None


def _rename_ids(root: ElementTree.Element, prefix: str) -> None:
    """Keep the ids that something refers to, each with the prefix of this figure."""
    used: set[str] = set()
    for element in root.iter():
        for key, value in element.attrib.items():
            if key != "id" and ("url(#" in value or key.endswith("href")):
                used.update(identity for _, identity in _REFERENCE.findall(value))
    for element in root.iter():
        if (identity := element.get("id")) is not None:
            if identity in used:
                element.set("id", f"{prefix}-{identity}")
            else:
                del element.attrib["id"]
        for key, value in list(element.attrib.items()):
            if key != "id" and ("url(#" in value or key.endswith("href")):
                element.set(key, _REFERENCE.sub(lambda m: f"{m[1]}{prefix}-{m[2]}", value))
