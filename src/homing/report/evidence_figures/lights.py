"""Risk of bias as lights with a letter inside, so that they can be read without colour, and what the letters mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Ellipse

from homing.report.evidence_figures.data import JUDGEMENTS, StudyRow
from homing.report.evidence_figures.texts import Texts
from homing.report.figures.style import GAP, INK, LINE, MUTED, SMALL, clean, text_width, wrap, write

_STEP = 0.2
_RADIUS = 0.082
#: Fill and letter; the worse the darker, for print without colour.
_LOOK = {
    "low": ("#cfe8f7", INK),
    "some concerns": ("#f0e442", INK),
    "moderate": ("#f0e442", INK),
    "unclear": ("#f5efb0", INK),
    "high": ("#d55e00", "white"),
    "serious": ("#d55e00", "white"),
    "critical": ("#5c1f00", "white"),
    "no information": ("white", INK),
}


@dataclass(frozen=True)
class Lights:
    """The domains judged, in the order of the columns, and the judgements that occur."""

    domains: tuple[str, ...]
    used: tuple[str, ...]
    texts: Texts

    @property
    def letters(self) -> list[str]:
        """What stands over the columns: A, B, C, and the sum sign for the overall judgement."""
        return ["Σ" if d == "overall" else chr(ord("A") + i) for i, d in enumerate(self.domains)]


def lights_of(rows: Sequence[StudyRow], texts: Texts) -> Lights | None:
    """The lights that these studies need; None where none is judged. The overall judgement comes last."""
    named = dict.fromkeys(domain for row in rows for domain in row.judgements)
    domains = [d for d in named if d != "overall"][:26] + (["overall"] if "overall" in named else [])
    said = {judgement for row in rows for judgement in row.judgements.values()}
    return Lights(tuple(domains), tuple(j for j in JUDGEMENTS if j in said), texts) if domains else None


def lights_width(lights: Lights) -> float:
    """How wide the columns are with their head, in inches."""
    return max(_STEP * len(lights.domains), text_width(lights.texts("bias"), SMALL, bold=True)) + 0.16


def lights_legend(lights: Lights, width: float) -> list[list[tuple[str, str]]]:
    """Lines of (judgement or '', text): first the letters, then the domains."""
    texts = lights.texts
    first = [("", texts("bias-colon")), *((j, texts.named("bias", j)) for j in lights.used)]
    second = [("", texts("domains"))] if len(lights.domains) > 1 else []
    if second:
        names = zip(lights.letters, lights.domains, strict=True)
        second += [("", f"{letter} {clean(texts.named('domain', d))}") for letter, d in names]
    lines: list[list[tuple[str, str]]] = []
    for parts in (first, second):
        used = width + 1
        for judgement, text in parts:
            need = _need(judgement, text, width)
            if used + need > width + 0.2:
                lines.append([])
                used = 0.0
            lines[-1].append((judgement, wrap(text, width - 0.3, SMALL, most=1)[0]))
            used += need
    return lines


def _need(judgement: str, text: str, width: float) -> float:
    return min(text_width(text, SMALL), width) + 0.2 + (0.22 if judgement else 0.0)


def draw_lights(
    fig: Figure,
    lights: Lights,
    left: float,
    bias: Sequence[Sequence[str]],
    middles: np.ndarray,
    top: float,
    legend: Sequence[Sequence[tuple[str, str]]],
) -> None:
    """The lights beside the rows from `left` inches, their heads above `top`, the legend at the foot of the page."""
    room = lights_width(lights) - 0.16
    first = left + 0.16 + (room - _STEP * len(lights.domains)) / 2 + _STEP / 2
    write(fig, left + 0.16 + room / 2, top + 0.08 + LINE * 0.8, lights.texts("bias"), size=SMALL, ha="center",
          ink=MUTED, bold=True)  # fmt: skip
    for k, letter in enumerate(lights.letters):
        write(fig, first + _STEP * k, top + 0.08, letter, size=SMALL, ha="center", ink=MUTED, bold=True)
    for judgements, y in zip(bias, middles, strict=True):
        for k, judgement in enumerate(judgements):
            if judgement:
                _light(fig, first + _STEP * k, top + float(y), judgement, lights.texts)
    for i, line in enumerate(reversed(legend)):
        x, y = GAP, 0.1 + LINE * 1.15 * i
        for judgement, text in line:
            if judgement:
                _light(fig, x + _RADIUS, y + 0.04, judgement, lights.texts)
                x += 0.22
            write(fig, x, y, text, size=SMALL)
            x += text_width(text, SMALL) + 0.2


def _light(fig: Figure, x: float, y: float, judgement: str, texts: Texts) -> None:
    fill, ink = _LOOK[judgement]
    disc = Ellipse((x, y), 2 * _RADIUS, 2 * _RADIUS, transform=fig.dpi_scale_trans, facecolor=fill)
    disc.set(edgecolor=INK, linewidth=0.6)
    fig.add_artist(disc)
    write(fig, x, y, texts.named("letter", judgement), size=6.5, ink=ink, ha="center", bold=True, middle=True)
