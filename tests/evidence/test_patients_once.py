"""No patient is counted twice, whatever a trial reports of its arms together and apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from homing.cli.evidence.pictures import _counted
from homing.evidence.check import check_store
from homing.evidence.query import NetworkArm, network_arms, placebo_arms
from homing.evidence.records import LOOSE, Arm, Outcome, Pair, Question, Trial
from homing.evidence.store import Store, load_store
from homing.ground.errors import EvidenceError
from homing.synthesis.question import dose_trend, readings_over_time

STORE = load_store()
BOTH = {"en": "x", "zh": "x"}


def arm(key: str, n: int, treatment: str = "fmt", role: str = "candidate", **more: object) -> Arm:
    return Arm(key, {"en": key, "zh": key}, role, n, treatment=treatment, **more)  # type: ignore[arg-type]


def outcome(key: str, events: int, n: int, week: float = 8, endpoint: str = "mayo-remission") -> Outcome:
    return Outcome(key, endpoint, week, n, events, None, None, None, "itt", f"{events}/{n}", "s", "p")


def trial(key: str, arms: list[Arm], outcomes: list[Outcome], **more: object) -> Trial:
    design = {"design": BOTH, "randomised": True, "blinded": True, "phenotype": BOTH}
    whole = (
        {"name": key, "ids": {}, "year": 2020, "disease": "ulcerative-colitis", "adverse_events": ()} | design | more
    )
    return Trial(key, arms={a.key: a for a in arms}, outcomes=tuple(outcomes), **whole)  # type: ignore[arg-type]


def store(*trials: Trial, question: Question | None = None) -> Store:
    asked = {} if question is None else {"q": question}
    return replace(STORE, trials={t.key: t for t in trials}, questions=asked)


PLACEBO = arm("placebo", 10, "placebo", "control")
DOSES = [arm("all", 20), arm("low", 10, part_of=("all",), dose=1e6), arm("high", 10, part_of=("all",), dose=1e8)]
SUM = trial(
    "SUM",
    [*DOSES, PLACEBO],
    [outcome("all", 9, 20), outcome("low", 3, 10), outcome("high", 6, 10), outcome("placebo", 1, 10)],
)


def test_a_network_takes_a_sum_or_its_parts() -> None:
    found = network_arms(store(SUM), "ulcerative-colitis", "mayo-remission")
    assert NetworkArm("SUM", "fmt", 9, 20) in found.arms
    assert ("SUM, low", "its patients are those of other arms") in found.left_out
    parts = replace(SUM, outcomes=SUM.outcomes[1:])
    assert NetworkArm("SUM", "fmt", 9, 20) in network_arms(store(parts), "ulcerative-colitis", "mayo-remission").arms


def test_a_network_says_what_it_leaves_out() -> None:
    other = arm("other", 5, role="other")
    odd = replace(SUM, arms={**SUM.arms, "other": other}, outcomes=(*SUM.outcomes, outcome("other", 1, 5)))
    open_label = trial("OPEN", [arm("cells", 10)], [outcome("cells", 5, 10)], randomised=False)
    found = dict(network_arms(store(odd, open_label), "ulcerative-colitis", "mayo-remission").left_out)
    assert found["OPEN"] == "not randomised"
    assert "neither what is tested" in found["SUM, other"]


def test_a_trials_patients_are_those_of_its_arms_once() -> None:
    assert SUM.patients == 30
    assert {key: STORE.trial(key).patients for key in ("Moayyedi-2015", "Rossen-2015", "GRAVITI")} == {
        "Moayyedi-2015": 75,
        "Rossen-2015": 48,
        "GRAVITI": 347,
    }
    loose = arm("total", 30, role="other", note=LOOSE)
    assert replace(SUM, arms={**SUM.arms, "total": loose}).patients == 30


@pytest.mark.parametrize("named", ["earlier", "later"])
def test_shared_patients_are_known_whichever_of_both_says_so(named: str) -> None:
    first, second = (replace(SUM, key=k, year=y) for k, y in (("FIRST", 2019), ("SECOND", 2021)))
    if named == "earlier":
        second = replace(second, shares_patients_with=("FIRST",))
    else:
        first = replace(first, shares_patients_with=("SECOND",))
    both = store(first, second)
    assert both.share_patients("FIRST", "SECOND") and both.share_patients("SECOND", "FIRST")
    found = network_arms(both, "ulcerative-colitis", "mayo-remission")
    assert {a.study for a in found.arms} == {"FIRST"} and ("SECOND", "its patients are in FIRST") in found.left_out
    assert [c.trial.key for c in placebo_arms(both, "mayo-remission")] == ["FIRST"]


def pair(key: str, candidate: str, control: str = "placebo") -> Pair:
    return Pair(key, candidate, control, "mayo-remission", 8)


@pytest.mark.parametrize(
    ("trials", "pairs", "says"),
    [
        ([SUM], [pair("SUM", "low"), pair("SUM", "high")], "join its arms"),
        ([SUM], [pair("SUM", "all + low")], "twice"),
        (
            [SUM, replace(SUM, key="TWO", shares_patients_with=("SUM",))],
            [pair("SUM", "all"), pair("TWO", "all")],
            "same",
        ),
        (
            [replace(SUM, ids={"nct": "NCT00000001"}), replace(SUM, key="TWO", ids={"nct": "NCT00000001"})],
            [pair("SUM", "all"), pair("TWO", "all")],
            "are the same",
        ),
    ],
)
def test_a_question_that_holds_patients_twice_is_refused(trials: list[Trial], pairs: list[Pair], says: str) -> None:
    with pytest.raises(EvidenceError, match=says):
        store(*trials, question=Question("q", BOTH, BOTH, tuple(pairs), ())).comparisons("q")


def test_trials_of_other_patients_under_one_registration_may_be_pooled() -> None:
    one = replace(SUM, ids={"nct": "NCT00000001"}, registered_with=("TWO",))
    two = replace(SUM, key="TWO", ids={"nct": "NCT00000001"})
    question = Question("q", BOTH, BOTH, (pair("SUM", "all"), pair("TWO", "all")), ())
    assert len(store(one, two, question=question).comparisons("q")) == 2


def test_joined_arms_keep_their_own_doses() -> None:
    """Two trials of two doses each: the trend is the same whether the question joins the arms of one or not."""
    other = replace(SUM, key="OTHER")
    apart = (pair("SUM", "low", ""), pair("SUM", "high", ""), pair("OTHER", "low", ""), pair("OTHER", "high", ""))
    joined = (pair("SUM", "low + high", ""), *apart[2:])
    trends = []
    for singles in (apart, joined):
        both = store(SUM, other, question=Question("q", BOTH, BOTH, (), singles))
        trends.append(dose_trend(both.single_arms("q")))
    assert trends[0].slope == pytest.approx(trends[1].slope, abs=1e-9) and trends[0].slope > 0
    assert sorted(trends[1].doses.tolist()) == [1e6, 1e6, 1e8, 1e8]


def test_a_sum_is_read_over_time_through_its_parts() -> None:
    arms = {reading.arm for reading in readings_over_time(STORE, "perianal-fistula-msc")}
    assert {"Molendijk-2015/low", "Molendijk-2015/middle", "Molendijk-2015/high"} <= arms
    assert "Molendijk-2015/all" not in arms


def test_the_map_counts_arms_together_and_their_parts_once() -> None:
    assert _counted(SUM) == {("mayo-remission", "fmt"): 20}
    two = replace(SUM, outcomes=(outcome("low", 3, 10), outcome("high", 6, 9), outcome("high", 6, 10, 12)))
    assert _counted(two) == {("mayo-remission", "fmt"): 20}


def test_an_arm_that_may_be_a_sum_is_remarked() -> None:
    unsaid = replace(SUM, arms={key: replace(a, part_of=()) for key, a in SUM.arms.items()})

    def remarks(one: Trial) -> list[str]:
        of = replace(one, outcomes=())
        return [f.where for f in check_store(store(of)) if "say `part of`" in f.what]

    assert remarks(unsaid) == ["SUM, all"] and remarks(SUM) == []
