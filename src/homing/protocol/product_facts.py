"""What is known of a product beside its cells: status by region, release criteria, doses of trials, preparation.

    status:
      - region: eu
        standing: withdrawn
        on: 2024-12-13
        for: {en: complex perianal fistulas, zh: 复杂性肛周瘘}
        sources: [alofisel-eu-withdrawal-2024]
    release:
      - {test: viability, criterion: {en: at least 85 %, zh: 不低于85%}, sources: [some-2020]}
      - {test: potency, not-read: {en: looked for in the assessment report, zh: 已查评估报告}}
    doses: [{trial: Onken-2006, from: 2e6 cells/kg, to: 8e6 cells/kg}]

All raise EvidenceError with file, line and key for a faulty entry.
"""

from __future__ import annotations

import re
from typing import Any

from homing.evidence.catalogue import Entry, entry
from homing.ground.errors import EvidenceError, HomingError
from homing.ground.nearest import did_you_mean
from homing.ground.units import split_quantity
from homing.protocol.product import Criterion, StatedDose, Statement, Status

#: The fields of a product's entry that are read here.
FACTS = ("status", "release", "doses", "treatments", "prepare", "exploratory")
REGIONS = ("eu", "uk", "switzerland", "israel", "us", "canada", "japan", "china", "south-korea", "australia")
STANDINGS = (
    *("approved", "conditionally-approved", "withdrawn", "not-recommended", "in-trials", "stopped"),
    "not-seen",
)
#: Standings that date from a decision for an indication.
_DECIDED = ("approved", "conditionally-approved", "withdrawn")
TESTS = ("viability", "identity", "potency", "purity", "sterility", "count", "other")
#: What the release of every lot of cells asks; an entry says of each whether it was read.
ASKED = ("viability", "identity", "potency")
_DATE = re.compile(r"\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01]))?)?")
_YES_NO = {"yes": True, "no": False, "": False}


def read_facts(e: Entry) -> dict[str, Any]:
    """The fields of `Product` that this file's fields of an entry fill, by name."""
    return {
        "status": _status(e),
        "release": _release(e),
        "doses": tuple(_dose(p) for p in e.parts("doses")),
        "treatments": _treatments(e),
        "prepare": e.names_of("prepare", "procedures"),
        "exploratory": _YES_NO[e.one_of("exploratory", _YES_NO)],
    }


def read_statement(e: Entry) -> Statement:
    """A statement in both languages with its sources."""
    both = e.both_languages()
    return Statement(both["en"], both["zh"], e.sources())


def _status(e: Entry) -> tuple[Status, ...]:
    found = tuple(_one_status(p) for p in e.parts("status"))
    for i, status in enumerate(found):
        for later in found[i + 1 :]:
            if later.region == status.region and (
                later.on < status.on or "not-seen" in (status.standing, later.standing)
            ):
                raise EvidenceError(
                    f"'{status.region}' stands twice, and not from an earlier date to a later one. "
                    "Put them in the order of their dates, without 'not-seen'.",
                    e.part("status", i).where,
                )
    return found


def _one_status(e: Entry) -> Status:
    e.fields("region", "standing", "on", "for", "note", "sources", required=("region", "standing"))
    found = Status(
        region=e.one_of("region", REGIONS),
        standing=e.one_of("standing", STANDINGS),  # type: ignore[arg-type]
        on=e.text("on"),
        indication=e.both_languages("for") if "for" in e.data else {},
        note=e.both_languages("note") if "note" in e.data else {},
        sources=e.sources(),
    )
    if found.on and not _DATE.fullmatch(found.on):
        raise EvidenceError(f"'{found.on}' is no date. Write 2024-12-13, 2024-12 or 2024.", e.part("on").where)
    if found.standing == "not-seen":
        if found.on or found.sources or found.indication:
            raise EvidenceError("'not-seen' says that nothing was read: leave out date, indication, sources.", e.where)
    elif not found.sources:
        raise EvidenceError(f"'{found.standing}' needs `sources`, or is 'not-seen'.", e.where)
    elif found.standing in _DECIDED and not (found.on and found.indication):
        raise EvidenceError(f"'{found.standing}' needs the date (`on`) and what it is `for`.", e.where)
    return found


def _release(e: Entry) -> tuple[Criterion, ...]:
    found = []
    for p in e.parts("release"):
        p.fields("test", "criterion", "not-read", "sources", required=("test",))
        test, is_read = p.one_of("test", TESTS), "criterion" in p.data
        if is_read == ("not-read" in p.data):
            raise EvidenceError(
                "has either a `criterion` that was read or says what was looked for in `not-read`.", p.where
            )
        if is_read and not p.sources():
            raise EvidenceError("a criterion that was read needs `sources`.", p.where)
        found.append(Criterion(test, p.both_languages("criterion" if is_read else "not-read"), is_read, p.sources()))
    missing = [test for test in ASKED if found and test not in {c.test for c in found}]
    if missing:
        raise EvidenceError(
            f"says nothing of {', '.join(missing)}. Where no criterion was read, write `not-read`.",
            e.part("release").where,
        )
    return tuple(found)


def _dose(e: Entry) -> StatedDose:
    e.fields("trial", "from", "to", required=("trial", "from"))
    e.name_of("trial", "trials")
    found = StatedDose(e.text("trial"), e.text("from"), e.text("to") or e.text("from"))
    try:
        (low, unit), (high, other) = split_quantity(found.low), split_quantity(found.high)
    except HomingError as error:
        raise EvidenceError(error.message, e.where) from None
    if unit != other or low > high:
        raise EvidenceError(
            "runs from a lower to a higher dose in one unit, as '2e6 cells/kg' to '8e6 cells/kg'.", e.where
        )
    return found


def _treatments(e: Entry) -> tuple[str, ...]:
    found, known = e.texts("treatments"), entry("terms", "treatments").data
    for i, word in enumerate(found):
        if word not in known:
            raise EvidenceError(
                f"'{word}' is no treatment of the evidence. {did_you_mean(word, known)}", e.part("treatments", i).where
            )
    return found
