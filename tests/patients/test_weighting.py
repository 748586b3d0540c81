"""Weights bring a cohort to a table exactly, stay as equal as they can, and refuse what can't be reached."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from scipy.optimize import linprog

from homing.ground.errors import EvidenceError, StudyError
from homing.patients.baseline_table import (
    Table,
    baseline_table,
    read_line,
    read_table,
    table_of_file,
    table_of_rows,
)
from homing.patients.weighting import balance, effective_size, weigh

RNG = np.random.Generator(np.random.PCG64(1))
N = 4000
COLUMNS = {
    "age": np.clip(RNG.normal(36, 11, N), 18, 75),
    "weight": RNG.normal(70, 15, N),
    "smoker": (RNG.random(N) < 0.3).astype(float),
    "disease_duration": RNG.lognormal(2, 0.7, N),
    "external_openings": RNG.integers(1, 4, N).astype(float),
}


def table(*rows: dict[str, str]) -> Table:
    return table_of_rows("like", [(f"lines[{i}]", row) for i, row in enumerate(rows)])


ASKED = table(
    {"of": "age", "mean": "40 years", "sd": "9 years"},
    {"of": "weight", "mean": "72 kg"},
    {"of": "smoker", "share": "45 %"},
    {"of": "disease_duration", "lower": "3 years", "median": "6 years", "upper": "11 years"},
    {"of": "external_openings", "at_least": "2", "share": "80 %"},
)


def test_weights_reproduce_every_moment_to_a_millionth() -> None:
    found = weigh(COLUMNS, ASKED)
    w = found.weights / found.weights.sum()
    for line in ASKED.lines:
        moment = line.moment(COLUMNS[line.of])
        assert float(w @ moment) == pytest.approx(line.goal, rel=1e-6), line.label
    mean = float(w @ COLUMNS["age"])
    assert np.sqrt(w @ (COLUMNS["age"] - mean) ** 2) == pytest.approx(9, rel=1e-6)
    assert found.weights.min() > 0
    assert found.weights.mean() == pytest.approx(1)


def test_a_table_that_the_cohort_has_already_needs_equal_weights() -> None:
    x = COLUMNS["age"]
    same = table({"of": "age", "mean": f"{x.mean():.12g} years", "sd": f"{x.std():.12g} years"})
    found = weigh(COLUMNS, same)
    assert found.effective == pytest.approx(N, rel=1e-6)
    np.testing.assert_allclose(found.weights, 1.0, rtol=1e-4)


def test_one_share_has_the_closed_form() -> None:
    """Those with it get asked/seen, those without (1-asked)/(1-seen)."""
    seen = COLUMNS["smoker"].mean()
    found = weigh(COLUMNS, table({"of": "smoker", "share": "60 %"}))
    smokes = COLUMNS["smoker"] > 0
    np.testing.assert_allclose(found.weights[smokes], 0.6 / seen, rtol=1e-8)
    np.testing.assert_allclose(found.weights[~smokes], 0.4 / (1 - seen), rtol=1e-8)


def test_no_other_weights_with_these_moments_are_closer_to_equal() -> None:
    """Any other weights of the same moments have less entropy."""
    found = weigh(COLUMNS, table({"of": "age", "mean": "40 years"}))
    w = found.weights / N
    for seed in range(5):
        change = np.random.Generator(np.random.PCG64(seed)).normal(size=N)
        basis = np.stack([np.ones(N), COLUMNS["age"]], axis=1)
        change -= basis @ np.linalg.lstsq(basis, change, rcond=None)[0]
        other = w + change * 0.2 * w.min() / np.abs(change).max()
        assert -(other * np.log(other)).sum() < -(w * np.log(w)).sum()


def test_weights_follow_the_patients_whatever_their_order() -> None:
    order = np.random.Generator(np.random.PCG64(2)).permutation(N)
    shuffled = {name: column[order] for name, column in COLUMNS.items()}
    np.testing.assert_allclose(weigh(shuffled, ASKED).weights, weigh(COLUMNS, ASKED).weights[order], rtol=1e-6)


def test_the_order_and_the_repetition_of_lines_change_nothing() -> None:
    rows = [dict(line) for line in ASKED.written]
    once = weigh(COLUMNS, ASKED).weights
    np.testing.assert_allclose(weigh(COLUMNS, table(*reversed(rows))).weights, once, rtol=1e-6)
    np.testing.assert_allclose(weigh(COLUMNS, table(*rows, rows[1])).weights, once, rtol=1e-6)


def test_units_change_nothing() -> None:
    years, months = ({"of": "age", "mean": text} for text in ("40 years", "480 months"))
    np.testing.assert_allclose(weigh(COLUMNS, table(years)).weights, weigh(COLUMNS, table(months)).weights, rtol=1e-6)


def test_a_missing_value_has_no_weight() -> None:
    columns = COLUMNS | {"age": COLUMNS["age"].copy()}
    columns["age"][:10] = np.nan
    found = weigh(columns, ASKED)
    assert not found.weights[:10].any() and found.weights[10:].all()
    assert max(abs(m.error) for m in found.lines) < 1e-6


def test_a_share_of_all_takes_those_who_have_it() -> None:
    found = weigh(COLUMNS, table({"of": "smoker", "share": "100 %"}, {"of": "age", "mean": "40 years"}))
    assert not found.weights[COLUMNS["smoker"] == 0].any()
    assert [m.weighted for m in found.lines] == pytest.approx([1.0, 40.0])


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ([{"of": "age", "mean": "90 years"}], ["age, mean 90 year asked", "year is the nearest"]),
        ([{"of": "age", "mean": "40 years", "sd": "40 years"}], ["age, sd 40 year asked"]),
        ([{"of": "age", "median": "17 years"}], ["age, median 17 year asked", "0.0 % of patients can be at or below"]),
        ([{"of": "external_openings", "at_least": "4", "share": "20 %"}], ["at least 4, share 20 % asked, 0 %"]),
        (
            [{"of": "age", "at_most": "30 years", "share": "90 %"}, {"of": "age", "mean": "60 years"}],
            ["age", "is the nearest"],
        ),
        (
            [{"of": "smoker", "share": "1 %"}, {"of": "age", "mean": "74.5 years"}],
            ["edge", "Without the lines of 'age'"],
        ),
        ([{"of": "albumin", "mean": "40 g/L"}], ["have no 'albumin'", "Leave the line out"]),
    ],
)
def test_a_table_out_of_reach_is_refused_with_its_line_and_how_far(rows: list[dict], says: list[str]) -> None:
    with pytest.raises(StudyError) as refused:
        weigh(COLUMNS, table(*rows))
    for text in says:
        assert text in str(refused.value)


def test_goals_outside_a_hull_have_no_weights() -> None:
    corners = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert balance(corners, np.array([0.6, 0.6])) is None
    np.testing.assert_allclose(balance(corners, np.array([0.2, 0.3])), [0.5, 0.2, 0.3], atol=1e-9)


@pytest.mark.parametrize("seed", range(60))
def test_whatever_some_weights_reach_is_reached(seed: int) -> None:
    """Goals made from weights can be met, whether these lie even or on a handful of patients, near the edge."""
    draw = np.random.Generator(np.random.PCG64(seed))
    n, m = int(draw.integers(20, 3000)), int(draw.integers(1, 8))
    x = draw.normal(size=(n, m))
    if seed % 3 == 0:
        x[:, ::2] = x[:, ::2] > 1.5 * draw.normal()
    if seed % 3 == 1:
        x = np.exp(2 * x)
    few = draw.permutation(n)[: max(m + 2, int(n * draw.choice([0.01, 0.05, 0.3, 1])))]
    edge = draw.choice([1e-1, 1e-3, 1e-5])
    goals = (1 - edge) * draw.dirichlet(np.full(len(few), 0.3)) @ x[few] + edge * x.mean(axis=0)
    found = balance(x, goals)
    assert found is not None
    assert found.sum() == pytest.approx(1) and found.min() >= 0
    np.testing.assert_allclose(found @ x, goals, atol=1e-9 * max(1.0, float(x.std(axis=0).max())))


@pytest.mark.parametrize("seed", range(40))
def test_weights_are_found_exactly_where_a_linear_program_finds_some(seed: int) -> None:
    draw = np.random.Generator(np.random.PCG64(seed))
    n, m = int(draw.integers(8, 200)), int(draw.integers(1, 5))
    x = draw.normal(size=(n, m))
    if seed % 2:
        x[:, 0] = x[:, 0] > 1
    goals = x.mean(axis=0) + draw.normal(size=m) * x.std(axis=0)
    program = linprog(np.zeros(n), A_eq=np.vstack([x.T, np.ones(n)]), b_eq=[*goals, 1.0], method="highs")
    assert (balance(x, goals) is not None) == (program.status == 0)


@pytest.mark.parametrize(
    ("mean", "sd"),
    [("90 years", "5 years"), ("19 years", "15 years"), ("80 years", "60 years"), ("40 years", "40 years")],
)
def test_the_nearest_deviation_told_is_that_of_patients_with_the_nearest_mean(mean: str, sd: str) -> None:
    """No values between two ends have a larger deviation about a mean than (the top - it) * (it - the bottom)."""
    with pytest.raises(StudyError) as refused:
        weigh(COLUMNS, table({"of": "age", "mean": mean, "sd": sd}))
    told = dict(re.findall(r"age, (mean|sd) [\d.]+ year asked, ([\d.]+) year is the nearest", str(refused.value)))
    middle, spread = float(told.get("mean", mean.split()[0])), float(told.get("sd", sd.split()[0]))
    low, high = COLUMNS["age"].min(), COLUMNS["age"].max()
    assert spread**2 <= (high - middle) * (middle - low) + 0.1


def test_the_effective_size_of_equal_weights_is_their_number() -> None:
    assert effective_size(np.full(7, 0.3)) == pytest.approx(7)


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ({"mean": "3 years"}, "what it is `of`"),
        ({"of": "aeg", "mean": "3 years"}, "Did you mean 'age'"),
        ({"of": "age", "men": "3 years"}, "Did you mean 'mean'"),
        ({"of": "age", "mean": "37"}, "37"),
        ({"of": "age", "mean": "37 kg"}, "kg"),
        ({"of": "age", "sd": "3 years"}, "beside its mean"),
        ({"of": "age"}, "a line has a mean"),
        ({"of": "smoker", "share": "35.5"}, "no share"),
        ({"of": "smoker", "share": "30 %", "mean": "0.3"}, "a line has a mean"),
        ({"of": "age", "lower": "40 years", "median": "37 years"}, "rise"),
        ({"of": "age", "at_least": "40 years"}, "a line has a mean"),
    ],
)
def test_a_faulty_line_is_refused(row: dict[str, str], says: str) -> None:
    with pytest.raises(StudyError) as refused:
        table_of_rows("like", [("t.yaml:3", row)])
    assert says in str(refused.value) and "t.yaml:3" in str(refused.value)


def test_a_csv_and_a_yaml_table_say_the_same(tmp_path: Path) -> None:
    csv, yaml = tmp_path / "t.csv", tmp_path / "t.yaml"
    csv.write_text("of,mean,sd,share\nage,40 years,9 years,\nsmoker,,,45 %\n", encoding="utf-8")
    yaml.write_text(
        "lines:\n  - {of: age, mean: 40 years, sd: 9 years}\n  - {of: smoker, share: 45 %}\n", encoding="utf-8"
    )
    assert table_of_file(csv).lines == table_of_file(yaml).lines
    csv.write_text("of,mean\nage,40 years\nweight,70 lbss\n", encoding="utf-8")
    with pytest.raises(StudyError, match=r"t\.csv:3"):
        table_of_file(csv)
    with pytest.raises(StudyError, match=r"t\.txt"):
        table_of_file(tmp_path / "t.txt")


@pytest.mark.parametrize(
    "text", ["of,mean\nage,40 years,9 years\n", "of,mean,\nage,40 years,9 years\n", "of,mean\nage,40,5 years\n"]
)
def test_a_cell_under_no_column_is_refused_with_its_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "t.csv"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(StudyError, match=r"t\.csv:2: '(9|5) years' stands under no column"):
        table_of_file(file)


def test_lines_left_out_must_be_there() -> None:
    assert {line.of for line in ASKED.without(["age"]).lines} == set(COLUMNS) - {"age"}
    with pytest.raises(StudyError, match="Did you mean 'weight'"):
        ASKED.without(["weigth"])


def test_an_unknown_table_is_refused_with_the_nearest() -> None:
    with pytest.raises(StudyError, match="Did you mean 'CHARM'"):
        baseline_table("CHRM")


def test_a_faulty_entry_is_refused_at_its_line(tmp_path: Path) -> None:
    from homing.evidence.catalogue import entry_of_file
    from homing.evidence.root import catalogue_root

    text = (catalogue_root() / "baselines" / "CHARM.yaml").read_text(encoding="utf-8")
    for old, new in (
        ("population: luminal", "population: lumenal"),
        ("sd: 11.9 years", "sd: 11.9 kg"),
        ("'854'", "many"),
    ):
        assert old in text
        file = tmp_path / "x.yaml"
        file.write_text(text.replace(old, new, 1), encoding="utf-8")
        with pytest.raises(EvidenceError, match=r"x\.yaml:\d+"):
            read_table(entry_of_file(file))


def test_a_line_reads_per_cent_and_bounds() -> None:
    (line,) = read_line({"of": "crp", "at_least": "1 mg/dL", "share": "47.7 %"})
    assert (line.at_least, line.asked, line.label) == (10.0, pytest.approx(0.477), "crp at least 10 mg/L, share")
