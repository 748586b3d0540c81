"""What an answer is made of: findings, tables and figures, with their texts as keys that the report translates.

Nothing here draws or words anything: `report/` turns a Message into a sentence of the language asked for and a figure
into a picture. A text that comes from a study file or from evidence is a `Verbatim`: it is escaped, never translated.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from homing.evidence.values import Basis


@dataclass(frozen=True)
class Message:
    """A sentence or label by its key in `report/text/<language>.yaml`, with the values that go into it.

    Values may be numbers, text, Messages, or an Estimate; the report formats them.
    """

    key: str
    values: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True)
class Verbatim:
    """Text from a study file, the catalogue or a source, shown as it is. `zh` where a Chinese wording exists."""

    text: str
    zh: str = ""


Text = Message | Verbatim


def three_decimals(number: float) -> Text | None:
    """A number near to others that it is held against, where three figures would hide the difference; None for NaN."""
    return None if number != number else Verbatim(f"{number:.3f}")


@dataclass(frozen=True)
class Estimate:
    """A number with its interval. `kind` says how to print it; `level` is the coverage of the interval.

    `spread` says what the interval means: 'sampling' (a trial's), 'monte-carlo' (simulation error), 'patients' (range
    over virtual patients), 'scenarios' (range over scenarios), 'posterior'.
    """

    value: float
    low: float = float("nan")
    high: float = float("nan")
    kind: Literal["percent", "points", "count", "ratio", "number", "days", "weeks", "money", "cells"] = "number"
    level: float = 0.95
    spread: Literal["sampling", "monte-carlo", "patients", "scenarios", "posterior", "none"] = "sampling"
    unit: str = ""


@dataclass(frozen=True)
class Finding:
    """One sentence of a report: a number with its interval, what it rests on, and how sure it is."""

    message: Message
    basis: Basis
    sources: Sequence[str] = ()  # keys of catalogue/sources, or 'run' for what this run computed
    exploratory: bool = False


@dataclass(frozen=True)
class Table:
    """A table; cells are texts, numbers, or Estimates."""

    title: Text
    columns: Sequence[Text]
    rows: Sequence[Sequence[object]]
    note: Text | None = None


@dataclass(frozen=True)
class Series:
    """One curve with an optional band. `style`: 'line', 'step' (survival), 'points', 'dashed'."""

    label: Text
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    low: NDArray[np.float64] | None = None
    high: NDArray[np.float64] | None = None
    style: Literal["line", "step", "points", "dashed"] = "line"
    colour: int | None = None  # position in the palette, so that one arm has one colour throughout


@dataclass(frozen=True)
class Panel:
    """One axes of a Lines figure. `scale`: 'linear', 'log' (both axes as named)."""

    title: Text
    series: Sequence[Series]
    x_label: Text
    y_label: Text
    x_scale: Literal["linear", "log"] = "linear"
    y_scale: Literal["linear", "log"] = "linear"
    y_range: tuple[float, float] | None = None
    percent: bool = False  # y is a proportion, to be labelled in per cent
    reference: float | None = None  # a horizontal line, e.g. a threshold


@dataclass(frozen=True)
class Lines:
    """Curves in one or more panels."""

    title: Text
    panels: Sequence[Panel]
    note: Text | None = None


@dataclass(frozen=True)
class ForestRow:
    """One study or summary of a forest plot, on the scale of the figure."""

    label: Text
    estimate: float
    low: float
    high: float
    weight: float = float("nan")  # share of 1; NaN for summaries
    detail: str = ""  # '53/107 v 36/105'
    kind: Literal["study", "pooled", "prediction", "simulated"] = "study"


@dataclass(frozen=True)
class Forest:
    """Studies, pooled effect, prediction interval, simulated trial."""

    title: Text
    rows: Sequence[ForestRow]
    x_label: Text
    null: float = 0.0
    log: bool = False
    percent: bool = False
    note: Text | None = None


@dataclass(frozen=True)
class Dots:
    """Points with intervals: a row a category, a colour a group. `values` (category, group, 3): value, low, high."""

    title: Text
    categories: Sequence[Text]
    groups: Sequence[Text]
    values: NDArray[np.float64]
    x_label: Text
    percent: bool = False
    log: bool = False
    reference: float | None = None
    note: Text | None = None


@dataclass(frozen=True)
class Spans:
    """Predictions and what came: a row a category, with nested intervals and one point that was seen.

    `intervals` (category, level, 2): low and high at each of `levels`, which increase; `seen` (category,).
    """

    title: Text
    categories: Sequence[Text]
    levels: Sequence[float]
    intervals: NDArray[np.float64]
    seen: NDArray[np.float64]
    x_label: Text
    percent: bool = False
    reference: float | None = None
    note: Text | None = None


@dataclass(frozen=True)
class Bars:
    """Bars with optional intervals, e.g. the dose ladder. `values` (category, group, 3): value, low, high."""

    title: Text
    categories: Sequence[Text]
    groups: Sequence[Text]
    values: NDArray[np.float64]
    y_label: Text
    percent: bool = False
    log: bool = False
    note: Text | None = None


@dataclass(frozen=True)
class Tornado:
    """How far an answer moves between the ends of each parameter's range."""

    title: Text
    labels: Sequence[Text]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    centre: float
    x_label: Text
    percent: bool = False
    note: Text | None = None


@dataclass(frozen=True)
class Cloud:
    """One axes of a Scatter. `x` and `y` (point, 3): value, low, high; a point with NaN is not drawn."""

    title: Text
    x: NDArray[np.float64]
    y: NDArray[np.float64]
    x_label: Text
    y_label: Text
    x_percent: bool = False
    y_percent: bool = False


@dataclass(frozen=True)
class Scatter:
    """Numbered points in one or more panels, the same numbers in each; `filled` marks some of them."""

    title: Text
    labels: Sequence[Text]
    filled: Sequence[bool]
    panels: Sequence[Cloud]
    filled_label: Text
    open_label: Text
    note: Text | None = None


@dataclass(frozen=True)
class HeatPanel:
    """One map of a Heat figure: `values` (row, column) shares of 1, NaN or 0 where there is nothing."""

    title: Text
    values: NDArray[np.float64]


@dataclass(frozen=True)
class Heat:
    """Maps of the same rows and columns, coloured on one logarithmic scale from `least` to 1."""

    title: Text
    rows: Sequence[Text]
    columns: Sequence[Text]
    panels: Sequence[HeatPanel]
    scale_label: Text
    least: float = 1e-6
    note: Text | None = None


Figure = Lines | Forest | Dots | Spans | Bars | Tornado | Scatter | Heat
Block = Finding | Table | Lines | Forest | Dots | Spans | Bars | Tornado | Scatter | Heat | Message


@dataclass(frozen=True)
class Chapter:
    """The answer to one of the eight questions: blocks in reading order, and a sentence that says how sure it is."""

    number: int
    key: str  # 'why_cells' ...; the title and the question are texts of the report
    blocks: Sequence[Block]
    certainty: Message
    exploratory: bool = False
    title: Text | None = None  # where the texts have none for this number
    question: Text | None = None
