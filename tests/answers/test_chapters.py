"""The eight chapters of the examples, and of studies that lack what a chapter asks for."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from typing import Any

import pytest
from case_factory import EXAMPLES, VALID, case_of, chapter_of

from homing.answers.content import Bars, Dots, Estimate, Finding, Forest, Lines, Message, Table, Tornado, Verbatim
from homing.answers.sensitivity import sensitivity
from homing.patients.posterior import posterior
from homing.report import html, publish
from homing.report.publish import make_document
from homing.report.words import Words

FIGURES = (Lines, Forest, Dots, Bars, Tornado)
NUMBERS = range(1, 9)
#: The example that asks no question of the evidence store, and the chapter that lacks its numbers for it.
WITHOUT_QUESTION = ("car-t-uc", 5)


def estimates(node: Any) -> Iterator[Estimate]:
    """Every estimate in some blocks."""
    if isinstance(node, Estimate):
        yield node
    elif isinstance(node, Finding):
        yield from estimates(node.message)
    elif isinstance(node, Message):
        yield from estimates(list(node.values.values()))
    elif isinstance(node, Table):
        yield from estimates([cell for row in node.rows for cell in row])
    elif isinstance(node, list | tuple):
        for part in node:
            yield from estimates(part)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_every_chapter_of_every_example_has_an_answer_with_sources_and_how_sure_it_is(
    example: str, number: int
) -> None:
    chapter = chapter_of(example, number)
    assert chapter.number == number
    findings = [block for block in chapter.blocks if isinstance(block, Finding)]
    assert findings and all(finding.sources for finding in findings)
    assert chapter.certainty.key


@pytest.mark.parametrize(
    ("example", "number"), [(e, n) for e in EXAMPLES for n in NUMBERS if (e, n) != WITHOUT_QUESTION]
)
def test_every_chapter_has_a_number_with_its_interval_and_a_figure(example: str, number: int) -> None:
    findings = [block for block in chapter_of(example, number).blocks if isinstance(block, Finding)]
    with_numbers = [e for finding in findings for e in estimates(finding)]
    assert any(e.low == e.low for e in with_numbers), "some computed number has its interval"
    assert any(isinstance(block, FIGURES) for block in chapter_of(example, number).blocks)


def test_of_one_patient_and_no_question_of_the_store_nothing_is_drawn_and_that_is_said() -> None:
    example, number = WITHOUT_QUESTION
    assert [e for e in EXAMPLES if not case_of(e).study.evidence] == [example]
    blocks = chapter_of(example, number).blocks
    assert any(isinstance(block, Message) and block.key == "q5.no-question" for block in blocks)
    assert any(isinstance(block, Table) and block.rows for block in blocks)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("example", EXAMPLES)
def test_intervals_hold_their_value_and_simulated_numbers_say_so(example: str, number: int) -> None:
    for e in estimates(list(chapter_of(example, number).blocks)):
        if e.low == e.low and e.value == e.value and e.spread != "patients":
            assert e.low - 1e-9 <= e.value <= e.high + 1e-9, e
    for block in chapter_of(example, number).blocks:
        if isinstance(block, Finding) and "run" in block.sources and block.basis == "assumed":
            assert all(e.spread != "sampling" or e.low != e.low for e in estimates(block)) or number == 5


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("example", EXAMPLES)
def test_the_report_of_every_example_reads_in_both_languages(example: str, language: str) -> None:
    document = make_document(case_of(example), [chapter_of(example, n) for n in NUMBERS])
    page = html.render(document, language, timings=False)
    text = re.sub(r"<(style|svg|title)\b.*?</\1>", "", page, flags=re.S)
    text = re.sub(r"<[^>]+>", " ", text)
    for wrong in (r"\bnan\b", r"\{[a-z_]+\}", r"\binf\b", r"Estimate\(", r"array\("):
        assert not re.search(wrong, text), re.search(rf".{{60}}{wrong}.{{60}}", text, flags=re.S)
    assert len(document.parameters) > 200
    assert page == html.render(document, language, timings=False)
    if language == "zh":  # sentences of the report itself are Chinese; names of products and reasons may be English
        body = " ".join(re.findall(r'<p class="finding[^>]*>(.*?)</p>', page, flags=re.S)) or text
        assert len(re.findall(r"[\u4e00-\u9fff]", body)) > 300


#: Weights to a trial's patients need more patients than the others do.
WEIGHTED = "weighted-to-a-trial.yaml"
FEW = [(file, patients) for file in VALID if file != WEIGHTED for patients in (1, 12)]


@pytest.mark.parametrize(("file", "patients"), [*FEW, (WEIGHTED, 60)])
def test_a_study_that_lacks_what_a_chapter_asks_for_gets_a_sentence_instead(file: str, patients: int) -> None:
    chapters = [chapter_of(file, n, patients) for n in NUMBERS]
    document = make_document(case_of(file, patients), chapters)
    text = re.sub(r"<[^>]+>", " ", html.render(document, "en", timings=False))
    assert not re.search(r"\bnan\b", text)
    assert all(chapter.blocks for chapter in chapters)


def test_a_provisional_posterior_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    found = replace(posterior(), provisional=True)
    monkeypatch.setattr(publish, "posterior", lambda: found)
    page = unescape(html.render(make_document(case_of("admire-cd"), []), "en", timings=False))
    assert page.count(Words("en").key("notice.uncalibrated")) == 1


def test_the_headline_is_that_of_the_result_files() -> None:
    case = case_of("admire-cd")
    table = next(b for b in make_document(case, []).headline if isinstance(b, Table))
    for row in table.rows:
        scenario, arm, share = row[0], row[1], row[3]
        assert isinstance(scenario, Verbatim) and isinstance(arm, Verbatim) and isinstance(share, Estimate)
        name = "darvadstrocel" if arm.text.startswith("Darvadstrocel") else "placebo"
        assert share.value == case.results.primary(scenario.text, name).mean


def test_observed_trials_stand_beside_the_headline_with_their_counts() -> None:
    found = make_document(case_of("admire-cd-2"), []).observed
    counts = {(b.message.values["events"], b.message.values["n"]) for b in found if isinstance(b, Finding)}
    assert counts == {(138, 283), (132, 285)}


def test_an_output_dominated_by_assumed_values_is_marked_exploratory() -> None:
    told = 0
    for example in EXAMPLES:
        document = make_document(case_of(example), [])
        assert document.uncalibrated == posterior().provisional
        if max(swing.size for swing in sensitivity(case_of(example)).swings) > 1 / 40:  # more than one patient moves
            assert document.exploratory
            told += 1
    assert told >= 5
