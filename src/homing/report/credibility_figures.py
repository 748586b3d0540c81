"""Pictures of the calibration: what was learnt, what was predicted of other trials, whether the inference is right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from scipy.stats import binom

from homing.answers.content import Dots, Lines, Message, Panel, Series, Text, Verbatim
from homing.patients.posterior import Posterior

#: The level of intervals in the pictures, as the files name it.
LEVEL = "0.95"
#: A bin of a histogram of ranks is outside its band with this probability where the inference is right.
BAND = 0.01


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


def predicted_rows(verdict: Mapping[str, Any], names: Mapping[str, Text]) -> Dots:
    """Every hold-out row: what was seen, and what was predicted with its 95 % interval.

    Arguments: `names` what rows are called, by key.
    """
    rows = verdict["rows"]
    return _beside(
        [r["scores"]["homing"] for r in rows], [names[r["key"]] for r in rows], "credibility.rows", "credibility.share"
    )


def predicted_differences(verdict: Mapping[str, Any]) -> Dots:
    """Every difference, cells less control: what was seen, and what was predicted with its 95 % interval."""
    found = verdict["differences"]
    scores, names = [d["scores"]["homing"] for d in found], [Verbatim(d["name"]) for d in found]
    return _beside(scores, names, "credibility.differences", "credibility.difference", reference=0.0)


def _beside(
    scores: Sequence[Mapping[str, Any]], names: Sequence[Text], title: str, axis: str, reference: float | None = None
) -> Dots:
    nothing = float("nan")
    values = [[(s["observed"], nothing, nothing), (s["predicted"], *s["intervals"][LEVEL])] for s in scores]
    return Dots(
        title=Message(title),
        categories=names,
        groups=[Message("credibility.seen"), Message("credibility.predicted")],
        values=np.array(values),
        x_label=Message(axis),
        percent=True,
        reference=reference,
    )


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
        panels.append(Panel(Verbatim(name), series, *axes, y_range=(0.0, float(max(y.max(), high) * 1.1))))
    return Lines(Message("credibility.ranks", {"n": told["replicates"]}), panels)


def _name(both: Mapping[str, str]) -> Verbatim:
    return Verbatim(both["en"], both["zh"])
