"""How hold-outs are told in either language: what they are called, tables of them, and what they come to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from homing.answers.content import Text
from homing.credibility.rules import FEWEST
from homing.credibility.scoring import FEW
from homing.evidence.store import Store
from homing.report import credibility_figures as figures
from homing.report.numbers import fixed, significant
from homing.report.words import Words

HEADS = ("held-out", "seen", "predicted", "interval", "inside", "log-score", "crps", "in-totals")
TOTALS = ("rule", "of", "trials", "homing", "the-rule", "difference", "without-one", "better", "both-crps")
KINETICS = ("kinetic", "seen", "predicted", "interval", "inside", "role")
_LEVELS = ("0.5", "0.8", "0.95")
#: Totals beside rules that speak of what is unlike, too.
STRETCHED = "totals, rules stretched"
#: The difference of ADMIRE-CD, which was known when the model was calibrated, and the first test.
BEFORE, FIRST = "ADMIRE-CD", "ADMIRE-CD II week 24"


def table(verdict: Mapping[str, Any], names: Mapping[str, Text], words: Words) -> list[list[str]]:
    """Every result and difference that the model predicted, cells in the order of HEADS."""
    rows = [_row(r, names, words) for r in figures.by_model(verdict)]
    for d in verdict["differences"]:
        s = d["scores"]["homing"]
        seen = words.key("number.points", number=_signed(s["observed"]))
        rows.append([words(names[d["name"]]), seen, *_scored(s, words, signed=True), _in_totals(d, words)])
    return rows


def from_older_series(verdict: Mapping[str, Any], names: Mapping[str, Text], words: Words) -> list[list[str]]:
    """Results that are predicted by a pool of older series, not by the model; cells in the order of HEADS."""
    return [_row(r, names, words) for r in figures.by_model(verdict, wanted=False)]


def _row(r: Mapping[str, Any], names: Mapping[str, Text], words: Words) -> list[str]:
    s = r["scores"]["homing"]
    share = words.percent(s["observed"], 1)
    seen = words.key("credibility.counted-of", events=f"{r['events']}", n=f"{r['n']}", share=share)
    return [words(names[r["key"]]), seen, *_scored(s, words, signed=False), _in_totals(r, words)]


def _in_totals(scored: Mapping[str, Any], words: Words) -> str:
    """What it weighs in totals, and why no more."""
    told = scored["in totals"]
    if not told["because"]:
        return words.key("number.yes")
    return words.key(f"credibility.in-totals.{told['because']}", weight=told["weight"])


def _scored(s: Mapping[str, Any], words: Words, *, signed: bool) -> list[str]:
    low, high = s["intervals"]["0.95"]
    ends = [_signed(x) if signed else words.percent(x, 1) for x in (s["predicted"], low, high)]
    span = words.key("credibility.range", low=ends[1], high=ends[2])
    return [ends[0], span, _inside(s, words), fixed(s["log score"], 2), f"{s['crps']:.3f}"]


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


def own(verdict: Mapping[str, Any], names: Mapping[str, Text], words: Words) -> str:
    """Homing's own total, and what of it no rule speaks of, with their Monte Carlo errors."""
    told, unsaid = verdict["own"], verdict["own"]["no rule"]
    logs = [_with_error(each["log score"], each["log score error"], words) for each in (told, unsaid)]
    log = _few(logs[0], told, names, words)
    values = {"trials": told["trials"], "rows": told["rows"], "unsaid_rows": unsaid["rows"]}
    return words.key("credibility.own", **values, log=log, unsaid=logs[1])


def errors_told(words: Words) -> str:
    """What stands behind a plus-minus sign, and what few draws are."""
    return words.key("credibility.page.errors", few=FEW)


def stretched_told(words: Words) -> str:
    """What stretched rules take."""
    return words.key("credibility.page.stretched", fewest=FEWEST)


def totals(verdict: Mapping[str, Any], names: Mapping[str, Text], words: Words, of: str = "totals") -> list[list[str]]:
    """Totals beside the rules, cells in the order of TOTALS, or those of STRETCHED."""
    rows = []
    for t in verdict[of]:
        named = {name: words(message) for name, message in figures.rule_and_domain(t).items()}
        better = words.key("credibility.is-better" if t["homing wins"] else "credibility.is-worse")
        logs = [fixed(t["log score"][who], _decimals(t["difference error"])) for who in ("homing", "rule")]
        difference = _with_error(t["difference"], t["difference error"], words, signed=True)
        crps = words.key("credibility.both-crps", **{who: f"{t['crps'][who]:.3f}" for who in ("homing", "rule")})
        told = [*logs, _few(difference, t, names, words), _without_one(t, names, words), better, crps]
        rows.append([named["rule"], named["domain"], f"{t['trials']}", *told])
    return rows


def _with_error(x: float, error: float, words: Words, *, signed: bool = False) -> str:
    """A log score or a difference of two with its Monte Carlo error, no finer than it."""
    return words.key("credibility.with-error", x=fixed(x, _decimals(error), signed=signed), error=significant(error, 1))


def _decimals(error: float) -> int:
    """One, or none where the first digit of an error is before the point."""
    return 0 if float(f"{error:.1g}") >= 1 else 1


def _few(told: str, of: Mapping[str, Any], names: Mapping[str, Text], words: Words) -> str:
    """A log score, and the trials whose term few draws carry, where there are any."""
    few = [words(names[trial]) for trial in of["few draws"]]
    return words.key("credibility.few-draws", log=told, trials=words.listing(few)) if few else told


def _without_one(t: Mapping[str, Any], names: Mapping[str, Text], words: Words) -> str:
    """The smallest and the largest difference with one trial left out."""
    ends = t["without one"]
    if not ends["smallest"]:
        return words.key("number.missing")
    told = [
        words.key(
            "credibility.without",
            x=fixed(found["difference"], _decimals(t["difference error"]), signed=True),
            trial=names[found["trial"]],
        )
        for found in (ends["smallest"], ends["largest"])
    ]
    return words.key("credibility.range", low=told[0], high=told[1])


def kinetics(verdict: Mapping[str, Any], store: Store, words: Words) -> list[list[str]]:
    """Kinetic hold-outs, cells in the order of KINETICS."""
    rows = []
    for k in verdict["kinetics"]:
        told = words.key(f"credibility.kinetic.{k['of']}", n=k["n"])
        name = words.key("credibility.kinetic.of", trial=store.trial(k["trial"]).name, what=told)
        seen = words.number(k["observed"])
        seen = words.key("credibility.kinetic.at-least", x=seen) if k["bound"] else seen
        low, high = (words.number(x) for x in k["intervals"]["0.95"])
        span = words.key("credibility.range", low=low, high=high)
        role = words.key(f"credibility.kinetic.role.{'bound' if k['bound'] else k['role']}")
        rows.append([name, seen, words.number(k["predicted"]), span, _inside(k, words), role])
    return rows


def plainly(verdict: Mapping[str, Any], names: Mapping[str, Text], words: Words) -> Iterator[str]:
    """Where Homing is better than a rule and where worse, what of it rests on one trial or score, what is outside."""
    nowhere = words.key("credibility.page.nowhere")
    for key, wins in (("better", True), ("worse", False)):
        found = [words(figures.total_name(t)) for t in verdict["totals"] if t["homing wins"] == wins]
        yield words.key(f"credibility.page.{key}", where=words.listing(found) or nowhere)
    lost = [words(figures.total_name(t)) for t in verdict[STRETCHED] if not t["homing wins"]]
    yield words.key("credibility.page.worse-stretched", where=words.listing(lost) or nowhere)
    for key, of in (("", "totals"), ("-stretched", STRETCHED)):
        resting = [
            words.key("credibility.rests-on", total=figures.total_name(t), trial=names[trial])
            for t in verdict[of]
            if (trial := _rests_on(t))
        ]
        yield words.key(f"credibility.page.rests{key}", where=words.listing(resting) or nowhere)
        apart = [words(figures.total_name(t)) for t in verdict[of] if _crps_differs(t)]
        yield words.key(f"credibility.page.by-crps{key}", where=words.listing(apart) or nowhere)
    missed = [names[r["key"]] for r in figures.by_model(verdict) if not r["scores"]["homing"]["inside"]["0.95"]]
    missed += [names[d["name"]] for d in verdict["differences"] if not d["scores"]["homing"]["inside"]["0.95"]]
    told = words.key("credibility.separator").join(words(name) for name in missed)  # names have commas of their own
    yield words.key("credibility.page.outside", where=told or words.key("credibility.page.none"))


def _rests_on(t: Mapping[str, Any]) -> str:
    """The trial without which the other would be the better of Homing and a rule; '' where there is none."""
    found = t["without one"]["smallest" if t["homing wins"] else "largest"]
    return str(found["trial"]) if found and (found["difference"] > 0) != t["homing wins"] else ""


def _crps_differs(t: Mapping[str, Any]) -> bool:
    """Whether by CRPS, of which less is better, the other of Homing and a rule is the better one."""
    return bool((t["crps"]["homing"] < t["crps"]["rule"]) != t["homing wins"])


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
