"""How the model did on results that it was not given: the page, its tables and its pictures, in either language."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from homing.answers.content import Figure, Verbatim
from homing.credibility.calibration import fistula
from homing.credibility.rules import APART, FEWEST, RULES
from homing.credibility.shipped import shipped_checks, shipped_diagnostics, shipped_verdict
from homing.evidence.store import Store
from homing.patients.posterior import posterior, read_posterior
from homing.report import credibility_figures as figures
from homing.report.figures.draw import draw, draw_png
from homing.report.files import write_whole
from homing.report.numbers import fixed
from homing.report.words import Words

HEADS = ("held-out", "seen", "predicted", "interval", "inside", "log-score", "crps", "in-totals")
TOTALS = ("rule", "of", "trials", "homing", "the-rule", "difference", "without-one", "better")
KINETICS = ("kinetic", "seen", "predicted", "interval", "inside", "role")
_LEVELS = ("0.5", "0.8", "0.95")
#: The difference of ADMIRE-CD, which was known when the model was calibrated, and the first test.
BEFORE, FIRST = "ADMIRE-CD", "ADMIRE-CD II week 24"


def names_of(verdict: Mapping[str, Any], store: Store) -> dict[str, Verbatim]:
    """What each hold-out row is called, by key, each difference, by name, and each trial, by key."""
    both = Words("en"), Words("zh")
    found = {r["key"]: Verbatim(*(_called(r, store, words) for words in both)) for r in verdict["rows"]}
    for d in verdict["differences"]:
        of = {"trial": store.trial(d["trial"]).name, "week": f"{d['week']:g}"}
        key = f"credibility.pair.{d.get('domain', 'fistula')}"  # older files have those of fistulas alone
        found[d["name"]] = Verbatim(*(words.key(key, **of) for words in both))
    return found | {key: Verbatim(store.trial(key).name) for key in {r["trial"] for r in verdict["rows"]}}


def _called(r: Mapping[str, Any], store: Store, words: Words) -> str:
    language, trial = words.language, store.trial(r["trial"])
    arm = trial.arms[r["arm"]].label[language] if r["arm"] in trial.arms else r["arm"]
    endpoint = _endpoint(r, store, language)
    if r["as"] == "gained":
        endpoint = words.key("credibility.row.gained", endpoint=endpoint, week=f"{fistula.FIRST_VISIT:g}")
    return words.key("credibility.row", trial=trial.name, arm=arm, endpoint=endpoint, week=f"{r['week']:g}")


def _endpoint(r: Mapping[str, Any], store: Store, language: str) -> str:
    terms = {**store.event_terms, **store.outcome_terms}
    named = r.get("name") or terms.get(r["endpoint"])
    return str(named[language]) if named else str(r["endpoint"])


def table(verdict: Mapping[str, Any], names: Mapping[str, Verbatim], words: Words) -> list[list[str]]:
    """Every result and difference that the model predicted, cells in the order of HEADS."""
    rows = [_row(r, names, words) for r in figures.by_model(verdict)]
    for d in verdict["differences"]:
        s = d["scores"]["homing"]
        seen = words.key("number.points", number=_signed(s["observed"]))
        rows.append([words(names[d["name"]]), seen, *_scored(s, words, signed=True), _in_totals(d, words)])
    return rows


def from_older_series(verdict: Mapping[str, Any], names: Mapping[str, Verbatim], words: Words) -> list[list[str]]:
    """Results that are predicted by a pool of older series, not by the model; cells in the order of HEADS."""
    return [_row(r, names, words) for r in figures.by_model(verdict, wanted=False)]


def _row(r: Mapping[str, Any], names: Mapping[str, Verbatim], words: Words) -> list[str]:
    s = r["scores"]["homing"]
    share = words.percent(s["observed"], 1)
    seen = words.key("credibility.counted-of", events=f"{r['events']}", n=f"{r['n']}", share=share)
    return [words(names[r["key"]]), seen, *_scored(s, words, signed=False), _in_totals(r, words)]


def _in_totals(scored: Mapping[str, Any], words: Words) -> str:
    """What it weighs in totals, and why no more; older files don't say."""
    told = scored.get("in totals")
    if told is None:
        return words.key("number.missing")
    if not told["because"]:
        return words.key("number.yes")
    return words.key(f"credibility.in-totals.{told['because']}", weight=told["weight"])


def _scored(s: Mapping[str, Any], words: Words, *, signed: bool) -> list[str]:
    low, high = s["intervals"]["0.95"]
    ends = [_signed(x) if signed else words.percent(x, 1) for x in (s["predicted"], low, high)]
    span = words.key("credibility.range", low=ends[1], high=ends[2])
    return [ends[0], span, _inside(s, words), _log(s["log score"], 2), f"{s['crps']:.3f}"]


def _inside(s: Mapping[str, Any], words: Words) -> str:
    return " / ".join(words.key("number.yes" if s["inside"][level] else "number.no") for level in _LEVELS)


def _signed(share: float) -> str:
    return fixed(100 * share, 1, signed=True)


def coverage(verdict: Mapping[str, Any], words: Words) -> str:
    """How many results lie inside their interval, by level."""
    told = [
        words.key("credibility.covered-of", level=words.percent(float(level), 0), inside=inside, n=n)
        for level, (inside, n) in verdict["coverage"].items()
    ]
    return words.key("credibility.covered", levels=words.listing(told))


def own(verdict: Mapping[str, Any], words: Words) -> str:
    """Homing's own total, and what of it no rule speaks of; '' where older files don't say."""
    told = verdict.get("own")
    if told is None:
        return ""
    values = {"trials": told["trials"], "rows": told["rows"], "log": _log(told["log score"])}
    unsaid = told["no rule"]
    return words.key("credibility.own", **values, unsaid=_log(unsaid["log score"]), unsaid_rows=unsaid["rows"])


def totals(verdict: Mapping[str, Any], names: Mapping[str, Verbatim], words: Words) -> list[list[str]]:
    """Totals beside the rules, cells in the order of TOTALS."""
    rows = []
    for t in verdict["totals"]:
        named = {name: words(message) for name, message in figures.rule_and_domain(t).items()}
        better = words.key("credibility.is-better" if t["homing wins"] else "credibility.is-worse")
        logs = [_log(t["log score"][of]) for of in ("homing", "rule")]
        difference = _log(t.get("difference"), signed=True)
        trials = f"{t.get('trials', t['rows'])}"
        rows.append([named["rule"], named["domain"], trials, *logs, difference, _without_one(t, names, words), better])
    return rows


def _without_one(t: Mapping[str, Any], names: Mapping[str, Verbatim], words: Words) -> str:
    """The smallest and the largest difference with one trial left out."""
    ends = t.get("without one") or {}
    if not ends.get("smallest"):
        return words.key("number.missing")
    told = [
        words.key("credibility.without", x=_log(found["difference"], signed=True), trial=names[found["trial"]])
        for found in (ends["smallest"], ends["largest"])
    ]
    return words.key("credibility.range", low=told[0], high=told[1])


def _log(x: float | None, decimals: int = 1, *, signed: bool = False) -> str:
    return "−∞" if x is None else fixed(x, decimals, signed=signed)


def kinetics(verdict: Mapping[str, Any], store: Store, words: Words) -> list[list[str]]:
    """Kinetic hold-outs, cells in the order of KINETICS; none where the files are of before they were predicted."""
    rows = []
    for k in verdict.get("kinetics", ()):
        told = words.key(f"credibility.kinetic.{k['of']}", n=k["n"])
        name = words.key("credibility.kinetic.of", trial=store.trial(k["trial"]).name, what=told)
        seen = words.number(k["observed"])
        seen = words.key("credibility.kinetic.at-least", x=seen) if k["bound"] else seen
        low, high = (words.number(x) for x in k["intervals"]["0.95"])
        span = words.key("credibility.range", low=low, high=high)
        role = words.key(f"credibility.kinetic.role.{'bound' if k['bound'] else k['role']}")
        rows.append([name, seen, words.number(k["predicted"]), span, _inside(k, words), role])
    return rows


def plainly(verdict: Mapping[str, Any], names: Mapping[str, Verbatim], words: Words) -> Iterator[str]:
    """Where Homing is better than a rule, where it is worse, what of that rests on one trial, and what is outside."""
    nowhere = words.key("credibility.page.nowhere")
    for key, wins in (("better", True), ("worse", False)):
        found = [words(figures.total_name(t)) for t in verdict["totals"] if t["homing wins"] == wins]
        yield words.key(f"credibility.page.{key}", where=words.listing(found) or nowhere)
    resting = [
        words.key("credibility.rests-on", total=figures.total_name(t), trial=names[trial])
        for t in verdict["totals"]
        if (trial := _rests_on(t))
    ]
    yield words.key("credibility.page.rests", where=words.listing(resting) or nowhere)
    missed = [names[r["key"]] for r in figures.by_model(verdict) if not r["scores"]["homing"]["inside"]["0.95"]]
    missed += [names[d["name"]] for d in verdict["differences"] if not d["scores"]["homing"]["inside"]["0.95"]]
    told = words.listing([words(name) for name in missed])
    yield words.key("credibility.page.outside", where=told or words.key("credibility.page.none"))


def _rests_on(t: Mapping[str, Any]) -> str:
    """The trial without which the other would be the better of Homing and a rule; '' where there is none."""
    found = (t.get("without one") or {}).get("smallest" if t["homing wins"] else "largest")
    return str(found["trial"]) if found and (found["difference"] > 0) != t["homing wins"] else ""


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
    out += [coverage(verdict, words), "", words.key("credibility.page.in-totals"), ""]
    if rows := from_older_series(verdict, names, words):
        out += [f"## {words.key('credibility.page.older')}", "", words.key("credibility.page.older-intro"), ""]
        out += [*_table(HEADS, rows, words), ""]
    out += [*_beside(verdict, names, words, pictures)]
    if rows := kinetics(verdict, store, words):
        out += [f"## {words.key('credibility.page.kinetics')}", "", words.key("credibility.page.kinetics-intro"), ""]
        out += [*_table(KINETICS, rows, words), "", words.key("credibility.kinetic.bound"), ""]
    return "\n".join(out).rstrip("\n") + "\n"


def _beside(
    verdict: Mapping[str, Any], names: Mapping[str, Verbatim], words: Words, pictures: Mapping[str, str]
) -> Iterator[str]:
    """The rules, the totals beside them, and what they come to."""
    yield from (f"## {words.key('credibility.page.beside')}", "", words.key("credibility.page.beside-intro"), "")
    fewest, apart = FEWEST, words.percent(APART, 0)
    for rule in RULES:
        means = words.key(f"credibility.rule-means.{rule.replace(' ', '-')}", fewest=fewest)
        yield f"- {words(figures.rule_name(rule))}: {means}"
    yield from ("", words.key("credibility.rule-means.like", fewest=fewest, apart=apart), "")
    yield from (*_table(TOTALS, totals(verdict, names, words), words), "")
    if told := own(verdict, words):
        yield from (told, "")
    yield from (*_picture(pictures, "totals"), *_picture(pictures, "row-scores"))
    yield from (words.key("credibility.row-scores-note"), "")
    for sentence in plainly(verdict, names, words):
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
        "checks-fistula": figures.courses(shipped_checks(folder), "fistula"),
        "checks-cohorts": figures.courses(shipped_checks(folder), "cohorts"),
    }
    if "trials" in verdict:  # older files have no score of each
        found["row-scores"] = figures.row_scores(verdict, names)
    return found | ({"ranks": figures.ranks(diagnostics)} if "ranks" in diagnostics else {})


def save_pictures(made: Mapping[str, Figure], folder: Path, words: Words, *, png: bool = True) -> list[Path]:
    """Write the pictures as SVG, and as PNG where asked. Returns the files.

    Raises: StudyError naming a file that can't be written.
    """
    files = []
    for name, figure in made.items():
        files.append(_write(folder / f"{name}.svg", draw(figure, words, name=name) + "\n"))
        if png:
            files.append(draw_png(figure, words, folder / f"{name}.png"))
    return files


def save(out: Path, store: Store, words: Words, folder: Path | None = None) -> list[Path]:
    """Write held-out-trials.md with its pictures to a folder. Returns the files, the page first."""
    made = pictures_of(store, folder)
    files = save_pictures(made, out, words)
    text = page(shipped_verdict(folder), store, words, {name: f"{name}.svg" for name in made})
    return [_write(out / "held-out-trials.md", text), *files]


def _write(file: Path, text: str) -> Path:
    return write_whole(file, lambda half: half.write_text(text, encoding="utf-8"))
