"""homing compare: arms of a study beside each other, from the crossing of the file to the report."""

from __future__ import annotations

import functools
import json
import re
import tempfile
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from homing.answers.comparing.base import Comparison
from homing.answers.comparing.c4_which_patients import _cut
from homing.answers.comparing.c7_which_harms import malignancies
from homing.answers.comparing.targets import find, levers
from homing.answers.content import Chapter, Estimate, Finding, Heat, Scatter, Table
from homing.evidence.records import Trial
from homing.ground.errors import StudyError
from homing.report import html
from homing.report.publish_comparison import (
    CHAPTERS,
    candidate_rows,
    compare,
    comparison_of,
    difference_rows,
    make_document,
)
from homing.study.plan import Study
from homing.study.read import parse_study
from homing.study.resolve import read_study, resolve
from homing.study.run import run

ROOT = Path(__file__).parents[2]
EXAMPLE = ROOT / "examples" / "routes-and-products.yaml"
BASE = """
homing: 1
study: Two candidates
population: perianal-fistula-refractory-cd
patients: 30
seed: 4
scenarios: [pooled, optimistic]
visits: [week 0, week 24, week 52]
arms:
{arms}
candidate: one
control: nothing
primary: {{endpoint: combined-remission, at: week 24}}
evidence: perianal-fistula-msc
{more}
"""
LOCAL = "courses: [{give: darvadstrocel, route: intralesional, dose: 120e6 cells, at: week 0}]"
ARMS = {"one": LOCAL, "two": LOCAL.replace("120e6", "30e6"), "same": LOCAL, "nothing": "untreated: yes"}


def study_of(arms: dict[str, str], more: str = "") -> Study:
    """A study of these arms."""
    text = "\n".join(f"  {name}: {{{arm}}}" for name, arm in arms.items())
    return resolve(parse_study(BASE.format(arms=text, more=more)))


def compared(study: Study) -> Comparison:
    """A study's arms beside each other."""
    return comparison_of(study, run(study, tempfile.mkdtemp(prefix="homing-compare-"), threads=1), 1)


@functools.cache
def small() -> Comparison:
    """The arms of `ARMS`."""
    return compared(study_of(ARMS))


@functools.cache
def example() -> Comparison:
    """The example with few patients."""
    return compared(read_study(EXAMPLE, patients=40))


@functools.cache
def chapters() -> tuple[Chapter, ...]:
    """The example's chapters."""
    return tuple(import_module(f"homing.answers.comparing.{name}").answer(example()) for name in CHAPTERS)


def test_a_candidate_under_two_names_differs_by_exactly_nothing_and_is_told_to_be_alike() -> None:
    c = small()
    rows = {(r["scenario"], r["what"], r["arm"]): r for r in difference_rows(c)}
    one, same = c.arms.index("one"), c.arms.index("same")
    for key in c.scenarios:
        assert np.array_equal(c.met[key][one], c.met[key][same], equal_nan=True)
        assert rows[key, "primary", "one"]["difference"] == rows[key, "primary", "same"]["difference"]
        assert rows[key, "primary", "nothing"]["difference"] == 0.0
    assert any({one, same} <= set(group) for group in c.alike)
    assert sorted(i for group in c.alike for i in group) == list(range(len(c.arms)))
    end, visits = c.case.study.primary.key, c.case.study.visits
    seen = [[c.table.outcome(s, arm, end, day).tobytes() for s in c.scenarios for day in visits] for arm in c.arms]
    for i, mine in enumerate(seen):
        for k, theirs in enumerate(seen):
            assert (mine == theirs) == any({i, k} <= set(group) for group in c.alike)
    found = {row["arm"]: row for row in candidate_rows(c)}
    assert found["one"]["probability_of_best"] == found["same"]["probability_of_best"]
    assert sum(float(row["probability_of_best"]) for row in found.values()) == pytest.approx(1.0)  # type: ignore[arg-type]


def test_the_order_of_arms_changes_no_number() -> None:
    turned = compared(study_of(dict(reversed(ARMS.items()))))
    mine = {row["arm"]: row for row in candidate_rows(small())}
    theirs = {row["arm"]: row for row in candidate_rows(turned)}
    assert mine == theirs


def test_no_arm_on_the_front_is_dominated_by_the_shown_criteria() -> None:
    rows = [row for row in candidate_rows(example()) if row["cost"] is not None]

    def criteria(row: dict) -> tuple[float, ...]:
        deaths = round(row["deaths"] or 0.0, 3)
        return (
            row["share"]["posterior"],
            row["lasting"]["posterior"],
            -round(row["infections_first_year"], 2),
            -deaths,
            -row["cost"]["amount"],
        )

    for row in rows:
        beaten = any(
            all(a >= b for a, b in zip(criteria(other), criteria(row), strict=True))
            and criteria(other) != criteria(row)
            for other in rows
        )
        assert not (row["on_front"] and beaten), row["arm"]


def test_every_chapter_of_the_example_has_findings_with_sources_and_says_how_sure_it_is() -> None:
    for chapter in chapters():
        assert any(isinstance(block, Finding) for block in chapter.blocks), chapter.key
        assert chapter.certainty.key
    kinds = {type(block) for chapter in chapters() for block in chapter.blocks}
    assert {Scatter, Heat, Table} <= kinds


@pytest.mark.parametrize("language", ["en", "zh"])
def test_the_report_reads_in_both_languages(language: str) -> None:
    page = html.render(make_document(example(), list(chapters())), language, timings=False)
    text = re.sub(r"<(style|svg|title)\b.*?</\1>", "", page, flags=re.S)
    text = re.sub(r"<[^>]+>", " ", text)
    for wrong in (r"\bnan\b", r"\{[a-z_]+\}", r"\binf\b", r"Estimate\(", r"array\("):
        assert not re.search(wrong, text), re.search(rf".{{60}}{wrong}.{{60}}", text, flags=re.S)
    assert "<svg" in page


def test_intervals_hold_their_value() -> None:
    for chapter in chapters():
        for block in chapter.blocks:
            cells = [cell for row in block.rows for cell in row] if isinstance(block, Table) else []
            for e in (cell for cell in cells if isinstance(cell, Estimate)):
                if e.low == e.low and e.spread != "patients":
                    assert e.low - 1e-9 <= e.value <= e.high + 1e-9, (chapter.key, e)


def test_conditioning_has_the_deaths_that_programmes_counted_and_nothing_else_has() -> None:
    c = example()
    deaths = {arm: c.deaths(i) for i, arm in enumerate(c.arms)}
    found = deaths.pop("transplantation")
    assert found is not None and 0.001 < found.low < found.value < found.high < 0.1
    assert set(deaths.values()) == {None}
    assert c.money(c.arms.index("adipose with infliximab")) is None  # the drug has no price here


def test_cells_by_vein_are_in_the_lung_and_none_in_the_tract() -> None:
    c = example()
    run_ = c.first_year(c.arms.index("umbilical-cord-msc intravenous 120e6"))
    assert run_["product.fistula"].max() == 0
    hour = np.argmax(run_.times > 0.03)
    assert (run_["product.lung"][:, hour] > run_["product.gut"][:, hour]).all()


def test_bacteria_are_no_cells_in_the_chapters_on_where_cells_go_and_on_exposure() -> None:
    fmt = (
        "procedures: [{do: antibiotic-preconditioning, at: day 0}], "
        "courses: [{give: fmt, route: oral, dose: 5 %, at: week 0}]"
    )
    vein = "courses: [{give: umbilical-cord-msc, route: intravenous, dose: 1e6 cells/kg, at: week 0}]"
    both = fmt.replace("courses: [", f"courses: [{vein.removeprefix('courses: [').removesuffix(']')}, ")
    arms = {"one": vein, "bacteria": fmt, "both": both, "nothing": "untreated: yes"}
    text = "\n".join(f"  {name}: {{{arm}}}" for name, arm in arms.items())
    study = BASE.format(arms=text, more="").replace("perianal-fistula-refractory-cd", "uc-moderate-severe")
    study = study.replace("combined-remission", "mayo-remission").replace("perianal-fistula-msc", "uc-iv-msc")
    c = compared(resolve(parse_study(study)))
    for name in ("c5_where_cells_go", "c7_which_harms"):
        blocks = import_module(f"homing.answers.comparing.{name}").answer(c).blocks
        heats = [panel.title for block in blocks if isinstance(block, Heat) for panel in block.panels]
        tables = [block for block in blocks if isinstance(block, Table)]
        told = [t for t in tables if t.title.key not in ("compare.c7.table", "compare.c5.target-table")]
        assert told and all(str(row[0].text) != "bacteria" for t in told for row in t.rows)  # type: ignore[attr-defined]
        assert not [title for title in heats if title.text == "bacteria"]  # type: ignore[union-attr]
    rows = next(t for t in tables if t.title.key == "compare.c7.exposure").rows
    cells = {row[0].text: row[1].value for row in rows}  # type: ignore[attr-defined]
    assert cells["both"] == pytest.approx(cells["one"], rel=0.2)


@dataclass(frozen=True)
class _Events:
    """A store of nothing but adverse events."""

    trials: tuple[tuple[str, tuple[str, ...], tuple[tuple[str, str, int, int], ...]], ...]

    def trial(self, key: str) -> SimpleNamespace:
        """A trial; where it has an arm 'all', the others are parts of that."""
        name, shares, counts = next(t for t in self.trials if t[0] == key)
        keys = {arm for arm, *_ in counts}
        arms = {
            arm: SimpleNamespace(
                product="" if arm == "other" else "cells",
                part_of=("all",) if "all" in keys - {arm} else (),
                is_loose=False,
            )
            for arm in keys
        }
        found = SimpleNamespace(key=name, shares_patients_with=shares, arms=arms)
        found.once = lambda wanted: Trial.once(found, wanted)  # type: ignore[arg-type]
        return found

    def share_patients(self, one: str, other: str) -> bool:
        return other in self.trial(one).shares_patients_with or one in self.trial(other).shares_patients_with

    def safety(self, product: str) -> list[tuple[SimpleNamespace, SimpleNamespace]]:
        """Each count with its trial, whose arms but 'other' gave the product."""
        return [
            (self.trial(key), SimpleNamespace(arm=a, event=e, events=k, n=n))
            for key, _, counts in self.trials
            for a, e, k, n in counts
        ]


@pytest.mark.parametrize(
    ("trials", "counted"),
    [
        ([("A", (), (("x", "malignancy", 1, 20), ("x", "malignancy", 2, 18)))], (2, 18, True)),
        ([("A", (), (("x", "malignancy", 1, 20), ("other", "malignancy", 5, 20)))], (1, 20, True)),
        ([("A", ("B",), (("x", "malignancy", 0, 20),)), ("B", ("A",), (("x", "malignancy", 2, 13),))], (2, 13, True)),
        (
            [("A", (), (("x", "malignancy", 1, 5), ("y", "malignancy", 0, 6), ("all", "malignancy", 1, 11)))],
            (1, 11, True),
        ),
        ([("A", ("B",), (("x", "death", 0, 20),)), ("B", ("A",), (("x", "fever", 3, 13),))], (0, 20, False)),
        ([("A", (), (("x", "death", 0, 20), ("y", "fever", 3, 13)))], (0, 33, False)),
    ],
)
def test_each_patient_counts_once_for_malignancy(trials: list, counted: tuple[int, int, bool]) -> None:
    cells = SimpleNamespace(catalogue_key="cells")
    assert malignancies(_Events(tuple(trials)), cells) == counted  # type: ignore[arg-type]


def test_a_target_is_a_factor_at_which_the_gain_is_reached_and_below_which_it_is_not() -> None:
    c = small()
    protocol = c.protocol(c.arms.index("two"))
    dose = next(lever for lever in levers(protocol) if lever.key == "dose")
    wanted = 0.2
    found = find(c.case, protocol, dose, "optimistic", wanted)
    assert found.factor > 1 and found.gain_now < wanted <= found.gain_at_most

    def gain(factor: float) -> float:
        changed, _ = dose.vary(protocol, factor)
        run_ = c.case.simulator.run(c.case.cohort, changed, c.case.scenario("optimistic"), [0.0, 168.0])
        base = c.case.simulate(c.case.control, "optimistic")
        return float(np.nanmean(c.case.primary(run_, noise=False) - c.case.primary(base, noise=False)))

    assert gain(found.factor) >= wanted > gain(found.factor / 1.1)
    nothing = find(c.case, protocol, dose, "optimistic", 0.999)
    assert nothing.factor != nothing.factor


CROSS = """compare:
  cross:
    give: [darvadstrocel, umbilical-cord-msc]
    route: [intralesional, intravenous]
    carrier: [suspension, microspheres]
    dose: [30e6 cells, 120e6 cells]
    at: week 0
"""


def test_crossing_makes_an_arm_of_what_can_be_given_and_tells_what_can_not() -> None:
    study = study_of(ARMS, CROSS)
    crossed = [name for name in study.arms if name not in ARMS]
    assert "umbilical-cord-msc intravenous suspension 120e6" in crossed
    assert not any("darvadstrocel intravenous" in name for name in crossed)
    assert any("left out of the crossing" in note and "darvadstrocel intravenous" in note for note in study.notes)
    again = resolve(parse_study(json.dumps(study.explicit)))
    assert again.arms == study.arms and again.comparing == study.comparing


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        ("umbilical-cord-msc]", "umbilical-cord]", "compare.cross.give\\[1\\]: there is no product 'umbilical-cord'"),
        ("umbilical-cord-msc]", "autologous-hsct]", "needs conditioning"),
        ("at: week 0\n", "at: week 99\n", "compare.cross.at: week 99 is after the last visit"),
        ("30e6 cells", "30 mg", "compare.cross.dose: .*is cells; 30 mg is no dose of it"),
        ("route: [intralesional, intravenous]", "route: [oral]", "none of these combinations can be given"),
        ("  cross:", "  exchange: {GBP: 9 GBP}\n  cross:", "into one other currency"),
        ("  cross:", "  exchange: {GBP: much}\n  cross:", "is no rate of exchange"),
        ("  cross:", "  matters: 5\n  cross:", "matters"),
        ("  cross:", "  crosses: 1\n  cross:", "unknown key 'crosses'"),
    ],
)
def test_a_faulty_compare_section_is_refused_with_its_line(old: str, new: str, says: str) -> None:
    with pytest.raises(StudyError, match=says) as refused:
        study_of(ARMS, CROSS.replace(old, new, 1))
    assert re.match(r"study.yaml:\d+: ", str(refused.value))


def test_prevention_is_compared_with_reversal_over_ten_years_and_a_flare_is_treated_only_where_there_is_one() -> None:
    c = compared(read_study(ROOT / "examples" / "compare" / "prevention-or-reversal.yaml", patients=40))
    assert c.is_followed and c.last_day == pytest.approx(3652.5, abs=5)
    given = {arm: c.case.simulate(c.protocol(i), times=[0.0, 364.0]).doses for i, arm in enumerate(c.arms)}
    treated = np.sum([dose.nominal > 0 for dose in given["at a flare"]], axis=0)
    assert 0 < (treated > 0).mean() < 1 and treated.max() <= 3
    assert len(given["prevention repeated"]) == 4 and not given["nothing"]
    from homing.answers.comparing.c6_how_long import answer

    assert any(isinstance(block, Table) for block in answer(c).blocks)


def test_doses_that_rules_give_cost_what_the_same_doses_on_fixed_days_cost() -> None:
    """A rule that always holds gives a fixed course; one that never holds gives, and costs, nothing."""
    cells = "give: umbilical-cord-msc, route: intravenous, dose: 1e6 cells/kg"
    ruled = "rules: [{{{}, at: [week 4, week 8], when: [crp {}], most: 2}}]"
    arms = {
        "one": f"courses: [{{{cells}, at: [week 4, week 8]}}]",
        "always": ruled.format(cells, "at least 0 mg/L"),
        "never": ruled.format(cells, "above 1e6 mg/L"),
        "course": ruled.format(cells.replace("umbilical-cord-msc", "homing-edited-msc"), "at least 0 mg/L"),
        "nothing": "untreated: yes",
    }
    text = "\n".join(f"  {name}: {{{arm}}}" for name, arm in arms.items())
    study = BASE.format(arms=text, more="").replace("visits: [week 0,", "visits: [week 0, week 4, week 8,")
    c = compared(resolve(parse_study(study)))
    times = {arm: sum(cost.times for cost in c.costs(i)) for i, arm in enumerate(c.arms)}
    assert times == {"one": 2.0, "always": 2.0, "never": 0.0, "course": 1.0, "nothing": 0.0}
    fixed, always = (c.money(c.arms.index(arm)) for arm in ("one", "always"))
    assert fixed is not None and fixed == always


def test_every_cut_of_a_subgroup_has_the_unit_of_its_feature() -> None:
    from homing.answers.comparing.c4_which_patients import answer

    (table,) = (block for block in answer(example()).blocks if isinstance(block, Table))
    units = {row[0].key: row[3].unit for row in table.rows if hasattr(row[0], "key")}  # type: ignore[attr-defined]
    for name, unit in {"compare.feature.age": "year", "compare.feature.weight": "kg"}.items():
        assert units.get(name, unit) == unit
    cut = _cut(example(), "crp", 5.0)
    assert (cut.value, cut.unit) == (5.0, "mg/L")
    assert _cut(example(), "weight", 70.0).unit == "kg" and _cut(example(), "female", 0.5).unit == ""


def test_a_single_arm_can_not_be_compared() -> None:
    study = study_of(ARMS)
    from dataclasses import replace

    with pytest.raises(StudyError, match="two arms at least"):
        compare(replace(study, arms={"one": study.arms["one"]}), tempfile.mkdtemp())


def test_the_command_leaves_a_report_and_a_table_and_the_same_bytes_twice(tmp_path: Path) -> None:
    study = study_of({k: v for k, v in ARMS.items() if k != "same"})
    first = compare(study, tmp_path, threads=1)
    page = first.report.read_bytes()
    table = (first.run.folder / "differences.csv").read_text()
    assert table.startswith("scenario,what,arm,control,share,difference,monte_carlo_low")
    assert len(table.splitlines()) == 1 + 2 * 2 * 3
    again = compare(study, tmp_path, threads=2)
    assert again.run.reused and again.report.read_bytes() == page
    assert {row["arm"] for row in json.loads(again.as_json())["candidates"]} == {"one", "two", "nothing"}
