"""What results that calibration never saw are called, in either language, from the evidence store."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from homing.answers.case import name_of
from homing.answers.content import Message, Text, Verbatim
from homing.evidence.store import Store


def called(store: Store, trial: str, arm: str, endpoint: str, week: float, how: str = "") -> Message:
    """What a held-out result is called; `how` is 'gained' where it is of those who came into remission later.

    An arm or endpoint that the store has no words for stands as the file of hold-outs has it.
    """
    of = store.trial(trial)
    terms = {**store.event_terms, **store.outcome_terms}
    values = {
        "trial": Verbatim(of.name),
        "arm": name_of(of.arms[arm].label) if arm in of.arms else Verbatim(arm),
        "endpoint": name_of(terms[endpoint]) if endpoint in terms else Verbatim(endpoint),
        "week": f"{week:g}",
    }
    row = Message("credibility.row", values)
    return Message("credibility.row.gained", {"row": row}) if how == "gained" else row


def names_of(verdict: Mapping[str, Any], store: Store) -> dict[str, Text]:
    """What each row of a file of hold-out scores is called, by key, and each difference, by name."""
    found: dict[str, Text] = {
        r["key"]: called(store, r["trial"], r["arm"], r["endpoint"], r["week"], r["as"]) for r in verdict["rows"]
    }
    for d in verdict["differences"]:
        of = {"trial": Verbatim(store.trial(d["trial"]).name), "week": f"{d['week']:g}"}
        found[d["name"]] = Message("credibility.pair", of)
    return found
