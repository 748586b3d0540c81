"""A study with the posterior as its only scenario: no interval is a point, and words say what was computed."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from case_factory import ROOT, case_at

from homing.answers.case import Case
from homing.answers.content import Chapter, Estimate, Finding, Lines, Message, Table
from homing.answers.headline import headline, share
from homing.answers.recording.chapters import chapters as record_chapters
from homing.answers.recording.gather import Recorded, after
from homing.patients.posterior import posterior
from homing.patients.scenario import POSTERIOR
from homing.report.publish import CHAPTERS
from homing.report.words import Words

#: Enough patients to tell draws apart, and too few.
ENOUGH, FEW = 80, 12
#: A range of shares or points whose ends are printed alike.
SPAN = {
    "en": re.compile(r"(?<![\d.])([−+]?\d[\d.]*)( %| points) to \1\2"),
    "zh": re.compile(r"(?<![\d.])([−+]?\d[\d.]*)(%| 个百分点)至\1\2"),
}
#: What an interval of no width would belie; a range over patients may have none.
NOT_KNOWN = ("posterior", "monte-carlo", "scenarios")


@functools.cache
def alone(patients: int, folder: Path) -> Case:
    """ADMIRE-CD under the posterior alone."""
    text = (ROOT / "examples" / "admire-cd.yaml").read_text(encoding="utf-8")
    changed = re.sub(r"(?m)^scenarios: .*$", "scenarios: [posterior]", text)
    assert changed != text
    file = folder / f"alone-{patients}.yaml"
    file.write_text(changed, encoding="utf-8")
    return case_at(file, patients)


def chapter(case: Case, name: str) -> Chapter:
    """A chapter of a case, made once."""
    if name not in case.memory:
        case.memory[name] = import_module(f"homing.answers.{name}").answer(case)
    found = case.memory[name]
    assert isinstance(found, Chapter)
    return found


def record_of(case: Case) -> Recorded:
    """The record of a case, made once."""
    if "record" not in case.memory:
        case.memory["record"] = after(case, None)
    found = case.memory["record"]
    assert isinstance(found, Recorded)
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alone")


@pytest.fixture(params=[ENOUGH, FEW])
def case(request: pytest.FixtureRequest, folder: Path) -> Case:
    return alone(request.param, folder)


def told(blocks: object, words: Words) -> Iterator[str]:
    """Every text of some blocks: sentences, titles, notes, heads and cells."""
    for block in blocks:  # type: ignore[attr-defined]
        if isinstance(block, Finding):
            yield words(block.message)
        elif isinstance(block, Message):
            yield words(block)
        elif isinstance(block, Table):
            yield words(block.title)
            yield from (words(head) for head in block.columns)
            yield from (words.value(cell) for row in block.rows for cell in row)
            yield words.value(block.note)
        elif isinstance(block, Lines):
            yield words.value(block.note)
            yield from (words.value(series.label) for panel in block.panels for series in panel.series)


def blocks_of(case: Case) -> list[object]:
    """All blocks of the report and of the record."""
    blocks = [*headline(case), *(block for name in CHAPTERS for block in chapter(case, name).blocks)]
    return [*blocks, *(block for part in record_chapters(record_of(case)) for block in part.blocks)]


def everything(case: Case, language: str) -> list[str]:
    """All that the report and the record say, without the figures' axes."""
    return list(told(blocks_of(case), Words(language)))


def estimates(block: object) -> Iterator[Estimate]:
    """Every Estimate of a block, in its sentence or in its cells."""
    if isinstance(block, Estimate):
        yield block
    elif isinstance(block, Finding):
        yield from estimates(block.message)
    elif isinstance(block, Message):
        yield from (found for value in block.values.values() for found in estimates(value))
    elif isinstance(block, Table):
        yield from (found for row in block.rows for found in estimates(row))
    elif isinstance(block, list | tuple):
        yield from (found for part in block for found in estimates(part))


def test_no_interval_is_a_point(case: Case) -> None:
    for language, pattern in SPAN.items():
        assert not [text for text in everything(case, language) if pattern.search(text)]
    shown = [e for e in estimates(blocks_of(case)) if e.kind in ("percent", "points") and e.spread in NOT_KNOWN]
    assert len(shown) > 50
    assert not [e for e in shown if e.low == e.high]


def test_with_too_few_patients_nothing_is_called_the_posteriors_interval(folder: Path) -> None:
    phrases = {language: Words(language).key("case.over-posterior") for language in ("en", "zh")}
    enough, few = alone(ENOUGH, folder), alone(FEW, folder)
    for language, phrase in phrases.items():
        assert any(phrase in text for text in everything(enough, language))
        assert not any(phrase in text for text in everything(few, language))
        assert not any(Words(language).key("case.over-scenarios") in text for text in everything(enough, language))


def test_words_of_a_span_are_those_of_its_interval(case: Case) -> None:
    """Chapter 6 sets the model beside what trials saw later: its ends are those of the kind that it names."""
    few = len(case.cohort) == FEW
    key = "case.over-simulation" if few else "case.over-posterior"
    found = [b.message for b in chapter(case, "q6_how_long").blocks if isinstance(b, Finding)]
    spans = [m.values for m in found if m.key == "q6.observed"]
    assert spans
    for values in spans:
        assert values["over"] == Message(key)
        assert values["low"].value < values["high"].value  # type: ignore[attr-defined]


def test_responders_without_relapse_have_the_interval_of_all_shares(case: Case) -> None:
    finding = next(b for b in chapter(case, "q6_how_long").blocks if isinstance(b, Finding))
    one, responders = finding.message.values["one"], finding.message.values["ours"]
    assert isinstance(one, Estimate) and isinstance(responders, int)
    told_apart = responders >= 2 * (posterior().design(responders).shape[1] + 1)
    assert one.spread == ("posterior" if told_apart and one.value < 1 else "monte-carlo")
    assert one.low < one.value < one.high or one.value in (0.0, 1.0)


def test_where_how_much_is_left_open_is_unknown_no_product_is_called_different(folder: Path) -> None:
    ranking = next(b for b in chapter(alone(FEW, folder), "q2_which_cells").blocks if isinstance(b, Finding))
    assert ranking.message.key != "q2.products-differ"
    assert ranking.message.values["left"] == Message("q2.left-unknown")


def test_relapses_of_a_fistula_are_reopenings_of_its_tract(folder: Path) -> None:
    case = alone(ENOUGH, folder)
    events = chapter(case, "q6_how_long").blocks[-1]
    assert isinstance(events, Message) and events.key == "q6.reopenings"
    base = case.simulator.population.tract_flares
    assert base is not None
    draws = base.rate.number * posterior().multiplied["tract_flares.rate"].draws
    rate = events.values["rate"]
    assert isinstance(rate, Estimate)
    assert (rate.value, rate.low, rate.high) == pytest.approx(tuple(np.quantile(draws, [0.5, 0.025, 0.975])))


def test_the_record_sets_trials_beside_the_span_of_the_headline(case: Case) -> None:
    recorded = record_of(case)
    kind = "simulation" if len(case.cohort) == FEW else "posterior"
    arms = [arm for arm in recorded.record.facts.observed or () if arm.simulated]
    assert arms
    known = {share(case.results.primary(POSTERIOR, arm)) for arm in case.study.arms}
    for arm in arms:
        assert arm.span == kind
        assert arm.simulated in {(e.low, e.high) for e in known}
    tables = [b for part in record_chapters(recorded) for b in part.blocks if isinstance(b, Table)]
    heads = next(t.columns for t in tables if isinstance(t.title, Message) and t.title.key == "record.table-observed")
    assert Message("record.head-simulated", {"over": Message(f"case.over-{kind}")}) in heads


def test_the_size_of_the_cells_effect_can_tip_the_decision(folder: Path) -> None:
    """It is asked over the posterior's draws, though there is no other scenario."""
    tips = record_of(alone(ENOUGH, folder)).record.facts.tips
    assert tips
    draws = posterior().parameters["cell_effect"].draws
    assert tips[0].name == "posterior.cell_effect"
    assert (tips[0].low, tips[0].high) == pytest.approx(tuple(np.quantile(draws, [0.025, 0.975]) / np.median(draws)))
    assert tips[0].gains[0] < tips[0].gains[1]
