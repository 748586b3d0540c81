"""Replays: the files, the closed forms behind them, what agrees, and the command."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.linalg import expm

from homing.cli import main as command_line
from homing.credibility.calibration import car_t
from homing.credibility.calibration.relapse import relapsed
from homing.credibility.replays.allowed import difference_bounds, half_unit, kinetic_bounds, share_bounds
from homing.credibility.replays.content import DIFFERENCE, SHARE, Compared, Replayed, Tolerance
from homing.credibility.replays.drug_kinetics import published, terminal_half_life
from homing.credibility.replays.read import read_replay, replay, replays
from homing.credibility.replays.run import run_replay, steps_of
from homing.credibility.replays.shares import counted, course
from homing.credibility.replays.trial import patients_of
from homing.evidence.catalogue import entry_of_file
from homing.evidence.records import Kinetic
from homing.evidence.root import catalogue_root
from homing.evidence.store import load_store
from homing.ground.errors import EvidenceError, StudyError
from homing.patients.scenario import scenario
from homing.protocol import catalogue
from homing.protocol.course import PlannedProcedure, Protocol
from homing.protocol.regimen import usual_courses
from homing.report.replay_page import HEADS, cells, page, picture_names, remarks
from homing.report.words import LANGUAGES, Words

STORE = load_store()
KEYS = [one.key for one in replays()]
DOCS = Path(__file__).parents[2] / "docs" / "explanation"
CHINESE = re.compile(r"[\u4e00-\u9fff]")
#: Growth at 0.9/d from 1 to day 8, then 95 % at 0.16/d and 5 % at 0.01/d.
CASE = {"fold_expansion": math.exp(7.2), "day_of_peak": 8.0, "peak": math.exp(7.2), "first_decline": 0.16}
CASE |= {"slow_share": 0.05, "slow_decline": 0.01}


def row(**changes: object) -> Compared:
    base = Compared({"en": "", "zh": ""}, SHARE, "4 of 10", 0.4, 0.12, 0.74, 0.5, ("a-source",), "", "4/10")
    return replace(base, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("key", KEYS)
def test_every_file_is_whole_in_both_languages_and_its_trials_are_in_the_store(key: str) -> None:
    one = replay(key)
    texts = [text for text in (one.what, one.tolerance.because, one.used_because, one.note, one.caveat) if text]
    for text in (one.name, *texts):
        assert text["en"] and text["zh"]
    assert all(CHINESE.search(text["zh"]) for text in texts)
    assert all(trial in STORE.trials for trial in one.trials)


@pytest.mark.parametrize("key", KEYS)
def test_every_row_has_its_printed_number_within_what_is_near_enough_to_it(
    key: str, results: dict[str, Replayed]
) -> None:
    assert results[key].rows
    for one in results[key].rows:
        assert one.low <= one.against <= one.high
        assert math.isfinite(one.ours) and one.error >= 0
        assert one.tolerance is not None and one.tolerance.because["zh"]


def test_a_simulated_share_has_its_monte_carlo_error_and_lies_within_its_range(results: dict[str, Replayed]) -> None:
    rows = [one for found in results.values() for one in found.rows if one.unit in (SHARE, DIFFERENCE)]
    assert len(rows) > 25
    assert all(one.ours_low <= one.ours <= one.ours_high for one in rows)
    # sqrt(p (1 - p) / n), from at most all 200 patients
    for one in rows:
        if one.unit == SHARE:
            assert one.error >= math.sqrt(one.ours * (1 - one.ours) / 200) - 1e-12


def test_the_numbers_of_the_evidence_store_are_not_typed_again(results: dict[str, Replayed]) -> None:
    first = results["admire-cd"].rows[0]
    stored = next(o for o in STORE.outcomes("ADMIRE-CD", "combined-remission") if o.arm == "cells" and o.week == 24)
    assert (first.against, first.sources) == (stored.events / stored.n, (stored.source,))  # type: ignore[operator]


def test_cells_that_grow_to_a_peak_and_decline_in_two_phases_follow_the_closed_form() -> None:
    assert car_t.level(CASE, 8.0) == pytest.approx(1339.43, abs=0.005)
    assert car_t.level(CASE, 9.0) == pytest.approx(1150.62, abs=0.005)
    assert car_t.level(CASE, 28.0) == pytest.approx(106.700, abs=0.0005)
    assert car_t.area(CASE, 28.0) == pytest.approx(10329.8, abs=0.05)
    assert math.log(2) / car_t.growth(CASE) == pytest.approx(0.770164, abs=5e-7)
    assert car_t.level(CASE, 8 - 1e-9) == pytest.approx(float(car_t.level(CASE, 8 + 1e-9)), rel=1e-7)


@pytest.mark.parametrize("until", [3.0, 8.0, 28.0, 400.0])
def test_the_area_is_the_integral_of_the_levels(until: float) -> None:
    integral, _ = quad(lambda t: float(car_t.level(CASE, t)), 0.0, until, points=[min(8.0, until)], limit=200)
    assert car_t.area(CASE, until) == pytest.approx(integral, rel=1e-9)


def test_drawn_patients_have_the_published_medians_and_variances() -> None:
    all_, one = car_t.patients(40_000, 5), car_t.typical()
    assert np.median(all_["peak"]) == pytest.approx(one["peak"], rel=0.02)
    assert np.var(np.log(all_["fold_expansion"])) == pytest.approx(2.4, rel=0.03)
    assert np.var(np.log(all_["slow_decline"])) == pytest.approx(0.86, rel=0.03)


def test_the_published_parameters_are_those_of_the_evidence_store() -> None:
    stored = {k.what: k.value for k in STORE.trial("Stein-2019").kinetics}
    assert car_t.typical()["peak"] == stored["peak level (typical value)"] == 24_000
    assert set(car_t.typical().values()) <= set(stored.values())


@pytest.mark.parametrize("name", ["infliximab", "vedolizumab"])
def test_the_terminal_half_life_is_that_of_the_slow_mode_of_two_compartments(name: str) -> None:
    found = published(catalogue.drug(name))
    cl, v1, v2, q = (found[k] for k in ("clearance", "central", "peripheral", "flow"))
    rates = np.array([[-(cl + q) / v1, q / v2], [q / v1, -q / v2]])
    late = [float((expm(rates * t) @ [300.0, 0.0])[0]) for t in (600.0, 610.0)]
    assert terminal_half_life(**found) == pytest.approx(10 * math.log(2) / math.log(late[0] / late[1]), rel=1e-6)


def test_without_exchange_the_half_life_is_that_of_one_compartment() -> None:
    assert terminal_half_life(0.4, 3.2, 4.0, 0.0) == pytest.approx(math.log(2) * 3.2 / 0.4)


def test_levels_of_each_patient_lie_between_two_closed_forms() -> None:
    simulator, cohort = patients_of("uc-moderate-severe", 100, 3, 1)
    drug = catalogue.drug("vedolizumab")
    run = simulator.run(cohort, Protocol("arm", (), usual_courses(drug, 41.0)), scenario("pooled"), [0.0, 42.0])
    seen, p = run.concentration("vedolizumab")[:, run.at(42.0)], run.parameters
    names = ("clearance", "volume_central", "volume_peripheral", "flow", "most_saturable", "half_saturable")
    columns = [np.broadcast_to(p[f"drug.{name}"], 100) for name in names]
    hottest = p["drug.f_clearance_at_rest"] + p["drug.clearance_by_inflammation"] * p["drug.most_inflammation"]

    def trough(cl: float, v1: float, v2: float, q: float) -> float:
        rates = np.array([[-(cl + q) / v1, q / v2], [q / v1, -q / v2]])
        return float(sum(expm(rates * t) @ [300.0, 0.0] for t in (42.0, 28.0))[0]) / v1

    for level, cl, v1, v2, q, most, half in zip(seen, *columns, strict=True):
        slowest, fastest = cl * p["drug.f_clearance_at_rest"], cl * hottest + most / half
        assert trough(fastest, v1, v2, q) < level < trough(slowest, v1, v2, q)


def test_a_number_agrees_within_its_bounds_and_its_own_monte_carlo_error() -> None:
    assert row(ours=0.74).agrees and not row(ours=0.75).agrees
    assert row(ours=0.75, error=0.01).agrees and not row(ours=0.77, error=0.01).agrees
    assert not row(ours=math.nan).agrees


def test_a_study_too_small_to_tell_is_marked() -> None:
    assert row(low=0.12, high=0.74).is_weak
    assert not row(low=0.40, high=0.59).is_weak
    assert not row(low=20.0, high=30.0, unit="days").is_weak


def test_bounds_of_a_share_are_exact_and_of_a_difference_of_large_samples() -> None:
    outcomes = [o for o in STORE.outcomes("ADMIRE-CD", "combined-remission") if o.week == 24 and o.analysis == "itt"]
    cells_, placebo = (next(o for o in outcomes if o.arm == arm) for arm in ("cells", "placebo"))
    low, high = share_bounds(cells_)
    assert (low, high) == pytest.approx((0.3972, 0.5937), abs=5e-5)
    middle, low, high = difference_bounds(cells_, placebo)
    error = math.sqrt(53 * 54 / 107**3 + 36 * 69 / 105**3)
    assert (middle, low, high) == pytest.approx(
        (53 / 107 - 36 / 105, middle - 1.96 * error, middle + 1.96 * error), abs=1e-6
    )


@pytest.mark.parametrize(("text", "half"), [("0.78", 0.005), ("4.3", 0.05), ("220", 5.0), ("about 14 days", 0.5)])
def test_half_a_unit_of_the_last_printed_digit(text: str, half: float) -> None:
    assert half_unit(text) == pytest.approx(half)


def test_bounds_of_a_mean_hold_its_sampling_error_and_the_factor() -> None:
    mean = Kinetic("a", "trough", 42.0, 100, 20.0, None, None, 10.0, "mg/L", "20 (10)", "", "")
    low, high = kinetic_bounds(mean, Tolerance("factor", {}, 1.25))
    assert (low, high) == pytest.approx(((20 - 1.96) / 1.25, (20 + 1.96) * 1.25))
    ranged = replace(mean, value=None, low=8.0, high=9.5, sd=None)
    assert kinetic_bounds(ranged, Tolerance("as-printed", {})) == (8.0, 9.5)


def test_a_patient_whose_simulation_failed_is_counted_neither_as_free_of_relapse_nor_as_relapsed() -> None:
    simulator, cohort = patients_of("refractory-luminal-cd-hsct", 100, 3, 1)
    procedures = (PlannedProcedure(catalogue.procedure("hsct-conditioning"), 0.0),)
    days = np.arange(0.0, 401.0, 50.0)
    run = simulator.run(cohort, Protocol("arm", procedures), scenario("pooled"), days)
    whole = counted(run, "relapse-free", "", 400.0)
    values = np.array(run.trajectories.values)
    values[:7, 3:] = np.nan
    broken = replace(run, trajectories=replace(run.trajectories, values=values))
    found = counted(broken, "relapse-free", "", 400.0)
    assert np.isnan(found[:7]).all() and np.array_equal(found[7:], whole[7:])
    assert course(broken, "relapse-free", "", days)[-1] == pytest.approx(float(whole[7:].mean()))
    after = relapsed(broken, 150.0, 200.0)
    assert np.isnan(after[:7]).all() and np.isfinite(after[7:]).any()


def test_curves_and_rows_count_the_same_patients() -> None:
    simulator, cohort = patients_of("refractory-luminal-cd-hsct", 200, 3, 1)
    procedures = (PlannedProcedure(catalogue.procedure("hsct-conditioning"), 0.0),)
    days = np.arange(0.0, 1101.0, 50.0)
    run = simulator.run(cohort, Protocol("arm", procedures), scenario("pooled"), days)
    free = course(run, "relapse-free", "", days)
    assert (np.diff(free) <= 0).all() and free[0] == 1 and free[-1] < 1
    assert [float(counted(run, "relapse-free", "", day).mean()) for day in days[4:]] == pytest.approx(list(free[4:]))
    met = course(run, "endpoint", "endoscopic-remission", days)
    assert met[5] == pytest.approx(float(np.nanmean(counted(run, "endpoint", "endoscopic-remission", days[5]))))


@pytest.mark.parametrize(
    ("key", "old", "new", "said"),
    [
        ("admire-cd", "kind: trial", "kind: trail", "'trail' is not known here"),
        ("admire-cd", "arms: [cells, placebo], weeks: ['24'", "arms: [cellz, placebo], weeks: ['24'", "no arm 'cellz'"),
        ("admire-cd", "weeks: ['24', '52']", "weeks: ['24', '53']", "has no combined-remission"),
        ("cats1", "used for: calibration", "used for: nothing", "'nothing' is not known here"),
        ("admire-cd", "trials: [", "used for: held out\ntrials: [", "contradicts catalogue/calibration/fistula.yaml"),
        ("infliximab-kinetics", ", simulated as: infliximab", "", "no population is named for arm 'five'"),
        (
            "infliximab-kinetics",
            "simulated as: infliximab",
            "simulated as: ten",
            "no population is named for arm 'ten'",
        ),
        ("admire-cd", "\nnote:", "\nnotes:", "unknown field 'notes'"),
        ("vedolizumab-kinetics", "value: '1.25'", "value: '0.8'", "a factor is 1 or more"),
        ("vedolizumab-kinetics", "ours: half-life", "ours: half-live", "'half-live' is not known here"),
        ("stori", "arm: stop", "arm: halt", "'halt' is not known here"),
        ("stein-2019", "what: doubling time", "what: doubling", "the store has no 'doubling'"),
    ],
)
def test_a_faulty_file_is_refused(tmp_path: Path, key: str, old: str, new: str, said: str) -> None:
    text = (catalogue_root() / "replays" / f"{key}.yaml").read_text(encoding="utf-8")
    assert old in text
    file = tmp_path / f"{key}.yaml"
    file.write_text(text.replace(old, new, 1), encoding="utf-8")
    with pytest.raises(EvidenceError, match=re.escape(said)):
        run_replay(read_replay(entry_of_file(file)), STORE, patients=100, step=lambda: None)


def test_the_progress_of_a_replay_counts_every_run() -> None:
    for key in ("admire-cd", "stori", "vedolizumab-kinetics", "stein-2019"):
        steps: list[int] = []
        run_replay(replay(key), STORE, patients=100, step=lambda steps=steps: steps.append(1))  # type: ignore[misc]
        assert len(steps) == steps_of(replay(key), STORE)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_says_every_number_and_shows_every_picture(language: str, results: dict[str, Replayed]) -> None:
    words, found = Words(language), list(results.values())
    text = page(found, words, "pictures/")
    for one in found:
        assert all(f"(pictures/{name}.svg)" in text for name in picture_names(one))
        assert all(remark in text for remark in remarks(one, words))
        assert all(len(cells(number, words)) == len(HEADS) for number in one.rows)
    assert len({name for one in found for name in picture_names(one)}) == sum(len(picture_names(o)) for o in found)


def test_the_page_in_the_docs_holds_every_replay() -> None:
    text = (DOCS / "replays.md").read_text(encoding="utf-8")
    for key in KEYS:
        assert f"`homing replay {key}`" in text
    pictures = re.findall(r"\]\((replays/[a-z0-9-]+\.svg)\)", text)
    assert {file.name for file in (DOCS / "replays").glob("*.svg")} == {Path(link).name for link in pictures}


def run_command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr("sys.argv", ["homing", "replay", *arguments])
    with pytest.raises(SystemExit) as ended:
        command_line.main()
    return int(ended.value.code or 0)


def test_an_unknown_replay_ends_with_2_and_the_nearest_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(monkeypatch, "admire-dc") == 2
    assert "Did you mean 'admire-cd'" in capsys.readouterr().err
    with pytest.raises(StudyError, match="no replay"):
        replay("admire-dc")


def test_a_replay_and_all_at_once_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command(monkeypatch, "stori", "--all") == 2
    assert "not both" in capsys.readouterr().err


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_command_lists_and_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], language: str
) -> None:
    assert run_command(monkeypatch, "--lang", language) == 0
    listed = capsys.readouterr().out
    assert all(key in listed for key in KEYS)
    assert run_command(monkeypatch, "stein-2019", "--lang", language) == 0
    printed = capsys.readouterr().out
    assert Words(language).key("replay.misses") in printed and "0.7796" in printed


def test_the_command_as_json_with_the_page_and_pictures(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert run_command(monkeypatch, "stori", "--patients", "200", "--json", "--out", str(tmp_path)) == 0
    content = json.loads(capsys.readouterr().out)
    (found,) = content["replays"]
    assert found["rows"][0]["compared with"] == 0.439
    assert found["rows"][0]["as printed"] == "43.9 % ± 5.0 %"
    assert {Path(file).name for file in content["files"]} == {file.name for file in tmp_path.iterdir()}
    assert "stori.svg" in (tmp_path / "replays.md").read_text(encoding="utf-8")
