"""What simple rules say of hold-outs: only what they can, from calibration rows that are like them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.stats import beta

from homing.credibility import rules
from homing.credibility.rules import RULES, calibration_counts, told, what_rules_say
from homing.credibility.split import Count, count, rows_of
from homing.evidence.store import load_store

STORE = load_store()
DOMAINS = ("fistula", "relapse", "reset")
DRAWS, SEED = 20_000, 3
FIRST = "ADMIRE-CD-II, {}, combined-remission, week 24"
META, LAST, CONTROL = RULES


def held(domain: str) -> list[Count]:
    rows = [row for row in rows_of("holdout", domain).rows if row.output != "treatment-related-death"]
    return [count(STORE, row) for row in rows]


@pytest.fixture(scope="module")
def said() -> dict[str, dict[str, np.ndarray]]:
    found = {}
    for domain in DOMAINS:
        wanted = held(domain)
        found |= zip([c.row.key for c in wanted], what_rules_say(STORE, domain, wanted, SEED, DRAWS), strict=True)
    return found


def known(domain: str = "fistula") -> dict[str, Count]:
    return {c.row.key: c for c in told(calibration_counts(STORE, domain)) if c.row.since is None}


def repeats(drawn: np.ndarray, events: int, n: int) -> bool:
    exact = beta(events + 1, n - events + 1)
    return bool(abs(drawn.mean() - exact.mean()) < 5 * exact.std() / np.sqrt(DRAWS))


def test_the_last_trial_repeated_is_its_count_with_a_uniform_prior(said) -> None:
    """ADMIRE-CD is the last controlled one before 2020: 53 of 107 with cells, 36 of 105 without."""
    for arm, events, n in (("cells", 53, 107), ("placebo", 36, 105)):
        drawn, exact = said[FIRST.format(arm)][LAST], beta(events + 1, n - events + 1)
        assert drawn.mean() == pytest.approx(exact.mean(), abs=5 * exact.std() / np.sqrt(DRAWS))
        assert np.quantile(drawn, [0.05, 0.95]) == pytest.approx(exact.ppf([0.05, 0.95]), abs=0.004)


def test_chances_of_the_two_arms_of_the_last_trial_are_not_tied(said) -> None:
    cells, control = (said[FIRST.format(arm)][LAST] for arm in ("cells", "placebo"))
    assert abs(np.corrcoef(cells, control)[0, 1]) < 5 / np.sqrt(DRAWS)


def test_nothing_added_is_one_more_control_of_the_same_world(said) -> None:
    cells, control = (said[FIRST.format(arm)] for arm in ("cells", "placebo"))
    assert np.array_equal(cells[CONTROL], control[CONTROL])
    assert np.array_equal(control[CONTROL], control[META]), "of a control they are one rule"
    assert 2 / 6 < np.median(cells[CONTROL]) < 22 / 59, "between the controls of Molendijk and FATT-1"


def test_the_pooled_effect_is_added_to_the_control_of_the_same_world(said) -> None:
    """The odds of cells to control, on average between those of ADMIRE-CD, Molendijk and FATT-1."""
    cells, control = (said[FIRST.format(arm)][META] for arm in ("cells", "placebo"))
    ratios = np.log(cells / (1 - cells)) - np.log(control / (1 - control))
    each = [np.log(a / (n - a) * (m - b) / b) for a, n, b, m in ((53, 107, 36, 105), (9, 15, 2, 6), (51, 124, 22, 59))]
    assert min(each) < ratios.mean() < max(each)
    assert abs(np.corrcoef(ratios, control)[0, 1]) < 5 / np.sqrt(DRAWS)
    assert ratios.std() > np.std(each) / 3, "of one more trial, not of the mean of all"


def test_arms_of_one_trial_are_one_trial() -> None:
    wanted = next(c for c in held("fistula") if c.row.key == FIRST.format("cells"))
    found = {c.row.trial: (c.events, c.n) for c in rules._like(list(known().values()), wanted, control=False)}
    assert found["Molendijk-2015"] == (9, 15) and found["FATT-1"] == (51, 124)


def test_the_same_kind_of_cells_is_taken_where_there_is_some(said) -> None:
    """Darvadstrocel without control: the last allogeneic adipose cells, not Dietz's autologous ones of 2017."""
    for key in (
        "Darva-JP-3002, cells, combined-remission, week 24",
        "Darva-two-centres-2024, cells, combined-remission, week 24",
    ):
        assert repeats(said[key][LAST], 53, 107)
    assert repeats(said["Zhou-2020, cells, fistula-healing, week 26"][LAST], 51, 124), (
        "FATT-1, controlled and autologous"
    )
    assert repeats(said["Zhou-2020, surgery, fistula-healing, week 26"][LAST], 22, 59), "of the same trial"
    assert repeats(said["Reenaers-2023, cells, fistula-healing, week 48"][LAST], 58, 107), "marrow: any cells"


@pytest.mark.parametrize(
    ("key", "rules_that_speak"),
    [
        ("INSPIRE, cells, clinical-remission-fistula, week 52", set()),
        ("Darva-JP-3002, cells, combined-remission, week 52, gained", {LAST}),
        ("Reenaers-2023, cells, fistula-healing, week 12", set()),
        ("Garcia-Arranz-2020, cells, fistula-healing, week 16", set()),
        ("SPARE, combo, relapse, week 104", set()),
        ("SPARE, ifxstop, relapse, week 104", {META, LAST}),
        ("HSCT-international-2025, transplantation, endoscopic-remission, week 104", set()),
        ("ASTIC, transplantation, free-of-active-disease, week 52", set()),
        ("Lopez-Garcia-2017, transplantation, drug-free-remission, week 26", set()),
        ("Lopez-Garcia-2017, transplantation, drug-free-remission, week 52", {META, LAST}),
    ],
)
def test_a_rule_says_only_what_it_can(said, key: str, rules_that_speak: set[str]) -> None:
    """Another endpoint, another visit, cohorts that stop for those that go on, one trial to pool: nothing is said."""
    assert set(said[key]) == rules_that_speak


def test_stretched_a_rule_speaks_of_all_that_its_domain_has_rows_for_and_says_the_same_where_it_spoke(said) -> None:
    for domain in DOMAINS:
        wanted = held(domain)
        for c, each in zip(wanted, what_rules_say(STORE, domain, wanted, SEED, DRAWS, stretched=True), strict=True):
            alone = c.row.how in ("kept", "gained")  # ADMIRE-CD's are the only ones for a pool
            assert ({LAST} if alone else {META, LAST}) <= set(each), c.row.key
            assert all(np.array_equal(each[rule], drawn) for rule, drawn in said[c.row.key].items()), c.row.key


def test_every_row_that_is_read_is_of_the_endpoint_the_visit_and_the_side() -> None:
    for domain in DOMAINS:
        rows = told(calibration_counts(STORE, domain))
        for c in held(domain):
            for control in (False, True):
                for k in rules._like(rows, c, control=control):
                    assert abs(k.row.week - c.row.week) <= c.row.week / 4 and k.is_control == control
                    ends = {rules.ALIKE.get(e, e) for e in (k.row.endpoint, c.row.endpoint)}
                    assert len(ends) == 1 and k.row.since is None


def test_a_course_told_in_steps_is_put_together_with_greenwoods_variance() -> None:
    """Kennedy: 53 of 146 relapse in the first year and 15 of the 47 followed on; Kaplan and Meier by hand."""
    whole = known("relapse")["Kennedy-2016-withdrawal, stop, relapse, week 104"]
    free = 93 / 146 * 32 / 47
    variance = free**2 * (53 / (146 * 93) + 15 / (47 * 32))
    assert whole.n == pytest.approx(free * (1 - free) / variance, abs=0.5)
    assert whole.share == pytest.approx(1 - free, abs=0.5 / whole.n)


def test_a_step_alone_has_its_own_patients() -> None:
    """Put together with nothing lost before, a share is of as many as it was."""
    rows = calibration_counts(STORE, "reset")
    first = next(c for c in rows if c.row.trial == "Burt-2010" and c.row.since is None)
    later = next(c for c in rows if c.row.trial == "Burt-2010" and c.row.since == first.row.week)
    (whole,) = rules._put_together([replace(first, events=first.n), later])
    assert (whole.events, whole.n) == (later.events, later.n)


def test_who_kept_and_who_gained_are_all_at_the_later_visit() -> None:
    whole = known()["ADMIRE-CD, cells, combined-remission, week 52"]
    seen = next(o for o in STORE.outcomes("ADMIRE-CD", "combined-remission") if (o.arm, o.week) == ("cells", 52))
    assert (whole.events, whole.n) == (seen.events, seen.n)
