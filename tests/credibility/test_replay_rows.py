"""Rows of replays: what is printed and what is computed, their sources and uses, and how they are drawn and counted."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from homing.credibility.replays import uses
from homing.credibility.replays.allowed import share_bounds
from homing.credibility.replays.asked import read_asked
from homing.credibility.replays.compared import difference_row
from homing.credibility.replays.content import DIFFERENCE, SHARE, Replayed
from homing.credibility.replays.read import USES, replay, replays
from homing.credibility.replays.run import run_replay, uses_of
from homing.evidence.sources import load_sources
from homing.evidence.store import load_store
from homing.ground.errors import EvidenceError
from homing.report.replay_figures import over_time
from homing.report.replay_page import HEADS, cells, remarks, summary
from homing.report.words import LANGUAGES, Words

STORE = load_store()
KEYS = [one.key for one in replays()]


@pytest.mark.parametrize("key", KEYS)
def test_what_stands_as_printed_is_what_the_source_prints_or_is_marked_as_computed(
    key: str, results: dict[str, Replayed]
) -> None:
    texts = {text for meta in STORE.meta_analyses.values() for text in meta.printed_texts.values()}
    for trial in replay(key).trials:
        texts |= {o.printed for o in STORE.trial(trial).outcomes} | {o.effect for o in STORE.trial(trial).outcomes}
        texts |= {k.printed for k in STORE.trial(trial).kinetics}
    for one in results[key].rows:
        assert one.as_printed in texts - {""} if one.as_printed else one.is_computed
        assert bool(one.counts) == (one.unit in (SHARE, DIFFERENCE))
        if not one.is_computed and "%" in one.as_printed:
            assert any(abs(100 * one.against - x) <= 0.5 for x in percents(one.as_printed)), one.as_printed


@pytest.mark.parametrize("key", KEYS)
def test_every_number_has_sources_that_exist(key: str, results: dict[str, Replayed]) -> None:
    for one in results[key].rows:
        assert one.sources and all(source in load_sources() for source in one.sources)


def percents(text: str) -> list[float]:
    return [float(x) for x in re.findall(r"(\d+(?:\.\d+)?) ?%", text)]


def test_counts_that_the_source_does_not_print_are_told_from_what_it_prints(results: dict[str, Replayed]) -> None:
    first = results["admire-cd"].rows[0]
    assert first.as_printed == "50 %" and first.is_computed and "107 randomised" in first.derived
    shown = dict(zip(HEADS, cells(first, Words("en")), strict=True))
    assert shown["printed"].startswith("50 %") and "53/107" not in shown["printed"]
    assert "49.5 % (53/107) *" == shown["against"]
    whole = results["cats1"].rows[0]
    assert not whole.is_computed and "*" not in cells(whole, Words("en"))[2]


def test_a_difference_is_printed_as_its_source_has_it_or_said_to_be_computed(results: dict[str, Replayed]) -> None:
    ours = [one for one in results["admire-cd"].rows if one.unit == DIFFERENCE]
    assert all("computed from the counts" in cells(one, Words("en"))[1] for one in ours)
    assert all("计数" in cells(one, Words("zh"))[1] for one in ours)
    theirs = [one for one in results["admire-cd-2"].rows if one.unit == DIFFERENCE]
    for one in theirs:
        printed = [float(x) for x in re.findall(r"-?\d+\.\d+", one.as_printed)][:3]
        assert [100 * x for x in (one.against, one.low, one.high)] == pytest.approx(printed, abs=0.15)


def test_arms_that_the_report_prints_the_other_way_round_are_told(results: dict[str, Replayed]) -> None:
    cells_, placebo = results["admire-cd-2"].rows[3:5]
    assert (cells_.as_printed, cells_.also) == ("41 %", ("39.7 %",))
    assert (placebo.as_printed, placebo.also) == ("39.7 %", ("41 %",))
    for words in map(Words, LANGUAGES):
        told = "\n".join(remarks(results["admire-cd-2"], words))
        assert replay("admire-cd-2").caveat[words.language] in told
        assert ("exchange is ours" if words.language == "en" else "对调") in told


def test_a_difference_of_two_reports_names_both(results: dict[str, Replayed]) -> None:
    asked = read_asked(replay("admire-cd"), STORE)[0]
    trial = asked.trial
    moved = [replace(o, source="another") if o.arm == "placebo" else o for o in trial.outcomes]
    store = replace(STORE, trials={**STORE.trials, trial.key: replace(trial, outcomes=tuple(moved))})
    row = difference_row(store, asked, 24.0, [0.1], 0.01, {"en": "", "zh": ""})
    assert row.sources == ("panes-2016-admire-week-24", "another")


def test_what_a_row_was_used_for_is_read_from_the_calibration_files() -> None:
    assert uses.use_of("ADMIRE-CD", "cells", "combined-remission", 24.0, None) == "calibration"
    assert uses.use_of("ADMIRE-CD-II", "cells", "combined-remission", 24.0, None) == "held out"
    assert uses.use_of("ADMIRE-CD", "cells", "clinical-remission-fistula", 104.0, None) == "held out"
    assert uses.use_of("ADMIRE-CD-II", "cells", "combined-remission", 6.0, None) == "neither"
    assert uses.use_of("ADMIRE-CD-II", "cells", "combined-remission", 6.0, "calibration") == "calibration"


def test_a_use_that_contradicts_the_calibration_files_is_refused() -> None:
    with pytest.raises(EvidenceError, match=r"contradicts catalogue/calibration/fistula-holdout\.yaml"):
        uses.use_of("ADMIRE-CD-II", "cells", "combined-remission", 24.0, "calibration")
    assert uses.use_of("ADMIRE-CD-II", "cells", "combined-remission", 24.0, "held out") == "held out"


@pytest.mark.parametrize("key", KEYS)
def test_no_file_says_by_hand_what_the_calibration_files_say(key: str, results: dict[str, Replayed]) -> None:
    one = replay(key)
    assert uses_of(one, STORE) == tuple(use for use in USES if any(r.used_for == use for r in results[key].rows))
    if one.said is not None:
        silent = replace(one, said=None)
        assert set(uses_of(silent, STORE)) == {"neither"}, "leave `used for` out: it is read of catalogue/calibration/"


def test_a_share_or_reading_of_unknown_size_has_no_interval() -> None:
    outcome = next(o for o in STORE.outcomes("Burt-2010", "treatment-free"))
    with pytest.raises(EvidenceError, match="has no number of patients"):
        share_bounds(replace(outcome, n=None))
    trial = STORE.trial("Tisagenlecleucel-label")
    unknown = replace(trial, kinetics=tuple(replace(k, n=None) for k in trial.kinetics))
    store = replace(STORE, trials={**STORE.trials, trial.key: unknown})
    with pytest.raises(EvidenceError, match="has no number of patients"):
        run_replay(replay("stein-2019"), store, patients=100, step=lambda: None)


def test_a_meta_analysis_without_sources_is_refused() -> None:
    one = replay("meta-analyses-of-fistula-trials")
    metas = {key: replace(meta, sources=()) for key, meta in STORE.meta_analyses.items()}
    with pytest.raises(EvidenceError, match="names no source") as refused:
        run_replay(one, replace(STORE, meta_analyses=metas), step=lambda: None)
    assert "cochrane-cd013070-2022-fistula-closure" in str(refused.value)


def test_points_of_one_week_stand_evenly_about_it_and_all_others_where_they_were_measured(
    results: dict[str, Replayed],
) -> None:
    (panel,) = over_time(results["admire-cd"]).panels
    cells_, placebo = (s for s in panel.series if s.style == "points")
    assert (cells_.x + placebo.x) / 2 == pytest.approx([24.0, 52.0])
    assert 0 < placebo.x[0] - cells_.x[0] < 0.05 * 52
    alone = [s for p in over_time(results["burt-2010"]).panels for s in p.series if s.style == "points"]
    assert list(alone[0].x) == [52, 104, 156, 208, 260]
    said = {key: Words("en")(over_time(results[key]).note or "") for key in ("admire-cd", "burt-2010")}
    assert "to both sides" in said["admire-cd"] and "to both sides" not in said["burt-2010"]


def test_the_page_counts_predictions_of_the_model_apart_from_arithmetic(results: dict[str, Replayed]) -> None:
    rows = [one for found in results.values() for one in found.rows]
    assert all(one.is_arithmetic for key in ("stein-2019", KEYS[5]) for one in results[key].rows)
    assert KEYS[5].startswith("meta") and not any(one.is_arithmetic for one in results["stori"].rows)
    table = {line.split(" | ")[0].strip("| "): line.split(" | ")[1:] for line in summary(rows, Words("en"))}
    held = [one for one in rows if one.used_for == "held out"]
    assert table["held out"] == [f"{sum(one.agrees for one in held)} of {len(held)}", "none |"]
    predicted = [one for one in rows if one.used_for == "neither" and not one.is_arithmetic]
    assert table["neither"][0].startswith(f"{sum(one.agrees for one in predicted)} of {len(predicted)}")
