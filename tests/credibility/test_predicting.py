"""What simple rules say of hold-outs, and how predictions are scored and added up."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import beta, betabinom, binom

from homing.credibility import predicting
from homing.credibility.predicting import RULES, Predicted
from homing.credibility.scoring import HOMING, judge
from homing.credibility.split import Count, count, rows_of
from homing.evidence.store import load_store

STORE = load_store()
HELD = {row.key: count(STORE, row) for row in rows_of("holdout", "fistula").rows}
KNOWN = {row.key: count(STORE, row) for row in rows_of("calibration", "fistula").rows}
DRAWS, SEED = 20_000, 3
FIRST = "ADMIRE-CD-II, {}, combined-remission, week 24"


@pytest.fixture(scope="module")
def told() -> dict[str, dict[str, np.ndarray]]:
    found = predicting._fistula_rules(STORE, list(HELD.values()), SEED, DRAWS)
    return dict(zip(HELD, found, strict=True))


def test_the_last_trial_repeated_is_its_count_with_a_uniform_prior(told) -> None:
    """ADMIRE-CD is the last controlled one before 2020: 53 of 107 with cells, 36 of 105 without."""
    for arm, events, n in (("cells", 53, 107), ("placebo", 36, 105)):
        drawn, exact = told[FIRST.format(arm)]["last trial"], beta(events + 1, n - events + 1)
        assert drawn.mean() == pytest.approx(exact.mean(), abs=5 * exact.std() / np.sqrt(DRAWS))
        assert np.quantile(drawn, [0.05, 0.95]) == pytest.approx(exact.ppf([0.05, 0.95]), abs=0.004)


def test_chances_of_the_two_arms_of_the_last_trial_are_not_tied(told) -> None:
    cells, control = (told[FIRST.format(arm)]["last trial"] for arm in ("cells", "placebo"))
    assert abs(np.corrcoef(cells, control)[0, 1]) < 5 / np.sqrt(DRAWS)


def test_nothing_added_is_one_more_control_of_the_same_world(told) -> None:
    cells, control = (told[FIRST.format(arm)] for arm in ("cells", "placebo"))
    assert np.array_equal(cells["control"], control["control"])
    assert np.array_equal(control["control"], control["meta-analysis"]), "of a control they are one rule"
    found = [c for c in KNOWN.values() if c.is_control and c.row.how == "binomial"]
    lowest, highest = min(c.share for c in found), max(c.share for c in found)
    assert lowest < np.median(cells["control"]) < highest


def test_the_pooled_effect_is_added_to_the_control_of_the_same_world(told) -> None:
    """The odds of cells to control are the same in every such trial, on average those of the four trials before."""
    cells, control = (told[FIRST.format(arm)]["meta-analysis"] for arm in ("cells", "placebo"))
    ratios = np.log(cells / (1 - cells)) - np.log(control / (1 - control))
    each = [
        np.log(a.events / (a.n - a.events)) - np.log(b.events / (b.n - b.events))
        for a, b in predicting._controlled(list(KNOWN.values()))
    ]
    assert min(each) < ratios.mean() < max(each)
    assert abs(np.corrcoef(ratios, control)[0, 1]) < 5 / np.sqrt(DRAWS)
    assert ratios.std() > np.std(each) / 3, "of one more trial, not of the mean of all"


def test_a_rule_that_has_nothing_to_say_says_nothing(told) -> None:
    gained = told["Darva-JP-3002, cells, combined-remission, week 52, gained"]
    assert set(gained) == {"last trial"}, "one calibration arm came into remission later: it can't be pooled"
    assert all(set(each) <= set(RULES) for each in told.values())


def test_controlled_trials_are_those_with_both_arms_at_a_visit_and_cells_added_up() -> None:
    pairs = {a.row.trial: (a, b) for a, b in predicting._controlled(list(KNOWN.values()))}
    assert set(pairs) == {"ADMIRE-CD", "Molendijk-2015", "FATT-1", "Garcia-Olmo-2009"}
    cells, control = pairs["Molendijk-2015"]
    assert (cells.events, cells.n, control.events, control.n) == (9, 15, 2, 6)


def predicted(wanted: dict[str, Count], share: float, other: float, domain: str = "fistula") -> list[Predicted]:
    """Homing always says one share and each rule another."""
    rules = {rule: np.full(40, other) for rule in RULES}
    return [Predicted(c, domain, np.full(40, share), rules) for c in wanted.values()]


def test_a_row_is_scored_by_the_chance_of_its_count() -> None:
    verdict = judge(predicted(HELD, 0.5, 0.3))
    for row in verdict.rows:
        c = row.predicted.count
        assert row.scores[HOMING].log_score == pytest.approx(binom.logpmf(c.events, c.n, 0.5))
        assert row.scores["control"].log_score == pytest.approx(binom.logpmf(c.events, c.n, 0.3))
    inside, n = verdict.coverage(0.95)
    assert n == len(HELD) and inside == sum(
        binom.ppf(0.025, c.n, 0.5) <= c.events <= binom.ppf(0.975, c.n, 0.5) for c in HELD.values()
    )


def test_the_spread_of_draws_is_in_the_score() -> None:
    """Draws of a beta distribution make the count beta-binomial."""
    c = HELD["Darva-JP-3002, cells, combined-remission, week 24"]
    draws = beta(4, 3).ppf((np.arange(2000) + 0.5) / 2000)
    others = predicted({k: v for k, v in HELD.items() if k != c.row.key}, 0.5, 0.5)
    row = next(r for r in judge([*others, Predicted(c, "fistula", draws, {})]).rows if r.predicted.count is c)
    assert row.scores[HOMING].log_score == pytest.approx(betabinom.logpmf(c.events, c.n, 4, 3), abs=1e-3)
    exact = quad(lambda p: beta(4, 3).pdf(p) * binom.pmf(c.events, c.n, p), 0, 1)[0]
    assert row.scores[HOMING].log_score == pytest.approx(np.log(exact), abs=1e-3)


def test_totals_add_each_arm_once_and_pairs_together() -> None:
    relapse = {row.key: count(STORE, row) for row in rows_of("holdout", "relapse").rows}
    rows = [*predicted(HELD, 0.5, 0.3), *predicted(relapse, 0.2, 0.4, "relapse")]
    rows[-1] = replace(rows[-1], rules={})
    verdict = judge(rows)
    pairs = len(rows_of("holdout", "fistula").comparisons or {})
    for rule in RULES:
        total = {t.domain: t for t in verdict.totals if t.rule == rule}
        assert total["fistula"].rows == len(HELD) - pairs
        assert total["relapse"].rows == len(relapse) - 1, "where the rule says nothing Homing is not scored either"
        for mine, share in (("homing_log", 0.5), ("rule_log", 0.3)):
            exact = sum(binom.logpmf(c.events, c.n, share) for c in HELD.values())
            assert getattr(total["fistula"], mine) == pytest.approx(exact), "arms that don't depend on one another"
        whole = total[""]
        for name in ("rows", "homing_log", "rule_log", "homing_crps", "rule_crps"):
            parts = [getattr(total[d], name) for d in ("fistula", "relapse")]
            assert getattr(whole, name) == pytest.approx(sum(parts))
        assert whole.homing_wins == (whole.homing_log > whole.rule_log)


def test_the_difference_of_admire_cd_ii_is_that_of_its_counts() -> None:
    """138 of 283 less 132 of 285; its distribution by brute force over both counts."""
    verdict = judge(predicted(HELD, 0.5, 0.3))
    found = next(d for d in verdict.differences if d.name == "ADMIRE-CD II week 24")
    seen = found.scores[HOMING]
    assert seen.observed == pytest.approx(138 / 283 - 132 / 285)
    exact = binom.logpmf(138, 283, 0.5) + binom.logpmf(132, 285, 0.5)
    assert found.joint[HOMING] == pytest.approx(exact)
    a, b = np.arange(284) / 283, np.arange(286) / 285
    masses = np.outer(binom.pmf(np.arange(284), 283, 0.5), binom.pmf(np.arange(286), 285, 0.5)).ravel()
    values = (a[:, None] - b).ravel()
    order = np.argsort(values)
    cumulative = np.cumsum(masses[order])
    ends = [values[order][np.searchsorted(cumulative, p)] for p in (0.025, 0.975)]
    assert seen.intervals[0.95] == pytest.approx(tuple(ends), abs=1e-6)
    assert seen.inside[0.95] and seen.mean == pytest.approx(0, abs=1e-9)


def test_worlds_that_arms_share_make_the_difference_narrower() -> None:
    """The draws of both arms are taken row by row: what raises both raises no difference."""
    g = np.random.default_rng(1)
    world, apart = 0.2 + 0.6 * g.random(4000), 0.2 + 0.6 * g.random(4000)
    widths = []
    for control in (world, apart):
        rows = predicted(HELD, 0.5, 0.5)
        keys = [FIRST.format(arm) for arm in ("cells", "placebo")]
        draws = dict(zip(keys, (world, control), strict=True))
        verdict = judge([replace(p, draws=draws.get(p.count.row.key, p.draws)) for p in rows])
        low, high = verdict.differences[0].scores[HOMING].intervals[0.95]
        widths.append(high - low)
    assert widths[0] < 0.2 < widths[1]
