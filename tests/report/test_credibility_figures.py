"""The pictures and the page of hold-outs, from small made-up files."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from homing.answers.content import Spans, Verbatim
from homing.answers.held_out import names_of
from homing.evidence.store import load_store
from homing.report import credibility_figures as figures
from homing.report import credibility_page as page
from homing.report.figures import spans
from homing.report.figures.draw import draw
from homing.report.words import Words

STORE = load_store()
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENDS = {"0.5": [0.4, 0.6], "0.8": [0.3, 0.7], "0.95": [0.2, 0.8]}


def scored(observed: float, log: float | None, ends: dict[str, list[float]] = ENDS) -> dict[str, Any]:
    inside = {level: low <= observed <= high for level, (low, high) in ends.items()}
    return {
        "observed": observed,
        "predicted": 0.5,
        "intervals": ends,
        "inside": inside,
        "log score": log,
        "crps": 0.1,
    }


def row(trial: str, arm: str, week: float, observed: float, **logs: float | None) -> dict[str, Any]:
    logs = {{"meta": "meta-analysis", "last": "last trial"}.get(name, name): x for name, x in logs.items()}
    scores = {name: scored(observed, x) for name, x in logs.items()}
    key = f"{trial}, {arm}, combined-remission, week {week:g}"
    what = {"trial": trial, "arm": arm, "endpoint": "combined-remission", "week": week, "as": "binomial"}
    return {"key": key, **what, "domain": "fistula", "events": round(100 * observed), "n": 100, "scores": scores}


def verdict(low: float = -0.05, high: float = 0.25) -> dict[str, Any]:
    ends = {"0.5": [0.05, 0.1], "0.8": [0.0, 0.2], "0.95": [low, high]}
    difference = {
        "name": page.FIRST,
        "trial": "ADMIRE-CD-II",
        "week": 24.0,
        "scores": {"homing": scored(0.024, -8.0, ends)},
        "joint log score": {"homing": -8.0, "meta-analysis": -9.5, "control": None},
    }
    kinetic = {"trial": "T", "of": "longest", "n": 7, "observed": 693.0, "bound": "at least", "role": "test"}
    return {
        "rows": [
            row("ADMIRE-CD-II", "placebo", 24, 0.45, homing=-4.0, control=-3.0),
            row("ADMIRE-CD-II", "cells", 24, 0.75, homing=-4.0, control=-9.0),
            row("Darva-JP-3002", "cells", 24, 0.9, homing=-5.0, meta=-4.0, last=-7.0),
            row("INSPIRE", "cells", 52, 0.5, homing=None, last=-2.0),
        ],
        "differences": [difference],
        "totals": [
            {"rule": "last trial", "domain": "fistula", "rows": 2, "log score": {"homing": -9.0, "rule": -12.0}}
            | {"homing wins": True},
            {"rule": "control", "domain": "all", "rows": 3, "log score": {"homing": None, "rule": -12.0}}
            | {"homing wins": False},
        ],
        "coverage": {"0.5": [1, 4], "0.8": [2, 4], "0.95": [3, 4]},
        "kinetics": [
            {**kinetic, "predicted": 800.0, "intervals": {"0.95": [500.0, 900.0]}, "inside": dict.fromkeys(ENDS, True)}
        ],
    }


def test_every_result_has_its_intervals_and_is_marked_by_the_one_that_holds_it() -> None:
    told = verdict()
    figure = figures.predicted_rows(told, names_of(told, STORE))
    np.testing.assert_array_equal(figure.intervals[2], [[0.4, 0.6], [0.3, 0.7], [0.2, 0.8]])
    np.testing.assert_array_equal(figure.seen, [0.45, 0.75, 0.9, 0.5])
    held, widest, outside = spans._HELD, spans._WIDEST_ONLY, spans._OUTSIDE
    assert spans._marks(figure) == [held, widest, outside, held]
    assert len({held, widest, outside}) == 3 and len({m for _, m in (held, widest, outside)}) == 3


def test_the_difference_of_log_scores_is_homings_less_the_rules_and_pairs_count_once() -> None:
    told = verdict()
    figure = figures.row_scores(told, names_of(told, STORE))
    assert len(figure.categories) == 2, "both arms count in their difference; what Homing held impossible is not drawn"
    by_rule = dict(zip(figures.RULES, figure.values[0, :, 0], strict=True))
    assert by_rule["meta-analysis"] == -1.0 and by_rule["last trial"] == 2.0 and np.isnan(by_rule["control"])
    pair = dict(zip(figures.RULES, figure.values[1, :, 0], strict=True))
    assert pair["meta-analysis"] == 1.5 and np.isnan(pair["control"])


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (-0.05, 0.25, ("contains it", "does not exclude the +15")),
        (-0.05, 0.10, ("contains it", "EXCLUDES the +15")),
        (0.05, 0.25, ("MISSES it", "does not exclude")),
    ],
)
def test_the_first_test_is_told_as_the_interval_has_it(low: float, high: float, says: tuple[str, str]) -> None:
    said = page.first_test(verdict(low, high), STORE, Words("en"))
    assert all(part in said for part in says)
    assert f"{100 * low:+.1f}".replace("-", "−") in said and "+2.4" in said


def test_the_page_says_where_a_rule_is_better_and_what_is_outside() -> None:
    text = page.page(verdict(), STORE, Words("en"), {"hold-outs": "x.svg"})
    assert "better than the rule on: last trial repeated: fistulas (2)" in text
    assert "worse than a simple rule on:** control, nothing added: all (3)" in text
    assert re.search(r"Outside the 95 % interval: Darvadstrocel in Japan[^;]*\.\n", text)
    assert "| 90/100, 90.0 % |" in text and "−∞" in text and "at least 693" in text
    assert "![hold-outs](x.svg)" in text and "(differences.svg)" not in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.count("|") in (8, 7), "seven or six cells"


def test_old_files_without_kinetics_make_a_page_too() -> None:
    told = verdict()
    del told["kinetics"]
    assert Words("en").key("credibility.page.kinetics") not in page.page(told, STORE, Words("en"), {})


def checks() -> dict[str, Any]:
    seen = {
        "trial": "T",
        "arm": "a",
        "endpoint": "combined-remission",
        "week": 24.0,
        "n": 10,
        "dose": 1.2e8,
        "share": 0.5,
    }
    course = {"x": [6.0, 24.0], "low": [0.1, 0.2], "middle": [0.3, 0.4], "high": [0.5, 0.6]}
    lone = {**seen, "trial": "U", "n": None, "dose": None, "share": 0.4}
    return {
        "draws": 3,
        "patients": 20,
        "courses": [
            {"key": "combined-remission", "of": "120-million", **course, "seen": [seen]},
            {"key": "relapse", "of": "stopped", **course, "seen": [lone]},
        ],
        "doses": {"key": "dose", "of": "week-24", **course, "x": [0.0, 1.2e8], "seen": [seen]},
        "baseline": {"pdai": [1, 2, 3]},
    }


def test_checks_show_readings_with_exact_intervals_where_the_size_is_known() -> None:
    fistula, cohorts = (figures.courses(checks(), of) for of in ("fistula", "cohorts"))
    assert len(fistula.panels) == 2 and len(cohorts.panels) == 1
    point = fistula.panels[0].series[1]
    assert point.low is not None and point.high is not None
    assert point.low[0] == pytest.approx(0.18709, abs=1e-5) and point.high[0] == pytest.approx(0.81291, abs=1e-5)
    assert fistula.panels[1].series[1].x[0] == pytest.approx(120), "millions of cells"
    lone = cohorts.panels[0].series[1]
    assert lone.low is not None and lone.low[0] == lone.y[0] == 0.4


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_every_picture_and_the_page_are_in_their_language(tmp_path: Path, lang: str) -> None:
    told = verdict()
    ranks = {"replicates": 40, "histograms": {"x": [10, 8, 12, 10]}}
    for name, content in (
        ("holdout-scores", told),
        ("diagnostics", {"ranks": ranks}),
        ("predictive-checks", checks()),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    spread = {"median": "1", "low": "0.5", "high": "2"}
    parameter = {"name": {"en": "closing", "zh": "闭合"}, "multiplies": ["tract.k_close"], "informed": "no"}
    parameter |= {"prior": dict(spread), "posterior": dict(spread), "shrinkage": "0.1", "summary": "up"}
    posterior = {"version": "1", "made": {"on": "x"}, "public until": "2019-12-31", "draws": "draws.csv"}
    (tmp_path / "posterior.yaml").write_text(
        yaml.safe_dump(posterior | {"parameters": {"c": parameter}}), encoding="utf-8"
    )
    (tmp_path / "draws.csv").write_text("c\n1\n2\n", encoding="utf-8")
    files = page.save(tmp_path / "out", STORE, Words(lang), tmp_path)
    assert len([f for f in files if f.suffix == ".svg"]) == 8 and all(f.is_file() for f in files)
    for file in files:
        if file.suffix == ".svg":
            text = file.read_text(encoding="utf-8")
            assert bool(CHINESE.search(text)) == (lang == "zh"), file.name
    assert bool(CHINESE.search(files[0].read_text(encoding="utf-8"))) == (lang == "zh")


def test_a_span_is_told_to_a_screen_reader() -> None:
    ends = np.array([[[0.1, 0.2], [0, 0.3], [0, 0.4]]])
    figure = Spans(Verbatim("t"), [Verbatim("a")], [0.5, 0.8, 0.95], ends, np.array([0.15]), Verbatim("x"), True)
    assert "a: 15.0 % (0.0 % to 40.0 %)" in draw(figure, Words("en"))
