"""Texts in both languages, and numbers as they are printed."""

from __future__ import annotations

import doctest
import math

import numpy as np
import pytest

from homing.answers.content import Estimate, Message, Verbatim
from homing.ground.errors import HomingError, StudyError, WiringError
from homing.report import links, numbers, words
from homing.report.words import LANGUAGES, Words, placeholders, read_texts

EN, ZH = Words("en"), Words("zh")
NAN = math.nan


def test_every_language_has_the_same_keys() -> None:
    assert set(read_texts("en")) == set(read_texts("zh"))


def test_every_text_has_the_same_placeholders_in_every_language() -> None:
    en, zh = read_texts("en"), read_texts("zh")
    assert {key: placeholders(en[key]) for key in en} == {key: placeholders(zh[key]) for key in en}


@pytest.mark.parametrize("language", LANGUAGES)
def test_all_eight_chapters_have_title_and_question(language: str) -> None:
    for number in range(1, 9):
        assert Words(language).key(f"chapter.{number}.title")
        assert Words(language).key(f"chapter.{number}.question")


@pytest.mark.parametrize("module", [numbers, links])
def test_examples_in_docstrings(module: object) -> None:
    result = doctest.testmod(module)  # type: ignore[arg-type]
    assert result.attempted > 0
    assert result.failed == 0


@pytest.mark.parametrize(
    ("estimate", "en", "zh"),
    [
        (Estimate(0.492, 0.459, 0.525, "percent"), "49.2 % (45.9 to 52.5)", "49.2%（45.9 至 52.5）"),
        (Estimate(0.0012, 0.0004, 0.0035, "percent"), "0.12 % (0.04 to 0.35)", "0.12%（0.04 至 0.35）"),
        (Estimate(0.0, 0.0, 0.03, "percent"), "0.0 % (0.0 to 3.0)", "0.0%（0.0 至 3.0）"),
        (Estimate(1e-9, kind="percent"), "< 0.0001 %", "<0.0001%"),
        (Estimate(0.024, -0.031, 0.079, "points"), "+2.4 points (−3.1 to +7.9)", "+2.4 个百分点（−3.1 至 +7.9）"),
        (Estimate(0.0, kind="points"), "0.0 points", "0.0 个百分点"),
        (Estimate(1.2e8, kind="cells"), "120 million", "1.2亿"),
        (Estimate(1.2e8, 9e7, 1.5e8, "cells", unit="cells"), "120 million cells (90 million to 150 million)", None),
        (Estimate(2e6, kind="cells", unit="cells/kg"), "2 million cells/kg", "200万个细胞/kg"),
        (Estimate(999_999, kind="cells"), "1 million", "100万"),
        (Estimate(53_000, kind="cells"), "53,000", "5.3万"),
        (Estimate(412_345, 3e5, 5e5, "money"), "¥412,000 (300,000 to 500,000)", "¥412,000（300,000 至 500,000）"),
        (Estimate(-2500, kind="money", unit="CNY/QALY"), "−¥2500/QALY", "−¥2500/QALY"),
        (Estimate(12_345, kind="money", unit="EUR"), "EUR 12,300", "EUR 12,300"),
        (Estimate(1.421, 1.1, 1.83, "ratio"), "1.42 (1.10 to 1.83)", "1.42（1.10 至 1.83）"),
        (Estimate(1, kind="weeks"), "1 week", "1 周"),
        (Estimate(24, kind="weeks"), "24 weeks", "24 周"),
        (Estimate(12.5, 3, 40, "days"), "12.5 days (3 to 40)", "12.5 天（3 至 40）"),
        (Estimate(1999, kind="count", unit="patients"), "1999 patients", "1999 例患者"),
        (Estimate(0.5, 0.1, math.inf), "0.5 (0.1 to unlimited)", "0.5（0.1 至 无上限）"),
        (Estimate(0.5, NAN, 0.7), "0.5 (– to 0.7)", "0.5（– 至 0.7）"),
        (Estimate(NAN), "–", "–"),
        (Estimate(3.2, unit="mg/L"), "3.2 mg/L", "3.2 mg/L"),
    ],
)
def test_an_estimate_is_printed_by_its_kind(estimate: Estimate, en: str, zh: str | None) -> None:
    assert EN.value(estimate) == en
    assert zh is None or ZH.value(estimate) == zh


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (2024, "2024"),
        (np.int64(12_345), "12,345"),
        (np.float64(0.012345), "0.0123"),
        (1999.0, "1999"),
        (True, "yes"),
        (np.bool_(False), "no"),
        (None, "–"),
        (NAN, "–"),
        (-3.2, "−3.2"),
        (0.0, "0"),
        (-0.0, "0"),
        (1.2e-7, "1.2 × 10⁻⁷"),
        ("<b>", "<b>"),
        ([Verbatim("a"), "b", Message("basis.assumed")], "a, b and assumed"),
    ],
)
def test_values_in_sentences(value: object, shown: str) -> None:
    assert EN.value(value) == shown


def test_a_nested_message_is_worded_in_the_same_language() -> None:
    message = Message("chapter.heading", {"number": 3, "title": Message("chapter.3.title")})
    assert EN(message) == "3 How much?"
    assert ZH(message) == "3 用多少？"


def test_a_verbatim_text_is_shown_as_it_is_and_in_chinese_where_there_is_one() -> None:
    assert ZH(Verbatim("{dose}", "剂量")) == "剂量"
    assert ZH(Verbatim("{dose}")) == "{dose}"
    assert EN(Verbatim("{dose}", "剂量")) == "{dose}"


def test_a_value_is_never_read_for_placeholders() -> None:
    assert EN.key("footer.run", run="{run} {seed}") == "Run {run} {seed}"


def test_an_unknown_key_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(WiringError, match=r"text 'head\.amr' \(zh\).*Did you mean 'head\.arm'"):
        ZH(Message("head.amr"))


def test_a_placeholder_without_value_is_refused() -> None:
    with pytest.raises(WiringError, match=r"text 'footer\.run' \(en\).*\{run\}.*given: ran"):
        EN.key("footer.run", ran="x")


def test_what_is_no_text_is_refused() -> None:
    with pytest.raises(WiringError, match="dict"):
        EN.value({})


def test_an_unknown_language_is_refused() -> None:
    with pytest.raises(StudyError, match="'de'"):
        Words("de")


@pytest.mark.parametrize(
    ("files", "complaint"),
    [
        ({"en.yaml": "a.b: '{Name}'"}, "brace"),
        ({"en.yaml": "a.b: 'x'", "more.en.yaml": "a.b: 'y'"}, "another file"),
        ({"en.yaml": "a: {b: 'x'}"}, "keys are flat"),
    ],
)
def test_a_broken_text_file_is_refused(tmp_path, monkeypatch, files: dict[str, str], complaint: str) -> None:
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    monkeypatch.setattr(words, "_FOLDER", tmp_path)
    with pytest.raises(HomingError, match=complaint):
        read_texts.__wrapped__("en")


def test_the_meaning_of_intervals_is_said_once_for_each_kind() -> None:
    estimates = [
        Estimate(1, 0, 2),
        Estimate(1, 0, 2),
        Estimate(1, 0, 2, spread="patients", level=0.9),
        Estimate(1, spread="posterior"),
        Estimate(1, 0, 2, spread="none"),
    ]
    note = EN.intervals(estimates)
    assert note == "In brackets: 95 % confidence interval and range that holds 90 % of virtual patients."
    assert EN.intervals([Estimate(1)]) == ""


@pytest.mark.parametrize(
    ("kind", "identifier"),
    [
        ("url", "javascript:alert(1)"),
        ("url", "http://example.org"),
        ("url", 'https://example.org/"onclick='),
        ("url", "https://user@example.org"),
        ("pmid", "12/../../x"),
        ("nct", "NCT1"),
        ("doi", "10.1/x"),
        ("eudract", "2012-000000-00"),
    ],
)
def test_only_identifiers_of_known_form_become_links(kind: str, identifier: str) -> None:
    assert links.link(kind, identifier) == ""
