"""How the model did on results that it was not given: the page, its tables and its pictures, in either language."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from homing.answers.content import Figure, Text
from homing.answers.held_out import names_of
from homing.credibility.rules import APART, FEWEST, RULES
from homing.credibility.scoring import FEW
from homing.credibility.shipped import shipped_checks, shipped_diagnostics, shipped_verdict
from homing.evidence.store import Store
from homing.patients.posterior import posterior, read_posterior
from homing.report import credibility_figures as figures
from homing.report import credibility_tables as tables
from homing.report.figures.draw import draw, draw_png
from homing.report.files import write_text
from homing.report.words import Words


def page(verdict: Mapping[str, Any], store: Store, words: Words, pictures: Mapping[str, str]) -> str:
    """The page as Markdown. Arguments: `pictures` links by the names of `pictures_of`."""
    names = names_of(verdict, store)
    out = [f"# {words.key('credibility.page.title')}", "", words.key("credibility.page.intro"), ""]
    first = tables.first_test(verdict, store, words)
    if first:
        out += [f"## {words.key('credibility.page.first')}", "", first, ""]
    out += [*_picture(pictures, "differences"), f"## {words.key('credibility.page.every')}", ""]
    out += [*_picture(pictures, "hold-outs"), *_table(tables.HEADS, tables.table(verdict, names, words), words), ""]
    out += [tables.coverage(verdict, words), "", words.key("credibility.page.in-totals"), ""]
    if rows := tables.from_older_series(verdict, names, words):
        out += [f"## {words.key('credibility.page.older')}", "", words.key("credibility.page.older-intro"), ""]
        out += [*_table(tables.HEADS, rows, words), ""]
    out += [*_beside(verdict, names, words, pictures)]
    out += [f"## {words.key('credibility.page.kinetics')}", "", words.key("credibility.page.kinetics-intro"), ""]
    out += [*_table(tables.KINETICS, tables.kinetics(verdict, store, words), words), ""]
    out += [words.key("credibility.kinetic.bound"), ""]
    out += [*_by_hand(words)]
    return "\n".join(out).rstrip("\n") + "\n"


def _by_hand(words: Words) -> Iterator[str]:
    """How the misses are read and which hold-outs are not clean: written by hand, without a number of a prediction."""
    for part in ("reading", "unclean"):
        keys = (f"credibility.page.{part}-{i}" for i in itertools.count(1))
        yield from (f"## {words.key(f'credibility.page.{part}')}", "", words.key(f"credibility.page.{part}-intro"), "")
        yield from (f"- {words.key(key)}" for key in itertools.takewhile(words.has, keys))
        yield ""
    yield from (f"## {words.key('credibility.page.apart')}", "", words.key("credibility.page.apart-text"), "")


def _beside(
    verdict: Mapping[str, Any], names: Mapping[str, Text], words: Words, pictures: Mapping[str, str]
) -> Iterator[str]:
    """The rules, the totals beside them, and what they come to."""
    yield from (f"## {words.key('credibility.page.beside')}", "", words.key("credibility.page.beside-intro"), "")
    yield from (tables.errors_told(words), "")
    fewest, apart = FEWEST, words.percent(APART, 0)
    for rule in RULES:
        means = words.key(f"credibility.rule-means.{rule.replace(' ', '-')}", fewest=fewest)
        yield f"- {words(figures.rule_name(rule))}: {means}"
    yield from ("", words.key("credibility.rule-means.like", fewest=fewest, apart=apart), "")
    yield from (*_table(tables.TOTALS, tables.totals(verdict, names, words), words), "")
    further = tables.totals(verdict, names, words, tables.STRETCHED)
    yield from (tables.stretched_told(words), "", *_table(tables.TOTALS, further, words), "")
    yield from (tables.own(verdict, names, words), "")
    yield from (*_picture(pictures, "totals"), *_picture(pictures, "row-scores"))
    yield from (words.key("credibility.row-scores-note", few=FEW), "")
    for sentence in tables.plainly(verdict, names, words):
        yield from (sentence, "")


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]], words: Words) -> list[str]:
    named = [words.key(f"credibility.head.{head}") for head in heads]
    return ["| " + " | ".join(line) + " |" for line in (named, ["---"] * len(heads), *rows)]


def _picture(pictures: Mapping[str, str], name: str) -> list[str]:
    return [f"![{name}]({pictures[name]})", ""] if name in pictures else []


def pictures_of(store: Store, folder: Path | None = None) -> dict[str, Figure]:
    """Every picture that the files of a calibration (the shipped ones, or those of a folder) can make, by name."""
    verdict, diagnostics = shipped_verdict(folder), shipped_diagnostics(folder)
    names = names_of(verdict, store)
    found: dict[str, Figure] = {
        "learnt": figures.learnt(posterior() if folder is None else read_posterior(folder / "posterior.yaml")),
        "hold-outs": figures.predicted_rows(verdict, names),
        "differences": figures.predicted_differences(verdict, names),
        "totals": figures.totals(verdict),
        "row-scores": figures.row_scores(verdict, names),
        "checks-fistula": figures.courses(shipped_checks(folder), "fistula"),
        "checks-cohorts": figures.courses(shipped_checks(folder), "cohorts"),
    }
    return found | ({"ranks": figures.ranks(diagnostics)} if "ranks" in diagnostics else {})


def save_pictures(made: Mapping[str, Figure], folder: Path, words: Words, *, png: bool = True) -> list[Path]:
    """Write the pictures as SVG, and as PNG where asked. Returns the files.

    Raises: StudyError naming a file that can't be written.
    """
    files = []
    for name, figure in made.items():
        files.append(write_text(folder / f"{name}.svg", draw(figure, words, name=name) + "\n"))
        if png:
            files.append(draw_png(figure, words, folder / f"{name}.png"))
    return files


def save(out: Path, store: Store, words: Words, folder: Path | None = None) -> list[Path]:
    """Write held-out-trials.md with its pictures to a folder. Returns the files, the page first."""
    made = pictures_of(store, folder)
    files = save_pictures(made, out, words)
    text = page(shipped_verdict(folder), store, words, {name: f"{name}.svg" for name in made})
    return [write_text(out / "held-out-trials.md", text), *files]
