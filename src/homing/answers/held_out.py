"""What results that calibration never saw are called, in either language, from the evidence store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.answers.case import name_of
from homing.answers.content import Message, Text, Verbatim
from homing.credibility.calibration import fistula
from homing.evidence.store import Store


def called(
    store: Store, trial: str, arm: str, endpoint: str, week: float, how: str = "", name: Mapping[str, str] | None = None
) -> Message:
    """What a held-out result is called; `how` is 'gained' where it is of those who came into remission later.

    Arguments: `name` what the hold-out file calls the endpoint, before the store's words. An arm or endpoint that has
    none stands as the file of hold-outs has it.
    """
    of = store.trial(trial)
    terms = {**store.event_terms, **store.outcome_terms}
    known = name or terms.get(endpoint)
    what: Text = name_of(known) if known else Verbatim(endpoint)
    if how == "gained":
        what = Message("credibility.row.gained", {"endpoint": what, "week": f"{fistula.FIRST_VISIT:g}"})
    values = {
        "trial": Verbatim(of.name),
        "arm": name_of(of.arms[arm].label) if arm in of.arms else Verbatim(arm),
        "endpoint": what,
        "week": f"{week:g}",
    }
    return Message("credibility.row", values)


def names_of(verdict: Mapping[str, Any], store: Store) -> dict[str, Text]:
    """What is called what in a file of hold-out scores: each row and trial by key, each difference by name."""
    found: dict[str, Text] = {
        r["key"]: called(store, r["trial"], r["arm"], r["endpoint"], r["week"], r["as"], r.get("name"))
        for r in verdict["rows"]
    }
    for d in verdict["differences"]:
        of = {"trial": Verbatim(store.trial(d["trial"]).name), "week": f"{d['week']:g}"}
        found[d["name"]] = Message(f"credibility.pair.{d['domain']}", of)
    return found | {key: Verbatim(store.trial(key).name) for key in {r["trial"] for r in verdict["rows"]}}
