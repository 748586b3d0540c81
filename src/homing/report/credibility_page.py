"""How the model did on results that it was not given: the page, its tables and its pictures, in either language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from homing.answers.content import Figure, Text
from homing.answers.held_out import names_of
from homing.credibility.shipped import shipped_checks, shipped_diagnostics, shipped_verdict
from homing.evidence.store import Store
from homing.patients.posterior import posterior, read_posterior
from homing.report import credibility_figures as figures
from homing.report.figures.draw import draw, draw_png
from homing.report.files import write_text
from homing.report.words import Words

HEADS = ("held-out", "seen", "predicted", "interval", "inside", "log-score", "crps")
TOTALS = ("rule", "of", "units", "homing", "the-rule", "better")
KINETICS = ("kinetic", "seen", "predicted", "interval", "inside", "role")
_LEVELS = ("0.5", "0.8", "0.95")
#: The difference of ADMIRE-CD, which was known when the model was calibrated, and the first test.
BEFORE, FIRST = "ADMIRE-CD", "ADMIRE-CD II week 24"


def table(verdict: Mapping[str, Any], names: Mapping[str, Text], words: Words) -> list[list[str]]:
    """Every result and difference, cells in the order of HEADS."""
    rows = []
    for r in verdict["rows"]:
        s = r["scores"]["homing"]
        share = words.percent(s["observed"], 1)
        seen = words.key("credibility.counted-of", events=f"{r['events']}", n=f"{r['n']}", share=share)
        rows.append([words(names[r["key"]]), seen, *_scored(s, words, signed=False)])
    for d in verdict["differences"]:
        s = d["scores"]["homing"]
        rows.append(
            [
                words(names[d["name"]]),
                words.key("credibility.points", x=_signed(s["observed"])),
                *_scored(s, words, signed=True),
            ]
        )
    return rows


def _scored(s: Mapping[str, Any], words: Words, *, signed: bool) -> list[str]:
    low, high = s["intervals"]["0.95"]
    ends = [_signed(x) if signed else words.percent(x, 1) for x in (s["predicted"], low, high)]
    log = "−∞" if s["log score"] is None else f"{s['log score']:.2f}".replace("-", "−")
    return [
        ends[0],
        words.key("credibility.range", low=ends[1], high=ends[2]),
        _inside(s, words),
        log,
        f"{s['crps']:.3f}",
    ]


def _inside(s: Mapping[str, Any], words: Words) -> str:
    return " / ".join(words.key("number.yes" if s["inside"][level] else "number.no") for level in _LEVELS)


def _signed(share: float) -> str:
    return f"{100 * share:+.1f}".replace("-", "−")


def coverage(verdict: Mapping[str, Any], words: Words) -> str:
    """How many results lie inside their interval, by level."""
    told = [
        words.key("credibility.covered-of", level=words.percent(float(level), 0), inside=inside, n=n)
        for level, (inside, n) in verdict["coverage"].items()
    ]
    return words.key("credibility.covered", levels=words.listing(told))


def totals(verdict: Mapping[str, Any], words: Words) -> list[list[str]]:
    """Totals beside the rules, cells in the order of TOTALS."""
    rows = []
    for t in verdict["totals"]:
        named = {name: words(message) for name, message in figures.rule_and_domain(t).items()}
        better = words.key("credibility.is-better" if t["homing wins"] else "credibility.is-worse")
        logs = [_log(t["log score"][of]) for of in ("homing", "rule")]
        rows.append([named["rule"], named["domain"], f"{t['rows']}", *logs, better])
    return rows


def _log(x: float | None) -> str:
    return "−∞" if x is None else f"{x:.1f}".replace("-", "−")


def kinetics(verdict: Mapping[str, Any], words: Words) -> list[list[str]]:
    """Kinetic hold-outs, cells in the order of KINETICS; none where the files are of before they were predicted."""
    rows = []
    for k in verdict.get("kinetics", ()):
        name = f"{k['trial']}: " + words.key(f"credibility.kinetic.{k['of']}", n=k["n"])
        seen = words.number(k["observed"])
        seen = words.key("credibility.kinetic.at-least", x=seen) if k["bound"] else seen
        low, high = (words.number(x) for x in k["intervals"]["0.95"])
        span = words.key("credibility.range", low=low, high=high)
        role = words.key(f"credibility.kinetic.role.{k['role']}")
        rows.append([name, seen, words.number(k["predicted"]), span, _inside(k, words), role])
    return rows


def plainly(verdict: Mapping[str, Any], names: Mapping[str, Text], words: Words) -> Iterator[str]:
    """Where Homing is better than a rule, where it is worse, and which results are outside its interval."""
    for key, wins in (("better", True), ("worse", False)):
        found = [
            words.key("credibility.rule-of", **figures.rule_and_domain(t), rows=t["rows"])
            for t in verdict["totals"]
            if t["homing wins"] == wins
        ]
        yield words.key(f"credibility.page.{key}", where=words.listing(found) or words.key("credibility.page.nowhere"))
    missed = [words(names[r["key"]]) for r in verdict["rows"] if not r["scores"]["homing"]["inside"]["0.95"]]
    missed += [words(names[d["name"]]) for d in verdict["differences"] if not d["scores"]["homing"]["inside"]["0.95"]]
    yield words.key("credibility.page.outside", where="; ".join(missed) or words.key("credibility.page.none"))


def first_test(verdict: Mapping[str, Any], store: Store, words: Words) -> str:
    """Whether the interval of ADMIRE-CD II's difference holds what was seen, and ADMIRE-CD's; '' without it."""
    s = next((d["scores"]["homing"] for d in verdict["differences"] if d["name"] == FIRST), None)
    if s is None:
        return ""
    shares = {o.arm: o.events / o.n for o in _week_24(store)}
    before = shares["cells"] - shares["placebo"]
    low, high = s["intervals"]["0.95"]
    numbers = {"predicted": s["predicted"], "low": low, "high": high, "seen": s["observed"], "before": before}
    return words.key(
        "credibility.page.first-said",
        **{name: _signed(x) for name, x in numbers.items()},
        holds=words.key("credibility.page." + ("holds" if s["inside"]["0.95"] else "misses")),
        excludes=words.key("credibility.page." + ("keeps" if low <= before <= high else "excludes")),
    )


def _week_24(store: Store) -> Sequence[Any]:
    outcomes = store.outcomes(BEFORE, "combined-remission")
    return [o for o in outcomes if o.week == 24 and o.events is not None and o.n and not o.contradicts]


def page(verdict: Mapping[str, Any], store: Store, words: Words, pictures: Mapping[str, str]) -> str:
    """The page as Markdown. Arguments: `pictures` links by the names of `pictures_of`."""
    names = names_of(verdict, store)
    out = [f"# {words.key('credibility.page.title')}", "", words.key("credibility.page.intro"), ""]
    first = first_test(verdict, store, words)
    if first:
        out += [f"## {words.key('credibility.page.first')}", "", first, ""]
    out += [*_picture(pictures, "differences"), f"## {words.key('credibility.page.every')}", ""]
    out += [*_picture(pictures, "hold-outs"), *_table(HEADS, table(verdict, names, words), words), ""]
    out += [coverage(verdict, words), "", f"## {words.key('credibility.page.beside')}", ""]
    out += [words.key("credibility.page.beside-intro"), ""]
    out += [f"- {words.key(f'credibility.rule.{r}')}: {words.key(f'credibility.rule-means.{r}')}" for r in _rules()]
    out += ["", *_table(TOTALS, totals(verdict, words), words), "", *_picture(pictures, "totals")]
    out += [*_picture(pictures, "row-scores"), words.key("credibility.row-scores-note"), ""]
    for sentence in plainly(verdict, names, words):
        out += [sentence, ""]
    if rows := kinetics(verdict, words):
        out += [f"## {words.key('credibility.page.kinetics')}", "", words.key("credibility.page.kinetics-intro"), ""]
        out += [*_table(KINETICS, rows, words), "", words.key("credibility.kinetic.bound"), ""]
    return "\n".join(out).rstrip("\n") + "\n"


def _rules() -> list[str]:
    return [rule.replace(" ", "-") for rule in figures.RULES]


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
