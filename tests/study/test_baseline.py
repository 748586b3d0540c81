"""Virtual cohorts are weighted to the printed tables of trials, and studies with `like` weigh their results."""

from __future__ import annotations

import functools
from pathlib import Path

import numpy as np
import pytest

from homing.evidence.catalogue import names
from homing.ground.errors import StudyError
from homing.patients.baseline_table import baseline_table
from homing.patients.population import population, populations
from homing.patients.weighting import Weighted, weigh
from homing.study.baseline import baseline, rank_score, reference_of
from homing.study.read import parse_study
from homing.study.resolve import resolve
from homing.study.results import Sums, drawn_by_weight, read_results, read_weights
from homing.study.run import run
from homing.study.simulator import Simulator

PATIENTS = 4000
#: What the model can't be brought to: its CRP and calprotectin are higher (ulcerative colitis) or less spread out than
#: patients' of these trials. See docs/howto/match-trial-patients.md.
LEFT_OUT = {
    "CHARM": ["crp"],
    "CHARM-fistulas": ["crp"],
    "PF-00547659-CD": ["calprotectin"],
    "ULTRA-1": ["crp"],
}


@functools.cache
def columns_of(key: str) -> dict[str, np.ndarray]:
    return baseline(Simulator(population(key), 1), np.arange(PATIENTS))


@functools.cache
def matched(key: str) -> Weighted:
    table = baseline_table(key)
    left_out = LEFT_OUT.get(key, [])
    return weigh(columns_of(table.population), table.without(left_out) if left_out else table)


def test_at_least_five_trials_have_their_tables() -> None:
    tables = [baseline_table(key) for key in names("baselines")]
    assert len({t.trial for t in tables if t.trial}) >= 5
    assert len({t.population for t in tables}) >= 3


@pytest.mark.parametrize("key", names("baselines"))
def test_a_trials_table_is_matched_line_by_line(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    found = matched(key)
    for row in found.lines:
        scale = max(1.0, abs(row.line.goal))
        assert abs(row.error) <= 1e-6 * scale, row.line.label
        if row.line.kind != "quantile":
            assert row.weighted == pytest.approx(row.asked, rel=1e-6), row.line.label
        else:
            assert row.weighted == pytest.approx(row.asked, rel=0.02), row.line.label
    with capsys.disabled():
        left = f", without {', '.join(LEFT_OUT[key])}" if key in LEFT_OUT else ""
        print(f"\n{key}{left}: effective sample size {found.effective:.0f} of {PATIENTS}", end="")
    assert found.effective > 0.05 * PATIENTS


def test_what_the_model_cannot_be_brought_to_is_refused_by_name() -> None:
    with pytest.raises(StudyError, match=r"crp, median 3\.2 mg/L asked"):
        weigh(columns_of("uc-moderate-severe"), baseline_table("ULTRA-1"))


def test_a_table_at_the_edge_keeps_few_effective_patients() -> None:
    """CRP of CHARM is below 10 mg/L in half the patients and in about one of a hundred virtual ones."""
    whole = weigh(columns_of("luminal-cd-moderate-severe"), baseline_table("CHARM"))
    assert whole.effective < 0.05 * PATIENTS < matched("CHARM").effective


def test_a_patients_baseline_depends_on_seed_and_number_alone() -> None:
    simulator = Simulator(population("luminal-cd-moderate-severe"), 1)
    some = np.array([1203, 4, 77])
    for name, column in baseline(simulator, some).items():
        np.testing.assert_array_equal(column, columns_of("luminal-cd-moderate-severe")[name][some])


def test_albumin_falls_where_the_models_crp_is_high() -> None:
    seen = columns_of("luminal-cd-moderate-severe")
    ranked = reference_of("luminal-cd-moderate-severe").sorted["crp"]
    assert np.corrcoef(rank_score(seen["crp"], ranked), seen["albumin"])[0, 1] == pytest.approx(-0.4, abs=0.05)


def test_who_failed_anti_tnf_depends_less_on_tnf() -> None:
    simulator = Simulator(population("luminal-cd-moderate-severe"), 1)
    dependence = simulator.cohort(np.arange(PATIENTS)).values["drug.pathway_dependence"]
    failed = columns_of("luminal-cd-moderate-severe")["anti_tnf_failure"] > 0
    assert dependence[failed].mean() < dependence[~failed].mean() - 0.1


def test_b_cells_drive_more_in_the_b_cell_driven_population() -> None:
    driven, other = (populations_by_key()[k] for k in ("uc-b-cell-driven", "uc-moderate-severe"))
    weight = driven.distributions["innate.autoantibody_weight"].centre
    assert weight.number > 0.1 and weight.basis == "assumed" and weight.because
    assert "innate.autoantibody_weight" not in other.distributions


def populations_by_key() -> dict:
    return {p.key: p for p in populations()}


STUDY = """
homing: 1
study: Weighted
population: perianal-fistula-refractory-cd
patients: 120
{like}
seed: 4
scenarios: [pooled]
visits: [week 0, week 24]
arms:
  cells:
    courses: [{{give: darvadstrocel, route: intralesional, carrier: suspension, dose: 120e6 cells, at: week 0}}]
  usual: {{untreated: 'yes'}}
candidate: cells
control: usual
primary: {{endpoint: combined-remission, at: week 24}}
secondary: [crp]
"""


def study(like: str, file: str = "study.yaml"):
    return resolve(parse_study(STUDY.format(like=like), file))


def test_a_study_with_like_keeps_its_patients_and_weighs_their_results(tmp_path: Path) -> None:
    plain = run(study(""), tmp_path, threads=1)
    like = run(study("like: Darva-JP-3002"), tmp_path, threads=1)
    assert plain.folder != like.folder
    assert (plain.folder / "results.parquet").read_bytes() == (like.folder / "results.parquet").read_bytes()
    assert not (plain.folder / "weights.parquet").exists() and "weighting" not in plain.record
    weights = read_weights(like.folder / "weights.parquet")
    assert weights.mean() == pytest.approx(1)
    effective = like.record["weighting"]["effective"]
    assert effective == pytest.approx(weights.sum() ** 2 / (weights**2).sum())
    assert 10 < effective < 120
    results = read_results(like.study, like.folder / "results.parquet")
    import pyarrow.parquet as pq

    frame = pq.read_table(like.folder / "results.parquet").to_pandas()
    rows = frame[(frame["arm"] == "cells") & (frame["day"] == 168)]
    cell = results.primary("pooled", "cells")
    assert cell.mean == pytest.approx(np.average(rows["combined_remission"].astype(float), weights=weights))
    assert cell.effective == pytest.approx(effective)
    low, high = cell.share_interval()
    assert low < cell.mean < high
    assert results.cell("pooled", "cells", "crp", 168.0).error > 0


def test_weighting_is_determined_by_study_and_seed(tmp_path: Path) -> None:
    files = [
        run(study("like: Darva-JP-3002"), tmp_path / name, threads=threads).folder / "weights.parquet"
        for name, threads in (("a", 1), ("b", 2))
    ]
    assert files[0].read_bytes() == files[1].read_bytes()


def test_the_resolved_study_says_its_lines_and_means_the_same(tmp_path: Path) -> None:
    from homing.study.explicit import to_yaml
    from homing.study.run import run_digest

    first = study("like: Darva-Paris-Rennes-2023")
    again = resolve(parse_study(to_yaml(first), "study.yaml"))
    assert again.like is not None and first.like is not None and again.like.lines == first.like.lines
    assert run_digest(again) == run_digest(first)


@pytest.mark.parametrize(
    ("like", "says"),
    [
        ("like: CHRM", "Did you mean 'CHARM'"),
        ("like: {baseline: CHRM}", "Did you mean 'CHARM'"),
        ("like: {}", "in one way"),
        ("like: {baseline: CHARM, table: x.csv}", "in one way"),
        ("like: {table: no-such.csv}", "no-such.csv"),
        ("like: {lines: [{of: age, mean: 37}]}", "lines[0]"),
        ("like: {lines: [{of: aeg, mean: 37 years}]}", "Did you mean 'age'"),
        ("like: {baseline: CHARM, leave out: [crpp]}", "Did you mean 'crp'"),
        ("like: {basline: CHARM}", "Did you mean 'baseline'"),
    ],
)
def test_a_faulty_like_is_refused_at_its_line(like: str, says: str) -> None:
    with pytest.raises(StudyError, match=r"study\.yaml:6") as refused:
        study(like)
    assert says in str(refused.value)


def test_a_table_out_of_reach_is_refused_before_anything_is_simulated(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="age, mean 80 year asked"):
        run(study("like: {lines: [{of: age, mean: 80 years}]}"), tmp_path, threads=1)


def test_equal_weights_summarise_as_none_do() -> None:
    values = np.array([0.0, 1.0, 1.0, np.nan, 0.0, 1.0])
    one, two = Sums(), Sums()
    one.add(values)
    two.add(values, np.full(6, 1.0))
    assert (two.n, two.failed) == (one.n, one.failed) == (5, 1)
    assert two.mean == pytest.approx(one.mean) and two.error == pytest.approx(one.error)
    assert two.share_interval() == pytest.approx(one.share_interval())


def test_the_weighted_error_is_that_of_as_many_patients_as_they_are_worth() -> None:
    rng = np.random.Generator(np.random.PCG64(3))
    values, weights = rng.normal(size=5000), rng.choice([0.2, 3.0], size=5000)
    sums = Sums()
    sums.add(values, weights)
    n = weights.sum() ** 2 / (weights**2).sum()
    assert sums.effective == pytest.approx(n)
    assert sums.error == pytest.approx(1 / np.sqrt(n), rel=0.05)


def test_patients_drawn_by_weight_stand_for_the_weighted_cohort() -> None:
    found = matched("GEMINI-2")
    columns, ids = columns_of("luminal-cd-moderate-severe"), drawn_by_weight(found.weights, 2000)
    assert len(ids) == 2000 and (ids == np.sort(ids)).all()
    for row in found.lines:
        if row.line.kind in ("mean", "share"):
            spread = float(columns[row.line.of].std()) / np.sqrt(len(ids))
            assert float(row.line.moment(columns[row.line.of][ids]).mean()) == pytest.approx(row.asked, abs=3 * spread)
    assert drawn_by_weight(np.array([3.0, 0.0, 0.0, 0.0]), 100).tolist() == [0]
