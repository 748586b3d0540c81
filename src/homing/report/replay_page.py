"""Replays in words: table cells, the page of all of them, and its files."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

from homing.credibility.replays.content import DIFFERENCE, SHARE, Compared, Replayed, Use
from homing.credibility.replays.read import USES
from homing.patients.scenario import scenario
from homing.report.figures.draw import draw, draw_png
from homing.report.files import write_text
from homing.report.replay_figures import figures
from homing.report.words import Words

HEADS = ("number", "printed", "against", "ours", "allowed", "verdict", "used")


def cells(row: Compared, words: Words) -> list[str]:
    """One row of the table, in the order of HEADS."""
    return [
        row.label[words.language],
        _printed(row, words),
        _against(row, words),
        _ours(row, words),
        _within(row, words),
        verdict(row, words),
        used(row.used_for, words),
    ]


def used(use: Use, words: Words) -> str:
    """What a number was used for, in words."""
    return words.key(f"replay.used.{use.replace(' ', '-')}")


def verdict(row: Compared, words: Words) -> str:
    """'agrees', 'agrees (too few patients to tell)' or 'misses'."""
    if not row.agrees:
        return words.key("replay.misses")
    return words.key("replay.agrees-weakly" if row.is_weak else "replay.agrees")


def remarks(found: Replayed, words: Words) -> Iterator[str]:
    """What is to be known beside the table: the sum, what it was used for, how far apart and why, sources."""
    language = words.language
    weak = sum(row.agrees and row.is_weak for row in found.rows)
    summary = words.key("replay.summary", agree=found.agreeing, all=len(found.rows))
    yield words.sentences(summary, words.key("replay.weak", weak=weak) if weak else "")
    count = {use: sum(row.used_for == use for row in found.rows) for use in USES}
    means = [
        words.key(f"replay.means.{use.replace(' ', '-')}", n=n, all=len(found.rows)) for use, n in count.items() if n
    ]
    yield words.sentences(*means, found.replay.used_because.get(language, ""))
    if found.replay.caveat:
        yield words.key("replay.caveat", caveat=found.replay.caveat[language])
    if any(row.derived for row in found.rows):
        yield words.key("replay.derived", what=_derived(found, words))
    if found.patients:
        counted = words.key("replay.counted", n=found.patients, seed=str(found.seed))
        yield words.sentences(counted, _scenario(found, words))
    reasons = dict.fromkeys(row.tolerance.because[language] for row in found.rows if row.tolerance is not None)
    yield words.key("replay.why", because=words.sentences(*reasons))
    if found.replay.note:
        yield words.key("replay.bear", note=found.replay.note[language])
    sources = dict.fromkeys(source for row in found.rows for source in row.sources)
    yield words.key("replay.sources", sources=words.listing([f"`{key}`" for key in sources]))


def page(results: Sequence[Replayed], words: Words, pictures: str = "") -> str:
    """All replays as one Markdown page; `pictures` is the folder of their SVG files as the page links to it."""
    rows = [row for found in results for row in found.rows]
    out = [f"# {words.key('replay.page.title')}", "", words.key("replay.page.intro"), ""]
    out += [words.key("replay.page.all", agree=sum(row.agrees for row in rows), all=len(rows)), ""]
    out += [*summary(rows, words), ""]
    for found in results:
        out += [f"## {found.replay.name[words.language]}", "", found.replay.what[words.language], ""]
        out += _line([words.key(f"replay.head.{head}") for head in HEADS]), _line(["---"] * len(HEADS))
        out += [_line(cells(row, words)) for row in found.rows]
        out += ["", *(f"- {remark}" for remark in remarks(found, words)), ""]
        for name, figure in zip(picture_names(found), figures(found), strict=True):
            out += [f"![{words(figure.title)}]({pictures}{name}.svg)", ""]
            out += [words(figure.note), ""] if figure.note else []
        out += [f"`homing replay {found.replay.key}`", ""]
    return "\n".join(out).rstrip("\n") + "\n"


def summary(rows: Sequence[Compared], words: Words) -> list[str]:
    """The lines of a table: by use, how many predictions of the model agree, and how much arithmetic."""
    heads = [words.key(key) for key in ("replay.head.used", "replay.page.predictions", "replay.page.arithmetic")]
    lines = [_line(heads), _line(["---"] * len(heads))]
    for use in USES:
        of = [row for row in rows if row.used_for == use]
        apart = [[row for row in of if row.is_arithmetic is arithmetic] for arithmetic in (False, True)]
        if of:
            lines.append(_line([used(use, words), *(_agreeing(each, words) for each in apart)]))
    return lines


def _agreeing(rows: Sequence[Compared], words: Words) -> str:
    if not rows:
        return words.key("replay.page.none")
    agree, weak = sum(row.agrees for row in rows), sum(row.agrees and row.is_weak for row in rows)
    if weak:
        return words.key("replay.page.of-weak", agree=agree, all=len(rows), weak=weak)
    return words.key("replay.page.of", agree=agree, all=len(rows))


def picture_names(found: Replayed) -> list[str]:
    """The names of the pictures of a replay, without ending, in the order of `figures`."""
    return [found.replay.key, *([f"{found.replay.key}-over-time"] if found.pictures else [])]


def save_pictures(results: Sequence[Replayed], folder: Path, words: Words, *, png: bool = True) -> list[Path]:
    """Write every picture as SVG, and as PNG where asked. Returns the files.

    Raises: StudyError naming a file that can't be written.
    """
    files = []
    for found in results:
        for name, figure in zip(picture_names(found), figures(found), strict=True):
            text = draw(figure, words, name=name)
            files.append(write_text(folder / f"{name}.svg", text + "\n"))
            if png:
                files.append(draw_png(figure, words, folder / f"{name}.png"))
    return files


def save(results: Sequence[Replayed], folder: Path, words: Words) -> list[Path]:
    """Write the page `replays.md` and the pictures it links to into a folder. Returns the files, the page first."""
    pictures = save_pictures(results, folder, words)
    return [write_text(folder / "replays.md", page(results, words)), *pictures]


def _line(texts: Sequence[str]) -> str:
    return "| " + " | ".join(texts) + " |"


def _scenario(found: Replayed, words: Words) -> str:
    if not found.scenario or not any(math.isfinite(row.ours_low) for row in found.rows):
        return ""
    return words.key("replay.scenario", scenario=scenario(found.scenario).name[words.language])


def _printed(row: Compared, words: Words) -> str:
    """What the source says; that it says nothing where it does; and what it says elsewhere of the same."""
    text = row.as_printed
    if not text:
        text = words.key("replay.from-counts" if row.unit == DIFFERENCE else "replay.not-printed")
    return words.key("replay.also-printed", printed=text, others=words.listing(row.also)) if row.also else text


def _against(row: Compared, words: Words) -> str:
    text = _number(row.against, row, words)
    if row.tolerance is not None and row.tolerance.kind == "as-printed":
        text = _within(row, words)
    if row.counts:
        text = words.key("replay.counts", number=text, counts=row.counts)
    elif row.unit not in _WITHOUT_UNIT:
        text = f"{text} {row.unit}"
    return words.key("replay.derived-mark", number=text) if row.derived else text


def _within(row: Compared, words: Words) -> str:
    return words.key("replay.within", low=_number(row.low, row, words), high=_number(row.high, row, words))


def _derived(found: Replayed, words: Words) -> str:
    """How the counts that aren't printed were got, the rows of one reason together."""
    reasons: dict[str, list[str]] = {}
    for row in found.rows:
        if row.derived:
            reasons.setdefault(row.derived, []).append(row.label[words.language])
    told = [words.key("replay.derived-of", label=words.listing(of), how=how) for how, of in reasons.items()]
    return words.sentences(*told)


def _ours(row: Compared, words: Words) -> str:
    text = _number(row.ours, row, words)
    if row.error:
        text = words.key("replay.error", value=text, error=_error(row, words))
    if math.isfinite(row.ours_low) and row.ours_high > row.ours_low:
        ends = {"low": _number(row.ours_low, row, words), "high": _number(row.ours_high, row, words)}
        text = words.key("replay.range", value=text, **ends)
    return text


#: Units that a reader has from the label already.
_WITHOUT_UNIT = ("risk-ratio", "odds-ratio", "risk-difference", "proportion")


def _number(x: float, row: Compared, words: Words) -> str:
    if row.unit == SHARE:
        return words.percent(x, 1)
    if row.unit == DIFFERENCE:
        return f"{100 * x:+.1f}".replace("-", "−")
    return words.number(x, 4)


def _error(row: Compared, words: Words) -> str:
    return f"{100 * row.error:.1f}" if row.unit in (SHARE, DIFFERENCE) else words.number(row.error, 2)
