"""Pooled effects as rows: study added to study by year, and each study left out in turn."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from homing.ground.errors import StudyError
from homing.report.evidence_figures.data import Summary, check_summary
from homing.report.evidence_figures.forest import check_limits, favours_of, summary_rows
from homing.report.evidence_figures.page import Written, save
from homing.report.evidence_figures.scale import Scale, scale_of
from homing.report.evidence_figures.table import Row, Table, draw_table
from homing.report.evidence_figures.texts import Texts


def cumulative_forest(
    names: Sequence[str],
    steps: Sequence[Summary],
    stem: Path | str,
    *,
    measure: str = "risk-difference",
    language: str = "en",
    title: str = "",
    favours: tuple[str, str] | None = None,
    higher_is_better: bool = True,
    limits: tuple[float, float] | None = None,
) -> Written:
    """Draw what the first studies add up to, one more in each row; the last row is all of them, as a diamond.

    Arguments: `names` and `steps` in the order of time, as `sensitivity.cumulative` gives them (through `summary_of`).
    Raises: StudyError as `forest_plot` does, and for lists of different lengths.
    """
    texts = Texts(language)
    scale = scale_of(measure, texts)
    _check(names, steps, scale, limits)
    rows = [_row(name, s, scale, [f"{s.k or i + 1}"]) for i, (name, s) in enumerate(zip(names, steps, strict=True))]
    rows += _filled(summary_rows(texts("overall"), steps[-1], scale, (f"{steps[-1].k or len(steps)}",)))
    heads = [(texts("studies"), "")]
    table = _table(rows, texts("after-adding"), heads, scale, title, steps[-1], favours, higher_is_better, limits)
    return save(lambda: draw_table(table), stem, texts, title=title or scale.label)


def leave_one_out_forest(
    names: Sequence[str],
    without: Sequence[Summary],
    stem: Path | str,
    *,
    overall: Summary,
    measure: str = "risk-difference",
    language: str = "en",
    title: str = "",
    favours: tuple[str, str] | None = None,
    higher_is_better: bool = True,
    limits: tuple[float, float] | None = None,
) -> Written:
    """Draw what the others add up to without each study in turn, above all of them together.

    Arguments: `without` in the order of `names`, as `sensitivity.leave_one_out` gives it (through `summary_of`).
    Raises: StudyError as `forest_plot` does, and for lists of different lengths.
    """
    texts = Texts(language)
    scale = scale_of(measure, texts)
    _check(names, [*without, overall], scale, limits, extra=1)
    rows = [_row(name, s, scale, []) for name, s in zip(names, without, strict=True)]
    rows += _filled(summary_rows(texts("overall"), overall, scale))
    table = _table(rows, texts("left-out"), [], scale, title, overall, favours, higher_is_better, limits)
    return save(lambda: draw_table(table), stem, texts, title=title or scale.label)


def _check(
    names: Sequence[str], steps: Sequence[Summary], scale: Scale, limits: tuple[float, float] | None, extra: int = 0
) -> None:
    if not names:
        raise StudyError("there is no study to draw; give one at least.")
    if len(names) != len(steps) - extra:
        raise StudyError(f"{len(names)} names for {len(steps) - extra} pooled effects; give one each.")
    for name, summary in zip([*names, "overall"], steps, strict=False):
        check_summary(summary, name)
        if scale.ratio and summary.estimate <= 0:
            raise StudyError(f"a ratio is above 0, and {summary.estimate:g} is given.", name)
    check_limits(limits, scale)


def _row(name: str, s: Summary, scale: Scale, cells: Sequence[str]) -> Row:
    return Row("study", name, (s.estimate, s.low, s.high), tuple(cells), (_printed(s, scale), _i2(s, scale)))


def _printed(s: Summary, scale: Scale) -> str:
    return scale.interval(s.estimate, s.low, s.high)


def _i2(s: Summary, scale: Scale) -> str:
    return scale.texts.words.percent(s.i2, 0) if math.isfinite(s.i2) and s.k != 1 else ""


def _filled(rows: Sequence[Row]) -> list[Row]:
    """Rows of a summary with an empty cell under I²."""
    return [replace(row, right=(*row.right, "")[:2]) if row.right else row for row in rows]


def _table(
    rows: Sequence[Row],
    head: str,
    cell_heads: Sequence[tuple[str, str]],
    scale: Scale,
    title: str,
    overall: Summary,
    favours: tuple[str, str] | None,
    higher_is_better: bool,
    limits: tuple[float, float] | None,
) -> Table:
    printed = (scale.short, scale.texts("interval", level=scale.texts.level(overall.level)))
    return Table(
        *(rows, head, cell_heads, [printed, ("I²", "")], scale, title),
        favours=favours or favours_of(scale, higher_is_better),
        reference=overall.estimate,
        limits=limits,
        round_marks=True,
    )
