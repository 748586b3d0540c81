"""Which patients benefit from which? Gains in halves of the patients, and a rule that is judged in patients unseen."""

from __future__ import annotations

import numpy as np

from homing.answers.case import endpoint_name
from homing.answers.comparing.base import Comparison
from homing.answers.content import Block, Chapter, Dots, Estimate, Finding, Message, Table, Text
from homing.endpoints.definitions import endpoint
from homing.patients.covariates import OWN_UNITS
from homing.trials.subgroups import Half, halves, one_rule

#: Patients whose features are looked at, and the leading arms whose gains are.
PATIENTS, LEADING = 5000, 5
#: Rows of the table: the differences least likely by chance.
SHOWN = 12
#: What is read of a patient before anything is given.
READINGS = ("crp", "calprotectin", "cdai", "mayo", "pdai")


def answer(c: Comparison) -> Chapter:
    """Gains by what can be measured beforehand and by what can't yet, with all that was looked at counted."""
    measured, hidden = _features(c)
    n = len(next(iter(measured.values())))
    leading = _leading(c)
    gains = (c.average - c.average[c.reference])[leading][:, :n]
    found = halves(gains, measured | hidden, c.case.study.seed)
    found.sort(key=lambda half: (half.p, half.feature, half.gain))
    blocks: list[Block] = [_finding(c, found, leading, measured, hidden), _rule(c, measured, n)]
    if found:
        blocks += [_table(c, found, leading, measured), _figure(c, found, leading)]
    return Chapter(4, "which_patients", blocks, Message("compare.c4.certainty"), exploratory=True)


def _leading(c: Comparison) -> list[int]:
    shares = np.nanmean(c.average, axis=1)
    ranked = sorted(c.others, key=lambda i: (-round(float(shares[i]), 12), c.arms[i]))
    return c.first_alike(ranked)[:LEADING]


def _features(c: Comparison) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """What is measured of a patient beforehand, and what only the mechanism knows, each name to (patient,)."""
    population = c.case.simulator.population
    cohort = c.case.simulator.cohort(np.arange(min(PATIENTS, len(c.table.patients))))
    measured = {name: cohort.values[name] for name in ("age", "female", "weight") if name in cohort.values}
    run = c.case.simulator.run(cohort, c.case.control, c.case.scenario(), [0.0])
    fits = {"cdai": population.disease == "crohn", "mayo": population.disease != "crohn", "pdai": c.case.has_fistula}
    for key in READINGS:
        if fits.get(key, True) and endpoint(key).kind == "marker":
            measured[key] = run.outcome(key, 0.0)
    hidden = {name: column for name, column in cohort.values.items() if name not in ("age", "female", "weight")}
    return measured, hidden


def _name(feature: str) -> Text:
    if feature in READINGS:
        return endpoint_name(feature)
    if "." in feature:
        return Message(f"parameter.{feature}")
    return Message(f"compare.feature.{feature.replace('_', '-')}")


def _cut(c: Comparison, feature: str, cut: float) -> Estimate:
    """Where a feature divides the patients, in its unit."""
    if feature in READINGS:
        unit = endpoint(feature).unit
    elif "." in feature:
        unit = c.case.simulator.compiled.system.parameters[feature].unit
    else:
        unit = OWN_UNITS.get(feature, "1")
    return Estimate(cut, spread="none", unit="" if unit == "1" else unit)


def _finding(
    c: Comparison,
    found: list[Half],
    leading: list[int],
    measured: dict[str, np.ndarray],
    hidden: dict[str, np.ndarray],
) -> Finding:
    looked = {"tests": len(found), "features": len(measured) + len(hidden), "arms": len(leading)}
    sure = [half for half in found if half.p < 0.05]
    if not sure:
        return Finding(Message("compare.c4.none", looked), "assumed", ["run"], exploratory=True)
    seen = [half for half in sure if half.feature in measured]
    first = (seen or sure)[0]
    values = {
        **looked,
        "k": len(sure),
        "arm": c.name(leading[first.gain]),
        "feature": _name(first.feature),
        "low": Estimate(*first.low_gain, "points", spread="monte-carlo"),
        "high": Estimate(*first.high_gain, "points", spread="monte-carlo"),
        "cut": _cut(c, first.feature, first.cut),
        "p": Estimate(first.p, spread="none"),
    }
    key = "compare.c4.some" if seen else "compare.c4.only-hidden"
    return Finding(Message(key, values), "assumed", ["run"], exploratory=True)


def _rule(c: Comparison, measured: dict[str, np.ndarray], n: int) -> Finding:
    """One cut of one feature that can be measured, found in one half of the patients and judged in the other."""
    rule = one_rule(c.average[:, :n], measured, c.case.study.seed)
    values: dict[str, object] = {
        "for_all": c.name(rule.for_all),
        "searched": rule.searched,
        "judged": rule.judged,
        "gain": Estimate(*rule.gain, "points", spread="monte-carlo"),
    }
    if not rule.feature:
        return Finding(Message("compare.c4.no-rule", values), "assumed", ["run"], exploratory=True)
    values |= {
        "feature": _name(rule.feature),
        "cut": _cut(c, rule.feature, rule.cut),
        "above": c.name(rule.above),
        "below": c.name(rule.below),
        "share": Estimate(rule.share_above, kind="percent", spread="none"),
    }
    key = "compare.c4.rule" if rule.gain[1] > 0 else "compare.c4.rule-fails"
    return Finding(Message(key, values), "assumed", ["run"], exploratory=True)


def _table(c: Comparison, found: list[Half], leading: list[int], measured: dict[str, np.ndarray]) -> Table:
    rows: list[list[object]] = []
    for half in found[:SHOWN]:
        rows.append(
            [
                _name(half.feature),
                Message("compare.c4.measured" if half.feature in measured else "compare.c4.hidden"),
                c.name(leading[half.gain]),
                _cut(c, half.feature, half.cut),
                Estimate(*half.low_gain, "points", spread="monte-carlo"),
                Estimate(*half.high_gain, "points", spread="monte-carlo"),
                Estimate(*half.apart, "points", spread="monte-carlo"),
                Estimate(half.p, spread="none"),
            ]
        )
    heads = ("feature", "seen", "arm", "cut", "below", "above", "apart", "p")
    columns: list[Text] = [Message(f"compare.c4.h-{key}") for key in heads]
    note = Message("compare.c4.table-note", {"under": c.under, "control": c.name(c.reference)})
    return Table(Message("compare.c4.table", {"n": min(SHOWN, len(found)), "of": len(found)}), columns, rows, note)


def _figure(c: Comparison, found: list[Half], leading: list[int]) -> Dots:
    """The gain of the leading arm in both halves of every feature."""
    mine = sorted((half for half in found if half.gain == 0), key=lambda half: (half.p, half.feature))[:SHOWN]
    return Dots(
        Message("compare.c4.figure", {"arm": c.name(leading[0])}),
        [_name(half.feature) for half in mine],
        [Message("compare.c4.h-below"), Message("compare.c4.h-above")],
        np.array([[half.low_gain, half.high_gain] for half in mine]),
        Message("compare.c4.axis", {"control": c.name(c.reference)}),
        percent=True,
        reference=0.0,
        note=Message("compare.c4.figure-note"),
    )
