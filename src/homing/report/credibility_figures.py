"""Pictures of the calibration: what was learnt, what was predicted of other trials, whether the inference is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from scipy.stats import binom

from homing.answers.content import Dots, Estimate, Lines, Message, Panel, Series, Spans, Text, Verbatim
from homing.credibility.calibration import fistula
from homing.credibility.calibration.unknowns import unknowns
from homing.credibility.predictive_checks import DOSES
from homing.credibility.rules import RULES
from homing.credibility.scoring import FEW, HOMING
from homing.ground.proportions import exact_interval
from homing.patients.posterior import Posterior
from homing.report.figures.apart import set_apart

#: Levels of intervals in the pictures, as the files name them.
LEVELS = ("0.5", "0.8", "0.95")
#: Percentage points of a difference of shares.
POINTS = 100
#: A bin of a histogram of ranks is outside its band with this probability where the inference is right.
BAND = 0.01
#: Courses of cohorts, which stand in a picture of their own.
_COHORTS = ("relapse", "reset")


def learnt(found: Posterior) -> Dots:
    """Prior and posterior of every factor, with 95 % intervals, on a logarithmic axis."""
    rows = list(found.parameters.values())
    values = [[(s.median, s.low, s.high) for s in (p.prior, p.posterior)] for p in rows]
    return Dots(
        title=Message("credibility.learnt"),
        categories=[Message("credibility.factor", {"name": _name(p.name), "shrinkage": p.shrinkage}) for p in rows],
        groups=[Message("credibility.prior"), Message("credibility.posterior")],
        values=np.array(values),
        x_label=Message("credibility.factor-axis"),
        log=True,
        reference=1.0,
        note=Message("credibility.learnt-note"),
    )


def predicted_rows(verdict: Mapping[str, Any], names: Mapping[str, Text]) -> Spans:
    """Every hold-out row that the model predicted: what was seen, and the intervals of what was foretold.

    Arguments: `names` what rows are called, by key.
    """
    rows = by_model(verdict)
    return _spans(rows, [names[r["key"]] for r in rows], "credibility.rows", "credibility.share")


def by_model(verdict: Mapping[str, Any], *, wanted: bool = True) -> list[Mapping[str, Any]]:
    """The rows that the model predicted, or those that it didn't."""
    return [r for r in verdict["rows"] if r["counts"] == wanted]


def predicted_differences(verdict: Mapping[str, Any], names: Mapping[str, Text]) -> Spans:
    """Every difference of two arms, in percentage points: what was seen, and the intervals of what was predicted."""
    found = verdict["differences"]
    called = [names[d["name"]] for d in found]
    figure = _spans(found, called, "credibility.differences", "credibility.difference")
    return replace(figure, intervals=POINTS * figure.intervals, seen=POINTS * figure.seen, percent=False, reference=0.0)


def _spans(scored: Sequence[Mapping[str, Any]], names: Sequence[Text], title: str, axis: str) -> Spans:
    mine = [each["scores"][HOMING] for each in scored]
    return Spans(
        title=Message(title),
        categories=names,
        levels=[float(level) for level in LEVELS],
        intervals=np.array([[s["intervals"][level] for level in LEVELS] for s in mine]),
        seen=np.array([s["observed"] for s in mine]),
        x_label=Message(axis),
        percent=True,
    )


def totals(verdict: Mapping[str, Any]) -> Dots:
    """Total log scores of Homing and of each rule, on the results of which the rule says anything."""
    rows = verdict["totals"]
    values = [[_point(t["log score"][who]) for who in ("homing", "rule")] for t in rows]
    return Dots(
        title=Message("credibility.totals"),
        categories=[total_name(t) for t in rows],
        groups=[Message("credibility.rule.homing"), Message("credibility.head.the-rule")],
        values=np.array(values),
        x_label=Message("credibility.log-axis"),
        note=Message("credibility.totals-note"),
    )


def total_name(total: Mapping[str, Any]) -> Message:
    """What a total is called: its rule, the kind of results, and of how many trials."""
    values = {**rule_and_domain(total), "trials": total["trials"]}
    return Message("credibility.rule-of", values)


def rule_and_domain(total: Mapping[str, Any]) -> dict[str, Message]:
    """What a rule and the kind of results of a total are called."""
    return {"rule": rule_name(total["rule"]), "domain": Message(f"credibility.domain.{total['domain']}")}


def rule_name(rule: str) -> Message:
    """What a rule is called."""
    return Message(f"credibility.rule.{rule.replace(' ', '-')}")


def row_scores(verdict: Mapping[str, Any], names: Mapping[str, Text]) -> Dots:
    """Log score of Homing less that of each rule, for every trial of which a rule says anything.

    Arguments: `names` what trials are called, by key.
    """
    kept = [t for t in verdict["trials"] if t["beside"]]
    values = [
        [_point(t["beside"][rule]["difference"] if rule in t["beside"] else None) for rule in RULES] for t in kept
    ]
    return Dots(
        title=Message("credibility.row-scores"),
        categories=[_marked(names[t["trial"]], t["beside"]) for t in kept],
        groups=[Message("credibility.less", {"rule": rule_name(rule)}) for rule in RULES],
        values=np.array(values).reshape(len(kept), len(RULES), 3),
        x_label=Message("credibility.row-log-axis"),
        reference=0.0,
        note=Message("credibility.row-scores-note", {"few": FEW}),
    )


def _marked(name: Text, beside: Mapping[str, Any]) -> Text:
    """What a trial is called, marked where few draws carry its log score or a rule's."""
    few = any(b["few draws"] for b in beside.values())
    return Message("credibility.few-draws-of", {"trial": name}) if few else name


def _point(x: float | None) -> tuple[float, float, float]:
    nothing = float("nan")
    return (nothing if x is None else x, nothing, nothing)


def ranks(diagnostics: Mapping[str, Any]) -> Lines:
    """A histogram of ranks for every unknown, with the band within which a right inference keeps a bin."""
    told = diagnostics["ranks"]
    panels = []
    for name, counts in told["histograms"].items():
        bins = len(counts)
        low, high = binom.ppf([BAND / 2, 1 - BAND / 2], told["replicates"], 1 / bins)
        x, y = np.arange(bins, dtype=float), np.array(counts, dtype=float)
        expected = np.full(bins, told["replicates"] / bins)
        band = Series(Message("credibility.expected"), x, expected, np.full(bins, low), np.full(bins, high))
        series = [band, Series(Message("credibility.counted"), x, y, style="points", colour=1)]
        axes = Message("credibility.rank-axis"), Message("credibility.count-axis")
        panels.append(Panel(unknown_name(name), series, *axes, y_range=(0.0, float(max(y.max(), high) * 1.1))))
    return Lines(Message("credibility.ranks", {"n": told["replicates"]}), panels)


def unknown_name(key: str) -> Verbatim:
    """What an unknown of the fistula model is called; its key where it has no name."""
    known = unknowns(fistula.DOMAIN)
    found = {k: f.name for k, f in known.factors.items()} | {k: t.name for k, t in known.terms.items()}
    return _name(found[key]) if key in found else Verbatim(key)


def courses(checks: Mapping[str, Any], of: Literal["fistula", "cohorts"]) -> Lines:
    """What calibration trials saw, beside cohorts simulated at draws of the posterior: over time and by dose."""
    shown = [c for c in checks["courses"] if (c["key"] in _COHORTS) == (of == "cohorts")]
    shown += [checks["doses"]] if of == "fistula" else []
    trials = list(dict.fromkeys(s["trial"] for c in shown for s in c["seen"]))
    values = {"draws": checks["draws"], "patients": checks["patients"]}
    panels = [_course(c, trials) for c in shown]
    note = Message("credibility.checks-note", values)
    own = [
        s["trial"] for c in shown for s in c["seen"] if fistula.READ_AS.get(s["endpoint"]) not in (None, s["endpoint"])
    ]
    if own:
        note = Message("credibility.checks-note-own", {"note": note, "trials": list(dict.fromkeys(own))})
    return Lines(Message(f"credibility.checks-{of}"), panels, note)


def _course(c: Mapping[str, Any], trials: Sequence[str]) -> Panel:
    by_dose = c["key"] == "dose"
    unit = 1e-6 if by_dose else 1.0
    x, low, middle, high = (np.array(c[name], dtype=float) for name in ("x", "low", "middle", "high"))
    series = [Series(Message("credibility.check.simulated"), unit * x, middle, low, high, colour=6)]
    here = [trial for trial in trials if any(s["trial"] == trial for s in c["seen"])]
    for trial in here:
        seen = [s for s in c["seen"] if s["trial"] == trial]
        at = np.array([unit * s["dose"] if by_dose else s["week"] for s in seen])
        ends = np.array([_exact(s) for s in seen])
        shares = np.array([s["share"] for s in seen])
        colour = trials.index(trial)
        series.append(Series(Verbatim(trial), at, shares, ends[:, 0], ends[:, 1], style="points", colour=colour))
    return Panel(
        Message(f"credibility.check.{c['key']}", {"of": _regimen(c["of"])}),
        set_apart(series),
        Message("credibility.check.dose-axis" if by_dose else "head.time-weeks"),
        Message("credibility.share"),
        y_range=(0.0, 1.0),
        percent=True,
    )


def _regimen(key: str) -> Message:
    if DOSES.get(key):
        return Message("credibility.regimen.cells", {"n": Estimate(DOSES[key], kind="cells", spread="none")})
    return Message("credibility.regimen.procedure")


def _exact(seen: Mapping[str, Any]) -> tuple[float, float]:
    """The exact interval of a reading of known size; its own share where the size is not known."""
    if not seen["n"]:
        return seen["share"], seen["share"]
    return exact_interval(round(seen["share"] * seen["n"]), seen["n"])


def _name(both: Mapping[str, str]) -> Verbatim:
    return Verbatim(both["en"], both["zh"])
