"""Figures: well-formed, deterministic, inert, and standing the awkward cases."""

from __future__ import annotations

import logging
from dataclasses import replace
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from sample_figures import NAN, figures, forest, panels, trajectories

from homing.answers.content import Bars, Dots, Figure, Forest, ForestRow, Lines, Panel, Series, Tornado, Verbatim
from homing.ground.errors import StudyError, WiringError
from homing.report.figures import draw, draw_png
from homing.report.figures.lines import _apart
from homing.report.figures.style import linear_ticks, log_ticks, text_width, wrap
from homing.report.words import Words

EN, ZH = Words("en"), Words("zh")
SVG = "{http://www.w3.org/2000/svg}"
NASTY = "<script>alert(1)</script> ]]>&\"' $\\frac{1}{0}$ \x00\x1b\nsecond line"
NAMES = sorted(figures())


def texts(svg: str) -> list[str]:
    return [element.text or "" for element in ElementTree.fromstring(svg).iter(f"{SVG}text")]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("words", [EN, ZH], ids=["en", "zh"])
def test_a_figure_is_drawn_as_accessible_svg_with_text_as_text(name: str, words: Words) -> None:
    figure = figures()[name]
    root = ElementTree.fromstring(draw(figure, words))
    assert root.get("role") == "img"
    assert root.get("aria-label") == words(figure.title)
    assert root.findtext(f"{SVG}title") == words(figure.title)
    assert words(figure.title) in (root.findtext(f"{SVG}desc") or "")
    assert len(list(root.iter(f"{SVG}text"))) > 4
    assert "sans-serif" in (root.get("font-family") or "")


@pytest.mark.parametrize("name", NAMES)
def test_the_same_figure_gives_the_same_bytes_whatever_the_users_settings(name: str) -> None:
    first = draw(figures()[name], ZH)
    with matplotlib.rc_context({"font.size": 30, "svg.fonttype": "path", "axes.grid": True, "lines.linewidth": 9}):
        assert draw(figures()[name], ZH) == first


def test_drawing_leaves_the_users_settings_alone() -> None:
    before = dict(matplotlib.rcParams)
    draw(trajectories(), ZH)
    assert dict(matplotlib.rcParams) == before


def test_drawing_complains_about_no_missing_glyph_or_font(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="matplotlib"):
        draw(trajectories(), ZH)
    assert not caplog.records


def test_ids_of_two_figures_in_one_page_do_not_clash() -> None:
    def identities(svg: str) -> set[str]:
        return {e.get("id", "") for e in ElementTree.fromstring(svg).iter() if e.get("id")}

    one, two = draw(panels(), EN, name="c4f1"), draw(panels(), EN, name="c4f2")
    assert identities(one)
    assert not identities(one) & identities(two)
    for identity in identities(one):
        assert f"#{identity}" in one


def test_references_within_a_figure_point_to_its_own_ids() -> None:
    root = ElementTree.fromstring(draw(panels(), EN, name="x"))
    identities = {e.get("id") for e in root.iter()}
    used = [e.get("{http://www.w3.org/1999/xlink}href") for e in root.iter(f"{SVG}use")]
    assert used
    assert all(reference and reference[1:] in identities for reference in used)


@pytest.mark.parametrize("name", NAMES)
def test_a_label_is_never_markup(name: str) -> None:
    svg = draw(_with_nasty_texts(figures()[name]), EN)
    root = ElementTree.fromstring(svg)
    allowed = {"svg", "title", "desc", "g", "path", "defs", "use", "text", "clipPath", "rect"}
    assert {e.tag.removeprefix(SVG) for e in root.iter()} <= allowed
    assert "<script" not in svg
    assert "alert(1)" in "".join(texts(svg)) + svg
    assert "\x00" not in svg


def _with_nasty_texts(figure: Figure) -> Figure:
    nasty = Verbatim(NASTY)
    figure = replace(figure, title=nasty, note=nasty)
    if isinstance(figure, Lines):
        panels = [
            replace(p, title=nasty, x_label=nasty, y_label=nasty, series=[replace(s, label=nasty) for s in p.series])
            for p in figure.panels
        ]
        return replace(figure, panels=panels)
    if isinstance(figure, Forest):
        return replace(figure, x_label=nasty, rows=[replace(r, label=nasty, detail=NASTY) for r in figure.rows])
    if isinstance(figure, Tornado):
        return replace(figure, x_label=nasty, labels=[nasty for _ in figure.labels])
    names = {"categories": [nasty for _ in figure.categories], "groups": [nasty for _ in figure.groups]}
    label = {"y_label": nasty} if isinstance(figure, Bars) else {"x_label": nasty}
    return replace(figure, **names, **label)  # type: ignore[arg-type]


def test_dollar_signs_are_shown_and_not_set_as_formulas() -> None:
    panel = replace(panels().panels[0], title=Verbatim("$x^2$ and $"))
    assert "$x^2$ and $" in texts(draw(Lines(Verbatim("t"), [panel, panel]), EN))


def lines_of(y: list[float], **options: object) -> Lines:
    x = np.arange(len(y), dtype=float)
    series = [Series(Verbatim("s"), x, np.array(y))]
    return Lines(Verbatim("t"), [Panel(Verbatim("p"), series, Verbatim("x"), Verbatim("y"), **options)])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "figure",
    [
        lines_of([]),
        lines_of([1.0]),
        lines_of([NAN, NAN]),
        lines_of([3.0, 3.0, 3.0]),
        lines_of([0.0, 0.0]),
        lines_of([0.0, -1.0, 5.0], y_scale="log"),
        lines_of([NAN, 0.0], y_scale="log"),
        lines_of([1e-300, 1e300], y_scale="log"),
        lines_of([np.inf, 1.0, -np.inf]),
        lines_of([1e-12, 3e-12]),
        lines_of([0.001, 0.002], percent=True),
        Lines(Verbatim("t"), [Panel(Verbatim(""), [], Verbatim(""), Verbatim(""))]),
        Lines(Verbatim("t"), []),
        Forest(Verbatim("t"), [], Verbatim("x")),
        Forest(Verbatim("t"), [ForestRow(Verbatim("a"), NAN, NAN, NAN)], Verbatim("x")),
        Forest(Verbatim("t"), [ForestRow(Verbatim("a"), 1.0, 0.0, np.inf)], Verbatim("x"), null=1.0, log=True),
        Dots(Verbatim("t"), [], [], np.empty((0, 0, 3)), Verbatim("x")),
        Dots(Verbatim("t"), [Verbatim("a")], [Verbatim("g")], np.full((1, 1, 3), NAN), Verbatim("x"), log=True),
        Bars(Verbatim("t"), [Verbatim("a")], [Verbatim("g")], np.zeros((1, 1, 3)), Verbatim("y"), log=True),
        Bars(Verbatim("t"), [Verbatim("a")], [Verbatim("g")], np.full((1, 1, 3), NAN), Verbatim("y"), percent=True),
        Tornado(Verbatim("t"), [], np.empty(0), np.empty(0), 0.0, Verbatim("x")),
        Tornado(Verbatim("t"), [Verbatim("a")], np.array([NAN]), np.array([NAN]), 0.5, Verbatim("x"), percent=True),
    ],
)
def test_awkward_data_are_drawn_without_a_warning(figure: Figure) -> None:
    assert draw(figure, EN).startswith("<svg")


def test_a_panel_without_data_says_so() -> None:
    assert EN.key("figure.no-data") in texts(draw(lines_of([NAN]), EN))


def test_a_forest_plot_of_many_studies_grows_in_height_and_loses_none() -> None:
    few, many = draw(forest(5), EN), draw(forest(60), EN)
    heights = [float(ElementTree.fromstring(svg).get("viewBox", "").split()[3]) for svg in (few, many)]
    assert heights[1] > heights[0] + 55 * 0.2 * 72
    assert sum("20/50" in text or "/48" in text for text in texts(many)) == 60


def test_a_forest_plot_prints_what_it_draws() -> None:
    shown = texts(draw(forest(), EN))
    assert "13.0 (4.0 to 22.0)" in shown
    assert "−9.0 to 35.0" in shown  # a prediction interval has no estimate of its own
    assert "20.0 (−240.0 to 210.0)" in shown  # printed whole although its line is cut by arrows


def test_a_ratio_axis_needs_a_positive_null() -> None:
    with pytest.raises(WiringError, match="null is 1"):
        draw(Forest(Verbatim("t"), [], Verbatim("x"), log=True), EN)


def test_the_widest_bar_of_a_tornado_comes_first() -> None:
    figure = Tornado(
        Verbatim("t"),
        [Verbatim("narrow"), Verbatim("without"), Verbatim("wide")],
        np.array([0.4, NAN, 0.9]),
        np.array([0.6, 0.1, 0.1]),
        0.5,
        Verbatim("x"),
    )
    order = [text for text in texts(draw(figure, EN)) if text in {"narrow", "without", "wide"}]
    assert order == ["wide", "narrow", "without"]


def test_one_arm_keeps_one_colour_in_every_panel() -> None:
    svg = draw(panels(), EN)
    assert svg.count("#d55e00") >= 1  # colour 1 of the palette, asked for by the second arm
    unnamed = replace(panels().panels[0].series[0], colour=None, label=Verbatim("new"))
    drawn = draw(Lines(Verbatim("t"), [replace(panels().panels[0], series=[unnamed])]), EN)
    assert "#0072b2" in drawn


@pytest.mark.parametrize("name", NAMES)
def test_no_text_leaves_the_page(name: str) -> None:
    for words in (EN, ZH):
        root = ElementTree.fromstring(draw(figures()[name], words))
        width = float(root.get("viewBox", "").split()[2])
        for element in root.iter(f"{SVG}text"):
            text, left, right, _, _ = _box(element)
            assert left > -1, text
            assert right < width + 1, text


def test_curves_that_end_together_have_labels_apart_and_in_order() -> None:
    placed = _apart({"a": 1.0, "b": 1.01, "c": 1.02, "far": 5.0}, 0.2)
    assert placed["far"] == 5.0
    assert np.diff([placed["a"], placed["b"], placed["c"]]) == pytest.approx([0.2, 0.2])
    assert placed["b"] == pytest.approx(1.01)


def test_ticks_are_round_and_within_the_limits() -> None:
    assert linear_ticks(0, 52, steps=(4.0, 12.0, 24.0)) == [0, 12, 24, 36, 48]
    assert linear_ticks(-0.13, 0.36) == [-0.1, 0.0, 0.1, 0.2, 0.3]
    assert log_ticks(90, 1.1e9) == [1e2, 1e4, 1e6, 1e8]
    assert log_ticks(0.4, 4) == [0.5, 1, 2]


def test_a_long_label_is_broken_at_words_and_cut_at_last() -> None:
    lines = wrap("one two three four five six seven eight nine ten eleven", 0.8, 8, most=2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")
    assert all(text_width(line, 8) <= 0.8 for line in lines)
    assert wrap("", 1.0) == [""]


def test_chinese_breaks_between_characters_but_not_before_punctuation() -> None:
    lines = wrap("难治性肛周瘘，复发性克罗恩病（成人）", 0.7, 8, most=9)
    assert "".join(lines) == "难治性肛周瘘，复发性克罗恩病（成人）"
    assert not any(line[0] in "，）" or line[-1] == "（" for line in lines)


def test_a_picture_file_is_written(tmp_path) -> None:
    path = draw_png(trajectories(), ZH, tmp_path / "new" / "picture.png")
    assert path.read_bytes().startswith(b"\x89PNG")
    assert [p.name for p in path.parent.iterdir()] == ["picture.png"]


def test_a_picture_that_can_not_be_written_names_the_file(tmp_path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StudyError, match=r"picture\.png"):
        draw_png(trajectories(), EN, tmp_path / "file" / "picture.png")


@pytest.mark.parametrize("name", NAMES)
def test_no_text_lies_on_another(name: str) -> None:
    for words in (EN, ZH):
        boxes = [_box(e) for e in ElementTree.fromstring(draw(figures()[name], words)).iter(f"{SVG}text")]
        for k, (one, left, right, top, bottom) in enumerate(boxes):
            for two, left_2, right_2, top_2, bottom_2 in boxes[k + 1 :]:
                is_apart = right <= left_2 or right_2 <= left or bottom <= top_2 or bottom_2 <= top
                assert is_apart, (one, two)


def _box(element: ElementTree.Element) -> tuple[str, float, float, float, float]:
    """A text and where it stands: left, right, top of its capitals, base line."""
    style = element.get("style", "")
    text = element.text or ""
    size = float(style.partition("font-size: ")[2].partition("px")[0])
    span = 72 * text_width(text, size, bold="font-weight: 700" in style)
    x, y = float(element.get("x", "nan")), float(element.get("y", "nan"))
    share = {"start": 0.0, "middle": 0.5, "end": 1.0}[style.partition("text-anchor: ")[2].partition(";")[0]]
    return text, x - share * span, x + (1 - share) * span, y - 0.73 * size, y
