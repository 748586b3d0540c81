"""The rows that relapse, reset and kinetics are calibrated to or judged on: in the store, and none in both sets."""

from __future__ import annotations

import pytest

from homing.credibility.calibration import kinetics, relapse, reset
from homing.evidence.catalogue import entry
from homing.evidence.store import load_store

DOMAINS = ("relapse", "reset", "kinetics")
FILES = tuple(f"{domain}{part}" for domain in DOMAINS for part in ("", "-holdout"))
#: What is predicted elsewhere than by a domain's `simulate`.
OTHERS = {
    "relapse": relapse.outputs("continued"),
    "reset": ("treatment-related-death",),
    "kinetics": ("found-after-infusion", "found-after-injection", "longest-persistence", "b-cell-return"),
}
OUTPUTS = {"relapse": relapse.outputs(), "reset": reset.outputs(), "kinetics": kinetics.outputs()}
#: Outcomes that the source prints in 2020 or later, or that were never fitted to; not for calibration.
HELD_OUT = ("SPARE", "HSCT-international-2025", "Lopez-Garcia-2017", "ASTIC", "ASTIClite", "Ouboter-2023-kinetics")


def rows(file: str) -> list:
    return [(file, part.data) for part in entry("calibration", file).parts("rows")]


@pytest.mark.parametrize(("file", "row"), [each for file in FILES for each in rows(file)])
def test_a_row_is_in_the_store_and_stands_for_an_output(file: str, row: dict) -> None:
    store, whole = load_store(), entry("calibration", file).data
    trial = store.trial(row["trial"])
    if "what" in row:
        found = [k for k in trial.kinetics if (k.arm, k.what, k.day) == (row["arm"], row["what"], float(row["day"]))]
    else:
        for week in (row["week"], row.get("from", row["week"])):
            found = [
                o for o in trial.outcomes if (o.arm, o.endpoint, o.week) == (row["arm"], row["endpoint"], float(week))
            ]
            found += [
                e
                for e in trial.adverse_events
                if (e.arm, e.event, e.week) == (row["arm"], row["endpoint"], float(week))
            ]
            assert len(found) == 1
    assert len(found) == 1
    assert row["output"] in (*OUTPUTS[whole["domain"]], *OTHERS[whole["domain"]])
    assert row["as"] in ("binomial", "kaplan-meier", "kinetic") and row["because"]
    assert ("n" in row) <= ("how" in row), "an effective number says where it is from"
    if "from" in row:
        assert row["output"].endswith(f"-{row['from']}-to-{row['week']}")


@pytest.mark.parametrize("domain", DOMAINS)
def test_calibration_has_nothing_that_is_held_out(domain: str) -> None:
    store = load_store()
    fitted, held = (
        {(r["trial"], r["arm"], r.get("endpoint", r.get("what")), r.get("week", r.get("day"))) for _, r in rows(file)}
        for file in (domain, f"{domain}-holdout")
    )
    assert not fitted & held
    assert {entry("calibration", f).data["set"] for f in (domain, f"{domain}-holdout")} == {"calibration", "holdout"}
    for trial, *_ in fitted:
        assert trial not in HELD_OUT and int(store.trial(trial).year or 9999) < 2020


def test_chained_rows_multiply_to_the_printed_share() -> None:
    """Burt's yearly steps, each a share of those still free, end at the printed 19 %."""
    store, free = load_store(), 1.0
    shares = {o.week: o.share for o in store.outcomes("Burt-2010", "treatment-free")}
    for _, row in rows("reset"):
        if row["trial"] == "Burt-2010":
            free *= shares[float(row["week"])] / shares.get(float(row.get("from", "0")), 1.0)
    assert free == pytest.approx(0.19)
