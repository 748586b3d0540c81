"""Networks of treatments: metafor's numbers, consistency, two treatments as in pooling, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from metafor_reference import DATA, cases, near

from homing.ground.errors import StudyError
from homing.synthesis.effect import effect_of_counts
from homing.synthesis.effect_continuous import effect_of_means
from homing.synthesis.network import Contrasts, StudyArm, contrasts_of, fit_network
from homing.synthesis.pool import pool


def arms_of(name: str) -> list[StudyArm]:
    """The arms of a wide table of contrasts, each once."""
    data, found = DATA[name], {}
    for i, study in enumerate(data["study"]):
        for side in ("2", "1"):
            treatment, n = data[f"trt{side}"][i], data[f"n{side}"][i]
            if f"x{side}" in data:
                arm = StudyArm(str(study), treatment, n, data[f"x{side}"][i])
            else:
                arm = StudyArm(str(study), treatment, n, mean=data[f"m{side}"][i], sd=data[f"sd{side}"][i])
            found.setdefault((study, treatment), arm)
    return list(found.values())


def contrasts(name: str) -> Contrasts:
    if name.startswith("senn"):
        return contrasts_of(arms_of("senn2013_wide"), "mean-difference", "placebo")
    return contrasts_of(arms_of("hasselblad1998_wide"), "odds-ratio", "no_contact")


@pytest.mark.parametrize("case", cases("network"))
def test_networks_are_metafors(case: dict[str, Any]) -> None:
    value, given = case["value"], contrasts(case["id"])
    method: Any = "common" if case["id"].endswith("FE") else case["id"].split(".")[-1]
    found = fit_network(given, "placebo" if "senn" in case["id"] else "no_contact", method=method)
    order = [value["names"].index(t.replace(" ", ".")) for t in found.treatments[1:]]
    near(found.fit.estimate, np.array(value["beta"])[order], 1e-5, "effects", 1e-7)
    near(found.fit.standard_error, np.array(value["se"])[order], 1e-5, "errors")
    near(found.tau2, value.get("tau2", 0), 1e-4, "tau2")
    near([found.q, found.q_p], [value["QE"], value["QEp"]], 1e-7, "Q", 1e-30)
    if method != "common":
        near(found.fit.log_likelihood, value[f"ll.{method}"], 1e-7, "log-likelihood")


@pytest.mark.parametrize("name", ["senn2013", "hasselblad1998"])
def test_effects_are_consistent_through_every_third_treatment(name: str) -> None:
    found = fit_network(contrasts(name))
    e, s = found.effects, found.standard_errors
    n = len(found.treatments)
    for through in range(n):
        near(e, e[:, [through]] + e[[through], :], 0, "d_AB = d_AC - d_BC", 1e-10)
    near(e, -e.T, 0, "turned round", 1e-12)
    near(s, s.T, 1e-12, "errors", 1e-12)
    assert np.all(np.diag(s) == 0)
    assert np.mean(found.p_score) == pytest.approx(0.5) and found.p_score.min() >= 0 and found.p_score.max() <= 1
    one, other = found.treatments[1:3]
    middle, low, high = found.interval(one, other)
    assert low < middle < high and middle == e[1, 2]


def test_the_reference_is_a_matter_of_print() -> None:
    given = contrasts("senn2013")
    one, other = fit_network(given, "placebo"), fit_network(given, "metformin")
    back = [other.treatments.index(t) for t in one.treatments]
    near(other.effects[np.ix_(back, back)], one.effects, 1e-4, "effects", 1e-6)
    near(other.standard_errors[np.ix_(back, back)], one.standard_errors, 1e-4, "errors", 1e-6)
    assert other.reference == "metformin" and one.q == pytest.approx(other.q)
    assert one.inconsistency == pytest.approx(other.inconsistency, rel=1e-4)


@pytest.mark.parametrize("name", ["senn2013_wide", "hasselblad1998_wide"])
def test_the_order_of_arms_does_not_matter(name: str) -> None:
    arms, measure = arms_of(name), "mean-difference" if name.startswith("senn") else "odds-ratio"
    mixed = [arms[i] for i in np.random.default_rng(1).permutation(len(arms))]
    one, other = (fit_network(contrasts_of(a, measure), method="common") for a in (arms, mixed))  # type: ignore[arg-type]
    back = [other.treatments.index(t) for t in one.treatments]
    near(other.effects[np.ix_(back, back)], one.effects, 1e-6, "effects", 1e-9)
    near([other.q, other.inconsistency], [one.q, one.inconsistency], 1e-6, "tests")


def test_a_star_has_no_loop_to_be_inconsistent_however_its_studies_list_their_arms() -> None:
    arms = [StudyArm(*a) for a in (("1", "b", 100, 40), ("1", "a", 100, 30), ("3", "c", 100, 50), ("3", "a", 100, 30))]
    for second in ("ba", "ab"):  # a second study of a and b that finds more
        more = [StudyArm("2", t, 100, {"a": 30, "b": 60}[t]) for t in second]
        found = fit_network(contrasts_of([*arms, *more]), "a", method="common")
        assert found.inconsistency_df == 0 and math.isnan(found.inconsistency) and found.q > 3


def test_the_inconsistency_of_the_diabetes_network_is_what_netmeta_prints() -> None:
    """Q between designs 22.53 with 7 degrees of freedom, of 96.98 with 18 (decomp.design of Senn 2013)."""
    found = fit_network(contrasts("senn2013"), "placebo", method="common")
    assert (round(found.inconsistency, 2), found.inconsistency_df) == (22.53, 7)
    assert len(found.fit.residuals) - len(found.fit.names) == 18


def test_what_is_better_turns_the_certainties_round() -> None:
    given = contrasts("hasselblad1998")
    high, low = fit_network(given), fit_network(given, higher_is_better=False)
    near(high.p_score + low.p_score, np.ones(4), 1e-12, "P-scores")


two_arms = st.lists(
    st.tuples(st.integers(1, 19), st.integers(20, 40), st.integers(1, 19), st.integers(20, 40)), min_size=2, max_size=6
)


@settings(max_examples=20, deadline=None)
@given(two_arms, st.sampled_from(["REML", "ML", "common"]))
def test_a_network_of_two_treatments_is_pooling(rows: list[tuple[int, int, int, int]], method: Any) -> None:
    arms = [
        arm
        for i, (a, n1, c, n2) in enumerate(rows)
        for arm in (StudyArm(f"s{i}", "cells", n1, a), StudyArm(f"s{i}", "placebo", n2, c))
    ]
    for measure in ("odds-ratio", "risk-difference"):
        found = fit_network(contrasts_of(arms, measure, "placebo"), "placebo", method=method)  # type: ignore[arg-type]
        plain = pool(effect_of_counts(*zip(*rows, strict=True), measure), method, adjust="none")  # type: ignore[arg-type]
        assert found.tau2 == pytest.approx(plain.tau2, rel=1e-3, abs=1e-5)
        assert found.effects[1, 0] == pytest.approx(plain.estimate, rel=1e-3, abs=1e-4)
        assert found.standard_errors[1, 0] == pytest.approx(plain.standard_error, rel=1e-3, abs=1e-5)
        assert found.q == pytest.approx(plain.q, abs=1e-7) and math.isnan(found.inconsistency)
        assert found.studies == {("cells", "placebo"): len(rows)}


def test_means_of_two_treatments_are_pooled_as_their_differences() -> None:
    rows = [(5.0, 2.0, 30, 4.0, 2.1, 28), (6.0, 2.5, 40, 4.1, 2.2, 44), (4.4, 1.5, 25, 4.2, 1.9, 21)]
    arms = [
        arm
        for i, (m1, s1, n1, m2, s2, n2) in enumerate(rows)
        for arm in (StudyArm(f"s{i}", "b", n1, mean=m1, sd=s1), StudyArm(f"s{i}", "a", n2, mean=m2, sd=s2))
    ]
    found = fit_network(contrasts_of(arms, "mean-difference"), "a", method="common")
    plain = pool(effect_of_means(*zip(*rows, strict=True)), "common")
    near([found.effects[1, 0], found.standard_errors[1, 0]], [plain.estimate, plain.standard_error], 1e-9, "means")


def line(study: str, one: str, other: str, a: int = 8, c: int = 4) -> list[StudyArm]:
    return [StudyArm(study, one, 20, a), StudyArm(study, other, 20, c)]


def test_a_chain_has_the_sum_of_its_links_and_of_their_variances() -> None:
    arms = [*line("1", "b", "a"), *line("2", "c", "b", 9, 6)]
    found = fit_network(contrasts_of(arms, "risk-difference"), "a")
    links = effect_of_counts([8, 9], [20, 20], [4, 6], [20, 20])
    middle, _, _ = found.interval("c", "a")
    assert middle == pytest.approx(links.estimate.sum())
    assert found.standard_errors[found.treatments.index("c"), 0] == pytest.approx(links.variance.sum() ** 0.5)
    assert found.tau2 == 0 and any("can't be known" in note for note in found.notes)


def test_a_loop_that_disagrees_is_found_and_one_that_agrees_is_not() -> None:
    rows = {("b", "a"): (300, 200), ("c", "b"): (300, 200), ("c", "a"): (200, 300)}
    wrong = [StudyArm("".join(p), t, 1000, x) for p, xs in rows.items() for t, x in zip(p, xs, strict=True)]
    found = fit_network(contrasts_of(wrong), "a", method="common")
    assert found.inconsistency_df == 1 and found.inconsistency_p < 1e-6
    assert found.inconsistency == pytest.approx(found.q)  # one study a design: all that differs is inconsistency
    right = [StudyArm(s, t, 1000, {"a": 200, "b": 300, "c": 400}[t]) for s in ("ab", "bc", "ac") for t in s]
    found = fit_network(contrasts_of(right), "a", method="common")
    assert found.inconsistency == pytest.approx(0, abs=1e-9) and found.inconsistency_p == pytest.approx(1)


def test_a_study_of_three_arms_shares_the_variance_of_one() -> None:
    arms = [StudyArm("1", "a", 50, 10), StudyArm("1", "b", 50, 15), StudyArm("1", "c", 50, 20)]
    found = contrasts_of(arms, "risk-difference", "a")
    assert found.covariance[0, 1] == pytest.approx(0.2 * 0.8 / 50) and found.pair == (("b", "a"), ("c", "a"))
    other = contrasts_of(arms, "risk-difference", "c")
    one, two = (fit_network(c, "a", method="common") for c in (found, other))
    near(one.effects, two.effects, 1e-9, "the arm that others are set against", 1e-12)
    near(one.standard_errors, two.standard_errors, 1e-9, "errors", 1e-12)


def test_what_was_done_to_studies_is_noted() -> None:
    arms = [*line("1", "b", "a"), *line("2", "b", "a", 0, 4), *line("3", "b", "a", 0, 0), StudyArm("4", "b", 20, 3)]
    found = contrasts_of(arms)
    assert found.study == ("1", "2")
    said = " / ".join(fit_network(found).notes)
    for words in ("2: a half added", "3: the same in every patient", "4: one arm only"):
        assert words in said


@pytest.mark.parametrize(
    ("arms", "measure", "says"),
    [
        ([*line("1", "a", "a")], "odds-ratio", "1 has the treatment 'a' twice"),
        ([StudyArm("1", "a", 20), StudyArm("1", "b", 20, 3)], "odds-ratio", "1 needs events of n patients"),
        ([StudyArm("1", "a", 20, 21), StudyArm("1", "b", 20, 3)], "odds-ratio", "1 needs events of n patients"),
        ([StudyArm("1", "a", 20, mean=1), StudyArm("1", "b", 20, mean=1, sd=1)], "mean-difference", "needs a mean"),
        ([StudyArm("1", "a", 20, 2)], "odds-ratio", "there is no network"),
        ([*line("1", "a", "b"), *line("2", "c", "d")], "odds-ratio", "pieces that no study links: a, b; c, d"),
    ],
)
def test_what_is_no_network_is_refused(arms: list[StudyArm], measure: Any, says: str) -> None:
    with pytest.raises(StudyError, match=says):
        fit_network(contrasts_of(arms, measure))


def test_unknown_treatments_are_refused_with_the_nearest() -> None:
    given = contrasts_of([*line("1", "placebo", "cells"), *line("2", "placebo", "cells", 7, 5)])
    with pytest.raises(StudyError, match="Did you mean 'placebo'"):
        fit_network(given, "placbo")
    with pytest.raises(StudyError, match="Did you mean 'cells'"):
        fit_network(given).interval("cell", "placebo")
