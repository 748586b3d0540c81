"""The pictures and the page of hold-outs, from small made-up files."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from homing.answers.content import Spans, Verbatim
from homing.answers.held_out import names_of
from homing.credibility.calibration.unknowns import unknowns
from homing.credibility.rules import APART, FEWEST
from homing.credibility.scoring import FEW
from homing.evidence.store import load_store
from homing.report import credibility_figures as figures
from homing.report import credibility_page as page
from homing.report import credibility_tables as tables
from homing.report.figures import spans
from homing.report.figures.draw import draw
from homing.report.words import Words, read_texts

STORE = load_store()
CHINESE = re.compile(r"[\u4e00-\u9fff]")
ENDS = {"0.5": [0.4, 0.6], "0.8": [0.3, 0.7], "0.95": [0.2, 0.8]}


def scored(observed: float, log: float, ends: dict[str, list[float]] = ENDS) -> dict[str, Any]:
    inside = {level: low <= observed <= high for level, (low, high) in ends.items()}
    return {
        "observed": observed,
        "predicted": 0.5,
        "intervals": ends,
        "inside": inside,
        "log score": log,
        "crps": 0.1,
    }


def row(trial: str, arm: str, week: float, observed: float, **logs: float) -> dict[str, Any]:
    logs = {{"meta": "meta-analysis", "last": "last trial"}.get(name, name): x for name, x in logs.items()}
    scores = {name: scored(observed, x) for name, x in logs.items()}
    key = f"{trial}, {arm}, combined-remission, week {week:g}"
    what = {"trial": trial, "arm": arm, "endpoint": "combined-remission", "week": week, "as": "binomial", "name": None}
    told = {"counts": True, "in totals": {"weight": 1.0, "because": ""}}
    return {
        "key": key,
        **what,
        "domain": "fistula",
        "events": round(100 * observed),
        "n": 100,
        **told,
        "scores": scores,
    }


def total(
    rule: str, domain: str, homing: float, left: tuple[float, float] | None, error: float = 0.32, *few: str
) -> dict[str, Any]:
    ends = dict.fromkeys(("smallest", "largest"))
    if left:
        named = zip(("smallest", "largest"), ("ADMIRE-CD-II", "INSPIRE"), left, strict=True)
        ends = {end: {"trial": trial, "difference": x} for end, trial, x in named}
    difference = homing + 12.0
    what: dict[str, Any] = {
        "rule": rule,
        "domain": domain,
        "trials": 3,
        "rows": 4,
        "log score": {"homing": homing, "rule": -12.0},
    }
    what |= {"crps": {"homing": 0.5, "rule": 0.75 if rule == "last trial" else 0.25}}
    what |= {"difference error": error, "few draws": list(few)}
    return {**what, "difference": difference, "without one": ends, "homing wins": difference > 0}


def beside(**differences: float) -> dict[str, Any]:
    named = {{"meta": "meta-analysis", "last": "last trial"}.get(name, name): x for name, x in differences.items()}
    return {rule: {"difference": x, "few draws": x == 2.0} for rule, x in named.items()}


def verdict(low: float = -0.05, high: float = 0.25) -> dict[str, Any]:
    ends = {"0.5": [0.05, 0.1], "0.8": [0.0, 0.2], "0.95": [low, high]}
    difference = {
        "name": tables.FIRST,
        "domain": "fistula",
        "trial": "ADMIRE-CD-II",
        "week": 24.0,
        "in totals": {"weight": 0.5, "because": "visits"},
        "scores": {"homing": scored(0.024, -8.0, ends)},
    }
    kinetic = {"trial": "JULIET-kinetics", "of": "longest", "n": 7, "observed": 693.0, "bound": "at least"}
    kinetic |= {"role": "consistency", "predicted": 800.0, "intervals": {"0.95": [500.0, 900.0]}}
    death = {**row("ASTIC", "transplantation", 52, 0.05, homing=-1.0), "endpoint": "treatment-related-death"}
    donor = {**row("Ouboter-2023-kinetics", "all", 6, 0.44, homing=-7.0), "endpoint": "patients with donor cells"}
    return {
        "rows": [
            row("ADMIRE-CD-II", "placebo", 24, 0.45, homing=-4.0, control=-3.0),
            row("ADMIRE-CD-II", "cells", 24, 0.75, homing=-4.0, control=-9.0),
            row("Darva-JP-3002", "cells", 24, 0.9, homing=-5.0, meta=-4.0, last=-7.0),
            row("INSPIRE", "cells", 52, 0.5, homing=-6.0, last=-2.0),
            {**donor, "name": {"en": "donor cells found", "zh": "检出供者细胞"}},
            {**death, "counts": False, "in totals": {"weight": 0.0, "because": "prior"}},
        ],
        "differences": [difference],
        "trials": [
            {"trial": "ADMIRE-CD-II", "beside": beside(meta=1.5)},
            {"trial": "Darva-JP-3002", "beside": beside(meta=-1.0, last=2.0)},
            {"trial": "INSPIRE", "beside": {}},
        ],
        "own": {
            **{"trials": 3, "rows": 5, "log score": -30.0, "log score error": 0.6, "few draws": ["INSPIRE"]},
            "no rule": {"rows": 1, "log score": -7.0, "log score error": 1.2},
        },
        "totals": [
            total("last trial", "fistula", -9.0, (-1.0, 6.0)),
            total("control", "all", -21.4, None, 2.3, "INSPIRE"),
            total("meta-analysis", "fistula", -10.0, (1.0, 4.0)),
        ],
        tables.STRETCHED: [total("meta-analysis", "relapse", -20.0, (-9.0, 7.0))],
        "coverage": {"0.5": [1, 4], "0.8": [2, 4], "0.95": [3, 4]},
        "kinetics": [{**kinetic, "inside": dict.fromkeys(ENDS, True)}],
    }


def test_every_result_has_its_intervals_and_is_marked_by_the_one_that_holds_it() -> None:
    told = verdict()
    figure = figures.predicted_rows(told, names_of(told, STORE))
    np.testing.assert_array_equal(figure.intervals[2], [[0.4, 0.6], [0.3, 0.7], [0.2, 0.8]])
    np.testing.assert_array_equal(figure.seen, [0.45, 0.75, 0.9, 0.5, 0.44])
    held, widest, outside = spans._HELD, spans._WIDEST_ONLY, spans._OUTSIDE
    assert spans._marks(figure) == [held, widest, outside, held, held]
    assert len({held, widest, outside}) == 3 and len({m for _, m in (held, widest, outside)}) == 3


def test_what_older_series_predict_is_no_prediction_of_the_model() -> None:
    told = verdict()
    names = names_of(told, STORE)
    assert len(figures.predicted_rows(told, names).categories) == 5
    assert len(tables.table(told, names, Words("en"))) == 5 + 1, "and a difference"
    (death,) = tables.from_older_series(told, names, Words("en"))
    assert "ASTIC" in death[0] and "not predicted by the model" in death[-1]


def test_the_difference_of_log_scores_is_homings_less_the_rules_trial_by_trial() -> None:
    told = verdict()
    figure = figures.row_scores(told, names_of(told, STORE))
    assert [Words("en")(c) for c in figure.categories] == ["ADMIRE-CD II", "Darvadstrocel in Japan (few draws)"]
    first, second = (dict(zip(figures.RULES, row[:, 0], strict=True)) for row in figure.values)
    assert first["meta-analysis"] == 1.5 and np.isnan(first["control"]) and np.isnan(first["last trial"])
    assert second["meta-analysis"] == -1.0 and second["last trial"] == 2.0


def test_a_difference_is_in_points_and_what_tells_rows_apart_is_in_their_labels() -> None:
    told = verdict()
    names = names_of(told, STORE)
    drawn = draw(figures.predicted_differences(told, names), Words("en"))
    assert "+2.4 (−5.0 to +25.0)" in drawn and "+2.4 %" not in drawn
    arms = [Words("en")(names[r["key"]]) for r in told["rows"][:2]]
    assert all(arm.startswith("combined remission, week 24: ADMIRE-CD II, ") for arm in arms) and arms[0] != arms[1]
    long = (
        "endoscopic remission, week 104: International HSCT cohort (London, Barcelona, New York), conditioning and rest"
    )
    figure = figures.predicted_rows(told, names)
    assert "conditioning and rest" in " ".join(
        text.strip()
        for text in re.findall(r">([^<>]+)</text>", draw(replace(figure, categories=[Verbatim(long)] * 5), Words("en")))
    ).replace("  ", " ")


def test_unknowns_are_called_by_name_in_both_languages() -> None:
    for key in (*unknowns("fistula").factors, *unknowns("fistula").terms):
        name = figures.unknown_name(key)
        assert name.text and "_" not in name.text and CHINESE.search(name.zh), key


@pytest.mark.parametrize(
    ("low", "high", "says"),
    [
        (-0.05, 0.25, ("contains it", "does not exclude the +15")),
        (-0.05, 0.10, ("contains it", "EXCLUDES the +15")),
        (0.05, 0.25, ("MISSES it", "does not exclude")),
    ],
)
def test_the_first_test_is_told_as_the_interval_has_it(low: float, high: float, says: tuple[str, str]) -> None:
    said = tables.first_test(verdict(low, high), STORE, Words("en"))
    assert all(part in said for part in says)
    assert f"{100 * low:+.1f}".replace("-", "−") in said and "+2.4" in said


def test_the_page_says_where_a_rule_is_better_what_rests_on_one_trial_and_what_is_outside() -> None:
    text = page.page(verdict(), STORE, Words("en"), {"hold-outs": "x.svg"})
    assert (
        "better than the rule by log score on: last trial repeated: fistulas (3) and meta-analysis: fistulas (3)."
        in text
    )
    assert "worse than a simple rule by log score on:** control, nothing added: all (3)" in text
    assert "With the rules stretched, Homing does worse by log score on:** meta-analysis: stopping anti-TNF (3)" in text
    as_they_are, stretched = (f"Totals beside the rules {what}: " for what in ("as they are", "stretched"))
    left, by = (
        "with one trial left out it is the other way round for: ",
        "by CRPS it is the other way round than by log ",
    )
    last, meta = "last trial repeated: fistulas (3)", "meta-analysis: stopping anti-TNF (3)"
    assert f"{as_they_are}{left}{last} without ADMIRE-CD II." in text, "it would lose by one"
    assert f"{stretched}{left}{meta} without INSPIRE registry." in text, "it would win by seven"
    assert f"{as_they_are}{by}score for: meta-analysis: fistulas (3)." in text
    assert f"{stretched}{by}score for: nothing." in text
    assert "−1.0 (without ADMIRE-CD II) to +6.0 (without INSPIRE registry)" in text
    assert "| +3.0 ± 0.3 |" in text and "| 0.500, 0.750 |" in text
    assert "| −21 | −12 | −9 ± 2 (few draws: INSPIRE registry) |" in text, "no finer than the error"
    own = "over 3 trials (5 results): −30.0 ± 0.6 (few draws: INSPIRE registry); of it −7 ± 1 on 1 results"
    assert f"total log score {own}" in text
    assert re.search(r"Outside the 95 % interval: combined remission, week 24: Darvadstrocel in Japan[^;:]*\.\n", text)
    assert "| 90/100, 90.0 % |" in text and "−∞" not in text and "at least 693" in text
    assert "weight 0.5: the same patients at another visit" in text
    assert "![hold-outs](x.svg)" in text and "(differences.svg)" not in text
    for line in text.splitlines():
        if line.startswith("|"):
            assert line.count("|") in (9, 7, 10), "eight, six or nine cells"


@pytest.mark.parametrize("lang", ["en", "zh"])
def test_the_page_says_what_errors_few_draws_and_stretched_rules_are_and_prints_every_text_by_hand(lang: str) -> None:
    words = Words(lang)
    text = page.page(verdict(), STORE, words, {})
    assert words.key("credibility.page.errors", few=FEW) in text
    assert words.key("credibility.page.stretched", fewest=FEWEST) in text
    written = [key for key in read_texts(lang) if re.fullmatch(r"credibility\.page\.(reading|unclean)-\d+", key)]
    assert len(written) >= 7 and all(f"- {words.key(key)}\n" in text for key in written)


def test_a_bound_is_no_test() -> None:
    told = verdict()
    ((*_, role),) = tables.kinetics(told, STORE, Words("en"))
    assert role == "consistency only: follow-up cut it off"


@pytest.mark.parametrize("rule", figures.RULES)
def test_the_page_says_what_a_rule_takes_as_alike_as_the_rule_does(rule: str) -> None:
    for lang in ("en", "zh"):
        text = page.page(verdict(), STORE, Words(lang), {})
        assert Words(lang)(figures.rule_name(rule)) in text
        assert Words(lang).percent(APART, 0) in text


def test_what_is_printed_in_chinese_has_no_english_endpoint() -> None:
    told = verdict()
    names, words = names_of(told, STORE), Words("zh")
    for r in told["rows"]:
        assert CHINESE.search(words(names[r["key"]]).split("，")[0]), "the endpoint is said first"
    assert CHINESE.search(tables.kinetics(told, STORE, words)[0][0])


def test_healing_by_a_trials_own_definition_is_told_beside_the_checks() -> None:
    told = checks()
    assert "own definition" not in Words("en")(figures.courses(told, "fistula").note)
    told["courses"][0]["seen"][0] |= {"trial": "Molendijk-2015", "endpoint": "fistula-healing"}
    said = Words("en")(figures.courses(told, "fistula").note)
    assert "Molendijk-2015" in said and "the offset is not in the band" in said


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


def test_only_readings_of_one_dose_are_set_apart_and_evenly_so() -> None:
    told = checks()
    (one,) = told["doses"]["seen"]
    placebos = [{**one, "trial": trial, "dose": 0.0} for trial in "TUV"]
    told["doses"]["seen"] = [*placebos, one, {**one, "trial": "W", "dose": 9e7}]
    told["courses"] = told["courses"][:1]
    by = {str(s.label.text): s.x for s in figures.courses(told, "fistula").panels[1].series[1:]}  # type: ignore[union-attr]
    assert by["W"][0] == 90 and by["T"][1] == 120, "measured where nothing else was"
    assert by["U"][0] == 0 and by["T"][0] == -by["V"][0] and 0 < by["V"][0] < 0.03 * 120
    assert "to both sides" in Words("en").key("credibility.checks-note", draws=1, patients=1)


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
