"""The axis of an effect: its name, whether it is a ratio or in per cent, how its numbers are printed, its ticks."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from matplotlib.axes import Axes
from scipy.special import logit

from homing.ground.errors import StudyError
from homing.ground.nearest import did_you_mean
from homing.report.evidence_figures.texts import Texts
from homing.report.figures.scales import tick_labels
from homing.report.figures.style import SMALL, linear_ticks, set_ticks, text_width
from homing.report.numbers import MINUS, fixed, significant
from homing.synthesis.effect import RATIOS, Measure, natural

_SAME_WORDS = {
    **dict.fromkeys(("log-proportion", "logit", "arcsine", "freeman-tukey"), "proportion"),
    **dict.fromkeys(("log-rate", "root-rate", "freeman-tukey-rate"), "rate"),
    "standardised-mean-difference-unequal": "standardised-mean-difference",
}
_WITHOUT_NULL = ("proportion", "rate", "mean")
_STEPS = ((1, 1.5, 2, 3, 5, 7), (1, 2, 5), (1, 3), (1,))


@dataclass(frozen=True)
class Scale:
    """How effects of a measure are shown. `null` is the value of no effect, NaN where there is none."""

    measure: Measure
    texts: Texts
    ratio: bool
    percent: bool
    null: float

    @property
    def label(self) -> str:
        """The name of the axis."""
        return self.texts(f"measure.{_SAME_WORDS.get(self.measure, self.measure)}")

    @property
    def short(self) -> str:
        """The name without its unit."""
        return re.split("[,（(]", self.label)[0].strip()

    def one(self, x: float) -> str:
        """A value as it is printed beside the plot: points of per cent with one decimal, ratios with two."""
        if math.isnan(x):
            return self.texts.words.number(x)
        if math.isinf(x):
            return "∞" if x > 0 else MINUS + "∞"
        if self.percent:
            return fixed(100 * x, 1)
        if self.ratio or abs(x) < 10:
            return fixed(x, 2) if abs(x) < 100 else significant(x)
        return significant(x)

    def interval(self, estimate: float, low: float, high: float) -> str:
        """'15.2 (0.2 to 30.3)'."""
        if math.isnan(low) or math.isnan(high):
            return self.one(estimate)
        return self.texts.words.key(
            "number.interval", value=self.one(estimate), low=self.one(low), high=self.one(high)
        )  # fmt: skip

    def range(self, low: float, high: float) -> str:
        """'0.2 to 30.3'."""
        return self.texts.words.key("number.range", low=self.one(low), high=self.one(high))

    def forward(self, x: float) -> float:
        """Where a value stands along the axis: its logarithm for ratios."""
        if not self.ratio:
            return x
        return math.log10(x) if x > 0 else -math.inf

    def back(self, x: float) -> float:
        """The value at a place of the axis."""
        return 10.0**x if self.ratio else x


def scale_of(measure: str, texts: Texts) -> Scale:
    """The scale of a measure. Raises StudyError for an unknown one."""
    if measure not in get_args(Measure):
        raise StudyError(f"'{measure}' is no measure. {did_you_mean(measure, get_args(Measure))}", "measure")
    words = _SAME_WORDS.get(measure, measure)
    ratio = measure in RATIOS
    null = math.nan if words in _WITHOUT_NULL else 1.0 if ratio else 0.0
    return Scale(measure, texts, ratio, words in ("risk-difference", "proportion"), null)  # type: ignore[arg-type]


def set_scale(ax: Axes, which: str, ends: tuple[float, float], scale: Scale, room: float) -> None:
    """Limits and ticks of an axis in values of reading; `room` is its length in inches."""
    is_x = which == "x"
    if scale.ratio:
        (ax.set_xscale if is_x else ax.set_yscale)("log")
    (ax.set_xlim if is_x else ax.set_ylim)(*ends)
    ticks, labels = ticks_of(scale, ends, room if is_x else room * 1.6)
    set_ticks(ax.xaxis if is_x else ax.yaxis, ticks, labels)


def ticks_of(scale: Scale, ends: tuple[float, float], room: float) -> tuple[list[float], list[str]]:
    """Round ticks with as many labels as there is room for; 1 among those of ratios."""
    if scale.ratio:
        return _ratio_ticks(scale, ends, room)
    unit = 100.0 if scale.percent else 1.0
    for most in (7, 6, 5, 4, 3, 2):
        ticks = linear_ticks(ends[0] * unit, ends[1] * unit, most)
        labels = tick_labels(ticks, percent=False, words=scale.texts.words)
        if sum(text_width(label, SMALL) + 0.12 for label in labels) <= room + 0.3:
            break
    return [t / unit for t in ticks], labels


def _ratio_ticks(scale: Scale, ends: tuple[float, float], room: float) -> tuple[list[float], list[str]]:
    low, high = (math.log10(x) for x in ends)
    per_inch = room / (high - low)
    decades = range(math.floor(low), math.ceil(high) + 1)
    tries: list[list[float]] = [[s * 10.0**d for d in decades for s in steps] for steps in _STEPS]
    tries += [[10.0**d for d in decades if d % stride == 0] for stride in (2, 3, 5, 10, 20, 50, 100)]
    for values in tries:
        ticks = [t for t in values if ends[0] * (1 - 1e-9) <= t <= ends[1] * (1 + 1e-9)]
        labels = [significant(t) if 1e-3 <= t < 1e5 else scale.texts.words.number(t) for t in ticks]
        if len(ticks) <= 8 and _have_room([math.log10(t) * per_inch for t in ticks], labels):
            break
    if len(ticks) < 2:  # a narrow axis: plain numbers
        ticks = linear_ticks(*ends, 4)
        labels = tick_labels(ticks, percent=False, words=scale.texts.words)
    return ticks, labels


def _have_room(places: Sequence[float], labels: Sequence[str]) -> bool:
    half = [text_width(label, SMALL) / 2 for label in labels]
    gaps = np.diff(places)
    return all(gap > half[i] + half[i + 1] + 0.08 for i, gap in enumerate(gaps))


def pooling_ticks(scale: Scale, ends: tuple[float, float], room: float) -> tuple[list[float], list[str]]:
    """Ticks of an axis on the scale of pooling, labelled with values of reading for ratios and logits."""
    if scale.ratio:
        natural_ends = tuple(float(natural(scale.measure, x)) for x in ends)
        ticks, labels = _ratio_ticks(scale, natural_ends, room)  # type: ignore[arg-type]
        return [math.log(t) for t in ticks], labels
    if scale.measure == "logit":
        for shares in ((0.01, 0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99), (0.01, 0.1, 0.5, 0.9, 0.99)):
            inside = [p for p in shares if ends[0] <= logit(p) <= ends[1]]
            labels = [fixed(100 * p, 0) for p in inside]
            places = [float(logit(p)) for p in inside]
            if _have_room([x * room / (ends[1] - ends[0]) for x in places], labels):
                break
        return places, labels
    direct = scale.measure in ("risk-difference", "proportion")
    plain = Scale(scale.measure, scale.texts, False, direct, scale.null)
    return ticks_of(plain, ends, room)
