"""Forest plot: counts, effects, weights, subgroups with the test between them, prediction interval, risk of bias."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from homing.ground.errors import StudyError
from homing.report.evidence_figures.data import Between, StudyRow, Summary, check_study, check_summary
from homing.report.evidence_figures.lights import Lights, lights_of
from homing.report.evidence_figures.page import Written, save
from homing.report.evidence_figures.scale import Scale, scale_of
from homing.report.evidence_figures.table import Row, Table, draw_table
from homing.report.evidence_figures.texts import Texts
from homing.report.numbers import fixed, significant


def forest_plot(
    studies: Sequence[StudyRow],
    stem: Path | str,
    *,
    overall: Summary | None = None,
    subgroups: Mapping[str, Summary] | None = None,
    between: Between | None = None,
    measure: str = "risk-difference",
    language: str = "en",
    title: str = "",
    arms: tuple[str, str] | None = None,
    favours: tuple[str, str] | None = None,
    higher_is_better: bool = True,
    limits: tuple[float, float] | None = None,
) -> Written:
    """Draw a forest plot.

    Arguments:
        subgroups: the pooled effect of a group by the `group` of its studies; groups stand in the order of the studies.
        arms: names of the two groups of patients ('Cells' and 'Control' without).
        favours: what stands under the left and right end; without it it follows from `higher_is_better`.
        limits: of the axis; without them they are chosen so that no wide interval dwarfs the rest.
    Raises: StudyError for no study, a row that can't be, an unknown measure, group or judgement.
    """
    texts = Texts(language)
    scale = scale_of(measure, texts)
    _check(studies, overall, subgroups or {}, limits, scale)
    lights = lights_of(studies, texts)
    heads = _count_heads(studies, texts, arms)
    rows = _rows(studies, overall, subgroups or {}, between, scale, lights, len(heads))
    level = overall.level if overall else 0.95
    with_weights = any(math.isfinite(s.weight) for s in studies)
    right = [(scale.short, texts("interval", level=texts.level(level)))]
    table = Table(
        *(rows, texts("study"), heads, [*right, *([(texts("weight"), "")] if with_weights else [])], scale, title),
        favours=favours or favours_of(scale, higher_is_better),
        reference=overall.estimate if overall else math.nan,
        lights=lights,
        limits=limits,
    )
    return save(lambda: draw_table(table), stem, texts, title=title or scale.label)


def favours_of(scale: Scale, higher_is_better: bool) -> tuple[str, str]:
    """The words under the left and right end of an axis with a value of no effect."""
    if math.isnan(scale.null):
        return ("", "")
    sides = (scale.texts("favours-control"), scale.texts("favours-cells"))
    return sides if higher_is_better else (sides[1], sides[0])


def _check(
    studies: Sequence[StudyRow],
    overall: Summary | None,
    subgroups: Mapping[str, Summary],
    limits: tuple[float, float] | None,
    scale: Scale,
) -> None:
    if not studies:
        raise StudyError("a forest plot needs one study at least.")
    for row in studies:
        check_study(row)
        if scale.ratio and row.low < 0:
            raise StudyError(f"a ratio is not below 0, and {row.low:g} is given.", row.name)
    if overall:
        check_summary(overall, "overall")
    groups = {row.group for row in studies}
    for name, summary in subgroups.items():
        if name not in groups:
            raise StudyError(f"no study is of the group '{name}'.", "subgroups")
        check_summary(summary, name)
    for summary in (*subgroups.values(), *((overall,) if overall else ())):
        if scale.ratio and summary.estimate <= 0:
            raise StudyError(f"a ratio is above 0, and {summary.estimate:g} is given. Give it, not its logarithm.")
    check_limits(limits, scale)


def check_limits(limits: tuple[float, float] | None, scale: Scale) -> None:
    """Refuse limits of an axis that can't be."""
    if limits is None:
        return
    if not (all(math.isfinite(x) for x in limits) and limits[0] < limits[1]) or (scale.ratio and limits[0] <= 0):
        raise StudyError(f"{limits[0]:g} to {limits[1]:g} can't be the limits of this axis.", "limits")


def _count_heads(studies: Sequence[StudyRow], texts: Texts, arms: tuple[str, str] | None) -> list[tuple[str, str]]:
    names = arms or (texts("cells"), texts("control"))
    heads = []
    if any(s.n_1 is not None for s in studies):
        heads.append((names[0], texts("events")))
    if any(s.n_2 is not None for s in studies):
        heads.append((names[1], texts("events")))
    return heads


def _rows(
    studies: Sequence[StudyRow],
    overall: Summary | None,
    subgroups: Mapping[str, Summary],
    between: Between | None,
    scale: Scale,
    lights: Lights | None,
    columns: int,
) -> list[Row]:
    rows: list[Row] = []
    heaviest = max((s.weight for s in studies if math.isfinite(s.weight)), default=1.0) or 1.0
    groups = list(dict.fromkeys(s.group for s in studies))
    grouped = len(groups) > 1 or bool(groups[0])
    for group in groups:
        members = [s for s in studies if s.group == group]
        if grouped:
            rows.append(Row("heading", group or "–"))
        rows += [_study_row(s, scale, heaviest, lights, columns, deep=grouped) for s in members]
        if group in subgroups:
            label = scale.texts("subtotal")
            rows += summary_rows(label, subgroups[group], scale, _totals(members, columns, scale), deep=True)
    if overall:
        cells = _totals(studies, columns, scale)
        rows += summary_rows(scale.texts("overall"), overall, scale, cells, with_test=True)
    if between:
        parts = [f"χ² = {fixed(between.q, 2)}, df = {between.df}", _p(between.p)]
        rows.append(Row("note", scale.texts("between", parts=_joined(parts, scale.texts))))
    return [_filled(row, 2 if any(math.isfinite(s.weight) for s in studies) else 1) for row in rows]


def _filled(row: Row, columns: int) -> Row:
    """With as many cells right of the plot as the table has there."""
    return replace(row, right=(*row.right, *("",) * columns)[:columns]) if row.right else row


def _study_row(s: StudyRow, scale: Scale, heaviest: float, lights: Lights | None, columns: int, *, deep: bool) -> Row:
    texts = scale.texts
    is_empty = math.isnan(s.estimate)
    printed = texts("no-estimate") if is_empty else scale.interval(s.estimate, s.low, s.high)
    weight = texts.words.percent(s.weight, 1) if math.isfinite(s.weight) else ""
    counts = [_count(s.events_1, s.n_1), _count(s.events_2, s.n_2)][:columns]
    said = s.judgements
    return Row(
        *("study", s.name, (s.estimate, s.low, s.high), tuple(counts), (printed, weight)),
        share=s.weight / heaviest if math.isfinite(s.weight) else 0.4,
        bias=tuple(said.get(domain, "") for domain in lights.domains) if lights else (),
        deep=deep,
    )


def _count(events: float | None, n: float | None) -> str:
    return "" if events is None or n is None else f"{_whole(events)} / {_whole(n)}"


def _whole(x: float) -> str:
    return fixed(x, 0) if abs(x - round(x)) < 1e-9 else significant(x)


def _totals(studies: Sequence[StudyRow], columns: int, scale: Scale) -> tuple[str, ...]:
    """Events and patients of all rows together, where every row has them."""
    found = []
    for events, n in (("events_1", "n_1"), ("events_2", "n_2")):
        pairs = [(getattr(s, events), getattr(s, n)) for s in studies]
        whole = all(e is not None for e, _ in pairs)
        found.append(_count(sum(e for e, _ in pairs), sum(m for _, m in pairs)) if whole else "")
    return tuple(found[:columns])


def summary_rows(
    label: str, s: Summary, scale: Scale, cells: tuple[str, ...] = (), *, deep: bool = False, with_test: bool = False
) -> list[Row]:
    """The diamond, the bar of its prediction interval, and what is said of heterogeneity, all from one object."""
    texts = scale.texts
    rows = [
        Row("pooled", label, (s.estimate, s.low, s.high), cells, (scale.interval(s.estimate, s.low, s.high),),
            deep=deep)
    ]  # fmt: skip
    if not (math.isnan(s.prediction_low) or math.isnan(s.prediction_high)):
        mark = (s.estimate, s.prediction_low, s.prediction_high)
        printed = scale.range(s.prediction_low, s.prediction_high)
        empty = ("",) * len(cells)
        rows.append(Row("prediction", texts("prediction"), mark, empty, (printed,), deep=deep))
    parts = [f"τ² = {significant(s.tau2)}"] if math.isfinite(s.tau2) else []
    parts += [f"I² = {texts.words.percent(s.i2, 0)}"] if math.isfinite(s.i2) else []
    if math.isfinite(s.q) and s.k > 1:
        parts += [f"Q = {fixed(s.q, 2)}, df = {s.k - 1}", *([_p(s.q_p)] if math.isfinite(s.q_p) else [])]
    if parts and s.k > 1:
        rows.append(Row("note", texts("heterogeneity", parts=_joined(parts, texts)), deep=deep))
    if with_test and math.isfinite(s.p) and math.isfinite(scale.null):
        rows.append(Row("note", texts("effect-test", parts=_p(s.p)), deep=deep))
    return rows


def _joined(parts: Sequence[str], texts: Texts) -> str:
    """Statistics one after the other, so that a line ends between two of them only."""
    return texts("separator").join(part.replace(" ", "\u00a0") for part in parts)


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {fixed(p, 3 if p < 0.1 else 2)}"
