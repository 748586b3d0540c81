"""Pictures of a meta-analysis: three files each, their words, the awkward cases, and what is refused."""

from __future__ import annotations

import logging
import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, get_args
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest

from homing.ground.errors import StudyError
from homing.report.evidence_figures.course import time_course_plot
from homing.report.evidence_figures.data import (
    JUDGEMENTS,
    Between,
    Curve,
    Edge,
    MapCell,
    Node,
    StudyRow,
    Summary,
    TimePoint,
    between_of,
    rows_of,
    summary_of,
)
from homing.report.evidence_figures.evidence_map import evidence_map
from homing.report.evidence_figures.forest import forest_plot
from homing.report.evidence_figures.funnel import funnel_plot
from homing.report.evidence_figures.marks import axis_limits
from homing.report.evidence_figures.network_graph import network_graph
from homing.report.evidence_figures.page import Written
from homing.report.evidence_figures.placing import place
from homing.report.evidence_figures.scale import scale_of, ticks_of
from homing.report.evidence_figures.scatter import baujat_plot, labbe_plot, regression_bubbles
from homing.report.evidence_figures.summaries import cumulative_forest, leave_one_out_forest
from homing.report.evidence_figures.texts import TEXTS, Texts
from homing.report.figures import svg as report_svg
from homing.synthesis.asymmetry import trim_and_fill
from homing.synthesis.effect import Measure, effect_of_counts
from homing.synthesis.pool import pool, pool_subgroups
from homing.synthesis.sensitivity import cumulative, influence, leave_one_out

SVG = "{http://www.w3.org/2000/svg}"
INF, NAN = math.inf, math.nan
LONG = "A multicentre study of a name so long that no column holds it, with all its authors and sponsors, 2024"
LONG_ZH = "一项名称很长的多中心随机双盲安慰剂对照临床研究及其全部作者与资助机构"
NASTY = "<script>alert(1)</script> ]]>&\"' $\\frac{1}{0}$ \x00\x1b\nsecond line"
_random = np.random.default_rng(7)
N_1, N_2 = _random.integers(20, 300, 40), _random.integers(20, 300, 40)
A, C = _random.binomial(N_1, 0.5), _random.binomial(N_2, 0.4)
BIAS = [{"tool": "RoB 2", "randomisation": j, "overall": j, "because": "x"} for j in JUDGEMENTS]


def names(k: int, name: str = "Study") -> list[str]:
    return [f"{name} {i + 1}" for i in range(k)]


def forest(k: int, stem: Path, name: str = "Study", **more: Any) -> Written:
    effects = effect_of_counts(A[:k], N_1[:k], C[:k], N_2[:k], "odds-ratio")
    pooled = pool(effects)
    counts = list(zip(A[:k], N_1[:k], C[:k], N_2[:k], strict=True))
    rows = rows_of(names(k, name), effects, pooled.weights, counts=counts, bias=[BIAS[i % 8] for i in range(k)])
    return forest_plot(rows, stem, overall=summary_of(pooled), measure="odds-ratio", **more)


def funnel(k: int, stem: Path, name: str = "Study", **more: Any) -> Written:
    effects = effect_of_counts(A[:k], N_1[:k], C[:k], N_2[:k], "risk-ratio")
    filled = None
    if k > 2:
        found = trim_and_fill(effects).filled
        filled = (found.estimate[k:], np.sqrt(found.variance[k:]))
    return funnel_plot(
        effects.estimate, np.sqrt(effects.variance), stem, pooled=pool(effects).estimate, filled=filled,
        names=names(k, name), measure="risk-ratio", **more,
    )  # fmt: skip


def added(k: int, stem: Path, name: str = "Study", **more: Any) -> Written:
    effects = effect_of_counts(A[:k], N_1[:k], C[:k], N_2[:k])
    return cumulative_forest(names(k, name), [summary_of(p) for p in cumulative(effects)], stem, **more)


def left_out(k: int, stem: Path, name: str = "Study", **more: Any) -> Written:
    effects = effect_of_counts(A[:k], N_1[:k], C[:k], N_2[:k])
    others = leave_one_out(effects) if k > 1 else [pool(effects)]
    overall = summary_of(pool(effects))
    return leave_one_out_forest(names(k, name), [summary_of(p) for p in others], stem, overall=overall, **more)


def baujat(k: int, stem: Path, name: str = "Study", **more: Any) -> Written:
    x = y = np.zeros(k)
    if k > 2:
        found = influence(effect_of_counts(A[:k], N_1[:k], C[:k], N_2[:k]))
        x, y = found.baujat_x, found.baujat_y
    return baujat_plot(names(k, name), x, y, stem, **more)


def labbe(k: int, stem: Path, name: str = "Study", **more: Any) -> Written:
    return labbe_plot(names(k, name), A[:k], N_1[:k], C[:k], N_2[:k], stem, measure="odds-ratio", pooled=1.5, **more)


def bubble(k: int, stem: Path, name: str = "Study", **more: Any) -> Written:
    x = np.geomspace(1, 300, k)
    line = Curve(x, np.linspace(0, 0.1, k), np.full(k, -0.1), np.full(k, 0.3))
    y = A[:k] / N_1[:k] - C[:k] / N_2[:k]
    return regression_bubbles(names(k, name), x, y, N_1[:k], stem, x_label="dose", line=line, log_x=True, **more)


def course(k: int, stem: Path, name: str = "Study", **more: Any) -> Written:
    points = [TimePoint(n, w, (A[i] + 0.3 * w) / (N_1[i] + 16), N_1[i]) for i, n in enumerate(names(k, name))
              for w in (4, 24, 52)]  # fmt: skip
    weeks = np.linspace(0, 52, 20)
    return time_course_plot(points, stem, curve=Curve(weeks, 0.01 * weeks, 0.008 * weeks, 0.012 * weeks), **more)


def network(k: int, stem: Path, name: str = "Study", **more: Any) -> Written:
    nodes = [Node(n, float(N_1[i])) for i, n in enumerate(names(min(k, 15), name))]
    edges = [Edge(nodes[0].name, node.name, i + 1) for i, node in enumerate(nodes[1:])]
    return network_graph(nodes, edges, stem, **more)


def evidence(k: int, stem: Path, name: str = "Study", **more: Any) -> Written:
    ends = min(k, 8)
    cells = [MapCell(f"{name} end {i % ends}", f"{name} {i // ends}", 1 + i % 3, float(N_1[i]), i % 2 == 0)
             for i in range(k)]  # fmt: skip
    cells += [MapCell(c.endpoint, c.treatment, 2, c.patients / 2, not c.controlled) for c in cells[:3]]
    return evidence_map(cells, stem, treatments=["no evidence yet"], **more)


PICTURES: Mapping[str, Callable[..., Written]] = {
    f.__name__: f for f in (forest, funnel, added, left_out, baujat, labbe, bubble, course, network, evidence)
}
#: Words of each that must stand in it.
WORDS: Mapping[str, tuple[str, ...]] = {
    "forest": ("study", "cells", "control", "weight", "overall", "prediction", "bias", "bias.some concerns",
               "domain.randomisation", "measure.odds-ratio", "bias-colon"),
    "funnel": ("standard-error-log", "p-5", "measure.risk-ratio"),
    "added": ("after-adding", "studies", "overall", "measure.risk-difference"),
    "left_out": ("left-out", "overall", "prediction", "measure.risk-difference"),
    "baujat": ("baujat-x", "baujat-y"),
    "labbe": ("proportion-control", "proportion-cells", "equality", "bubble-n"),
    "bubble": ("line", "bubble-n", "measure.risk-difference"),
    "course": ("weeks", "share", "median"),
    "network": ("node-size", "edge-width"),
    "evidence": ("controlled", "uncontrolled"),
}  # fmt: skip


def texts_of(file: Path) -> list[str]:
    return [element.text or "" for element in ElementTree.parse(file).iter(f"{SVG}text")]


def boxes_overlap(boxes: Any) -> bool:
    pairs = [(a, b) for i, a in enumerate(boxes) for b in boxes[i + 1 :]]
    return any(a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3] for a, b in pairs)


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_is_three_files_with_its_words_in_the_language(
    name: str, language: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, logger="matplotlib"):
        written = PICTURES[name](7, tmp_path / "new folder" / "a.b", language=language, title="The title")
    assert not caplog.records
    assert written.svg == tmp_path / "new folder" / "a.b.svg"
    shown = texts_of(written.svg)
    position = ["en", "zh"].index(language)
    for key in WORDS[name]:
        assert any(TEXTS[key][position] in text for text in shown), key
    assert "The title" in shown
    if written.png is None or written.pdf is None:  # a machine without a Chinese font
        assert language == "zh" and written.note
        return
    assert written.pdf.read_bytes().startswith(b"%PDF") and written.pdf.stat().st_size > 5000
    image = matplotlib.image.imread(written.png)
    assert image.shape[1] >= 7.2 * 200 - 1
    assert 0.002 < (image[..., :3].min(axis=2) < 0.9).mean() < 0.6
    for edge in (image[0], image[-1], image[:, 0], image[:, -1]):  # nothing is cut at the page's edge
        assert (edge[:, :3] > 0.95).all()


@pytest.mark.parametrize("k", [1, 2, 40])
@pytest.mark.parametrize("name", PICTURES)
def test_one_study_and_forty_are_drawn_with_names_of_any_length(name: str, k: int, tmp_path: Path) -> None:
    for study in {1: ("S", LONG), 2: (NASTY,), 40: (LONG_ZH,)}[k]:
        written = PICTURES[name](k, tmp_path / "x", study)
        assert texts_of(written.svg)
        image = None if written.png is None else matplotlib.image.imread(written.png)
        for edge in () if image is None else (image[0], image[-1], image[:, 0], image[:, -1]):
            assert (edge[:, :3] > 0.95).all()


@pytest.mark.parametrize("name", PICTURES)
def test_a_picture_depends_on_no_setting_of_the_user_and_changes_none(name: str, tmp_path: Path) -> None:
    first = PICTURES[name](5, tmp_path / "one")
    odd = {"font.size": 30, "svg.fonttype": "path", "axes.grid": True, "lines.linewidth": 9, "savefig.dpi": 30,
           "font.family": ["serif"], "figure.facecolor": "red", "savefig.bbox": "tight", "pdf.fonttype": 3}  # fmt: skip
    with matplotlib.rc_context(odd):
        before = dict(matplotlib.rcParams)
        second = PICTURES[name](5, tmp_path / "two")
        assert dict(matplotlib.rcParams) == before
    assert first.png and first.pdf and second.png and second.pdf
    for one, two in ((first.svg, second.svg), (first.png, second.png), (first.pdf, second.pdf)):
        assert one.read_bytes() == two.read_bytes()


def test_without_a_chinese_font_only_the_svg_is_written_and_the_note_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    forest(3, tmp_path / "x", language="zh")
    monkeypatch.setattr(report_svg, "_CHINESE_FONTS", ())
    written = forest(3, tmp_path / "x", language="zh")
    assert written.pdf is None and written.png is None and "Noto Sans CJK SC" in written.note
    assert not (tmp_path / "x.png").exists() and not (tmp_path / "x.pdf").exists()
    root = ElementTree.parse(written.svg).getroot()
    assert "Noto Sans CJK SC" in (root.get("font-family") or "")
    assert "全部研究" in texts_of(written.svg)
    english = forest(3, tmp_path / "x", language="en")
    assert english.png and english.pdf and not english.note


def test_each_text_has_both_languages_with_the_same_placeholders() -> None:
    for key, (english, chinese) in TEXTS.items():
        assert english and chinese, key
        for name in ("level", "parts", "n", "name", "value", "characters"):
            assert (f"{{{name}}}" in english) == (f"{{{name}}}" in chinese), key
    for language in ("en", "zh"):
        for measure in get_args(Measure):
            scale = scale_of(measure, Texts(language))
            assert scale.label and scale.short
        letters = [Texts(language).named("letter", judgement) for judgement in JUDGEMENTS]
        assert len(set(letters)) == len(letters)


# ---- the forest plot


def test_a_forest_plot_shows_subgroups_their_test_and_the_words_under_the_axis(tmp_path: Path) -> None:
    effects = effect_of_counts(A[:6], N_1[:6], C[:6], N_2[:6])
    groups = ["fat", "marrow"] * 3
    parts = pool_subgroups(effects, groups)
    sub = {name: summary_of(p) for name, p in parts.groups.items()}
    rows = rows_of(names(6), effects, pool(effects).weights, groups=groups)
    overall = summary_of(pool(effects))
    written = forest_plot(rows, tmp_path / "x", overall=overall, subgroups=sub, between=between_of(parts))
    shown = texts_of(written.svg)
    assert shown.count("Together") == 2 and shown.count("Prediction interval") == 3
    assert "fat" in shown and "marrow" in shown and any("Test between subgroups" in t for t in shown)
    assert "← favours control" in shown and "favours cells →" in shown
    turned = texts_of(forest_plot(rows, tmp_path / "x", higher_is_better=False).svg)
    assert "← favours cells" in turned and "favours control →" in turned
    own = texts_of(forest_plot(rows, tmp_path / "x", favours=("bad", "good")).svg)
    assert "← bad" in own and "good →" in own


def test_the_prediction_interval_that_is_drawn_is_the_one_that_is_printed(tmp_path: Path) -> None:
    rows = [StudyRow("a", 2.0, 1.0, 4.0, 0.5), StudyRow("b", 3.0, 1.5, 6.0, 0.5)]
    summary = Summary(2.4, 1.2, 5.0, 0.8, 7.25, k=2)
    shown = texts_of(forest_plot(rows, tmp_path / "x", overall=summary, measure="risk-ratio").svg)
    assert "0.80 to 7.25" in shown
    without = Summary(2.4, 1.2, 5.0)
    assert "Prediction interval" not in texts_of(forest_plot(rows, tmp_path / "x", overall=without).svg)


def test_infinite_and_missing_limits_are_drawn_to_the_edge_and_said(tmp_path: Path) -> None:
    rows = [
        StudyRow("to infinity", 8.0, 0.5, INF),
        StudyRow("from zero", 0.5, 0.0, 3.0),
        StudyRow("nothing known", NAN, NAN, NAN, events_1=0, n_1=5, events_2=0, n_2=6),
        StudyRow("no event in the control group", INF, 1.2, INF),
        StudyRow("everything", 1.0, 0.0, INF),
    ]
    overall = Summary(1.5, 0.0, INF, 0.0, INF, k=5)
    written = forest_plot(rows, tmp_path / "x", overall=overall, measure="odds-ratio")
    shown = texts_of(written.svg)
    assert "8.00 (0.50 to ∞)" in shown and "0.50 (0.00 to 3.00)" in shown and "not estimable" in shown
    difference = [StudyRow("a", 0.1, -INF, INF), StudyRow("b", 0.2, -0.1, INF)]
    assert "10.0 (−∞ to ∞)" in texts_of(forest_plot(difference, tmp_path / "y").svg)
    narrow = forest_plot(rows[:2], tmp_path / "z", measure="odds-ratio", limits=(0.9, 1.1))
    assert narrow.svg.exists()


def test_one_arm_has_no_words_of_a_control_and_no_line_of_no_effect(tmp_path: Path) -> None:
    rows = [StudyRow("a", 0.5, 0.3, 0.7, 1.0, 10, 20)]
    shown = texts_of(forest_plot(rows, tmp_path / "x", measure="logit", overall=Summary(0.5, 0.3, 0.7, k=1, p=0.1)).svg)
    assert "10 / 20" in shown
    assert not any("Control" in t or "favours" in t or "Test of no effect" in t for t in shown)


def test_limits_hold_every_estimate_and_leave_out_what_would_dwarf_the_rest() -> None:
    scale = scale_of("odds-ratio", Texts("en"))
    marks = [("study", (2.0, 1.0, 4.0)), ("study", (0.01, 1e-9, 1e9)), ("study", (3.0, 2.0, 5.0))]
    low, high = axis_limits(marks, scale)
    assert 1e-4 < low < 0.01 and 5 < high < 1000


@pytest.mark.parametrize("ends", [(0.5, 2), (0.9, 1.1), (0.01, 300), (1e-9, 1e12), (0.03, 40), (2.5, 3.5)])
def test_ticks_of_ratios_are_round_and_hold_one_where_it_is_in_sight(ends: tuple[float, float]) -> None:
    ticks, labels = ticks_of(scale_of("risk-ratio", Texts("en")), ends, 2.5)
    assert 2 <= len(ticks) <= 8 and len(set(labels)) == len(labels)
    assert all(ends[0] * 0.999 <= t <= ends[1] * 1.001 for t in ticks)
    if ends[0] <= 1 <= ends[1]:
        assert any(abs(t - 1) < 1e-12 for t in ticks)


# ---- points and their names


def test_names_of_forty_points_never_cover_each_other() -> None:
    points = np.random.default_rng(3).normal([2.5, 2.0], 0.5, (40, 2))
    placed = place(names(40), points, np.full(40, 0.06), (5.0, 4.0))
    assert len(placed.key) == 40 and not boxes_overlap(placed.boxes)
    few = place(names(10), points[:10], np.full(10, 0.06), (5.0, 4.0))
    assert not few.key and not boxes_overlap(few.boxes)
    same = place(names(12), np.full((12, 2), 2.0), np.full(12, 0.06), (5.0, 4.0))
    assert not boxes_overlap(same.boxes)


def test_the_line_of_the_pooled_effect_of_any_measure_of_two_arms_is_drawn(tmp_path: Path) -> None:
    for measure, pooled in (
        ("risk-difference", 0.1),
        ("risk-ratio", 0.8),
        ("odds-ratio", 3.0),
        ("arcsine-difference", 0.2),
    ):
        written = labbe_plot(names(3), A[:3], N_1[:3], C[:3], N_2[:3], tmp_path / "x", measure=measure, pooled=pooled)
        assert any("pooled effect" in t for t in texts_of(written.svg))


def test_a_funnel_of_proportions_has_no_regions_of_significance(tmp_path: Path) -> None:
    written = funnel_plot([0.1, -0.3, 0.2], [0.2, 0.4, 0.3], tmp_path / "x", pooled=0.05, measure="logit")
    shown = texts_of(written.svg)
    assert "p < 0.01" not in shown and "50" in shown and "Patients with the event, %" in shown


# ---- what is refused

ROW = StudyRow("a", 1.0, 0.5, 2.0)
GOOD = Summary(1.0, 0.5, 2.0)
BAD: Mapping[str, Callable[[Path], object]] = {
    "language": lambda p: forest(2, p, language="fr"),
    "measure": lambda p: forest_plot([ROW], p, measure="odd-ratio"),
    "no study": lambda p: forest_plot([], p),
    "crossed limits": lambda p: forest_plot([StudyRow("a", 1.0, 2.0, 0.5)], p),
    "outside limits": lambda p: forest_plot([StudyRow("a", 3.0, 0.5, 2.0)], p),
    "no name": lambda p: forest_plot([StudyRow(" ", 1.0, 0.5, 2.0)], p),
    "weight in per cent": lambda p: forest_plot([StudyRow("a", 1.0, 0.5, 2.0, 30.0)], p),
    "events above n": lambda p: forest_plot([StudyRow("a", 1.0, 0.5, 2.0, events_1=9, n_1=5)], p),
    "events alone": lambda p: forest_plot([StudyRow("a", 1.0, 0.5, 2.0, events_1=9)], p),
    "judgement": lambda p: forest_plot([StudyRow("a", 1.0, 0.5, 2.0, bias={"overall": "fine"})], p),
    "logarithms for ratios": lambda p: forest_plot([StudyRow("a", -0.2, -1.0, 0.5)], p, measure="risk-ratio"),
    "log of a pooled ratio": lambda p: forest_plot([ROW], p, overall=Summary(-0.1, -1, 1), measure="risk-ratio"),
    "pooled outside": lambda p: forest_plot([ROW], p, overall=Summary(3.0, 0.5, 2.0)),
    "pooled infinite": lambda p: forest_plot([ROW], p, overall=Summary(INF, 0.5, INF)),
    "level": lambda p: forest_plot([ROW], p, overall=Summary(1.0, 0.5, 2.0, level=95)),
    "group": lambda p: forest_plot([ROW], p, subgroups={"b": GOOD}, between=Between(1.0, 1, 0.3)),
    "axis": lambda p: forest_plot([ROW], p, limits=(2.0, 1.0)),
    "axis of ratios": lambda p: forest_plot([ROW], p, limits=(0.0, 1.0), measure="odds-ratio"),
    "names of effects": lambda p: rows_of(["a"], effect_of_counts([5, 4], [9, 9], [3, 4], [9, 9])),
    "weights of effects": lambda p: rows_of(["a"], effect_of_counts([5], [9], [3], [9]), [0.5, 0.5]),
    "funnel lengths": lambda p: funnel_plot([1, 2], [1], p),
    "funnel errors": lambda p: funnel_plot([1, 2], [1, 0], p),
    "funnel names": lambda p: funnel_plot([1, 2], [1, 1], p, names=["a"]),
    "funnel level": lambda p: funnel_plot([1, 2], [1, 1], p, level=95),
    "funnel nothing": lambda p: funnel_plot([], [], p),
    "funnel text": lambda p: funnel_plot(["x"], [1], p),
    "cumulative lengths": lambda p: cumulative_forest(["a"], [GOOD, GOOD], p),
    "cumulative nothing": lambda p: cumulative_forest([], [], p),
    "cumulative ratio": lambda p: cumulative_forest(["a"], [Summary(-1, -2, 1)], p, measure="risk-ratio"),
    "left out": lambda p: leave_one_out_forest(["a"], [], p, overall=GOOD),
    "baujat": lambda p: baujat_plot(["a"], [1, 2], [1, 2], p),
    "baujat below 0": lambda p: baujat_plot(["a"], [-1], [1], p),
    "labbe counts": lambda p: labbe_plot(["a"], [9], [5], [1], [5], p),
    "labbe measure": lambda p: labbe_plot(["a"], [1], [5], [1], [5], p, measure="hazard-ratio"),
    "bubbles": lambda p: regression_bubbles(["a"], [1, 2], [1, 2], [1, 2], p, x_label="x"),
    "bubbles without size": lambda p: regression_bubbles(["a"], [1], [1], [0], p, x_label="x"),
    "bubbles of what": lambda p: regression_bubbles(["a"], [1], [1], [2], p, x_label="x", sizes_are="weigths"),
    "bubbles of log 0": lambda p: regression_bubbles(["a"], [0], [1], [1], p, x_label="x", log_x=True),
    "bubbles of ratio 0": lambda p: regression_bubbles(["a"], [0], [0], [1], p, x_label="x", measure="odds-ratio"),
    "band": lambda p: regression_bubbles(["a"], [1], [1], [1], p, x_label="x", line=Curve([0], [1], [2], [0])),
    "course nothing": lambda p: time_course_plot([], p),
    "course in per cent": lambda p: time_course_plot([TimePoint("a", 4, 50.0, 10)], p),
    "course before": lambda p: time_course_plot([TimePoint("a", -4, 0.5, 10)], p),
    "course of nobody": lambda p: time_course_plot([TimePoint("a", 4, 0.5, 0)], p),
    "network nothing": lambda p: network_graph([], [], p),
    "network twice": lambda p: network_graph([Node("a", 1), Node("a", 2)], [], p),
    "network unknown": lambda p: network_graph([Node("placebo", 1)], [Edge("placebo", "cell", 1)], p),
    "network loop": lambda p: network_graph([Node("a", 1)], [Edge("a", "a", 1)], p),
    "map nothing": lambda p: evidence_map([], p),
    "map twice": lambda p: evidence_map([MapCell("e", "t", 1, 9, True)] * 2, p),
    "map no study": lambda p: evidence_map([MapCell("e", "t", 0, 9, True)], p),
    "map nobody": lambda p: evidence_map([MapCell("e", "t", 1, NAN, True)], p),
}


@pytest.mark.parametrize("what", BAD)
def test_what_cannot_be_drawn_is_refused_and_nothing_is_written(what: str, tmp_path: Path) -> None:
    with pytest.raises(StudyError):
        BAD[what](tmp_path / "x")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(StudyError, match="can't be written"):
        forest(2, tmp_path / "file" / "x")
    with pytest.raises(StudyError):
        forest(2, Path(""))
