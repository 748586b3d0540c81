"""The page: whole, offline, inert, the same every time."""

from __future__ import annotations

import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from sample import document, sentence, sources, table
from sample_figures import CELLS

from homing.answers.content import Chapter, Estimate, Finding, Message, Table, Verbatim
from homing.evidence.values import Source, Value
from homing.ground.errors import EvidenceError, StudyError, WiringError
from homing.report.document import Document, ParameterRow
from homing.report.html import number_sources, render, save
from homing.report.words import Words

NASTY = "<script>alert(1)</script><img src=x onerror=alert(1)> ]]>&\"' {{ 7*7 }}"
VOID = {"meta", "br", "wbr"}


class Page(HTMLParser):
    """Collects tags, ids, links and text, and sees to it that every tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.ids: list[str] = []
        self.links: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.text = ""
        self._open: list[str] = []
        self.feed(html)
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        self.ids += [value for name, value in attrs if name == "id" and value]
        self.links += [value for name, value in attrs if name in {"href", "src"} and value]
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module", params=["en", "zh"])
def page(request: pytest.FixtureRequest) -> tuple[str, str, Page]:
    html = render(document(), request.param)
    return request.param, html, Page(html)


def test_the_page_is_in_its_language(page: tuple[str, str, Page]) -> None:
    language, html, _ = page
    assert f'<html lang="{ {"en": "en", "zh": "zh-CN"}[language] }">' in html


def test_the_page_asks_nothing_from_outside(page: tuple[str, str, Page]) -> None:
    _, html, parsed = page
    assert not parsed.tags & {"script", "link", "img", "iframe", "object", "embed", "base", "form", "input"}
    assert "default-src 'none'" in html
    assert "url(http" not in html
    assert "@import" not in html
    assert all(link.startswith(("#", "https://")) for link in parsed.links)
    outside = {link for link in parsed.links if not link.startswith("#")}
    assert outside == {
        "https://pubmed.ncbi.nlm.nih.gov/12345678/",
        "https://doi.org/10.1234/x.2020(1)",
        "https://clinicaltrials.gov/study/NCT00000000",
    }


def test_every_link_within_the_page_has_its_place_and_ids_stand_once(page: tuple[str, str, Page]) -> None:
    _, _, parsed = page
    assert len(parsed.ids) == len(set(parsed.ids))
    inside = {link[1:] for link in parsed.links if link.startswith("#")}
    assert inside
    assert inside <= set(parsed.ids)


def test_the_page_says_that_it_is_not_for_treating_a_patient(page: tuple[str, str, Page]) -> None:
    language, _, parsed = page
    words = Words(language)
    for key in ("notice.research", "notice.exploratory", "notice.uncalibrated", "footer.research"):
        assert words.key(key) in parsed.text


def test_all_eight_questions_are_listed_and_only_the_answered_are_linked(page: tuple[str, str, Page]) -> None:
    language, _, parsed = page
    words = Words(language)
    for number in range(1, 9):
        assert words.key(f"chapter.{number}.title") in parsed.text
        assert (f"#chapter-{number}" in parsed.links) == (number != 7)


def test_sources_are_numbered_in_the_order_of_mention_and_the_uncited_stay_away(page: tuple[str, str, Page]) -> None:
    _, _, parsed = page
    assert list(number_sources(document())) == ["smith-2020", "registry-2019", "zhang-2021"]
    assert "A source that nobody cites" not in parsed.text
    assert "ChiCTR0000000000" in parsed.text


def test_what_was_read_of_a_source_is_said_in_the_language_of_the_page(page: tuple[str, str, Page]) -> None:
    language, _, parsed = page
    assert {"en": "read: registry entry", "zh": "已阅读：注册登记条目"}[language] in parsed.text


def test_every_figure_and_table_has_a_number_of_its_chapter(page: tuple[str, str, Page]) -> None:
    language, _, parsed = page
    words = Words(language)
    for chapter, number in ((1, 1), (2, 1), (3, 2), (5, 2), (8, 2)):
        assert words.key("figure.number", chapter=chapter, number=number) in parsed.text
    assert words.key("table.number", chapter=8, number=1) in parsed.text


def test_the_same_document_gives_the_same_bytes() -> None:
    assert render(document(), "zh") == render(document(), "zh")


def test_timings_are_left_out_when_told_so() -> None:
    slow = replace(document(), timings={"timing": "99.9 s"})
    assert "99.9 s" in render(slow, "en")
    assert render(slow, "en", timings=False) == render(document(), "en", timings=False)


def nasty_document() -> Document:
    nasty = Verbatim(NASTY, NASTY)
    message = Message("answers.sample", {"arm": nasty, "remission": NASTY, "week": nasty})
    finding = Finding(message, "measured", ["bad"])
    return Document(
        title=nasty,
        question=nasty,
        candidate=nasty,
        population=nasty,
        run_id=NASTY,
        headline=[finding, message],
        observed=[Table(nasty, [nasty, NASTY], [[nasty, NASTY]], nasty)],  # type: ignore[list-item]
        chapters=[Chapter(1, NASTY, [finding], message)],
        parameters=[ParameterRow(NASTY, nasty, Value(1.0, NASTY, 0, 2, "assumed", "bad", NASTY, NASTY, NASTY))],
        sources={"bad": Source("bad", NASTY, 2020, {"url": f"https://{NASTY}", NASTY: NASTY, "doi": NASTY}, NASTY)},
        run={NASTY: NASTY},
        warnings=[nasty],
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_text_from_outside_is_inert_everywhere(language: str) -> None:
    html = render(nasty_document(), language)
    parsed = Page(html)
    assert not parsed.tags & {"script", "img"}
    assert not [name for name, _ in parsed.attributes if name.startswith("on")]
    assert all(link.startswith("#") for link in parsed.links)
    assert parsed.text.count(NASTY) >= 15
    assert "49" not in re.sub(r"<style>.*?</style>", "", html, flags=re.S)  # nothing in it was evaluated


def test_a_figure_in_the_page_keeps_its_labels_inert() -> None:
    parsed = Page(render(document(), "en"))
    assert "Observed <ADMIRE> & others" in parsed.text
    assert "admire" not in parsed.tags


def test_an_unknown_source_is_refused_with_its_place() -> None:
    finding = Finding(sentence(CELLS, Estimate(0.5, kind="percent")), "measured", ["smith-2002"])
    wrong = replace(document(), chapters=[Chapter(2, "which_cells", [finding], finding.message)])
    with pytest.raises(EvidenceError, match=r"chapter 2: answers\.sample.*'smith-2002'.*'smith-2020'"):
        render(wrong, "en")


def test_a_table_with_a_short_row_is_refused() -> None:
    short = replace(table(), rows=[[1, 2]])
    wrong = replace(document(), chapters=[Chapter(5, "x", [short], sentence(CELLS, Estimate(1.0)))])
    with pytest.raises(WiringError, match="row 0 has 2 cells for 5 columns"):
        render(wrong, "en")


def test_an_empty_document_is_a_page() -> None:
    empty = Document(Verbatim("t"), Verbatim("q"), Verbatim("c"), Verbatim("p"), "id", [], [])
    parsed = Page(render(empty, "zh"))
    words = Words("zh")
    for key in ("appendix.sources.none", "appendix.run.empty", "notice.no-warnings", "notice.research"):
        assert words.key(key) in parsed.text
    assert words.key("notice.exploratory") not in parsed.text


def test_basis_and_interval_stand_beside_a_finding() -> None:
    finding = Finding(sentence(CELLS, Estimate(0.5, 0.4, 0.6, "percent", spread="monte-carlo")), "estimated", ["run"])
    one = replace(document(), headline=[finding], observed=[], chapters=[], parameters=[], sources=sources())
    html = render(one, "en")
    headline = html[html.index('class="headline') : html.index("<nav")]
    assert 'class="badge estimated"' in headline
    assert "95 % interval of simulation error" in headline
    assert 'href="#run"' in headline
    assert "exploratory" not in headline


def test_the_report_is_saved_whole(tmp_path) -> None:
    path = save(document(), tmp_path / "runs" / "x", "en", timings=False)
    assert path.name == "report.html"
    assert path.read_text(encoding="utf-8") == render(document(), "en", timings=False)
    assert [p.name for p in path.parent.iterdir()] == ["report.html"]


def test_a_report_that_can_not_be_saved_names_the_file_and_leaves_the_old_one(tmp_path, monkeypatch) -> None:
    path = save(document(), tmp_path, "en")
    before = path.read_bytes()

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(StudyError, match=r"report\.html.*No space left"):
        save(replace(document(), run_id="another"), tmp_path, "en")
    assert path.read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["report.html"]


def test_the_page_module_does_not_load_matplotlib_until_something_is_drawn() -> None:
    program = "import sys, homing.report.html; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
