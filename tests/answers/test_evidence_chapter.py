"""Chapter 5 on questions of every kind: adverse events, arms added up."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

from homing.answers.content import Table, Verbatim
from homing.answers.q5_what_evidence import _question
from homing.evidence.records import Pair
from homing.evidence.store import load_store

STORE = load_store()
PRIMARY = SimpleNamespace(key="combined-remission", time=168.0)


def tables(compare: tuple[Pair, ...], alone: tuple[Pair, ...] = ()) -> list[Table]:
    question = replace(STORE.question("perianal-fistula-msc"), key="q", comparisons=compare, singles=alone)
    study = SimpleNamespace(evidence="q", scenarios=(), primary=PRIMARY)
    case: Any = SimpleNamespace(study=study, store=replace(STORE, questions={"q": question}))
    return [block for block in _question(case) if isinstance(block, Table)]


def cells(table: Table) -> list[str]:
    return [cell.text for row in table.rows for cell in row if isinstance(cell, Verbatim)]


def event_pair() -> Pair:
    trial = STORE.trial("ADMIRE-CD")
    event = next(e for e in trial.adverse_events if e.arm == "cells")
    return Pair("ADMIRE-CD", "cells", "placebo", event.event, event.week)


def test_a_question_on_adverse_events_is_told_by_the_words_of_events() -> None:
    pair = event_pair()
    word = STORE.event_terms[pair.endpoint]["en"]
    found = tables((pair,), (replace(pair, control=""),))
    assert sum(word in cells(table) for table in found) == 2


def test_arms_added_up_are_told_together() -> None:
    pair = Pair("Molendijk-2015", "low + middle + high", "placebo", "fistula-healing", 24.0)
    told = cells(tables((pair,))[0])
    assert "10 million cells + 30 million cells + 90 million cells" in told
